"""Claim a task for a while, so that colleagues leave it alone."""

from datetime import datetime, timedelta

from chassis.transaction import Transaction

from approvals import queries, store
from approvals.domain.eligibility import objection
from approvals.domain.forms import OfTask
from approvals.domain.tasks import found


async def claim(tx: Transaction, form: OfTask) -> datetime:
    """Claim as the caller, or claim longer; gives the claim's end, UTC. A claim makes nobody a participant.

    Errors: NoSuchTask, and what `objection` names: who may not decide it can't keep others from it.
    """
    head = found(await queries.task_head(tx, form.task))
    await store.lock_case(tx, head.case)
    known = await queries.standing(tx, head.id)
    assert known is not None
    refused = objection(known, tx.caller.person, tx.caller.roles, tx.now)
    if refused is not None:
        raise refused
    in_force = await queries.policy_in_force(tx, head.kind)
    ends = tx.now + timedelta(minutes=in_force.claim_minutes)
    await store.set_claim(tx, head.id, tx.caller.person, ends)
    await store.note(tx, head.id, head.case, "claimed")
    return ends
