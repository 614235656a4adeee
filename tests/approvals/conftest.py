"""Approvals on a database of its own, with an office around it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from approvals.settings import ApprovalsSettings
from chassis.process import make_runtime
from rentbook_local.postgres import Database
from support.office import Office
from support.servers import Postgres


@pytest.fixture
async def database(postgres: Postgres) -> Database:
    return await postgres.new_database("approvals")


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> AsyncIterator[Office]:
    (tmp_path / "service_token").write_text("the-services-token", encoding="utf-8")
    settings = ApprovalsSettings(
        database_url=database.app_url,
        kafka_bootstrap="127.0.0.1:9",
        temporal_address="127.0.0.1:9",
        secrets_dir=tmp_path,
        peers={"ledger": "http://ledger", "refunds": "http://refunds"},
        public_url="http://127.0.0.1:8000",
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id="desk",
    )
    async with make_runtime("approvals", settings) as runtime:
        place = Office(runtime, database)
        async with httpx.AsyncClient(transport=httpx.MockTransport(place.answer)) as peers:
            runtime.http = peers
            yield place
