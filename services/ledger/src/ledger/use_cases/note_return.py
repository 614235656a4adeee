"""Keep refunds' word that the bank did not make a payment, or sent it back: no refund is undone without it.

The case is open again, and asks for the credit anew.
"""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import RefundReturned

from ledger import store
from ledger.use_cases.asked_for import note_asked


async def note_return(tx: Transaction, returned: RefundReturned) -> Nothing:
    if returned.journal is not None:
        await store.note_return(tx, returned)
    await note_asked(tx, returned.case, returned.account, asked=True)
    return Nothing()
