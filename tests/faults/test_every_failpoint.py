"""Every place on the way of a refund and of a write-off: the process ends there, is started again, and the case ends by itself."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

import asyncpg
import pytest
from rentbook_local.check import places_of
from rentbook_local.journey.steps import Member
from support.stack import Stack

from faults.client import Accepted, DebtOffice, Numbers, Office, debtors, players
from faults.injector import WRITING_OFF, Course, play_at_once
from faults.plan import ROUNDS, WRITE_OFF_ROUNDS
from faults.table import Outcome

TOGETHER = ((0, 1), (2, 3), (4, 5, 6))
WRITE_OFFS_TOGETHER = ((0, 1), (2, 3))
"""Which cases of the plan go on at the same time: while one waits for a process, another is in its middle."""

HANDED_OVER = {
    "submission.noted": ("sending", "unknown", "not-seen", "sending"),
    "submission.answered": ("sending", "unknown", "accepted"),
    "fate.answered": ("sending", "unknown", "accepted"),
}
"""What refunds notes of a payment file whose hand-over was cut off: it is asked about, and sent again only if the bank never saw it.

Several refunds may stand in one file, whose hand-over may be cut off again when it is sent again: so each is looked for in a file's story.
"""


def named(kind: str) -> Callable[[tuple[int, ...]], str]:
    return lambda numbers: f"{kind} {' '.join(str(number + 1) for number in numbers)}"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("numbers_of", TOGETHER, ids=named("refunds"))
def test_a_process_that_ends_there_loses_nothing_and_doubles_nothing(
    stack: Stack,
    members: Mapping[str, Member],
    accepted: Accepted,
    numbers: Numbers,
    outcomes: list[Outcome],
    numbers_of: tuple[int, ...],
) -> None:
    cast, courses = players(members), []
    for number in numbers_of:
        office = Office(stack.layout, accepted, numbers)
        courses.append(Course(office, partial(office.refund, cast[number]), ROUNDS[number]))

    def nothing_is_left_in_doubt() -> None:
        assert half_written(stack) == []
        for one in (one for course in courses for one in course.tries if one.place in HANDED_OVER):
            said, told = HANDED_OVER[one.place], words_about_files(stack)
            assert any(follows(said, words) for words in told), (f"{one.place} did not end as unknown, or was not asked about", told)

    play_at_once(stack, accepted, outcomes, courses, then=nothing_is_left_in_doubt)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("numbers_of", WRITE_OFFS_TOGETHER, ids=named("write-offs"))
def test_a_process_that_ends_on_the_way_of_a_write_off_loses_nothing_and_doubles_nothing(
    stack: Stack,
    members: Mapping[str, Member],
    accepted: Accepted,
    numbers: Numbers,
    outcomes: list[Outcome],
    numbers_of: tuple[int, ...],
) -> None:
    cast, courses = debtors(members), []
    for number in numbers_of:
        office = DebtOffice(stack.layout, accepted, numbers)
        courses.append(Course(office, partial(office.write_off, cast[number]), WRITE_OFF_ROUNDS[number], WRITING_OFF))
    play_at_once(stack, accepted, outcomes, courses)
    assert half_written(stack) == []


def follows(part: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether these words stand one after the other in the story of a file that the bank accepted in the end."""
    return words[-1] == "accepted" and any(words[at : at + len(part)] == part for at in range(len(words)))


def test_no_place_is_armed_twice_at_the_same_time() -> None:
    for rounds, together in ((ROUNDS, TOGETHER), (WRITE_OFF_ROUNDS, WRITE_OFFS_TOGETHER)):
        assert sorted(number for group in together for number in group) == list(range(len(rounds)))
        for group in together:
            armed = [(one.process, one.place) for number in group for one in rounds[number]]
            assert len(set(armed)) == len(armed)


def words_about_files(stack: Stack) -> set[tuple[str, ...]]:
    """For each payment run, what was sent and answered about its file, in order."""

    async def read() -> set[tuple[str, ...]]:
        connection = await asyncpg.connect(places_of(stack.layout).dsns["refunds"])
        try:
            rows = await connection.fetch("SELECT array_agg(what ORDER BY seq) AS words FROM submission GROUP BY run")
        finally:
            await connection.close()
        return {tuple(row["words"]) for row in rows}

    return asyncio.run(read())


def half_written(stack: Stack) -> list[str]:
    """Files that a process had begun when it ended, and nobody finished."""
    folder = stack.layout.folder
    return [file.name for pattern in ("payments/.part-*", "letters/*.making") for file in folder.glob(pattern)]
