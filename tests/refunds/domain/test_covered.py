"""Check 10 of domain.md 4: what voids an approval, and that the weekly debit alone voids nothing."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refunds.domain.covered import Ground, ground_of, mondays_between, still_covered, void_because
from refunds.domain.facts import Wishes
from refunds.domain.plan import plan_refund
from rentbook_contracts.ledger import AccountHold, AccountKind, AccountStatus, CreditSource, PersonFacts, RefundFacts
from support.refund_cases import BOTH_CONSENTED, ENDED, FTA_120, PAYEE, POLICY, RECHARGE_85_50, TODAY, A, B, credit, debt, ledger

GARAGE = debt(UUID(int=9), AccountKind.GARAGE, 17_80)


def approved(facts: RefundFacts, wishes: Wishes = BOTH_CONSENTED) -> Ground:
    return ground_of(facts, plan_refund(facts, wishes, POLICY, facts.as_of), PAYEE)


THEN: dict[str, Any] = {"debts": (RECHARGE_85_50, GARAGE)}
GROUND = approved(ledger(1_000_00, **THEN))


def found(cleared: int = 1_000_00, **other: Any) -> RefundFacts:
    return ledger(cleared, **{**THEN, **other})


def test_the_ground_survives_being_stored() -> None:
    assert Ground.model_validate_json(GROUND.model_dump_json()) == GROUND


def test_nothing_changed() -> None:
    assert void_because(GROUND, found(), PAYEE) is None
    assert GROUND.total_pence == 1_000_00 - 480_00


@given(st.integers(0, 60), st.integers(0, 2))
def test_the_weekly_debit_alone_voids_nothing(days: int, arrears_of_garage: int) -> None:
    """Every Monday 120.00 is charged, and the garage that nobody pays owes its week as well."""
    later = TODAY + timedelta(days=days)
    mondays = mondays_between(TODAY, later)
    cleared = max(0, 1_000_00 - 120_00 * mondays)
    garage = GARAGE.model_copy(update={"amount_pence": GARAGE.amount_pence + 17_80 * mondays * arrears_of_garage, "version": 1 + mondays})
    now = found(cleared, as_of=later, debts=(RECHARGE_85_50, garage))
    assert still_covered(GROUND, now, PAYEE) == (mondays <= 4), "four weeks were set aside; a fifth eats the refund itself"


def test_a_garage_that_was_up_to_date_and_owes_its_first_week_voids_nothing() -> None:
    then = approved(ledger(1_000_00, debts=()))
    assert still_covered(then, found(880_00, as_of=date(2026, 6, 15), debts=(GARAGE,)), PAYEE)


def test_any_other_debit_that_eats_into_the_amount_voids() -> None:
    assert void_because(GROUND, found(999_99), PAYEE) == "the cleared credit above the floor no longer covers the amount"
    monday = date(2026, 6, 15)
    assert still_covered(GROUND, found(880_00, as_of=monday), PAYEE)
    assert not still_covered(GROUND, found(879_99, as_of=monday), PAYEE)


def test_more_credit_of_the_same_kind_voids_nothing() -> None:
    assert still_covered(GROUND, found(2_000_00), PAYEE)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"credits": (credit(1_000_00), credit(1, CreditSource.HOUSING_BENEFIT))}, "source"),
        ({"account_holds": (AccountHold.FRAUD,)}, "hold"),
        ({"status": AccountStatus.NOTICE_GIVEN}, "tenancy"),
        ({"ended_on": date(2026, 6, 9)}, "tenancy"),
        ({"people": (PersonFacts(person=A), PersonFacts(person=B, died_on=date(2026, 6, 9)))}, "people"),
        ({"people": (PersonFacts(person=A),)}, "people"),
        ({"debts": (RECHARGE_85_50, GARAGE, FTA_120)}, "debt"),
        ({"debts": (RECHARGE_85_50,)}, "debt"),
        ({"debts": (RECHARGE_85_50.model_copy(update={"amount_pence": 86_00}), GARAGE)}, "debt"),
        ({"debts": (RECHARGE_85_50.model_copy(update={"amount_pence": 85_00}), GARAGE)}, "debt"),
        ({"debts": (RECHARGE_85_50.model_copy(update={"disputed": True}), GARAGE)}, "debt"),
        ({"debts": (RECHARGE_85_50.model_copy(update={"people": (A,)}), GARAGE)}, "debt"),
        ({"debts": (RECHARGE_85_50, GARAGE.model_copy(update={"amount_pence": 17_79}))}, "debt"),
    ],
)
def test_what_the_approval_stood_on_has_changed(change: dict[str, Any], because: str) -> None:
    said = void_because(GROUND, found(**change), PAYEE)
    assert said is not None
    assert because in said


@pytest.mark.parametrize("payee", [None, replace(PAYEE, payee=UUID(int=0x51)), replace(PAYEE, fingerprint="f2")])
def test_another_payee_or_other_bank_details_void(payee: Any) -> None:
    said = void_because(GROUND, found(), payee)
    assert said is not None
    assert "payee" in said


def test_the_order_in_which_people_and_debts_are_told_changes_nothing() -> None:
    turned = RECHARGE_85_50.model_copy(update={"people": (B, A), "version": 9})
    assert still_covered(GROUND, found(debts=(GARAGE, turned), people=(PersonFacts(person=B), PersonFacts(person=A))), PAYEE)


def test_credit_that_another_case_has_earmarked_no_longer_covers() -> None:
    assert not still_covered(GROUND, found(900_00, held_by_others_pence=100_00), PAYEE)


def test_a_former_tenants_approval_has_no_floor_to_draw_on() -> None:
    then = approved(ledger(140_00, **ENDED))
    assert still_covered(then, ledger(140_00, as_of=date(2026, 7, 1), **ENDED), PAYEE)
    assert not still_covered(then, ledger(139_99, as_of=date(2026, 7, 1), **ENDED), PAYEE)


@pytest.mark.parametrize(
    ("after", "until", "count"),
    [
        (date(2026, 6, 10), date(2026, 6, 10), 0),
        (date(2026, 6, 10), date(2026, 6, 14), 0),
        (date(2026, 6, 10), date(2026, 6, 15), 1),
        (date(2026, 6, 15), date(2026, 6, 21), 0),
        (date(2026, 6, 15), date(2026, 6, 22), 1),
        (date(2026, 6, 14), date(2026, 6, 15), 1),
        (date(2026, 6, 15), date(2026, 6, 1), 0),
    ],
)
def test_mondays_are_counted_after_the_first_day_and_with_the_last(after: date, until: date, count: int) -> None:
    assert mondays_between(after, until) == count


@given(st.dates(date(2025, 1, 1), date(2030, 1, 1)), st.integers(0, 100))
def test_mondays_agree_with_counting_them(after: date, days: int) -> None:
    until = after + timedelta(days=days)
    assert mondays_between(after, until) == sum((after + timedelta(days=n)).weekday() == 0 for n in range(1, days + 1))
