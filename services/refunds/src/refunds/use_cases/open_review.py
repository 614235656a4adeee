"""A receipt has left credit above the floor: somebody shall look at it (domain.md 4)."""

from datetime import date
from uuid import uuid4

from chassis.transaction import Refused, Transaction
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, AccountForRefund, ReceiptPosted
from rentbook_contracts.refunds import CaseStatus, RefundReviewOpened

from refunds.domain.means import LONDON, Means
from refunds.domain.plan import floor
from refunds.domain.review import credit_to_review
from refunds.store import cases, policies
from refunds.use_cases.move import move


async def open_review(tx: Transaction, receipt: ReceiptPosted, means: Means) -> None:
    """One review for an account, and none beside an open case. Errors: Unanswered where the ledger does not answer: heard again later."""
    await move(tx, receipt)
    if receipt.balance_pence >= 0:
        return
    await cases.lock_account(tx, receipt.account)
    if not await cases.anything_open(tx, receipt.account):
        await _look(tx, receipt, tx.now.astimezone(LONDON).date(), means)


async def _look(tx: Transaction, receipt: ReceiptPosted, today: date, means: Means) -> None:
    try:
        ledger = await tx.ask(ACCOUNT_FOR_REFUND, AccountForRefund(account=receipt.account))
    except Refused:
        # The ledger's word that this is no tenant's account, such as suspense: nobody's credit to review.
        return
    policy = await policies.in_force(tx, today)
    credit = credit_to_review(ledger, policy, today)
    if credit is None:
        return
    case = uuid4()
    await cases.add(
        tx, id=case, account=receipt.account, status=CaseStatus.REVIEW, review_credit_pence=credit, taken_by="system",
        policy_version=policy.version, decide_by=means.calendar.after(today, policy.decide_within_working_days),
        pay_by=means.calendar.after(today, policy.pay_within_working_days), floor_pence=floor(ledger, policy, today),
        cleared_credit_pence=ledger.cleared_credit_pence,
    )  # fmt: skip
    await cases.note(tx, case, "review opened")
    row = await cases.locked(tx, case)
    await cases.tell(tx, row, RefundReviewOpened(case=case, account=receipt.account, credit_pence=credit))
