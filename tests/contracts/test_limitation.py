"""When time runs out for a debt: the same day for refunds and for write-offs, leap days among them."""

from calendar import isleap
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ledger.domain.credit import statute_barred_pence
from ledger.domain.debt import Debit
from rentbook_contracts.ledger import AccountKind
from rentbook_contracts.limitation import barred_from, last_day
from writeoffs.domain.barred import Clock, bars_on

YEARS = st.integers(1, 12)
ORDINARY = st.dates(date(1990, 1, 1), date(2060, 12, 31))
LEAP_DAYS = st.sampled_from([date(year, 2, 29) for year in range(1992, 2061, 4)])
AROUND = st.builds(lambda day, by: day + timedelta(days=by), LEAP_DAYS, st.integers(-2, 2))
DAYS = st.one_of(ORDINARY, LEAP_DAYS, AROUND)


@given(DAYS, YEARS)
def test_years_end_with_the_day_of_their_start_or_where_the_month_has_none_with_its_last(start: date, years: int) -> None:
    end = last_day(start, years)
    assert (end.year, end.month) == (start.year + years, start.month)
    cut = (start.month, start.day) == (2, 29) and not isleap(end.year)
    assert end.day == (28 if cut else start.day)
    assert barred_from(start, years) == end + timedelta(days=1)


@given(DAYS, DAYS, YEARS)
def test_what_fell_due_later_is_never_barred_earlier(one: date, other: date, years: int) -> None:
    assert barred_from(min(one, other), years) <= barred_from(max(one, other), years)


@given(DAYS, YEARS, st.integers(-3, 3))
@example(date(2020, 2, 29), 6, 0)
@example(date(2018, 2, 28), 6, 0)
@example(date(2020, 2, 29), 4, 0)
def test_refunds_and_write_offs_say_the_same_of_every_day(due_on: date, years: int, by: int) -> None:
    day = barred_from(due_on, years)
    today = day + timedelta(days=by)
    assert bars_on(due_on, AccountKind.RENT, Clock(), years) == day
    assert statute_barred_pence([Debit(journal=UUID(int=1), element="rent", due_on=due_on, pence=84_20)], today, years) == (
        84_20 if by >= 0 else 0
    )


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
    assert barred_from(due_on, 6) == barred
