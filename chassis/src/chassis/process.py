"""One process hosts a service: web, subscribers, relays, activities and periodic work."""

import asyncio
import logging
import os
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import httpx
import sqlalchemy as sa
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from pydantic import ValidationError
from rentbook_contracts.topics import TOPICS
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.worker import Worker

from chassis import outbox, parked, stories
from chassis.activities import activity_worker
from chassis.consumer import Backlog, TopicConsumer, consumers, kafka_broker
from chassis.faults import may_pass, server_behind
from chassis.migration import migrate
from chassis.parked import NotPossible
from chassis.periodic import Periodic
from chassis.polling import Polling
from chassis.relay import EventRelay
from chassis.serving import App
from chassis.settings import MigrationSettings, Settings
from chassis.starter import WorkflowRelay
from chassis.stopping import stop_on_signals
from chassis.stories import StoryWatch
from chassis.tables import process_probe
from chassis.telemetry import named, start_logging, start_telemetry
from chassis.transaction import Runtime
from chassis.waiting import NotReady, wait_for_kafka, wait_for_postgres, wait_for_temporal
from chassis.web import WebServer, listen, web, web_server

S = TypeVar("S", bound=Settings)
log = logging.getLogger(__name__)

PROBE_LIMIT_SECONDS = 5.0
LOCK_WAIT_LIMIT_SECONDS = 15
IDLE_TRANSACTION_LIMIT_SECONDS = 45
"""PostgreSQL ends a transaction in which nothing was said for so long: longer than any partner is waited for, and short enough that what a
standing process holds locked comes free."""

TRANSACTION_LIMIT_SECONDS = 300
"""PostgreSQL ends any transaction after so long, whatever its session is doing: a process that stands still between two messages of one
statement is not idle to PostgreSQL. Longer than the largest bank file takes."""

LAST_WORDS_SECONDS = 5.0


def main(app_factory: Callable[[S], App], settings_cls: type[S], argv: Sequence[str], *, also: Sequence[str] = ()) -> NoReturn:
    """The whole of a service's `__main__.py`: `main(make_app, LedgerSettings, sys.argv[1:])`. It does not return: the process exits.

    Without words it runs the service; `migrate` brings its database up to date; `parked list|show|replay|discard`, `outbox list|replay` and
    `stories list|restart` are for operators. `also`: the words that the service's own `__main__.py` understands, to name them too.
    Exit status: 0 when it was asked to stop, or did what the operator asked; 1 when it can't go on, or could not do all of it (the words on
    stderr say why), as when an event still waits after `parked replay`; 2 for wrong settings or words.
    """
    name = app_factory.__module__.partition(".")[0]
    try:
        said = _do(app_factory, settings_cls, argv, also)
    except ValidationError as error:
        _leave(2, "\n".join(f"{name}: RENTBOOK_{_setting(fault)}: {fault['msg']}" for fault in error.errors(include_input=False)))
    except (NotReady, NotPossible, ValueError, OSError) as error:
        _leave(1, f"{name}: {error}")
    except Exception as error:
        # By its name: the words of an error that nobody foresaw may quote what somebody entered.
        log.critical("it ended by an error that nobody foresaw", exc_info=error)
        _leave(1, f"{name}: {named(error)}. The log says where.")
    _leave(0, said)


def _do(app_factory: Callable[[S], App], settings_cls: type[S], argv: Sequence[str], also: Sequence[str]) -> str:
    if list(argv) == ["migrate"]:
        migrate(MigrationSettings(), _migrations_beside_src(app_factory))
        return ""
    if argv and argv[0] not in ("parked", "outbox", "stories"):
        *others, last = (f"`{word}`" for word in ("migrate", "parked", "outbox", "stories", *also))
        _leave(2, f"Nothing, {', '.join(others)} or {last} is understood here.")
    settings = settings_cls()
    app = app_factory(settings)
    start_logging(app.name, settings.log_format)
    return asyncio.run(_operate(app, settings, argv[0], argv[1:]) if argv else _run(app, settings))


def _setting(fault: Any) -> str:
    return ".".join(str(part) for part in fault["loc"]).upper()


def _migrations_beside_src(app_factory: Callable[[S], App]) -> Path:
    file = sys.modules[app_factory.__module__].__file__
    assert file is not None
    return Path(file).resolve().parents[2] / "migrations"


def _leave(status: int, said: str) -> NoReturn:
    """End at once: temporalio sometimes aborts in the interpreter's own exit, after all is done."""
    if said:
        print(said, file=sys.stdout if status == 0 else sys.stderr)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


async def _operate(app: App, settings: Settings, about: str, words: Sequence[str]) -> str:
    asked = {"outbox": outbox, "parked": parked, "stories": stories}[about].read_words(app.name, words)
    async with make_runtime(app.name, settings) as runtime:
        if about == "stories":
            return await stories.obey(runtime, app, await wait_for_temporal(settings, runtime.telemetry), asked)
        return await (outbox.obey(runtime, asked) if about == "outbox" else parked.obey(runtime, app, asked))


