"""What becomes of an event that came in: its inbox row, the use case's rows and its outbox rows commit together, once.

Events of one key are taken in the order of their versions, which have no gaps. One that can't be taken is parked, and everything later of
its key is parked behind it; nothing is ever skipped. One that came too early (a gap) is parked too, and goes on by itself once the missing
one arrives.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from opentelemetry.trace import SpanKind
from rentbook_contracts.operation import BrokenRule
from sqlalchemy.dialects.postgresql import insert

from chassis.faults import failed, may_pass
from chassis.records import Record, Unreadable, check_envelope, read_fact
from chassis.serving import App, Subscription
from chassis.tables import heard_version, inbox, parked
from chassis.transaction import Runtime, Transaction, run

log = logging.getLogger(__name__)

REASON_LIMIT_CHARACTERS = 500


class Heard(StrEnum):
    """What became of an event."""

    DONE = "done"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    PARKED = "parked"


class MustPark(Exception):
    """Why this event can't be taken, in words without its content."""


async def always_from_the_first() -> bool:
    return True


class Inbox:
    """Takes the events of a service's topics. The operator's replay and the live consumer share it."""

    def __init__(self, runtime: Runtime, app: App) -> None:
        self._runtime = runtime
        self._name = app.name
        self._subscriptions: dict[str, Subscription[Any]] = {each.fact.type: each for each in app.listens}
        self._stems = {(each.fact.topic, _stem(each.fact.type)) for each in app.listens}

    async def take(self, record: Record, *, whole_log: Callable[[], Awaitable[bool]] = always_from_the_first) -> Heard:
        """Take one live event. `whole_log` tells whether its partition still holds its first record.

        Errors: whatever the use case raised, other than a broken rule: nothing was kept, and it may be taken again.
        """
        started = perf_counter()
        with self._runtime.telemetry.span(
            f"hear {record.event_type}", kind=SpanKind.CONSUMER, carried=record.headers, topic=record.topic, offset=record.offset
        ):
            try:
                heard, drain = await run(self._runtime, lambda tx: self._take(tx, record, whole_log))
            except (MustPark, BrokenRule) as error:
                await self.park(record, _reason(error))
                heard, drain = Heard.PARKED, False
        self._runtime.telemetry.heard.labels(record.topic, heard).inc()
        self._runtime.telemetry.steps.labels("event", record.event_type or "", heard).observe(perf_counter() - started)
        if drain:
            await self.drain(record.topic, record.key, by="system")
        return heard

    async def _take(self, tx: Transaction, record: Record, whole_log: Callable[[], Awaitable[bool]]) -> tuple[Heard, bool]:
        await lock_key(tx, record.topic, record.key)
        waiting = await _waiting(tx, record.topic, record.key)
        if await self._is_repeated(tx, record):
            return Heard.DUPLICATE, bool(waiting)
        # Those that wait only because this one was missing do not stand before it.
        if any(row.aggregate_version is None or record.version is None or row.aggregate_version <= record.version for row in waiting):
            raise MustPark("an earlier event of the key is parked")
        return await self._work(tx, record, whole_log), bool(waiting)

    async def _is_repeated(self, tx: Transaction, record: Record) -> bool:
        """Whether it was taken or parked before. Errors: MustPark where the same id came with other content."""
        again = sa.select(parked.c.id).where(
            parked.c.topic == record.topic,
            parked.c.partition == record.partition,
            parked.c.record_offset == record.offset,
            parked.c.payload_hash == record.payload_hash,
        )
        if (await tx.connection.execute(again)).first() is not None:
            return True
        seen = sa.select(inbox.c.payload_hash).where(inbox.c.consumer == self._consumer(record), inbox.c.event_id == record.event_id)
        kept = (await tx.connection.execute(seen)).scalar()
        if kept is not None and bytes(kept) != record.payload_hash:
            raise MustPark("an event of the same id was heard with other content")
        return kept is not None

    async def _work(self, tx: Transaction, record: Record, whole_log: Callable[[], Awaitable[bool]]) -> Heard:
        try:
            check_envelope(record)
        except Unreadable as error:
            raise MustPark(str(error)) from None
        if not await self._is_next(tx, record, whole_log):
            return Heard.DUPLICATE
        subscription = self._subscriptions.get(record.event_type or "")
        if subscription is None or subscription.fact.topic != record.topic:
            if (record.topic, _stem(record.event_type or "")) in self._stems:
                raise MustPark(f"{record.event_type} is of a major version that is not understood here")
            return Heard.IGNORED
        try:
            fact = read_fact(record, subscription.fact)
        except Unreadable as error:
            raise MustPark(str(error)) from None
        row = {"consumer": self._consumer(record), "event_id": record.event_id, "payload_hash": record.payload_hash, "heard_at": tx.now}
        await tx.connection.execute(inbox.insert().values(row))
        await subscription.use_case(tx, fact)
        return Heard.DONE

    async def _is_next(self, tx: Transaction, record: Record, whole_log: Callable[[], Awaitable[bool]]) -> bool:
        """False for a repetition. Errors: MustPark where one is missing before it."""
        assert record.version is not None
        last = await heard_up_to(tx, record.topic, record.key)
        if record.version <= last:
            return False
        # A topic forgets its oldest records: whoever begins to listen later can't have heard them.
        if record.version != last + 1 and (last or await whole_log()):
            raise MustPark(f"version {last + 1} of the key is missing: version {record.version} came")
        await advance(tx, record.topic, record.key, record.version)
        return True

    def _consumer(self, record: Record) -> str:
        return f"{self._name}.{record.topic}"

    async def park(self, record: Record, reason: str) -> None:
        """Keep the event for an operator, so that its key waits and all others go on."""

        async def keep(tx: Transaction) -> bool:
            await lock_key(tx, record.topic, record.key)
            row = insert(parked).values(
                topic=record.topic,
                key=record.key,
                partition=record.partition,
                record_offset=record.offset,
                event_id=record.event_id,
                event_type=record.event_type,
                aggregate_version=record.version,
                headers=record.headers,
                body=record.body,
                payload_hash=record.payload_hash,
                reason=reason[:REASON_LIMIT_CHARACTERS],
                parked_at=tx.now,
            )
            done = await tx.connection.execute(row.on_conflict_do_nothing(constraint="a_record_is_parked_once"))
            return done.rowcount == 1

        if await run(self._runtime, keep):
            told = {"topic": record.topic, "key": record.key, "event_id": record.event_id, "event_type": record.event_type}
            log.error("an event was parked", extra={**told, "reason": reason})

    async def drain(self, topic: str, key: str, *, by: str) -> int:
        """Take the parked events of a key in the order of their versions, up to the first that still can't be; how many were taken.

        Errors: a fault outside the event, such as a database that is gone.
        """
        taken = 0
        while True:
            try:
                if not await run(self._runtime, lambda tx: self._take_parked(tx, topic, key, by)):
                    return taken
            except Exception as error:
                if may_pass(error):
                    raise
                await self._tell_why(topic, key, _reason(error))
                return taken
            taken += 1

    async def _tell_why(self, topic: str, key: str, reason: str) -> None:
        await run(self._runtime, lambda tx: _keep_reason(tx, topic, key, reason))

    async def _take_parked(self, tx: Transaction, topic: str, key: str, by: str) -> bool:
        await lock_key(tx, topic, key)
        waiting = await _waiting(tx, topic, key)
        if not waiting:
            return False
        record = as_record(waiting[0])
        with self._runtime.telemetry.span(
            f"replay {record.event_type}", kind=SpanKind.CONSUMER, carried=record.headers, topic=topic, offset=record.offset
        ):
            if record.version is None or not await self._was_heard(tx, record):
                await self._work(tx, record, always_from_the_first)
        done = {"resolved_at": tx.now, "resolution": "replayed", "resolved_by": by}
        await tx.connection.execute(parked.update().where(parked.c.id == waiting[0].id).values(done))
        return True

    async def _was_heard(self, tx: Transaction, record: Record) -> bool:
        seen = sa.select(inbox.c.payload_hash).where(inbox.c.consumer == self._consumer(record), inbox.c.event_id == record.event_id)
        kept = (await tx.connection.execute(seen)).scalar()
        if kept is not None and bytes(kept) != record.payload_hash:
            raise MustPark("an event of the same id was heard with other content")
        return kept is not None


