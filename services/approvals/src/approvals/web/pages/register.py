"""The register of what was written off, which goes on showing it, and its totals for publication."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from uuid import UUID

from rentbook_contracts.ledger import AccountLabel, LineKind
from rentbook_contracts.words import isolated
from rentbook_contracts.writeoffs import (
    WRITE_OFF_REGISTER,
    WRITE_OFF_TOTALS,
    Reason,
    RegisterAsked,
    RegisterOrder,
    RegisterRow,
    TotalByReason,
    TotalsAsked,
    WriteOffTotals,
)
from starlette.responses import Response

from approvals import queries
from approvals.domain.words import role_words
from approvals.web.forms import Form, read_offset, read_uuid
from approvals.web.pages.write_offs import choices
from approvals.web.report import Column, Report, Table, ending_asked, handed_out
from approvals.web.visit import Visit
from approvals.web.wording import headline, listed, short_day
from approvals.web.workbook import Cell, Kind

ORDERS: Mapping[RegisterOrder, str] = {
    RegisterOrder.NEWEST: "Newest first",
    RegisterOrder.OLDEST: "Oldest first",
    RegisterOrder.LARGEST: "Largest first",
    RegisterOrder.SMALLEST: "Smallest first",
    RegisterOrder.REASON: "By reason",
    RegisterOrder.ACCOUNT: "By account",
}
KINDS: Mapping[LineKind, str] = {
    LineKind.WRITE_OFF: "Written off",
    LineKind.REINSTATEMENT: "Put back",
    LineKind.CREDIT_WRITE_ON: "Credits taken to income",
}
"""What does not add up, and is summed apart."""

ROWS_A_PAGE = 100
EXPORTED_AT_ONCE = 1000


async def show(visit: Visit) -> Response:
    """The register, with filters, in the order that is asked for."""
    form, asked = _asked(visit)
    found = await visit.ask_or_name(WRITE_OFF_REGISTER, asked, "the register")
    return visit.show(
        "register.html",
        "Register of written-off debts",
        form=form,
        found=found,
        asked=asked,
        labels=await visit.account_labels(row.account for row in found.rows) if found else {},
        decided=await _decided(visit, found.rows) if found else {},
        kinds=choices(LineKind),
        kind_words=KINDS,
        orders=[(one.value, words) for one, words in ORDERS.items()],
        reasons=choices(Reason),
        signed=signed,
        notes=NOTES,
    )


async def download(visit: Visit) -> Response:
    """The register as the page shows it, all of its rows, as a report."""
    ending_asked(visit)
    form, asked = _asked(visit)
    if form.errors:
        return visit.go_to_filters("/write-offs/register")
    rows: list[RegisterRow] = []
    asked = asked.model_copy(update={"offset": 0, "limit": EXPORTED_AT_ONCE})
    while True:
        # More may be posted between two questions: what comes after the last row stays the same.
        after = rows[-1].journal if rows else None
        found = await visit.ask(WRITE_OFF_REGISTER, asked.model_copy(update={"after": after}))
        rows += found.rows
        if len(found.rows) < EXPORTED_AT_ONCE:
            break
    labels = await visit.account_labels(row.account for row in rows)
    return await handed_out(visit, register_report(rows, labels, await _decided(visit, rows), asked, visit.today))


async def _decided(visit: Visit, rows: Sequence[RegisterRow]) -> dict[UUID, str]:
    """By whom and in which role, or by which minute, what these rows rest on was decided: each in turn where several had to."""
    found = await visit.own(partial(queries.decided_by, completing={row.decision for row in rows}))
    return {id_: "; then ".join(_decider(one) for one in in_turn) for id_, in_turn in found.items()}


def _decider(one: queries.DecidedBy) -> str:
    return f"{one.body}, minute {one.reference}" if one.body else f"{one.name}, {listed([role_words(role) for role in one.roles])}"


async def totals(visit: Visit) -> Response:
    """What was written off by reason between two days: nothing about anybody."""
    form, asked = _period(visit)
    found = await visit.ask_or_name(WRITE_OFF_TOTALS, asked, "the totals")
    return visit.show(
        "totals.html",
        "Write-offs by reason, for publication",
        form=form,
        found=found,
        asked=asked,
        sums=by_kind(found) if found else [],
        kind_words=KINDS,
        says=TOTALS_SAY,
    )


async def download_totals(visit: Visit) -> Response:
    """The same totals as a report for publication."""
    ending_asked(visit)
    form, asked = _period(visit)
    if form.errors:
        return visit.go_to_filters("/write-offs/totals")
    return await handed_out(visit, totals_report(await visit.ask(WRITE_OFF_TOTALS, asked)))


REGISTER = (
    Column("Posted on", Kind.DAY),
    Column("What"),
    Column("Reason"),
    Column("Account"),
    Column("Tenants"),
    Column("Amount", Kind.MONEY),
    Column("Of which VAT", Kind.MONEY),
    Column("Put back since", Kind.MONEY),
    Column("Released by law"),
    Column("Journal", printed=False),
    Column("Decision", printed=False),
    Column("Decided by"),
)
TOGETHER = (
    Column("What"),
    Column("Entries", Kind.COUNT),
    Column("Amount", Kind.MONEY),
    Column("Of which VAT", Kind.MONEY),
    Column("Put back since", Kind.MONEY),
)
TOTALS = (
    Column("Since", Kind.DAY, printed=False),
    Column("Until", Kind.DAY, printed=False),
    Column("What"),
    Column("Reason"),
    Column("Lines", Kind.COUNT),
    Column("Amount", Kind.MONEY),
    Column("Of which VAT", Kind.MONEY),
    Column("Put back in that time", Kind.MONEY),
)

NOTES = (
    "A debt that is written off is still owed, unless the law has released it. A credit that was taken to income is still its owner’s.",
    "Both stay in this register, also where they were put back.",
    "What was put back is an entry of its own, with a minus sign: the amounts of debts add up to what of them stands written off.",
)


def register_report(
    rows: Sequence[RegisterRow], labels: Mapping[UUID, AccountLabel], decided: Mapping[UUID, str], asked: RegisterAsked, today: date
) -> Report:
    """One row a posting. Filters that narrow it are said, so that a part is never taken for the whole."""
    wanted = (
        ("Posted since", short_day(asked.since)),
        ("Posted until", short_day(asked.until)),
        ("What", headline(asked.kind) if asked.kind else ""),
        ("Reason", headline(asked.reason) if asked.reason else ""),
        ("Account", str(asked.account) if asked.account else ""),
    )
    kinds = [kind for kind in LineKind if any(row.kind is kind for row in rows)]
    together = {kind: _summed([row for row in rows if row.kind is kind]) for kind in kinds}
    shown = [
        (
            row.posted_on,
            headline(row.kind),
            headline(row.reason),
            label.reference if (label := labels.get(row.account)) else str(row.account),
            listed([isolated(name) for name in label.names]) if label else "",
            signed(row.kind, row.amount_pence),
            signed(row.kind, row.vat_pence),
            row.reinstated_pence,
            "yes" if row.discharged else "no",
            str(row.journal),
            str(row.decision),
            decided.get(row.decision, ""),
        )
        for row in rows
    ]
    return Report(
        f"write-off-register-{today.isoformat()}",
        "Register of written-off debts",
        (
            Table("Register", REGISTER, shown, _last_row(together)),
            Table("Together", TOGETHER, [(KINDS[kind], *sums) for kind, sums in together.items()]),
        ),
        facts=tuple((term, said) for term, said in wanted if said) or (("Filters", "none: the whole register"),),
        notes=NOTES,
    )


def signed(kind: LineKind, pence: int) -> int:
    """What is put back takes away from what was written off, so that a sum over both is right whoever makes it."""
    return -pence if kind is LineKind.REINSTATEMENT else pence


def _last_row(together: Mapping[LineKind, tuple[int, int, int, int]]) -> tuple[Cell, ...]:
    """The sums below the register, where all of it is of one kind."""
    if len(together) != 1:
        return ()
    [(kind, (_, amount, vat, back))] = together.items()
    return ("Together", *(None,) * 4, signed(kind, amount), signed(kind, vat), back, *(None,) * 4)


def _summed(rows: Sequence[RegisterRow]) -> tuple[int, int, int, int]:
    """How many they are, and the sums of what was posted, of its VAT and of what was put back since."""
    return (
        len(rows),
        sum(row.amount_pence for row in rows),
        sum(row.vat_pence for row in rows),
        sum(row.reinstated_pence for row in rows),
    )


TOTALS_SAY = (
    "A debt that was put back is a line of its own. A credit that went to income is still its owner’s: beside it stands what "
    "of such credits, whenever they went, was asked for and put back in that time."
)


def came_back(one: TotalByReason) -> int | None:
    """What came back of credits; None for what has lines of its own."""
    return one.came_back_pence if one.kind is LineKind.CREDIT_WRITE_ON else None


def by_kind(found: WriteOffTotals) -> list[TotalByReason]:
    """What does not add up, summed apart; the reason of each sum is that of its first line, and says nothing."""
    sums: dict[LineKind, TotalByReason] = {}
    for one in found.totals:
        so_far = sums.get(one.kind)
        names = ("lines", "amount_pence", "vat_pence", "came_back_pence")
        more = {name: getattr(so_far, name) + getattr(one, name) for name in names} if so_far else {}
        sums[one.kind] = (so_far or one).model_copy(update=more)
    return [sums[kind] for kind in LineKind if kind in sums]


def totals_report(found: WriteOffTotals) -> Report:
    """One row a reason: nothing about anybody."""
    rows = [
        (
            found.since,
            found.until,
            headline(one.kind),
            headline(one.reason),
            one.lines,
            one.amount_pence,
            one.vat_pence,
            came_back(one),
        )
        for one in found.totals
    ]
    together = [(KINDS[one.kind], one.lines, one.amount_pence, one.vat_pence, came_back(one)) for one in by_kind(found)]
    # On paper, as on the page, nothing is said of credits where none went to income.
    of_credits = any(one.kind is LineKind.CREDIT_WRITE_ON for one in found.totals)
    columns = (*TOTALS[:-1], replace(TOTALS[-1], printed=of_credits))
    return Report(
        f"write-offs-{found.since.isoformat()}-to-{found.until.isoformat()}",
        "Write-offs by reason",
        (
            Table("Totals by reason", columns, rows),
            Table("Together", (columns[2], *columns[4:]), together),
        ),
        facts=(("Posted since", short_day(found.since)), ("Posted until", short_day(found.until))),
        notes=(TOTALS_SAY,),
    )


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
    kind, reason, order = (form.value(name) for name in ("kind", "reason", "order"))
    asked = RegisterAsked(
        account=read_uuid(form.value("account")),
        kind=LineKind(kind) if kind in set(LineKind) else None,
        reason=Reason(reason) if reason in set(Reason) else None,
        since=form.day("since", "the first day"),
        until=form.day("until", "the last day"),
        order=RegisterOrder(order) if order in set(RegisterOrder) else RegisterOrder.NEWEST,
        offset=read_offset(form.value("offset")),
        limit=ROWS_A_PAGE,
    )
    return form, asked
