"""Who relays a bucket of an outbox: the one process whose session holds the bucket's advisory lock.

A stopped process (SIGSTOP) keeps its TCP connection, so PostgreSQL itself ends a session that misses its heartbeats and the lock goes to
another process. What the stopped one still holds in hand when it wakes is caught by the epoch: every taking of a bucket counts it up, and
rows are marked only under the epoch that their relay took. Kafka knows nothing of this: a sleeper may publish once more what was published,
but it never marks and never skips.
"""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import sqlalchemy as sa

from chassis.tables import BUCKETS
from chassis.telemetry import named
from chassis.transaction import Runtime

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 2.0
SESSION_LIMIT_SECONDS = 10
"""PostgreSQL ends the lock's session after so long without a heartbeat."""

RECONNECT_SECONDS = 1.0
CONNECT_LIMIT_SECONDS = 5.0


class LostLeadership(Exception):
    """Another process has taken the bucket, or the session that held its lock is gone."""


LEFT_BEHIND = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, sa.exc.DBAPIError, LostLeadership)
"""How a relay meets the end of its session, its database or its place. asyncpg knows no better name than InternalClientError for a session
that was ended while it slept."""


@dataclass
class Led:
    """The buckets that this process relays, each with the epoch under which it took it."""

    outbox: str
    epochs: dict[int, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return len(self.epochs) == BUCKETS


def still_led(led: Led) -> sa.TextClause:
    """SQL for the buckets that are still led under the epochs they were taken with; their rows stay locked until the commit."""
    clause = sa.text(
        "SELECT e.bucket FROM relay_epoch e JOIN unnest(CAST(:buckets AS smallint[]), CAST(:epochs AS bigint[])) AS mine(bucket, epoch) "
        "ON e.bucket = mine.bucket AND e.epoch = mine.epoch WHERE e.outbox = :outbox FOR SHARE OF e"
    )
    return clause.bindparams(outbox=led.outbox, buckets=list(led.epochs), epochs=list(led.epochs.values()))


async def lead(runtime: Runtime, outbox: str, wake: asyncio.Event, work: Callable[[Led], Awaitable[None]]) -> None:
    """Do the work for as long as this process leads any bucket, and try again whenever it lost them; until cancelled."""
    while True:
        try:
            async with _session(runtime, outbox, wake) as connection, asyncio.TaskGroup() as group:
                led = Led(outbox)
                taken = asyncio.Event()
                group.create_task(_keep(runtime, connection, led, taken))
                await taken.wait()
                group.create_task(_forever(work, led))
        except* LEFT_BEHIND as group_of_errors:
            log.warning("the relay lost its place and tries again", extra={"outbox": outbox, "fault": named(group_of_errors)})
        finally:
            runtime.led.discard(outbox)
            runtime.telemetry.leading.labels(outbox).set(0)
        wake.clear()
        await asyncio.sleep(RECONNECT_SECONDS)


async def _forever(work: Callable[[Led], Awaitable[None]], led: Led) -> None:
    while True:
        await work(led)


@asynccontextmanager
async def _session(runtime: Runtime, outbox: str, wake: asyncio.Event) -> "AsyncIterator[asyncpg.Connection]":
    dsn = runtime.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = {"application_name": f"{runtime.name} relay {outbox}", "idle_session_timeout": f"{SESSION_LIMIT_SECONDS}s"}
    connection = await asyncpg.connect(dsn, timeout=CONNECT_LIMIT_SECONDS, command_timeout=HEARTBEAT_SECONDS * 2, server_settings=settings)
    try:
        await connection.add_listener(outbox, lambda *_: wake.set())
        yield connection
    finally:
        # A polite goodbye could wait for a server that is gone; the lock ends with the session either way.
        connection.terminate()


async def _keep(runtime: Runtime, connection: "asyncpg.Connection", led: Led, taken: asyncio.Event) -> None:
    """Heartbeat, and take every bucket that is free. Raises when the session is gone."""
    while True:
        for bucket in range(BUCKETS):
            if bucket not in led.epochs and await _take(connection, led.outbox, bucket):
                led.epochs[bucket] = await _count_epoch(connection, led.outbox, bucket)
                log.info("took a bucket", extra={"outbox": led.outbox, "bucket": bucket, "epoch": led.epochs[bucket]})
        runtime.telemetry.leading.labels(led.outbox).set(len(led.epochs))
        if led.whole:
            runtime.led.add(led.outbox)
        if led.epochs:
            taken.set()
        await asyncio.sleep(HEARTBEAT_SECONDS if led.whole else HEARTBEAT_SECONDS / 4)
        await connection.execute("SELECT 1")


async def _take(connection: "asyncpg.Connection", outbox: str, bucket: int) -> bool:
    lock = zlib.crc32(outbox.encode()) & 0x7FFFFFFF
    return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1::int, $2::int)", lock, bucket))


async def _count_epoch(connection: "asyncpg.Connection", outbox: str, bucket: int) -> int:
    count = (
        "INSERT INTO relay_epoch (outbox, bucket, epoch) VALUES ($1, $2, 1) "
        "ON CONFLICT (outbox, bucket) DO UPDATE SET epoch = relay_epoch.epoch + 1 RETURNING epoch"
    )
    return int(await connection.fetchval(count, outbox, bucket))
