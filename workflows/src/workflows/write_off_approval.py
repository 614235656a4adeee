"""A schedule of write-offs from its making to the ledger's last word on each line, as domain.md 5 tells it."""

from collections import deque
from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from uuid import UUID

    from rentbook_contracts.approvals import (
        CLOSE_TASK,
        DECIDE,
        NUDGE_TASK,
        OPEN_SCHEDULE_TASK,
        READ_DECISION,
        RECALL,
        Answer,
        CloseTask,
        Decision,
        DecisionTaken,
        DecisionTakenBack,
        NudgeTask,
        OpenScheduleTask,
        ReadDecision,
        TaskOpened,
    )
    from rentbook_contracts.ledger import LINES_IN_A_SCHEDULE, POST_WRITE_OFF, PostWriteOff, WriteOffLine, WriteOffsPosted
    from rentbook_contracts.operation import Nothing
    from rentbook_contracts.workflows import (
        SCHEDULE_CHANGED,
        WRITE_OFF_APPROVAL,
        ScheduleChanged,
        schedule_workflow_id,
    )
    from rentbook_contracts.writeoffs import (
        BEGIN_ROUND,
        CLOSE_SCHEDULE,
        NOTE_SCHEDULE,
        READ_SCHEDULE,
        SETTLE_LINES,
        TAKE_LINES,
        BeginRound,
        CloseSchedule,
        NoteSchedule,
        ReadSchedule,
        ScheduleCase,
        ScheduleStatus,
        SettleLines,
        TakeLines,
    )

    from workflows.calling import Steps, broken_rule
    from workflows.decision import Again, Asked, morning_of, until

CHUNKS_AT_MOST = LINES_IN_A_SCHEDULE + 1
"""A chunk has at least one line, and an empty one is the last; more would be a fault, not work."""
# A story that was waiting before it heard of a withdrawal then goes on as it began: its lines are refused in the end.
WITHDRAWN_IN_CALL_IN = "a withdrawal ends the call-in"
# A story that was told so by rows of which it took no notice goes on as it did then.
EMPTY_ENDS = "a schedule of which no line is left ends by itself"
NOTHING_LEFT = "no line was left"
# One that was told of another schedule's decision, or another round's, goes on as it believed.
OF_THIS_ROUND = "a recall counts in the round that it is of"


