"""Benefits has a claim to decide for this account, or has decided it: while it is open, the debt may still be paid (domain.md 5.3)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import HousingBenefitClaimChanged, SetHousingBenefitClaim
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.rules import DayHasNotCome, NoClaimOpen, NoSuchAccount
from ledger.use_cases.permission import may_change


async def set_housing_benefit_claim(tx: Transaction, asked: SetHousingBenefitClaim) -> Nothing:
    """Says nothing where a claim is open already. Errors: NotAllowed, NoSuchAccount, DayHasNotCome, NoClaimOpen."""
    may_change(tx.caller)
    if asked.since > business_date(tx.now):
        raise DayHasNotCome("The day lies in the future.", field="since")
    account = (await store.lock_accounts(tx, [asked.account])).get(asked.account)
    if account is None:
        raise NoSuchAccount("There is no such account.", field="account")
    change = store.note_claim if asked.unresolved else store.decide_claim
    if await change(tx, account.id, asked.since, asked.reason):
        told = HousingBenefitClaimChanged(account=account.id, balance_pence=account.balance_pence, unresolved=asked.unresolved)
        await store.tell(tx, [(account, told)])
    elif not asked.unresolved:
        raise NoClaimOpen("No claim is open on this account, so there is none that Benefits has decided.", field="unresolved")
    return Nothing()
