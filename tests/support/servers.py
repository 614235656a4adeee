"""The real servers for tests: started once per session when the first test asks, gone with the test process.

async def test_something(postgres: Postgres, kafka: Kafka, temporal: Temporal) -> None:
    database = await postgres.new_database("ledger")        # migrated; database.app_url, database.owner_url
    prefix = await kafka.new_topics()                       # every topic of the contracts under a prefix of its own
    namespace = await temporal.new_namespace()
"""

import asyncio
import fcntl
import os
import secrets
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import asyncpg
from google.protobuf.duration_pb2 import Duration
from rentbook_contracts.topics import TOPICS, Topic
from rentbook_local import child, kafka, ports, postgres, services, temporal
from rentbook_local.layout import Layout
from rentbook_local.postgres import Database
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

_READY_SECONDS = 60.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_FOLDERS = "rentbook-tests-"
_NAMESPACE = "rentbook"
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 4 * 1024**3

Prepare = Callable[[Database], Awaitable[None]]


@dataclass
class Postgres:
    """A PostgreSQL server whose durability is off. Templates are migrated once, databases are copied from them."""

    server: postgres.Server
    _roles: dict[str, str] = field(default_factory=dict)
    _templates: dict[str, str] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made: list[str] = field(default_factory=list)
    _over: list[str] = field(default_factory=list)
    _superuser: asyncpg.Connection | None = None

    @property
    def port(self) -> int:
        return self.server.port

    def superuser_dsn(self, database: str) -> str:
        """postgresql:// as the superuser, for what no service may do."""
        return self.server.dsn(database)

    async def new_database(
        self, service: str, *, migrate: Prepare | None = None, prepare: Prepare | None = None, empty: bool = False
    ) -> Database:
        """A database of the service in its latest form.

        `migrate` replaces the service's own migrations; `prepare` fills the template after them. Their qualified names tell templates
        apart. `empty` leaves it without tables.
        """
        async with self._lock:
            await self._ensure_roles(service)
            return await self._copy(await self._template(service, migrate, prepare, empty), service)

    async def copy_of(self, original: Database, service: str) -> Database:
        """A database of the service with all that stands in the original, to which nobody may be connected meanwhile."""
        async with self._lock:
            return await self._copy(original.name, service)

    async def _copy(self, original: str, service: str) -> Database:
        # One connection for all that is made and dropped: another each time would cost as much as the copy.
        if self._superuser is None or self._superuser.is_closed():
            self._superuser = await asyncpg.connect(self.superuser_dsn("postgres"))
        copy = self._named(f"{service}_{uuid.uuid4().hex[:12]}", service)
        try:
            await postgres.drop_databases(self._superuser, self._over)
            self._over.clear()
            await postgres.copy_database(self._superuser, original, copy.name, service)
        except BaseException:
            # a test that was broken off in the middle of it leaves the next ones a whole connection
            self.leave()
            raise
        self._made.append(copy.name)
        return copy

    def leave(self) -> None:
        """End the connection by which databases are made."""
        if self._superuser is not None:
            self._superuser.terminate()

    @contextmanager
    def for_a_while(self) -> Iterator[None]:
        """The databases that are made within are dropped before the next one is made: thousands of them would fill the memory."""
        before = len(self._made)
        yield
        self._over += self._made[before:]
        del self._made[before:]

    async def _template(self, service: str, migrate: Prepare | None, prepare: Prepare | None, empty: bool) -> str:
        key = " ".join([service, *(f"{one.__module__}.{one.__qualname__}" if one else "-" for one in (migrate, prepare)), str(empty)])
        if key not in self._templates:
            database = self._named(f"template_{service}_{uuid.uuid4().hex[:8]}", service)
            await postgres.make_database(self.server, database.name, service)
            if migrate:
                await migrate(database)
            elif not empty:
                await asyncio.to_thread(_migrate, database, service)
            if prepare:
                await prepare(database)
            self._templates[key] = database.name
        return self._templates[key]

    async def _ensure_roles(self, service: str) -> None:
        if service not in self._roles:
            password = secrets.token_hex(8)
            await postgres.make_roles(self.server, service, password, password)
            self._roles[service] = password

    def _named(self, name: str, service: str) -> Database:
        return self.server.database(name, service, self._roles[service], self._roles[service])


def _migrate(database: Database, service: str) -> None:
    """Run the service's own `migrate`; nothing of the rest of its settings is reached."""
    with tempfile.TemporaryDirectory(prefix="rentbook-migrate-") as folder:
        nowhere = Layout(Path(folder), base_port=1024)
        urls = {"RENTBOOK_DATABASE_URL": database.app_url, "RENTBOOK_OWNER_DATABASE_URL": database.owner_url}
        child.finish(services.command(nowhere, service, "migrate", **urls), f"The migration of {service}")


