"""How a case begins: by a tenant's request, or by a receipt that leaves credit above the floor."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from chassis.serving import Tick
from chassis.transaction import Transaction, Unanswered, transaction
from refunds.app import LISTENS, wired
from refunds.domain.bacs_text import NameHasNoBacsForm
from refunds.domain.days import business_date
from refunds.domain.modulus import MalformedBankDetails
from refunds.queries import case_page, cases
from refunds.store import cases as store
from refunds.store import looks
from refunds.use_cases.case_work import NotYourPart
from refunds.use_cases.close_case import close_case
from refunds.use_cases.close_spent_review import WHERE_IT_WENT, close_spent_review
from refunds.use_cases.look_at_due_credit import look_at_due_credit
from refunds.use_cases.open_case import (
    AccountCannotExist,
    AskerHasDied,
    AskerHasNotDied,
    CaseAlreadyOpen,
    ConsentAndOptOut,
    MoreThanTheCredit,
    NoCreditToRefund,
    NotATenant,
    NotTheTenantsName,
    open_case,
)
from refunds.use_cases.open_review import open_review
from refunds.use_cases.withdraw import withdraw
from rentbook_contracts.ledger import (
    AccountFact,
    AccountHold,
    ChargePosted,
    CreditFreed,
    CreditHeld,
    JournalReversed,
    PersonFacts,
    ReceiptPosted,
    RefundFacts,
    RefundPosted,
    TenancyEnded,
    TransferPosted,
)
from rentbook_contracts.refunds import (
    AskedAs,
    CaseAsked,
    CaseOutcome,
    CasePage,
    CasesAsked,
    CaseStatus,
    CloseCase,
    RefundCase,
    RefundClosed,
    RefundRequested,
    RefundReviewOpened,
    WithdrawCase,
)
from rentbook_contracts.workflows import LEDGER_MOVED, refund_workflow_id
from support.refund_cases import ENDED, FTA, A, B, ledger
from support.refund_service import ASHA, AUDREY, FINN, Refunds, payee, request

TODAY = business_date(datetime.now(UTC))


def tenant(**other: Any) -> RefundFacts:
    facts = {"people": (PersonFacts(person=A),), "debts": (), "as_of": TODAY, "pays_by_direct_debit": False, **other}
    return ledger(facts.pop("cleared", 1_000_00), **facts)


def receipt(facts: RefundFacts, **other: Any) -> ReceiptPosted:
    told = {"journal": uuid4(), "amount_pence": 100_00, "method": "RSO", "effective_date": TODAY, "cleared_on": TODAY, **other}
    return ReceiptPosted(account=facts.account, balance_pence=told.pop("balance_pence", facts.balance_pence), **told)


async def asked(refunds: Refunds, facts: RefundFacts, **other: Any) -> UUID:
    refunds.ledger.facts[facts.account] = facts
    return (await refunds.do(open_case, request(facts, **other), caller=ASHA)).case


async def test_a_request_opens_a_case_and_starts_its_workflow_at_once(refunds: Refunds) -> None:
    case = await asked(refunds, tenant(), amount_pence=141_20)
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert (page.status, page.attempt, page.requested_pence, page.taken_by) == (CaseStatus.CHECKING, 1, 141_20, "asha.officer")
    assert page.decide_by < page.pay_by
    [told] = await refunds.told(RefundRequested)
    assert (told.case, told.amount_pence) == (case, 141_20)
    [(workflow, argument)] = await refunds.signals("RefundApproval")
    assert workflow == refund_workflow_id(case, 1)
    assert str(case) in argument


@pytest.mark.parametrize(
    ("details", "rule", "field"),
    [
        ({"account_number": "66374959"}, AccountCannotExist, "account_number"),
        ({"name": "李"}, NameHasNoBacsForm, "payee_name"),
    ],
)
async def test_details_that_cannot_be_paid_to_are_refused_at_their_field(
    refunds: Refunds, details: dict[str, str], rule: type[MalformedBankDetails], field: str
) -> None:
    with pytest.raises(rule) as refused:
        await asked(refunds, tenant(), payee=payee(A, **details))
    assert refused.value.field == field
    assert "6637" not in str(refused.value)
    assert await refunds.rows("SELECT id FROM refund_case") == []


async def test_a_bank_account_in_another_name_is_not_the_tenants(refunds: Refunds) -> None:
    refunds.ledger.names[A] = "Petra Novotna"
    with pytest.raises(NotTheTenantsName) as refused:
        await asked(refunds, tenant(), payee=payee(A, name="Ivan Third"))
    assert refused.value.field == "payee_name"
    assert await refunds.rows("SELECT id FROM refund_case") == []
    await asked(refunds, tenant(), payee=payee(A, name="MRS P NOVOTNA"))


async def test_whoever_asks_is_a_tenant_of_the_account(refunds: Refunds) -> None:
    with pytest.raises(NotATenant):
        await asked(refunds, tenant(), asked_by=B)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"cleared": 0, "balance_pence": 412_00, "uncleared_pence": 0}, "£412.00 behind"),
        ({"cleared": 0, "balance_pence": 0, "uncleared_pence": 0}, "nothing is in credit"),
        ({"cleared": 0}, "£500.00 has not cleared yet"),
        ({"cleared": 0, "uncleared_pence": 0, "held_by_others_pence": 500_00}, "£500.00 is set aside for another case"),
    ],
)
async def test_without_cleared_credit_no_case_is_opened(refunds: Refunds, facts: dict[str, Any], words: str) -> None:
    with pytest.raises(NoCreditToRefund, match=words):
        await asked(refunds, tenant(**facts))
    assert await refunds.rows("SELECT id FROM refund_case") == []
    assert await refunds.signals("RefundApproval") == []


async def test_a_credit_that_went_to_income_may_be_asked_for_and_the_story_puts_it_back_first(refunds: Refunds) -> None:
    facts = tenant(cleared=0, balance_pence=0, uncleared_pence=0, written_on_pence=25_00)
    with pytest.raises(MoreThanTheCredit, match=r"only £25.00 in credit"):
        await asked(refunds, facts, amount_pence=25_01)
    await asked(refunds, facts, amount_pence=25_00)
    [(_, argument)] = await refunds.signals("RefundApproval")
    assert RefundCase.model_validate_json(argument).account == facts.account


async def test_what_is_owed_takes_a_credit_at_income_up(refunds: Refunds) -> None:
    with pytest.raises(NoCreditToRefund):
        await asked(refunds, tenant(cleared=0, balance_pence=25_00, uncleared_pence=0, written_on_pence=25_00))


async def test_a_credit_that_is_on_its_account_may_go_to_income_meanwhile(refunds: Refunds) -> None:
    """So each round of the story asks, whatever stood there when the case was opened."""
    facts = tenant()
    await asked(refunds, facts, amount_pence=141_20)
    [(_, argument)] = await refunds.signals("RefundApproval")
    begun = RefundCase.model_validate_json(argument)
    assert (begun.account, begun.written_on) == (facts.account, None)


async def test_more_than_the_credit_is_refused_at_the_amount(refunds: Refunds) -> None:
    with pytest.raises(MoreThanTheCredit) as refused:
        await asked(refunds, tenant(), amount_pence=1_500_01)
    assert refused.value.field == "amount"
    assert "£1,500.00 in credit, £1,000.00 of it cleared" in refused.value.message
    await asked(refunds, tenant(), amount_pence=1_500_00)


async def test_a_debt_is_agreed_to_or_opted_out_of(refunds: Refunds) -> None:
    with pytest.raises(ConsentAndOptOut):
        await asked(refunds, tenant(), consents=(FTA,), opted_out=(FTA,))


@pytest.mark.parametrize("caller", [FINN, AUDREY])
async def test_finance_and_auditor_open_no_case(refunds: Refunds, caller: Any) -> None:
    refunds.ledger.facts[tenant().account] = tenant()
    with pytest.raises(NotYourPart):
        await refunds.do(open_case, request(tenant()), caller=caller)


async def test_one_case_is_open_for_an_account_even_when_two_ask_at_once(refunds: Refunds) -> None:
    answers = await asyncio.gather(asked(refunds, tenant()), asked(refunds, tenant()), return_exceptions=True)
    assert [type(answer) for answer in answers if not isinstance(answer, UUID)] == [CaseAlreadyOpen]
    assert len(await refunds.rows("SELECT id FROM refund_case WHERE is_open")) == 1


async def ended(refunds: Refunds, case: UUID, attempt: int = 1) -> None:
    if await refunds.is_open(case):
        await refunds.do(withdraw, WithdrawCase(case=case, note="changed their mind"), caller=ASHA)
    await refunds.do(close_case, CloseCase(case=case, attempt=attempt, outcome=CaseOutcome.WITHDRAWN))


async def test_a_case_that_ended_can_be_asked_for_anew(refunds: Refunds) -> None:
    first = await asked(refunds, tenant())
    await ended(refunds, first)
    second = await asked(refunds, tenant())
    assert [row.case for row in (await refunds.ask(cases, CasesAsked(account=tenant().account))).cases] == [second, first]


async def test_a_closing_that_is_repeated_is_told_once(refunds: Refunds) -> None:
    case = await asked(refunds, tenant())
    for _ in range(2):
        await ended(refunds, case)
    assert len(await refunds.told(RefundClosed)) == 1


async def reopened(refunds: Refunds, case: UUID) -> None:
    """The bank returned the payment of a case that had ended: it stands open again, at its next attempt."""

    async def open_again(tx: Transaction, case: UUID) -> None:
        await store.change(tx, case, is_open=True, attempt=2, status=CaseStatus.RETURNED)

    await refunds.do(open_again, case)


async def review_after(
    refunds: Refunds, facts: RefundFacts, told: Callable[[RefundFacts], AccountFact] = receipt, *, clears: date | None = None
) -> list[dict[str, Any]]:
    """The cases, after the ledger told of something that made the credit what it is. `clears`: when more of it counts."""
    refunds.ledger.knows(facts, clears)
    fact = told(facts)
    [heard] = [one for one in wired(refunds.means, refunds.runtime.settings).listens if one.fact is type(fact)]  # type: ignore[arg-type]
    await refunds.do(heard.use_case, fact)
    return [dict(row) for row in await refunds.rows("SELECT * FROM refund_case")]


def ending(facts: RefundFacts) -> TenancyEnded:
    assert facts.tenancy.ended_on is not None
    about = {"account": facts.account, "balance_pence": facts.balance_pence, "tenancy": facts.tenancy.tenancy}
    return TenancyEnded(**about, ended_on=facts.tenancy.ended_on)


def undone(pence: int) -> Callable[[RefundFacts], JournalReversed]:
    def told(facts: RefundFacts) -> JournalReversed:
        about = {"account": facts.account, "balance_pence": facts.balance_pence, "amount_pence": pence}
        return JournalReversed(**about, journal=uuid4(), reverses=uuid4())

    return told


def freed_by(case: UUID) -> Callable[[RefundFacts], CreditFreed]:
    def told(facts: RefundFacts) -> CreditFreed:
        about = {"account": facts.account, "balance_pence": facts.balance_pence, "amount_pence": 520_00}
        return CreditFreed(**about, hold=uuid4(), case=case)

    return told


async def look_on(refunds: Refunds, day: date, facts: RefundFacts, *, clears: date | None = None) -> list[dict[str, Any]]:
    """The cases, after what was due by a day was looked at, with the credit as it is then."""
    refunds.ledger.knows(facts, clears)
    await refunds.do(look_at_due_credit, Tick(at=datetime.combine(day, time(12), UTC)))
    return [dict(row) for row in await refunds.rows("SELECT * FROM refund_case")]


async def test_credit_above_the_floor_opens_one_review(refunds: Refunds) -> None:
    await review_after(refunds, tenant())
    [review] = await review_after(refunds, tenant())
    assert (review["status"], review["review_credit_pence"]) == (CaseStatus.REVIEW, 520_00)
    [told] = await refunds.told(RefundReviewOpened)
    assert told.credit_pence == 520_00
    assert await refunds.signals("RefundApproval") == []


async def test_a_direct_debit_payers_pattern_opens_no_review(refunds: Refunds) -> None:
    assert await review_after(refunds, tenant(pays_by_direct_debit=True)) == []


async def test_credit_within_the_floor_opens_no_review(refunds: Refunds) -> None:
    assert await review_after(refunds, tenant(cleared=480_00)) == []


async def test_a_former_tenants_credit_has_no_floor(refunds: Refunds) -> None:
    [review] = await review_after(refunds, tenant(cleared=12_00, **ENDED))
    assert review["review_credit_pence"] == 12_00


async def test_arrears_ask_nothing_of_the_ledger(refunds: Refunds) -> None:
    await refunds.do(open_review, receipt(tenant(), balance_pence=5_00))
    assert refunds.ledger.credits_asked == []


async def test_money_in_suspense_is_no_tenants_credit(refunds: Refunds) -> None:
    await refunds.do(open_review, receipt(tenant()))
    assert await refunds.rows("SELECT id FROM refund_case") == []


async def test_a_receipt_while_a_case_is_open_opens_no_review(refunds: Refunds) -> None:
    await asked(refunds, tenant())
    assert len(await review_after(refunds, tenant())) == 1


async def test_credit_is_looked_at_again_on_the_day_on_which_it_clears(refunds: Refunds) -> None:
    clears = TODAY + timedelta(days=3)
    assert await review_after(refunds, tenant(cleared=0), clears=clears) == []
    assert await look_on(refunds, clears - timedelta(days=1), tenant()) == []
    later = clears + timedelta(days=4)
    assert await look_on(refunds, clears, tenant(cleared=480_00), clears=later) == [], "part of it is within the floor"
    [review] = await look_on(refunds, later, tenant())
    assert (review["status"], review["review_credit_pence"]) == (CaseStatus.REVIEW, 520_00)
    assert len(await look_on(refunds, later, tenant())) == 1
    assert await refunds.rows("SELECT account FROM credit_look") == []


async def test_what_one_worker_looks_at_no_other_does(refunds: Refunds) -> None:
    await review_after(refunds, tenant(cleared=0), clears=TODAY)
    asked_before = list(refunds.ledger.credits_asked)
    async with transaction(refunds.runtime) as tx:
        [account] = await looks.due(tx, TODAY, 10)
        assert account == tenant().account
        assert await look_on(refunds, TODAY, tenant()) == []
        assert refunds.ledger.credits_asked == asked_before
    assert len(await look_on(refunds, TODAY, tenant())) == 1


async def test_while_the_ledger_is_silent_what_is_due_waits(refunds: Refunds) -> None:
    await review_after(refunds, tenant(cleared=0), clears=TODAY)
    refunds.ledger.silent = True
    with pytest.raises(Unanswered):
        await look_on(refunds, TODAY, tenant())
    refunds.ledger.silent = False
    assert len(await look_on(refunds, TODAY, tenant())) == 1


async def test_the_end_of_a_tenancy_leaves_no_floor_and_opens_a_review(refunds: Refunds) -> None:
    [review] = await review_after(refunds, tenant(cleared=400_00, **ENDED), ending)
    assert review["review_credit_pence"] == 400_00


async def test_a_tenancy_that_ends_later_is_looked_at_on_its_last_day(refunds: Refunds) -> None:
    ends = TODAY + timedelta(days=28)
    assert await review_after(refunds, tenant(cleared=400_00, ended_on=ends), ending) == []
    assert await look_on(refunds, ends - timedelta(days=1), tenant(cleared=400_00, **ENDED)) == []
    assert len(await look_on(refunds, ends, tenant(cleared=400_00, **ENDED))) == 1


async def test_an_undone_charge_makes_credit_and_an_undone_receipt_takes_it(refunds: Refunds) -> None:
    [review] = await review_after(refunds, tenant(), undone(-520_00))
    assert review["status"] == CaseStatus.REVIEW
    [review] = await review_after(refunds, tenant(cleared=480_00), undone(520_00))
    assert review["status_note"] == "no credit is left to refund: an entry was undone"


async def test_what_comes_in_beside_a_request_is_looked_at_once_that_case_is_over(refunds: Refunds) -> None:
    case = await asked(refunds, tenant(), amount_pence=100_00)
    assert len(await review_after(refunds, tenant())) == 1
    asked_before = len(refunds.ledger.credits_asked)
    assert len(await look_on(refunds, TODAY, tenant())) == 1
    assert len(refunds.ledger.credits_asked) == asked_before
    await ended(refunds, case)
    rows = await look_on(refunds, TODAY, tenant())
    assert [row["status"] for row in rows if row["is_open"]] == [CaseStatus.REVIEW]


async def test_credit_that_a_decided_case_frees_opens_no_review(refunds: Refunds) -> None:
    case = await asked(refunds, tenant())
    await ended(refunds, case)
    assert len(await review_after(refunds, tenant(), freed_by(case))) == 1
    assert len(await look_on(refunds, TODAY, tenant())) == 1


async def test_whoever_closes_a_review_has_seen_what_came_in_meanwhile(refunds: Refunds) -> None:
    await review_after(refunds, tenant(cleared=0), clears=TODAY)
    [review] = await review_after(refunds, tenant())
    await review_after(refunds, tenant(cleared=1_100_00))
    await refunds.do(withdraw, WithdrawCase(case=review["id"], note="rent goes up next month"), caller=ASHA)
    assert len(await look_on(refunds, TODAY, tenant(cleared=1_100_00))) == 1


async def test_what_clears_after_a_review_was_opened_is_looked_at_once_that_is_over(refunds: Refunds) -> None:
    clears = TODAY + timedelta(days=5)
    [review] = await review_after(refunds, tenant(), clears=clears)
    await refunds.do(withdraw, WithdrawCase(case=review["id"], note="asks later"), caller=ASHA)
    assert len(await look_on(refunds, clears - timedelta(days=1), tenant(cleared=900_00))) == 1
    assert len(await look_on(refunds, clears, tenant(cleared=900_00))) == 2


async def test_what_comes_in_beside_a_review_and_clears_later_is_looked_at_though_charges_closed_it(refunds: Refunds) -> None:
    clears = TODAY + timedelta(days=5)
    await review_after(refunds, tenant())
    await review_after(refunds, tenant(), clears=clears)
    await spent(refunds, "charges have used it", tenant(cleared=0))
    rows = await look_on(refunds, clears, tenant())
    assert [row["status"] for row in rows if row["is_open"]] == [CaseStatus.REVIEW]


async def test_a_review_that_an_earmark_closed_opens_anew_when_that_case_came_to_nothing(refunds: Refunds) -> None:
    first = await asked(refunds, tenant())
    await ended(refunds, first)
    await review_after(refunds, tenant())
    await reopened(refunds, first)
    refunds.ledger.facts[tenant().account] = tenant(cleared=0)
    held = CreditHeld(account=tenant().account, balance_pence=-1_500_00, hold=uuid4(), case=first, amount_pence=520_00)
    await refunds.do(close_spent_review, held)
    assert [row["id"] for row in await look_on(refunds, TODAY, tenant()) if row["is_open"]] == [first]
    await ended(refunds, first, attempt=2)
    assert [row["status"] for row in await look_on(refunds, TODAY, tenant()) if row["is_open"]] == [CaseStatus.REVIEW]


async def test_a_request_takes_over_the_review(refunds: Refunds) -> None:
    [review] = await review_after(refunds, tenant())
    case = await asked(refunds, tenant())
    assert case == review["id"]
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert (page.status, page.asked_by) == (CaseStatus.CHECKING, A)
    versions = await refunds.rows("SELECT aggregate_version AS v FROM outbox_event ORDER BY seq")
    assert [row["v"] for row in versions] == [1, 2]


async def test_a_review_that_comes_to_nothing_is_closed_at_once(refunds: Refunds) -> None:
    [review] = await review_after(refunds, tenant())
    await refunds.do(withdraw, WithdrawCase(case=review["id"], note="rent goes up next month"), caller=ASHA)
    [closed] = await refunds.told(RefundClosed)
    assert closed.outcome is CaseOutcome.WITHDRAWN
    assert len(await review_after(refunds, tenant())) == 2


SPENT: dict[str, Callable[[dict[str, Any]], AccountFact]] = {
    "charges have used it": lambda about: ChargePosted(**about, journal=uuid4(), amount_pence=520_00, week_commencing=TODAY),
    "it was moved to another account": lambda about: TransferPosted(**about, journal=uuid4(), amount_pence=520_00),
    "it was refunded by another case": lambda about: RefundPosted(**about, journal=uuid4(), amount_pence=520_00, case=uuid4()),
    "an entry was undone": lambda about: JournalReversed(**about, journal=uuid4(), reverses=uuid4(), amount_pence=520_00),
}


def test_every_fact_that_may_close_a_review_has_its_words() -> None:
    assert {one.fact for one in LISTENS if one.use_case is close_spent_review} | {JournalReversed} == WHERE_IT_WENT.keys()


async def spent(refunds: Refunds, words: str, left: RefundFacts) -> CasePage:
    """The page of the account's one case, after the ledger told of what took the credit but `left`."""
    refunds.ledger.facts[left.account] = left
    await refunds.do(close_spent_review, SPENT[words]({"account": left.account, "balance_pence": left.balance_pence}))
    [row] = await refunds.rows("SELECT id FROM refund_case")
    return await refunds.ask(case_page, CaseAsked(case=row["id"]))


