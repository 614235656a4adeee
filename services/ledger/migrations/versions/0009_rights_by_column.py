"""The role that runs the service may change the columns that it changes, and no others."""

from alembic import op
from chassis.migration import narrow, narrow_chassis

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    narrow_chassis(op)
    narrow(op, "weekly_charge")
