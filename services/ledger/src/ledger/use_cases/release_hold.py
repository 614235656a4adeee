"""Lift an earmark without a posting: the credit is free again."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import CreditFreed, ReleaseHold
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.rules import HoldGone


async def release_hold(tx: Transaction, asked: ReleaseHold) -> Nothing:
    """An earmark that was lifted or used stays as it is. Errors: HoldGone where the case has no such earmark."""
    found = await store.earmark(tx, asked.hold)
    if found is None or found.case != asked.case:
        raise HoldGone("The case has no such earmark.")
    account = (await store.lock_accounts(tx, [found.account]))[found.account]
    hold = await store.earmark(tx, asked.hold)
    if hold is None or hold.state != "PENDING":
        return Nothing()
    await store.settle_earmark(tx, hold.id, "RELEASED")
    freed = CreditFreed(
        account=account.id, balance_pence=account.balance_pence, hold=hold.id, case=hold.case, amount_pence=hold.amount_pence
    )
    await store.tell(tx, [(account, freed)])
    return Nothing()
