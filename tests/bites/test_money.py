"""Bugs of keeping money, put back one by one: lost updates, a second reversal, credit spent twice, a tail cut off, an answer guessed at."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from chassis.activities import as_activity
from chassis.process import make_runtime
from chassis.serving import Offer, Tick
from chassis.transaction import Caller, Runtime, Transaction, once, run, transaction
from faults.proxy import Misdeed, before
from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.posting import Control, Posting, two_legs
from ledger.use_cases.note_decision import note_decision
from ledger.use_cases.note_release import note_release
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.post_refund import post_refund
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.seal import ANCHOR_FILE, sealing_into
from rentbook_contracts.approvals import Answer, DecisionMade, PaymentRunReleased, ReleasedLine, TaskKind
from rentbook_contracts.ledger import HoldPlaced, PlaceHold, PostRefund, RefundPlan, ReverseJournal
from rentbook_contracts.operation import BrokenRule, Operation
from rentbook_local.checking import ledger as ledger_checks
from rentbook_local.checking import seal as seal_checks
from rentbook_local.checking.books import Books, Places
from rentbook_local.checking.promise import Promise
from rentbook_local.postgres import Database
from support.counting import SOMEBODY_WAITS, CountedTo, CountUp, count_up, prepare, scalar, settings_for, until
from support.ledger_books import MAIN
from support.servers import Postgres
from temporalio import activity
from temporalio.common import RawValue
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from bites.bite import bites
from bites.conftest import Ledgers

OFFICER = Caller("lind.officer", frozenset({"officer"}))
CREDIT_PENCE = 140_00


async def checked(database: Database, promises: Sequence[Promise] = ledger_checks.PROMISES, anchor: Path | None = None) -> list[str]:
    """What `./rentbook check` finds broken in the ledger's own rows."""
    lines = None if anchor is None else tuple((await asyncio.to_thread(anchor.read_text)).splitlines())
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            books = Books({"ledger": connection}, Places({}), lines)
            findings = [await promise.look(books) for promise in promises]
        return [place for finding in findings for place in finding.broken]
    finally:
        await connection.close()


# --- a naive balance update --------------------------------------------------------------------------------------------------------

READ_THEN_WRITE = """
CREATE OR REPLACE FUNCTION post_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  moved record;
  before bigint;
BEGIN
  FOR moved IN SELECT account AS id, sum(amount_pence) AS pence FROM posted GROUP BY account LOOP
    SELECT balance_pence INTO before FROM account WHERE id = moved.id;
    UPDATE account SET balance_pence = before + moved.pence WHERE id = moved.id AND balance_pence IS NOT NULL;
  END LOOP;
  RETURN NULL;
END $$
"""


async def test_bite_naive_balance_update(ledgers: Ledgers) -> None:
    """Two postings on one account at once: whoever reads the balance and writes it back loses what came in between."""

    async def scenario(sql: str) -> Sequence[str]:
        async with ledgers(sql) as (runtime, database):
            async with transaction(runtime) as first:
                await store.post(first, [receipt(1)])
                second = asyncio.ensure_future(run(runtime, lambda tx: store.post(tx, [receipt(2)])))
                await until(lambda: somebody_waits(runtime), "the second waits for the first")
            await second
            return await checked(database)

    await bites(scenario, sql=READ_THEN_WRITE)


def receipt(number: int) -> Posting:
    today = business_date(datetime.now(UTC))
    return Posting(f"bite/{number}", "RSO", today, two_legs(MAIN, -10_00, Control.BANK), "system", cleared_on=today)


async def somebody_waits(runtime: Runtime) -> bool:
    return bool(await scalar(runtime, SOMEBODY_WAITS))


async def test_the_wait_for_a_lock_is_not_ended_by_a_lock_of_another_database(ledgers: Ledgers) -> None:
    async with ledgers("") as (elsewhere, _), ledgers("") as (runtime, _):
        async with transaction(elsewhere) as first:
            await store.post(first, [receipt(1)])
            second = asyncio.ensure_future(run(elsewhere, lambda tx: store.post(tx, [receipt(2)])))
            await until(lambda: somebody_waits(elsewhere), "the second waits for the first")
            here = await somebody_waits(runtime)
        await second
    assert not here


# --- a double reversal -------------------------------------------------------------------------------------------------------------


