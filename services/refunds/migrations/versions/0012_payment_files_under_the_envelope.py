"""The bytes of payment files, under the envelope of bank details; those that lie in clear are sealed by the service, which has the key."""

from alembic import op
from chassis.migration import create_tables, grant
from refunds.tables import payment_file, payment_file_content

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FILE, CONTENT = payment_file.name, payment_file_content.name

REFUSE_ALL_BUT_SEALING = f"""
CREATE FUNCTION refuse_all_but_sealing() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE'
     AND OLD.content IS NOT NULL AND NEW.content IS NULL
     AND to_jsonb(OLD) - 'content' = to_jsonb(NEW) - 'content'
     AND EXISTS (SELECT FROM {CONTENT} AS sealed WHERE sealed.run = OLD.run) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    create_tables(op, __file__)
    grant(op, CONTENT, "SELECT, INSERT")
    _guard(CONTENT, "refuse_all_but_rewrapping")
    op.execute(f"CREATE TRIGGER is_never_emptied BEFORE TRUNCATE ON {CONTENT} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(f"ALTER TABLE {CONTENT} ENABLE ALWAYS TRIGGER is_never_emptied")
    op.execute(REFUSE_ALL_BUT_SEALING)
    op.execute(f"DROP TRIGGER stays_as_written ON {FILE}")
    _guard(FILE, "refuse_all_but_sealing")
    grant(op, FILE, "UPDATE (content)")


def _guard(table: str, function: str) -> None:
    op.execute(f"CREATE TRIGGER stays_as_written BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER stays_as_written")
