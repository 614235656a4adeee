"""Tasks, participants, decisions, releases and authority, with the rules of four eyes as triggers; the first policy.

Triggers run ALWAYS, so that a session that replays changes keeps the rules too, and with pg_temp last, so that no temporary table can
stand in for one of ours. A rule is refused under its name as the constraint's name.
"""

import json
from datetime import date
from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from approvals.tables import metadata
from chassis.migration import create_chassis_tables, create_tables, grant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

READ = "SELECT"
APPEND = "SELECT, INSERT"
RIGHTS = {
    "policy": READ,
    "authority": READ,
    "approval_case": "SELECT, INSERT, UPDATE (version)",
    "task": ("SELECT, INSERT, UPDATE (status, because, closed_at, assigned_to, claimed_by, claim_expires_at, reminded_at, escalated_at)"),
    "participant": APPEND,
    "decision": APPEND,
    "recall": APPEND,
    "release": APPEND,
    "release_line": APPEND,
    "comment": APPEND,
    "task_event": APPEND,
    "update_outcome": APPEND,
    "staff": "SELECT, INSERT, UPDATE",
    "desk_session": "SELECT, INSERT, UPDATE (last_seen_at), DELETE",
    "saved_view": "SELECT, INSERT, UPDATE, DELETE",
    "case_seen": "SELECT, INSERT, UPDATE (seen_at)",
}
"""What the role that runs the service may do."""

APPEND_ONLY = tuple(table for table, rights in RIGHTS.items() if rights in (READ, APPEND))

FUNCTIONS = (
    """
CREATE FUNCTION refuse(rule text) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = rule, MESSAGE = replace(rule, '_', ' ');
END $$
""",
    """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM refuse(TG_TABLE_NAME || '_is_append_only');
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION policy_in_force(of_kind text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp STABLE AS $$
BEGIN
  RETURN (SELECT id FROM policy WHERE kind = of_kind AND in_force_from <= (now() AT TIME ZONE 'Europe/London')::date
          ORDER BY in_force_from DESC LIMIT 1);
END $$
""",
    """
CREATE FUNCTION stages_in_force(of_kind text, amount bigint) RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp STABLE AS $$
BEGIN
  RETURN (SELECT max(stage) FROM authority WHERE policy_id = policy_in_force(of_kind) AND act = 'decide'
          AND from_pence <= amount AND (to_pence IS NULL OR amount <= to_pence));
END $$
""",
    """
CREATE FUNCTION limit_of(row_id integer, of_kind text, of_act text, of_stage integer, of_roles text[], amount bigint)
RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  held authority;
BEGIN
  SELECT * INTO held FROM authority WHERE id = row_id AND policy_id = policy_in_force(of_kind);
  IF NOT FOUND THEN PERFORM refuse('authority_is_in_force'); END IF;
  IF held.act <> of_act OR held.stage <> of_stage THEN PERFORM refuse('authority_is_for_this_stage'); END IF;
  IF (held.role = ANY (of_roles)) IS NOT TRUE THEN PERFORM refuse('authority_is_of_the_persons_role'); END IF;
  IF held.to_pence IS NOT NULL AND (amount <= held.to_pence) IS NOT TRUE THEN PERFORM refuse('the_amount_is_within_the_limit'); END IF;
  RETURN held.to_pence;
END $$
""",
    # The lock comes first in every guard: what is read after it was committed by whoever held it before.
    """
CREATE FUNCTION guard_participant() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM approval_case WHERE id = NEW.case_id FOR UPDATE;
  NEW.at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_task() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  decided boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'OPEN' THEN PERFORM refuse('a_task_begins_open'); END IF;
    RETURN NEW;
  END IF;
  IF (NEW.id, NEW.kind, NEW.case_id, NEW.attempt, NEW.round, NEW.stage, NEW.stages, NEW.account, NEW.amount_pence, NEW.content_hash,
      NEW.raised_by, NEW.workflow_id, NEW.policy_id, NEW.required_role, NEW.opened_at, NEW.priority_at)
     IS DISTINCT FROM
     (OLD.id, OLD.kind, OLD.case_id, OLD.attempt, OLD.round, OLD.stage, OLD.stages, OLD.account, OLD.amount_pence, OLD.content_hash,
      OLD.raised_by, OLD.workflow_id, OLD.policy_id, OLD.required_role, OLD.opened_at, OLD.priority_at)
  THEN PERFORM refuse('the_content_of_a_task_stays'); END IF;
  IF NEW.status = OLD.status THEN RETURN NEW; END IF;
  decided := EXISTS (SELECT FROM decision d WHERE d.task_id = NEW.id);
  -- A recall may come too late, and what was void by it is carried out.
  IF NEW.status = 'OPEN' OR OLD.status IN ('CARRIED_OUT', 'NOT_CARRIED_OUT')
     OR (OLD.status = 'VOID' AND NOT (decided AND NEW.status = 'CARRIED_OUT'))
  THEN PERFORM refuse('a_closed_task_stays_closed'); END IF;
  IF NEW.status IN ('DECIDED', 'CARRIED_OUT', 'NOT_CARRIED_OUT') AND NOT decided
  THEN PERFORM refuse('a_task_is_decided_by_a_decision'); END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked task;
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
  IF EXISTS (
    SELECT FROM decision d WHERE d.case_id = asked.case_id AND d.attempt = asked.attempt AND d.round = asked.round
    AND d.stage < asked.stage AND d.decided_by = NEW.decided_by AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('each_stage_has_its_own_decider'); END IF;
  IF NEW.answer = 'approved' AND EXISTS (
    SELECT FROM decision d JOIN participant p ON p.case_id = d.case_id AND p.person = d.decided_by
    WHERE d.case_id = asked.case_id AND d.attempt = asked.attempt AND d.round = asked.round
    AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('an_earlier_approver_took_no_part_since'); END IF;
  NEW.limit_pence := limit_of(NEW.authority_id, asked.kind, 'decide', asked.stage, NEW.roles, asked.amount_pence);
  IF NEW.answer = 'approved' AND asked.stages IS DISTINCT FROM stages_in_force(asked.kind, asked.amount_pence)
  THEN PERFORM refuse('the_stages_are_those_in_force'); END IF;
  NEW.decided_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION note_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE task SET status = 'DECIDED' WHERE id = NEW.task_id;
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION guard_recall() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
  IF NEW.recalled_by <> made.decided_by AND NOT EXISTS (
    SELECT FROM authority a WHERE a.policy_id = policy_in_force(asked.kind) AND a.act = 'decide' AND a.stage = asked.stage
    AND a.role = ANY (NEW.roles) AND (a.to_pence IS NULL OR asked.amount_pence <= a.to_pence)
  ) THEN PERFORM refuse('a_recall_is_of_ones_own_or_within_authority'); END IF;
  NEW.recalled_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION note_recall() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  made decision;
BEGIN
  SELECT * INTO made FROM decision WHERE id = NEW.decision_id;
  UPDATE task SET status = 'VOID', because = 'The approval was recalled', closed_at = now(), claimed_by = NULL, claim_expires_at = NULL
  WHERE case_id = made.case_id AND attempt = made.attempt AND round = made.round AND stage >= made.stage AND status IN ('OPEN', 'DECIDED');
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION guard_release() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM limit_of(NEW.authority_id, 'refund', 'release', 1, NEW.roles, NEW.total_pence);
  NEW.released_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_release_line() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
  IF EXISTS (SELECT FROM decision d WHERE d.case_id = NEW.case_id AND d.attempt = NEW.attempt AND d.decided_by = signed.released_by)
  THEN PERFORM refuse('a_decider_does_not_release'); END IF;
  IF EXISTS (
    SELECT FROM decision d JOIN participant p ON p.case_id = d.case_id AND p.person = d.decided_by
    WHERE d.case_id = made.case_id AND d.attempt = made.attempt AND d.round = made.round
    AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id)
  ) THEN PERFORM refuse('an_approver_of_the_line_took_no_part_since'); END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION check_release_total() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM release s JOIN release_line l ON l.run = s.run WHERE s.run = NEW.run GROUP BY s.run
    HAVING count(*) = s.lines AND sum(l.amount_pence) = s.total_pence
  ) THEN PERFORM refuse('a_release_equals_its_lines'); END IF;
  RETURN NULL;
END $$
""",
)

