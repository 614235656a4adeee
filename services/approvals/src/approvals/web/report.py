"""A report as the desk hands it out: typed tables, told as comma-separated values, as a workbook, or as PDF/UA by notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from chassis.peers import Refused
from rentbook_contracts.notices import REPORT_ROWS, SET_REPORT, ReportColumn, ReportFact, ReportTable, SetReport
from rentbook_contracts.words import counted, safe_cell
from starlette.responses import Response

from approvals.web.entries_csv import amount, written
from approvals.web.visit import NoSuchPage, Visit
from approvals.web.wording import pounds, rate, short_day, when
from approvals.web.workbook import Cell, Kind, Sheet, workbook


@dataclass(frozen=True)
class Column:
    """`printed`: whether there is room for it on paper; files for machines have every column."""

    heading: str
    kind: Kind = Kind.WORDS
    printed: bool = True


@dataclass(frozen=True)
class Table:
    """A cell is words, pence, a number, a date or basis points, as its column says; None is an empty cell. `total` is the last row."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] = ()


@dataclass(frozen=True)
class Report:
    """`name` is that of its file, without the ending. `told` is what is told of it as comma-separated values: the first table where nothing
    else is said. A fact is words, or pence.
    """

    name: str
    title: str
    tables: Sequence[Table]
    facts: Sequence[tuple[str, str | int]] = ()
    notes: Sequence[str] = ()
    told: Table | None = None


class Ending(Enum):
    """In which form a report is handed out."""

    CSV = "csv"
    WORKBOOK = "xlsx"
    PDF = "pdf"


UNITS = {Kind.MONEY: " (£)", Kind.RATE: " (%)"}
"""What a heading adds where the cells below it are numbers alone; on paper they carry their own."""

MEDIA = {
    Ending.CSV: "text/csv; charset=utf-8",
    Ending.WORKBOOK: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Ending.PDF: "application/pdf",
}


def ending_asked(visit: Visit) -> Ending:
    """Errors: NoSuchPage."""
    asked = visit.request.path_params["ending"]
    found = next((one for one in Ending if one.value == asked), None)
    if found is None:
        raise NoSuchPage("Reports are handed out as csv, xlsx or pdf.")
    return found


async def handed_out(visit: Visit, report: Report) -> Response:
    """The report as the address asks for it. Errors: NoSuchPage, Refused (too long for paper), Unanswered (notices)."""
    ending = ending_asked(visit)
    match ending:
        case Ending.CSV:
            content = as_csv(report.told or report.tables[0])
        case Ending.WORKBOOK:
            content = as_workbook(report, visit)
        case Ending.PDF:
            content = (await visit.ask(SET_REPORT, as_message(report, made_by(visit)))).pdf
    headers = {"content-disposition": f'attachment; filename="{report.name}.{ending.value}"', "cache-control": "no-store"}
    return Response(content, media_type=MEDIA[ending], headers=headers)


def made_by(visit: Visit) -> str:
    return f"Made by {visit.person.name} on {when(visit.now)}."


def as_csv(table: Table) -> bytes:
    """Amounts in pounds with two decimals, days as ISO 8601, rates in percent: bare numbers, whose headings say of what."""
    kinds = [column.kind for column in table.columns]
    rows = ([_plain(kind, cell) for kind, cell in zip(kinds, row, strict=True)] for row in table.rows)
    return written([f"{column.heading}{UNITS.get(column.kind, '')}" for column in table.columns], rows)


def as_workbook(report: Report, visit: Visit) -> bytes:
    """A first sheet that says what it is, and a sheet for each table."""
    about: list[tuple[str, str | int]] = [(report.title, ""), (made_by(visit), ""), *report.facts, *((note, "") for note in report.notes)]
    sheets = [Sheet(table.title, [_headed(column) for column in table.columns], table.rows, table.total) for table in report.tables]
    return workbook(report.title, about, sheets, visit.now)


def _headed(column: Column) -> tuple[str, Kind]:
    """A rate's cells carry their sign; amounts are numbers alone."""
    return f"{column.heading}{UNITS[Kind.MONEY] if column.kind is Kind.MONEY else ''}", column.kind


def as_message(report: Report, made: str) -> SetReport:
    """What notices sets. Errors: Refused."""
    longest = max(len(table.rows) for table in report.tables)
    if longest > REPORT_ROWS:
        words = f"The report has {counted(longest, 'row')}; as PDF it may have {REPORT_ROWS:,}. Narrow the filters, or take the workbook."
        raise Refused("ReportTooLong", words)
    return SetReport(
        title=report.title,
        made=made,
        facts=tuple(ReportFact(term=term, said=said if isinstance(said, str) else pounds(said)) for term, said in report.facts),
        tables=tuple(_printed(table) for table in report.tables),
        notes=tuple(report.notes),
    )


def _printed(table: Table) -> ReportTable:
    shown = [at for at, column in enumerate(table.columns) if column.printed]
    kinds = [column.kind for column in table.columns]

    def words(row: Sequence[Cell]) -> tuple[str, ...]:
        return tuple(_read(kinds[at], row[at]) for at in shown)

    return ReportTable(
        title=table.title,
        columns=tuple(ReportColumn(heading=table.columns[at].heading, numeric=kinds[at].numeric) for at in shown),
        rows=tuple(words(row) for row in table.rows),
        total=words(table.total) if table.total else (),
    )


def _read(kind: Kind, cell: Cell) -> str:
    """A cell as people read it."""
    if cell is None:
        return ""
    if isinstance(cell, date):
        return short_day(cell)
    if isinstance(cell, str):
        return cell
    return {Kind.MONEY: pounds, Kind.RATE: rate}.get(kind, "{:,}".format)(cell)


def _plain(kind: Kind, cell: Cell) -> str:
    """A cell as machines read it."""
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str):
        return safe_cell(cell)
    return {Kind.MONEY: amount, Kind.RATE: amount}.get(kind, str)(cell)
