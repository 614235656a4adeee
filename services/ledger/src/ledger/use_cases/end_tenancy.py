"""A tenancy ends: its accounts become those of former tenants (domain.md 1.1, 1.4)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountStatus, EndTenancy, TenancyEnded
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.rules import NoSuchTenancy
from ledger.use_cases.permission import may_change


async def end_tenancy(tx: Transaction, asked: EndTenancy) -> Nothing:
    """Charges stop with the first week that begins on or after the day. Errors: NotAllowed, NoSuchTenancy."""
    may_change(tx.caller)
    accounts = await store.lock_accounts(tx, await store.tenancy_accounts(tx, asked.tenancy))
    if not accounts:
        raise NoSuchTenancy("There is no such tenancy.", field="tenancy")
    await store.end_tenancy(tx, **asked.model_dump())
    await store.note_ending(tx, asked.tenancy)
    await store.set_status(tx, accounts, _status(asked, tx))
    ended = [
        (account, TenancyEnded(account=account.id, balance_pence=account.balance_pence, tenancy=asked.tenancy, ended_on=asked.ended_on))
        for account in accounts.values()
    ]
    await store.tell(tx, ended)
    return Nothing()


def _status(asked: EndTenancy, tx: Transaction) -> AccountStatus:
    if asked.ended_on > business_date(tx.now):
        return AccountStatus.NOTICE_GIVEN
    return AccountStatus.FORMER if asked.final_charges_posted and asked.keys_returned_on else AccountStatus.ENDED_OPEN
