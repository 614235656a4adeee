"""A running writeoffs without its servers: a migrated database, and a ledger that answers from a script."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rentbook_local.postgres import Database
from support.servers import Postgres
from support.write_off_service import WriteOffs, running


@pytest.fixture
async def database(postgres: Postgres) -> Database:
    return await postgres.new_database("writeoffs")


@pytest.fixture
async def writeoffs(database: Database, tmp_path: Path) -> AsyncIterator[WriteOffs]:
    async with running(database, tmp_path) as made:
        yield made
