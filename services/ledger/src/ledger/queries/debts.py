"""What the ledger knows about debts, for write-offs: many accounts at once, in a number of questions that does not grow with them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import (
    AccountHold,
    AccountKind,
    AccountStatus,
    ActorsAsked,
    ActorsFound,
    BenefitClaim,
    ChargeOwed,
    CreditSource,
    DebtFacts,
    DebtsAsked,
    DebtsRead,
    FindDebts,
    FoundDebt,
    FoundDebts,
    GoneLately,
    LetterAddress,
    LinkedAccount,
    PastWriteOff,
    PaymentPlan,
    PersonFacts,
    PlanRhythm,
    PutBack,
    RestDays,
    StandingCredit,
)

from ledger.domain.credit import Moved, credit_stood
from ledger.domain.dates import business_date
from ledger.domain.debt import (
    Debit,
    Letting,
    WrittenOff,
    WrittenOn,
    credits_total_pence,
    debtor_total_pence,
    is_recent,
    total_to_put_back_pence,
    vat_within,
)
from ledger.domain.instalments import instalments_due, is_kept
from ledger.domain.write_off import WRITTEN_ON, blocks_of_credit
from ledger.queries.behind import balances_at, behind_debts
from ledger.queries.letter_addresses import letter_addresses
from ledger.queries.owed import owed_by_account
from ledger.queries.refund_facts import (
    answerable_tenants,
    held_by_account,
    holds_by_account,
    in_breathing_space,
    one_snapshot,
    policy_in_force,
    rests,
)
from ledger.tables import (
    account,
    credit_asked,
    entry,
    heard_request,
    housing_benefit_claim,
    journal,
    payment_plan,
    person,
    posting_code,
    suspense_clearing,
    tenancy,
    tenant,
    written_off,
)


async def debts_for_write_off(tx: Transaction, asked: DebtsAsked) -> DebtsRead:
    """In the order asked; unknown accounts are left out."""
    await one_snapshot(tx)
    found = await debt_facts(tx, asked.accounts)
    return DebtsRead(debts=tuple(found[id_] for id_ in asked.accounts if id_ in found))


async def debt_facts(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, DebtFacts]:
    """The facts of tenants' accounts. In one snapshot, or under the locks of these accounts and of those linked with them."""
    today = business_date(tx.now)
    rows = (await tx.connection.execute(_ACCOUNT.where(account.c.id.in_(ids)))).all()
    known = [row.id for row in rows]
    in_credit = [row.id for row in rows if row.balance_pence < 0]
    linked = await linked_accounts(tx, known)
    beside = {other.account for others in linked.values() for other in others}
    behind = _Behind(
        policy=await policy_in_force(tx, today),
        owed=await owed_by_account(tx, {row.id: row.balance_pence for row in rows}),
        written_off=await _left_of_charges(tx, known),
        put_back=await _put_back(tx, known),
        people=await _people(tx, {row.tenancy for row in rows}),
        linked=linked,
        holds=await _holds(tx, known),
        rests=await rests(tx, known),
        claims=await _claims(tx, known),
        plans=await _plans(tx, {*known, *beside}, today),
        credit_stood=await _credit_stood(tx, in_credit),
        asked_for=await _asked_for(tx, in_credit),
        held=await held_by_account(tx, in_credit),
        addresses=await letter_addresses(tx, {row.tenancy for row in rows}),
        dwellings=await _dwellings(tx, [row.id for row in rows if _is_garage(row)]),
    )
    write_offs = await _write_offs(tx, {*known, *beside})
    written_on = await _written_on(tx, {*known, *beside})
    paid_on = await _paid_on(tx, {*known, *beside})
    asked_on = await _asked_on(tx, {*known, *beside})
    return {row.id: _facts(row, behind, write_offs, written_on, paid_on, asked_on, today) for row in rows}


async def _holds(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, set[AccountHold]]:
    """What holds each debt back; a Breathing Space also where it was recorded on another account of the same people."""
    found, breathing = await holds_by_account(tx, ids), await in_breathing_space(tx, ids)
    return {id_: found[id_] | ({AccountHold.BREATHING_SPACE} if id_ in breathing else set()) for id_ in ids}


