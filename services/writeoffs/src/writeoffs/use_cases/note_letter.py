"""A letter of a proposal's ladder was sent: that is evidence by itself, and the story goes on by it."""

from collections.abc import Sequence

from chassis.transaction import Transaction
from rentbook_contracts.notices import LadderLetter, LetterSent

from writeoffs import queries, store
from writeoffs.domain.days import business_date
from writeoffs.domain.policy import PROOF_OF
from writeoffs.use_cases.work import look_again

_KINDS = frozenset(kind.value for kind in LadderLetter)


async def look_ahead_of_letters(tx: Transaction, sent: Sequence[LetterSent]) -> None:
    """Lock the proposals of a batch of letters in the order in which everybody comes to them."""
    await store.proposals_locked(tx, [letter.case for letter in sent if letter.case is not None])


async def note_letter(tx: Transaction, sent: LetterSent) -> None:
    """Letters about anything else are passed over, and so is one that went to whoever owes on another account: whoever reaches Temporal
    could have it written. A closed or listed proposal is given its evidence too, and stays where it is.
    """
    if sent.kind not in _KINDS or sent.case is None:
        return
    row = (await store.proposals_locked(tx, [sent.case])).get(sent.case)
    if row is None or row.account != sent.account:
        return
    kind = PROOF_OF[LadderLetter(sent.kind)]
    await store.add_sent_letter(tx, row.id, kind, sent.sent_on or business_date(tx.now), sent.letter)
    await store.note(tx, [row.id], f"evidence added: {kind.value}")
    if row.followed and row.status in queries.WAITING:
        await look_again(tx, row)
