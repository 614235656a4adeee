"""Servers that are killed and processes that stand still, while refunds go on."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

import asyncpg
import httpx
import pytest
from rentbook_local import services
from rentbook_local.check import places_of
from rentbook_local.journey.steps import Member
from rentbook_local.ports import free_ports
from support.stack import Stack

from faults.client import Accepted, Numbers, Office, players
from faults.injector import WELL_SECONDS, books_are_right, until_well
from faults.table import Outcome

EVERYTHING = ("ledger", "refunds", "approvals", "notices", "workflows")
OFFICES = 2
PAUSE_SECONDS = 4.0
"""Between two kills: long enough that requests are under way again."""

STANDSTILL_SECONDS = 20.0


class Load:
    """Offices that play refunds until they are told to finish the one in hand."""

    def __init__(self, stack: Stack, members: Mapping[str, Member], accepted: Accepted, numbers: Numbers) -> None:
        self._over = threading.Event()
        self._casts = [players(members)[start::OFFICES] for start in range(OFFICES)]
        self._office = partial(Office, stack.layout, accepted, numbers)

    def _play(self, office: Office, cast: list[Member]) -> int:
        played = 0
        while True:
            for member in cast:
                office.refund(member)
                played += 1
                if self._over.is_set():
                    return played

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Until the block ends and the refunds in hand are paid. Errors: what an office met."""
        with ExitStack() as offices, ThreadPoolExecutor(OFFICES) as pool:
            # Everybody is signed in before anything fails.
            open_ones = [offices.enter_context(self._office()) for _ in self._casts]
            playing = [pool.submit(self._play, *each) for each in zip(open_ones, self._casts, strict=True)]
            try:
                yield
            finally:
                self._over.set()
            assert sum(played.result() for played in playing) >= OFFICES


@pytest.fixture
def load(stack: Stack, members: Mapping[str, Member], accepted: Accepted, numbers: Numbers) -> Load:
    return Load(stack, members, accepted, numbers)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("server", ["postgres", "kafka", "temporal"])
def test_a_killed_server_loses_nothing_that_was_acknowledged(
    stack: Stack, accepted: Accepted, outcomes: list[Outcome], load: Load, server: str
) -> None:
    outcome, before = Outcome(f"{server} is killed under load"), accepted.count
    outcomes.append(outcome)
    with load.going_on():
        for _ in range(2):
            time.sleep(PAUSE_SECONDS)
            outcome.recovered.append(_killed(stack, server))
            outcome.tried += 1
    outcome.accepted = accepted.count - before
    books_are_right(stack.layout, accepted, [outcome])


def _killed(stack: Stack, server: str) -> float:
    """Kill the server; the seconds until it is there again and every service says that it is well."""
    former = stack.pid(server)
    assert former is not None
    began = time.monotonic()
    os.kill(former, signal.SIGKILL)
    while stack.pid(server) in (None, former) or not _all_ready(stack):
        assert time.monotonic() - began < WELL_SECONDS, f"{server} does not come back"
        time.sleep(0.1)
    until_well(stack, EVERYTHING)
    return time.monotonic() - began


def _all_ready(stack: Stack) -> bool:
    return all(process["health"]["healthy"] for process in stack.status()["processes"])


@contextmanager
def second(stack: Stack, service: str) -> Iterator[None]:
    """Another process of the service, as a second machine would run it, until the block ends."""
    more = {"RENTBOOK_INSTANCE": "2", "RENTBOOK_HTTP_PORT": str(free_ports(1)[0])}
    command = services.command(stack.layout, service, **more)
    with command.log.open("ab") as log:
        process = subprocess.Popen(command.argv, env=command.environment, cwd=command.directory, stdout=log, stderr=log)
    try:
        end = time.monotonic() + WELL_SECONDS
        while not _answers(int(more["RENTBOOK_HTTP_PORT"])):
            assert process.poll() is None, f"the second {service} ended"
            assert time.monotonic() < end, f"the second {service} does not start"
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _takings(stack: Stack, service: str) -> int:
    """How often a bucket of the service's outboxes was taken by anybody so far."""

    async def count() -> int:
        connection = await asyncpg.connect(places_of(stack.layout).dsns[service])
        try:
            return int(await connection.fetchval("SELECT coalesce(sum(epoch), 0) FROM relay_epoch"))
        finally:
            await connection.close()

    return asyncio.run(count())


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("service", ["ledger", "refunds", "approvals"])
def test_what_a_standing_process_led_goes_to_another_and_the_sleeper_harms_nothing(
    stack: Stack, accepted: Accepted, outcomes: list[Outcome], load: Load, service: str
) -> None:
    """Its consumer and both its relays stand still with what they hold; when it wakes, it may tell a fact again and must mark none."""
    outcome, before = Outcome(f"{service} stands still for {STANDSTILL_SECONDS:.0f} s, another takes over"), accepted.count
    outcomes.append(outcome)
    with second(stack, service), load.going_on():
        time.sleep(PAUSE_SECONDS)
        pid = stack.pid(service)
        assert pid is not None
        taken = _takings(stack, service)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(STANDSTILL_SECONDS)
            assert _takings(stack, service) > taken, "nobody took over what the sleeper led"
        finally:
            os.kill(pid, signal.SIGCONT)
        outcome.tried += 1
        outcome.recovered.append(until_well(stack, [service]))
    outcome.accepted = accepted.count - before
    books_are_right(stack.layout, accepted, [outcome])