@workflow.defn(name=WRITE_OFF_APPROVAL.name)
class WriteOffApproval:
    """One schedule. A round freezes its lines and asks for a decision on all of them; a question that was answered begins the next."""

    @workflow.init
    def __init__(self, case: ScheduleCase) -> None:
        self.case = case
        self.round = 0
        self.steps = Steps(schedule_workflow_id(case.schedule))
        self.asked: Asked | None = None
        self.posting = False
        self.answers: deque[UUID] = deque()
        self.taken: set[UUID] = set()
        self.recalls: deque[UUID] = deque()
        self.told = self.answered = self.withdrawn = self.recalled = self.empty = False

    @workflow.run
    async def run(self, case: ScheduleCase) -> Nothing:
        while True:
            outcome = await self.go_round()
            if not isinstance(outcome, Again):
                return Nothing()
            if self.withdrawn:
                await self.close(ScheduleStatus.WITHDRAWN)
                return Nothing()

    async def go_round(self) -> ScheduleStatus | Again:
        self.begin_round()
        begun = await self.steps.call(BEGIN_ROUND, BeginRound(schedule=self.case.schedule, round=self.round))
        if begun.content_hash is None:
            return await self.close(ScheduleStatus.EMPTY)
        decision = await self.decided(begun.content_hash)
        if isinstance(decision, Again):
            return decision
        if decision.answer is not Answer.APPROVED:
            await self.carried_out(decision)
            return await self.close(ScheduleStatus.DECLINED, decision)
        again = await self.called_in(decision)
        again = again or await self.posted(decision)
        if again is not None:
            await self.not_carried_out(decision.task, again)
            return again
        await self.carried_out(decision)
        return await self.close(ScheduleStatus.POSTED, decision)

    # --- the steps of the story, in order -----------------------------------------------------------------------------------------

    async def decided(self, content_hash: str) -> Decision | Again:
        """The decision that completes the sequence of stages, or the first that says no."""
        stage = 1
        while True:
            self.asked = Asked(None, self.round, content_hash)
            task = await self.steps.call(OPEN_SCHEDULE_TASK, self.task_for(content_hash, stage))
            self.asked = Asked(task.task, self.round, content_hash)
            await self.note(ScheduleStatus.WITH_APPROVER)
            decision = await self.answer_to(task)
            self.asked = None
            if isinstance(decision, Again):
                await self.not_carried_out(task.task, decision)
                return decision
            if decision.answer is Answer.SENT_BACK:
                return await self.sent_back(decision)
            if decision.answer is Answer.DECLINED or decision.completes:
                return decision
            stage += 1

    async def answer_to(self, task: TaskOpened) -> Decision | Again:
        """The decision row that answers this task. Reminder and escalation come by time; the answer never does."""
        nudges = deque([(morning_of(task.remind_on), False), (morning_of(task.escalate_on), True)])
        while True:
            if not await self.until(lambda: bool(self.answers) or self.interrupted(), nudges[0][0] if nudges else None):
                await self.steps.call(NUDGE_TASK, NudgeTask(task=task.task, escalate=nudges.popleft()[1]))
            elif self.interrupted():
                return Again("recalled" if self.recalled else self.ended())
            elif (decision := await self.believed(self.answers.popleft())) is not None:
                return decision

    async def believed(self, answer: UUID) -> Decision | Again | None:
        """The row behind an update, if it answers what is asked: a bare update decides nothing."""
        decision = await self.row_of(answer)
        if decision is None or self.asked is None or not self.asked.answered_by(decision):
            return None
        return Again("recalled") if decision.recalled else decision

    async def row_of(self, decision: UUID) -> Decision | None:
        """The decision as approvals has it; None where there is none."""
        try:
            return await self.steps.call(READ_DECISION, ReadDecision(decision=decision))
        except ActivityError as error:
            if broken_rule(error) is None:
                raise
            return None

    async def sent_back(self, decision: Decision) -> Again:
        """The question waits for its answer, for the schedule to be withdrawn, or for its last line to go."""
        await self.note(ScheduleStatus.SENT_BACK)
        await self.until(lambda: self.answered or self.withdrawn or self.empty, None)
        await self.carried_out(decision)
        return Again("answered")

    async def called_in(self, decision: Decision) -> Again | None:
        """A decision of members waits until nobody can call it in any more (domain.md 9), or there is nothing left to post."""
        if decision.carried_out_from is None or morning_of(decision.carried_out_from) <= workflow.now():
            return None
        await self.note(ScheduleStatus.CALL_IN)
        hears = workflow.patched(WITHDRAWN_IN_CALL_IN)
        if await self.until(lambda: self.recalled or (hears and self.withdrawn) or self.empty, morning_of(decision.carried_out_from)):
            return Again("called in" if self.recalled else self.ended())
        return None

    async def posted(self, decision: Decision) -> Again | None:
        """Every line has its outcome: posted, or dropped by the ledger with its reason. A recall that came first sends all back."""
        self.posting = True
        await self.note(ScheduleStatus.POSTING)
        for _ in range(CHUNKS_AT_MOST):
            lines = await self.next_lines(decision)
            if isinstance(lines, Again):
                return lines
            if not lines:
                return None
            outcome = await self.post(decision, lines)
            if isinstance(outcome, Again):
                return outcome
            settled = SettleLines(schedule=self.case.schedule, round=self.round, decision=decision.decision, outcomes=outcome.outcomes)
            await self.steps.call(SETTLE_LINES, settled)
        raise ApplicationError("a schedule has more lines than it can have", type="TooManyLines", non_retryable=True)

    # --- small steps --------------------------------------------------------------------------------------------------------------

    def begin_round(self) -> None:
        self.round += 1
        self.asked = None
        self.posting = False
        self.answers.clear()
        self.taken.clear()
        self.answered = self.recalled = False

    async def until(self, condition: Callable[[], bool], when: datetime | None) -> bool:
        """As `decision.until`; whoever is told of something asks the rows before the condition is looked at."""
        while await until(lambda: self.told or condition(), when):
            if not self.told:
                return True
            # Before it asks, so that what is told meanwhile is asked about as well.
            self.told = False
            await self.ask_the_rows()
        return False

    async def ask_the_rows(self) -> None:
        """What happened, as far as writeoffs and approvals have it in their rows: a bare signal makes nothing true."""
        stands = await self.steps.call(READ_SCHEDULE, ReadSchedule(schedule=self.case.schedule))
        self.answered, self.withdrawn = stands.answered_round == self.round, stands.withdrawn
        self.empty = stands.empty and workflow.patched(EMPTY_ENDS)
        while self.recalls:
            decision = await self.row_of(self.recalls.popleft())
            if decision is not None and (self.is_of_this_round(decision) or not workflow.patched(OF_THIS_ROUND)):
                self.recalled = self.recalled or decision.recalled

    def is_of_this_round(self, decision: Decision) -> bool:
        """A bare update may have told of any decision, whose recall would be taken for one of what was approved here."""
        return (decision.case, decision.round) == (self.case.schedule, self.round)

    def interrupted(self) -> bool:
        return self.withdrawn or self.recalled or self.empty

    def ended(self) -> str:
        """Why a round ends that nobody recalled. The next one finds no line, and closes the schedule."""
        return "the schedule was withdrawn" if self.withdrawn else NOTHING_LEFT

    def task_for(self, content_hash: str, stage: int) -> OpenScheduleTask:
        return OpenScheduleTask(
            schedule=self.case.schedule,
            round=self.round,
            stage=stage,
            content_hash=content_hash,
            workflow_id=workflow.info().workflow_id,
        )

    async def next_lines(self, decision: Decision) -> tuple[WriteOffLine, ...] | Again:
        """Refused where the schedule was withdrawn before its first lines were handed out."""
        wanted = TakeLines(schedule=self.case.schedule, round=self.round, decision=decision.decision, excepted=decision.excepted)
        try:
            return (await self.steps.call(TAKE_LINES, wanted)).lines
        except ActivityError as error:
            rule = broken_rule(error)
            if rule is None:
                raise
            await self.ask_the_rows()
            return Again("the schedule was withdrawn" if self.withdrawn else rule)

    async def post(self, decision: Decision, lines: tuple[WriteOffLine, ...]) -> WriteOffsPosted | Again:
        chunk = PostWriteOff(schedule=self.case.schedule, decision=decision.decision, lines=lines)
        try:
            return await self.steps.call(POST_WRITE_OFF, chunk)
        except ActivityError as error:
            rule = broken_rule(error)
            if rule is None:
                raise
            return Again(rule)

    async def carried_out(self, decision: Decision) -> None:
        await self.steps.call(CLOSE_TASK, CloseTask(task=decision.task, carried_out=True))

    async def not_carried_out(self, task: UUID, again: Again) -> None:
        await self.steps.call(CLOSE_TASK, CloseTask(task=task, carried_out=False, because=again.because))

    async def note(self, status: ScheduleStatus) -> None:
        await self.steps.call(NOTE_SCHEDULE, NoteSchedule(schedule=self.case.schedule, status=status))

    async def close(self, status: ScheduleStatus, decision: Decision | None = None) -> ScheduleStatus:
        end = CloseSchedule(
            schedule=self.case.schedule,
            round=self.round,
            status=status,
            decision=decision.decision if decision else None,
            answer=decision.answer if decision else None,
            reason_code=decision.reason_code if decision else None,
        )
        await self.steps.call(CLOSE_SCHEDULE, end)
        return status

    # --- what it is told ----------------------------------------------------------------------------------------------------------

    @workflow.update(name=DECIDE.name)
    def decide(self, taken: DecisionTaken) -> None:
        self.answers.append(taken.decision)
        self.taken.add(taken.decision)

    @decide.validator
    def answers_the_question(self, taken: DecisionTaken) -> None:
        if self.asked is None or not self.asked.answered_by(taken):
            raise ApplicationError("this is not the question that is open", type="NotTheOpenQuestion", non_retryable=True)

    @workflow.update(name=RECALL.name)
    def recall(self, back: DecisionTakenBack) -> None:
        self.recalls.append(back.decision)
        self.told = True

    @recall.validator
    def can_be_recalled(self, back: DecisionTakenBack) -> None:
        if back.decision not in self.taken or self.posting:
            raise ApplicationError("it is being posted already, or was never the approval", type="TooLateToRecall", non_retryable=True)

    @workflow.signal(name=SCHEDULE_CHANGED.name)
    def schedule_changed(self, _: ScheduleChanged) -> None:
        self.told = True
