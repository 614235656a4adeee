"""Keep finance's release as it came over the bus: no refund is posted without it."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import PaymentRunReleased
from rentbook_contracts.operation import Nothing

from ledger import store


async def note_release(tx: Transaction, released: PaymentRunReleased) -> Nothing:
    await store.note_release(tx, released)
    return Nothing()
