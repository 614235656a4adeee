"""What the provision for bad debts has to be at a month's end, and what it is (domain.md 2.5)."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import ProvisionAsked, ProvisionReport

from ledger.domain.dates import business_date
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from ledger.domain.provision import Owed, Rate, Status, expected_loss, is_month_end
from ledger.domain.rules import NotAMonthsEnd
from ledger.queries.owed import owed_by_account
from ledger.queries.refund_facts import one_snapshot
from ledger.tables import account, entry, journal, posted_provision, provision_policy, provision_rate, tenancy

NOT_RENT = "HBO"
"""Overpaid Housing Benefit is no rent and no debt of the Housing Revenue Account (domain.md 1.1)."""


async def provision(tx: Transaction, asked: ProvisionAsked) -> ProvisionReport:
    """As it was posted, where it was; otherwise as it would be posted now. Errors: NotAMonthsEnd."""
    await one_snapshot(tx)
    return await provision_report(tx, asked)


async def provision_report(tx: Transaction, asked: ProvisionAsked) -> ProvisionReport:
    """The same within a transaction that has begun. Errors: NotAMonthsEnd."""
    if not is_month_end(asked.month_end) or asked.month_end >= business_date(tx.now):
        raise NotAMonthsEnd("A provision is computed for the last day of a month that has ended.", field="month_end")
    posted = await tx.connection.scalar(sa.select(posted_provision.c.report).where(posted_provision.c.month_end == asked.month_end))
    return ProvisionReport.model_validate(posted) if posted is not None else await _computed(tx, asked.month_end)


async def _computed(tx: Transaction, month_end: date) -> ProvisionReport:
    version, rates = await _policy(tx, month_end)
    rows = expected_loss(rates, await _owed(tx, month_end), month_end)
    wanted, held = sum(row.expected_loss_pence for row in rows), await _held(tx, month_end)
    return ProvisionReport(
        month_end=month_end,
        policy_version=version,
        rows=rows,
        wanted_pence=wanted,
        held_pence=held,
        to_post_pence=wanted - held,
        journal=None,
    )


async def _policy(tx: Transaction, on: date) -> tuple[str, list[Rate]]:
    in_force = sa.select(provision_policy).where(provision_policy.c.in_force_from <= on)
    policy = (await tx.connection.execute(in_force.order_by(provision_policy.c.in_force_from.desc()).limit(1))).one()
    rates = await tx.connection.execute(sa.select(provision_rate).where(provision_rate.c.in_force_from == policy.in_force_from))
    return policy.version, [Rate(row.status, row.from_days, row.basis_points) for row in rates]


async def _owed(tx: Transaction, month_end: date) -> list[Owed]:
    """What tenants owed at the end of that day, as the books say now, by what was effective then."""
    balances, former = await _balances(tx, month_end)
    owed = await owed_by_account(tx, balances, as_at=month_end)
    return [Owed(_status(former[id_]), debit.due_on, debit.pence) for id_, debits in owed.items() for debit in debits]


def _status(former: bool) -> Status:
    return "former" if former else "current"


async def _balances(tx: Transaction, month_end: date) -> tuple[Mapping[UUID, int], Mapping[UUID, bool]]:
    """Debts by account, and whether the tenancy had ended."""
    balance = sa.cast(sa.func.sum(entry.c.amount_pence), sa.BigInteger)
    ended = sa.func.coalesce(tenancy.c.ended_on <= month_end, False)
    wanted = (
        sa.select(account.c.id, ended.label("former"), balance.label("balance_pence"))
        .select_from(entry)
        .join(journal, journal.c.id == entry.c.journal)
        .join(account, account.c.id == entry.c.account)
        .join(tenancy, tenancy.c.id == account.c.tenancy)
        .where(journal.c.effective_date <= month_end, account.c.kind != NOT_RENT)
        .group_by(account.c.id, tenancy.c.ended_on)
        .having(balance > 0)
    )
    rows = (await tx.connection.execute(wanted)).all()
    return {row.id: row.balance_pence for row in rows}, {row.id: row.former for row in rows}


async def _held(tx: Transaction, month_end: date) -> int:
    """The provision as it stands: its credits less what was written off against it."""
    moved = sa.select(sa.func.coalesce(-sa.func.sum(entry.c.amount_pence), 0)).join(journal, journal.c.id == entry.c.journal)
    of_provision = moved.where(entry.c.account == CONTROL_ACCOUNTS[Control.BAD_DEBT_PROVISION], journal.c.effective_date <= month_end)
    return int(await tx.connection.scalar(of_provision) or 0)
