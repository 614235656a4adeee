"""Write to a tenant whose refund the bank sent back, so that nobody waits for money that does not come (domain.md 4)."""

from chassis.transaction import Transaction
from rentbook_contracts.refunds import RefundReturned

from notices import store
from notices.domain.letters import End, LetterKind, end_of_text
from notices.use_cases.letter_work import keep_end, look

CAME_BACK = "The bank sent the payment back before this letter went out."


async def write_of_return(tx: Transaction, returned: RefundReturned) -> None:
    """A letter that still waits to promise the payment is withheld. A payment of which nobody was told is told nobody: it is made anew.

    Errors: Unanswered while ledger or refunds can't be asked; the event is then tried again.
    """
    promised = await store.newest_letter_of(tx, returned.case, returned.attempt, LetterKind.REFUND_MADE)
    if promised is None:
        return
    never_sent = await store.withhold_waiting(tx, promised, CAME_BACK)
    # What a withheld letter said of debts that were paid is still true, and still to be told.
    untold = end_of_text(promised.told).offsets if never_sent and promised.told else ()
    facts, _ = await look(tx, returned.account, returned.case, returned.attempt)
    end = End(LetterKind.REFUND_RETURNED, returned.amount_pence, untold)
    await keep_end(tx, end, facts, account=returned.account, case=returned.case, attempt=returned.attempt)
