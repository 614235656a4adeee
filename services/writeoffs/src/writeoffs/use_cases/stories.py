"""The stories that proposals and schedules need, and the word to one that is taken up again."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.workflows import (
    PROPOSAL_CHANGED,
    SCHEDULE_CHANGED,
    ProposalChanged,
    ScheduleChanged,
    proposal_workflow_id,
    schedule_workflow_id,
)

from writeoffs import store


async def needed(tx: Transaction) -> list[str]:
    """Every proposal that a story follows, in its pass, and every open schedule."""
    passes = [proposal_workflow_id(proposal, attempt) for proposal, attempt in await store.followed(tx)]
    return passes + [schedule_workflow_id(schedule) for schedule in await store.open_schedules(tx)]


async def take_up(tx: Transaction, story: str) -> None:
    """A proposal is looked at again. A schedule asks its row; a decision that it missed is lost, so that it is withdrawn and made anew."""
    kind, id_, *_ = story.split("/")
    if kind == "write-off-schedule":
        await tx.signal(story, SCHEDULE_CHANGED, ScheduleChanged(schedule=UUID(id_)))
    else:
        await tx.signal(story, PROPOSAL_CHANGED, ProposalChanged(proposal=UUID(id_)))
