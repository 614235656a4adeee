"""The migrations make what tables.py says, and run again without harm."""

import asyncio
import os
import sys
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from refunds.tables import metadata
from rentbook_local.postgres import Database
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine


# SQLAlchemy reads that a constraint is not valid, and does not know how to say so.
@pytest.mark.filterwarnings("ignore:Can't validate argument 'dialect_options'")
async def test_the_database_is_what_the_tables_say(database: Database) -> None:
    def compare(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    engine = create_async_engine(database.owner_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(compare) == []
    await engine.dispose()


async def test_two_processes_migrate_at_once_and_again(database: Database) -> None:
    told = {"RENTBOOK_DATABASE_URL": database.app_url, "RENTBOOK_OWNER_DATABASE_URL": database.owner_url}

    async def migrate() -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "refunds", "migrate", env={**os.environ, **told})
        return await process.wait()

    assert list(await asyncio.gather(migrate(), migrate())) == [0, 0]
