"""Lines join a selection and somebody signs for it one after the other: a line that was not yet committed was counted by neither."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("selection_line", "selection_signed")

# By a lock of its own, because the role that runs the service may change no selection and so lock none.
FUNCTION = """
CREATE FUNCTION take_turns_at_selection() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('selection ' || NEW.selection_id, 0));
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute(sa.text(FUNCTION))
    for table in TABLES:
        # Triggers of one kind fire in the order of their names: this one before `guard`, which reads what others have committed.
        op.execute(f"CREATE TRIGGER first BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION take_turns_at_selection()")
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER first")
