"""Evidence, a changed payee, answers and withdrawal: each is told to the case's workflow, and whoever did it takes part."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.tables import parked
from chassis.transaction import Transaction, run
from refunds.domain.days import business_date
from refunds.domain.evidence import SETTLED_BY, DoesNotSettle, RestsOnFigures
from refunds.queries import case_page, ready_payments
from refunds.use_cases.add_evidence import ReceivedInTheFuture, add_evidence
from refunds.use_cases.await_evidence import await_evidence
from refunds.use_cases.case_work import CaseIsClosed, NotYourPart
from refunds.use_cases.change_payee import PaymentOnItsWay, change_payee
from refunds.use_cases.close_case import NotEndedSo, close_case
from refunds.use_cases.look_again import look_again
from refunds.use_cases.move import move
from refunds.use_cases.note_progress import NotOnTheWay, note_progress
from refunds.use_cases.queue_payment import queue_payment
from refunds.use_cases.read_case import read_case
from refunds.use_cases.recheck import NoSuchPlan, recheck
from refunds.use_cases.resubmit import NotSentBack, resubmit
from refunds.use_cases.run_check import run_check
from refunds.use_cases.withdraw import withdraw
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import (
    AccountHold,
    AccountHoldChanged,
    ChargePosted,
    CreditHeld,
    CreditSource,
    PersonFacts,
    RefundFacts,
    RefundPlan,
)
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import (
    AddEvidence,
    AwaitEvidence,
    CaseAsked,
    CaseOutcome,
    CaseStands,
    CaseStatus,
    ChangePayee,
    CloseCase,
    EvidenceKind,
    LookAgain,
    NoteProgress,
    QueuePayment,
    ReadCase,
    Recheck,
    Resubmit,
    RunCheck,
    WithdrawCase,
)
from rentbook_contracts.workflows import refund_workflow_id
from support.refund_cases import ENDED, FTA, FTA_120, RECHARGE, RECHARGE_85_50, A, B, credit, debt, ledger
from support.refund_service import ASHA, AUDREY, Refunds, payee

TODAY = business_date(datetime.now(UTC))
SAM = Caller("sam.senior", frozenset({"senior-officer"}), form="form-9")


def tenant(**other: Any) -> RefundFacts:
    facts = {"people": (PersonFacts(person=A),), "debts": (), "as_of": TODAY, "pays_by_direct_debit": False, **other}
    return ledger(facts.pop("cleared", 1_000_00), **facts)


async def test_a_case_says_that_an_event_about_its_account_waits_for_an_operator(refunds: Refunds) -> None:
    """The account stands still in refunds: what is heard of it later waits too."""
    case = await refunds.opened(tenant())
    shown = await refunds.ask(case_page, CaseAsked(case=case))
    assert shown.parked_since is None
    about = {"topic": "ledger.accounts", "partition": 0, "headers": {}, "body": b"{", "payload_hash": b"x", "reason": "no CloudEvents"}
    at = datetime(2026, 11, 20, 9, tzinfo=UTC)

    async def park(tx: Transaction) -> None:
        for place, key in enumerate((f"{uuid4()}", f"{shown.account}", f"{shown.account}")):
            row = {**about, "key": key, "record_offset": place, "parked_at": at + timedelta(hours=place)}
            await tx.connection.execute(parked.insert().values(row))

    await run(refunds.runtime, park)
    assert (await refunds.ask(case_page, CaseAsked(case=case))).parked_since == at + timedelta(hours=1)
    async with refunds.runtime.engine.begin() as connection:
        done = {"resolved_at": at, "resolution": "replayed", "resolved_by": "kim"}
        await connection.execute(parked.update().where(parked.c.key == f"{shown.account}").values(done))
    assert (await refunds.ask(case_page, CaseAsked(case=case))).parked_since is None


def evidence(case: UUID, check: int, **other: Any) -> AddEvidence:
    return AddEvidence(
        **{"case": case, "check": check, "kind": EvidenceKind.BENEFIT_ANSWER, "settles": True, "received_on": TODAY, **other}
    )


BENEFIT = credit(1_000_00, CreditSource.HOUSING_BENEFIT, "RHB")


async def test_evidence_settles_the_check_that_it_answers(refunds: Refunds) -> None:
    case = await refunds.opened(tenant(credits=(BENEFIT,)))
    assert (await refunds.checked(case)).blocked == (2,)
    await refunds.do(add_evidence, evidence(case, 2, reference="HB/1234"), caller=SAM)
    made = await refunds.checked(case, round_=2)
    assert made.plan is not None
    assert made.lane == "look"
    assert made.participants == ("asha.officer", "sam.senior")
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert [(shown.check, shown.by, shown.settles) for shown in page.evidence] == [(2, "sam.senior", True)]
    assert page.round == 2


async def test_evidence_is_told_to_the_workflow(refunds: Refunds) -> None:
    case = await refunds.opened(tenant(credits=(BENEFIT,)))
    await refunds.checked(case)
    await refunds.do(add_evidence, evidence(case, 2), caller=ASHA)
    assert [workflow for workflow, _ in await refunds.signals("case_changed")] == [refund_workflow_id(case, 1)]


async def test_an_answer_of_no_fails_the_check(refunds: Refunds) -> None:
    case = await refunds.opened(tenant(credits=(BENEFIT,)))
    await refunds.checked(case)
    await refunds.do(add_evidence, evidence(case, 2, settles=False), caller=ASHA)
    assert (await refunds.checked(case, round_=2)).blocked == (2,)
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert page.checks[1].outcome == "FAIL"


@pytest.mark.parametrize("accounts", [(FTA,), ()], ids=["named", "all that were left unanswered"])
async def test_consent_that_comes_later_pays_the_debt(refunds: Refunds, accounts: tuple[UUID, ...]) -> None:
    facts = tenant(debts=(debt(FTA, FTA_120.kind, 120_00, former=True, people=(A,)),))
    case = await refunds.opened(facts)
    assert (await refunds.checked(case)).blocked == (4,)
    await refunds.do(add_evidence, evidence(case, 4, kind=EvidenceKind.CONSENT, accounts=accounts), caller=ASHA)
    made = (await refunds.checked(case, round_=2)).plan
    assert made is not None
    assert [(offset.account, offset.amount_pence) for offset in made.offsets] == [(FTA, 120_00)]
    assert made.refund_pence == 400_00


async def test_evidence_of_tomorrow_is_refused(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    with pytest.raises(ReceivedInTheFuture):
        await refunds.do(add_evidence, evidence(case, 2, received_on=TODAY + timedelta(days=2)), caller=ASHA)


@pytest.mark.parametrize(
    ("check", "kind", "rule"),
    [(2, EvidenceKind.OTHER, DoesNotSettle), (7, EvidenceKind.COURT_ORDER, DoesNotSettle), (9, EvidenceKind.OTHER, RestsOnFigures)],
)
async def test_a_kind_that_does_not_fit_settles_nothing_and_may_still_speak_against(
    refunds: Refunds, check: int, kind: EvidenceKind, rule: type[Exception]
) -> None:
    case = await refunds.opened(tenant(credits=(BENEFIT,)))
    with pytest.raises(rule):
        await refunds.do(add_evidence, evidence(case, check, kind=kind), caller=SAM)
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert page.evidence == ()
    assert {shown.check: shown.settled_by for shown in page.checks if shown.settled_by} == SETTLED_BY
    await refunds.do(add_evidence, evidence(case, check, kind=kind, settles=False), caller=SAM)


async def test_an_auditor_changes_nothing(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    attempts = (
        (add_evidence, evidence(case, 2)),
        (change_payee, ChangePayee(case=case, payee=payee(A), called_back=True)),
        (resubmit, Resubmit(case=case, note="?")),
        (withdraw, WithdrawCase(case=case, note="?")),
    )
    for use_case, message in attempts:
        with pytest.raises(NotYourPart):
            await refunds.do(use_case, message, caller=AUDREY)


async def test_a_changed_payee_needs_a_call_back_and_makes_its_maker_a_participant(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    await refunds.checked(case)
    changed = payee(A, name="Ada Other", account_number="66374958")
    await refunds.do(change_payee, ChangePayee(case=case, payee=changed, called_back=False), caller=SAM)
    second = await refunds.checked(case, round_=2)
    assert (second.blocked, second.participants) == ((7,), ("asha.officer", "sam.senior"))
    await refunds.do(change_payee, ChangePayee(case=case, payee=changed, called_back=True), caller=SAM)
    third = await refunds.checked(case, round_=3)
    assert third.plan is not None
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert page.payee is not None
    assert (page.payee.payee, page.payee.name, page.payee.entered_by) == (third.plan.payee, "Ada Other", "sam.senior")


async def test_a_released_payment_keeps_its_payee(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    await refunds.do(note_progress, NoteProgress(case=case, attempt=1, status=CaseStatus.WITH_BANK))
    with pytest.raises(PaymentOnItsWay):
        await refunds.do(change_payee, ChangePayee(case=case, payee=payee(A), called_back=True), caller=ASHA)
    with pytest.raises(PaymentOnItsWay):
        await refunds.do(withdraw, WithdrawCase(case=case, note="too late"), caller=ASHA)


async def test_only_what_was_sent_back_is_resubmitted(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    with pytest.raises(NotSentBack):
        await refunds.do(resubmit, Resubmit(case=case, note="here"), caller=ASHA)
    await refunds.do(note_progress, NoteProgress(case=case, attempt=1, status=CaseStatus.SENT_BACK))
    await refunds.do(resubmit, Resubmit(case=case, note="the tenant confirmed"), caller=ASHA)
    assert '"resubmitted":true' in (await refunds.signals("case_changed"))[0][1]


async def test_a_withdrawal_is_told_to_the_workflow_and_a_closed_case_stays(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    await refunds.do(withdraw, WithdrawCase(case=case, note="changed their mind"), caller=ASHA)
    assert len(await refunds.signals("case_withdrawn")) == 1
    await refunds.do(close_case, CloseCase(case=case, attempt=1, outcome=CaseOutcome.WITHDRAWN))
    with pytest.raises(CaseIsClosed):
        await refunds.do(add_evidence, evidence(case, 2), caller=ASHA)


async def test_evidence_is_awaited_by_working_days(refunds: Refunds) -> None:
    case = await refunds.opened(tenant(credits=(BENEFIT,)))
    timers = await refunds.do(await_evidence, AwaitEvidence(case=case, attempt=1, round=1, checks=(2,)))
    assert timers.remind_at.date() == refunds.means.calendar.after(TODAY, 10)
    assert timers.lapse_at.date() == refunds.means.calendar.after(TODAY, 30)
    await refunds.do(note_progress, NoteProgress(case=case, attempt=1, status=CaseStatus.WAITING_FOR_EVIDENCE))
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert page.status_note == "Waiting for an answer to check 2 source of the credit."


async def test_a_case_is_looked_at_again_on_the_day_after_the_last_of_a_notice(refunds: Refunds) -> None:
    case = await refunds.opened(tenant(debts=(debt(FTA, FTA_120.kind, 120_00, former=True, people=(A,)),)))
    assert (await refunds.checked(case)).blocked == (4,)
    assert (await refunds.do(await_evidence, AwaitEvidence(case=case, attempt=1, round=1, checks=(4,)))).look_again_at is None
    served = evidence(case, 4, kind=EvidenceKind.OPT_OUT_NOTICE, received_on=TODAY - timedelta(days=2))
    await refunds.do(add_evidence, served, caller=ASHA)
    assert (await refunds.checked(case, round_=2)).blocked == (4,)
    timers = await refunds.do(await_evidence, AwaitEvidence(case=case, attempt=1, round=2, checks=(4,)))
    assert timers.look_again_at is not None
    assert timers.look_again_at.date() == TODAY + timedelta(days=13)
    others = await refunds.do(await_evidence, AwaitEvidence(case=case, attempt=1, round=2, checks=(2,)))
    assert others.look_again_at is None


# --- later events of the ledger (check 10) --------------------------------------------------------------------------------------------


async def planned(refunds: Refunds, facts: RefundFacts, **wishes: Any) -> RefundPlan:
    made = (await refunds.checked(await refunds.opened(facts, **wishes))).plan
    assert made is not None
    return made


async def test_a_ledger_event_is_told_to_the_cases_that_watch_the_account(refunds: Refunds) -> None:
    facts = tenant(**ENDED, debts=(FTA_120.model_copy(update={"people": (A,)}), RECHARGE_85_50.model_copy(update={"people": (A,)})))
    plan = await planned(refunds, facts, consents=(FTA,), opted_out=(RECHARGE,))
    for account in (facts.account, FTA, RECHARGE, uuid4()):
        charge = ChargePosted(account=account, balance_pence=0, journal=uuid4(), amount_pence=1, week_commencing=TODAY)
        await refunds.do(move, charge)
        await refunds.delivered()
    assert [workflow for workflow, _ in await refunds.signals("ledger_moved")] == [refund_workflow_id(plan.case, 1)] * 3


async def test_a_thousand_events_of_one_account_are_two_words_and_one_more_for_each_that_was_taken(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    await refunds.delivered()

    async def moved(times: int) -> int:
        for _ in range(times):
            charge = ChargePosted(account=plan.account, balance_pence=0, journal=uuid4(), amount_pence=1, week_commencing=TODAY)
            await refunds.do(move, charge)
        return len(await refunds.signals("ledger_moved"))

    assert await moved(1) == 1
    assert await moved(50) == 2, "the first may be on its way, and the second leaves after what was heard last"
    await refunds.delivered(1)
    assert await moved(50) == 3
    await refunds.delivered()
    assert await moved(1) == 4


async def test_what_the_case_did_itself_is_no_news_to_it(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    await refunds.do(move, CreditHeld(account=plan.account, balance_pence=0, hold=uuid4(), case=plan.case, amount_pence=1))
    assert await refunds.signals("ledger_moved") == []
    await refunds.do(move, CreditHeld(account=plan.account, balance_pence=0, hold=uuid4(), case=uuid4(), amount_pence=1))
    assert len(await refunds.signals("ledger_moved")) == 1


async def test_the_recheck_gives_the_versions_of_the_plans_accounts(refunds: Refunds) -> None:
    facts = tenant(**ENDED, debts=(FTA_120.model_copy(update={"people": (A,)}),))
    plan = await planned(refunds, facts, consents=(FTA,))
    seen = await refunds.do(recheck, Recheck(plan=plan))
    assert seen.void_because is None
    assert seen.versions == {facts.account: facts.version, FTA: 1}


async def test_the_weekly_debit_alone_voids_nothing(refunds: Refunds) -> None:
    facts = tenant()
    plan = await planned(refunds, facts)
    debited = facts.model_copy(
        update={"version": 8, "balance_pence": -1_380_00, "cleared_credit_pence": 880_00, "charged_pence": facts.charged_pence + 120_00}
    )
    refunds.ledger.facts[facts.account] = debited
    assert (await refunds.do(recheck, Recheck(plan=plan))).void_because is None


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"cleared_credit_pence": 500_00}, "cleared credit"),
        ({"credits": (BENEFIT,)}, "another source"),
        ({"account_holds": (AccountHold.FRAUD,)}, "hold"),
        ({"debts": (RECHARGE_85_50,)}, "debt"),
        ({"people": (PersonFacts(person=A, insolvent=True),)}, "tenancy or its people"),
    ],
)
async def test_what_check_ten_names_voids_an_approval(refunds: Refunds, change: dict[str, Any], because: str) -> None:
    facts = tenant()
    plan = await planned(refunds, facts)
    refunds.ledger.facts[facts.account] = facts.model_copy(update=change)
    seen = await refunds.do(recheck, Recheck(plan=plan))
    assert seen.void_because is not None
    assert because in seen.void_because
    page = await refunds.ask(case_page, CaseAsked(case=plan.case))
    assert page.checks[9].outcome == "FAIL"
    assert "approval void" in page.events[0].what


async def test_changed_bank_details_void_an_approval(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    await refunds.do(change_payee, ChangePayee(case=plan.case, payee=payee(A), called_back=True), caller=ASHA)
    assert (await refunds.do(recheck, Recheck(plan=plan))).void_because == "the payee was changed"


async def grown_old(refunds: Refunds) -> None:
    """What the bank said of payees, it said 32 days ago: 31 may be a day less where the clocks went forward meanwhile."""
    columns = "payee, answer, key_id, wrapped_key, sealed_name"
    older = f"INSERT INTO payee_confirmation ({columns}, at) SELECT {columns}, at - interval '32 days' FROM payee_confirmation"
    async with refunds.runtime.engine.begin() as connection:
        await connection.execute(sa.text(older))


async def test_a_bank_answer_that_ran_out_voids_an_approval_and_the_next_round_asks_anew(refunds: Refunds) -> None:
    made = await refunds.checked(await refunds.opened(tenant()))
    assert made.plan is not None
    assert made.runs_out_at is not None
    assert business_date(made.runs_out_at) == TODAY + timedelta(days=31)
    await grown_old(refunds)
    seen = await refunds.do(recheck, Recheck(plan=made.plan))
    assert seen.void_because == "the bank's answer about the payee has run out, and the checks are run again"
    assert len(refunds.bank.asked) == 1
    second = await refunds.checked(made.plan.case, round_=2)
    assert len(refunds.bank.asked) == 2
    assert second.plan is not None
    assert second.runs_out_at == made.runs_out_at
    assert (await refunds.do(recheck, Recheck(plan=second.plan))).void_because is None


async def test_another_tenant_with_the_same_bank_account_voids_an_approval(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    await refunds.opened(tenant(account=uuid4(), people=(PersonFacts(person=B),)))
    because = (await refunds.do(recheck, Recheck(plan=plan))).void_because
    assert because == "check 8, duplicates and conflicts, no longer passes, and the checks are run again"


async def test_a_hold_that_is_lifted_lets_a_waiting_case_be_checked_again_and_the_weekly_debit_does_not(refunds: Refunds) -> None:
    facts = tenant(account_holds=(AccountHold.FRAUD,))
    case = await refunds.opened(facts)
    assert (await refunds.checked(case)).blocked == (8,)
    look = LookAgain(case=case, attempt=1, round=1)
    debited = facts.model_copy(update={"version": 8, "balance_pence": -880_00, "cleared_credit_pence": 880_00})
    refunds.ledger.facts[facts.account] = debited
    assert not (await refunds.do(look_again, look)).differs
    await refunds.do(move, AccountHoldChanged(account=facts.account, balance_pence=-880_00, account_hold=AccountHold.FRAUD, in_force=False))
    assert len(await refunds.signals("ledger_moved")) == 1
    refunds.ledger.facts[facts.account] = debited.model_copy(update={"version": 9, "account_holds": ()})
    assert (await refunds.do(look_again, look)).differs
    assert (await refunds.checked(case, round_=2)).plan is not None
    assert not (await refunds.do(look_again, look.model_copy(update={"round": 2}))).differs


async def test_a_plan_that_was_never_made_is_not_rechecked(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    with pytest.raises(NoSuchPlan):
        await refunds.do(recheck, Recheck(plan=plan.model_copy(update={"refund_pence": plan.refund_pence + 1})))


async def stands(refunds: Refunds, case: UUID, attempt: int = 1) -> CaseStands:
    return await refunds.do(read_case, ReadCase(case=case, attempt=attempt))


async def test_a_case_has_changed_until_a_round_of_checks_has_read_the_change(refunds: Refunds) -> None:
    case = await refunds.opened(tenant(credits=(BENEFIT,)))
    await refunds.checked(case)
    assert not (await stands(refunds, case)).changed
    await refunds.do(add_evidence, evidence(case, 2), caller=ASHA)
    assert (await stands(refunds, case)).changed
    await refunds.checked(case, round_=2)
    assert not (await stands(refunds, case)).changed


async def test_what_changes_between_two_checks_of_a_round_is_not_taken_for_read(refunds: Refunds) -> None:
    case = await refunds.opened(tenant(credits=(BENEFIT,)))
    await refunds.do(run_check, RunCheck(case=case, attempt=1, round=1, check=1))
    await refunds.do(add_evidence, evidence(case, 2), caller=ASHA)
    for number in range(2, 11):
        await refunds.do(run_check, RunCheck(case=case, attempt=1, round=1, check=number))
    assert (await stands(refunds, case)).changed


async def test_a_case_says_that_it_was_withdrawn_and_that_its_question_was_answered(refunds: Refunds) -> None:
    case = await refunds.opened(tenant())
    await refunds.do(note_progress, NoteProgress(case=case, attempt=1, status=CaseStatus.SENT_BACK))
    assert await stands(refunds, case) == CaseStands()
    await refunds.do(resubmit, Resubmit(case=case, note="the tenant confirmed"), caller=ASHA)
    assert await stands(refunds, case) == CaseStands(changed=True, resubmitted=True)
    await refunds.do(withdraw, WithdrawCase(case=case, note="changed their mind"), caller=ASHA)
    assert (await stands(refunds, case)).withdrawn
    assert await stands(refunds, case, attempt=2) == CaseStands()


# --- what a step says is not believed ---------------------------------------------------------------------------------------------------


def ending(plan: RefundPlan, outcome: CaseOutcome, **more: Any) -> CloseCase:
    return CloseCase(case=plan.case, attempt=plan.attempt, outcome=outcome, plan=plan, **more)


@pytest.mark.parametrize("outcome", [CaseOutcome.DECLINED, CaseOutcome.WITHDRAWN, CaseOutcome.NOTHING_DUE, CaseOutcome.OFFSET])
async def test_a_case_that_did_not_end_so_goes_on(refunds: Refunds, outcome: CaseOutcome) -> None:
    plan = await planned(refunds, tenant())
    with pytest.raises(NotEndedSo):
        await refunds.do(close_case, ending(plan, outcome, reason_code="in-order", offset_journals=(uuid4(),)))
    assert await refunds.is_open(plan.case)


@pytest.mark.parametrize("outcome", [CaseOutcome.DECLINED, CaseOutcome.WITHDRAWN, CaseOutcome.NOTHING_DUE])
async def test_a_case_whose_refund_stands_posted_does_not_end_without_its_payment(refunds: Refunds, outcome: CaseOutcome) -> None:
    facts = tenant()
    plan = await planned(refunds, facts)
    refunds.decides(plan, Answer.DECLINED)
    if outcome is CaseOutcome.WITHDRAWN:
        await refunds.do(withdraw, WithdrawCase(case=plan.case, note="no longer"), caller=ASHA)
    if outcome is CaseOutcome.NOTHING_DUE:
        refunds.ledger.knows(facts.model_copy(update={"balance_pence": 0, "cleared_credit_pence": 0}))
        assert (await refunds.checked(plan.case, round_=2)).plan is None
    journal = refunds.ledger.posts(plan)
    with pytest.raises(NotEndedSo):
        await refunds.do(close_case, ending(plan, outcome, reason_code="in-order"))
    assert await refunds.is_open(plan.case)
    del refunds.ledger.books[journal], refunds.ledger.refunded[plan.case, 1]
    await refunds.do(close_case, ending(plan, outcome, reason_code="in-order"))
    assert not await refunds.is_open(plan.case)


async def test_a_case_is_declined_by_approvals_own_decision_and_for_its_reason(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    refunds.decides(plan, Answer.DECLINED, round_=2)
    with pytest.raises(NotEndedSo):
        await refunds.do(close_case, ending(plan, CaseOutcome.DECLINED, reason_code="in-order"))
    refunds.decides(plan, Answer.DECLINED)
    with pytest.raises(NotEndedSo):
        await refunds.do(close_case, ending(plan, CaseOutcome.DECLINED, reason_code="duplicate"))
    await refunds.do(close_case, ending(plan, CaseOutcome.DECLINED, reason_code="in-order"))
    assert not await refunds.is_open(plan.case)


async def test_a_payment_is_queued_on_approvals_own_decision_alone(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    for decision in (uuid4(), refunds.decides(plan, Answer.DECLINED), refunds.decides(plan, round_=2)):
        await refunds.do(queue_payment, QueuePayment(plan=plan, decision=decision))
        assert (await refunds.ask(ready_payments, Nothing())).payments == ()
    await refunds.do(queue_payment, QueuePayment(plan=plan, decision=refunds.decides(plan)))
    assert len((await refunds.ask(ready_payments, Nothing())).payments) == 1


async def test_a_story_says_where_its_case_stands_on_its_way_and_not_how_it_ended(refunds: Refunds) -> None:
    plan = await planned(refunds, tenant())
    for status in (CaseStatus.PAID, CaseStatus.DECLINED, CaseStatus.REVIEW):
        with pytest.raises(NotOnTheWay):
            await refunds.do(note_progress, NoteProgress(case=plan.case, attempt=1, status=status))
    await refunds.do(withdraw, WithdrawCase(case=plan.case, note="changed their mind"), caller=ASHA)
    await refunds.do(close_case, ending(plan, CaseOutcome.WITHDRAWN))
    await refunds.do(note_progress, NoteProgress(case=plan.case, attempt=1, status=CaseStatus.CHECKING))
    assert (await refunds.ask(case_page, CaseAsked(case=plan.case))).status is CaseStatus.WITHDRAWN
