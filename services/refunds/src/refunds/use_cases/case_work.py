"""What everyone who works on a case by hand has in common: the part they must hold, and the word to the case's workflow."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.people import CASE_WORKERS
from rentbook_contracts.refunds import CaseOutcome, CaseStatus, RefundClosed
from rentbook_contracts.workflows import CASE_CHANGED, CaseChanged, refund_workflow_id

from refunds.domain.rules import RefundRule
from refunds.store import cases
from refunds.store.cases import Case


class NotYourPart(RefundRule):
    """The caller's roles do not include this work."""


class CaseIsClosed(RefundRule):
    """A closed case stays as it is; the tenant may ask anew."""


class NobodyAsked(RefundRule):
    """A review has no request yet: there is nothing to add to."""


class AnotherAttempt(RefundRule):
    """The case has gone on to another attempt."""


def require_case_worker(tx: Transaction) -> None:
    """Errors: NotYourPart."""
    if not tx.caller.roles & CASE_WORKERS:
        raise NotYourPart("Refund cases are worked on by officers and their managers.")


async def requested_case(tx: Transaction, case: UUID) -> Case:
    """An open case that somebody asked for, locked. Errors: UnknownCase, CaseIsClosed, NobodyAsked."""
    row = await cases.locked(tx, case)
    if not row.is_open:
        raise CaseIsClosed("This case is closed. A new request opens a new one.")
    if row.status == CaseStatus.REVIEW:
        raise NobodyAsked("Nobody has asked for this refund yet: take the tenant's request first.")
    return row


async def at_attempt(tx: Transaction, case: UUID, attempt: int) -> Case:
    """The case, locked, at the attempt that a workflow speaks of. Errors: UnknownCase, AnotherAttempt."""
    row = await cases.locked(tx, case)
    if row.attempt != attempt:
        raise AnotherAttempt("The case has gone on to another attempt.")
    return row


async def say_changed(tx: Transaction, row: Case, *, resubmitted: bool = False) -> None:
    """Count the change, which is what the case's workflow believes, and tell it, once this transaction commits."""
    await cases.count_change(tx, row.id)
    await tx.signal(refund_workflow_id(row.id, row.attempt), CASE_CHANGED, CaseChanged(case=row.id, resubmitted=resubmitted))


async def end_review(tx: Transaction, row: Case, because: str = "") -> None:
    """Close a locked review. Nobody had asked, so that it ends as withdrawn, and no letter tells of it."""
    await cases.change(tx, row.id, is_open=False, status=CaseStatus.WITHDRAWN, status_note=because)
    closed = RefundClosed(
        case=row.id, account=row.account, attempt=row.attempt, outcome=CaseOutcome.WITHDRAWN, refund_pence=0, offset_pence=0
    )
    await cases.tell(tx, row, closed)
