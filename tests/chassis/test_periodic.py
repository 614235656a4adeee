"""What is said of periodic work: ill is what was due and came to nothing for too long, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from chassis.periodic import LONGEST_PAUSE_SECONDS, ROUND_LIMIT_SECONDS, Periodic
from chassis.process import TRANSACTION_LIMIT_SECONDS
from chassis.serving import Every, Tick
from chassis.transaction import Runtime, Transaction
from support.counting import until

from chassis import periodic

HOUR = timedelta(hours=1)


class Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(periodic, "time", clock)
    return clock


class Pennies:
    """Work that may be told to fail or to stand still, and counts how often it was begun and done."""

    def __init__(self) -> None:
        self.begun = self.done = 0
        self.fails: Exception | None = None
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def count_pennies(self, tx: Transaction, tick: Tick) -> None:
        self.begun += 1
        await self.goes_on.wait()
        if self.fails:
            raise self.fails
        self.done += 1


@asynccontextmanager
async def repeating(work: Periodic) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.ensure_future(work.repeat(stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


def so_often(pennies: Pennies, times: int) -> Callable[[], Awaitable[bool]]:
    async def they_were() -> bool:
        return pennies.begun >= times

    return they_were


async def test_work_that_was_never_due_is_well(dry: Runtime, clock: Clock) -> None:
    work = Periodic(dry, Every(HOUR, Pennies().count_pennies))
    clock.now += 10_000
    assert work.ailment() is None


async def test_work_that_waits_for_its_next_round_is_well(dry: Runtime, clock: Clock) -> None:
    pennies = Pennies()
    work = Periodic(dry, Every(HOUR, pennies.count_pennies))
    async with repeating(work):
        await until(so_often(pennies, 1), "the first round is done")
        clock.now += 10_000
        await until(lambda: well(work), "the round has ended")


async def well(work: Periodic) -> bool:
    return work.ailment() is None


async def test_a_round_that_does_not_end_is_named_once_no_transaction_lives_so_long(dry: Runtime, clock: Clock) -> None:
    assert ROUND_LIMIT_SECONDS > TRANSACTION_LIMIT_SECONDS
    pennies = Pennies()
    pennies.goes_on.clear()
    work = Periodic(dry, Every(HOUR, pennies.count_pennies))
    async with repeating(work):
        await until(so_often(pennies, 1), "a round has begun")
        clock.now += ROUND_LIMIT_SECONDS
        assert work.ailment() is None
        clock.now += 1
        assert work.ailment() == "periodic work count_pennies: a round has not ended for 331 s"
        pennies.goes_on.set()
        await until(lambda: well(work), "it is well again")


async def test_work_that_fails_is_done_again_long_before_its_period_and_named_until_it_succeeds(
    dry: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    async def no_pause(wake: asyncio.Event, seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0.01)

    monkeypatch.setattr(periodic, "wait_for", no_pause)
    pennies = Pennies()
    pennies.fails = OSError("no room")
    work = Periodic(dry, Every(HOUR, pennies.count_pennies))
    limit = dry.settings.stall_limit_seconds
    async with repeating(work):
        await until(so_often(pennies, 3), "it is tried again")
        assert set(pauses) == {LONGEST_PAUSE_SECONDS}
        assert work.ailment() is None
        clock.now += limit + 1
        assert work.ailment() == f"periodic work count_pennies: every round has failed for {limit + 1:.0f} s (OSError: no room)"
        # Once it can be done again, whoever is at it elsewhere says nothing about this process.
        async with elsewhere(dry):
            pennies.fails = None
            tries = len(pauses)

            async def tried_in_vain() -> bool:
                return len(pauses) > tries + 3

            await until(tried_in_vain, "another process is at it")
            assert work.ailment() is not None
        await until(lambda: well(work), "it is well again")
        assert pennies.done > 0


async def test_where_a_peer_leaves_every_round_without_an_answer_the_process_is_well_and_an_operator_is_told(
    dry: Runtime, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_pause(wake: asyncio.Event, seconds: float) -> None:
        await asyncio.sleep(0.01)

    monkeypatch.setattr(periodic, "wait_for", no_pause)
    pennies = Pennies()
    pennies.fails = httpx.ConnectError("nobody there")
    work = Periodic(dry, Every(HOUR, pennies.count_pennies))
    async with repeating(work):
        await until(so_often(pennies, 2), "it is tried again")
        assert work.attention() is None
        clock.now += dry.settings.stall_limit_seconds + 1
        assert work.ailment() is None
        told = work.attention()
        assert told is not None
        assert told.startswith("periodic work count_pennies: every round has failed for")
        pennies.fails = None

        async def nothing_to_see_to() -> bool:
            return work.attention() is None

        await until(nothing_to_see_to, "the peer answers again")


@asynccontextmanager
async def elsewhere(runtime: Runtime) -> AsyncIterator[None]:
    """Another process is at the same work while the block runs."""
    other = Pennies()
    other.goes_on.clear()
    async with repeating(Periodic(runtime, Every(HOUR, other.count_pennies))):
        await until(so_often(other, 1), "the other process has begun")
        try:
            yield
        finally:
            other.goes_on.set()
