"""Keep that an approval was taken back."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import DecisionRecalled
from rentbook_contracts.operation import Nothing

from ledger import store


async def note_recall(tx: Transaction, recalled: DecisionRecalled) -> Nothing:
    """It waits for a posting under this decision that is under way: either the posting or the recall comes first."""
    await store.serialise(tx, store.decision_name(recalled.decision))
    await store.note_recall(tx, recalled.decision)
    return Nothing()
