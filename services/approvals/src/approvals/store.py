"""Writing and locking approvals' rows, and the rules that the database keeps, by the names of its constraints."""

from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts import policy as policy_rules
from rentbook_contracts.approvals import OpenTask, ReleasedLine
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.writeoffs import ScheduleToDecide
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from approvals.domain import absence as absences
from approvals.domain import delegation as delegations
from approvals.domain import eligibility, reasons, recalling, releasing, scheduling, together
from approvals.domain import policy as policies
from approvals.domain.authority import Policy
from approvals.domain.eligibility import Status
from approvals.domain.forms import Minute
from approvals.domain.policy import ProposedPolicy
from approvals.domain.tasks import Kind
from approvals.tables import (
    absence,
    absence_end,
    approval_case,
    case_seen,
    comment,
    contact_note,
    decision,
    decision_exception,
    delegation,
    delegation_end,
    minute,
    participant,
    policy_check,
    policy_proposal,
    recall,
    release,
    release_line,
    saved_view,
    schedule_task,
    schedule_task_line,
    selection,
    selection_line,
    selection_result,
    selection_signed,
    staff,
    task,
    task_event,
    update_outcome,
)
from approvals.tables import desk_session as sessions

T = TypeVar("T")
CLOSED_AS = {Status.CARRIED_OUT: "closed", Status.NOT_CARRIED_OUT: "not-carried-out", Status.VOID: "void"}
"""The event by which a task's end is told."""


def form_of(tx: Transaction) -> UUID:
    """The id of the form that the caller sent."""
    assert tx.caller.form is not None, "the desk gives every form an id"
    return UUID(tx.caller.form)


# --- rules that the database keeps ----------------------------------------------------------------------------------------------------

_TOOK_PART = "You took part in this case, so someone else must decide."
_CHANGED = "What was shown has changed. Look at it again before you decide."
_AUTHORITY = "The table of authority has changed. Open the page again."

