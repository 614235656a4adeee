"""What was said with a tenant, on the account: append-only."""

from alembic import op
from chassis.migration import create_tables, grant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "contact_note"


def upgrade() -> None:
    create_tables(op, __file__)
    grant(op, TABLE, "SELECT, INSERT")
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER append_only")
