"""What the waiting workflow said to a decision or to a recall."""

from uuid import UUID

from chassis.serving import Settled, Settlement
from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer, DecisionTaken, DecisionTakenBack

from approvals import queries, store
from approvals.domain.eligibility import Status
from approvals.domain.tasks import found
from approvals.use_cases.close_task import close_refused, tell_not_carried_out

CASE_ENDED = "The case had ended, or its workflow did not run."
NOT_TAKEN = "The case had moved on."


async def note_decision_outcome(tx: Transaction, settled: Settled[DecisionTaken]) -> None:
    """Keep the answer. A decision that the workflow did not take is not carried out, because; a refusal that it took is carried out."""
    why = _why(settled.settlement, settled.reason)
    await store.write_outcome(tx, UUID(settled.update_id), accepted=why is None, reason=why)
    head = found(await queries.task_head(tx, settled.argument.task))
    await store.lock_case(tx, head.case)
    head = found(await queries.task_head(tx, settled.argument.task))
    made = await queries.recorded(tx, settled.argument.decision)
    if head.status is not Status.DECIDED or made is None or made.recalled_by is not None:
        return
    if why is not None:
        await store.close_tasks(tx, [head.id], Status.NOT_CARRIED_OUT, why)
        await store.note_closed(tx, head.id, head.case, Status.NOT_CARRIED_OUT, why)
        await tell_not_carried_out(tx, head.case, [head.id])
    elif made.answer is Answer.DECLINED:
        await close_refused(tx, head)


async def note_recall_outcome(tx: Transaction, settled: Settled[DecisionTakenBack]) -> None:
    """Keep the answer: a recall that came too late is shown as such."""
    why = _why(settled.settlement, settled.reason)
    await store.write_outcome(tx, UUID(settled.update_id), accepted=why is None, reason=why)


def _why(settlement: Settlement, reason: str | None) -> str | None:
    if settlement is Settlement.ACCEPTED:
        return None
    return CASE_ENDED if settlement is Settlement.CLOSED else reason or NOT_TAKEN
