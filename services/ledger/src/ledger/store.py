"""What the ledger writes, and what it reads under a lock in order to write."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.approvals import DecisionMade, PaymentRunReleased, WriteOffDecided
from rentbook_contracts.ledger import (
    AccountFact,
    AccountHold,
    AccountKind,
    AccountStatus,
    AgreePaymentPlan,
    BreathingSpaceKind,
    DroppedBecause,
    NoteDeath,
    NoteLetterAddress,
    ProvisionPolicy,
    ProvisionReport,
    RefundPlan,
    WriteOffLine,
)
from rentbook_contracts.message import Fact
from rentbook_contracts.policy import CheckPolicy
from rentbook_contracts.refunds import RefundRequested, RefundReturned
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert

from ledger import tables
from ledger.domain.bank_file import ReadingTerms
from ledger.domain.breathing_space import Recorded
from ledger.domain.clearing import ClearingRule
from ledger.domain.exported_again import Mark, Record
from ledger.domain.faults import Fault
from ledger.domain.posting import Leg, Posting
from ledger.domain.receipt import EntryKey, MethodRule, MethodRules
from ledger.domain.references import scheme_of
from ledger.domain.statement import OwnAccount
from ledger.domain.suspense import Marks
from ledger.domain.write_off import WRITTEN_ON

_CONTROL = ("CONTROL", "SUSPENSE")

ROWS_AT_ONCE = 500
"""How many rows are made and written before others have their turn: a file of 60,000 lines is long work for one event loop."""

T = TypeVar("T")


def _slices(rows: Iterable[T]) -> Iterator[list[T]]:
    """The rows, some at a time; those of an iterator are made as they are asked for."""
    left = iter(rows)
    while part := list(islice(left, ROWS_AT_ONCE)):
        yield part


# --- accounts under lock -----------------------------------------------------------------------------------------------------------


@dataclass
class LockedAccount:
    """A tenant's account whose row this transaction holds. Balance and version run along with what is told of it."""

    id: UUID
    reference: str
    kind: AccountKind
    status: AccountStatus
    tenancy: UUID
    balance_pence: int
    version: int


async def lock_accounts(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, LockedAccount]:
    """Lock tenants' accounts in the order of their ids, so that no two transactions wait in a ring. Unknown ids are left out."""
    account = tables.account
    wanted = (
        sa.select(
            account.c.id,
            account.c.reference,
            account.c.kind,
            account.c.status,
            account.c.tenancy,
            account.c.balance_pence,
            account.c.version,
        )
        .where(account.c.id.in_(ids), account.c.kind.not_in(_CONTROL))
        .order_by(account.c.id)
        .with_for_update(key_share=True)
    )
    rows = (await tx.connection.execute(wanted)).all()
    return {
        row.id: LockedAccount(
            row.id, row.reference, AccountKind(row.kind), AccountStatus(row.status), row.tenancy, row.balance_pence, row.version
        )
        for row in rows
    }


async def lock_all_accounts(tx: Transaction) -> None:
    """All tenants' accounts, in the order of their ids."""
    account = tables.account
    wanted = sa.select(account.c.id).where(account.c.tenancy.is_not(None)).order_by(account.c.id)
    await tx.connection.execute(wanted.with_for_update(key_share=True))


async def tell(tx: Transaction, facts: Iterable[tuple[LockedAccount, AccountFact]]) -> None:
    """Publish facts of locked accounts in this order, each with the account's next version, and keep the versions."""
    moved: dict[UUID, int] = {}
    for part in _slices(facts):
        versioned: list[tuple[Fact, int]] = []
        for account, fact in part:
            account.version += 1
            moved[account.id] = account.version
            versioned.append((fact, account.version))
        await tx.publish_all(versioned)
    await keep_versions(tx, moved)


async def keep_versions(tx: Transaction, versions: dict[UUID, int]) -> None:
    """Write the versions of locked accounts."""
    if versions:
        statement = sa.text(
            "UPDATE account SET version = told.version "
            "FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS bigint[])) AS told (id, version) "
            "WHERE account.id = told.id"
        )
        await tx.connection.execute(statement, {"ids": list(versions), "versions": list(versions.values())})


async def serialise(tx: Transaction, what: str) -> None:
    """Wait until no other transaction holds this name, and hold it until the end of this one."""
    await tx.connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))"), {"what": what})


# --- journals ----------------------------------------------------------------------------------------------------------------------

_POST = sa.text("""
WITH given AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:codes AS text[]), CAST(:effective AS date[]), CAST(:posted AS timestamptz[]), CAST(:weeks AS date[]),
    CAST(:cleared AS date[]), CAST(:reverses AS uuid[]), CAST(:cases AS uuid[]), CAST(:decisions AS uuid[]), CAST(:actors AS text[]),
    CAST(:narratives AS text[]), CAST(:payers AS text[]), CAST(:keys AS text[]), CAST(:hashes AS bytea[])
  ) WITH ORDINALITY AS given (id, code, effective_date, posted_at, rent_week, cleared_on, reverses, case_id, decision_id, actor, narrative,
    payer, key, request_hash, place)
), written AS (
  INSERT INTO journal (id, code, effective_date, posted_at, rent_week, cleared_on, reverses, case_id, decision_id, actor, narrative, payer)
  SELECT id, code, effective_date, posted_at, rent_week, cleared_on, reverses, case_id, decision_id, actor, narrative, payer
  FROM given ORDER BY place
), posted AS (
  INSERT INTO entry (journal, line, account, element, amount_pence)
  SELECT * FROM unnest(
    CAST(:leg_journals AS uuid[]), CAST(:leg_lines AS smallint[]), CAST(:leg_accounts AS uuid[]), CAST(:leg_elements AS text[]),
    CAST(:leg_amounts AS bigint[]))
)
INSERT INTO accepted_posting (key, request_hash, journal) SELECT key, request_hash, id FROM given
""")
# One statement: the triggers that keep double entry judge what a statement wrote.


async def post(tx: Transaction, postings: Iterable[Posting]) -> None:
    """Write journals with their entries, in this order, and take their keys. The database adds the entries to the balances.

    Errors: IntegrityError where a key was used already, or a journal does not add up to zero.
    """
    for part in _slices(postings):
        await _post(tx, part)


async def _post(tx: Transaction, postings: Sequence[Posting]) -> None:
    legs = [(posting.id, line, leg) for posting in postings for line, leg in enumerate(posting.legs, start=1)]
    await tx.connection.execute(
        _POST,
        {
            "ids": [posting.id for posting in postings],
            "codes": [posting.code for posting in postings],
            "effective": [posting.effective_date for posting in postings],
            "posted": [posting.posted_at or tx.now for posting in postings],
            "weeks": [posting.rent_week for posting in postings],
            "cleared": [posting.cleared_on for posting in postings],
            "reverses": [posting.reverses for posting in postings],
            "cases": [posting.case for posting in postings],
            "decisions": [posting.decision for posting in postings],
            "actors": [posting.actor for posting in postings],
            "narratives": [posting.narrative for posting in postings],
            "payers": [posting.payer for posting in postings],
            "keys": [posting.key for posting in postings],
            "hashes": [posting.request_hash for posting in postings],
            "leg_journals": [journal for journal, _, _ in legs],
            "leg_lines": [line for _, line, _ in legs],
            "leg_accounts": [leg.account for _, _, leg in legs],
            "leg_elements": [leg.element for _, _, leg in legs],
            "leg_amounts": [leg.amount_pence for _, _, leg in legs],
        },
    )


async def posted_under(tx: Transaction, keys: Collection[str]) -> dict[str, bytes]:
    """For each of these keys that was used, the hash of the request that it was used for."""
    taken = tables.accepted_posting
    rows = await tx.connection.execute(sa.select(taken.c.key, taken.c.request_hash).where(taken.c.key.in_(list(keys))))
    return {row.key: bytes(row.request_hash) for row in rows}


@dataclass(frozen=True)
class PostedJournal:
    """A journal as it was written."""

    id: UUID
    code: str
    effective_date: date
    case: UUID | None
    reverses: UUID | None
    legs: tuple[Leg, ...]
    narrative: str
    cleared_on: date | None
    payer: str | None


