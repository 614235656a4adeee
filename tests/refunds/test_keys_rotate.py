"""Keys rotate: what the old key wraps opens until the last of it is wrapped anew, and then the old key may go."""

import asyncio
import base64
import hashlib
import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from refunds import queries
from refunds.domain.days import business_date
from refunds.domain.envelope import KeyRing, Unopenable
from refunds.use_cases.add_evidence import add_evidence
from refunds.use_cases.build_file import build_file
from refunds.use_cases.change_payee import change_payee
from rentbook_contracts.ledger import PersonFacts, RefundFacts
from rentbook_contracts.refunds import AddEvidence, BuildFile, CaseAsked, ChangePayee, EvidenceKind
from rentbook_local.postgres import Database
from sqlalchemy.ext.asyncio import create_async_engine
from support.documents import PDF, sent
from support.refund_cases import A, ledger
from support.refund_service import ASHA, Refunds, payee

TODAY = business_date(datetime.now(UTC))
SEALED = ("payee", "payee_confirmation", "evidence_document", "payment_file_content")


def tenant() -> RefundFacts:
    return ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=TODAY)


async def rewrap(database: Database, secrets: Path) -> tuple[int | None, str]:
    return await says("rewrap-keys", RENTBOOK_OWNER_DATABASE_URL=database.owner_url, RENTBOOK_SECRETS_DIR=str(secrets))


async def says(*words: str, **told: str) -> tuple[int | None, str]:
    """What `python -m refunds` says to these words, and its exit status."""
    pipe, both = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "refunds", *words, env={**os.environ, **told}, stdout=pipe, stderr=both
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().strip()


async def with_everything(refunds: Refunds) -> UUID:
    """A case with a payee, what the bank said of the name, and a document; another that is in a payment file."""
    await refunds.in_a_file(await refunds.queued(tenant().model_copy(update={"account": uuid4()})))
    case = await refunds.opened(tenant(), payee=payee(A, name="Ada Closely"))
    await refunds.checked(case)
    told = AddEvidence(case=case, check=7, kind=EvidenceKind.BANK_STATEMENT, settles=False, received_on=TODAY, document=sent(PDF))
    await refunds.do(add_evidence, told, caller=ASHA)
    return case


async def key_ids(refunds: Refunds) -> set[str]:
    found: set[str] = set()
    for table in SEALED:
        found |= {row["key_id"] for row in await refunds.rows(f"SELECT key_id FROM {table} WHERE key_id IS NOT NULL")}
    return found


async def test_an_operator_rotates_the_keys_and_nothing_is_lost(refunds: Refunds, database: Database, secrets_dir: Path) -> None:
    case = await with_everything(refunds)
    before = await refunds.ask(queries.case_page, CaseAsked(case=case))
    [document] = [row["id"] for row in await refunds.rows("SELECT id FROM evidence_document")]
    ring = json.loads((secrets_dir / "payee_keys.json").read_text())
    ring["keys"]["k2"] = base64.b64encode(b"n" * 32).decode()
    ring["current"] = "k2"
    (secrets_dir / "payee_keys.json").write_text(json.dumps(ring))
    old = refunds.means.keys
    new = b"n" * 32
    refunds.means = replace(refunds.means, keys=KeyRing("k2", {**old.keys, "k2": new}, old.index_key))
    assert (await refunds.ask(queries.case_page, CaseAsked(case=case))).payee == before.payee
    await refunds.do(change_payee, ChangePayee(case=case, payee=payee(A, name="Ada New"), called_back=True), caller=ASHA)
    assert await key_ids(refunds) == {"k1", "k2"}

    status, said = await rewrap(database, secrets_dir)
    assert (status, said.rpartition(". ")[2]) == (0, "Nothing is left under another key.")
    assert await key_ids(refunds) == {"k2"}
    assert "0 payees" in (await rewrap(database, secrets_dir))[1]

    refunds.means = replace(refunds.means, keys=KeyRing("k2", {"k2": new}, old.index_key))
    page = await refunds.ask(queries.case_page, CaseAsked(case=case))
    assert page.payee is not None
    assert page.payee.name == "Ada New"
    found = await refunds.ask(queries.document_of, document)
    assert found is not None
    assert found[1] == PDF
    [kept] = await refunds.rows("SELECT * FROM payment_file")
    written = refunds.means.payments_dir / kept["name"]
    written.unlink()
    await refunds.do(build_file, BuildFile(run=kept["run"]))
    assert hashlib.sha256(written.read_bytes()).hexdigest() == kept["sha256"]
    refunds.means = replace(refunds.means, keys=old)
    with pytest.raises(Unopenable):
        await refunds.ask(queries.case_page, CaseAsked(case=case))


async def test_an_operator_may_give_the_address_as_psql_takes_it(database: Database, secrets_dir: Path) -> None:
    assert database.owner_dsn.startswith("postgresql://")
    told = {"RENTBOOK_OWNER_DATABASE_URL": database.owner_dsn, "RENTBOOK_SECRETS_DIR": str(secrets_dir)}
    status, said = await says("rewrap-keys", **told)
    assert (status, said.rpartition(". ")[2]) == (0, "Nothing is left under another key.")


async def test_words_that_are_not_understood_are_answered_with_all_that_are() -> None:
    understood = "Nothing, `migrate`, `parked`, `outbox`, `stories` or `rewrap-keys` is understood here."
    assert await says("--help") == (2, understood)


async def test_a_ring_without_the_old_key_stops_before_it_changes_anything(refunds: Refunds, database: Database, secrets_dir: Path) -> None:
    await with_everything(refunds)
    ring = json.loads((secrets_dir / "payee_keys.json").read_text())
    secret = base64.b64encode(b"n" * 32).decode()
    (secrets_dir / "payee_keys.json").write_text(json.dumps({**ring, "current": "k2", "keys": {"k2": secret}}))
    status, said = await rewrap(database, secrets_dir)
    assert (status, said) == (1, "refunds: the key k1 is not on the ring. What was wrapped before it stays so.")
    assert secret not in said
    assert await key_ids(refunds) == {"k1"}


async def test_the_owner_may_change_the_wrapping_and_nothing_else_and_the_service_nothing(refunds: Refunds, database: Database) -> None:
    await with_everything(refunds)
    wrapping = "key_id = 'kX', wrapped_key = '\\x00'"
    engine = create_async_engine(database.owner_url)
    try:
        for table in SEALED:
            where = f"{table} SET {wrapping}"
            with pytest.raises(sa.exc.DBAPIError, match="permission denied"):
                await refunds.rows(f"UPDATE {where}")
            content = "sealed_name" if table == "payee_confirmation" else "sealed"
            for attack in (f"UPDATE {where}, {content} = '\\x01'", f"UPDATE {table} SET key_id = 'kX'", f"DELETE FROM {table}"):
                async with engine.connect() as connection:
                    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
                        await connection.execute(sa.text(attack))
            async with engine.connect() as connection:
                await connection.execute(sa.text(f"UPDATE {where} WHERE key_id IS NOT NULL"))
                await connection.rollback()
    finally:
        await engine.dispose()
