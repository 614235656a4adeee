"""Earmark a plan's amount on the account's cleared credit, so that no second case can count it (domain.md 4)."""

from uuid import uuid4

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountForRefund, CreditHeld, HoldPlaced, PlaceHold

from ledger import store
from ledger.domain.rules import CreditNotFree, NoSuchAccount
from ledger.queries.refund_facts import available_credit


async def place_hold(tx: Transaction, asked: PlaceHold) -> HoldPlaced:
    """Errors: NoSuchAccount, CreditNotFree. A plan that is earmarked already keeps its earmark."""
    plan = asked.plan
    account = (await store.lock_accounts(tx, [plan.account])).get(plan.account)
    if account is None:
        raise NoSuchAccount("There is no such account.", field="account")
    earlier = await store.pending_earmark(tx, plan.case)
    if earlier is not None and earlier.content_hash == plan.content_hash:
        return HoldPlaced(hold=earlier.id)
    if earlier is not None:
        raise CreditNotFree("The case has an earmark for another plan; it has to be lifted first.")
    if plan.total_pence > await available_credit(tx, AccountForRefund(account=plan.account, case=plan.case), account.balance_pence):
        raise CreditNotFree("Cleared credit that no other case has earmarked does not cover the plan.")
    hold = store.Earmark(uuid4(), plan.account, plan.case, plan.attempt, plan.content_hash, plan.total_pence, "PENDING")
    await store.place_earmark(tx, hold)
    held = CreditHeld(account=account.id, balance_pence=account.balance_pence, hold=hold.id, case=plan.case, amount_pence=hold.amount_pence)
    await store.tell(tx, [(account, held)])
    return HoldPlaced(hold=hold.id)
