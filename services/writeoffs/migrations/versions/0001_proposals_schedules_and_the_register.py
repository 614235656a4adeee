"""Proposals, proofs, schedules and the register; the first policy."""

import json
from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_chassis_tables, create_tables, grant
from writeoffs.domain.policy import WriteOffPolicy
from writeoffs.tables import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

READ = "SELECT"
APPEND = "SELECT, INSERT"
RIGHTS = {
    "policy": READ,
    "proposal": (
        "SELECT, INSERT, UPDATE (version, attempt, balance_pence, amount_pence, debtor_total_pence, status, status_note, look_again_on,"
        " followed, schedule, journal, policy_version, closed_at)"
    ),
    "proof": APPEND,
    "participant": APPEND,
    "schedule": "SELECT, INSERT, UPDATE (status, status_note, round, answered_round, withdrawn, decision, closed_at)",
    "schedule_participant": APPEND,
    "event": APPEND,
    "schedule_line": "SELECT, INSERT, UPDATE (standing, because, journal)",
    "schedule_round": APPEND,
    "round_line": APPEND,
    "register": "SELECT, INSERT, UPDATE (reinstated_pence)",
}
"""What the role that runs the service may do."""

APPEND_ONLY = tuple(table for table, rights in RIGHTS.items() if rights in (READ, APPEND))

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_is_kept', MESSAGE = TG_TABLE_NAME || ' is kept';
END $$
"""


def upgrade() -> None:
    create_chassis_tables(op)
    create_tables(op, __file__)
    for table, rights in RIGHTS.items():
        grant(op, table, rights)
    _first_policy()
    op.execute(REFUSE_CHANGE)
    for table in RIGHTS:
        _kept(table, "UPDATE OR DELETE OR TRUNCATE" if table in APPEND_ONLY else "DELETE OR TRUNCATE")


def _kept(table: str, events: str) -> None:
    """Nobody rewrites or removes these rows, the owner included; ALWAYS holds where ordinary triggers are switched off."""
    op.execute(f"CREATE TRIGGER is_kept BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER is_kept")


def _first_policy() -> None:
    told = json.loads((files("writeoffs") / "data" / "policy" / "2021-07-01.json").read_text("utf-8"))
    first = WriteOffPolicy.model_validate(told)
    row = {"version": first.version, "in_force_from": first.in_force_from, "figures": first.model_dump(mode="json")}
    op.get_bind().execute(sa.insert(metadata.tables["policy"]).values(**row, made_by=first.made_by, checked_by=first.checked_by))
