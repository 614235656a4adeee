"""A running notices without its servers: a migrated database, an account's page, and a beat of the sender."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import sqlalchemy as sa
from chassis.process import make_runtime
from chassis.serving import Tick
from chassis.transaction import Runtime, run
from notices.settings import NoticesSettings
from notices.use_cases.send_letters import sending_by
from rentbook_contracts.ledger import AccountKind, AccountLabel, AccountPage, AccountStatus, Addressee, LetterAddress, TenancyFacts
from rentbook_contracts.refunds import CasePage, CaseStatus
from rentbook_local.postgres import Database

from support.servers import Postgres

ACCOUNT, CASE = uuid4(), uuid4()
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def account_page() -> AccountPage:
    label = AccountLabel(
        account=ACCOUNT, reference="90000001E", kind=AccountKind.RENT, status=AccountStatus.CURRENT, names=("Mercy Okafor",),
        address="12 Elm Rise, Rentbridge", balance_pence=-480_00,
    )  # fmt: skip
    tenancy = TenancyFacts(
        tenancy=uuid4(), garage=False, started_on=date(2020, 1, 6), ended_on=None, keys_returned_on=None, final_charges_posted=False,
        recharge_inspected=False, forwarding_address_known=False,
    )  # fmt: skip
    return AccountPage(
        label=label, version=3, tenancy=tenancy, tenants=(), as_at=date(2026, 11, 23), balance_pence=-480_00, cleared_credit_pence=480_00,
        uncleared_pence=0, held_pence=0, in_arrears_since=None, weekly_charges=(), entries=(), entries_in_all=0, sub_accounts=(),
        other_accounts=(), credit_holds=(), account_holds=(), months=(),
        letter_addresses=tuple(LetterAddress(addressee=each, address=label.address) for each in Addressee),
    )  # fmt: skip


def case_page() -> CasePage:
    return CasePage(
        case=CASE, attempt=1, round=1, account=ACCOUNT, status=CaseStatus.PAID, status_note="", asked_by=None, asked_at=NOW,
        taken_by="system",
        identified_how="", requested_pence=None, reason_code="", note="", joint_consent=False, consents=(), opted_out=(), payee=None,
        checks=(),
        evidence=(), plan=None, plan_hash=None, floor_pence=0, cleared_credit_pence=0, events=(), run=None, refund_journal=None,
        decide_by=NOW.date(), pay_by=NOW.date(), policy_version="",
    )  # fmt: skip


def peers(request: httpx.Request) -> httpx.Response:
    """The ledger and refunds: every account and every case has the same page."""
    pages = {"/queries/case-page": case_page, "/queries/account-page": account_page}
    return httpx.Response(200, text=pages[request.url.path]().model_dump_json())


async def runtime_for(
    postgres: Postgres,
    folder: Path,
    answers: Callable[[httpx.Request], httpx.Response] | None = None,
    *,
    database: Database | None = None,
    **more: Any,
) -> AsyncIterator[Runtime]:
    """`folder` holds the service's token, and the letters. `answers`: what the other services say. `database`: one that is there."""
    database = database or await postgres.new_database("notices")
    settings = NoticesSettings(
        database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=folder,
        letters_dir=folder / "letters", peers={"ledger": "http://ledger", "refunds": "http://refunds"}, **more,
    )  # fmt: skip
    async with make_runtime("notices", settings) as runtime:
        if answers is not None:
            runtime.http = httpx.AsyncClient(transport=httpx.MockTransport(answers))
        yield runtime


async def tick(runtime: Runtime) -> bool:
    assert isinstance(runtime.settings, NoticesSettings)
    send_letters = sending_by(runtime.settings.delivery())
    return bool(await run(runtime, lambda tx: send_letters(tx, Tick(at=tx.now))))


async def rows(runtime: Runtime, table: sa.Table) -> list[Any]:
    """All rows of a table, by their key: attempts to send and facts in the order in which they were written."""
    async with runtime.engine.connect() as connection:
        return [*(await connection.execute(sa.select(table).order_by(*table.primary_key)))]