RULES: Mapping[str, BrokenRule] = {
    "a_participant_does_not_decide": eligibility.ParticipantMayNotDecide(_TOOK_PART),
    "each_stage_has_its_own_decider": eligibility.DecidedAnEarlierStage(
        "You approved an earlier stage, so someone else must decide this one."
    ),
    "an_earlier_approver_took_no_part_since": eligibility.EarlierApproverTookPart(
        "Somebody who approved an earlier stage has taken part in the case since. Send it back so that it is approved anew."
    ),
    "a_decision_is_on_what_was_shown": eligibility.ContentChanged(_CHANGED),
    "a_task_is_decided_once": eligibility.AlreadyDecided("This was decided already."),
    "a_closed_task_is_not_decided": eligibility.TaskClosed("This no longer waits for a decision."),
    "an_earlier_stage_comes_first": eligibility.EarlierStageFirst("An earlier stage has to be approved first."),
    "authority_is_in_force": eligibility.AuthorityChanged(_AUTHORITY),
    "the_stages_are_those_in_force": eligibility.AuthorityChanged(
        "The table of authority has changed since this was opened and asks for other stages. Send it back so that it is opened anew."
    ),
    "authority_is_for_this_stage": eligibility.NotYourStage("This is for another role."),
    "a_member_decides_what_they_are_asked": eligibility.NotYourStage("This is for an officer: no member and no body was asked."),
    "authority_is_of_the_persons_role": eligibility.NotYourStage("This is for another role."),
    "the_amount_is_within_the_limit": eligibility.AboveYourLimit("The amount is above your limit."),
    "the_amount_is_within_every_ceiling": eligibility.AboveYourLimit("The amount is above what was lent to you."),
    "a_participant_lends_no_authority": eligibility.ParticipantLendsNoAuthority(
        "Whoever lent you their authority took part in this case, so someone else must decide."
    ),
    "a_chain_of_delegations_is_short": delegations.DelegationNotInForce("This authority was lent on too often to count."),
    "a_delegation_is_in_force": delegations.DelegationNotInForce("A delegation has ended or has not begun. Open the page again."),
    "delegations_form_a_chain_to_the_decider": delegations.DelegationNotInForce("This authority was not lent to you."),
    "a_cycle_of_delegations_gives_nothing": delegations.DelegationNotInForce("Authority that was lent in a circle gives none."),
    "what_comes_with_an_office_stays_with_it": delegations.StaysWithItsOffice(
        "The authority of a member, and of whoever records what a body decided, is lent to somebody of the same role only."
    ),
    "a_delegation_begins_today_or_later": delegations.DatesOutOfOrder("The first day has passed. Choose today or later.", field="from_on"),
    "a_delegation_ends_within_a_year": delegations.DatesOutOfOrder("The last day lies within a year of the first.", field="until_on"),
    "a_delegate_is_known": delegations.DelegateUnknown("Choose somebody who has signed in at the desk.", field="taker"),
    "nobody_delegates_to_themselves": delegations.DelegateUnknown("Choose somebody else than yourself.", field="taker"),
    "an_auditor_is_no_delegate": delegations.AuditorIsNoDelegate("An auditor decides nothing. Choose someone else.", field="taker"),
    "an_auditor_delegates_nothing": delegations.NothingToDelegate("An auditor has no authority to lend."),
    "a_delegation_has_a_ceiling": delegations.CeilingMissing("Enter the most they may decide.", field="ceiling"),
    "a_delegation_is_ended_by_giver_or_taker": delegations.NotYoursToEnd("Ending this is for whoever lent it or holds it."),
    "an_absence_begins_today_or_later": delegations.DatesOutOfOrder("The first day has passed. Choose today or later.", field="from_on"),
    "an_absence_ends_within_a_year": delegations.DatesOutOfOrder("The last day lies within a year of the first.", field="until_on"),
    "a_deputy_is_known_and_no_auditor": absences.DeputyUnknown("Choose a colleague who has signed in and is no auditor.", field="deputy"),
    "nobody_is_their_own_deputy": absences.DeputyUnknown("Choose somebody else than yourself.", field="deputy"),
    "an_absence_is_ended_by_the_person": absences.NotYoursToEnd("Only the person who is away says that they are back."),
    "policy_is_for_managers_and_finance": policies.NotForYouToMake(policy_rules.WHO_MAKES_POLICY),
    "the_maker_of_a_policy_does_not_check_it": policy_rules.MakerIsNotChecker("You proposed this, so someone else must check it."),
    "only_the_maker_withdraws": policy_rules.OnlyTheMakerWithdraws("Only whoever proposed it withdraws it."),
    "nobody_raises_their_own_limit": policies.RaisesYourOwnLimit("This raises a limit of whoever proposed or checks it."),
    "a_policy_comes_into_force_later": policy_rules.InForceTooSoon("A policy comes into force tomorrow or later.", field="in_force_from"),
    "one_policy_comes_into_force_on_a_day": policy_rules.DayTaken("Another policy comes into force on that day.", field="in_force_from"),
    "nobody_gains_by_a_policy_before_theirs": policies.GainOfALater(
        "Another policy is laid down already and comes into force later. Beside this one it would raise a limit of whoever made or checked"
        " it. Propose this one from a day after it.",
        field="in_force_from",
    ),
    "a_policy_comes_within_a_year": policies.TooFarAhead(
        "A policy comes into force within a year. Until its day it bounds what else is laid down.", field="in_force_from"
    ),
    "a_proposal_is_answered_once": policy_rules.AnsweredAlready("This proposal was answered already."),
    "a_refusal_of_policy_is_explained": policy_rules.CheckNotExplained("Write down why.", field="check_text"),
    "a_proposal_has_a_policy_before": policies.NoSuchProposal("There is no policy of this kind that could change."),
    "a_signature_holds_for_a_while": together.SignatureTooOld(
        "This was signed for too long ago. Choose it again, or look at it by itself."
    ),
    "only_ones_own_selection_is_signed": together.NotYourSelection("A colleague made this selection. Make your own."),
    "who_decides_many_has_just_signed_in": together.SignInAgain("Sign in again first."),
    "some_are_opened_first": together.OpenSomeFirst("Open those that are marked first."),
    "only_the_green_lane_is_decided_together": together.NotGreen("Something that you chose has left the green lane."),
    "a_selection_keeps_its_caps": together.AboveTheCaps("These are more than may be decided together."),
    "a_line_is_decided_as_it_was_shown": together.LineChanged("This line is not as it was shown, or was not signed for."),
    "a_decision_has_a_reason": reasons.UnknownReason("Choose a reason.", field="reason_code"),
    "saying_no_is_explained": reasons.ExplanationMissing("Write down why.", field="text"),
    "a_question_goes_to_a_named_person": reasons.NobodyAsked("Choose who shall answer the question.", field="question_to"),
    "an_exception_is_of_a_line_that_was_shown": scheduling.NotALineOfIt("A line that is left out is not on this schedule."),
    "an_exception_has_a_reason": scheduling.ExceptionWithoutReason("Choose why a line is left out.", field="excepted"),
    "only_an_approval_leaves_lines_out": scheduling.OnlyAnApprovalExcepts("Lines are left out of an approval, of nothing else."),
    "an_approval_lets_a_line_through": scheduling.NothingLeft(scheduling.NO_LINE_GOES),
    "a_decision_of_members_waits_out_its_call_in": eligibility.AuthorityChanged(_AUTHORITY),
    "a_body_decides_by_its_minute": scheduling.MinuteMissing("Record the minute by which it was decided.", field="minute_reference"),
    "a_minute_is_of_the_body_that_decided": scheduling.NoMinuteWanted("Only a decision of a body that does not sign in has a minute."),
    "a_body_has_met_before": scheduling.MinuteMissing("The meeting was today or before.", field="met_on"),
    "a_body_decides_what_was_put_to_it": scheduling.MinuteOlderThanItsRound(
        "The meeting was on the day on which this was put forward, or later.", field="met_on"
    ),
    "a_minute_has_its_reference": scheduling.MinuteMissing("Enter the minute's reference.", field="minute_reference"),
    "a_minute_has_its_copy": scheduling.MinuteMissing("Add a copy of the minute, of at most 10 MB.", field="minute_copy"),
    "only_an_approval_is_recalled": recalling.OnlyAnApprovalIsRecalled("Only an approval can be recalled."),
    "recall_pkey": recalling.AlreadyRecalled("This approval was recalled already."),
    "a_released_payment_is_not_recalled": recalling.AlreadyReleased(
        "Finance has released the payment, so the approval can no longer be recalled."
    ),
    "a_closed_task_is_not_recalled": recalling.TooLateToRecall("This approval is no longer waiting to be carried out."),
    "a_later_stage_is_recalled_first": recalling.RecallTheLaterStageFirst("A later stage was decided: that has to be recalled first."),
    "a_recall_is_of_ones_own_or_within_authority": recalling.NotYoursToRecall(
        "Recalling this is for whoever approved it, or for someone who could have."
    ),
    "a_recall_is_explained": recalling.RecallNotExplained("Write down why it is recalled.", field="text"),
    "a_participant_does_not_release": eligibility.ParticipantMayNotDecide(
        "You took part in a case, so someone else must release its payment."
    ),
    "a_decider_does_not_release": eligibility.DeciderMayNotRelease("You decided a case, so someone else must release its payment."),
    "an_approver_of_the_line_took_no_part_since": releasing.ApproverTookPart(
        "Somebody who approved a payment has taken part in the case since, so it has to be approved anew."
    ),
    "a_line_is_of_a_standing_approval": releasing.LineNotReady("A payment is no longer approved as it was shown. Open the page again."),
    "a_payment_is_released_once": releasing.ReleasedAlready("A payment was released already in another run. Open the page again."),
    "a_release_equals_its_lines": releasing.TotalDiffers("The total is not the sum of the payments. Open the page again."),
    "a_release_has_lines": releasing.NothingToRelease("Choose at least one payment."),
}
"""What a person is told where the database refuses. Use cases look first, under the same lock, and say it with the date or the amount."""


