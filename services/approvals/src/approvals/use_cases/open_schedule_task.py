"""Ask for a decision on a schedule of write-offs: its lines, its band and everyone who may never decide it are asked of their owners."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import ApprovedLine, Lane, OpenScheduleTask, TaskOpened
from rentbook_contracts.ledger import ACTORS_BEHIND, ActorsAsked
from rentbook_contracts.writeoffs import SCHEDULE_TO_DECIDE, ScheduleContent, ScheduleOfHash, ScheduleToDecide

from approvals import queries, store
from approvals.domain.authority import NoAuthorityForAmount, Policy, stages_for
from approvals.domain.eligibility import Part
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import Kind
from approvals.use_cases.close_task import tell_not_carried_out
from approvals.use_cases.gather_actors import participants_of_schedule
from approvals.use_cases.open_task import CASE_WENT_ON, dates_of

ATTEMPT = 1
"""A schedule is attempted once; what is asked about again is another round."""


class NotThisSchedule(ApprovalRule):
    """A task is about the lines that writeoffs has under this hash; the hash, the band and the total follow from them."""


async def open_schedule_task(tx: Transaction, asked: OpenScheduleTask) -> TaskOpened:
    """Open the task, or find the one that this stage of this round has.

    Errors: NotThisSchedule, NoAuthorityForAmount, NoPolicyInForce; Unanswered (writeoffs, ledger, refunds).
    """
    told = await tx.ask(SCHEDULE_TO_DECIDE, ScheduleOfHash(schedule=asked.schedule, content_hash=asked.content_hash))
    _adds_up(asked, told)
    took_part = await participants_of_schedule(tx, told)
    behind = await tx.ask(ACTORS_BEHIND, ActorsAsked(accounts=tuple(dict.fromkeys(line.account for line in told.lines))))
    await store.lock_case(tx, asked.schedule)
    voided = await store.void_earlier_rounds(tx, asked.schedule, ATTEMPT, asked.round, CASE_WENT_ON)
    await tell_not_carried_out(tx, asked.schedule, voided)
    await store.add_participants(tx, asked.schedule, {told.raised_by}, Part.RAISED)
    await store.add_participants(tx, asked.schedule, took_part, Part.CASE)
    await store.add_participants(tx, asked.schedule, behind.actors, Part.LEDGER)
    in_force = await _policy_of_round(tx, asked)
    roles = stages_for(in_force.authorities, told.band_pence)
    if asked.stage > len(roles):
        raise NoAuthorityForAmount("The table of authority asks for fewer decisions on this amount.")
    opened = await store.open_schedule_task(tx, await _row(tx, asked, told, in_force, roles), told)
    if opened is not None:
        await store.note(tx, opened, asked.schedule, "opened")
    return await _as_opened(tx, asked)


def _adds_up(asked: OpenScheduleTask, told: ScheduleToDecide) -> None:
    """Neither the workflow nor writeoffs is taken at its word for what follows from the lines. Errors: NotThisSchedule."""
    lines = tuple(ApprovedLine(line=line.line, content_hash=line.content_hash) for line in told.lines)
    content = ScheduleContent(schedule=asked.schedule, round=asked.round, lines=lines)
    band = max(line.debtor_total_pence for line in told.lines)
    total = sum(line.amount_pence for line in told.lines)
    if (content.content_hash, told.round, told.band_pence, told.total_pence) != (asked.content_hash, asked.round, band, total):
        raise NotThisSchedule("Writeoffs has no such schedule to decide on.")


async def _row(
    tx: Transaction, asked: OpenScheduleTask, told: ScheduleToDecide, in_force: Policy, roles: tuple[str, ...]
) -> dict[str, object]:
    due_on, remind_on, escalate_on = dates_of(tx, in_force)
    return {
        "case_id": asked.schedule,
        "attempt": ATTEMPT,
        "round": asked.round,
        "stage": asked.stage,
        "stages": len(roles),
        "amount_pence": told.band_pence,
        "content_hash": asked.content_hash,
        "lane": Lane.LOOK,
        "lane_reasons": [],
        "raised_by": told.raised_by,
        "workflow_id": asked.workflow_id,
        "policy_id": in_force.id,
        "required_role": roles[asked.stage - 1],
        "opened_at": tx.now,
        "priority_at": await queries.first_priority(tx, asked.schedule, ATTEMPT) or tx.now,
        "due_on": due_on,
        "remind_on": remind_on,
        "escalate_on": escalate_on,
        "assigned_to": await queries.last_decider(tx, asked.schedule, asked.stage),
    }


async def _policy_of_round(tx: Transaction, asked: OpenScheduleTask) -> Policy:
    """All stages of a round stand under the policy that was in force when its first one was opened."""
    first = [one for one in await queries.heads_of_case(tx, asked.schedule) if (one.round, one.stage) == (asked.round, 1)]
    in_force = await queries.policy_in_force(tx, Kind.WRITE_OFF)
    if not first or first[0].policy_id == in_force.id:
        return in_force
    return next(one for one in await queries.policies(tx, Kind.WRITE_OFF) if one.id == first[0].policy_id)


async def _as_opened(tx: Transaction, asked: OpenScheduleTask) -> TaskOpened:
    """Errors: NotThisSchedule, where this stage was opened with other content."""
    here = (asked.round, asked.stage)
    found = next(one for one in await queries.heads_of_case(tx, asked.schedule) if (one.round, one.stage) == here)
    if found.content_hash != asked.content_hash:
        raise NotThisSchedule("This stage was opened with other content.")
    return TaskOpened(task=found.id, stages=found.stages, due_on=found.due_on, remind_on=found.remind_on, escalate_on=found.escalate_on)
