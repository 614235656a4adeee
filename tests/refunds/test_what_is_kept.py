"""What is kept and how: bank details under the envelope and nowhere else, and what was said stays as it was said."""

import hashlib
import json
import logging
import os
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from chassis.serving import Tick
from chassis.transaction import Transaction, run
from chassis.web import web
from refunds.app import make_app
from refunds.domain.days import business_date
from refunds.domain.envelope import Unopenable, UnusableKeyRing, seal
from refunds.domain.means import Means
from refunds.settings import RefundsSettings
from refunds.use_cases.add_evidence import add_evidence
from refunds.use_cases.build_file import build_file
from refunds.use_cases.change_payee import change_payee
from refunds.use_cases.record_bank_reports import record_bank_reports
from refunds.use_cases.seal_files import seal_files
from refunds.use_cases.settle_run import settle_run
from refunds.use_cases.submit_file import submit_file
from rentbook_contracts.ledger import PersonFacts, RefundFacts
from rentbook_contracts.refunds import AddEvidence, BuildFile, ChangePayee, EvidenceKind, FileFate, SettleRun, SubmitFile
from rentbook_local.postgres import Database
from sqlalchemy.ext.asyncio import create_async_engine
from support.bank import Bank
from support.refund_cases import A, ledger
from support.refund_service import ASHA, VALID_ACCOUNT, VALID_SORT_CODE, Refunds, payee

TODAY = business_date(datetime.now(UTC))
APPEND_ONLY = (
    "case_event", "participant", "watched_account", "payee", "payee_confirmation", "evidence", "evidence_document", "check_result",
    "refund_plan", "payment_file", "payment_file_content", "submission", "bank_report", "bank_report_item", "bank_item_effect",
)  # fmt: skip


def tenant() -> RefundFacts:
    return ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=TODAY)


