"""What operators do with the outbox of facts: `python -m SERVICE outbox list | replay TOPIC --by NAME`.

A topic that was lost is told again from the rows that stayed: they are marked as not published, and the service's own relay publishes
them as it does any fact, in the order in which they were written, before what is written later. Whoever has heard them knows them by their
ids and versions, so that they are duplicates and nothing else. Who asked for it stays, and `outbox list` says so.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from chassis.parked import NotPossible
from chassis.tables import outbox_event, outbox_replay
from chassis.transaction import Runtime, Transaction, run


def read_words(program: str, words: Sequence[str]) -> argparse.Namespace:
    """The command line after `outbox`. Wrong words end the process with the usage."""
    parser = argparse.ArgumentParser(prog=f"{program} outbox", description="Facts that this service has told")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="by topic: how many were told, how many wait to be published, and who had it replayed")
    replay = actions.add_parser("replay", help="publish every fact of a topic again, because the topic was lost")
    replay.add_argument("topic")
    replay.add_argument("--by", required=True, help="who replays")
    return parser.parse_args(words)


async def obey(runtime: Runtime, words: argparse.Namespace) -> str:
    """Do what the operator asked and say what came of it. Errors: NotPossible."""
    if words.action == "list":
        return await _listed(runtime)
    return await replay(runtime, words.topic, by=words.by)


async def _listed(runtime: Runtime) -> str:
    table = outbox_event.c
    waits = sa.func.count().filter(table.published_at.is_(None))
    told = sa.select(table.topic, sa.func.count().label("told"), waits.label("waits"), sa.func.max(table.again_at).label("again_at"))
    replays: dict[str, list[str]] = defaultdict(list)
    async with runtime.engine.connect() as connection:
        rows = (await connection.execute(told.group_by(table.topic).order_by(table.topic))).all()
        for row in await connection.execute(sa.select(outbox_replay).order_by(outbox_replay.c.id)):
            replays[row.topic].append(f"  {row.at:%Y-%m-%d %H:%M:%S}Z  {row.facts} replayed by {row.by}")
    return "\n".join(line for row in rows for line in (_line(row), *replays[row.topic])) or "Nothing was told."


def _line(row: sa.Row[tuple[str, int, int, object]]) -> str:
    again = f", last replayed {row.again_at:%Y-%m-%d %H:%M:%S}Z" if row.again_at else ""
    return f"{row.topic}  {row.told} told, {row.waits} wait to be published{again}"


async def replay(runtime: Runtime, topic: str, *, by: str) -> str:
    """Have the relay publish every fact of the topic again. Errors: NotPossible where none was ever told there, or nobody is named."""
    if not by.strip():
        raise NotPossible("Who replays has to be named.")
    count = await run(runtime, lambda tx: _unmark(tx, topic, by.strip()))
    return f"{count} facts of {topic} are published again by the running service. `outbox list` shows how many still wait."


async def _unmark(tx: Transaction, topic: str, by: str) -> int:
    rows = outbox_event.update().where(outbox_event.c.topic == topic)
    count = (await tx.connection.execute(rows.values(published_at=None, again_at=tx.now))).rowcount
    if not count:
        raise NotPossible(f"{tx.runtime.name} has told nothing on {topic}.")
    await tx.connection.execute(outbox_replay.insert().values(topic=topic, facts=count, by=by, at=tx.now))
    await tx.connection.execute(sa.text("NOTIFY outbox_event"))
    return count
