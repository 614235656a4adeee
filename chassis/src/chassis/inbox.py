"""What becomes of an event that came in: its inbox row, the use case's rows and its outbox rows commit together, once.

Events of one key are taken in the order of their versions, which have no gaps. One that can't be taken is parked, and everything later of
its key is parked behind it; nothing is ever skipped. One that came too early (a gap) is parked too, and goes on by itself once the missing
one arrives.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from enum import StrEnum
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from opentelemetry.trace import Span, SpanKind
from rentbook_contracts.operation import BrokenRule
from sqlalchemy.dialects.postgresql import insert

from chassis.failpoint import reached
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
        with self._span("hear", record):
            heard, drain = await run(self._runtime, lambda tx: self._take(tx, record, whole_log))
            if heard is Heard.PARKED:
                reached("parking.after-commit")
            else:
                reached("inbox.after-commit")
        self._runtime.telemetry.heard.labels(record.topic, heard).inc()
        self._runtime.telemetry.steps.labels("event", record.event_type or "", heard).observe(perf_counter() - started)
        if drain:
            await self.drain(record.topic, record.key, by="system")
        return heard

    async def take_together(self, records: Sequence[Record]) -> None:
        """Take live events of one topic in their order, all in one transaction.

        Errors: whatever stands in the way of any of them: nothing was kept, and each is to be taken by itself.
        """
        started = perf_counter()
        heard = await run(self._runtime, lambda tx: self._take_together(tx, records))
        reached("inbox.after-commit")
        each_took = (perf_counter() - started) / len(records)
        for record, became in zip(records, heard, strict=True):
            self._runtime.telemetry.heard.labels(record.topic, became).inc()
            self._runtime.telemetry.steps.labels("event", record.event_type or "", became).observe(each_took)

    async def _take_together(self, tx: Transaction, records: Sequence[Record]) -> list[Heard]:
        topic, keys = records[0].topic, sorted({record.key for record in records})
        for record in records:
            check_envelope(record)
        await lock_keys(tx, topic, keys)
        if await _any_waits(tx, topic, keys):
            raise MustPark("a key of these is parked")
        before, known = await _versions(tx, topic, keys), await self._known(tx, records)
        versions = tx.heard[topic] = dict(before)
        await self._look_ahead(tx, [record for record in records if record.event_id not in known])
        heard = [await self._take_one_of(tx, record, versions, known) for record in records]
        rows = [self._row(tx, record) for record, became in zip(records, heard, strict=True) if became is Heard.DONE]
        if rows:
            await tx.connection.execute(inbox.insert(), rows)
        await _advance_all(tx, topic, {key: version for key, version in versions.items() if before.get(key) != version})
        reached("inbox.before-commit")
        return heard

    async def _take_one_of(self, tx: Transaction, record: Record, versions: dict[str, int], known: dict[str, bytes]) -> Heard:
        event, version = record.event_id or "", record.version or 0
        if known.get(event, record.payload_hash) != record.payload_hash:
            raise MustPark("an event of the same id was heard with other content")
        if event in known or version <= versions.get(record.key, 0):
            return Heard.DUPLICATE
        if version != versions.get(record.key, 0) + 1:
            raise MustPark("an earlier version of the key is missing")
        versions[record.key] = version
        subscription = self._listener(record)
        if subscription is None:
            return Heard.IGNORED
        known[event] = record.payload_hash
        with self._span("hear", record):
            await subscription.use_case(tx, read_fact(record, subscription.fact))
        return Heard.DONE

    async def _look_ahead(self, tx: Transaction, records: Sequence[Record]) -> None:
        together: dict[Callable[..., Awaitable[object]], list[Any]] = {}
        for record in records:
            subscription = self._listener(record)
            if subscription is not None and subscription.ahead is not None:
                together.setdefault(subscription.ahead, []).append(read_fact(record, subscription.fact))
        for ahead, facts in together.items():
            await ahead(tx, facts)

    async def _known(self, tx: Transaction, records: Sequence[Record]) -> dict[str, bytes]:
        events = [record.event_id for record in records]
        columns = sa.select(inbox.c.event_id, inbox.c.payload_hash)
        rows = await tx.connection.execute(columns.where(inbox.c.consumer == self._consumer(records[0]), inbox.c.event_id.in_(events)))
        return {row.event_id: bytes(row.payload_hash) for row in rows}

    def _span(self, verb: str, record: Record) -> AbstractContextManager[Span]:
        name = f"{verb} {record.event_type}"
        return self._runtime.telemetry.span(name, kind=SpanKind.CONSUMER, carried=record.headers, topic=record.topic, offset=record.offset)

    async def _take(self, tx: Transaction, record: Record, whole_log: Callable[[], Awaitable[bool]]) -> tuple[Heard, bool]:
        """What became of it, and whether others of its key may go on now."""
        await lock_key(tx, record.topic, record.key)
        waiting = await _waiting(tx, record.topic, record.key)
        try:
            if await self._is_repeated(tx, record):
                return Heard.DUPLICATE, bool(waiting)
            _none_stands_before(record, waiting)
            check_envelope(record)
            await _begin_with_the_log(tx, record, whole_log)
            async with tx.connection.begin_nested():
                heard = await self._work(tx, record)
        except (MustPark, Unreadable, BrokenRule) as error:
            # Judged and parked under one lock: whoever takes what it waits for finds it parked, or has gone before it.
            await _keep(tx, record, _reason(error))
            return Heard.PARKED, False
        reached("inbox.before-commit")
        return heard, bool(waiting)

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

    async def _work(self, tx: Transaction, record: Record) -> Heard:
        check_envelope(record)
        if not await _is_next(tx, record):
            return Heard.DUPLICATE
        subscription = self._listener(record)
        if subscription is None:
            return Heard.IGNORED
        fact = read_fact(record, subscription.fact)
        await tx.connection.execute(inbox.insert().values(self._row(tx, record)))
        await subscription.use_case(tx, fact)
        return Heard.DONE

    def _listener(self, record: Record) -> Subscription[Any] | None:
        """Who hears the record, if anyone does. Errors: MustPark for another major version of a type that is listened to."""
        subscription = self._subscriptions.get(record.event_type or "")
        if subscription is not None and subscription.fact.topic == record.topic:
            return subscription
        if (record.topic, _stem(record.event_type or "")) in self._stems:
            raise MustPark(f"{record.event_type} is of a major version that is not understood here")
        return None

    def _row(self, tx: Transaction, record: Record) -> dict[str, Any]:
        told = {"event_id": record.event_id, "payload_hash": record.payload_hash}
        return {"consumer": self._consumer(record), "heard_at": tx.now, **told}

    def _consumer(self, record: Record) -> str:
        return f"{self._name}.{record.topic}"

    async def park(self, record: Record, reason: str, *, whole_log: Callable[[], Awaitable[bool]] = always_from_the_first) -> None:
        """Keep the event for an operator, so that its key waits and all others go on. One that was taken meanwhile is not kept."""

        async def keep(tx: Transaction) -> None:
            await lock_key(tx, record.topic, record.key)
            with suppress(MustPark):  # the same id with other content is kept like any other
                if await self._is_repeated(tx, record):
                    return
            await _begin_with_the_log(tx, record, whole_log)
            await _keep(tx, record, reason)

        await run(self._runtime, keep)
        reached("parking.after-commit")

    async def parked_on(self, topic: str) -> int:
        """How many events of the topic wait for an operator."""
        rows = sa.select(sa.func.count()).select_from(parked).where(parked.c.topic == topic, parked.c.resolved_at.is_(None))
        async with self._runtime.engine.connect() as connection:
            return int((await connection.execute(rows)).scalar_one())

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
            reached("drain.after-commit")
            taken += 1

    async def _tell_why(self, topic: str, key: str, reason: str) -> None:
        await run(self._runtime, lambda tx: _keep_reason(tx, topic, key, reason))
        reached("drain.after-reason-commit")

    async def _take_parked(self, tx: Transaction, topic: str, key: str, by: str) -> bool:
        await lock_key(tx, topic, key)
        waiting = await _waiting(tx, topic, key)
        if not waiting:
            return False
        record = as_record(waiting[0])
        with self._span("replay", record):
            if record.version is None or not await self._was_heard(tx, record):
                await self._work(tx, record)
        done = {"resolved_at": tx.now, "resolution": "replayed", "resolved_by": by}
        await tx.connection.execute(parked.update().where(parked.c.id == waiting[0].id).values(done))
        reached("drain.before-commit")
        return True

    async def _was_heard(self, tx: Transaction, record: Record) -> bool:
        seen = sa.select(inbox.c.payload_hash).where(inbox.c.consumer == self._consumer(record), inbox.c.event_id == record.event_id)
        kept = (await tx.connection.execute(seen)).scalar()
        if kept is not None and bytes(kept) != record.payload_hash:
            raise MustPark("an event of the same id was heard with other content")
        return kept is not None


def _none_stands_before(record: Record, waiting: Sequence[Any]) -> None:
    """Those that wait only because this one was missing do not. Errors: MustPark where another does."""
    if any(row.aggregate_version is None or record.version is None or row.aggregate_version <= record.version for row in waiting):
        raise MustPark("an earlier event of the key is parked")


async def _begin_with_the_log(tx: Transaction, record: Record, whole_log: Callable[[], Awaitable[bool]]) -> None:
    """A topic forgets its oldest records: whoever begins to listen later can't have heard them, and begins with the first that is left."""
    version = record.version
    if version is None or version == 1 or await heard_up_to(tx, record.topic, record.key) or await whole_log():
        return
    await advance(tx, record.topic, record.key, version - 1)


