"""What is kept and how: bank details under the envelope and nowhere else, and what was said stays as it was said."""

import hashlib
import json
import logging
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from chassis.web import web
from refunds.app import make_app
from refunds.domain.envelope import UnusableKeyRing
from refunds.settings import RefundsSettings
from refunds.use_cases.add_evidence import add_evidence
from refunds.use_cases.build_file import build_file
from refunds.use_cases.change_payee import change_payee
from refunds.use_cases.line_posted import line_posted
from refunds.use_cases.note_release import note_release
from rentbook_contracts.ledger import PersonFacts, RefundFacts
from rentbook_contracts.refunds import AddEvidence, BuildFile, ChangePayee, EvidenceKind, LinePosted
from rentbook_local.postgres import Database
from sqlalchemy.ext.asyncio import create_async_engine
from support.refund_cases import A, ledger
from support.refund_service import ASHA, VALID_ACCOUNT, VALID_SORT_CODE, Refunds, payee, released

TODAY = datetime.now(UTC).date()
APPEND_ONLY = (
    "case_event", "participant", "watched_account", "payee", "payee_confirmation", "evidence", "evidence_document", "check_result",
    "refund_plan", "payment_file", "submission", "bank_report", "bank_report_item", "bank_item_effect",
)  # fmt: skip


def tenant() -> RefundFacts:
    return ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=TODAY)


async def test_bank_details_stand_nowhere_but_under_the_envelope(refunds: Refunds, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    canary = payee(A, name="Canary Zebedee")
    case = await refunds.opened(tenant(), payee=canary)
    await refunds.checked(case)
    await refunds.do(change_payee, ChangePayee(case=case, payee=canary, called_back=True), caller=ASHA)
    await refunds.checked(case, round_=2)
    tables = await refunds.rows("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'")
    everything = caplog.text
    for table in tables:
        everything += json.dumps([row["t"] for row in await refunds.rows(f"SELECT row_to_json(t)::text AS t FROM {table['name']} t")])
    assert len(tables) > 20
    assert "4958" in everything, "what people may see of the account is there, so the search looks where details could be"
    for secret in (VALID_SORT_CODE, VALID_ACCOUNT, "Canary", "Zebedee"):
        assert secret not in everything


async def test_the_role_that_serves_rewrites_nothing_that_was_said(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    await refunds.checked(case)
    told = AddEvidence(case=case, check=2, kind=EvidenceKind.BENEFIT_ANSWER, settles=True, received_on=TODAY)
    await refunds.do(add_evidence, told, caller=ASHA)
    for table in APPEND_ONLY:
        [column] = await refunds.rows(
            "SELECT column_name AS name FROM information_schema.columns WHERE table_name = :table ORDER BY ordinal_position DESC LIMIT 1",
            table=table,
        )
        for attack in (f"UPDATE {table} SET {column['name']} = {column['name']}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(sa.exc.DBAPIError, match=r"permission denied|append-only"):
                await refunds.rows(attack)


async def test_not_even_the_owner_rewrites_them(refunds: Refunds, database: Database) -> None:
    case = await refunds.opened(tenant())
    await refunds.checked(case)
    engine = create_async_engine(database.owner_url)
    try:
        for table in ("case_event", "check_result", "refund_plan", "payee"):
            for attack in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
                async with engine.connect() as connection:
                    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
                        await connection.execute(sa.text(attack))
    finally:
        await engine.dispose()


async def test_the_serving_role_makes_no_policy(refunds: Refunds) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="permission denied"):
        await refunds.rows("UPDATE policy SET in_force_from = '2000-01-01'")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "Put the payees' key ring"),
        ("{}", "is not one"),
        ('{"current": "k2", "keys": {}, "index_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}', "does not hold"),
    ],
)
async def test_without_its_keys_the_service_does_not_start(
    settings: RefundsSettings, secrets_dir: Path, content: str | None, said: str
) -> None:
    ring = secrets_dir / "payee_keys.json"
    ring.unlink() if content is None else ring.write_text(content, encoding="utf-8")
    with pytest.raises(UnusableKeyRing, match=said):
        make_app(settings)


async def door(refunds: Refunds, settings: RefundsSettings, path: str, **headers: str) -> httpx.Response:
    async def well() -> list[str]:
        return []

    rooms = web(refunds.runtime, make_app(settings), well)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(rooms), base_url="http://refunds") as client:
        return await client.get(path, headers=headers)


def called_by(*roles: str) -> dict[str, str]:
    return {"Authorization": "Bearer the-services-token", "X-Rentbook-Person": "someone", "X-Rentbook-Roles": ",".join(roles)}


async def test_the_payment_file_is_for_finance_alone(refunds: Refunds, settings: RefundsSettings) -> None:
    plan = await refunds.queued(tenant())
    fact = released(plan, at=datetime.now(UTC))
    await refunds.do(note_release, fact)
    await refunds.do(line_posted, LinePosted(run=fact.run, plan=plan, refund_journal=refunds.ledger.posts(plan)))
    built = await refunds.do(build_file, BuildFile(run=fact.run))
    path = f"/payment-files/{fact.run}"
    given = await door(refunds, settings, path, **called_by("finance"))
    assert (given.status_code, hashlib.sha256(given.content).hexdigest()) == (200, built.sha256)
    assert given.headers["cache-control"] == "no-store"
    for roles in (("auditor",), ("officer",), ("team-leader",), ("finance", "auditor"), ()):
        refused = await door(refunds, settings, path, **called_by(*roles))
        assert refused.status_code == 403
        assert VALID_ACCOUNT not in refused.text
    assert (await door(refunds, settings, path)).status_code == 401
    assert (await door(refunds, settings, f"/payment-files/{uuid4()}", **called_by("finance"))).status_code == 404


def test_the_payment_file_names_the_council_of_the_letters(settings: RefundsSettings) -> None:
    council = json.loads((files("notices") / "data" / "letterhead.json").read_text("utf-8"))["council"]
    assert settings.means().originator.name.split()[0] == council.split()[0].upper()


async def test_the_service_is_wired(settings: RefundsSettings) -> None:
    app = make_app(settings)
    assert {subscription.fact.topic for subscription in app.listens} == {"ledger.accounts", "approvals.payment-runs"}
    assert len(app.offers) == 16
