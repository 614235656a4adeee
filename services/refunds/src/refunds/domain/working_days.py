"""Working days and the days of a Bacs payment (domain.md 3.2). The calendar of holidays is passed in: it is dated data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

SATURDAY = 5
LONGEST_CLOSURE_DAYS = 30


@dataclass(frozen=True)
class WorkingDays:
    """Bacs working days: neither a weekend nor a bank holiday of Great Britain. `is_holiday` knows one-off holidays too."""

    is_holiday: Callable[[date], bool]

    def is_working(self, day: date) -> bool:
        return day.weekday() < SATURDAY and not self.is_holiday(day)

    def after(self, day: date, count: int = 1) -> date:
        """The working day that many working days later; the day itself does not count."""
        for _ in range(count):
            day = self.on_or_after(day + timedelta(days=1))
        return day

    def on_or_after(self, day: date) -> date:
        """The day itself if it is a working day, else the next one."""
        for distance in range(LONGEST_CLOSURE_DAYS):
            candidate = day + timedelta(days=distance)
            if self.is_working(candidate):
                return candidate
        raise AssertionError("a calendar without a working day in 30 days is wrong")


@dataclass(frozen=True)
class BacsDays:
    """The three days of a Bacs payment: it is input, processed the next working day, and on the account the day after that."""

    input: date
    processing: date
    entry: date


def days_of_input(day: date, calendar: WorkingDays) -> BacsDays:
    """The days of a file that is ready on a day."""
    first = calendar.on_or_after(day)
    return BacsDays(first, calendar.after(first), calendar.after(first, 2))
