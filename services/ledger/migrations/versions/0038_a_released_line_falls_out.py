"""Refunds says that a released line fell out of its run: by that release nothing is posted any more."""

from alembic import op
from chassis.migration import grant

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE dropped_release (
  run UUID NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  dropped_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (run, case_id, attempt)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON dropped_release FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE dropped_release ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n\n"):
        op.execute(statement)
    grant(op, "dropped_release", "SELECT, INSERT")