async def journal(tx: Transaction, id_: UUID) -> PostedJournal | None:
    """A journal with its entries."""
    found = (await tx.connection.execute(sa.select(tables.journal).where(tables.journal.c.id == id_))).first()
    if found is None:
        return None
    entries = await tx.connection.execute(sa.select(tables.entry).where(tables.entry.c.journal == id_).order_by(tables.entry.c.line))
    legs = tuple(Leg(row.account, row.element, row.amount_pence) for row in entries)
    return PostedJournal(
        id_, found.code, found.effective_date, found.case_id, found.reverses, legs, found.narrative, found.cleared_on, found.payer
    )


async def reversal_of(tx: Transaction, id_: UUID) -> UUID | None:
    """The journal that reverses this one."""
    found: UUID | None = await tx.connection.scalar(sa.select(tables.journal.c.id).where(tables.journal.c.reverses == id_))
    return found


@dataclass(frozen=True)
class StandingReceipt:
    """A receipt that was not taken back. `amount_pence` is positive."""

    journal: UUID
    account: UUID
    code: str
    amount_pence: int


async def standing_receipts(tx: Transaction, accounts: Collection[UUID], codes: Collection[str]) -> list[StandingReceipt]:
    """Receipts by these methods on locked accounts that no journal reverses, newest first."""
    journal, entry = tables.journal, tables.entry
    reversal = journal.alias("reversal")
    wanted = (
        sa.select(journal.c.id, entry.c.account, journal.c.code, entry.c.amount_pence)
        .select_from(entry)
        .join(journal, journal.c.id == entry.c.journal)
        .outerjoin(reversal, reversal.c.reverses == journal.c.id)
        .where(entry.c.account.in_(accounts), journal.c.code.in_(codes), journal.c.reverses.is_(None), reversal.c.id.is_(None))
        .where(entry.c.amount_pence < 0)
        .order_by(journal.c.posted_at.desc(), journal.c.seq.desc())
    )
    return [StandingReceipt(row.id, row.account, row.code, -row.amount_pence) for row in await tx.connection.execute(wanted)]


# --- holds on credit ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Earmark:
    """A hold on the credit of an account."""

    id: UUID
    account: UUID
    case: UUID
    attempt: int
    content_hash: str
    amount_pence: int
    state: str


async def earmark(tx: Transaction, id_: UUID) -> Earmark | None:
    """One hold. Decide on it under the lock of its account."""
    return _earmark((await tx.connection.execute(sa.select(tables.credit_hold).where(tables.credit_hold.c.id == id_))).first())


async def pending_earmark(tx: Transaction, case: UUID) -> Earmark | None:
    """The hold that a case has now."""
    hold = tables.credit_hold
    return _earmark((await tx.connection.execute(sa.select(hold).where(hold.c.case_id == case, hold.c.state == "PENDING"))).first())


async def place_earmark(tx: Transaction, hold: Earmark) -> None:
    """Write a pending hold. Errors: IntegrityError where the case has one already."""
    row = {
        "id": hold.id,
        "account": hold.account,
        "case_id": hold.case,
        "attempt": hold.attempt,
        "content_hash": hold.content_hash,
        "amount_pence": hold.amount_pence,
        "placed_at": tx.now,
        "state": hold.state,
    }
    await tx.connection.execute(tables.credit_hold.insert().values(row))


async def settle_earmark(tx: Transaction, id_: UUID, state: str) -> None:
    """Turn a pending hold into POSTED or RELEASED."""
    await tx.connection.execute(tables.credit_hold.update().where(tables.credit_hold.c.id == id_).values(state=state, settled_at=tx.now))


def _earmark(row: Any) -> Earmark | None:
    if row is None:
        return None
    return Earmark(row.id, row.account, row.case_id, row.attempt, row.content_hash, row.amount_pence, row.state)


# --- decisions that were heard -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeardDecision:
    """Approvals' own decision, as it came over the bus. `fallen`: it was recalled, or came to nothing."""

    kind: str
    case: UUID
    attempt: int
    content_hash: str
    answer: str
    completes: bool
    fallen: bool


async def note_decision(tx: Transaction, made: DecisionMade) -> None:
    """Keep a decision."""
    row = {
        "decision": made.decision,
        "kind": made.kind,
        "case_id": made.case,
        "attempt": made.attempt,
        "content_hash": made.content_hash,
        "answer": made.answer,
        "completes": made.completes,
        "heard_at": tx.now,
    }
    await tx.connection.execute(tables.heard_decision.insert().values(row))


async def note_recall(tx: Transaction, decision: UUID) -> None:
    """Keep the recall of a decision, on a refund or on a schedule of write-offs. Errors: IntegrityError where it was recalled already."""
    await tx.connection.execute(tables.heard_recall.insert().values(decision=decision, heard_at=tx.now))


async def note_not_carried_out(tx: Transaction, decision: UUID) -> None:
    """Keep that an approval came to nothing, and when: after all that was posted while this transaction waited for its name."""
    row = insert(tables.heard_not_carried_out).values(decision=decision, heard_at=sa.func.clock_timestamp())
    await tx.connection.execute(row.on_conflict_do_nothing())


def _fallen(decision: sa.ColumnElement[UUID]) -> sa.ColumnElement[bool]:
    """Whether it was recalled, or came to nothing."""
    return sa.or_(*(sa.exists().where(fell.c.decision == decision) for fell in (tables.heard_recall, tables.heard_not_carried_out)))


async def heard_decision(tx: Transaction, decision: UUID) -> HeardDecision | None:
    """A decision as heard. Lock its name first (`decision_name`), so that no recall comes in between."""
    made = tables.heard_decision
    wanted = sa.select(made, _fallen(made.c.decision).label("fallen")).where(made.c.decision == decision)
    row = (await tx.connection.execute(wanted)).first()
    if row is None:
        return None
    return HeardDecision(row.kind, row.case_id, row.attempt, row.content_hash, row.answer, row.completes, row.fallen)


async def note_write_off_decision(tx: Transaction, decided: WriteOffDecided) -> None:
    """Keep a decision on a schedule, with the lines that it lets through."""
    row = {
        "decision": decided.decision,
        "schedule": decided.case,
        "content_hash": decided.content_hash,
        "answer": decided.answer,
        "completes": decided.completes,
        "carried_out_from": decided.carried_out_from,
        "covers_to_pence": decided.covers_to_pence,
        "heard_at": tx.now,
    }
    await tx.connection.execute(tables.heard_write_off.insert().values(row))
    lines = [{"decision": decided.decision, "line": each.line, "content_hash": each.content_hash} for each in decided.lines]
    if lines:
        await tx.connection.execute(tables.heard_write_off_line.insert(), lines)


async def note_release(tx: Transaction, released: PaymentRunReleased) -> None:
    """Keep what finance signed, line by line."""
    rows = [
        {
            "run": released.run,
            "case_id": line.case,
            "attempt": line.attempt,
            "content_hash": line.content_hash,
            "amount_pence": line.amount_pence,
            "heard_at": tx.now,
        }
        for line in released.lines
    ]
    await tx.connection.execute(tables.heard_release.insert(), rows)


async def note_return(tx: Transaction, returned: RefundReturned) -> None:
    """Keep that the bank did not make this payment."""
    row = {"journal": returned.journal, "case_id": returned.case, "heard_at": tx.now}
    await tx.connection.execute(insert(tables.heard_return).values(row).on_conflict_do_nothing())


async def heard_of_return(tx: Transaction, journal: UUID) -> bool:
    """Whether refunds has said that this payment was not made, or came back."""
    wanted = sa.select(tables.heard_return.c.journal).where(tables.heard_return.c.journal == journal)
    return (await tx.connection.scalar(wanted)) is not None


async def note_request(tx: Transaction, requested: RefundRequested) -> None:
    """Keep that the account's credit was asked for. Another attempt at a case is no other request."""
    row = {"case_id": requested.case, "account": requested.account, "heard_at": tx.now}
    await tx.connection.execute(insert(tables.heard_request).values(row).on_conflict_do_nothing())


