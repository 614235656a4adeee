"""A refund from its request to the bank's word, as domain.md 4 tells it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    import asyncio
    from uuid import UUID

    from rentbook_contracts.approvals import (
        CLOSE_TASK,
        DECIDE,
        NUDGE_TASK,
        OPEN_TASK,
        READ_DECISION,
        RECALL,
        Answer,
        CloseTask,
        Decision,
        DecisionTaken,
        DecisionTakenBack,
        NudgeTask,
        OpenTask,
        ReadDecision,
        TaskKind,
        TaskOpened,
    )
    from rentbook_contracts.ledger import (
        PLACE_HOLD,
        POST_REFUND,
        PUT_BACK_CREDIT,
        RELEASE_HOLD,
        REVERSE_REFUND,
        PlaceHold,
        PostRefund,
        PutBackCredit,
        RefundIsPosted,
        RefundPlan,
        ReleaseHold,
        ReverseRefund,
    )
    from rentbook_contracts.operation import Nothing
    from rentbook_contracts.refunds import (
        AWAIT_EVIDENCE,
        CLOSE_CASE,
        DEQUEUE_PAYMENT,
        LINE_POSTED,
        LOOK_AGAIN,
        NOTE_PROGRESS,
        PLAN_REFUND,
        QUEUE_PAYMENT,
        READ_ATTEMPT,
        READ_CASE,
        RECHECK,
        RUN_CHECK,
        AwaitEvidence,
        CaseOutcome,
        CaseStatus,
        CloseCase,
        DequeuePayment,
        LinePosted,
        LookAgain,
        NoteProgress,
        PlanMade,
        PlanRefund,
        QueuePayment,
        ReadCase,
        Recheck,
        RefundCase,
        RunCheck,
    )
    from rentbook_contracts.workflows import (
        CASE_CHANGED,
        CASE_WITHDRAWN,
        LEDGER_MOVED,
        PAYMENT_RELEASED,
        PAYMENT_SETTLED,
        REFUND_APPROVAL,
        CaseChanged,
        CaseWithdrawn,
        LedgerMoved,
        PaymentReleased,
        PaymentSettled,
        refund_workflow_id,
    )

    from workflows.calling import Steps, broken_rule
    from workflows.decision import Again, Asked, morning_of

CHECKS = range(1, 11)
# Every post that finds its accounts moved checks again. An account that moves this often within one release is a fault, not traffic.
POSTING_TRIES = 50
# The ledger says no because the world moved between the check and the posting: the case goes round again.
MOVED_ON = frozenset({"CreditNotFree", "DecisionRecalled", "HoldGone"})
# A story that was begun before it asked for the rows goes on as it began.
BELIEVES_ROWS = "a signal is believed as far as the rows say so"
# As does one that waited for documents before it heard of the ledger meanwhile.
HEARS_LEDGER = "a ledger that moved is looked at while documents are awaited"
# Or before a day might let a check pass.
LOOKS_ON_THE_DAY = "what is awaited is looked at on the day that may settle it"
# Or whose checks held as long as it waited.
CHECKS_RUN_OUT = "checks that run out while a case waits are run again"
# And one that a rule of the ledger had stopped.
HEARS_LEDGER_REFUSED = "a ledger that moved sends a refused case round again"
# One that was begun earlier takes what is to be taken back from its argument.
BEGINS_BY_ROWS = "what an attempt begins with is asked of the rows"
# Or dropped a line without hearing that it was posted.
POSTED_AFTER_ALL = "a line that is to be dropped and was posted is paid"
# Or believed what a word said of another round.
OF_THIS_ROUND = "a recall and an answer count in the round that they are of"


@dataclass(frozen=True)
class HandedOn:
    """This attempt is over: the posted payment was not made, and refunds has begun the case's next attempt, which takes it back."""


