"""Credit may stand above the floor: somebody shall look at it (domain.md 4)."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountFact, CreditFacts
from rentbook_contracts.refunds import CaseStatus, RefundReviewOpened

from refunds.domain.days import business_date
from refunds.domain.means import Means
from refunds.domain.plan import floor
from refunds.domain.review import credit_to_review, look_again_on
from refunds.store import cases, looks, policies
from refunds.use_cases.credit_of import ask_for_credits, credit_of
from refunds.use_cases.move import move


async def look_ahead_of_credit(tx: Transaction, facts: Sequence[AccountFact]) -> None:
    """Ask the ledger once for all accounts that a batch may open a review on. Errors: Unanswered."""
    in_credit = {fact.account for fact in facts if fact.balance_pence < 0}
    await ask_for_credits(tx, in_credit - await cases.open_among(tx, in_credit))


async def open_review(tx: Transaction, fact: AccountFact, means: Means) -> None:
    """A fact has made credit, or lowered the floor. Errors: Unanswered where the ledger does not answer: heard again later."""
    await move(tx, fact)
    if fact.balance_pence >= 0:
        return
    # Of an account that was asked about ahead, the credit alone says in most cases that there is nothing to do.
    if fact.account not in tx.known and await cases.open_among(tx, [fact.account]):
        await _beside_a_case(tx, fact.account, business_date(tx.now))
        return
    credit = await credit_of(tx, fact.account)
    if credit is not None:
        await look(tx, credit, means)


async def look(tx: Transaction, credit: CreditFacts, means: Means) -> None:
    """One review for an account, and none beside an open case. Where there is none yet, the day is noted on which there may be."""
    today = business_date(tx.now)
    policy = await policies.in_force(tx, today)
    pence = credit_to_review(credit, policy, today)
    if pence is None:
        await look_later(tx, credit, today)
        return
    await cases.lock_account(tx, credit.account)
    if await cases.open_among(tx, [credit.account]):
        await _beside_a_case(tx, credit.account, today)
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
    await looks.forget(tx, credit.account)
    await look_later(tx, credit, today)


async def look_later(tx: Transaction, credit: CreditFacts, today: date) -> None:
    """Note the day on which more of the credit clears, or its floor goes. Nothing is told on that day, and by then a review may be over."""
    later = look_again_on(credit, today)
    if later is not None:
        await looks.note(tx, credit.account, later)


async def _beside_a_case(tx: Transaction, account: UUID, today: date) -> None:
    """Whoever takes up a review sees all of the credit that counts by then. What comes in beside a request is looked at once that case is
    over.
    """
    if not await cases.reviewed_among(tx, [account]):
        await looks.note(tx, account, today)
        return
    credit = await credit_of(tx, account)
    if credit is not None:
        await look_later(tx, credit, today)
