"""A real process ends before and after each commit by which an event is parked, drained or discarded, and is started again.

Its key then drains in order, each of its events has one effect, and no other key was held up. An operator's command is a process too, and
is given again.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from chassis.inbox import Heard, Inbox
from chassis.outbox import replay
from chassis.records import Record
from chassis.relay import EventRelay
from chassis.serving import App, Subscription
from chassis.transaction import Runtime, Transaction, run
from rentbook_contracts.operation import BrokenRule
from support.counter_processes import say, start
from support.counting import COUNTS, Counted, CountUp, Place, count_up, effects, note, running, scalar, until

from chassis import failpoint
from faults.table import Outcome, trying

pytestmark = pytest.mark.timeout(900)
SECONDS = 150.0
HELD, FREE, POISON = "account-1", "account-2", 2
SPOILT_FOR = {"rule": {"COUNTER_REFUSES": f"{HELD}/{POISON}"}, "fault": {"COUNTER_FAILS_ON": f"{HELD}/{POISON}"}}
"""What is told to a process for which the poison can't be taken: by a rule that refuses it, or because the use case fails on it."""


class Uncounted:
    """Nobody acknowledges anything here."""

    count = 0


@dataclass
class Office:
    """The service's processes and its operators', each of which ends where it is told to."""

    place: Place
    runtime: Runtime
    folder: Path

    @asynccontextmanager
    async def hearing(self, **told: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process of the service, asked to stop at the end of the block."""
        process = await start(self.place.with_settings(instance="hearer"), RENTBOOK_FAILPOINTS=str(self.folder), **told)
        said = asyncio.ensure_future(process.communicate())
        try:
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            _, complained = await asyncio.wait_for(said, SECONDS)
            # Shown by pytest where the test fails.
            print(complained.decode()[-4000:])

    def arm(self, at: str) -> None:
        (self.folder / f"{at}.hit").unlink(missing_ok=True)
        (self.folder / f".{at}").write_text("exit", encoding="ascii")
        (self.folder / f".{at}").rename(self.folder / at)

    async def ends(self, process: asyncio.subprocess.Process, at: str) -> None:
        """Until it has ended at this place."""
        assert await asyncio.wait_for(process.wait(), SECONDS) == failpoint.EXIT_STATUS
        assert (self.folder / f"{at}.hit").exists()

    async def commands(self, *words: str, at: str | None = None, **told: str) -> tuple[int | None, str]:
        """An operator's command; its exit status and all that it said. `at`: where it is to end."""
        if at is not None:
            self.arm(at)
        status, said, complained = await say(self.place.settings, "parked", *words, RENTBOOK_FAILPOINTS=str(self.folder), **told)
        if at is not None:
            assert (status, (self.folder / f"{at}.hit").exists()) == (failpoint.EXIT_STATUS, True), complained
        return status, said + complained

    async def first(self) -> str:
        """The number of the first event that waits."""
        return str(await scalar(self.runtime, "SELECT id FROM parked WHERE resolved_at IS NULL ORDER BY aggregate_version LIMIT 1"))

    async def waiting(self) -> list[int]:
        """The versions of the events that wait."""
        wanted = sa.text("SELECT aggregate_version FROM parked WHERE resolved_at IS NULL ORDER BY aggregate_version, id")
        async with self.runtime.engine.connect() as connection:
            return [int(version) for version in await connection.scalars(wanted)]

    async def noted(self) -> tuple[list[int], list[int]]:
        """The effects of the key that is held, and those of the other."""
        return await effects(self.runtime, HELD), await effects(self.runtime, FREE)

    async def write(self, times: int) -> None:
        for _ in range(times):
            for key in (HELD, FREE):
                await run(self.runtime, lambda tx, key=key: count_up(tx, CountUp(key=key)))  # type: ignore[misc]

    async def until_it_is(self, held: list[int], free: list[int], waiting: list[int]) -> None:
        async def so_it_is() -> bool:
            return (await self.noted(), await self.waiting()) == ((held, free), waiting)

        await until(so_it_is, f"{HELD} has {held}, {FREE} has {free}, and {waiting} wait", SECONDS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "places").mkdir()
    return tmp_path / "places"


@asynccontextmanager
async def office(place: Place, folder: Path, *, relaying: bool) -> AsyncIterator[Office]:
    async with place.runtime(instance="writer", poll_seconds=0.05) as writer:
        if not relaying:
            yield Office(place, writer, folder)
            return
        async with running(EventRelay(writer).run()):
            yield Office(place, writer, folder)


# --- the service's own process --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", SPOILT_FOR)
@pytest.mark.parametrize("at", ["parking.before-commit", "parking.after-commit"])
async def test_a_hearer_that_ends_where_it_parks_holds_one_key_back_until_it_is_replayed(
    place: Place, folder: Path, outcomes: list[Outcome], at: str, why: str
) -> None:
    """It ends at the poison itself, and again at the event that comes behind it."""
    row, kept = Outcome(f"a hearer ends at {at} ({why})", 2), at == "parking.after-commit"
    with trying(outcomes, Uncounted(), row):
        async with office(place, folder, relaying=True) as here:
            await here.write(2)
            here.arm(at)
            async with here.hearing(**SPOILT_FOR[why]) as process:
                await here.ends(process, at)
            assert (await effects(here.runtime, HELD), await here.waiting()) == ([1], [2] if kept else [])
            async with here.hearing(**SPOILT_FOR[why]) as process:
                await here.until_it_is([1], [1, 2], [2])
                here.arm(at)
                await here.write(1)
                await here.ends(process, at)
                ended = time.monotonic()
            assert (await effects(here.runtime, HELD), await here.waiting()) == ([1], [2, 3] if kept else [2])
            async with here.hearing(**SPOILT_FOR[why]):
                await here.write(1)
                await here.until_it_is([1], [1, 2, 3, 4], [2, 3, 4])
                row.recovered.append(time.monotonic() - ended)
                assert await here.commands("replay", await here.first(), "--by", "ada") == (0, ALL_TAKEN.format(3))
                await here.write(1)
                await here.until_it_is([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [])
            assert await resolved(here.runtime) == [(2, "replayed", "ada"), (3, "replayed", "ada"), (4, "replayed", "ada")]


ALL_TAKEN = "{} taken. Nothing of the key waits any more.\n"


async def test_a_hearer_that_ends_where_it_drains_goes_on_with_the_next_of_the_key(
    place: Place, folder: Path, outcomes: list[Outcome]
) -> None:
    """Mended meanwhile, the key goes on by itself once an event of it is told again: at each of the three it ends before and after."""
    before, after = (Outcome(f"a hearer ends at drain.{when}-commit", 3) for when in ("before", "after"))
    with trying(outcomes, Uncounted(), before, after):
        async with office(place, folder, relaying=True) as here:
            await here.write(4)
            async with here.hearing(**SPOILT_FOR["rule"]):
                await here.until_it_is([1], [1, 2, 3, 4], [2, 3, 4])
            await replay(here.runtime, COUNTS.name, by="ada")
            for heard, left in (([1], [2, 3, 4]), ([1, 2], [3, 4]), ([1, 2, 3], [4])):
                for row, at, found in ((before, "drain.before-commit", heard), (after, "drain.after-commit", [*heard, left[0]])):
                    here.arm(at)
                    async with here.hearing() as process:
                        await here.ends(process, at)
                    assert (await effects(here.runtime, HELD), await here.waiting()) == (found, left if row is before else left[1:])
            async with here.hearing():
                await here.write(1)
                await here.until_it_is([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [])
            assert await resolved(here.runtime) == [(2, "replayed", "system"), (3, "replayed", "system"), (4, "replayed", "system")]


# --- an operator's command ------------------------------------------------------------------------------------------------------------


async def not_yet(tx: Transaction, fact: Counted) -> None:
    if (fact.counted, fact.number) == (HELD, POISON):
        raise BrokenRule("Not before it is mended.")
    await note(tx, fact)


@asynccontextmanager
async def held_back(place: Place, folder: Path) -> AsyncIterator[Office]:
    """A key whose second event can't be taken, with two that wait behind it."""
    async with office(place, folder, relaying=False) as here:
        inbox = Inbox(here.runtime, App("counter", listens=(Subscription(Counted, not_yet),)))
        assert [await inbox.take(told(version)) for version in (1, 2, 3, 4)] == [Heard.DONE, *[Heard.PARKED] * 3]
        yield here


def told(version: int) -> Record:
    headers = {
        "ce_specversion": "1.0", "ce_id": f"{HELD}/{version}", "ce_type": Counted.type, "ce_subject": HELD,
        "ce_aggregateversion": str(version),
    }  # fmt: skip
    return Record(Counted.topic, HELD, 0, version, headers, Counted(counted=HELD, number=version).model_dump_json().encode())


async def resolved(runtime: Runtime) -> list[tuple[int, str | None, str | None]]:
    """Of each event that was parked its version, what became of it, and by whom."""
    wanted = sa.text("SELECT aggregate_version, resolution, resolved_by FROM parked ORDER BY aggregate_version, id")
    async with runtime.engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(wanted)]


async def test_a_replay_that_ends_at_each_event_is_given_again_and_takes_them_in_order(
    wired: Place, folder: Path, outcomes: list[Outcome]
) -> None:
    before, after = (Outcome(f"a replay ends at drain.{when}-commit", 3) for when in ("before", "after"))
    with trying(outcomes, Uncounted(), before, after):
        async with held_back(wired, folder) as here:
            for heard, left in (([1], [2, 3, 4]), ([1, 2], [3, 4]), ([1, 2, 3], [4])):
                for at, found in (("drain.before-commit", heard), ("drain.after-commit", [*heard, left[0]])):
                    await here.commands("replay", await here.first(), "--by", "ada", at=at)
                    assert (await effects(here.runtime, HELD), await here.waiting()) == (found, left if found == heard else left[1:])
            assert await resolved(here.runtime) == [(2, "replayed", "ada"), (3, "replayed", "ada"), (4, "replayed", "ada")]
            assert await scalar(here.runtime, "SELECT count(*) FROM inbox") == 4


@pytest.mark.parametrize("at", ["drain.before-reason-commit", "drain.after-reason-commit"])
async def test_a_replay_that_ends_where_it_says_why_not_is_given_again(
    wired: Place, folder: Path, outcomes: list[Outcome], at: str
) -> None:
    """It meets another reason than the one for which the event was parked."""
    row = Outcome(f"a replay ends at {at}", 1)
    with trying(outcomes, Uncounted(), row):
        async with held_back(wired, folder) as here:
            words = ("replay", await here.first(), "--by", "ada")
            await here.commands(*words, at=at, **SPOILT_FOR["fault"])
            said = await scalar(here.runtime, "SELECT reason FROM parked ORDER BY id LIMIT 1")
            assert ("RuntimeError" in said) == (at == "drain.after-reason-commit"), said
            assert (await effects(here.runtime, HELD), await here.waiting()) == ([1], [2, 3, 4])
            status, why = await here.commands(*words, **SPOILT_FOR["fault"])
            assert (status, "0 taken, 3 still wait: the use case failed: RuntimeError" in why) == (1, True), why
            assert await here.commands(*words) == (0, ALL_TAKEN.format(3))
            assert (await effects(here.runtime, HELD), await here.waiting()) == ([1, 2, 3, 4], [])


@pytest.mark.parametrize("at", ["discard.before-commit", "discard.after-commit"])
async def test_a_discarding_that_ends_is_given_again_and_the_key_goes_on_without_the_event(
    wired: Place, folder: Path, outcomes: list[Outcome], at: str
) -> None:
    row, done = Outcome(f"a discarding ends at {at}", 1), at == "discard.after-commit"
    with trying(outcomes, Uncounted(), row):
        async with held_back(wired, folder) as here:
            words = ("discard", await here.first(), "--by", "ada", "--second", "ben", "--reason", "spoilt")
            await here.commands(*words, at=at)
            assert await here.waiting() == ([3, 4] if done else [2, 3, 4])
            status, said = await here.commands(*words)
            assert (status, "was discarded already" in said) == ((1, True) if done else (0, False)), said
            assert await here.commands("replay", await here.first(), "--by", "ada") == (0, ALL_TAKEN.format(2))
            assert await effects(here.runtime, HELD) == [1, 3, 4]
            assert await resolved(here.runtime) == [(2, "discarded", "ada"), (3, "replayed", "ada"), (4, "replayed", "ada")]
