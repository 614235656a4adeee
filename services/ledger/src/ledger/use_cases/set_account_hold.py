"""Put a hold on the debtor in force, or lift it (domain.md 1.1)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountHoldChanged, SetAccountHold
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.rules import DayHasPassed, NoSuchAccount
from ledger.use_cases.permission import may_change


async def set_account_hold(tx: Transaction, asked: SetAccountHold) -> Nothing:
    """Says nothing where the hold is as asked already; another last day is another hold.

    Errors: NotAllowed, NoSuchAccount, DayHasPassed.
    """
    may_change(tx.caller)
    today = business_date(tx.now)
    if asked.in_force and asked.until is not None and asked.until < today:
        raise DayHasPassed("The last day of the hold has passed already.", field="until")
    account = (await store.lock_accounts(tx, [asked.account])).get(asked.account)
    if account is None:
        raise NoSuchAccount("There is no such account.", field="account")
    held = await store.account_hold(tx, account.id, asked.account_hold)
    if (held is None) if not asked.in_force else (held is not None and held.until == asked.until):
        return Nothing()
    if held is not None:
        await store.lift_account_hold(tx, account.id, asked.account_hold)
    if asked.in_force:
        await store.set_account_hold(tx, account.id, asked.account_hold, asked.reason, asked.until)
    told = AccountHoldChanged(
        account=account.id, balance_pence=account.balance_pence, account_hold=asked.account_hold, in_force=asked.in_force
    )
    await store.tell(tx, [(account, told)])
    return Nothing()
