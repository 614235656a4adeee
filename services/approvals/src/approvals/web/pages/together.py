"""Many green tasks decided together: chosen, shown with their total, some opened first, signed for, each with its own result."""

import asyncio
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
    for line, page in (await _as_they_are(visit, chosen)).items():
        await _decide_line(visit, chosen, line, page)
    return visit.go(f"/together/{chosen.id}")


async def _decide_line(visit: Visit, chosen: Selection, line: Line, page: CasePage | None) -> None:
    plan_hash, stands_still = (page.plan_hash, page.gone_story is not None) if page is not None else (None, False)
    try:
        asked = LineOf(chosen.id, line.task, plan_hash, stands_still)
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
    )


async def _selection(visit: Visit, chosen: Selection, form: Form) -> Response:
    tasks = [line.task for line in chosen.lines]
    why_not = {row.task: row.why_not for row in await visit.own(lambda tx: queries.rows_of(tx, tasks))}
    mine = chosen.person == visit.person.subject
    now = await _as_they_are(visit, chosen) if mine else {}
    return visit.show(
        "selection.html",
        "Decide together",
        form=form,
        chosen=chosen,
        why_not=why_not,
        labels=await visit.account_labels(line.account for line in chosen.lines),
        mine=mine,
        stand_still={line.task for line, page in now.items() if page is not None and page.gone_story},
        fresh=fresh(visit.session.authenticated_at, visit.now),
        sign_in_again=f"/sign-in?again=yes&to={quote(f'/together/{chosen.id}', safe='')}",
        names=await visit.names(),
    )
