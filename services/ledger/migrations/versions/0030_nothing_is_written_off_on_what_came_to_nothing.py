"""No write-off rests on an approval that came to nothing, whoever posts it: the database looks at it as it does at a recall."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

RESTS_ON_A_DECISION = """
CREATE OR REPLACE FUNCTION write_off_rests_on_a_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM written WHERE reverses IS NULL AND code IN ('WOF', 'WON', 'CWO') AND NOT EXISTS (
      SELECT FROM heard_write_off AS heard JOIN heard_write_off_line AS let_through USING (decision)
      WHERE heard.decision = written.decision_id AND let_through.line = written.case_id AND heard.answer = 'approved' AND heard.completes
        AND heard.carried_out_from <= written.effective_date
        AND NOT EXISTS (SELECT FROM heard_recall WHERE heard_recall.decision = heard.decision)
        AND NOT EXISTS (SELECT FROM heard_not_carried_out AS ended WHERE ended.decision = heard.decision))
  ) THEN
    RAISE EXCEPTION 'a write-off rests on a decision that was heard, names its line, stands, and whose day has come'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_write_off_rests_on_a_decision';
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(RESTS_ON_A_DECISION)
