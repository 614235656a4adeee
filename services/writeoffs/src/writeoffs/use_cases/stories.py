"""The stories that proposals and schedules need, and the word to one that is taken up again."""

from datetime import timedelta
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
from rentbook_contracts.writeoffs import ScheduleStatus

from writeoffs import store
from writeoffs.domain.days import business_date, morning_of
from writeoffs.store import Row
from writeoffs.use_cases.work import round_of

UNHEARD_LIMIT = timedelta(minutes=5)
"""A decision is told to its story within seconds, and a story in a call-in goes on in the morning on which that is over."""


async def needed(tx: Transaction) -> list[str]:
    """Every proposal that a story follows, in its pass, and every open schedule."""
    passes = [proposal_workflow_id(proposal, attempt) for proposal, attempt in await store.followed(tx)]
    return passes + [schedule_workflow_id(schedule.id) for schedule in await store.schedules_open(tx)]


async def in_vain(tx: Transaction) -> list[str]:
    """A schedule whose round is decided, or whose question is answered, and whose story waits for that still: it is told once.

    So it is where somebody had Temporal tell the story anew without what it was told. Errors: Unanswered (approvals).
    """
    return [schedule_workflow_id(row.id) for row in await store.schedules_open(tx) if await _should_go_on(tx, row)]


async def _should_go_on(tx: Transaction, row: Row) -> bool:
    told = await round_of(tx, row)
    if told.decision is None or told.ended_at is None:
        return told.asked_back and row.answered_round == row.round
    if told.decision.carried_out_from is not None:
        return False
    # The day on which nobody can call it in any more begins at midnight, and its story's in the morning.
    in_call_in = row.status == ScheduleStatus.CALL_IN
    since = max(told.ended_at, morning_of(business_date(tx.now))) if in_call_in else told.ended_at
    return tx.now > since + UNHEARD_LIMIT


async def take_up(tx: Transaction, story: str) -> None:
    """A proposal is looked at again. A schedule asks its row; a decision that it missed is lost, so that it is withdrawn and made anew."""
    kind, id_, *_ = story.split("/")
    if kind == "write-off-schedule":
        await tx.signal(story, SCHEDULE_CHANGED, ScheduleChanged(schedule=UUID(id_)))
    else:
        await tx.signal(story, PROPOSAL_CHANGED, ProposalChanged(proposal=UUID(id_)))
