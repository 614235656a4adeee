"""The disk is full at each file that is written: that is said plainly, nothing is lost, and all goes on when there is space again."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from rentbook_local.journey.steps import Member
from rentbook_local.layout import Layout
from support.stack import Stack

from faults.client import Accepted, Numbers, Office, players
from faults.injector import HIT_SECONDS, arm, books_are_right, hit_of, until_well
from faults.plan import NO_SPACE, Try
from faults.table import Outcome, trying

FULL_SECONDS = 3.0
GOES_ON_SECONDS = 90.0
SAID = "No space left on device"
SAID_AT_THE_DESK = {
    "form.write": "There is no room for it on the disk, and nothing was done.",
    "upload.write": "Ledger does not answer",
}
"""What whoever sends a bank file reads meanwhile."""

PROCESS = {
    "form.write": "approvals",
    "upload.write": "ledger",
    "anchor.write": "ledger",
    "payment-file.write": "refunds",
    "letter.write": "notices",
}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("place", NO_SPACE)
def test_a_full_disk_delays_and_loses_nothing(
    stack: Stack, members: Mapping[str, Member], accepted: Accepted, numbers: Numbers, outcomes: list[Outcome], place: str
) -> None:
    outcome = Outcome(f"no space at {place}", 1)
    with trying(outcomes, accepted, outcome), Office(stack.layout, accepted, numbers) as office:
        disk = FullDisk(stack.layout, Try(place, PROCESS[place], "bank-file"), accepted)
        armed = threading.Thread(target=disk.be_full_for_a_while, daemon=True)
        armed.start()
        office.refund(players(members)[NO_SPACE.index(place)])
        armed.join(timeout=HIT_SECONDS + GOES_ON_SECONDS)
        if place in SAID_AT_THE_DESK:
            assert any(SAID_AT_THE_DESK[place] in page for page in office.officer.post.turned_away)
        assert disk.fault is None, disk.fault
        outcome.recovered.append(disk.went_on_after)
        books_are_right(stack.layout, accepted, [outcome])


@pytest.mark.timeout(600)
def test_a_runner_that_cannot_note_its_processes_says_so_and_keeps_them(
    stack: Stack, full_files: Path, accepted: Accepted, outcomes: list[Outcome]
) -> None:
    outcome = Outcome("no space at the runner's processes.json", 1)
    armed, said = full_files / "write.processes.json", stack.layout.folder.parent / "run.log"
    with trying(outcomes, accepted, outcome):
        former = stack.pid("notices")
        assert former is not None
        armed.touch()
        os.kill(former, signal.SIGKILL)
        _wait_for(lambda: "cannot be written (No space left on device)" in said.read_text(), "the runner does not say it")
        armed.unlink()
        freed = time.monotonic()
        _wait_for(lambda: stack.pid("notices") not in (None, former), "what the runner knows is not written")
        until_well(stack, ["notices"])
        outcome.recovered.append(time.monotonic() - freed)
        books_are_right(stack.layout, accepted, [outcome])


def _wait_for(condition: Callable[[], bool], otherwise: str, limit_seconds: float = GOES_ON_SECONDS) -> None:
    end = time.monotonic() + limit_seconds
    while not condition():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)


class FullDisk:
    """Fills the disk at one place, and frees it once the process has met that and said so."""

    def __init__(self, layout: Layout, one: Try, accepted: Accepted) -> None:
        self._layout = layout
        self._one = one
        self._written = {
            "form.write": accepted.file,
            "upload.write": accepted.file,
            "anchor.write": layout.folder / "anchor",
            "payment-file.write": layout.folder / "payments",
            "letter.write": layout.folder / "letters",
        }[one.place]
        self._armed = arm(layout, one, "no-space")
        self.fault: str | None = None
        self.went_on_after = 0.0

    def be_full_for_a_while(self) -> None:
        try:
            _wait_for(hit_of(self._layout, self._one).exists, "the place was never reached", HIT_SECONDS)
            time.sleep(FULL_SECONDS)
            log = self._layout.log(self._one.process)
            assert SAID in log.read_text(encoding="utf-8", errors="replace"), f"{log.name} does not say why"
        except AssertionError as fault:
            self.fault = str(fault)
        self._armed.unlink()
        freed = time.time()
        try:
            _wait_for(lambda: _changed(self._written) > freed, "nothing was written after there was space again")
        except AssertionError as fault:
            self.fault = self.fault or str(fault)
        self.went_on_after = time.time() - freed


def _changed(path: Path) -> float:
    """When the file, or the newest file of the folder, was last written."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)
