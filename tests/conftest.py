"""Fixtures that every area may use; nothing is started before a test asks for it."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.servers import Kafka, Postgres, Temporal, running_kafka, running_postgres, running_temporal
from support.stack import Stack, running_stack

_PLAYED = pytest.StashKey[Counter[str]]()


@pytest.fixture(scope="session")
def played(pytestconfig: pytest.Config) -> "Counter[str]":
    """How often each thing happened in the tests that play at random; told at the end of the run."""
    return pytestconfig.stash.setdefault(_PLAYED, Counter())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if found := config.stash.get(_PLAYED, Counter()):
        terminalreporter.section("played")
        for what, times in sorted(found.items()):
            terminalreporter.write_line(f"{times:>9} {what}")


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
