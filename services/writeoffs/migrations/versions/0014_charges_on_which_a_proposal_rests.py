"""A proposal of a part of a debt keeps what was owed of each charge, so that other weeks are debited without anybody confirming it anew."""

from alembic import op
from chassis.migration import grant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of earlier proposals nobody kept them: those rest on the balance until somebody confirms them.
    op.execute("ALTER TABLE proposal ADD COLUMN charges JSONB")
    grant(op, "proposal", "UPDATE (charges)")
