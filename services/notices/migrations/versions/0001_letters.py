"""Letters and the proof of their sending.

A letter keeps its content: only its status may change, and a PDF may be added to one that could not be made at first.
"""

from alembic import op
from chassis.migration import create_chassis_tables, create_tables, grant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEPT = """
CREATE FUNCTION a_letter_is_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'letter' AND OLD.pdf IS NULL THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'letter' AND NEW.pdf = OLD.pdf AND NEW.sha256 = OLD.sha256 THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'restrict_violation', CONSTRAINT = 'a_letter_is_kept', MESSAGE = 'a letter and its proof are kept';
END $$
"""


def upgrade() -> None:
    create_tables(op, __file__)
    create_chassis_tables(op)
    grant(op, "letter", "SELECT, INSERT, UPDATE (status, claimed_by, problem, pdf, sha256)")
    grant(op, "sending", "SELECT, INSERT")
    op.execute(KEPT)
    for table in ("letter", "sending"):
        row, statement = f"{table}_is_kept", f"{table}_is_not_emptied"
        op.execute(f"CREATE TRIGGER {row} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION a_letter_is_kept()")
        op.execute(f"CREATE TRIGGER {statement} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION a_letter_is_kept()")
        for trigger in (row, statement):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")
