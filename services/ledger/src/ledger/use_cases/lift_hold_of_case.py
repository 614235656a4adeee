"""Lift what an attempt at a case has earmarked, for the service that will not pay it; or say that it was posted before."""

from chassis.transaction import SYSTEM, Transaction
from rentbook_contracts.ledger import HoldOfCaseLifted, LiftHoldOfCase, ReleaseHold

from ledger import store
from ledger.domain.posting import journal_id
from ledger.domain.rules import NotAllowed
from ledger.use_cases.post_refund import attempt_key, refund_key
from ledger.use_cases.release_hold import release_hold


async def lift_hold_of_case(tx: Transaction, asked: LiftHoldOfCase) -> HoldOfCaseLifted:
    """A posting comes either before this or, by the earmark and the run that are named, never. Errors: NotAllowed."""
    if tx.caller.person != SYSTEM.person:
        raise NotAllowed("Only the service that asked for an earmark has it lifted.")
    hold = await store.pending_earmark(tx, asked.case) if asked.lifts else None
    if hold is not None and hold.attempt == asked.attempt:
        await release_hold(tx, ReleaseHold(hold=hold.id, case=asked.case))
    # After the account, as a posting takes them.
    await store.serialise(tx, attempt_key(asked.case, asked.attempt))
    key = refund_key(asked.case, asked.attempt)
    posted = key in await store.posted_under(tx, [key])
    if asked.run is not None and not posted:
        await store.note_dropped(tx, asked.run, asked.case, asked.attempt)
    return HoldOfCaseLifted(refund_journal=journal_id(key) if posted else None)
