"""Databases with a witness, on which courses of events are played."""

import base64
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.process import make_runtime
from chassis.transaction import Runtime
from ledger.settings import LedgerSettings
from refunds.settings import RefundsSettings
from rentbook_local.postgres import Database
from support import notices_service, web, write_off_service
from support.counting import TOKEN, prepare, settings_for
from support.courses import WHOLE, first_seed
from support.refund_service import FakeBank, FakeLedger, Refunds
from support.servers import Postgres
from support.write_off_service import WriteOffs

from order.player import reached

WITNESS = (
    "CREATE TABLE witness (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, version bigint NOT NULL);"
    'CREATE INDEX ON witness (key); GRANT SELECT, INSERT ON witness TO "{role}"'
)


def courses(sample: int, whole: int) -> range:
    """The seeds to play: one where it is named, a sample in every run, all of them by `./rentbook test --faults`."""
    count = 1 if "RENTBOOK_SEED" in os.environ else whole if WHOLE else sample
    return range(first_seed(), first_seed() + count)


TAKEN_AT_ONCE = """
CREATE FUNCTION taken_at_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.done_at := now();
  NEW.outcome := 'accepted';
  RETURN NEW;
END $$;
CREATE TRIGGER taken_at_once BEFORE INSERT ON outbox_workflow FOR EACH ROW EXECUTE FUNCTION taken_at_once()
"""
"""Temporal takes each word as soon as it is said. Of the words to look again that wait, a service says no more than two."""


async def witnessed(database: Database, and_also: str = "") -> Database:
    connection = await asyncpg.connect(sa.make_url(database.owner_url).set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await connection.execute(WITNESS.format(role=sa.make_url(database.app_url).username))
        if and_also:
            await connection.execute(and_also)
    finally:
        await connection.close()
    return database


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "service_token").write_text(TOKEN, encoding="utf-8")
    ring = {"current": "k1", "keys": {"k1": base64.b64encode(b"a" * 32).decode()}, "index_key": base64.b64encode(b"b" * 32).decode()}
    (folder / "payee_keys.json").write_text(json.dumps(ring), encoding="utf-8")
    return folder


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consumers that end where a course says so, wait a moment where a real one waits a second, and keep their alarms to themselves."""
    monkeypatch.setattr(logging.getLogger("chassis"), "disabled", True)
    for name in ("chassis.inbox", "chassis.consumer", "chassis.transaction"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    for module in ("chassis.inbox", "chassis.consumer", "chassis.parked"):
        monkeypatch.setattr(f"{module}.reached", reached)
    monkeypatch.setattr("chassis.consumer.FIRST_PAUSE_SECONDS", 0.001)


@pytest_asyncio.fixture(loop_scope="session")
async def counting(postgres: Postgres, secrets_dir: Path, unhurried: None) -> AsyncIterator[Runtime]:
    database = await witnessed(await postgres.new_database("counter", migrate=prepare))
    async with make_runtime("counter", settings_for(database, secrets_dir, retry_budget_seconds=0.01)) as runtime:
        yield runtime


@pytest_asyncio.fixture(loop_scope="session")
async def ledger(postgres: Postgres, secrets_dir: Path, unhurried: None) -> AsyncIterator[Runtime]:
    database = await witnessed(await postgres.new_database("ledger"))
    settings = LedgerSettings(
        database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=secrets_dir,
        retry_budget_seconds=0.01,
    )  # fmt: skip
    async with make_runtime("ledger", settings) as runtime:
        yield runtime


@pytest_asyncio.fixture(loop_scope="session")
async def refunds(postgres: Postgres, secrets_dir: Path, tmp_path: Path, unhurried: None) -> AsyncIterator[Refunds]:
    database = await witnessed(await postgres.new_database("refunds"), TAKEN_AT_ONCE)
    settings = RefundsSettings(
        database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=secrets_dir,
        peers={"ledger": "http://ledger"}, bank_url="http://bank", payments_dir=tmp_path / "payments", retry_budget_seconds=0.01,
    )  # fmt: skip
    books, bank = FakeLedger(), FakeBank()
    doors = {"http://ledger": books.transport(), "http://bank": bank.transport()}
    async with make_runtime("refunds", settings) as runtime, web.client(mounts=doors) as http:
        runtime.http = http
        yield Refunds(runtime, settings.means(), books, bank, database)


@pytest_asyncio.fixture(loop_scope="session")
async def writeoffs(postgres: Postgres, secrets_dir: Path, unhurried: None) -> AsyncIterator[WriteOffs]:
    database = await witnessed(await postgres.new_database("writeoffs"), TAKEN_AT_ONCE)
    async with write_off_service.running(database, secrets_dir, retry_budget_seconds=0.01) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def notices(postgres: Postgres, secrets_dir: Path, unhurried: None) -> AsyncIterator[Runtime]:
    database = await witnessed(await postgres.new_database("notices"))
    answers = notices_service.peers
    async for runtime in notices_service.runtime_for(postgres, secrets_dir, answers, database=database, retry_budget_seconds=0.01):
        yield runtime
