"""Facts reach Kafka in order per key, all of them, whoever dies on the way."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from chassis.leadership import Led, LostLeadership
from chassis.relay import EventRelay, confirmed_prefix
from chassis.tables import outbox_event
from chassis.transaction import Runtime, Transaction, run, transaction
from rentbook_contracts.operation import Signal
from support.counting import COUNTS, Counted, CountUp, Place, count_up, running, scalar, until, versions_on_the_topic
from support.servers import Kafka

from chassis import outbox


async def all_published(runtime: Runtime) -> bool:
    return bool(await scalar(runtime, "SELECT count(*) = 0 FROM outbox_event WHERE published_at IS NULL"))


def first_hearings(versions: list[int]) -> list[int]:
    """The versions without repetitions of what was heard before."""
    return list(dict.fromkeys(versions))


async def write(runtime: Runtime, key: str, times: int) -> None:
    for _ in range(times):
        await run(runtime, lambda tx: count_up(tx, CountUp(key=key)))


async def relay_process(place: Place) -> asyncio.subprocess.Process:
    program = Path(__file__).with_name("relay_process.py")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return await asyncio.create_subprocess_exec(sys.executable, str(program), place.settings.model_dump_json(), env=environment)


async def test_two_relays_publish_each_key_in_order_while_sixteen_write(wired: Place) -> None:
    keys = [f"account-{number}" for number in range(8)]
    async with wired.runtime(instance="one") as one, wired.runtime(instance="two") as two:
        async with running(EventRelay(one).run()), running(EventRelay(two).run()):
            writers = [write(runtime, key, 12) for key in keys for runtime in (one, two)]
            await asyncio.gather(*writers)
            await until(lambda: all_published(one), "all facts are published")
        heard = await versions_on_the_topic(wired)
    assert heard == {key: list(range(1, 25)) for key in keys}


async def test_a_row_numbered_early_and_committed_late_is_published(wired: Place) -> None:
    async with wired.runtime() as runtime, running(EventRelay(runtime).run()):
        async with transaction(runtime) as slow:
            await count_up(slow, CountUp(key="slow"))
            await write(runtime, "quick", 3)

            async def quick_is_out() -> bool:
                return bool(await scalar(runtime, "SELECT count(*) = 3 FROM outbox_event WHERE published_at IS NOT NULL"))

            await until(quick_is_out, "the later numbers are published first")
        await until(lambda: all_published(runtime), "the early number follows")
        assert (await versions_on_the_topic(wired))["slow"] == [1]


async def taken_anew(runtime: Runtime) -> bool:
    return int(await scalar(runtime, "SELECT min(epoch) FROM relay_epoch")) >= 2


async def test_another_relay_takes_over_when_the_leaders_session_is_ended(wired: Place) -> None:
    async with wired.runtime(instance="one") as one, wired.runtime(instance="two") as two:
        async with running(EventRelay(one).run()):
            await write(one, "a", 5)
            await until(lambda: all_published(one), "the first leader publishes")
            async with running(EventRelay(two).run()):
                ended = (
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = 'counter relay outbox_event' AND datname = current_database() AND pid IN "
                    "(SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
                )
                assert await scalar(one, ended) >= 1
                await write(two, "a", 5)
                await until(lambda: all_published(two), "the facts go on")
                # A bucket without facts is taken when its turn comes, which may be after the facts went on.
                await until(lambda: taken_anew(two), "every bucket is taken anew")
        assert first_hearings((await versions_on_the_topic(wired))["a"]) == list(range(1, 11))


async def test_a_relay_that_slept_through_its_end_marks_nothing(wired: Place) -> None:
    async with wired.runtime() as runtime:
        relay = EventRelay(runtime)
        await write(runtime, "a", 1)
        async with running(relay.run()):
            await until(lambda: all_published(runtime), "published")
        await write(runtime, "a", 1)
        bucket = await scalar(runtime, "SELECT bucket FROM outbox_event LIMIT 1")
        stale = Led("outbox_event", {bucket: 0})
        seq = await scalar(runtime, "SELECT max(seq) FROM outbox_event")
        with pytest.raises(LostLeadership):
            await relay._mark(stale, await as_read(runtime, seq))
        assert not await all_published(runtime)


async def as_read(runtime: Runtime, seq: int) -> Sequence[sa.RowMapping]:
    async with runtime.engine.connect() as connection:
        return (await connection.execute(sa.select(outbox_event).where(outbox_event.c.seq == seq))).mappings().all()


async def test_what_was_sent_before_its_topic_was_lost_is_not_taken_for_sent_again(wired: Place) -> None:
    async with wired.runtime() as runtime:
        relay = EventRelay(runtime)
        await write(runtime, "a", 1)
        async with running(relay.run()):
            await until(lambda: all_published(runtime), "published")
        await outbox.replay(runtime, COUNTS.name, by="ops")
        bucket = await scalar(runtime, "SELECT bucket FROM outbox_event")
        epoch = await scalar(runtime, f"SELECT epoch FROM relay_epoch WHERE bucket = {bucket}")
        seq = await scalar(runtime, "SELECT seq FROM outbox_event")
        led, sent = Led("outbox_event", {bucket: epoch}), await as_read(runtime, seq)
        await outbox.replay(runtime, COUNTS.name, by="ops")
        await relay._mark(led, sent)
        assert not await all_published(runtime)
        await relay._mark(led, await as_read(runtime, seq))
        assert await all_published(runtime)


async def test_a_killed_process_loses_no_fact(wired: Place) -> None:
    process = await relay_process(wired)
    async with wired.runtime(instance="two") as runtime:
        await write(runtime, "a", 1)
        await until(lambda: all_published(runtime), "the process leads")
        writing = asyncio.ensure_future(write(runtime, "a", 60))

        async def some_are_out() -> bool:
            return int(await scalar(runtime, "SELECT count(*) FROM outbox_event WHERE published_at IS NOT NULL")) > 15

        await until(some_are_out, "it is in the middle of its work")
        process.send_signal(signal.SIGKILL)
        await process.wait()
        async with running(EventRelay(runtime).run()):
            await writing
            await until(lambda: all_published(runtime), "another relays the rest")
        assert first_hearings((await versions_on_the_topic(wired))["a"]) == list(range(1, 62))


async def relaying(runtime: Runtime) -> set[int]:
    """The sessions that hold the place of a relay, or ask for it."""
    sessions = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'counter relay outbox_event'"
    return set(await scalar(runtime, f"{sessions} AND datname = current_database()") or ())


async def test_a_stopped_relay_loses_its_place_and_when_it_wakes_neither_marks_nor_skips(wired: Place) -> None:
    process = await relay_process(wired)
    try:
        async with wired.runtime(instance="two") as runtime:
            await write(runtime, "a", 1)
            await until(lambda: all_published(runtime), "the process leads")
            process.send_signal(signal.SIGSTOP)
            async with running(EventRelay(runtime).run()):
                await write(runtime, "a", 20)
                await until(lambda: all_published(runtime), "the sleeper's place is taken")
                before = await relaying(runtime)

                async def sleeper_is_awake() -> bool:
                    return process.returncode is not None or bool(await relaying(runtime) - before)

                process.send_signal(signal.SIGCONT)
                await write(runtime, "a", 20)
                await until(sleeper_is_awake, "the sleeper has met the end of its session, and begun another or ended")
                await until(lambda: all_published(runtime), "the facts go on")
            assert first_hearings((await versions_on_the_topic(wired))["a"]) == list(range(1, 42))
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_a_transaction_that_fails_tells_nothing(wired: Place) -> None:
    async with wired.runtime() as runtime:

        async def tell_twice(tx: Transaction) -> None:
            await count_up(tx, CountUp(key="a"))
            await tx.publish(Counted(counted="a", number=1), version=1)

        with pytest.raises(sa.exc.IntegrityError, match="a_version_of_an_aggregate_is_told_once"):
            await run(runtime, tell_twice)
        assert await scalar(runtime, "SELECT count(*) FROM outbox_event") == 0


def test_of_each_key_no_row_beyond_its_first_failure_is_confirmed() -> None:
    loop = asyncio.new_event_loop()
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(4)]
    for index in (0, 2, 3):
        done[index].set_result(None)
    done[1].set_exception(TimeoutError())
    assert confirmed_prefix([("a", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)], done) == [1, 3]
    loop.close()


async def test_while_the_broker_does_not_answer_facts_wait_and_then_leave_in_order(
    wired: Place, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.SEND_LIMIT_SECONDS", 0.5)
    monkeypatch.setattr("chassis.relay.STOP_LIMIT_SECONDS", 0.2)
    async with wired.runtime() as runtime:
        relay = EventRelay(runtime)
        async with running(relay.run()):
            await write(runtime, "a", 3)
            await until(lambda: all_published(runtime), "the broker is there")
            kafka.process.send_signal(signal.SIGSTOP)
            try:
                await write(runtime, "a", 20)

                async def alarm() -> bool:
                    await relay._age._look()
                    return relay.oldest_seconds > 3

                await until(alarm, "the age of the oldest row tells of it")
            finally:
                kafka.process.send_signal(signal.SIGCONT)
            await until(lambda: all_published(runtime), "the facts leave", seconds=40)
        assert first_hearings((await versions_on_the_topic(wired))["a"]) == list(range(1, 24))


class Lost(Counted):
    """Of a topic that is not there."""

    type = "counter.lost.v1"
    topic = "counter.lost"


async def test_a_topic_that_is_lost_holds_up_no_other_and_follows_in_order_once_it_is_there(
    wired: Place, kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.relay.BATCH_ROWS", 5)
    lost = replace(COUNTS, name=Lost.topic)
    async with wired.runtime() as runtime:

        async def tell_lost(tx: Transaction) -> None:
            await tx.publish_all([(Lost(counted="lost", number=number), number) for number in range(1, 21)])

        async def the_others_are_out() -> bool:
            return bool(await scalar(runtime, "SELECT count(*) = 20 FROM outbox_event WHERE published_at IS NOT NULL"))

        await run(runtime, tell_lost)
        async with running(EventRelay(runtime).run()):
            await write(runtime, "a", 20)
            await until(the_others_are_out, "the facts of the other topic leave")
            assert await scalar(runtime, "SELECT count(*) FROM outbox_event WHERE published_at IS NULL AND key = 'lost'") == 20
            await kafka.new_topics([COUNTS, lost], prefix=wired.settings.topic_prefix)
            await until(lambda: all_published(runtime), "the lost topic's facts follow")
        assert first_hearings((await versions_on_the_topic(wired, lost.name))["lost"]) == list(range(1, 21))


LOOK_AGAIN: Signal[CountUp] = Signal("look_again", CountUp)


async def test_a_word_to_look_again_that_waits_leaves_after_the_change_that_relied_on_it(place: Place) -> None:
    """Or the story would look before the change is there, and not again."""
    settle_the_first = sa.text(
        "UPDATE outbox_workflow SET done_at = now(), outcome = 'accepted' WHERE seq = (SELECT min(seq) FROM outbox_workflow)"
    )
    async with place.runtime() as runtime:

        async def settled() -> None:
            async with runtime.engine.begin() as relay:
                await relay.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
                await relay.execute(settle_the_first)

        async def change(tx: Transaction) -> None:
            await tx.nudge("story/1", LOOK_AGAIN, CountUp(key="a"))
            with pytest.raises(sa.exc.DBAPIError, match="lock timeout"):
                await settled()

        for _ in range(2):
            await run(runtime, lambda tx: tx.nudge("story/1", LOOK_AGAIN, CountUp(key="a")))
        await run(runtime, change)
        assert await scalar(runtime, "SELECT count(*) FROM outbox_workflow") == 2
        await settled()