@pytest.mark.parametrize("words", SPENT)
async def test_a_review_whose_credit_is_gone_closes_by_itself_and_says_why(refunds: Refunds, words: str) -> None:
    await review_after(refunds, tenant())
    page = await spent(refunds, words, tenant(cleared=480_00))
    because = f"no credit is left to refund: {words}"
    assert (page.status, page.status_note) == (CaseStatus.WITHDRAWN, because)
    assert page.events[0].what == f"review closed by itself: {because}"
    [closed] = await refunds.told(RefundClosed)
    assert (closed.outcome, closed.case) == (CaseOutcome.WITHDRAWN, page.case)
    assert len(await review_after(refunds, tenant())) == 2


async def test_a_review_with_credit_left_stays_open(refunds: Refunds) -> None:
    await review_after(refunds, tenant())
    page = await spent(refunds, "charges have used it", tenant(cleared=490_00))
    assert page.status is CaseStatus.REVIEW
    assert await refunds.told(RefundClosed) == []


async def test_a_request_is_not_closed_as_a_review_is(refunds: Refunds) -> None:
    await review_after(refunds, tenant())
    await asked(refunds, tenant())
    page = await spent(refunds, "charges have used it", tenant(cleared=0))
    assert page.status is CaseStatus.CHECKING
    [(_, moved)] = await refunds.signals(LEDGER_MOVED.name)
    assert str(page.account) in moved


