"""Whoever had a hand in a refund request that was not paid decides none of the same people (decision 7)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from refunds.domain.days import business_date
from refunds.use_cases.add_evidence import add_evidence
from refunds.use_cases.change_payee import change_payee
from refunds.use_cases.close_case import close_case
from refunds.use_cases.open_case import open_case
from refunds.use_cases.open_review import open_review
from refunds.use_cases.plan_to_decide import plan_to_decide
from refunds.use_cases.withdraw import withdraw
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import PersonFacts, ReceiptPosted, RefundFacts, RefundPlan
from rentbook_contracts.refunds import (
    AddEvidence,
    CaseOutcome,
    CaseStatus,
    ChangePayee,
    CloseCase,
    EvidenceKind,
    PlanOfHash,
    WithdrawCase,
)
from support.refund_cases import A, ledger
from support.refund_service import ASHA, Refunds, payee, request

TODAY = business_date(datetime.now(UTC))
ELSEWHERE = UUID(int=0x99)
SAM = Caller("sam.senior", frozenset({"senior-officer"}), form="form-9")


def tenant(**other: Any) -> RefundFacts:
    facts = {"people": (PersonFacts(person=A),), "debts": (), "as_of": TODAY, "pays_by_direct_debit": False, **other}
    return ledger(1_000_00, **facts)


async def taken(refunds: Refunds, facts: RefundFacts, by: Caller = SAM, **wishes: Any) -> UUID:
    refunds.ledger.facts[facts.account] = facts
    return (await refunds.do(open_case, request(facts, **wishes), caller=by)).case


async def withdrawn(refunds: Refunds, case: UUID, by: Caller = ASHA) -> None:
    await refunds.do(withdraw, WithdrawCase(case=case, note="a mistake"), caller=by)
    await refunds.do(close_case, CloseCase(case=case, attempt=1, outcome=CaseOutcome.WITHDRAWN))


async def ended(refunds: Refunds, case: UUID, status: CaseStatus) -> None:
    """As `close_case` leaves it."""
    async with refunds.runtime.engine.begin() as connection:
        done = sa.text("UPDATE refund_case SET is_open = false, status = :status WHERE id = :case")
        await connection.execute(done, {"case": case, "status": status})


async def planned(refunds: Refunds, case: UUID) -> RefundPlan:
    made = (await refunds.checked(case)).plan
    assert made is not None
    return made


async def barred(refunds: Refunds, plan: RefundPlan, *others: UUID) -> set[str]:
    """Who may not decide a plan, as approvals is told."""
    asked = PlanOfHash(case=plan.case, content_hash=plan.content_hash, others=others)
    return set((await refunds.ask(plan_to_decide, asked)).participants)


async def deciding_nothing(refunds: Refunds, case: UUID) -> set[str]:
    return await barred(refunds, await planned(refunds, case))


@pytest.mark.parametrize("how", ["took it", "added evidence", "entered bank details", "withdrew it"])
async def test_whoever_had_a_hand_in_a_withdrawn_request_does_not_decide_the_next_of_a_colleague(refunds: Refunds, how: str) -> None:
    first = await taken(refunds, tenant(), SAM if how == "took it" else ASHA)
    if how == "added evidence":
        told = AddEvidence(case=first, check=7, kind=EvidenceKind.BANK_STATEMENT, settles=False, received_on=TODAY)
        await refunds.do(add_evidence, told, caller=SAM)
    if how == "entered bank details":
        await refunds.do(change_payee, ChangePayee(case=first, payee=payee(A), called_back=True), caller=SAM)
    await withdrawn(refunds, first, SAM if how == "withdrew it" else ASHA)
    assert await deciding_nothing(refunds, await taken(refunds, tenant(), ASHA)) == {"asha.officer", "sam.senior"}


async def test_what_was_declined_counts(refunds: Refunds) -> None:
    first = await taken(refunds, tenant())
    plan = await planned(refunds, first)
    refunds.decides(plan, Answer.DECLINED)
    await refunds.do(close_case, CloseCase(case=first, attempt=1, outcome=CaseOutcome.DECLINED, reason_code="in-order"))
    assert await deciding_nothing(refunds, await taken(refunds, tenant(), ASHA)) == {"asha.officer", "sam.senior"}


async def test_so_does_one_on_another_account_of_the_same_people_whether_it_is_open_or_not(refunds: Refunds) -> None:
    other = await taken(refunds, tenant(account=ELSEWHERE))
    plan = await planned(refunds, await taken(refunds, tenant(), ASHA))
    assert await barred(refunds, plan, ELSEWHERE) == {"asha.officer", "sam.senior"}
    assert await barred(refunds, plan) == {"asha.officer"}, "of other people it does not"
    await withdrawn(refunds, other)
    assert await barred(refunds, plan, ELSEWHERE) == {"asha.officer", "sam.senior"}


@pytest.mark.parametrize("status", [CaseStatus.PAID, CaseStatus.OFFSET])
async def test_what_was_paid_or_offset_counts_no_more(refunds: Refunds, status: CaseStatus) -> None:
    await ended(refunds, await taken(refunds, tenant()), status)
    assert await deciding_nothing(refunds, await taken(refunds, tenant(), ASHA)) == {"asha.officer"}


@pytest.mark.parametrize(
    ("first", "second", "over"),
    [(None, None, True), (80_00, None, True), (80_00, 80_00, True), (80_00, 79_99, False), (None, 80_00, False)],
)
async def test_it_is_over_once_as_much_was_asked_for_later_and_paid(
    refunds: Refunds, first: int | None, second: int | None, *, over: bool
) -> None:
    """A pound that somebody else pays meanwhile makes nobody a stranger."""
    await withdrawn(refunds, await taken(refunds, tenant(), amount_pence=first))
    await ended(refunds, await taken(refunds, tenant(), ASHA, amount_pence=second), CaseStatus.PAID)
    people = await deciding_nothing(refunds, await taken(refunds, tenant(), ASHA))
    assert people == ({"asha.officer"} if over else {"asha.officer", "sam.senior"})


async def test_whoever_ends_a_review_that_nobody_asked_for_may_decide_a_later_request(refunds: Refunds) -> None:
    facts = tenant()
    refunds.ledger.knows(facts)
    about = {"journal": uuid4(), "amount_pence": 100_00, "method": "RSO", "effective_date": TODAY, "cleared_on": TODAY}
    await refunds.do(open_review, ReceiptPosted(account=facts.account, balance_pence=facts.balance_pence, **about))
    [review] = await refunds.rows("SELECT id FROM refund_case")
    await refunds.do(withdraw, WithdrawCase(case=review["id"], note="rent goes up next month"), caller=SAM)
    assert await deciding_nothing(refunds, await taken(refunds, tenant(), ASHA)) == {"asha.officer"}
