"""The dated policy rows."""

from datetime import date

import sqlalchemy as sa
from chassis.transaction import Transaction

from refunds.domain.policy import RefundPolicy, policy_at
from refunds.tables import policy


async def in_force(tx: Transaction, day: date) -> RefundPolicy:
    """The policy in force on a Europe/London day. Errors: NoPolicyInForce."""
    rows = await tx.connection.execute(sa.select(policy.c.figures))
    return policy_at([RefundPolicy.model_validate(row.figures) for row in rows], day)