async def kept(work: Awaitable[T]) -> T:
    """Do the work; a broken constraint becomes the rule that it is named for. Errors: those of RULES; any other as it came."""
    try:
        return await work
    except DBAPIError as error:
        rule = RULES.get(constraint_of(error) or "")
        if rule is None:
            raise
        raise type(rule)(rule.message, field=rule.field) from None


def constraint_of(error: DBAPIError) -> str | None:
    """The name of the constraint that PostgreSQL says was broken."""
    return getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)


# --- cases and participants -----------------------------------------------------------------------------------------------------------


async def lock_case(tx: Transaction, case: UUID) -> None:
    """Take the case's lock until the transaction ends: whoever decides, recalls, releases or takes part waits here."""
    await tx.connection.execute(insert(approval_case).values(id=case).on_conflict_do_nothing())
    await tx.connection.execute(sa.select(approval_case.c.id).where(approval_case.c.id == case).with_for_update())


async def next_version(tx: Transaction, case: UUID) -> int:
    """The version of the next fact about the case, gapless from 1."""
    raised = approval_case.update().where(approval_case.c.id == case).values(version=approval_case.c.version + 1)
    version: int = (await tx.connection.execute(raised.returning(approval_case.c.version))).scalar_one()
    return version


async def add_participants(tx: Transaction, case: UUID, people: Iterable[str], why: str) -> None:
    """Join the list under the case's lock; who is on it for the same reason stays as first written."""
    rows = [{"case_id": case, "person": person, "why": why} for person in sorted(set(people) - {"", "system"})]
    if rows:
        await tx.connection.execute(insert(participant).on_conflict_do_nothing(), rows)


