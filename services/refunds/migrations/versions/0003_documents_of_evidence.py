"""The documents of evidence, under the envelope of bank details; append-only."""

from alembic import op
from chassis.migration import grant
from refunds.tables import evidence_document, metadata

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A database that begins today has the table from the first revision, without its rights and triggers.
    metadata.create_all(op.get_bind(), tables=[evidence_document], checkfirst=True)
    table = evidence_document.name
    grant(op, table, "SELECT, INSERT")
    op.execute(f"CREATE TRIGGER stays_as_written BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute(f"CREATE TRIGGER is_never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER stays_as_written")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER is_never_emptied")
