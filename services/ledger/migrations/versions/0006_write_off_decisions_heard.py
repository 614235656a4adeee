"""Decisions on schedules of write-offs as they were heard, line by line; a recall may be of either kind of decision."""

from alembic import op
from chassis.migration import grant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DECISIONS = """
CREATE TABLE heard_write_off (
  decision UUID PRIMARY KEY,
  schedule UUID NOT NULL,
  content_hash TEXT NOT NULL,
  answer TEXT NOT NULL,
  completes BOOLEAN NOT NULL,
  carried_out_from DATE NOT NULL,
  covers_to_pence BIGINT,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TABLE heard_write_off_line (
  decision UUID NOT NULL REFERENCES heard_write_off (decision),
  line UUID NOT NULL,
  content_hash TEXT NOT NULL,
  PRIMARY KEY (decision, line)
);

ALTER TABLE heard_recall DROP CONSTRAINT heard_recall_decision_fkey
"""
TABLES = ("heard_write_off", "heard_write_off_line")


def upgrade() -> None:
    for statement in DECISIONS.split(";\n"):
        op.execute(statement)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION append_only()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
        grant(op, table, "SELECT, INSERT")
