"""The subscribers: FastStream hosts them, acknowledgement and back-off are ours.

The offset is committed after the event's transaction. An event that fails for a reason that may pass is tried again here for a while;
then the batch is rewound to its beginning and the pauses grow, so that it is never skipped and the group is not lost. One that fails for a
reason of its own is parked, and holds up its key alone.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.security import SASLScram512
from rentbook_contracts.words import counted

from chassis.failpoint import reached
from chassis.faults import failed, may_pass
from chassis.inbox import Inbox
from chassis.records import Record, read_record
from chassis.serving import App
from chassis.settings import Settings
from chassis.telemetry import named
from chassis.transaction import Runtime

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
MOST_DOUBLINGS = 10
OWN_FAULT_ATTEMPTS = 3
"""How often an event is tried whose use case fails for a reason that time won't heal."""

BATCH_RECORDS = 100
BATCH_WAIT_MILLISECONDS = 50
"""An empty topic is asked so long, and then let be so long; a record that comes is handed over at once, or after this pause."""

MAX_POLL_INTERVAL_SECONDS = 300
METADATA_SECONDS = 10
"""How soon a topic that was lost and made again is noticed by those who hear it."""

LOOK_EVERY_SECONDS = 5.0
LOOK_LIMIT_SECONDS = 5.0


class NotYet(Exception):
    """The event can't be taken now: its partition is rewound to it."""


@dataclass(frozen=True)
class Backlog:
    """How far a consumer is behind its topic: events that it has not finished, and how long the oldest of them has stood there, about.

    `catching_up`: longer than `behind_limit_seconds`. That is no ailment: another start would not make it faster.
    """

    topic: str
    events: int
    oldest_seconds: float
    catching_up: bool


