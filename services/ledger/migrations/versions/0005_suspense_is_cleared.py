"""Who paid and what they wrote, beside money in suspense; and each time such money was moved onto an account."""

from alembic import op
from chassis.migration import grant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CLEARING = """
ALTER TABLE suspense_item ADD COLUMN payer_name TEXT DEFAULT '' NOT NULL, ADD COLUMN text TEXT DEFAULT '' NOT NULL;

CREATE TABLE suspense_clearing (
  journal UUID PRIMARY KEY REFERENCES journal (id),
  item UUID NOT NULL REFERENCES suspense_item (journal),
  attempt SMALLINT NOT NULL,
  account UUID NOT NULL REFERENCES account (id),
  cleared_at TIMESTAMP WITH TIME ZONE NOT NULL,
  cleared_by TEXT NOT NULL,
  CONSTRAINT money_leaves_suspense_once UNIQUE (item, attempt),
  CONSTRAINT attempts_begin_with_one CHECK (attempt > 0)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON suspense_clearing FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE suspense_clearing ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in CLEARING.split(";\n"):
        op.execute(statement)
    grant(op, "suspense_clearing", "SELECT, INSERT")
