"""What a bank's statement is known by, so that one exported again in another form is not taken twice."""

from alembic import op
from chassis.migration import grant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE bank_file ADD COLUMN bare_hash TEXT, ADD COLUMN unreferenced BOOLEAN DEFAULT false NOT NULL;

CREATE INDEX the_bare_records_of_a_file ON bank_file (bare_hash) WHERE status = 'TAKEN';

CREATE TABLE bank_statement (
  bank_file UUID NOT NULL,
  line INTEGER NOT NULL,
  bank_account TEXT NOT NULL,
  statement_id TEXT NOT NULL,
  sequence_number BIGINT,
  page TEXT NOT NULL,
  opening_date DATE,
  opening_pence BIGINT NOT NULL,
  closing_date DATE,
  closing_pence BIGINT NOT NULL,
  PRIMARY KEY (bank_file, line),
  CONSTRAINT a_statement_is_taken_once UNIQUE NULLS NOT DISTINCT
    (bank_account, statement_id, sequence_number, page, opening_date, opening_pence, closing_date, closing_pence),
  FOREIGN KEY(bank_file) REFERENCES bank_file (id)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bank_statement FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE bank_statement ENABLE ALWAYS TRIGGER append_only
"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
    grant(op, "bank_statement", "SELECT, INSERT")
