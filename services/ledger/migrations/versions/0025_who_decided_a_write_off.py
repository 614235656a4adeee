"""A write-off keeps the debtor's total with which it was decided, so that it is put back on no less authority."""

from alembic import op
from chassis.migration import grant

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Of what was written off before, only the amount is known: it says by itself who had to decide at the least.
TOTALS = """
ALTER TABLE written_off ADD COLUMN debtor_total_pence BIGINT,
  ADD CONSTRAINT a_write_off_is_within_the_debtors_total CHECK (debtor_total_pence >= amount_pence);

DROP TRIGGER only_more_is_put_back ON written_off;

CREATE TRIGGER only_more_is_put_back BEFORE UPDATE ON written_off FOR EACH ROW
  WHEN (NEW.reinstated_pence <= OLD.reinstated_pence
    OR to_jsonb(NEW) - 'reinstated_pence' IS DISTINCT FROM to_jsonb(OLD) - 'reinstated_pence')
  EXECUTE FUNCTION append_only();

ALTER TABLE written_off ENABLE ALWAYS TRIGGER only_more_is_put_back
"""


def upgrade() -> None:
    for statement in TOTALS.split(";\n"):
        op.execute(statement)
    grant(op, "written_off", "INSERT (debtor_total_pence)")