TRIGGERS = (
    ("participant", "guard", "BEFORE INSERT", "guard_participant"),
    ("task", "guard", "BEFORE INSERT OR UPDATE", "guard_task"),
    ("decision", "guard", "BEFORE INSERT", "guard_decision"),
    ("decision", "effect", "AFTER INSERT", "note_decision"),
    ("recall", "guard", "BEFORE INSERT", "guard_recall"),
    ("recall", "effect", "AFTER INSERT", "note_recall"),
    ("release", "guard", "BEFORE INSERT", "guard_release"),
    ("release_line", "guard", "BEFORE INSERT", "guard_release_line"),
)


def upgrade() -> None:
    create_chassis_tables(op)
    create_tables(op, __file__)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    for table, name, event, function in TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    for table in ("release", "release_line"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER total AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION check_release_total()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER total")
    for table, rights in RIGHTS.items():
        grant(op, table, rights)
    _first_policy()
    for table in APPEND_ONLY:
        _append_only(table, "UPDATE OR DELETE OR TRUNCATE")
    _append_only("task", "DELETE OR TRUNCATE")
    _append_only("approval_case", "DELETE OR TRUNCATE")


def _append_only(table: str, events: str) -> None:
    op.execute(f"CREATE TRIGGER append_only BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def _first_policy() -> None:
    first = json.loads((files("approvals") / "data" / "authority" / "refund-2026-04-01.json").read_text("utf-8"))
    bands = first.pop("authorities")
    connection = op.get_bind()
    first["in_force_from"] = date.fromisoformat(first["in_force_from"])
    connection.execute(metadata.tables["policy"].insert().values(first))
    connection.execute(metadata.tables["authority"].insert(), [{"policy_id": first["id"], **band} for band in bands])
