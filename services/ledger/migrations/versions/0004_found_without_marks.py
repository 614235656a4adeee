"""Names and addresses in a plain spelling, so that they are found without their marks, in Latin letters, and with a postcode unspaced."""

import sqlalchemy as sa
from alembic import op
from ledger.domain.folding import folded, folded_home

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("ALTER TABLE person ADD COLUMN latin TEXT, ADD COLUMN folded TEXT NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE property ADD COLUMN folded TEXT NOT NULL DEFAULT ''")
    connection = op.get_bind()
    people = connection.execute(sa.text("SELECT id, name FROM person")).all()
    _fold("person", {row.id: folded(row.name) for row in people})
    homes = connection.execute(sa.text("SELECT id, address, postcode FROM property")).all()
    _fold("property", {row.id: folded_home(row.address, row.postcode) for row in homes})
    for table in ("person", "property"):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN folded DROP DEFAULT")
        op.execute(f"CREATE INDEX {table}_by_part_of_its_spelling ON {table} USING gin (folded gin_trgm_ops)")


def _fold(table: str, spelt: dict[object, str]) -> None:
    """Write the spellings of all rows in one statement."""
    statement = sa.text(
        f"UPDATE {table} SET folded = told.folded FROM unnest(CAST(:ids AS uuid[]), CAST(:spelt AS text[])) AS told (id, folded) "  # noqa: S608
        f"WHERE {table}.id = told.id"
    )
    op.get_bind().execute(statement, {"ids": list(spelt), "spelt": list(spelt.values())})
