"""No refund and no offset rests on anything but an approval that was heard and stands, whoever posts it."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

RESTS_ON_A_DECISION = """
CREATE FUNCTION refund_rests_on_a_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM written
    WHERE reverses IS NULL AND (code = 'RDR' OR case_id IS NOT NULL OR decision_id IS NOT NULL) AND code NOT IN ('WOF', 'WON', 'CWO')
      AND NOT EXISTS (
        SELECT FROM heard_decision AS heard
        WHERE heard.decision = written.decision_id AND heard.case_id = written.case_id AND heard.kind = 'refund'
          AND heard.answer = 'approved' AND heard.completes
          AND NOT EXISTS (SELECT FROM heard_recall WHERE heard_recall.decision = heard.decision)
          AND NOT EXISTS (SELECT FROM heard_not_carried_out AS ended WHERE ended.decision = heard.decision))
  ) THEN
    RAISE EXCEPTION 'a refund or an offset rests on a decision that was heard, is of its case, and stands'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_refund_rests_on_a_decision';
  END IF;
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute(RESTS_ON_A_DECISION)
    op.execute(
        "CREATE TRIGGER decided_refunds AFTER INSERT ON journal REFERENCING NEW TABLE AS written "
        "FOR EACH STATEMENT EXECUTE FUNCTION refund_rests_on_a_decision()"
    )
    # It fires under `session_replication_role = replica` too.
    op.execute("ALTER TABLE journal ENABLE ALWAYS TRIGGER decided_refunds")