async def lock_key(tx: Transaction, topic: str, key: str) -> None:
    """From here to the commit nobody else takes, parks, replays or discards events of this key."""
    await tx.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"{topic}\n{key}", 0))))


async def _waiting(tx: Transaction, topic: str, key: str) -> Sequence[Any]:
    rows = sa.select(parked).where(parked.c.topic == topic, parked.c.key == key, parked.c.resolved_at.is_(None))
    return (await tx.connection.execute(rows.order_by(parked.c.aggregate_version.asc().nulls_first(), parked.c.id))).all()


async def heard_up_to(tx: Transaction, topic: str, key: str) -> int:
    """The version of the key's last event that was taken, ignored or discarded; 0 before the first."""
    at = sa.select(heard_version.c.version).where(heard_version.c.topic == topic, heard_version.c.key == key)
    return int((await tx.connection.execute(at)).scalar() or 0)


async def advance(tx: Transaction, topic: str, key: str, version: int) -> None:
    """The key's next event is the one after `version`."""
    row = insert(heard_version).values(topic=topic, key=key, version=version)
    await tx.connection.execute(row.on_conflict_do_update(index_elements=["topic", "key"], set_={"version": version}))


async def _keep_reason(tx: Transaction, topic: str, key: str, reason: str) -> None:
    waiting = await _waiting(tx, topic, key)
    if waiting:
        await tx.connection.execute(parked.update().where(parked.c.id == waiting[0].id).values(reason=reason[:REASON_LIMIT_CHARACTERS]))


def as_record(row: Any) -> Record:
    """A parked row as the record that it was."""
    return Record(row.topic, row.key, row.partition, row.record_offset, dict(row.headers), bytes(row.body))


def _reason(error: Exception) -> str:
    if isinstance(error, BrokenRule):
        return f"{error.rule}: {error.message}"
    return str(error) if isinstance(error, MustPark) else failed(error)


def _stem(event_type: str) -> str:
    """The type without its major version."""
    return event_type.rpartition(".v")[0]
