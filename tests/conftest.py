"""Fixtures that every area may use; nothing is started before a test asks for it."""

from collections.abc import AsyncIterator

import pytest_asyncio
from support.servers import Kafka, Postgres, Temporal, running_kafka, running_postgres, running_temporal
from support.stack import Stack, running_stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """PostgreSQL, durability off: `await postgres.new_database("ledger")` is a migrated database of its own."""
    async with running_postgres() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka() -> AsyncIterator[Kafka]:
    """A broker: `await kafka.new_topics()` makes the contracts' topics under a prefix of its own."""
    async with running_kafka() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal() -> AsyncIterator[Temporal]:
    """Temporal: `await temporal.new_namespace()` is a namespace of its own."""
    async with running_temporal() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    """The whole stack with the demonstration estate, one for all journeys; what a test does there stays."""
    async with running_stack() as running:
        yield running