@dataclass(frozen=True)
class _Behind:
    """What is known of the accounts asked for, by account; people and addresses by tenancy, what was written off or put back by journal."""

    policy: Any
    owed: Mapping[UUID, tuple[Debit, ...]]
    written_off: Mapping[UUID, list[Debit]]
    put_back: Mapping[UUID, Mapping[UUID, list[Debit]]]
    people: Mapping[UUID, list[PersonFacts]]
    linked: Mapping[UUID, list[LinkedAccount]]
    holds: Mapping[UUID, set[AccountHold]]
    rests: Mapping[UUID, tuple[RestDays, ...]]
    claims: Mapping[UUID, list[BenefitClaim]]
    plans: Mapping[UUID, PaymentPlan]
    credit_stood: Mapping[UUID, tuple[StandingCredit, ...]]
    asked_for: Collection[UUID]
    held: Collection[UUID]
    addresses: Mapping[UUID, tuple[LetterAddress, ...]]
    dwellings: Mapping[UUID, list[Letting]]


def _facts(
    row: Any,
    behind: _Behind,
    write_offs: Mapping[UUID, list[PastWriteOff]],
    written_on: Mapping[UUID, list[WrittenOn]],
    paid_on: Mapping[UUID, date],
    asked_on: Mapping[UUID, date],
    today: date,
) -> DebtFacts:
    linked = behind.linked[row.id]
    accounts = (row.id, *(other.account for other in linked))
    balances = (row.balance_pence, *(other.balance_pence for other in linked))
    theirs = {past.journal: _written_off(past) for id_ in accounts for past in write_offs[id_]}
    months = behind.policy.debtor_total_months
    counted = (tuple(theirs.values()), today, months)
    return DebtFacts(
        account=row.id,
        version=row.version,
        kind=AccountKind(row.kind),
        status=AccountStatus(row.status),
        as_of=today,
        balance_pence=row.balance_pence,
        ended_on=row.ended_on,
        paid_on=max((paid_on[id_] for id_ in accounts if id_ in paid_on), default=None),
        asked_on=max((asked_on[id_] for id_ in accounts if id_ in asked_on), default=None),
        credit_stood=behind.credit_stood.get(row.id, ()),
        credit_blocked=blocks_of_credit(
            owed_elsewhere=any(other.balance_pence > 0 for other in linked),
            asked_for=row.id in behind.asked_for,
            held=row.id in behind.held,
        )
        if row.balance_pence < 0
        else (),
        credits_total_pence=credits_total_pence(balances, (each for id_ in accounts for each in written_on[id_]), today, months),
        charges=tuple(_charge(row, debit, behind) for debit in behind.owed[row.id]),
        people=tuple(behind.people[row.tenancy]),
        account_holds=tuple(sorted(behind.holds[row.id])),
        rests=behind.rests.get(row.id, ()),
        housing_benefit_unresolved=any(claim.decided_at is None for claim in behind.claims[row.id]),
        claims=tuple(behind.claims[row.id]),
        plan=behind.plans.get(row.id),
        plan_elsewhere=next((plan for other in linked if (plan := behind.plans.get(other.account)) is not None and plan.kept), None),
        linked=tuple(linked),
        write_offs=tuple(
            past.model_copy(
                update={
                    "debtor_total_pence": total_to_put_back_pence(balances, theirs[past.journal], *counted),
                    "charges": tuple(_charge(row, debit, behind) for debit in behind.written_off[past.journal]),
                    "put_back": tuple(
                        PutBack(journal=put, charges=tuple(_charge(row, debit, behind) for debit in given))
                        for put, given in behind.put_back[past.journal].items()
                    ),
                }
            )
            for past in write_offs[row.id]
        ),
        debtor_total_pence=debtor_total_pence(balances, *counted),
        written_off_lately=_lately({id_: map(_written_off, write_offs[id_]) for id_ in accounts}, today, months),
        to_income_lately=_lately({id_: written_on[id_] for id_ in accounts}, today, months),
        reachable=tuple(one.addressee for one in behind.addresses[row.tenancy] if one.address is not None),
    )


def _written_off(past: PastWriteOff) -> WrittenOff:
    return WrittenOff(past.on, past.amount_pence, past.reinstated_pence, past.debtor_total_pence)


def _lately(gone: Mapping[UUID, Iterable[WrittenOff | WrittenOn]], today: date, months: int) -> tuple[GoneLately, ...]:
    """What of these accounts' counts still beside their balances, the latest first."""
    counts = [
        GoneLately(account=account, on=each.on, pence=each.left_pence)
        for account, of_account in gone.items()
        for each in of_account
        if each.left_pence and is_recent(each.on, today, months)
    ]
    return tuple(sorted(counts, key=lambda one: one.on, reverse=True))


