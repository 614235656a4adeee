"""./rentbook run: the whole stack as separate processes under one runner, until it is told to stop."""

import asyncio
import hashlib
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import httpx
from rentbook_contracts.topics import TOPICS

from rentbook_local import assets, estate, kafka, layout, passwords, places, postgres, services, signin, temporal
from rentbook_local.forkserver import ForkServer
from rentbook_local.layout import DATABASES, Layout
from rentbook_local.ports import free_ports, require_free
from rentbook_local.problem import Problem
from rentbook_local.supervisor import Health, Kept, Part, Supervisor
from rentbook_local.writing import has_space, is_full, write_whole

SERVERS = ("postgres", "kafka", "temporal", "signin", "bank-simulator")
_PROBE_SECONDS = 3.0
_MIGRATIONS_AT_ONCE = 2
_DISK_SECONDS = 30.0
_LEAST_FREE_BYTES = 200_000_000
_QUIET_SECONDS = 60.0
_LOG_BYTES = 50_000_000

S = TypeVar("S")


def run(at: Layout, *, with_estate: bool) -> None:
    """Run the stack until Ctrl-C or `./rentbook stop`. Errors: `Problem`, after everything that was started has ended."""
    with layout.owned(at):
        _require_ports(at)
        _turn_logs(at)
        asyncio.run(_Run(at, with_estate=with_estate).to_the_end())


