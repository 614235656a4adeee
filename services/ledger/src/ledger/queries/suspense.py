"""What lies in suspense, oldest first, each with the accounts that it may be for."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import (
    ExactAsked,
    ExactSuggestions,
    MovedItem,
    PaidBefore,
    Suspense,
    SuspenseAsked,
    SuspenseItem,
    SuspenseMatch,
    TakenBack,
)

from ledger.domain.dates import business_date
from ledger.domain.references import ReferenceScheme
from ledger.domain.suspense import (
    MATCHES,
    PAID_OUT,
    WEEKS_AT_ONCE,
    Candidate,
    Marks,
    exact,
    matches,
    name_words,
    near_references,
    payer_key,
    whole_references,
)
from ledger.queries.labels import LABEL, label, labels_of
from ledger.queries.refund_facts import one_snapshot
from ledger.queries.returned import matched_lately
from ledger.queries.suspense_rows import LEFT, STANDING, STANDS_MOVED, items, schemes_in_force, stood_until
from ledger.tables import (
    account,
    bank_file,
    bank_file_line,
    journal,
    matched_return,
    person,
    suspense_clearing,
    suspense_item,
    tenant,
    weekly_charge,
)

MOVED_SHOWN = 20
TAKEN_BACK_SHOWN = 20
ITEMS_REMEMBERED = 100
"""Of how many items the payers' earlier moves are asked for at a time."""

MOVES_REMEMBERED = 2000
"""How many earlier moves of a page's payers are looked at, the newest first."""

WORDS = 40
"""By how many words people are looked for."""

CANDIDATES = 300
"""How many accounts are looked at for one item: more than share any name or rent in a large estate's page, and no more."""


async def suspense(tx: Transaction, asked: SuspenseAsked) -> Suspense:
    """A page of what nobody has placed yet, and what was moved lately."""
    await one_snapshot(tx)
    today = business_date(tx.now)
    due = [suspense_item.c.review_by < today, suspense_item.c.escalate_on <= today]
    counts = sa.select(
        sa.func.count(),
        sa.cast(sa.func.coalesce(sa.func.sum(LEFT), 0), sa.BigInteger),
        *(sa.func.count().filter(late) for late in due),
    )
    told: Any = (await tx.connection.execute(counts.where(STANDING))).one()
    in_all, total, to_review, to_escalate = told
    rows = await _page(tx, asked)
    schemes = await schemes_in_force(tx, today)
    remembered = await _remembered(tx, rows)
    return Suspense(
        items=tuple([await _item(tx, row, schemes, remembered[row.journal]) for row in rows]),
        in_all=in_all,
        total_pence=total,
        to_review=to_review,
        to_escalate=to_escalate,
        moved=await _moved(tx),
        taken_back=await _taken_back(tx),
        matched=await matched_lately(tx),
    )


async def exact_suggestions(tx: Transaction, asked: ExactAsked) -> ExactSuggestions:
    """A page of the payments of which one account alone is quoted whole or was paid for before, of all that lie there."""
    await one_snapshot(tx)
    those = suspense_item.c.journal.in_(asked.items) if asked.items else sa.true()
    wanted = items().where(STANDING, suspense_item.c.amount_pence > 0, those).order_by(suspense_item.c.since, journal.c.seq)
    rows = (await tx.connection.execute(wanted)).all()
    schemes = await schemes_in_force(tx, business_date(tx.now))
    # Beside the event loop: a year's suspense has many words.
    quoted = await asyncio.to_thread(lambda: {row.journal: whole_references(row.text or row.narrative, schemes) for row in rows})
    named = {reference for references in quoted.values() for reference in references}
    accounts = {row.reference: row.id for row in await tx.connection.execute(_open_accounts().where(account.c.reference.in_(named)))}
    remembered: dict[UUID, dict[UUID, PaidBefore]] = {}
    for start in range(0, len(rows), ITEMS_REMEMBERED):
        remembered |= await _remembered(tx, rows[start : start + ITEMS_REMEMBERED])
    certain = {
        row.journal: {accounts[one] for one in quoted[row.journal] if one in accounts} | set(remembered[row.journal]) for row in rows
    }
    alone = {item: next(iter(found)) for item, found in certain.items() if len(found) == 1}
    open_ = set(await tx.connection.scalars(_open_accounts().with_only_columns(account.c.id).where(account.c.id.in_(alone.values()))))
    found = [row for row in rows if alone.get(row.journal) in open_]
    page = found[asked.offset : asked.offset + asked.limit]
    labels = {label.account: label for label in await labels_of(tx, {alone[row.journal] for row in page})}
    shown = []
    for row in page:
        label, before = labels[alone[row.journal]], remembered[row.journal].get(alone[row.journal])
        because: tuple[Literal["payer", "reference"], ...] = (
            *(("payer",) if before is not None else ()),
            *(("reference",) if label.reference in quoted[row.journal] else ()),
        )
        shown.append(_told(row, (SuspenseMatch(label=label, because=because, paid_before=before, exact=True),)))
    return ExactSuggestions(items=tuple(shown), in_all=len(found), total_pence=sum(row.left_pence for row in found))


