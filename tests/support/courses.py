"""Courses of a state machine, set after set, until all has happened that its promises speak of."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

WHOLE = os.environ.get("RENTBOOK_FAULTS") == "whole"
"""Whether more is played than in every run, as `./rentbook test --faults` does."""

MOST_SETS = 8


def first_seed() -> int:
    """Drawn anew each day; RENTBOOK_SEED plays again from a seed that a failure has printed."""
    return int(os.environ.get("RENTBOOK_SEED", datetime.now(UTC).toordinal() * 1_000))


def first_set() -> int:
    """The sample of every run plays the same courses each time, for a red run to be about the change; the whole goes on to new ones."""
    return first_seed() if WHOLE or "RENTBOOK_SEED" in os.environ else 0


async def play_until(
    machine: type[RuleBasedStateMachine],
    given: Mapping[str, object],
    missing: Callable[[], Awaitable[Collection[str]]],
    played: "Counter[str]",
    *,
    courses: int,
    steps: int,
) -> None:
    """Play `courses` of at most `steps` by a seed of their own, and again until nothing is `missing` any more.

    `given` are the attributes that the machine needs. Which courses a seed gives depends on the modules that were imported, so that no
    single set is sure to see everything. How many were played is told at the end of the run (`played`). Fails where something is missing
    after the last set.
    """
    chosen = settings(
        max_examples=courses,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # databases stand behind every step: shrinking would outlast the test's time
        suppress_health_check=list(HealthCheck),
    )
    told = machine.__module__.rpartition(".")[2]
    lacking: Collection[str] = ()
    for number in range(first_set(), first_set() + MOST_SETS):
        one = seed(number)(type(machine.__name__, (machine,), dict(given)))
        try:
            await asyncio.to_thread(run_state_machine_as_test, one, settings=chosen)
        except BaseException as fault:
            fault.add_note(f"RENTBOOK_SEED={number} plays these courses again")
            raise
        played[f"{told}: courses"] += courses
        lacking = await missing()
        if not lacking:
            return
        print(f"{told}, set {number}: still missing: {', '.join(sorted(lacking))}", flush=True)
    raise AssertionError(f"after {MOST_SETS} sets of courses there is still missing: {', '.join(sorted(lacking))}")
