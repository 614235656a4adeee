"""Statute-barred, charge by charge: Limitation Act 1980 s.19 and s.29, domain.md 5.3."""

from datetime import date

import pytest
from rentbook_contracts.ledger import AccountKind
from support.debts import owed
from writeoffs.domain.barred import Clock, barred_charges, bars_on

DUE = date(2020, 11, 2)
RENT = AccountKind.RENT


@pytest.mark.parametrize(
    ("acknowledged", "action", "first_barred_day"),
    [
        pytest.param((), (), date(2026, 11, 3), id="six years from the due date, the anniversary within"),
        pytest.param((date(2026, 11, 2),), (), date(2032, 11, 3), id="acknowledged on the last day: time begins anew"),
        pytest.param((date(2026, 11, 3),), (), date(2026, 11, 3), id="acknowledged a day too late: nothing revives it"),
        pytest.param((date(2024, 1, 5), date(2029, 1, 5)), (), date(2035, 1, 6), id="acknowledged again within the new time"),
        pytest.param((date(2024, 1, 5), date(2030, 1, 6)), (), date(2030, 1, 6), id="acknowledged again after the new time"),
        pytest.param((date(2020, 10, 1),), (), date(2026, 11, 3), id="acknowledged before it fell due: not this charge"),
        pytest.param((), (date(2026, 11, 2),), None, id="action brought in time stops it"),
        pytest.param((), (date(2026, 11, 3),), date(2026, 11, 3), id="action brought too late stops nothing"),
        pytest.param((), (date(2019, 1, 1),), date(2026, 11, 3), id="an action before it fell due was about another charge"),
    ],
)
def test_when_a_charge_is_barred(acknowledged: tuple[date, ...], action: tuple[date, ...], first_barred_day: date | None) -> None:
    assert bars_on(DUE, RENT, Clock(acknowledged, action), 6) == first_barred_day


@pytest.mark.parametrize("acknowledged", [(), (date(2020, 2, 29),)])
def test_years_from_29_february_end_with_february(acknowledged: tuple[date, ...]) -> None:
    assert bars_on(date(2020, 2, 29), RENT, Clock(acknowledged), 6) == date(2026, 3, 1)


@pytest.mark.parametrize("kind", [AccountKind.COURT, AccountKind.RECHARGE])
def test_for_a_judgment_and_for_what_a_part_payment_starts_anew_no_day_is_computed(kind: AccountKind) -> None:
    """Limitation Act 1980 s.29(5): only of rent, a part payment extends nothing."""
    assert bars_on(DUE, kind, Clock(), 6) is None


def test_each_charge_of_an_account_has_its_own_day() -> None:
    charges = (owed(100_00, date(2020, 11, 2)), owed(100_00, date(2020, 11, 30)))
    found = barred_charges(charges, RENT, Clock(), 6, date(2026, 11, 25))
    assert [one.barred for one in found] == [True, False]
    assert [one.bars_on for one in found] == [date(2026, 11, 3), date(2026, 12, 1)]
