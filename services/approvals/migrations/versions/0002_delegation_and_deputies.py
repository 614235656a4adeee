"""Authority lent for a time up to a ceiling, deputies of people who are out of office, and the rules of chains of delegations.

Whoever lent their authority counts with whoever decided by it: neither may be a participant, decide another stage, or release the payment.
Delegations end under one lock with the decisions that rest on them, so that no decision is later than the end of its authority.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_tables, grant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("delegation", "delegation_end", "absence", "absence_end")

COLUMNS = (
    "ALTER TABLE decision ADD COLUMN IF NOT EXISTS delegations UUID[] DEFAULT '{}' NOT NULL",
    "ALTER TABLE decision ADD COLUMN IF NOT EXISTS on_behalf_of TEXT[] DEFAULT '{}' NOT NULL",
)

FUNCTIONS = (
    """
CREATE FUNCTION today() RETURNS date LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT (now() AT TIME ZONE 'Europe/London')::date
$$
""",
    # The shared side is held by decisions that rest on a delegation, the other by whoever gives or ends one.
    """
CREATE FUNCTION delegations_lock() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT 7365502::bigint $$
""",
    """
CREATE FUNCTION guard_delegation() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(delegations_lock());
  IF NEW.from_on < today() THEN PERFORM refuse('a_delegation_begins_today_or_later'); END IF;
  IF NOT EXISTS (SELECT FROM staff s WHERE s.subject = NEW.taker) THEN PERFORM refuse('a_delegate_is_known'); END IF;
  IF EXISTS (SELECT FROM staff s WHERE s.subject = NEW.taker AND s.roles <@ ARRAY['auditor'])
  THEN PERFORM refuse('an_auditor_is_no_delegate'); END IF;
  IF NEW.giver_roles <@ ARRAY['auditor'] THEN PERFORM refuse('an_auditor_delegates_nothing'); END IF;
  NEW.given_at := clock_timestamp();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_delegation_end() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(delegations_lock());
  IF NOT EXISTS (SELECT FROM delegation d WHERE d.id = NEW.delegation_id AND NEW.ended_by IN (d.giver, d.taker))
  THEN PERFORM refuse('a_delegation_is_ended_by_giver_or_taker'); END IF;
  NEW.ended_at := clock_timestamp();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_absence() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.from_on < today() THEN PERFORM refuse('an_absence_begins_today_or_later'); END IF;
  IF NOT EXISTS (SELECT FROM staff s WHERE s.subject = NEW.deputy AND NOT s.roles <@ ARRAY['auditor'])
  THEN PERFORM refuse('a_deputy_is_known_and_no_auditor'); END IF;
  NEW.noted_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_absence_end() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM absence a WHERE a.id = NEW.absence_id AND a.person = NEW.ended_by)
  THEN PERFORM refuse('an_absence_is_ended_by_the_person'); END IF;
  NEW.ended_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION lent_through(chain uuid[], decider text, OUT people text[], OUT root_roles text[], OUT ceiling bigint)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  link delegation;
  next_giver text;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(delegations_lock());
  IF cardinality(chain) > 3 OR array_ndims(chain) <> 1 THEN PERFORM refuse('a_chain_of_delegations_is_short'); END IF;
  people := '{}';
  FOR at IN 1 .. cardinality(chain) LOOP
    SELECT * INTO link FROM delegation d WHERE d.id = chain[at] AND today() BETWEEN d.from_on AND d.until_on
    AND NOT EXISTS (SELECT FROM delegation_end e WHERE e.delegation_id = d.id);
    IF NOT FOUND THEN PERFORM refuse('a_delegation_is_in_force'); END IF;
    IF at = 1 THEN
      root_roles := ARRAY(
        SELECT unnest(link.giver_roles) INTERSECT SELECT unnest(s.roles) FROM staff s WHERE s.subject = link.giver);
    ELSIF link.giver <> next_giver THEN PERFORM refuse('delegations_form_a_chain_to_the_decider');
    END IF;
    IF link.giver = ANY (people) OR link.giver = decider THEN PERFORM refuse('a_cycle_of_delegations_gives_nothing'); END IF;
    people := people || link.giver;
    ceiling := LEAST(ceiling, link.ceiling_pence);
    next_giver := link.taker;
  END LOOP;
  IF next_giver <> decider THEN PERFORM refuse('delegations_form_a_chain_to_the_decider'); END IF;
