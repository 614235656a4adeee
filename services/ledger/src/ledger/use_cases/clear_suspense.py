"""Move money from suspense onto the account that it is for: a transfer with the receipt's own effective date (domain.md 2.3)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ClearSuspense, SuspenseCleared

from ledger.domain.rules import AlreadyMoved, SuggestionChanged
from ledger.queries.suspense import exact_suggestion
from ledger.use_cases.permission import may_change
from ledger.use_cases.suspense_moves import item_to_move, known_accounts, move_onto


async def clear_suspense(tx: Transaction, asked: ClearSuspense) -> SuspenseCleared:
    """All that lies there of a payment. Who moves it stands behind the credit from then on.

    Errors: NotAllowed, NoSuchItem, NotToBeMoved, AlreadyMoved, NoSuchAccount, AccountClosed, SuggestionChanged.
    """
    may_change(tx.caller)
    item = await item_to_move(tx, asked.item)
    if asked.amount_pence not in (None, item.left_pence):
        raise AlreadyMoved(
            "Another amount of this payment lies in suspense than was shown. Look at it again; nothing was done.", field="item"
        )
    [account] = await known_accounts(tx, {"reference": asked.reference})
    if asked.as_suggested and await exact_suggestion(tx, item.journal) != account.id:
        raise SuggestionChanged("The books suggest another account for this payment by now, or none. Look at it by itself.", field="item")
    [move] = await move_onto(tx, item, [(account, item.left_pence)])
    return SuspenseCleared(journal=move.journal, account=move.account)
