"""A receipt has left credit above the floor: somebody shall look at it (domain.md 4)."""

from collections.abc import Sequence
from uuid import uuid4

from chassis.transaction import Transaction
from rentbook_contracts.ledger import CreditFacts, ReceiptPosted
from rentbook_contracts.refunds import CaseStatus, RefundReviewOpened

from refunds.domain.means import LONDON, Means
from refunds.domain.plan import floor
from refunds.domain.review import credit_to_review
from refunds.store import cases, policies
from refunds.use_cases.credit_of import ask_for_credits, credit_of
from refunds.use_cases.move import move


async def look_ahead_of_receipts(tx: Transaction, receipts: Sequence[ReceiptPosted]) -> None:
    """Ask the ledger once for all accounts that a batch may open a review on. Errors: Unanswered."""
    in_credit = {receipt.account for receipt in receipts if receipt.balance_pence < 0}
    await ask_for_credits(tx, in_credit - await cases.open_among(tx, in_credit))


async def open_review(tx: Transaction, receipt: ReceiptPosted, means: Means) -> None:
    """One review for an account, and none beside an open case. Errors: Unanswered where the ledger does not answer: heard again later."""
    await move(tx, receipt)
    if receipt.balance_pence >= 0:
        return
    # Of an account that was asked about ahead, the credit alone says in most cases that there is nothing to do.
    if receipt.account not in tx.known and await cases.open_among(tx, [receipt.account]):
        return
    credit = await credit_of(tx, receipt.account)
    if credit is not None:
        await _look(tx, credit, means)


async def _look(tx: Transaction, credit: CreditFacts, means: Means) -> None:
    today = tx.now.astimezone(LONDON).date()
    policy = await policies.in_force(tx, today)
    pence = credit_to_review(credit, policy, today)
    if pence is None:
        return
    await cases.lock_account(tx, credit.account)
    if await cases.open_among(tx, [credit.account]):
        return
    case = uuid4()
    await cases.add(
        tx, id=case, account=credit.account, status=CaseStatus.REVIEW, review_credit_pence=pence, taken_by="system",
        policy_version=policy.version, decide_by=means.calendar.after(today, policy.decide_within_working_days),
        pay_by=means.calendar.after(today, policy.pay_within_working_days), floor_pence=floor(credit, policy, today),
        cleared_credit_pence=credit.cleared_credit_pence,
    )  # fmt: skip
    await cases.note(tx, case, "review opened")
    row = await cases.locked(tx, case)
    await cases.tell(tx, row, RefundReviewOpened(case=case, account=credit.account, credit_pence=pence))
