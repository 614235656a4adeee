"""What each person last had accepted, and each operator last did: a service's part in the review of access (domain.md 9)."""

import sqlalchemy as sa
from rentbook_contracts.operation import Nothing
from rentbook_contracts.people import OUTBOX_REPLAY, PARKED_DISCARD, PARKED_REPLAY, LastCommand, LastCommands

from chassis.tables import accepted_command, outbox_replay, parked
from chassis.transaction import SYSTEM, Transaction


async def last_commands(tx: Transaction, _: Nothing) -> LastCommands:
    """By person and command, for whoever answers for what others may do. The steps of stories, most of what is accepted, are nobody's."""
    return LastCommands(commands=(*await _of_people(tx), *await last_of_operators(tx)))


async def _of_people(tx: Transaction) -> tuple[LastCommand, ...]:
    by = (accepted_command.c.person, accepted_command.c.name)
    # Written out, not bound: only then is the index known to hold all that is asked for, whichever plan is kept.
    people = accepted_command.c.person != sa.literal_column("'system'")
    last = sa.select(*by, sa.func.max(accepted_command.c.accepted_at).label("at")).where(people)
    rows = await tx.connection.execute(last.group_by(*by).order_by(*by))
    return tuple(LastCommand(person=row.person, command=row.name, at=row.at) for row in rows)


async def last_of_operators(tx: Transaction) -> tuple[LastCommand, ...]:
    """By the name that they gave, and what they did. Whoever seconds a discard stands behind it as well."""
    discarded = parked.c.resolution == "discarded"
    acts = sa.union_all(
        sa.select(outbox_replay.c.by.label("by"), sa.literal(OUTBOX_REPLAY).label("act"), outbox_replay.c.at.label("at")),
        sa.select(parked.c.resolved_by, sa.literal(PARKED_REPLAY), parked.c.resolved_at).where(parked.c.resolution == "replayed"),
        sa.select(parked.c.resolved_by, sa.literal(PARKED_DISCARD), parked.c.resolved_at).where(discarded),
        sa.select(parked.c.seconded_by, sa.literal(PARKED_DISCARD), parked.c.resolved_at).where(discarded),
    ).subquery()
    by = (acts.c.by, acts.c.act)
    last = sa.select(*by, sa.func.max(acts.c.at).label("at")).where(acts.c.by != SYSTEM.person).group_by(*by).order_by(*by)
    return tuple(LastCommand(person=row.by, command=row.act, at=row.at) for row in await tx.connection.execute(last))
