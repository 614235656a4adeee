"""Tell approvals what a task is about: the owner's word, not the workflow's."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import RefundPlan
from rentbook_contracts.refunds import AskedInVain, PlanOfHash, PlanToDecide, TookPart

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
    barred = await cases.participants(tx, asked.case) | await cases.participants_beside(tx, {case.account, *asked.others}, but_not=case.id)
    return PlanToDecide(
        plan=RefundPlan.model_validate(row.plan), raised_by=case.taken_by, participants=tuple(sorted(barred)), lane=row.lane,
        lane_reasons=tuple(row.lane_reasons),
    )  # fmt: skip


async def asked_in_vain(tx: Transaction, asked: AskedInVain) -> TookPart:
    """For the decision that a credit goes to income, because nobody claims it (domain.md 5.3)."""
    return TookPart(people=tuple(sorted(await cases.participants_beside(tx, asked.accounts))))
