"""A process's health turns bad within a bounded time when one of its parts does not move, says which, and turns good again by itself."""

import asyncio
import errno
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from chassis.process import Service, serving
from chassis.serving import App, Every, Offer, Subscription, Tick
from chassis.settings import Settings
from chassis.transaction import Runtime, Transaction, run
from rentbook_contracts.operation import Operation, Workflow
from rentbook_local import child
from rentbook_local import kafka as broker
from rentbook_local.ports import free_ports
from support.counter_processes import start
from support.counting import COUNTS, Counted, CountedTo, CountUp, Place, count_up, effects, note, prepare, scalar, until
from support.servers import Kafka, Postgres, running_kafka, running_postgres, running_temporal

STALL_SECONDS = 3.0
BAD_WITHIN_SECONDS = STALL_SECONDS + 30
"""What is looked at every 5 s, or every 15 s with Temporal, has to have been seen for so long; on a machine that does other things too."""

GOOD_WITHIN_SECONDS = 60.0
COUNTING: Workflow[CountUp, CountedTo] = Workflow("counting", "counter", CountUp, CountedTo)
COUNT_STEP: Operation[CountUp, CountedTo] = Operation("counter.count-up", "counter", CountUp, CountedTo)


async def told(service: Service) -> tuple[int, list[str]]:
    """What GET /health says."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{service.address}/health", timeout=15)
    return answer.status_code, list(answer.json()["reasons"])


async def turns_bad(service: Service, reason: str) -> None:
    async def it_has() -> bool:
        status, reasons = await told(service)
        return status == 503 and any(reason in each for each in reasons)

    await until(it_has, f"the health says “{reason}”", BAD_WITHIN_SECONDS)


async def turns_good(service: Service) -> None:
    async def it_has() -> bool:
        return await told(service) == (200, [])

    await until(it_has, "the health is good again", GOOD_WITHIN_SECONDS)


@asynccontextmanager
async def watched(settings: Settings, app: App) -> AsyncIterator[Service]:
    """The service with a short limit, well before and after the block."""
    async with serving(app, settings.model_copy(update={"stall_limit_seconds": STALL_SECONDS})) as service:
        await turns_good(service)
        yield service
        await turns_good(service)


def counter(**more: Any) -> App:
    return App("counter", **{"listens": (Subscription(Counted, note),), "offers": (Offer(COUNT_STEP, count_up),), **more})


async def test_a_consumer_that_is_stuck_in_an_event(place: Place) -> None:
    go_on = asyncio.Event()

    async def stick(tx: Transaction, fact: Counted) -> None:
        await go_on.wait()
        await note(tx, fact)

    async with watched(place.settings, counter(listens=(Subscription(Counted, stick),))) as service:
        await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))
        await turns_bad(service, "counter.counts: 1 record waiting, and none was finished")
        go_on.set()

        async def heard() -> bool:
            return await effects(service.runtime, "a") == [1]

        await until(heard, "the event is heard", GOOD_WITHIN_SECONDS)


async def test_a_consumer_that_is_behind_is_well_and_says_how_far_and_for_how_long(place: Place) -> None:
    go_on = asyncio.Event()

    async def one_by_one(tx: Transaction, fact: Counted) -> None:
        await go_on.wait()
        await note(tx, fact)

    settings = place.with_settings(behind_limit_seconds=1.0)
    async with serving(counter(listens=(Subscription(Counted, one_by_one),)), settings) as service, httpx.AsyncClient() as http:

        async def backlog() -> dict[str, Any]:
            answer = await http.get(f"{service.address}/health", timeout=15)
            assert answer.status_code == 200, answer.text
            [told] = answer.json()["consumers"]
            return dict(told)

        await turns_good(service)
        assert await backlog() == {"topic": "counter.counts", "events": 0, "oldest_seconds": 0.0, "catching_up": False}
        for _ in range(3):
            await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))

        async def behind() -> bool:
            told = await backlog()
            return bool(told["events"] == 3 and told["oldest_seconds"] > 1 and told["catching_up"])

        await until(behind, "the health says that it is catching up", GOOD_WITHIN_SECONDS)
        metrics = (await http.get(f"{service.address}/metrics")).text
        assert 'rentbook_consumer_oldest_seconds{topic="counter.counts"}' in metrics
        go_on.set()

        async def caught_up() -> bool:
            return await backlog() == {"topic": "counter.counts", "events": 0, "oldest_seconds": 0.0, "catching_up": False}

        await until(caught_up, "nothing is left to hear", GOOD_WITHIN_SECONDS)
        assert await effects(service.runtime, "a") == [1, 2, 3]


async def test_a_consumer_whose_event_fails_again_and_again(place: Place) -> None:
    mended = asyncio.Event()

    async def fail_until_mended(tx: Transaction, fact: Counted) -> None:
        if not mended.is_set():
            raise ConnectionResetError
        await note(tx, fact)

    settings = place.with_settings(retry_budget_seconds=1.0)
    async with watched(settings, counter(listens=(Subscription(Counted, fail_until_mended),))) as service:
        await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))
        await turns_bad(service, "counter.counts: 1 record waiting, and none was finished")
        mended.set()


async def test_periodic_work_that_fails_round_after_round(place: Place) -> None:
    """Its period is longer than anybody waits: it is done again sooner, and is well again by its first success."""
    mended = asyncio.Event()

    async def count_pennies(tx: Transaction, tick: Tick) -> None:
        if not mended.is_set():
            raise OSError(errno.ENOSPC, "no room")

    async with watched(place.settings, counter(every=(Every(timedelta(hours=1), count_pennies),))) as service:
        await turns_bad(service, "periodic work count_pennies: every round has failed for")
        mended.set()


async def test_a_relay_whose_broker_stands_still(place: Place, kafka: Kafka) -> None:
    async with watched(place.settings, counter(listens=())) as service:
        kafka.process.send_signal(signal.SIGSTOP)
        try:
            await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))
            await turns_bad(service, "facts: the oldest has waited for")
        finally:
            kafka.process.send_signal(signal.SIGCONT)


async def test_a_consumer_whose_broker_stands_still(place: Place, kafka: Kafka) -> None:
    """It has heard all that it knows of, and its relay has nothing to send."""
    async with watched(place.settings, counter(offers=())) as service:
        kafka.process.send_signal(signal.SIGSTOP)
        try:
            await turns_bad(service, "counter.counts: the broker has not said")
        finally:
            kafka.process.send_signal(signal.SIGCONT)
        await turns_good(service)
        await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))
        await until(lambda: _all_heard(service.runtime), "what comes then is heard", GOOD_WITHIN_SECONDS)


async def test_a_relay_to_temporal_whose_server_stands_still(place: Place) -> None:
    async with running_temporal() as own:
        settings = place.with_settings(temporal_address=own.address, temporal_namespace=await own.new_namespace())
        async with watched(settings, counter(offers=())) as service:
            own.process.send_signal(signal.SIGSTOP)
            try:
                await run(service.runtime, lambda tx: tx.start(COUNTING, CountUp(key="a"), workflow_id="counting/a"))
                await turns_bad(service, "workflow requests: the oldest has waited for")
            finally:
                own.process.send_signal(signal.SIGCONT)


async def test_a_worker_that_temporal_does_not_know_any_more(place: Place) -> None:
    async with running_temporal() as own:
        settings = place.with_settings(temporal_address=own.address, temporal_namespace=await own.new_namespace())
        async with watched(settings, counter()) as service:
            own.process.send_signal(signal.SIGSTOP)
            try:
                await turns_bad(service, "Temporal has known no poller of this process for")
            finally:
                own.process.send_signal(signal.SIGCONT)


async def test_a_database_that_can_only_be_read(place: Place) -> None:
    async with running_postgres() as own:
        database = await own.new_database("counter", migrate=prepare)
        settings = place.with_settings(database_url=database.app_url)
        async with watched(settings, counter()) as service:
            await read_only(own, "on")
            await turns_bad(service, "database: can't be written")
            await read_only(own, "off")
            await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))


async def read_only(server: Postgres, value: str) -> None:
    """As a server does that has become another's standby."""
    connection = await asyncpg.connect(server.superuser_dsn("postgres"))
    await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


