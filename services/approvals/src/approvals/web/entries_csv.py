"""Entries of an account as comma-separated values (RFC 4180), safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping

from rentbook_contracts.ledger import Entry
from rentbook_contracts.words import safe_cell

COLUMNS = ("Date", "Posted at (UTC)", "Code", "What", "Part", "Debit", "Credit", "Balance after", "Cleared on", "Text", "Where from", "By")


def as_csv(entries: Iterable[Entry], names: Mapping[str, str]) -> bytes:
    """Amounts in pounds with two decimals; a balance below nothing is a credit."""
    return written(COLUMNS, (_row(entry, names) for entry in entries))


def written(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """A table as a file. Begins with a byte-order mark, or Excel misreads names. Whoever gives words of people gives them as safe cells."""
    told = io.StringIO()
    lines = csv.writer(told)
    lines.writerow(columns)
    lines.writerows(rows)
    return told.getvalue().encode("utf-8-sig")


def amount(pence: int) -> str:
    """Pence in pounds with two decimals, as spreadsheets read it."""
    whole, rest = divmod(abs(pence), 100)
    return f"{'-' if pence < 0 else ''}{whole}.{rest:02d}"


def _row(entry: Entry, names: Mapping[str, str]) -> tuple[str, ...]:
    came = entry.provenance
    by = "Rentbook" if came.actor == "system" else names.get(came.actor or "", came.actor or "")
    return (
        entry.effective_date.isoformat(),
        f"{entry.posted_at:%Y-%m-%dT%H:%M:%SZ}",
        safe_cell(entry.code),
        safe_cell(entry.code_words),
        safe_cell(entry.element),
        amount(entry.amount_pence) if entry.amount_pence > 0 else "",
        amount(-entry.amount_pence) if entry.amount_pence < 0 else "",
        amount(entry.running_pence),
        entry.cleared_on.isoformat() if entry.cleared_on else "",
        safe_cell(entry.narrative),
        safe_cell(came.source or ""),
        safe_cell(by),
    )
