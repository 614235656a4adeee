"""A payment came back: undo its refund journal, so that the credit is on the account again."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import RefundReversed, ReverseRefund

from ledger import store
from ledger.domain.rules import NotARefund
from ledger.use_cases.post_refund import NotHeardYet
from ledger.use_cases.reverse_journal import reverse


async def reverse_refund(tx: Transaction, asked: ReverseRefund) -> RefundReversed:
    """A refund that was reversed already answers with that reversal. Errors: NotARefund; NotHeardYet without refunds' own word on it."""
    original = await store.journal(tx, asked.journal)
    if original is None or original.code != "RDR" or original.case != asked.case or original.reverses is not None:
        raise NotARefund("The journal is no refund of this case.")
    await store.lock_accounts(tx, {leg.account for leg in original.legs})
    earlier = await store.reversal_of(tx, original.id)
    if earlier is not None:
        return RefundReversed(journal=earlier)
    if not await store.heard_of_return(tx, original.id):
        raise NotHeardYet
    return RefundReversed(journal=await reverse(tx, original, reason=f"payment returned by the bank: {asked.reason}"))
