"""What each person last had accepted: a service's part in the review of access (domain.md 9)."""

import sqlalchemy as sa
from rentbook_contracts.operation import BrokenRule, Nothing
from rentbook_contracts.people import REVIEWS_ACCESS, LastCommand, LastCommands

from chassis.tables import accepted_command
from chassis.transaction import Transaction


class NotAReviewer(BrokenRule):
    """Only whoever answers for what others may do is told what they did."""


async def last_commands(tx: Transaction, _: Nothing) -> LastCommands:
    """Errors: NotAReviewer."""
    may_review(tx)
    by = (accepted_command.c.person, accepted_command.c.name)
    rows = await tx.connection.execute(sa.select(*by, sa.func.max(accepted_command.c.accepted_at).label("at")).group_by(*by).order_by(*by))
    return LastCommands(commands=tuple(LastCommand(person=row.person, command=row.name, at=row.at) for row in rows))


def may_review(tx: Transaction) -> None:
    """Errors: NotAReviewer."""
    if not tx.caller.roles & REVIEWS_ACCESS:
        raise NotAReviewer("Who may do what is reviewed by auditors, the income manager and those above.")
