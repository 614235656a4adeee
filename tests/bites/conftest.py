"""Places for the scenarios: each makes as many as it needs, since the mechanism and the bug must not meet in one database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from chassis.process import make_runtime
from chassis.transaction import Runtime
from ledger.settings import LedgerSettings
from rentbook_local.postgres import Database
from support.counting import COUNTS, TOKEN, Place, prepare, settings_for
from support.ledger_books import HOUSEHOLD, opened
from support.servers import Kafka, Postgres

from bites.bite import spoil

Counting = Callable[[str], AbstractAsyncContextManager[Runtime]]
Ledgers = Callable[[str], AbstractAsyncContextManager[tuple[Runtime, Database]]]


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "service_token").write_text(TOKEN, encoding="utf-8")
    return folder


@pytest.fixture
def counting(postgres: Postgres, secrets_dir: Path) -> Counting:
    """The counting service on a database of its own, spoilt by the given SQL."""

    @asynccontextmanager
    async def made(sql: str) -> AsyncIterator[Runtime]:
        database = await postgres.new_database("counter", migrate=prepare)
        await spoil(database, sql)
        async with make_runtime("counter", settings_for(database, secrets_dir, retry_budget_seconds=0.01)) as runtime:
            yield runtime

    return made


@pytest.fixture
def wired(postgres: Postgres, kafka: Kafka, secrets_dir: Path) -> Callable[[str], AbstractAsyncContextManager[Place]]:
    """The counting service with topics of its own."""

    @asynccontextmanager
    async def made(sql: str) -> AsyncIterator[Place]:
        database = await postgres.new_database("counter", migrate=prepare)
        await spoil(database, sql)
        prefix = await kafka.new_topics([COUNTS])
        (secrets_dir / "kafka_password").write_text(kafka.password("counter"), encoding="utf-8")
        reach = {"kafka_bootstrap": kafka.bootstrap, "kafka_username": "counter", "topic_prefix": prefix, "poll_seconds": 0.05}
        yield Place(settings_for(database, secrets_dir, **reach), database)

    return made


@pytest.fixture
def ledgers(postgres: Postgres, secrets_dir: Path) -> Ledgers:
    """The ledger of the household of `support.ledger_books`, on a database of its own, spoilt by the given SQL."""

    @asynccontextmanager
    async def made(sql: str) -> AsyncIterator[tuple[Runtime, Database]]:
        database = await postgres.new_database("ledger")
        settings = LedgerSettings(
            database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=secrets_dir
        )
        async with make_runtime("ledger", settings) as runtime:
            await opened(runtime, HOUSEHOLD)
            await spoil(database, sql)
            yield runtime, database

    return made
