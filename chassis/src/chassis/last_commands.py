"""What each person last had accepted: a service's part in the review of access (domain.md 9)."""

import sqlalchemy as sa
from rentbook_contracts.operation import Nothing
from rentbook_contracts.people import LastCommand, LastCommands

from chassis.tables import accepted_command
from chassis.transaction import Transaction


async def last_commands(tx: Transaction, _: Nothing) -> LastCommands:
    """By person and command, for whoever answers for what others may do. The steps of stories, most of what is accepted, are nobody's."""
    by = (accepted_command.c.person, accepted_command.c.name)
    # Written out, not bound: only then is the index known to hold all that is asked for, whichever plan is kept.
    people = accepted_command.c.person != sa.literal_column("'system'")
    last = sa.select(*by, sa.func.max(accepted_command.c.accepted_at).label("at")).where(people)
    rows = await tx.connection.execute(last.group_by(*by).order_by(*by))
    return LastCommands(commands=tuple(LastCommand(person=row.person, command=row.name, at=row.at) for row in rows))
