"""The task about a schedule of write-offs: its lines, each of which may be left out, and the answers."""

from asyncio import gather
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from chassis.peers import Refused, Unanswered
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import ACTORS_BEHIND, DEBTS_FOR_WRITE_OFF, LINES_IN_A_SCHEDULE, ActorsAsked, DebtsAsked, LineKind
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.refunds import ASKED_IN_VAIN, AskedInVain
from rentbook_contracts.writeoffs import (
    LINE_OFF,
    SCHEDULE_PAGE,
    SCHEDULE_TO_DECIDE,
    Reason,
    ScheduleAsked,
    ScheduleLineShown,
    ScheduleOfHash,
    SchedulePage,
    ScheduleStatus,
)
from starlette.responses import Response

from approvals import queries
from approvals.domain.eligibility import Part, ParticipantMayNotDecide, Status
from approvals.domain.forms import AnswerSchedule, Minute
from approvals.domain.reasons import SCHEDULE_REASONS, of_kind, schedule_reasons
from approvals.domain.scheduling import EXCEPTION_REASONS, MINUTE_COPY_LIMIT_BYTES
from approvals.queries import DecisionShown, TaskHead, TaskPage
from approvals.use_cases.decide_schedule import decide_schedule
from approvals.web.answers import answer_of, choices_of, whom_to_ask
from approvals.web.following import go_on, next_task
from approvals.web.forms import Form, read_uuid
from approvals.web.made_of import Piece, made_of
from approvals.web.schedule_words import beside_the_task
from approvals.web.story import EVENTS, Told, changed_since, story
from approvals.web.visit import NoSuchPage, Silent, Visit, note_refusal

_EXCEPT = "except-"
_FIELDS = ("answer", "reason_code", "text", "question_to", "minute_reference", "met_on", "minute_copy")


DEBTS_ASKED = 200
"""Accounts in one question to the ledger."""

CLOSE_TO_NAMED = 3
"""Of how many debts it is said that they keep a person from deciding: one is enough to do so."""

_LISTED = "listed"
_LEFT_OUT = "excepted"


@dataclass(frozen=True)
class Together:
    """Lines of one reason that stand alike."""

    reason: Reason
    standing: str
    lines: int
    amount_pence: int


def together(lines: Iterable[ScheduleLineShown], left_out: Collection[UUID]) -> list[Together]:
    """By reason and by where they stand now. `left_out`: by a decision that may not have been carried out yet."""
    sums: dict[tuple[Reason, str], tuple[int, int]] = {}
    for line in lines:
        key = (line.reason, _LEFT_OUT if line.line in left_out else line.standing)
        count, amount = sums.get(key, (0, 0))
        sums[key] = (count + 1, amount + line.amount_pence)
    return [Together(*key, *sums[key]) for key in sorted(sums)]


async def decide(visit: Visit, shown: TaskPage, form: Form) -> Response | None:
    """Record the answer to these lines. None where the task is to be shown again, as it stands then: with what is wrong with the answer, or
    where only the totals were asked for.
    """
    if form.value("then") == "totals":
        return None
    given = answer_of(form, SCHEDULE_REASONS)
    minute = await _minute(visit, form)
    if given is None or form.errors:
        return None
    wanted = AnswerSchedule(
        shown.row.task,
        form.value("content_hash"),
        given.answer,
        given.reason_code,
        given.text,
        given.question_to,
        exceptions(form),
        minute,
    )
    try:
        await visit.change(lambda tx: decide_schedule(tx, wanted), form)
    except BrokenRule as refused:
        note_refusal(form, refused, _FIELDS)
        return None
    return await go_on(visit, shown.row.task, form.value("then"))


def exceptions(form: Form) -> dict[UUID, str]:
    """The lines for which a reason was chosen to leave them out."""
    chosen = ((read_uuid(name.removeprefix(_EXCEPT)), code) for name, code in form.values.items() if name.startswith(_EXCEPT) and code)
    return {line: code for line, code in chosen if line is not None}


