"""A running refunds without its servers: a migrated database, a ledger that answers from a script, and the bank's simulator."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from chassis.process import make_runtime
from refunds.settings import RefundsSettings
from rentbook_local.postgres import Database
from support import web
from support.bank import Bank, running_bank
from support.refund_service import VALID_ACCOUNT, VALID_SORT_CODE, FakeBank, FakeLedger, Refunds
from support.servers import Postgres

TOKEN = "the-services-token"


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "service_token").write_text(TOKEN, encoding="utf-8")
    ring = {"current": "k1", "keys": {"k1": key("a")}, "index_key": key("b")}
    (folder / "payee_keys.json").write_text(json.dumps(ring), encoding="utf-8")
    return folder


@pytest.fixture
async def database(postgres: Postgres) -> Database:
    return await postgres.new_database("refunds")


@pytest.fixture
def settings(database: Database, secrets_dir: Path, tmp_path: Path) -> RefundsSettings:
    return RefundsSettings(
        database_url=database.app_url,
        kafka_bootstrap="127.0.0.1:1",
        temporal_address="127.0.0.1:1",
        peers={"ledger": "http://ledger", "approvals": "http://ledger"},
        secrets_dir=secrets_dir,
        bank_url="http://bank",
        payments_dir=tmp_path / "payments",
    )


@pytest.fixture
async def refunds(settings: RefundsSettings, database: Database) -> AsyncIterator[Refunds]:
    """Refunds with a scripted ledger and a scripted bank."""
    ledger, bank = FakeLedger(), FakeBank()
    doors = {"http://ledger": ledger.transport(), "http://bank": bank.transport()}
    async with make_runtime("refunds", settings) as runtime, web.client(mounts=doors) as http:
        runtime.http = http
        yield Refunds(runtime, settings.means(), ledger, bank, database)


@pytest.fixture
async def bank(refunds: Refunds, tmp_path: Path) -> AsyncIterator[Bank]:
    """The bank's stand-in as a process; refunds speaks to it from here on."""
    async with running_bank(tmp_path) as process:
        await process.register({"sort_code": VALID_SORT_CODE, "account_number": VALID_ACCOUNT, "name": "Ada Match"})
        refunds.means = replace(refunds.means, bank_url=process.url)
        yield process
