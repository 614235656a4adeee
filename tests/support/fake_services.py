"""The services as the stories meet them: every step answered from a small script, and every call kept in order."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel
from rentbook_contracts import approvals, ledger, refunds
from rentbook_contracts.approvals import DECIDE, RECALL
from rentbook_contracts.operation import Nothing, Operation
from rentbook_contracts.workflows import QUEUE
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from workflows.app import WORKFLOWS

SOON = timedelta(days=30)


async def waits(story: WorkflowHandle[Any, Any], *, held: str | None = None) -> bool:
    """Whether nothing is under way: whatever the story does next, somebody has to say something or a time has to come.

    `held`: a step that the test keeps from its answer.
    """
    told = (await story.describe()).raw_description
    under_way = {step.activity_type.name for step in told.pending_activities} - {held}
    return not under_way and not told.HasField("pending_workflow_task")


def refused(rule: str) -> ApplicationError:
    return ApplicationError(rule, type=rule, non_retryable=True)


@dataclass
class FakeServices:
    """Answers by operation name; a test replaces what its story needs. `calls` is what was asked, in order."""

    case: UUID = field(default_factory=uuid4)
    refund_pence: int = 141_20
    offsets: tuple[ledger.Offset, ...] = ()
    stages: int = 1
    posts: Callable[[ledger.RefundPlan], UUID] = field(default=lambda _: uuid4())
    begins: refunds.RefundCase | None = None
    blocked_rounds: int = 0
    void_because: str | None = None
    differs: bool = False
    fates: list[refunds.FileFate] = field(default_factory=lambda: [refunds.FileFate.ACCEPTED])
    stands: refunds.CaseStands = field(default_factory=refunds.CaseStands)
    changed_in_round: int | None = None
    lines_wait: int = 0
    remind_on: date = field(default_factory=lambda: (datetime.now(UTC) + SOON).date())
    escalate_on: date = field(default_factory=lambda: (datetime.now(UTC) + SOON).date())
    remind_at: datetime = field(default_factory=lambda: datetime.now(UTC) + SOON)
    lapse_at: datetime = field(default_factory=lambda: datetime.now(UTC) + 2 * SOON)
    look_again_at: datetime | None = None
    runs_out_at: datetime | None = None
    posting_errors: list[str] = field(default_factory=list)
    carried_in: UUID | None = None
    posted_before: UUID | None = None
    calls: list[tuple[str, BaseModel]] = field(default_factory=list)
    open_task: approvals.OpenTask | None = None
    task: UUID | None = None
    decisions: dict[UUID, approvals.Decision] = field(default_factory=dict)
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def answer(self, operation: Operation[Any, Any], argument: BaseModel) -> BaseModel:
        async with self.heard:
            self.calls.append((operation.name, argument))
            self.heard.notify_all()
            return self._reply(operation.name, argument)

    def _reply(self, name: str, argument: Any) -> BaseModel:
        replies: dict[str, Callable[[Any], BaseModel]] = {
            "refunds.run-check": lambda a: refunds.CheckDone(check=a.check, outcome=refunds.CheckOutcome.PASS),
            "refunds.plan": self._plan,
            "refunds.await-evidence": self._timers,
            "refunds.look-again": lambda _: refunds.LookedAgain(differs=self.differs),
            "refunds.recheck": lambda a: refunds.Rechecked(versions={a.plan.account: 7}, void_because=self.void_because),
            "refunds.dequeue-payment": lambda _: refunds.Dequeued(run=self.carried_in),
            "refunds.line-posted": lambda a: refunds.LineStands(refund_journal=a.refund_journal or self.posted_before),
            "refunds.read-attempt": lambda a: self.begins or refunds.RefundCase(case=a.case, attempt=a.attempt),
            "refunds.read-case": self._stands,
            "refunds.build-file": self._build,
            "refunds.submit-file": self._fate,
            "refunds.ask-fate": self._fate,
            "ledger.put-back-credit": lambda _: ledger.CreditPutBack(journals=(uuid4(),)),
            "ledger.place-hold": lambda _: ledger.HoldPlaced(hold=uuid4()),
            "ledger.post-refund": self._post,
            "ledger.reverse-refund": lambda _: ledger.RefundReversed(journal=uuid4()),
            "approvals.open-task": self._open,
            "approvals.read-decision": self._read,
        }
        return replies.get(name, lambda _: Nothing())(argument)

    def _timers(self, _: refunds.AwaitEvidence) -> refunds.EvidenceTimers:
        return refunds.EvidenceTimers(remind_at=self.remind_at, lapse_at=self.lapse_at, look_again_at=self.look_again_at)

    def _stands(self, _: refunds.ReadCase) -> refunds.CaseStands:
        said = [asked.status for _, asked in self.calls if isinstance(asked, refunds.NoteProgress)]
        answered = self.stands.resubmitted or said[-1:] != [refunds.CaseStatus.SENT_BACK]
        return self.stands.model_copy(update={"changed": self.changed_in_round == self._round(), "resubmitted": answered})

    def _round(self) -> int:
        return max((asked.round for _, asked in self.calls if isinstance(asked, refunds.PlanRefund)), default=0)

    def _build(self, asked: refunds.BuildFile) -> refunds.FileBuilt:
        if self.lines_wait:
            raise refused("LinesStillWait")
        return refunds.FileBuilt(run=asked.run, sha256="ab" * 32, count=1, total_pence=self.refund_pence)

    def _plan(self, asked: refunds.PlanRefund) -> refunds.PlanMade:
        if asked.round <= self.blocked_rounds:
            return refunds.PlanMade(plan=None, blocked=(2,))
        if not self.refund_pence and not self.offsets:
            return refunds.PlanMade(plan=None)
        plan = ledger.RefundPlan(
            case=asked.case,
            attempt=asked.attempt,
            account=UUID(int=1),
            refund_pence=self.refund_pence,
            offsets=self.offsets,
            payee=UUID(int=2),
            checks_hash=f"round {asked.round}",
        )
        return refunds.PlanMade(plan=plan, participants=("j.lind",), raised_by="j.lind", runs_out_at=self.runs_out_at)

    def _open(self, asked: approvals.OpenTask) -> approvals.TaskOpened:
        self.open_task, self.task = asked, uuid4()
        dates = {"due_on": self.remind_on, "remind_on": self.remind_on, "escalate_on": self.escalate_on}
        return approvals.TaskOpened(task=self.task, stages=self.stages, **dates)

    def _read(self, asked: approvals.ReadDecision) -> approvals.Decision:
        if asked.decision not in self.decisions:
            raise refused("NoSuchDecision")
        return self.decisions[asked.decision]

    def _post(self, asked: ledger.PostRefund) -> ledger.RefundIsPosted:
        if self.posting_errors:
            raise refused(self.posting_errors.pop(0))
        return ledger.RefundIsPosted(refund_journal=self.posts(asked.plan) if asked.plan.refund_pence else None, offset_journals=())

    def _fate(self, _: refunds.SubmitFile) -> refunds.FileAnswer:
        return refunds.FileAnswer(fate=self.fates.pop(0))

    # --- what a test sees and does ------------------------------------------------------------------------------------------------

    def names(self, *only: str) -> list[str]:
        return [name for name, _ in self.calls if not only or name in only]

    def told_of(self) -> list[str]:
        """The steps that change something: not those that only look."""
        looks = ("refunds.read-attempt", "refunds.read-case", "refunds.recheck", "refunds.look-again", "approvals.read-decision")
        return [name for name in self.names() if name not in looks]

    async def noted(self, status: refunds.CaseStatus) -> None:
        """The case's page has come to say so."""
        await self.when(lambda: status in [said.status for _, said in self.calls if isinstance(said, refunds.NoteProgress)])

    async def when(self, condition: Callable[[], bool]) -> None:
        """Until the calls make the condition true."""
        async with asyncio.timeout(60), self.heard:
            await self.heard.wait_for(condition)

    async def until(self, name: str, times: int = 1) -> BaseModel:
        """The `times`-th call of the step, once it was made."""
        async with asyncio.timeout(60), self.heard:
            await self.heard.wait_for(lambda: self.names().count(name) >= times)
            return [argument for called, argument in self.calls if called == name][times - 1]

    def row_says(self, *, changed: bool = False, **stands: Any) -> None:
        """What refunds' rows say from here on; a change is one of this round."""
        self.changed_in_round = self._round() if changed else None
        self.stands = self.stands.model_copy(update=stands)

    def row(self, answer: approvals.Answer) -> approvals.Decision:
        """A decision on the task that was opened last, as approvals would keep it."""
        asked, task = self.open_task, self.task
        assert asked is not None
        assert task is not None
        return approvals.Decision(
            decision=uuid4(),
            task=task,
            case=asked.case,
            attempt=asked.attempt,
            round=asked.round,
            stage=asked.stage,
            content_hash=asked.content_hash,
            answer=answer,
            reason_code="in-order",
            completes=answer is approvals.Answer.APPROVED and asked.stage == self.stages,
            recalled=False,
        )

    async def decide(
        self, story: WorkflowHandle[Any, Any], answer: approvals.Answer, *, row: bool = True, content_hash: str | None = None
    ) -> UUID:
        """A decision as the desk makes it: the row, then the update with its id. Without `row` it is a bare update."""
        made = self.row(answer)
        if content_hash is not None:
            made = made.model_copy(update={"content_hash": content_hash})
        if row:
            self.decisions[made.decision] = made
        taken = approvals.DecisionTaken(decision=made.decision, task=made.task, round=made.round, content_hash=made.content_hash)
        await story.execute_update(DECIDE.name, taken, id=str(made.decision))
        return made.decision

    async def recall(self, story: WorkflowHandle[Any, Any], decision: UUID, *, row: bool = True) -> None:
        """A recall as the desk makes it: the row, then the update. Without `row` it is a bare update."""
        assert self.task is not None
        if row:
            self.decisions[decision] = self.decisions[decision].model_copy(update={"recalled": True})
        await story.execute_update(RECALL.name, approvals.DecisionTakenBack(decision=decision, task=self.task), id=f"recall-{uuid4()}")

    async def serve(self, client: Client, stack: AsyncExitStack) -> None:
        """Workers for the stories and for every step of every queue."""
        await stack.enter_async_context(Worker(client, task_queue=QUEUE, workflows=WORKFLOWS))
        offered = [thing for module in (approvals, ledger, refunds) for thing in vars(module).values() if isinstance(thing, Operation)]
        for queue in {operation.queue for operation in offered}:
            steps = [self._step(operation) for operation in offered if operation.queue == queue]
            await stack.enter_async_context(Worker(client, task_queue=queue, activities=steps))

    def _step(self, operation: Operation[Any, Any]) -> Callable[..., Any]:
        async def step(argument: Any) -> Any:
            return await self.answer(operation, argument)

        step.__annotations__ = {"argument": operation.takes, "return": operation.gives}
        return activity.defn(name=operation.name)(step)
