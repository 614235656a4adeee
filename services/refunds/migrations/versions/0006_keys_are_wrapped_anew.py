"""What was sealed may be wrapped under a newer key, by the owner of the tables alone; what it says stays as it was written."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SEALED = ("payee", "payee_confirmation", "evidence_document")

REFUSE_ALL_BUT_REWRAPPING = """
CREATE FUNCTION refuse_all_but_rewrapping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE'
     AND OLD.key_id IS DISTINCT FROM NEW.key_id AND OLD.wrapped_key IS DISTINCT FROM NEW.wrapped_key
     AND OLD.key_id IS NOT NULL AND NEW.key_id IS NOT NULL AND NEW.wrapped_key IS NOT NULL
     AND to_jsonb(OLD) - 'key_id' - 'wrapped_key' = to_jsonb(NEW) - 'key_id' - 'wrapped_key' THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    op.execute(REFUSE_ALL_BUT_REWRAPPING)
    for table in SEALED:
        op.execute(f"DROP TRIGGER stays_as_written ON {table}")
        op.execute(
            f"CREATE TRIGGER stays_as_written BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_all_but_rewrapping()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER stays_as_written")
