"""The real servers as the tests and the stack run them: separate users, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from rentbook_contracts.topics import Topic
from rentbook_local.postgres import Database
from support.servers import Kafka, Postgres, Temporal
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


async def test_a_service_cannot_enter_the_database_of_another(postgres: Postgres) -> None:
    theirs, ours = await postgres.new_database("refunds", empty=True), await postgres.new_database("ledger", empty=True)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(ours.app_dsn.replace(f"/{ours.name}", f"/{theirs.name}"))


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