async def test_bite_double_reversal(ledgers: Ledgers) -> None:
    """Several people reverse one journal: without the look under the lock, the original's key and the unique column, all of them do."""

    async def scenario(sql: str) -> Sequence[str]:
        async with ledgers(sql) as (runtime, database):
            journal = await scalar(runtime, "SELECT id FROM journal WHERE code = 'RCO'")
            asked = ReverseJournal(journal=journal, reason="keyed twice")
            tries = await asyncio.gather(
                *(run(runtime, lambda tx: reverse_journal(tx, asked), caller=OFFICER) for _ in range(3)), return_exceptions=True
            )
            assert all(isinstance(each, BrokenRule) for each in tries if isinstance(each, BaseException)), tries
            return await checked(database)

    def mirror_under_a_new_key(legs: Sequence[Any], original: UUID, **about: Any) -> Posting:
        return mirror(legs, uuid4(), original, **about)

    async def nothing_reversed(tx: Transaction, id_: UUID) -> None:
        return None

    await bites(
        scenario,
        patches={"ledger.use_cases.mirrored.mirror": mirror_under_a_new_key, "ledger.store.reversal_of": nothing_reversed},
        sql="ALTER TABLE journal DROP CONSTRAINT a_journal_is_reversed_once",
    )


def mirror(legs: Sequence[Any], key: UUID, original: UUID, **about: Any) -> Posting:
    """The mirror image of a journal, under a key that says nothing of it."""
    opposite = tuple(type(leg)(leg.account, leg.element, -leg.amount_pence) for leg in legs)
    told = {name: about[name] for name in ("code", "effective_date", "actor", "narrative", "case")}
    return Posting(f"reverse/{key}", legs=opposite, reverses=original, **told)


# --- a check, then a posting -------------------------------------------------------------------------------------------------------


async def test_bite_check_then_post(ledgers: Ledgers) -> None:
    """Two cases want the same credit: each looks, both see it, and both are paid."""

    async def scenario(sql: str) -> Sequence[str]:
        async with ledgers(sql) as (runtime, _):
            plans = [plan(CREDIT_PENCE), plan(CREDIT_PENCE)]
            holds = await asyncio.gather(*(place(runtime, each) for each in plans), return_exceptions=True)
            for each, hold in zip(plans, holds, strict=True):
                if not isinstance(hold, BaseException):
                    await paid(runtime, each, hold)
            balance = await scalar(runtime, "SELECT balance_pence FROM account WHERE id = :id", id=MAIN)
            return [f"{balance + CREDIT_PENCE} was paid out of a credit of {CREDIT_PENCE}"] if balance > 0 else []

    async def only_look(tx: Transaction, asked: PlaceHold) -> HoldPlaced:
        """Whether there is enough, and nothing that keeps it."""
        credit = -int(await tx.connection.scalar(sa.text("SELECT balance_pence FROM account WHERE id = :id"), {"id": asked.plan.account}))
        if asked.plan.total_pence > credit:
            raise BrokenRule("not enough")
        return HoldPlaced(hold=uuid4())

    async def nothing(*_: Any) -> None:
        return None

    async def enough(*_: Any) -> int:
        return 2**40

    await bites(
        scenario,
        patches={
            "bites.test_money.place_hold": only_look,
            "ledger.use_cases.post_refund._hold_stands": nothing,
            "ledger.use_cases.post_refund.available_credit": enough,
            "ledger.store.settle_earmark": nothing,
        },
    )


def plan(pence: int) -> RefundPlan:
    return RefundPlan(case=uuid4(), attempt=1, account=MAIN, refund_pence=pence, payee=uuid4(), checks_hash="x")


async def place(runtime: Runtime, of: RefundPlan) -> UUID:
    return (await run(runtime, lambda tx: place_hold(tx, PlaceHold(plan=of)))).hold


async def paid(runtime: Runtime, of: RefundPlan, hold: UUID) -> None:
    """Approved, released and posted, as the story does it after its own look at the account."""
    made = DecisionMade(
        case=of.case, kind=TaskKind.REFUND, decision=uuid4(), task=uuid4(), attempt=1, round=1, stage=1, content_hash=of.content_hash,
        answer=Answer.APPROVED, completes=True,
    )  # fmt: skip
    line = ReleasedLine(case=of.case, attempt=1, content_hash=of.content_hash, amount_pence=of.refund_pence)
    signed = PaymentRunReleased(run=uuid4(), lines=(line,), total_pence=of.refund_pence, released_at=datetime.now(UTC))
    await run(runtime, lambda tx: note_decision(tx, made))
    await run(runtime, lambda tx: note_release(tx, signed))
    version = await scalar(runtime, "SELECT version FROM account WHERE id = :id", id=MAIN)
    asked = PostRefund(plan=of, hold=hold, decision=made.decision, versions={MAIN: version})
    await run(runtime, lambda tx: post_refund(tx, asked))


# --- a chain without an anchor -----------------------------------------------------------------------------------------------------