def _charge(row: Any, debit: Debit, behind: _Behind) -> ChargeOwed:
    def vat(of: Debit) -> int:
        return vat_within(of, behind.policy.vat_percent, behind.dwellings[row.id]) if _is_garage(row) else 0

    return ChargeOwed(
        journal=debit.journal,
        element=debit.element,
        due_on=debit.due_on,
        owed_pence=debit.pence,
        vat_pence=vat(debit),
        undone=debit.undone,
        of_pence=debit.of_pence if debit.before_pence else None,
        of_vat_pence=vat(debit.whole) if debit.before_pence else 0,
    )


def _is_garage(row: Any) -> bool:
    return bool(row.kind == AccountKind.GARAGE)


_ACCOUNT = sa.select(account, tenancy.c.ended_on).select_from(account).join(tenancy, tenancy.c.id == account.c.tenancy)


async def linked_accounts(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, list[LinkedAccount]]:
    """For each account, the others for which one of the same people answers, by reference."""
    mine, theirs, asked = answerable_tenants("mine"), answerable_tenants("theirs"), account.alias("asked")
    wanted = (
        sa.select(
            asked.c.id.label("beside"), account.c.id, account.c.kind, account.c.balance_pence, account.c.reference, tenancy.c.ended_on
        )
        .distinct()
        .select_from(asked)
        .join(mine, mine.c.tenancy == asked.c.tenancy)
        .join(theirs, theirs.c.person == mine.c.person)
        .join(account, sa.and_(account.c.tenancy == theirs.c.tenancy, account.c.id != asked.c.id))
        .join(tenancy, tenancy.c.id == account.c.tenancy)
        .where(asked.c.id.in_(ids))
        .order_by(account.c.reference)
    )
    today = business_date(tx.now)
    found: dict[UUID, list[LinkedAccount]] = defaultdict(list)
    for row in await tx.connection.execute(wanted):
        former = row.ended_on is not None and row.ended_on <= today
        found[row.beside].append(LinkedAccount(account=row.id, kind=AccountKind(row.kind), former=former, balance_pence=row.balance_pence))
    return found


async def _people(tx: Transaction, tenancies: Collection[UUID]) -> dict[UUID, list[PersonFacts]]:
    answers = answerable_tenants("answers")
    wanted = (
        sa.select(answers.c.tenancy, person.c.id, person.c.died_on, person.c.insolvent)
        .select_from(answers)
        .join(person, person.c.id == answers.c.person)
        .where(answers.c.tenancy.in_(tenancies))
        .order_by(answers.c.joint, person.c.id)
    )
    found: dict[UUID, list[PersonFacts]] = defaultdict(list)
    for row in await tx.connection.execute(wanted):
        found[row.tenancy].append(PersonFacts(person=row.id, died_on=row.died_on, insolvent=row.insolvent))
    return found


