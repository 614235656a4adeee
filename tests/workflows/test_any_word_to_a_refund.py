"""Any word to a refund's story, true or not, in any order: it pays once, on what approvals has in its rows, and on nothing else.

The story is told by a real Temporal. Whoever reaches that server may send it any update and any signal, and begin stories; what is true
stands in rows, which the fake services keep as approvals and refunds do. Each step that moves money is held against the rows then.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from bites.test_decisions import BELIEVES_WITHOUT_THE_ROW
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from pydantic import BaseModel
from rentbook_contracts.approvals import DECIDE, Answer, OpenTask
from rentbook_contracts.ledger import PostRefund
from rentbook_contracts.operation import Message, Operation, Signal
from rentbook_contracts.refunds import CaseStatus, NoteProgress, PaymentStands, QueuePayment, RefundCase
from rentbook_contracts.workflows import (
    CASE_CHANGED,
    CASE_WITHDRAWN,
    LEDGER_MOVED,
    PAYMENT_RELEASED,
    PAYMENT_SETTLED,
    QUEUE,
    REFUND_APPROVAL,
    CaseChanged,
    CaseWithdrawn,
    LedgerMoved,
    PaymentReleased,
    PaymentSettled,
    refund_workflow_id,
)
from support.counting import until
from support.courses import WHOLE, play_until
from support.fake_services import FakeServices, waits
from support.servers import Temporal
from support.words import ANY, STEPS, EachStory, Question, Words, approval_of, made_on, taken, told
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import WorkflowAlreadyStartedError

COURSES = 30 if WHOLE else 4
OPEN = (CaseStatus.WITH_APPROVER, CaseStatus.APPROVED)
"""Where a ledger that moved has the checks looked at again."""

HAPPENED = frozenset({"approved", "released", "refused words", "disbelieved words", "bare signals"})
MORE_HAPPENED = frozenset({
    "of two stages", "sent back", "declined", "withdrawn", "voided", "recalled", "told when it was recalled", "paid", "refused recalls",
    "disbelieved recalls", "releases of another plan", "stories begun again", "told of an old round", "told of an earlier case",
})  # fmt: skip
"""What is not waited for in the sample of every run."""


@dataclass
class Rows(FakeServices):
    """The services of one case, which hold each step that moves money against the rows of that moment."""

    tasks: dict[tuple[int, int], UUID] = field(default_factory=dict)
    unfounded: list[str] = field(default_factory=list)

    async def answer(self, operation: Operation[Any, Any], argument: BaseModel) -> BaseModel:
        if isinstance(argument, QueuePayment | PostRefund) and not self.allow(argument):
            self.unfounded.append(operation.name)
        reply = await super().answer(operation, argument)
        if isinstance(argument, OpenTask) and self.task is not None:
            self.tasks[argument.round, argument.stage] = self.task
        return reply

    def allow(self, step: QueuePayment | PostRefund) -> bool:
        """Whether the plan of the newest round was approved at every stage, by rows that stand, the last of which the step names; and
        whether finance released it, where it is posted. Once for each approval.
        """
        plan, asked = step.plan, self.open_task
        assert asked is not None
        question = Question(plan.case, plan.attempt, asked.round, plan.content_hash)
        last, payment = approval_of(made_on(question, self.decisions.values(), self.tasks), self.stages), self.stands.payment
        return (
            last is not None
            and last.decision == step.decision
            and (isinstance(step, QueuePayment) or (payment is not None and payment.content_hash == plan.content_hash))
            and not any(isinstance(said, type(step)) and said.decision == step.decision for _, said in self.calls)
        )

    def status(self) -> CaseStatus:
        return [said.status for _, said in self.calls if isinstance(said, NoteProgress)][-1]


@dataclass
class EachCase(EachStory, FakeServices):
    """The services of all cases."""


class Telling(Words):
    """One story after the other."""

    opens = "approvals.open-task"
    with_approver = CaseStatus.WITH_APPROVER
    handed_over = CaseStatus.WITH_BANK

    services: Rows
    status: CaseStatus

    @initialize(stages=st.sampled_from([1, 2]))
    def story_begins(self, stages: int) -> None:
        """A new case's story; what was decided of the cases before it stands in approvals' rows as well."""
        self.rows = getattr(self, "rows", {})
        self.now(self.begun(stages))
        self.paid_for = 0
        self.round_begins()

    async def begun(self, stages: int) -> None:
        self.services = Rows(stages=stages, decisions=self.rows)
        case = RefundCase(case=self.services.case)
        self.id = refund_workflow_id(case.case, 1)
        self.everybody.of_story[self.id] = self.services
        self.story = await self.client.start_workflow(REFUND_APPROVAL.name, case, id=self.id, task_queue=QUEUE)
        await self.services.until("approvals.open-task")

    def round_begins(self) -> None:
        self.services.void_because = None
        super().round_begins()

    @property
    def asked(self) -> OpenTask:
        assert self.services.open_task is not None
        return self.services.open_task

    @property
    def case(self) -> UUID:
        return self.services.case

    # --- what is true ---------------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.status is CaseStatus.WITH_APPROVER)
    @rule()
    def it_is_approved(self) -> None:
        completes = self.asked.stage == self.services.stages
        decision = self.now(self.services.decide(self.story, Answer.APPROVED))
        self.approvals.append(decision)
        self.heard.append(decision)
        self.counted["approved" if completes else "of two stages"] += 1
        if completes:
            self.status = CaseStatus.APPROVED
            self.paid_for += 1
        self.now(self.all_is_taken())
        self.at = (self.at[0], self.at[1] + (not completes))

    @precondition(lambda self: self.status is CaseStatus.WITH_APPROVER)
    @rule()
    def it_is_sent_back(self) -> None:
        self.services.row_says(resubmitted=False)
        self.heard.append(self.now(self.services.decide(self.story, Answer.SENT_BACK)))
        self.now(self.services.when(lambda: self.services.status() is CaseStatus.SENT_BACK))
        self.now(until(lambda: waits(self.story), "the question waits for its answer"))
        self.status = CaseStatus.SENT_BACK
        self.counted["sent back"] += 1

    @precondition(lambda self: self.status is CaseStatus.SENT_BACK)
    @rule()
    def question_is_answered(self) -> None:
        self.services.row_says(changed=True, resubmitted=True)
        self.next_round_after(self.story.signal(CASE_CHANGED.name, CaseChanged(case=self.asked.case, resubmitted=True)))
        self.services.row_says(resubmitted=False)

    @precondition(lambda self: self.status in OPEN and self.approvals)
    @rule(which=ANY)
    def it_is_recalled(self, which: int) -> None:
        self.next_round_after(self.services.recall(self.story, self.approvals[which % len(self.approvals)]))
        self.counted["recalled"] += 1

    @precondition(lambda self: self.status is CaseStatus.WITH_APPROVER)
    @rule()
    def it_is_told_of_an_approval_that_was_recalled(self) -> None:
        row = self.row(recalled=True)
        self.next_round_after(self.story.execute_update(DECIDE.name, taken(row), id=str(row.decision)))
        self.counted["told when it was recalled"] += 1

    @precondition(lambda self: self.status in OPEN)
    @rule()
    def credit_is_gone(self) -> None:
        """The approval that stood of the round is void, and its row stays as it is."""
        self.services.void_because = "the cleared credit no longer covers it"
        self.next_round_after(self.story.signal(LEDGER_MOVED.name, LedgerMoved(account=self.asked.account, version=8)))
        self.counted["voided"] += 1

    @precondition(lambda self: self.status is CaseStatus.APPROVED)
    @rule()
    def finance_releases_it(self) -> None:
        self.services.row_says(payment=PaymentStands(run=uuid4(), content_hash=self.asked.content_hash))
        self.now(self.tell(PAYMENT_RELEASED, PaymentReleased(run=uuid4(), content_hash="whatever is said")))
        self.now(self.services.when(lambda: self.services.status() is CaseStatus.WITH_BANK))
        self.status = CaseStatus.WITH_BANK
        self.counted["released"] += 1

    # --- what is not ----------------------------------------------------------------------------------------------------------------------

    @rule(order=st.permutations(range(7)))
    def bare_signals_come(self, order: list[int]) -> None:
        """Each with rubbish, and in words that make sense."""
        shown = self.asked.content_hash
        signals: list[tuple[Signal[Any], Message]] = [
            (CASE_CHANGED, CaseChanged(case=self.asked.case, resubmitted=True)),
            (CASE_WITHDRAWN, CaseWithdrawn(case=self.asked.case)),
            (LEDGER_MOVED, LedgerMoved(account=self.asked.account, version=99)),
            (PAYMENT_RELEASED, PaymentReleased(run=uuid4(), content_hash=shown)),
            (PAYMENT_RELEASED, PaymentReleased(run=uuid4(), content_hash="another")),
            *((PAYMENT_SETTLED, PaymentSettled(run=uuid4(), paid=paid)) for paid in (True, False)),
        ]
        for which in order:
            signal, message = signals[which]
            self.now(self.story.signal(signal.name, {"no": "sense"}))
            self.now(self.tell(signal, message))
        self.counted["bare signals"] += 1
        self.now(self.all_is_taken())

    @precondition(lambda self: self.status in OPEN)
    @rule()
    def another_plan_was_released(self) -> None:
        """By finance, of this case; and the story is told that it was this one."""
        self.services.row_says(payment=PaymentStands(run=uuid4(), content_hash="another"))
        self.now(self.tell(PAYMENT_RELEASED, PaymentReleased(run=uuid4(), content_hash=self.asked.content_hash)))
        self.counted["releases of another plan"] += 1
        self.now(self.all_is_taken())

    @rule()
    def story_is_begun_again(self) -> None:
        """By its own id, which is taken, and by that of the next attempt with the words of this one, where it takes no step."""
        case = RefundCase(case=self.asked.case, account=uuid4())

        async def begun(id_: str) -> None:
            story = await self.client.start_workflow(REFUND_APPROVAL.name, case, id=id_, task_queue=QUEUE)
            await story.result()

        with pytest.raises(WorkflowAlreadyStartedError):
            self.now(begun(self.id))
        with pytest.raises(WorkflowFailureError):
            self.now(begun(refund_workflow_id(self.asked.case, 2)))
        self.counted["stories begun again"] += 1
        self.now(self.all_is_taken())

    # --- how a story ends -----------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.status is CaseStatus.WITH_APPROVER)
    @rule(stages=st.sampled_from([1, 2]))
    def it_is_declined(self, stages: int) -> None:
        self.now(self.services.decide(self.story, Answer.DECLINED))
        self.ended("declined")
        self.story_begins(stages)

    @precondition(lambda self: self.status is not CaseStatus.WITH_BANK)
    @rule(stages=st.sampled_from([1, 2]))
    def it_is_withdrawn(self, stages: int) -> None:
        self.services.row_says(withdrawn=True)
        self.now(self.tell(CASE_WITHDRAWN, CaseWithdrawn(case=self.asked.case)))
        self.ended("withdrawn")
        self.story_begins(stages)

    @precondition(lambda self: self.status is CaseStatus.WITH_BANK)
    @rule(stages=st.sampled_from([1, 2]))
    def bank_pays(self, stages: int) -> None:
        self.it_is_paid()
        self.story_begins(stages)

    def it_is_paid(self) -> None:
        assert self.services.stands.payment is not None
        self.services.row_says(payment=self.services.stands.payment.model_copy(update={"paid": True}))
        self.now(self.tell(PAYMENT_SETTLED, PaymentSettled(run=uuid4(), paid=False)))
        self.ended("paid")

    def ended(self, how: str) -> None:
        self.now(self.story.result())
        self.money_moved_by_the_rows()
        self.counted[how] += 1

    def teardown(self) -> None:
        """Whatever the story was told: once it is approved and released, it pays."""
        if not hasattr(self, "story"):
            return
        self.money_moved_by_the_rows()
        self.it_waits_for_the_same()
        if self.status is CaseStatus.SENT_BACK:
            self.question_is_answered()
        while self.status is CaseStatus.WITH_APPROVER:
            self.it_is_approved()
            self.money_moved_by_the_rows()
        if self.status is CaseStatus.APPROVED:
            self.finance_releases_it()
        self.it_is_paid()

    # --- after every step -----------------------------------------------------------------------------------------------------------------

    @invariant()
    def money_moved_by_the_rows(self) -> None:
        assert self.services.unfounded == []
        assert len(self.services.names("refunds.queue-payment")) == self.paid_for
        assert len(self.services.names("ledger.post-refund")) == (self.status is CaseStatus.WITH_BANK)

    async def all_is_taken(self) -> None:
        """All that was said is behind the story: what it is asked last makes it look, and it looks only after the rest."""
        if self.status in OPEN:
            await self.answered("refunds.recheck", self.tell(LEDGER_MOVED, LedgerMoved(account=self.asked.account, version=9)))
        else:
            await self.answered("refunds.read-case", self.tell(CASE_CHANGED, CaseChanged(case=self.asked.case)))


@pytest.mark.timeout(3600 if WHOLE else 900)
async def test_no_word_to_a_story_moves_money_that_its_rows_do_not(temporal: Temporal, played: "Counter[str]") -> None:
    counted: Counter[str] = Counter()

    async def missing() -> frozenset[str]:
        return (HAPPENED | MORE_HAPPENED if WHOLE else HAPPENED) - counted.keys()

    async with told(temporal, EachCase(), counted) as given:
        await play_until(Telling, given, missing, played, courses=COURSES, steps=STEPS)
    played.update({f"words to a refund: {what}": times for what, times in counted.items()})


async def test_a_story_that_believes_an_update_without_its_row_is_found_out(temporal: Temporal) -> None:
    async def missing() -> frozenset[str]:
        return frozenset()

    with pytest.MonkeyPatch.context() as patch:
        for name, variant in BELIEVES_WITHOUT_THE_ROW.items():
            patch.setattr(name, variant)
        async with told(temporal, EachCase(), Counter()) as given:
            with pytest.raises(AssertionError, match=r"queue-payment|another round or stage"):
                await play_until(Telling, given, missing, Counter(), courses=COURSES, steps=STEPS)
