"""Has faults happen in a running stack, watches how long each process is away, and has the books checked from outside."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rentbook_local import services
from rentbook_local.layout import Layout
from support.stack import Stack

from faults.client import Accepted, FrontDesk
from faults.plan import Try
from faults.table import Outcome, trying

_POLL_SECONDS = 0.1
HIT_SECONDS = 120.0
WELL_SECONDS = 120.0
_CHECK_SECONDS = 300.0


@dataclass
class Faults:
    """The tries of a case, or of several at the same time: armed step by step, each waited for."""

    stack: Stack
    tries: tuple[Try, ...]
    recovered: dict[Try, float] = field(default_factory=dict)
    _former: dict[Try, int | None] = field(default_factory=dict)

    def arm(self, step: str, tries: tuple[Try, ...]) -> None:
        """Arm what is to fail in this step of the case whose tries these are."""
        for one in tries:
            if one.before == step:
                former = self.stack.pid(one.process)
                arm(self.stack.layout, one)
                self._former[one] = former

    def all_hit(self) -> None:
        """Until every try was hit and its process is well again. Errors: AssertionError, which names those that were not."""
        end = time.monotonic() + HIT_SECONDS
        while missing := [one for one in self.tries if one not in self.recovered]:
            assert time.monotonic() < end, f"never hit, or not well again: {missing}"
            time.sleep(_POLL_SECONDS)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note for each try how long its process was away."""
        ended = threading.Event()
        thread = threading.Thread(target=self._watch, args=(ended,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=30)

    def _watch(self, ended: threading.Event) -> None:
        while not ended.wait(_POLL_SECONDS):
            for one in self.tries:
                hit = hit_of(self.stack.layout, one)
                if one in self._former and one not in self.recovered and hit.exists() and self._is_back(one):
                    self.recovered[one] = time.time() - hit.stat().st_ctime

    def _is_back(self, one: Try) -> bool:
        pid = self.stack.pid(one.process)
        return pid not in (None, self._former[one]) and is_well(self.stack.layout, one.process)


WRITING_OFF = " (write-off)"


@dataclass(frozen=True)
class Course:
    """One case that is played, whose steps arm what is tried on its way; `way` tells it in the table from the way of a refund."""

    office: FrontDesk
    play: Callable[[Callable[[str], None]], str]
    tries: tuple[Try, ...]
    way: str = ""


def play_at_once(
    stack: Stack, accepted: Accepted, outcomes: list[Outcome], courses: Sequence[Course], *, then: Callable[[], None] = lambda: None
) -> None:
    """Each process ends where it is to, is started again, and each case ends by itself; the books are looked at, and what `then` asks.

    Errors: AssertionError.
    """
    faults = Faults(stack, tuple(one for course in courses for one in course.tries))
    rows = {one: Outcome(f"{one.process} ends at {one.place}{course.way}", 1) for course in courses for one in course.tries}

    def play(course: Course) -> None:
        course.play(lambda step: faults.arm(step, course.tries))

    with trying(outcomes, accepted, *rows.values()):
        with ExitStack() as offices, faults.watched(), ThreadPoolExecutor(len(courses)) as pool:
            # Everybody is signed in before the first process ends.
            for course in courses:
                offices.enter_context(course.office)
            for played in [pool.submit(play, course) for course in courses]:
                played.result()
            faults.all_hit()
        for one, row in rows.items():
            row.recovered.append(faults.recovered[one])
        books_are_right(stack.layout, accepted, rows.values())
        then()


def arm(layout: Layout, one: Try, fault: str = "exit") -> Path:
    """The file that arms the place, written whole; whoever removes it disarms the place."""
    folder = services.failpoints(layout, one.process)
    folder.mkdir(exist_ok=True)
    hit_of(layout, one).unlink(missing_ok=True)
    part = folder / f".arming-{one.place}"
    part.write_text(fault, encoding="ascii")
    return part.rename(folder / one.place)


def hit_of(layout: Layout, one: Try) -> Path:
    return services.failpoints(layout, one.process) / f"{one.place}.hit"


def is_well(layout: Layout, process: str) -> bool:
    try:
        return httpx.get(f"{layout.http(process)}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def until_well(stack: Stack, processes: Iterable[str]) -> float:
    """Until each of them says that it is well; the seconds that it took. Errors: AssertionError."""
    began, waiting = time.monotonic(), list(processes)
    while waiting := [process for process in waiting if not is_well(stack.layout, process)]:
        assert time.monotonic() - began < WELL_SECONDS, f"not well again: {waiting}"
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - began


def books_are_right(layout: Layout, accepted: Accepted, outcomes: Iterable[Outcome]) -> None:
    """`./rentbook check --accepted`; what it finds is counted against the faults that were tried before it. Errors: AssertionError."""
    report = accepted.file.with_suffix(".report.json")
    report.unlink(missing_ok=True)
    words = ["check", "--state", str(layout.folder), "--accepted", str(accepted.file), "--json", str(report), "--all", "--within", "180"]
    said = subprocess.run(
        [sys.executable, "-m", "rentbook_local", *words], capture_output=True, text=True, check=False, timeout=_CHECK_SECONDS
    )
    if said.returncode != 0:
        found = json.loads(report.read_text()) if report.exists() else {"promises": ()}
        for outcome in outcomes:
            for promise in found["promises"]:
                if not promise["kept"]:
                    outcome.broken(promise["name"], promise["broken"])
            if "unsettled" in found:
                outcome.never_settled(found["unsettled"])
    assert said.returncode == 0, said.stdout + said.stderr
