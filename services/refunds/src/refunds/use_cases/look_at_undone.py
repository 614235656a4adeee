"""An entry was undone: that makes credit, as of a charge, or takes it, as of a receipt (domain.md 4)."""

from collections.abc import Sequence

from chassis.transaction import Transaction
from rentbook_contracts.ledger import JournalReversed

from refunds.domain.means import Means
from refunds.use_cases.close_spent_review import close_spent_review, look_ahead_of_spending
from refunds.use_cases.open_review import look_ahead_of_credit, open_review


async def look_ahead_of_undone(tx: Transaction, undone: Sequence[JournalReversed]) -> None:
    """Ask the ledger for all accounts whose review a batch may open or close. Errors: Unanswered."""
    await look_ahead_of_credit(tx, [fact for fact in undone if fact.amount_pence < 0])
    await look_ahead_of_spending(tx, [fact for fact in undone if fact.amount_pence >= 0])


async def look_at_undone(tx: Transaction, undone: JournalReversed, means: Means) -> None:
    """Errors: Unanswered where the ledger does not answer: heard again later."""
    if undone.amount_pence < 0:
        await open_review(tx, undone, means)
    else:
        await close_spent_review(tx, undone)
