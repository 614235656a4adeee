"""That there was contact with a tenant is told as its note says, and nothing of what was said."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE OR REPLACE FUNCTION says_what_its_row_says(kind text, told jsonb) RETURNS boolean LANGUAGE plpgsql
SET search_path = public, pg_temp STABLE AS $$
DECLARE
  about uuid := told ->> 'decision';
BEGIN
  CASE kind
  WHEN 'approvals.decision-made.v1' THEN
    RETURN told = as_decided(about) AND told ? 'kind';
  WHEN 'approvals.write-off-decided.v1' THEN
    RETURN told - 'lines' = as_decided(about) AND are_let_through(about, told);
  WHEN 'approvals.decision-recalled.v1' THEN
    RETURN EXISTS (SELECT FROM decision d JOIN recall r ON r.decision_id = d.id
      WHERE d.id = about AND told = jsonb_build_object('case', d.case_id, 'decision', d.id, 'content_hash', d.content_hash));
  WHEN 'approvals.decision-not-carried-out.v1' THEN
    RETURN EXISTS (SELECT FROM decision d JOIN task t ON t.id = d.task_id WHERE d.id = about AND t.status IN ('VOID', 'NOT_CARRIED_OUT')
      AND told = jsonb_build_object('case', d.case_id, 'decision', d.id));
  WHEN 'approvals.payment-run-released.v1' THEN
    RETURN told - 'released_at' - 'lines' || jsonb_build_object('lines', (
        SELECT jsonb_agg(l ORDER BY (l ->> 'case')::uuid) FROM jsonb_array_elements(told -> 'lines') AS l
      )) = as_released((told ->> 'run')::uuid)
      AND (SELECT s.released_at FROM release s WHERE s.run = (told ->> 'run')::uuid) = (told ->> 'released_at')::timestamptz;
  WHEN 'approvals.tenant-contacted.v1' THEN
    RETURN EXISTS (SELECT FROM contact_note n WHERE n.id = (told ->> 'note')::uuid AND n.identified <> 'not-identified'
      AND told - 'noted_at' = jsonb_build_object('note', n.id, 'account', n.account) AND n.at = (told ->> 'noted_at')::timestamptz);
  ELSE
    RETURN false;
  END CASE;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(FUNCTION.replace(":=", r"\:=")))
