"""What became of a decision: carried out, or not, because."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import CloseTask
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.eligibility import Status
from approvals.domain.tasks import found


async def close_task(tx: Transaction, asked: CloseTask) -> Nothing:
    """Close the task and the other stages of its round. A task that nobody decided is void; closing again changes nothing.

    Carried out even so is an approval whose recall came too late.

    Errors: NoSuchTask.
    """
    head = found(await queries.task_head(tx, asked.task))
    await store.lock_case(tx, head.case)
    round_ = [one for one in await queries.heads_of_case(tx, head.case) if (one.attempt, one.round) == (head.attempt, head.round)]
    decided = [one.id for one in round_ if one.status is Status.DECIDED]
    waiting = [one.id for one in round_ if one.status is Status.OPEN]
    if asked.carried_out:
        decided += [one.id for one in round_ if one.status is Status.VOID and await queries.is_recalled(tx, one.id)]
    await store.close_tasks(tx, decided, Status.CARRIED_OUT if asked.carried_out else Status.NOT_CARRIED_OUT, asked.because)
    await store.close_tasks(tx, waiting, Status.VOID, asked.because)
    for task in decided + waiting:
        await store.note(tx, task, head.case, "closed", said=asked.because)
    return Nothing()
