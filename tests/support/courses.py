"""Courses of a state machine, set after set, until all has happened that its promises speak of."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

MOST_SETS = 8


async def play_until(
    machine: type[RuleBasedStateMachine],
    given: Mapping[str, object],
    missing: Callable[[], Awaitable[object]],
    *,
    courses: int,
    steps: int,
) -> None:
    """Play `courses` of at most `steps` by a seed of their own, and again until nothing is `missing` any more.

    `given` are the attributes that the machine needs. Which courses a seed gives depends on the modules that were imported, so that no
    single set is sure to see everything. Fails where something is missing after the last set.
    """
    chosen = settings(
        max_examples=courses,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # databases stand behind every step: shrinking would outlast the test's time
        suppress_health_check=list(HealthCheck),
    )
    lacking: Any = None
    for number in range(MOST_SETS):
        played = seed(number)(type(machine.__name__, (machine,), dict(given)))
        await asyncio.to_thread(run_state_machine_as_test, played, settings=chosen)
        lacking = await missing()
        if not lacking:
            return
    raise AssertionError(f"after {MOST_SETS} sets of courses there is still missing: {lacking}")
