"""Every place along the way of a refund: the process ends there at once, is started again, and the refund ends as if nothing had been."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import asyncpg
import pytest
from rentbook_local.check import places_of
from rentbook_local.journey.steps import Member
from support.stack import Stack

from faults.client import Accepted, Numbers, Office, players
from faults.injector import Faults, books_are_right
from faults.plan import ROUNDS
from faults.table import Outcome, trying

TOGETHER = ((0, 1), (2, 3), (4, 5, 6))
"""Which refunds of the plan go on at the same time: while one waits for a process, another is in its middle."""

HANDED_OVER = {
    "submission.noted": ("sending", "unknown", "not-seen", "sending"),
    "submission.answered": ("sending", "unknown", "accepted"),
    "fate.answered": ("sending", "unknown", "accepted"),
}
"""What refunds notes of a payment file whose hand-over was cut off: it is asked about, and sent again only if the bank never saw it.

Several refunds may stand in one file, whose hand-over may be cut off again when it is sent again: so each is looked for in a file's story.
"""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("numbers_of", TOGETHER, ids=lambda numbers: "refunds " + " ".join(str(number + 1) for number in numbers))
def test_a_process_that_ends_there_loses_nothing_and_doubles_nothing(
    stack: Stack,
    members: Mapping[str, Member],
    accepted: Accepted,
    numbers: Numbers,
    outcomes: list[Outcome],
    numbers_of: tuple[int, ...],
) -> None:
    cast = players(members)
    faults = Faults(stack, tuple(one for number in numbers_of for one in ROUNDS[number]))
    rows = {one: Outcome(f"{one.process} ends at {one.place}", 1) for one in faults.tries}

    def play(office: Office, number: int) -> None:
        office.refund(cast[number], lambda step: faults.arm(step, ROUNDS[number]))

    with trying(outcomes, accepted, *rows.values()):
        with ExitStack() as offices, faults.watched(), ThreadPoolExecutor(len(numbers_of)) as pool:
            # Everybody is signed in before the first process ends.
            open_ones = [offices.enter_context(Office(stack.layout, accepted, numbers)) for _ in numbers_of]
            for played in [pool.submit(play, *each) for each in zip(open_ones, numbers_of, strict=True)]:
                played.result()
            faults.all_hit()
        for one, row in rows.items():
            row.recovered.append(faults.recovered[one])
        books_are_right(stack.layout, accepted, rows.values())
        assert half_written(stack) == []
        for one in faults.tries:
            if one.place in HANDED_OVER:
                said, told = HANDED_OVER[one.place], words_about_files(stack)
                assert any(follows(said, words) for words in told), (f"{one.place} did not end as unknown, or was not asked about", told)


def follows(part: tuple[str, ...], words: tuple[str, ...]) -> bool:
    """Whether these words stand one after the other in the story of a file that the bank accepted in the end."""
    return words[-1] == "accepted" and any(words[at : at + len(part)] == part for at in range(len(words)))


def test_no_place_is_armed_twice_at_the_same_time() -> None:
    assert sorted(number for group in TOGETHER for number in group) == list(range(len(ROUNDS)))
    for group in TOGETHER:
        armed = [(one.process, one.place) for number in group for one in ROUNDS[number]]
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