async def test_a_review_beside_a_payment_that_came_back_closes_alone(refunds: Refunds) -> None:
    first = await asked(refunds, tenant())
    await ended(refunds, first)
    await review_after(refunds, tenant())
    await reopened(refunds, first)
    refunds.ledger.facts[tenant().account] = tenant(cleared=0)
    about = {"account": tenant().account, "balance_pence": 0}
    await refunds.do(close_spent_review, SPENT["charges have used it"](about))
    rows = await refunds.rows("SELECT id, status FROM refund_case WHERE is_open")
    assert [row["id"] for row in rows] == [first]


async def test_an_account_without_a_review_asks_nothing_of_the_ledger(refunds: Refunds) -> None:
    about = {"account": tenant().account, "balance_pence": 0}
    await refunds.do(close_spent_review, SPENT["charges have used it"](about))
    assert refunds.ledger.credits_asked == []


async def test_while_the_ledger_is_silent_the_review_stays_and_the_fact_is_heard_again(refunds: Refunds) -> None:
    await review_after(refunds, tenant())
    refunds.ledger.silent = True
    with pytest.raises(Unanswered):
        await spent(refunds, "charges have used it", tenant(cleared=0))
    assert [row["status"] for row in await refunds.rows("SELECT status FROM refund_case")] == [CaseStatus.REVIEW]


