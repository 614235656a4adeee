"""Put a hold on the debtor in force, or lift it (domain.md 1.1)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountHoldChanged, SetAccountHold
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.rules import NoSuchAccount
from ledger.use_cases.permission import may_change


async def set_account_hold(tx: Transaction, asked: SetAccountHold) -> Nothing:
    """Says nothing where the hold is as asked already. Errors: NotAllowed, NoSuchAccount."""
    may_change(tx.caller)
    account = (await store.lock_accounts(tx, [asked.account])).get(asked.account)
    if account is None:
        raise NoSuchAccount("There is no such account.", field="account")
    if asked.in_force:
        changed = await store.set_account_hold(tx, account.id, asked.account_hold, asked.reason)
    else:
        changed = await store.lift_account_hold(tx, account.id, asked.account_hold)
    if changed:
        told = AccountHoldChanged(
            account=account.id, balance_pence=account.balance_pence, account_hold=asked.account_hold, in_force=asked.in_force
        )
        await store.tell(tx, [(account, told)])
    return Nothing()
