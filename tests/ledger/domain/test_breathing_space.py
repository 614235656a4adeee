"""How long a Breathing Space lasts and when another may begin (SI 2020/1311), as tables of days, without a database."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from ledger.domain.breathing_space import BreathingSpacePolicy, Held, Recorded, last_day_of, ran, refuse_too_soon, review_of
from ledger.domain.rules import AnotherTooSoon, DayHasNotCome, DayHasPassed, LastsTooLong, LedgerRule
from rentbook_contracts.ledger import BreathingSpaceKind

STANDARD, CRISIS = BreathingSpaceKind.STANDARD, BreathingSpaceKind.MENTAL_HEALTH
STATUTE = BreathingSpacePolicy(most_days=60, once_in_months=12, after_treatment_days=30, review_from_day=25, review_to_day=35)
TODAY, DAY = date(2026, 11, 26), timedelta(days=1)
HERE, ELSEWHERE = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("kind", "first", "given", "last"),
    [
        (STANDARD, TODAY, None, date(2027, 1, 24)),
        (STANDARD, date(2026, 9, 28), None, TODAY),
        (STANDARD, date(2026, 9, 28), TODAY, TODAY),
        (STANDARD, TODAY, date(2027, 1, 24), date(2027, 1, 24)),
        (STANDARD, TODAY, TODAY, TODAY),
        (CRISIS, date(2022, 1, 1), None, None),
        (CRISIS, date(2022, 1, 1), date(2026, 12, 26), date(2026, 12, 26)),
        (CRISIS, TODAY, TODAY, TODAY),
    ],
)
def test_it_ends_when_the_law_ends_it_or_earlier(kind: BreathingSpaceKind, first: date, given: date | None, last: date | None) -> None:
    assert last_day_of(kind, first, given, STATUTE, TODAY) == last


@pytest.mark.parametrize(
    ("kind", "first", "given", "rule", "field", "says"),
    [
        (STANDARD, TODAY + DAY, None, DayHasNotCome, "first_day", "future"),
        (STANDARD, TODAY, date(2027, 1, 25), LastsTooLong, "until", "60 days: its last day is 24 January 2027 at the latest"),
        (STANDARD, date(2026, 9, 27), None, DayHasPassed, "first_day", "ended on 25 November 2026"),
        (STANDARD, date(2026, 9, 1), TODAY, LastsTooLong, "until", "30 October 2026"),
        (STANDARD, TODAY, TODAY - DAY, DayHasPassed, "until", "passed"),
        (CRISIS, TODAY, date(2026, 12, 27), LastsTooLong, "until", "30 days after the treatment: its last day is 26 December 2026"),
        (CRISIS, TODAY, TODAY - DAY, DayHasPassed, "until", "passed"),
    ],
)
def test_no_other_day_is_taken(
    kind: BreathingSpaceKind, first: date, given: date | None, rule: type[LedgerRule], field: str, says: str
) -> None:
    with pytest.raises(rule, match=says) as refused:
        last_day_of(kind, first, given, STATUTE, TODAY)
    assert refused.value.field == field


def test_a_standard_one_is_reviewed_midway_and_the_other_is_not() -> None:
    assert review_of(STANDARD, date(2026, 11, 1), STATUTE) == (date(2026, 11, 25), date(2026, 12, 5))
    assert review_of(CRISIS, date(2026, 11, 1), STATUTE) is None


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def recorded(first: date, last: date, *, account: UUID = ELSEWHERE, on: date | None = None, lifted: datetime | None = None) -> Recorded:
    return Recorded(account, first, last, at(on or first), lifted)


SPRING = recorded(date(2026, 3, 1), date(2026, 4, 29))
LEAP = recorded(date(2027, 12, 31), date(2028, 2, 29))


@pytest.mark.parametrize(
    ("earlier", "possible"),
    [
        ([SPRING], date(2027, 4, 30)),
        ([recorded(date(2026, 3, 1), date(2026, 4, 29), lifted=at(date(2026, 4, 30)))], date(2027, 4, 30)),
        ([recorded(date(2026, 3, 1), date(2026, 4, 29), lifted=at(date(2026, 3, 20)))], date(2027, 3, 21)),
        ([SPRING, recorded(date(2024, 1, 1), date(2024, 2, 29))], date(2027, 4, 30)),
        ([LEAP], date(2029, 3, 1)),
        ([recorded(date(2026, 9, 1), date(2026, 10, 30), account=HERE)], date(2027, 10, 31)),
        ([recorded(date(2026, 11, 1), date(2026, 12, 30))], date(2027, 12, 31)),
    ],
    ids=["its end", "lifted by itself", "lifted early", "the last one counts", "leap", "passed here and not lifted", "runs elsewhere"],
)
def test_another_begins_more_than_twelve_months_after_the_last_ended(earlier: list[Recorded], possible: date) -> None:
    with pytest.raises(AnotherTooSoon, match=f"{possible.day} {possible:%B %Y} on") as refused:
        refuse_too_soon(HERE, possible - DAY, earlier, STATUTE, TODAY)
    assert refused.value.field == "first_day"
    refuse_too_soon(HERE, possible, earlier, STATUTE, TODAY)


RUNS = recorded(date(2026, 11, 1), date(2026, 12, 30), account=HERE)
CORRECTED = at(date(2026, 11, 10))


@pytest.mark.parametrize(
    "earlier",
    [
        [],
        [recorded(TODAY, date(2027, 1, 24))],
        [RUNS],
        [RUNS, recorded(date(2026, 11, 1), date(2026, 12, 30))],
        [recorded(date(2026, 11, 1), date(2026, 12, 30), lifted=at(date(2026, 11, 1), 15))],
        [
            recorded(date(2026, 10, 1), date(2026, 11, 29), account=HERE, lifted=CORRECTED),
            Recorded(HERE, date(2026, 11, 1), date(2026, 12, 30), CORRECTED, None),
        ],
    ],
    ids=["none", "the same one elsewhere", "corrected here", "runs elsewhere too", "recorded in error", "corrected before"],
)
def test_what_is_the_same_or_was_an_error_is_no_other(earlier: list[Recorded]) -> None:
    refuse_too_soon(HERE, TODAY, earlier, STATUTE, TODAY)


def test_one_that_ended_elsewhere_is_another_though_one_that_runs_here_is_corrected() -> None:
    with pytest.raises(AnotherTooSoon, match="30 April 2027 on"):
        refuse_too_soon(HERE, TODAY, [RUNS, SPRING], STATUTE, TODAY)


def test_one_that_had_ended_when_the_next_was_recorded_was_not_corrected() -> None:
    """It lay there unlifted until the next took its place at that very moment."""
    ended = recorded(date(2025, 9, 1), date(2025, 10, 30), account=HERE, lifted=CORRECTED)
    lifted = Recorded(HERE, date(2026, 11, 1), date(2026, 12, 30), CORRECTED, at(date(2026, 11, 10), 13))
    with pytest.raises(AnotherTooSoon, match="31 October 2026 on"):
        refuse_too_soon(HERE, date(2026, 10, 30), [ended, lifted], STATUTE, TODAY)


FIRST, LAST = date(2026, 10, 1), date(2026, 11, 29)
SET = at(date(2026, 10, 5))


@pytest.mark.parametrize(("records", "days"), [
    pytest.param([Held(HERE, FIRST, LAST, SET, None)], [(FIRST, LAST)], id="it runs"),
    pytest.param([Held(HERE, FIRST, None, SET, None)], [(FIRST, None)], id="nobody has said when it ends"),
    pytest.param([Held(HERE, FIRST, LAST, SET, at(date(2026, 11, 30)))], [(FIRST, LAST)], id="its last day has passed"),
    pytest.param([Held(HERE, FIRST, LAST, SET, at(date(2026, 10, 20)))], [(FIRST, date(2026, 10, 20))], id="it was cancelled"),
    pytest.param([Held(HERE, FIRST, LAST, SET, at(date(2026, 10, 5), 15))], [], id="it was an error"),
    pytest.param(
        [Held(HERE, FIRST, LAST, SET, CORRECTED), Held(HERE, date(2026, 10, 3), LAST, CORRECTED, None)], [(date(2026, 10, 3), LAST)],
        id="it was corrected",
    ),
    pytest.param(
        [Held(HERE, date(2026, 8, 1), date(2026, 9, 29), at(date(2026, 8, 1)), CORRECTED), Held(HERE, FIRST, LAST, CORRECTED, None)],
        [(date(2026, 8, 1), date(2026, 9, 29)), (FIRST, LAST)], id="it had ended when the next was recorded",
    ),
    pytest.param(
        [Held(HERE, FIRST, LAST, SET, None), Held(ELSEWHERE, FIRST, LAST, SET, None)], [(FIRST, LAST)], id="the same one elsewhere",
    ),
])  # fmt: skip
def test_from_when_to_when_each_ran(records: list[Held], days: list[tuple[date, date | None]]) -> None:
    assert ran(records) == days
