"""The debtor agrees to pay by instalments: while they keep to it, the debt is not written off (domain.md 5.3)."""

from uuid import uuid4

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountFact, AgreePaymentPlan, PaymentPlanAgreed, PaymentPlanChanged

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.rules import DayHasNotCome, NoSuchAccount, PlanBeginsTooEarly
from ledger.use_cases.permission import may_change


async def agree_payment_plan(tx: Transaction, asked: AgreePaymentPlan) -> PaymentPlanAgreed:
    """A new plan ends the old one. Errors: NotAllowed, NoSuchAccount, DayHasNotCome, PlanBeginsTooEarly."""
    may_change(tx.caller)
    if asked.agreed_on > business_date(tx.now):
        raise DayHasNotCome("The day on which it was agreed lies in the future.", field="agreed_on")
    if asked.first_due_on < asked.agreed_on:
        raise PlanBeginsTooEarly(
            "The first instalment falls due before the plan was agreed. Enter the day on which it was agreed, or a later first day.",
            field="first_due_on",
        )
    account = (await store.lock_accounts(tx, [asked.account])).get(asked.account)
    if account is None:
        raise NoSuchAccount("There is no such account.", field="account")
    told: list[tuple[store.LockedAccount, AccountFact]] = []
    old, new = await store.plan_in_force(tx, account.id), uuid4()
    if old is not None:
        await store.end_plan(tx, old.id, "another plan was agreed")
        told.append((account, PaymentPlanChanged(account=account.id, balance_pence=account.balance_pence, plan=old.id, in_force=False)))
    await store.add_plan(tx, new, asked)
    told.append((account, PaymentPlanChanged(account=account.id, balance_pence=account.balance_pence, plan=new, in_force=True)))
    await store.tell(tx, told)
    return PaymentPlanAgreed(plan=new)