async def _run(app: App, settings: Settings) -> str:
    stop, ready = asyncio.Event(), asyncio.Event()
    serving_it = asyncio.ensure_future(_until_stopped(app, settings, stop, ready))

    def ask() -> None:
        stop.set()
        if not ready.is_set():
            serving_it.cancel()

    stop_on_signals(ask)
    await asyncio.wait({serving_it})
    if not serving_it.cancelled():
        serving_it.result()
    return ""


async def _until_stopped(app: App, settings: Settings, stop: asyncio.Event, ready: asyncio.Event) -> None:
    async with serving(app, settings) as service:
        ready.set()
        log.info("ready", extra={"address": service.address})
        await service.broken_or(stop)


@asynccontextmanager
async def make_runtime(name: str, settings: Settings) -> AsyncIterator[Runtime]:
    """What use cases stand on, without the servers of a process: for operators' commands and for tests."""
    token = settings.secret("service_token")
    if not token:
        raise ValueError("the secret service_token is empty: whoever asks would be let in.")
    engine = make_engine(name, settings)
    telemetry = start_telemetry(name, settings)
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=50), verify=_trusted()) as http:
        try:
            yield Runtime(name, settings, engine, http, telemetry, token, settings.request_key())
        finally:
            await ended([engine.dispose(), asyncio.to_thread(telemetry.provider.shutdown)], limit_seconds=LAST_WORDS_SECONDS)


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities by which peers are known. Reading them takes longer than all else that a runtime needs: once for a process."""
    return httpx.create_ssl_context()


def make_engine(name: str, settings: Settings) -> AsyncEngine:
    """The pool of connections, as the role that runs the service. The password may lie in the secret `database_password`."""
    url = sa.make_url(settings.database_url)
    if url.password is None and (settings.secrets_dir / "database_password").exists():
        url = url.set(password=settings.secret("database_password"))
    limits = {
        "application_name": f"{name} {settings.instance}",
        "lock_timeout": f"{LOCK_WAIT_LIMIT_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_LIMIT_SECONDS}s",
        "transaction_timeout": f"{TRANSACTION_LIMIT_SECONDS}s",
    }
    return create_async_engine(
        url,
        pool_size=settings.pool_size,
        max_overflow=2,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"server_settings": limits},
    )


class Service:
    """A running service. `address` is where its web answers."""

    def __init__(self, runtime: Runtime, app: App, client: Client, address: str) -> None:
        self.runtime = runtime
        self.address = address
        self._app = app
        self._client = client
        self._stopping = asyncio.Event()
        self._broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._relays: list[asyncio.Task[None]] = []
        self._watches: list[asyncio.Task[None]] = []
        self._everies: list[asyncio.Task[None]] = []
        self._activities: asyncio.Task[None] | None = None
        self._pages: asyncio.Task[None] | None = None
        self._polling = Polling(
            client, app.name, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, limit_seconds=runtime.settings.stall_limit_seconds
        )
        self._events = EventRelay(runtime)
        self._workflows = WorkflowRelay(runtime, app, client)
        self._consumers: list[TopicConsumer] = consumers(runtime, app)
        self._periodic = [Periodic(runtime, every) for every in app.every]
        self._broker: KafkaBroker = kafka_broker(runtime, runtime.settings)
        self._worker: Worker | None = activity_worker(runtime, app, client)
        self._stories = StoryWatch(runtime, app, client)
        rooms = web(runtime, app, self.ailments, self.backlogs, self.attention)
        self._web: WebServer = web_server(rooms, stop_limit_seconds=runtime.settings.stop_limit_seconds)

    async def start(self, bound: Any) -> None:
        """Begin everything; returns once the web answers and the subscribers have joined."""
        for consumer in self._consumers:
            consumer.subscribe(self._broker)
        try:
            async with asyncio.timeout(self.runtime.settings.start_limit_seconds):
                await self._broker.start()
        except (TimeoutError, KafkaError) as error:
            raise NotReady(f"Kafka at {self.runtime.settings.kafka_bootstrap} let no subscriber in ({named(error)}).") from error
        self._relays = [self._spawn("relay of facts", self._events.run()), self._spawn("relay to Temporal", self._workflows.run())]
        self._watches = [self._spawn("watch", consumer.watch()) for consumer in self._consumers]
        if self._app.stories is not None:
            self._watches.append(self._spawn("watch over stories", self._stories.run()))
        self._everies = [self._spawn("periodic work", work.repeat(self._stopping)) for work in self._periodic]
        if self._worker is not None:
            self._activities = self._spawn("activities", self._worker.run())
        self._pages = self._spawn("web", self._web.serve(sockets=[bound]))
        while not self._web.started and not self._pages.done():  # noqa: ASYNC110 - uvicorn tells of its start by this flag alone
            await asyncio.sleep(0.005)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        task.add_done_callback(lambda done: self._ended(name, done))
        return task

    def _ended(self, name: str, task: "asyncio.Task[None]") -> None:
        if self._stopping.is_set() or task.cancelled():
            return
        error = task.exception()
        log.critical("a part of the process ended", extra={"operation": name, "fault": named(error) if error else None}, exc_info=error)
        if not self._broken.done():
            lost = server_behind(error) if error else None
            self._broken.set_result(f"{name} ended{f': {lost} was lost' if lost else ''}")

    async def broken_or(self, stop: asyncio.Event) -> None:
        """Until asked to stop. Errors: NotReady when a part of the process has died, so that the whole begins anew."""
        asked = asyncio.ensure_future(stop.wait())
        either: list[asyncio.Future[Any]] = [asked, self._broken]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if self._broken.done():
            log.error("stopping", extra={"reason": self._broken.result()})
            raise NotReady(f"its {self._broken.result()}; the log says more.")

    async def stop(self) -> None:
        """Finish what is in hand, within the limit; what stays undone is taken up by the next process."""
        self._stopping.set()
        self._web.should_exit = True
        ending: list[Awaitable[Any]] = [self._broker.stop(), *self._everies]
        if self._worker is not None and self._activities is not None:
            ending += [self._worker.shutdown(), self._activities]
        if self._pages is not None:
            ending.append(self._pages)
        if not await ended(ending, limit_seconds=self.runtime.settings.stop_limit_seconds):
            log.warning("not all work was finished in time", extra={"limit_seconds": self.runtime.settings.stop_limit_seconds})
        # The relays go last: what the others still said has a chance to leave before the next start.
        for task in (*self._watches, *self._relays):
            task.cancel()
        await ended([*self._watches, *self._relays], limit_seconds=LAST_WORDS_SECONDS)

    async def ailments(self) -> list[str]:
        """Why the process isn't healthy; empty where it makes progress or has nothing to do."""
        limit = self.runtime.settings.stall_limit_seconds
        found = [consumer.ailment() for consumer in self._consumers]
        for what, age in (("facts", self._events.oldest_seconds), ("workflow requests", self._workflows.oldest_seconds)):
            found.append(f"{what}: the oldest has waited for {age:.0f} s" if age > limit else None)
        found += [work.ailment() for work in self._periodic]
        # What is known is read at one moment, before anything that is waited for: the watches write it meanwhile.
        found.append(await self._database_ailment())
        if self._worker is not None:
            found.append(await self._polling.ailment())
        return [ailment for ailment in found if ailment]

    def backlogs(self) -> list[Backlog]:
        """How far each consumer is behind its topic."""
        return [consumer.backlog() for consumer in self._consumers]

    def attention(self) -> list[str]:
        """What an operator has to see to while the process itself is healthy."""
        silent = [words for work in self._periodic if (words := work.attention())]
        return [*(words for consumer in self._consumers for words in consumer.attention()), *silent, *self._stories.attention()]

    async def _database_ailment(self) -> str | None:
        probe = insert(process_probe).values(instance=self.runtime.settings.instance, written_at=datetime.now(UTC))
        written = probe.on_conflict_do_update(index_elements=["instance"], set_={"written_at": probe.excluded.written_at})
        try:
            async with asyncio.timeout(PROBE_LIMIT_SECONDS), self.runtime.engine.begin() as connection:
                await connection.execute(written)
        except Exception as error:
            if not may_pass(error):
                raise
            return f"database: can't be written ({named(error)})"
        return None


