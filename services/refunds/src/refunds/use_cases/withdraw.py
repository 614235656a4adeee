"""The tenant no longer asks, or a review comes to nothing."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseStatus, WithdrawCase
from rentbook_contracts.workflows import CASE_WITHDRAWN, CaseWithdrawn, refund_workflow_id

from refunds.store import cases
from refunds.use_cases.case_work import CaseIsClosed, end_review, require_case_worker
from refunds.use_cases.change_payee import ON_ITS_WAY, PaymentOnItsWay


async def withdraw(tx: Transaction, told: WithdrawCase) -> Nothing:
    """No workflow follows a review, so that one closes at once. Errors: NotYourPart, UnknownCase, CaseIsClosed, PaymentOnItsWay."""
    require_case_worker(tx)
    row = await cases.locked(tx, told.case)
    if not row.is_open:
        raise CaseIsClosed("This case is closed already.")
    if row.status in ON_ITS_WAY:
        raise PaymentOnItsWay("The payment is released: it can no longer be withdrawn.")
    await cases.take_part(tx, row.id, "withdrew the case")
    await cases.note(tx, row.id, "withdrawn", told.note)
    if row.status == CaseStatus.REVIEW:
        await end_review(tx, row)
    else:
        await cases.change(tx, row.id, withdrawn_attempt=row.attempt)
        await tx.signal(refund_workflow_id(row.id, row.attempt), CASE_WITHDRAWN, CaseWithdrawn(case=row.id))
    return Nothing()
