"""Take back what was said of a return: it and the payment are posted again, each to where it was."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountStatus, ReturnUnmatched, UnmatchReturn

from ledger import store
from ledger.domain.posting import Posting
from ledger.domain.rules import AccountClosed, NotMatched
from ledger.use_cases.permission import may_change
from ledger.use_cases.received import told_received
from ledger.use_cases.suspense_moves import move_onto


async def unmatch_return(tx: Transaction, asked: UnmatchReturn) -> ReturnUnmatched:
    """A reversal is not reversed: what the match undid is posted anew, as of the day from which it was undone, so that every day is right.

    Errors: NotAllowed, NotMatched, AccountClosed.
    """
    may_change(tx.caller)
    said = await store.matched_return(tx, asked.item)
    await store.lock_suspense_receipts(tx, {asked.item, *([said.payment] if said is not None else [])})
    said = await store.matched_return(tx, asked.item)
    if said is None or said.unmatched:
        raise NotMatched("Nobody said which payment this return takes back, or that was undone already.", field="item")
    back, paid = await _posted(tx, said.item), await _posted(tx, said.payment)
    moves = await store.moves_undone(tx, paid.id, said.matched_at)
    locked = await store.lock_accounts(tx, {*(leg.account for leg in paid.legs), *(move.account for move in moves)})
    if any(account.status is AccountStatus.CLOSED for account in locked.values()):
        raise AccountClosed("The payment stood on an account that is closed, onto which nothing is posted.", field="item")
    returned, receipt = _again(tx, back, back), _again(tx, paid, back)
    await store.post(tx, [receipt, returned])
    await store.note_unmatch(tx, said.item, asked.reason.replace("\x1f", " "))
    await store.note_posted_again(tx, {back.id: returned.id, paid.id: receipt.id})
    lies = await store.suspense_item(tx, receipt.id)
    if lies is not None and moves:
        await move_onto(tx, lies, [(locked[move.account], move.amount_pence) for move in moves])
    elif lies is None:
        await _tell(tx, receipt, locked)
    return ReturnUnmatched(journal=receipt.id, item=returned.id)


async def _posted(tx: Transaction, id_: UUID) -> store.PostedJournal:
    found = await store.journal(tx, id_)
    if found is None:
        raise LookupError(f"journal {id_} was matched and is not there")
    return found


def _again(tx: Transaction, posted: store.PostedJournal, back: store.PostedJournal) -> Posting:
    return Posting(
        f"again/{posted.id}",
        posted.code,
        back.effective_date,
        posted.legs,
        tx.caller.person,
        posted.narrative,
        cleared_on=posted.cleared_on,
        payer=posted.payer,
    )


async def _tell(tx: Transaction, receipt: Posting, locked: dict[UUID, store.LockedAccount]) -> None:
    """Tell a receipt on the account onto which the bank's file had brought it."""
    file = await store.file_behind(tx, receipt.id)
    facts = []
    for account in locked.values():
        pence = -sum(leg.amount_pence for leg in receipt.legs if leg.account == account.id)
        day, cleared = receipt.effective_date, receipt.cleared_on
        facts.append(told_received(account, receipt.id, pence, method=receipt.code, effective_date=day, cleared_on=cleared, bank_file=file))
    await store.tell(tx, facts)
