"""Of many accounts at once, what says whether somebody shall look at their credit (domain.md 4)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import CreditFacts, CreditsAsked, CreditsRead

from ledger.domain.dates import business_date
from ledger.queries.refund_facts import (
    answerable_tenants,
    free_credit,
    may_come_back,
    next_clearing_by_account,
    one_snapshot,
    tenancy_facts,
    tenant_accounts,
)
from ledger.tables import account, weekly_charge, written_off


async def credits_of(tx: Transaction, asked: CreditsAsked) -> CreditsRead:
    """As many round trips for two hundred accounts as for one."""
    await one_snapshot(tx)
    rows = (await tx.connection.execute(tenant_accounts().where(account.c.id.in_(asked.accounts)).order_by(account.c.id))).all()
    free = await free_credit(tx, {row.id: row.balance_pence for row in rows})
    ids = [row.id for row in rows]
    clears, charged = await next_clearing_by_account(tx, ids), await _weekly_charges(tx, ids)
    written = await _written_off(tx, {row.id: row.tenancy for row in rows})
    return CreditsRead(
        credits=tuple(
            CreditFacts(
                account=row.id,
                cleared_credit_pence=free[row.id],
                next_clears_on=clears.get(row.id),
                weekly_charge_pence=charged.get(row.id, 0),
                pays_by_direct_debit=row.pays_by_direct_debit,
                written_off_pence=written[row.id],
                tenancy=tenancy_facts(row),
            )
            for row in rows
        )
    )


async def _weekly_charges(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, int]:
    today, until = business_date(tx.now), weekly_charge.c.in_force_until
    wanted = (
        sa.select(weekly_charge.c.account, sa.cast(sa.func.sum(weekly_charge.c.amount_pence), sa.BigInteger).label("pence"))
        .where(weekly_charge.c.account.in_(ids), weekly_charge.c.in_force_from <= today, sa.or_(until.is_(None), until > today))
        .group_by(weekly_charge.c.account)
    )
    return {row.account: row.pence for row in await tx.connection.execute(wanted)}


async def _written_off(tx: Transaction, tenancies: Mapping[UUID, UUID]) -> dict[UUID, int]:
    """By account, what was written off of debts for which one of its people answers, and may still be put back (domain.md 5.3)."""
    mine, theirs, owed = answerable_tenants("mine"), answerable_tenants("theirs"), account.alias("owed")
    wanted = (
        sa.select(mine.c.tenancy, written_off.c.journal, sa.cast(may_come_back(), sa.BigInteger).label("pence"))
        .join(theirs, theirs.c.person == mine.c.person)
        .join(owed, owed.c.tenancy == theirs.c.tenancy)
        .join(written_off, written_off.c.account == owed.c.id)
        .where(mine.c.tenancy.in_(set(tenancies.values())))
        .distinct()
    )
    of_tenancy: dict[UUID, int] = defaultdict(int)
    for row in await tx.connection.execute(wanted):
        of_tenancy[row.tenancy] += row.pence
    return {id_: of_tenancy[tenancy] for id_, tenancy in tenancies.items()}