async def note_asked(tx: Transaction, case: UUID, account: UUID, *, asked: bool) -> None:
    """Keep whether the case asks for the account's credit now."""
    row = {"case_id": case, "account": account, "asked": asked, "heard_at": tx.now}
    await tx.connection.execute(tables.credit_asked.insert().values(row))


async def heard_of_request(tx: Transaction, case: UUID, account: UUID) -> bool:
    """Whether refunds has said that this case asks for this account's credit."""
    heard = tables.heard_request
    wanted = sa.select(heard.c.case_id).where(heard.c.case_id == case, heard.c.account == account)
    return (await tx.connection.scalar(wanted)) is not None


async def still_asks(tx: Transaction, case: UUID, account: UUID) -> bool:
    """Whether a case that was heard of asks now. Of a request that was heard before its end was kept nothing says that it has ended."""
    word = tables.credit_asked
    latest = sa.select(word.c.asked).where(word.c.case_id == case, word.c.account == account).order_by(word.c.id.desc()).limit(1)
    return (await tx.connection.scalar(latest)) is not False


async def credits_written_on(tx: Transaction, accounts: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """By locked account, the journals that took credit of it to income and stand, oldest first; accounts without one are left out."""
    journal, entry = tables.journal, tables.entry
    reversal = journal.alias("reversal")
    wanted = (
        sa.select(entry.c.account, journal.c.id)
        .join(entry, entry.c.journal == journal.c.id)
        .outerjoin(reversal, reversal.c.reverses == journal.c.id)
        .where(entry.c.account.in_(accounts), journal.c.code == WRITTEN_ON, journal.c.reverses.is_(None), reversal.c.id.is_(None))
        .order_by(journal.c.seq)
    )
    found: dict[UUID, list[UUID]] = {}
    for row in await tx.connection.execute(wanted):
        found.setdefault(row.account, []).append(row.id)
    return found


async def note_dropped(tx: Transaction, run: UUID, case: UUID, attempt: int) -> None:
    """Keep that this released line fell out of its run, whether or not its release was heard yet."""
    row = {"run": run, "case_id": case, "attempt": attempt, "dropped_at": tx.now}
    await tx.connection.execute(insert(tables.dropped_release).values(row).on_conflict_do_nothing())


async def released_in(tx: Transaction, plan: RefundPlan) -> UUID | None:
    """The latest run in which finance released this very plan, as heard, and out of which it did not fall; None where there is none."""
    heard, dropped = tables.heard_release, tables.dropped_release
    fell_out = sa.exists().where(dropped.c.run == heard.c.run, dropped.c.case_id == heard.c.case_id, dropped.c.attempt == heard.c.attempt)
    wanted = sa.select(heard.c.run).where(
        heard.c.case_id == plan.case,
        heard.c.attempt == plan.attempt,
        heard.c.content_hash == plan.content_hash,
        heard.c.amount_pence == plan.refund_pence,
        ~fell_out,
    )
    found: UUID | None = await tx.connection.scalar(wanted.order_by(heard.c.heard_at.desc()).limit(1))
    return found


def decision_name(decision: UUID) -> str:
    """What `serialise` takes for one decision."""
    return f"decision/{decision}"


@dataclass(frozen=True)
class HeardWriteOff:
    """Approvals' own decision on a schedule, as it came over the bus. `lines` that it lets through, each with its hash.

    `fallen`: it was recalled, or came to nothing.
    """

    schedule: UUID
    answer: str
    completes: bool
    carried_out_from: date
    covers_to_pence: int | None
    fallen: bool
    lines: dict[UUID, str]


async def heard_write_off(tx: Transaction, decision: UUID) -> HeardWriteOff | None:
    """A decision on a schedule as heard. Lock its name first (`decision_name`), so that no recall comes in between."""
    made, line = tables.heard_write_off, tables.heard_write_off_line
    wanted = sa.select(made, _fallen(made.c.decision).label("fallen")).where(made.c.decision == decision)
    row = (await tx.connection.execute(wanted)).first()
    if row is None:
        return None
    lines = await tx.connection.execute(sa.select(line.c.line, line.c.content_hash).where(line.c.decision == decision))
    return HeardWriteOff(
        row.schedule,
        row.answer,
        row.completes,
        row.carried_out_from,
        row.covers_to_pence,
        row.fallen,
        {each.line: each.content_hash for each in lines},
    )


# --- write-offs --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WrittenOffRow:
    """A debt that left an account, with the debtor's total that it was decided with. `discharged`: the law has released the debtor."""

    journal: UUID
    account: UUID
    line: UUID
    amount_pence: int
    discharged: bool
    debtor_total_pence: int
    released_until: date | None


async def add_written_off(tx: Transaction, rows: Sequence[WrittenOffRow]) -> None:
    """Write what was written off."""
    if rows:
        await tx.connection.execute(tables.written_off.insert(), [vars(row) for row in rows])


@dataclass(frozen=True)
class ChargeRow:
    """What a journal wrote off of a charge, or gave back to it."""

    journal: UUID
    charge: UUID
    element: str
    amount_pence: int


async def add_written_off_charges(tx: Transaction, rows: Sequence[ChargeRow]) -> None:
    """Write what was written off of each charge. Errors: IntegrityError above the charge, or where they are not the write-off."""
    await _add_charges(tx, tables.written_off_charge, rows)


async def add_reinstated_charges(tx: Transaction, rows: Sequence[ChargeRow]) -> None:
    """Write what each charge was given back. Errors: IntegrityError above what was written off of it, or where a law has released it."""
    await _add_charges(tx, tables.reinstated_charge, rows)


async def _add_charges(tx: Transaction, table: sa.Table, rows: Sequence[ChargeRow]) -> None:
    """In one statement, for the database sees each journal's charges together; by arrays, for there may be more than it takes values."""
    if rows:
        told = [[getattr(row, name) for row in rows] for name in ("journal", "charge", "element", "amount_pence")]
        given = sa.select(*(sa.func.unnest(sa.cast(each, ARRAY(column.type))) for column, each in zip(table.c, told, strict=True)))
        await tx.connection.execute(sa.insert(table).from_select(list(table.c), given))


@dataclass(frozen=True)
class ReinstatementRow:
    """What of a write-off is owed again. The database adds it to what was put back. `release_undone`: no law releases it after all."""

    journal: UUID
    write_off: UUID
    amount_pence: int
    release_undone: bool


async def add_reinstatements(tx: Transaction, rows: Sequence[ReinstatementRow]) -> None:
    """Write what was put back. Errors: IntegrityError above what was written off, or where the debt was discharged and is so still."""
    if rows:
        await tx.connection.execute(tables.reinstatement.insert(), [vars(row) for row in rows])


async def left_of_write_offs(tx: Transaction, write_offs: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """What of these write-offs is not put back yet, by charge element. Decide on it under the lock of their accounts."""
    off, back, entry = tables.written_off, tables.reinstatement, tables.entry
    journals = sa.union_all(
        sa.select(off.c.journal.label("write_off"), off.c.journal.label("journal"), off.c.account),
        sa.select(off.c.journal, back.c.journal, off.c.account).join(back, back.c.write_off == off.c.journal),
    ).subquery()
    left = sa.cast(-sa.func.sum(entry.c.amount_pence), sa.BigInteger).label("pence")
    wanted = (
        sa.select(journals.c.write_off, entry.c.element, left)
        .join(entry, sa.and_(entry.c.journal == journals.c.journal, entry.c.account == journals.c.account))
        .where(journals.c.write_off.in_(list(write_offs)))
        .group_by(journals.c.write_off, entry.c.element)
    )
    found: dict[UUID, dict[str, int]] = {}
    for row in await tx.connection.execute(wanted):
        found.setdefault(row.write_off, {})[row.element] = row.pence
    return found


async def add_provision(tx: Transaction, report: ProvisionReport) -> None:
    """Keep what was posted for a month's end. Errors: IntegrityError where it was posted already."""
    row = {
        "month_end": report.month_end,
        "journal": report.journal,
        "report": report.model_dump(mode="json"),
        "posted_at": tx.now,
        "posted_by": tx.caller.person,
    }
    await tx.connection.execute(tables.posted_provision.insert().values(row))


async def write_provision_proposal(tx: Transaction, id_: UUID, asked: ProvisionPolicy) -> None:
    """Propose rates as the caller."""
    row = {"id": id_, "in_force_from": asked.in_force_from, "source": asked.source, "rates": asked.model_dump(mode="json")["rates"]}
    by = {"proposed_by": tx.caller.person, "roles": sorted(tx.caller.roles), "proposed_at": tx.now}
    await tx.connection.execute(tables.provision_proposal.insert().values(**row, **by))


async def write_provision_check(tx: Transaction, told: CheckPolicy) -> None:
    """Answer a proposal as the caller; accepting it lays the rates down."""
    row = {"proposal": told.proposal, "answer": told.answer.value, "text": told.text.strip()}
    by = {"checked_by": tx.caller.person, "roles": sorted(tx.caller.roles), "checked_at": tx.now}
    await tx.connection.execute(tables.provision_check.insert().values(**row, **by))


async def last_provision(tx: Transaction) -> date | None:
    """The last month's end for which a provision was posted."""
    found: date | None = await tx.connection.scalar(sa.select(sa.func.max(tables.posted_provision.c.month_end)))
    return found


@dataclass(frozen=True)
class DroppedRow:
    """A line that was left out, and what it was."""

    content_hash: str
    because: str


async def dropped_lines(tx: Transaction, lines: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], DroppedRow]:
    """Which of these lines, each with its attempt, were left out before."""
    dropped = tables.dropped_line
    rows = await tx.connection.execute(sa.select(dropped).where(sa.tuple_(dropped.c.line, dropped.c.attempt).in_(lines)))
    return {(row.line, row.attempt): DroppedRow(row.content_hash, row.because) for row in rows}


async def add_dropped_lines(tx: Transaction, lines: Sequence[tuple[WriteOffLine, DroppedBecause]], decision: UUID) -> None:
    """Keep why lines were left out, so that they are answered so for ever."""
    rows = [
        {
            "line": line.line,
            "attempt": line.attempt,
            "content_hash": line.content_hash,
            "decision": decision,
            "because": because,
            "dropped_at": tx.now,
        }
        for line, because in lines
    ]
    if rows:
        await tx.connection.execute(tables.dropped_line.insert(), rows)


# --- account holds and tenancies ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AccountHoldRow:
    """A hold on the debtor that was not lifted. `until` is its last day, where it ends by itself; only a Breathing Space has a `kind` and
    a `first_day`.
    """

    account: UUID
    hold: AccountHold
    until: date | None
    kind: BreathingSpaceKind | None = None
    first_day: date | None = None

    def in_force(self, today: date) -> bool:
        return self.until is None or self.until >= today


async def account_hold(tx: Transaction, account: UUID, hold: AccountHold) -> AccountHoldRow | None:
    """The hold of this kind that was set on the debtor and not lifted, its day passed or not."""
    held = tables.account_hold
    wanted = sa.select(held).where(held.c.account == account, held.c.hold == hold, held.c.lifted_at.is_(None))
    row = (await tx.connection.execute(wanted)).first()
    return _held(row) if row else None


def _held(row: Any) -> AccountHoldRow:
    kind = BreathingSpaceKind(row.kind) if row.kind else None
    return AccountHoldRow(row.account, AccountHold(row.hold), row.until, kind, row.first_day)


async def set_account_hold(tx: Transaction, hold: AccountHoldRow, reason: str) -> None:
    """Put a hold on the debtor. Errors: IntegrityError where one of its kind was not lifted."""
    said = {"set_at": tx.now, "set_by": tx.caller.person, "reason": reason}
    await tx.connection.execute(tables.account_hold.insert().values(asdict(hold) | said))


async def standard_breathing_spaces(tx: Transaction, accounts: Collection[UUID]) -> list[Recorded]:
    """Every standard Breathing Space that was ever recorded on these accounts with its kind."""
    held = tables.account_hold
    wanted = sa.select(held).where(held.c.account.in_(accounts), held.c.kind == BreathingSpaceKind.STANDARD)
    rows = await tx.connection.execute(wanted.order_by(held.c.id))
    return [Recorded(row.account, row.first_day, row.until, row.set_at, row.lifted_at) for row in rows]


async def lift_account_hold(tx: Transaction, account: UUID, hold: AccountHold) -> None:
    """Lift a hold on the debtor."""
    held = tables.account_hold
    in_force = held.update().where(held.c.account == account, held.c.hold == hold, held.c.lifted_at.is_(None))
    await tx.connection.execute(in_force.values(lifted_at=tx.now, lifted_by=tx.caller.person))


async def holds_past(tx: Transaction, today: date, limit: int) -> list[AccountHoldRow]:
    """Holds whose last day has passed and that nobody has lifted yet, the longest past first."""
    held = tables.account_hold
    past = sa.select(held).where(held.c.lifted_at.is_(None), held.c.until < today)
    return [_held(row) for row in await tx.connection.execute(past.order_by(held.c.until, held.c.id).limit(limit))]


async def note_claim(tx: Transaction, account: UUID, since: date, reason: str) -> bool:
    """Keep that Benefits has a claim to decide. False where one is open already."""
    row = {"account": account, "since": since, "reason": reason, "noted_at": tx.now, "noted_by": tx.caller.person}
    statement = insert(tables.housing_benefit_claim).values(row).on_conflict_do_nothing().returning(tables.housing_benefit_claim.c.id)
    return (await tx.connection.execute(statement)).first() is not None


async def decide_claim(tx: Transaction, account: UUID, on: date, because: str) -> bool:
    """Keep that Benefits has decided. False where no claim is open."""
    claim = tables.housing_benefit_claim
    open_claim = claim.update().where(claim.c.account == account, claim.c.decided_at.is_(None))
    decided = {"decided_on": on, "decided_because": because, "decided_at": tx.now, "decided_by": tx.caller.person}
    return (await tx.connection.execute(open_claim.values(decided).returning(claim.c.id))).first() is not None


@dataclass(frozen=True)
class PlanRow:
    """A payment plan as it was agreed. `ended`: it is in force no more."""

    id: UUID
    account: UUID
    ended: bool


async def payment_plan(tx: Transaction, id_: UUID) -> PlanRow | None:
    """A plan."""
    return await _plan(tx, tables.payment_plan.c.id == id_)


async def plan_in_force(tx: Transaction, account: UUID) -> PlanRow | None:
    """The plan that an account has now."""
    return await _plan(tx, sa.and_(tables.payment_plan.c.account == account, tables.payment_plan.c.ended_at.is_(None)))


async def _plan(tx: Transaction, condition: sa.ColumnElement[bool]) -> PlanRow | None:
    row = (await tx.connection.execute(sa.select(tables.payment_plan).where(condition))).first()
    return PlanRow(row.id, row.account, row.ended_at is not None) if row else None


async def add_plan(tx: Transaction, id_: UUID, plan: AgreePaymentPlan) -> None:
    """Write a plan. Errors: IntegrityError where the account has one in force."""
    row = {"id": id_, "noted_at": tx.now, "noted_by": tx.caller.person, **plan.model_dump()}
    await tx.connection.execute(tables.payment_plan.insert().values(row))


async def end_plan(tx: Transaction, id_: UUID, because: str) -> None:
    """End a plan that is in force."""
    ended = {"ended_at": tx.now, "ended_by": tx.caller.person, "ended_because": because}
    await tx.connection.execute(tables.payment_plan.update().where(tables.payment_plan.c.id == id_).values(ended))


async def tenancy_accounts(tx: Transaction, tenancy: UUID) -> list[UUID]:
    """The accounts of a tenancy; none where there is no such tenancy."""
    return list(await tx.connection.scalars(sa.select(tables.account.c.id).where(tables.account.c.tenancy == tenancy)))


async def end_tenancy(tx: Transaction, tenancy: UUID, **facts: Any) -> None:
    """Write what is known of a tenancy's end."""
    await tx.connection.execute(tables.tenancy.update().where(tables.tenancy.c.id == tenancy).values(**facts))


async def note_ending(tx: Transaction, tenancy: UUID) -> None:
    """Keep who noted the end of a tenancy, each time."""
    await tx.connection.execute(tables.tenancy_ending.insert().values(tenancy=tenancy, by=tx.caller.person, at=tx.now))


async def note_letter_address(tx: Transaction, told: NoteLetterAddress) -> None:
    """Keep where letters about a tenancy go, as the caller says."""
    await tx.connection.execute(tables.letter_address.insert().values(**told.model_dump(mode="python"), by=tx.caller.person, at=tx.now))


async def accounts_of_person(tx: Transaction, person: UUID) -> list[UUID]:
    """The accounts of every tenancy of a person."""
    of = sa.select(tables.tenant.c.tenancy).where(tables.tenant.c.person == person)
    return list(await tx.connection.scalars(sa.select(tables.account.c.id).where(tables.account.c.tenancy.in_(of))))


async def tenant_since(tx: Transaction, person: UUID) -> date:
    """The day on which the newest tenancy of a tenant began."""
    tenancy, tenant = tables.tenancy, tables.tenant
    wanted = sa.select(sa.func.max(tenancy.c.started_on)).join(tenant, tenant.c.tenancy == tenancy.c.id).where(tenant.c.person == person)
    since: date = (await tx.connection.execute(wanted)).scalar_one()
    return since


async def note_death(tx: Transaction, told: NoteDeath) -> bool:
    """Keep that a tenant died, or did not, as the caller says; whether this changes what was known."""
    person = tables.person
    other = person.c.died_on.is_distinct_from(told.died_on)
    changed = await tx.connection.execute(person.update().where(person.c.id == told.person, other).values(died_on=told.died_on))
    if not changed.rowcount:
        return False
    said = {"person": told.person, "died_on": told.died_on, "known_from": told.known_from}
    await tx.connection.execute(tables.death_note.insert().values(**said, by=tx.caller.person, at=tx.now))
    return True


async def set_status(tx: Transaction, accounts: Iterable[UUID], status: AccountStatus) -> None:
    """Write the status of locked accounts."""
    await tx.connection.execute(tables.account.update().where(tables.account.c.id.in_(list(accounts))).values(status=status))


# --- the weekly debit --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DueCharge:
    """One element of a week's charge for one account."""

    account: UUID
    element: str
    amount_pence: int


async def due_charges(tx: Transaction, week: date) -> list[DueCharge]:
    """What a week charges (domain.md 1.3): charges in force on its Monday, of tenancies begun and not ended, unless the week is free."""
    account, charge, tenancy, free = tables.account, tables.weekly_charge, tables.tenancy, tables.free_week
    wanted = (
        sa.select(charge.c.account, charge.c.element, charge.c.amount_pence)
        .join(account, account.c.id == charge.c.account)
        .join(tenancy, tenancy.c.id == account.c.tenancy)
        .where(
            charge.c.in_force_from <= week,
            sa.or_(charge.c.in_force_until.is_(None), charge.c.in_force_until > week),
            tenancy.c.started_on <= week,
            sa.or_(tenancy.c.ended_on.is_(None), tenancy.c.ended_on > week),
            ~sa.exists().where(free.c.rent_group == account.c.rent_group, free.c.week_commencing == week),
        )
        .order_by(charge.c.account, charge.c.element)
    )
    return [DueCharge(row.account, row.element, row.amount_pence) for row in await tx.connection.execute(wanted)]


@dataclass(frozen=True)
class DebitedWeek:
    week_commencing: date
    accounts: int
    total_pence: int
    rent_free: bool


async def debited_week(tx: Transaction, week: date) -> DebitedWeek | None:
    """A week that was debited already."""
    done = tables.debited_week
    row = (await tx.connection.execute(sa.select(done).where(done.c.week_commencing == week))).first()
    return DebitedWeek(week, row.accounts, row.total_pence, row.rent_free) if row else None


async def note_debited_week(tx: Transaction, week: DebitedWeek) -> None:
    """Keep that a week was debited. Errors: IntegrityError where it was already."""
    row = {
        "week_commencing": week.week_commencing,
        "accounts": week.accounts,
        "total_pence": week.total_pence,
        "rent_free": week.rent_free,
        "debited_at": tx.now,
        "debited_by": tx.caller.person,
    }
    await tx.connection.execute(tables.debited_week.insert().values(row))


# --- policy ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReceiptPolicy:
    """What the dated policy says of receipts."""

    clearing: tuple[ClearingRule, ...]
    holidays_added: tuple[date, ...]
    holidays_removed: tuple[date, ...]
    contra: dict[str, str | None]
    part: dict[str, str]
    takes_back: dict[str, str]


async def receipt_policy(tx: Transaction) -> ReceiptPolicy:
    """The rows of clearing days, bank holidays and codes."""
    rules = [
        ClearingRule(row.code, row.in_force_from, row.working_days) for row in await tx.connection.execute(sa.select(tables.clearing_rule))
    ]
    overrides = (await tx.connection.execute(sa.select(tables.bank_holiday_override))).all()
    codes = (await tx.connection.execute(sa.select(tables.posting_code))).all()
    return ReceiptPolicy(
        tuple(rules),
        tuple(row.day for row in overrides if row.holiday),
        tuple(row.day for row in overrides if not row.holiday),
        {row.code: row.contra for row in codes},
        {row.code: row.part for row in codes},
        {row.code: row.takes_back for row in codes if row.takes_back is not None},
    )


async def reading_terms(tx: Transaction, today: date, max_bytes: int) -> ReadingTerms:
    """What a bank file is held against on a day. Errors: NoResultFound where the policy has a gap."""
    [scheme_rows, own_rows] = [
        (await tx.connection.execute(_in_force(table, today, table.c.name))).all()
        for table in (tables.reference_scheme, tables.own_account)
    ]
    methods = (await tx.connection.execute(_in_force(tables.receipt_methods, today))).one().rules
    return ReadingTerms(
        accounts=[OwnAccount(row.name, iban=row.iban, sort_code=row.sort_code, number=row.number) for row in own_rows],
        today=today,
        schemes=[scheme_of(row.scheme) for row in scheme_rows],
        methods=MethodRules(
            bank=[MethodRule(**{name: _tuple(value) for name, value in rule.items()}) for rule in methods["bank"]],
            cash_types=methods["cash_types"],
            other_money_in=methods["other_money_in"],
            other_money_out=methods["other_money_out"],
        ),
        max_bytes=max_bytes,
        entry_references=tuple(methods["entry_references"]),
    )


def _in_force(table: sa.Table, today: date, *keys: sa.Column[Any]) -> sa.Select[Any]:
    """The newest row that is in force, for each key."""
    newest = sa.select(table).where(table.c.in_force_from <= today).order_by(*keys, table.c.in_force_from.desc())
    return newest.ext(distinct_on(*keys)) if keys else newest.limit(1)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class SuspensePolicy:
    """How long unidentified money may lie before somebody looks, and before it is taken further (domain.md 2.3)."""

    first_review_working_days: int
    escalate_days: int


async def suspense_policy(tx: Transaction, today: date) -> SuspensePolicy:
    """The policy of a day."""
    row = (await tx.connection.execute(_in_force(tables.ledger_policy, today))).one()
    return SuspensePolicy(row.suspense_first_review_working_days, row.suspense_escalate_days)


# --- bank files --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileLineRow:
    """A line of a file as it was taken."""

    line: int
    amount_pence: int
    code: str
    entry_reference: str | None
    effective_date: date
    pending: bool
    account: UUID | None
    account_reference: str | None
    suspense_reason: str | None
    journal: UUID | None
    source: str


@dataclass(frozen=True)
class FileRow:
    """An upload and what became of it."""

    id: UUID
    name: str
    format: str
    status: str
    sha256: str
    size_bytes: int
    records_hash: str | None = None
    receipts: int = 0
    total_pence: int = 0
    in_suspense: int = 0
    pending: int = 0
    faults_in_all: int = 0
    earlier: UUID | None = None
    bare_hash: str | None = None
    unreferenced: bool = False


@dataclass(frozen=True)
class StatementRow:
    """By what a bank's statement is known again: its account, identification, number, page and balances (pence)."""

    bank_account: str
    statement_id: str
    sequence_number: int | None
    page: str
    opening_date: date | None
    opening_pence: int | None
    closing_date: date | None
    closing_pence: int | None


@dataclass(frozen=True)
class TakenFile:
    id: UUID
    name: str


async def file_taken(tx: Transaction, *, sha256: str) -> TakenFile | None:
    """The taken file with these bytes."""
    return await _taken(tx, tables.bank_file.c.sha256 == sha256)


async def file_with_records(tx: Transaction, records_hash: str) -> TakenFile | None:
    """The taken file with these records, whatever its bytes."""
    return await _taken(tx, tables.bank_file.c.records_hash == records_hash)


async def file_with_bare_records(tx: Transaction, bare_hash: str, *, unreferenced: bool) -> TakenFile | None:
    """The taken file with these records but for the bank's references, where one of the two files has entries without."""
    file = tables.bank_file
    return await _taken(tx, sa.and_(file.c.bare_hash == bare_hash, sa.or_(file.c.unreferenced, sa.literal(unreferenced))))


async def booked_records(tx: Transaction, days: Collection[date]) -> dict[UUID, list[tuple[Record, Mark, int]]]:
    """By taken file, its booked records of these days, what the bank gave to tell them from others, and how often it has each.

    No file holds a payment of a day after the one on which it came, so that what came before the first day is not looked at.
    """
    if not days:
        return {}
    statement = sa.text(
        "SELECT line.bank_file, line.source, line.effective_date, line.amount_pence, line.code, coalesce(line.account_reference, ''), "
        "line.entry_reference IS NOT NULL, coalesce(whole.other_reference, batch.other_reference), count(*) "
        "FROM bank_file JOIN bank_file_line AS line ON line.bank_file = bank_file.id "
        "LEFT JOIN booked_entry AS whole ON whole.bank_account = line.source AND whole.entry_reference = line.entry_reference "
        "LEFT JOIN booked_entry AS batch ON whole.entry_reference IS NULL AND batch.bank_account = line.source "
        "AND batch.entry_reference = regexp_replace(line.entry_reference, '#[0-9]+$', '') "
        "WHERE bank_file.status = 'TAKEN' AND bank_file.uploaded_at >= CAST(:first_day AS date) - interval '1 day' "
        "AND line.effective_date = ANY(CAST(:days AS date[])) AND line.journal IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
    )
    found: dict[UUID, list[tuple[Record, Mark, int]]] = {}
    rows = await tx.connection.execute(statement, {"first_day": min(days), "days": list(days)})
    for id_, *record, referenced, other, times in rows:
        found.setdefault(id_, []).append((Record(*record), Mark(referenced, other), times))
    return found


async def file_of(tx: Transaction, id_: UUID) -> TakenFile:
    """A taken file that there is."""
    file = await _taken(tx, tables.bank_file.c.id == id_)
    assert file is not None
    return file


async def who_was_refused_first(tx: Transaction, *, sha256: str, rule: str) -> str | None:
    """Who sent the file with these bytes first of those to whom it was refused by this rule; None where it was to nobody."""
    file, fault = tables.bank_file, tables.bank_file_fault
    wanted = sa.select(file.c.uploaded_by).join(fault, fault.c.bank_file == file.c.id)
    by_rule = wanted.where(file.c.sha256 == sha256, file.c.status == "REFUSED", fault.c.rule == rule).order_by(file.c.seq).limit(1)
    return await tx.connection.scalar(by_rule)


async def who_sent_again_first(tx: Transaction, *, sha256: str) -> str | None:
    """Who sent the file with these bytes first of those to whom it was taken already; None where it was to nobody."""
    file = tables.bank_file
    again = sa.select(file.c.uploaded_by).where(file.c.sha256 == sha256, file.c.status == "ALREADY_TAKEN").order_by(file.c.seq).limit(1)
    return await tx.connection.scalar(again)


async def taken_twice(tx: Transaction, *, sha256: str) -> bool:
    """Whether these very bytes were taken on a second person's word."""
    return await _taken(tx, sa.and_(tables.bank_file.c.sha256 == sha256, tables.bank_file.c.earlier.is_not(None))) is not None


async def file_with_statement(tx: Transaction, statement: StatementRow) -> TakenFile | None:
    """The taken file that held this statement."""
    same = sa.and_(*(tables.bank_statement.c[name].is_not_distinct_from(value) for name, value in vars(statement).items()))
    return await _taken(tx, tables.bank_file.c.id.in_(sa.select(tables.bank_statement.c.bank_file).where(same)))


async def add_statements(tx: Transaction, file: UUID, statements: Sequence[tuple[int, StatementRow]]) -> None:
    """Remember the statements of a taken file with their lines. Errors: IntegrityError where one was taken already."""
    rows = [{"bank_file": file, "line": line, **vars(statement)} for line, statement in statements]
    if rows:
        await tx.connection.execute(tables.bank_statement.insert(), rows)


async def _taken(tx: Transaction, condition: sa.ColumnElement[bool]) -> TakenFile | None:
    file = tables.bank_file
    taken = sa.select(file.c.id, file.c.name).where(file.c.status == "TAKEN", condition).order_by(file.c.seq).limit(1)
    row = (await tx.connection.execute(taken)).first()
    return TakenFile(row.id, row.name) if row else None


@dataclass(frozen=True)
class BookedEntry:
    """An entry that was booked already: by which of its references it was known, and the name of the file that booked it."""

    reference: str
    file: str


async def booked_references(tx: Transaction, entries: Sequence[tuple[str, EntryKey]]) -> dict[tuple[str, EntryKey], BookedEntry]:
    """Which of these entries of bank accounts were booked already.

    An entry is known by its leading reference. By the other one it is known where the amount is the same and one of the two has no more
    than that. Two leading references that differ are two entries, unless the other one, the amount and the day are the same and stand
    with no further entry of either file: then the bank has numbered one entry anew.
    """
    statement = sa.text(
        "WITH given AS (SELECT * FROM unnest(CAST(:accounts AS text[]), CAST(:references AS text[]), CAST(:others AS text[]), "
        "CAST(:amounts AS bigint[]), CAST(:days AS date[]), CAST(:shares AS boolean[])) "
        "WITH ORDINALITY AS given (bank_account, reference, other, amount_pence, booked_on, shares_other, no)), same AS ("
        "SELECT given.no, given.reference AS shared, booked.bank_file FROM given JOIN booked_entry AS booked "
        "ON booked.bank_account = given.bank_account AND booked.entry_reference = given.reference "
        "UNION ALL SELECT given.no, given.reference, booked.bank_file FROM given JOIN booked_entry AS booked "
        "ON booked.bank_account = given.bank_account AND booked.other_reference = given.reference "
        "AND booked.amount_pence = given.amount_pence WHERE given.other IS NULL OR given.other = booked.entry_reference "
        "UNION ALL SELECT given.no, given.other, booked.bank_file FROM given JOIN booked_entry AS booked "
        "ON booked.bank_account = given.bank_account AND booked.entry_reference = given.other "
        "AND booked.amount_pence = given.amount_pence WHERE booked.other_reference IS NULL "
        "UNION ALL SELECT given.no, given.other, booked.bank_file FROM given JOIN booked_entry AS booked "
        "ON booked.bank_account = given.bank_account AND booked.other_reference = given.other "
        "AND booked.amount_pence = given.amount_pence AND booked.booked_on = given.booked_on WHERE NOT given.shares_other "
        "AND NOT EXISTS (SELECT FROM booked_entry AS beside WHERE beside.bank_account = booked.bank_account "
        "AND beside.other_reference = booked.other_reference AND beside.bank_file = booked.bank_file "
        "AND beside.entry_reference <> booked.entry_reference)) "
        "SELECT same.no, same.shared, bank_file.name FROM same JOIN bank_file ON bank_file.id = same.bank_file"
    )
    columns = {
        "accounts": [account for account, _ in entries],
        "references": [entry.reference for _, entry in entries],
        "others": [entry.other for _, entry in entries],
        "amounts": [entry.amount_pence for _, entry in entries],
        "days": [entry.booked_on for _, entry in entries],
        "shares": [entry.shares_other for _, entry in entries],
    }
    return {entries[row.no - 1]: BookedEntry(row.shared, row.name) for row in await tx.connection.execute(statement, columns)}


async def accounts_by_reference(tx: Transaction, references: Collection[str]) -> dict[str, UUID]:
    """Tenants' accounts by their payment references."""
    account = tables.account
    wanted = sa.select(account.c.id, account.c.reference).where(account.c.reference.in_(references), account.c.kind.not_in(_CONTROL))
    return {row.reference: row.id for row in await tx.connection.execute(wanted)}


async def add_file(tx: Transaction, file: FileRow, faults: Sequence[Fault] = ()) -> None:
    """Write an upload, and why it was refused."""
    await tx.connection.execute(tables.bank_file.insert().values(uploaded_at=tx.now, uploaded_by=tx.caller.person, **vars(file)))
    rows = [
        {"bank_file": file.id, "no": number, "line": fault.line, "rule": fault.rule, "message": fault.message}
        for number, fault in enumerate(faults, start=1)
    ]
    if rows:
        await tx.connection.execute(tables.bank_file_fault.insert(), rows)


async def add_file_lines(tx: Transaction, file: UUID, lines: Iterable[FileLineRow], booked: Iterable[tuple[str, EntryKey]]) -> None:
    """Write the lines of a taken file, and the entries that it booked. Errors: IntegrityError where one was booked already."""
    for part in _slices(enumerate(lines, start=1)):
        rows = [{"bank_file": file, "no": number, **vars(line)} for number, line in part]
        await tx.connection.execute(tables.bank_file_line.insert(), rows)
    for entries in _slices(booked):
        taken = [
            {
                "bank_account": account,
                "entry_reference": entry.reference,
                "bank_file": file,
                "other_reference": entry.other,
                "amount_pence": entry.amount_pence,
                "booked_on": entry.booked_on,
            }
            for account, entry in entries
        ]
        await tx.connection.execute(tables.booked_entry.insert(), taken)


@dataclass(frozen=True)
class SuspenseRow:
    """Money whose account is not known, with its age and reason (domain.md 2.3)."""

    journal: UUID
    reason: str
    amount_pence: int
    since: date
    review_by: date
    escalate_on: date
    payer_name: str
    text: str


@dataclass(frozen=True)
class ItemInSuspense:
    """Money that came into suspense and its receipt. `attempts`: how often some of it was moved; `left_pence`: what lies there."""

    journal: UUID
    amount_pence: int
    code: str
    effective_date: date
    cleared_on: date | None
    narrative: str
    payer: str | None
    bank_file: UUID | None
    attempts: int
    left_pence: int
    undone: bool
    reason: str
    file_format: str | None

    @property
    def moved(self) -> bool:
        """Whether any of it stands on an account."""
        return not self.undone and self.left_pence != self.amount_pence


def item_name(item: UUID) -> str:
    """What `serialise` takes for money in suspense."""
    return f"suspense/{item}"


async def suspense_item(tx: Transaction, id_: UUID) -> ItemInSuspense | None:
    """One item. Lock its name first (`item_name`), so that nobody moves it or takes it back meanwhile."""
    item, receipt, clearing = tables.suspense_item, tables.journal, tables.suspense_clearing
    again, line, file = tables.posted_again, tables.bank_file_line, tables.bank_file
    wanted = (
        sa.select(receipt, item.c.amount_pence, item.c.reason, file.c.id.label("bank_file"), file.c.format)
        .select_from(item)
        .join(receipt, receipt.c.id == item.c.journal)
        .outerjoin(again, again.c.journal == item.c.journal)
        .outerjoin(line, line.c.journal == sa.func.coalesce(again.c.first, item.c.journal))
        .outerjoin(file, file.c.id == line.c.bank_file)
        .where(item.c.journal == id_)
    )
    row = (await tx.connection.execute(wanted)).first()
    if row is None:
        return None
    moved = await tx.connection.execute(sa.select(clearing.c.journal, clearing.c.amount_pence).where(clearing.c.item == id_))
    moves = {move.journal: move.amount_pence for move in moved}
    back = set(await tx.connection.scalars(sa.select(receipt.c.reverses).where(receipt.c.reverses.in_([id_, *moves]))))
    undone = id_ in back
    return ItemInSuspense(
        row.id,
        row.amount_pence,
        row.code,
        row.effective_date,
        row.cleared_on,
        row.narrative,
        row.payer,
        row.bank_file,
        attempts=len(moves),
        left_pence=0 if undone else row.amount_pence - sum(pence for move, pence in moves.items() if move not in back),
        undone=undone,
        reason=row.reason,
        file_format=row.format,
    )


async def file_behind(tx: Transaction, journal: UUID) -> UUID | None:
    """The bank file that a receipt came in, also where it was posted again."""
    line, again = tables.bank_file_line, tables.posted_again
    first = sa.select(again.c.first).where(again.c.journal == journal).scalar_subquery()
    found: UUID | None = await tx.connection.scalar(sa.select(line.c.bank_file).where(line.c.journal == sa.func.coalesce(first, journal)))
    return found


@dataclass(frozen=True)
class Move:
    """Money that stands on an account onto which it was moved from suspense. `amount_pence` is positive."""

    journal: UUID
    account: UUID
    amount_pence: int


@dataclass(frozen=True)
class SuspenseReceipt:
    """Money in that came into suspense and was not taken back. It lies there, or stands where it was moved."""

    journal: UUID
    code: str
    amount_pence: int
    marks: Marks
    moves: tuple[Move, ...] = ()


async def lock_suspense_receipts(tx: Transaction, ids: Collection[UUID]) -> None:
    """Wait until nobody moves this money or takes it back, and let nobody until the end. Before any account is locked."""
    for id_ in sorted(ids):
        await serialise(tx, item_name(id_))


async def suspense_receipts(tx: Transaction, amounts: Collection[int]) -> list[SuspenseReceipt]:
    """What came into suspense with one of these amounts (pence) and was not taken back, newest first."""
    if not amounts:
        return []
    item, receipt, clearing, reversal = tables.suspense_item, tables.journal, tables.suspense_clearing, tables.journal.alias("reversal")
    stands = ~sa.exists().where(reversal.c.reverses == item.c.journal)
    wanted = (
        sa.select(item, receipt.c.code, receipt.c.payer, receipt.c.narrative)
        .join(receipt, receipt.c.id == item.c.journal)
        .where(item.c.amount_pence.in_(amounts), stands)
        .order_by(receipt.c.posted_at.desc(), receipt.c.seq.desc())
    )
    rows = (await tx.connection.execute(wanted)).all()
    moved = (
        sa.select(clearing.c.item, clearing.c.journal, clearing.c.account, clearing.c.amount_pence)
        .where(clearing.c.item.in_([row.journal for row in rows]), ~sa.exists().where(reversal.c.reverses == clearing.c.journal))
        .order_by(clearing.c.attempt)
    )
    moves: dict[UUID, list[Move]] = {}
    for row in await tx.connection.execute(moved):
        moves.setdefault(row.item, []).append(Move(row.journal, row.account, row.amount_pence))
    return [
        SuspenseReceipt(
            row.journal,
            row.code,
            row.amount_pence,
            Marks(row.payer, row.payer_name, row.text or row.narrative),
            tuple(moves.get(row.journal, ())),
        )
        for row in rows
    ]


async def moves_standing(tx: Transaction, item: UUID) -> list[Move]:
    """Where money of an item stands, in the order in which it came there. Under the item's lock."""
    clearing, back = tables.suspense_clearing, tables.journal.alias("back")
    stand = sa.select(clearing).where(clearing.c.item == item, ~sa.exists().where(back.c.reverses == clearing.c.journal))
    return [Move(row.journal, row.account, row.amount_pence) for row in await tx.connection.execute(stand.order_by(clearing.c.attempt))]


async def moved_item(tx: Transaction, journal: UUID) -> UUID | None:
    """The money in suspense that a journal put there or moved from there."""
    item, clearing = tables.suspense_item, tables.suspense_clearing
    put = sa.select(item.c.journal).where(item.c.journal == journal)
    taken = sa.select(clearing.c.item).where(clearing.c.journal == journal)
    found: UUID | None = await tx.connection.scalar(sa.union_all(put, taken))
    return found


async def add_clearings(tx: Transaction, item: ItemInSuspense, moves: Sequence[Move]) -> None:
    """Keep that money was moved onto accounts. Errors: IntegrityError where an attempt was made already, or more leaves than came."""
    rows = [
        {
            "journal": move.journal,
            "item": item.journal,
            "attempt": number,
            "account": move.account,
            "cleared_at": tx.now,
            "cleared_by": tx.caller.person,
            "amount_pence": move.amount_pence,
        }
        for number, move in enumerate(moves, start=item.attempts + 1)
    ]
    await tx.connection.execute(tables.suspense_clearing.insert(), rows)


async def add_suspense(tx: Transaction, items: Iterable[SuspenseRow]) -> None:
    """Write what lies in suspense."""
    for part in _slices(items):
        await tx.connection.execute(tables.suspense_item.insert(), [vars(item) for item in part])


# --- what a person said that a return takes back ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatchedReturn:
    """A return in suspense, by its journal, and the payment that it takes back. `unmatched`: that was taken back."""

    item: UUID
    payment: UUID
    matched_at: datetime
    unmatched: bool


async def matched_return(tx: Transaction, item: UUID) -> MatchedReturn | None:
    """What was said of a return. Lock its name (`item_name`) before you decide on it."""
    said, unsaid = tables.matched_return, tables.unmatched_return
    wanted = sa.select(said, unsaid.c.unmatched_at).outerjoin(unsaid, unsaid.c.item == said.c.item).where(said.c.item == item)
    row = (await tx.connection.execute(wanted)).first()
    return MatchedReturn(row.item, row.payment, row.matched_at, row.unmatched_at is not None) if row is not None else None


async def note_match(tx: Transaction, item: UUID, payment: UUID, reason: str) -> None:
    """Keep what was said of a return, once both are undone. Errors: IntegrityError where either was matched before, or is not undone."""
    row = {"item": item, "payment": payment, "matched_at": tx.now, "matched_by": tx.caller.person, "reason": reason}
    await tx.connection.execute(tables.matched_return.insert().values(row))


async def note_unmatch(tx: Transaction, item: UUID, reason: str) -> None:
    """Keep that it was taken back. Errors: IntegrityError where it was already."""
    row = {"item": item, "unmatched_at": tx.now, "unmatched_by": tx.caller.person, "reason": reason}
    await tx.connection.execute(tables.unmatched_return.insert().values(row))


async def moves_undone(tx: Transaction, item: UUID, at: datetime) -> list[Move]:
    """The moves of an item that were undone at a moment, in the order in which they were made."""
    clearing, back = tables.suspense_clearing, tables.journal.alias("back")
    undone = sa.select(clearing).join(back, back.c.reverses == clearing.c.journal).where(clearing.c.item == item, back.c.posted_at == at)
    return [Move(row.journal, row.account, row.amount_pence) for row in await tx.connection.execute(undone.order_by(clearing.c.attempt))]


async def note_posted_again(tx: Transaction, repeated: dict[UUID, UUID]) -> None:
    """Keep which journal repeats which, new ones by old ones; what had come into suspense lies there again, as old as it is.

    Errors: IntegrityError where one was posted again before, has other entries, or was undone by no match that was taken back.
    """
    again, item = tables.posted_again, tables.suspense_item
    before = {row.journal: row.first for row in await tx.connection.execute(sa.select(again).where(again.c.journal.in_(list(repeated))))}
    rows = [{"journal": new, "repeats": old, "first": before.get(old, old)} for old, new in repeated.items()]
    await tx.connection.execute(again.insert(), rows)
    columns = [column for column in item.c if column.name != "journal"]
    for old, new in repeated.items():
        same = sa.select(sa.literal(new, sa.Uuid), *columns).where(item.c.journal == old)
        await tx.connection.execute(item.insert().from_select(["journal", *(column.name for column in columns)], same))


# --- opening an estate -------------------------------------------------------------------------------------------------------------


async def opened_estate(tx: Transaction) -> str | None:
    """The SHA-256 of the estate that this ledger was opened with."""
    found: str | None = await tx.connection.scalar(sa.select(tables.opened_estate.c.sha256))
    return found


async def note_opened_estate(tx: Transaction, sha256: str, name: str) -> None:
    """Keep that the ledger was opened."""
    await tx.connection.execute(tables.opened_estate.insert().values(sha256=sha256, name=name, opened_at=tx.now))


ESTATE_TABLES: dict[str, sa.Table] = {
    "property": tables.rental_property,
    "person": tables.person,
    "tenancy": tables.tenancy,
    "tenant": tables.tenant,
    "letter_address": tables.letter_address,
    "account": tables.account,
    "weekly_charge": tables.weekly_charge,
    "account_hold": tables.account_hold,
    "payment_plan": tables.payment_plan,
}


async def add_rows(tx: Transaction, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of an estate. All rows have the same columns."""
    if rows:
        await tx.connection.execute(ESTATE_TABLES[table].insert(), list(rows))


async def balances(tx: Transaction) -> list[tuple[UUID, str, int]]:
    """Every tenant's account with its kind and balance."""
    account = tables.account
    wanted = sa.select(account.c.id, account.c.kind, account.c.balance_pence).where(account.c.kind.not_in(_CONTROL)).order_by(account.c.id)
    return [(row.id, row.kind, row.balance_pence) for row in await tx.connection.execute(wanted)]


# --- sealing -----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seal:
    audit_no: int
    journal: UUID
    prev_hash: bytes
    hash: bytes


async def last_seal(tx: Transaction) -> Seal | None:
    """The head of the chain."""
    row = (await tx.connection.execute(sa.select(tables.seal).order_by(tables.seal.c.audit_no.desc()).limit(1))).first()
    return Seal(row.audit_no, row.journal, bytes(row.prev_hash), bytes(row.hash)) if row else None


@dataclass(frozen=True)
class UnsealedJournal:
    """A journal that has no seal yet, with its entries by line: (line, account, element, amount)."""

    seq: int
    id: UUID
    code: str
    effective_date: date
    posted_at: datetime
    rent_week: date | None
    cleared_on: date | None
    reverses: UUID | None
    case_id: UUID | None
    decision_id: UUID | None
    actor: str
    narrative: str
    entries: list[tuple[int, UUID, str, int]]


async def unsealed_journals(tx: Transaction, limit: int) -> list[UnsealedJournal]:
    """Journals without a seal, oldest first. Found by their absence in `seal`: a cursor would miss what committed late."""
    journal, seal, entry = tables.journal, tables.seal, tables.entry
    absent = sa.select(journal).where(~sa.exists().where(seal.c.journal == journal.c.id)).order_by(journal.c.seq).limit(limit)
    found = {
        row.id: UnsealedJournal(
            row.seq,
            row.id,
            row.code,
            row.effective_date,
            row.posted_at,
            row.rent_week,
            row.cleared_on,
            row.reverses,
            row.case_id,
            row.decision_id,
            row.actor,
            row.narrative,
            [],
        )
        for row in await tx.connection.execute(absent)
    }
    lines = sa.select(entry).where(entry.c.journal.in_(list(found))).order_by(entry.c.journal, entry.c.line)
    for row in await tx.connection.execute(lines):
        found[row.journal].entries.append((row.line, row.account, row.element, row.amount_pence))
    return list(found.values())


async def add_seals(tx: Transaction, seals: Sequence[Seal]) -> None:
    """Write seals."""
    if seals:
        rows = [
            {"audit_no": seal.audit_no, "journal": seal.journal, "prev_hash": seal.prev_hash, "hash": seal.hash, "sealed_at": tx.now}
            for seal in seals
        ]
        await tx.connection.execute(tables.seal.insert(), rows)
