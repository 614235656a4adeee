"""What the ledger says of debts for write-offs: facts of many accounts, debts to propose, and who is behind them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from chassis.transaction import Runtime
from ledger.queries.debts import actors_behind, debts_for_write_off, find_debts
from ledger.use_cases.agree_payment_plan import agree_payment_plan
from ledger.use_cases.end_payment_plan import end_payment_plan
from ledger.use_cases.note_request import note_request
from ledger.use_cases.reverse_journal import reverse_journal
from ledger.use_cases.set_account_hold import set_account_hold
from ledger.use_cases.set_housing_benefit_claim import set_housing_benefit_claim
from rentbook_contracts.ledger import (
    AccountHold,
    ActorsAsked,
    AgreePaymentPlan,
    BreathingSpaceKind,
    DebtsAsked,
    EndPaymentPlan,
    FindDebts,
    FoundDebts,
    PlanRhythm,
    RestDays,
    ReverseJournal,
    SetAccountHold,
    SetHousingBenefitClaim,
)
from rentbook_contracts.refunds import RefundRequested
from support.ledger_books import opened
from support.ledger_calls import do
from support.write_off_books import CREDIT, DEBTORS, DEE, DWELLING, GARAGE, KEPT, OFFICER, OLD, OLD_HOME, RECHARGE, TODAY, Debts, day

BEN, LEFT_BEFORE, STAYED = UUID(int=130), UUID(int=131), UUID(int=132)
DAY = timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="session")
async def debts(empty_ledger: Runtime) -> Debts:
    await opened(empty_ledger, DEBTORS)
    return Debts(empty_ledger)


async def test_charges_are_owed_oldest_first_and_add_up(debts: Debts) -> None:
    facts = await debts.facts()
    assert [(charge.element, charge.due_on, charge.owed_pence) for charge in facts.charges] == [
        ("Basic rent", day("2020-04-13"), 30_00),
        ("Heating", day("2020-04-13"), 10_00),
        ("Basic rent", day("2020-04-20"), 110_00),
        ("Heating", day("2020-04-20"), 10_00),
        ("Basic rent", day("2020-04-27"), 110_00),
        ("Heating", day("2020-04-27"), 10_00),
    ]
    assert [other.account for other in facts.linked] == [RECHARGE]
    assert (facts.balance_pence, facts.debtor_total_pence, facts.ended_on) == (280_00, 330_00, day("2020-05-04"))
    assert [(person.person, person.died_on) for person in facts.people] == [(DEE, day("2020-05-01"))]


async def test_debts_are_told_in_the_order_asked_and_unknown_ones_left_out(debts: Debts) -> None:
    asked = DebtsAsked(accounts=(GARAGE, uuid4(), OLD))
    read = await do(debts.runtime, lambda tx: debts_for_write_off(tx, asked))
    assert [facts.account for facts in read.debts] == [GARAGE, OLD]


async def test_a_garages_vat_follows_its_tenants_dwelling(debts: Debts) -> None:
    assert [charge.vat_pence for charge in (await debts.facts(GARAGE)).charges] == [2_97] * 4
    kept = (await debts.facts(KEPT)).charges
    assert [(charge.due_on, charge.vat_pence) for charge in kept] == [
        (day("2020-04-06"), 0),
        (day("2020-04-13"), 0),
        (day("2020-04-20"), 3_75),
        (day("2020-04-27"), 3_75),
    ]
    assert not any(charge.vat_pence for charge in (await debts.facts()).charges)


async def test_a_plan_is_kept_by_receipts_that_were_not_taken_back(debts: Debts) -> None:
    since = day("2020-05-11")
    agreed = AgreePaymentPlan(account=OLD, agreed_on=since, instalment_pence=200_00, rhythm=PlanRhythm.MONTHLY, first_due_on=since)
    await do(debts.runtime, lambda tx: agree_payment_plan(tx, agreed), OFFICER)
    plan = (await debts.facts()).plan
    assert plan is not None
    assert (plan.agreed_on, plan.kept) == (since, False)
    months = (TODAY.year - since.year) * 12 + TODAY.month - since.month + (TODAY.day > since.day)
    small = agreed.model_copy(update={"instalment_pence": 200_00 // months})
    await do(debts.runtime, lambda tx: agree_payment_plan(tx, small), OFFICER)
    kept = (await debts.facts()).plan
    assert kept is not None
    assert kept.kept
    assert (await debts.facts(RECHARGE)).plan_elsewhere == kept, "on another account of the same people"
    assert (await debts.facts()).plan_elsewhere is None
    [(receipt,)] = await debts.rows("SELECT id FROM journal JOIN entry ON journal = id WHERE code = 'RSO' AND account = :id", id=OLD)
    await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=receipt, reason="bounced")), OFFICER)
    broken = (await debts.facts()).plan
    assert broken is not None
    assert not broken.kept
    assert (await debts.facts(RECHARGE)).plan_elsewhere is None


async def test_the_tenants_own_last_payment_that_stands_is_told(empty_ledger: Runtime) -> None:
    paid = {"record": "receipt", "account": str(OLD), "amount_pence": 5_00}
    benefit = {**paid, "code": "RHB", "effective_date": "2020-06-01"}
    own = {**paid, "code": "RSO", "effective_date": "2020-05-25"}
    await opened(empty_ledger, [*DEBTORS, own, benefit])
    debts = Debts(empty_ledger)
    paid_on = {account: (await debts.facts(account)).paid_on for account in (OLD, RECHARGE, GARAGE, CREDIT)}
    assert paid_on == {OLD: day("2020-05-25"), RECHARGE: day("2020-05-25"), GARAGE: None, CREDIT: day("2020-05-13")}, (
        "also where they paid on another account of theirs"
    )
    [(receipt,)] = await debts.rows("SELECT id FROM journal WHERE code = 'RSO' AND effective_date = :day", day=day("2020-05-25"))
    await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=receipt, reason="bounced")), OFFICER)
    assert (await debts.facts()).paid_on == day("2020-05-11")


async def test_the_last_day_of_a_plan_is_told_also_once_it_is_broken_or_ended_and_so_is_a_refund_that_was_asked_for(debts: Debts) -> None:
    """Whoever agreed it was spoken with that day (domain.md 5.2)."""
    assert [(await debts.facts(account)).asked_on for account in (OLD, RECHARGE)] == [None, None]
    since = TODAY - timedelta(days=20)
    agreed = AgreePaymentPlan(
        account=OLD, agreed_on=since, instalment_pence=10_00, rhythm=PlanRhythm.WEEKLY, first_due_on=since + timedelta(days=7)
    )
    plan = (await do(debts.runtime, lambda tx: agree_payment_plan(tx, agreed), OFFICER)).plan
    broken = await debts.facts()
    assert broken.plan is not None
    assert (broken.plan.kept, broken.asked_on) == (False, since)
    await do(debts.runtime, lambda tx: end_payment_plan(tx, EndPaymentPlan(plan=plan, reason="it was not kept")), OFFICER)
    for account in (OLD, RECHARGE):
        facts = await debts.facts(account)
        assert (facts.plan, facts.plan_elsewhere, facts.asked_on) == (None, None, since), "on another account of theirs too"
    asked = RefundRequested(case=uuid4(), account=RECHARGE)
    await do(debts.runtime, lambda tx: note_request(tx, asked))
    assert [(await debts.facts(account)).asked_on for account in (OLD, RECHARGE, GARAGE)] == [TODAY, TODAY, None]


async def test_a_breathing_space_is_told_with_its_days_also_once_it_is_over_and_wherever_it_was_recorded(debts: Debts) -> None:
    first = TODAY - timedelta(days=20)
    rest = SetAccountHold(
        account=RECHARGE,
        account_hold=AccountHold.BREATHING_SPACE,
        in_force=True,
        kind=BreathingSpaceKind.STANDARD,
        first_day=first,
        reason="x",
    )
    await do(debts.runtime, lambda tx: set_account_hold(tx, rest), OFFICER)
    assert (await debts.facts(OLD)).rests == (RestDays(first_day=first, last_day=first + timedelta(days=59)),)
    assert (await debts.facts(GARAGE)).rests == ()


async def test_an_open_claim_is_told_and_who_noted_and_who_decided_it(debts: Debts) -> None:
    for unresolved, who, reason in ((True, OFFICER, "a letter"), (False, replace(OFFICER, person="second.officer"), "they pay nothing")):
        claim = SetHousingBenefitClaim(account=OLD, unresolved=unresolved, since=TODAY, reason=reason)
        await do(debts.runtime, lambda tx, claim=claim: set_housing_benefit_claim(tx, claim), who)  # type: ignore[misc]
        facts = await debts.facts()
        assert facts.housing_benefit_unresolved is unresolved
        [told] = facts.claims
        assert (told.since, told.reason, told.noted_by) == (TODAY, "a letter", "lind.officer")
        decided = (told.decided_on, told.decided_because, told.decided_by)
        assert decided == ((None, None, None) if unresolved else (TODAY, "they pay nothing", "second.officer"))
    assert (await debts.facts(GARAGE)).claims == ()


def joint(*people: tuple[UUID, str | None]) -> list[dict[str, Any]]:
    """The debtors with further people on OLD's tenancy, each with a debt of 7.00 next door."""
    beside: dict[str, list[dict[str, Any]]] = {"person": [], "tenancy": [], "account": []}
    for person, _ in people:
        home, account = str(UUID(int=person.int + 100)), str(UUID(int=person.int + 200))
        beside["person"].append({"record": "person", "id": str(person), "name": "Somebody"})
        let = {"property": str(UUID(int=100)), "started_on": "2020-04-06", "tenants": [{"person": str(person)}]}
        beside["tenancy"].append({"record": "tenancy", "id": home, **let})
        about = {"reference": f"B{person.int}", "kind": "RENT", "status": "CURRENT", "tenancy": home}
        opening = {"on": "2020-04-06", "balance_pence": 7_00}
        beside["account"].append({"record": "account", "id": account, "opening": opening, **about})
    lines: list[dict[str, Any]] = []
    for line in DEBTORS:
        tenants = [{"person": str(person), "joint": True} | ({"until": until} if until else {}) for person, until in people]
        lines.append({**line, "tenants": [*line["tenants"], *tenants]} if line.get("id") == str(OLD_HOME) else line)
    ordered = ("estate", "property", "person", "tenancy", "account", "debits", "receipt", "adjustment")
    return [line for record in ordered for line in (*(each for each in lines if each["record"] == record), *beside.get(record, []))]


