"""Working days of England: Monday to Friday, bank holidays aside."""

from collections.abc import Container, Iterable
from datetime import date, timedelta

import holidays

_SATURDAY = 5


def bank_holidays(one_off: Iterable[date] = ()) -> Container[date]:
    """The bank holidays of England, for any year that is asked about, and those that were proclaimed for one year (domain.md 3.2)."""
    england = holidays.country_holidays("GB", subdiv="ENG")
    england.update(dict.fromkeys(one_off, "proclaimed for one year"))
    return england


def is_working_day(day: date, closed: Container[date]) -> bool:
    return day.weekday() < _SATURDAY and day not in closed


def working_days_after(start: date, count: int, closed: Container[date]) -> date:
    """The working day that is `count` (from 1) working days after `start`, which itself does not count."""
    assert count >= 1
    day = start
    for _ in range(count):
        day += timedelta(days=1)
        while not is_working_day(day, closed):
            day += timedelta(days=1)
    return day


def working_days_until(due: date, today: date, closed: Container[date]) -> int:
    """How many working days are left after today, up to and with `due`; negative where it has passed, 0 on the day itself."""
    if due < today:
        return -working_days_until(today, due, closed)
    return sum(is_working_day(today + timedelta(days=ahead), closed) for ahead in range(1, (due - today).days + 1))
