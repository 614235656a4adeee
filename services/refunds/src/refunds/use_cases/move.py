"""The ledger has moved an account: every open case that it concerns is told (domain.md 4, check 10)."""

from chassis.inbox import heard_up_to
from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountFact
from rentbook_contracts.workflows import LEDGER_MOVED, LedgerMoved, refund_workflow_id

from refunds.store import cases


async def move(tx: Transaction, fact: AccountFact) -> None:
    """What a case itself has done to an account is no news to it."""
    version = await heard_up_to(tx, fact.topic, fact.key)
    for row in await cases.watching(tx, fact.account):
        if getattr(fact, "case", None) != row.id:
            await tx.nudge(refund_workflow_id(row.id, row.attempt), LEDGER_MOVED, LedgerMoved(account=fact.account, version=version))
