"""A topic that was lost is told again from the outbox: hearers meet duplicates only, and the versions of each key have no gap."""

import asyncio
from functools import partial

import pytest
from chassis.process import serving
from chassis.relay import EventRelay
from chassis.serving import App, Subscription
from chassis.transaction import Runtime, run
from rentbook_local.kafka import admin
from support.counter_processes import say
from support.counting import COUNTS, Counted, CountUp, Place, count_up, effects, note, running, scalar, until, versions_on_the_topic
from support.servers import Kafka

APP = App("counter", listens=(Subscription(Counted, note),))
KEYS = [f"account-{number}" for number in range(6)]
WAIT_SECONDS = 60.0


async def write(runtime: Runtime, times: int) -> None:
    for _ in range(times):
        for key in KEYS:
            await run(runtime, partial(count_up, ask=CountUp(key=key)))


async def until_published(runtime: Runtime) -> None:
    async def all_are() -> bool:
        return bool(await scalar(runtime, "SELECT count(*) = 0 FROM outbox_event WHERE published_at IS NULL"))

    await until(all_are, "all facts are published", WAIT_SECONDS)


async def until_heard(runtime: Runtime, up_to: int) -> None:
    async def all_are() -> bool:
        return int(await scalar(runtime, "SELECT count(*) FROM effect")) >= up_to * len(KEYS)

    await until(all_are, "all facts are heard", WAIT_SECONDS)


async def lose(kafka: Kafka, place: Place) -> None:
    """Delete the topic at the broker, and make it again as `./rentbook run` makes what is missing."""
    client, name = admin(kafka.server), place.settings.topic_prefix + COUNTS.name
    client.delete_topics([name])[name].result(15)

    async def gone() -> bool:
        return name not in (await asyncio.to_thread(client.list_topics, timeout=15)).topics

    await until(gone, "the topic is gone", WAIT_SECONDS)
    await kafka.new_topics([COUNTS], prefix=place.settings.topic_prefix)


async def test_what_nobody_had_heard_is_heard_and_the_rest_are_duplicates(place: Place, kafka: Kafka) -> None:
    async with serving(APP, place.settings) as service:
        await write(service.runtime, 4)
        await until_heard(service.runtime, 4)
    async with place.runtime() as runtime:
        async with running(EventRelay(runtime).run()):
            await write(runtime, 3)
            await until_published(runtime)
        await lose(kafka, place)
        status, said, _ = await say(place.settings, "outbox", "replay", COUNTS.name, "--by", " Ottilie Ops ")
        assert (status, said.splitlines()[0][:40]) == (0, f"{7 * len(KEYS)} facts of counter.counts are published ag"[:40])
        listed = (await say(place.settings, "outbox", "list"))[1].splitlines()
        assert listed[0].startswith(f"{COUNTS.name}  42 told, 42 wait to be published, last replayed")
        assert [line.partition("Z")[2] for line in listed[1:]] == ["  42 replayed by Ottilie Ops"]
    async with serving(APP, place.settings) as service:
        await write(service.runtime, 2)
        await until_heard(service.runtime, 9)
        assert service._events.oldest_seconds < WAIT_SECONDS
        await it_all_was_heard_once(service.runtime, place, 9)


async def test_a_hearer_that_goes_on_meanwhile_skips_nothing(place: Place, kafka: Kafka) -> None:
    async with serving(APP, place.settings) as service:
        await write(service.runtime, 5)
        await until_heard(service.runtime, 5)
        await lose(kafka, place)
        assert (await say(place.settings, "outbox", "replay", COUNTS.name, "--by", "ops"))[0] == 0
        await write(service.runtime, 3)
        await until_published(service.runtime)
        await until_heard(service.runtime, 8)
        await it_all_was_heard_once(service.runtime, place, 8)


async def it_all_was_heard_once(runtime: Runtime, place: Place, up_to: int) -> None:
    expected = list(range(1, up_to + 1))
    assert await versions_on_the_topic(place) == dict.fromkeys(KEYS, expected)
    assert {key: await effects(runtime, key) for key in KEYS} == dict.fromkeys(KEYS, expected)
    assert await scalar(runtime, "SELECT count(*) FROM inbox") == up_to * len(KEYS)
    assert await scalar(runtime, "SELECT count(*) FROM parked") == 0


@pytest.mark.parametrize(
    ("words", "said"), [((), "the following arguments are required: --by"), (("--by", " "), "Who replays has to be named.")]
)
async def test_who_has_a_topic_told_again_is_named(wired: Place, words: tuple[str, ...], said: str) -> None:
    async with wired.runtime() as runtime:
        await write(runtime, 1)
        status, _, complaint = await say(wired.settings, "outbox", "replay", COUNTS.name, *words)
        assert status in (1, 2)
        assert said in complaint
        assert await scalar(runtime, "SELECT count(*) FROM outbox_replay") == 0
        assert await scalar(runtime, "SELECT count(*) FROM outbox_event WHERE again_at IS NOT NULL") == 0


@pytest.mark.parametrize("words", [("outbox", "replay", "counter.nothing", "--by", "ops"), ("outbox", "shout")])
async def test_what_cannot_be_told_again_is_said(wired: Place, words: tuple[str, ...]) -> None:
    status, _, complaint = await say(wired.settings, *words)
    assert status in (1, 2)
    assert "counter has told nothing on counter.nothing." in complaint or "invalid choice" in complaint
