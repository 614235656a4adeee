"""Since when an approved refund is neither on the list of payments nor in a run."""

from alembic import op
from chassis.migration import grant

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ADDED = "ALTER TABLE refund_case ADD COLUMN unlisted_since TIMESTAMP WITH TIME ZONE"
SAID = "COMMENT ON COLUMN refund_case.unlisted_since IS 'Since when an approved refund is neither on the list of payments nor in a run'"
# It may stand so already. Where its story is under way, the next round takes the mark away.
MARKED = """
UPDATE refund_case SET unlisted_since = now()
WHERE is_open AND status IN ('approved', 'released') AND queued_at IS NULL AND NOT EXISTS (
  SELECT FROM payment_line
  WHERE (case_id, payment_line.attempt) = (refund_case.id, refund_case.attempt) AND payment_line.status IN ('released', 'posted', 'paid')
)
"""


def upgrade() -> None:
    for change in (ADDED, SAID, MARKED):
        op.execute(change)
    grant(op, "refund_case", "UPDATE (unlisted_since)")
