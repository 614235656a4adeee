"""A task: all that a decision needs on one page, and the answers."""

from asyncio import gather
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from uuid import UUID

from chassis.peers import Refused, Unanswered
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, ACCOUNT_PAGE, AccountForRefund, AccountPageAsked
from rentbook_contracts.notices import LETTERS, LettersAsked
from rentbook_contracts.operation import BrokenRule, Nothing
from rentbook_contracts.refunds import (
    CASE_GLANCES,
    CASE_PAGE,
    PLAN_TO_DECIDE,
    READY_PAYMENTS,
    CaseAsked,
    CasePage,
    CaseStatus,
    GlancesAsked,
    PlanOfHash,
)
from starlette.responses import Response

from approvals import queries
from approvals.domain.eligibility import Part, Status
from approvals.domain.forms import AnswerTask, AssignTask, OfTask, TakeBack, WriteComment
from approvals.domain.reasons import REASONS
from approvals.domain.tasks import Kind
from approvals.use_cases import assign as assigning
from approvals.use_cases import claim as claiming
from approvals.use_cases import decide as deciding
from approvals.use_cases.note_seen import note_seen
from approvals.use_cases.recall_decision import recall_decision
from approvals.use_cases.release_claim import release_claim
from approvals.use_cases.write_comment import write_comment
from approvals.web.answers import answer_of, choices_of, contradictions, whom_to_ask
from approvals.web.following import go_on, next_task
from approvals.web.forms import FieldError, Form
from approvals.web.pages import schedule_task
from approvals.web.pages.cases import ENTRIES_BESIDE, EVIDENCE, closing_of
from approvals.web.pages.cases import REASONS as REQUEST_REASONS
from approvals.web.story import changed_since, story
from approvals.web.visit import NoSuchPage, Silent, Visit, note_refusal
from approvals.web.wording import pounds

OTHERS_SINCE = timedelta(days=365)
"""How far back the other refunds of the same people are shown."""


async def show(visit: Visit) -> Response:
    """The task, and what changed since this person last looked."""
    task: UUID = visit.request.path_params["task"]
    page = await _page(visit, task, Form())
    if visit.person.may_change_anything:
        await visit.own_change(lambda tx: note_seen(tx, OfTask(task)))
    return page


async def show_decision(visit: Visit) -> Response:
    """A decision's own address leads to its task, where all of it is shown."""
    decision: UUID = visit.request.path_params["decision"]
    made = await visit.own(lambda tx: queries.decision_shown(tx, decision))
    if made is None:
        raise NoSuchPage("There is no such decision.")
    return visit.go(f"/tasks/{made.task}")


async def minute(visit: Visit) -> Response:
    """The copy of the minute by which a body decided a schedule."""
    decision: UUID = visit.request.path_params["decision"]
    copy = await visit.own(lambda tx: queries.copy_of_minute(tx, decision))
    if copy is None:
        raise NoSuchPage("There is no minute of this decision.")
    headers = {"content-disposition": f'attachment; filename="minute-{decision}.pdf"', "cache-control": "no-store"}
    return Response(copy, media_type="application/pdf", headers=headers)


async def decide(visit: Visit) -> Response:
    """Record an answer, after reading once more what it is about."""
    task: UUID = visit.request.path_params["task"]
    form = await visit.sent()
    shown = await visit.own(lambda tx: queries.task_page(tx, task))
    if shown is None:
        raise NoSuchPage("There is no such task.")
    if shown.row.account is None:
        return await schedule_task.decide(visit, shown, form) or await _page(visit, task, form)
    given = answer_of(form, REASONS)
    case = await visit.ask(CASE_PAGE, CaseAsked(case=shown.row.case))
    if form.value("plan_hash") != (case.plan_hash or "") and shown.row.decision is None:
        form.wrong("What was shown has changed meanwhile. Nothing was decided. Look at it again, then answer.")
    if given and given.answer is Answer.DECLINED and shown.row.status is Status.OPEN and form.value("nevertheless") != "yes":
        against = contradictions(case.checks).get(given.reason_code)
        if against:
            form.wrong(
                f"The evidence says otherwise: {against}. Choose another reason, or tick that you decline all the same", "nevertheless"
            )
    if given is None or form.errors:
        return await _page(visit, task, form)
    wanted = AnswerTask(task, form.value("content_hash"), given.answer, given.reason_code, given.text, given.question_to)
    try:
        await visit.change(lambda tx: deciding.decide(tx, wanted), form)
    except BrokenRule as refused:
        note_refusal(form, refused, ("answer", "reason_code", "text", "question_to"))
        return await _page(visit, task, form)
    return await go_on(visit, task, form.value("then"))


