"""Keep approvals' decision on a schedule of write-offs, line by line: no debt is written off on anything else."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import WriteOffDecided
from rentbook_contracts.operation import Nothing

from ledger import store


async def note_write_off_decision(tx: Transaction, decided: WriteOffDecided) -> Nothing:
    await store.note_write_off_decision(tx, decided)
    return Nothing()
