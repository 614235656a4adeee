"""The register keeps on which day a credit came back: it counts in the totals of that day, and those of before stay as published."""

from alembic import op
from chassis.migration import grant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of what came back before nobody kept the day: it goes on counting on the day on which it went to income.
    op.execute("ALTER TABLE register ADD COLUMN came_back_on DATE")
    op.execute(
        "ALTER TABLE register ADD CONSTRAINT only_a_credit_comes_back_on_a_day "
        "CHECK (came_back_on IS NULL OR (kind = 'credit-write-on' AND reinstated_pence > 0))"
    )
    grant(op, "register", "UPDATE (came_back_on)")
