"""What each person last had accepted, among the steps of stories, which are most of what a service accepts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from chassis.last_commands import last_commands
from chassis.tables import outbox_replay
from chassis.transaction import Runtime, Transaction, run
from rentbook_contracts.operation import Nothing
from rentbook_contracts.people import LastCommand
from rentbook_local.postgres import Database
from sqlalchemy.ext.asyncio import create_async_engine

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
MANY = sa.text(
    "INSERT INTO accepted_command (key, name, request_hash, answer, person, accepted_at) "
    "SELECT 'key-' || n, 'name-' || n % 9, '', '{}', CASE WHEN n % 1000 = 0 THEN 'asha.officer' ELSE 'system' END, "
    "CAST(:noon AS timestamptz) + n * interval '1 second' FROM generate_series(1, 20000) AS n"
)


@pytest.fixture
async def busy(dry: Runtime, database: Database) -> Runtime:
    """A service that accepted 20 commands of a person among 20,000."""
    owner = create_async_engine(database.owner_url)
    async with owner.begin() as connection:
        await connection.execute(MANY, {"noon": NOON})
        await connection.execute(sa.text("ANALYZE accepted_command"))
    await owner.dispose()
    return dry


async def test_of_each_person_and_command_the_last_is_told_and_no_step_of_a_story(busy: Runtime) -> None:
    told = (await run(busy, lambda tx: last_commands(tx, Nothing()))).commands
    assert len(told) == 9
    assert {one.person for one in told} == {"asha.officer"}
    assert LastCommand(person="asha.officer", command="name-2", at=NOON + timedelta(seconds=20000)) in told


async def test_the_steps_of_stories_are_not_read_for_it(busy: Runtime) -> None:
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    async def planned(tx: Transaction) -> str:
        sa.event.listen(busy.engine.sync_engine, "before_cursor_execute", listen)
        await last_commands(tx, Nothing())
        return "\n".join(await tx.connection.scalars(sa.text(f"EXPLAIN {said[0]}")))

    assert "commands_of_people" in await run(busy, planned)


async def test_what_operators_did_is_told_by_the_name_that_they_gave(dry: Runtime) -> None:
    parked = (
        "INSERT INTO parked (topic, key, partition, record_offset, headers, body, payload_hash, reason, parked_at, resolved_at, resolution,"
        " resolved_by, seconded_by, because) VALUES ('t', 'k', 0, {at}, '{{}}', '', '', 'x', now(), :noon, '{how}', '{by}', {second}, 'y')"
    )
    async with dry.engine.begin() as connection:
        for day in (1, 2):
            row = {"topic": "t", "facts": 3, "by": "Ottilie Ops", "at": NOON - timedelta(days=day)}
            await connection.execute(outbox_replay.insert().values(row))
        for at, (how, by, second) in enumerate(
            (("replayed", "Ottilie Ops", "NULL"), ("replayed", "system", "NULL"), ("discarded", "Ottilie Ops", "'Otto Ops'"))
        ):
            await connection.execute(sa.text(parked.format(at=at, how=how, by=by, second=second)), {"noon": NOON})
    told = (await run(dry, lambda tx: last_commands(tx, Nothing()), read_only=True)).commands
    assert [(one.person, one.command, one.at) for one in told] == [
        ("Ottilie Ops", "outbox-replay", NOON - timedelta(days=1)),
        ("Ottilie Ops", "parked-discard", NOON),
        ("Ottilie Ops", "parked-replay", NOON),
        ("Otto Ops", "parked-discard", NOON),
    ]
