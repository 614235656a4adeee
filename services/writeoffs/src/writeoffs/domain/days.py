"""Days, months and years as the law and the policy count them; business dates are of Europe/London."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
_MORNING = time(8)


def business_date(instant: datetime) -> date:
    """The day in Europe/London on which an instant falls."""
    return instant.astimezone(LONDON).date()


def morning_of(day: date) -> datetime:
    """08:00 UTC, which in Europe/London is the start of that business day, or an hour into it in summer."""
    return datetime.combine(day, _MORNING, UTC)


def years_after(day: date, years: int) -> date:
    """The anniversary; of 29 February in a common year the day after, so that no time is cut short."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def months_after(day: date, months: int) -> date:
    """The first day after so many months that begin with this day: the same day of its month; where that month has no such day the first
    of the next, so that no time is cut short.
    """
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    return first + timedelta(days=min(day.day - 1, monthrange(first.year, first.month)[1]))


def in_words(day: date) -> str:
    """*3 May 2026*."""
    return f"{day.day} {day:%B} {day.year}"
