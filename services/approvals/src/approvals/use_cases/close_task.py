"""What became of a decision: carried out, or not, because. An approval that came to nothing is told to whoever might still believe it."""

from collections.abc import Collection
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer, CloseTask, DecisionNotCarriedOut
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.eligibility import Status
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import found
from approvals.domain.words import business_date

A_LATER_STAGE_SAID_NO = "A later stage did not approve"


class NothingToCarryOut(ApprovalRule):
    """A no or a question is carried out, and an approval of every stage, once nobody can call it in any more."""


async def close_task(tx: Transaction, asked: CloseTask) -> Nothing:
    """Close the task and the other stages of its round. A task that nobody decided is void; closing again changes nothing.

    Carried out even so is an approval whose recall came too late. Errors: NoSuchTask, NothingToCarryOut.
    """
    head = found(await queries.task_head(tx, asked.task))
    await store.lock_case(tx, head.case)
    # Whoever reaches Temporal could say so: a task that is closed is neither decided nor recalled any more.
    if asked.carried_out and not await queries.can_be_carried_out(tx, head, business_date(tx.now)):
        raise NothingToCarryOut("No decision on this task can be carried out now.")
    if asked.carried_out and await queries.answer_to(tx, head.id) in (Answer.DECLINED, Answer.SENT_BACK):
        await close_refused(tx, head)
    else:
        await _close_round(tx, head, carried_out=asked.carried_out, because=asked.because)
    return Nothing()


async def close_refused(tx: Transaction, head: queries.TaskHead) -> None:
    """A no, or a question, was carried out; what earlier stages approved was not. Under the case's lock."""
    live = [one for one in await _round_of(tx, head) if one.status is Status.DECIDED]
    await _close(tx, head, [one.id for one in live if one.id == head.id], Status.CARRIED_OUT, None)
    await _close(tx, head, [one.id for one in live if one.id != head.id], Status.NOT_CARRIED_OUT, A_LATER_STAGE_SAID_NO)


async def _close_round(tx: Transaction, head: queries.TaskHead, *, carried_out: bool, because: str | None) -> None:
    round_ = await _round_of(tx, head)
    decided = [one.id for one in round_ if one.status is Status.DECIDED]
    if carried_out:
        decided += [one.id for one in round_ if one.status is Status.VOID and await queries.is_recalled(tx, one.id)]
    await _close(tx, head, decided, Status.CARRIED_OUT if carried_out else Status.NOT_CARRIED_OUT, because)
    await _close(tx, head, [one.id for one in round_ if one.status is Status.OPEN], Status.VOID, because)


async def _round_of(tx: Transaction, head: queries.TaskHead) -> list[queries.TaskHead]:
    return [one for one in await queries.heads_of_case(tx, head.case) if (one.attempt, one.round) == (head.attempt, head.round)]


async def _close(tx: Transaction, head: queries.TaskHead, tasks: list[UUID], status: Status, because: str | None) -> None:
    await store.close_tasks(tx, tasks, status, because)
    for task in tasks:
        await store.note_closed(tx, task, head.case, status, because)
    if status is not Status.CARRIED_OUT:
        await tell_not_carried_out(tx, head.case, tasks)


async def tell_not_carried_out(tx: Transaction, case: UUID, tasks: Collection[UUID]) -> None:
    """These tasks of a locked case are closed without having been carried out: tell it of each on which an approval stood."""
    for decision in await queries.approvals_on(tx, tasks):
        await tx.publish(DecisionNotCarriedOut(case=case, decision=decision), version=await store.next_version(tx, case))
