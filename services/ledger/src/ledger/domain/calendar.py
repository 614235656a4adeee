"""Rent years, rent weeks and notice (domain.md 1.3, 1.4); working days (domain.md 3.2). Dates are Europe/London dates.

What clears, and when, is reckoned in working days. Rent years, rent weeks and charged Mondays stand ready for the rent change, and notice
for the end of a tenancy by it: no command asks for them yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import holidays

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_FRIDAY = 4


# --- rent years and weeks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RentYear:
    """A rent year: whole weeks from the first Monday of April to the Sunday before the next year's (domain.md 1.3). 52 or 53 weeks."""

    starts_on: date
    ends_on: date

    @property
    def weeks(self) -> int:
        """How many rent weeks the year has."""
        return ((self.ends_on - self.starts_on).days + 1) // 7

    @property
    def name(self) -> str:
        """As people say it, for example 2026/27."""
        return f"{self.starts_on.year}/{(self.starts_on.year + 1) % 100:02d}"

    def mondays(self) -> tuple[date, ...]:
        """Every Monday of the year, charged or free."""
        return tuple(self.starts_on + number * _WEEK for number in range(self.weeks))


def rent_year(starting_in: int) -> RentYear:
    """The rent year that starts in April of a calendar year."""
    return RentYear(_first_monday_of_april(starting_in), _first_monday_of_april(starting_in + 1) - _DAY)


def rent_year_of(day: date) -> RentYear:
    """The rent year that a day falls in."""
    this_year = rent_year(day.year)
    return this_year if day >= this_year.starts_on else rent_year(day.year - 1)


def monday_of(day: date) -> date:
    """The Monday on which the rent week of a day began."""
    return day - timedelta(days=day.weekday())


def monday_on_or_after(day: date) -> date:
    """The day itself if it is a Monday, otherwise the next one."""
    return day + timedelta(days=-day.weekday() % 7)


def rent_week(day: date) -> int:
    """The number of a day's rent week in its rent year, from 1."""
    return (day - rent_year_of(day).starts_on).days // 7 + 1


def charged_mondays(year: RentYear, free_mondays: Iterable[date]) -> tuple[date, ...]:
    """The Mondays on which rent is charged: all of the year but the free ones, which a rent group lists for each year.

    Raises ValueError where a free day is no Monday of the year: such a list was meant for another year.
    """
    free = frozenset(free_mondays)
    if stray := free.difference(year.mondays()):
        raise ValueError(f"not Mondays of the rent year {year.name}: {', '.join(sorted(day.isoformat() for day in stray))}")
    return tuple(monday for monday in year.mondays() if monday not in free)


def last_mondays(year: RentYear, count: int) -> tuple[date, ...]:
    """The last Mondays of a year: the rent-free weeks of a council that gives them at the year's end."""
    return year.mondays()[year.weeks - count :]


@dataclass(frozen=True)
class NoticePeriod:
    """A notice to end a tenancy: it runs from `starts_on` and ends on the Monday `ends_on`; `last_charge` is the last Monday charged."""

    starts_on: date
    ends_on: date
    last_charge: date


def notice_period(received_on: date, weeks: int) -> NoticePeriod:
    """A tenant's written notice: it runs from the Monday on or after its receipt and ends on a Monday, `weeks` weeks later.

    At least four weeks in law (Protection from Eviction Act 1977 s.5; domain.md 1.4).
    """
    starts_on = monday_on_or_after(received_on)
    ends_on = starts_on + weeks * _WEEK
    return NoticePeriod(starts_on, ends_on, ends_on - _WEEK)


def _first_monday_of_april(year: int) -> date:
    return monday_on_or_after(date(year, 4, 1))


# --- working days ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WorkingDays:
    """Which days count as working days: not a weekend and not a bank holiday. Knows the years from `first_year` to `last_year` only."""

    bank_holidays: frozenset[date]
    first_year: int
    last_year: int

    def is_working_day(self, day: date) -> bool:
        """Whether banks work on a day. Raises ValueError outside the years known: a guess would move money on a holiday."""
        if not self.first_year <= day.year <= self.last_year:
            raise ValueError(f"the calendar knows the years {self.first_year} to {self.last_year}, not {day.year}")
        return day.weekday() <= _FRIDAY and day not in self.bank_holidays


def working_days(first_year: int, last_year: int, added: Iterable[date] = (), removed: Iterable[date] = ()) -> WorkingDays:
    """England's calendar, whose bank holidays Bacs follows (domain.md 3.2), with overrides for one-off royal holidays and moved days."""
    listed = holidays.country_holidays("GB", subdiv="ENG", years=range(first_year, last_year + 1))
    return WorkingDays(frozenset(listed).union(added).difference(removed), first_year, last_year)


def add_working_days(calendar: WorkingDays, day: date, count: int) -> date:
    """The working day that lies `count` working days after a day; before it where the count is below zero.

    Counting starts on the next day, so one working day after a Saturday is Monday. A count of zero gives the day itself, working or not.
    """
    step = _DAY if count > 0 else -_DAY
    for _ in range(abs(count)):
        day += step
        while not calendar.is_working_day(day):
            day += step
    return day
