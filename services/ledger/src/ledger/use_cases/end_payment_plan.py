"""A payment plan ends: it was broken, was paid off, or is replaced by something else."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import EndPaymentPlan, PaymentPlanChanged
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.rules import NoSuchPlan
from ledger.use_cases.permission import may_change


async def end_payment_plan(tx: Transaction, asked: EndPaymentPlan) -> Nothing:
    """Says nothing where the plan has ended already. Errors: NotAllowed, NoSuchPlan."""
    may_change(tx.caller)
    found = await store.payment_plan(tx, asked.plan)
    if found is None:
        raise NoSuchPlan("There is no such payment plan.", field="plan")
    account = (await store.lock_accounts(tx, [found.account]))[found.account]
    plan = await store.payment_plan(tx, asked.plan)
    if plan is not None and not plan.ended:
        await store.end_plan(tx, plan.id, asked.reason)
        told = PaymentPlanChanged(account=account.id, balance_pence=account.balance_pence, plan=plan.id, in_force=False)
        await store.tell(tx, [(account, told)])
    return Nothing()
