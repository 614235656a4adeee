"""Note where letters about a tenancy go, or that they reach nobody there any more (domain.md 5.2)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import Addressee, LetterAddressChanged, NoteLetterAddress
from rentbook_contracts.operation import Nothing

from ledger import store
from ledger.domain.rules import NoSuchTenancy
from ledger.use_cases.permission import may_change


async def note_letter_address(tx: Transaction, told: NoteLetterAddress) -> Nothing:
    """The tenants' address is also what a refund asks for once the tenancy has ended. Errors: NotAllowed, NoSuchTenancy."""
    may_change(tx.caller)
    accounts = await store.lock_accounts(tx, await store.tenancy_accounts(tx, told.tenancy))
    if not accounts:
        raise NoSuchTenancy("There is no such tenancy.", field="tenancy")
    known = told.address is not None
    await store.note_letter_address(tx, told)
    if told.addressee is Addressee.TENANTS:
        await store.end_tenancy(tx, told.tenancy, forwarding_address_known=known)
    changed = [
        (each, LetterAddressChanged(account=each.id, balance_pence=each.balance_pence, addressee=told.addressee, known=known))
        for each in accounts.values()
    ]
    await store.tell(tx, changed)
    return Nothing()
