"""Keep refunds' word that a refund was asked for: a credit that went to income comes back onto its account for nothing less.

While the case is open, nobody takes the credit to income either.
"""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import RefundRequested

from ledger import store
from ledger.use_cases.asked_for import note_asked


async def note_request(tx: Transaction, requested: RefundRequested) -> Nothing:
    await store.note_request(tx, requested)
    await note_asked(tx, requested.case, requested.account, asked=True)
    return Nothing()
