"""Keep refunds' word that a case has ended: it asks for the account's credit no longer."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import RefundClosed

from ledger.use_cases.asked_for import note_asked


async def note_close(tx: Transaction, closed: RefundClosed) -> Nothing:
    await note_asked(tx, closed.case, closed.account, asked=False)
    return Nothing()
