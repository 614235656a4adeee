"""The journal as software that no one here wrote reads it: hledger's journal format, and CSV."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from rentbook_contracts.words import safe_cell


@dataclass(frozen=True)
class ExportedEntry:
    """One entry as exported. `reference` is the account's, `kind` its kind."""

    line: int
    reference: str
    kind: str
    element: str
    amount_pence: int


@dataclass(frozen=True)
class ExportedJournal:
    seq: int
    id: UUID
    code: str
    words: str
    effective_date: date
    posted_at: datetime
    reverses: UUID | None
    actor: str
    entries: Sequence[ExportedEntry]


@dataclass(frozen=True)
class ExportForm:
    """How an export is written: its head, and each journal."""

    media_type: str
    extension: str
    head: str
    journal: Callable[[ExportedJournal], str]


def in_pounds(pence: int) -> str:
    """Pounds with two decimals and a leading sign, without separators of thousands."""
    return f"{'-' if pence < 0 else ''}{abs(pence) // 100}.{abs(pence) % 100:02d}"


def _hledger(journal: ExportedJournal) -> str:
    lines = [f"{journal.effective_date} ({journal.code}) {journal.words}  ; journal:{journal.id}, posted:{journal.posted_at:%Y-%m-%d}"]
    lines += [f"    {_account(entry)}  GBP {in_pounds(entry.amount_pence)}" for entry in journal.entries]
    return "\n".join(lines) + "\n\n"


def _account(entry: ExportedEntry) -> str:
    if entry.kind in ("CONTROL", "SUSPENSE"):
        return f"control:{entry.reference}"
    return f"tenants:{entry.kind}:{entry.reference}"


_HEADINGS = "seq,journal,code,words,effective_date,posted_at,reverses,actor,line,account,kind,element,amount_pence\r\n"


def _csv(journal: ExportedJournal) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for entry in journal.entries:
        writer.writerow([
            journal.seq, journal.id, journal.code, safe_cell(journal.words), journal.effective_date, journal.posted_at.isoformat(),
            journal.reverses or "", safe_cell(journal.actor), entry.line, safe_cell(entry.reference), entry.kind, safe_cell(entry.element),
            entry.amount_pence,
        ])  # fmt: skip
    return text.getvalue()


_HEAD = "; Rentbook's journal: debits positive, credits negative\n\ncommodity GBP 1000.00\n\n"
HLEDGER = ExportForm("text/plain; charset=utf-8", "journal", _HEAD, _hledger)
CSV = ExportForm("text/csv; charset=utf-8", "csv", _HEADINGS, _csv)
