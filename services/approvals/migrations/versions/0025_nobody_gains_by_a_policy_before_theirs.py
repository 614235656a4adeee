"""A policy is laid down before a later one of its kind where neither who made nor who checked that one gains by it beside this one.

Until now nothing was laid down before what was laid down: a mistake in this year's table stayed once next year's was there. What stood
against it was that a lower limit in between makes a gain of theirs of what was none when they made and checked it. That is now looked at.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

FUNCTIONS = (
    """
CREATE FUNCTION bands_of(policy text) RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(band)), '[]') FROM authority AS band WHERE band.policy_id = policy
$$
""",
    # As it stood in `raised_roles`, between any two tables.
    """
CREATE FUNCTION raised_between(of_kind text, before jsonb, bands jsonb) RETURNS text[]
LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  WITH was AS (
    SELECT act, stage, role, from_pence, to_pence, nullif(btrim(body), '') AS body, coalesce(call_in_working_days, 0) AS call_in
    FROM jsonb_to_recordset(before) AS band
      (act text, stage smallint, role text, from_pence bigint, to_pence bigint, body text, call_in_working_days smallint)
  ),
  will AS (
    SELECT act, stage, role, from_pence, to_pence, nullif(btrim(body), '') AS body, coalesce(call_in_working_days, 0) AS call_in
    FROM jsonb_to_recordset(bands) AS band
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
  OR will.call_in < was.call_in
  OR (of_kind = 'write-off' AND will.from_pence < was.from_pence)
  OR (will.act = 'decide' AND EXISTS (SELECT FROM fewer WHERE will.to_pence IS NULL OR pence <= will.to_pence))
$$
""",
    """
CREATE OR REPLACE FUNCTION raised_roles(of_kind text, day date, bands jsonb) RETURNS text[]
LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT raised_between(of_kind, bands_of(policy_before(of_kind, day)), bands)
$$
""",
    # As `roles_reached`, also of what was lent and has ended since: it may have been lent when the policy was accepted.
    """
CREATE FUNCTION roles_ever_reached(person text, own text[], day date) RETURNS text[]
LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  WITH RECURSIVE lent AS (SELECT * FROM delegation WHERE until_on >= day),
  reach (giver, roles, links) AS (
    SELECT giver, giver_roles, 1 FROM lent WHERE taker = person
    UNION SELECT lent.giver, lent.giver_roles, links + 1 FROM lent JOIN reach ON lent.taker = reach.giver WHERE links < 3
  )
  SELECT own || coalesce((SELECT array_agg(DISTINCT role) FROM reach, unnest(reach.roles) AS role), '{}')
$$
""",
    # The day of the policy that comes next, where whoever made or checked it would gain by it after these bands; NULL where nobody would.
    # Of one that nobody proposed it is not known who they are.
    """
CREATE FUNCTION made_a_gain_of(of_kind text, day date, bands jsonb) RETURNS date LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  WITH later AS (
    SELECT id, in_force_from FROM policy WHERE kind = of_kind AND in_force_from > day ORDER BY in_force_from LIMIT 1
  ),
  accepted AS (
    SELECT asked.proposed_by, asked.roles AS makers, answer.checked_by, answer.roles AS checkers
    FROM later JOIN policy_proposal AS asked ON asked.kind = of_kind AND asked.in_force_from = later.in_force_from
    JOIN policy_check AS answer ON answer.proposal_id = asked.id AND answer.answer = 'accepted'
  ),
  who (person, roles) AS (SELECT proposed_by, makers FROM accepted UNION ALL SELECT checked_by, checkers FROM accepted)
  SELECT in_force_from FROM later WHERE NOT EXISTS (SELECT FROM who) OR EXISTS (
    SELECT FROM who WHERE raised_between(of_kind, bands, bands_of(later.id)) && roles_ever_reached(person, roles, later.in_force_from)
  )
$$
""",
    """
CREATE OR REPLACE FUNCTION guard_order_of_policies() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT FROM policy_proposal asked
    WHERE asked.id = NEW.proposal_id AND made_a_gain_of(asked.kind, asked.in_force_from, asked.authorities) IS NOT NULL
  ) THEN PERFORM refuse('nobody_gains_by_a_policy_before_theirs'); END IF;
  RETURN NEW;
END $$
""",
)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(sa.text(function))
