"""What is undone by its mirror image, whoever undoes it: the move from suspense that comes off its account, and what is told of it."""

from datetime import date

from chassis.transaction import Transaction
from rentbook_contracts.ledger import JournalReversed

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.posting import TRANSFER_CODE, Control, Posting, mirror, two_legs


def undone_now(tx: Transaction, original: store.PostedJournal, narrative: str) -> Posting:
    """The mirror image of a journal, of today and in the name of whoever asks."""
    return mirror(
        original.legs,
        original.id,
        code=original.code,
        case=original.case,
        effective_date=business_date(tx.now),
        actor=tx.caller.person,
        narrative=narrative,
    )


def off_the_account(move: store.Move, on: date, actor: str, narrative: str) -> Posting:
    """The mirror image of a move from suspense, as of the day on which the bank took the payment back."""
    legs = two_legs(move.account, -move.amount_pence, Control.SUSPENSE)
    return mirror(legs, move.journal, code=TRANSFER_CODE, case=None, effective_date=on, actor=actor, narrative=narrative)


def told_undone(account: store.LockedAccount, posting: Posting) -> tuple[store.LockedAccount, JournalReversed]:
    """What is told of a locked account of which a posting undoes something; its balance runs along."""
    if posting.reverses is None:
        raise ValueError("this posting undoes nothing")
    pence = sum(leg.amount_pence for leg in posting.legs if leg.account == account.id)
    account.balance_pence += pence
    return account, JournalReversed(
        account=account.id, balance_pence=account.balance_pence, journal=posting.id, reverses=posting.reverses, amount_pence=pence
    )
