"""A review whose credit is gone closes by itself, and says where the credit went (domain.md 4)."""

from collections.abc import Mapping, Sequence

from chassis.transaction import Transaction
from rentbook_contracts.ledger import (
    AccountFact,
    ChargePosted,
    CreditHeld,
    CreditWrittenOn,
    DebtReinstated,
    JournalReversed,
    RefundPosted,
    TransferPosted,
)

from refunds.domain.days import business_date
from refunds.domain.review import credit_to_review
from refunds.store import cases, looks, policies
from refunds.use_cases.case_work import end_review
from refunds.use_cases.credit_of import ask_for_credits, credit_of
from refunds.use_cases.move import move
from refunds.use_cases.open_review import look_later

WHERE_IT_WENT: Mapping[type[AccountFact], str] = {
    ChargePosted: "charges have used it",
    TransferPosted: "it was moved to another account",
    RefundPosted: "it was refunded by another case",
    JournalReversed: "an entry was undone",
    DebtReinstated: "a debt that was written off is owed again",
    CreditWrittenOn: "it went to income",
    CreditHeld: "it is set aside for another case",
}
"""The facts that may take a credit, each with what it says of one that is gone."""


async def look_ahead_of_spending(tx: Transaction, facts: Sequence[AccountFact]) -> None:
    """Ask the ledger once for all accounts whose review a batch may close. Errors: Unanswered."""
    await ask_for_credits(tx, await cases.reviewed_among(tx, {fact.account for fact in facts}))


async def close_spent_review(tx: Transaction, fact: AccountFact) -> None:
    """A review stays open while its credit would open one, or until a person takes it up: from then on it is a request, and its own story's
    to end. Errors: Unanswered where the ledger does not answer: heard again later.
    """
    await move(tx, fact)
    review = await cases.review_on(tx, fact.account)
    credit = await credit_of(tx, fact.account) if review is not None else None
    # Of what is no tenant's account any more, a person looks at the review.
    if review is None or credit is None:
        return
    today = business_date(tx.now)
    if credit_to_review(credit, await policies.in_force(tx, today), today) is None:
        because = f"no credit is left to refund: {WHERE_IT_WENT[type(fact)]}"
        await cases.note(tx, review.id, f"review closed by itself: {because}")
        await end_review(tx, review, because)
        await look_later(tx, credit, today)
        if isinstance(fact, CreditHeld):
            # The case for which it is set aside may come to nothing.
            await looks.note(tx, fact.account, today)
