"""Lift the holds whose last day has passed, such as Breathing Space after its sixty days (domain.md 5.3), and tell of it."""

from chassis.serving import Tick
from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountHoldChanged

from ledger import store
from ledger.domain.dates import business_date

HOLDS_AT_ONCE = 200


async def lift_past_holds(tx: Transaction, tick: Tick) -> bool:
    """True where more may wait."""
    today = business_date(tick.at)
    past = await store.holds_past(tx, today, HOLDS_AT_ONCE)
    accounts = await store.lock_accounts(tx, {held.account for held in past})
    told = []
    for seen in past:
        held = await store.account_hold(tx, seen.account, seen.hold)
        if held is None or held.in_force(today):
            continue
        await store.lift_account_hold(tx, held.account, held.hold)
        account = accounts[held.account]
        lifted = AccountHoldChanged(account=account.id, balance_pence=account.balance_pence, account_hold=held.hold, in_force=False)
        told.append((account, lifted))
    await store.tell(tx, told)
    return len(past) == HOLDS_AT_ONCE