def _open_accounts() -> sa.Select[Any]:
    """Tenants' accounts onto which something may be posted."""
    return sa.select(account.c.id, account.c.reference).where(account.c.tenancy.is_not(None), account.c.status != "CLOSED")


async def exact_suggestion(tx: Transaction, item: UUID) -> UUID | None:
    """The account that is suggested exactly for what lies there. Decide on it under the item's lock."""
    rows = await _page(tx, SuspenseAsked(item=item, limit=1))
    if not rows:
        return None
    remembered = await _remembered(tx, rows)
    found = await _item(tx, rows[0], await schemes_in_force(tx, business_date(tx.now)), remembered[item])
    return next((match.label.account for match in found.matches if match.exact), None)


async def _page(tx: Transaction, asked: SuspenseAsked) -> Sequence[Any]:
    wanted = (
        items()
        .where(STANDING, suspense_item.c.journal == asked.item if asked.item is not None else sa.true())
        .order_by(suspense_item.c.since, journal.c.seq)
    )
    rows: Sequence[Any] = (await tx.connection.execute(wanted.offset(asked.offset).limit(asked.limit))).all()
    return rows


async def _item(tx: Transaction, row: Any, schemes: Sequence[ReferenceScheme], paid: Mapping[UUID, PaidBefore]) -> SuspenseItem:
    text = row.text or row.narrative
    if row.amount_pence <= 0:
        return _told(row, ())
    return _told(row, await _matches(tx, row.left_pence, row.payer_name, text, schemes, paid))


def _told(row: Any, found: tuple[SuspenseMatch, ...]) -> SuspenseItem:
    """A row of `items` with the accounts that it may be for."""
    may_be_moved = row.amount_pence > 0
    return SuspenseItem(
        item=row.journal,
        amount_pence=row.left_pence,
        came_pence=row.amount_pence if row.left_pence != row.amount_pence else None,
        code=row.code,
        code_words=row.words,
        since=row.since,
        review_by=row.review_by,
        escalate_on=row.escalate_on,
        reason=row.reason,
        payer_name=row.payer_name,
        text=row.text or row.narrative,
        bank_file=row.bank_file,
        file_name=row.file_name,
        line=row.line,
        may_be_moved=may_be_moved,
        may_be_matched=not may_be_moved and row.reason != PAID_OUT,
        matches=found,
    )


# --- what it may be for -------------------------------------------------------------------------------------------------------------


async def _matches(
    tx: Transaction, amount_pence: int, payer_name: str, text: str, schemes: Sequence[ReferenceScheme], paid: Mapping[UUID, PaidBefore]
) -> tuple[SuspenseMatch, ...]:
    near = near_references(text, schemes)
    candidates = await _candidates(tx, amount_pence, _looked_for(payer_name, text), near, paid)
    found = matches(amount_pence, payer_name, text, candidates, near, paid)
    certain = exact(candidates, whole_references(text, schemes), paid)
    labels = {each.account: each for each in await labels_of(tx, [match.account for match in found])}
    return tuple(
        SuspenseMatch(
            label=labels[match.account],
            because=match.because,
            paid_before=paid.get(match.account),
            exact=match.account == certain,
        )
        for match in found
    )


