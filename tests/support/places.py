"""Fixtures: places for the counting service of the tests, with a database alone, with Kafka, with all three servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chassis.process import make_runtime
from chassis.transaction import Runtime
from rentbook_local.postgres import Database

from support.counting import COUNTS, TOKEN, Place, prepare, settings_for
from support.servers import Kafka, Postgres, Temporal


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "service_token").write_text(TOKEN + "\n", encoding="utf-8")
    return folder


@pytest.fixture
async def database(postgres: Postgres) -> Database:
    return await postgres.new_database("counter", migrate=prepare)


@pytest.fixture
async def dry(database: Database, secrets_dir: Path) -> AsyncIterator[Runtime]:
    """A runtime with a database and nothing else."""
    async with make_runtime("counter", settings_for(database, secrets_dir)) as runtime:
        yield runtime


@pytest.fixture
async def wired(database: Database, secrets_dir: Path, kafka: Kafka) -> Place:
    """A place with PostgreSQL and Kafka."""
    prefix = await kafka.new_topics([COUNTS])
    (secrets_dir / "kafka_password").write_text(kafka.password("counter"), encoding="utf-8")
    reach = {"kafka_bootstrap": kafka.bootstrap, "kafka_username": "counter", "topic_prefix": prefix}
    return Place(settings_for(database, secrets_dir, **reach), database)


@pytest.fixture
async def place(wired: Place, temporal: Temporal) -> Place:
    """A place with all three servers."""
    reach = {"temporal_address": temporal.address, "temporal_namespace": await temporal.new_namespace()}
    return Place(wired.with_settings(**reach), wired.database)