@workflow.defn(name=REFUND_APPROVAL.name)
class RefundApproval:
    """One attempt at a case. A round runs the checks and asks for a decision; whatever voids a round starts the next."""

    @workflow.init
    def __init__(self, case: RefundCase) -> None:
        self.case = case
        self.round = 0
        self.steps = Steps(refund_workflow_id(case.case, case.attempt))
        self.asked: Asked | None = None
        self.approved: Decision | None = None
        self.posting = False
        self.answers: deque[UUID] = deque()
        self.taken: set[UUID] = set()
        # Here, because a signal may be handled before `run` begins.
        self.believes_rows = workflow.patched(BELIEVES_ROWS)
        self.told = False
        self.recalls: deque[UUID] = deque()
        self.changed = self.resubmitted = self.moved = self.withdrawn = self.recalled = False
        self.released: PaymentReleased | None = None
        self.settled: PaymentSettled | None = None
        self.runs_out_at: datetime | None = None

    @workflow.run
    async def run(self, case: RefundCase) -> Nothing:
        if workflow.patched(BEGINS_BY_ROWS):
            self.case = await self.steps.call(READ_ATTEMPT, ReadCase(case=case.case, attempt=case.attempt))
        await self.take_back_returned()
        await self.put_back_written_on(self.case.written_on)
        while True:
            outcome = await self.go_round()
            if not isinstance(outcome, Again):
                return Nothing()
            if self.withdrawn:
                await self.close(CaseOutcome.WITHDRAWN)
                return Nothing()

    async def go_round(self) -> CaseOutcome | HandedOn | Again:
        self.begin_round()
        await self.put_back_written_on(self.case.account)
        made = await self.gathered()
        if made.plan is None:
            return await self.wait_for_evidence(made) if made.blocked else await self.close(CaseOutcome.NOTHING_DUE)
        hold = await self.held(made.plan)
        if isinstance(hold, Again):
            return hold
        decision = await self.decided(made, made.plan)
        if isinstance(decision, Again):
            return await self.lifting(hold, decision)
        if decision.answer is not Answer.APPROVED:
            await self.lifting(hold, Again("declined"))
            return await self.close(CaseOutcome.DECLINED, made.plan, decision.reason_code)
        posted = await self.released_and_posted(made.plan, hold, decision)
        if isinstance(posted, Again):
            return await self.lifting(hold, posted)
        return await self.confirmed(made.plan, posted, decision)

    # --- the steps of the story, in order -----------------------------------------------------------------------------------------

    async def take_back_returned(self) -> None:
        """The bank returned the last attempt's payment: the credit goes back on the account before anything else."""
        if self.case.returned is not None:
            await self.reverse(self.case.returned, self.case.returned_reason or "returned")

    async def put_back_written_on(self, account: UUID | None) -> None:
        """Credit that went to income, it may be while the request was on its way to the ledger: it is still paid when it is asked for.

        A story that was begun before there was such a step, or before every round had it, names no account.
        """
        if account is not None:
            await self.steps.call(PUT_BACK_CREDIT, PutBackCredit(case=self.case.case, account=account))

    async def gathered(self) -> PlanMade:
        await self.note(CaseStatus.CHECKING)
        key = {"case": self.case.case, "attempt": self.case.attempt, "round": self.round}
        await asyncio.gather(*(self.steps.call(RUN_CHECK, RunCheck(**key, check=number)) for number in CHECKS))
        made = await self.steps.call(PLAN_REFUND, PlanRefund(**key))
        if made.runs_out_at is not None and workflow.patched(CHECKS_RUN_OUT):
            self.runs_out_at = made.runs_out_at
        return made

    async def wait_for_evidence(self, made: PlanMade) -> Again:
        """Somebody has to bring a document or an answer, or lift a hold. Time reminds and escalates; it refuses nobody."""
        timers = await self.steps.call(
            AWAIT_EVIDENCE,
            AwaitEvidence(case=self.case.case, attempt=self.case.attempt, round=self.round, checks=made.blocked),
        )
        await self.note(CaseStatus.WAITING_FOR_EVIDENCE)
        hears = workflow.patched(HEARS_LEDGER)
        waits: list[tuple[datetime, str | None]] = [(timers.remind_at, "reminded"), (timers.lapse_at, "overdue")]
        if timers.look_again_at is not None and workflow.patched(LOOKS_ON_THE_DAY):
            waits = sorted([*waits, (timers.look_again_at, None)], key=lambda wait: wait[0])
        for when, what in waits:
            if await self.may_pass_now(when, hears_ledger=hears) or (what is None and await self.answers_otherwise()):
                return Again("evidence")
            if what is not None:
                await self.note(CaseStatus.WAITING_FOR_EVIDENCE, what)
        await self.may_pass_now(None, hears_ledger=hears)
        return Again("evidence")

    async def may_pass_now(self, when: datetime | None, *, hears_ledger: bool) -> bool:
        """True once something was brought, or the ledger moved so that a check which blocks answers otherwise; False at `when`.

        Any other move, as the weekly debit, leaves the round as it is.
        """
        while await self.until(lambda: self.interrupted_before_decision() or (hears_ledger and self.moved), when):
            if self.interrupted_before_decision():
                return True
            # Before it looks, so that a move meanwhile is looked at as well.
            self.moved = False
            if await self.answers_otherwise():
                return True
        return False

    async def answers_otherwise(self) -> bool:
        """Whether a check that blocks the round would find something else by now."""
        look = LookAgain(case=self.case.case, attempt=self.case.attempt, round=self.round)
        return (await self.steps.call(LOOK_AGAIN, look)).differs

    async def held(self, plan: RefundPlan) -> UUID | Again:
        try:
            return (await self.steps.call(PLACE_HOLD, PlaceHold(plan=plan))).hold
        except ActivityError as error:
            return await self.moved_on(error)

    async def decided(self, made: PlanMade, plan: RefundPlan) -> Decision | Again:
        """The decision that completes the sequence of stages, or the first that says no."""
        stage = 1
        while True:
            self.asked = Asked(None, self.round, plan.content_hash)
            task = await self.steps.call(OPEN_TASK, self.task_for(made, plan, stage))
            self.asked = Asked(task.task, self.round, plan.content_hash)
            await self.note(CaseStatus.WITH_APPROVER)
            decision = await self.answer_to(task, plan)
            self.asked = None
            if isinstance(decision, Again):
                await self.steps.call(CLOSE_TASK, CloseTask(task=task.task, carried_out=False, because=decision.because))
                return decision
            if decision.answer is Answer.SENT_BACK:
                return await self.sent_back(decision)
            if decision.answer is Answer.DECLINED or decision.completes:
                self.approved = decision
                return decision
            stage += 1

    async def sent_back(self, decision: Decision) -> Again:
        """The question waits for its answer, or for the case to be withdrawn; then it waits for nobody any more."""
        if workflow.patched(OF_THIS_ROUND):
            # Until now the case waited for no answer, and its rows said so to whoever asked.
            self.resubmitted = False
        await self.note(CaseStatus.SENT_BACK)
        await self.until(lambda: self.resubmitted or self.withdrawn, None)
        await self.carried_out(decision)
        return Again("resubmitted")

    async def released_and_posted(self, plan: RefundPlan, hold: UUID, decision: Decision) -> RefundIsPosted | Again:
        await self.note(CaseStatus.APPROVED)
        if plan.refund_pence:
            await self.steps.call(QUEUE_PAYMENT, QueuePayment(plan=plan, decision=decision.decision))
            waited = await self.until_released(plan)
            if isinstance(waited, Again):
                return await self.not_paid(plan, decision, waited)
            await self.note(CaseStatus.RELEASED)
        self.posting = True
        posted = await self.posted(plan, hold, decision)
        return await self.not_paid(plan, decision, posted) if isinstance(posted, Again) else posted

    async def posted(self, plan: RefundPlan, hold: UUID, decision: Decision) -> RefundIsPosted | Again:
        """The checks again, then the posting, which the ledger refuses if an account moved since: then both again."""
        for _ in range(POSTING_TRIES):
            seen = await self.steps.call(RECHECK, Recheck(plan=plan))
            if seen.void_because:
                return Again(seen.void_because)
            try:
                return await self.steps.call(
                    POST_REFUND, PostRefund(plan=plan, hold=hold, decision=decision.decision, versions=seen.versions)
                )
            except ActivityError as error:
                if broken_rule(error) != "AccountMoved":
                    return await self.moved_on(error)
        return Again("the accounts of the plan do not stand still")

    async def confirmed(self, plan: RefundPlan, posted: RefundIsPosted, decision: Decision) -> CaseOutcome | HandedOn:
        if self.released is None or posted.refund_journal is None:
            await self.carried_out(decision)
            return await self.close(CaseOutcome.OFFSET, plan, offset_journals=posted.offset_journals)
        # The ledger names the run that finance released: a bare signal may have named another.
        run = posted.run or self.released.run
        self.released = PaymentReleased(run=run, content_hash=plan.content_hash)
        await self.steps.call(LINE_POSTED, LinePosted(run=run, plan=plan, refund_journal=posted.refund_journal))
        await self.note(CaseStatus.WITH_BANK)
        await self.until(lambda: self.settled is not None, None)
        if self.settled is not None and self.settled.paid:
            await self.carried_out(decision)
            return await self.close(CaseOutcome.PAID, plan)
        await self.steps.call(CLOSE_TASK, CloseTask(task=decision.task, carried_out=False, because="the bank refused the file"))
        return HandedOn()

    # --- small steps --------------------------------------------------------------------------------------------------------------

    def begin_round(self) -> None:
        self.round += 1
        self.asked = self.approved = None
        self.posting = False
        self.answers.clear()
        self.taken.clear()
        self.recalls.clear()
        self.changed = self.resubmitted = self.moved = self.recalled = False
        self.released = self.settled = None
        self.runs_out_at = None

    def interrupted_before_decision(self) -> bool:
        return self.changed or self.withdrawn

    def interrupted(self) -> bool:
        return self.changed or self.withdrawn or self.recalled or self.moved

    def task_for(self, made: PlanMade, plan: RefundPlan, stage: int) -> OpenTask:
        return OpenTask(
            kind=TaskKind.REFUND,
            case=self.case.case,
            attempt=self.case.attempt,
            round=self.round,
            stage=stage,
            account=plan.account,
            amount_pence=plan.total_pence,
            content_hash=plan.content_hash,
            workflow_id=workflow.info().workflow_id,
            lane=made.lane,
            lane_reasons=made.lane_reasons,
            participants=made.participants,
            raised_by=made.raised_by,
        )

    async def answer_to(self, task: TaskOpened, plan: RefundPlan) -> Decision | Again:
        """The decision row that answers this task. Reminder and escalation come by time; the answer never does."""
        nudges = deque([(morning_of(task.remind_on), False), (morning_of(task.escalate_on), True)])
        while True:
            if not await self.until_run_out(lambda: bool(self.answers) or self.interrupted(), nudges[0][0] if nudges else None):
                await self.steps.call(NUDGE_TASK, NudgeTask(task=task.task, escalate=nudges.popleft()[1]))
            elif self.answers:
                answer = await self.believed(self.answers.popleft())
                if answer is not None:
                    return answer
            elif (again := await self.voided(plan)) is not None:
                return again

    async def believed(self, answer: UUID) -> Decision | Again | None:
        """The row behind an update, if there is one that answers what is asked: a bare update decides nothing."""
        decision = await self.decision_row(answer)
        if decision is None or self.asked is None or not self.asked.answered_by(decision):
            return None
        return Again("recalled") if decision.recalled else decision

    async def decision_row(self, decision: UUID) -> Decision | None:
        try:
            return await self.steps.call(READ_DECISION, ReadDecision(decision=decision))
        except ActivityError as error:
            if broken_rule(error) is None:
                raise
            return None

    async def until_released(self, plan: RefundPlan) -> Again | None:
        while True:
            await self.until_run_out(lambda: self.released is not None or self.interrupted(), None)
            if (again := await self.voided(plan)) is not None:
                return again
            if self.released is not None:
                return None

    async def voided(self, plan: RefundPlan) -> Again | None:
        """Whether what happened since leaves the plan standing (domain.md 4, check 10). The weekly debit alone voids nothing."""
        if self.recalled:
            return Again("recalled")
        if self.changed or self.withdrawn:
            return Again("the case was changed")
        if self.moved:
            self.moved = False
            seen = await self.steps.call(RECHECK, Recheck(plan=plan))
            if seen.void_because:
                return Again(seen.void_because)
        return None

    async def not_paid(self, plan: RefundPlan, decision: Decision, again: Again) -> RefundIsPosted | Again:
        """The approval is void: off the list of payments, out of the run if finance had signed it, and said on the task.

        What the ledger has posted before it could be told so is paid after all.
        """
        if plan.refund_pence:
            line = DequeuePayment(case=plan.case, attempt=plan.attempt, content_hash=plan.content_hash)
            run = (await self.steps.call(DEQUEUE_PAYMENT, line)).run
            if run is not None:
                stands = await self.steps.call(LINE_POSTED, LinePosted(run=run, plan=plan, dropped_because=again.because))
                if stands.refund_journal is not None and workflow.patched(POSTED_AFTER_ALL):
                    self.posting, self.released = True, PaymentReleased(run=run, content_hash=plan.content_hash)
                    return RefundIsPosted(refund_journal=stands.refund_journal, offset_journals=(), run=run)
        await self.steps.call(CLOSE_TASK, CloseTask(task=decision.task, carried_out=False, because=again.because))
        return again

    async def moved_on(self, error: ActivityError) -> Again:
        """A rule that says the world moved sends the case round again at once; any other waits for a person, or for the ledger to move.

        No approval is lost by that: the ledger has refused to carry it out. The next round plans on what the ledger says then.
        """
        rule = broken_rule(error)
        if rule is None:
            raise error
        if rule not in MOVED_ON:
            await self.note(CaseStatus.WAITING_FOR_EVIDENCE, rule)
            hears = workflow.patched(HEARS_LEDGER_REFUSED)
            await self.until(lambda: self.interrupted_before_decision() or (hears and self.moved), None)
        return Again(rule)

    async def lifting(self, hold: UUID, again: Again) -> Again:
        """The credit is free again."""
        await self.steps.call(RELEASE_HOLD, ReleaseHold(hold=hold, case=self.case.case))
        return again

    async def reverse(self, journal: UUID, reason: str) -> None:
        await self.steps.call(
            REVERSE_REFUND, ReverseRefund(case=self.case.case, attempt=self.case.attempt, journal=journal, reason=reason[:60])
        )

    async def carried_out(self, decision: Decision) -> None:
        await self.steps.call(CLOSE_TASK, CloseTask(task=decision.task, carried_out=True))

    async def note(self, status: CaseStatus, what: str | None = None) -> None:
        await self.steps.call(NOTE_PROGRESS, NoteProgress(case=self.case.case, attempt=self.case.attempt, status=status, note=what))

    async def close(
        self, outcome: CaseOutcome, plan: RefundPlan | None = None, reason: str | None = None, offset_journals: tuple[UUID, ...] = ()
    ) -> CaseOutcome:
        key = {"case": self.case.case, "attempt": self.case.attempt}
        end = CloseCase(**key, outcome=outcome, plan=plan, reason_code=reason, offset_journals=offset_journals)
        await self.steps.call(CLOSE_CASE, end)
        return outcome

    async def until(self, condition: Callable[[], bool], when: datetime | None) -> bool:
        """True when the condition holds, False when the time came first. Times are UTC instants.

        Who is told of something asks before the condition is looked at: a bare signal makes nothing true.
        """
        while True:
            timeout = None if when is None else max(when - workflow.now(), timedelta())
            try:
                await workflow.wait_condition(lambda: self.told or condition(), timeout=timeout)
            except TimeoutError:
                return False
            if not self.told:
                return True
            # Before it asks, so that what is told meanwhile is asked about as well.
            self.told = False
            await self.ask_the_rows()

    async def until_run_out(self, condition: Callable[[], bool], when: datetime | None) -> bool:
        """As `until`, for whoever waits on the plan's checks: when they run out first, they are looked at as if the ledger had moved."""
        first = min((at for at in (self.runs_out_at, when) if at is not None), default=None)
        if await self.until(condition, first):
            return True
        if first != self.runs_out_at:
            return False
        self.runs_out_at, self.moved = None, True
        return True

    async def ask_the_rows(self) -> None:
        """What happened as far as refunds and approvals have it in their rows."""
        stands = await self.steps.call(READ_CASE, ReadCase(case=self.case.case, attempt=self.case.attempt))
        self.changed, self.resubmitted, self.withdrawn = stands.changed, stands.resubmitted, stands.withdrawn
        if (payment := stands.payment) is not None and self.approved is not None and payment.content_hash == self.approved.content_hash:
            self.released = PaymentReleased(run=payment.run, content_hash=payment.content_hash)
            self.settled = PaymentSettled(run=payment.run, paid=payment.paid) if payment.paid is not None else None
        while self.recalls:
            decision = await self.decision_row(self.recalls.popleft())
            if decision is not None and (self.is_of_this_round(decision) or not workflow.patched(OF_THIS_ROUND)):
                self.recalled = self.recalled or decision.recalled

    def is_of_this_round(self, decision: Decision) -> bool:
        """A bare update may have told of any decision, whose recall would be taken for one of what was approved here."""
        key = (self.case.case, self.case.attempt, self.round)
        return (decision.case, decision.attempt, decision.round) == key

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
        if self.believes_rows:
            self.recalls.append(back.decision)
            self.told = True
        else:
            self.recalled = True

    @recall.validator
    def can_be_recalled(self, back: DecisionTakenBack) -> None:
        if back.decision not in self.taken or self.posting or self.released is not None:
            raise ApplicationError("it is released already, or was never the approval", type="TooLateToRecall", non_retryable=True)

    @workflow.signal(name=CASE_CHANGED.name)
    def case_changed(self, change: CaseChanged) -> None:
        if self.believes_rows:
            self.told = True
        else:
            self.changed = True
            self.resubmitted = self.resubmitted or change.resubmitted

    @workflow.signal(name=CASE_WITHDRAWN.name)
    def case_withdrawn(self, _: CaseWithdrawn) -> None:
        if self.believes_rows:
            self.told = True
        else:
            self.withdrawn = True

    @workflow.signal(name=LEDGER_MOVED.name)
    def ledger_moved(self, _: LedgerMoved) -> None:
        # Asks for another look at the checks and nothing more, whoever says it.
        self.moved = True

    @workflow.signal(name=PAYMENT_RELEASED.name)
    def payment_released(self, released: PaymentReleased) -> None:
        if self.believes_rows:
            self.told = True
        elif self.approved is not None and self.approved.content_hash == released.content_hash:
            self.released = released

    @workflow.signal(name=PAYMENT_SETTLED.name)
    def payment_settled(self, settled: PaymentSettled) -> None:
        if self.believes_rows:
            self.told = True
        elif self.released is not None and self.released.run == settled.run:
            self.settled = settled