# --- tasks ----------------------------------------------------------------------------------------------------------------------------


async def open_task(
    tx: Transaction,
    asked: OpenTask,
    *,
    in_force: Policy,
    stages: int,
    role: str,
    priority_at: datetime,
    dates: Sequence[date],
    assigned_to: str | None,
) -> UUID | None:
    """Write the task; None where this stage of this round has one already. `dates`: due, remind, escalate."""
    due_on, remind_on, escalate_on = dates
    row = insert(task).values(
        id=uuid4(), kind=asked.kind, case_id=asked.case, attempt=asked.attempt, round=asked.round, stage=asked.stage, stages=stages,
        account=asked.account, amount_pence=asked.amount_pence, content_hash=asked.content_hash, lane=asked.lane,
        lane_reasons=list(asked.lane_reasons), raised_by=asked.raised_by, workflow_id=asked.workflow_id, policy_id=in_force.id,
        required_role=role, opened_at=tx.now, priority_at=priority_at, due_on=due_on, remind_on=remind_on, escalate_on=escalate_on,
        assigned_to=assigned_to,
    )  # fmt: skip
    opened: UUID | None = (await tx.connection.execute(row.on_conflict_do_nothing().returning(task.c.id))).scalar_one_or_none()
    return opened


async def open_schedule_task(tx: Transaction, row: Mapping[str, Any], about: ScheduleToDecide) -> UUID | None:
    """Write a task about a schedule, with its lines; None where this stage of this round has one already."""
    added = insert(task).values(id=uuid4(), kind=Kind.WRITE_OFF, account=None, **row).on_conflict_do_nothing().returning(task.c.id)
    opened: UUID | None = (await tx.connection.execute(added)).scalar_one_or_none()
    if opened is not None:
        head = {
            "task_id": opened,
            "line_kind": about.kind,
            "title": about.title,
            "lines": len(about.lines),
            "total_pence": about.total_pence,
        }
        await tx.connection.execute(schedule_task.insert().values(head))
        await tx.connection.execute(
            schedule_task_line.insert(),
            [
                {
                    "task_id": opened,
                    "line": line.line,
                    "content_hash": line.content_hash,
                    "amount_pence": line.amount_pence,
                    "debtor_total_pence": line.debtor_total_pence,
                }
                for line in about.lines
            ],
        )
    return opened


