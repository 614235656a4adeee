"""A sample of the faults of tests/faults, another each day: processes end amid a refund and a write-off, which end by themselves."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from faults.client import Accepted, DebtOffice, Numbers, Office, debtors
from faults.injector import WRITING_OFF, Course, play_at_once
from faults.plan import sample
from faults.table import Outcome
from rentbook_local.journey.steps import Member
from support.stack import Stack

OF_REFUND, OF_WRITE_OFF = 3, 2

REPEATED = "RENTBOOK_SEED={seed} ./rentbook test -- tests/journeys/test_faults_on_the_way.py"


@pytest.mark.timeout(900)
def test_processes_that_end_on_the_way_lose_nothing(
    stack: Stack, members: Mapping[str, Member], tmp_path: Path, seen: list[str], outcomes: list[Outcome]
) -> None:
    """Both ways at the same time, so that they take as long as the longer of them."""
    seed = int(os.environ.get("RENTBOOK_SEED") or datetime.now(UTC).date().toordinal())
    drawn = f"a sample of {OF_REFUND} failpoints on the way of a refund and of {OF_WRITE_OFF} on that of a write-off"
    seen.append(f"{drawn}, by seed {seed}; the same again: {REPEATED.format(seed=seed)}")
    of_refund, of_write_off = sample(seed, OF_REFUND, OF_WRITE_OFF)
    accepted, numbers = Accepted(tmp_path / "accepted.jsonl"), Numbers()
    office, debts = Office(stack.layout, accepted, numbers), DebtOffice(stack.layout, accepted, numbers)
    courses = (
        Course(office, partial(office.refund, members["clean"]), of_refund),
        Course(debts, partial(debts.write_off, debtors(members)[0]), of_write_off, WRITING_OFF),
    )
    play_at_once(stack, accepted, outcomes, courses)
    assert accepted.count == 4 + 8
