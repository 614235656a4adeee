"""Whether this process is known to a Temporal that answers: by its own identity, and by a poll that is not too long ago."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from chassis.polling import Polling
from support.counting import until
from support.servers import Temporal
from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.worker import Worker

QUEUE = "counter"
POLL_SECONDS = 3.0
"""In the place of `LONGEST_POLL`: a worker that has work begins a new poll far more often."""

LIMIT_SECONDS = 1.0
BAD_WITHIN_SECONDS = POLL_SECONDS + LIMIT_SECONDS + 15
"""Both limits, and a loaded machine."""


@activity.defn
async def nothing() -> None:
    """Work that makes a worker ask for the next."""


async def client_of(temporal: Temporal, namespace: str, identity: str) -> Client:
    return await Client.connect(temporal.address, namespace=namespace, identity=identity)


def polling(client: Client) -> Polling:
    return Polling(client, QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, limit_seconds=LIMIT_SECONDS)


@asynccontextmanager
async def working(client: Client) -> AsyncIterator[None]:
    """A worker of this client's identity that always has something to do."""

    async def keep_busy() -> None:
        while True:
            await client.execute_activity(nothing, id=str(uuid4()), task_queue=QUEUE, schedule_to_close_timeout=timedelta(seconds=30))

    async with Worker(client, task_queue=QUEUE, activities=[nothing]):
        busy = asyncio.ensure_future(keep_busy())
        try:
            yield
            assert not busy.done(), "the worker had no work"
        finally:
            busy.cancel()
            await asyncio.wait([busy])


async def is_well(watch: Polling) -> bool:
    return await watch.ailment() is None


async def test_the_worker_of_another_process_is_not_ones_own(temporal: Temporal) -> None:
    namespace = await temporal.new_namespace()
    own, other = await client_of(temporal, namespace, "counter-1"), await client_of(temporal, namespace, "counter-2")
    async with working(other):
        theirs, ours = polling(other), polling(own)
        await until(lambda: is_well(theirs), "Temporal knows the other's worker", 30)
        assert await ours.ailment() == "Temporal knows no poller of this process yet"
        async with working(own):
            await until(lambda: is_well(ours), "Temporal knows our worker too", 30)


async def test_a_worker_that_polls_no_more_is_missed_within_a_bounded_time_and_known_again(
    temporal: Temporal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal answers throughout, and remembers for minutes who polled: only how long ago that was tells that nobody does."""
    monkeypatch.setattr("chassis.polling.LONGEST_POLL", timedelta(seconds=POLL_SECONDS))
    client = await client_of(temporal, await temporal.new_namespace(), "counter-1")
    watch = polling(client)
    async with working(client):
        await until(lambda: is_well(watch), "the worker is known", 30)
        end = time.monotonic() + POLL_SECONDS + LIMIT_SECONDS + 1
        while time.monotonic() < end:
            assert await watch.ailment() is None, "it polls, and is missed all the same"
            await asyncio.sleep(0.1)

    async def is_missed() -> bool:
        return (await watch.ailment() or "").startswith("Temporal has known no poller of this process for ")

    await until(is_missed, "the worker is missed", BAD_WITHIN_SECONDS)
    async with working(client):
        await until(lambda: is_well(watch), "the next worker is known", 30)
