"""Join the list of those who may never decide a case, before the desk forwards what the person does to it."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.eligibility import READS_ONLY, DeciderMayNotTakePart, ReadsOnly
from approvals.domain.forms import TakePart


async def add_participant(tx: Transaction, form: TakePart) -> Nothing:
    """Add the caller, under the case's lock. Committed before the owner hears of the change, so that no order of steps lets them decide.

    Errors: DeciderMayNotTakePart while their approval is being carried out, ReadsOnly.
    """
    if tx.caller.roles <= READS_ONLY:
        raise ReadsOnly("An auditor reads everything and changes nothing.")
    await store.lock_case(tx, form.case)
    if await queries.approvals_under_way(tx, form.case, tx.caller.person):
        raise DeciderMayNotTakePart("You approved this, and it is being carried out. Recall your approval before you change the case.")
    await store.add_participants(tx, form.case, [tx.caller.person], form.part)
    return Nothing()
