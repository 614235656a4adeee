"""Many people and systems at once: whatever is accepted or refused, the books stay right."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from chassis.peers import headers_of
from chassis.transaction import Caller, Runtime, run
from ledger.domain.rules import AccountMoved
from ledger.use_cases.debit_week import debit_week
from ledger.use_cases.note_decision import note_decision
from ledger.use_cases.note_release import note_release
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.post_refund import post_refund
from ledger.use_cases.release_hold import release_hold
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.web import routes
from rentbook_contracts.approvals import Answer, DecisionMade, PaymentRunReleased, ReleasedLine, TaskKind
from rentbook_contracts.ledger import DebitWeek, Offset, PlaceHold, PostRefund, RefundPlan, ReleaseHold, ReverseJournal
from rentbook_contracts.operation import BrokenRule
from starlette.applications import Starlette
from support.ledger_books import FTA, LAST_WEEK, MAIN, MAIN_REFERENCE, NEIGHBOUR_REFERENCE, RECHARGE

from .domain.build_files import CashLine, allpay

INVARIANTS = {
    "a journal that does not add up": "SELECT journal FROM entry GROUP BY journal HAVING sum(amount_pence) <> 0",
    "a balance that is not the sum of its entries": (
        "SELECT id FROM account WHERE balance_pence <> (SELECT coalesce(sum(amount_pence), 0) FROM entry WHERE entry.account = account.id)"
    ),
    "a version that nobody was told": (
        "SELECT key FROM outbox_event WHERE topic = 'ledger.accounts' GROUP BY key HAVING max(aggregate_version) <> count(*) "
        "UNION SELECT id::text FROM account WHERE version <> (SELECT count(*) FROM outbox_event WHERE key = account.id::text)"
    ),
    "a balance told that was not the balance": (
        "SELECT key FROM account JOIN outbox_event ON key = account.id::text AND aggregate_version = version "
        "WHERE (body::jsonb ->> 'balance_pence')::bigint <> balance_pence"
    ),
    "a key without a journal, or a journal without a key": (
        "SELECT id FROM journal WHERE (SELECT count(*) FROM accepted_posting WHERE journal = journal.id) <> 1"
    ),
    "a refund without a completing approval": (
        "SELECT id FROM journal WHERE code = 'RDR' AND reverses IS NULL AND NOT EXISTS "
        "(SELECT FROM heard_decision WHERE decision = decision_id AND answer = 'approved' AND completes)"
    ),
}


def one(seed: int, runtime: Runtime, http: httpx.AsyncClient) -> Callable[[], Awaitable[object]]:
    """A piece of work with a chance of its own: what it does is the same whoever comes between."""
    chance = Random(seed)
    officer = Caller("lind.officer", frozenset({"officer"}))

    async def bank_file() -> None:
        payee = chance.choice((MAIN_REFERENCE, NEIGHBOUR_REFERENCE, "nobody"))
        lines = [CashLine(reference=payee, pounds=f"{chance.randint(50, 500)}.00")]
        headers = headers_of(officer, "token-of-the-services", form=None)
        answer = await http.post("/bank-files", params={"name": "f"}, content=allpay(lines * chance.randint(1, 3)), headers=headers)
        assert answer.status_code in (200, 201, 422), answer.text

    async def week() -> None:
        monday = DebitWeek(week_commencing=LAST_WEEK - timedelta(weeks=chance.randint(0, 3)))
        await run(runtime, lambda tx: debit_week(tx, monday))

    async def refund() -> None:
        debts = [account for account in (FTA, RECHARGE) if chance.random() < 0.5]
        offsets = tuple(Offset(account=account, amount_pence=chance.randint(1, 9_00)) for account in debts)
        plan = RefundPlan(
            case=uuid4(), attempt=1, account=MAIN, refund_pence=chance.randint(1, 60_00), offsets=offsets, payee=uuid4(), checks_hash="x"
        )
        hold = (await run(runtime, lambda tx: place_hold(tx, PlaceHold(plan=plan)))).hold
        made = DecisionMade(
            case=plan.case, kind=TaskKind.REFUND, decision=uuid4(), task=uuid4(), attempt=1, round=1, stage=1,
            content_hash=plan.content_hash, answer=Answer.APPROVED, completes=chance.random() < 0.8,
        )  # fmt: skip
        await run(runtime, lambda tx: note_decision(tx, made))
        line = ReleasedLine(case=plan.case, attempt=1, content_hash=plan.content_hash, amount_pence=plan.refund_pence)
        signed = PaymentRunReleased(run=uuid4(), lines=(line,), total_pence=plan.refund_pence, released_at=datetime.now(UTC))
        await run(runtime, lambda tx: note_release(tx, signed))
        try:
            await _post(runtime, plan, hold, made.decision)
        except BrokenRule:
            await run(runtime, lambda tx: release_hold(tx, ReleaseHold(hold=hold, case=plan.case)))
            raise

    async def reversal() -> None:
        async with runtime.engine.connect() as connection:
            ids = list(await connection.scalars(sa.text("SELECT id FROM journal ORDER BY seq")))
        asked = ReverseJournal(journal=chance.choice(ids), reason="keyed twice")
        await run(runtime, lambda tx: reverse_journal(tx, asked), caller=officer)

    return chance.choice((bank_file, bank_file, week, refund, refund, reversal))


async def _post(runtime: Runtime, plan: RefundPlan, hold: UUID, decision: UUID) -> None:
    """As the workflow does it: an account that moved is looked at again."""
    for _ in range(20):
        versions = await _versions(runtime, [MAIN, FTA, RECHARGE])
        asked = PostRefund(plan=plan, hold=hold, decision=decision, versions=versions)
        with suppress(AccountMoved):
            await run(runtime, lambda tx, asked=asked: post_refund(tx, asked))  # type: ignore[misc]
            return


async def _versions(runtime: Runtime, accounts: list[UUID]) -> dict[UUID, int]:
    async with runtime.engine.connect() as connection:
        rows = await connection.execute(sa.text("SELECT id, version FROM account WHERE id = ANY(:ids)"), {"ids": accounts})
        return {row.id: row.version for row in rows}


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_at_once_the_books_stay_right(ledger: Runtime, seed: int) -> None:
    chance = Random(seed)
    transport = httpx.ASGITransport(Starlette(routes=list(routes(ledger))))
    async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as http:
        outcomes: list[object] = []
        for _ in range(6):
            outcomes += await asyncio.gather(*(one(chance.getrandbits(32), ledger, http)() for _ in range(10)), return_exceptions=True)
    unexpected = [outcome for outcome in outcomes if isinstance(outcome, BaseException) and not isinstance(outcome, BrokenRule)]
    assert not unexpected
    assert sum(outcome is None for outcome in outcomes) > len(outcomes) / 4, "most of the work was done, or this test shows nothing"
    async with ledger.engine.connect() as connection:
        for broken, query in INVARIANTS.items():
            assert (await connection.execute(sa.text(query))).all() == [], broken
        assert await connection.scalar(sa.text("SELECT count(*) FROM journal WHERE code = 'RDR'"))
