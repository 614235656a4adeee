"""Every statement that would unmake the books, tried as the role that runs the service."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from chassis.serving import Tick
from chassis.transaction import Runtime, run
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from ledger.domain.sealing import FIRST_HASH, content_of, next_hash
from ledger.settings import LedgerSettings
from ledger.use_cases.seal import sealing_into
from rentbook_local.postgres import Database
from support.ledger_books import MAIN, NEIGHBOUR
from support.servers import Postgres

APPEND_ONLY = (
    "journal", "entry", "accepted_posting", "seal", "debited_week", "opened_estate", "heard_decision", "heard_recall", "bank_file",
    "heard_not_carried_out", "bank_file_fault", "bank_file_line", "booked_entry", "suspense_item", "bank_statement",
    "heard_release", "dropped_release", "heard_return", "suspense_clearing", "matched_return", "unmatched_return", "posted_again",
    "heard_write_off", "heard_write_off_line",
    "written_off", "reinstatement", "written_off_charge", "reinstated_charge", "dropped_line", "posted_provision",
)  # fmt: skip
SEALED = (
    "seq", "id", "code", "effective_date", "posted_at", "rent_week", "cleared_on", "reverses", "case_id", "decision_id", "actor",
    "narrative",
)  # fmt: skip
BANK = CONTROL_ACCOUNTS[Control.BANK]


@pytest_asyncio.fixture(loop_scope="session")
async def app(ledger: Runtime, database: Database) -> AsyncIterator[asyncpg.Connection]:
    """Into an opened ledger as the role that runs it."""
    connection = await asyncpg.connect(database.app_dsn)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def superuser(ledger: Runtime, database: Database, postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.superuser_dsn(database.name))
    yield connection
    await connection.close()


async def written(connection: asyncpg.Connection, *legs: tuple[UUID, int], reverses: UUID | None = None) -> UUID:
    """A journal with these legs in one statement, as the service posts it."""
    id_ = uuid4()
    await connection.execute(
        "WITH written AS (INSERT INTO journal (id, code, effective_date, posted_at, reverses, actor, narrative) "
        "  VALUES ($1, 'RIT', current_date, now(), $2, 'system', '')), "
        "accepted AS (INSERT INTO accepted_posting VALUES ($1::text, '', $1)) "
        "INSERT INTO entry SELECT $1, line, account, '', pence "
        "  FROM unnest($3::uuid[], $4::bigint[]) WITH ORDINALITY AS leg (account, pence, line)",
        id_, reverses, [account for account, _ in legs], [pence for _, pence in legs],
    )  # fmt: skip
    return id_


async def balance(connection: asyncpg.Connection, account: UUID) -> int:
    return int(await connection.fetchval("SELECT balance_pence FROM account WHERE id = $1", account))


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}", "TRUNCATE {} CASCADE", "UPDATE {0} SET {1} = {1}"])
async def test_the_app_role_cannot_unmake(app: asyncpg.Connection, statement: str) -> None:
    first_column = "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum LIMIT 1"
    for table in APPEND_ONLY:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement.format(table, await app.fetchval(first_column, table)))


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_even_a_superuser_that_skips_ordinary_triggers_is_stopped(superuser: asyncpg.Connection, statement: str) -> None:
    async with superuser.transaction():
        await superuser.execute("SET LOCAL session_replication_role = replica")
        for table in APPEND_ONLY:
            with pytest.raises(asyncpg.RestrictViolationError):
                async with superuser.transaction():
                    await superuser.execute(statement.format(table))


async def test_the_app_role_may_not(app: asyncpg.Connection) -> None:
    statements = (
        "UPDATE account SET balance_pence = 0",
        "UPDATE account SET reference = 'x'",
        "DELETE FROM account",
        "TRUNCATE account CASCADE",
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "DROP TRIGGER double_entry ON entry",
        "DROP TABLE seal",
        "CREATE TABLE entry_2 (LIKE entry)",
        "SET session_replication_role = replica",
        "UPDATE credit_hold SET amount_pence = 1",
        "DELETE FROM credit_hold",
        "INSERT INTO written_off (journal, account, line, amount_pence, discharged, reinstated_pence) "
        "SELECT id, id, id, 1, false, 1 FROM account",
        "UPDATE clearing_rule SET working_days = 0",
        "INSERT INTO free_week VALUES ('WH50', '2026-11-30')",
        "INSERT INTO account (id, reference, kind, status, balance_pence) VALUES (gen_random_uuid(), 'x', 'RENT', 'CURRENT', -5)",
        "DELETE FROM inbox",
        "DELETE FROM accepted_command",
        "DELETE FROM outbox_event",
    )
    for statement in statements:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)


async def test_entries_add_up_to_zero(app: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="add up to zero"):
        await written(app, (MAIN, 500), (BANK, -499))
    with pytest.raises(asyncpg.CheckViolationError, match="add up to zero"):
        await written(app, (MAIN, 500))
    assert await balance(app, MAIN) == -140_00


async def test_balances_follow_the_entries(app: asyncpg.Connection) -> None:
    await written(app, (MAIN, 500), (NEIGHBOUR, -500))
    assert (await balance(app, MAIN), await balance(app, NEIGHBOUR)) == (-135_00, 25_00)


async def test_a_journal_has_entries(app: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="has entries"):
        await app.execute(
            "INSERT INTO journal (id, code, effective_date, posted_at, actor, narrative) "
            "VALUES (gen_random_uuid(), 'RIT', current_date, now(), 'system', '')"
        )


async def test_a_journal_is_accepted_under_a_key(app: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="under a key"):
        await app.execute(
            "WITH written AS (INSERT INTO journal (id, code, effective_date, posted_at, actor, narrative) "
            "  VALUES ($1, 'RIT', current_date, now(), 'system', '')) "
            "INSERT INTO entry VALUES ($1, 1, $2, '', 5), ($1, 2, $3, '', -5)",
            uuid4(), MAIN, NEIGHBOUR,
        )  # fmt: skip


async def test_nothing_is_added_to_a_journal_later(app: asyncpg.Connection) -> None:
    id_ = await written(app, (MAIN, 500), (NEIGHBOUR, -500))
    with pytest.raises(asyncpg.CheckViolationError, match="comes whole"):
        await app.execute("INSERT INTO entry VALUES ($1, 3, $2, '', 5), ($1, 4, $3, '', -5)", id_, MAIN, NEIGHBOUR)


async def test_a_reversal_is_a_mirror_image_and_comes_once(app: asyncpg.Connection) -> None:
    id_ = await written(app, (MAIN, 500), (NEIGHBOUR, -500))
    with pytest.raises(asyncpg.CheckViolationError, match="mirror image"):
        await written(app, (MAIN, -400), (NEIGHBOUR, 400), reverses=id_)
    await written(app, (MAIN, -500), (NEIGHBOUR, 500), reverses=id_)
    with pytest.raises(asyncpg.UniqueViolationError, match="a_journal_is_reversed_once"):
        await written(app, (MAIN, -500), (NEIGHBOUR, 500), reverses=id_)
    assert await balance(app, MAIN) == -140_00


async def test_a_settled_earmark_stays_settled(app: asyncpg.Connection) -> None:
    hold, case = uuid4(), uuid4()
    await app.execute("INSERT INTO credit_hold VALUES ($1, $2, $3, 1, 'x', 5, now(), 'PENDING')", hold, MAIN, case)
    await app.execute("UPDATE credit_hold SET state = 'RELEASED', settled_at = now() WHERE id = $1", hold)
    with pytest.raises(asyncpg.RestrictViolationError):
        await app.execute("UPDATE credit_hold SET state = 'PENDING', settled_at = NULL WHERE id = $1", hold)


SAID = {
    "account_hold": (
        "INSERT INTO account_hold (account, hold, set_at, set_by, reason) VALUES ($1, 'LEGAL', now(), 'ola', 'x')",
        ("lifted_at = {at}", "lifted_by = {by}"),
    ),
    "housing_benefit_claim": (
        "INSERT INTO housing_benefit_claim (account, since, reason, noted_at, noted_by) VALUES ($1, current_date, 'x', now(), 'ola')",
        ("decided_at = {at}", "decided_by = {by}", "decided_on = current_date", "decided_because = 'x'"),
    ),
    "payment_plan": (
        "INSERT INTO payment_plan VALUES (gen_random_uuid(), $1, current_date, 1, 'weekly', current_date, now(), 'ola')",
        ("ended_at = {at}", "ended_by = {by}", "ended_because = 'x'"),
    ),
}
"""What is said of an account, and what its end is written into."""


@pytest.mark.parametrize("table", SAID)
async def test_who_ended_what_is_written_once_and_stays(app: asyncpg.Connection, table: str) -> None:
    """They stand behind what is decided since: another name there would let them decide it."""
    said, columns = SAID[table]
    await app.execute(said, MAIN)
    ending = ", ".join(columns)
    await app.execute(f"UPDATE {table} SET {ending.format(at='now()', by=repr('efua'))} WHERE account = $1", MAIN)
    rewritten = (*columns, ending)
    for one in rewritten:
        for at, by in (("now() + interval '1 day'", "'ben'"), ("NULL", "NULL")):
            with pytest.raises(asyncpg.RestrictViolationError, match="stays as it is"):
                await app.execute(f"UPDATE {table} SET {one.format(at=at, by=by)} WHERE account = $1", MAIN)
    [row] = await app.fetch(f"SELECT * FROM {table} WHERE account = $1", MAIN)
    assert "efua" in row.values()
    await app.execute(said, MAIN)


# --- the seal ----------------------------------------------------------------------------------------------------------------------


async def seal(ledger: Runtime) -> None:
    settings = ledger.settings
    assert isinstance(settings, LedgerSettings)
    seal_journals = sealing_into(settings.anchor_dir)
    await run(ledger, lambda tx: seal_journals(tx, Tick(at=tx.now)))


async def chain(app: asyncpg.Connection) -> list[tuple[int, bytes]]:
    """Recompute the chain from the rows as README.md describes them; every seal is compared on the way."""
    rows = await app.fetch(
        "SELECT seal.audit_no, seal.prev_hash, seal.hash, journal.* FROM seal JOIN journal ON journal.id = seal.journal ORDER BY audit_no"
    )
    previous, heads = FIRST_HASH, []
    for place, row in enumerate(rows, start=1):
        fields = [row[name] for name in SEALED]
        entries = await app.fetch("SELECT line, account, element, amount_pence FROM entry WHERE journal = $1 ORDER BY line", row["id"])
        assert (row["audit_no"], row["prev_hash"]) == (place, previous)
        previous = next_hash(previous, content_of(fields, [tuple(entry) for entry in entries]))
        assert row["hash"] == previous
        heads.append((place, previous))
    return heads


def anchors(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "seal-anchors.jsonl").read_text().splitlines()]


async def test_every_journal_is_sealed_without_a_gap_and_the_head_is_anchored(
    ledger: Runtime, app: asyncpg.Connection, settings: LedgerSettings
) -> None:
    await seal(ledger)
    assert len(await chain(app)) == await app.fetchval("SELECT count(*) FROM journal")
    await written(app, (MAIN, 500), (NEIGHBOUR, -500))
    for _ in range(3):
        await seal(ledger)
    heads = await chain(app)
    assert len(heads) == await app.fetchval("SELECT count(*) FROM journal")
    assert settings.anchor_dir is not None
    lines = anchors(settings.anchor_dir)
    assert [line["audit_no"] for line in lines] == [len(heads) - 1, len(heads)], "each head once"
    assert lines[-1]["hash"] == heads[-1][1].hex()


@pytest.mark.parametrize("left", [b'{"audit_no": 1, "ha', b"{"], ids=["half a line", "its first byte"])
async def test_a_line_of_the_anchor_that_was_left_unfinished_is_written_anew(
    ledger: Runtime, app: asyncpg.Connection, settings: LedgerSettings, left: bytes
) -> None:
    assert settings.anchor_dir is not None
    await written(app, (MAIN, 500), (NEIGHBOUR, -500))
    for _ in range(2):
        await seal(ledger)
    before = anchors(settings.anchor_dir)
    file = settings.anchor_dir / "seal-anchors.jsonl"
    file.write_bytes(file.read_bytes() + left)
    await written(app, (MAIN, 600), (NEIGHBOUR, -600))
    for _ in range(2):
        await seal(ledger)
    assert anchors(settings.anchor_dir)[:-1] == before
    assert anchors(settings.anchor_dir)[-1]["audit_no"] == len(await chain(app))


async def test_a_full_disk_leaves_no_half_a_line_in_the_anchor(
    ledger: Runtime, app: asyncpg.Connection, settings: LedgerSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.anchor_dir is not None
    await written(app, (MAIN, 500), (NEIGHBOUR, -500))
    await seal(ledger)
    (tmp_path / "anchor.write").write_text("no-space")
    with monkeypatch.context() as full:
        full.setenv("RENTBOOK_FAILPOINTS", str(tmp_path))
        for _ in range(2):
            with pytest.raises(OSError, match="No space left"):
                await seal(ledger)
    assert (settings.anchor_dir / "seal-anchors.jsonl").stat().st_size > 0, "half a line was written"
    await seal(ledger)
    number, head = (await chain(app))[-1]
    assert [(line["audit_no"], line["hash"]) for line in anchors(settings.anchor_dir)] == [(number, head.hex())]


async def test_a_journal_that_committed_late_is_sealed_too(ledger: Runtime, app: asyncpg.Connection, database: Database) -> None:
    slow = await asyncpg.connect(database.app_dsn)
    try:
        transaction = slow.transaction()
        await transaction.start()
        late = await written(slow, (MAIN, 500), (BANK, -500))
        await written(app, (NEIGHBOUR, 500), (BANK, -500))
        await seal(ledger)
        await transaction.commit()
    finally:
        await slow.close()
    await seal(ledger)
    assert await app.fetchval("SELECT audit_no FROM seal WHERE journal = $1", late) == len(await chain(app))
