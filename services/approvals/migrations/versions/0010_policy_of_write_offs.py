"""Policy of write-offs by maker and checker too: bodies and call-in are proposed; whose hand they free gains as by a higher limit."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = (
    "ALTER TABLE policy_proposal ADD COLUMN IF NOT EXISTS unused_after_days SMALLINT DEFAULT 90 NOT NULL",
    "ALTER TABLE policy_proposal DROP CONSTRAINT IF EXISTS a_proposal_asks_after_a_day",
    "ALTER TABLE policy_proposal ADD CONSTRAINT a_proposal_asks_after_a_day CHECK (unused_after_days > 0)",
)

FUNCTIONS = (
    # Beside a higher limit, a new part, or a decision fewer: a body's minute that is not needed any more, a shorter call-in, and, where
    # nobody higher stands in within a sequence, an amount from lower on.
    """
CREATE OR REPLACE FUNCTION raised_roles(of_kind text, day date, bands jsonb) RETURNS text[]
LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  WITH was AS (
    SELECT act, stage, role, from_pence, to_pence, body, call_in_working_days FROM authority WHERE policy_id = policy_before(of_kind, day)
  ),
  will AS (
    SELECT * FROM jsonb_to_recordset(bands) AS band
      (act text, stage smallint, role text, from_pence bigint, to_pence bigint, body text, call_in_working_days smallint)
  ),
  edge AS (
    SELECT from_pence AS pence FROM was UNION SELECT from_pence FROM will
    UNION SELECT to_pence + 1 FROM was UNION SELECT to_pence + 1 FROM will
  ),
  fewer AS (
    SELECT pence FROM edge WHERE (
      SELECT max(stage) FROM will WHERE act = 'decide' AND from_pence <= pence AND (to_pence IS NULL OR pence <= to_pence)
    ) < (SELECT max(stage) FROM was WHERE act = 'decide' AND from_pence <= pence AND (to_pence IS NULL OR pence <= to_pence))
  )
  SELECT coalesce(array_agg(DISTINCT will.role), '{}') FROM will LEFT JOIN was USING (act, stage, role)
  WHERE was.from_pence IS NULL OR (was.to_pence IS NOT NULL AND (will.to_pence IS NULL OR will.to_pence > was.to_pence))
  OR (was.body IS NOT NULL AND will.body IS DISTINCT FROM was.body)
  OR coalesce(will.call_in_working_days, 0) < was.call_in_working_days
  OR (of_kind = 'write-off' AND will.from_pence < was.from_pence)
  OR (will.act = 'decide' AND EXISTS (SELECT FROM fewer WHERE will.to_pence IS NULL OR pence <= will.to_pence))
$$
""",
    """
CREATE OR REPLACE FUNCTION lay_down_policy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  asked policy_proposal;
  laid text;
BEGIN
  SELECT * INTO asked FROM policy_proposal WHERE id = NEW.proposal_id;
  laid := asked.kind || '-' || asked.in_force_from;
  INSERT INTO policy (id, council, kind, in_force_from, decide_within_working_days, remind_after_working_days, escalate_after_working_days,
    claim_minutes, source, made_by, checked_by, made_at, bulk_most_lines, bulk_most_pence, bulk_opened_first, unused_after_days)
  VALUES (laid, asked.council, asked.kind, asked.in_force_from, asked.decide_within_working_days, asked.remind_after_working_days,
    asked.escalate_after_working_days, asked.claim_minutes, asked.source, asked.proposed_by, NEW.checked_by, NEW.checked_at,
    asked.bulk_most_lines, asked.bulk_most_pence, asked.bulk_opened_first, asked.unused_after_days);
  INSERT INTO authority (policy_id, act, stage, role, from_pence, to_pence, body, call_in_working_days)
  SELECT laid, band.act, band.stage, band.role, band.from_pence, band.to_pence, nullif(btrim(band.body), ''),
    coalesce(band.call_in_working_days, 0)
  FROM jsonb_to_recordset(asked.authorities) AS band
    (act text, stage smallint, role text, from_pence bigint, to_pence bigint, body text, call_in_working_days smallint)
  ORDER BY band.act, band.stage, band.from_pence;
  RETURN NULL;
END $$
""",
)


def upgrade() -> None:
    # Proposals name bodies and call-in from here on, so that a table of write-offs lets go of neither.
    op.execute("DROP TRIGGER guard_kind ON policy_proposal")
    op.execute("DROP FUNCTION guard_kind_of_proposal()")
    # A database that begins today has the column from the fifth revision.
    for statement in COLUMNS:
        op.execute(statement)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    # Nobody calls it but the trigger.
    op.execute("REVOKE ALL ON FUNCTION lay_down_policy() FROM PUBLIC")