async def void_earlier_rounds(tx: Transaction, case: UUID, attempt: int, round_: int, because: str) -> list[UUID]:
    """What waits, or was approved, in an earlier round or attempt is void; a question that was sent back has been answered.

    Gives the tasks that were closed so.
    """
    earlier = sa.tuple_(task.c.attempt, task.c.round) < sa.tuple_(attempt, round_)
    live = task.c.status.in_([Status.OPEN, Status.DECIDED])
    recalled = sa.exists().where(recall.c.decision_id == decision.c.id)
    sent_back = sa.exists().where(decision.c.task_id == task.c.id, decision.c.answer == "sent-back", ~recalled)
    status = sa.case((sa.and_(task.c.status == Status.DECIDED, sent_back), Status.CARRIED_OUT.value), else_=Status.VOID.value)
    values = {"status": status, "because": sa.case((sent_back, None), else_=because), "closed_at": tx.now}
    closed = task.update().where(task.c.case_id == case, earlier, live).values(values)
    rows = (await tx.connection.execute(closed.returning(task.c.id, task.c.case_id, task.c.status))).all()
    for row in rows:
        await note_closed(tx, row.id, row.case_id, Status(row.status), None if row.status == Status.CARRIED_OUT else because)
    return [row.id for row in rows]


async def close_tasks(tx: Transaction, tasks: Sequence[UUID], status: Status, because: str | None) -> None:
    await tx.connection.execute(
        task.update()
        .where(task.c.id.in_(tasks))
        .values(status=status, because=because, closed_at=tx.now, claimed_by=None, claim_expires_at=None)
    )


async def set_claim(tx: Transaction, task_id: UUID, person: str | None, expires_at: datetime | None) -> None:
    await tx.connection.execute(task.update().where(task.c.id == task_id).values(claimed_by=person, claim_expires_at=expires_at))


async def set_assigned(tx: Transaction, task_id: UUID, person: str | None) -> None:
    await tx.connection.execute(task.update().where(task.c.id == task_id).values(assigned_to=person))


async def note_nudge(tx: Transaction, task_id: UUID, *, escalate: bool) -> None:
    which = {"escalated_at": tx.now} if escalate else {"reminded_at": tx.now}
    await tx.connection.execute(task.update().where(task.c.id == task_id).values(which))


async def note(tx: Transaction, task_id: UUID, case: UUID, what: str, *, whom: str | None = None, said: str | None = None) -> None:
    """Write down what happened to a task, by the caller."""
    await tx.connection.execute(
        task_event.insert().values(task_id=task_id, case_id=case, person=tx.caller.person, what=what, whom=whom, note=said)
    )


async def note_closed(tx: Transaction, task_id: UUID, case: UUID, status: Status, because: str | None) -> None:
    """Write down as what a task was closed: an approval that came to nothing must not be told as carried out."""
    await note(tx, task_id, case, CLOSED_AS[status], said=because)


async def add_comment(tx: Transaction, form: UUID, task_id: UUID, case: UUID, text: str) -> bool:
    """A comment is written once for a form. False where the form's id stands for another comment already."""
    row = {"id": form, "task_id": task_id, "case_id": case, "person": tx.caller.person, "text": text}
    await tx.connection.execute(insert(comment).values(row).on_conflict_do_nothing(index_elements=["id"]))
    columns = (comment.c.id, comment.c.task_id, comment.c.case_id, comment.c.person, comment.c.text)
    kept = (await tx.connection.execute(sa.select(*columns).where(comment.c.id == form))).mappings().one()
    return dict(kept) == row


async def add_contact_note(tx: Transaction, form: UUID, **said: str | UUID) -> datetime | None:
    """A contact note is written once for a form: when it was. None where the form's id stands for a note already."""
    row = {"id": form, "person": tx.caller.person, **said}
    added = insert(contact_note).values(row).on_conflict_do_nothing(index_elements=["id"])
    written_at: datetime | None = await tx.connection.scalar(added.returning(contact_note.c.at))
    return written_at


