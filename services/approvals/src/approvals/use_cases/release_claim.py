"""Give a claimed task back before the claim ends."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.eligibility import ClaimedByColleague
from approvals.domain.forms import OfTask
from approvals.domain.tasks import found
from approvals.domain.words import when


async def release_claim(tx: Transaction, form: OfTask) -> Nothing:
    """Release the caller's own claim; where nobody claims it, nothing is to do. Errors: NoSuchTask, ClaimedByColleague."""
    head = found(await queries.task_head(tx, form.task))
    await store.lock_case(tx, head.case)
    known = await queries.standing(tx, head.id)
    assert known is not None
    if known.claimed_by is None or known.claim_expires_at is None:
        return Nothing()
    if known.claimed_by != tx.caller.person and known.claim_expires_at > tx.now:
        raise ClaimedByColleague(f"A colleague has claimed this; the claim ends {when(known.claim_expires_at, tx.now)}.")
    await store.set_claim(tx, head.id, None, None)
    await store.note(tx, head.id, head.case, "claim-released")
    return Nothing()
