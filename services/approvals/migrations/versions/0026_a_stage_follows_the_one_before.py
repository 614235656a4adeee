"""A body meets once the stage before it is decided; what a round covers ends at the lowest edge of the tables that it was decided by."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

FUNCTIONS = (
    """
CREATE OR REPLACE FUNCTION guard_minute() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  made decision;
  held authority;
  put_on date;
BEGIN
  SELECT * INTO made FROM decision WHERE id = NEW.decision_id;
  SELECT * INTO held FROM authority WHERE id = made.authority_id;
  IF (held.body = NEW.body) IS NOT TRUE THEN PERFORM refuse('a_minute_is_of_the_body_that_decided'); END IF;
  IF NEW.met_on > today() THEN PERFORM refuse('a_body_has_met_before'); END IF;
  SELECT greatest((
    SELECT (min(t.opened_at) AT TIME ZONE 'Europe/London')::date FROM task t
    WHERE (t.case_id, t.attempt, t.round) = (made.case_id, made.attempt, made.round)
  ), (
    -- Of a stage that a body decided, the day is that on which it met.
    SELECT max(coalesce(m.met_on, (d.decided_at AT TIME ZONE 'Europe/London')::date))
    FROM decision d LEFT JOIN minute m ON m.decision_id = d.id
    WHERE (d.case_id, d.attempt, d.round) = (made.case_id, made.attempt, made.round) AND d.stage < made.stage
    AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  )) INTO put_on;
  IF NEW.met_on < put_on THEN PERFORM refuse('a_body_decides_what_was_put_to_it'); END IF;
  IF made.decided_at <> now() THEN PERFORM refuse('a_minute_comes_with_its_decision'); END IF;
  NEW.recorded_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE FUNCTION as_decided(of_decision uuid) RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
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
           FROM authority a WHERE a.act = 'decide' AND a.policy_id IN (
             SELECT used.policy_id FROM decision o JOIN authority used ON used.id = o.authority_id
             WHERE (o.case_id, o.attempt, o.round) = (d.case_id, d.attempt, d.round) AND o.stage <= d.stage
             AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = o.id)
           )
         ))
         END
  FROM decision d JOIN task t ON t.id = d.task_id
  WHERE d.id = of_decision AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
$$
""",
)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