async def behind(visit: Visit, head: TaskHead) -> Mapping[str, Part]:
    """Who stands behind the debts or credits by now, or has touched another proposal of the same people: whoever decides is told so."""
    found: dict[str, Part] = {}
    try:
        told = await visit.ask(SCHEDULE_TO_DECIDE, ScheduleOfHash(schedule=head.case, content_hash=head.content_hash))
        found |= dict.fromkeys({*told.participants} - {told.raised_by}, Part.CASE)
        accounts = tuple(dict.fromkeys(line.account for line in told.lines))
        if told.kind is LineKind.CREDIT_WRITE_ON:
            found |= dict.fromkeys((await visit.ask(ASKED_IN_VAIN, AskedInVain(accounts=accounts))).people, Part.CASE)
        found |= dict.fromkeys((await visit.ask(ACTORS_BEHIND, ActorsAsked(accounts=accounts))).actors, Part.LEDGER)
    except Unanswered as silent:
        visit.silent.append(Silent(silent.service, "who stands behind the debts"))
    return found


async def close_to(visit: Visit, shown: TaskPage, accounts: Sequence[UUID]) -> list[UUID]:
    """Behind which of these debts a person stands who may not decide because of that, as the ledger says; some where there are many."""
    if shown.row.status is not Status.OPEN or shown.row.why_not_rule != ParticipantMayNotDecide.__name__:
        return []
    found: list[UUID] = []
    parts = [tuple(dict.fromkeys(accounts))]
    while parts and len(found) < CLOSE_TO_NAMED:
        part = parts.pop()
        told = await visit.ask_or_name(ACTORS_BEHIND, ActorsAsked(accounts=part), "behind which of the debts you stand") if part else None
        if told is None or visit.person.subject not in told.actors:
            continue
        if len(part) == 1:
            found += part
        else:
            parts += [part[len(part) // 2 :], part[: len(part) // 2]]
    return found


async def task_page(visit: Visit, shown: TaskPage, form: Form) -> Response:
    """The task, with what was chosen so far. Errors: NoSuchPage."""
    row = shown.row
    found = await visit.own(lambda tx: queries.schedule_task_of(tx, row.task))
    if found is None:
        raise NoSuchPage("There is no such task.")
    listed = await visit.own(lambda tx: queries.lines_shown(tx, row.task))
    earlier = await visit.own(lambda tx: queries.excepted(tx, row.case, row.round, row.stage))
    schedule = await _schedule(visit, row.case)
    lines = tuple(line for line in schedule.lines if listed.get(line.line) == line.content_hash) if schedule else ()
    stands = {line.line for line in lines if line.standing == _LISTED}
    totals = await _totals(visit, schedule.kind, lines) if schedule and row.status is Status.OPEN else {}
    chosen = {line: code for line, code in exceptions(form).items() if line in stands}
    goes = [line for line in lines if line.line in stands and line.line not in earlier]
    beside = beside_the_task(schedule.events) if schedule else []
    nothing_left = schedule is not None and schedule.status is ScheduleStatus.EMPTY
    names, told = await visit.names(), sorted([*beside, *story(shown.history, None)], key=lambda one: one.at, reverse=True)
    told = _nothing_posted(told, shown.history.decisions) if nothing_left else told
    decisions = [made for made in reversed(shown.history.decisions) if made.task == row.task]
    close = await close_to(visit, shown, [line.account for line in lines])
    return visit.show(
        "schedule_task.html",
        f"{'Decide' if row.status is Status.OPEN else 'Decision'}: {found.about.title}",
        form=form,
        task=shown,
        about=found.about,
        body=found.body,
        story=told,
        changed=changed_since(told, shown, visit.person.subject),
        schedule=schedule,
        lines=lines,
        close=[line for line in lines if line.account in close],
        whole=len(lines) == len(listed),
        earlier=earlier,
        chosen=chosen,
        undecided=bool(stands),
        goes=goes,
        counted=goes
        if row.status is Status.OPEN
        else [line for line in lines if line.line not in earlier and line.standing not in LINE_OFF],
        going=together((line for line in goes if line.line not in chosen), ()),
        became=together(lines, earlier),
        exception_reasons=list(of_kind(EXCEPTION_REASONS, found.about.line_kind).items()),
        exception_words=EXCEPTION_REASONS,
        totals=totals,
        labels=await visit.account_labels(
            (*(line.account for line in lines), *(piece.account for counts in totals.values() for piece in counts))
        ),
        names=names,
        decisions_here=decisions,
        nothing_left=nothing_left,
        minutes={made.decision: await _minute_of(visit, made.decision) for made in decisions},
        copy_limit=MINUTE_COPY_LIMIT_BYTES,
        ask_whom=whom_to_ask(shown),
        next_task=await next_task(visit, row.task),
        **(choices_of(schedule_reasons(found.about.line_kind)) | {"reason_words": choices_of(SCHEDULE_REASONS)["reason_words"]}),
    )


def _nothing_posted(told: Sequence[Told], decisions: Sequence[DecisionShown]) -> list[Told]:
    """The story of a schedule that ended without a line, newest first: of an approval nothing was carried out."""
    carried = next((at for at, one in enumerate(told) if one.what == EVENTS["closed"]), None)
    if carried is None or not decisions or decisions[-1].answer is not Answer.APPROVED:
        return list(told)
    return [*told[:carried], replace(told[carried], what="no line was left to post"), *told[carried + 1 :]]


async def _schedule(visit: Visit, schedule: UUID) -> SchedulePage | None:
    """The schedule as writeoffs shows it; named on the page where writeoffs is silent."""
    try:
        return await visit.ask(SCHEDULE_PAGE, ScheduleAsked(schedule=schedule, limit=LINES_IN_A_SCHEDULE))
    except (Unanswered, Refused):
        visit.silent.append(Silent("writeoffs", "the lines of the schedule"))
        return None


async def _totals(visit: Visit, kind: LineKind, lines: Sequence[ScheduleLineShown]) -> dict[UUID, list[Piece]]:
    """What the total of each line is made of that is of more than the line, as the ledger has it at this moment."""
    of_more = {line.account: line.line for line in lines if line.debtor_total_pence > line.amount_pence}
    wanted = list(of_more)
    parts = [tuple(wanted[start : start + DEBTS_ASKED]) for start in range(0, len(wanted), DEBTS_ASKED)]
    what = "what the totals are made of"
    told = await gather(*(visit.ask_or_name(DEBTS_FOR_WRITE_OFF, DebtsAsked(accounts=part), what) for part in parts))
    return each_once({of_more[facts.account]: made_of(kind, facts) for answer in told if answer for facts in answer.debts})


def each_once(totals: Mapping[UUID, list[Piece]]) -> dict[UUID, list[Piece]]:
    """The same without those that are made of the same: lines about other accounts of the same people."""
    first: dict[frozenset[tuple[UUID, date | None, int]], UUID] = {}
    for line, pieces in totals.items():
        first.setdefault(frozenset((piece.account, piece.gone_on, piece.pence) for piece in pieces), line)
    return {line: totals[line] for line in first.values()}


async def _minute_of(visit: Visit, decision: UUID) -> queries.MinuteShown | None:
    return await visit.own(lambda tx: queries.minute_of(tx, decision))


async def _minute(visit: Visit, form: Form) -> Minute | None:
    """The minute as typed, with its copy; None where nothing of it was typed."""
    copy = await visit.upload("minute_copy")
    if not form.value("minute_reference").strip() and not form.value("met_on").strip() and copy is None:
        return None
    met_on = form.day("met_on", "the day of the meeting", needed=True)
    if copy is None:
        form.wrong("Add a copy of the minute as a PDF file", "minute_copy")
    if met_on is None or copy is None:
        return None
    return Minute(form.text("minute_reference", longest=120), met_on, await copy.read())