async def is_contact_note(tx: Transaction, form: UUID, **said: str | UUID) -> bool:
    """Whether the note under a form's id is the caller's and says this."""
    row = {"id": form, "person": tx.caller.person, **said}
    columns = [contact_note.c[name] for name in row]
    kept = (await tx.connection.execute(sa.select(*columns).where(contact_note.c.id == form))).mappings().one()
    return dict(kept) == row


async def note_seen(tx: Transaction, case: UUID) -> None:
    row = insert(case_seen).values(case_id=case, person=tx.caller.person, seen_at=tx.now)
    later = row.on_conflict_do_update(index_elements=["case_id", "person"], set_={"seen_at": row.excluded.seen_at})
    await tx.connection.execute(later)


# --- decisions, recalls, releases -----------------------------------------------------------------------------------------------------


async def write_decision(tx: Transaction, row: Mapping[str, Any]) -> bool:
    """Write a decision, and say whether it completes the sequence of stages. Errors: the rules of the decision's trigger."""
    completes: bool = (await kept(tx.connection.execute(decision.insert().values(**row).returning(decision.c.completes)))).scalar_one()
    return completes


async def write_exceptions(tx: Transaction, decision_id: UUID, task_id: UUID, lines: Mapping[UUID, str]) -> None:
    """Write the lines that a decision leaves out, each with its coded reason. Errors: the rules of the exceptions' triggers."""
    rows = [{"decision_id": decision_id, "task_id": task_id, "line": line, "reason_code": code} for line, code in lines.items()]
    if rows:
        await kept(tx.connection.execute(decision_exception.insert(), rows))


async def write_minute(tx: Transaction, decision_id: UUID, body: str, told: Minute) -> None:
    """Write the minute by which a body decided. Errors: the rules of the minute's trigger."""
    row = {"decision_id": decision_id, "body": body, "reference": told.reference, "met_on": told.met_on, "copy": told.copy}
    await kept(tx.connection.execute(minute.insert().values(**row, copy_sha256=told.copy_sha256)))


async def keep_now(tx: Transaction) -> None:
    """Have the rules looked at that wait for the transaction's end. Errors: those rules."""
    await kept(tx.connection.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE")))


async def write_recall(tx: Transaction, form: UUID, decision_id: UUID, text: str) -> None:
    """Write a recall. Errors: the rules of the recall's trigger."""
    row = {"id": form, "decision_id": decision_id, "recalled_by": tx.caller.person, "roles": sorted(tx.caller.roles), "text": text}
    await kept(tx.connection.execute(recall.insert().values(**row)))


async def write_release(tx: Transaction, run: UUID, authority_id: int, lines: Sequence[tuple[ReleasedLine, UUID]]) -> datetime:
    """Write a run with its lines, each with the decision that completes its approval. Gives the moment of release.

    Lines go in the order of their cases, so that two releases take the cases' locks in one order. Errors: the rules of the triggers.
    """
    head = {
        "run": run,
        "released_by": tx.caller.person,
        "roles": sorted(tx.caller.roles),
        "authority_id": authority_id,
        "lines": len(lines),
        "total_pence": sum(line.amount_pence for line, _ in lines),
    }
    signed = release.insert().values(**head).returning(release.c.released_at)
    released_at: datetime = (await kept(tx.connection.execute(signed))).scalar_one()
    for line, decision_id in sorted(lines, key=lambda one: one[0].case):
        row = {
            "run": run,
            "case_id": line.case,
            "attempt": line.attempt,
            "content_hash": line.content_hash,
            "amount_pence": line.amount_pence,
        }
        await kept(tx.connection.execute(release_line.insert().values(decision_id=decision_id, **row)))
    await keep_now(tx)
    return released_at


async def write_outcome(tx: Transaction, update_id: UUID, *, accepted: bool, reason: str | None) -> None:
    row = insert(update_outcome).values(id=update_id, accepted=accepted, reason=reason)
    await tx.connection.execute(row.on_conflict_do_nothing())


# --- policy ---------------------------------------------------------------------------------------------------------------------------


async def lock_policy(tx: Transaction, kind: str) -> None:
    """One change of the policies of a kind at a time, to the end of the transaction. The guard of checks takes the same lock."""
    await tx.connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('policy ' || :kind, 0))"), {"kind": kind})


