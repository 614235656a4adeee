"""What was said with a tenant, on the account: append-only."""

from alembic import op
from approvals.tables import metadata
from chassis.migration import grant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "contact_note"


def upgrade() -> None:
    # A database that begins today has the table from the first revision, without its rights and triggers.
    metadata.create_all(op.get_bind(), tables=[metadata.tables[TABLE]], checkfirst=True)
    grant(op, TABLE, "SELECT, INSERT")
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER append_only")
