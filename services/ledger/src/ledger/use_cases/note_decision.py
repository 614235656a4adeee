"""Keep approvals' decision as it came over the bus: money moves on nothing else."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import DecisionMade
from rentbook_contracts.operation import Nothing

from ledger import store


async def note_decision(tx: Transaction, made: DecisionMade) -> Nothing:
    await store.note_decision(tx, made)
    return Nothing()
