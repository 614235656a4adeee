"""Policy that is proposed by one person and checked by another, and the caps of bulk decisions as a part of it.

The role that runs the service writes no policy: accepting a proposal lays it down by a trigger that runs as the owner of the tables.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_tables, grant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("policy_proposal", "policy_check")

COLUMNS = (
    # The example bands gain example caps; what is laid down later says its own.
    "ALTER TABLE policy ADD COLUMN IF NOT EXISTS bulk_most_lines SMALLINT DEFAULT 0 NOT NULL",
    "ALTER TABLE policy ADD COLUMN IF NOT EXISTS bulk_most_pence BIGINT DEFAULT 0 NOT NULL",
    "ALTER TABLE policy ADD COLUMN IF NOT EXISTS bulk_opened_first SMALLINT DEFAULT 1 NOT NULL",
    "ALTER TABLE policy DROP CONSTRAINT IF EXISTS bulk_decisions_have_caps",
    "ALTER TABLE policy ADD CONSTRAINT bulk_decisions_have_caps"
    " CHECK (bulk_most_lines BETWEEN 0 AND 100 AND bulk_most_pence >= 0 AND bulk_opened_first >= 1)",
    "ALTER TABLE policy DISABLE TRIGGER append_only",
    "UPDATE policy SET bulk_most_lines = 40, bulk_most_pence = 500000, bulk_opened_first = 3 WHERE id = 'refund-2026-04-01'",
    "ALTER TABLE policy ENABLE ALWAYS TRIGGER append_only",
)

FUNCTIONS = (
    """
CREATE FUNCTION policy_before(of_kind text, day date) RETURNS text LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT id FROM policy WHERE kind = of_kind AND in_force_from < day ORDER BY in_force_from DESC LIMIT 1
$$
""",
    # Raised is a role with a higher limit or a new part, or with an amount within its limit that needs fewer decisions than before.
    """
