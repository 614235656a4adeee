"""Close a case, or this attempt at it, and tell how it ended."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseOutcome, CaseStatus, CloseCase, RefundClosed

from refunds.domain.checks import in_words
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
    ending = await _with_the_bank(tx, told) if told.outcome is CaseOutcome.PAID else told.outcome.replace("-", " ")
    plan = told.plan if told.outcome in MOVED else None
    await cases.change(tx, row.id, is_open=False, status=CaseStatus(told.outcome.value), status_note="")
    await cases.leave_queue(tx, row.id)
    await cases.note(tx, row.id, f"closed: {ending}")
    closed = RefundClosed(
        case=row.id, account=row.account, attempt=told.attempt, outcome=told.outcome,
        refund_pence=plan.refund_pence if plan and told.outcome is CaseOutcome.PAID else 0,
        offset_pence=plan.total_pence - plan.refund_pence if plan else 0,
        reason_code=told.reason_code,
    )  # fmt: skip
    await cases.tell(tx, row, closed)
    return Nothing()


async def _with_the_bank(tx: Transaction, told: CloseCase) -> str:
    """How a paid case ends, in words that are true before the payee has the money too. Errors: NotPaid."""
    # Whoever reaches Temporal could say that it was paid, and a letter would tell the tenant so.
    line = await runs.live_line(tx, told.case, told.attempt)
    if line is None or line.status != runs.PAID:
        raise NotPaid("The bank has accepted no payment of this attempt.")
    file = await runs.file_of(tx, line.run)
    return f"the bank has the payment{f', which arrives on {in_words(file.entry_day)}' if file else ''}"
