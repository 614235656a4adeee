"""Keep refunds' word that a refund was asked for: a credit that went to income comes back onto its account for nothing less."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import RefundRequested

from ledger import store


async def note_request(tx: Transaction, requested: RefundRequested) -> Nothing:
    await store.note_request(tx, requested)
    return Nothing()