class TopicConsumer:
    """One topic of one service, one batch at a time."""

    def __init__(self, runtime: Runtime, app: App, topic: str) -> None:
        self._runtime = runtime
        self._inbox = Inbox(runtime, app)
        self.topic = topic
        self.group = f"{runtime.settings.topic_prefix}{app.name}.{topic}"
        self.rebalance = _Rebalance()
        self._rounds = 0
        self._moved_at = time.monotonic()
        self._in_hand = 0
        self._lag = 0
        self._parked = 0
        self._oldest_at: float | None = None
        self._blind_since: float | None = None
        self._subscriber: Any = None

    def subscribe(self, broker: KafkaBroker) -> None:
        """Have the broker's FastStream application feed this consumer."""
        self._subscriber = broker.subscriber(
            self._runtime.settings.topic_prefix + self.topic,
            group_id=self.group,
            group_instance_id=f"{self.group}-{self._runtime.settings.instance}",
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            max_poll_interval_ms=MAX_POLL_INTERVAL_SECONDS * 1000,
            listener=self.rebalance,
            batch=True,
            max_records=BATCH_RECORDS,
            batch_timeout_ms=BATCH_WAIT_MILLISECONDS,
            parser=_parse,
            decoder=_as_it_is,
        )
        self._subscriber(self.handle)

    async def handle(self, raws: Any) -> None:
        """Take a batch of records for good, or raise so that what is not taken comes again. Errors: NotYet."""
        # FastStream asks for a batch once the offsets of the one before it are committed.
        reached("events.after-offset-commit")
        records = [read_record(raw, self._runtime.settings.topic_prefix) for raw in raws]
        async with self.rebalance.in_hand:
            self._in_hand = len(records)
            self._oldest_at = min(raw.timestamp for raw in raws) / 1000
            if not self._rounds:
                # What has just come is not late, however long there was nothing to do.
                self._moved_at = time.monotonic()
            try:
                if self._rounds:
                    await self._pause(pause_seconds(self._rounds))
                if not await self._took_together(records):
                    end = time.monotonic() + self._runtime.settings.retry_budget_seconds
                    for record in records:
                        await self._take(record, end)
                        self._in_hand -= 1
                        self._moved_at = time.monotonic()
                self._moved_at = time.monotonic()
            finally:
                self._in_hand = 0
        self._rounds = 0
        self._runtime.telemetry.failing.labels(self.topic).set(0)
        reached("events.before-offset-commit")

    async def _took_together(self, records: list[Record]) -> bool:
        if len(records) == 1:
            return False
        try:
            await self._inbox.take_together(records)
        except Exception as error:  # noqa: BLE001 - whatever it was, each record meets it by itself and is judged there
            log.info("a batch is taken one by one", extra={"topic": self.topic, "rows": len(records), "fault": named(error)})
            return False
        return True

    async def _take(self, record: Record, end: float) -> None:
        """Take one record of a batch whose budget of retries lasts until `end`. Errors: NotYet."""
        attempt = 0

        async def whole_log() -> bool:
            return await self._holds_its_first(record)

        while True:
            attempt += 1
            try:
                await self._inbox.take(record, whole_log=whole_log)
                return
            except Exception as error:
                self._complain(record, attempt, error)
                passing = may_pass(error)
                if not passing and attempt >= OWN_FAULT_ATTEMPTS:
                    await self._inbox.park(record, failed(error), whole_log=whole_log)
                    return
                pause = pause_seconds(attempt)
                # The budget is for what passes: a fault of its own would never come to its last attempt where each of them is slow.
                if (passing and time.monotonic() + pause > end) or self.rebalance.leaving.is_set():
                    self._rounds += 1
                    raise NotYet(type(error).__name__) from error
            await self._pause(pause)

    def _complain(self, record: Record, attempt: int, error: Exception) -> None:
        self._runtime.telemetry.failing.labels(self.topic).set(1)
        told = {"topic": self.topic, "key": record.key, "event_id": record.event_id, "attempt": attempt, "fault": named(error)}
        log.error("an event can't be taken", extra=told, exc_info=error if not may_pass(error) else None)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.rebalance.leaving.wait()
        except TimeoutError:
            return

    async def _holds_its_first(self, record: Record) -> bool:
        partition = TopicPartition(self._runtime.settings.topic_prefix + record.topic, record.partition)
        begins = await self._subscriber.consumer.beginning_offsets([partition])
        return bool(begins[partition] == 0)

    async def watch(self) -> None:
        """Look at the lag until cancelled; the figure is the broker's own, not what the consumer believes of itself."""
        while True:
            try:
                lag = await self._look()
                if lag and not self._lag:
                    self._moved_at = time.monotonic()
                self._lag = lag
                self._note_how_far_behind()
                self._parked = await self._inbox.parked_on(self.topic)
                self._runtime.telemetry.waiting_parked.labels(self.topic).set(self._parked)
            except Exception as error:
                if not may_pass(error):
                    raise
                log.warning("the consumer's state is not known", extra={"topic": self.topic, "fault": named(error)})
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    def _note_how_far_behind(self) -> None:
        if not self._lag + self._in_hand:
            self._oldest_at = None
        elif self._oldest_at is None:
            # It waits, and has not been read yet: since when exactly is not known.
            self._oldest_at = time.time()
        behind = self.backlog()
        self._runtime.telemetry.lag.labels(self.topic).set(behind.events)
        self._runtime.telemetry.oldest_unheard.labels(self.topic).set(behind.oldest_seconds)

    def backlog(self) -> Backlog:
        """As it was last looked at, which is seconds ago."""
        events = self._lag + self._in_hand
        oldest = max(0.0, time.time() - self._oldest_at) if events and self._oldest_at is not None else 0.0
        return Backlog(self.topic, events, oldest, oldest > self._runtime.settings.behind_limit_seconds)

    async def _look(self) -> int:
        began = time.monotonic()
        try:
            async with asyncio.timeout(LOOK_LIMIT_SECONDS):
                lag = await self._lag_at_the_broker()
        except Exception:
            self._blind_since = self._blind_since or began
            raise
        self._blind_since = None
        return lag

    async def _lag_at_the_broker(self) -> int:
        consumer = self._subscriber.consumer
        partitions = consumer.assignment() if consumer is not None else ()
        if not partitions:
            return 0
        ends = await consumer.end_offsets(list(partitions))
        return sum([max(0, ends[partition] - await consumer.position(partition)) for partition in partitions])

    def attention(self) -> list[str]:
        """What an operator has to do, in words; nothing where no event of the topic is parked. As it was last looked at."""
        if not self._parked:
            return []
        what = f"{counted(self._parked, 'event')} of {self.topic} {'is' if self._parked == 1 else 'are'} parked"
        return [f"{what}: `parked list` of {self._runtime.name} says which and why"]

    def ailment(self) -> str | None:
        """Why this consumer is not healthy, if it isn't: it has work and does none, or waits too long for its partitions.

        One that the broker does not answer may have work, and knows of none.
        """
        limit = self._runtime.settings.stall_limit_seconds
        if self._blind_since is not None and time.monotonic() - self._blind_since > limit:
            return f"{self.topic}: the broker has not said for {limit:.0f} s what there is to hear"
        if self.rebalance.homeless_seconds() > limit:
            return f"{self.topic}: no partitions for {limit:.0f} s"
        waiting = self._lag + self._in_hand
        if waiting and time.monotonic() - self._moved_at > limit:
            return f"{self.topic}: {counted(waiting, 'record')} waiting, and none was finished for {limit:.0f} s"
        return None


