"""What the role that runs a service may change: these columns and no others, and nothing of what is append-only."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from support.servers import Postgres

CHASSIS = {
    "outbox_event": "again_at published_at",
    "outbox_workflow": "attempts done_at last_fault not_before outcome reason",
    "relay_epoch": "epoch",
    "heard_version": "version",
    "parked": "because reason resolution resolved_at resolved_by seconded_by",
    "accepted_command": "answer",
    "process_probe": "written_at",
}
MAY_CHANGE: dict[str, dict[str, str]] = {
    "ledger": {
        "account": "status version",
        "tenancy": "ended_on final_charges_posted forwarding_address_known keys_returned_on recharge_inspected",
        "account_hold": "lifted_at lifted_by",
        "credit_hold": "settled_at state",
        "housing_benefit_claim": "decided_at decided_because decided_by decided_on",
        "payment_plan": "ended_at ended_because ended_by",
        "person": "died_on",
    },
    "refunds": {
        "refund_case": "asked_as asked_at asked_by attempt changes changes_in_round cleared_credit_pence consents decide_by floor_pence"
        " identified_how is_open joint_consent note opted_out pay_by payee policy_version queued_at queued_decision queued_hash"
        " reason_code refund_journal requested_pence round run status status_note taken_by unlisted_since version withdrawn_attempt",
        "payment_run": "status status_note",
        "payment_file": "content",
        "payment_line": "because refund_journal status",
        "credit_look": "due_on",
    },
    "approvals": {
        "approval_case": "version",
        "task": "assigned_to because claim_expires_at claimed_by closed_at escalated_at reminded_at status",
        "staff": "last_seen_at name roles",
        "desk_session": "last_seen_at",
        "saved_view": "filters saved_at view",
        "case_seen": "seen_at",
    },
    "notices": {"letter": "claimed_by problem status"},
    "writeoffs": {
        "proposal": "again_on amount_pence attempt balance_pence charges closed_at debtor_total_pence followed journal left_out"
        " look_again_on policy_version refused_pence schedule status status_note version",
        "schedule": "answered_round closed_at decision round status status_note withdrawn",
        "schedule_line": "because journal standing",
        "register": "came_back_on reinstated_pence",
        "last_contact": "at on",
    },
}
"""By service and table, in the order of the alphabet: what its code updates."""

MAY_DELETE: dict[str, set[str]] = {
    "ledger": set(),
    "refunds": {"credit_look"},
    "approvals": {"desk_session", "saved_view"},
    "notices": set(),
    "writeoffs": set(),
}

_RIGHTS = """
SELECT relname AS table, attname AS column, has_column_privilege(pg_class.oid, attnum, 'UPDATE') AS may_change,
       has_table_privilege(pg_class.oid, 'DELETE') AS may_delete, has_table_privilege(pg_class.oid, 'TRUNCATE') AS may_empty
FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped AND attidentity <> 'a'
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version' ORDER BY relname, attname
"""

_LARGE_OBJECTS = """
SELECT oid::regprocedure FROM pg_proc WHERE proname ~ '^lo_|^lo(read|write)$' AND has_function_privilege(oid, 'EXECUTE')
"""


@pytest.fixture(params=sorted(MAY_CHANGE))
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(loop_scope="session")
async def app(service: str, postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    """Into a service's migrated database as the role that runs it."""
    database = await postgres.new_database(service)
    connection = await asyncpg.connect(database.app_dsn)
    yield connection
    await connection.close()


async def test_it_may_change_what_its_code_changes_and_no_more(service: str, app: asyncpg.Connection) -> None:
    rows = await app.fetch(_RIGHTS)
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["may_change"]:
            found.setdefault(row["table"], []).append(row["column"])
    assert {table: " ".join(columns) for table, columns in found.items()} == CHASSIS | MAY_CHANGE[service]
    assert {row["table"] for row in rows if row["may_delete"]} == MAY_DELETE[service]
    assert not [row["table"] for row in rows if row["may_empty"]]


async def test_another_column_is_refused(service: str, app: asyncpg.Connection) -> None:
    rows = await app.fetch(_RIGHTS)
    changed = CHASSIS | MAY_CHANGE[service]
    fixed = [
        (row["table"], row["column"]) for row in rows if row["table"] in changed and row["column"] not in changed[row["table"]].split()
    ]
    assert {table for table, _ in fixed} == set(changed)
    for table, column in fixed:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(f'UPDATE "{table}" SET "{column}" = "{column}"')


async def test_what_is_append_only_is_not_unmade(service: str, app: asyncpg.Connection) -> None:
    rows = await app.fetch(_RIGHTS)
    changed = (CHASSIS | MAY_CHANGE[service]).keys() | MAY_DELETE[service]
    first = {row["table"]: row["column"] for row in rows if row["table"] not in changed}
    assert len(first) >= 2
    for table, column in first.items():
        for statement in (
            f'UPDATE "{table}" SET "{column}" = "{column}"',
            f'DELETE FROM "{table}"',
            f'TRUNCATE "{table}" CASCADE',
            f'ALTER TABLE "{table}" DISABLE TRIGGER ALL',
            f'DROP TABLE "{table}" CASCADE',
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(statement)


async def test_large_objects_which_no_table_holds_are_not_made(app: asyncpg.Connection) -> None:
    for call in (
        "lo_creat(-1)",
        "lo_create(0)",
        "lo_from_bytea(0, 'x')",
        "lo_put(1, 0, 'x')",
        "lo_open(1, 131072)",
        "lowrite(0, 'x')",
        "lo_unlink(1)",
        "lo_get(1)",
        "lo_import('/etc/hostname')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(f"SELECT {call}")
    assert await app.fetch(_LARGE_OBJECTS) == []


async def test_triggers_are_not_set_aside(app: asyncpg.Connection) -> None:
    for statement in (
        "SET session_replication_role = replica",
        "SET LOCAL session_replication_role = replica",
        "CREATE TABLE more (x int)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
