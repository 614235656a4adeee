"""From instants to business dates."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def business_date(now: datetime) -> date:
    """The date in Europe/London at an instant."""
    return now.astimezone(LONDON).date()


def start_of_work(day: date) -> datetime:
    """The instant, UTC, that stands for a day of posting whose hour is not known: 09:00 in London."""
    return datetime.combine(day, time(9), LONDON).astimezone(UTC)


def in_words(day: date) -> str:
    """As in a letter: 5 October 2026."""
    return f"{day.day} {day:%B %Y}"