async def _claims(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, list[BenefitClaim]]:
    wanted = sa.select(housing_benefit_claim).where(housing_benefit_claim.c.account.in_(ids)).order_by(housing_benefit_claim.c.id)
    found: dict[UUID, list[BenefitClaim]] = defaultdict(list)
    for row in await tx.connection.execute(wanted):
        claim = BenefitClaim(
            since=row.since,
            reason=row.reason,
            noted_by=row.noted_by,
            noted_at=row.noted_at,
            decided_on=row.decided_on,
            decided_because=row.decided_because,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        found[row.account].append(claim)
    return found


async def _plans(tx: Transaction, ids: Collection[UUID], today: date) -> dict[UUID, PaymentPlan]:
    """The plans in force, each with whether receipts since it was agreed keep it. A receipt that was taken back does not count."""
    paid = (
        sa.select(sa.func.coalesce(-sa.func.sum(entry.c.amount_pence), 0))
        .select_from(entry)
        .join(journal, journal.c.id == entry.c.journal)
        .join(posting_code, posting_code.c.code == journal.c.code)
        .where(entry.c.account == payment_plan.c.account, posting_code.c.part == "receipts")
        .where(_counts_from(payment_plan.c.agreed_on))
        .correlate(payment_plan)
        .scalar_subquery()
    )
    in_force = sa.select(payment_plan, sa.cast(paid, sa.BigInteger).label("paid_pence")).where(payment_plan.c.ended_at.is_(None))
    return {row.account: _plan(row, today) for row in await tx.connection.execute(in_force.where(payment_plan.c.account.in_(ids)))}


def _counts_from(day: sa.ColumnElement[date]) -> sa.ColumnElement[bool]:
    """A receipt counts by its own effective date, and so does what takes it back, whenever that happens."""
    taken_back = journal.alias("taken_back")
    of_original = sa.select(taken_back.c.effective_date).where(taken_back.c.id == journal.c.reverses).scalar_subquery()
    return sa.func.coalesce(of_original, journal.c.effective_date) >= day


def _plan(row: Any, today: date) -> PaymentPlan:
    rhythm = PlanRhythm(row.rhythm)
    due = instalments_due(row.first_due_on, rhythm, today)
    return PaymentPlan(
        plan=row.id,
        agreed_on=row.agreed_on,
        instalment_pence=row.instalment_pence,
        rhythm=rhythm,
        first_due_on=row.first_due_on,
        kept=is_kept(row.paid_pence, row.instalment_pence, due),
        noted_by=row.noted_by,
        noted_at=row.noted_at,
    )


async def _paid_on(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, date]:
    """By account, the last effective day on which the tenant paid. What was taken back was no payment; of what lay in suspense the
    receipt says whose money it was.
    """
    undoing, receipt = journal.alias("undoing"), journal.alias("receipt")
    wanted = (
        sa.select(entry.c.account, sa.func.max(journal.c.effective_date).label("day"))
        .select_from(entry)
        .join(journal, journal.c.id == entry.c.journal)
        .outerjoin(suspense_clearing, suspense_clearing.c.journal == journal.c.id)
        .outerjoin(receipt, receipt.c.id == suspense_clearing.c.item)
        .join(posting_code, posting_code.c.code == sa.func.coalesce(receipt.c.code, journal.c.code))
        .where(entry.c.account.in_(ids), entry.c.amount_pence < 0, journal.c.reverses.is_(None))
        .where(posting_code.c.part == "receipts", posting_code.c.source == CreditSource.TENANT.value)
        .where(~sa.exists().where(undoing.c.reverses == journal.c.id))
        .group_by(entry.c.account)
    )
    return {row.account: row.day for row in await tx.connection.execute(wanted)}


async def _asked_on(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, date]:
    """By account, the last day on which somebody agreed a plan, broken or ended since, or was heard to ask for its credit."""
    agreed = sa.select(payment_plan.c.account, payment_plan.c.agreed_on.label("on"))
    heard = sa.select(heard_request.c.account, sa.cast(sa.func.timezone("Europe/London", heard_request.c.heard_at), sa.Date))
    days = agreed.where(payment_plan.c.account.in_(ids)).union_all(heard.where(heard_request.c.account.in_(ids))).subquery()
    rows = await tx.connection.execute(sa.select(days.c.account, sa.func.max(days.c.on).label("day")).group_by(days.c.account))
    return {row.account: row.day for row in rows}


async def _credit_stood(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, tuple[StandingCredit, ...]]:
    """The credit of each account by the day since which it has stood."""
    to_income = sa.and_(journal.c.code == WRITTEN_ON, journal.c.reverses.is_(None))
    moved = sa.func.coalesce(sa.func.sum(entry.c.amount_pence).filter(~to_income), 0)
    written_on = sa.func.coalesce(sa.func.sum(entry.c.amount_pence).filter(to_income), 0)
    wanted = sa.select(
        entry.c.account,
        journal.c.effective_date,
        sa.cast(moved, sa.BigInteger).label("pence"),
        sa.cast(written_on, sa.BigInteger).label("written_on_pence"),
    )
    of_these = wanted.join(journal, journal.c.id == entry.c.journal).where(entry.c.account.in_(ids))
    by_day = of_these.group_by(entry.c.account, journal.c.effective_date).order_by(entry.c.account, journal.c.effective_date)
    movements: dict[UUID, list[Moved]] = defaultdict(list)
    for row in await tx.connection.execute(by_day):
        movements[row.account].append(Moved(row.effective_date, row.pence, row.written_on_pence))
    return {id_: tuple(StandingCredit(since=since, pence=pence) for since, pence in credit_stood(days)) for id_, days in movements.items()}


async def _written_on(tx: Transaction, ids: Iterable[UUID]) -> dict[UUID, list[WrittenOn]]:
    """Credit of each account that is at income."""
    reversal = journal.alias("reversal")
    wanted = (
        sa.select(entry.c.account, entry.c.amount_pence, journal.c.effective_date)
        .join(journal, journal.c.id == entry.c.journal)
        .where(entry.c.account.in_(list(ids)), journal.c.code == WRITTEN_ON, journal.c.reverses.is_(None))
        .where(~sa.exists().where(reversal.c.reverses == journal.c.id))
    )
    found: dict[UUID, list[WrittenOn]] = defaultdict(list)
    for row in await tx.connection.execute(wanted):
        found[row.account].append(WrittenOn(row.effective_date, row.amount_pence))
    return found


async def _asked_for(tx: Transaction, ids: Collection[UUID]) -> set[UUID]:
    """Whose credit an open case asks for, as refunds has told: the latest word on a case counts."""
    word, later = credit_asked.alias("word"), credit_asked.alias("later")
    overtaken = sa.exists().where(later.c.case_id == word.c.case_id, later.c.id > word.c.id)
    return set(await tx.connection.scalars(sa.select(word.c.account).where(word.c.account.in_(ids), word.c.asked, ~overtaken)))


async def _dwellings(tx: Transaction, garages: Collection[UUID]) -> dict[UUID, list[Letting]]:
    """For each garage, the spans in which one of its tenants is or was a tenant of a dwelling."""
    mine, of_dwelling, dwelling = answerable_tenants("mine"), tenant.alias("of_dwelling"), tenancy.alias("dwelling")
    ended = sa.func.least(dwelling.c.ended_on, of_dwelling.c.until)
    wanted = (
        sa.select(account.c.id, dwelling.c.started_on, ended.label("ended_on"))
        .select_from(account)
        .join(mine, mine.c.tenancy == account.c.tenancy)
        .join(of_dwelling, of_dwelling.c.person == mine.c.person)
        .join(dwelling, sa.and_(dwelling.c.id == of_dwelling.c.tenancy, ~dwelling.c.garage))
        .where(account.c.id.in_(garages))
    )
    found: dict[UUID, list[Letting]] = defaultdict(list)
    for row in await tx.connection.execute(wanted):
        found[row.id].append(Letting(row.started_on, row.ended_on))
    return found


async def _write_offs(tx: Transaction, ids: Iterable[UUID]) -> dict[UUID, list[PastWriteOff]]:
    wanted = sa.select(written_off, journal.c.effective_date).select_from(written_off).join(journal, journal.c.id == written_off.c.journal)
    found: dict[UUID, list[PastWriteOff]] = defaultdict(list)
    for row in await tx.connection.execute(wanted.where(written_off.c.account.in_(list(ids))).order_by(journal.c.seq)):
        past = PastWriteOff(
            journal=row.journal,
            line=row.line,
            on=row.effective_date,
            amount_pence=row.amount_pence,
            reinstated_pence=row.reinstated_pence,
            discharged=row.discharged,
            debtor_total_pence=row.debtor_total_pence or 0,
            released_until=row.released_until,
        )
        found[row.account].append(past)
    return found


_LEFT_OF_CHARGES = sa.text("""
SELECT part.write_off, part.charge, part.element, journal.effective_date,
  EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = journal.id) AS undone,
  part.amount_pence AS of_pence, CAST(coalesce(back.pence, 0) AS bigint) AS before_pence
FROM written_off AS off JOIN written_off_charge AS part ON part.write_off = off.journal JOIN journal ON journal.id = part.charge
LEFT JOIN (
  SELECT put.write_off, given.charge, given.element, sum(given.amount_pence) AS pence
  FROM written_off AS off JOIN reinstatement AS put ON put.write_off = off.journal
  JOIN reinstated_charge AS given ON given.reinstatement = put.journal
  WHERE off.account = ANY (CAST(:ids AS uuid[])) GROUP BY put.write_off, given.charge, given.element
) AS back ON back.write_off = part.write_off AND back.charge = part.charge AND back.element = part.element
WHERE off.account = ANY (CAST(:ids AS uuid[])) AND part.amount_pence > coalesce(back.pence, 0)
ORDER BY undone DESC, journal.effective_date, journal.seq, part.element
""")


async def _left_of_charges(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, list[Debit]]:
    """For each write-off of these accounts, what is not put back of each charge that it wrote off, what was undone since before the rest.

    Each the oldest first. Nobody paid the credit that an undone charge leaves: what comes back by it is that charge, and no other.
    """
    found: dict[UUID, list[Debit]] = defaultdict(list)
    for row in await tx.connection.execute(_LEFT_OF_CHARGES, {"ids": list(ids)}):
        left = row.of_pence - row.before_pence
        debit = Debit(row.charge, row.element, row.effective_date, left, row.undone, row.of_pence, row.before_pence)
        found[row.write_off].append(debit)
    return found


_PUT_BACK = sa.text("""
SELECT put.write_off, put.journal, given.charge, given.element, journal.effective_date, given.amount_pence, part.amount_pence AS of_pence,
  CAST(sum(given.amount_pence) OVER (PARTITION BY put.write_off, given.charge, given.element ORDER BY back.seq) AS bigint)
    - given.amount_pence AS before_pence
FROM written_off AS off JOIN reinstatement AS put ON put.write_off = off.journal JOIN journal AS back ON back.id = put.journal
JOIN reinstated_charge AS given ON given.reinstatement = put.journal JOIN journal ON journal.id = given.charge
JOIN written_off_charge AS part ON (part.write_off, part.charge, part.element) = (put.write_off, given.charge, given.element)
WHERE off.account = ANY (CAST(:ids AS uuid[]))
ORDER BY journal.effective_date, journal.seq, given.element
""")


async def _put_back(tx: Transaction, ids: Collection[UUID]) -> Mapping[UUID, Mapping[UUID, list[Debit]]]:
    """For each write-off of these accounts, by reinstatement, what that gave back to each charge, the oldest first."""
    found: dict[UUID, dict[UUID, list[Debit]]] = defaultdict(lambda: defaultdict(list))
    for row in await tx.connection.execute(_PUT_BACK, {"ids": list(ids)}):
        told = (row.charge, row.element, row.effective_date, row.amount_pence)
        found[row.write_off][row.journal].append(Debit(*told, of_pence=row.of_pence, before_pence=row.before_pence))
    return found


# --- which debts, and who moved them -----------------------------------------------------------------------------------------------


async def find_debts(tx: Transaction, asked: FindDebts) -> FoundDebts:
    """Debts of former tenants by age and amount, the oldest end first."""
    wanted = _ACCOUNT.where(account.c.balance_pence >= asked.from_pence, tenancy.c.ended_on <= asked.ended_on_or_before)
    if asked.to_pence is not None:
        wanted = wanted.where(account.c.balance_pence <= asked.to_pence)
    if asked.deceased is not None:
        answers = answerable_tenants("answers")
        of_account = (
            sa.select(person.c.died_on).join(answers, answers.c.person == person.c.id).where(answers.c.tenancy == account.c.tenancy)
        )
        all_dead = sa.and_(sa.exists(of_account), ~sa.exists(of_account.where(person.c.died_on.is_(None))))
        wanted = wanted.where(all_dead if asked.deceased else ~all_dead)
    ordered = wanted.order_by(tenancy.c.ended_on, account.c.reference).limit(asked.limit + 1)
    rows = (await tx.connection.execute(ordered)).all()
    debts = tuple(FoundDebt(account=row.id, owed_pence=row.balance_pence, ended_on=row.ended_on) for row in rows[: asked.limit])
    return FoundDebts(debts=debts, more=len(rows) > asked.limit)


async def actors_behind(tx: Transaction, asked: ActorsAsked) -> ActorsFound:
    """Staff who changed what a decision on these accounts rests on, on them or on another account of the same people."""
    await one_snapshot(tx)
    rows = (await tx.connection.execute(_ACCOUNT.where(account.c.id.in_(asked.accounts)))).all()
    own = {row.id: row.balance_pence for row in rows}
    found = await linked_accounts(tx, list(own))
    linked = {other.account: other.balance_pence for others in found.values() for other in others}
    return ActorsFound(actors=tuple(sorted(await behind_debts(tx, own, linked))))


async def behind_at(tx: Transaction, ids: Collection[UUID], moment: datetime) -> frozenset[str]:
    """The same as at a moment: by what somebody did since, they decided nothing of their own then. Under the locks of these accounts."""
    linked = {other.account for others in (await linked_accounts(tx, ids)).values() for other in others}
    balances = await balances_at(tx, {*ids, *linked}, moment)
    own, beside = ({id_: balances[id_] for id_ in some} for some in (ids, linked))
    return await behind_debts(tx, own, beside, until=moment)