async def _remembered(tx: Transaction, rows: Sequence[Any]) -> dict[UUID, dict[UUID, PaidBefore]]:
    """For each item, the accounts onto which somebody moved earlier payments of its payer, where they still stand, with the newest."""
    marks = {row.journal: Marks(row.payer, row.payer_name, "") for row in rows}
    accounts = {each.payer for each in marks.values() if each.payer is not None}
    names = {each.name.upper() for each in marks.values() if each.payer is None and each.name}
    moved = (
        sa.select(
            suspense_clearing.c.item,
            suspense_clearing.c.account,
            suspense_clearing.c.cleared_by,
            suspense_item.c.since,
            suspense_item.c.payer_name,
            journal.c.payer,
        )
        .select_from(suspense_clearing)
        .join(suspense_item, suspense_item.c.journal == suspense_clearing.c.item)
        .join(journal, journal.c.id == suspense_clearing.c.journal)
        .where(STANDS_MOVED)
        .where(
            sa.or_(journal.c.payer.in_(accounts), sa.and_(journal.c.payer.is_(None), sa.func.upper(suspense_item.c.payer_name).in_(names)))
        )
        .order_by(suspense_clearing.c.cleared_at.desc())
        .limit(MOVES_REMEMBERED)
    )
    theirs: dict[object, list[UUID]] = defaultdict(list)
    for item, mine in marks.items():
        theirs[payer_key(mine)].append(item)
    found: dict[UUID, dict[UUID, PaidBefore]] = {item: {} for item in marks}
    for row in await tx.connection.execute(moved):
        payer = payer_key(Marks(row.payer, row.payer_name, ""))
        for item in theirs[payer] if payer is not None else ():
            if item != row.item:
                found[item].setdefault(row.account, PaidBefore(on=row.since, moved_by=row.cleared_by))
    # Whoever pays for many, such as a department or a payment service, is no sign of any one of them.
    return {item: accounts if len(accounts) <= MATCHES else {} for item, accounts in found.items()}


def _looked_for(payer_name: str, text: str) -> list[str]:
    """Words by which people are looked for. Two letters are a name where a payer bears them, and noise within a text."""
    words = {*(word for word in name_words(payer_name) if len(word) > 1), *(word for word in name_words(text) if len(word) > 2)}
    return sorted(words)[:WORDS]


