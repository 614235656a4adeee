"""A day's receipts are heard with the real ledger beside: refunds keeps up, and asks once for many accounts.

`./rentbook test -- -q -s tests/refunds/test_hearing_a_bank_file.py` says how many facts a second it heard, and with how many statements.
"""

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from chassis.inbox import Inbox
from chassis.process import make_runtime
from chassis.records import Record
from chassis.web import web
from ledger.app import make_app as ledger_app
from ledger.settings import LedgerSettings
from refunds.app import make_app
from refunds.domain.days import business_date
from refunds.settings import RefundsSettings
from rentbook_contracts.ledger import ReceiptPosted
from support.ledger_books import LONG_AGO, OPENED_ON, opened
from support.refund_service import Refunds
from support.servers import Postgres

ACCOUNTS = 600
BATCH = 100
MOST_STATEMENTS = 4
"""For a receipt on average: one asks who follows the account, and a quarter open a review."""

LAST_MONTH = business_date(datetime.now(UTC)) - timedelta(days=30)


def account_of(number: int) -> UUID:
    return UUID(int=10_000 + number)


def credit_of(number: int) -> int:
    return 620_00 if number % 4 == 0 else 400_00


def check_letter(number: int) -> str:
    digits = f"{97_000_000 + number}"
    remainder = 11 - sum(int(digit) * weight for digit, weight in zip(digits, range(9, 1, -1), strict=True)) % 11
    return f"{digits}{'ABCDEFGHIJK'[remainder - 1]}"


def household(number: int) -> list[dict[str, Any]]:
    """A tenant at 120.00 a week: every fourth 140.00 above the floor, the others within it; every third owes 25.00 elsewhere."""
    home, person, tenancy = UUID(int=20_000 + number), UUID(int=30_000 + number), UUID(int=40_000 + number)
    reference = check_letter(number)
    rent = [{"element": "Basic rent", "amount_pence": 120_00, "from": str(LONG_AGO)}]
    account = {"record": "account", "status": "CURRENT", "tenancy": str(tenancy), "rent_group": "ALL52"}
    rows: list[dict[str, Any]] = [
        {"record": "property", "id": str(home), "reference": f"P{number}", "address": f"{number} Elm Rise", "postcode": "AL8 6AA"},
        {"record": "person", "id": str(person), "name": f"Tenant {number}"},
        {"record": "tenancy", "id": str(tenancy), "property": str(home), "started_on": str(LONG_AGO),
         "tenants": [{"person": str(person), "joint": False}]},
        {**account, "id": str(account_of(number)), "reference": reference, "kind": "RENT", "weekly_charges": rent},
        {"record": "receipt", "account": str(account_of(number)), "code": "RSO", "amount_pence": credit_of(number),
         "effective_date": str(LAST_MONTH)},
    ]  # fmt: skip
    if number % 3 == 0:
        opening = {"on": str(OPENED_ON), "balance_pence": 25_00}
        rows.append(
            {**account, "id": str(UUID(int=50_000 + number)), "reference": f"{reference}-RC", "kind": "RECHARGE", "opening": opening}
        )
    return rows


@asynccontextmanager
async def town(postgres: Postgres, folder: Path) -> AsyncIterator[httpx.ASGITransport]:
    """The ledger with its accounts, behind its own doors."""
    secrets = folder / "ledger-secrets"
    secrets.mkdir()
    (secrets / "service_token").write_text("the-services-token")
    (secrets / "payer_index_key").write_text(base64.b64encode(bytes(32)).decode())
    database = await postgres.new_database("ledger")
    settings = LedgerSettings(
        database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=secrets,
        state_dir=folder, anchor_dir=folder / "anchors",
    )  # fmt: skip

    async def well() -> list[str]:
        return []

    lines: list[dict[str, Any]] = [{"record": "estate", "name": "a town"}]
    order = ("property", "person", "tenancy", "account", "receipt")
    told = [row for number in range(1, ACCOUNTS + 1) for row in household(number)]
    async with make_runtime("ledger", settings) as runtime:
        await opened(runtime, lines + sorted(told, key=lambda row: order.index(row["record"])))
        yield httpx.ASGITransport(web(runtime, ledger_app(settings), well))


def heard_of(number: int, day: date) -> Record:
    fact = ReceiptPosted(
        account=account_of(number), balance_pence=-credit_of(number), journal=uuid4(), amount_pence=credit_of(number), method="RSO",
        effective_date=day, cleared_on=day,
    )  # fmt: skip
    headers = {"ce_specversion": "1.0", "ce_id": str(uuid4()), "ce_type": fact.type, "ce_aggregateversion": "1", "ce_subject": fact.key,
               "ce_source": "/rentbook/ledger", "ce_time": datetime.now(UTC).isoformat(), "content-type": "application/json"}  # fmt: skip
    return Record(fact.topic, fact.key, 0, number, headers, fact.model_dump_json().encode())


async def test_a_bank_file_is_heard_in_batches(
    refunds: Refunds, settings: RefundsSettings, postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    statements: list[int] = []

    async def note(request: httpx.Request) -> None:
        asked.append(request.url.path)

    client = httpx.AsyncClient
    async with town(postgres, tmp_path) as ledger, client(mounts={"http://ledger": ledger}, event_hooks={"request": [note]}) as http:
        refunds.runtime.http = http
        inbox = Inbox(refunds.runtime, make_app(settings))
        sa.event.listen(refunds.runtime.engine.sync_engine, "before_cursor_execute", lambda *_: statements.append(1))
        records = [heard_of(number, LAST_MONTH) for number in range(1, ACCOUNTS + 1)]
        began = time.perf_counter()
        for first in range(0, ACCOUNTS, BATCH):
            await inbox.take_together(records[first : first + BATCH])
        took = time.perf_counter() - began
    each = len(statements) / ACCOUNTS
    with capsys.disabled():
        print(f"\n{ACCOUNTS} receipts heard in {took:.1f} s: {ACCOUNTS / took:.0f} a second, {each:.1f} statements each")
    assert each < MOST_STATEMENTS
    assert asked == ["/queries/credits"] * (ACCOUNTS // BATCH)
    reviews = await refunds.rows("SELECT status, review_credit_pence FROM refund_case")
    assert [(row["status"], row["review_credit_pence"]) for row in reviews] == [("review", 140_00)] * (ACCOUNTS // 4)
