"""Bank files as the desk shows them: what became of each, line by line, or every fault."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import BankFileAsked, BankFilePage, BankFiles, BankFilesAsked, FileFault, FileLine, FileStatus, MethodTotal

from ledger.domain.advice import advice
from ledger.domain.rules import NoSuchFile
from ledger.domain.statement import statement_remark
from ledger.tables import bank_file, bank_file_fault, bank_file_line, bank_statement, journal, suspense_item

REMARKS_SHOWN = 20
"""How many remarks a page has at most."""

_earlier = bank_file.alias("earlier_file")
_FILE = (
    sa.select(
        bank_file,
        _earlier.c.name.label("earlier_name"),
        _earlier.c.uploaded_at.label("earlier_at"),
        _earlier.c.uploaded_by.label("earlier_by"),
    )
    .select_from(bank_file)
    .outerjoin(_earlier, _earlier.c.id == bank_file.c.earlier)
)


async def bank_file_page(tx: Transaction, asked: BankFileAsked) -> BankFilePage:
    """A file with a page of its lines, and its faults. Errors: NoSuchFile."""
    row = (await tx.connection.execute(_FILE.where(bank_file.c.id == asked.bank_file))).first()
    if row is None:
        raise NoSuchFile("There is no such bank file.", field="bank_file")
    page = _page(row, lines=await _lines(tx, asked), faults=await _faults(tx, asked.bank_file))
    return page.model_copy(
        update={
            "by_method": await _by_method(tx, asked.bank_file),
            "remarks": await _remarks(tx, asked.bank_file),
            "may_be_new": await _may_be_new(tx, row),
        }
    )


async def bank_files(tx: Transaction, asked: BankFilesAsked) -> BankFiles:
    """The newest files first, without their lines."""
    rows = await tx.connection.execute(_FILE.order_by(bank_file.c.seq.desc()).limit(asked.limit))
    return BankFiles(files=tuple(_page(row, lines=(), faults=()) for row in rows))


async def _lines(tx: Transaction, asked: BankFileAsked) -> Sequence[Any]:
    taken_back = sa.select(journal.c.id).join(suspense_item, suspense_item.c.journal == journal.c.reverses)
    back = taken_back.where(journal.c.id == bank_file_line.c.journal).exists().label("took_back_suspense")
    wanted = sa.select(bank_file_line, back).where(bank_file_line.c.bank_file == asked.bank_file).order_by(bank_file_line.c.no)
    return (await tx.connection.execute(wanted.offset(asked.offset).limit(asked.limit))).all()


async def _by_method(tx: Transaction, file: UUID) -> tuple[MethodTotal, ...]:
    total = sa.cast(sa.func.sum(bank_file_line.c.amount_pence), sa.BigInteger).label("amount_pence")
    wanted = sa.select(bank_file_line.c.code, sa.func.count().label("lines"), total).group_by(bank_file_line.c.code)
    booked = wanted.where(bank_file_line.c.bank_file == file, ~bank_file_line.c.pending)
    rows = await tx.connection.execute(booked.order_by(total.desc(), bank_file_line.c.code))
    return tuple(MethodTotal(code=row.code, lines=row.lines, amount_pence=row.amount_pence) for row in rows)


async def _faults(tx: Transaction, file: UUID) -> Sequence[Any]:
    wanted = sa.select(bank_file_fault).where(bank_file_fault.c.bank_file == file).order_by(bank_file_fault.c.no)
    return (await tx.connection.execute(wanted)).all()


async def _may_be_new(tx: Transaction, row: Any) -> bool:
    """A file that looks like an earlier one; or one with the bytes of a cash file of one payment, which may have come twice in a day."""
    if row.status == "REFUSED":
        return row.earlier is not None
    if row.status != "ALREADY_TAKEN" or row.format != "allpay":
        return False
    taken = sa.select(sa.func.count(), sa.func.max(bank_file.c.receipts)).where(
        bank_file.c.sha256 == row.sha256, bank_file.c.status == "TAKEN"
    )
    files, receipts = (await tx.connection.execute(taken)).one()
    return bool((files, receipts) == (1, 1))


async def _remarks(tx: Transaction, file: UUID) -> tuple[str, ...]:
    """Statements that begin as an earlier one of the account does, or have its number: two of a bank's statements never should."""
    mine, theirs, my_file, their_file = bank_statement.alias(), bank_statement.alias(), bank_file.alias(), bank_file.alias()
    begins = sa.and_(
        theirs.c.opening_date == mine.c.opening_date,
        theirs.c.opening_pence == mine.c.opening_pence,
        sa.not_(sa.and_(theirs.c.statement_id == mine.c.statement_id, theirs.c.page != mine.c.page)),
    )
    # Banks count their statements anew each year.
    year = sa.func.date_part("year", theirs.c.opening_date) == sa.func.date_part("year", mine.c.opening_date)
    numbered = sa.and_(
        theirs.c.page == mine.c.page,
        sa.or_(theirs.c.statement_id == mine.c.statement_id, sa.and_(theirs.c.sequence_number == mine.c.sequence_number, year)),
    )
    before = sa.tuple_(their_file.c.seq, theirs.c.line) < sa.tuple_(my_file.c.seq, mine.c.line)
    wanted = (
        sa.select(mine.c.line, mine.c.statement_id, theirs.c.statement_id.label("earlier"), their_file.c.name, begins.label("begins"))
        .select_from(mine)
        .join(my_file, my_file.c.id == mine.c.bank_file)
        .join(theirs, theirs.c.bank_account == mine.c.bank_account)
        .join(their_file, their_file.c.id == theirs.c.bank_file)
        .where(mine.c.bank_file == file, before, sa.or_(begins, numbered))
        .order_by(mine.c.line, their_file.c.seq, theirs.c.line)
        .limit(REMARKS_SHOWN)
    )
    return tuple(
        statement_remark(row.statement_id, row.line, row.earlier, row.name, same_beginning=bool(row.begins))
        for row in await tx.connection.execute(wanted)
    )


def _page(row: Any, *, lines: Sequence[Any], faults: Sequence[Any]) -> BankFilePage:
    return BankFilePage(
        bank_file=row.id,
        name=row.name,
        format=row.format,
        status=FileStatus(row.status),
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        uploaded_at=row.uploaded_at,
        uploaded_by=row.uploaded_by,
        receipts=row.receipts,
        total_pence=row.total_pence,
        in_suspense=row.in_suspense,
        pending=row.pending,
        lines=tuple(_line(line) for line in lines),
        faults=tuple(FileFault(line=fault.line, rule=fault.rule, message=fault.message) for fault in faults),
        faults_in_all=row.faults_in_all,
        advice=advice(fault.rule for fault in faults),
        earlier=row.earlier,
        earlier_name=row.earlier_name,
        earlier_at=row.earlier_at,
        earlier_by=row.earlier_by,
    )


def _line(row: Any) -> FileLine:
    return FileLine(
        line=row.line,
        amount_pence=row.amount_pence,
        code=row.code,
        entry_reference=row.entry_reference,
        effective_date=row.effective_date,
        pending=row.pending,
        account=row.account,
        account_reference=row.account_reference,
        in_suspense=row.suspense_reason is not None,
        journal=row.journal,
        suspense_reason=row.suspense_reason,
        took_back_suspense=row.took_back_suspense,
    )
