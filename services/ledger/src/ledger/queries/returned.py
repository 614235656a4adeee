"""A return that does not say what it takes back: the payments that it may be, what a person said of it, and what was said lately."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountLabel, AccountStatus, MatchedReturn, MayComeBack, ReturnAsked, ReturnMatch, ReturnPage

from ledger.domain.dates import business_date
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from ledger.domain.references import ReferenceScheme
from ledger.domain.rules import NoSuchItem
from ledger.domain.suspense import PAID_OUT, Marks, agrees, alike, signs
from ledger.queries.labels import labels_of, written_as
from ledger.queries.refund_facts import one_snapshot
from ledger.queries.suspense_rows import STANDS_MOVED, items, schemes_in_force, stood_until
from ledger.tables import (
    account,
    bank_file,
    bank_file_line,
    entry,
    journal,
    matched_return,
    posted_again,
    posting_code,
    suspense_clearing,
    suspense_item,
    unmatched_return,
)

PAYMENTS_SHOWN = 50
PAYMENTS_LOOKED_AT = 500
"""How many payments, the nearest before a return, are held against its words."""

MATCHED_SHOWN = 20

Against = Literal["other-bank-account", "later", "cleared", "closed"]

_reversal = journal.alias("reversal")


async def return_page(tx: Transaction, asked: ReturnAsked) -> ReturnPage:
    """Errors: NoSuchItem."""
    await one_snapshot(tx)
    row = (await tx.connection.execute(items().where(suspense_item.c.journal == asked.item))).first()
    if row is None or row.amount_pence >= 0 or row.reason == PAID_OUT:
        raise NoSuchItem("There is no such return in suspense.", field="item")
    match = await _match(tx, row)
    undone = await tx.connection.scalar(sa.select(journal.c.id).where(journal.c.reverses == asked.item))
    if match is None and undone is not None:
        raise NoSuchItem("This return is not in suspense any more.", field="item")
    payments, in_all = (await _payments(tx, row, asked.reference)) if match is None else ((), 0)
    return ReturnPage(
        item=row.journal,
        amount_pence=-row.amount_pence,
        on=row.since,
        code_words=row.words,
        reason=row.reason,
        payer_name=row.payer_name,
        text=row.text or row.narrative,
        bank_file=row.bank_file,
        file_name=row.file_name,
        line=row.line,
        payments=payments,
        in_all=in_all,
        match=match,
    )


# --- which payment it may be --------------------------------------------------------------------------------------------------------


async def _payments(tx: Transaction, back: Any, reference: str | None) -> tuple[tuple[MayComeBack, ...], int]:
    """What was not taken back of its amount and an agreeing method, the likeliest first, and how many there are."""
    bank = CONTROL_ACCOUNTS[Control.BANK]
    came = sa.select(entry.c.journal).where(entry.c.account == bank, entry.c.amount_pence == -back.amount_pence)
    wanted = _receipts().where(
        journal.c.id.in_(came),
        journal.c.code.in_(await _methods(tx, back)),
        journal.c.reverses.is_(None),
        ~sa.exists().where(_reversal.c.reverses == journal.c.id),
    )
    if reference is not None:
        posted_there = sa.select(entry.c.journal).where(entry.c.account.in_(written_as(reference)))
        moved_there = sa.select(suspense_clearing.c.item).where(suspense_clearing.c.account.in_(written_as(reference)), STANDS_MOVED)
        wanted = wanted.where(sa.or_(journal.c.id.in_(posted_there), journal.c.id.in_(moved_there)))
    in_all = int(await tx.connection.scalar(sa.select(sa.func.count()).select_from(wanted.subquery())) or 0)
    later = journal.c.effective_date > back.since
    nearest = wanted.order_by(later, journal.c.effective_date.desc(), journal.c.seq.desc()).limit(PAYMENTS_LOOKED_AT)
    rows = (await tx.connection.execute(nearest)).all()
    stands = await _where_they_stand(tx, [row.id for row in rows])
    schemes, mine = await schemes_in_force(tx, business_date(tx.now)), _marks(back)
    rows = sorted(rows, key=lambda row: -alike(mine, _marks(row), schemes))[:PAYMENTS_SHOWN]
    return tuple(_may_come_back(row, back, stands[row.id], schemes) for row in rows), in_all


async def _methods(tx: Transaction, back: Any) -> list[str]:
    """The codes of receipts that agree with the return's."""
    codes = (await tx.connection.execute(sa.select(posting_code))).all()
    takes_back = {row.code: row.takes_back for row in codes if row.takes_back is not None}
    any_method = await tx.connection.scalar(sa.select(bank_file.c.format).where(bank_file.c.id == back.bank_file)) == "allpay"
    receipts = [row.code for row in codes if row.part == "receipts"]
    return [code for code in receipts if agrees(takes_back, back.code, code, any_method=any_method)]


def _receipts() -> sa.Select[Any]:
    """Receipts with what the bank's file said of them, where one told of them."""
    return (
        sa.select(
            journal,
            posting_code.c.words,
            sa.func.coalesce(suspense_item.c.payer_name, "").label("payer_name"),
            sa.func.coalesce(suspense_item.c.text, "").label("text"),
            bank_file.c.id.label("bank_file"),
            bank_file.c.name.label("file_name"),
            bank_file_line.c.line,
        )
        .join(posting_code, posting_code.c.code == journal.c.code)
        .outerjoin(suspense_item, suspense_item.c.journal == journal.c.id)
        .outerjoin(posted_again, posted_again.c.journal == journal.c.id)
        .outerjoin(bank_file_line, bank_file_line.c.journal == sa.func.coalesce(posted_again.c.first, journal.c.id))
        .outerjoin(bank_file, bank_file.c.id == bank_file_line.c.bank_file)
    )


