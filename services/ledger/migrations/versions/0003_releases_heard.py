"""Finance's releases and the bank's returns as they were heard: a refund is posted, and undone, on nothing less."""

from alembic import op
from chassis.migration import grant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RELEASES = """
CREATE TABLE heard_release (
  run UUID NOT NULL,
  case_id UUID NOT NULL,
  attempt INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  amount_pence BIGINT NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (run, case_id, attempt)
);

CREATE INDEX releases_of_a_case ON heard_release (case_id, attempt);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON heard_release FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE heard_release ENABLE ALWAYS TRIGGER append_only;

CREATE TABLE heard_return (
  journal UUID PRIMARY KEY,
  case_id UUID NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON heard_return FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE heard_return ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in RELEASES.split(";\n"):
        op.execute(statement)
    for table in ("heard_release", "heard_return"):
        grant(op, table, "SELECT, INSERT")
