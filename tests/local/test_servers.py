"""The real servers as the tests and the stack run them: separate users, and nothing left behind."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from rentbook_contracts.topics import SERVICES, TOPICS, Topic
from rentbook_local import child
from rentbook_local import postgres as postgres_server
from rentbook_local.ports import free_ports
from rentbook_local.postgres import Database
from support.servers import Kafka, Postgres, Temporal, running_postgres
from temporalio.client import Client

_OWN = Topic("ledger.accounts", "ledger", ("refunds",), 2, timedelta(days=1))


def _sign_in(kafka: Kafka, user: str) -> dict[str, str]:
    return {
        "bootstrap_servers": kafka.bootstrap,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": kafka.password(user),
    }


async def _one_table(database: Database) -> None:
    connection = await asyncpg.connect(database.owner_dsn)
    await connection.execute(f'create table thing (id int); grant select on thing to "{database.app}"; insert into thing values (7)')
    await connection.close()


async def test_a_database_is_copied_from_its_migrated_template_and_the_app_role_owns_nothing(postgres: Postgres) -> None:
    first, second = await postgres.new_database("ledger", migrate=_one_table), await postgres.new_database("ledger", migrate=_one_table)
    assert first.name != second.name
    connection = await asyncpg.connect(second.app_dsn)
    try:
        assert await connection.fetchval("select id from thing") == 7
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("drop table thing")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("create table mine (id int)")
    finally:
        await connection.close()


async def test_a_copy_has_all_that_stood_in_its_original_and_goes_its_own_way(postgres: Postgres) -> None:
    original = await postgres.new_database("ledger", migrate=_one_table)
    copy = await postgres.copy_of(original, "ledger")
    for database, adds in ((copy, 8), (original, 9)):
        connection = await asyncpg.connect(database.owner_dsn)
        try:
            await connection.execute(f"insert into thing values ({adds})")
            assert [row["id"] for row in await connection.fetch("select id from thing order by id")] == [7, adds]
        finally:
            await connection.close()


async def test_the_log_does_not_quote_the_row_that_broke_a_rule(postgres: Postgres) -> None:
    database = await postgres.new_database("ledger", empty=True)
    canary = "Quillfeather-4711"
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        await connection.execute("create table person (name text, constraint nobody_is_called_so check (length(name) < 3))")
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute("insert into person values ($1)", canary)
        assert canary in str(refused.value.detail)
    finally:
        await connection.close()
    log = (postgres.server.folder.parent / "postgres.log").read_text()
    assert "nobody_is_called_so" in log
    assert canary not in log


async def test_a_service_cannot_enter_the_database_of_another(postgres: Postgres) -> None:
    theirs, ours = await postgres.new_database("refunds", empty=True), await postgres.new_database("ledger", empty=True)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(ours.app_dsn.replace(f"/{ours.name}", f"/{theirs.name}"))


@pytest.mark.parametrize("database", ["postgres", "template1", "template0"])
async def test_a_service_cannot_enter_the_databases_that_postgresql_brings(postgres: Postgres, database: str) -> None:
    ours = await postgres.new_database("ledger", empty=True)
    for dsn in (ours.app_dsn, ours.owner_dsn):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError)):
            await asyncpg.connect(dsn.replace(f"/{ours.name}", f"/{database}"))


async def test_a_database_from_before_is_shut_at_the_next_start(postgres: Postgres) -> None:
    ours = await postgres.new_database("ledger", empty=True)
    superuser = await asyncpg.connect(postgres.superuser_dsn(ours.name))
    try:
        await superuser.execute("grant execute on function lo_create(oid), lo_put(oid, bigint, bytea) to public")
    finally:
        await superuser.close()
    await postgres_server.make_database(postgres.server, ours.name, "ledger")
    app = await asyncpg.connect(ours.app_dsn)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute("select lo_create(0)")
    finally:
        await app.close()


async def test_only_its_publisher_may_write_a_topic_and_only_its_hearers_may_read_it(kafka: Kafka) -> None:
    other = Topic("notices.letters", "notices", (), 1, timedelta(days=1))
    prefix = await kafka.new_topics((_OWN, other))
    name = prefix + _OWN.name
    async with AIOKafkaProducer(**_sign_in(kafka, "ledger"), acks="all") as producer:
        await producer.send_and_wait(name, b"fact")
    async with AIOKafkaConsumer(name, **_sign_in(kafka, "refunds"), group_id=f"{prefix}refunds", auto_offset_reset="earliest") as consumer:
        assert (await consumer.getone()).value == b"fact"
    async with AIOKafkaProducer(**_sign_in(kafka, "refunds")) as producer:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait(name, b"forged")
    with pytest.raises(TopicAuthorizationFailedError):
        async with AIOKafkaConsumer(name, **_sign_in(kafka, "notices"), group_id=f"{prefix}notices") as consumer:
            await consumer.getone()
    with pytest.raises(GroupAuthorizationFailedError):
        async with AIOKafkaConsumer(prefix + other.name, **_sign_in(kafka, "notices"), group_id=f"{prefix}refunds") as consumer:
            await consumer.getone()


async def _may_write(kafka: Kafka, service: str, names: Mapping[str, str]) -> set[tuple[str, str]]:
    """The service with each topic that it could publish to, under the names that these topics have here."""
    may = set()
    async with AIOKafkaProducer(**_sign_in(kafka, service), acks="all") as producer:
        for topic, name in names.items():
            with suppress(TopicAuthorizationFailedError):
                await producer.send_and_wait(name, service.encode())
                may.add((service, topic))
    return may


async def _may_read(kafka: Kafka, service: str, names: Mapping[str, str]) -> set[tuple[str, str]]:
    """The service with each topic of which it was given a fact."""
    may = set()
    for topic, name in names.items():
        consumer = AIOKafkaConsumer(name, **_sign_in(kafka, service), auto_offset_reset="earliest")
        try:
            with suppress(TopicAuthorizationFailedError):
                await consumer.start()
                await consumer.getone()
                may.add((service, topic))
        finally:
            await consumer.stop()
    return may


async def test_each_service_may_write_what_it_publishes_and_read_what_it_hears_of_all_topics_and_nothing_else(kafka: Kafka) -> None:
    prefix = await kafka.new_topics(TOPICS)
    names = {topic.name: prefix + topic.name for topic in TOPICS}
    async with asyncio.timeout(60):
        written = await asyncio.gather(*(_may_write(kafka, service, names) for service in SERVICES))
        read = await asyncio.gather(*(_may_read(kafka, service, names) for service in SERVICES))
    assert set().union(*written) == {(topic.publisher, topic.name) for topic in TOPICS}
    assert set().union(*read) == {(hearer, topic.name) for topic in TOPICS for hearer in topic.hearers}


async def test_a_right_that_the_contracts_no_longer_give_is_taken_away(kafka: Kafka) -> None:
    elsewhere = await kafka.new_topics((_OWN,))
    prefix = await kafka.new_topics((replace(_OWN, hearers=("refunds", "notices")), replace(_OWN, name="ledger.gone", hearers=())))
    await kafka.new_topics((_OWN,), prefix=prefix)
    for user, topic in (("notices", _OWN.name), ("ledger", "ledger.gone")):
        with pytest.raises(TopicAuthorizationFailedError):
            async with AIOKafkaProducer(**_sign_in(kafka, user)) as producer:
                await producer.send_and_wait(prefix + topic, b"fact")
    with pytest.raises(TopicAuthorizationFailedError):
        async with AIOKafkaConsumer(prefix + _OWN.name, **_sign_in(kafka, "notices")) as consumer:
            await consumer.getone()
    for kept in (prefix, elsewhere):
        async with AIOKafkaProducer(**_sign_in(kafka, "ledger"), acks="all") as producer:
            await producer.send_and_wait(kept + _OWN.name, b"fact")


async def test_a_namespace_is_usable_as_soon_as_it_is_made(temporal: Temporal) -> None:
    client = await Client.connect(temporal.address, namespace=await temporal.new_namespace())
    handle = await client.start_workflow("unknown", id="w", task_queue="q")
    assert (await handle.describe()).id == "w"


_STARTS_AND_SAYS_ITS_PID = """
import asyncio, os
from support.servers import running_postgres
async def main():
    async with running_postgres() as server:
        print(server.server.folder, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


def test_a_killed_test_process_leaves_no_server_behind() -> None:
    tests = Path(__file__).parents[1]
    starter = subprocess.Popen(
        [sys.executable, "-c", _STARTS_AND_SAYS_ITS_PID], env={**os.environ, "PYTHONPATH": str(tests)}, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    folder = Path(starter.stdout.readline().strip())
    pid = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, f"PostgreSQL {pid} outlived its test process by 10 s"
        time.sleep(0.05)


async def test_a_dead_servers_lock_with_the_number_of_another_program_does_not_stop_the_next_start(tmp_path: Path) -> None:
    async with running_postgres() as first:
        folder = first.server.folder
        shutil.copytree(folder, tmp_path / "copy")
        copied = replace(first.server, folder=tmp_path / "copy", port=free_ports(1)[0])
    lock = copied.folder / "data" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    # Of the same user: PostgreSQL knows that a process of another one cannot be its own.
    idle = child.Command("idle", ("/bin/sleep", "100"), child.surroundings(), Path("/"), tmp_path / "idle.log", child.unprivileged())
    other = await child.spawn(idle)
    lock.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
    _hand_over(tmp_path)
    log = tmp_path / "log"
    commanded = postgres_server.command(copied, log)
    process = await child.spawn(commanded)
    assert await asyncio.wait_for(process.wait(), 20) != 0, "PostgreSQL itself would have started: the rest proves nothing"
    assert "already exists" in log.read_text()
    postgres_server.prepare(copied)
    process = await child.spawn(commanded)
    try:
        end = time.monotonic() + 20
        while not await postgres_server.is_ready(copied):
            assert process.returncode is None, log.read_text()
            assert time.monotonic() < end
    finally:
        await child.stop(process, commanded, grace_seconds=10)
        other.kill()
        await other.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user, who may be kept out of a folder")
async def test_postgresql_runs_in_a_folder_that_its_user_may_not_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = postgres_server.Server(closed / "postgres", free_ports(1)[0], "secret", postgres_server.NO_DURABILITY)
    assert (account := child.unprivileged(server.folder / "data"))
    assert account.capability is not None
    postgres_server.prepare(server)
    process = await child.spawn(commanded := postgres_server.command(server, tmp_path / "log"))
    try:
        end = time.monotonic() + 20
        while not await postgres_server.is_ready(server):
            assert process.returncode is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end
        status = await asyncio.to_thread(Path(f"/proc/{process.pid}/status").read_text)
        assert f"Uid:\t{account.uid}\t{account.uid}\t{account.uid}" in status
        assert f"CapEff:\t{1 << account.capability:016x}" in status
    finally:
        await child.stop(process, commanded, grace_seconds=10)


def _hand_over(folder: Path) -> None:
    """Give a copied data folder to the user who runs PostgreSQL."""
    if account := child.unprivileged():
        for path in (folder / "copy", *(folder / "copy").rglob("*")):
            os.chown(path, account.uid, account.gid)