def pause_seconds(times: int) -> float:
    """How long to wait after so many tries, or rounds of a batch, that came to nothing."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(times, MOST_DOUBLINGS))


class _Rebalance(ConsumerRebalanceListener):  # type: ignore[misc]
    """Lets the record in hand finish before its partition goes to another process."""

    def __init__(self) -> None:
        self.in_hand = asyncio.Lock()
        self.leaving = asyncio.Event()
        self._homeless_since: float | None = time.monotonic()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._homeless_since = time.monotonic()
        self.leaving.set()
        async with self.in_hand:
            return

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._homeless_since = None
        self.leaving.clear()

    def homeless_seconds(self) -> float:
        return 0.0 if self._homeless_since is None else time.monotonic() - self._homeless_since


async def _parse(raws: Any, original: Any) -> Any:
    """FastStream's own parser fails on headers that are no text, and its failure is a batch that never arrives. So it is shown none."""
    message = await original(tuple(_Bare(raw) for raw in raws))
    message.raw_message = raws
    return message


class _Bare:
    """A record as FastStream needs it to find its consumer again, without the headers."""

    headers = ()

    def __init__(self, raw: Any) -> None:
        self.value, self.topic, self.offset, self.timestamp = b"", raw.topic, raw.offset, raw.timestamp


async def _as_it_is(message: Any) -> Any:
    return message.raw_message


def kafka_broker(runtime: Runtime, settings: Settings) -> KafkaBroker:
    """The broker that hosts a service's subscribers. It says nothing itself: its sentences quote what it read."""
    security = None
    if settings.kafka_username is not None:
        security = SASLScram512(username=settings.kafka_username, password=settings.secret("kafka_password"), use_ssl=False)
    return KafkaBroker(
        settings.kafka_bootstrap.split(","),
        security=security,
        client_id=f"{runtime.name}-{settings.instance}",
        allow_auto_create_topics=False,
        consumer_only=True,
        retry_backoff_ms=1000,
        metadata_max_age_ms=METADATA_SECONDS * 1000,
        graceful_timeout=settings.stop_limit_seconds,
        apply_types=False,
        logger=None,
    )


def consumers(runtime: Runtime, app: App) -> list[TopicConsumer]:
    """One consumer for each topic that the service listens to."""
    topics = sorted({subscription.fact.topic for subscription in app.listens})
    return [TopicConsumer(runtime, app, topic) for topic in topics]
