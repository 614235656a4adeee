"""Who asks for a refund instead of a tenant who has died."""

from alembic import op
from chassis.migration import grant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KNOWN = "a_request_is_made_in_a_known_part"

# A database that begins today has these from the first revision.
CHANGES = (
    "ALTER TABLE refund_case ADD COLUMN IF NOT EXISTS asked_as TEXT NOT NULL DEFAULT 'tenant'",
    "COMMENT ON COLUMN refund_case.asked_as IS 'Who asks for a tenant who has died'",
    f"ALTER TABLE refund_case DROP CONSTRAINT IF EXISTS {KNOWN}",
    f"ALTER TABLE refund_case ADD CONSTRAINT {KNOWN} CHECK (asked_as IN ('tenant', 'executor', 'administrator', 'next-of-kin'))",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)
    grant(op, "refund_case", "UPDATE (asked_as)")
