"""The relay of facts: from the outbox to Kafka, in order per aggregate, until the broker has confirmed each one.

It looks for rows that are not published, oldest first, and keeps no cursor: a transaction that took its number early and committed late is
found like any other (a cursor lost 833 of 4,000 rows in traps.md 2). It never gives up; the age of the oldest row is the alarm. A topic
that takes nothing, because it is lost, holds up no other.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chassis.failpoint import reached
from chassis.faults import may_pass
from chassis.leadership import Led, LostLeadership, lead, still_led
from chassis.settings import Settings
from chassis.tables import outbox_event
from chassis.telemetry import named
from chassis.transaction import Runtime

log = logging.getLogger(__name__)

OUTBOX = "outbox_event"
BATCH_ROWS = 500
SEND_LIMIT_SECONDS = 15.0
"""How long the broker may take to confirm a batch before the producer is built anew."""

TRIED_ROWS = 10
TRIED_EVERY_SECONDS = 5.0
TRIAL_LIMIT_SECONDS = 5.0
"""A topic that took none of its last facts is tried with so many of them, so often, for so long, beside the others."""

RETRY_SECONDS = 1.0
STOP_LIMIT_SECONDS = 3.0
AGE_EVERY_SECONDS = 5.0


def kafka_access(settings: Settings) -> dict[str, Any]:
    """How to reach and satisfy the broker, as aiokafka's clients want it."""
    access: dict[str, Any] = {"bootstrap_servers": settings.kafka_bootstrap, "retry_backoff_ms": 1000}
    if settings.kafka_username is None:
        return access
    password = settings.secret("kafka_password")
    login = {"sasl_plain_username": settings.kafka_username, "sasl_plain_password": password}
    return {**access, "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512", **login}


