"""A run of everything begins on the day on which it ends."""

from datetime import datetime, timedelta

import pytest
from support.one_day import until_tomorrow


@pytest.mark.parametrize(
    ("now", "minutes"),
    [
        ("2026-11-27T12:00+00:00", 0),
        ("2026-11-27T23:30+00:00", 0),
        ("2026-11-27T23:40+00:00", 20),
        ("2026-11-28T00:00+00:00", 0),
        ("2026-06-15T22:45+00:00", 15),
        ("2026-06-15T23:45+00:00", 0),
        ("2026-10-24T22:50+00:00", 10),
        ("2026-10-25T23:50+00:00", 10),
    ],
    ids=["noon", "long enough", "winter", "it has come", "summer", "past it in summer", "before the hour that comes twice", "after it"],
)
def test_a_run_waits_for_midnight_in_london_where_it_would_be_cut_by_it(now: str, minutes: int) -> None:
    assert until_tomorrow(datetime.fromisoformat(now)) == timedelta(minutes=minutes)
