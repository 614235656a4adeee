"""The schema as the code describes it is the schema that the migrations make."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from approvals.tables import metadata
from rentbook_local.postgres import Database
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine


async def test_the_migrations_make_what_tables_describes(database: Database) -> None:
    engine = create_async_engine(database.owner_url)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    try:
        async with engine.connect() as connection:
            found = [one for one in await connection.run_sync(differences) if "alembic_version" not in str(one)]
    finally:
        await engine.dispose()
    assert found == []