async def recall(visit: Visit) -> Response:
    """Take an approval back before its payment is released, or its schedule posted."""
    decision: UUID = visit.request.path_params["decision"]
    form = await visit.sent()
    made = await visit.own(lambda tx: queries.decision_shown(tx, decision))
    if made is None:
        raise NoSuchPage("There is no such decision.")
    why = form.text("recall_text", needed="Write down why you recall it")
    if form.errors:
        return await _page(visit, made.task, form)
    try:
        await visit.change(lambda tx: recall_decision(tx, TakeBack(decision, why)), form)
    except BrokenRule as refused:
        form.errors.append(FieldError(refused.message, "recall_text" if refused.field == "text" else refused.field))
        return await _page(visit, made.task, form)
    about = await visit.own(lambda tx: queries.task_head(tx, made.task))
    return visit.go(f"/tasks/{made.task}", done="recalled-schedule" if about and about.kind is Kind.WRITE_OFF else "recalled")


async def claim(visit: Visit) -> Response:
    """Claim the task for a while."""
    task: UUID = visit.request.path_params["task"]
    form = await visit.sent()
    try:
        await visit.change(lambda tx: claiming.claim(tx, OfTask(task)), form)
    except BrokenRule as refused:
        note_refusal(form, refused)
        return await _page(visit, task, form)
    return visit.go(f"/tasks/{task}", done="claimed")


async def release(visit: Visit) -> Response:
    """Give the claim back."""
    task: UUID = visit.request.path_params["task"]
    form = await visit.sent()
    try:
        await visit.change(lambda tx: release_claim(tx, OfTask(task)), form)
    except BrokenRule as refused:
        note_refusal(form, refused)
        return await _page(visit, task, form)
    return visit.go(f"/tasks/{task}", done="released")


async def assign(visit: Visit) -> Response:
    """Give the task to a person who may decide it."""
    task: UUID = visit.request.path_params["task"]
    form = await visit.sent()
    to = form.text("to", needed="Choose whom to assign it to", longest=200)
    if form.errors:
        return await _page(visit, task, form)
    try:
        given_to = await visit.change(lambda tx: assigning.assign(tx, AssignTask(task, to)), form)
    except BrokenRule as refused:
        note_refusal(form, refused, ("to",))
        return await _page(visit, task, form)
    return visit.go(f"/tasks/{task}", done="assigned" if given_to == to else "assigned-deputy")


async def comment(visit: Visit) -> Response:
    """Say something that everyone on the case reads."""
    task: UUID = visit.request.path_params["task"]
    form = await visit.sent()
    words = form.text("comment", needed="Write the comment")
    if form.errors:
        return await _page(visit, task, form)
    try:
        await visit.change(lambda tx: write_comment(tx, WriteComment(task, words)), form)
    except BrokenRule as refused:
        note_refusal(form, refused)
        return await _page(visit, task, form)
    return visit.go(f"/tasks/{task}", done="commented")


