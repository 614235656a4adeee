"""What operators do with parked events: `python -m SERVICE parked list | show ID | replay ID | discard ID`.

Replaying takes the key's events in the order of their versions, up to the first that still can't be taken; while one of the key waits, the
exit status is 1. Discarding takes two people and a reason, which stay with the row.
"""

import argparse
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from chassis.failpoint import reached
from chassis.inbox import Inbox, advance, heard_up_to, lock_key
from chassis.serving import App
from chassis.tables import parked
from chassis.transaction import Runtime, Transaction, run


class NotPossible(Exception):
    """What was asked can't be done; the words say why."""


class StillWaits(NotPossible):
    """Events of a key were replayed up to one that still can't be taken."""


def read_words(program: str, words: Sequence[str]) -> argparse.Namespace:
    """The command line after `parked`. Wrong words end the process with the usage."""
    parser = argparse.ArgumentParser(prog=f"{program} parked", description="Events that wait for an operator")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the events that wait, oldest first").add_argument(
        "--all", action="store_true", help="resolved ones too"
    )
    actions.add_parser("show", help="one event with its content and history").add_argument("id", type=int)
    replay = actions.add_parser("replay", help="take the events of this one's key in order; exit status 1 while one still waits")
    replay.add_argument("id", type=int)
    replay.add_argument("--by", required=True, help="who replays")
    discard = actions.add_parser("discard", help="never take this event")
    discard.add_argument("id", type=int)
    discard.add_argument("--by", required=True, help="who discards")
    discard.add_argument("--second", required=True, help="who agreed: another person")
    discard.add_argument("--reason", required=True, help="why")
    return parser.parse_args(words)


async def obey(runtime: Runtime, app: App, words: argparse.Namespace) -> str:
    """Do what the operator asked and say what came of it. Errors: NotPossible."""
    if words.action == "list":
        return await _listed(runtime, everything=words.all)
    if words.action == "show":
        return await _shown(runtime, words.id)
    if words.action == "replay":
        return await replay(runtime, app, words.id, by=words.by)
    return await discard(runtime, words.id, by=words.by, second=words.second, reason=words.reason)


async def waits_since(tx: Transaction, keys: Collection[str]) -> datetime | None:
    """When the first of the events of these keys that wait for an operator was parked, UTC; None where none waits."""
    first = sa.select(sa.func.min(parked.c.parked_at)).where(parked.c.key.in_(keys), parked.c.resolved_at.is_(None))
    since: datetime | None = (await tx.connection.execute(first)).scalar_one()
    return since


async def _listed(runtime: Runtime, *, everything: bool) -> str:
    rows = sa.select(parked).order_by(parked.c.id)
    if not everything:
        rows = rows.where(parked.c.resolved_at.is_(None))
    async with runtime.engine.connect() as connection:
        found = (await connection.execute(rows)).all()
    return "\n".join(_line(row) for row in found) or "No event is parked."


def _line(row: Any) -> str:
    state = "waits" if row.resolution is None else f"{row.resolution} by {row.resolved_by}{_agreed(row)}"
    version = f"v{row.aggregate_version}" if row.aggregate_version is not None else "no version"
    return f"{row.id}  {row.parked_at:%Y-%m-%d %H:%M:%S}Z  {row.topic}  {row.key}  {version}  {row.event_type}  {state}: {row.reason}"


def _agreed(row: Any) -> str:
    """Of a discarded event the second person and the reason."""
    return f" and {row.seconded_by} ({row.because})" if row.seconded_by is not None else ""


async def _shown(runtime: Runtime, number: int) -> str:
    row = await run(runtime, lambda tx: _one(tx, number), read_only=True)
    kept = {name: value for name, value in row._mapping.items() if name not in {"body", "payload_hash"}}
    return json.dumps({**kept, "body": bytes(row.body).decode(errors="backslashreplace")}, default=str, indent=2, ensure_ascii=False)


async def _one(tx: Transaction, number: int) -> Any:
    row = (await tx.connection.execute(sa.select(parked).where(parked.c.id == number))).first()
    if row is None:
        raise NotPossible(f"There is no parked event {number}.")
    return row


async def replay(runtime: Runtime, app: App, number: int, *, by: str) -> str:
    """Take the parked events of this one's key, in order. Errors: NotPossible; StillWaits where not all could be taken."""
    if not by.strip():
        raise NotPossible("Who replays has to be named.")
    row = await run(runtime, lambda tx: _one(tx, number), read_only=True)
    if row.resolved_at is not None:
        raise NotPossible(f"Event {number} was {row.resolution} at {row.resolved_at:%Y-%m-%d %H:%M:%S}Z by {row.resolved_by}.")
    taken = await Inbox(runtime, app).drain(row.topic, row.key, by=by.strip())
    still = sa.select(parked).where(parked.c.topic == row.topic, parked.c.key == row.key, parked.c.resolved_at.is_(None))
    async with runtime.engine.connect() as connection:
        waiting = (await connection.execute(still.order_by(parked.c.aggregate_version.asc().nulls_first(), parked.c.id))).all()
    if waiting:
        raise StillWaits(f"{taken} taken, {len(waiting)} still wait: {waiting[0].reason}")
    return f"{taken} taken. Nothing of the key waits any more."


async def discard(runtime: Runtime, number: int, *, by: str, second: str, reason: str) -> str:
    """Never take this event. The key stays parked until it is replayed. Errors: NotPossible."""
    if not by.strip() or not reason.strip() or not second.strip():
        raise NotPossible("Both names and the reason are needed.")
    if by.strip().casefold() == second.strip().casefold():
        raise NotPossible("Two different people discard an event.")
    await run(runtime, lambda tx: _discard(tx, number, by.strip(), second.strip(), reason.strip()))
    reached("discard.after-commit")
    return f"Event {number} is discarded. Replay the next of its key to go on."


async def _discard(tx: Transaction, number: int, by: str, second: str, reason: str) -> None:
    row = await _one(tx, number)
    await lock_key(tx, row.topic, row.key)
    row = await _one(tx, number)
    if row.resolved_at is not None:
        raise NotPossible(f"Event {number} was {row.resolution} already.")
    last = await heard_up_to(tx, row.topic, row.key)
    if row.aggregate_version is not None and row.aggregate_version > last + 1:
        raise NotPossible(f"Version {last + 1} of the key comes first: deal with that event, or have its publisher publish it again.")
    if row.aggregate_version == last + 1 and not await _comes_again(tx, row):
        await advance(tx, row.topic, row.key, row.aggregate_version)
    done = {"resolved_at": tx.now, "resolution": "discarded", "resolved_by": by, "seconded_by": second, "because": reason}
    await tx.connection.execute(parked.update().where(parked.c.id == number).values(done))
    reached("discard.before-commit")


async def _comes_again(tx: Transaction, row: Any) -> bool:
    """Whether this version waits with other content too: a spoilt copy is discarded, and the whole one is still to be taken."""
    others = sa.select(parked.c.id).where(
        parked.c.topic == row.topic,
        parked.c.key == row.key,
        parked.c.aggregate_version == row.aggregate_version,
        parked.c.payload_hash != row.payload_hash,
        parked.c.resolved_at.is_(None),
    )
    return (await tx.connection.execute(others.limit(1))).first() is not None
