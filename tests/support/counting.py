"""A small service to test the chassis with: it counts per key, tells each count, and hears what was told."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer
from chassis.migration import migrate
from chassis.process import make_runtime
from chassis.relay import kafka_access
from chassis.settings import MigrationSettings, Settings
from chassis.transaction import Runtime, Transaction
from rentbook_contracts.message import Fact
from rentbook_contracts.operation import Message
from rentbook_contracts.topics import Topic
from rentbook_local.postgres import Database
from sqlalchemy.dialects.postgresql import insert

COUNTS = Topic("counter.counts", "counter", ("counter",), 3, timedelta(days=1))
TOKEN = "the-services-token"
SOMEBODY_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
"""How many in this database wait for another's lock. Of most waits for a row, pg_locks doesn't say in which database they are."""

count = sa.table("count", sa.column("key"), sa.column("version"))
effect = sa.table("effect", sa.column("id"), sa.column("key"), sa.column("number"))


class Counted(Fact):
    type: ClassVar[str] = "counter.counted.v1"
    topic: ClassVar[str] = COUNTS.name
    keyed_by: ClassVar[str] = "counted"

    counted: str
    number: int


class Nudged(Fact):
    """Of the same aggregate and topic; the tests' service does not listen to it."""

    type: ClassVar[str] = "counter.nudged.v1"
    topic: ClassVar[str] = COUNTS.name
    keyed_by: ClassVar[str] = "counted"

    counted: str


class CountUp(Message):
    key: str


class CountedTo(Message):
    number: int


async def next_version(tx: Transaction, key: str) -> int:
    """The key's next version, under the lock of its row."""
    row = insert(count).values(key=key, version=1)
    up: sa.Executable = row.on_conflict_do_update(index_elements=["key"], set_={"version": sa.text("count.version + 1")}).returning(
        sa.column("version")
    )
    return int((await tx.connection.execute(up)).scalar_one())


async def count_up(tx: Transaction, ask: CountUp) -> CountedTo:
    number = await next_version(tx, ask.key)
    await tx.publish(Counted(counted=ask.key, number=number), version=number)
    return CountedTo(number=number)


async def note(tx: Transaction, fact: Counted) -> None:
    await tx.connection.execute(sa.insert(effect).values(key=fact.counted, number=fact.number))


async def effects(runtime: Runtime, key: str) -> list[int]:
    async with runtime.engine.connect() as connection:
        rows = await connection.execute(sa.select(effect.c.number).where(effect.c.key == key).order_by(effect.c.id))
        return [int(number) for number in rows.scalars()]


async def scalar(runtime: Runtime, sql: str, **values: Any) -> Any:
    async with runtime.engine.connect() as connection:
        return (await connection.execute(sa.text(sql), values)).scalar()


async def until(condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 60.0) -> None:
    """Wait for the condition, with a limit."""
    end = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)


async def prepare(database: Database) -> None:
    told = MigrationSettings(database_url=database.app_url, owner_database_url=database.owner_url)
    await asyncio.to_thread(migrate, told, Path(__file__).parents[1] / "chassis" / "migrations")


@dataclass(frozen=True)
class Place:
    """A database, topics and a namespace of one test's own."""

    settings: Settings
    database: Database

    def with_settings(self, **other: Any) -> Settings:
        return self.settings.model_copy(update=other)

    def runtime(self, **other: Any) -> AbstractAsyncContextManager[Runtime]:
        return make_runtime("counter", self.with_settings(**other))


async def versions_on_the_topic(place: Place, name: str = COUNTS.name) -> dict[str, list[int]]:
    """What the topic holds for each key, in its order."""
    topic = place.settings.topic_prefix + name
    consumer = AIOKafkaConsumer(topic, **kafka_access(place.settings), auto_offset_reset="earliest")
    await consumer.start()
    heard: dict[str, list[int]] = defaultdict(list)
    try:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                for record in batch:
                    heard[record.key.decode()].append(int(dict(record.headers)["ce_aggregateversion"]))
    finally:
        await consumer.stop()
    return heard


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator["asyncio.Task[None]"]:
    """The work, until the block ends; its own failure fails the test."""
    task = asyncio.ensure_future(work)
    try:
        yield task
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def settings_for(database: Database, secrets_dir: Path, **other: Any) -> Settings:
    base: dict[str, Any] = {"kafka_bootstrap": "127.0.0.1:1", "temporal_address": "127.0.0.1:1", "poll_seconds": 0.1}
    return Settings(**{**base, "database_url": database.app_url, "secrets_dir": secrets_dir, "trace_file": secrets_dir / "spans", **other})
