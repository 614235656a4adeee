"""How a round of a case was decided, as approvals has it: whoever reaches Temporal could say anything."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import ROUND_DECIDED, Decision, RoundAsked

from refunds.store.cases import Case


async def decision_on(tx: Transaction, row: Case) -> Decision | None:
    """The decision that ends the case's round and stands; None where there is none. Errors: Unanswered (approvals)."""
    if not row.round:
        return None
    return (await tx.ask(ROUND_DECIDED, RoundAsked(case=row.id, attempt=row.attempt, round=row.round))).decision
