"""The services as the stories of write-offs meet them: every step answered from a small script, and every call kept in order."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel
from rentbook_contracts import approvals, ledger, notices, writeoffs
from rentbook_contracts.approvals import DECIDE, RECALL
from rentbook_contracts.operation import Nothing, Operation
from rentbook_contracts.workflows import QUEUE
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker
from workflows.app import WORKFLOWS

SOON = timedelta(days=30)


def line() -> ledger.WriteOffLine:
    return ledger.WriteOffLine(
        line=uuid4(),
        attempt=1,
        kind=ledger.LineKind.WRITE_OFF,
        account=uuid4(),
        reason="emigrated",
        balance_pence=312_40,
        parts=(ledger.LinePart(element="rent", amount_pence=312_40),),
        evidence_hash="ab" * 32,
    )


@dataclass
class FakeWriteOffs:
    """`lines` are on the schedule; `looks` are the answers to assessments, the last for ever. `calls` is what was asked, in order."""

    schedule: UUID = field(default_factory=uuid4)
    lines: list[ledger.WriteOffLine] = field(default_factory=lambda: [line(), line(), line()])
    chunk: int = 2
    stages: int = 1
    carried_out_from: date | None = None
    taking_errors: list[str] = field(default_factory=list)
    posting_errors: list[str] = field(default_factory=list)
    stands: writeoffs.ScheduleStands = field(default_factory=lambda: writeoffs.ScheduleStands(answered_round=0, withdrawn=False))
    looks: list[writeoffs.Assessed] = field(default_factory=lambda: [writeoffs.Assessed(done=True)])
    calls: list[tuple[str, BaseModel]] = field(default_factory=list)
    open_task: approvals.OpenScheduleTask | None = None
    task: UUID | None = None
    decisions: dict[UUID, approvals.Decision] = field(default_factory=dict)
    left: list[ledger.WriteOffLine] = field(default_factory=list)
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def answer(self, operation: Operation[Any, Any], argument: BaseModel) -> BaseModel:
        async with self.heard:
            self.calls.append((operation.name, argument))
            self.heard.notify_all()
            return self._reply(operation.name, argument)

    def _reply(self, name: str, argument: Any) -> BaseModel:
        replies: dict[str, Callable[[Any], BaseModel]] = {
            "writeoffs.assess": lambda _: self.looks.pop(0) if len(self.looks) > 1 else self.looks[0],
            "writeoffs.begin-round": self._begin,
            "writeoffs.take-lines": self._take,
            "writeoffs.read-schedule": lambda _: self.stands,
            "ledger.post-write-off": self._post,
            "notices.write-ladder-letter": lambda _: notices.LadderLetterWritten(letter=uuid4()),
            "approvals.open-schedule-task": self._open,
            "approvals.read-decision": self._read,
        }
        return replies.get(name, lambda _: Nothing())(argument)

    def _begin(self, asked: writeoffs.BeginRound) -> writeoffs.RoundBegun:
        self.left = list(self.lines)
        return writeoffs.RoundBegun(content_hash=f"{asked.round:064x}" if self.lines else None, lines=len(self.lines))

    def _take(self, asked: writeoffs.TakeLines) -> writeoffs.LinesTaken:
        if self.taking_errors:
            raise ApplicationError("no", type=self.taking_errors.pop(0), non_retryable=True)
        standing = [one for one in self.left if one.line not in asked.excepted]
        taken, self.left = standing[: self.chunk], standing[self.chunk :]
        return writeoffs.LinesTaken(lines=tuple(taken))

    def _post(self, asked: ledger.PostWriteOff) -> ledger.WriteOffsPosted:
        if self.posting_errors:
            raise ApplicationError("no", type=self.posting_errors.pop(0), non_retryable=True)
        return ledger.WriteOffsPosted(outcomes=tuple(ledger.LineOutcome(line=one.line, journal=uuid4()) for one in asked.lines))

    def _open(self, asked: approvals.OpenScheduleTask) -> approvals.TaskOpened:
        self.open_task, self.task = asked, uuid4()
        soon = (datetime.now(UTC) + SOON).date()
        return approvals.TaskOpened(task=self.task, stages=self.stages, due_on=soon, remind_on=soon, escalate_on=soon + timedelta(days=7))

    def _read(self, asked: approvals.ReadDecision) -> approvals.Decision:
        if asked.decision not in self.decisions:
            raise ApplicationError("no", type="NoSuchDecision", non_retryable=True)
        return self.decisions[asked.decision]

    # --- what a test sees and does ------------------------------------------------------------------------------------------------

    def names(self, *only: str) -> list[str]:
        return [name for name, _ in self.calls if not only or name in only]

    def told(self, name: str) -> list[Any]:
        return [argument for called, argument in self.calls if called == name]

    async def when(self, condition: Callable[[], bool]) -> None:
        """Until the calls make the condition true."""
        async with asyncio.timeout(60), self.heard:
            await self.heard.wait_for(condition)

    async def until(self, name: str, times: int = 1) -> BaseModel:
        """The `times`-th call of the step, once it was made."""
        await self.when(lambda: self.names().count(name) >= times)
        found: BaseModel = self.told(name)[times - 1]
        return found

    def row(self, answer: approvals.Answer, *, excepted: tuple[UUID, ...] = ()) -> approvals.Decision:
        """A decision on the task that was opened last, as approvals would keep it."""
        asked, task = self.open_task, self.task
        assert asked is not None
        assert task is not None
        return approvals.Decision(
            decision=uuid4(),
            task=task,
            case=asked.schedule,
            attempt=1,
            round=asked.round,
            stage=asked.stage,
            content_hash=asked.content_hash,
            answer=answer,
            reason_code="in-order",
            completes=answer is approvals.Answer.APPROVED and asked.stage == self.stages,
            recalled=False,
            excepted=excepted,
            carried_out_from=self.carried_out_from,
        )

    async def decide(
        self, story: WorkflowHandle[Any, Any], answer: approvals.Answer, *, row: bool = True, excepted: tuple[UUID, ...] = ()
    ) -> UUID:
        """A decision as the desk makes it: the row, then the update with its id. Without `row` it is a bare update."""
        made = self.row(answer, excepted=excepted)
        if row:
            self.decisions[made.decision] = made
        taken = approvals.DecisionTaken(decision=made.decision, task=made.task, round=made.round, content_hash=made.content_hash)
        await story.execute_update(DECIDE.name, taken, id=str(made.decision))
        return made.decision

    async def recall(self, story: WorkflowHandle[Any, Any], decision: UUID, *, row: bool = True) -> None:
        """Taken back as the desk does it: the row, then the update. Without `row` it is a bare update."""
        assert self.task is not None
        if row:
            self.decisions[decision] = self.decisions[decision].model_copy(update={"recalled": True})
        await story.execute_update(RECALL.name, approvals.DecisionTakenBack(decision=decision, task=self.task), id=f"recall-{decision}")

    async def serve(self, client: Client, stack: AsyncExitStack) -> None:
        """Workers for the stories and for every step of every queue."""
        await stack.enter_async_context(Worker(client, task_queue=QUEUE, workflows=WORKFLOWS))
        await self.serve_steps(client, stack)

    async def serve_steps(self, client: Client, stack: AsyncExitStack) -> None:
        """Workers for every step of every queue, and for no story."""
        homes = (approvals, ledger, notices, writeoffs)
        offered = [each for module in homes for each in vars(module).values() if isinstance(each, Operation)]
        for queue in {operation.queue for operation in offered}:
            steps = [self._step(operation) for operation in offered if operation.queue == queue]
            await stack.enter_async_context(Worker(client, task_queue=queue, activities=steps))

    def _step(self, operation: Operation[Any, Any]) -> Callable[..., Any]:
        async def step(argument: Any) -> Any:
            return await self.answer(operation, argument)

        step.__annotations__ = {"argument": operation.takes, "return": operation.gives}
        return activity.defn(name=operation.name)(step)
