"""An account's entries with their running balance, and where each came from."""

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from rentbook_contracts.ledger import Entry, EntryKind, Provenance

from ledger.domain.dates import in_words
from ledger.domain.statement import decimals
from ledger.domain.write_off import WRITTEN_ON
from ledger.tables import bank_file, bank_file_line, entry, journal, matched_return, posted_again, posting_code, suspense_clearing

_reversal = journal.alias("reversal")
_receipt_code = posting_code.alias("receipt_code")
_undone_move = suspense_clearing.alias("undone_move")
_return = journal.alias("bank_return")
KIND_OF_CODE = sa.case((posting_code.c.takes_back.is_not(None), EntryKind.UNPAID.value), else_=posting_code.c.part)
_TOLD = sa.func.coalesce(suspense_clearing.c.item, matched_return.c.item, _return.c.id, journal.c.id)
"""The journal that a bank's line was posted for, and an entry with it."""


def entries(account: UUID, as_at: date | None) -> sa.Subquery:
    """Every entry of the account effective by a date, with the balance after it in posting order."""
    order = (journal.c.posted_at, journal.c.seq, entry.c.line)
    wanted = (
        sa.select(
            journal.c.id,
            journal.c.seq,
            journal.c.code,
            journal.c.effective_date,
            journal.c.posted_at,
            journal.c.rent_week,
            journal.c.cleared_on,
            journal.c.reverses,
            journal.c.case_id,
            journal.c.decision_id,
            journal.c.actor,
            journal.c.narrative,
            entry.c.line,
            entry.c.element,
            entry.c.amount_pence,
            posting_code.c.words,
            posting_code.c.part,
            KIND_OF_CODE.label("kind"),
            _reversal.c.id.label("reversed_by"),
            suspense_clearing.c.item,
            _return.c.id.label("bank_return"),
            matched_return.c.item.label("matched"),
            posted_again.c.first.label("first"),
            _receipt_code.c.words.label("receipt_words"),
            sa.cast(sa.func.sum(entry.c.amount_pence).over(order_by=order), sa.BigInteger).label("running_pence"),
            bank_file.c.id.label("bank_file"),
            bank_file.c.name.label("file_name"),
            bank_file.c.uploaded_by,
            bank_file_line.c.line.label("file_line"),
            bank_file_line.c.amount_pence.label("came_pence"),
            bank_file_line.c.entry_reference,
        )
        .select_from(entry)
        .join(journal, journal.c.id == entry.c.journal)
        .join(posting_code, posting_code.c.code == journal.c.code)
        .outerjoin(_reversal, _reversal.c.reverses == journal.c.id)
        .outerjoin(suspense_clearing, suspense_clearing.c.journal == journal.c.id)
        .outerjoin(_undone_move, _undone_move.c.journal == journal.c.reverses)
        # The bank's return of a payment undoes its moves from suspense in the same transaction; what was put back by hand is no return.
        .outerjoin(_return, sa.and_(_return.c.reverses == _undone_move.c.item, _return.c.posted_at == journal.c.posted_at))
        # Where a person said what a return takes back, the return's own line tells of it.
        .outerjoin(
            matched_return,
            sa.and_(
                matched_return.c.payment == sa.func.coalesce(_undone_move.c.item, journal.c.reverses),
                matched_return.c.matched_at == journal.c.posted_at,
            ),
        )
        .outerjoin(posted_again, posted_again.c.journal == _TOLD)
        .outerjoin(bank_file_line, bank_file_line.c.journal == sa.func.coalesce(posted_again.c.first, _TOLD))
        .outerjoin(_receipt_code, _receipt_code.c.code == bank_file_line.c.code)
        .outerjoin(bank_file, bank_file.c.id == bank_file_line.c.bank_file)
        .where(entry.c.account == account)
    )
    if as_at is not None:
        wanted = wanted.where(journal.c.effective_date <= as_at)
    return wanted.subquery()


def newest_first(found: sa.Subquery) -> tuple[sa.UnaryExpression[Any], ...]:
    """The order of an account's page."""
    return found.c.posted_at.desc(), found.c.seq.desc(), found.c.line.desc()


def shown(row: Any) -> Entry:
    """A row of `entries` as it is told."""
    return Entry(
        journal=row.id,
        code=row.code,
        code_words=_words(row),
        element=row.element,
        amount_pence=row.amount_pence,
        running_pence=row.running_pence,
        effective_date=row.effective_date,
        posted_at=row.posted_at,
        cleared_on=row.cleared_on,
        narrative=row.narrative,
        reverses=row.reverses,
        reversed_by=row.reversed_by,
        provenance=Provenance(
            bank_file=row.bank_file,
            file_name=row.file_name,
            line=row.file_line,
            entry_reference=row.entry_reference,
            actor=row.uploaded_by or row.actor if row.actor == "system" else row.actor,
            decision=row.decision_id,
            case=row.case_id,
            source=_source(row),
            from_suspense=row.item is not None,
        ),
    )


def _words(row: Any) -> str:
    if row.bank_return is not None:
        return f"{row.receipt_words}, of a payment that was moved from suspense"
    if row.matched is not None:
        return f"{row.receipt_words}, matched by hand"
    if row.code == WRITTEN_ON and row.reverses is not None:
        return "Unclaimed credit given back from income"
    if row.item is None:
        return str(row.words)
    return f"{row.receipt_words}, {_part(row)}moved from suspense"


def _part(row: Any) -> str:
    return "" if -row.amount_pence == row.came_pence else f"part of £{decimals(row.came_pence)}, "


def _source(row: Any) -> str:
    if row.matched is not None:
        return f"{row.file_name}, line {row.file_line}: the bank took a payment back, and somebody said that it was this one"
    if row.bank_return is not None:
        return f"{row.file_name}, line {row.file_line}: the bank took back a payment that was moved from suspense"
    if row.reverses is not None:
        return f"reversal of an earlier entry: {row.words.lower()}"
    if row.bank_file is not None:
        place = f"{row.file_name}, line {row.file_line}"
        if row.first is not None:
            place = f"{place}, posted again: it was not what the bank took back"
        if row.item is None:
            return place
        return f"{place}, {_part(row)}moved from suspense"
    if row.rent_week is not None:
        return f"weekly debit of {in_words(row.rent_week)}"
    if row.part == "opening":
        return "brought along when the ledger was opened"
    if row.part == "write-offs":
        return "schedule of write-offs, approved"
    if row.case_id is not None:
        return "refund case, approved"
    return "posted by a member of staff" if row.actor != "system" else "brought along when the ledger was opened"
