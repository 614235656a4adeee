"""A process stands still (SIGSTOP) with work in hand until another has taken over, and wakes.

It may tell a fact again; it marks nothing that became another's, hears nothing twice, and skips nothing.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, TopicPartition
from chassis.process import serving
from chassis.relay import kafka_access
from chassis.serving import App, Subscription
from chassis.settings import Settings
from chassis.transaction import Runtime, run
from rentbook_local.ports import free_ports
from support.counter_processes import start
from support.counting import COUNTS, Counted, CountUp, Place, count_up, effects, note, scalar, until, versions_on_the_topic

from faults.table import Outcome, Tally, trying

SLEEPER, HEIR = "sleeper", "heir"
KEYS = ["account-1", "account-2", "account-3", "account-4"]
TAKEN_OVER_SECONDS = 90.0
AUDIT = """
CREATE TABLE mark (seq bigint NOT NULL, by_whom text NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE FUNCTION note_mark() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO mark (seq, by_whom) VALUES (NEW.seq, current_setting('application_name'));
  RETURN NULL;
END $$;
CREATE TRIGGER marks_are_noted AFTER UPDATE OF published_at ON outbox_event FOR EACH ROW EXECUTE FUNCTION note_mark();
GRANT SELECT ON mark TO PUBLIC
"""
"""Who marked which row of the outbox, by the name under which each process speaks to PostgreSQL."""


@dataclass
class Asleep:
    """The process that stands still, and the folder that says where."""

    process: asyncio.subprocess.Process
    settings: Settings
    folder: Path

    def arm(self, at: str) -> None:
        (self.folder / f".{at}").write_text("stand")
        (self.folder / f".{at}").rename(self.folder / at)

    async def until_it_stands(self, at: str) -> None:
        async def hit() -> bool:
            return (self.folder / f"{at}.hit").exists() and _state(self.process.pid) == "T"

        await until(hit, f"it stands still at {at}", TAKEN_OVER_SECONDS)

    async def wake(self) -> None:
        """Tell it to go on, and wait until it says that it is well."""
        self.process.send_signal(signal.SIGCONT)
        await until(self.is_well, "the sleeper is well again", TAKEN_OVER_SECONDS)

    async def is_well(self) -> bool:
        assert self.process.returncode is None, "the sleeper ended"
        try:
            async with httpx.AsyncClient() as http:
                return (await http.get(f"http://127.0.0.1:{self.settings.http_port}/health", timeout=10)).status_code == 200
        except httpx.TransportError:
            return False


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@asynccontextmanager
async def sleeper(place: Place, folder: Path) -> AsyncIterator[Asleep]:
    os.mkdir(folder)
    settings = place.with_settings(instance=SLEEPER, http_port=free_ports(1)[0])
    process = await start(settings, RENTBOOK_FAILPOINTS=str(folder), COUNTER_TRANSACTION_SECONDS="15")
    drained = asyncio.ensure_future(process.communicate())
    try:
        asleep = Asleep(process, settings, folder)
        await until(asleep.is_well, "it runs", TAKEN_OVER_SECONDS)
        yield asleep
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        _, complained = await drained
        # Shown by pytest where the test fails.
        print(complained.decode()[-6000:])


Commands = list[tuple[str, int]]
"""Which number of which key each command was told to have made."""


async def write(runtime: Runtime, times: int, acknowledged: Commands, tally: Tally | None = None) -> None:
    """Send so many commands for each key. What is acknowledged while something stands still counts in `tally`."""
    for _ in range(times):
        for key in KEYS:
            told = await run(runtime, partial(count_up, ask=CountUp(key=key)))
            acknowledged.append((key, told.number))
            if tally is not None:
                tally.count += 1


@asynccontextmanager
async def compared(row: Outcome, runtime: Runtime) -> AsyncIterator[Commands]:
    """The list of what is acknowledged; in the end its commands are looked for in what was heard, also where the block fails."""
    acknowledged: Commands = []
    try:
        yield acknowledged
    finally:
        row.took_effect(acknowledged, [(key, number) for key in KEYS for number in await effects(runtime, key)])


async def until_heard(runtime: Runtime, up_to: int) -> None:
    """Until each key's facts are published and heard up to this number."""

    async def all_are() -> bool:
        heard = await scalar(runtime, "SELECT count(*) FROM effect")
        waits = await scalar(runtime, "SELECT count(*) FROM outbox_event WHERE published_at IS NULL")
        return (int(heard), int(waits)) >= (up_to * len(KEYS), 0) and int(waits) == 0

    await until(all_are, f"all is heard up to {up_to}", TAKEN_OVER_SECONDS)


async def audit(place: Place) -> None:
    connection = await asyncpg.connect(place.database.owner_dsn)
    await connection.execute(AUDIT)
    await connection.close()


async def marks(runtime: Runtime) -> list[tuple[int, str]]:
    async with runtime.engine.connect() as connection:
        rows = await connection.execute(sa.text("SELECT seq, by_whom FROM mark ORDER BY at, seq"))
        return [(int(row.seq), str(row.by_whom)) for row in rows]


def heir() -> App:
    return App("counter", listens=(Subscription(Counted, note),))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("at", ["relay.before-publish", "relay.after-publish", "relay.before-mark-commit"])
async def test_a_relay_that_wakes_marks_nothing_and_skips_nothing(
    place: Place, tmp_path: Path, outcomes: list[Outcome], tally: Tally, at: str
) -> None:
    await audit(place)
    row = Outcome(f"a relay stands still at {at}", 1)
    with trying(outcomes, tally, row):
        async with (
            place.runtime(instance="writer") as writer,
            compared(row, writer) as acknowledged,
            sleeper(place, tmp_path / "places") as asleep,
        ):
            await write(writer, 2, acknowledged)
            await until_heard(writer, 2)
            asleep.arm(at)
            await write(writer, 3, acknowledged, tally)
            await asleep.until_it_stands(at)
            began = asyncio.get_running_loop().time()
            in_hand = await unpublished(writer)
            assert in_hand, "it has nothing in hand"
            async with serving(heir(), place.with_settings(instance=HEIR)):
                await write(writer, 2, acknowledged, tally)
                await until_heard(writer, 7)
                row.recovered.append(asyncio.get_running_loop().time() - began)
                await asleep.wake()
                await write(writer, 2, acknowledged, tally)
                await until_heard(writer, 9)
                marked = await marks(writer)
        first = next(index for index, (_, by_whom) in enumerate(marked) if by_whom == f"counter {HEIR}")
        assert {by_whom for _, by_whom in marked[first:]} == {f"counter {HEIR}"}, "the sleeper marked what was another's"
        seqs = [seq for seq, _ in marked]
        assert sorted(seqs) == sorted(set(seqs)), "a row was marked twice"
        await it_is_all_there_in_order(place, up_to=9, twice_at_most=in_hand)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("at", ["inbox.before-commit", "inbox.after-commit", "events.before-offset-commit"])
async def test_a_hearer_that_wakes_hears_nothing_twice_and_skips_nothing(
    place: Place, tmp_path: Path, outcomes: list[Outcome], tally: Tally, at: str
) -> None:
    row = Outcome(f"a consumer stands still at {at}", 1)
    with trying(outcomes, tally, row):
        async with (
            place.runtime(instance="writer") as writer,
            compared(row, writer) as acknowledged,
            sleeper(place, tmp_path / "places") as asleep,
        ):
            await write(writer, 2, acknowledged)
            await until_heard(writer, 2)
            asleep.arm(at)
            await write(writer, 3, acknowledged, tally)
            await asleep.until_it_stands(at)
            began = asyncio.get_running_loop().time()
            async with serving(heir(), place.with_settings(instance=HEIR)):
                await write(writer, 2, acknowledged, tally)
                await until_heard(writer, 7)
                row.recovered.append(asyncio.get_running_loop().time() - began)
                await asleep.wake()
                await write(writer, 2, acknowledged, tally)
                await until_heard(writer, 9)
            expected = list(range(1, 10))
            assert {key: await effects(writer, key) for key in KEYS} == dict.fromkeys(KEYS, expected)
            assert await scalar(writer, "SELECT count(*) FROM inbox") == len(expected) * len(KEYS)
            assert await scalar(writer, "SELECT count(*) FROM parked") == 0
            await until(lambda: the_offsets_are_at_the_end(place), "the offsets are committed up to the end", TAKEN_OVER_SECONDS)


async def unpublished(runtime: Runtime) -> set[tuple[str, int]]:
    async with runtime.engine.connect() as connection:
        rows = await connection.execute(sa.text("SELECT key, aggregate_version FROM outbox_event WHERE published_at IS NULL"))
        return {(str(row.key), int(row.aggregate_version)) for row in rows}


async def it_is_all_there_in_order(place: Place, *, up_to: int, twice_at_most: set[tuple[str, int]]) -> None:
    """Each version in its order when it first comes; told again was only what the sleeper had in hand."""
    expected = list(range(1, up_to + 1))
    found = await versions_on_the_topic(place)
    assert {key: list(dict.fromkeys(versions)) for key, versions in found.items()} == dict.fromkeys(KEYS, expected)
    again = {(key, version) for key, versions in found.items() for version in versions if versions.count(version) > 1}
    assert again <= twice_at_most, "what was told again was not in the sleeper's hand"


async def the_offsets_are_at_the_end(place: Place) -> bool:
    topic = place.settings.topic_prefix + COUNTS.name
    group = f"{place.settings.topic_prefix}counter.{COUNTS.name}"
    consumer = AIOKafkaConsumer(group_id=group, enable_auto_commit=False, **kafka_access(place.settings))
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(COUNTS.partitions)]
        ends = await consumer.end_offsets(partitions)
        return all([(await consumer.committed(partition) or 0) == ends[partition] for partition in partitions])
    finally:
        await consumer.stop()