async def _where_they_stand(tx: Transaction, receipts: Collection[UUID]) -> dict[UUID, list[AccountLabel]]:
    """The accounts on which each receipt stands, whole or in part."""
    posted = (
        sa.select(entry.c.journal.label("receipt"), entry.c.account)
        .join(account, account.c.id == entry.c.account)
        .where(entry.c.journal.in_(receipts), account.c.tenancy.is_not(None))
    )
    moved = sa.select(suspense_clearing.c.item, suspense_clearing.c.account).where(suspense_clearing.c.item.in_(receipts), STANDS_MOVED)
    return await _labelled(tx, [(row.receipt, row.account) for row in await tx.connection.execute(sa.union(posted, moved))])


async def _labelled(tx: Transaction, pairs: Sequence[tuple[UUID, UUID]]) -> dict[UUID, list[AccountLabel]]:
    """The labels of the accounts that belong to each id."""
    labels = {label.account: label for label in await labels_of(tx, {id_ for _, id_ in pairs})}
    found: dict[UUID, list[AccountLabel]] = defaultdict(list)
    for of, id_ in pairs:
        found[of].append(labels[id_])
    return found


def _marks(row: Any) -> Marks:
    return Marks(row.payer, row.payer_name, row.text or row.narrative)


def _may_come_back(row: Any, back: Any, labels: Sequence[AccountLabel], schemes: Sequence[ReferenceScheme]) -> MayComeBack:
    return MayComeBack(
        payment=row.id,
        on=row.effective_date,
        code_words=row.words,
        payer_name=row.payer_name,
        text=row.text or row.narrative,
        bank_file=row.bank_file,
        file_name=row.file_name,
        line=row.line,
        labels=tuple(labels),
        speaks=signs(_marks(back), _marks(row), schemes),
        against=tuple(_against(row, back, labels)),
    )


def _against(row: Any, back: Any, labels: Sequence[AccountLabel]) -> Iterator[Against]:
    if None not in (row.payer, back.payer) and row.payer != back.payer:
        yield "other-bank-account"
    if row.effective_date > back.since:
        yield "later"
    if row.cleared_on is not None and row.effective_date < row.cleared_on <= back.since:
        yield "cleared"
    if any(label.status is AccountStatus.CLOSED for label in labels):
        yield "closed"


# --- what was said ------------------------------------------------------------------------------------------------------------------


async def _match(tx: Transaction, back: Any) -> ReturnMatch | None:
    """What was said of the return, where nobody took it back."""
    said = (await tx.connection.execute(_said().where(matched_return.c.item == back.journal))).first()
    if said is None:
        return None
    row = (await tx.connection.execute(_receipts().where(journal.c.id == said.payment))).one()
    labels = (await _debited(tx, [said]))[said.item]
    schemes = await schemes_in_force(tx, business_date(tx.now))
    payment = _may_come_back(row, back, labels, schemes)
    return ReturnMatch(payment=payment, matched_at=said.matched_at, matched_by=said.matched_by, reason=said.reason)


def _said() -> sa.Select[Any]:
    """What was said of returns and not taken back."""
    return sa.select(matched_return).where(~sa.exists().where(unmatched_return.c.item == matched_return.c.item))


async def _debited(tx: Transaction, said: Sequence[Any]) -> Mapping[UUID, list[AccountLabel]]:
    """The accounts that each match debited."""
    by_item = {row.payment: row.item for row in said}
    stood = await stood_until(tx, {row.payment: row.matched_at for row in said})
    posted = (
        sa.select(entry.c.journal, entry.c.account)
        .join(account, account.c.id == entry.c.account)
        .where(entry.c.journal.in_(list(by_item)), account.c.tenancy.is_not(None))
    )
    pairs = [(by_item[row.journal], row.account) for row in await tx.connection.execute(posted)]
    return await _labelled(tx, [*pairs, *((by_item[payment], id_) for payment, accounts in stood.items() for id_ in accounts)])


async def matched_lately(tx: Transaction) -> tuple[MatchedReturn, ...]:
    """The newest returns of which a person said what they take back, and nobody took that back."""
    receipt, paid = journal.alias("receipt"), suspense_item.alias("paid")
    wanted = (
        _said()
        .add_columns(
            suspense_item.c.amount_pence,
            suspense_item.c.since,
            receipt.c.effective_date,
            sa.func.coalesce(paid.c.payer_name, "").label("payer"),
        )
        .join(suspense_item, suspense_item.c.journal == matched_return.c.item)
        .join(receipt, receipt.c.id == matched_return.c.payment)
        .outerjoin(paid, paid.c.journal == matched_return.c.payment)
        .order_by(matched_return.c.matched_at.desc())
        .limit(MATCHED_SHOWN)
    )
    rows = (await tx.connection.execute(wanted)).all()
    labels = await _debited(tx, rows)
    return tuple(
        MatchedReturn(
            item=row.item,
            amount_pence=-row.amount_pence,
            on=row.since,
            paid_on=row.effective_date,
            payer_name=row.payer,
            labels=tuple(labels[row.item]),
            matched_at=row.matched_at,
            matched_by=row.matched_by,
        )
        for row in rows
    )
