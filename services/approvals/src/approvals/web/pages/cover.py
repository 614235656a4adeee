"""Who stands in for whom, and whose authority is lent to whom: said by each person for themselves, for everyone to read."""

from dataclasses import replace
from uuid import UUID

from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.people import READS_ACCOUNTS
from starlette.responses import Response

from approvals import queries
from approvals.domain.eligibility import READS_ONLY
from approvals.domain.forms import BeAway, LendAuthority
from approvals.use_cases import be_away as being_away
from approvals.use_cases import lend_authority as lending
from approvals.web.forms import FieldError, Form
from approvals.web.pages.people import given_words
from approvals.web.visit import Visit, note_refusal

LENDING = {"taker": "taker", "ceiling": "ceiling", "from_on": "lent_from", "until_on": "lent_until"}
AWAY = {"deputy": "deputy", "from_on": "away_from", "until_on": "away_until"}
"""The fields of the page's two forms, by what a rule calls them."""


async def show(visit: Visit) -> Response:
    """Today's cover, what comes, and the record of what was."""
    return await _page(visit, Form())


async def lend(visit: Visit) -> Response:
    """Lend one's authority."""
    form = await visit.sent()
    taker = form.text("taker", needed="Choose who shall decide for you", longest=200)
    ceiling = form.pence("ceiling", "The most they may decide")
    if ceiling is None and not form.error("ceiling"):
        form.wrong("Enter the most they may decide", "ceiling")
    first = form.day("lent_from", "the first day", needed=True)
    last = form.day("lent_until", "the last day", needed=True)
    if form.errors or ceiling is None or first is None or last is None:
        return await _page(visit, form)
    wanted = LendAuthority(taker, ceiling, first, last)
    try:
        await visit.change(lambda tx: lending.lend_authority(tx, wanted), form)
    except BrokenRule as refused:
        form.errors.append(FieldError(refused.message, LENDING.get(refused.field or "")))
        return await _page(visit, form)
    return visit.go("/cover", done="lent")


async def end_delegation(visit: Visit) -> Response:
    """End a delegation early."""
    delegation: UUID = visit.request.path_params["delegation"]
    form = await visit.sent()
    try:
        await visit.change(lambda tx: lending.end_delegation(tx, delegation), form)
    except BrokenRule as refused:
        note_refusal(form, refused)
        return await _page(visit, form)
    return visit.go("/cover", done="ended")


async def be_away(visit: Visit) -> Response:
    """Be out of office, with a deputy."""
    form = await visit.sent()
    deputy = form.text("deputy", needed="Choose your deputy", longest=200)
    first = form.day("away_from", "the first day", needed=True)
    last = form.day("away_until", "the last day", needed=True)
    if form.errors or first is None or last is None:
        return await _page(visit, form)
    wanted = BeAway(deputy, first, last)
    try:
        await visit.change(lambda tx: being_away.be_away(tx, wanted), form)
    except BrokenRule as refused:
        form.errors.append(FieldError(refused.message, AWAY.get(refused.field or "")))
        return await _page(visit, form)
    also_away = [one for one in await visit.own(queries.absences) if one.person == deputy and one.meets(first, last)]
    return visit.go("/cover", done="away-both" if also_away else "away")


async def come_back(visit: Visit) -> Response:
    """Be back before the day that was said."""
    absence: UUID = visit.request.path_params["absence"]
    form = await visit.sent()
    try:
        await visit.change(lambda tx: being_away.come_back(tx, absence), form)
    except BrokenRule as refused:
        note_refusal(form, refused)
        return await _page(visit, form)
    return visit.go("/cover", done="back")


async def _page(visit: Visit, form: Form) -> Response:
    # What the form finds stands beside what a rule says in sentences.
    form.errors = [one if one.message.endswith(".") else replace(one, message=f"{one.message}.") for one in form.errors]
    staff = await visit.own(queries.staff_known)
    able = [one for one in staff if one.subject != visit.person.subject and set(one.roles) != READS_ONLY]
    # Whoever reads less than what waits here could neither judge it nor look after it.
    colleagues = [(one.subject, one.name) for one in able if not visit.person.reads_accounts or READS_ACCOUNTS & set(one.roles)]
    return visit.show(
        "cover.html",
        "Cover",
        form=form,
        colleagues=colleagues,
        most_pence=await visit.own(lending.most_to_lend),
        delegations=await visit.own(queries.delegations),
        given=await visit.own(queries.given_today),
        given_words=given_words,
        absences=await visit.own(queries.absences),
        away={one.absence.id: one for one in await visit.own(queries.away_today)},
    )