async def _candidates(
    tx: Transaction, amount_pence: int, words: Collection[str], near: Collection[str], paid_before: Collection[UUID]
) -> list[Candidate]:
    """Accounts for which an earlier payment, a reference, a word of a name or the amount may speak: a wide first look, by indexes."""
    named = [person.c.folded.contains(word, autoescape=True) for word in words]
    of_people = sa.select(tenant.c.tenancy).join(person, person.c.id == tenant.c.person)
    people = of_people.where(sa.or_(sa.false(), *named))
    both = [sa.cast(one, sa.Integer) for one in named]
    alike = (
        sa.select(sa.func.max(sum(both, sa.literal(0))))
        .select_from(person)
        .join(tenant, tenant.c.person == person.c.id)
        .where(tenant.c.tenancy == account.c.tenancy)
        .scalar_subquery()
    )
    weeks = [amount_pence // count for count in range(1, WEEKS_AT_ONCE + 1) if amount_pence % count == 0]
    charged = (
        sa.select(weekly_charge.c.account)
        .where(weekly_charge.c.in_force_until.is_(None))
        .group_by(weekly_charge.c.account)
        .having(sa.func.sum(weekly_charge.c.amount_pence).in_(weeks))
    )
    likely = sa.or_(
        account.c.id.in_(paid_before),
        account.c.reference.in_(near),
        account.c.tenancy.in_(people),
        account.c.id.in_(charged),
        account.c.balance_pence == amount_pence,
    )
    certain = sa.or_(account.c.id.in_(paid_before), account.c.reference.in_(near))
    first = (sa.case((certain, 0), else_=1), alike.desc(), account.c.reference)
    wanted = LABEL.where(account.c.status != "CLOSED", likely).order_by(*first).limit(CANDIDATES)
    rows = [label(row) for row in await tx.connection.execute(wanted)]
    weekly = await _weekly(tx, [row.account for row in rows])
    return [Candidate(row.account, row.reference, row.names, weekly[row.account], row.balance_pence) for row in rows]


async def _weekly(tx: Transaction, accounts: Collection[UUID]) -> dict[UUID, int]:
    charge = weekly_charge.c
    wanted = sa.select(charge.account, sa.cast(sa.func.sum(charge.amount_pence), sa.BigInteger).label("pence")).where(
        charge.account.in_(accounts), charge.in_force_until.is_(None)
    )
    rows = await tx.connection.execute(wanted.group_by(charge.account))
    return defaultdict(int, {row.account: row.pence for row in rows})


# --- what was moved -----------------------------------------------------------------------------------------------------------------


async def _moved(tx: Transaction) -> tuple[MovedItem, ...]:
    wanted = (
        sa.select(suspense_clearing, suspense_item.c.amount_pence.label("came_pence"), suspense_item.c.since)
        .join(suspense_item, suspense_item.c.journal == suspense_clearing.c.item)
        .where(STANDS_MOVED)
        .order_by(suspense_clearing.c.cleared_at.desc(), suspense_clearing.c.item, suspense_clearing.c.attempt)
        .limit(MOVED_SHOWN)
    )
    rows = (await tx.connection.execute(wanted)).all()
    labels = {each.account: each for each in await labels_of(tx, [row.account for row in rows])}
    return tuple(
        MovedItem(
            item=row.item,
            journal=row.journal,
            label=labels[row.account],
            amount_pence=row.amount_pence,
            since=row.since,
            moved_at=row.cleared_at,
            moved_by=row.cleared_by,
            came_pence=row.came_pence if row.came_pence != row.amount_pence else None,
        )
        for row in rows
    )


async def _taken_back(tx: Transaction) -> tuple[TakenBack, ...]:
    """What the bank took back, or a person undid, each with the accounts on which it stood until that moment."""
    back = journal.alias("back")
    wanted = (
        sa.select(
            suspense_item,
            back.c.id.label("back"),
            back.c.effective_date,
            back.c.posted_at,
            back.c.actor,
            bank_file.c.id.label("bank_file"),
            bank_file.c.name.label("file_name"),
            bank_file.c.uploaded_by,
            bank_file_line.c.line,
        )
        .join(back, back.c.reverses == suspense_item.c.journal)
        .outerjoin(bank_file_line, bank_file_line.c.journal == back.c.id)
        .outerjoin(bank_file, bank_file.c.id == bank_file_line.c.bank_file)
        .where(suspense_item.c.amount_pence > 0, ~sa.exists().where(matched_return.c.payment == suspense_item.c.journal))
        .order_by(back.c.posted_at.desc(), back.c.seq.desc())
        .limit(TAKEN_BACK_SHOWN)
    )
    rows = (await tx.connection.execute(wanted)).all()
    stood = await stood_until(tx, {row.journal: row.posted_at for row in rows})
    labels = {each.account: each for each in await labels_of(tx, {account for accounts in stood.values() for account in accounts})}
    return tuple(
        TakenBack(
            item=row.journal,
            journal=row.back,
            amount_pence=row.amount_pence,
            since=row.since,
            payer_name=row.payer_name,
            on=row.effective_date,
            by=row.uploaded_by or row.actor,
            bank_file=row.bank_file,
            file_name=row.file_name,
            line=row.line,
            labels=tuple(labels[account] for account in stood[row.journal]),
        )
        for row in rows
    )
