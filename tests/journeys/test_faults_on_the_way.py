"""A sample of the faults of tests/faults, another each day: processes end in the middle of a refund, which ends as if nothing had been."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from faults.client import Accepted, Numbers, Office
from faults.injector import Faults, books_are_right
from faults.plan import sample
from rentbook_local.journey.steps import Member
from support.stack import Stack

TRIES = 3


@pytest.mark.timeout(300)
def test_processes_that_end_on_the_way_lose_nothing(stack: Stack, members: Mapping[str, Member], tmp_path: Path) -> None:
    seed = datetime.now(UTC).date().toordinal()
    faults = Faults(stack, sample(seed, TRIES))
    print(f"seed {seed}: {faults.tries}")
    accepted = Accepted(tmp_path / "accepted.jsonl")
    with Office(stack.layout, accepted, Numbers()) as office, faults.watched():
        office.refund(members["clean"], faults.arm)
        faults.all_hit()
    assert accepted.count == 4
    books_are_right(stack.layout, accepted, [])
