"""What the ledger knows about a credit, for refunds' checks (domain.md 4)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountHold,
    AccountKind,
    AccountStatus,
    CreditBehind,
    CreditSource,
    DebtOfSamePeople,
    PersonFacts,
    RefundFacts,
    RestDays,
    TenancyFacts,
)

from ledger.domain.breathing_space import BreathingSpacePolicy, Held, ran
from ledger.domain.credit import (
    PastJournal,
    cleared_credit_pence,
    credits_behind,
    limitation_unknown_pence,
    reversals_behind,
    statute_barred_pence,
    uncleared_pence,
)
from ledger.domain.dates import business_date
from ledger.domain.rules import NoSuchAccount
from ledger.domain.write_off import WRITTEN_ON
from ledger.queries.behind import behind_credit
from ledger.queries.owed import owed_by_account
from ledger.tables import (
    account,
    account_hold,
    credit_hold,
    entry,
    journal,
    ledger_policy,
    person,
    posting_code,
    reinstatement,
    suspense_clearing,
    tenancy,
    tenant,
    weekly_charge,
    written_off,
    written_off_charge,
)

WEEKLY_DEBIT = "DEB"


async def account_for_refund(tx: Transaction, asked: AccountForRefund) -> RefundFacts:
    """Errors: NoSuchAccount."""
    await one_snapshot(tx)
    today = business_date(tx.now)
    row = await tenant_account(tx, asked.account)
    past = await past_journals(tx, asked.account)
    behind = credits_behind(past, row.balance_pence)
    uncleared = uncleared_pence(past, today)
    held = await held_pence(tx, asked.account, but_not_by=asked.case)
    people = [one for one in await people_of(tx, row.tenancy) if answerable(one.until, row.ended_on)]
    theirs = {one.person for one in people}
    others = await accounts_of_people(tx, theirs, but_not=asked.account)
    return RefundFacts(
        account=row.id,
        version=row.version,
        kind=AccountKind(row.kind),
        status=AccountStatus(row.status),
        as_of=today,
        balance_pence=row.balance_pence,
        cleared_credit_pence=cleared_credit_pence(row.balance_pence, uncleared, held),
        uncleared_pence=uncleared,
        held_by_others_pence=held,
        weekly_charge_pence=sum(charge.amount_pence for charge in await charges_in_force(tx, asked.account, today)),
        charged_pence=sum(one.amount_pence for one in past if one.code == WEEKLY_DEBIT and not one.undone),
        pays_by_direct_debit=row.pays_by_direct_debit,
        written_on_pence=written_on_pence(past),
        written_off_pence=await _written_off_pence(tx, theirs),
        credits=tuple(_credit(past) for past in behind),
        tenancy=tenancy_facts(row),
        people=tuple(PersonFacts(person=one.person, died_on=one.died_on, insolvent=one.insolvent) for one in people),
        account_holds=await holds_in_force(tx, asked.account),
        debts=await _debts(tx, others, theirs, today),
        actors=await _actors(tx, row, behind, past, others),
        others=tuple(sorted(others)),
    )


async def available_credit(tx: Transaction, asked: AccountForRefund, balance_pence: int) -> int:
    """Cleared credit that no other case has earmarked. For whoever holds the account's lock and knows its balance."""
    return (await free_credit(tx, {asked.account: balance_pence}, but_not_by=asked.case))[asked.account]


async def free_credit(tx: Transaction, balances: Mapping[UUID, int], *, but_not_by: UUID | None = None) -> dict[UUID, int]:
    """Cleared credit that no case, or no other case than this, has earmarked, of locked accounts with these balances (pence)."""
    ids = list(balances)
    uncleared = await _uncleared_by_account(tx, ids)
    held = await held_by_account(tx, ids, but_not_by=but_not_by)
    return {id_: cleared_credit_pence(balance, uncleared.get(id_, 0), held.get(id_, 0)) for id_, balance in balances.items()}


async def _uncleared_by_account(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, int]:
    pence = sa.cast(-sa.func.sum(entry.c.amount_pence), sa.BigInteger)
    return {row.account: row.pence for row in await tx.connection.execute(_uncleared(tx, ids, pence.label("pence")))}


