"""Schedules as people make and change them: list ready proposals, answer a question, take a line off, withdraw the whole."""

from uuid import uuid4

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer
from rentbook_contracts.operation import Nothing
from rentbook_contracts.workflows import (
    SCHEDULE_CHANGED,
    WRITE_OFF_APPROVAL,
    ScheduleChanged,
    schedule_workflow_id,
)
from rentbook_contracts.writeoffs import (
    AnswerSchedule,
    MakeSchedule,
    NotProposed,
    ProposalStatus,
    ScheduleCase,
    ScheduleMade,
    ScheduleStatus,
    TakeOffSchedule,
    WithdrawSchedule,
)

from writeoffs import store
from writeoffs.domain.money import pounds
from writeoffs.domain.rules import WriteOffRule
from writeoffs.use_cases.listing import listed
from writeoffs.use_cases.work import decision_on, require_worker

BEFORE_THE_END = (ScheduleStatus.WITH_APPROVER, ScheduleStatus.SENT_BACK, ScheduleStatus.CALL_IN)


class SchedulesAreOfOneKind(WriteOffRule):
    """Debts, reinstatements and credits are decided on schedules of their own."""


class NothingIsReady(WriteOffRule):
    """None of the proposals can be listed now."""


class NotSentBack(WriteOffRule):
    """Only a schedule that was sent back with a question is changed or answered."""


class DecidedAlready(WriteOffRule):
    """A schedule on which a decision stands, or that is closed, is not withdrawn."""


class NotOnTheSchedule(WriteOffRule):
    """The line is not listed on this schedule."""


async def make_schedule(tx: Transaction, told: MakeSchedule) -> ScheduleMade:
    """Errors: NotYourPart, SchedulesAreOfOneKind, NothingIsReady; Unanswered (ledger)."""
    require_worker(tx)
    known = await store.proposals_locked(tx, told.proposals)
    rows = [known[id_] for id_ in dict.fromkeys(told.proposals) if id_ in known]
    kinds = {row.kind for row in rows}
    if len(kinds) > 1:
        raise SchedulesAreOfOneKind("Put write-offs, reinstatements and credits on schedules of their own.", field="proposals")
    lines, left_out = await listed(tx, rows)
    if not lines:
        first = next(iter(left_out.values()), "There is no such proposal.")
        raise NothingIsReady(f"Nothing can be listed now. {first}", field="proposals")
    schedule, on = uuid4(), [one.line.line for one in lines]
    await store.add_schedule(tx, schedule, kinds.pop(), told.title)
    await store.add_lines(tx, schedule, lines)
    await store.change_proposals(tx, on, status=ProposalStatus.ON_SCHEDULE, schedule=schedule, status_note="")
    await store.note(tx, on, "listed on a schedule")
    await store.carry_on(tx, [(one.line.line, person) for one in lines for person in one.hands])
    await store.take_part_in_schedule(tx, schedule, "made it")
    await store.note_on_schedule(tx, schedule, "made")
    await tx.start(WRITE_OFF_APPROVAL, ScheduleCase(schedule=schedule), workflow_id=schedule_workflow_id(schedule))
    out = tuple(NotProposed(account=known[id_].account, because=why) for id_, why in left_out.items())
    return ScheduleMade(schedule=schedule, lines=len(lines), left_out=out)


async def take_off_schedule(tx: Transaction, told: TakeOffSchedule) -> Nothing:
    """The proposal is ready again. Errors: NotYourPart, UnknownSchedule, NotSentBack, NotOnTheSchedule."""
    require_worker(tx)
    row = await store.schedule_locked(tx, told.schedule)
    if row.status != ScheduleStatus.SENT_BACK:
        raise NotSentBack("A line is taken off while the schedule is sent back. The decision itself may except lines.")
    lines = await store.lines_of(tx, row.id, "listed", only=[told.proposal])
    if not lines:
        raise NotOnTheSchedule("This line is not on the schedule any more.")
    await store.set_standing(tx, row.id, [told.proposal], "taken-off", told.note)
    await store.change_proposal(tx, told.proposal, status=ProposalStatus.READY, schedule=None)
    await store.note(tx, [told.proposal], "taken off the schedule", told.note)
    await store.take_part_in_schedule(tx, row.id, "took a line off")
    await store.note_on_schedule(tx, row.id, f"a line of {pounds(lines[0].amount_pence)} was taken off", told.note)
    # It may have been the last: there is nothing left about which an answer would be waited for.
    await tx.nudge(schedule_workflow_id(row.id), SCHEDULE_CHANGED, ScheduleChanged(schedule=row.id))
    return Nothing()


async def answer_schedule(tx: Transaction, told: AnswerSchedule) -> Nothing:
    """Errors: NotYourPart, UnknownSchedule, NotSentBack."""
    require_worker(tx)
    row = await store.schedule_locked(tx, told.schedule)
    if row.status != ScheduleStatus.SENT_BACK:
        raise NotSentBack("Nobody has asked a question about this schedule.")
    await store.take_part_in_schedule(tx, row.id, "answered the question")
    await store.note_on_schedule(tx, row.id, "the question was answered", told.note)
    await store.change_schedule(tx, row.id, answered_round=row.round)
    await tx.signal(schedule_workflow_id(row.id), SCHEDULE_CHANGED, ScheduleChanged(schedule=row.id))
    return Nothing()


async def withdraw_schedule(tx: Transaction, told: WithdrawSchedule) -> Nothing:
    """It takes the lock under which the first lines are handed to the ledger, so that a schedule is either withdrawn or carried out.

    Errors: NotYourPart, UnknownSchedule, DecidedAlready; Unanswered (approvals).
    """
    require_worker(tx)
    row = await store.schedule_locked(tx, told.schedule)
    if row.status not in BEFORE_THE_END or row.decision is not None:
        raise DecidedAlready("This schedule is being carried out, or is closed.")
    made = await decision_on(tx, row)
    if made is not None and made.answer is Answer.DECLINED:
        raise DecidedAlready("This schedule was declined.")
    if made is not None:
        raise DecidedAlready(
            "This schedule was approved. Have the approval recalled, which can be done until it is posted; then take the schedule back."
        )
    await store.take_part_in_schedule(tx, row.id, "withdrew it")
    await store.note_on_schedule(tx, row.id, "withdrawn", told.note)
    await store.change_schedule(tx, row.id, withdrawn=True)
    await tx.signal(schedule_workflow_id(row.id), SCHEDULE_CHANGED, ScheduleChanged(schedule=row.id))
    return Nothing()
