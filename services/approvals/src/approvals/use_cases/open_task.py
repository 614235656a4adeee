"""Ask for a decision: a task on the worklist, with everyone on its list who may never decide it."""

from datetime import date

from chassis.transaction import Transaction
from rentbook_contracts.approvals import OpenTask, TaskOpened
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, AccountForRefund, RefundPlan
from rentbook_contracts.refunds import PLAN_TO_DECIDE, PlanOfHash

from approvals import queries, store
from approvals.domain import working_days
from approvals.domain.authority import NoAuthorityForAmount, Policy, stages_for
from approvals.domain.eligibility import Part
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import Kind
from approvals.domain.words import business_date
from approvals.use_cases.close_task import tell_not_carried_out

CASE_WENT_ON = "The case has changed since"


class StageOfOtherContent(ApprovalRule):
    """One stage of a round asks about one content only."""


class NotThisPlan(ApprovalRule):
    """A task is about the plan that refunds has under this hash, with its account and its amount."""


def _as_the_owner_says(asked: OpenTask, plan: RefundPlan) -> None:
    """The amount finds the band of authority: it is not taken on the word of whoever opens the task. Errors: NotThisPlan."""
    if (plan.case, plan.attempt, plan.account, plan.total_pence) != (asked.case, asked.attempt, asked.account, asked.amount_pence):
        raise NotThisPlan("Refunds has no such plan to decide on.")


async def open_task(tx: Transaction, asked: OpenTask) -> TaskOpened:
    """Open the task, or find the one that this stage of this round has. After a send-back it waits for the same person at its old place.

    What it is about, and its lane, is asked of refunds. Errors: NotThisPlan, NoAuthorityForAmount, StageOfOtherContent, NoPolicyInForce.
    """
    facts = await tx.ask(ACCOUNT_FOR_REFUND, AccountForRefund(account=asked.account, case=asked.case))
    told = await tx.ask(PLAN_TO_DECIDE, PlanOfHash(case=asked.case, content_hash=asked.content_hash, others=facts.others))
    _as_the_owner_says(asked, told.plan)
    await store.lock_case(tx, asked.case)
    voided = await store.void_earlier_rounds(tx, asked.case, asked.attempt, asked.round, CASE_WENT_ON)
    await tell_not_carried_out(tx, asked.case, voided)
    await store.add_participants(tx, asked.case, {told.raised_by, asked.raised_by}, Part.RAISED)
    await store.add_participants(tx, asked.case, {*told.participants, *asked.participants} - {told.raised_by, asked.raised_by}, Part.CASE)
    await store.add_participants(tx, asked.case, facts.actors, Part.LEDGER)
    in_force = await _policy_of_round(tx, asked)
    roles = stages_for(in_force.authorities, asked.amount_pence)
    if asked.stage > len(roles):
        raise NoAuthorityForAmount("The table of authority asks for fewer decisions on this amount.")
    opened = await store.open_task(
        tx,
        asked.model_copy(update={"lane": told.lane, "lane_reasons": told.lane_reasons}),
        in_force=in_force,
        stages=len(roles),
        role=roles[asked.stage - 1],
        priority_at=await queries.first_priority(tx, asked.case, asked.attempt) or tx.now,
        dates=dates_of(tx, in_force),
        assigned_to=await queries.last_decider(tx, asked.case, asked.stage),
    )
    if opened is not None:
        await store.note(tx, opened, asked.case, "opened")
    return await _as_opened(tx, asked)


async def _policy_of_round(tx: Transaction, asked: OpenTask) -> Policy:
    """All stages of a round stand under the policy that was in force when its first one was opened."""
    in_force = await queries.policy_in_force(tx, Kind(asked.kind))
    begin = (asked.attempt, asked.round, 1)
    first = [one for one in await queries.heads_of_case(tx, asked.case) if (one.attempt, one.round, one.stage) == begin]
    if not first or first[0].policy_id == in_force.id:
        return in_force
    return next(one for one in await queries.policies(tx, Kind(asked.kind)) if one.id == first[0].policy_id)


def dates_of(tx: Transaction, in_force: Policy) -> tuple[date, date, date]:
    """When it is due, when time reminds, and when it escalates."""
    today, closed = business_date(tx.now), queries.closed_days(tx)
    spans = (in_force.decide_within_working_days, in_force.remind_after_working_days, in_force.escalate_after_working_days)
    due, remind, escalate = (working_days.working_days_after(today, span, closed) for span in spans)
    return due, remind, escalate


async def _as_opened(tx: Transaction, asked: OpenTask) -> TaskOpened:
    here = (asked.attempt, asked.round, asked.stage)
    found = next(one for one in await queries.heads_of_case(tx, asked.case) if (one.attempt, one.round, one.stage) == here)
    if (found.content_hash, found.amount_pence) != (asked.content_hash, asked.amount_pence):
        raise StageOfOtherContent("This stage was opened with other content.")
    return TaskOpened(task=found.id, stages=found.stages, due_on=found.due_on, remind_on=found.remind_on, escalate_on=found.escalate_on)
