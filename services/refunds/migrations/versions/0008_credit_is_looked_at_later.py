"""Which credit is looked at on a later day: what clears then, or whose tenancy ends, or what came in beside an open case."""

from alembic import op
from chassis.migration import create_tables, grant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_tables(op, __file__)
    grant(op, "credit_look", "SELECT, INSERT, DELETE, UPDATE (due_on)")
