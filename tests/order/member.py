"""A member of a consumer group: in this process, or in one of its own that a test can kill in the middle of a batch."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

from chassis.consumer import consumers, kafka_broker
from chassis.process import make_runtime
from chassis.serving import App, Subscription
from chassis.settings import Settings
from chassis.transaction import Transaction
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from rentbook_contracts.operation import BrokenRule
from support.counting import Counted, note

from chassis import consumer

AUTO_COMMIT_MILLISECONDS = 100
"""Where a test has offsets committed without waiting for the work (`AckPolicy.ACK_FIRST`); a service never does."""

TIMES: dict[str, Any] = {
    "session_timeout_ms": 6_000,
    "heartbeat_interval_ms": 300,
    "auto_commit_interval_ms": AUTO_COMMIT_MILLISECONDS,
}
"""Kafka waits for a member that has gone as short a time as it allows. A real one is waited for longer."""

IN_THE_MIDDLE = b"in the middle of a batch\n"


@asynccontextmanager
async def member(settings: Settings, app: App) -> AsyncIterator[None]:
    """Hears for the group until the block ends, as a service's process does."""
    async with make_runtime(app.name, settings) as runtime:
        broker = kafka_broker(runtime, settings)
        for each in consumers(runtime, app):
            each.subscribe(_impatient(broker))
        await broker.start()
        try:
            yield
        finally:
            await broker.stop()


def _impatient(broker: KafkaBroker) -> KafkaBroker:
    subscriber = broker.subscriber

    def soon(*topics: str, **told: Any) -> Any:
        return subscriber(*topics, **TIMES, **told)

    broker.subscriber = soon  # type: ignore[method-assign, assignment]
    return broker


class NotMended(BrokenRule):
    """What the event speaks of is not as it has to be."""


def counter() -> App:
    return App("counter", listens=(Subscription(Counted, note),))


def stumbling_over(poison: str) -> App:
    """The one event of this name (`named`) can't be taken."""

    async def note_or_refuse(tx: Transaction, fact: Counted) -> None:
        refuse(fact, poison)
        await note(tx, fact)

    return App("counter", listens=(Subscription(Counted, note_or_refuse),))


def named(key: str, number: int) -> str:
    return f"{key}/{number}"


def refuse(fact: Counted, poison: str) -> None:
    """Errors: NotMended, where it is that event."""
    if named(fact.counted, fact.number) == poison:
        raise NotMended("Not before it is mended.")


def stops_at(event: int, poison: str = "") -> App:
    """Says when it has written its so-manyth event, and goes no further: neither commit nor reply. The poison can't be taken."""
    left = event

    async def note_or_stop(tx: Transaction, fact: Counted) -> None:
        nonlocal left
        refuse(fact, poison)
        await note(tx, fact)
        left -= 1
        if left == 0:
            sys.stdout.buffer.write(IN_THE_MIDDLE)
            sys.stdout.flush()
            await asyncio.Event().wait()

    return App("counter", listens=(Subscription(Counted, note_or_stop),))


async def _run(settings: Settings, event: int, policy: str = AckPolicy.NACK_ON_ERROR.name, poison: str = "") -> None:
    consumer.AckPolicy = SimpleNamespace(NACK_ON_ERROR=AckPolicy[policy])  # type: ignore[assignment, attr-defined]
    async with member(settings, stops_at(event, poison)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_run(Settings.model_validate_json(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