async def next_clearing_by_account(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, date]:
    """The first day on which something of these accounts clears, of those where something has yet to."""
    first = sa.func.min(journal.c.cleared_on)
    return {row.account: row.first for row in await tx.connection.execute(_uncleared(tx, ids, first.label("first")))}


def _uncleared(tx: Transaction, ids: Collection[UUID], wanted: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """What is wanted of the receipts that do not count yet, by account."""
    reversal = journal.alias("reversal")
    return (
        sa.select(entry.c.account, wanted)
        .join(journal, journal.c.id == entry.c.journal)
        .where(entry.c.account.in_(ids), entry.c.amount_pence < 0, journal.c.cleared_on > business_date(tx.now))
        .where(journal.c.reverses.is_(None), ~sa.exists().where(reversal.c.reverses == journal.c.id))
        .group_by(entry.c.account)
    )


async def one_snapshot(tx: Transaction) -> None:
    """Let every question of this transaction read the same state of the books. Before its first question."""
    await tx.connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


def tenant_accounts() -> sa.Select[Any]:
    """Tenants' accounts, each with its tenancy; not suspense, which is nobody's."""
    return (
        sa.select(
            account,
            tenancy.c.garage,
            tenancy.c.started_on,
            tenancy.c.ended_on,
            tenancy.c.keys_returned_on,
            tenancy.c.final_charges_posted,
            tenancy.c.recharge_inspected,
            tenancy.c.forwarding_address_known,
        )
        .select_from(account)
        .join(tenancy, tenancy.c.id == account.c.tenancy)
    )


async def tenant_account(tx: Transaction, id_: UUID) -> Any:
    """A tenant's account with its tenancy. Errors: NoSuchAccount."""
    row = (await tx.connection.execute(tenant_accounts().where(account.c.id == id_))).first()
    if row is None:
        raise NoSuchAccount("There is no such account.", field="account")
    return row


def tenancy_facts(row: Any) -> TenancyFacts:
    """The tenancy of a row of `tenant_accounts`."""
    return TenancyFacts(
        tenancy=row.tenancy,
        garage=row.garage,
        started_on=row.started_on,
        ended_on=row.ended_on,
        keys_returned_on=row.keys_returned_on,
        final_charges_posted=row.final_charges_posted,
        recharge_inspected=row.recharge_inspected,
        forwarding_address_known=row.forwarding_address_known,
    )


async def past_journals(tx: Transaction, id_: UUID, *, as_at: date | None = None) -> list[PastJournal]:
    """The account's journals, newest first, each with what it moved on this account; what was undone after `as_at` still stood then.

    Money that was moved from suspense is the receipt's: its method says whose money it was.
    """
    reversal, receipt = journal.alias("reversal"), journal.alias("receipt")
    undoing = reversal.c.reverses == journal.c.id
    if as_at is not None:
        undoing &= reversal.c.effective_date <= as_at
    code = sa.func.coalesce(receipt.c.code, journal.c.code)
    moved = (
        sa.select(entry.c.journal, sa.cast(sa.func.sum(entry.c.amount_pence), sa.BigInteger).label("amount_pence"))
        .where(entry.c.account == id_)
        .group_by(entry.c.journal)
        .subquery()
    )
    wanted = (
        sa.select(
            journal, moved.c.amount_pence, posting_code.c.source, reversal.c.id.label("reversed_by"), posting_code.c.code.label("method")
        )
        .select_from(journal)
        .join(moved, moved.c.journal == journal.c.id)
        .outerjoin(suspense_clearing, suspense_clearing.c.journal == journal.c.id)
        .outerjoin(receipt, receipt.c.id == suspense_clearing.c.item)
        .join(posting_code, posting_code.c.code == code)
        .outerjoin(reversal, undoing)
        .order_by(journal.c.posted_at.desc(), journal.c.seq.desc())
    )
    if as_at is not None:
        wanted = wanted.where(journal.c.effective_date <= as_at)
    return [
        PastJournal(
            row.id,
            row.method,
            row.source,
            row.amount_pence,
            row.effective_date,
            row.cleared_on,
            row.actor,
            row.payer,
            undone=row.reverses is not None or row.reversed_by is not None,
            reverses=row.reverses is not None,
        )
        for row in await tx.connection.execute(wanted)
    ]


async def held_pence(tx: Transaction, id_: UUID, *, but_not_by: UUID | None = None) -> int:
    """What is earmarked of the account's credit, by other cases than this one."""
    return (await held_by_account(tx, [id_], but_not_by=but_not_by)).get(id_, 0)


async def held_by_account(tx: Transaction, ids: Collection[UUID], *, but_not_by: UUID | None = None) -> dict[UUID, int]:
    """The same of many accounts; those of which nothing is earmarked are left out."""
    pence = sa.cast(sa.func.sum(credit_hold.c.amount_pence), sa.BigInteger).label("pence")
    wanted = sa.select(credit_hold.c.account, pence).where(credit_hold.c.account.in_(ids), credit_hold.c.state == "PENDING")
    if but_not_by is not None:
        wanted = wanted.where(credit_hold.c.case_id != but_not_by)
    return {row.account: row.pence for row in await tx.connection.execute(wanted.group_by(credit_hold.c.account))}


async def charges_in_force(tx: Transaction, id_: UUID, on: date) -> Sequence[Any]:
    """The weekly charges on a day, by element."""
    until = weekly_charge.c.in_force_until
    wanted = sa.select(weekly_charge).where(
        weekly_charge.c.account == id_, weekly_charge.c.in_force_from <= on, sa.or_(until.is_(None), until > on)
    )
    return (await tx.connection.execute(wanted.order_by(weekly_charge.c.element))).all()


async def holds_in_force(tx: Transaction, id_: UUID) -> tuple[AccountHold, ...]:
    """The holds on the debtor."""
    return tuple(sorted((await holds_by_account(tx, [id_]))[id_]))


async def holds_by_account(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, set[AccountHold]]:
    """The holds on the debtors of these accounts: not lifted, and their last day has not passed."""
    found: dict[UUID, set[AccountHold]] = defaultdict(set)
    wanted = sa.select(account_hold.c.account, account_hold.c.hold).where(
        account_hold.c.account.in_(ids), account_hold.c.lifted_at.is_(None)
    )
    for row in await tx.connection.execute(wanted.where(still_runs(tx))):
        found[row.account].add(AccountHold(row.hold))
    return found


def still_runs(tx: Transaction) -> sa.ColumnElement[bool]:
    """That the last day of a hold, where it has one, has not passed."""
    return sa.or_(account_hold.c.until.is_(None), account_hold.c.until >= business_date(tx.now))


async def in_breathing_space(tx: Transaction, ids: Collection[UUID]) -> set[UUID]:
    """Which of these accounts have a tenant in a Breathing Space, on this or on another account that they answer for."""
    return {row.covers for row in await breathing_spaces(tx, ids)}


async def breathing_spaces(tx: Transaction, ids: Collection[UUID]) -> Sequence[Any]:
    """The Breathing Spaces that run for a tenant of these accounts, each as it was recorded, with the account that it `covers`.

    It protects a person and not an account (domain.md 5.3): wherever it was recorded, it covers what they owe everywhere.
    """
    wanted = _breathing_spaces(ids).where(account_hold.c.lifted_at.is_(None), still_runs(tx))
    found: Sequence[Any] = (await tx.connection.execute(wanted)).all()
    return found


async def rests(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, tuple[RestDays, ...]]:
    """By account, when a tenant of it had a Breathing Space, wherever that was recorded. Those of before a first day was asked for began
    when they were recorded.
    """
    found: dict[UUID, list[Held]] = defaultdict(list)
    for row in await tx.connection.execute(_breathing_spaces(ids)):
        first_day = row.first_day or business_date(row.set_at)
        found[row.covers].append(Held(row.account, first_day, row.until, row.set_at, row.lifted_at))
    return {id_: tuple(RestDays(first_day=first, last_day=last) for first, last in ran(held)) for id_, held in found.items()}


def _breathing_spaces(ids: Collection[UUID]) -> sa.Select[tuple[Any, ...]]:
    """All that were ever recorded of a tenant of these accounts."""
    mine, theirs, asked = answerable_tenants("mine"), answerable_tenants("theirs"), account.alias("asked")
    return (
        sa.select(asked.c.id.label("covers"), account_hold)
        .distinct()
        .join(mine, mine.c.tenancy == asked.c.tenancy)
        .join(theirs, theirs.c.person == mine.c.person)
        .join(account, account.c.tenancy == theirs.c.tenancy)
        .join(account_hold, account_hold.c.account == account.c.id)
        .where(asked.c.id.in_(ids), account_hold.c.hold == AccountHold.BREATHING_SPACE)
    )


def answerable(until: date | None, ended_on: date | None) -> bool:
    """Whether somebody is a tenant, or was one to the tenancy's end; who left before has no part in its credit and debt now."""
    return until is None or (ended_on is not None and until >= ended_on)


async def people_of(tx: Transaction, tenancy_id: UUID) -> Sequence[Any]:
    """The people of a tenancy, those who left it before its end included."""
    wanted = (
        sa.select(tenant.c.person, tenant.c.joint, tenant.c.until, person.c.name, person.c.died_on, person.c.insolvent)
        .select_from(tenant)
        .join(person, person.c.id == tenant.c.person)
        .where(tenant.c.tenancy == tenancy_id)
        .order_by(tenant.c.joint, person.c.name)
    )
    return (await tx.connection.execute(wanted)).all()


async def accounts_of_people(tx: Transaction, people: Iterable[UUID], *, but_not: UUID) -> list[UUID]:
    """Every account of tenancies in which one of these people is or was a tenant."""
    theirs = sa.select(tenant.c.tenancy).where(tenant.c.person.in_(list(people)))
    return list(await tx.connection.scalars(sa.select(account.c.id).where(account.c.tenancy.in_(theirs), account.c.id != but_not)))


def written_on_pence(past: Iterable[PastJournal]) -> int:
    """What of the account's credit is at income. It is still paid when it is asked for."""
    return sum(one.amount_pence for one in past if one.code == WRITTEN_ON and not one.undone)


def may_come_back() -> sa.ColumnElement[int]:
    """Of a row of `written_off` the pence that may be put back (domain.md 5.3): not what an order had released when it was written off,
    unless a decision put some of it back since because that stands no longer, or it is of a charge that was undone: nobody paid the credit
    that this leaves.

    Of what was released then nobody knows how much fell due later where the charges were not kept.
    """
    took = sa.select(sa.func.sum(written_off_charge.c.amount_pence)).where(written_off_charge.c.write_off == written_off.c.journal)
    of_charge, undoing = journal.alias("of_charge"), journal.alias("undoing")
    charge_is_undone = sa.exists().where(undoing.c.reverses == written_off_charge.c.charge)
    released = took.join(of_charge, of_charge.c.id == written_off_charge.c.charge).where(
        of_charge.c.effective_date <= written_off.c.released_until, ~charge_is_undone
    )
    of_it = reinstatement.c.write_off == written_off.c.journal
    released_no_more = sa.exists().where(of_it, reinstatement.c.release_undone)
    # Without a decision that its release stands no longer, nothing else of a discharged debt has come back.
    of_the_undone = sa.func.coalesce(took.where(charge_is_undone).scalar_subquery(), 0) - written_off.c.reinstated_pence
    left: sa.ColumnElement[int] = written_off.c.amount_pence - written_off.c.reinstated_pence
    return sa.case(
        (released_no_more, left),
        (written_off.c.discharged, of_the_undone),
        (written_off.c.released_until.is_(None), left),
        (took.scalar_subquery().is_(None), 0),
        else_=left - sa.func.coalesce(released.scalar_subquery(), 0),
    )


async def _written_off_pence(tx: Transaction, people: Collection[UUID]) -> int:
    """What was written off of debts for which one of these people answers, and may still be put back (domain.md 5.3)."""
    answers = answerable_tenants("answers")
    theirs = sa.select(account.c.id).join(answers, answers.c.tenancy == account.c.tenancy).where(answers.c.person.in_(list(people)))
    left = sa.cast(sa.func.sum(may_come_back()), sa.BigInteger)
    return await tx.connection.scalar(sa.select(left).where(written_off.c.account.in_(theirs))) or 0


async def _actors(
    tx: Transaction, row: Any, behind: Sequence[PastJournal], past: Sequence[PastJournal], others: Collection[UUID]
) -> tuple[str, ...]:
    """Staff behind the credit: behind the newest credits, entries undone since, and credits written on that were put back."""
    rests_on = {one.journal for one in (*behind, *reversals_behind(past, row.balance_pence))}
    rests_on |= {one.journal for one in past if one.code == WRITTEN_ON}
    balances = sa.select(account.c.id, account.c.balance_pence).where(account.c.id.in_(others))
    linked = {other.id: other.balance_pence for other in await tx.connection.execute(balances)}
    return tuple(sorted(await behind_credit(tx, row.id, rests_on, linked)))


def _credit(past: PastJournal) -> CreditBehind:
    return CreditBehind(
        journal=past.journal,
        method=past.code,
        source=CreditSource(past.source) if past.source else CreditSource.ADJUSTMENT,
        amount_pence=-past.amount_pence,
        effective_date=past.effective_date,
        cleared_on=past.cleared_on or past.effective_date,
        payer=past.payer,
    )


async def _debts(tx: Transaction, theirs: Collection[UUID], people: set[UUID], today: date) -> tuple[DebtOfSamePeople, ...]:
    owing = sa.select(account, tenancy.c.ended_on).select_from(account).join(tenancy, tenancy.c.id == account.c.tenancy)
    wanted = owing.where(account.c.id.in_(theirs), account.c.balance_pence > 0).order_by(account.c.reference)
    found = (await tx.connection.execute(wanted)).all()
    owed_by = await _people_by_tenancy(tx, {row.tenancy for row in found})
    rows = [row for row in found if people & set(owed_by[row.tenancy])]
    ids = [row.id for row in rows]
    holds, breathing = await holds_by_account(tx, ids), await in_breathing_space(tx, ids)
    owed_of = await owed_by_account(tx, {row.id: row.balance_pence for row in rows})
    years = (await policy_in_force(tx, today)).statute_barred_after_years
    return tuple(
        DebtOfSamePeople(
            account=row.id,
            version=row.version,
            kind=AccountKind(row.kind),
            former=row.ended_on is not None and row.ended_on <= today,
            amount_pence=row.balance_pence,
            statute_barred_pence=statute_barred_pence(owed_of[row.id], AccountKind(row.kind), today, years),
            limitation_unknown_pence=limitation_unknown_pence(owed_of[row.id], AccountKind(row.kind), today, years),
            people=tuple(owed_by[row.tenancy]),
            disputed=AccountHold.DISPUTE in holds[row.id],
            breathing_space=row.id in breathing,
        )
        for row in rows
    )


def answerable_tenants(name: str) -> sa.Subquery:
    """Who answers for each tenancy now: `tenancy`, `person` and `joint`, as `answerable` says it."""
    answers = sa.or_(tenant.c.until.is_(None), tenant.c.until >= tenancy.c.ended_on)
    joined = sa.select(tenant.c.tenancy, tenant.c.person, tenant.c.joint).join(tenancy, tenancy.c.id == tenant.c.tenancy)
    return joined.where(answers).subquery(name)


async def _people_by_tenancy(tx: Transaction, tenancies: Collection[UUID]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = defaultdict(list)
    answers = answerable_tenants("answers")
    wanted = sa.select(answers).where(answers.c.tenancy.in_(tenancies)).order_by(answers.c.joint, answers.c.person)
    for row in await tx.connection.execute(wanted):
        found[row.tenancy].append(row.person)
    return found


async def policy_in_force(tx: Transaction, today: date) -> Any:
    """The ledger's policy of a day."""
    in_force = sa.select(ledger_policy).where(ledger_policy.c.in_force_from <= today)
    return (await tx.connection.execute(in_force.order_by(ledger_policy.c.in_force_from.desc()).limit(1))).one()


async def breathing_space_policy(tx: Transaction, today: date) -> BreathingSpacePolicy:
    """The figures of a day."""
    row = await policy_in_force(tx, today)
    return BreathingSpacePolicy(
        most_days=row.breathing_space_most_days,
        once_in_months=row.breathing_space_once_in_months,
        after_treatment_days=row.breathing_space_after_treatment_days,
        review_from_day=row.breathing_space_review_from_day,
        review_to_day=row.breathing_space_review_to_day,
    )