async def ended(works: Sequence[Awaitable[Any]], *, limit_seconds: float) -> bool:
    """Whether all of them ended, however, within the limit. What didn't is cancelled and not waited for: a client library may not obey."""
    tasks = [asyncio.ensure_future(work) for work in works]
    if not tasks:
        return True
    done, pending = await asyncio.wait(tasks, timeout=limit_seconds)
    for task in pending:
        task.cancel()
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            log.warning("a part of the process ended badly", extra={"fault": named(task.exception() or Exception())})
    return not pending


@asynccontextmanager
async def serving(app: App, settings: Settings) -> AsyncIterator[Service]:
    """The service, running, until the block ends; several may run in one process.

    Errors: NotReady where a server doesn't answer in time; OSError where the port is taken.
    """
    bound = listen(settings.http_host, settings.http_port)
    try:
        async with make_runtime(app.name, settings) as runtime:
            client = await _wait_for_servers(runtime, app)
            service = Service(runtime, app, client, f"http://{settings.http_host}:{bound.getsockname()[1]}")
            try:
                await service.start(bound)
                yield service
            finally:
                await service.stop()
    finally:
        bound.close()


async def _wait_for_servers(runtime: Runtime, app: App) -> Client:
    heard = {subscription.fact.topic for subscription in app.listens}
    told = {topic.name for topic in TOPICS if topic.publisher == app.name}
    _, _, client = await asyncio.gather(
        wait_for_postgres(runtime.engine, runtime.settings),
        wait_for_kafka(runtime.settings, heard | told),
        wait_for_temporal(runtime.settings, runtime.telemetry),
    )
    return client
