from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.domain.apportionment import instalments, rounded_half_up
from ledger.domain.calendar import (
    NoticePeriod,
    add_working_days,
    charged_mondays,
    last_mondays,
    monday_of,
    notice_period,
    rent_week,
    rent_year,
    rent_year_of,
    working_days,
)

CALENDAR = working_days(2019, 2036)


@pytest.mark.parametrize(
    ("starting_in", "starts_on", "ends_on", "weeks"),
    [
        (2024, date(2024, 4, 1), date(2025, 4, 6), 53),
        (2025, date(2025, 4, 7), date(2026, 4, 5), 52),
        (2026, date(2026, 4, 6), date(2027, 4, 4), 52),
        (2027, date(2027, 4, 5), date(2028, 4, 2), 52),
        (2028, date(2028, 4, 3), date(2029, 4, 1), 52),
        (2029, date(2029, 4, 2), date(2030, 3, 31), 52),
        (2030, date(2030, 4, 1), date(2031, 4, 6), 53),
        (2035, date(2035, 4, 2), date(2036, 4, 6), 53),
    ],
)
def test_rent_years_of_the_computed_calendar(starting_in: int, starts_on: date, ends_on: date, weeks: int) -> None:
    year = rent_year(starting_in)
    assert (year.starts_on, year.ends_on, year.weeks) == (starts_on, ends_on, weeks)
    assert rent_year_of(starts_on) == rent_year_of(ends_on) == year
    assert (rent_week(starts_on), rent_week(ends_on)) == (1, weeks)


def test_a_fifty_week_year_of_120_pounds() -> None:
    year = rent_year(2026)
    free = last_mondays(year, 2)
    charged = charged_mondays(year, free)
    assert free == (date(2027, 3, 22), date(2027, 3, 29))
    assert (charged[0], charged[-1], len(charged)) == (date(2026, 4, 6), date(2027, 3, 15), 50)
    assert len(charged) * 120_00 == 6_000_00
    assert instalments(6_000_00, 12) == (500_00,) * 12
    by_3_may = sum(120_00 for monday in charged if monday <= date(2026, 5, 3))
    assert by_3_may - 500_00 - 500_00 == -520_00
    assert len(charged) * 120_00 - sum(instalments(6_000_00, 12)) == 0


def test_b_fifty_three_week_year_charges_fifty_one_weeks() -> None:
    year = rent_year(2030)
    charged = charged_mondays(year, last_mondays(year, 2))
    assert (len(charged), len(charged) * 120_00) == (51, 6_120_00)
    assert instalments(6_120_00, 12) == (510_00,) * 12


@pytest.mark.parametrize(
    ("weekly", "weeks", "monthly"), [(100_00, 53, 441_67), (150_00, 49, 612_50), (129_35, 1, 10_78), (120_00, 52, 520_00)]
)
def test_b_published_monthly_figures(weekly: int, weeks: int, monthly: int) -> None:
    assert rounded_half_up(weekly * weeks, 12) == monthly


def test_free_mondays_may_lie_anywhere_in_the_year() -> None:
    year = rent_year(2021)
    charged = charged_mondays(year, [date(2021, 4, 5), date(2021, 8, 30), date(2021, 12, 27), date(2022, 3, 28)])
    assert (len(charged), charged[0]) == (48, date(2021, 4, 12))


@pytest.mark.parametrize("stray", [date(2026, 3, 30), date(2026, 4, 7), date(2027, 4, 5)])
def test_free_day_outside_the_year_or_no_monday_is_refused(stray: date) -> None:
    with pytest.raises(ValueError, match=stray.isoformat()):
        charged_mondays(rent_year(2026), [stray])


def test_d_notice_of_four_weeks() -> None:
    assert notice_period(date(2026, 6, 10), 4) == NoticePeriod(date(2026, 6, 15), date(2026, 7, 13), date(2026, 7, 6))


def test_notice_received_on_a_monday_runs_from_that_day() -> None:
    assert notice_period(date(2026, 6, 15), 4).ends_on == date(2026, 7, 13)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_every_day_has_one_rent_year_and_week(day: date) -> None:
    year = rent_year_of(day)
    assert year.starts_on <= day <= year.ends_on
    assert year.weeks in (52, 53)
    assert year.mondays()[rent_week(day) - 1] == monday_of(day)
    assert rent_year_of(year.ends_on + timedelta(days=1)).starts_on == year.ends_on + timedelta(days=1)


def _days(year: int, *month_and_day: tuple[int, int]) -> set[date]:
    return {date(year, month, day) for month, day in month_and_day}


@pytest.mark.parametrize(
    ("year", "closed"),
    [
        (2026, _days(2026, (1, 1), (4, 3), (4, 6), (5, 4), (5, 25), (8, 31), (12, 25), (12, 28))),
        (2027, _days(2027, (1, 1), (3, 26), (3, 29), (5, 3), (5, 31), (8, 30), (12, 27), (12, 28))),
        (2028, _days(2028, (1, 3), (4, 14), (4, 17), (5, 1), (5, 29), (8, 28), (12, 25), (12, 26))),
    ],
)
def test_bank_holidays_of_the_computed_calendar(year: int, closed: set[date]) -> None:
    weekdays = {day for number in range(366) if (day := date(year, 1, 1) + timedelta(days=number)).year == year and day.weekday() < 5}
    assert {day for day in weekdays if not CALENDAR.is_working_day(day)} == closed


@pytest.mark.parametrize("royal", [date(2022, 9, 19), date(2023, 5, 8), date(2022, 6, 3)])
def test_royal_holidays_are_known(royal: date) -> None:
    assert not CALENDAR.is_working_day(royal)


def test_overrides_add_and_remove_days() -> None:
    calendar = working_days(2026, 2026, added=[date(2026, 6, 19)], removed=[date(2026, 5, 25)])
    assert not calendar.is_working_day(date(2026, 6, 19))
    assert calendar.is_working_day(date(2026, 5, 25))


def test_year_outside_the_calendar_is_no_guess() -> None:
    with pytest.raises(ValueError, match="2019 to 2036"):
        CALENDAR.is_working_day(date(2037, 1, 2))


@pytest.mark.parametrize(
    ("day", "count", "result"),
    [
        (date(2026, 4, 2), 1, date(2026, 4, 7)),
        (date(2026, 4, 4), 1, date(2026, 4, 7)),
        (date(2026, 4, 7), -1, date(2026, 4, 2)),
        (date(2026, 4, 4), 0, date(2026, 4, 4)),
        (date(2026, 12, 24), 5, date(2027, 1, 5)),
    ],
)
def test_working_days_are_counted_from_the_next_day(day: date, count: int, result: date) -> None:
    assert add_working_days(CALENDAR, day, count) == result


@given(st.dates(date(2020, 1, 1), date(2034, 1, 1)), st.integers(1, 60))
def test_adding_working_days_and_counting_them_agree(day: date, count: int) -> None:
    later = add_working_days(CALENDAR, day, count)
    assert CALENDAR.is_working_day(later)
    days = [day + timedelta(days=number) for number in range(1, (later - day).days + 1)]
    assert sum(map(CALENDAR.is_working_day, days)) == count
