"""The answer to the question with which an approver sent a case back."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseStatus, Resubmit

from refunds.domain.rules import RefundRule
from refunds.store import cases
from refunds.use_cases.case_work import requested_case, require_case_worker, say_changed


class NotSentBack(RefundRule):
    """Only a case that was sent back waits for an answer."""


async def resubmit(tx: Transaction, told: Resubmit) -> Nothing:
    """Errors: NotYourPart, UnknownCase, CaseIsClosed, NobodyAsked, NotSentBack."""
    require_case_worker(tx)
    row = await requested_case(tx, told.case)
    if row.status != CaseStatus.SENT_BACK:
        raise NotSentBack("This case was not sent back.")
    await cases.change(tx, row.id, status=CaseStatus.CHECKING, status_note="")
    await cases.take_part(tx, row.id, "resubmitted the case")
    await cases.note(tx, row.id, "resubmitted", told.note)
    await say_changed(tx, row, resubmitted=True)
    return Nothing()