END $$
""",
    """
CREATE OR REPLACE FUNCTION guard_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked task;
  held text[];
  ceiling bigint;
BEGIN
  PERFORM 1 FROM approval_case WHERE id = NEW.case_id FOR UPDATE;
  SELECT * INTO asked FROM task WHERE id = NEW.task_id FOR UPDATE;
  IF (asked.case_id, asked.attempt, asked.round, asked.stage, asked.stages, asked.content_hash, asked.amount_pence) IS DISTINCT FROM
     (NEW.case_id, NEW.attempt, NEW.round, NEW.stage, NEW.stages, NEW.content_hash, NEW.amount_pence)
  THEN PERFORM refuse('a_decision_is_on_what_was_shown'); END IF;
  IF asked.status = 'DECIDED' THEN PERFORM refuse('a_task_is_decided_once'); END IF;
  IF asked.status <> 'OPEN' OR EXISTS (
    SELECT FROM task t WHERE t.case_id = asked.case_id AND (t.attempt, t.round) > (asked.attempt, asked.round)
  ) THEN PERFORM refuse('a_closed_task_is_not_decided'); END IF;
  IF asked.stage - 1 <> (
    SELECT count(*) FROM decision d WHERE d.case_id = asked.case_id AND d.attempt = asked.attempt AND d.round = asked.round
    AND d.stage < asked.stage AND d.answer = 'approved' AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('an_earlier_stage_comes_first'); END IF;
  IF EXISTS (SELECT FROM participant p WHERE p.case_id = asked.case_id AND p.person = NEW.decided_by)
  THEN PERFORM refuse('a_participant_does_not_decide'); END IF;
  held := NEW.roles;
  NEW.on_behalf_of := '{}';
  IF cardinality(NEW.delegations) > 0 THEN
    IF NEW.roles <@ ARRAY['auditor'] THEN PERFORM refuse('an_auditor_is_no_delegate'); END IF;
    SELECT through.people, through.root_roles, through.ceiling INTO NEW.on_behalf_of, held, ceiling
    FROM lent_through(NEW.delegations, NEW.decided_by) AS through;
  END IF;
  IF EXISTS (SELECT FROM participant p WHERE p.case_id = asked.case_id AND p.person = ANY (NEW.on_behalf_of))
  THEN PERFORM refuse('a_participant_lends_no_authority'); END IF;
  IF EXISTS (
    SELECT FROM decision d WHERE d.case_id = asked.case_id AND d.attempt = asked.attempt AND d.round = asked.round
    AND d.stage < asked.stage AND (d.decided_by || d.on_behalf_of) && (NEW.decided_by || NEW.on_behalf_of)
    AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('each_stage_has_its_own_decider'); END IF;
  IF NEW.answer = 'approved' AND EXISTS (
    SELECT FROM decision d JOIN participant p ON p.case_id = d.case_id AND p.person = ANY (d.decided_by || d.on_behalf_of)
    WHERE d.case_id = asked.case_id AND d.attempt = asked.attempt AND d.round = asked.round
    AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('an_earlier_approver_took_no_part_since'); END IF;
  NEW.limit_pence := LEAST(limit_of(NEW.authority_id, asked.kind, 'decide', asked.stage, held, asked.amount_pence), ceiling);
  IF asked.amount_pence > ceiling THEN PERFORM refuse('the_amount_is_within_every_ceiling'); END IF;
  IF NEW.answer = 'approved' AND asked.stages IS DISTINCT FROM stages_in_force(asked.kind, asked.amount_pence)
  THEN PERFORM refuse('the_stages_are_those_in_force'); END IF;
  NEW.decided_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE FUNCTION guard_recall() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  made decision;
  asked task;
BEGIN
  SELECT * INTO made FROM decision WHERE id = NEW.decision_id;
  PERFORM 1 FROM approval_case WHERE id = made.case_id FOR UPDATE;
  SELECT * INTO asked FROM task WHERE id = made.task_id FOR UPDATE;
  IF EXISTS (SELECT FROM recall r WHERE r.decision_id = made.id) THEN PERFORM refuse('recall_pkey'); END IF;
  IF made.answer IS DISTINCT FROM 'approved' THEN PERFORM refuse('only_an_approval_is_recalled'); END IF;
  IF EXISTS (SELECT FROM release_line l WHERE l.decision_id = made.id) THEN PERFORM refuse('a_released_payment_is_not_recalled'); END IF;
  IF asked.status <> 'DECIDED' THEN PERFORM refuse('a_closed_task_is_not_recalled'); END IF;
  IF EXISTS (
    SELECT FROM decision d WHERE d.case_id = made.case_id AND d.attempt = made.attempt AND d.round = made.round AND d.stage > made.stage
    AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('a_later_stage_is_recalled_first'); END IF;
  IF NEW.recalled_by <> ALL (made.decided_by || made.on_behalf_of) AND NOT EXISTS (
    SELECT FROM authority a WHERE a.policy_id = policy_in_force(asked.kind) AND a.act = 'decide' AND a.stage = asked.stage
    AND a.role = ANY (NEW.roles) AND (a.to_pence IS NULL OR asked.amount_pence <= a.to_pence)
  ) THEN PERFORM refuse('a_recall_is_of_ones_own_or_within_authority'); END IF;
  NEW.recalled_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE OR REPLACE FUNCTION guard_release_line() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  made decision;
  signed release;
BEGIN
  PERFORM 1 FROM approval_case WHERE id = NEW.case_id FOR UPDATE;
  SELECT * INTO signed FROM release WHERE run = NEW.run;
  SELECT d.* INTO made FROM decision d JOIN task t ON t.id = d.task_id
  WHERE d.id = NEW.decision_id AND d.completes AND t.status = 'DECIDED'
  AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id);
  IF (made.case_id, made.attempt, made.content_hash) IS DISTINCT FROM (NEW.case_id, NEW.attempt, NEW.content_hash)
     OR (NEW.amount_pence <= made.amount_pence) IS NOT TRUE
  THEN PERFORM refuse('a_line_is_of_a_standing_approval'); END IF;
  IF EXISTS (SELECT FROM participant p WHERE p.case_id = NEW.case_id AND p.person = signed.released_by)
  THEN PERFORM refuse('a_participant_does_not_release'); END IF;
  IF EXISTS (
    SELECT FROM decision d WHERE d.case_id = NEW.case_id AND d.attempt = NEW.attempt
    AND signed.released_by = ANY (d.decided_by || d.on_behalf_of)
  ) THEN PERFORM refuse('a_decider_does_not_release'); END IF;
  IF EXISTS (
    SELECT FROM decision d JOIN participant p ON p.case_id = d.case_id AND p.person = ANY (d.decided_by || d.on_behalf_of)
    WHERE d.case_id = made.case_id AND d.attempt = made.attempt AND d.round = made.round
    AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('an_approver_of_the_line_took_no_part_since'); END IF;
  RETURN NEW;
END $$
""",
)


def upgrade() -> None:
    create_tables(op, __file__)
    for statement in COLUMNS:
        op.execute(statement)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    for table in TABLES:
        op.execute(f"CREATE TRIGGER guard BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION guard_{table}()")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        for trigger in ("guard", "append_only"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
        grant(op, table, "SELECT, INSERT")
