"""Close a case, or this attempt at it, and tell how it ended."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseOutcome, CaseStatus, CloseCase, RefundClosed

from refunds.domain.rules import RefundRule
from refunds.store import cases, runs
from refunds.use_cases.case_work import at_attempt

MOVED = (CaseOutcome.PAID, CaseOutcome.OFFSET)


class NotPaid(RefundRule):
    """A case ends as paid when its payment was in a file that the bank accepted."""


async def close_case(tx: Transaction, told: CloseCase) -> Nothing:
    """Errors: UnknownCase, AnotherAttempt, NotPaid."""
    row = await at_attempt(tx, told.case, told.attempt)
    if not row.is_open:
        return Nothing()
    if told.outcome is CaseOutcome.PAID:
        # Whoever reaches Temporal could say it, and a letter would tell the tenant so.
        line = await runs.live_line(tx, row.id, told.attempt)
        if line is None or line.status != runs.PAID:
            raise NotPaid("The bank has accepted no payment of this attempt.")
    plan = told.plan if told.outcome in MOVED else None
    await cases.change(tx, row.id, is_open=False, status=CaseStatus(told.outcome.value), status_note="")
    await cases.leave_queue(tx, row.id)
    await cases.note(tx, row.id, f"closed: {told.outcome.replace('-', ' ')}")
    closed = RefundClosed(
        case=row.id, account=row.account, attempt=told.attempt, outcome=told.outcome,
        refund_pence=plan.refund_pence if plan and told.outcome is CaseOutcome.PAID else 0,
        offset_pence=plan.total_pence - plan.refund_pence if plan else 0,
        reason_code=told.reason_code,
    )  # fmt: skip
    await cases.tell(tx, row, closed)
    return Nothing()
