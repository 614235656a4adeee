"""The provision for bad debts at a month's end: what it has to be, by status and age of debt, what it is, and its posting by finance."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from chassis.peers import Refused
from rentbook_contracts.ledger import (
    POST_PROVISION,
    PROVISION,
    PostProvision,
    ProvisionAsked,
    ProvisionRate,
    ProvisionReport,
    ProvisionRow,
    ProvisionStatus,
)
from rentbook_contracts.people import Role
from rentbook_contracts.words import counted
from starlette.responses import Response

from approvals.web.chart import Bar, bar_chart
from approvals.web.forms import Form
from approvals.web.report import Column, Report, Table, ending_asked, handed_out
from approvals.web.visit import Visit, note_refusal
from approvals.web.wording import day, headline, when
from approvals.web.workbook import Cell, Kind

MONTHS_OFFERED = 36
_SEEN = re.compile(r"-?[0-9]{1,15}")
STATUSES: Mapping[ProvisionStatus, str] = {"current": "Current tenants", "former": "Former tenants"}
EXPENSE, HELD = "Bad-debt expense", "Provision for bad debts"


def month_ends(today: date) -> list[date]:
    """The last days of the months that have ended, the latest first."""
    found, on = [], today.replace(day=1)
    for _ in range(MONTHS_OFFERED):
        found.append(on - timedelta(days=1))
        on = found[-1].replace(day=1)
    return found


def age_band(from_days: int, to_days: int | None) -> str:
    """How long ago it fell due: *up to 28 days*, *29 to 90 days*, *366 days or more*."""
    if to_days is None:
        return f"{counted(from_days, 'day')} or more" if from_days else "of any age"
    return f"{from_days} to {counted(to_days, 'day')}" if from_days else f"up to {counted(to_days, 'day')}"


def banded(rates: Sequence[ProvisionRate]) -> list[tuple[str, int]]:
    """Each rate, in basis points, with what it is of: *Former tenants, 29 to 90 days*. A band ends the day before the next one begins."""
    found = []
    for status, words in STATUSES.items():
        ages = sorted((rate.from_days, rate.basis_points) for rate in rates if rate.status == status)
        ends = [days - 1 for days, _ in ages[1:]]
        found += [(f"{words}, {age_band(days, end)}", points) for (days, points), end in zip(ages, [*ends, None], strict=True)]
    return found


def sides(report: ProvisionReport) -> tuple[str, str]:
    """What is debited and what is credited (domain.md 2.5)."""
    return (EXPENSE, HELD) if report.to_post_pence > 0 else (HELD, EXPENSE)


async def show(visit: Visit) -> Response:
    """A month's provision as it was posted, or as it would be posted now."""
    return await _page(visit, Form(values=dict(visit.request.query_params)))


async def post(visit: Visit) -> Response:
    """Post what is missing, once for each month."""
    form = await visit.sent()
    asked = _asked(visit, form)
    seen = _SEEN.fullmatch(form.value("seen"))
    if seen is None:
        form.wrong("Look at what would be posted, then post it.")
    elif not form.errors:
        try:
            await visit.command(POST_PROVISION, PostProvision(month_end=asked.month_end, to_post_pence=int(seen.group())), form)
            return visit.go(f"/write-offs/provision?month_end={asked.month_end.isoformat()}&done=provision")
        except Refused as refused:
            note_refusal(form, refused, ("month_end",))
    return await _page(visit, form)


async def download(visit: Visit) -> Response:
    """The report of a month's end."""
    ending_asked(visit)
    form = Form(values=dict(visit.request.query_params))
    asked = _asked(visit, form)
    if form.errors:
        return visit.go_to_filters("/write-offs/provision")
    return await handed_out(visit, provision_report(await visit.ask(PROVISION, asked), await visit.names()))


def _asked(visit: Visit, form: Form) -> ProvisionAsked:
    """The month that was asked for, or the one that ended last."""
    return ProvisionAsked(month_end=form.day("month_end", "the last day of the month") or month_ends(visit.today)[0])