CREATE FUNCTION raised_roles(of_kind text, day date, bands jsonb) RETURNS text[] LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  WITH was AS (SELECT act, stage, role, from_pence, to_pence FROM authority WHERE policy_id = policy_before(of_kind, day)),
  will AS (
    SELECT * FROM jsonb_to_recordset(bands) AS band (act text, stage smallint, role text, from_pence bigint, to_pence bigint)
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
  OR (will.act = 'decide' AND EXISTS (SELECT FROM fewer WHERE will.to_pence IS NULL OR pence <= will.to_pence))
$$
""",
    # Whose limits are one's own: those of one's roles, and those that were lent on that day or later.
    """
CREATE FUNCTION roles_reached(person text, own text[], day date) RETURNS text[] LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  WITH RECURSIVE lent AS (
    SELECT * FROM delegation WHERE until_on >= day AND NOT EXISTS (SELECT FROM delegation_end e WHERE e.delegation_id = delegation.id)
  ),
  reach (giver, roles, links) AS (
    SELECT giver, giver_roles, 1 FROM lent WHERE taker = person
    UNION SELECT lent.giver, lent.giver_roles, links + 1 FROM lent JOIN reach ON lent.taker = reach.giver WHERE links < 3
  )
  SELECT own || coalesce((SELECT array_agg(DISTINCT role) FROM reach, unnest(reach.roles) AS role), '{}')
$$
""",
    """
CREATE FUNCTION guard_policy_proposal() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT NEW.roles && ARRAY['income-manager', 'head-of-service', 'finance', 's151-officer']
  THEN PERFORM refuse('policy_is_for_managers_and_finance'); END IF;
  IF NEW.in_force_from <= today() THEN PERFORM refuse('a_policy_comes_into_force_later'); END IF;
  IF policy_before(NEW.kind, NEW.in_force_from) IS NULL THEN PERFORM refuse('a_proposal_has_a_policy_before'); END IF;
  IF raised_roles(NEW.kind, NEW.in_force_from, NEW.authorities) && roles_reached(NEW.proposed_by, NEW.roles, NEW.in_force_from)
  THEN PERFORM refuse('nobody_raises_their_own_limit'); END IF;
  NEW.proposed_at := clock_timestamp();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_policy_check() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked policy_proposal;
  raised text[];
BEGIN
  SELECT * INTO asked FROM policy_proposal WHERE id = NEW.proposal_id;
  -- One at a time for a kind: what is compared with is what will stand.
  PERFORM pg_advisory_xact_lock(hashtextextended('policy ' || asked.kind, 0));
  PERFORM pg_advisory_xact_lock(delegations_lock());
  IF EXISTS (SELECT FROM policy_check c WHERE c.proposal_id = NEW.proposal_id) THEN PERFORM refuse('a_proposal_is_answered_once'); END IF;
  IF NEW.answer = 'withdrawn' AND NEW.checked_by <> asked.proposed_by THEN PERFORM refuse('only_the_maker_withdraws'); END IF;
  IF NEW.answer <> 'withdrawn' THEN
    IF NEW.checked_by = asked.proposed_by THEN PERFORM refuse('the_maker_of_a_policy_does_not_check_it'); END IF;
    IF NOT NEW.roles && ARRAY['income-manager', 'head-of-service', 'finance', 's151-officer']
    THEN PERFORM refuse('policy_is_for_managers_and_finance'); END IF;
  END IF;
  IF NEW.answer = 'accepted' THEN
    IF asked.in_force_from <= today() THEN PERFORM refuse('a_policy_comes_into_force_later'); END IF;
    IF EXISTS (SELECT FROM policy p WHERE (p.kind, p.in_force_from) = (asked.kind, asked.in_force_from))
    THEN PERFORM refuse('one_policy_comes_into_force_on_a_day'); END IF;
    raised := raised_roles(asked.kind, asked.in_force_from, asked.authorities);
    IF raised && roles_reached(asked.proposed_by, asked.roles, asked.in_force_from)
       OR raised && roles_reached(NEW.checked_by, NEW.roles, asked.in_force_from)
    THEN PERFORM refuse('nobody_raises_their_own_limit'); END IF;
  END IF;
  NEW.checked_at := clock_timestamp();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION lay_down_policy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  asked policy_proposal;
  laid text;
BEGIN
  SELECT * INTO asked FROM policy_proposal WHERE id = NEW.proposal_id;
  laid := asked.kind || '-' || asked.in_force_from;
  INSERT INTO policy (id, council, kind, in_force_from, decide_within_working_days, remind_after_working_days, escalate_after_working_days,
    claim_minutes, source, made_by, checked_by, made_at, bulk_most_lines, bulk_most_pence, bulk_opened_first)
  VALUES (laid, asked.council, asked.kind, asked.in_force_from, asked.decide_within_working_days, asked.remind_after_working_days,
    asked.escalate_after_working_days, asked.claim_minutes, asked.source, asked.proposed_by, NEW.checked_by, NEW.checked_at,
    asked.bulk_most_lines, asked.bulk_most_pence, asked.bulk_opened_first);
  INSERT INTO authority (policy_id, act, stage, role, from_pence, to_pence)
  SELECT laid, band.act, band.stage, band.role, band.from_pence, band.to_pence
  FROM jsonb_to_recordset(asked.authorities) AS band (act text, stage smallint, role text, from_pence bigint, to_pence bigint)
  ORDER BY band.act, band.stage, band.from_pence;
  RETURN NULL;
END $$
""",
)


def upgrade() -> None:
    create_tables(op, __file__)
    for statement in COLUMNS:
        op.execute(statement)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    # Nobody calls it but the trigger.
    op.execute("REVOKE ALL ON FUNCTION lay_down_policy() FROM PUBLIC")
    for table in TABLES:
        op.execute(f"CREATE TRIGGER guard BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION guard_{table}()")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        for trigger in ("guard", "append_only"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
        grant(op, table, "SELECT, INSERT")
    op.execute(
        "CREATE TRIGGER effect AFTER INSERT ON policy_check FOR EACH ROW WHEN (NEW.answer = 'accepted') EXECUTE FUNCTION lay_down_policy()"
    )
    op.execute("ALTER TABLE policy_check ENABLE ALWAYS TRIGGER effect")
