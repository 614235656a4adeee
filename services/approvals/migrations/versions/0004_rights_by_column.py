"""The role that runs the service may change the columns that it changes, and no others."""

from alembic import op
from chassis.migration import narrow, narrow_chassis

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    narrow_chassis(op)
    narrow(op, "staff", "name", "roles", "last_seen_at")
    narrow(op, "saved_view", "view", "filters", "saved_at")
