"""A member of a consumer group: in this process, or in one of its own that a test can kill in the middle of a batch."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chassis.consumer import consumers, kafka_broker
from chassis.process import make_runtime
from chassis.serving import App, Subscription
from chassis.settings import Settings
from chassis.transaction import Transaction
from faststream.kafka import KafkaBroker
from support.counting import Counted, note

SESSION_MILLISECONDS = 6_000
"""How long Kafka waits for a member that has gone; the least that it allows. A real one is waited for longer."""

HEARTBEAT_MILLISECONDS = 300
IN_THE_MIDDLE = b"in the middle of a batch\n"


@asynccontextmanager
async def member(settings: Settings, app: App) -> AsyncIterator[None]:
    """Hears for the group until the block ends, as a service's process does."""
    async with make_runtime(app.name, settings) as runtime:
        broker = kafka_broker(runtime, settings)
        for consumer in consumers(runtime, app):
            consumer.subscribe(_impatient(broker))
        await broker.start()
        try:
            yield
        finally:
            await broker.stop()


def _impatient(broker: KafkaBroker) -> KafkaBroker:
    subscriber = broker.subscriber

    def soon(*topics: str, **told: Any) -> Any:
        return subscriber(*topics, session_timeout_ms=SESSION_MILLISECONDS, heartbeat_interval_ms=HEARTBEAT_MILLISECONDS, **told)

    broker.subscriber = soon  # type: ignore[method-assign, assignment]
    return broker


def counter() -> App:
    return App("counter", listens=(Subscription(Counted, note),))


def stops_at(event: int) -> App:
    """Says when it has written its so-manyth event, and goes no further: neither commit nor reply."""
    left = event

    async def note_or_stop(tx: Transaction, fact: Counted) -> None:
        nonlocal left
        await note(tx, fact)
        left -= 1
        if left == 0:
            sys.stdout.buffer.write(IN_THE_MIDDLE)
            sys.stdout.flush()
            await asyncio.Event().wait()

    return App("counter", listens=(Subscription(Counted, note_or_stop),))


async def _run(settings: Settings, event: int) -> None:
    async with member(settings, stops_at(event)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(Settings.model_validate_json(sys.argv[1]), int(sys.argv[2])))