class _Run:
    """One run of the stack."""

    def __init__(self, at: Layout, *, with_estate: bool) -> None:
        self.at = at
        self.with_estate = with_estate
        self.began = time.monotonic()
        self.phase = "starting"
        self.cannot_write = ""
        self.kept: Sequence[Kept] = ()
        self.client = httpx.AsyncClient(timeout=_PROBE_SECONDS, trust_env=False)
        self.forks = ForkServer(services.IMPORTED_BY_MANY, at.folder, at.log("forkserver"))
        self.supervisor = Supervisor(self.say, self._changed, self.forks.spawn)
        self.is_first_start = not at.of("kafka").exists()
        self.passwords = passwords.make_or_read(at)
        self.postgres = postgres.Server(at.of("postgres"), at.port("postgres"), self.passwords.postgres, {"shared_buffers": "128MB"})
        self.kafka = kafka.Server(at.of("kafka"), at.port("kafka"), at.port("kafka-controller"), self.passwords.kafka)
        self.temporal = temporal.Server(
            at.of("temporal"),
            at.port("temporal"),
            at.port("temporal-http"),
            at.port("temporal-ui"),
            at.port("temporal-metrics"),
            services.NAMESPACE,
        )

    async def to_the_end(self) -> None:
        told_to_stop, why = asyncio.Event(), "it can’t go on"
        loop = asyncio.get_running_loop()

        def asked(by: signal.Signals) -> None:
            nonlocal why
            why = f"asked by {by.name}"
            told_to_stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, asked, number)
        try:
            up = asyncio.create_task(self._bring_up())
            stop = asyncio.create_task(told_to_stop.wait())
            await asyncio.wait((up, stop), return_when=asyncio.FIRST_COMPLETED)
            if up.done():
                up.result()
                self._greet()
                beside = [asyncio.create_task(self._watch_the_disk()), asyncio.create_task(self._train_kafka())]
                await stop
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
        except BaseExceptionGroup as faults:
            self.phase = "failed"
            raise _as_one(faults) from faults
        finally:
            self.say(f"stopping: {why}")
            await self.forks.end()
            await self.supervisor.stop([*reversed(services.PROCESSES[1:])], [*reversed(SERVERS)])
            await self.client.aclose()
            self.phase = self.phase if self.phase == "failed" else "stopped"
            self._changed([])
            self.say("stopped")

    async def _bring_up(self) -> None:
        kafka_up, temporal_up, assets_here = asyncio.Event(), asyncio.Event(), asyncio.Event()
        postgres_up, migrations = asyncio.Event(), asyncio.Semaphore(_MIGRATIONS_AT_ONCE)
        await self.forks.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(_then(self._start_kafka(), kafka_up))
            group.create_task(_then(self._start_postgres(), postgres_up))
            group.create_task(_then(self._start_temporal(), temporal_up))
            group.create_task(self._start_signin())
            group.create_task(_then(self._fetch_assets(), assets_here))
            for process in services.PROCESSES:
                others = {"bank-simulator": [], "workflows": [temporal_up], "approvals": [kafka_up, temporal_up, assets_here]}
                needed = others.get(process, [kafka_up, temporal_up])
                group.create_task(self._start_process(process, postgres_up, needed, migrations))
        # What is started again later reads its code again, and what only a start needs is given back.
        await self.forks.end()
        self.supervisor.started()
        self.phase = "ready"
        self._changed(self.kept)

    async def _start_postgres(self) -> None:
        await asyncio.to_thread(postgres.prepare, self.postgres)
        command = postgres.command(self.postgres, self.at.log("postgres"))
        await self.supervisor.start(Part(command, _yes_or_no(postgres.is_ready, self.postgres)))
        for service in DATABASES:
            await postgres.make_roles(self.postgres, service, self.passwords.owners[service], self.passwords.apps[service])
            await postgres.make_database(self.postgres, service, service)
        await postgres.make_reader(self.postgres, passwords.CHECKER, self.passwords.checker, DATABASES)

    async def _start_kafka(self) -> None:
        if not kafka.are_jars_here():
            self.say("fetching Kafka (46 MB, once for this user)")
        class_path = await asyncio.to_thread(kafka.jars)
        await asyncio.to_thread(kafka.prepare, self.kafka, class_path)
        command = kafka.command(self.kafka, class_path, self.at.log("kafka"))
        await self.supervisor.start(Part(command, _yes_or_no(kafka.is_ready, self.kafka)))
        await asyncio.to_thread(kafka.make_users, self.kafka)
        await asyncio.to_thread(kafka.make_topics, self.kafka, TOPICS)

    async def _train_kafka(self) -> None:
        """Halve the time of later starts. Never on a first start: someone is looking at the desk for the first time then."""
        class_path = kafka.jars()
        if self.is_first_start or kafka.memory(class_path).exists():
            return
        await asyncio.sleep(_QUIET_SECONDS)
        folder = self.at.of("kafka-training")
        shutil.rmtree(folder, ignore_errors=True)
        port, controller_port = free_ports(2)
        scratch = kafka.Server(folder, port, controller_port, {kafka.ADMIN: self.passwords.kafka[kafka.ADMIN]})
        try:
            await kafka.train(scratch, class_path, self.at.log("kafka-training"))
        except (Problem, OSError) as fault:
            # Nothing is lost by it but seconds of the next start.
            why = layout.as_problem(fault) if isinstance(fault, OSError) else fault
            self.say(f"Kafka's start could not be made faster. {why}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    async def _start_temporal(self) -> None:
        temporal.prepare(self.temporal)
        command = temporal.command(self.temporal, self.at.log("temporal"))
        await self.supervisor.start(Part(command, _yes_or_no(temporal.is_ready, self.temporal)))

    async def _start_signin(self) -> None:
        known = f"{self.at.http('signin')}/.well-known/openid-configuration"
        await self.supervisor.start(Part(signin.command(self.at.port("signin"), self.at.log("signin")), self._answers(known)))

    async def _fetch_assets(self) -> None:
        if not assets.are_here():
            self.say("fetching the desk's styles")
        await asyncio.to_thread(assets.install)

    async def _start_process(
        self, process: str, postgres_up: asyncio.Event, others: Sequence[asyncio.Event], migrations: asyncio.Semaphore
    ) -> None:
        if process in DATABASES:
            await postgres_up.wait()
            async with migrations:
                await self._migrate(process)
            if process == "ledger" and self.with_estate:
                await estate.load_once(self.at, self.say, self.forks)
        for other in others:
            await other.wait()
        await self.supervisor.start(Part(services.command(self.at, process), self._answers(f"{self.at.http(process)}/health")))

    async def _migrate(self, service: str) -> None:
        """Bring the tables to their latest form, unless these very migrations were run on this state before."""
        done, latest = self.at.of(service) / "migrated", _digest(places.ROOT / "services" / service / "migrations")
        if done.exists() and done.read_text() == latest:
            return
        database = self.postgres.database(service, service, self.passwords.owners[service], self.passwords.apps[service])
        command = services.command(self.at, service, "migrate", RENTBOOK_OWNER_DATABASE_URL=database.owner_url)
        await self.forks.finish(command, f"The migration of {service}")
        write_whole(done, latest)

    def _answers(self, address: str) -> Callable[[], Awaitable[Health]]:
        async def probe() -> Health:
            try:
                response = await self.client.get(address)
            except httpx.HTTPError as fault:
                return Health(False, (f"{type(fault).__name__} at {address}",))
            if response.status_code == httpx.codes.OK:
                return Health(True)
            return Health(False, _reasons(response))

        return probe

    def _greet(self) -> None:
        lines = (
            "",
            f"Rentbook is ready after {time.monotonic() - self.began:.1f} s.",
            "",
            f"  Desk              {self.at.desk}",
            f"  Temporal          {self.temporal.stories_address}",
            f"  State             {self.at.folder}",
            f"  Letters           {self.at.folder / 'letters'}",
            f"  Payment files     {self.at.folder / 'payments'}",
            "",
            "  Sign in at the desk as one of these (the sign-in asks for no password):",
            *(f"    {persona.subject:<17} {persona.name}, {persona.part}" for persona in signin.PERSONAS),
            "",
            f"{how_to_stop()} ends everything; what was done is kept for the next start.",
        )
        self._print("\n".join(lines))

    def say(self, message: str) -> None:
        self._print(f"{time.monotonic() - self.began:6.1f} s  {message}")

    def _print(self, words: str) -> None:
        """Lost where the words go to a file whose disk is full: that is no reason to end what runs."""
        try:
            has_space(self.at.log("console"))
            print(words, flush=True)
        except OSError as fault:
            if not is_full(fault):
                raise

    def _changed(self, kept: Sequence[Kept]) -> None:
        self.kept = kept
        known = {
            entry.name: {
                "pid": entry.pid,
                "born": layout.born(entry.pid) if entry.pid else None,
                "state": entry.state,
                "restarts": entry.restarts,
            }
            for entry in kept
        }
        try:
            layout.write(self.at.folder / "processes.json", {"phase": self.phase, "runner": os.getpid(), "processes": known})
            self.cannot_write = ""
        except OSError as fault:
            # Said once, not at every change: a full disk makes many of them.
            if self.cannot_write != fault.strerror:
                self.say(f"{self.at.folder} cannot be written ({fault.strerror}): free some space, or the servers will stop.")
            self.cannot_write = fault.strerror or "for no known reason"

    async def _watch_the_disk(self) -> None:
        warned = False
        while True:
            short = shutil.disk_usage(self.at.folder).free < _LEAST_FREE_BYTES
            if short and not warned:
                self.say(f"The disk of {self.at.folder} is nearly full: free some space, or the servers will stop.")
            warned = short
            await asyncio.sleep(_DISK_SECONDS)


def _require_ports(at: Layout) -> None:
    processes = (*SERVERS, *(process for process in services.PROCESSES if process not in SERVERS))
    for process in processes:
        for port in at.ports_of(process).values():
            require_free(port, process)


def _turn_logs(at: Layout) -> None:
    """Keep one former log of each process, so that logs do not fill the disk."""
    for log in at.log("any").parent.glob("*.log"):
        if log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))


