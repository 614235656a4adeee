"""The policy on evidence is proposed by one person and checked by another, as the tables of authority are (ADR 0019).

The role that runs the service writes no policy: accepting a proposal lays it down by a trigger that runs as the owner of the tables.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_tables, grant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("policy_proposal", "policy_check")

FUNCTIONS = (
    """
CREATE FUNCTION refuse(rule text) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = rule, MESSAGE = replace(rule, '_', ' ');
END $$
""",
    """
CREATE FUNCTION today() RETURNS date LANGUAGE sql SET search_path = public, pg_temp STABLE AS $$
  SELECT (clock_timestamp() AT TIME ZONE 'Europe/London')::date
$$
""",
    """
CREATE FUNCTION guard_policy_proposal() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT NEW.roles && ARRAY['income-manager', 'head-of-service', 'finance', 's151-officer']
  THEN PERFORM refuse('policy_is_for_managers_and_finance'); END IF;
  IF NEW.in_force_from <= today() THEN PERFORM refuse('a_policy_comes_into_force_later'); END IF;
  NEW.proposed_at := clock_timestamp();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_policy_check() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked policy_proposal;
BEGIN
  SELECT * INTO asked FROM policy_proposal WHERE id = NEW.proposal;
  IF NEW.answer = 'withdrawn' AND NEW.checked_by <> asked.proposed_by THEN PERFORM refuse('only_the_maker_withdraws'); END IF;
  IF NEW.answer <> 'withdrawn' THEN
    IF NEW.checked_by = asked.proposed_by THEN PERFORM refuse('the_maker_of_a_policy_does_not_check_it'); END IF;
    IF NOT NEW.roles && ARRAY['income-manager', 'head-of-service', 'finance', 's151-officer']
    THEN PERFORM refuse('policy_is_for_managers_and_finance'); END IF;
  END IF;
  IF NEW.answer = 'accepted' AND asked.in_force_from <= today() THEN PERFORM refuse('a_policy_comes_into_force_later'); END IF;
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
  SELECT * INTO asked FROM policy_proposal WHERE id = NEW.proposal;
  laid := 'evidence-' || asked.in_force_from;
  INSERT INTO policy (version, in_force_from, figures, made_by, checked_by) VALUES (
    laid, asked.in_force_from,
    asked.figures || jsonb_build_object(
      'version', laid, 'council', asked.council, 'made_by', asked.proposed_by, 'checked_by', NEW.checked_by),
    asked.proposed_by, NEW.checked_by);
  RETURN NULL;
END $$
""",
)


def upgrade() -> None:
    create_tables(op, __file__)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    # Nobody calls it but the trigger.
    op.execute("REVOKE ALL ON FUNCTION lay_down_policy() FROM PUBLIC")
    for table in TABLES:
        op.execute(f"CREATE TRIGGER guard BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION guard_{table}()")
        op.execute(
            f"CREATE TRIGGER is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        for trigger in ("guard", "is_kept"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
        grant(op, table, "SELECT, INSERT")
    op.execute(
        "CREATE TRIGGER effect AFTER INSERT ON policy_check FOR EACH ROW WHEN (NEW.answer = 'accepted') EXECUTE FUNCTION lay_down_policy()"
    )
    op.execute("ALTER TABLE policy_check ENABLE ALWAYS TRIGGER effect")