async def _is_next(tx: Transaction, record: Record) -> bool:
    """False for a repetition. Errors: MustPark where one is missing before it."""
    assert record.version is not None
    last = await heard_up_to(tx, record.topic, record.key)
    if record.version <= last:
        return False
    if record.version != last + 1:
        raise MustPark(f"version {last + 1} of the key is missing: version {record.version} came")
    await advance(tx, record.topic, record.key, record.version)
    return True


async def _keep(tx: Transaction, record: Record, reason: str) -> None:
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
    if (await tx.connection.execute(row.on_conflict_do_nothing(constraint="a_record_is_parked_once"))).rowcount == 1:
        told = {"topic": record.topic, "key": record.key, "event_id": record.event_id, "event_type": record.event_type}
        log.error("an event was parked", extra={**told, "reason": reason})
        tx.runtime.telemetry.parked.labels(record.topic).inc()
    reached("parking.before-commit")


async def lock_key(tx: Transaction, topic: str, key: str) -> None:
    """From here to the commit nobody else takes, parks, replays or discards events of this key."""
    await lock_keys(tx, topic, [key])


async def lock_keys(tx: Transaction, topic: str, keys: Sequence[str]) -> None:
    """Lock several keys, in the given order; whoever locks several gives them sorted."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest(CAST(:keys AS text[])) AS key")
    await tx.connection.execute(lock, {"keys": [f"{topic}\n{key}" for key in keys]})


async def _any_waits(tx: Transaction, topic: str, keys: Sequence[str]) -> bool:
    rows = sa.select(parked.c.id).where(parked.c.topic == topic, parked.c.key.in_(keys), parked.c.resolved_at.is_(None))
    return (await tx.connection.execute(rows.limit(1))).first() is not None


async def _versions(tx: Transaction, topic: str, keys: Sequence[str]) -> dict[str, int]:
    rows = sa.select(heard_version.c.key, heard_version.c.version)
    found = await tx.connection.execute(rows.where(heard_version.c.topic == topic, heard_version.c.key.in_(keys)))
    return {row.key: int(row.version) for row in found}


async def _advance_all(tx: Transaction, topic: str, versions: Mapping[str, int]) -> None:
    if not versions:
        return
    rows = insert(heard_version).values([{"topic": topic, "key": key, "version": version} for key, version in versions.items()])
    await tx.connection.execute(rows.on_conflict_do_update(index_elements=["topic", "key"], set_={"version": rows.excluded.version}))


async def _waiting(tx: Transaction, topic: str, key: str) -> Sequence[Any]:
    rows = sa.select(parked).where(parked.c.topic == topic, parked.c.key == key, parked.c.resolved_at.is_(None))
    return (await tx.connection.execute(rows.order_by(parked.c.aggregate_version.asc().nulls_first(), parked.c.id))).all()


async def heard_up_to(tx: Transaction, topic: str, key: str) -> int:
    """The version of the key's last event that was taken, ignored or discarded; 0 before the first. Within a use case: of its own event."""
    if key in tx.heard.get(topic, {}):
        return tx.heard[topic][key]
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
    reached("drain.before-reason-commit")


def as_record(row: Any) -> Record:
    """A parked row as the record that it was."""
    return Record(row.topic, row.key, row.partition, row.record_offset, dict(row.headers), bytes(row.body))


def _reason(error: Exception) -> str:
    if isinstance(error, BrokenRule):
        return f"{error.rule}: {error.message}"
    return str(error) if isinstance(error, MustPark | Unreadable) else failed(error)


def _stem(event_type: str) -> str:
    """The type without its major version."""
    return event_type.rpartition(".v")[0]
