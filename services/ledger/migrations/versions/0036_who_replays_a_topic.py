"""Who had a topic published again, and when."""

from alembic import op
from chassis.migration import keep_who_replays

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    keep_who_replays(op)
