"""Waiting for the servers when a process starts, with a limit: what isn't there by then ends it with a sentence that says so."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from chassis.relay import kafka_access
from chassis.settings import ProcessSettings, Settings
from chassis.telemetry import Telemetry, named
from chassis.temporal import connect

T = TypeVar("T")

TRY_EVERY_SECONDS = 0.25
ATTEMPT_LIMIT_SECONDS = 10.0
PASSING = (OSError, sa.exc.SQLAlchemyError, KafkaError, RPCError, RuntimeError, LookupError)


class NotReady(Exception):
    """The process can't begin its work; the words say what to do."""


async def until_ready(what: str, advice: str, attempt: Callable[[], Awaitable[T]], *, limit_seconds: float) -> T:
    """The first attempt that succeeds. Errors: NotReady after the limit."""
    end = time.monotonic() + limit_seconds
    while True:
        try:
            async with asyncio.timeout(ATTEMPT_LIMIT_SECONDS):
                return await attempt()
        except PASSING as error:
            if time.monotonic() > end:
                raise NotReady(f"{what} was not ready within {limit_seconds:.0f} s ({named(error)}). {advice}") from error
        await asyncio.sleep(TRY_EVERY_SECONDS)


async def wait_for_postgres(engine: AsyncEngine, settings: Settings) -> None:
    """Until the service's database answers with its tables in place."""

    async def attempt() -> None:
        async with engine.connect() as connection:
            if (await connection.execute(sa.text("SELECT to_regclass('outbox_event')"))).scalar() is None:
                raise LookupError("no tables")

    where = f"PostgreSQL at {engine.url.host}:{engine.url.port}, database {engine.url.database},"
    await until_ready(where, "Is it running, and was the service migrated?", attempt, limit_seconds=settings.start_limit_seconds)


async def wait_for_kafka(settings: Settings, topics: Iterable[str]) -> None:
    """Until the broker answers and shows these topics (without prefix): a send to a topic that doesn't exist would hang."""
    wanted = {settings.topic_prefix + topic for topic in topics}

    async def attempt() -> None:
        producer = AIOKafkaProducer(**kafka_access(settings))
        try:
            await producer.start()
            missing = wanted - (await producer.client.fetch_all_metadata()).topics()
        finally:
            await producer.stop()
        if missing:
            raise LookupError(", ".join(sorted(missing)))

    advice = f"Is it running, are the topics made ({', '.join(sorted(wanted))}), and may this user see them?"
    await until_ready(f"Kafka at {settings.kafka_bootstrap}", advice, attempt, limit_seconds=settings.start_limit_seconds)


async def wait_for_temporal(settings: ProcessSettings, telemetry: Telemetry) -> Client:
    """A client, once Temporal knows the namespace."""

    async def attempt() -> Client:
        client = await connect(settings, telemetry)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=settings.temporal_namespace))
        return client

    where = f"Temporal at {settings.temporal_address}, namespace {settings.temporal_namespace},"
    return await until_ready(where, "Is it running?", attempt, limit_seconds=settings.start_limit_seconds)
