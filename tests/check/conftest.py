"""One town's books for all tests of the checker, and a copy of a database to break for each."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from rentbook_local.checking.books import Paid, paid_of
from support.servers import Postgres

from .town import Town, founded, lived


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def town(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """Lived in and at rest; nobody changes it any more."""
    async with founded(postgres, tmp_path_factory.mktemp("town")) as place:
        await lived(place)
        for runtime in place.runtimes.values():
            await runtime.engine.dispose()
        yield place


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def paid(town: Town) -> dict[str, Paid]:
    """What the bank says that it paid."""
    return dict(paid_of((await town.http.get("http://bank/bacs/paid")).content))
