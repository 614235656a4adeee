"""Requests for refunds as they were heard: a credit that went to income is put back onto its account for nothing less."""

from alembic import op
from chassis.migration import grant

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

REQUESTS = """
CREATE TABLE heard_request (
  case_id UUID PRIMARY KEY,
  account UUID NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON heard_request FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE heard_request ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in REQUESTS.split(";\n"):
        op.execute(statement)
    grant(op, "heard_request", "SELECT, INSERT")
