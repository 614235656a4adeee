"""The migrations make the very tables that the code works with."""

from pathlib import Path
from runpy import run_path
from uuid import UUID

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from ledger.tables import metadata
from rentbook_local.postgres import Database
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": metadata})
    return [each for each in compare_metadata(context, metadata) if not (each[0] == "remove_table" and each[1].name == "alembic_version")]


def constraints(connection: sa.Connection) -> set[str]:
    checks = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    return set(connection.scalars(sa.text(checks)))


def of_migration(beginning: str, name: str) -> list[str]:
    """The statements of a migration."""
    [path] = (Path(__file__).parents[2] / "services" / "ledger" / "migrations" / "versions").glob(f"{beginning}_*.py")
    return str(run_path(str(path))[name]).split(";\n")


UNTIED = "DROP COLUMN source, DROP CONSTRAINT bank_file_line_bank_file_fkey, DROP CONSTRAINT bank_file_line_journal_fkey"
"""Lines of a file that need no file."""


async def test_entries_booked_before_are_known_by_their_own_reference_and_amount(database: Database) -> None:
    engine = create_async_engine(database.owner_url, poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in (
            "DROP INDEX entries_by_their_other_reference",
            "ALTER TABLE booked_entry DROP COLUMN other_reference, DROP COLUMN amount_pence",
            f"ALTER TABLE bank_file_line {UNTIED}",
            "ALTER TABLE booked_entry DROP CONSTRAINT booked_entry_bank_file_fkey",
            "INSERT INTO bank_file_line (bank_file, no, line, amount_pence, code, entry_reference, effective_date, pending, journal) "
            "SELECT '00000000-0000-0000-0000-000000000001', no, no, no * 100, 'RBP', reference, '2026-06-01', false, gen_random_uuid() "
            "FROM unnest(ARRAY['B#1', 'B#2', 'A', 'C#1']) WITH ORDINALITY AS given (reference, no)",
            "INSERT INTO booked_entry SELECT 'rent income', entry_reference, bank_file FROM bank_file_line",
            *of_migration("0014", "EVERY_REFERENCE"),
        ):
            await connection.execute(sa.text(statement))
        booked = await connection.execute(sa.text("SELECT entry_reference, amount_pence FROM booked_entry"))
        assert {row.entry_reference: row.amount_pence for row in booked} == {"A": 300, "B": 300, "B#1": 100, "B#2": 200, "C#1": 400}
        await connection.rollback()
    await engine.dispose()


async def test_entries_booked_before_are_known_by_the_day_of_their_lines(database: Database) -> None:
    engine = create_async_engine(database.owner_url, poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in (
            "ALTER TABLE booked_entry DROP COLUMN booked_on, DROP CONSTRAINT booked_entry_bank_file_fkey",
            f"ALTER TABLE bank_file_line {UNTIED}",
            "INSERT INTO bank_file_line (bank_file, no, line, amount_pence, code, entry_reference, effective_date, pending, journal) "
            "SELECT '00000000-0000-0000-0000-000000000001', no, no, 100, 'RBP', reference, CAST('2026-06-01' AS date) + no::int, false, "
            "gen_random_uuid() FROM unnest(ARRAY['A', 'B#1', 'B#2']) WITH ORDINALITY AS given (reference, no)",
            "INSERT INTO booked_entry (bank_account, entry_reference, bank_file, amount_pence) SELECT 'rent income', reference, "
            "'00000000-0000-0000-0000-000000000001', 100 FROM unnest(ARRAY['A', 'B', 'C']) AS given (reference)",
            *of_migration("0019", "THE_DAY"),
        ):
            await connection.execute(sa.text(statement))
        booked = await connection.execute(sa.text("SELECT entry_reference, booked_on FROM booked_entry"))
        days = {row.entry_reference: str(row.booked_on) for row in booked}
        assert days == {"A": "2026-06-02", "B": "2026-06-03", "C": "None"}
        await connection.rollback()
    await engine.dispose()


async def test_lines_taken_before_are_of_the_statement_that_they_stand_in(database: Database) -> None:
    engine = create_async_engine(database.owner_url, poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in (
            "ALTER TABLE bank_file_line DROP COLUMN source, DROP CONSTRAINT bank_file_line_journal_fkey",
            "INSERT INTO bank_file (id, name, format, status, sha256, size_bytes, uploaded_at, uploaded_by, receipts, total_pence, "
            "in_suspense, pending, faults_in_all) SELECT file, format, format, 'TAKEN', format, 1, now(), 'a', 1, 1, 0, 0, 0 FROM (VALUES "
            f"('{UUID(int=1)}'::uuid, 'camt.053'), ('{UUID(int=2)}'::uuid, 'allpay')) AS given (file, format)",
            "INSERT INTO bank_statement (bank_file, line, bank_account, statement_id, page, opening_pence, closing_pence) "
            f"SELECT '{UUID(int=1)}', line, account, account, '', 0, 0 FROM (VALUES (1, 'rent'), (10, 'garages')) AS given (line, account)",
            "INSERT INTO bank_file_line (bank_file, no, line, amount_pence, code, effective_date, pending, journal) "
            f"SELECT file, line, line, 100, 'RBP', '2026-06-01', false, gen_random_uuid() FROM (VALUES ('{UUID(int=1)}'::uuid, 2), "
            f"('{UUID(int=1)}', 9), ('{UUID(int=1)}', 11), ('{UUID(int=2)}', 1)) AS given (file, line)",
            *of_migration("0020", "THE_SOURCE"),
        ):
            await connection.execute(sa.text(statement))
        sources = await connection.scalars(sa.text("SELECT source FROM bank_file_line ORDER BY bank_file, no"))
        assert list(sources) == ["rent", "rent", "garages", "allpay"]
        await connection.rollback()
    await engine.dispose()


async def test_a_breathing_space_that_ran_before_is_standard_from_the_day_in_london_on_which_it_was_recorded(database: Database) -> None:
    """It ends sixty days later at the latest; one that was lifted stays as it is, and so does any other hold."""
    engine = create_async_engine(database.owner_url, poolclass=NullPool)
    async with engine.connect() as connection:
        for statement in (
            "ALTER TABLE account_hold DROP CONSTRAINT account_hold_account_fkey, "
            "DROP CONSTRAINT a_breathing_space_has_a_kind_and_a_first_day",
            "INSERT INTO account_hold (account, hold, set_at, set_by, reason, until, lifted_at, lifted_by) "
            "SELECT gen_random_uuid(), hold, CAST(set_at AS timestamptz), 'x', '', CAST(until AS date), CAST(lifted_at AS timestamptz), by "
            "FROM (VALUES ('BREATHING_SPACE', '2026-06-01 23:30Z', NULL, NULL, NULL), "
            "('BREATHING_SPACE', '2026-06-01', '2026-06-20', NULL, NULL), ('BREATHING_SPACE', '2026-06-01', '2026-12-31', NULL, NULL), "
            "('BREATHING_SPACE', '2026-06-01', NULL, '2026-06-03', 'x'), ('DISPUTE', '2026-06-01', NULL, NULL, NULL)) "
            "AS given (hold, set_at, until, lifted_at, by)",
            *of_migration("0031", "THOSE_THAT_RUN"),
        ):
            await connection.execute(sa.text(statement))
        rows = await connection.execute(sa.text("SELECT kind, first_day, until FROM account_hold ORDER BY id"))
        assert [(row.kind, str(row.first_day), str(row.until)) for row in rows] == [
            ("standard", "2026-06-02", "2026-07-31"),
            ("standard", "2026-06-01", "2026-06-20"),
            ("standard", "2026-06-01", "2026-07-30"),
            (None, "None", "None"),
            (None, "None", "None"),
        ]
        await connection.rollback()
    await engine.dispose()


async def test_tables_in_code_and_in_the_database_are_the_same(database: Database) -> None:
    engine = create_async_engine(database.owner_url, poolclass=NullPool)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        said = {
            str(constraint.name)
            for table in metadata.tables.values()
            for constraint in table.constraints
            if isinstance(constraint, sa.CheckConstraint) and constraint.name
        }
        assert said == await connection.run_sync(constraints)
    await engine.dispose()
