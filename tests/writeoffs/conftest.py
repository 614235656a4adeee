"""A running writeoffs without its servers: a migrated database, and a ledger that answers from a script."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from chassis.process import make_runtime
from rentbook_local.postgres import Database
from support.servers import Postgres
from support.write_off_service import FakeLedger, WriteOffs
from writeoffs.settings import WriteOffsSettings


@pytest.fixture
async def database(postgres: Postgres) -> Database:
    return await postgres.new_database("writeoffs")


@pytest.fixture
async def writeoffs(database: Database, tmp_path: Path) -> AsyncIterator[WriteOffs]:
    (tmp_path / "service_token").write_text("token", encoding="utf-8")
    settings = WriteOffsSettings(
        database_url=database.app_url,
        kafka_bootstrap="127.0.0.1:1",
        temporal_address="127.0.0.1:1",
        peers={"ledger": "http://ledger"},
        secrets_dir=tmp_path,
    )
    ledger = FakeLedger()
    async with make_runtime("writeoffs", settings) as runtime, httpx.AsyncClient(mounts={"http://ledger": ledger.transport()}) as http:
        runtime.http = http
        yield WriteOffs(runtime, ledger, database)
