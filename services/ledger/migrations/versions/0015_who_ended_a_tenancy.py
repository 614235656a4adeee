"""Who noted the end of a tenancy: they stand behind what may be refunded because of it, and decide no refund of it."""

from alembic import op
from chassis.migration import grant

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ENDINGS = """
CREATE TABLE tenancy_ending (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenancy UUID NOT NULL REFERENCES tenancy (id),
  by TEXT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE INDEX tenancy_ending_tenancy_idx ON tenancy_ending (tenancy);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tenancy_ending FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE tenancy_ending ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in ENDINGS.split(";\n"):
        op.execute(statement)
    grant(op, "tenancy_ending", "SELECT, INSERT")