def test_the_estate_of_these_tests_is_of_today() -> None:
    assert tenant().as_of == TODAY > date(2026, 4, 6)


DEAD = {"people": (PersonFacts(person=A, died_on=TODAY),)}
HELD = {"account_holds": (AccountHold.DECEASED,)}
ONE_OF_TWO = {"people": (PersonFacts(person=A, died_on=TODAY), PersonFacts(person=B))}


@pytest.mark.parametrize("facts", [DEAD, HELD, ONE_OF_TWO], ids=["died", "held", "one of two died"])
async def test_the_dead_ask_for_nothing_and_who_acts_for_the_estate_does(refunds: Refunds, facts: dict[str, Any]) -> None:
    with pytest.raises(AskerHasDied) as refused:
        await asked(refunds, tenant(**facts))
    assert refused.value.field == "asked_as"
    case = await asked(refunds, tenant(**facts), asked_as=AskedAs.EXECUTOR)
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert (page.asked_by, page.asked_as) == (A, AskedAs.EXECUTOR)
    [row] = (await refunds.ask(cases, CasesAsked())).cases
    assert (row.asked_by, row.asked_as) == (A, AskedAs.EXECUTOR)


async def test_nobody_acts_for_the_estate_of_a_tenant_who_lives(refunds: Refunds) -> None:
    for facts in ({}, {"people": (PersonFacts(person=A), PersonFacts(person=B, died_on=TODAY))}):
        with pytest.raises(AskerHasNotDied):
            await asked(refunds, tenant(**facts), asked_as=AskedAs.NEXT_OF_KIN)


async def test_of_two_tenants_under_a_hold_for_a_death_either_may_be_the_one_who_lives(refunds: Refunds) -> None:
    both = {"people": (PersonFacts(person=A), PersonFacts(person=B)), **HELD}
    case = await asked(refunds, tenant(**both))
    assert (await refunds.ask(case_page, CaseAsked(case=case))).asked_as is AskedAs.TENANT
