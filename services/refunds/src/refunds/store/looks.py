"""Which credit is to be looked at, and from which day on."""

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from sqlalchemy.dialects.postgresql import insert

from refunds.tables import credit_look, refund_case


async def note(tx: Transaction, account: UUID, day: date) -> None:
    """Look at the account's credit on a day, or before where that was noted already."""
    row = insert(credit_look).values(account=account, due_on=day)
    earlier = sa.func.least(credit_look.c.due_on, row.excluded.due_on)
    await tx.connection.execute(row.on_conflict_do_update(index_elements=[credit_look.c.account], set_={"due_on": earlier}))


async def forget(tx: Transaction, account: UUID) -> None:
    """Nothing is to be looked at: it was, or a review is open by which somebody does."""
    await tx.connection.execute(credit_look.delete().where(credit_look.c.account == account))


async def due(tx: Transaction, today: date, at_most: int) -> list[UUID]:
    """The accounts whose credit is to be looked at by now and on which no case is open, but those that another worker has."""
    case = sa.exists().where(refund_case.c.account == credit_look.c.account, refund_case.c.is_open)
    rows = sa.select(credit_look.c.account).where(credit_look.c.due_on <= today, ~case).order_by(credit_look.c.account).limit(at_most)
    return list(await tx.connection.scalars(rows.with_for_update(skip_locked=True)))
