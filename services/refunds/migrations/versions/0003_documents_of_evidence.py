"""The documents of evidence, under the envelope of bank details; append-only."""

from alembic import op
from chassis.migration import create_tables, grant
from refunds.tables import evidence_document

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tables(op, __file__)
    table = evidence_document.name
    grant(op, table, "SELECT, INSERT")
    op.execute(f"CREATE TRIGGER stays_as_written BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute(f"CREATE TRIGGER is_never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER stays_as_written")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER is_never_emptied")