CUT_THE_TAIL = """
SET session_replication_role = replica;
ALTER TABLE seal DISABLE TRIGGER ALL; ALTER TABLE entry DISABLE TRIGGER ALL; ALTER TABLE accepted_posting DISABLE TRIGGER ALL;
ALTER TABLE journal DISABLE TRIGGER ALL;
CREATE TEMPORARY TABLE last AS SELECT journal AS id FROM seal ORDER BY audit_no DESC LIMIT 1;
UPDATE account SET balance_pence = balance_pence - entry.amount_pence FROM entry, last
  WHERE entry.journal = last.id AND entry.account = account.id AND account.balance_pence IS NOT NULL;
DELETE FROM seal WHERE journal IN (SELECT id FROM last);
DELETE FROM entry WHERE journal IN (SELECT id FROM last);
DELETE FROM accepted_posting WHERE journal IN (SELECT id FROM last);
DELETE FROM journal WHERE id IN (SELECT id FROM last);
"""


async def test_bite_chain_without_anchor_and_a_truncated_tail(ledgers: Ledgers, postgres: Postgres, tmp_path: Path) -> None:
    """Whoever owns the server cuts off the last journal with its seal: the chain is whole, and only what lies outside knows better."""

    async def noticed(anchors: Path | None) -> bool:
        async with ledgers("") as (runtime, database):
            journal = await scalar(runtime, "SELECT id FROM journal WHERE code = 'RCO'")
            asked = ReverseJournal(journal=journal, reason="keyed twice")
            await run(runtime, lambda tx: reverse_journal(tx, asked), caller=OFFICER)
            for _ in range(2):  # what the first has sealed the second anchors
                await run(runtime, lambda tx: sealing_into(anchors)(tx, Tick(at=tx.now)))
            file = anchors / ANCHOR_FILE if anchors is not None else None
            promises = [*ledger_checks.PROMISES, *seal_checks.PROMISES]
            assert await checked(database, promises, file) == []
            await as_superuser(postgres, database, CUT_THE_TAIL)
            found = await checked(database, promises, file)
            assert not any("chain" in place or "follow" in place for place in found), "the chain itself looks whole"
            return bool(found)

    assert await noticed(tmp_path / "anchors")
    assert not await noticed(None), "the bug: without an anchor nobody misses the tail"


async def as_superuser(postgres: Postgres, database: Database, sql: str) -> None:
    connection = await asyncpg.connect(postgres.superuser_dsn(database.name))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


# --- a new key after an unknown outcome --------------------------------------------------------------------------------------------


async def test_bite_retry_with_a_new_key_after_an_unknown_outcome(postgres: Postgres, secrets_dir: Path) -> None:
    """PostgreSQL commits a story's step and its reply is lost: Temporal tries again, and another key would do it twice."""

    async def scenario(_: str) -> Sequence[str]:
        database = await postgres.new_database("counter", migrate=prepare)
        address = sa.make_url(database.app_url)
        async with before(address.host or "127.0.0.1", address.port or 5432) as (proxy, port):
            through = settings_for(database, secrets_dir, database_url=address.set(port=port).render_as_string(hide_password=False))
            async with make_runtime("counter", through) as runtime:
                await scalar(runtime, "SELECT 1")
                proxy.next_commit = Misdeed.CUT
                with pytest.raises(ApplicationError) as unknown:
                    await tried(runtime, attempt=1)
                assert not unknown.value.non_retryable
                await tried(runtime, attempt=2)
                times = await scalar(runtime, "SELECT version FROM count WHERE key = 'a'")
        assert [done.misdeed for done in proxy.done] == [Misdeed.CUT]
        return [] if times == 1 else [f"done {times} times"]

    async def under_another_key(tx: Transaction, offer: Offer[Any, Any], argument: Any, _: bytes) -> Any:
        step, name, gives = activity.info(), offer.operation.name, offer.operation.gives
        key = f"activity:{step.workflow_id}:{step.activity_id}:{step.attempt}"
        return await once(tx, key=key, name=name, argument=argument, gives=gives, use_case=offer.use_case)

    await bites(scenario, patches={"chassis.activities._remembered": under_another_key})


COUNT_UP = Operation("counter.count-up", "counter", CountUp, CountedTo)


async def tried(runtime: Runtime, *, attempt: int) -> None:
    """The one step of a story, as Temporal hands it to the service."""
    place = ActivityEnvironment()
    place.info = replace(place.info, workflow_id="story/1", activity_id="1", attempt=attempt)
    sent = RawValue(pydantic_data_converter.payload_converter.to_payload(CountUp(key="a")))
    await place.run(as_activity(runtime, Offer(COUNT_UP, count_up)), sent)
