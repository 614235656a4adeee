"""Amounts, days and times as a sentence has them, in Europe/London."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def pounds(pence: int) -> str:
    """Pence without a sign as pounds: *£1,234.05*."""
    whole, rest = divmod(pence, 100)
    return f"£{whole:,}.{rest:02d}"


def business_date(instant: datetime) -> date:
    """The day in Europe/London on which an instant falls."""
    return instant.astimezone(LONDON).date()


def when(instant: datetime, now: datetime) -> str:
    """*at 10:42* on the same day, else *on 3 May*, with the year where it is another."""
    local = instant.astimezone(LONDON)
    today = business_date(now)
    if local.date() == today:
        return f"at {local:%H:%M}"
    return f"on {local.day} {local:%B}" + (f" {local.year}" if local.year != today.year else "")


def in_words(day: date) -> str:
    """*3 May 2026*."""
    return f"{day.day} {day:%B %Y}"


def role_words(role: str) -> str:
    """A role as people say it: *senior officer*."""
    return role.replace("-", " ")


def a_role(role: str) -> str:
    """A role with its article: *an income manager*, *a team leader*; finance takes none."""
    words = role_words(role)
    if words in ("finance", "democratic services"):
        return words
    # An initial is said by its name: an s151 officer.
    return f"an {words}" if words[0] in "aeiou" or words.startswith("s151") else f"a {words}"
