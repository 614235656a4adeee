"""Write-offs, reinstatements and unclaimed credits: what is posted, on whose word, and what is left out."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.transaction import Runtime, Transaction
from ledger import store
from ledger.domain import rules
from ledger.domain.posting import Control, Posting, two_legs
from ledger.queries.account_page import account_page
from ledger.queries.credits import credits_of
from ledger.queries.decided import decided_journals, dropped_lines
from ledger.queries.explain import explain_balance
from ledger.queries.refund_facts import account_for_refund
from ledger.use_cases.agree_payment_plan import agree_payment_plan
from ledger.use_cases.note_death import note_death
from ledger.use_cases.note_decision import note_decision
from ledger.use_cases.note_not_carried_out import note_not_carried_out
from ledger.use_cases.note_release import note_release
from ledger.use_cases.note_request import note_request
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.post_refund import NotHeardYet, post_refund
from ledger.use_cases.put_back_credit import put_back_credit
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.set_account_hold import set_account_hold
from ledger.use_cases.set_housing_benefit_claim import set_housing_benefit_claim
from rentbook_contracts.approvals import Answer, DecisionMade, DecisionNotCarriedOut, PaymentRunReleased, ReleasedLine, TaskKind
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountHold,
    AccountPageAsked,
    AgreePaymentPlan,
    BreathingSpaceKind,
    CreditsAsked,
    ExplainBalance,
    JournalsAsked,
    LineKind,
    LinePart,
    LinesTried,
    LineTried,
    NoteDeath,
    PlaceHold,
    PlanRhythm,
    PostRefund,
    PutBackCredit,
    RefundFacts,
    RefundIsPosted,
    RefundPlan,
    ReverseJournal,
    SetAccountHold,
    SetHousingBenefitClaim,
)
from rentbook_contracts.refunds import RefundRequested
from rentbook_local.postgres import Database
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from support.ledger_books import opened
from support.ledger_calls import do, told_of
from support.write_off_books import CREDIT, DEBTORS, DEE, GARAGE, KEPT, OFFICER, OLD, RECHARGE, TODAY, Debts, day, outcome_of

DAY = timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="session")
async def debts(empty_ledger: Runtime) -> Debts:
    await opened(empty_ledger, DEBTORS)
    return Debts(empty_ledger)


async def moved(debts: Debts, account: UUID, pence: int, on: str | None = None, code: str = "RSO") -> UUID:
    """Post a receipt (pence below nothing) or a charge, and tell nobody: what the books are like when it was posted meanwhile."""
    control = Control.BANK if code == "RSO" else Control.RENT_INCOME
    posting = Posting(f"test/{uuid4()}", code, day(on) if on else TODAY, two_legs(account, pence, control, ""), "system")
    await do(debts.runtime, lambda tx: store.post(tx, [posting]))
    return posting.id


# --- by whom -----------------------------------------------------------------------------------------------------------------------


async def holds(debts: Debts, account: UUID, who: str) -> None:
    """Set a hold that blocks no write-off."""
    asked = SetAccountHold(account=account, account_hold=AccountHold.LEGAL, in_force=True, reason="a letter")
    await do(debts.runtime, lambda tx: set_account_hold(tx, asked), Caller(who, frozenset({"income-manager"})))


async def test_nothing_is_posted_of_a_debt_by_whoever_decided_it_and_stands_behind_it(debts: Debts) -> None:
    """Whoever writes the decision into the database of approvals goes past the question that approvals asks before it."""
    debts.deciders = ("kim.s151", "efua.manager")
    await holds(debts, RECHARGE, "efua.manager")
    debts.decided_at = datetime.now(UTC)
    theirs, others = await debts.line(), await debts.line(GARAGE, reason="uneconomic")
    fell, went = await debts.written_off(theirs, others)
    assert (fell.dropped_because, fell.journal, went.dropped_because) == ("decider-behind", None, None)
    assert (await debts.facts()).balance_pence == 280_00
    again = await debts.approve(theirs)
    assert (await debts.post(again))[0].dropped_because == "decider-behind", "for ever, for that attempt"


async def test_nor_of_one_in_which_whoever_decided_takes_part_by_now(debts: Debts) -> None:
    """Their evidence was on its way while they decided, or came while the decision could still be called in: writeoffs knows of it."""
    theirs, others = await debts.line(), await debts.line(GARAGE, reason="uneconomic")
    debts.deciders = ("kim.s151", "efua.manager")
    debts.took_part = {theirs.line: "efua.manager", others.line: "asha.officer"}
    fell, went = await debts.written_off(theirs, others)
    assert (fell.dropped_because, fell.journal, went.dropped_because) == ("decider-behind", None, None)
    assert (await debts.facts()).balance_pence == 280_00


async def test_what_was_decided_by_somebody_behind_it_is_neither_put_back_nor_taken_to_income(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    debts.deciders = ("efua.manager",)
    await holds(debts, OLD, "efua.manager")
    await holds(debts, CREDIT, "efua.manager")
    back = await debts.back(off.journal, ("Basic rent", 250_00), ("Heating", 30_00))
    income = await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON, reason="unclaimed")
    for line in (back, income):
        assert outcome_of(await debts.written_off(line)) == "decider-behind"
    debts.deciders = ("dilip.leader",)
    for line in (back, income):
        assert outcome_of(await debts.written_off(line.model_copy(update={"attempt": 2}))) is None


async def test_by_what_somebody_did_after_they_decided_nothing_is_refused(debts: Debts) -> None:
    debts.deciders, debts.decided_at = ("efua.manager",), datetime.now(UTC)
    approved = await debts.approve(await debts.line())
    await holds(debts, RECHARGE, "efua.manager")
    await holds(debts, OLD, "efua.manager")
    assert outcome_of(await debts.post(approved)) is None


async def test_what_nobody_decided_is_not_posted(debts: Debts) -> None:
    debts.deciders = ()
    with pytest.raises(rules.NotApproved):
        await debts.written_off(await debts.line())


# --- what is posted ----------------------------------------------------------------------------------------------------------------


async def test_a_debt_leaves_the_account_element_by_element_against_the_provision(debts: Debts) -> None:
    line = await debts.line()
    [outcome] = await debts.written_off(line)
    assert outcome.journal is not None
    assert await debts.legs(outcome.journal) == [
        ("A101", "Basic rent", -250_00),
        ("A101", "Heating", -30_00),
        ("BAD_DEBT_PROVISION", "", 280_00),
    ]
    assert await told_of(debts.runtime, OLD) == ["account-opened", "debt-written-off"]
    facts = await debts.facts()
    assert (facts.balance_pence, facts.charges, facts.debtor_total_pence) == (0, (), 330_00)
    [past] = facts.write_offs
    assert (past.journal, past.line, past.on, past.amount_pence, past.reinstated_pence) == (outcome.journal, line.line, TODAY, 280_00, 0)
    page = await do(debts.runtime, lambda tx: account_page(tx, AccountPageAsked(account=OLD)))
    provenance = page.entries[0].provenance
    assert (provenance.source, provenance.case, provenance.decision is not None) == ("schedule of write-offs, approved", line.line, True)
    explained = await do(debts.runtime, lambda tx: explain_balance(tx, ExplainBalance(account=OLD)))
    assert {part.kind: part.sum_pence for part in explained.parts} == {"charges": 480_00, "receipts": -200_00, "write-offs": -280_00}


async def test_barred_charges_alone_leave_the_rest_owed(debts: Debts) -> None:
    oldest = (await debts.facts()).charges[:2]
    assert outcome_of(await debts.written_off(await debts.line_of(oldest))) is None
    facts = await debts.facts()
    assert facts.balance_pence == 240_00
    assert [charge.due_on for charge in facts.charges] == [day("2020-04-20")] * 2 + [day("2020-04-27")] * 2


async def test_a_refund_is_told_of_an_old_recharge_that_no_day_is_computed_and_of_rent_that_it_is_barred(debts: Debts) -> None:
    async def of(account: UUID) -> list[tuple[UUID, int, int]]:
        facts = await do(debts.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=account)))
        return [(debt.account, debt.statute_barred_pence, debt.limitation_unknown_pence) for debt in facts.debts]

    assert (await of(OLD), await of(RECHARGE)) == ([(RECHARGE, 0, 50_00)], [(OLD, 280_00, 0)])


async def test_what_is_put_back_is_owed_since_it_first_was(debts: Debts) -> None:
    before = (await debts.facts()).charges
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    [back] = await debts.written_off(await debts.back(off.journal, ("Basic rent", 250_00), ("Heating", 30_00)))
    assert back.journal is not None
    assert (await debts.legs(back.journal))[-1] == ("BAD_DEBT_PROVISION", "", -280_00)
    facts = await debts.facts()
    assert (facts.balance_pence, facts.charges, facts.write_offs[0].reinstated_pence) == (280_00, before, 280_00)
    assert facts.debtor_total_pence == 330_00
    assert (await told_of(debts.runtime, OLD))[-1] == "debt-reinstated"


async def test_a_debt_is_put_back_in_parts_up_to_each_element_of_it_and_no_further(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 200_00)))) is None
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 50_01)))) == "above-written-off"
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 50_00), ("Heating", 30_00)))) is None
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Heating", 1)))) == "above-written-off"


async def test_an_unclaimed_credit_goes_to_income(debts: Debts) -> None:
    facts = await debts.facts(CREDIT)
    assert (facts.credit_since, facts.charges) == (day("2020-05-13"), ())
    [outcome] = await debts.written_off(await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON))
    assert outcome.journal is not None
    assert await debts.legs(outcome.journal) == [("A106", "", 25_00), ("CREDITS_WRITTEN_ON", "", -25_00)]
    assert await told_of(debts.runtime, CREDIT) == ["account-opened", "credit-written-on"]


async def test_the_vat_of_a_garage_is_the_same_in_all_however_often_some_of_it_is_put_back(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line(GARAGE))
    assert off.journal is not None
    for pence in (2, 1, 5_93):
        [back] = await debts.written_off(await debts.back(off.journal, ("Garage", pence), account=GARAGE))
        assert back.dropped_because is None
        [past] = (await debts.facts(GARAGE)).write_offs
        came = sum(charge.vat_pence for put in past.put_back for charge in put.charges)
        assert came + sum(charge.vat_pence for charge in past.charges) == 4 * 2_97
    first = past.charges[0]
    assert (first.owed_pence, first.of_pence, first.of_vat_pence) == (17_80 - 5_96, 17_80, 2_97)


async def test_a_credit_that_was_written_on_comes_back_for_a_refund_that_whoever_put_it_back_does_not_decide(debts: Debts) -> None:
    [on] = await debts.written_off(await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON))
    await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=on.journal or uuid4(), reason="the heirs ask")), OFFICER)
    asked = JournalsAsked(journals=(on.journal or uuid4(),))
    [told] = (await do(debts.runtime, lambda tx: decided_journals(tx, asked))).journals
    assert (told.undone, told.undone_on) == (True, TODAY)
    facts = await do(debts.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=CREDIT)))
    assert (facts.cleared_credit_pence, [each.method for each in facts.credits], facts.actors) == (25_00, ["RSO"], ("lind.officer",))
    assert (await told_of(debts.runtime, CREDIT))[-1] == "journal-reversed"


async def test_a_credit_that_went_to_income_is_paid_when_it_is_asked_for_and_only_then(debts: Debts) -> None:
    """domain.md 4: after six years written on to the budget, but still paid if asked. The request puts it back, the refund is decided."""
    await debts.written_off(await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON))
    facts = await refundable(debts)
    assert (facts.balance_pence, facts.cleared_credit_pence, facts.written_on_pence) == (0, 0, 25_00)
    case = uuid4()
    asked = PutBackCredit(case=case, account=CREDIT)
    with pytest.raises(NotHeardYet):
        await do(debts.runtime, lambda tx: put_back_credit(tx, asked))
    await do(debts.runtime, lambda tx: note_request(tx, RefundRequested(case=case, account=CREDIT)))
    with pytest.raises(NotHeardYet):
        await do(debts.runtime, lambda tx: put_back_credit(tx, PutBackCredit(case=uuid4(), account=CREDIT)))
    other = await do(debts.runtime, lambda tx: put_back_credit(tx, PutBackCredit(case=case, account=OLD)))
    assert other.journals == ()

    back, again = [await do(debts.runtime, lambda tx: put_back_credit(tx, asked)) for _ in range(2)]
    assert (len(back.journals), again.journals) == (1, ())
    assert await debts.legs(back.journals[0]) == [("A106", "", -25_00), ("CREDITS_WRITTEN_ON", "", 25_00)]
    facts = await refundable(debts)
    assert (facts.cleared_credit_pence, facts.written_on_pence, facts.actors) == (25_00, 0, ())
    assert (await told_of(debts.runtime, CREDIT))[-1] == "journal-reversed"

    plan = RefundPlan(case=case, attempt=1, account=CREDIT, refund_pence=25_00, payee=uuid4(), checks_hash="x")
    hold = (await do(debts.runtime, lambda tx: place_hold(tx, PlaceHold(plan=plan)))).hold
    with pytest.raises(NotHeardYet):
        await post_as_planned(debts, plan, hold, uuid4())
    posted = await post_as_planned(debts, plan, hold, await approved(debts, plan))
    assert posted.refund_journal is not None
    assert (await refundable(debts)).balance_pence == 0
    # A case that asks once more finds nothing at income.
    once_more = uuid4()
    await do(debts.runtime, lambda tx: note_request(tx, RefundRequested(case=once_more, account=CREDIT)))
    none = await do(debts.runtime, lambda tx: put_back_credit(tx, PutBackCredit(case=once_more, account=CREDIT)))
    assert none.journals == ()


async def test_many_who_ask_at_once_put_a_credit_back_once(debts: Debts) -> None:
    await debts.written_off(await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON))
    cases = [uuid4() for _ in range(4)]
    for case in cases:
        await do(debts.runtime, lambda tx, case=case: note_request(tx, RefundRequested(case=case, account=CREDIT)))  # type: ignore[misc]
    asked = [PutBackCredit(case=case, account=CREDIT) for case in cases]
    backs = await asyncio.gather(*(do(debts.runtime, lambda tx, one=one: put_back_credit(tx, one)) for one in asked))  # type: ignore[misc]
    assert sorted(len(back.journals) for back in backs) == [0, 0, 0, 1]
    assert (await refundable(debts)).balance_pence == -25_00


async def test_a_request_that_was_heard_stays_heard(debts: Debts) -> None:
    await do(debts.runtime, lambda tx: note_request(tx, RefundRequested(case=uuid4(), account=CREDIT)))
    for statement in ("UPDATE heard_request SET account = gen_random_uuid()", "DELETE FROM heard_request", "TRUNCATE heard_request"):
        with pytest.raises(DBAPIError):
            async with debts.runtime.engine.begin() as connection:
                await connection.execute(sa.text(statement))


async def refundable(debts: Debts) -> RefundFacts:
    return await do(debts.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=CREDIT)))


async def approved(debts: Debts, plan: RefundPlan) -> UUID:
    """Decided by approvals and released by finance, as the ledger hears it."""
    made = DecisionMade(
        case=plan.case, kind=TaskKind.REFUND, decision=uuid4(), task=uuid4(), attempt=1, round=1, stage=1, content_hash=plan.content_hash,
        answer=Answer.APPROVED, completes=True,
    )  # fmt: skip
    await do(debts.runtime, lambda tx: note_decision(tx, made))
    line = ReleasedLine(case=plan.case, attempt=1, content_hash=plan.content_hash, amount_pence=plan.refund_pence)
    released = PaymentRunReleased(run=uuid4(), lines=(line,), total_pence=plan.refund_pence, released_at=datetime.now(UTC))
    await do(debts.runtime, lambda tx: note_release(tx, released))
    return made.decision


async def post_as_planned(debts: Debts, plan: RefundPlan, hold: UUID, decision: UUID) -> RefundIsPosted:
    versions = {plan.account: (await refundable(debts)).version}
    asked = PostRefund(plan=plan, hold=hold, decision=decision, versions=versions)
    return await do(debts.runtime, lambda tx: post_refund(tx, asked))


# --- of which charges ----------------------------------------------------------------------------------------------------------------


async def test_a_write_off_is_of_the_charges_that_it_names_and_the_others_stay_owed(debts: Debts) -> None:
    """The oldest may be protected by an action in court, while the newer ones are barred."""
    charges = (await debts.facts()).charges
    older, newer = charges[:2], charges[2:]
    [off] = await debts.written_off(await debts.line_of(newer))
    facts = await debts.facts()
    assert (facts.charges, facts.write_offs[0].charges) == (older, newer)
    # What was written off is not written off again.
    again = await debts.line(parts=(await debts.line_of(newer)).parts, charges=(newer[0].journal, newer[-1].journal), balance_pence=40_00)
    assert outcome_of(await debts.written_off(again)) == "balance-moved"
    # What is paid pays what is owed, and not what was written off.
    await moved(debts, OLD, -15_00)
    assert [(charge.due_on, charge.owed_pence) for charge in (await debts.facts()).charges] == [
        (day("2020-04-13"), 15_00), (day("2020-04-13"), 10_00)
    ]  # fmt: skip
    assert off.journal is not None
    assert await debts.rows("SELECT sum(amount_pence) FROM written_off_charge WHERE write_off = :off", off=off.journal) == [(240_00,)]


async def test_what_names_its_charges_is_written_off_though_another_week_was_debited_since_and_not_once_some_of_it_was_paid(
    debts: Debts,
) -> None:
    line, again = [await debts.line_of((await debts.facts()).charges[:2]) for _ in range(2)]
    before = (await debts.facts()).balance_pence
    await moved(debts, OLD, 30_00, code="DEB")
    assert [outcome.dropped_because for outcome in await debts.written_off(line, again)] == [None, "balance-moved"]
    assert (await debts.facts()).balance_pence == before + 30_00 - line.amount_pence
    other = await debts.line_of((await debts.facts()).charges[:2])
    await moved(debts, OLD, -1_00)
    assert outcome_of(await debts.written_off(other)) == "balance-moved"


async def test_what_is_put_back_is_owed_of_the_charges_that_were_written_off(debts: Debts) -> None:
    charges = (await debts.facts()).charges
    newer = charges[2:]
    [off] = await debts.written_off(await debts.line_of(newer))
    assert off.journal is not None
    [back] = await debts.written_off(await debts.back(off.journal, ("Basic rent", 150_00)))
    assert back.journal is not None
    facts = await debts.facts()
    assert [(charge.due_on, charge.element, charge.owed_pence) for charge in facts.charges[2:]] == [
        (day("2020-04-20"), "Basic rent", 110_00), (day("2020-04-27"), "Basic rent", 40_00)
    ]  # fmt: skip
    [past] = facts.write_offs
    assert [(charge.due_on, charge.element, charge.owed_pence) for charge in past.charges] == [
        (day("2020-04-20"), "Heating", 10_00), (day("2020-04-27"), "Basic rent", 70_00), (day("2020-04-27"), "Heating", 10_00)
    ]  # fmt: skip
    [put] = past.put_back
    assert (put.journal, [(charge.due_on, charge.element, charge.owed_pence) for charge in put.charges]) == (
        back.journal, [(day("2020-04-20"), "Basic rent", 110_00), (day("2020-04-27"), "Basic rent", 40_00)]
    )  # fmt: skip
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 70_00), ("Heating", 20_00)))) is None
    facts = await debts.facts()
    assert (facts.charges, facts.write_offs[0].charges) == (charges, ())


async def test_what_comes_back_once_a_charge_of_it_was_undone_is_that_charge(debts: Debts) -> None:
    newest = (await debts.facts()).charges[-1]
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    wrong = ReverseJournal(journal=newest.journal, reason="charged twice")
    await do(debts.runtime, lambda tx: reverse_journal(tx, wrong), OFFICER)
    [past] = (await debts.facts()).write_offs
    assert past.charges[0].journal == past.charges[1].journal == newest.journal
    [back] = await debts.written_off(await debts.back(off.journal, ("Basic rent", 110_00), ("Heating", 10_00), charges=(newest.journal,)))
    facts = await debts.facts()
    [past] = facts.write_offs
    assert (back.dropped_because, facts.balance_pence, facts.charges) == (None, 0, ())
    assert newest.journal not in {charge.journal for charge in past.charges}
    assert {charge.journal for charge in past.put_back[0].charges} == {newest.journal}


@pytest.mark.parametrize("law", ["none", "discharged", "released when it was written off", "released since", "insolvency recorded"])
async def test_what_was_written_off_of_a_charge_that_was_undone_comes_back_whatever_the_law_has_released(debts: Debts, law: str) -> None:
    charges = (await debts.facts()).charges
    gone, stays = ([one for one in charges if one.due_on == day(due_on)] for due_on in ("2020-04-20", "2020-04-27"))
    until = day("2020-04-27")
    then = until if law == "released when it was written off" else None
    [off] = await debts.written_off(await debts.line_of([*gone, *stays], discharged=law == "discharged", released_until=then))
    assert off.journal is not None
    # Some of it had come back before: what is left of it is nobody's.
    if law == "none":
        assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 30_00)))) is None
    if law == "insolvency recorded":
        await hold(debts, AccountHold.INSOLVENCY)
    asked = AccountForRefund(account=RECHARGE)
    before = (await do(debts.runtime, lambda tx: account_for_refund(tx, asked))).written_off_pence
    assert before == {"none": 210_00, "discharged": 0, "released when it was written off": 0}.get(law, 240_00)
    owed_then = (await debts.facts()).balance_pence
    wrong = ReverseJournal(journal=gone[0].journal, reason="charged in error")
    await do(debts.runtime, lambda tx: reverse_journal(tx, wrong), OFFICER)
    facts = await debts.facts()
    [past] = facts.write_offs
    left = 90_00 if law == "none" else 120_00
    assert (facts.balance_pence, sum(one.owed_pence for one in past.charges if one.undone)) == (owed_then - 120_00, left)
    refundable = await do(debts.runtime, lambda tx: account_for_refund(tx, asked))
    assert refundable.written_off_pence == (before or left), "nobody paid the credit that it left"
    since = until if law == "released since" else None
    rent = left - 10_00
    named = (gone[0].journal, stays[0].journal)
    both = await debts.back(off.journal, ("Basic rent", rent + 1), ("Heating", 10_00), charges=named, released_until=since)
    if law != "none":
        assert outcome_of(await debts.written_off(both)) in ("discharged", "insolvency")
    back = await debts.back(off.journal, ("Basic rent", rent), ("Heating", 10_00), charges=named[:1], released_until=since)
    assert outcome_of(await debts.written_off(back)) is None
    facts = await debts.facts()
    assert facts.balance_pence == owed_then - 120_00 + left
    assert [charge.due_on for charge in facts.charges] == [day("2020-04-13")] * len(facts.charges)
    assert not any(charge.undone for past in facts.write_offs for charge in past.charges)
    again = back.model_copy(update={"line": uuid4(), "balance_pence": facts.balance_pence})
    assert outcome_of(await debts.written_off(again)) in ("above-written-off", "discharged", "insolvency")


async def test_a_line_of_less_than_all_names_its_charges_with_their_amounts(debts: Debts) -> None:
    charges = (await debts.facts()).charges
    named = await debts.line_of(charges[:2])
    other = (LinePart(element="Basic rent", amount_pence=29_99), LinePart(element="Heating", amount_pence=10_01))
    for line in (named.model_copy(update={"charges": ()}), named.model_copy(update={"charges": (charges[-1].journal,)}),
                 named.model_copy(update={"charges": (*named.charges, uuid4())}), named.model_copy(update={"parts": other})):  # fmt: skip
        assert outcome_of(await debts.written_off(line.model_copy(update={"line": uuid4()}))) == "balance-moved"
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    back = await debts.back(off.journal, ("Basic rent", 30_00))
    for wrong in ((), (charges[-1].journal, charges[0].journal), (uuid4(),)):
        line = back.model_copy(update={"line": uuid4(), "charges": wrong})
        assert outcome_of(await debts.written_off(line)) == "above-written-off"
    assert outcome_of(await debts.written_off(back)) is None


async def test_what_was_written_off_before_its_charges_were_kept_counts_as_it_did(debts: Debts, database: Database) -> None:
    """As a credit, which has paid the oldest; and what is put back of it is owed since it first was."""
    charges = (await debts.facts()).charges
    [off] = await debts.written_off(await debts.line_of(charges[2:]))
    assert off.journal is not None
    await nobody_kept_the_charges(database)
    assert [charge.due_on for charge in (await debts.facts()).charges] == [day("2020-04-27")] * 2
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 200_00)))) is None
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 20_00), ("Heating", 20_00)))) is None
    facts = await debts.facts()
    assert (facts.charges, facts.write_offs[0].charges, facts.write_offs[0].reinstated_pence) == (charges, (), 240_00)


async def nobody_kept_the_charges(database: Database) -> None:
    await as_owner(
        database,
        "ALTER TABLE written_off_charge DISABLE TRIGGER USER",
        "DELETE FROM written_off_charge",
        "ALTER TABLE written_off_charge ENABLE ALWAYS TRIGGER append_only",
        "ALTER TABLE written_off_charge ENABLE ALWAYS TRIGGER written_off_of_its_charges",
    )


async def as_owner(database: Database, *statements: str) -> None:
    engine = create_async_engine(database.owner_url, poolclass=NullPool)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))
    await engine.dispose()


# --- on whose word -----------------------------------------------------------------------------------------------------------------


async def test_a_decision_not_heard_yet_is_waited_for(debts: Debts) -> None:
    asked = await debts.approve(line := await debts.line())
    with pytest.raises(NotHeardYet):
        await debts.post(asked.model_copy(update={"decision": uuid4()}))
    assert (await debts.facts()).balance_pence == line.balance_pence


@pytest.mark.parametrize(
    "other",
    [{"answer": Answer.DECLINED}, {"answer": Answer.SENT_BACK}, {"completes": False}, {"lines": ()}],
    ids=lambda other: next(iter(other)),
)
async def test_only_a_completing_approval_writes_off(debts: Debts, other: dict[str, Any]) -> None:
    with pytest.raises(rules.NotApproved):
        await debts.written_off(await debts.line(), **other)


async def test_no_line_is_posted_that_the_decision_does_not_name_as_it_is(debts: Debts) -> None:
    named, unnamed = await debts.line(), await debts.line(RECHARGE)
    asked = await debts.approve(named)
    for lines in ((named, unnamed), (named.model_copy(update={"reason": "untraceable"}),), (named.model_copy(update={"attempt": 2}),)):
        with pytest.raises(rules.NotApproved):
            await debts.post(asked.model_copy(update={"lines": lines}))
    with pytest.raises(rules.NotApproved):
        await debts.post(asked.model_copy(update={"schedule": uuid4()}))
    assert (await debts.facts()).balance_pence == 280_00


async def test_an_approval_that_came_to_nothing_writes_nothing_off_and_what_was_posted_stays(debts: Debts) -> None:
    asked = await debts.approve(await debts.line())
    await debts.comes_to_nothing(asked)
    await debts.comes_to_nothing(asked)
    with pytest.raises(rules.DecisionRecalled):
        await debts.post(asked)
    posted = await debts.approve(await debts.line())
    first = await debts.post(posted)
    await debts.comes_to_nothing(posted)
    assert await debts.post(posted) == first


async def test_what_writeoffs_has_not_handed_out_is_posted_no_more_than_its_whole_chunk(debts: Debts) -> None:
    """A line that dropped after the decision, or a step without its story."""
    first, second = await debts.line(), await debts.line(KEPT)
    asked = await debts.approve(first, second)
    debts.dropped = {second.line}
    with pytest.raises(rules.NotHandedOut):
        await debts.post(asked)
    assert await debts.rows("SELECT 1 FROM journal WHERE code = 'WOF'") == []
    debts.dropped = set()
    posted = await debts.post(asked)
    debts.dropped = {first.line, second.line}
    assert await debts.post(asked) == posted, "what was posted has its outcome"


async def test_what_was_posted_while_an_approval_came_to_nothing_was_posted_before(debts: Debts) -> None:
    asked = await debts.approve(await debts.line())

    async def ends(tx: Transaction) -> None:
        # The posting begins later, and is the first to take the decision's name.
        await debts.post(asked)
        await note_not_carried_out(tx, DecisionNotCarriedOut(case=asked.schedule, decision=asked.decision))

    await do(debts.runtime, ends)
    joined = "FROM journal JOIN heard_not_carried_out ON decision = decision_id"
    assert await debts.rows(f"SELECT posted_at < heard_at {joined}") == [(True,)]


async def test_a_recalled_approval_writes_nothing_off_and_what_was_posted_stays(debts: Debts) -> None:
    asked = await debts.approve(await debts.line())
    await debts.recall(asked)
    with pytest.raises(rules.DecisionRecalled):
        await debts.post(asked)
    posted = await debts.approve(await debts.line())
    first = await debts.post(posted)
    await debts.recall(posted)
    assert await debts.post(posted) == first


async def test_a_decision_of_members_waits_out_its_call_in(debts: Debts) -> None:
    with pytest.raises(rules.CallInRuns):
        await debts.written_off(await debts.line(), carried_out_from=TODAY + DAY)
    assert outcome_of(await debts.written_off(await debts.line(), carried_out_from=TODAY)) is None


async def test_a_write_off_is_put_back_by_no_reversal(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    with pytest.raises(rules.PutBackByDecision):
        await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=off.journal or uuid4(), reason="x")), OFFICER)


# --- what is left out --------------------------------------------------------------------------------------------------------------


async def hold(debts: Debts, of: AccountHold, account: UUID = OLD) -> None:
    kind = BreathingSpaceKind.STANDARD if of is AccountHold.BREATHING_SPACE else None
    asked = SetAccountHold(account=account, account_hold=of, in_force=True, reason="x", kind=kind)
    await do(debts.runtime, lambda tx: set_account_hold(tx, asked), OFFICER)


async def claim(debts: Debts) -> None:
    asked = SetHousingBenefitClaim(account=OLD, unresolved=True, since=TODAY, reason="x")
    await do(debts.runtime, lambda tx: set_housing_benefit_claim(tx, asked), OFFICER)


async def agree(debts: Debts, *, days_ago: int = 0, pence: int = 5_00, account: UUID = OLD) -> None:
    since = TODAY - days_ago * DAY
    asked = AgreePaymentPlan(account=account, agreed_on=since, instalment_pence=pence, rhythm=PlanRhythm.WEEKLY, first_due_on=since)
    await do(debts.runtime, lambda tx: agree_payment_plan(tx, asked), OFFICER)


async def taken_back(debts: Debts) -> None:
    """The receipt that the debt was owed beside is reversed."""
    [(receipt,)] = await debts.rows("SELECT id FROM journal JOIN entry ON journal = id WHERE code = 'RSO' AND account = :id", id=OLD)
    await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=receipt, reason="bounced")), OFFICER)


async def said_in_error(debts: Debts) -> None:
    """Dee, who owes it, lives."""
    asked = NoteDeath(account=OLD, person=DEE, died_on=None, known_from="Dee herself")
    await do(debts.runtime, lambda tx: note_death(tx, asked), OFFICER)


Meanwhile = Callable[[Debts], Awaitable[object]]
MEANWHILE: dict[str, tuple[Meanwhile, str | None]] = {
    "receipt": (lambda debts: moved(debts, OLD, -10_00), "balance-moved"),
    "backdated-receipt": (lambda debts: moved(debts, OLD, -10_00, "2020-04-09"), "balance-moved"),
    "receipt-taken-back": (taken_back, "balance-moved"),
    "charge": (lambda debts: moved(debts, OLD, 10_00, code="DEB"), "balance-moved"),
    "breathing-space": (lambda debts: hold(debts, AccountHold.BREATHING_SPACE), "breathing-space"),
    "dispute": (lambda debts: hold(debts, AccountHold.DISPUTE), "dispute"),
    "legal": (lambda debts: hold(debts, AccountHold.LEGAL), None),
    "claim": (claim, "housing-benefit"),
    "plan-kept": (lambda debts: agree(debts), "payment-plan"),
    "plan-broken": (lambda debts: agree(debts, days_ago=1), None),
    "credit-elsewhere": (lambda debts: moved(debts, RECHARGE, -50_01), "credit-elsewhere"),
    "owes-more": (lambda debts: moved(debts, RECHARGE, 1, code="DEB"), "debtor-owes-more"),
    "lives-after-all": (lambda debts: said_in_error(debts), "people-changed"),
    "hold-on-a-linked-account": (lambda debts: hold(debts, AccountHold.DISPUTE, RECHARGE), None),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_what_happens_between_decision_and_posting_leaves_the_line_out_alone(debts: Debts, what: str) -> None:
    happens, because = MEANWHILE[what]
    other = await debts.line(KEPT)
    asked = await debts.approve(await debts.line(), other, covers_to_pence=330_00)
    await happens(debts)
    outcomes = await debts.post(asked)
    assert [outcome.dropped_because for outcome in outcomes] == [because, None]
    assert await debts.post(asked) == outcomes, "the same lines again are answered as at first"


@pytest.mark.parametrize(("reason", "because"), [("untraceable", "payment-plan"), ("emigrated", None)])
async def test_whoever_agrees_a_plan_on_another_account_before_the_posting_can_be_found(
    debts: Debts, reason: str, because: str | None
) -> None:
    await said_in_error(debts)
    asked = await debts.approve(await debts.line(reason=reason), covers_to_pence=330_00)
    await agree(debts, account=RECHARGE)
    assert outcome_of(await debts.post(asked)) == because


@pytest.mark.parametrize(("reason", "because"), [("emigrated", "nobody-lives"), ("uneconomic", None)])
async def test_whoever_dies_before_the_posting_has_not_gone_away(debts: Debts, reason: str, because: str | None) -> None:
    await said_in_error(debts)
    asked = await debts.approve(await debts.line(reason=reason), covers_to_pence=330_00)
    died = NoteDeath(account=OLD, person=DEE, died_on=TODAY, known_from="her son")
    await do(debts.runtime, lambda tx: note_death(tx, died), OFFICER)
    assert outcome_of(await debts.post(asked)) == because


async def test_a_line_that_was_left_out_stays_left_out_when_its_ground_has_come_back(debts: Debts) -> None:
    asked = await debts.approve(await debts.line())
    receipt = await moved(debts, OLD, -10_00)
    assert outcome_of(await debts.post(asked)) == "balance-moved"
    await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=receipt, reason="keyed twice")), OFFICER)
    assert (await debts.facts()).balance_pence == 280_00
    assert outcome_of(await debts.post(asked)) == "balance-moved"
    again = asked.lines[0].model_copy(update={"attempt": 2})
    assert outcome_of(await debts.written_off(again)) is None
    tried = LinesTried(lines=tuple(LineTried(line=again.line, attempt=attempt) for attempt in (1, 2, 3)))
    told = (await do(debts.runtime, lambda tx: dropped_lines(tx, tried))).lines
    assert [(one.line, one.attempt, one.because) for one in told] == [(again.line, 1, "balance-moved")]


async def test_elements_that_came_to_differ_under_the_same_balance(debts: Debts) -> None:
    line = await debts.line(parts=(LinePart(element="Heating", amount_pence=30_01), LinePart(element="Basic rent", amount_pence=249_99)))
    assert outcome_of(await debts.written_off(line)) == "balance-moved"


async def test_a_discharged_debt_is_never_put_back(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line(discharged=True, reason="debt-relief-order"))
    assert off.journal is not None
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 1)))) == "discharged"


async def test_a_discharged_debt_is_put_back_where_the_decided_line_says_that_its_release_stands_no_longer(debts: Debts) -> None:
    of_law = await debts.line(discharged=True, reason="bankruptcy", released_until=day("2020-04-20"))
    [off] = await debts.written_off(of_law)
    assert off.journal is not None
    [past] = (await debts.facts()).write_offs
    first = (past.charges[0].journal,)
    asked = AccountForRefund(account=RECHARGE)
    assert (await do(debts.runtime, lambda tx: account_for_refund(tx, asked))).written_off_pence == 0
    back = await debts.back(off.journal, ("Basic rent", 1), charges=first, release_undone=True)
    held = back.model_copy(update={"line": uuid4(), "released_until": past.charges[0].due_on})
    assert outcome_of(await debts.written_off(held)) == "discharged", "another order stands"
    assert outcome_of(await debts.written_off(back)) is None
    [past] = (await debts.facts()).write_offs
    assert (past.reinstated_pence, past.discharged) == (1, True), "what was posted stays as it was"
    assert (await do(debts.runtime, lambda tx: account_for_refund(tx, asked))).written_off_pence == 279_99
    again = await debts.back(off.journal, ("Basic rent", 1), charges=first)
    assert outcome_of(await debts.written_off(again)) == "discharged", "each says it for itself"


async def test_what_an_order_has_released_is_never_put_back_whatever_it_was_written_off_for(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line(reason="uneconomic", released_until=day("2020-04-20")))
    assert off.journal is not None
    [past] = (await debts.facts()).write_offs
    assert past.released_until == day("2020-04-20")
    latest = [charge for charge in past.charges if charge.due_on > day("2020-04-20")]
    named = (latest[0].journal,)
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 250_00), ("Heating", 30_00)))) == "discharged"
    # An order that became known since.
    back = await debts.back(off.journal, ("Basic rent", 110_00), charges=named, released_until=day("2020-04-27"))
    assert outcome_of(await debts.written_off(back)) == "discharged"
    assert outcome_of(await debts.written_off(back.model_copy(update={"attempt": 2, "released_until": None}))) is None


@pytest.mark.parametrize(
    ("until", "kept", "left"),
    [(None, True, 280_00), ("2020-04-05", True, 280_00), ("2020-04-20", True, 120_00), ("2020-04-27", True, 0), ("2020-04-20", False, 0)],
)
async def test_what_an_order_has_released_holds_no_credit_of_the_same_person_back(
    debts: Debts, database: Database, until: str | None, kept: bool, left: int
) -> None:
    await debts.written_off(await debts.line(reason="uneconomic", released_until=day(until) if until else None))
    if not kept:
        await nobody_kept_the_charges(database)
    asked = AccountForRefund(account=RECHARGE)
    assert (await do(debts.runtime, lambda tx: account_for_refund(tx, asked))).written_off_pence == left
    both = await do(debts.runtime, lambda tx: credits_of(tx, CreditsAsked(accounts=(OLD, RECHARGE))))
    assert [credit.written_off_pence for credit in both.credits] == [left, left]


async def test_of_a_write_off_whose_charges_nobody_kept_nothing_is_put_back_once_an_order_is_known(
    debts: Debts, database: Database
) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    await nobody_kept_the_charges(database)
    released = await debts.back(off.journal, ("Basic rent", 1), released_until=day("2020-04-05"))
    assert outcome_of(await debts.written_off(released)) == "discharged"
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 1)))) is None


async def test_nothing_is_put_back_while_an_insolvency_is_recorded_whose_order_is_not_known(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    await hold(debts, AccountHold.INSOLVENCY)
    back = await debts.back(off.journal, ("Basic rent", 250_00), ("Heating", 30_00))
    assert outcome_of(await debts.written_off(back)) == "insolvency"
    known = back.model_copy(update={"attempt": 2, "released_until": day("2020-04-05")})
    assert outcome_of(await debts.written_off(known)) is None


async def test_nothing_is_put_back_that_was_not_written_off(debts: Debts) -> None:
    assert outcome_of(await debts.written_off(await debts.back(uuid4(), ("Basic rent", 1)))) == "above-written-off"


async def test_a_credit_that_a_refund_has_set_aside_is_not_written_on(debts: Debts) -> None:
    asked = await debts.approve(await debts.line(CREDIT, LineKind.CREDIT_WRITE_ON))
    plan = RefundPlan(case=uuid4(), attempt=1, account=CREDIT, refund_pence=1, payee=uuid4(), checks_hash="x")
    await do(debts.runtime, lambda tx: place_hold(tx, PlaceHold(plan=plan)))
    assert outcome_of(await debts.post(asked)) == "credit-held"


async def test_splitting_a_debt_or_writing_it_off_by_instalments_does_not_lower_its_band(debts: Debts) -> None:
    part = (await debts.facts()).charges[:2]
    assert outcome_of(await debts.written_off(await debts.line_of(part), covers_to_pence=329_99)) == "debtor-owes-more"
    assert outcome_of(await debts.written_off(await debts.line_of(part), covers_to_pence=330_00)) is None
    assert outcome_of(await debts.written_off(await debts.line(), covers_to_pence=329_99)) == "debtor-owes-more"


async def test_what_a_total_holds_beside_the_balances_is_named_by_account_and_day(debts: Debts, database: Database) -> None:
    part = (await debts.facts()).charges[:2]
    [off] = await debts.written_off(await debts.line_of(part))
    for account in (OLD, RECHARGE):
        facts = await debts.facts(account)
        assert [(one.account, one.pence) for one in facts.written_off_lately] == [(OLD, 40_00)]
        balances = (facts.balance_pence, *(other.balance_pence for other in facts.linked))
        assert facts.debtor_total_pence == sum(balances) + 40_00
    assert off.journal is not None
    await debts.written_off(await debts.back(off.journal, ("Basic rent", 10_00)))
    assert [one.pence for one in (await debts.facts()).written_off_lately] == [30_00]
    await nothing_is_recent(database)
    assert (await debts.facts()).written_off_lately == ()


async def nothing_is_recent(database: Database) -> None:
    """From now on what was written off until today counts as if it were long ago."""
    await as_owner(database, "UPDATE ledger_policy SET debtor_total_months = 0")


async def test_what_was_written_off_comes_back_piece_by_piece_on_no_less_authority_than_it_went(debts: Debts, database: Database) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    await nothing_is_recent(database)
    assert await debts.rows("SELECT debtor_total_pence FROM written_off") == [(330_00,)]
    # What else the person owed was paid since.
    await moved(debts, RECHARGE, -50_00)
    assert (await debts.facts()).debtor_total_pence == 0
    for pence in (1, 30_00):
        piece = await debts.back(off.journal, ("Basic rent", pence))
        assert outcome_of(await debts.written_off(piece, covers_to_pence=329_99)) == "debtor-owes-more"
        assert outcome_of(await debts.written_off(piece.model_copy(update={"attempt": 2}), covers_to_pence=330_00)) is None


# --- once, and at once -------------------------------------------------------------------------------------------------------------


async def test_one_attempt_at_a_line_is_posted_once_whatever_is_approved_later(debts: Debts) -> None:
    line = await debts.line_of((await debts.facts()).charges[:2])
    assert outcome_of(await debts.written_off(line)) is None
    with pytest.raises(rules.KeyUsedForOtherContent):
        await debts.written_off(line.model_copy(update={"balance_pence": 250_00}))


async def test_two_lines_of_one_account_do_not_both_count_its_balance(debts: Debts) -> None:
    charges = (await debts.facts()).charges
    outcomes = await debts.written_off(await debts.line_of(charges[:2]), await debts.line_of(charges[2:]))
    assert [outcome.dropped_because for outcome in outcomes] == [None, "balance-moved"]


async def test_a_line_that_comes_twice_is_posted_once(debts: Debts) -> None:
    line = await debts.line()
    asked = await debts.approve(line)
    first, second = await debts.post(asked.model_copy(update={"lines": (line, line)}))
    assert first == second
    other = line.model_copy(update={"reason": "untraceable"})
    with pytest.raises(rules.KeyUsedForOtherContent):
        await debts.post(asked.model_copy(update={"lines": (line, other)}))


async def test_of_many_postings_at_once_all_answer_the_same(debts: Debts) -> None:
    asked = await debts.approve(await debts.line(), await debts.line(KEPT))
    answers = await asyncio.gather(*(debts.post(asked) for _ in range(6)))
    assert len(set(answers)) == 1
    assert await debts.rows("SELECT count(*) FROM journal WHERE code = 'WOF'") == [(2,)]


async def test_a_receipt_and_a_write_off_at_once_leave_one_order_or_the_other(debts: Debts) -> None:
    asked = await debts.approve(await debts.line())
    (outcome,), _ = await asyncio.gather(debts.post(asked), moved(debts, OLD, -10_00))
    balance = (await debts.facts()).balance_pence
    assert balance == (-10_00 if outcome.journal else 270_00)
    assert outcome.dropped_because in (None, "balance-moved")


async def test_a_recall_and_a_posting_at_once_leave_one_order_or_the_other(debts: Debts) -> None:
    asked = await debts.approve(await debts.line())
    answer, _ = await asyncio.gather(debts.post(asked), debts.recall(asked), return_exceptions=True)
    assert isinstance(answer, (tuple, rules.DecisionRecalled)), answer
    assert (await debts.facts()).balance_pence == (0 if isinstance(answer, tuple) else 280_00)


# --- before, during and after ------------------------------------------------------------------------------------------------------


async def test_what_is_put_back_of_a_payment_stands_while_more_is_paid_and_falls_with_the_credit_that_it_answers(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    await moved(debts, OLD, -40_00)
    line = await debts.back(off.journal, ("Basic rent", 40_00), reason="paying")
    await moved(debts, OLD, -10_00)
    assert outcome_of(await debts.written_off(line)) is None
    assert (await debts.facts()).balance_pence == -10_00
    # The rest, for its own amount; meanwhile a charge falls due, which that credit pays.
    rest = await debts.back(off.journal, ("Basic rent", 10_00), reason="paying")
    await moved(debts, OLD, 4_00, code="DEB")
    assert outcome_of(await debts.written_off(rest)) == "credit-gone"
    left = await debts.back(off.journal, ("Basic rent", 6_00), reason="paying")
    assert outcome_of(await debts.written_off(left)) is None


async def test_a_receipt_after_a_write_off_is_credit_until_the_debt_is_put_back(debts: Debts) -> None:
    [off] = await debts.written_off(await debts.line())
    assert off.journal is not None
    await moved(debts, OLD, -40_00)
    assert (await debts.facts()).balance_pence == -40_00
    assert outcome_of(await debts.written_off(await debts.back(off.journal, ("Basic rent", 40_00), reason="paying"))) is None
    facts = await debts.facts()
    assert (facts.balance_pence, facts.charges, facts.write_offs[0].reinstated_pence) == (0, (), 40_00)
    # Whoever looks at a credit of the same person, on this account or another, knows of the rest.
    for account in (OLD, RECHARGE):
        asked = AccountForRefund(account=account)
        assert (await do(debts.runtime, lambda tx, asked=asked: account_for_refund(tx, asked))).written_off_pence == 240_00  # type: ignore[misc]
    both = await do(debts.runtime, lambda tx: credits_of(tx, CreditsAsked(accounts=(OLD, RECHARGE))))
    assert [credit.written_off_pence for credit in both.credits] == [240_00, 240_00]


async def test_a_receipt_taken_back_after_a_write_off_is_owed_again_beside_it(debts: Debts) -> None:
    await debts.written_off(await debts.line())
    await taken_back(debts)
    facts = await debts.facts()
    assert (facts.balance_pence, sum(charge.owed_pence for charge in facts.charges)) == (200_00, 200_00)
    # What it had paid, and not what was written off.
    assert {charge.due_on for charge in facts.charges} == {day("2020-04-06"), day("2020-04-13")}


async def test_a_backdated_receipt_after_a_write_off_is_credit(debts: Debts) -> None:
    await debts.written_off(await debts.line())
    await moved(debts, OLD, -15_00, "2020-04-08")
    facts = await debts.facts()
    assert (facts.balance_pence, facts.charges) == (-15_00, ())
