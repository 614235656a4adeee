"""A line falls out of its schedule, alone; its proposal goes on with another pass, and says why."""

from chassis.transaction import Transaction
from rentbook_contracts.workflows import SCHEDULE_CHANGED, ScheduleChanged, schedule_workflow_id
from rentbook_contracts.writeoffs import ProposalStatus

from writeoffs import store
from writeoffs.domain.money import pounds
from writeoffs.store import Row
from writeoffs.use_cases.work import follow

LISTED = "listed"


async def drop(tx: Transaction, line: Row, why: str) -> None:
    """`line` is a locked line that was listed or being posted; `why` is a sentence."""
    await store.set_standing(tx, line.schedule, [line.line], "dropped", why)
    row = await store.proposal_locked(tx, line.line)
    attempt = row.attempt + 1
    await store.change_proposal(tx, row.id, status=ProposalStatus.BLOCKED, status_note=why, schedule=None, attempt=attempt, followed=True)
    await store.note(tx, [row.id], "dropped from the schedule", why)
    await store.note_on_schedule(tx, line.schedule, f"a line of {pounds(line.amount_pence)} was dropped", why)
    await follow(tx, [(row.id, attempt)])
    if line.standing == LISTED:
        # It may have been the last: a schedule of which nothing is left asks nobody any more. What is being posted ends by itself.
        await tx.nudge(schedule_workflow_id(line.schedule), SCHEDULE_CHANGED, ScheduleChanged(schedule=line.schedule))
