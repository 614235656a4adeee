"""What the machines have in common that tell a story any word, true or not, in any order.

The story is told by a real Temporal. Whoever reaches that server may send it any update and any signal, and begin stories; what is true
stands in rows, which fake services keep as the real ones do.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import BaseModel
from rentbook_contracts.approvals import DECIDE, RECALL, Answer, Decision, DecisionTaken, DecisionTakenBack, OpenScheduleTask, OpenTask
from rentbook_contracts.operation import Message, Operation, Signal, Update
from temporalio import activity
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter

from support.servers import Temporal

T = TypeVar("T")

STEPS = 20
MOST_RECALLS = 6
NEVER_REACHED = 1_000
"""Rounds ahead of the one that is asked about: further than any course goes."""

ANY = st.integers(min_value=0, max_value=10_000)
"""Which of several: taken by its remainder."""


class Answering(Protocol):
    """The services of one story."""

    async def answer(self, operation: Operation[Any, Any], argument: BaseModel) -> BaseModel: ...


@dataclass
class EachStory:
    """The services of all stories: a step is answered by those of the story that asks."""

    of_story: dict[str, Answering] = field(default_factory=dict)

    async def answer(self, operation: Operation[Any, Any], argument: BaseModel) -> BaseModel:
        return await self.of_story[activity.info().workflow_id or ""].answer(operation, argument)


class Serving(Protocol):
    async def serve(self, client: Client, stack: AsyncExitStack) -> None: ...


@asynccontextmanager
async def told(temporal: Temporal, everybody: Serving, counted: "Counter[str]") -> AsyncIterator[dict[str, Any]]:
    """What a machine is given."""
    client = await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)
    async with AsyncExitStack() as stack:
        await everybody.serve(client, stack)
        yield {"loop": asyncio.get_running_loop(), "client": client, "everybody": everybody, "counted": counted}


@dataclass(frozen=True)
class Question:
    """What a round asks about."""

    case: UUID
    attempt: int
    round: int
    content_hash: str


def made_on(question: Question, rows: Iterable[Decision], tasks: Mapping[tuple[int, int], UUID]) -> dict[int, Decision]:
    """The decisions of a round that were really made, by their stage. `tasks` are those that were opened, by round and stage."""
    asked = (question.case, question.attempt, question.round, question.content_hash)
    return {
        row.stage: row
        for row in rows
        if (row.case, row.attempt, row.round, row.content_hash) == asked and row.task == tasks.get((row.round, row.stage))
    }


def approval_of(made: Mapping[int, Decision], stages: int) -> Decision | None:
    """The decision that completes an approval: None where one does not stand at every stage."""
    stand = {stage: row for stage, row in made.items() if row.answer is Answer.APPROVED and not row.recalled}
    last = stand.get(stages)
    return last if last is not None and last.completes and sorted(stand) == list(range(1, stages + 1)) else None


class Kept(Protocol):
    """The services of the story that is being told, and the rows that they keep."""

    @property
    def task(self) -> UUID | None: ...
    @property
    def open_task(self) -> OpenTask | OpenScheduleTask | None: ...
    def row(self, answer: Answer) -> Decision: ...
    def status(self) -> StrEnum: ...
    @property
    def unfounded(self) -> list[str]: ...
    def names(self) -> list[str]: ...
    async def when(self, condition: Callable[[], bool]) -> None: ...


class Words(RuleBasedStateMachine):
    """A story that asks for a decision, round after round, and the words to it that are not true.

    `loop`, `client`, `everybody` and `counted` are given by the test. `rows` is what approvals has, of this case and of those before it;
    `approvals` are the true ones of this round, `heard` all that the story took for decisions in it. `at`: the round and stage that are
    asked about. A machine of a story says by `opens` which step asks, in which status it waits for the answer, and in which it lets nobody
    call an approval back any more.
    """

    loop: asyncio.AbstractEventLoop
    client: Client
    everybody: Any
    counted: "Counter[str]"

    opens: ClassVar[str]
    with_approver: ClassVar[StrEnum]
    handed_over: ClassVar[StrEnum]

    services: Kept
    story: WorkflowHandle[Any, Any]
    rows: dict[UUID, Decision]
    status: StrEnum
    at: tuple[int, int]
    approvals: list[UUID]
    heard: list[UUID]

    @property
    def asked(self) -> OpenTask | OpenScheduleTask:
        assert self.services.open_task is not None
        return self.services.open_task

    @property
    def case(self) -> UUID:
        """What is decided."""
        raise NotImplementedError

    async def all_is_taken(self) -> None:
        """All that was said is behind the story."""
        raise NotImplementedError

    def round_begins(self) -> None:
        self.status = self.with_approver
        self.approvals, self.heard = [], []
        self.now(self.all_is_taken())
        self.at = (self.asked.round, 1)

    def next_round_after(self, word: Coroutine[Any, Any, object]) -> None:
        round_ = self.asked.round
        self.now(self.answered(self.opens, word))
        assert self.asked.round == round_ + 1, "another round or stage is asked about"
        self.round_begins()

    @invariant()
    def it_waits_for_the_same(self) -> None:
        assert self.services.status() is self.status, f"it is {self.services.status()}, not {self.status}"
        assert (self.asked.round, self.asked.stage) == self.at, "another round or stage is asked about"

    # --- words that are not true ----------------------------------------------------------------------------------------------------------

    @rule(answer=st.sampled_from(Answer))
    def decisions_are_told_that_are_not_of_this_question(self, answer: Answer) -> None:
        """Each unlike one on this question in one respect, some as approvals would never keep them."""
        others: list[dict[str, Any]] = [
            {"is_kept": False},
            {"task": uuid4()},
            {"round": self.asked.round + NEVER_REACHED},
            {"content_hash": "another"},
            {"case": uuid4(), "task": uuid4(), "content_hash": "another"},
            {"case": uuid4(), "task": uuid4(), "recalled": True},
            {"round": self.asked.round + NEVER_REACHED, "recalled": True},
        ]
        for other in others:
            self.told_in_vain(self.row(answer=answer, **other), as_asked=True)
            if "is_kept" not in other:
                self.told_in_vain(self.row(answer=answer, **other), as_asked=False)
        self.now(self.all_is_taken())

    def earlier(self) -> list[Decision]:
        """Decisions as they were really made, on whatever was asked before."""
        return [row for row in self.rows.values() if row.task != self.services.task or self.status is not self.with_approver]

    @precondition(lambda self: bool(self.earlier()))
    @rule(which=ANY, as_asked=st.booleans())
    def an_earlier_decision_is_told(self, which: int, as_asked: bool) -> None:
        """Of another case, an old round or the stage before: it may approve, and stand."""
        known = self.earlier()
        row = known[which % len(known)]
        self.told_in_vain(row, as_asked=as_asked)
        self.now(self.all_is_taken())
        self.counted["told of " + ("an old round" if row.case == self.case else "an earlier case")] += 1

    def told_in_vain(self, row: Decision, *, as_asked: bool) -> None:
        """With the words of the open question, whatever the row says, or with those of the row."""
        said = taken(row)
        if as_asked:
            assert self.services.task is not None
            said = DecisionTaken(
                decision=row.decision, task=self.services.task, round=self.asked.round, content_hash=self.asked.content_hash
            )
        answers = (said.task, said.round, said.content_hash) == (self.services.task, self.asked.round, self.asked.content_hash)
        accepted = self.now(self.accepted(DECIDE, said))
        assert accepted == (answers and self.status is self.with_approver), "a decision is taken in answer to what is asked, and only so"
        if accepted:
            self.heard.append(row.decision)
        self.counted["disbelieved words" if accepted else "refused words"] += 1

    def row(self, *, is_kept: bool = True, **other: Any) -> Decision:
        """An approval of the open question, but for what is said otherwise."""
        row = self.services.row(Answer.APPROVED).model_copy(update=other)
        if is_kept:
            self.rows[row.decision] = row
        return row

    @rule()
    def recalls_are_told_of_what_was_not_recalled(self) -> None:
        """Of the latest decisions, of one that was recalled on something else, and of one that there is not."""
        self.told_in_vain(self.row(case=uuid4(), task=uuid4(), recalled=True), as_asked=True)
        for decision in dict.fromkeys((uuid4(), *self.heard, *list(self.rows)[-MOST_RECALLS:])):
            accepted = self.now(self.accepted(RECALL, DecisionTakenBack(decision=decision, task=uuid4())))
            assert accepted == (decision in self.heard and self.status is not self.handed_over), (
                "a recall is taken of what was heard in time"
            )
            self.counted["disbelieved recalls" if accepted else "refused recalls"] += 1
        self.now(self.all_is_taken())

    # --- how anything is said -------------------------------------------------------------------------------------------------------------

    async def tell(self, signal: Signal[Any], message: Message) -> None:
        await self.story.signal(signal.name, message)

    async def answered(self, step: str, word: Coroutine[Any, Any, object]) -> None:
        """The story takes the step once it has heard the word. One that took another, which is not by the rows, may never come to it."""
        taken_before = self.services.names().count(step)
        await word
        await self.services.when(lambda: self.services.names().count(step) > taken_before or self.services.unfounded != [])
        assert self.services.unfounded == [], f"not by the rows: {self.services.unfounded}"

    async def accepted(self, update: Update[Any], message: Message) -> bool:
        try:
            await self.story.execute_update(update.name, message, id=f"{uuid4()}")
        except WorkflowUpdateFailedError:
            return False
        return True

    def now(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=90)


def taken(row: Decision) -> DecisionTaken:
    return DecisionTaken(decision=row.decision, task=row.task, round=row.round, content_hash=row.content_hash)
