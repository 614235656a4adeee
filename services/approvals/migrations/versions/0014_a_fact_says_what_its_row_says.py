"""What approvals tells is what its rows say: others move money on these facts, so a fact without its row is refused at the commit.

Each kind of fact is compared whole with what it is about, field by field; a kind that is not named here is not told at all. Looked at
when the transaction ends, because a use case may tell before its last row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FUNCTIONS = (
    """
CREATE FUNCTION as_decided(of_decision uuid) RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT jsonb_build_object('case', d.case_id, 'decision', d.id, 'task', d.task_id, 'round', d.round, 'stage', d.stage,
                            'content_hash', d.content_hash, 'answer', d.answer, 'completes', d.completes)
      || CASE t.kind
         WHEN 'refund' THEN jsonb_build_object('kind', t.kind, 'attempt', d.attempt)
         ELSE jsonb_build_object('carried_out_from', (
           SELECT max(o.carried_out_from) FROM decision o WHERE (o.case_id, o.round) = (d.case_id, d.round)
           AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = o.id)
         ), 'excepted', (
           SELECT coalesce(jsonb_agg(DISTINCT e.line ORDER BY e.line), '[]')
           FROM decision_exception e JOIN decision o ON o.id = e.decision_id
           WHERE (o.case_id, o.round) = (d.case_id, d.round) AND o.stage <= d.stage
           AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = o.id)
         ), 'covers_to_pence', (
           SELECT least(min(a.to_pence) FILTER (WHERE a.from_pence <= d.amount_pence AND d.amount_pence <= a.to_pence),
                        min(a.from_pence - 1) FILTER (WHERE a.from_pence > d.amount_pence))
           FROM authority a WHERE a.policy_id = policy_in_force(t.kind) AND a.act = 'decide'
         ))
         END
  FROM decision d JOIN task t ON t.id = d.task_id
  WHERE d.id = of_decision AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
$$
""",
    """
CREATE FUNCTION are_let_through(of_decision uuid, told jsonb) RETURNS boolean LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT NOT EXISTS (
    SELECT FROM jsonb_array_elements(told -> 'lines') AS said(line) WHERE told -> 'excepted' @> jsonb_build_array(said.line -> 'line')
    OR NOT EXISTS (
      SELECT FROM decision d JOIN schedule_task_line l USING (task_id)
      WHERE d.id = of_decision AND d.completes AND said.line = jsonb_build_object('line', l.line, 'content_hash', l.content_hash)
    )
  )
$$
""",
    """
CREATE FUNCTION as_released(of_run uuid) RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT jsonb_build_object('run', s.run, 'total_pence', s.total_pence, 'lines', (
    SELECT jsonb_agg(jsonb_build_object('case', l.case_id, 'attempt', l.attempt, 'content_hash', l.content_hash,
                                        'amount_pence', l.amount_pence) ORDER BY l.case_id)
    FROM release_line l WHERE l.run = s.run
  )) FROM release s WHERE s.run = of_run
$$
""",
    """
CREATE FUNCTION says_what_its_row_says(kind text, told jsonb) RETURNS boolean LANGUAGE plpgsql
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
  ELSE
    RETURN false;
  END CASE;
END $$
""",
    """
CREATE FUNCTION check_told() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  -- Of a key that stands twice another reader might take the other one.
  IF (NEW.body IS JSON OBJECT WITH UNIQUE KEYS) IS NOT TRUE
     OR says_what_its_row_says(NEW.headers ->> 'ce_type', NEW.body::jsonb) IS NOT TRUE
  THEN PERFORM refuse('a_fact_says_what_its_row_says'); END IF;
  RETURN NULL;
END $$
""",
)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    op.execute(
        "CREATE CONSTRAINT TRIGGER told AFTER INSERT ON outbox_event DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION check_told()"
    )
    op.execute("ALTER TABLE outbox_event ENABLE ALWAYS TRIGGER told")
