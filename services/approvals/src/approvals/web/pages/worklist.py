"""The worklist: four views of the same tasks, the same filters, two lanes."""

from datetime import date
from enum import Enum
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from rentbook_contracts.approvals import Answer, Lane
from rentbook_contracts.operation import Nothing
from rentbook_contracts.people import Role
from rentbook_contracts.refunds import CASES, READY_PAYMENTS, CaseRow, CasesAsked
from starlette.responses import Response

from approvals import queries
from approvals.queries import Due, Filters, View, Worklist
from approvals.use_cases.save_view import SaveView, forget_view, save_view
from approvals.web.forms import Form
from approvals.web.visit import Visit

ROWS_A_PAGE = 50
CASES_ASKED = 500

VIEWS = {View.MINE: "Mine", View.TEAM: "My team’s", View.EVERYONE: "Everyone’s", View.DECIDED: "Decided"}

EMPTY = {
    View.MINE: "Nothing waits for you.",
    View.TEAM: "Nothing waits for your team.",
    View.EVERYONE: "Nothing waits for a decision.",
    View.DECIDED: "No decision was made yet.",
}

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
    labels = await visit.account_labels(row.account for row in work.rows)
    split = await _split(visit, work)
    staff = await visit.own(queries.staff_known)
    saved = await visit.own(queries.saved_views)
    return visit.show(
        "work.html",
        "Work",
        form=form,
        work=work,
        lanes=_lanes(work),
        labels=labels,
        split=split,
        views=VIEWS,
        empty=EMPTY[view],
        due=DUE,
        lane_words=LANES,
        answers=ANSWERS,
        staff=staff,
        saved=[(one, f"/work?{urlencode({'view': one.view.value, **_address(one.filters)})}") for one in saved],
        shown_as={"view": view.value, **_address(filters)},
        narrowed=filters != Filters(),
        ready=await _ready(visit),
    )


async def save(visit: Visit) -> Response:
    """Keep the view that is shown, with its filters, under a name of the person's own."""
    form = await visit.sent()
    view = _one_of(View, form.value("view")) or View.MINE
    filters = _filters(form)
    back = f"/work?{urlencode({'view': view.value, **_address(filters)})}"
    if form.errors or not form.value("name").strip():
        return visit.go(back)
    await visit.change(lambda tx: save_view(tx, SaveView(form.value("name"), view, filters)), form)
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


async def _split(visit: Visit, work: Worklist) -> dict[tuple[UUID, int], CaseRow]:
    """What of each task's amount is refund and what pays other debts, by case and attempt."""
    if not work.rows:
        return {}
    found = await visit.ask_or_name(CASES, CasesAsked(limit=CASES_ASKED), "what of each amount pays other debts")
    return {(case.case, case.attempt): case for case in found.cases} if found else {}


async def _ready(visit: Visit) -> object:
    return await visit.ask_or_name(READY_PAYMENTS, Nothing(), "the day’s payment cut-off")


def _lanes(work: Worklist) -> list[tuple[Lane | None, list[object]]]:
    if work.view is View.DECIDED:
        return [(None, list(work.rows))]
    return [(lane, [row for row in work.rows if row.lane is lane]) for lane in Lane]


def _filters(form: Form) -> Filters:
    from_pence, to_pence = form.pence("from", "The least amount"), form.pence("to", "The most amount")
    since: date | None = form.day("since", "the first day")
    until: date | None = form.day("until", "the last day")
    return Filters(
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
