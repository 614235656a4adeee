"""Schedules of write-offs: their lines, exceptions, minutes of bodies that do not sign in, call-in; the first table of authority for them.

The band of a schedule is the highest total that one of its debtors owes: that follows from its lines, and the database checks it.
"""

import json
from datetime import date
from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from approvals.tables import metadata
from chassis.migration import create_tables, grant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("schedule_task", "schedule_task_line", "decision_exception", "minute")

CHANGES = (
    "ALTER TABLE authority ADD COLUMN IF NOT EXISTS body TEXT",
    "ALTER TABLE authority ADD COLUMN IF NOT EXISTS call_in_working_days SMALLINT DEFAULT 0 NOT NULL",
    "ALTER TABLE authority DROP CONSTRAINT IF EXISTS a_call_in_ends_within_thirty_working_days",
    "ALTER TABLE authority ADD CONSTRAINT a_call_in_ends_within_thirty_working_days CHECK (call_in_working_days BETWEEN 0 AND 30)",
    "ALTER TABLE task ALTER COLUMN account DROP NOT NULL",
    "ALTER TABLE task DROP CONSTRAINT IF EXISTS a_schedule_is_of_no_single_account",
    "ALTER TABLE task ADD CONSTRAINT a_schedule_is_of_no_single_account CHECK ((kind = 'write-off') = (account IS NULL))",
    "ALTER TABLE decision ADD COLUMN IF NOT EXISTS carried_out_from DATE",
)

FUNCTIONS = (
    """
CREATE FUNCTION check_schedule_band() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  of_task uuid;
BEGIN
  of_task := CASE TG_TABLE_NAME WHEN 'task' THEN to_jsonb(NEW) ->> 'id' ELSE to_jsonb(NEW) ->> 'task_id' END;
  IF EXISTS (SELECT FROM task t WHERE t.id = of_task AND t.kind = 'write-off') AND NOT EXISTS (
    SELECT FROM task t JOIN schedule_task s ON s.task_id = t.id JOIN schedule_task_line l ON l.task_id = t.id
    WHERE t.id = of_task AND t.kind = 'write-off' GROUP BY t.id, s.task_id
    HAVING max(l.debtor_total_pence) = t.amount_pence AND count(*) = s.lines AND sum(l.amount_pence) = s.total_pence
  ) THEN PERFORM refuse('the_band_of_a_schedule_is_its_highest_total'); END IF;
  RETURN NULL;
END $$
""",
    """
CREATE FUNCTION guard_schedule_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked task;
  held authority;
BEGIN
  SELECT * INTO asked FROM task WHERE id = NEW.task_id;
  SELECT * INTO held FROM authority WHERE id = NEW.authority_id;
  IF asked.kind <> 'write-off' THEN
    IF NEW.carried_out_from IS NOT NULL THEN PERFORM refuse('only_a_schedule_waits_to_be_carried_out'); END IF;
    RETURN NEW;
  END IF;
  IF (NEW.carried_out_from >= today() + held.call_in_working_days) IS NOT TRUE
  THEN PERFORM refuse('a_decision_of_members_waits_out_its_call_in'); END IF;
  IF asked.stages > 1 AND held.from_pence > asked.amount_pence THEN PERFORM refuse('authority_is_for_this_stage'); END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION check_schedule_decision() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked task;
  held authority;
BEGIN
  SELECT * INTO asked FROM task WHERE id = NEW.task_id;
  SELECT * INTO held FROM authority WHERE id = NEW.authority_id;
  IF held.body IS NOT NULL AND NEW.answer <> 'sent-back' AND NOT EXISTS (
    SELECT FROM minute m WHERE m.decision_id = NEW.id
  ) THEN PERFORM refuse('a_body_decides_by_its_minute'); END IF;
  IF asked.kind = 'write-off' AND NEW.answer = 'approved' AND NOT EXISTS (
    SELECT FROM schedule_task_line l WHERE l.task_id = NEW.task_id AND NOT EXISTS (
      SELECT FROM decision_exception e JOIN decision d ON d.id = e.decision_id
      WHERE d.case_id = NEW.case_id AND d.round = NEW.round AND d.stage <= NEW.stage AND e.line = l.line
      AND NOT EXISTS (SELECT FROM recall r WHERE r.decision_id = d.id))
  ) THEN PERFORM refuse('an_approval_lets_a_line_through'); END IF;
  RETURN NULL;
END $$
""",
    # Exceptions and minutes come with their decision: what was told of it is what stays.
    """
CREATE FUNCTION guard_decision_exception() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  made decision;
BEGIN
  SELECT * INTO made FROM decision WHERE id = NEW.decision_id;
  IF made.answer IS DISTINCT FROM 'approved' THEN PERFORM refuse('only_an_approval_leaves_lines_out'); END IF;
  IF made.task_id <> NEW.task_id THEN PERFORM refuse('an_exception_is_of_a_line_that_was_shown'); END IF;
  IF made.decided_at <> now() THEN PERFORM refuse('an_exception_comes_with_its_decision'); END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_minute() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  made decision;
  held authority;
BEGIN
  SELECT * INTO made FROM decision WHERE id = NEW.decision_id;
  SELECT * INTO held FROM authority WHERE id = made.authority_id;
  IF (held.body = NEW.body) IS NOT TRUE THEN PERFORM refuse('a_minute_is_of_the_body_that_decided'); END IF;
  IF NEW.met_on > today() THEN PERFORM refuse('a_body_has_met_before'); END IF;
  IF made.decided_at <> now() THEN PERFORM refuse('a_minute_comes_with_its_decision'); END IF;
  NEW.recorded_at := now();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_kind_of_proposal() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  -- A proposal names neither bodies nor call-in: a table laid down by it would let go of both.
  IF NEW.kind <> 'refund' THEN PERFORM refuse('a_proposal_has_a_policy_before'); END IF;
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_schedule_line() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM decision d WHERE d.task_id = NEW.task_id) THEN PERFORM refuse('the_lines_of_a_decided_schedule_stay'); END IF;
  RETURN NEW;
END $$
""",
)

TRIGGERS = (
    ("decision", "guard_schedule", "guard_schedule_decision"),
    ("decision_exception", "guard", "guard_decision_exception"),
    ("minute", "guard", "guard_minute"),
    ("schedule_task_line", "guard", "guard_schedule_line"),
    ("policy_proposal", "guard_kind", "guard_kind_of_proposal"),
)
DEFERRED = (
    ("task", "band", "check_schedule_band"),
    ("schedule_task", "band", "check_schedule_band"),
    ("decision", "whole", "check_schedule_decision"),
)


def upgrade() -> None:
    create_tables(op, __file__)
    for statement in CHANGES:
        op.execute(statement)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    for table, name, function in TRIGGERS:
        op.execute(f"CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    for table, name, function in DEFERRED:
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    for table in TABLES:
        events = "UPDATE OR DELETE OR TRUNCATE"
        op.execute(f"CREATE TRIGGER append_only BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
        grant(op, table, "SELECT, INSERT")
    _first_policy()


def _first_policy() -> None:
    first = json.loads((files("approvals") / "data" / "authority" / "write-off-2021-07-01.json").read_text("utf-8"))
    bands = first.pop("authorities")
    first["in_force_from"] = date.fromisoformat(first["in_force_from"])
    connection = op.get_bind()
    connection.execute(metadata.tables["policy"].insert().values(first))
    rows = [{"policy_id": first["id"], "body": None, "call_in_working_days": 0, **band} for band in bands]
    connection.execute(metadata.tables["authority"].insert(), rows)
