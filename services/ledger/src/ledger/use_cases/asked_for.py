"""A case asks for a credit, or no longer does: kept, and told of the account, so that nobody takes to income what is being asked for."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import CreditAskedFor

from ledger import store


async def note_asked(tx: Transaction, case: UUID, account: UUID, *, asked: bool) -> None:
    """Under the account's lock, which a posting holds too: it sees the request, or the request comes after it and puts the credit back."""
    locked = await store.lock_accounts(tx, [account])
    await store.note_asked(tx, case, account, asked=asked)
    told = [(one, CreditAskedFor(account=one.id, balance_pence=one.balance_pence, case=case, asked=asked)) for one in locked.values()]
    await store.tell(tx, told)
