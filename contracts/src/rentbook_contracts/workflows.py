"""The stories that Temporal sees through, and what may be told to them while they run."""

from uuid import UUID

from rentbook_contracts.operation import Message, Nothing, Signal, Workflow
from rentbook_contracts.refunds import PaymentRunCase, RefundCase
from rentbook_contracts.writeoffs import ProposalCase, ScheduleCase

QUEUE = "workflows"

REFUND_APPROVAL: Workflow[RefundCase, Nothing] = Workflow("RefundApproval", QUEUE, RefundCase, Nothing)
PAYMENT_RUN: Workflow[PaymentRunCase, Nothing] = Workflow("PaymentRun", QUEUE, PaymentRunCase, Nothing)

WRITE_OFF_PROPOSAL: Workflow[ProposalCase, Nothing] = Workflow("WriteOffProposal", QUEUE, ProposalCase, Nothing)
WRITE_OFF_APPROVAL: Workflow[ScheduleCase, Nothing] = Workflow("WriteOffApproval", QUEUE, ScheduleCase, Nothing)


def refund_workflow_id(case: UUID, attempt: int) -> str:
    """The business key of one attempt at a case."""
    return f"refund/{case}/{attempt}"


def payment_run_workflow_id(run: UUID) -> str:
    return f"payment-run/{run}"


def proposal_workflow_id(proposal: UUID, attempt: int) -> str:
    """The business key of one pass of a proposal through its evidence."""
    return f"write-off-proposal/{proposal}/{attempt}"


def schedule_workflow_id(schedule: UUID) -> str:
    return f"write-off-schedule/{schedule}"


class LedgerMoved(Message):
    """An account of the case has a later version than the one last seen: the checks run again if an approval stands."""

    account: UUID
    version: int


class CaseChanged(Message):
    """Evidence, payee or content changed, or a sent-back case was resubmitted: the checks run again, in a new round."""

    case: UUID
    resubmitted: bool = False


class CaseWithdrawn(Message):
    case: UUID


class PaymentReleased(Message):
    """Finance has signed the run that carries this case."""

    run: UUID
    content_hash: str


class PaymentSettled(Message):
    """The bank has accepted the file (paid), or it has refused it and the payment has to be made again."""

    run: UUID
    paid: bool


class RunLineSettled(Message):
    """A released line was posted, or dropped: the file waits for every line's word."""

    case: UUID


class ProposalChanged(Message):
    """Evidence came, the account moved, or the proposal was withdrawn: it is assessed again."""

    proposal: UUID


class ScheduleChanged(Message):
    """A question was answered, or the schedule was withdrawn: the story asks writeoffs which."""

    schedule: UUID


PROPOSAL_CHANGED: Signal[ProposalChanged] = Signal("proposal_changed", ProposalChanged)
SCHEDULE_CHANGED: Signal[ScheduleChanged] = Signal("schedule_changed", ScheduleChanged)
LEDGER_MOVED: Signal[LedgerMoved] = Signal("ledger_moved", LedgerMoved)
CASE_CHANGED: Signal[CaseChanged] = Signal("case_changed", CaseChanged)
CASE_WITHDRAWN: Signal[CaseWithdrawn] = Signal("case_withdrawn", CaseWithdrawn)
PAYMENT_RELEASED: Signal[PaymentReleased] = Signal("payment_released", PaymentReleased)
PAYMENT_SETTLED: Signal[PaymentSettled] = Signal("payment_settled", PaymentSettled)
RUN_LINE_SETTLED: Signal[RunLineSettled] = Signal("run_line_settled", RunLineSettled)
