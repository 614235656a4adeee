"""A credit that was written on may be put back onto its account by a reversal: it is still paid to whoever has a right to it."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CREDITS_COME_BACK = """
ALTER TABLE journal DROP CONSTRAINT a_write_off_is_put_back_by_a_decision,
  ADD CONSTRAINT a_write_off_is_put_back_by_a_decision CHECK (reverses IS NULL OR code NOT IN ('WOF', 'WON'))
"""

RESTS_ON_A_DECISION = """
CREATE OR REPLACE FUNCTION write_off_rests_on_a_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM written WHERE reverses IS NULL AND code IN ('WOF', 'WON', 'CWO') AND NOT EXISTS (
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
"""


def upgrade() -> None:
    op.execute(CREDITS_COME_BACK)
    op.execute(RESTS_ON_A_DECISION)
