"""A sample of the faults of tests/faults, another each day: processes end in the middle of a refund, which ends as if nothing had been."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from faults.client import Accepted, Numbers, Office
from faults.injector import Faults, books_are_right
from faults.plan import sample
from faults.table import Outcome, trying
from rentbook_local.journey.steps import Member
from support.stack import Stack

TRIES = 3
REPEATED = "RENTBOOK_SEED={seed} ./rentbook test -- tests/journeys/test_faults_on_the_way.py"


@pytest.mark.timeout(300)
def test_processes_that_end_on_the_way_lose_nothing(
    stack: Stack, members: Mapping[str, Member], tmp_path: Path, seen: list[str], outcomes: list[Outcome]
) -> None:
    seed = int(os.environ.get("RENTBOOK_SEED") or datetime.now(UTC).date().toordinal())
    seen.append(f"a sample of {TRIES} failpoints, drawn with seed {seed}; the same again: {REPEATED.format(seed=seed)}")
    faults = Faults(stack, sample(seed, TRIES))
    accepted = Accepted(tmp_path / "accepted.jsonl")
    rows = {one: Outcome(f"{one.process} ends at {one.place}", 1) for one in faults.tries}
    with trying(outcomes, accepted, *rows.values()):
        with Office(stack.layout, accepted, Numbers()) as office, faults.watched():
            office.refund(members["clean"], faults.arm)
            faults.all_hit()
        for one, row in rows.items():
            row.recovered.append(faults.recovered[one])
        assert accepted.count == 4
        books_are_right(stack.layout, accepted, rows.values())