async def write_proposal(tx: Transaction, form: UUID, council: str, asked: ProposedPolicy) -> None:
    """Write a proposal as the caller. Errors: the rules of its trigger."""
    words = {name: value for name, value in asdict(asked).items() if name != "bands"}
    row = {"id": form, "council": council, "authorities": [asdict(band) for band in asked.bands], **words}
    await kept(tx.connection.execute(policy_proposal.insert().values(proposed_by=tx.caller.person, roles=sorted(tx.caller.roles), **row)))


async def write_check(tx: Transaction, proposal: UUID, answer: str, text: str) -> None:
    """Answer a proposal as the caller; accepting it lays the policy down. Errors: the rules of the check's trigger."""
    row = {"proposal_id": proposal, "checked_by": tx.caller.person, "roles": sorted(tx.caller.roles), "answer": answer, "text": text}
    await kept(tx.connection.execute(policy_check.insert().values(**row)))


# --- delegations and absences ---------------------------------------------------------------------------------------------------------


async def write_delegation(tx: Transaction, form: UUID, lent: Mapping[str, Any]) -> None:
    """Write what the caller lends. Errors: the rules of the delegation's trigger."""
    row = {"id": form, "giver": tx.caller.person, "giver_roles": sorted(tx.caller.roles), **lent}
    await kept(tx.connection.execute(delegation.insert().values(**row)))


async def end_delegation(tx: Transaction, delegation_id: UUID) -> None:
    """End it as the caller; one that has ended stays as it ended. Errors: the rules of the trigger."""
    row = insert(delegation_end).values(delegation_id=delegation_id, ended_by=tx.caller.person)
    await kept(tx.connection.execute(row.on_conflict_do_nothing()))


async def write_absence(tx: Transaction, form: UUID, away: Mapping[str, Any]) -> None:
    """Write that the caller is away. Errors: the rules of the absence's trigger."""
    await kept(tx.connection.execute(absence.insert().values(id=form, person=tx.caller.person, **away)))


async def end_absence(tx: Transaction, absence_id: UUID) -> None:
    """The caller is back; said twice it is said once. Errors: the rules of the trigger."""
    row = insert(absence_end).values(absence_id=absence_id, ended_by=tx.caller.person)
    await kept(tx.connection.execute(row.on_conflict_do_nothing()))


# --- selections -----------------------------------------------------------------------------------------------------------------------


class TaskHead(Protocol):
    """A task with its content."""

    @property
    def id(self) -> UUID: ...
    @property
    def case(self) -> UUID: ...
    @property
    def content_hash(self) -> str: ...
    @property
    def amount_pence(self) -> int: ...


async def write_selection(tx: Transaction, form: UUID, rows: Sequence[TaskHead], opened_first: Collection[UUID]) -> None:
    """Keep what the caller chose, each line with its content."""
    await tx.connection.execute(selection.insert().values(id=form, person=tx.caller.person))
    lines = [
        {"selection_id": form, "task_id": row.id, "case_id": row.case, "content_hash": row.content_hash, "amount_pence": row.amount_pence,
         "opened_first": row.id in opened_first}
        for row in rows
    ]  # fmt: skip
    await tx.connection.execute(selection_line.insert(), lines)


async def sign_selection(tx: Transaction, selection_id: UUID, authenticated_at: datetime) -> None:
    """Sign as the caller. Errors: the rules of the trigger."""
    row = {"selection_id": selection_id, "signed_by": tx.caller.person, "authenticated_at": authenticated_at}
    await kept(tx.connection.execute(insert(selection_signed).values(**row).on_conflict_do_nothing()))


