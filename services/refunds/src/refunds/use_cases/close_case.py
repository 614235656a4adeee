"""Close a case, or this attempt at it, and tell how it ended."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseOutcome, CaseStatus, CloseCase, RefundClosed

from refunds.store import cases
from refunds.use_cases.case_work import at_attempt

MOVED = (CaseOutcome.PAID, CaseOutcome.OFFSET)


async def close_case(tx: Transaction, told: CloseCase) -> Nothing:
    """Errors: UnknownCase, AnotherAttempt."""
    row = await at_attempt(tx, told.case, told.attempt)
    if not row.is_open:
        return Nothing()
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
