"""What operators do with the outbox of facts: `python -m SERVICE outbox list | replay TOPIC`.

A topic that was lost is told again from the rows that stayed: they are marked as not published, and the service's own relay publishes
them as it does any fact, in the order in which they were written, before what is written later. Whoever has heard them knows them by their
ids and versions, so that they are duplicates and nothing else.
"""

import argparse
from collections.abc import Sequence

import sqlalchemy as sa

from chassis.parked import NotPossible
from chassis.tables import outbox_event
from chassis.transaction import Runtime, Transaction, run


def read_words(program: str, words: Sequence[str]) -> argparse.Namespace:
    """The command line after `outbox`. Wrong words end the process with the usage."""
    parser = argparse.ArgumentParser(prog=f"{program} outbox", description="Facts that this service has told")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="by topic: how many were told, and how many wait to be published")
    replay = actions.add_parser("replay", help="publish every fact of a topic again, because the topic was lost")
    replay.add_argument("topic")
    return parser.parse_args(words)


async def obey(runtime: Runtime, words: argparse.Namespace) -> str:
    """Do what the operator asked and say what came of it. Errors: NotPossible."""
    if words.action == "list":
        return await _listed(runtime)
    return await replay(runtime, words.topic)


async def _listed(runtime: Runtime) -> str:
    table = outbox_event.c
    waits = sa.func.count().filter(table.published_at.is_(None))
    told = sa.select(table.topic, sa.func.count().label("told"), waits.label("waits"), sa.func.max(table.again_at).label("again_at"))
    async with runtime.engine.connect() as connection:
        rows = (await connection.execute(told.group_by(table.topic).order_by(table.topic))).all()
    return "\n".join(_line(row) for row in rows) or "Nothing was told."


def _line(row: sa.Row[tuple[str, int, int, object]]) -> str:
    again = f", last replayed {row.again_at:%Y-%m-%d %H:%M:%S}Z" if row.again_at else ""
    return f"{row.topic}  {row.told} told, {row.waits} wait to be published{again}"


async def replay(runtime: Runtime, topic: str) -> str:
    """Have the relay publish every fact of the topic again. Errors: NotPossible where none was ever told there."""
    count = await run(runtime, lambda tx: _unmark(tx, topic))
    if not count:
        raise NotPossible(f"{runtime.name} has told nothing on {topic}.")
    return f"{count} facts of {topic} are published again by the running service. `outbox list` shows how many still wait."


async def _unmark(tx: Transaction, topic: str) -> int:
    rows = outbox_event.update().where(outbox_event.c.topic == topic)
    count = (await tx.connection.execute(rows.values(published_at=None, again_at=tx.now))).rowcount
    await tx.connection.execute(sa.text("NOTIFY outbox_event"))
    return count
