"""From instants to business dates."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


def business_date(instant: datetime) -> date:
    """The day in Europe/London on which an instant falls."""
    return instant.astimezone(LONDON).date()
