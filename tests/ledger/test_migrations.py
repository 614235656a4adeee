"""The migrations make the very tables that the code works with."""

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ledger.tables import metadata
from rentbook_local.postgres import Database
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
    return [each for each in compare_metadata(context, metadata) if not (each[0] == "remove_table" and each[1].name == "alembic_version")]


def constraints(connection: sa.Connection) -> set[str]:
    checks = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    return set(connection.scalars(sa.text(checks)))


async def test_tables_in_code_and_in_the_database_are_the_same(database: Database) -> None:
    engine = create_async_engine(database.owner_url, poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        said = {
            str(constraint.name)
            for table in metadata.tables.values()
            for constraint in table.constraints
            if isinstance(constraint, sa.CheckConstraint) and constraint.name
        }
        assert said == await connection.run_sync(constraints)
    await engine.dispose()
