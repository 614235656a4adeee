"""Tell approvals what a task is about: the owner's word, not the workflow's."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import RefundPlan
from rentbook_contracts.refunds import PlanOfHash, PlanToDecide

from refunds.domain.rules import RefundRule
from refunds.store import cases, checks


class NoSuchPlan(RefundRule):
    """The case has no plan with this hash."""


async def plan_to_decide(tx: Transaction, asked: PlanOfHash) -> PlanToDecide:
    """Errors: NoSuchPlan."""
    row = await checks.plan_of_hash(tx, asked.case, asked.content_hash)
    if row is None or row.plan is None:
        raise NoSuchPlan("The case has no such plan.")
    case = await cases.read(tx, asked.case)
    barred = await cases.participants(tx, asked.case) | await cases.participants_beside(tx, case, asked.others)
    return PlanToDecide(
        plan=RefundPlan.model_validate(row.plan), raised_by=case.taken_by, participants=tuple(sorted(barred)), lane=row.lane,
        lane_reasons=tuple(row.lane_reasons),
    )  # fmt: skip
