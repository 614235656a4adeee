"""Say which payment a return takes back that does not say so itself: both are undone, and the accounts where it stands are debited."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountStatus, MatchReturn, ReturnMatched

from ledger import store
from ledger.domain.posting import CONTROL_ACCOUNTS, Control, Posting, mirror
from ledger.domain.rules import AccountClosed, AlreadyMoved, NoSuchItem, NotAReturn, NotThatPayment
from ledger.domain.suspense import PAID_OUT, agrees
from ledger.use_cases.give_back import give_back
from ledger.use_cases.mirrored import off_the_account, told_undone
from ledger.use_cases.permission import may_change


async def match_return(tx: Transaction, asked: MatchReturn) -> ReturnMatched:
    """As the import does where a file says it, in the name of who says it: a participant in refunds of what is left from then on.

    Errors: NotAllowed, NoSuchItem, NotAReturn, AlreadyMoved, NotThatPayment, AccountClosed.
    """
    may_change(tx.caller)
    # Before any account, as the import does and whoever moves money.
    await store.lock_suspense_receipts(tx, {asked.item, asked.payment})
    back, item = await _return(tx, asked.item)
    paid = await _payment(tx, item, asked.payment)
    moves = await store.moves_standing(tx, paid.id)
    locked = await store.lock_accounts(tx, {*(leg.account for leg in paid.legs), *(move.account for move in moves)})
    if any(account.status is AccountStatus.CLOSED for account in locked.values()):
        raise AccountClosed("This payment stands on a closed account, onto which nothing is posted.", field="payment")
    if await store.reversal_of(tx, paid.id) is not None:
        raise AlreadyMoved("This payment was taken back already. Nothing was done.", field="payment")
    reason = asked.reason.replace("\x1f", " ")
    undone = [off_the_account(move, back.effective_date, tx.caller.person, reason) for move in moves]
    undone.append(_undone_by(tx, back, paid, reason))
    await store.post(tx, [*undone, _undone_by(tx, back, back, reason)])
    await store.note_match(tx, back.id, paid.id, reason)
    debited = [(locked[account], posting) for posting in undone for account in {leg.account for leg in posting.legs} & locked.keys()]
    await store.tell(tx, [told_undone(account, posting) for account, posting in debited])
    await give_back(tx, [(account, sum(leg.amount_pence for leg in one.legs if leg.account == account.id)) for account, one in debited])
    return ReturnMatched(journal=undone[-1].id)


async def _return(tx: Transaction, id_: UUID) -> tuple[store.PostedJournal, store.ItemInSuspense]:
    """A return that lies in suspense, with its journal; its name is locked. Errors: NoSuchItem, NotAReturn, AlreadyMoved."""
    item, posted = await store.suspense_item(tx, id_), await store.journal(tx, id_)
    if item is None or posted is None:
        raise NoSuchItem("There is no such return in suspense.", field="item")
    if item.amount_pence >= 0 or item.reason == PAID_OUT:
        raise NotAReturn("The bank does not say of this line that it takes a payment back.", field="item")
    if item.undone:
        raise AlreadyMoved("This return is not in suspense any more: somebody said which payment it takes back.", field="item")
    return posted, item


async def _payment(tx: Transaction, back: store.ItemInSuspense, id_: UUID) -> store.PostedJournal:
    """The receipt that the return may take back. Errors: NotThatPayment."""
    posted, policy = await store.journal(tx, id_), await store.receipt_policy(tx)
    if posted is not None and posted.reverses is None and policy.part[posted.code] == "receipts":
        came = sum(leg.amount_pence for leg in posted.legs if leg.account == CONTROL_ACCOUNTS[Control.BANK])
        any_method = back.file_format == "allpay"
        if came == -back.amount_pence and agrees(policy.takes_back, back.code, posted.code, any_method=any_method):
            return posted
    raise NotThatPayment("A return takes back a payment of its own amount and kind. Choose one of those that are shown.", field="payment")


def _undone_by(tx: Transaction, back: store.PostedJournal, original: store.PostedJournal, reason: str) -> Posting:
    return mirror(
        original.legs,
        original.id,
        code=back.code,
        case=None,
        effective_date=back.effective_date,
        actor=tx.caller.person,
        narrative=reason,
    )
