"""Write-offs against a provision, what was put back of them, unclaimed credits taken to income, and lines that were left out."""

import sqlalchemy as sa
from alembic import op
from chassis.migration import grant
from ledger.domain.posting import CONTROL_ACCOUNTS, Control

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WRITE_OFFS = """
ALTER TABLE ledger_policy
  ADD COLUMN debtor_total_months SMALLINT DEFAULT 12 NOT NULL,
  ADD COLUMN vat_percent SMALLINT DEFAULT 20 NOT NULL;

UPDATE posting_code SET contra = 'BAD_DEBT_PROVISION' WHERE code = 'WOF';

INSERT INTO posting_code (code, words, part, contra) VALUES
  ('WON', 'Written-off debt put back', 'write-offs', 'BAD_DEBT_PROVISION'),
  ('CWO', 'Unclaimed credit taken to income', 'write-offs', 'CREDITS_WRITTEN_ON');

INSERT INTO clearing_rule (code, in_force_from, working_days, reason)
  SELECT code, DATE '2020-04-06', 0, 'no money comes in' FROM posting_code WHERE code IN ('WON', 'CWO');

ALTER TABLE journal ADD CONSTRAINT a_write_off_is_put_back_by_a_decision CHECK (reverses IS NULL OR code NOT IN ('WOF', 'WON', 'CWO'));

CREATE TABLE written_off (
  journal UUID PRIMARY KEY REFERENCES journal (id),
  account UUID NOT NULL REFERENCES account (id),
  line UUID NOT NULL,
  amount_pence BIGINT NOT NULL,
  reinstated_pence BIGINT DEFAULT '0' NOT NULL,
  discharged BOOLEAN NOT NULL,
  CONSTRAINT a_write_off_is_of_something CHECK (amount_pence > 0),
  CONSTRAINT no_more_is_put_back_than_was_written_off CHECK (reinstated_pence BETWEEN 0 AND amount_pence),
  CONSTRAINT a_discharged_debt_is_never_put_back CHECK (NOT discharged OR reinstated_pence = 0)
);

CREATE INDEX write_offs_of_an_account ON written_off (account);

CREATE TABLE reinstatement (
  journal UUID PRIMARY KEY REFERENCES journal (id),
  write_off UUID NOT NULL REFERENCES written_off (journal),
  amount_pence BIGINT NOT NULL,
  CONSTRAINT a_reinstatement_is_of_something CHECK (amount_pence > 0)
);

CREATE INDEX reinstatements_of_a_write_off ON reinstatement (write_off);

CREATE TABLE dropped_line (
  line UUID NOT NULL,
  attempt INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  decision UUID NOT NULL,
  because TEXT NOT NULL,
  dropped_at TIMESTAMP WITH TIME ZONE NOT NULL,
  PRIMARY KEY (line, attempt)
)
"""

RESTS_ON_A_DECISION = """
CREATE FUNCTION write_off_rests_on_a_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM written WHERE code IN ('WOF', 'WON', 'CWO') AND NOT EXISTS (
      SELECT FROM heard_write_off AS heard JOIN heard_write_off_line AS let_through USING (decision)
      WHERE heard.decision = written.decision_id AND let_through.line = written.case_id AND heard.answer = 'approved' AND heard.completes
        AND heard.carried_out_from <= written.effective_date
        AND NOT EXISTS (SELECT FROM heard_recall WHERE heard_recall.decision = heard.decision))
  ) THEN
    RAISE EXCEPTION 'a write-off rests on a decision that was heard, names its line, stands, and whose day has come'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_write_off_rests_on_a_decision';
  END IF;
  RETURN NULL;
END $$
"""  # noqa: E501

PUT_BACK = """
CREATE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE written_off SET reinstated_pence = reinstated_pence + back.pence
    FROM (SELECT write_off, sum(amount_pence) AS pence FROM put GROUP BY write_off) AS back
    WHERE written_off.journal = back.write_off;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    # From here on its accounts are those of this revision: the first one writes every account that it finds in code.
    _control_accounts(Control.BAD_DEBT_PROVISION, Control.CREDITS_WRITTEN_ON)
    for statement in WRITE_OFFS.split(";\n"):
        op.execute(statement)
    for function in (RESTS_ON_A_DECISION, PUT_BACK):
        op.execute(function)
    _always(
        "journal",
        "decided_write_offs",
        "AFTER INSERT",
        "REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION write_off_rests_on_a_decision()",
    )
    _always("reinstatement", "put_back", "AFTER INSERT", "REFERENCING NEW TABLE AS put FOR EACH STATEMENT EXECUTE FUNCTION put_back()")
    for table in ("reinstatement", "dropped_line"):
        _always(table, "append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "FOR EACH STATEMENT EXECUTE FUNCTION append_only()")
    _always("written_off", "append_only", "BEFORE DELETE OR TRUNCATE", "FOR EACH STATEMENT EXECUTE FUNCTION append_only()")
    _always(
        "written_off",
        "only_more_is_put_back",
        "BEFORE UPDATE",
        "FOR EACH ROW WHEN (NEW.reinstated_pence <= OLD.reinstated_pence "
        "OR (NEW.journal, NEW.account, NEW.line, NEW.amount_pence, NEW.discharged) "
        "IS DISTINCT FROM (OLD.journal, OLD.account, OLD.line, OLD.amount_pence, OLD.discharged)) EXECUTE FUNCTION append_only()",
    )
    # No UPDATE: only the trigger of the reinstatements writes what was put back. No INSERT of it either: it begins with nothing.
    grant(op, "written_off", "SELECT, INSERT (journal, account, line, amount_pence, discharged)")
    for table in ("reinstatement", "dropped_line"):
        grant(op, table, "SELECT, INSERT")


def _always(table: str, name: str, moment: str, rest: str) -> None:
    """A trigger that fires under `session_replication_role = replica` too."""
    op.execute(f"CREATE TRIGGER {name} {moment} ON {table} {rest}")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _control_accounts(*controls: Control) -> None:
    statement = sa.text(
        "INSERT INTO account (id, reference, kind, status, balance_pence) VALUES (:id, :reference, 'CONTROL', 'CURRENT', NULL) "
        "ON CONFLICT (id) DO NOTHING"
    )
    rows = [{"id": CONTROL_ACCOUNTS[control], "reference": control.value} for control in controls]
    op.get_bind().execute(statement, rows)
