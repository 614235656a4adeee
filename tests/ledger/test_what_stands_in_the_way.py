"""Holds that end by themselves, open Housing Benefit claims and payment plans: set, told once, ended, and by whom."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.serving import Tick
from chassis.transaction import Runtime
from ledger.domain import rules
from ledger.domain.dates import business_date
from ledger.queries.account_page import account_page
from ledger.queries.debts import debts_for_write_off
from ledger.queries.refund_facts import account_for_refund
from ledger.use_cases.agree_payment_plan import agree_payment_plan
from ledger.use_cases.end_payment_plan import end_payment_plan
from ledger.use_cases.lift_past_holds import lift_past_holds
from ledger.use_cases.set_account_hold import set_account_hold
from ledger.use_cases.set_housing_benefit_claim import set_housing_benefit_claim
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountHold,
    AccountPageAsked,
    AgreePaymentPlan,
    BreathingSpaceKind,
    DebtsAsked,
    EndPaymentPlan,
    PlanRhythm,
    SetAccountHold,
    SetHousingBenefitClaim,
)
from support.ledger_books import FTA, MAIN, NEIGHBOUR, RECHARGE
from support.ledger_calls import do, told_of

TODAY = business_date(datetime.now(UTC))
DAY = timedelta(days=1)
AUDITOR = Caller("vera.auditor", frozenset({"auditor"}))


def breathing_space(until: date | None, *, in_force: bool = True) -> SetAccountHold:
    kind = BreathingSpaceKind.STANDARD if in_force else None
    return SetAccountHold(account=FTA, account_hold=AccountHold.BREATHING_SPACE, in_force=in_force, reason="notice", until=until, kind=kind)


async def holds(ledger: Runtime) -> tuple[AccountHold, ...]:
    return (await do(ledger, lambda tx: account_page(tx, AccountPageAsked(account=FTA)))).account_holds


async def test_a_hold_runs_to_its_last_day_and_then_lifts_itself_and_says_so(ledger: Runtime, officer: Caller) -> None:
    await do(ledger, lambda tx: set_account_hold(tx, breathing_space(TODAY)), officer)
    assert await holds(ledger) == (AccountHold.BREATHING_SPACE,)
    for days, told in ((0, 1), (1, 2), (2, 2)):
        await do(ledger, lambda tx, days=days: lift_past_holds(tx, Tick(at=tx.now + days * DAY)))  # type: ignore[misc]
        assert (await told_of(ledger, FTA)).count("account-hold-changed") == told
    assert await holds(ledger) == ()


async def test_a_hold_a_breathing_space_and_a_plan_say_who_made_them_and_when(ledger: Runtime, officer: Caller) -> None:
    dispute = SetAccountHold(account=FTA, account_hold=AccountHold.DISPUTE, in_force=True, reason="the keys", until=TODAY + DAY)
    await do(ledger, lambda tx: set_account_hold(tx, dispute), officer)
    await do(ledger, lambda tx: set_account_hold(tx, breathing_space(None)), officer)
    await do(ledger, lambda tx: agree_payment_plan(tx, plan(first_due_on=TODAY)), officer)
    page = await do(ledger, lambda tx: account_page(tx, AccountPageAsked(account=FTA)))
    read = await do(ledger, lambda tx: debts_for_write_off(tx, DebtsAsked(accounts=(FTA,))))
    [held], [rests], agreed = page.holds_in_force, page.breathing_spaces, read.debts[0].plan
    assert (held.hold, held.set_by, held.reason, held.until) == (AccountHold.DISPUTE, officer.person, "the keys", TODAY + DAY)
    assert (rests.set_by, rests.reason) == (officer.person, "notice")
    assert agreed is not None
    assert agreed.noted_by == officer.person
    made = (held.set_at, rests.set_at, agreed.noted_at)
    assert [at is not None and business_date(at) for at in made] == [TODAY, TODAY, TODAY]


async def test_a_hold_whose_day_has_passed_is_not_in_force_before_anybody_lifts_it(ledger: Runtime, officer: Caller) -> None:
    await do(ledger, lambda tx: set_account_hold(tx, breathing_space(TODAY)), officer)
    async with ledger.engine.begin() as connection:
        lifted = (
            "INSERT INTO account_hold (account, hold, set_at, set_by, reason, until) VALUES (:account, 'DISPUTE', now(), 'x', 'x', :day)"
        )
        await connection.execute(sa.text(lifted), {"account": FTA, "day": TODAY - DAY})
    assert await holds(ledger) == (AccountHold.BREATHING_SPACE,)


async def test_a_breathing_space_covers_every_account_of_the_same_people_and_no_neighbours(ledger: Runtime, officer: Caller) -> None:
    """It protects a person, wherever it was recorded (domain.md 5.3)."""

    async def covered() -> list[bool]:
        asked = [AccountPageAsked(account=account) for account in (FTA, MAIN, RECHARGE, NEIGHBOUR)]
        return [(await do(ledger, lambda tx, one=one: account_page(tx, one))).breathing_space for one in asked]  # type: ignore[misc]

    async def holds_debt_back(account: UUID) -> bool:
        read = await do(ledger, lambda tx: debts_for_write_off(tx, DebtsAsked(accounts=(account,))))
        return AccountHold.BREATHING_SPACE in read.debts[0].account_holds

    assert await covered() == [False, False, False, False]
    await do(ledger, lambda tx: set_account_hold(tx, breathing_space(TODAY)), officer)
    assert await covered() == [True, True, True, False]
    assert [await holds_debt_back(account) for account in (RECHARGE, NEIGHBOUR)] == [True, False]
    facts = await do(ledger, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)))
    assert {debt.account: debt.breathing_space for debt in facts.debts} == {FTA: True, RECHARGE: True}
    await do(ledger, lambda tx: set_account_hold(tx, breathing_space(None, in_force=False)), officer)
    assert await covered() == [False, False, False, False]


async def test_another_last_day_is_another_hold_and_the_same_says_nothing(ledger: Runtime, officer: Caller) -> None:
    for until in (TODAY, TODAY, TODAY + DAY, None):
        await do(ledger, lambda tx, until=until: set_account_hold(tx, breathing_space(until)), officer)  # type: ignore[misc]
    assert (await told_of(ledger, FTA)).count("account-hold-changed") == 3
    await do(ledger, lambda tx: set_account_hold(tx, breathing_space(None, in_force=False)), officer)
    assert (await told_of(ledger, FTA)).count("account-hold-changed") == 4
    with pytest.raises(rules.DayHasPassed):
        await do(ledger, lambda tx: set_account_hold(tx, breathing_space(TODAY - DAY)), officer)


async def test_a_hold_that_is_not_set_is_not_lifted(ledger: Runtime, officer: Caller) -> None:
    lifts = breathing_space(None, in_force=False)
    for _ in range(2):
        with pytest.raises(rules.HoldNotSet, match="not set on this account") as refused:
            await do(ledger, lambda tx: set_account_hold(tx, lifts), officer)
        assert refused.value.field == "account_hold"
        await do(ledger, lambda tx: set_account_hold(tx, breathing_space(None)), officer)
        await do(ledger, lambda tx: set_account_hold(tx, lifts), officer)
    assert (await told_of(ledger, FTA)).count("account-hold-changed") == 4


def claim(*, unresolved: bool, since: date = TODAY, account: UUID = FTA) -> SetHousingBenefitClaim:
    return SetHousingBenefitClaim(account=account, unresolved=unresolved, since=since, reason="Benefits wrote")


async def test_a_claim_is_open_once_and_decided_once(ledger: Runtime, officer: Caller) -> None:
    for unresolved in (True, True, False, True):
        await do(ledger, lambda tx, to=unresolved: set_housing_benefit_claim(tx, claim(unresolved=to)), officer)  # type: ignore[misc]
    assert (await told_of(ledger, FTA)).count("housing-benefit-claim-changed") == 3


async def test_a_claim_that_is_not_open_is_not_decided(ledger: Runtime, officer: Caller) -> None:
    for told in (0, 2):
        with pytest.raises(rules.NoClaimOpen, match="No claim is open on this account") as refused:
            await do(ledger, lambda tx: set_housing_benefit_claim(tx, claim(unresolved=False)), officer)
        assert refused.value.field == "unresolved"
        assert (await told_of(ledger, FTA)).count("housing-benefit-claim-changed") == told
        for unresolved in (True, False):
            await do(ledger, lambda tx, to=unresolved: set_housing_benefit_claim(tx, claim(unresolved=to)), officer)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("asked", "rule"),
    [(claim(unresolved=True, since=TODAY + DAY), rules.DayHasNotCome), (claim(unresolved=True, account=uuid4()), rules.NoSuchAccount)],
)
async def test_a_claim_is_refused(ledger: Runtime, officer: Caller, asked: SetHousingBenefitClaim, rule: type[rules.LedgerRule]) -> None:
    with pytest.raises(rule):
        await do(ledger, lambda tx: set_housing_benefit_claim(tx, asked), officer)


def plan(agreed_on: date = TODAY, first_due_on: date = TODAY, account: UUID = FTA) -> AgreePaymentPlan:
    return AgreePaymentPlan(
        account=account, agreed_on=agreed_on, instalment_pence=10_00, rhythm=PlanRhythm.WEEKLY, first_due_on=first_due_on
    )


async def test_an_account_has_one_plan_at_a_time(ledger: Runtime, officer: Caller) -> None:
    first = await do(ledger, lambda tx: agree_payment_plan(tx, plan()), officer)
    second, third = await asyncio.gather(*(do(ledger, lambda tx: agree_payment_plan(tx, plan()), officer) for _ in range(2)))
    assert len({first.plan, second.plan, third.plan}) == 3
    assert (await told_of(ledger, FTA)).count("payment-plan-changed") == 5
    async with ledger.engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM payment_plan WHERE ended_at IS NULL")) == 1


async def test_a_plan_ends_once(ledger: Runtime, officer: Caller) -> None:
    agreed = await do(ledger, lambda tx: agree_payment_plan(tx, plan()), officer)
    for _ in range(2):
        await do(ledger, lambda tx: end_payment_plan(tx, EndPaymentPlan(plan=agreed.plan, reason="two instalments missed")), officer)
    assert (await told_of(ledger, FTA)).count("payment-plan-changed") == 2
    with pytest.raises(rules.NoSuchPlan):
        await do(ledger, lambda tx: end_payment_plan(tx, EndPaymentPlan(plan=uuid4(), reason="x")), officer)


@pytest.mark.parametrize(
    ("asked", "rule"),
    [
        (plan(agreed_on=TODAY + DAY, first_due_on=TODAY + DAY), rules.DayHasNotCome),
        (plan(first_due_on=TODAY - DAY), rules.PlanBeginsTooEarly),
        (plan(account=uuid4()), rules.NoSuchAccount),
    ],
)
async def test_a_plan_is_refused(ledger: Runtime, officer: Caller, asked: AgreePaymentPlan, rule: type[rules.LedgerRule]) -> None:
    with pytest.raises(rule):
        await do(ledger, lambda tx: agree_payment_plan(tx, asked), officer)


async def test_an_auditor_changes_none_of_it(ledger: Runtime) -> None:
    with pytest.raises(rules.NotAllowed):
        await do(ledger, lambda tx: set_housing_benefit_claim(tx, claim(unresolved=True, account=NEIGHBOUR)), AUDITOR)
    with pytest.raises(rules.NotAllowed):
        await do(ledger, lambda tx: agree_payment_plan(tx, plan(account=NEIGHBOUR)), AUDITOR)
    with pytest.raises(rules.NotAllowed):
        await do(ledger, lambda tx: end_payment_plan(tx, EndPaymentPlan(plan=uuid4(), reason="x")), AUDITOR)
