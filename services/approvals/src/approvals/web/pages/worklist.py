"""The worklist: four views of the same tasks, the same filters, two lanes."""

from collections.abc import Sequence
from datetime import date
from enum import Enum
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from rentbook_contracts.approvals import Answer, Lane
from rentbook_contracts.operation import BrokenRule, Nothing
from rentbook_contracts.people import Role
from rentbook_contracts.refunds import CASE_GLANCES, CASES, READY_PAYMENTS, CaseRow, CasesAsked, CaseStatus, Glance, GlancesAsked
from starlette.responses import Response

from approvals import queries
from approvals.domain.asking import WRITE_OFF_WORKERS
from approvals.domain.tasks import Kind
from approvals.queries import Due, Filters, TaskRow, View, Worklist
from approvals.use_cases.save_view import SaveView, forget_view, save_view
from approvals.web.forms import Form
from approvals.web.visit import MayNot, Visit

ROWS_A_PAGE = 50
NOBODY = "nobody-here"
CASES_ASKED = 500
REVIEWS_SHOWN = 50

REVIEWS_IN = frozenset({View.TEAM, View.EVERYONE})
"""Nobody is asked to take up a review: it waits for whoever begins."""

VIEWS = {View.MINE: "Mine", View.TEAM: "My team’s", View.EVERYONE: "Everyone’s", View.DECIDED: "Decided"}

EMPTY = {
    View.MINE: "Nothing waits for you.",
    View.TEAM: "Nothing waits for your team.",
    View.EVERYONE: "Nothing waits for a decision.",
    View.DECIDED: "No decision was made yet.",
}

KINDS = {Kind.REFUND: "Refunds", Kind.WRITE_OFF: "Schedules of write-offs"}
DUE = {Due.LATE: "Late", Due.SOON: "Today or the next working day"}
LANES = {Lane.GREEN: "Green: every check passes", Lane.LOOK: "Look: something to look at"}
ANSWERS = {Answer.APPROVED: "Approved", Answer.DECLINED: "Declined", Answer.SENT_BACK: "Sent back"}

E = TypeVar("E", bound=Enum)


async def home(visit: Visit) -> Response:
    """Where a person's day begins: finance at the runs, everybody else at their work."""
    finance_alone = visit.person.roles == {Role.FINANCE}
    return visit.go("/runs" if finance_alone else "/work")


async def show(visit: Visit) -> Response:
    """One view of the worklist. A word of the address that is no filter is left aside."""
    words = visit.request.query_params
    form = Form(values=dict(words))
    view = _one_of(View, words.get("view")) or (View.MINE if visit.person.may_change_anything else View.EVERYONE)
    filters = _filters(form)
    typed = words.get("offset", "0")
    offset = int(typed) if typed.isdecimal() and len(typed) < 8 else 0
    work = await visit.own(lambda tx: queries.worklist(tx, view, filters, offset=offset, limit=ROWS_A_PAGE))
    labels = await visit.account_labels(row.account for row in work.rows if row.account is not None)
    schedules = await visit.own(lambda tx: queries.schedules_about(tx, [row.task for row in work.rows if row.kind is Kind.WRITE_OFF]))
    found = await visit.ask_or_name(
        CASES, CasesAsked(limit=CASES_ASKED), "what waits for evidence, and what of each amount pays other debts"
    )
    awaited = {one: _waiting(visit, one, found.cases) if found and filters == Filters() else [] for one in View}
    waiting = awaited[view]
    reviews = await _reviews(visit, filters)
    listed = reviews[:REVIEWS_SHOWN] if view in REVIEWS_IN else []
    labels = {**labels, **await visit.account_labels(case.account for case in (*waiting, *listed) if case.account not in labels)}
    glances = await _glances(visit, work)
    staff = await visit.own(queries.staff_known)
    saved = await visit.own(queries.saved_views)
    away = [one for one in await visit.own(queries.absences) if one.from_on <= visit.today and not one.over(visit.today)]
    return visit.show(
        "work.html",
        "Work",
        form=form,
        work=work,
        lanes=_lanes(work),
        labels=labels,
        schedules=schedules,
        split={(case.case, case.attempt): case for case in found.cases} if found else {},
        waiting=waiting,
        reviews=listed,
        reviews_in_all=len(reviews),
        reviews_asked=CASES_ASKED,
        counts={one: work.counts[one] + len(awaited[one]) + (len(reviews) if one in REVIEWS_IN else 0) for one in View},
        glances=glances,
        views=VIEWS,
        empty=EMPTY[view],
        due=DUE,
        lane_words=LANES,
        kinds=KINDS,
        answers=ANSWERS,
        staff=staff,
        raisers={one.subject for one in staff if not WRITE_OFF_WORKERS.isdisjoint(one.roles)},
        names={one.subject: one.name for one in staff},
        saved=[(one, f"/work?{urlencode({'view': one.view.value, **_address(one.filters)})}") for one in saved],
        shown_as={"view": view.value, **_address(filters)},
        narrowed=filters != Filters(),
        ready=await _ready(visit),
        away=[one for one in away if visit.person.subject in (one.person, one.deputy)],
    )