class EventRelay:
    """Runs in every process of a service; one process at a time leads each bucket."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._producer: AIOKafkaProducer | None = None
        self._tried_at: dict[str, float] = {}
        """By topic that took none of its last facts, when it was tried last."""
        waits_since = sa.func.coalesce(outbox_event.c.again_at, outbox_event.c.written_at)
        self._age = Age(runtime, OUTBOX, outbox_event.c.published_at, waits_since)

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest fact that is not published, as last looked at."""
        return self._age.seconds

    async def run(self) -> None:
        """Relay until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._age.watch())
                group.create_task(lead(self._runtime, OUTBOX, self._runtime.events_wake, self._relay))
        finally:
            await self._drop_producer()

    async def _relay(self, led: Led) -> None:
        self._runtime.events_wake.clear()
        rows = await self._unpublished(led)
        sent = await self._send(rows)
        await self._mark(led, [row for row in rows if row["seq"] in sent])
        if len(sent) < len(rows):
            await asyncio.sleep(RETRY_SECONDS)
        elif not rows:
            await wait_for(self._runtime.events_wake, self._runtime.settings.poll_seconds)

    async def _unpublished(self, led: Led) -> Sequence[sa.RowMapping]:
        table = outbox_event.c
        mine = (table.published_at.is_(None), table.bucket.in_(led.epochs))
        oldest = sa.select(table.seq, table.topic, table.key, table.headers, table.body, table.again_at).where(*mine).order_by(table.seq)
        before = time.monotonic() - TRIED_EVERY_SECONDS
        again = [topic for topic, at in self._tried_at.items() if at <= before]
        async with self._runtime.engine.connect() as connection:
            others = oldest.where(table.topic.not_in(list(self._tried_at))).limit(BATCH_ROWS)
            rows = list((await connection.execute(others)).mappings())
            for topic in again:
                rows += (await connection.execute(oldest.where(table.topic == topic).limit(TRIED_ROWS))).mappings()
        return rows

    async def _send(self, rows: Sequence[sa.RowMapping]) -> set[int]:
        """The numbers of the rows that the broker confirmed, of each key no further than its first failure."""
        if not rows:
            return set()
        reached("relay.before-publish")
        topics = sorted({row["topic"] for row in rows})
        sent = await asyncio.gather(*(self._send_topic(topic, [row for row in rows if row["topic"] == topic]) for topic in topics))
        for topic, confirmed in zip(topics, sent, strict=True):
            if confirmed:
                self._tried_at.pop(topic, None)
            else:
                self._tried_at[topic] = time.monotonic()
        if sum(map(len, sent)) < len(rows):
            await self._drop_producer()
        return {seq for part in sent for seq in part}

    async def _send_topic(self, topic: str, rows: Sequence[sa.RowMapping]) -> list[int]:
        futures: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(TRIAL_LIMIT_SECONDS if topic in self._tried_at else SEND_LIMIT_SECONDS):
                producer = await self._ready_producer()
                for row in rows:
                    headers = [(name, value.encode()) for name, value in row["headers"].items()]
                    name = self._runtime.settings.topic_prefix + topic
                    futures.append(await producer.send(name, key=row["key"].encode(), value=row["body"].encode(), headers=headers))
                await asyncio.wait(futures)
                await asyncio.gather(*futures)
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("facts wait for the broker", extra={"topic": topic, "rows": len(rows), "fault": named(error)})
        return confirmed_prefix([(row["key"], row["seq"]) for row in rows], futures)

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            client = f"{self._runtime.name}-{self._runtime.settings.instance}-relay"
            producer = AIOKafkaProducer(client_id=client, acks="all", enable_idempotence=True, **kafka_access(self._runtime.settings))
            self._producer = producer
            self._started = asyncio.ensure_future(producer.start())
        await asyncio.shield(self._started)
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        self._started.cancel()
        try:
            async with asyncio.timeout(STOP_LIMIT_SECONDS):
                await producer.stop()
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("the producer was left without a goodbye", extra={"fault": named(error)})

    async def _mark(self, led: Led, sent: Sequence[sa.RowMapping]) -> None:
        """Only as they were read: what was asked for again meanwhile, because its topic was lost, went to the topic that is lost."""
        if not sent:
            return
        reached("relay.after-publish")
        table = outbox_event.c
        async with self._runtime.engine.begin() as connection:
            buckets = list((await connection.execute(still_led(led))).scalars())
            mine = outbox_event.update().where(table.bucket.in_(buckets), table.published_at.is_(None))
            marked = 0
            for again_at in {row["again_at"] for row in sent}:
                as_read = (
                    table.seq.in_([row["seq"] for row in sent if row["again_at"] == again_at]),
                    table.again_at.is_not_distinct_from(again_at),
                )
                marked += (await connection.execute(mine.where(*as_read).values(published_at=sa.func.now()))).rowcount
            reached("relay.before-mark-commit")
        reached("relay.after-mark-commit")
        self._runtime.telemetry.published.labels(OUTBOX).inc(marked)
        if len(buckets) < len(led.epochs):
            raise LostLeadership


def confirmed_prefix(keyed: Sequence[tuple[str, int]], futures: Sequence["asyncio.Future[Any]"]) -> list[int]:
    """Of each key the rows before its first one that was not confirmed; rows beyond the futures were never sent."""
    stopped: set[str] = set()
    confirmed: list[int] = []
    for index, (key, seq) in enumerate(keyed):
        if key not in stopped and index < len(futures) and _succeeded(futures[index]):
            confirmed.append(seq)
        else:
            stopped.add(key)
    return confirmed


def _succeeded(future: "asyncio.Future[Any]") -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


async def wait_for(wake: asyncio.Event, seconds: float) -> None:
    """Until woken, or for so long."""
    try:
        async with asyncio.timeout(seconds):
            await wake.wait()
    except TimeoutError:
        return


class Age:
    """Looks at the oldest row of an outbox that has not left, whether or not this process relays it."""

    def __init__(self, runtime: Runtime, outbox: str, left: sa.Column[Any], waits_since: sa.ColumnElement[Any]) -> None:
        self.seconds = 0.0
        self._runtime = runtime
        self._outbox = outbox
        self._oldest = sa.select(sa.func.min(waits_since)).where(left.is_(None))

    async def watch(self) -> None:
        while True:
            try:
                await self._look()
            except Exception as error:
                if not may_pass(error):
                    raise
                log.warning("the outbox can't be looked at", extra={"outbox": self._outbox, "fault": named(error)})
            await asyncio.sleep(AGE_EVERY_SECONDS)

    async def _look(self) -> None:
        oldest = sa.select(sa.func.extract("epoch", sa.func.clock_timestamp() - self._oldest.scalar_subquery()))
        async with self._runtime.engine.connect() as connection:
            self.seconds = float((await connection.execute(oldest)).scalar() or 0.0)
        self._runtime.telemetry.oldest_unpublished.labels(self._outbox).set(self.seconds)
