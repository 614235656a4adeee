"""Cases, checks, evidence, plans, payees, payment runs and the bank's reports; the first policy."""

import json
from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from chassis.migration import create_chassis_tables, create_tables, grant
from refunds.domain.policy import RefundPolicy
from refunds.tables import PAYMENT_FILE_NUMBER, PAYMENT_LINE_NUMBER

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

READ = "SELECT"
APPEND = "SELECT, INSERT"
CHANGE = "SELECT, INSERT, UPDATE"
RIGHTS = {
    "policy": READ,
    "refund_case": CHANGE,
    "case_event": APPEND,
    "participant": APPEND,
    "watched_account": APPEND,
    "payee": APPEND,
    "payee_confirmation": APPEND,
    "evidence": APPEND,
    "check_result": APPEND,
    "refund_plan": APPEND,
    "payment_run": CHANGE,
    "payment_line": CHANGE,
    "payment_file": APPEND,
    "submission": APPEND,
    "bank_report": APPEND,
    "bank_report_item": APPEND,
    "bank_item_effect": APPEND,
}

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    create_chassis_tables(op)
    create_tables(op, __file__)
    for sequence in (PAYMENT_LINE_NUMBER, PAYMENT_FILE_NUMBER):
        op.execute(f"CREATE SEQUENCE {sequence}")
        grant(op, f"SEQUENCE {sequence}", "USAGE")
    op.execute(REFUSE_CHANGE)
    for table, rights in RIGHTS.items():
        grant(op, table, rights)
        if rights == APPEND:
            _append_only(table)
    first = RefundPolicy.model_validate_json((files("refunds") / "data" / "policy" / "2026-04-06.json").read_text("ascii"))
    op.get_bind().execute(
        sa.text("INSERT INTO policy (version, in_force_from, figures) VALUES (:version, :day, CAST(:figures AS jsonb))"),
        {"version": first.version, "day": first.in_force_from, "figures": json.dumps(first.model_dump(mode="json"))},
    )


def _append_only(table: str) -> None:
    """Nobody rewrites these rows, the owner included; ENABLE ALWAYS holds where ordinary triggers are switched off."""
    op.execute(f"CREATE TRIGGER stays_as_written BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute(f"CREATE TRIGGER is_never_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER stays_as_written")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER is_never_emptied")
