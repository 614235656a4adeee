"""Days, months and years as the law and the policy count them; business dates are of Europe/London."""

from calendar import monthrange
from datetime import UTC, date, datetime, time
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
    """The same day of the month so many months later, or that month's last."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def in_words(day: date) -> str:
    """*3 May 2026*."""
    return f"{day.day} {day:%B} {day.year}"
