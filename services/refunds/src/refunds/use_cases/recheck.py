"""Run the checks again for an approved plan, and say whether its approval still stands (domain.md 4, check 10)."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import RefundFacts, RefundPlan
from rentbook_contracts.refunds import Recheck, Rechecked

from refunds.domain import checks as rules
from refunds.domain.covered import Ground
from refunds.domain.days import business_date
from refunds.domain.means import Means
from refunds.domain.rules import RefundRule
from refunds.store import cases, checks, policies
from refunds.use_cases.gather import gather


class NoSuchPlan(RefundRule):
    """The plan is none that was made for the case."""


async def recheck(tx: Transaction, asked: Recheck, means: Means) -> Rechecked:
    """`versions` are those of the plan's accounts as they were read here. The bank is not asked: what it said may have run out.

    Errors: NoSuchPlan, Unanswered.
    """
    row = await cases.locked(tx, asked.plan.case)
    stored = await checks.plan_of_hash(tx, row.id, asked.plan.content_hash)
    if stored is None:
        raise NoSuchPlan("This plan was not made for this case.")
    approved = Ground.model_validate(stored.ground)
    today = business_date(tx.now)
    policy = await policies.in_force(tx, today)
    facts = await gather(tx, row, policy, means)
    found, because = rules.run_again(facts, policy, today, approved)
    for result in found:
        await checks.add_result(
            tx, row.id, stored.attempt, stored.round, "recheck", result, ledger=facts.ledger, policy_version=policy.version,
        )  # fmt: skip
    if because is not None:
        await cases.note(tx, row.id, f"approval void: {because}")
    return Rechecked(versions=_versions(asked.plan, facts.ledger), void_because=because)


def _versions(plan: RefundPlan, ledger: RefundFacts) -> dict[UUID, int]:
    """A debt that is gone has no version here; then the approval is void, and nothing is posted with it."""
    debts = {debt.account: debt.version for debt in ledger.debts}
    offsets = {offset.account: debts[offset.account] for offset in plan.offsets if offset.account in debts}
    return {ledger.account: ledger.version, **offsets}