OUTAGE_SECONDS = 20.0
LINES_A_SECOND = 1.0
FIRST_LINES = 10
"""What each part says once when it first meets the outage."""


@pytest.mark.timeout(400)
async def test_while_the_broker_is_dead_a_process_writes_a_line_a_second_and_it_recovers(place: Place) -> None:
    async with running_kafka() as own:
        prefix = await own.new_topics([COUNTS])
        (place.settings.secrets_dir / "kafka_password").write_text(own.password("counter"), encoding="utf-8")
        reach = {"kafka_bootstrap": own.bootstrap, "topic_prefix": prefix, "http_port": free_ports(1)[0]}
        settings = place.with_settings(**reach)
        process = await start(settings)
        lines: list[bytes] = []
        reading = asyncio.ensure_future(_read(process, lines))
        try:
            await until(lambda: _is_well(settings), "the process is well", GOOD_WITHIN_SECONDS)
            own.process.send_signal(signal.SIGKILL)
            await own.process.wait()
            before, began = len(lines), time.monotonic()
            async with place.runtime(instance="writer") as writer:
                while time.monotonic() - began < OUTAGE_SECONDS:
                    await run(writer, lambda tx: count_up(tx, CountUp(key="a")))
                    await asyncio.sleep(0.5)
                written, lasted = len(lines) - before, time.monotonic() - began
                print(b"".join(lines[before:]).decode())
                print(f"{written} lines in {lasted:.1f} s")
                assert written <= FIRST_LINES + LINES_A_SECOND * lasted
                async with _started_again(own):
                    await until(lambda: _all_heard(writer), "all is heard", GOOD_WITHIN_SECONDS)
                    await until(lambda: _is_well(settings), "the process is well again", GOOD_WITHIN_SECONDS)
                    process.send_signal(signal.SIGTERM)
                    await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            await reading


async def _read(process: asyncio.subprocess.Process, lines: list[bytes]) -> None:
    assert process.stderr
    while line := await process.stderr.readline():
        lines.append(line)


async def _is_well(settings: Settings) -> bool:
    try:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"http://127.0.0.1:{settings.http_port}/health", timeout=15)).status_code == 200
    except httpx.TransportError:
        return False


async def _all_heard(runtime: Runtime) -> bool:
    told = await scalar(runtime, "SELECT count(*) FROM outbox_event")
    return bool(told) and told == await scalar(runtime, "SELECT count(*) FROM effect")


@asynccontextmanager
async def _started_again(dead: Kafka) -> AsyncIterator[None]:
    command = broker.command(dead.server, await asyncio.to_thread(broker.jars), dead.server.folder.parent / "kafka.log")
    process = await child.spawn(command)
    try:
        await until(lambda: broker.is_ready(dead.server), "the broker is there again", GOOD_WITHIN_SECONDS)
        yield
    finally:
        await child.stop(process, command, grace_seconds=15)
