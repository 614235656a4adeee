"""The register of what was written off, which goes on showing it, and its totals for publication."""

from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import AccountLabel, LineKind
from rentbook_contracts.writeoffs import (
    WRITE_OFF_REGISTER,
    WRITE_OFF_TOTALS,
    Reason,
    RegisterAsked,
    RegisterRow,
    TotalsAsked,
)
from starlette.responses import Response

from approvals.web.forms import Form, read_uuid
from approvals.web.pages.write_offs import choices
from approvals.web.register_csv import register_csv, totals_csv
from approvals.web.visit import LABELS_ASKED, Visit

ROWS_A_PAGE = 100
EXPORTED_AT_ONCE = 1000


async def show(visit: Visit) -> Response:
    """The register, newest first, with filters."""
    form, asked = _asked(visit)
    found = await visit.ask_or_name(WRITE_OFF_REGISTER, asked, "the register")
    return visit.show(
        "register.html",
        "Register of written-off debts",
        form=form,
        found=found,
        asked=asked,
        labels=await visit.account_labels(row.account for row in found.rows) if found else {},
        kinds=choices(LineKind),
        reasons=choices(Reason),
    )


async def download(visit: Visit) -> Response:
    """The register as the page shows it, all of its rows, as a file for a spreadsheet."""
    _, asked = _asked(visit)
    rows: list[RegisterRow] = []
    while True:
        found = await visit.ask(WRITE_OFF_REGISTER, asked.model_copy(update={"offset": len(rows), "limit": EXPORTED_AT_ONCE}))
        rows += found.rows
        if not found.rows or len(rows) >= found.in_all:
            break
    labels: dict[UUID, AccountLabel] = {}
    for start in range(0, len(rows), LABELS_ASKED):
        labels |= await visit.account_labels(row.account for row in rows[start : start + LABELS_ASKED])
    return _file(register_csv(rows, labels), f"write-off-register-{visit.today.isoformat()}")


async def totals(visit: Visit) -> Response:
    """What was written off by reason between two days: nothing about anybody."""
    form, asked = _period(visit)
    return visit.show(
        "totals.html",
        "Write-offs by reason, for publication",
        form=form,
        found=await visit.ask_or_name(WRITE_OFF_TOTALS, asked, "the totals"),
        asked=asked,
    )


async def download_totals(visit: Visit) -> Response:
    """The same totals as a file for a spreadsheet."""
    _, asked = _period(visit)
    found = await visit.ask(WRITE_OFF_TOTALS, asked)
    return _file(totals_csv(found), f"write-offs-{asked.since.isoformat()}-to-{asked.until.isoformat()}")


def financial_year(today: date) -> date:
    """The first day of the financial year, 1 April, in which a day lies."""
    return date(today.year if today >= date(today.year, 4, 1) else today.year - 1, 4, 1)


def _period(visit: Visit) -> tuple[Form, TotalsAsked]:
    """The days that were asked for; the financial year so far where none were, or they are the wrong way round."""
    form = Form(values=dict(visit.request.query_params))
    since = form.day("since", "the first day") or financial_year(visit.today)
    until = form.day("until", "the last day") or visit.today
    if since > until:
        form.wrong("The last day can’t be before the first", "until")
        since, until = financial_year(visit.today), visit.today
    return form, TotalsAsked(since=since, until=until)


def _asked(visit: Visit) -> tuple[Form, RegisterAsked]:
    """The register that the filters of the address name. A word that is no filter narrows nothing."""
    form = Form(values=dict(visit.request.query_params))
    kind, reason, typed = form.value("kind"), form.value("reason"), form.value("offset")
    asked = RegisterAsked(
        account=read_uuid(form.value("account")),
        kind=LineKind(kind) if kind in set(LineKind) else None,
        reason=Reason(reason) if reason in set(Reason) else None,
        since=form.day("since", "the first day"),
        until=form.day("until", "the last day"),
        offset=int(typed) if typed.isdecimal() and len(typed) < 8 else 0,
        limit=ROWS_A_PAGE,
    )
    return form, asked


def _file(content: bytes, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.csv"', "cache-control": "no-store"}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
