"""Every place along the way of a refund: the process ends there at once, is started again, and the refund ends as if nothing had been."""

from collections.abc import Mapping

import pytest
from rentbook_local.journey.steps import Member
from support.stack import Stack

from faults.client import Accepted, Numbers, Office, players
from faults.injector import Faults, books_are_right
from faults.plan import ROUNDS, Try
from faults.table import Outcome


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(len(ROUNDS)), ids=lambda number: f"refund {number + 1}")
def test_a_process_that_ends_there_loses_nothing_and_doubles_nothing(
    stack: Stack, members: Mapping[str, Member], accepted: Accepted, numbers: Numbers, outcomes: list[Outcome], number: int
) -> None:
    tries = ROUNDS[number]
    cast = players(members)
    before = accepted.count
    faults = Faults(stack, tries)
    with Office(stack.layout, accepted, numbers) as office, faults.watched():
        office.refund(cast[number % len(cast)], faults.arm)
        faults.all_hit()
    found = [_outcome(one, faults, accepted.count - before) for one in tries]
    outcomes.extend(found)
    books_are_right(stack.layout, accepted, found)
    assert half_written(stack) == []


def half_written(stack: Stack) -> list[str]:
    """Files that a process had begun when it ended, and nobody finished."""
    folder = stack.layout.folder
    return [file.name for pattern in ("payments/.part-*", "letters/*.making") for file in folder.glob(pattern)]


def _outcome(one: Try, faults: Faults, accepted: int) -> Outcome:
    return Outcome(f"{one.process} ends at {one.place}", 1, accepted, recovered=[faults.recovered[one]])
