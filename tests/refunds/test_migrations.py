"""The migrations make what tables.py says, and run again without harm."""

import asyncio
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from chassis.migration import migrate
from chassis.settings import MigrationSettings
from refunds.tables import metadata
from rentbook_local.postgres import Database
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

FOLDER = Path(__file__).parents[2] / "services" / "refunds" / "migrations"


async def test_the_database_is_what_the_tables_say(database: Database) -> None:
    def compare(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    engine = create_async_engine(database.owner_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(compare) == []
    await engine.dispose()


async def test_two_processes_migrate_at_once_and_again(database: Database) -> None:
    told = MigrationSettings(database_url=database.app_url, owner_database_url=database.owner_url)
    await asyncio.gather(*(asyncio.to_thread(migrate, told, FOLDER) for _ in range(2)))
