"""What the provision for bad debts has to be at a month's end, and what it is (domain.md 2.5)."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import (
    AccountKind,
    AccountStatus,
    ProvisionAsked,
    ProvisionPolicies,
    ProvisionPolicy,
    ProvisionProposal,
    ProvisionRate,
    ProvisionReport,
    ProvisionStatus,
    ProvisionVersion,
)
from rentbook_contracts.operation import Nothing

from ledger.domain.dates import business_date
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from ledger.domain.provision import Owed, expected_loss, is_month_end
from ledger.domain.rules import NoRatesInForce, NotAMonthsEnd
from ledger.queries.owed import owed_by_account
from ledger.queries.refund_facts import one_snapshot
from ledger.tables import (
    account,
    entry,
    journal,
    posted_provision,
    provision_check,
    provision_policy,
    provision_proposal,
    provision_rate,
    tenancy,
)

NOT_RENT = "HBO"
"""Overpaid Housing Benefit is no rent and no debt of the Housing Revenue Account (domain.md 1.1)."""


async def provision(tx: Transaction, asked: ProvisionAsked) -> ProvisionReport:
    """As it was posted, where it was; otherwise as it would be posted now. Errors: NotAMonthsEnd, NoRatesInForce."""
    await one_snapshot(tx)
    return await provision_report(tx, asked)


async def provision_report(tx: Transaction, asked: ProvisionAsked) -> ProvisionReport:
    """The same within a transaction that has begun. Errors: NotAMonthsEnd, NoRatesInForce."""
    if not is_month_end(asked.month_end) or asked.month_end >= business_date(tx.now):
        raise NotAMonthsEnd("A provision is computed for the last day of a month that has ended.", field="month_end")
    kept = sa.select(posted_provision).where(posted_provision.c.month_end == asked.month_end)
    posted = (await tx.connection.execute(kept)).one_or_none()
    if posted is None:
        return await _computed(tx, asked.month_end)
    # Reports that were posted before reports said so have it beside them.
    return ProvisionReport.model_validate(posted.report | {"posted_by": posted.posted_by, "posted_at": posted.posted_at})


async def _computed(tx: Transaction, month_end: date) -> ProvisionReport:
    in_force = next((one for one in await provision_versions(tx) if one.policy.in_force_from <= month_end), None)
    if in_force is None:
        raise NoRatesInForce("No rates for the provision were in force at the end of that month. Choose a later month.", field="month_end")
    rows = expected_loss(in_force.policy.rates, await _owed(tx, month_end), month_end)
    last = await tx.connection.scalar(sa.select(sa.func.max(posted_provision.c.month_end)))
    wanted, held = sum(row.expected_loss_pence for row in rows), await _held(tx, month_end)
    return ProvisionReport(
        month_end=month_end,
        policy_version=in_force.version,
        rows=rows,
        wanted_pence=wanted,
        held_pence=held,
        to_post_pence=wanted - held,
        journal=None,
        later=last if last is not None and last > month_end else None,
    )


async def provision_policies(tx: Transaction, _: Nothing) -> ProvisionPolicies:
    """The rates of expected loss as they were, are and will be, and what was proposed."""
    return ProvisionPolicies(versions=await provision_versions(tx), proposals=await provision_proposals(tx))


async def provision_versions(tx: Transaction) -> tuple[ProvisionVersion, ...]:
    """The one that comes into force last first."""
    rates: dict[date, list[ProvisionRate]] = defaultdict(list)
    listed = sa.select(provision_rate).order_by(provision_rate.c.status, provision_rate.c.from_days)
    for row in await tx.connection.execute(listed):
        rates[row.in_force_from].append(ProvisionRate(status=row.status, from_days=row.from_days, basis_points=row.basis_points))
    laid = await tx.connection.execute(sa.select(provision_policy).order_by(provision_policy.c.in_force_from.desc()))
    return tuple(
        ProvisionVersion(
            version=row.version,
            policy=ProvisionPolicy(in_force_from=row.in_force_from, source=row.source, rates=tuple(rates[row.in_force_from])),
            made_by=row.made_by,
            checked_by=row.checked_by,
        )
        for row in laid
    )


async def provision_proposals(tx: Transaction) -> tuple[ProvisionProposal, ...]:
    """The newest first."""
    answered = (provision_check.c.answer, provision_check.c.checked_by, provision_check.c.checked_at, provision_check.c.text)
    joined = provision_proposal.outerjoin(provision_check, provision_check.c.proposal == provision_proposal.c.id)
    wanted = sa.select(provision_proposal, *answered).select_from(joined)
    rows = await tx.connection.execute(wanted.order_by(provision_proposal.c.proposed_at.desc(), provision_proposal.c.id))
    return tuple(
        ProvisionProposal(
            proposal=row.id,
            policy=ProvisionPolicy(in_force_from=row.in_force_from, source=row.source, rates=row.rates),
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at,
            answer=row.answer,
            checked_by=row.checked_by,
            checked_at=row.checked_at,
            text=row.text,
        )
        for row in rows
    )


async def _owed(tx: Transaction, month_end: date) -> list[Owed]:
    """What tenants owed at the end of that day, as the books say now, by what was effective then."""
    balances, former = await _balances(tx, month_end)
    owed = await owed_by_account(tx, balances, as_at=month_end)
    return [Owed(_status(former[id_]), debit.due_on, debit.pence) for id_, debits in owed.items() for debit in debits]


def _status(former: bool) -> ProvisionStatus:
    return "former" if former else "current"


async def _balances(tx: Transaction, month_end: date) -> tuple[Mapping[UUID, int], Mapping[UUID, bool]]:
    """Debts by account, and whether it was a former tenant's (`DebtFacts.former`)."""
    balance = sa.cast(sa.func.sum(entry.c.amount_pence), sa.BigInteger)
    wanted = (
        sa.select(account.c.id, _was_former(month_end).label("former"), balance.label("balance_pence"))
        .select_from(entry)
        .join(journal, journal.c.id == entry.c.journal)
        .join(account, account.c.id == entry.c.account)
        .join(tenancy, tenancy.c.id == account.c.tenancy)
        .where(journal.c.effective_date <= month_end, account.c.kind != NOT_RENT)
        .group_by(account.c.id, tenancy.c.id)
        .having(balance > 0)
    )
    rows = (await tx.connection.execute(wanted)).all()
    return {row.id: row.balance_pence for row in rows}, {row.id: row.former for row in rows}


def _was_former(month_end: date) -> sa.ColumnElement[bool]:
    """Use and occupation begins when a tenancy ends and its occupier stays (domain.md 1.4): it is a former tenant's once the keys are back;
    where nobody kept that day, by how the account stands.
    """
    gone = sa.func.coalesce(tenancy.c.keys_returned_on <= month_end, account.c.status.in_([AccountStatus.FORMER, AccountStatus.CLOSED]))
    ended = sa.func.coalesce(tenancy.c.ended_on <= month_end, False)
    return sa.case((account.c.kind == AccountKind.USEOCC, gone), else_=ended)


async def _held(tx: Transaction, month_end: date) -> int:
    """The provision as it stands: its credits less what was written off against it."""
    moved = sa.select(sa.func.coalesce(-sa.func.sum(entry.c.amount_pence), 0)).join(journal, journal.c.id == entry.c.journal)
    of_provision = moved.where(entry.c.account == CONTROL_ACCOUNTS[Control.BAD_DEBT_PROVISION], journal.c.effective_date <= month_end)
    return int(await tx.connection.scalar(of_provision) or 0)
