"""Tables as a workbook for Excel (ECMA-376). Nothing in it is ever calculated: words are strings, whatever they begin with."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Cell = str | int | date | None


class Kind(Enum):
    """What stands in a column. MONEY is pence, RATE basis points."""

    WORDS = "words"
    MONEY = "money"
    COUNT = "count"
    DAY = "day"
    RATE = "rate"

    @property
    def numeric(self) -> bool:
        return self in (Kind.MONEY, Kind.COUNT, Kind.RATE)


@dataclass(frozen=True)
class Sheet:
    """Headings with their kinds, rows, and a last row that stands apart so that no filter hides it."""

    name: str
    columns: Sequence[tuple[str, Kind]]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()


LONGEST_NAME = 31
"""Characters in the name of a sheet, by Excel's rule."""

WIDEST = 420
"""Pixels of a column at most."""

_FORMATS = {Kind.MONEY: "#,##0.00", Kind.COUNT: "#,##0", Kind.DAY: "dd mmm yyyy", Kind.RATE: "0.00%"}
_NEVER_CALCULATED = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


class NotWritten(Exception):
    """A cell that Excel's limits do not let in: better no workbook than one with a hole."""


def workbook(title: str, about: Sequence[tuple[str, str | int]], sheets: Sequence[Sheet], made_at: datetime) -> bytes:
    """A sheet *About*, in which a number is pence, then one for each table. Amounts stand in pounds and rates in percent, as numbers.

    Errors: NotWritten.
    """
    told = io.BytesIO()
    book = xlsxwriter.Workbook(told, _NEVER_CALCULATED)
    book.set_properties({"title": title, "author": "Rentbook", "created": made_at.replace(tzinfo=None)})
    formats = {
        (kind, bold): book.add_format({"bold": bold, "valign": "top", "num_format": _FORMATS.get(kind, "@")})
        for kind in Kind
        for bold in (False, True)
    }
    _about(book.add_worksheet("About"), about, formats)
    for sheet in sheets:
        _table(book.add_worksheet(sheet.name[:LONGEST_NAME]), sheet, formats)
    book.close()
    return told.getvalue()


Formats = dict[tuple[Kind, bool], Format]


def _about(sheet: Worksheet, about: Sequence[tuple[str, str | int]], formats: Formats) -> None:
    for at, (term, said) in enumerate(about):
        _write(sheet, at, 0, Kind.WORDS, term, formats[Kind.WORDS, at == 0])
        kind = Kind.WORDS if isinstance(said, str) else Kind.MONEY
        _write(sheet, at, 1, kind, said, formats[kind, False])
    sheet.autofit(WIDEST)


def _table(sheet: Worksheet, table: Sheet, formats: Formats) -> None:
    for column, (heading, _) in enumerate(table.columns):
        _write(sheet, 0, column, Kind.WORDS, heading, formats[Kind.WORDS, True])
    for at, row in enumerate(table.rows, start=1):
        for column, (cell, (_, kind)) in enumerate(zip(row, table.columns, strict=True)):
            _write(sheet, at, column, kind, cell, formats[kind, False])
    for column, (cell, (_, kind)) in enumerate(zip(table.total, table.columns, strict=False)):
        _write(sheet, len(table.rows) + 2, column, kind, cell, formats[kind, True])
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(table.rows)), len(table.columns) - 1)
    sheet.autofit(WIDEST)
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&RPage &P of &N")


def _write(sheet: Worksheet, row: int, column: int, kind: Kind, cell: Cell, how: Format) -> None:
    if cell is None:
        return
    if isinstance(cell, str):
        failed = sheet.write_string(row, column, cell, how)
    elif isinstance(cell, date):
        failed = sheet.write_datetime(row, column, cell, how)
    else:
        failed = sheet.write_number(row, column, _number(kind, cell), how)
    if failed:
        raise NotWritten(f"row {row + 1}, column {column + 1} of a sheet")


def _number(kind: Kind, cell: int) -> Decimal:
    return Decimal(cell) / {Kind.MONEY: 100, Kind.RATE: 10_000}.get(kind, 1)
