"""The process as its operators and its runner meet it."""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from chassis.inbox import Inbox
from chassis.records import Record
from chassis.serving import App, Subscription
from chassis.transaction import Transaction, run
from rentbook_contracts.operation import BrokenRule
from support.counter_processes import PROGRAM, environment, say, start
from support.counting import Counted, CountUp, Place, count_up, effects, note, scalar, until

LIMIT_SECONDS = 150.0
"""How long a process may take to start and do its work, or to end: beside other tests it has to wait for its turn."""

pytestmark = pytest.mark.timeout(900)


async def test_a_service_hears_stops_when_asked_and_comes_back_after_a_kill(place: Place) -> None:
    for ending, number in ((signal.SIGKILL, 1), (signal.SIGTERM, 2)):
        process = await start(place.settings)
        try:
            async with place.runtime(instance="writer") as runtime:
                await run(runtime, lambda tx: count_up(tx, CountUp(key="a")))

                async def heard(so_far: int = number) -> bool:
                    return await effects(runtime, "a") == list(range(1, so_far + 1))

                await until(heard, "the fact is relayed and heard by the process", seconds=LIMIT_SECONDS)
        finally:
            process.send_signal(ending)
            _, err = await asyncio.wait_for(process.communicate(), LIMIT_SECONDS)
    assert process.returncode == 0, err.decode()
    [stopping] = [json.loads(line) for line in err.decode().splitlines() if '"message": "stopping"' in line]
    assert stopping["reason"] == "asked by SIGTERM"


async def test_a_full_disk_under_log_and_traces_stops_no_work(place: Place) -> None:
    settings = place.with_settings(trace_file=Path("/dev/full"))
    full = os.open("/dev/full", os.O_WRONLY)
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), env=environment(settings), stdout=full, stderr=full)
    os.close(full)
    try:
        async with place.runtime(instance="writer") as runtime:
            await run(runtime, lambda tx: count_up(tx, CountUp(key="a")))

            async def heard() -> bool:
                assert process.returncode is None, "a full disk under its log ended it"
                return await effects(runtime, "a") == [1]

            await until(heard, "the fact is relayed and heard", seconds=LIMIT_SECONDS)
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), LIMIT_SECONDS)


async def test_an_event_whose_process_dies_in_the_middle_is_heard_again_and_has_one_effect(place: Place) -> None:
    async with place.runtime(instance="writer") as runtime:
        for _ in range(5):
            await run(runtime, lambda tx: count_up(tx, CountUp(key="a")))
        first = await start(place.settings, COUNTER_DIES="1")
        await asyncio.wait_for(first.communicate(), LIMIT_SECONDS)
        assert first.returncode == 9
        second = await start(place.settings, COUNTER_DIES="1")
        try:

            async def heard() -> bool:
                return len(await effects(runtime, "a")) >= 5

            await until(heard, "the next process hears the rest", seconds=LIMIT_SECONDS)
            assert await effects(runtime, "a") == [1, 2, 3, 4, 5]
        finally:
            second.send_signal(signal.SIGTERM)
            await asyncio.wait_for(second.communicate(), LIMIT_SECONDS)


async def test_operators_list_show_replay_and_discard(wired: Place) -> None:
    async with wired.runtime() as runtime:
        inbox = Inbox(runtime, App("counter", listens=(Subscription(Counted, note),)))
        await inbox.take(Record(Counted.topic, "a", 0, 1, {"ce_id": "x"}, b"{"))
        number = str(await scalar(runtime, "SELECT id FROM parked"))
        listed, shown, replayed, nobody, alone, discarded = await asyncio.gather(
            say(wired.settings, "parked", "list"),
            say(wired.settings, "parked", "show", number),
            say(wired.settings, "parked", "replay", number, "--by", "ada"),
            say(wired.settings, "parked", "replay", number, "--by", " "),
            say(wired.settings, "parked", "discard", number, "--by", "ada", "--second", "ada", "--reason", "spoilt"),
            say(wired.settings, "parked", "show", "999"),
        )
        assert re.match(rf"{number}  .*counter\.counts  a  no version .* waits: no CloudEvents", listed[1])
        assert '"body": "{"' in shown[1]
        assert (replayed[0], "0 taken, 1 still wait: no CloudEvents" in replayed[2]) == (1, True), "a script must notice that it waits"
        assert (nobody[0], "Who replays has to be named." in nobody[2]) == (1, True)
        assert (alone[0], "Two different people" in alone[2]) == (1, True)
        assert (discarded[0], "There is no parked event 999." in discarded[2]) == (1, True)
        last = await say(wired.settings, "parked", "discard", number, "--by", "ada", "--second", "ben", "--reason", "spoilt")
        assert last[0] == 0
        assert await scalar(runtime, "SELECT resolution FROM parked") == "discarded"
        resolved = await say(wired.settings, "parked", "list", "--all")
        assert "discarded by ada and ben (spoilt): no CloudEvents" in resolved[1]


async def test_a_replay_that_takes_all_ends_well(wired: Place) -> None:
    async def not_yet(_: Transaction, __: Counted) -> None:
        raise BrokenRule("Not before the rule is mended.")

    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_type": Counted.type,
        "ce_subject": "a",
        "ce_aggregateversion": "1",
    }
    async with wired.runtime() as runtime:
        inbox = Inbox(runtime, App("counter", listens=(Subscription(Counted, not_yet),)))
        await inbox.take(Record(Counted.topic, "a", 0, 1, headers, b'{"counted": "a", "number": 1}'))
        number = str(await scalar(runtime, "SELECT id FROM parked"))
        status, said, _ = await say(wired.settings, "parked", "replay", number, "--by", "ada")
        assert (status, said) == (0, "1 taken. Nothing of the key waits any more.\n")
        assert await effects(runtime, "a") == [1]


async def test_what_is_missing_is_said_in_one_sentence(place: Place) -> None:
    gone = place.with_settings(kafka_bootstrap="127.0.0.1:1", start_limit_seconds=3.0)
    status, _, err = await say(gone)
    assert status == 1
    assert "Kafka at 127.0.0.1:1 was not ready within" in err.splitlines()[-1]
    wrong = place.with_settings(database_url="postgresql://user:canary@somewhere/x")
    status, _, err = await say(wrong)
    assert (status, err) == (2, "__main__: RENTBOOK_DATABASE_URL: Value error, must begin with postgresql+asyncpg://\n")


async def test_an_error_that_nobody_foresaw_is_named_and_not_told(wired: Place) -> None:
    """What a database says of an error may quote a row."""
    async with wired.runtime(database_url=wired.database.owner_url) as owner, owner.engine.begin() as connection:
        await connection.execute(sa.text("ALTER TABLE parked RENAME COLUMN reason TO canary"))
    status, _, complaint = await say(wired.settings, "parked", "list")
    logged, said = complaint.splitlines()
    assert (status, said.partition(": ")[2]) == (1, "ProgrammingError. The log says where.")
    assert json.loads(logged)["error"] == "ProgrammingError"
    assert "SELECT" not in complaint
