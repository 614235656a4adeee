"""The role that runs the service may change the columns that it changes, and no others."""

from alembic import op
from chassis.migration import narrow, narrow_chassis

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PROGRESS = (
    "version", "attempt", "round", "changes", "changes_in_round", "withdrawn_attempt", "status", "status_note", "is_open", "payee",
    "policy_version", "decide_by", "pay_by", "floor_pence", "cleared_credit_pence", "queued_hash", "queued_decision", "queued_at", "run",
    "refund_journal",
)  # fmt: skip
REQUEST = (
    "asked_at", "asked_by", "taken_by", "identified_how", "requested_pence", "reason_code", "note", "joint_consent", "consents",
    "opted_out",
)  # fmt: skip
"""What a request writes into the review that the credit had opened."""


def upgrade() -> None:
    narrow_chassis(op)
    narrow(op, "refund_case", *PROGRESS, *REQUEST)
    narrow(op, "payment_run", "status", "status_note")
    narrow(op, "payment_line", "status", "because", "refund_journal")
