"""Whose credit an open case asks for, as refunds tells: it goes to income for nobody while that lasts. Every word is kept.

A request that was heard before counts as ended: its end was not kept. Where it is open, its story puts back what went to income.
"""

from alembic import op
from chassis.migration import grant

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ASKED = """
CREATE TABLE credit_asked (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id UUID NOT NULL,
  account UUID NOT NULL,
  asked BOOLEAN NOT NULL,
  heard_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE INDEX credit_asked_of_an_account ON credit_asked (account);

CREATE INDEX credit_asked_by_a_case ON credit_asked (case_id, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_asked FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE credit_asked ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in ASKED.split(";\n"):
        op.execute(statement)
    grant(op, "credit_asked", "SELECT, INSERT")