@dataclass
class Kafka:
    """A broker with passwords and access rules as on the real stack; users are made when a topic names them."""

    server: kafka.Server
    process: asyncio.subprocess.Process

    @property
    def bootstrap(self) -> str:
        return self.server.bootstrap

    def password(self, user: str) -> str:
        """Of `admin` (who may do everything), or of any service that a made topic names."""
        return self.server.passwords[user]

    async def new_topics(self, topics: Iterable[Topic] = TOPICS, *, prefix: str | None = None) -> str:
        """Make the topics and their access rules under a fresh prefix (or the given one), and return the prefix."""
        chosen = f"t{uuid.uuid4().hex[:8]}." if prefix is None else prefix
        wanted = list(topics)
        users = {user for topic in wanted for user in (topic.publisher, *topic.hearers)}
        fresh = {user: secrets.token_hex(8) for user in users if user not in self.server.passwords}
        if fresh:
            self.server = replace(self.server, passwords={**self.server.passwords, **fresh})
            await asyncio.to_thread(kafka.make_users, self.server)
        await asyncio.to_thread(kafka.make_topics, self.server, wanted, prefix=chosen)
        return chosen


@dataclass
class Temporal:
    """A Temporal development server."""

    server: temporal.Server
    process: asyncio.subprocess.Process

    @property
    def address(self) -> str:
        return self.server.address

    async def new_namespace(self) -> str:
        """A namespace that no other test knows, ready to be used."""
        name = f"t{uuid.uuid4().hex[:12]}"
        client = await Client.connect(self.address, namespace=name)
        retention = Duration()
        retention.FromTimedelta(timedelta(days=2))
        request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
        await client.workflow_service.register_namespace(request)

        async def is_known() -> bool:
            try:
                async for _ in client.list_workflows(limit=1):
                    break
            except RPCError:
                return False
            return True

        await _until(is_known, f"the namespace {name}")
        return name


@asynccontextmanager
async def running_postgres(settings: Mapping[str, str] = postgres.NO_DURABILITY) -> AsyncIterator[Postgres]:
    """A PostgreSQL server of one's own; crash tests pass `settings={}` to keep it durable."""
    async with _folder("postgres") as folder:
        [port] = ports.free_ports(1)
        # A test connects several times: who knows the password has proven it after one round of hashing as well as after thousands.
        small = {"shared_buffers": "64MB", "scram_iterations": "1", "file_copy_method": "clone" if _clones(folder) else "copy"}
        server = postgres.Server(folder / "postgres", port, secrets.token_hex(8), {**small, **settings}, max_connections=200)
        await asyncio.to_thread(postgres.prepare, server)
        async with _running(postgres.command(server, folder / "postgres.log"), lambda: postgres.is_ready(server)):
            served = Postgres(server)
            yield served
            served.leave()


@asynccontextmanager
async def running_kafka() -> AsyncIterator[Kafka]:
    """A broker of one's own."""
    async with _folder("kafka") as folder:
        port, controller_port = ports.free_ports(2)
        server = kafka.Server(folder / "kafka", port, controller_port, {kafka.ADMIN: secrets.token_hex(8)})
        class_path = await asyncio.to_thread(kafka.jars)
        await asyncio.to_thread(kafka.prepare, server, class_path)
        command = kafka.command(server, class_path, folder / "kafka.log")
        async with _running(command, lambda: kafka.is_ready(server)) as process:
            yield Kafka(server, process)


@asynccontextmanager
async def running_temporal() -> AsyncIterator[Temporal]:
    """A Temporal development server of one's own."""
    async with _folder("temporal") as folder:
        port, http_port, ui_port, metrics_port = ports.free_ports(4)
        server = temporal.Server(folder / "temporal", port, http_port, ui_port, metrics_port, _NAMESPACE)
        temporal.prepare(server)
        async with _running(temporal.command(server, folder / "temporal.log"), lambda: temporal.is_ready(server)) as process:
            yield Temporal(server, process)


@asynccontextmanager
async def _running(command: child.Command, is_ready: Callable[[], Awaitable[bool]]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await child.spawn(command)

    async def ready_or_dead() -> bool:
        if process.returncode is not None:
            raise RuntimeError(f"{command.name} died while it started:\n{command.log.read_text(errors='replace')[-2000:]}")
        return await is_ready()

    try:
        await _until(ready_or_dead, command.name)
        yield process
    finally:
        await child.stop(process, command, grace_seconds=_STOP_SECONDS)


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not await condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} was not ready within {_READY_SECONDS:.0f} s")
        await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def _folder(name: str) -> AsyncIterator[Path]:
    """A folder of its own, locked while in use, so that the folders of test processes that were killed can be swept."""
    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{_FOLDERS}{name}-", dir=fast_folder()))
    os.chmod(folder, 0o711)
    lock = os.open(folder / "in-use", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _clones(folder: Path) -> bool:
    """Whether the kernel itself copies files there, which costs PostgreSQL half."""
    original, copy = folder / "original", folder / "copy"
    original.write_bytes(b"page")
    try:
        with original.open("rb") as source, copy.open("wb") as target:
            return os.copy_file_range(source.fileno(), target.fileno(), 4) == 4
    except OSError:
        return False


def fast_folder() -> Path:
    """Where servers of tests keep their files: in memory where there is room, for each database copied is hundreds of files."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _sweep() -> None:
    for folder in fast_folder().glob(f"{_FOLDERS}*"):
        try:
            lock = os.open(folder / "in-use", os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
