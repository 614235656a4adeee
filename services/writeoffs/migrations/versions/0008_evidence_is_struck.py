"""Evidence that was entered in error is struck, and an order of insolvency says what it is and whether it lists the debt."""

from alembic import op
from chassis.migration import create_tables, grant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE proof ADD COLUMN IF NOT EXISTS order_kind text, ADD COLUMN IF NOT EXISTS listed boolean,
  ADD CONSTRAINT only_an_order_of_insolvency_lists_debts CHECK (kind = 'insolvency-order' OR (order_kind IS NULL AND listed IS NULL)),
  ADD CONSTRAINT an_order_of_insolvency_is_of_a_known_kind
    CHECK (order_kind IN ('bankruptcy', 'debt-relief-order', 'voluntary-arrangement'))
"""


def upgrade() -> None:
    op.execute(COLUMNS)
    create_tables(op, __file__)
    grant(op, "struck", "SELECT, INSERT")
    op.execute("CREATE TRIGGER is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON struck FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute("ALTER TABLE struck ENABLE ALWAYS TRIGGER is_kept")
