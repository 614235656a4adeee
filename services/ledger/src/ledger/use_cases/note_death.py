"""Note that a tenant died: each account of theirs is looked at anew, and letters go to whoever deals with the estate (domain.md 5.2)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import DeathChanged, NoteDeath
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.rules import DayHasNotCome, DiedBeforeTheTenancy, NoSuchTenant
from ledger.use_cases.permission import may_change


async def note_death(tx: Transaction, told: NoteDeath) -> Nothing:
    """Tells nothing where it is as told already. Errors: NotAllowed, NoSuchTenant, DayHasNotCome, DiedBeforeTheTenancy."""
    may_change(tx.caller)
    if told.died_on is not None and told.died_on > business_date(tx.now):
        raise DayHasNotCome("The day lies in the future.", field="died_on")
    accounts = await store.lock_accounts(tx, await store.accounts_of_person(tx, told.person))
    if told.account not in accounts:
        raise NoSuchTenant("This person is no tenant of the account.", field="person")
    if told.died_on is not None and told.died_on < await store.tenant_since(tx, told.person):
        raise DiedBeforeTheTenancy("The day lies before a tenancy of theirs began.", field="died_on")
    if await store.note_death(tx, told):
        died = told.died_on is not None
        changed = [
            (each, DeathChanged(account=each.id, balance_pence=each.balance_pence, person=told.person, died=died))
            for each in accounts.values()
        ]
        await store.tell(tx, changed)
    return Nothing()
