"""The dated policy rows."""

from datetime import date

import sqlalchemy as sa
from chassis.transaction import Transaction

from refunds.domain.policy import RefundPolicy, policy_at
from refunds.tables import policy


async def in_force(tx: Transaction, day: date) -> RefundPolicy:
    """The policy in force on a Europe/London day. Errors: NoPolicyInForce."""
    key = ("policy in force", day)
    if key not in tx.known:
        rows = await tx.connection.execute(sa.select(policy.c.figures))
        tx.known[key] = policy_at([RefundPolicy.model_validate(row.figures) for row in rows], day)
    found: RefundPolicy = tx.known[key]
    return found
