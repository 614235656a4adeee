"""Lift what an attempt at a case has earmarked, for the service whose story of it is gone; or say that it was posted before."""

from chassis.transaction import SYSTEM, Transaction
from rentbook_contracts.ledger import HoldOfCaseLifted, LiftHoldOfCase, ReleaseHold

from ledger import store
from ledger.domain.posting import journal_id
from ledger.domain.rules import NotAllowed
from ledger.use_cases.post_refund import refund_key
from ledger.use_cases.release_hold import release_hold


async def lift_hold_of_case(tx: Transaction, asked: LiftHoldOfCase) -> HoldOfCaseLifted:
    """A posting needs the earmark under the account's lock, so that it comes either before this or never. Errors: NotAllowed."""
    if tx.caller.person != SYSTEM.person:
        raise NotAllowed("Only the service that asked for an earmark has it lifted.")
    hold = await store.pending_earmark(tx, asked.case)
    if hold is not None and hold.attempt == asked.attempt:
        await release_hold(tx, ReleaseHold(hold=hold.id, case=asked.case))
    key = refund_key(asked.case, asked.attempt)
    posted = key in await store.posted_under(tx, [key])
    return HoldOfCaseLifted(refund_journal=journal_id(key) if posted else None)
