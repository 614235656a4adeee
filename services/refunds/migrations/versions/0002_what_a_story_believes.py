"""How often a case changed, what its round has seen of that, and which attempt was withdrawn: what a story believes instead of a signal."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("changes bigint NOT NULL DEFAULT 0", "changes_in_round bigint NOT NULL DEFAULT 0", "withdrawn_attempt integer")


def upgrade() -> None:
    for column in COLUMNS:
        # A database that begins today has them from the first revision, which creates the tables as they are.
        op.execute(f"ALTER TABLE refund_case ADD COLUMN IF NOT EXISTS {column}")
