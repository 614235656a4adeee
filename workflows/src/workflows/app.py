"""Which stories this process tells."""

from collections.abc import Sequence

from workflows.payment_run import PaymentRun
from workflows.refund_approval import RefundApproval
from workflows.write_off_approval import WriteOffApproval
from workflows.write_off_proposal import WriteOffProposal

WORKFLOWS: Sequence[type] = (RefundApproval, PaymentRun, WriteOffProposal, WriteOffApproval)
