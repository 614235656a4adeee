"""The rates of expected loss are proposed by one person and checked by another, as the tables of authority are (ADR 0019).

The role that runs the service writes no rates: accepting a proposal lays them down by a trigger that runs as the owner of the tables.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migration import grant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

POLICY = """
ALTER TABLE provision_policy ADD COLUMN made_by TEXT, ADD COLUMN checked_by TEXT;

UPDATE provision_policy SET made_by = 'Example head of service', checked_by = 'Example finance director';

ALTER TABLE provision_policy ALTER COLUMN made_by SET NOT NULL, ALTER COLUMN checked_by SET NOT NULL,
  ADD CONSTRAINT policy_has_a_maker_and_a_checker CHECK (made_by <> checked_by);

CREATE TABLE provision_proposal (
  id UUID PRIMARY KEY,
  in_force_from DATE NOT NULL,
  source TEXT NOT NULL,
  rates JSONB NOT NULL,
  proposed_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  proposed_at TIMESTAMP WITH TIME ZONE NOT NULL
);

CREATE TABLE provision_check (
  proposal UUID NOT NULL REFERENCES provision_proposal (id),
  answer TEXT NOT NULL,
  text TEXT NOT NULL,
  checked_by TEXT NOT NULL,
  roles TEXT[] NOT NULL,
  checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT a_policy_is_answered_once PRIMARY KEY (proposal),
  CONSTRAINT a_check_is_one_of_three CHECK (answer IN ('accepted', 'refused', 'withdrawn')),
  CONSTRAINT a_refusal_of_policy_is_explained CHECK (answer = 'accepted' OR btrim(text) <> '')
)
"""

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
CREATE FUNCTION guard_provision_proposal() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF NOT NEW.roles && ARRAY['income-manager', 'head-of-service', 'finance', 's151-officer']
  THEN PERFORM refuse('policy_is_for_managers_and_finance'); END IF;
  IF NEW.in_force_from <= today() THEN PERFORM refuse('a_policy_comes_into_force_later'); END IF;
  -- Otherwise what is owed for a few days would have no rate, and no month could be closed.
  IF (SELECT count(DISTINCT status) FROM jsonb_to_recordset(NEW.rates) AS rate (status text, from_days integer) WHERE from_days = 0) < 2
  THEN PERFORM refuse('each_status_has_a_rate_from_the_first_day'); END IF;
  NEW.proposed_at := clock_timestamp();
  RETURN NEW;
END $$
""",
    """
CREATE FUNCTION guard_provision_check() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  asked provision_proposal;
BEGIN
  SELECT * INTO asked FROM provision_proposal WHERE id = NEW.proposal;
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
CREATE FUNCTION lay_down_provision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  asked provision_proposal;
BEGIN
  SELECT * INTO asked FROM provision_proposal WHERE id = NEW.proposal;
  INSERT INTO provision_policy (in_force_from, version, source, made_by, checked_by)
  VALUES (asked.in_force_from, 'provision-' || asked.in_force_from, asked.source, asked.proposed_by, NEW.checked_by);
  INSERT INTO provision_rate (in_force_from, status, from_days, basis_points)
  SELECT asked.in_force_from, rate.status, rate.from_days, rate.basis_points
  FROM jsonb_to_recordset(asked.rates) AS rate (status text, from_days integer, basis_points integer);
  RETURN NULL;
END $$
""",
)

KEPT = ("provision_proposal", "provision_check")


def upgrade() -> None:
    for statement in POLICY.split(";\n"):
        op.execute(statement)
    for function in FUNCTIONS:
        op.execute(sa.text(function.replace(":=", r"\:=")))
    # Nobody calls it but the trigger.
    op.execute("REVOKE ALL ON FUNCTION lay_down_provision() FROM PUBLIC")
    for table in KEPT:
        _always(table, "guard", "BEFORE INSERT", f"FOR EACH ROW EXECUTE FUNCTION guard_{table}()")
        _always(table, "append_only", "BEFORE UPDATE OR DELETE OR TRUNCATE", "FOR EACH STATEMENT EXECUTE FUNCTION append_only()")
        grant(op, table, "SELECT, INSERT")
    _always(
        "provision_check", "effect", "AFTER INSERT", "FOR EACH ROW WHEN (NEW.answer = 'accepted') EXECUTE FUNCTION lay_down_provision()"
    )


def _always(table: str, name: str, moment: str, rest: str) -> None:
    """A trigger that fires under `session_replication_role = replica` too."""
    op.execute(f"CREATE TRIGGER {name} {moment} ON {table} {rest}")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
