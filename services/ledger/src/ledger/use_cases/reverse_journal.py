"""Undo a journal by its mirror image: once only, by lock and by unique key."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import JournalIsReversed, ReverseJournal

from ledger import store
from ledger.domain.posting import OPENING_CODE
from ledger.domain.provision import PROVISION_CODE
from ledger.domain.rules import (
    AlreadyReversed,
    BelongsToARefund,
    CorrectedByTheNext,
    MovedFromSuspense,
    NoSuchJournal,
    OpeningBalanceStays,
    PutBackByDecision,
)
from ledger.domain.write_off import NOT_REVERSED, WRITTEN_ON
from ledger.use_cases.give_back import give_back
from ledger.use_cases.mirrored import told_undone, undone_now
from ledger.use_cases.permission import may_change


async def reverse_journal(tx: Transaction, asked: ReverseJournal) -> JournalIsReversed:
    """What was moved from suspense lies there again; everything else goes back to the control account that it came from. Where that leaves
    the account owing, its credit that went to income comes back first.

    Errors: NotAllowed, NoSuchJournal, PutBackByDecision, CorrectedByTheNext, OpeningBalanceStays, BelongsToARefund, AlreadyReversed,
    MovedFromSuspense.
    """
    may_change(tx.caller)
    original = await store.journal(tx, asked.journal)
    if original is None:
        raise NoSuchJournal("There is no such entry.", field="journal")
    if original.code in NOT_REVERSED:
        raise PutBackByDecision("A write-off is put back by a reinstatement, which somebody with authority approves.", field="journal")
    if original.code == PROVISION_CODE:
        raise CorrectedByTheNext("The provision of the next month's end corrects this one.", field="journal")
    if original.code == OPENING_CODE:
        raise OpeningBalanceStays("An opening balance was brought along when the ledger was opened, and is not undone.", field="journal")
    if original.case is not None and original.code != WRITTEN_ON:
        raise BelongsToARefund("This was posted for a refund. It comes back by itself if the bank returns the payment.", field="journal")
    return JournalIsReversed(journal=await reverse(tx, original, reason=asked.reason))


async def reverse(tx: Transaction, original: store.PostedJournal, *, reason: str) -> UUID:
    """Post the mirror image and tell it of each tenant's account. Errors: AlreadyReversed, MovedFromSuspense."""
    await _not_moved_on(tx, original.id)
    locked = await store.lock_accounts(tx, {leg.account for leg in original.legs})
    if original.reverses is not None or await store.reversal_of(tx, original.id) is not None:
        raise AlreadyReversed("This entry was reversed already, or is itself a reversal.", field="journal")
    posting = undone_now(tx, original, reason.replace("\x1f", " "))
    await store.post(tx, [posting])
    await store.tell(tx, [told_undone(account, posting) for account in locked.values()])
    await give_back(tx, [(locked[leg.account], leg.amount_pence) for leg in posting.legs if leg.account in locked])
    return posting.id


async def _not_moved_on(tx: Transaction, journal: UUID) -> None:
    """What lies in suspense may be taken back from there alone; what was moved from there may be put back. Both wait for each other."""
    item = await store.moved_item(tx, journal)
    if item is None:
        return
    await store.serialise(tx, store.item_name(item))
    found = await store.suspense_item(tx, item)
    if found is not None and found.moved and journal == item:
        raise MovedFromSuspense(
            "This payment was moved from suspense onto an account. Put it back first, on the page Suspense.", field="journal"
        )
