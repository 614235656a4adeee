"""Schedules of write-offs: ready proposals chosen, previewed as they would post, and put to whoever may decide them."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import LINES_IN_A_SCHEDULE, LineKind, WriteOffLine
from rentbook_contracts.writeoffs import (
    ANSWER_SCHEDULE,
    DRY_RUN,
    LINE_OFF,
    MAKE_SCHEDULE,
    PROPOSALS,
    SCHEDULE_PAGE,
    SCHEDULES,
    TAKE_OFF_SCHEDULE,
    WITHDRAW_SCHEDULE,
    AnswerSchedule,
    DryRunAsked,
    MakeSchedule,
    ProposalStatus,
    ScheduleAsked,
    SchedulePage,
    ScheduleRow,
    Schedules,
    SchedulesAsked,
    ScheduleStatus,
    TakeOffSchedule,
    WithdrawSchedule,
)
from starlette.responses import Response

from approvals import queries
from approvals.domain.reasons import SCHEDULE_REASONS
from approvals.domain.scheduling import EXCEPTION_REASONS
from approvals.web.answers import choices_of
from approvals.web.call_in import call_in_of, decided
from approvals.web.forms import Form, read_offset, read_uuid
from approvals.web.pages.write_offs import asked_by, decides, proposals_page
from approvals.web.schedule_words import STANDINGS, STATUS_WORDS, events_told
from approvals.web.story import Told, decision_words
from approvals.web.visit import Visit, note_refusal

LINES_A_PAGE = 100
SCHEDULES_SHOWN = 100
SCHEDULES_ASKED = 500

WAITING = frozenset({ScheduleStatus.WITH_APPROVER, ScheduleStatus.SENT_BACK})
"""Where a schedule stands while it may be taken back, as long as no decision ends its round."""

POSTINGS = {
    LineKind.WRITE_OFF: ("Provision for bad debts", "Tenants’ accounts"),
    LineKind.REINSTATEMENT: ("Tenants’ accounts", "Provision for bad debts"),
    LineKind.CREDIT_WRITE_ON: ("Tenants’ accounts", "Credits written on"),
}
"""What is debited and what is credited (domain.md 5.3)."""


@dataclass(frozen=True)
class Posting:
    """What would post of one charge element, over all lines."""

    element: str
    amount_pence: int
    vat_pence: int


async def listed(visit: Visit) -> Response:
    """Schedules, newest first; for whoever reads no accounts, those that were put to them."""
    status = visit.request.query_params.get("status", "")
    statuses = (ScheduleStatus(status),) if status in set(ScheduleStatus) else ()
    found = await _found(visit, statuses)
    waiting = await visit.own(lambda tx: queries.schedule_tasks(tx, still_open=True))
    in_call_in = [one.schedule for one in found.schedules if one.status is ScheduleStatus.CALL_IN] if found else []
    return visit.show(
        "schedules.html",
        "Schedules of write-offs",
        form=Form(values={"status": status}),
        found=found.schedules[:SCHEDULES_SHOWN] if found else None,
        # One more than is shown was asked for.
        more=found is not None and len(found.schedules) > SCHEDULES_SHOWN,
        statuses=[(one.value, words) for one, words in STATUS_WORDS.items()],
        names=await visit.names(),
        status_words=STATUS_WORDS,
        posted_from=await visit.own(lambda tx: queries.call_in_ends(tx, in_call_in)) if in_call_in else {},
        waiting=waiting,
        stand=await as_they_stand(visit, [one.row.case for one in waiting]),
    )


async def as_they_stand(visit: Visit, schedules: Collection[UUID]) -> dict[UUID, ScheduleRow]:
    """What is left of each of these schedules by now; of none of them where writeoffs is silent."""
    if not schedules:
        return {}
    asked = SchedulesAsked(schedules=tuple(sorted(set(schedules))), limit=SCHEDULES_ASKED)
    found = await visit.ask_or_name(SCHEDULES, asked, "which lines have dropped from the schedules since they were put forward")
    return {one.schedule: one for one in found.schedules} if found else {}


async def _found(visit: Visit, statuses: tuple[ScheduleStatus, ...]) -> Schedules | None:
    put: tuple[UUID, ...] = ()
    if not visit.person.reads_accounts:
        put = await visit.own(queries.newest_put_to_them)
        if not put:
            return Schedules(schedules=())
    asked = SchedulesAsked(statuses=statuses, schedules=put, limit=SCHEDULES_SHOWN + 1)
    return await visit.ask_or_name(SCHEDULES, asked, "the list of schedules")


async def preview(visit: Visit) -> Response:
    """What would post if the chosen proposals were decided now. Nobody has decided anything."""
    form = Form(values=dict(visit.request.query_params))
    proposals = await _chosen(visit, form)
    if not proposals:
        form.wrong("Choose at least one proposal that is ready", "proposal")
        return await proposals_page(visit, form)
    return await _preview(visit, form, proposals)


async def make(visit: Visit) -> Response:
    """Ask for a decision on these proposals. Those that are not ready any more stay behind."""
    form = await visit.sent()
    proposals = _ids(form.value("proposals").split())
    title = form.text("title", needed="Give the schedule a title, such as Former tenants, quarter 3", longest=120)
    if not proposals:
        form.wrong("Choose at least one proposal that is ready", "proposal")
        return await proposals_page(visit, form)
    if not form.errors:
        try:
            made = await visit.command(MAKE_SCHEDULE, MakeSchedule(title=title, proposals=proposals), form)
            return visit.go(f"/write-offs/schedules/{made.schedule}", done="scheduled-less" if made.left_out else "scheduled")
        except Refused as refused:
            note_refusal(form, refused)
    return await _preview(visit, form, proposals)


async def show(visit: Visit) -> Response:
    """One schedule: its lines with what became of them, and its totals."""
    return await _page(visit, Form(values=dict(visit.request.query_params)))


async def take_off(visit: Visit) -> Response:
    """Take a line off a schedule that was sent back."""
    form = await visit.sent()
    proposal: UUID = visit.request.path_params["proposal"]
    note = form.text(f"note-{proposal}", needed="Write down why the line is taken off")
    asked = TakeOffSchedule(schedule=_schedule(visit), proposal=proposal, note=note or "-")
    return await _done(visit, form, lambda: visit.command(TAKE_OFF_SCHEDULE, asked, form), "taken-off")


async def answer(visit: Visit) -> Response:
    """Answer the question with which the schedule was sent back."""
    form = await visit.sent()
    note = form.text("answer_note", needed="Write down your answer")
    asked = AnswerSchedule(schedule=_schedule(visit), note=note or "-")
    return await _done(visit, form, lambda: visit.command(ANSWER_SCHEDULE, asked, form), "answered")


async def withdraw(visit: Visit) -> Response:
    """Take the whole schedule back before it is decided."""
    form = await visit.sent()
    note = form.text("withdraw_note", needed="Write down why it is taken back")
    asked = WithdrawSchedule(schedule=_schedule(visit), note=note or "-")
    return await _done(visit, form, lambda: visit.command(WITHDRAW_SCHEDULE, asked, form), "schedule-withdrawn")


def postings(lines: Iterable[WriteOffLine]) -> list[Posting]:
    """The sums of each charge element, by name."""
    sums: dict[str, tuple[int, int]] = {}
    for part in (part for line in lines for part in line.parts):
        amount, vat = sums.get(part.element, (0, 0))
        sums[part.element] = (amount + part.amount_pence, vat + part.vat_pence)
    return [Posting(element, *sums[element]) for element in sorted(sums)]


async def _chosen(visit: Visit, form: Form) -> tuple[UUID, ...]:
    """The proposals that were ticked, or all ready ones that the filters find."""
    ticked = _ids(visit.request.query_params.getlist("proposal"))
    if ticked or form.value("all") != "ready":
        return ticked
    wanted = {"statuses": (ProposalStatus.READY,), "offset": 0, "limit": LINES_IN_A_SCHEDULE}
    found = await visit.ask(PROPOSALS, asked_by(form).model_copy(update=wanted))
    return tuple(row.proposal for row in found.proposals)


def _ids(words: Iterable[str]) -> tuple[UUID, ...]:
    found = (read_uuid(word) for word in words)
    return tuple(dict.fromkeys(one for one in found if one is not None))[:LINES_IN_A_SCHEDULE]


async def _preview(visit: Visit, form: Form, proposals: tuple[UUID, ...]) -> Response:
    would = await visit.ask(DRY_RUN, DryRunAsked(proposals=proposals))
    lines = [one.line for one in would.lines if one.line is not None]
    kinds = {line.kind for line in lines}
    if len(kinds) > 1:
        form.wrong("Put write-offs, reinstatements and credits on schedules of their own: choose those of one kind")
    return visit.show(
        "schedule_preview.html",
        "What would post",
        form=form,
        would=would,
        stays=[one for one in would.lines if one.line is None],
        proposals=proposals,
        postings=postings(lines),
        sides=POSTINGS[min(kinds)] if len(kinds) == 1 else None,
        labels=await visit.account_labels({*(line.account for line in lines), *(one.account for one in would.lines if one.account)}),
        decides=await decides(visit, would.band_pence),
    )


async def _page(visit: Visit, form: Form) -> Response:
    standing = form.value("standing")
    asked = ScheduleAsked(
        schedule=_schedule(visit),
        standings=(standing,) if standing in STANDINGS else (),
        offset=read_offset(form.value("offset")),
        limit=LINES_A_PAGE,
    )
    page = await visit.ask(SCHEDULE_PAGE, asked)
    left = [one for one in page.totals if one.standing not in LINE_OFF]
    left_out = await visit.own(lambda tx: queries.left_out(tx, page.schedule))
    history, minutes = await decided(visit, page.schedule)
    call_in = call_in_of(history, minutes) if page.status is ScheduleStatus.CALL_IN else None
    waiting = await visit.own(lambda tx: queries.schedule_tasks(tx, still_open=True, schedule=page.schedule))
    ended = await visit.own(lambda tx: queries.end_of_round(tx, page.schedule, page.round))
    works = visit.person.may_work_on_write_offs
    taken_back = page.status in WAITING and any(event.what == "withdrawn" for event in page.events)
    return visit.show(
        "schedule.html",
        page.title,
        form=form,
        page=page,
        left_lines=sum(one.lines for one in left),
        left_pence=sum(one.amount_pence for one in left),
        put_forward=sum(one.lines for one in page.totals),
        asked=asked,
        labels=await visit.account_labels(line.account for line in page.lines),
        names=await visit.names(),
        standings=list(STANDINGS.items()),
        status_words=STATUS_WORDS,
        story=_told(page, history, minutes),
        decisions=history.decisions[::-1],
        minutes=minutes,
        left_out={line: EXCEPTION_REASONS[code] for line, code in left_out.items()},
        waiting=() if taken_back else waiting,
        taken_back=taken_back,
        call_in=call_in,
        reason_words=choices_of(SCHEDULE_REASONS)["reason_words"],
        may_withdraw=works and page.status in WAITING and ended is None and not taken_back,
        sent_back=works and page.status is ScheduleStatus.SENT_BACK and not taken_back,
    )


def _told(page: SchedulePage, history: queries.History, minutes: Mapping[UUID, queries.MinuteShown | None]) -> list[Told]:
    """What happened, newest first: what writeoffs tells, and each decision and recall where it belongs among that."""
    bodies = {decision: minute.body for decision, minute in minutes.items() if minute is not None}
    made = [Told(one.decided_at, one.decided_by, decision_words(one, bodies.get(one.decision)), one.text) for one in history.decisions]
    recalled = [
        Told(one.recalled_at, one.recalled_by, "the approval was recalled", one.recall_text or "")
        for one in history.decisions
        if one.recalled_at is not None and one.recalled_by is not None
    ]
    return sorted([*events_told(page.events), *made, *recalled], key=lambda one: one.at, reverse=True)


def _schedule(visit: Visit) -> UUID:
    schedule: UUID = visit.request.path_params["schedule"]
    return schedule


async def _done(visit: Visit, form: Form, change: Callable[[], Awaitable[object]], done: str) -> Response:
    if not form.errors:
        try:
            await change()
            return visit.go(f"/write-offs/schedules/{_schedule(visit)}", done=done)
        except Refused as refused:
            note_refusal(form, refused)
    return await _page(visit, form)
