"""Who pays on a written-off debt owes it again, up to what was paid: that is proposed, and decided like any other."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import LineKind
from rentbook_contracts.writeoffs import ProposalStatus, Propose, Reason

from writeoffs import store
from writeoffs.store import Row
from writeoffs.use_cases.propose import propose_to_put_back
from writeoffs.use_cases.work import end_as_withdrawn, fact_of

ANOTHER_PAYMENT = "Another payment came: proposed anew with it."


async def owe_again(tx: Transaction, account: UUID, balance_pence: int) -> None:
    """Propose to put back what is in credit on an account whose debt was written off, the latest write-off first.

    A proposal that was made so before is made anew with the amount as it is now, unless a person has had a hand in it, or it is listed.
    """
    standing = await store.written_off_on(tx, account) if balance_pence < 0 else []
    if not standing:
        return
    row = await store.open_on_account(tx, account)
    if row is not None:
        if not await _made_of_itself(tx, row):
            return
        await end_as_withdrawn(tx, row, ANOTHER_PAYMENT)
    latest = standing[-1]
    amount = min(-balance_pence, latest.amount_pence - latest.reinstated_pence)
    told = Propose(kind=LineKind.REINSTATEMENT, account=account, reason=Reason.PAYING, undoes=latest.journal, amount_pence=amount)
    await propose_to_put_back(tx, told, await fact_of(tx, account))


async def _made_of_itself(tx: Transaction, row: Row) -> bool:
    alone = row.reason == Reason.PAYING and row.status != ProposalStatus.ON_SCHEDULE
    return alone and not await store.has_participants(tx, row.id)
