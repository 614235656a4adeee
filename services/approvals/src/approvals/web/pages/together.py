"""Many green tasks decided together: chosen, shown with their total, some opened first, signed for, each with its own result."""

import asyncio
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from chassis.peers import Refused, Unanswered
from rentbook_contracts.approvals import Lane
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.refunds import CASE_PAGE, CaseAsked, CasePage
from starlette.responses import Response

from approvals import queries
from approvals.domain.tasks import Kind
from approvals.domain.together import Line, Selection, fresh
from approvals.queries import Filters, View
from approvals.use_cases.decide_line import LineOf, decide_line, decision_of, refuse_line
from approvals.use_cases.put_together import PutTogether, put_together
from approvals.use_cases.sign_together import SignTogether, sign_together
from approvals.web.forms import Form, read_uuid
from approvals.web.visit import NoSuchPage, Visit, note_refusal

ROWS_SHOWN = 200
ASKED_AT_ONCE = 8
"""How many cases are asked of refunds at a time, before a selection is decided."""


@dataclass(frozen=True)
class Left:
    """Why a line is left alone when the others are approved: in two or three words, and as a sentence."""

    tag: str
    why: str


_STANDS_STILL = Left("Stands still", "Its workflow does not run, and it is left alone. Ask whoever looks after Rentbook to restart it.")
_CHANGED = Left("Changed", "What was shown has changed meanwhile, and it is left alone. Look at it by itself.")
_SILENT = Left("Can’t be read", "Refunds does not answer just now, and it is left alone. Open this page again later.")


async def choose(visit: Visit) -> Response:
    """What of the green lane may be decided together."""
    return await _list(visit, Form())


async def put(visit: Visit) -> Response:
    """Put the chosen tasks together, and draw which are opened first."""
    form = await visit.sent()
    tasks = tuple(task for task in map(read_uuid, form.chosen("task")) if task is not None)
    try:
        await visit.change(lambda tx: put_together(tx, PutTogether(tasks)), form)
    except BrokenRule as refused:
        note_refusal(form, refused, ("task",))
        return await _list(visit, form)
    return visit.go(f"/together/{form.id}")


async def show(visit: Visit) -> Response:
    """A selection with its total and what has to be opened, or with the result of each line."""
    return await _selection(visit, await _found(visit), Form())


async def decide(visit: Visit) -> Response:
    """Sign for the selection and decide each line by itself. Sent again, it goes on where it stopped and does nothing twice."""
    form = await visit.sent()
    chosen = await _found(visit)
    try:
        await visit.change(lambda tx: sign_together(tx, SignTogether(chosen.id, visit.session.authenticated_at)), form)
    except BrokenRule as refused:
        note_refusal(form, refused)
        return await _selection(visit, chosen, form)
    left_alone = set(form.value("left_alone").split())
    for line, page in (await _as_they_are(visit, chosen)).items():
        await _decide_line(visit, chosen, line, page, left_alone=f"{line.task}" in left_alone)
    return visit.go(f"/together/{chosen.id}")


async def _decide_line(visit: Visit, chosen: Selection, line: Line, page: CasePage | None, *, left_alone: bool) -> None:
    plan_hash, stands_still = (page.plan_hash, page.gone_story is not None) if page is not None else (None, False)
    try:
        asked = LineOf(chosen.id, line.task, plan_hash, stands_still, left_alone)
        await visit.change_as(decision_of(chosen.id, line.task), lambda tx: decide_line(tx, asked))
    except BrokenRule as refused:
        why = refused.message
        await visit.own_change(lambda tx: refuse_line(tx, chosen.id, line.task, why))


async def _as_they_are(visit: Visit, chosen: Selection) -> dict[Line, CasePage | None]:
    """The lines that have no result yet, with what refunds says of each now; None where it does not say."""
    gate = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(line: Line) -> CasePage | None:
        async with gate:
            try:
                return await visit.ask(CASE_PAGE, CaseAsked(case=line.case))
            except (Unanswered, Refused):
                return None

    open_lines = [line for line in chosen.lines if not line.done]
    return dict(zip(open_lines, await asyncio.gather(*map(ask, open_lines)), strict=True))


async def _found(visit: Visit) -> Selection:
    id_: UUID = visit.request.path_params["selection"]
    chosen = await visit.own(lambda tx: queries.selection(tx, id_))
    if chosen is None:
        raise NoSuchPage("There is no such selection.")
    return chosen


async def _list(visit: Visit, form: Form) -> Response:
    in_force = await visit.own(lambda tx: queries.policy_in_force(tx, Kind.REFUND))
    work = await visit.own(lambda tx: queries.worklist(tx, View.TEAM, Filters(lane=Lane.GREEN), limit=ROWS_SHOWN))
    refunds = [row for row in work.rows if row.kind is Kind.REFUND]
    return visit.show(
        "together.html",
        "Decide together",
        form=form,
        rows=[row for row in refunds if row.why_not is None],
        others=[row for row in refunds if row.why_not is not None],
        in_force=in_force,
        labels=await visit.account_labels(row.account for row in refunds if row.account),
        ticked=form.chosen("task"),
        begun=await visit.own(queries.open_selections),
    )


async def _selection(visit: Visit, chosen: Selection, form: Form) -> Response:
    mine = chosen.person == visit.person.subject
    left = await _left_alone(visit, chosen, mine=mine)
    whole = chosen.signed_at is not None or not mine
    return visit.show(
        "selection.html",
        "Decide together",
        form=form,
        chosen=chosen,
        left=left,
        counted=[line for line in chosen.lines if whole or line.task not in left],
        labels=await visit.account_labels(line.account for line in chosen.lines),
        mine=mine,
        fresh=fresh(visit.session.authenticated_at, visit.now),
        sign_in_again=f"/sign-in?again=yes&to={quote(f'/together/{chosen.id}', safe='')}",
        names=await visit.names(),
    )


async def _left_alone(visit: Visit, chosen: Selection, *, mine: bool) -> dict[UUID, Left]:
    """The lines without a result that can't be approved as things are, by task. Refunds is asked only for who made the selection."""
    tasks = [line.task for line in chosen.lines if not line.done]
    rows = await visit.own(lambda tx: queries.rows_of(tx, tasks))
    found = {row.task: Left("Not for you", row.why_not) for row in rows if row.why_not is not None}
    for line, page in (await _as_they_are(visit, chosen)).items() if mine else ():
        if page is None:
            found.setdefault(line.task, _SILENT)
        elif page.gone_story is not None:
            found.setdefault(line.task, _STANDS_STILL)
        elif page.plan_hash != line.content_hash:
            found.setdefault(line.task, _CHANGED)
    return found
