"""One town's books for all tests of the checker, and a copy of a database to break for each."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from rentbook_local.checking.books import Paid, paid_of
from rentbook_local.postgres import Database
from support.servers import Postgres

from .town import Town, founded, lived


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Lived in and at rest; nobody changes it any more."""
    async with founded(postgres, tmp_path_factory.mktemp("town")) as place:
        await lived(place)
        for runtime in place.runtimes.values():
            await runtime.engine.dispose()
        place.unguarded = {service: await unguarded(postgres, service, database) for service, database in place.databases.items()}
        yield place


async def unguarded(postgres: Postgres, service: str, original: Database) -> Database:
    copy = await postgres.copy_of(original, service)
    connection = await asyncpg.connect(postgres.superuser_dsn(copy.name))
    try:
        for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            await connection.execute(f'ALTER TABLE "{row["tablename"]}" DISABLE TRIGGER ALL')
    finally:
        await connection.close()
    return copy


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def paid(town: Town) -> dict[str, Paid]:
    """What the bank says that it paid."""
    return dict(paid_of((await town.http.get("http://bank/bacs/paid")).content))