async def _page(visit: Visit, task: UUID, form: Form) -> Response:
    head = await visit.own(partial(queries.task_head, task_id=task))
    behind = await _behind(visit, head) if head else {}
    shown = await visit.own(partial(queries.task_page, task_id=task, behind=behind))
    if shown is None:
        raise NoSuchPage("There is no such task.")
    row = shown.row
    if row.account is None:
        return await schedule_task.task_page(visit, shown, form)
    case, account, letters, names, following, ready = await gather(
        _case(visit, row.case),
        visit.ask_or_name(ACCOUNT_PAGE, AccountPageAsked(account=row.account, limit=ENTRIES_BESIDE), "the account beside the task"),
        visit.ask_or_name(LETTERS, LettersAsked(case=row.case), "the list of letters"),
        visit.names(),
        next_task(visit, row.task),
        visit.ask_or_name(READY_PAYMENTS, Nothing(), "the day’s payment cut-off"),
    )
    named = [*(offset.account for offset in case.plan.offsets), *case.consents, *case.opted_out] if case and case.plan else []
    labels = await visit.account_labels(named)
    theirs = {row.account, *(label.account for label in (*account.sub_accounts, *account.other_accounts))} if account else {row.account}
    others = await visit.own(lambda tx: queries.other_refunds(tx, theirs, since=visit.today - OTHERS_SINCE, besides=row.case))
    came_back = await _came_back(visit, others)
    told = story(shown.history, case)
    return visit.show(
        "task.html",
        f"Refund of {pounds(row.amount_pence)}",
        form=form,
        task=shown,
        case=case,
        account=account,
        selections=await visit.own(lambda tx: queries.open_selections(tx, about=row.task)),
        letters=letters,
        names=names,
        labels=labels,
        others=others,
        came_back=came_back,
        story=told,
        changed=changed_since(told, shown, visit.person.subject),
        decisions_here=[made for made in reversed(shown.history.decisions) if made.task == row.task],
        reasons=REQUEST_REASONS,
        evidence_kinds=EVIDENCE,
        ask_whom=whom_to_ask(shown),
        contradicted=contradictions(case.checks) if case else {},
        ready=ready,
        next_task=following,
        closing=closing_of(case, shown.history.decisions) if case else None,
        **choices_of(REASONS),
    )


async def _behind(visit: Visit, head: queries.TaskHead) -> Mapping[str, Part]:
    """Who stands behind the credit or the debts by now: money may have moved, and a hold been set, since the task was opened."""
    if head.account is None:
        return await schedule_task.behind(visit, head)
    asked = AccountForRefund(account=head.account, case=head.case)
    facts = await visit.ask_or_name(ACCOUNT_FOR_REFUND, asked, "who stands behind the credit")
    plan = PlanOfHash(case=head.case, content_hash=head.content_hash, others=facts.others if facts else ())
    found: dict[str, Part] = {}
    try:
        told = await visit.ask(PLAN_TO_DECIDE, plan)
        found |= dict.fromkeys({*told.participants} - {told.raised_by}, Part.CASE)
    except (Unanswered, Refused):
        visit.silent.append(Silent("refunds", "who took part in another request of the same people"))
    return found | dict.fromkeys(facts.actors if facts else (), Part.LEDGER)


async def _came_back(visit: Visit, others: queries.OtherRefunds) -> frozenset[UUID]:
    """Of the refunds that were approved, those whose payment the bank has sent back."""
    if not others.approved:
        return frozenset()
    asked = GlancesAsked(cases=tuple(refund.case for refund in others.approved))
    found = await visit.ask_or_name(CASE_GLANCES, asked, "whether the bank sent one of the other refunds back")
    now = {one.case: one for one in found.glances} if found else {}
    known = [(refund, now[refund.case]) for refund in others.approved if refund.case in now]
    return frozenset(
        refund.case
        for refund, glance in known
        if glance.status is CaseStatus.RETURNED or (glance.attempt is not None and glance.attempt > refund.attempt)
    )


async def _case(visit: Visit, case: UUID) -> CasePage | None:
    """The case as refunds shows it; named on the page where refunds is silent or has lost it."""
    try:
        return await visit.ask(CASE_PAGE, CaseAsked(case=case))
    except (Unanswered, Refused):
        visit.silent.append(Silent("refunds", "the request with its plan and checks"))
        return None
