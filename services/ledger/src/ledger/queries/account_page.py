"""An account as a person sees it: balances, entries, holds, tenants and the accounts beside it."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import (
    AccountHold,
    AccountPage,
    AccountPageAsked,
    ArrearsAge,
    BreathingSpace,
    BreathingSpaceKind,
    CreditHold,
    HoldInForce,
    MonthBalance,
    Tenant,
    WeeklyCharge,
)

from ledger.domain.breathing_space import review_of
from ledger.domain.credit import arrears_ages, cleared_credit_pence, in_arrears_since, month_ends, uncleared_pence
from ledger.domain.dates import business_date
from ledger.queries.entries import entries, newest_first, shown
from ledger.queries.labels import labels_of
from ledger.queries.letter_addresses import letter_addresses
from ledger.queries.refund_facts import (
    accounts_of_people,
    breathing_space_policy,
    breathing_spaces,
    charges_in_force,
    held_pence,
    holds_in_force,
    one_snapshot,
    past_journals,
    people_of,
    still_runs,
    tenancy_facts,
    tenant_account,
    written_on_pence,
)
from ledger.tables import account, account_hold, credit_hold, entry, journal

MONTHS_SHOWN = 12


async def account_page(tx: Transaction, asked: AccountPageAsked) -> AccountPage:
    """Errors: NoSuchAccount."""
    await one_snapshot(tx)
    row = await tenant_account(tx, asked.account)
    as_at = asked.as_at or business_date(tx.now)
    movements = await _movements(tx, asked.account, asked.as_at)
    balance = sum(pence for _, pence in movements)
    past = await past_journals(tx, asked.account, as_at=asked.as_at)
    uncleared = uncleared_pence(past, as_at)
    held = await held_pence(tx, asked.account)
    people = await people_of(tx, row.tenancy)
    [label] = await labels_of(tx, [asked.account])
    beside = await _sub_accounts(tx, row)
    others = set(await accounts_of_people(tx, (one.person for one in people), but_not=asked.account)) - set(beside)
    page, count = await _entries(tx, asked)
    breathing = await _breathing_spaces(tx, asked.account)
    return AccountPage(
        label=label,
        version=row.version,
        tenancy=tenancy_facts(row),
        tenants=tuple(Tenant(person=one.person, name=one.name, joint=one.joint, until=one.until, died_on=one.died_on) for one in people),
        as_at=as_at,
        balance_pence=balance,
        cleared_credit_pence=cleared_credit_pence(balance, uncleared, held),
        uncleared_pence=uncleared,
        held_pence=held,
        in_arrears_since=in_arrears_since(movements),
        weekly_charges=tuple(
            WeeklyCharge(element=charge.element, amount_pence=charge.amount_pence)
            for charge in await charges_in_force(tx, asked.account, as_at)
        ),
        entries=tuple(shown(found) for found in page),
        entries_in_all=count,
        sub_accounts=tuple(await labels_of(tx, beside)),
        other_accounts=tuple(await labels_of(tx, others)),
        credit_holds=await _credit_holds(tx, asked.account),
        account_holds=await holds_in_force(tx, asked.account),
        holds_in_force=await _holds_as_set(tx, asked.account),
        breathing_space=bool(breathing),
        breathing_spaces=breathing,
        months=_months(movements, as_at),
        written_on_pence=written_on_pence(past),
        letter_addresses=(await letter_addresses(tx, [row.tenancy]))[row.tenancy],
        arrears_ages=tuple(
            ArrearsAge(from_days=start, to_days=end, amount_pence=pence) for start, end, pence in arrears_ages(past, balance, as_at)
        ),
    )


async def _movements(tx: Transaction, id_: UUID, as_at: date | None) -> list[tuple[date, int]]:
    moved = sa.cast(sa.func.sum(entry.c.amount_pence), sa.BigInteger)
    wanted = sa.select(journal.c.effective_date, moved.label("pence")).select_from(entry).join(journal, journal.c.id == entry.c.journal)
    if as_at is not None:
        wanted = wanted.where(journal.c.effective_date <= as_at)
    by_day = wanted.where(entry.c.account == id_).group_by(journal.c.effective_date).order_by(journal.c.effective_date)
    return [(row.effective_date, row.pence) for row in await tx.connection.execute(by_day)]


async def _entries(tx: Transaction, asked: AccountPageAsked) -> tuple[Sequence[Any], int]:
    found = entries(asked.account, asked.as_at)
    wanted = sa.select(found)
    if asked.since is not None:
        wanted = wanted.where(found.c.effective_date >= asked.since)
    if asked.kind is not None:
        wanted = wanted.where(found.c.kind == asked.kind)
    count = await tx.connection.scalar(sa.select(sa.func.count()).select_from(wanted.subquery()))
    page = await tx.connection.execute(wanted.order_by(*newest_first(found)).offset(asked.offset).limit(asked.limit))
    return page.all(), int(count or 0)


async def _sub_accounts(tx: Transaction, row: Any) -> list[UUID]:
    return list(await tx.connection.scalars(sa.select(account.c.id).where(account.c.tenancy == row.tenancy, account.c.id != row.id)))


async def _credit_holds(tx: Transaction, id_: UUID) -> tuple[CreditHold, ...]:
    pending = sa.select(credit_hold).where(credit_hold.c.account == id_, credit_hold.c.state == "PENDING").order_by(credit_hold.c.placed_at)
    return tuple(
        CreditHold(hold=row.id, case=row.case_id, amount_pence=row.amount_pence, placed_at=row.placed_at)
        for row in await tx.connection.execute(pending)
    )


async def _holds_as_set(tx: Transaction, id_: UUID) -> tuple[HoldInForce, ...]:
    """A Breathing Space is told apart: it is of the person, wherever it was recorded."""
    told_apart = account_hold.c.hold != AccountHold.BREATHING_SPACE
    wanted = sa.select(account_hold).where(account_hold.c.account == id_, account_hold.c.lifted_at.is_(None), told_apart, still_runs(tx))
    return tuple(
        HoldInForce(hold=AccountHold(row.hold), set_by=row.set_by, set_at=row.set_at, reason=row.reason, until=row.until)
        for row in await tx.connection.execute(wanted.order_by(account_hold.c.hold))
    )


async def _breathing_spaces(tx: Transaction, id_: UUID) -> tuple[BreathingSpace, ...]:
    found = await breathing_spaces(tx, [id_])
    return tuple(
        [await _breathing_space(tx, id_, row) for row in sorted(found, key=lambda row: (row.account != id_, row.first_day, row.id))]
    )


async def _breathing_space(tx: Transaction, id_: UUID, row: Any) -> BreathingSpace:
    kind = BreathingSpaceKind(row.kind)
    # The days of a standard one are those of when it was recorded; the end of a crisis is yet to be, by the figures of that day.
    policy = await breathing_space_policy(tx, business_date(row.set_at if kind is BreathingSpaceKind.STANDARD else tx.now))
    review_from, review_to = review_of(kind, row.first_day, policy) or (None, None)
    owed = sum(pence for _, pence in await _movements(tx, id_, row.first_day))
    return BreathingSpace(
        account=row.account,
        kind=kind,
        first_day=row.first_day,
        last_day=row.until,
        review_from=review_from,
        review_to=review_to,
        after_treatment_days=policy.after_treatment_days if kind is BreathingSpaceKind.MENTAL_HEALTH else None,
        owed_pence=max(0, owed),
        set_by=row.set_by,
        set_at=row.set_at,
        reason=row.reason,
    )


def _months(movements: Sequence[tuple[date, int]], as_at: date) -> tuple[MonthBalance, ...]:
    ends = month_ends(as_at, MONTHS_SHOWN)
    return tuple(MonthBalance(on=end, balance_pence=sum(pence for day, pence in movements if day <= end)) for end in ends)
