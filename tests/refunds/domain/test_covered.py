"""Check 10 of domain.md 4: what voids an approval, and that the weekly debit alone voids nothing."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refunds.domain.covered import Ground, ground_of, void_because
from refunds.domain.facts import Wishes
from refunds.domain.plan import plan_refund
from rentbook_contracts.ledger import AccountHold, AccountKind, AccountStatus, CreditSource, PersonFacts, RefundFacts
from support.refund_cases import BOTH_CONSENTED, ENDED, FTA_120, PAYEE, POLICY, RECHARGE_85_50, TODAY, A, B, credit, debt, ledger

GARAGE = debt(UUID(int=9), AccountKind.GARAGE, 17_80)


def approved(facts: RefundFacts, wishes: Wishes = BOTH_CONSENTED) -> Ground:
    return ground_of(facts, plan_refund(facts, wishes, POLICY, facts.as_of), PAYEE)


CHARGED = 5_400_00
THEN: dict[str, Any] = {"charged_pence": CHARGED, "debts": (RECHARGE_85_50, GARAGE)}
GROUND = approved(ledger(1_000_00, **THEN))


def found(cleared: int = 1_000_00, **other: Any) -> RefundFacts:
    return ledger(cleared, **{**THEN, **other})


def test_the_ground_survives_being_stored() -> None:
    assert Ground.model_validate_json(GROUND.model_dump_json()) == GROUND


def test_nothing_changed() -> None:
    assert void_because(GROUND, found(), PAYEE) is None
    assert GROUND.total_pence == 1_000_00 - 480_00


@given(st.integers(0, 9), st.integers(0, 2))
def test_the_weekly_debit_alone_voids_nothing(weeks: int, arrears_of_garage: int) -> None:
    """Each week 120.00 is charged, and the garage that nobody pays owes its week as well."""
    cleared = max(0, 1_000_00 - 120_00 * weeks)
    garage = GARAGE.model_copy(update={"amount_pence": GARAGE.amount_pence + 17_80 * weeks * arrears_of_garage, "version": 1 + weeks})
    now = found(cleared, charged_pence=CHARGED + 120_00 * weeks, as_of=TODAY + timedelta(weeks=weeks), debts=(RECHARGE_85_50, garage))
    assert (void_because(GROUND, now, PAYEE) is None) == (weeks <= 4), "four weeks were set aside; a fifth eats the refund itself"


def test_the_debit_of_the_very_day_of_the_approval_voids_nothing() -> None:
    assert void_because(GROUND, found(880_00, charged_pence=CHARGED + 120_00), PAYEE) is None


def test_a_garage_that_was_up_to_date_and_owes_its_first_week_voids_nothing() -> None:
    then = approved(ledger(1_000_00, charged_pence=CHARGED, debts=()))
    assert void_because(then, found(880_00, charged_pence=CHARGED + 120_00, debts=(GARAGE,)), PAYEE) is None


def test_any_other_debit_that_eats_into_the_amount_voids() -> None:
    assert void_because(GROUND, found(999_99), PAYEE) == "the cleared credit above the floor no longer covers the amount"
    assert void_because(GROUND, found(880_00, charged_pence=CHARGED + 120_00), PAYEE) is None
    assert void_because(GROUND, found(879_99, charged_pence=CHARGED + 120_00), PAYEE) is not None


def test_a_payment_that_the_bank_returned_since_from_the_same_account_voids() -> None:
    facts = ledger(1_000_00, **THEN)
    settled = ground_of(facts, plan_refund(facts, BOTH_CONSENTED, POLICY, TODAY), replace(PAYEE, came_back_on=TODAY))
    later = replace(PAYEE, came_back_on=TODAY + timedelta(days=1))
    assert void_because(settled, found(), replace(PAYEE, came_back_on=TODAY)) is None, "it was in sight, and evidence has settled it"
    assert void_because(settled, found(), later) == "the bank returned a payment to the payee's bank account"
    assert void_because(GROUND, found(), later) is not None


def test_weeks_that_pass_without_a_charge_draw_on_no_floor() -> None:
    assert void_because(GROUND, found(880_00, as_of=TODAY + timedelta(weeks=2)), PAYEE) is not None


def test_more_credit_of_the_same_kind_voids_nothing() -> None:
    assert void_because(GROUND, found(2_000_00), PAYEE) is None


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
    assert void_because(GROUND, found(debts=(GARAGE, turned), people=(PersonFacts(person=B), PersonFacts(person=A))), PAYEE) is None


def test_credit_that_another_case_has_earmarked_no_longer_covers() -> None:
    assert void_because(GROUND, found(900_00, held_by_others_pence=100_00), PAYEE) is not None


def test_a_former_tenants_approval_has_no_floor_to_draw_on() -> None:
    then = approved(ledger(140_00, **ENDED))
    assert void_because(then, ledger(140_00, as_of=date(2026, 7, 1), **ENDED), PAYEE) is None
    assert void_because(then, ledger(139_99, as_of=date(2026, 7, 1), **ENDED), PAYEE) is not None