def how_to_stop() -> str:
    """What whoever reads the greeting can do: no key reaches a runner that leads a session of its own, as with --detach."""
    return "./rentbook stop" if os.getsid(0) == os.getpid() else "Ctrl-C or ./rentbook stop"


async def _then(first: Awaitable[None], done: asyncio.Event) -> None:
    await first
    done.set()


def _yes_or_no(is_ready: Callable[[S], Awaitable[bool]], server: S) -> Callable[[], Awaitable[Health]]:
    async def probe() -> Health:
        return Health(await is_ready(server))

    return probe


def _reasons(response: httpx.Response) -> tuple[str, ...]:
    """What an unhealthy process says of itself."""
    try:
        reasons = response.json()["reasons"]
    except (ValueError, KeyError, TypeError):
        return (f"status {response.status_code}",)
    return tuple(str(reason) for reason in reasons)


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _as_one(faults: BaseExceptionGroup[BaseException]) -> BaseException:
    """The fault to tell of: what we have a sentence for, before what is a fault of this program."""
    leaves = _leaves(faults)
    for leaf in leaves:
        if isinstance(leaf, Problem):
            return leaf
    for leaf in leaves:
        if isinstance(leaf, OSError):
            return layout.as_problem(leaf)
    return leaves[0]


def _leaves(fault: BaseException) -> list[BaseException]:
    if isinstance(fault, BaseExceptionGroup):
        return [leaf for inner in fault.exceptions for leaf in _leaves(inner)]
    return [fault]
