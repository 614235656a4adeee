"""Move money from suspense onto the account that it is for: a transfer with the receipt's own effective date (domain.md 2.3)."""

import re

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountStatus, ClearSuspense, ReceiptPosted, SuspenseCleared

from ledger import store
from ledger.domain.posting import TRANSFER_CODE, Control, Posting, two_legs
from ledger.domain.rules import AccountClosed, AlreadyMoved, NoSuchAccount, NoSuchItem, NotToBeMoved
from ledger.use_cases.permission import may_change


async def clear_suspense(tx: Transaction, asked: ClearSuspense) -> SuspenseCleared:
    """Who moves it stands behind the credit from then on.

    Errors: NotAllowed, NoSuchItem, NotToBeMoved, AlreadyMoved, NoSuchAccount, AccountClosed.
    """
    may_change(tx.caller)
    await store.serialise(tx, store.item_name(asked.item))
    item = await store.suspense_item(tx, asked.item)
    if item is None:
        raise NoSuchItem("There is no such payment in suspense.", field="item")
    if item.moved or item.undone:
        raise AlreadyMoved(
            "This payment is not in suspense any more: it was moved to an account, or taken back. Nothing was done.", field="item"
        )
    if item.amount_pence <= 0:
        raise NotToBeMoved("This is money out: it is matched with what the council paid, and goes onto no tenant’s account.", field="item")
    account = await _account(tx, asked.reference)
    posting = Posting(
        f"suspense/{item.journal}/{item.attempts + 1}",
        TRANSFER_CODE,
        item.effective_date,
        two_legs(account.id, -item.amount_pence, Control.SUSPENSE),
        tx.caller.person,
        item.narrative,
        cleared_on=item.cleared_on,
        payer=item.payer,
    )
    await store.post(tx, [posting])
    await store.add_clearing(tx, item, posting.id, account.id)
    account.balance_pence -= item.amount_pence
    told = ReceiptPosted(
        account=account.id,
        balance_pence=account.balance_pence,
        journal=posting.id,
        amount_pence=item.amount_pence,
        method=item.code,
        effective_date=item.effective_date,
        cleared_on=item.cleared_on or item.effective_date,
        bank_file=item.bank_file,
    )
    await store.tell(tx, [(account, told)])
    return SuspenseCleared(journal=posting.id, account=account.id)


async def _account(tx: Transaction, typed: str) -> store.LockedAccount:
    """The account that a reference names, locked, however people write it."""
    known = await store.accounts_written(tx, re.sub("[^0-9A-Z]", "", typed.upper()))
    if len(known) != 1:
        raise NoSuchAccount(
            "No account has this reference. Check it against the tenant’s card or letter, or find the account by name or address first.",
            field="reference",
        )
    account = (await store.lock_accounts(tx, known))[known[0]]
    if account.status is AccountStatus.CLOSED:
        raise AccountClosed("This account is closed: nothing is posted onto it. Choose another account of the tenant.", field="reference")
    return account
