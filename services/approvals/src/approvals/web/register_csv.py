"""The register and the totals of write-offs as comma-separated values (RFC 4180), safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from rentbook_contracts.ledger import AccountLabel
from rentbook_contracts.writeoffs import RegisterRow, WriteOffTotals

from approvals.web.entries_csv import amount, inert
from approvals.web.wording import headline

REGISTER = (
    "Posted on",
    "What",
    "Reason",
    "Account",
    "Tenants",
    "Amount",
    "Of it VAT",
    "Put back",
    "Released by law",
    "Journal",
    "Decision",
)
TOTALS = ("Since", "Until", "What", "Reason", "Lines", "Amount", "Of it VAT")


def register_csv(rows: Iterable[RegisterRow], labels: Mapping[UUID, AccountLabel]) -> bytes:
    """One row a posting; amounts in pounds with two decimals."""
    return _csv(REGISTER, (_row(row, labels.get(row.account)) for row in rows))


def totals_csv(found: WriteOffTotals) -> bytes:
    """One row a reason: nothing about anybody."""
    period = (found.since.isoformat(), found.until.isoformat())
    rows = (
        (*period, headline(one.kind), headline(one.reason), str(one.lines), amount(one.amount_pence), amount(one.vat_pence))
        for one in found.totals
    )
    return _csv(TOTALS, rows)


def _row(row: RegisterRow, label: AccountLabel | None) -> tuple[str, ...]:
    return (
        row.posted_on.isoformat(),
        headline(row.kind),
        headline(row.reason),
        inert(label.reference) if label else str(row.account),
        inert(", ".join(label.names)) if label else "",
        amount(row.amount_pence),
        amount(row.vat_pence),
        amount(row.reinstated_pence),
        "yes" if row.discharged else "no",
        str(row.journal),
        str(row.decision),
    )


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Begins with a byte-order mark, or Excel misreads names."""
    told = io.StringIO()
    lines = csv.writer(told)
    lines.writerow(columns)
    lines.writerows(rows)
    return told.getvalue().encode("utf-8-sig")