async def test_bank_details_stand_nowhere_but_under_the_envelope(refunds: Refunds, bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await bank.register({"sort_code": VALID_SORT_CODE, "account_number": VALID_ACCOUNT, "name": "Canary Zebedee"})
    canary = payee(A, name="Canary Zebedee")
    changed = await refunds.opened(tenant(), payee=canary)
    await refunds.checked(changed)
    await refunds.do(change_payee, ChangePayee(case=changed, payee=canary, called_back=True), caller=ASHA)
    await refunds.checked(changed, round_=2)
    built = await refunds.in_a_file(await refunds.queued(tenant().model_copy(update={"account": uuid4()}), payee=canary))
    assert (await refunds.do(submit_file, SubmitFile(run=built.run, sha256=built.sha256))).fate is FileFate.ACCEPTED
    await refunds.do(settle_run, SettleRun(run=built.run, fate=FileFate.ACCEPTED))
    while await refunds.do(record_bank_reports, Tick(at=datetime.now(UTC))):
        pass
    [paid] = await refunds.rows("SELECT name, status FROM payment_line JOIN payment_file USING (run)")
    left = (refunds.means.payments_dir / paid["name"]).read_text("ascii")
    everything = f"{await refunds.everything()}\n{caplog.text}"
    assert paid["status"] == "paid"
    for shown in ("4958", built.sha256):
        assert shown in everything, "what people may see of the account and the file is there, so the search looks where details could be"
    for secret in (VALID_SORT_CODE, VALID_ACCOUNT, "CANARY", "ZEBEDEE"):
        assert secret in left
        assert secret not in everything.upper()


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


async def kept_in_clear(refunds: Refunds, database: Database, run: UUID, sha256: str) -> bytes:
    """The file of a run lies in the database as a version before wrote it."""
    [file] = [path for path in refunds.means.payments_dir.iterdir() if hashlib.sha256(path.read_bytes()).hexdigest() == sha256]
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        async with connection.transaction():
            for table in ("payment_file", "payment_file_content"):
                await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER stays_as_written")
            await connection.execute("ALTER TABLE payment_file DROP CONSTRAINT no_file_is_kept_in_clear")
            await connection.execute("DELETE FROM payment_file_content WHERE run = $1", run)
            await connection.execute("UPDATE payment_file SET content = $2 WHERE run = $1", run, file.read_bytes())
            in_clear = "ALTER TABLE payment_file ADD CONSTRAINT no_file_is_kept_in_clear CHECK (content IS NULL) NOT VALID"
            await connection.execute(in_clear)
            for table in ("payment_file", "payment_file_content"):
                await connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER stays_as_written")
    finally:
        await connection.close()
    return file.read_bytes()


async def test_files_from_before_they_were_sealed_are_sealed_as_the_service_starts(
    refunds: Refunds, settings: RefundsSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever ends the process on the way: a file lies in clear or sealed, and is the same to whoever asks for it."""
    monkeypatch.setattr("refunds.use_cases.seal_files.FILES_AT_ONCE", 2)
    built = [await refunds.in_a_file(await refunds.queued(tenant().model_copy(update={"account": uuid4()}))) for _ in range(3)]
    files = {one.run: await kept_in_clear(refunds, database, one.run, one.sha256) for one in built}
    assert VALID_ACCOUNT in await refunds.everything()

    async def dies(tx: Transaction, tick: Tick, means: Means) -> None:
        await seal_files(tx, tick, means)
        raise KeyboardInterrupt

    async def are_the_same() -> bool:
        given = {run: await door(refunds, settings, f"/payment-files/{run}", **called_by("finance")) for run in files}
        again = [await refunds.do(build_file, BuildFile(run=one.run)) for one in built]
        return {run: answer.content for run, answer in given.items()} == files and again == built

    with pytest.raises(KeyboardInterrupt):
        await refunds.do(dies, Tick(at=datetime.now(UTC)))
    assert await are_the_same()
    [work] = [every for every in make_app(settings).every if every.use_case.__name__ == "seal_files"]
    for more in (True, False):
        assert await run(refunds.runtime, lambda tx: work.use_case(tx, Tick(at=tx.now))) is more
        assert await are_the_same()
    assert VALID_ACCOUNT not in await refunds.everything()


async def test_no_file_is_kept_in_clear_or_unmade_by_sealing(refunds: Refunds, database: Database) -> None:
    built, other = [await refunds.in_a_file(await refunds.queued(tenant().model_copy(update={"account": uuid4()}))) for _ in range(2)]
    await kept_in_clear(refunds, database, built.run, built.sha256)
    for url in (database.app_dsn, database.owner_dsn):
        connection = await asyncpg.connect(url)
        try:
            with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                await connection.execute("UPDATE payment_file SET content = NULL WHERE run = $1", built.run)
            for content in (b"in clear", None):
                with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
                    await connection.execute("UPDATE payment_file SET content = $2 WHERE run = $1", other.run, content)
            days = "processing_day, entry_day, items, total_pence, built_at"
            like = f"number + 9, run, name || 'x', sha256 || 'x', convert_to('x', 'UTF8'), {days}"
            with pytest.raises(asyncpg.CheckViolationError, match="no_file_is_kept_in_clear"):
                await connection.execute(f"INSERT INTO payment_file SELECT {like} FROM payment_file WHERE run = $1", built.run)
        finally:
            await connection.close()


async def test_other_bytes_than_those_that_were_built_leave_nowhere(refunds: Refunds, bank: Bank, database: Database) -> None:
    """Sealed by whoever has the key too, and written by whoever owns the tables: the bank would not know their hash when it is asked."""
    built = await refunds.in_a_file(await refunds.queued(tenant()))
    forged = seal(refunds.means.keys, built.run, b"pay somebody else", os.urandom)
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        await connection.execute("ALTER TABLE payment_file_content DISABLE TRIGGER stays_as_written")
        await connection.execute(
            "UPDATE payment_file_content SET key_id = $1, wrapped_key = $2, sealed = $3", forged.key_id, forged.wrapped_key, forged.content
        )
    finally:
        await connection.close()
    for use_case, asked in ((build_file, BuildFile(run=built.run)), (submit_file, SubmitFile(run=built.run, sha256=built.sha256))):
        with pytest.raises(Unopenable):
            await refunds.do(use_case, asked)
    assert await refunds.rows("SELECT * FROM submission") == [], "what was not sent is not noted as sent"


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
    built = await refunds.in_a_file(await refunds.queued(tenant()))
    path = f"/payment-files/{built.run}"
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
