"""A ledger of its own for each test: migrated, opened with a small household, on the real PostgreSQL."""

import base64
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from chassis.peers import Caller
from chassis.process import make_runtime
from chassis.transaction import Runtime
from ledger.settings import LedgerSettings
from rentbook_local.postgres import Database
from support.ledger_books import HOUSEHOLD, PAYER_KEY, opened
from support.servers import Postgres

OFFICER = Caller("lind.officer", frozenset({"officer"}))


@pytest.fixture
def officer() -> Caller:
    return OFFICER


@pytest_asyncio.fixture(loop_scope="session")
async def database(postgres: Postgres, request: pytest.FixtureRequest) -> Database:
    """A migrated database of the ledger: empty, or with the household where the test asks for `ledger`."""
    return await postgres.new_database("ledger", prepare=with_household if "ledger" in request.fixturenames else None)


async def with_household(database: Database) -> None:
    """The household of `support.ledger_books`, opened once for all: the tests start from copies."""
    with tempfile.TemporaryDirectory() as folder:
        async with make_runtime("ledger", _settings(database, Path(folder))) as runtime:
            await opened(runtime, HOUSEHOLD)


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> LedgerSettings:
    return _settings(database, tmp_path)


def _settings(database: Database, tmp_path: Path) -> LedgerSettings:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "service_token").write_text("token-of-the-services\n")
    (secrets / "payer_index_key").write_text(base64.b64encode(PAYER_KEY).decode())
    return LedgerSettings(
        database_url=database.app_url,
        kafka_bootstrap="127.0.0.1:1",
        temporal_address="127.0.0.1:1",
        secrets_dir=secrets,
        state_dir=tmp_path,
        anchor_dir=tmp_path / "anchors",
    )


@pytest_asyncio.fixture(loop_scope="session")
async def empty_ledger(settings: LedgerSettings) -> AsyncIterator[Runtime]:
    """The ledger as it stands before it is opened."""
    async with make_runtime("ledger", settings) as runtime:
        yield runtime


@pytest.fixture
def ledger(empty_ledger: Runtime) -> Runtime:
    """The ledger opened with the household of `support.ledger_books`."""
    return empty_ledger
