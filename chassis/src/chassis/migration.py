"""How a service's database gets its tables: alembic, run by the owner of the tables, granting to the role that runs the service."""

import asyncio
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from chassis.settings import MigrationSettings
from chassis.tables import chassis, outbox_replay

if TYPE_CHECKING:
    from alembic.operations import Operations

GRANTS = (
    ("outbox_event", "SELECT, INSERT, UPDATE (published_at, again_at)"),
    ("outbox_replay", "SELECT, INSERT"),
    ("outbox_workflow", "SELECT, INSERT, UPDATE (attempts, not_before, last_fault, done_at, outcome, reason)"),
    ("relay_epoch", "SELECT, INSERT, UPDATE (epoch)"),
    ("inbox", "SELECT, INSERT"),
    ("heard_version", "SELECT, INSERT, UPDATE (version)"),
    ("parked", "SELECT, INSERT, UPDATE (reason, resolved_at, resolution, resolved_by, seconded_by, because)"),
    ("accepted_command", "SELECT, INSERT, UPDATE (answer)"),
    ("process_probe", "SELECT, INSERT, UPDATE (written_at)"),
)
"""What the role that runs a service may do. Nobody who serves requests can delete or rewrite what was said."""


def create_chassis_tables(op: "Operations | ModuleType") -> None:
    """Create the chassis tables and grant them to the role that runs the service; for a service's first revision."""
    chassis.create_all(op.get_bind(), checkfirst=False)
    for table, rights in GRANTS:
        grant(op, table, rights)


def create_tables(op: "Operations | ModuleType", revision: str) -> None:
    """Create the tables of NUMBER_tables.sql, which lies beside the revision (`__file__`): their form does not follow the code's."""
    beside = Path(revision)
    number = beside.name.partition("_")[0]
    for statement in beside.with_name(f"{number}_tables.sql").read_text(encoding="utf-8").split(";\n"):
        op.execute(statement)


def let_facts_be_told_again(op: "Operations | ModuleType") -> None:
    """Add what `outbox replay` writes to databases that were made before there was such a command."""
    op.execute("ALTER TABLE outbox_event ADD COLUMN IF NOT EXISTS again_at timestamptz")
    grant(op, "outbox_event", "UPDATE (again_at)")


def keep_who_replays(op: "Operations | ModuleType") -> None:
    """Add the table of who had a topic published again to databases that were made before there was one."""
    outbox_replay.create(op.get_bind(), checkfirst=True)
    grant(op, "outbox_replay", "SELECT, INSERT")


def index_commands_of_people(op: "Operations | ModuleType") -> None:
    """Add the index that the review of access reads to databases that were made before there was one."""
    op.execute("CREATE INDEX IF NOT EXISTS commands_of_people ON accepted_command (person, name, accepted_at) WHERE person <> 'system'")


def grant(op: "Operations | ModuleType", table: str, rights: str) -> None:
    """Grant rights on one table, for example `SELECT, INSERT`, to the role that runs the service."""
    op.execute(f"GRANT {rights} ON {table} TO {app_role(op)}")


def narrow(op: "Operations | ModuleType", table: str, *columns: str) -> None:
    """Leave the role that runs the service the change of these columns of a table and of no others."""
    op.execute(f"REVOKE UPDATE ON {table} FROM {app_role(op)}")
    if columns:
        grant(op, table, f"UPDATE ({', '.join(columns)})")


def narrow_chassis(op: "Operations | ModuleType") -> None:
    """The same for the chassis tables, of a database that was made when the rights on them were wider."""
    narrow(op, "relay_epoch", "epoch")
    narrow(op, "process_probe", "written_at")


def app_role(op: "Operations | ModuleType") -> str:
    """The quoted name of the role that runs the service: the user of RENTBOOK_DATABASE_URL, as told to `migrate`."""
    config = op.get_context().config
    assert config is not None, "run through chassis.migration"
    return '"' + str(config.attributes["app_role"]).replace('"', '""') + '"'


def migrate(settings: MigrationSettings, folder: Path) -> None:
    """Bring the database to the newest revision in `folder`, in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["url"] = settings.owner_database_url
    config.attributes["app_role"] = sa.make_url(settings.database_url).username
    command.upgrade(config, "head")


def run_environment(metadata: sa.MetaData) -> None:
    """The whole of a service's `migrations/env.py`: `run_environment(tables.metadata)`."""
    from alembic import context

    asyncio.run(_upgrade(context.config.attributes["url"], metadata))


async def _upgrade(url: str, metadata: sa.MetaData) -> None:
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            # Two processes may migrate at once; the second finds nothing left to do.
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(7365501)"))
            await connection.run_sync(_upgrade_on, metadata)
    finally:
        await engine.dispose()


def _upgrade_on(connection: sa.Connection, metadata: sa.MetaData) -> Any:
    from alembic import context

    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