async def _page(visit: Visit, form: Form) -> Response:
    asked = _asked(visit, form)
    report = await visit.ask(PROVISION, asked)
    offered = month_ends(visit.today)
    return visit.show(
        "provision.html",
        "Provision for bad debts",
        form=Form(form.id, {**form.values, "month_end": report.month_end.isoformat()}, errors=form.errors),
        report=report,
        months=[(one.isoformat(), f"{one:%B %Y}") for one in sorted({*offered, report.month_end}, reverse=True)],
        statuses=[(STATUSES[status], [row for row in report.rows if row.status == status]) for status in STATUSES],
        age_band=age_band,
        sides=sides(report),
        chart=bar_chart(_by_age(report.rows)),
        names=await visit.names(),
        may_post=visit.person.has(Role.FINANCE) and report.journal is None and report.later is None and report.to_post_pence != 0,
    )


def _by_age(rows: Sequence[ProvisionRow]) -> list[Bar]:
    return [Bar(f"{headline(row.status)}, {age_band(row.from_days, row.to_days)}", row.owed_pence) for row in rows]


def _posted(report: ProvisionReport, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """By whom and when; whoever has the report made may be somebody else."""
    if report.posted_by is None or report.posted_at is None:
        return ()
    return (("Posted by", f"{names.get(report.posted_by, report.posted_by)} on {when(report.posted_at)}"),)


ROWS = (
    Column("Tenants"),
    Column("Fell due"),
    Column("Owed", Kind.MONEY),
    Column("Rate", Kind.RATE),
    Column("Expected loss", Kind.MONEY),
)

BY_STATUS = (Column("Tenants"), Column("Owed", Kind.MONEY), Column("Expected loss", Kind.MONEY))


TOLD = (
    Column("At the end of", Kind.DAY),
    Column("What"),
    *ROWS,
    Column("Account"),
    Column("Debit", Kind.MONEY),
    Column("Credit", Kind.MONEY),
    Column("Journal"),
)
"""The table, its sums and its journal in one, for machines: *What* says which of them a row is."""


def provision_report(report: ProvisionReport, names: Mapping[str, str]) -> Report:
    """The table of expected loss with the journal that closes the gap."""
    rows: list[Sequence[Cell]] = [
        (STATUSES[row.status], age_band(row.from_days, row.to_days), row.owed_pence, row.rate_basis_points, row.expected_loss_pence)
        for row in report.rows
    ]
    by_status = [
        (words, sum(row.owed_pence for row in of), sum(row.expected_loss_pence for row in of))
        for status, words in STATUSES.items()
        if (of := [row for row in report.rows if row.status == status])
    ]
    owed = sum(row.owed_pence for row in report.rows)
    debited, credited = sides(report)
    total: tuple[Cell, ...] = ("Together", None, owed, None, report.wanted_pence)
    pence = abs(report.to_post_pence)
    journal: list[Sequence[Cell]] = [(debited, pence, None), (credited, None, pence)] if pence else []
    posted = str(report.journal) if report.journal else "not posted: a later month was" if report.later else "not posted"
    return Report(
        f"provision-{report.month_end.isoformat()}",
        f"Provision for bad debts, {report.month_end:%B %Y}",
        (
            Table("Expected loss", ROWS, rows, total),
            Table("By status", BY_STATUS, by_status, ("Together", owed, report.wanted_pence)),
            Table(
                "Journal",
                (Column("Account"), Column("Debit", Kind.MONEY), Column("Credit", Kind.MONEY)),
                journal,
            ),
        ),
        facts=(
            ("At the end of", day(report.month_end)),
            ("Policy", report.policy_version),
            ("It has to be", report.wanted_pence),
            ("It was", report.held_pence),
            ("Posted" if report.journal else "Was not posted" if report.later else "To post", report.to_post_pence),
            ("Journal", posted),
            *_posted(report, names),
        ),
        notes=("What is owed as at that day, by what was effective then, without overpaid Housing Benefit.",),
        told=Table(
            "Provision",
            TOLD,
            [
                *((report.month_end, "Expected loss", *row, *(None,) * 4) for row in rows),
                (report.month_end, *total[:1], None, *total[1:], *(None,) * 4),
                *((report.month_end, "Journal", *(None,) * 5, *side, posted) for side in journal),
            ],
        ),
    )