async def note_line(
    tx: Transaction, selection_id: UUID, task_id: UUID, *, decision: UUID | None = None, refused: str | None = None
) -> None:
    """What became of a line; the first word stays."""
    row = {"selection_id": selection_id, "task_id": task_id, "decision_id": decision, "refused": refused}
    await tx.connection.execute(insert(selection_result).values(**row).on_conflict_do_nothing())


# --- saved views ----------------------------------------------------------------------------------------------------------------------


async def save_view(tx: Transaction, form: UUID, name: str, view: str, filters: Mapping[str, str]) -> None:
    """Under a name of its own; the same name again is the view as it now is."""
    row = insert(saved_view).values(id=form, person=tx.caller.person, name=name, view=view, filters=dict(filters))
    kept_name = row.on_conflict_do_update(
        constraint="a_saved_view_has_its_own_name",
        set_={"view": row.excluded.view, "filters": row.excluded.filters, "saved_at": tx.now},
    )
    await tx.connection.execute(kept_name)


async def view_of_form(tx: Transaction, form: UUID) -> tuple[str, str, Mapping[str, str]] | None:
    """What this form saved: name, view and filters; None where it saved nothing."""
    row = (await tx.connection.execute(sa.select(saved_view).where(saved_view.c.id == form))).one_or_none()
    return (row.name, row.view, row.filters) if row is not None else None


async def forget_view(tx: Transaction, view: UUID) -> None:
    await tx.connection.execute(saved_view.delete().where(saved_view.c.id == view, saved_view.c.person == tx.caller.person))


# --- sessions of the desk -------------------------------------------------------------------------------------------------------------


class SignedIn(Protocol):
    """Who a session is of."""

    @property
    def subject(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def roles(self) -> frozenset[str]: ...


class OpenedSession(Protocol):
    """A session as the desk begins it: instants in UTC, and of the browser's key the SHA-256 alone."""

    @property
    def id_hash(self) -> str: ...
    @property
    def person(self) -> SignedIn: ...
    @property
    def csrf_token(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def last_seen_at(self) -> datetime: ...
    @property
    def ends_at(self) -> datetime: ...
    @property
    def authenticated_at(self) -> datetime | None: ...


async def open_session(tx: Transaction, session: OpenedSession) -> None:
    """Keep a session, and who signed in with which roles."""
    person = session.person
    row = {"subject": person.subject, "name": person.name, "roles": sorted(person.roles), "last_seen_at": session.last_seen_at}
    known = insert(staff).values(row)
    newer = {name: known.excluded[name] for name in ("name", "roles", "last_seen_at")}
    await tx.connection.execute(known.on_conflict_do_update(index_elements=["subject"], set_=newer))
    await tx.connection.execute(
        sessions.insert().values(
            **row,
            id_hash=session.id_hash,
            csrf_token=session.csrf_token,
            created_at=session.created_at,
            ends_at=session.ends_at,
            authenticated_at=session.authenticated_at,
        )
    )


async def desk_session(tx: Transaction, id_hash: str) -> sa.Row[Any] | None:
    return (await tx.connection.execute(sa.select(sessions).where(sessions.c.id_hash == id_hash))).one_or_none()


async def touch_session(tx: Transaction, id_hash: str, now: datetime) -> None:
    used = sessions.update().where(sessions.c.id_hash == id_hash).values(last_seen_at=now).returning(sessions.c.subject)
    subject = (await tx.connection.execute(used)).scalar_one_or_none()
    await tx.connection.execute(staff.update().where(staff.c.subject == subject).values(last_seen_at=now))


async def end_session(tx: Transaction, id_hash: str) -> None:
    await tx.connection.execute(sessions.delete().where(sessions.c.id_hash == id_hash))


async def end_sessions_before(tx: Transaction, now: datetime) -> None:
    """Sweep sessions whose end has passed."""
    await tx.connection.execute(sessions.delete().where(sessions.c.ends_at <= now))
