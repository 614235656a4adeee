"""Keep that an approval came to nothing: nothing is posted on it any more, as if it had been recalled."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import DecisionNotCarriedOut
from rentbook_contracts.operation import Nothing

from ledger import store


async def note_not_carried_out(tx: Transaction, ended: DecisionNotCarriedOut) -> Nothing:
    """It waits for a posting under this decision that is under way, as a recall does."""
    await store.serialise(tx, store.decision_name(ended.decision))
    await store.note_not_carried_out(tx, ended.decision)
    return Nothing()
