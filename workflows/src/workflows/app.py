"""Which stories this process tells."""

from collections.abc import Sequence

from workflows.payment_run import PaymentRun
from workflows.refund_approval import RefundApproval

WORKFLOWS: Sequence[type] = (RefundApproval, PaymentRun)
