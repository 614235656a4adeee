"""The worklist: four views of the same tasks, the same filters, two lanes."""

from asyncio import gather
from collections.abc import Mapping
from datetime import date
from enum import Enum
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from rentbook_contracts.approvals import Answer, Lane
from rentbook_contracts.operation import BrokenRule, Nothing
from rentbook_contracts.people import MANAGERS, WRITE_OFF_WORKERS, Role
from rentbook_contracts.refunds import CASE_GLANCES, CASES, READY_PAYMENTS, CaseRow, Cases, CasesAsked, CaseStatus, Glance, GlancesAsked
from rentbook_contracts.writeoffs import PROPOSALS, Proposals, ProposalsAsked
from starlette.responses import Response

from approvals import queries
from approvals.domain.tasks import Kind
from approvals.queries import Due, Filters, TaskRow, View, Worklist
from approvals.use_cases.save_view import SaveView, forget_view, save_view
from approvals.web.forms import Form
from approvals.web.pages.schedules import as_they_stand
from approvals.web.visit import MayNot, Visit

ROWS_A_PAGE = 50
NOBODY = "nobody-here"
CASES_SHOWN = 50
"""How many of the cases that wait without a task are listed, the longest waiting first; the list of cases has the others."""

NO_CASES = Cases(cases=(), in_all=0)

NO_PROPOSALS = Proposals(proposals=(), in_all=0, total_pence=0)

PROPOSALS_SHOWN = 50

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
    work = await visit.own(lambda tx: queries.worklist(tx, view, filters, offset=visit.offset, limit=ROWS_A_PAGE))
    labels = await visit.account_labels(row.account for row in work.rows if row.account is not None)
    schedules = await visit.own(lambda tx: queries.schedules_about(tx, [row.task for row in work.rows if row.kind is Kind.WRITE_OFF]))
    split = await _split(visit, work)
    without = filters != Filters() or not visit.person.reads_accounts
    awaited, reviews = ({}, NO_CASES) if without else await gather(_awaited(visit, view), _reviews(visit, view))
    waiting = awaited.get(view, NO_CASES)
    reminded = {} if filters != Filters() or not visit.person.may_work_on_write_offs else await _reminded(visit, view)
    stale = reminded.get(view, NO_PROPOSALS)
    beside = [*(case.account for case in (*waiting.cases, *reviews.cases)), *(row.account for row in stale.proposals)]
    labels = {**labels, **await visit.account_labels(account for account in beside if account not in labels)}
    glances = await _glances(visit, work)
    staff = await visit.own(queries.staff_known)
    saved = await visit.own(queries.saved_views)
    away = await visit.own(queries.away_today)
    return visit.show(
        "work.html",
        "Work",
        form=form,
        work=work,
        lanes=_lanes(work),
        labels=labels,
        schedules=schedules,
        stand=await as_they_stand(visit, [row.case for row in work.rows if row.kind is Kind.WRITE_OFF and view is not View.DECIDED]),
        split=split,
        waiting=waiting,
        reviews=reviews,
        stale=stale.proposals,
        stale_in_all=stale.in_all,
        counts={
            one: work.counts[one]
            + awaited.get(one, NO_CASES).in_all
            + (reviews.in_all if one in REVIEWS_IN else 0)
            + reminded.get(one, NO_PROPOSALS).in_all
            for one in View
        },
        glances=glances,
        views=VIEWS,
        empty=EMPTY[view],
        due=DUE,
        lane_words=LANES,
        kinds=KINDS if visit.person.reads_accounts else {},
        answers=ANSWERS,
        staff=staff,
        raisers={one.subject for one in staff if not WRITE_OFF_WORKERS.isdisjoint(one.roles)},
        names={one.subject: one.name for one in staff},
        saved=[(one, f"/work?{urlencode({'view': one.view.value, **_address(one.filters)})}") for one in saved],
        shown_as={"view": view.value, **_address(filters)},
        narrowed=filters != Filters(),
        ready=await _ready(visit),
        away=[one for one in away if visit.person.subject in (one.absence.person, one.stands_in)],
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


async def _split(visit: Visit, work: Worklist) -> Mapping[tuple[UUID, int], CaseRow]:
    """What of each row's amount is refunded and what pays other debts, by case and attempt."""
    cases = tuple({row.case for row in work.rows if row.kind is Kind.REFUND})
    if not cases:
        return {}
    found = await visit.ask_or_name(CASES, CasesAsked(cases=cases, limit=len(cases)), "what of each amount pays other debts")
    return {(case.case, case.attempt): case for case in found.cases} if found else {}


async def _awaited(visit: Visit, view: View) -> Mapping[View, Cases]:
    """Cases that no approver has yet because a document is awaited: those that the person took, or all; none was decided.

    All are counted, and listed for the view that is shown.
    """

    async def waiting(taken_by: str | None, shown: bool) -> Cases:
        asked = _longest_waiting(CaseStatus.WAITING_FOR_EVIDENCE, shown=shown, taken_by=taken_by)
        return await visit.ask_or_name(CASES, asked, "what waits for evidence") or NO_CASES

    mine, whole = await gather(waiting(visit.person.subject, view is View.MINE), waiting(None, view in REVIEWS_IN))
    return {View.MINE: mine, View.TEAM: whole, View.EVERYONE: whole}


async def _reviews(visit: Visit, view: View) -> Cases:
    """Credit that Rentbook found and nobody has taken up yet."""
    asked = _longest_waiting(CaseStatus.REVIEW, shown=view in REVIEWS_IN)
    return await visit.ask_or_name(CASES, asked, "which reviews wait for somebody to take them up") or NO_CASES


def _longest_waiting(status: CaseStatus, *, shown: bool, taken_by: str | None = None) -> CasesAsked:
    return CasesAsked(statuses=(status,), taken_by=taken_by, oldest_first=True, limit=CASES_SHOWN if shown else 0)


async def _reminded(visit: Visit, view: View) -> Mapping[View, Proposals]:
    """Proposals that wait for a person who was reminded of them: one's own; of one's team, as a manager, what was reminded of in vain so
    often as the policy has it; or all.

    All are counted, and the oldest listed for the view that is shown.
    """
    narrowed: dict[View, dict[str, object]] = {View.MINE: {"raised_by": visit.person.subject}, View.EVERYONE: {}}
    if visit.person.has(*MANAGERS):
        narrowed[View.TEAM] = {"escalated": True}

    async def waiting(one: View) -> Proposals:
        limit = PROPOSALS_SHOWN if one is view else 0
        asked = ProposalsAsked.model_validate({"reminded": True, "oldest_first": True, "limit": limit, **narrowed[one]})
        return await visit.ask_or_name(PROPOSALS, asked, "which proposals to write off wait for somebody") or NO_PROPOSALS

    return dict(zip(narrowed, await gather(*map(waiting, narrowed)), strict=True))


async def _glances(visit: Visit, work: Worklist) -> dict[UUID, Glance]:
    """What each row says of its case: source of the credit, payee, earlier refunds."""
    cases = {row.case for row in work.rows if row.kind is Kind.REFUND}
    if not cases or work.view is View.DECIDED:
        return {}
    asked = GlancesAsked(cases=tuple(cases))
    found = await visit.ask_or_name(CASE_GLANCES, asked, "where each credit came from and who is paid")
    return {one.case: one for one in found.glances} if found else {}


async def _ready(visit: Visit) -> object:
    if not visit.person.reads_accounts:
        return None
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