async def save(visit: Visit) -> Response:
    """Keep the view that is shown, with its filters, under a name of the person's own."""
    form = await visit.sent()
    view = _one_of(View, form.value("view")) or View.MINE
    filters = _filters(form)
    back = f"/work?{urlencode({'view': view.value, **_address(filters)})}"
    if form.errors or not form.value("name").strip():
        return visit.go(back)
    try:
        await visit.change(lambda tx: save_view(tx, SaveView(form.value("name"), view, filters)), form)
    except BrokenRule as refused:
        raise MayNot(refused.message) from refused
    return visit.go(f"{back}&done=saved")


async def forget(visit: Visit) -> Response:
    """Forget one of the person's own views."""
    view: UUID = visit.request.path_params["view"]
    form = await visit.sent()
    await visit.change(lambda tx: forget_view(tx, view), form)
    return visit.go("/work", done="forgotten")


def _address(filters: Filters) -> dict[str, str]:
    """Filters as this page's address carries them: amounts in pounds, dates as browsers send them."""
    words: dict[str, object] = {
        "kind": filters.kind,
        "lane": filters.lane,
        "due": filters.due,
        "answer": filters.answer,
        "from": _typed(filters.from_pence),
        "to": _typed(filters.to_pence),
        "raised_by": filters.raised_by,
        "decided_by": filters.decided_by,
        "unclaimed": "yes" if filters.unclaimed else None,
        "since": filters.since,
        "until": filters.until,
    }
    return {name: str(word) for name, word in words.items() if word is not None}


def _typed(pence: int | None) -> str | None:
    return None if pence is None else f"{pence // 100}.{pence % 100:02d}"


def _waiting(visit: Visit, view: View, cases: Sequence[CaseRow]) -> list[CaseRow]:
    """Cases that no approver has yet because a document is awaited: those that the person took, or all; none was decided."""
    if view is View.DECIDED:
        return []
    mine = visit.person.subject if view is View.MINE else None
    return [one for one in cases if one.status is CaseStatus.WAITING_FOR_EVIDENCE and mine in (None, one.taken_by)]


async def _reviews(visit: Visit, filters: Filters) -> Sequence[CaseRow]:
    """Credit that Rentbook found and nobody has taken up yet, the longest waiting first."""
    if filters != Filters():
        return []
    asked = CasesAsked(statuses=(CaseStatus.REVIEW,), limit=CASES_ASKED)
    found = await visit.ask_or_name(CASES, asked, "which reviews wait for somebody to take them up")
    return sorted(found.cases, key=lambda case: (case.opened_at, case.case)) if found else []


async def _glances(visit: Visit, work: Worklist) -> dict[UUID, Glance]:
    """What each row says of its case: source of the credit, payee, earlier refunds."""
    cases = {row.case for row in work.rows if row.kind is Kind.REFUND}
    if not cases or work.view is View.DECIDED:
        return {}
    asked = GlancesAsked(cases=tuple(cases))
    found = await visit.ask_or_name(CASE_GLANCES, asked, "where each credit came from and who is paid")
    return {one.case: one for one in found.glances} if found else {}


async def _ready(visit: Visit) -> object:
    return await visit.ask_or_name(READY_PAYMENTS, Nothing(), "the day’s payment cut-off")


def _lanes(work: Worklist) -> list[tuple[str | None, list[TaskRow]]]:
    """The rows under their headings, what nobody present may decide on top."""
    if work.view is View.DECIDED:
        return [(None, list(work.rows))]
    stuck = [row for row in work.rows if row.nobody_here]
    return [(NOBODY, stuck), *((lane.value, [row for row in work.rows if row.lane is lane and not row.nobody_here]) for lane in Lane)]


def _filters(form: Form) -> Filters:
    from_pence, to_pence = form.pence("from", "The least amount"), form.pence("to", "The most amount")
    since: date | None = form.day("since", "the first day")
    until: date | None = form.day("until", "the last day")
    return Filters(
        kind=_one_of(Kind, form.value("kind")),
        lane=_one_of(Lane, form.value("lane")),
        due=_one_of(Due, form.value("due")),
        answer=_one_of(Answer, form.value("answer")),
        from_pence=from_pence,
        to_pence=to_pence,
        raised_by=form.value("raised_by") or None,
        decided_by=form.value("decided_by") or None,
        unclaimed=form.value("unclaimed") == "yes",
        since=since,
        until=until,
    )


def _one_of(kind: type[E], word: str | None) -> E | None:
    return next((one for one in kind if one.value == word), None)
