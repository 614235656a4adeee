"""The lane of a plan, which approvals asks for: a plan that was made before is looked at one by one."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE refund_plan ADD COLUMN IF NOT EXISTS lane TEXT NOT NULL DEFAULT 'look'")
    op.execute("ALTER TABLE refund_plan ADD COLUMN IF NOT EXISTS lane_reasons TEXT[] NOT NULL DEFAULT '{}'")
