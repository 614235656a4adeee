"""Approvals that came to nothing, as they were heard: nothing is posted on them any more, as on one that was recalled."""

from alembic import op
from chassis.migration import grant

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

NOT_CARRIED_OUT = """
CREATE TABLE heard_not_carried_out (
  decision UUID PRIMARY KEY,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON heard_not_carried_out FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE heard_not_carried_out ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in NOT_CARRIED_OUT.split(";\n"):
        op.execute(statement)
    grant(op, "heard_not_carried_out", "SELECT, INSERT")
