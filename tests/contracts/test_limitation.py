"""When time runs out for a debt: the same day for refunds and for write-offs, leap days among them."""

from calendar import isleap
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ledger.domain.credit import limitation_unknown_pence, statute_barred_pence
from ledger.domain.debt import Debit
from rentbook_contracts.ledger import AccountKind
from rentbook_contracts.limitation import RULES_OF_THEIR_OWN, barred_from, last_day
from writeoffs.domain.barred import WHY_NO_DAY, Clock, bars_on

YEARS = st.integers(1, 12)
ORDINARY = st.dates(date(1990, 1, 1), date(2060, 12, 31))
LEAP_DAYS = st.sampled_from([date(year, 2, 29) for year in range(1992, 2061, 4)])
AROUND = st.builds(lambda day, by: day + timedelta(days=by), LEAP_DAYS, st.integers(-2, 2))
DAYS = st.one_of(ORDINARY, LEAP_DAYS, AROUND)
RENT = AccountKind.RENT


@given(DAYS, YEARS)
def test_years_end_with_the_day_of_their_start_or_where_the_month_has_none_with_its_last(start: date, years: int) -> None:
    end = last_day(start, years)
    assert (end.year, end.month) == (start.year + years, start.month)
    cut = (start.month, start.day) == (2, 29) and not isleap(end.year)
    assert end.day == (28 if cut else start.day)
    assert barred_from(start, RENT, years) == end + timedelta(days=1)


@given(DAYS, DAYS, YEARS)
def test_what_fell_due_later_is_never_barred_earlier(one: date, other: date, years: int) -> None:
    assert _barred_from(min(one, other), years) <= _barred_from(max(one, other), years)


def _barred_from(start: date, years: int) -> date:
    day = barred_from(start, RENT, years)
    assert day is not None
    return day


@given(DAYS, YEARS, st.integers(-3, 3), st.sampled_from(sorted(set(AccountKind) - {AccountKind.SUSPENSE})))
@example(date(2020, 2, 29), 6, 0, RENT)
@example(date(2018, 2, 28), 6, 0, RENT)
@example(date(2020, 2, 29), 4, 0, RENT)
@example(date(2018, 3, 1), 6, 3, AccountKind.COURT)
@example(date(2018, 3, 1), 6, 3, AccountKind.RECHARGE)
def test_refunds_and_write_offs_say_the_same_of_every_day_and_kind(due_on: date, years: int, by: int, kind: AccountKind) -> None:
    day = _barred_from(due_on, years)
    today = day + timedelta(days=by)
    owed, over = [Debit(journal=UUID(int=1), element="rent", due_on=due_on, pence=84_20)], 84_20 if by >= 0 else 0
    for_refunds = (statute_barred_pence(owed, kind, today, years), limitation_unknown_pence(owed, kind, today, years))
    if kind in RULES_OF_THEIR_OWN:
        assert bars_on(due_on, kind, Clock(), years) is None
        assert for_refunds == (0, over)
    else:
        assert bars_on(due_on, kind, Clock(), years) == day
        assert for_refunds == (over, 0)


def test_why_no_day_is_computed_is_said_of_each_kind() -> None:
    assert WHY_NO_DAY.keys() == RULES_OF_THEIR_OWN


@pytest.mark.parametrize(
    ("due_on", "barred"),
    [
        (date(2020, 11, 2), date(2026, 11, 3)),
        (date(2020, 2, 29), date(2026, 3, 1)),
        (date(2020, 3, 1), date(2026, 3, 2)),
        (date(2018, 2, 28), date(2024, 2, 29)),
        (date(2018, 3, 1), date(2024, 3, 2)),
    ],
)
def test_six_years_from_some_days(due_on: date, barred: date) -> None:
    assert barred_from(due_on, RENT, 6) == barred
