"""A run of the whole suite belongs to one day: its tests take the date in London as they are collected, and the services as they work."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
LONGEST_RUN = timedelta(minutes=30)
"""The whole suite on two cores, and some."""

_LOOK_AGAIN_SECONDS = 10.0


def until_tomorrow(now: datetime) -> timedelta:
    """How long it is to midnight in London where a run would not be over by then; else nothing."""
    tomorrow = now.astimezone(LONDON).date() + timedelta(days=1)
    left = datetime.combine(tomorrow, time_of_day(), LONDON).astimezone(UTC) - now
    return left if left < LONGEST_RUN else timedelta()


def begin(say: Callable[[str], None]) -> None:
    """Return at once, or on the next day once it has come; `say` is told how long that is."""
    left = until_tomorrow(datetime.now(UTC))
    if left:
        minutes = int(left.total_seconds()) // 60 + 1
        say(f"Midnight in London is nearer than the end of these tests would be: they begin after it, in {minutes} min.")
    # It is a moment that is waited for, and nothing but the clock can say that it has come.
    while left:
        time.sleep(min(left.total_seconds(), _LOOK_AGAIN_SECONDS))
        left = until_tomorrow(datetime.now(UTC))