async def test_accounts_are_linked_by_those_who_answer_and_not_by_those_who_left_before(empty_ledger: Runtime) -> None:
    await opened(empty_ledger, joint((STAYED, None), (LEFT_BEFORE, "2020-05-03"), (BEN, "2020-05-04")))
    facts = await Debts(empty_ledger).facts()
    assert {other.account for other in facts.linked} == {RECHARGE, UUID(int=STAYED.int + 200), UUID(int=BEN.int + 200)}
    assert facts.debtor_total_pence == 280_00 + 50_00 + 2 * 7_00
    assert {person.person for person in facts.people} == {DEE, STAYED, BEN}
    assert [other.account for other in (await Debts(empty_ledger).facts(UUID(int=LEFT_BEFORE.int + 200))).linked] == []


async def found(debts: Debts, **asked: object) -> FoundDebts:
    wanted = FindDebts.model_validate({"ended_on_or_before": day("2020-05-04"), **asked})
    return await do(debts.runtime, lambda tx: find_debts(tx, wanted))


@pytest.mark.parametrize(
    ("asked", "accounts"),
    [
        ({}, [OLD, RECHARGE, GARAGE, KEPT]),
        ({"ended_on_or_before": "2020-05-03"}, []),
        ({"from_pence": 71_20}, [OLD, GARAGE, KEPT]),
        ({"from_pence": 71_21}, [OLD, KEPT]),
        ({"to_pence": 90_00}, [RECHARGE, GARAGE, KEPT]),
        ({"deceased": True}, [OLD, RECHARGE]),
        ({"deceased": False}, [GARAGE, KEPT]),
    ],
)
async def test_debts_are_found_by_age_amount_and_whether_all_who_answer_have_died(
    debts: Debts, asked: dict[str, object], accounts: list[UUID]
) -> None:
    assert [debt.account for debt in (await found(debts, **asked)).debts] == accounts


async def test_more_debts_than_asked_for_are_said_to_be(debts: Debts) -> None:
    assert [(len(each.debts), each.more) for each in [await found(debts, limit=3), await found(debts, limit=4)]] == [(3, True), (4, False)]


async def test_whoever_moved_a_debt_stands_behind_it(debts: Debts) -> None:
    async def behind(*accounts: UUID) -> tuple[str, ...]:
        return (await do(debts.runtime, lambda tx: actors_behind(tx, ActorsAsked(accounts=accounts)))).actors

    assert await behind(OLD, CREDIT, DWELLING) == ()
    assert await behind(OLD, RECHARGE) == ("rae.repairs",)
    [(receipt,)] = await debts.rows("SELECT id FROM journal JOIN entry ON journal = id WHERE code = 'RSO' AND account = :id", id=OLD)
    await do(debts.runtime, lambda tx: reverse_journal(tx, ReverseJournal(journal=receipt, reason="bounced")), OFFICER)
    assert await behind(OLD) == ("lind.officer",)
