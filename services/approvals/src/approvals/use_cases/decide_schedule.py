"""Answer a schedule of write-offs, line by line: what is left out, and by which minute a body decided."""

from datetime import date
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.approvals import Answer, ApprovedLine, WriteOffDecided
from rentbook_contracts.writeoffs import SCHEDULE_TO_DECIDE, ScheduleOfHash, ScheduleToDecide

from approvals import queries, store
from approvals.domain import working_days
from approvals.domain.authority import Authority, covers_to_under
from approvals.domain.eligibility import Part
from approvals.domain.forms import AnswerSchedule, DecisionTaken
from approvals.domain.reasons import SCHEDULE_REASONS, complaints_about
from approvals.domain.rules import ApprovalRule
from approvals.domain.scheduling import TakenBack, complaint_about_exceptions, complaint_about_minute
from approvals.domain.tasks import Kind
from approvals.domain.words import business_date
from approvals.use_cases.decide import complaint_about_asked, locked_task, mandate_or_refuse, row_of, tell_workflow
from approvals.use_cases.gather_actors import actors_of_schedule, participants_of_schedule, take_part


async def decide_schedule(tx: Transaction, form: AnswerSchedule) -> DecisionTaken:
    """Decide as the caller, under the form's id. The same form again does nothing and gives the first answer.

    Errors: as `decide`, Unanswered (writeoffs too), and what `complaint_about_exceptions` and `complaint_about_minute` name.
    """
    head = await locked_task(tx, form.task, Kind.WRITE_OFF)
    decision = store.form_of(tx)
    before = await queries.recorded(tx, decision)
    if before is not None:
        return await _same(tx, form, before)
    about = await tx.ask(SCHEDULE_TO_DECIDE, ScheduleOfHash(schedule=head.case, content_hash=head.content_hash))
    # Somebody may have touched another proposal of the same people since the task was opened.
    await store.add_participants(tx, head.case, await participants_of_schedule(tx, about), Part.CASE)
    await take_part(tx, {head.case: {Part.LEDGER: await actors_of_schedule(tx, (line.account for line in about.lines))}})
    lines = await queries.lines_shown(tx, head.id)
    earlier = await queries.excepted(tx, head.case, head.round, head.stage)
    complaint = _complaint_about_withdrawal(about)
    complaint = complaint or next(complaints_about(form.answer, form.reason_code, form.text, form.question_to, SCHEDULE_REASONS), None)
    complaint = complaint or await complaint_about_asked(tx, head, form.question_to)
    complaint = complaint or complaint_about_exceptions(form.answer, form.text, form.excepted, lines.keys(), {*earlier, *about.gone})
    mandate = await mandate_or_refuse(tx, head, form.content_hash, complaint)
    put_on = await queries.put_on(tx, head)
    refused = complaint_about_minute(form.answer, mandate.authority.body, form.minute, put_on, business_date(tx.now))
    if refused is not None:
        raise refused
    waits = _carried_out_from(tx, mandate.authority)
    completes = await store.write_decision(tx, row_of(tx, form, head, decision, mandate) | {"carried_out_from": waits})
    await store.write_exceptions(tx, decision, head.id, form.excepted)
    if form.minute is not None and mandate.authority.body is not None:
        await store.write_minute(tx, decision, mandate.authority.body, form.minute)
    await store.keep_now(tx)
    await store.set_claim(tx, head.id, None, None)
    left = {line: hash_ for line, hash_ in lines.items() if line not in about.gone} if completes else {}
    await _tell(tx, form, head, decision, lines=left, excepted={*earlier, *form.excepted})
    return DecisionTaken(decision, completes)


def _complaint_about_withdrawal(about: ScheduleToDecide) -> ApprovalRule | None:
    return TakenBack("Somebody took this schedule back: nothing is decided on it any more.") if about.withdrawn else None


def _carried_out_from(tx: Transaction, authority: Authority) -> date:
    """The day after the last on which it may be called in; today where it may not be."""
    today = business_date(tx.now)
    if not authority.call_in_working_days:
        return today
    return working_days.working_days_after(today, authority.call_in_working_days + 1, queries.closed_days(tx))


async def _same(tx: Transaction, form: AnswerSchedule, before: queries.Recorded) -> DecisionTaken:
    kept = await queries.minute_of(tx, before.id)
    by = (kept.reference, kept.met_on, kept.copy_sha256) if kept is not None else None
    told = (before.task, before.content_hash, before.answer, before.reason_code, before.text, before.question_to, by)
    shown = (form.minute.reference, form.minute.met_on, form.minute.copy_sha256) if form.minute is not None else None
    mine = (form.task, form.content_hash, form.answer, form.reason_code, form.text, form.question_to, shown)
    if told != mine or before.decided_by != tx.caller.person or await queries.excepted_by(tx, before.id) != dict(form.excepted):
        raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    return DecisionTaken(before.id, before.completes)


async def _tell(
    tx: Transaction, form: AnswerSchedule, head: queries.TaskHead, decision: UUID, *, lines: dict[UUID, str], excepted: set[UUID]
) -> None:
    tables = await queries.tables_of_round(tx, head)
    waits = await queries.latest_carried_out_from(tx, head.case, head.round)
    assert waits is not None, "the decision that was just written has a day"
    approved = (ApprovedLine(line=line, content_hash=hash_) for line, hash_ in sorted(lines.items()) if line not in excepted)
    fact = WriteOffDecided(
        case=head.case,
        decision=decision,
        task=head.id,
        round=head.round,
        stage=head.stage,
        content_hash=form.content_hash,
        answer=form.answer,
        completes=form.answer is Answer.APPROVED and head.stage == head.stages,
        carried_out_from=waits,
        covers_to_pence=covers_to_under(tables, head.amount_pence),
        lines=tuple(approved),
        excepted=tuple(sorted(excepted)),
    )
    await tx.publish(fact, version=await store.next_version(tx, head.case))
    await tell_workflow(tx, head, decision)
