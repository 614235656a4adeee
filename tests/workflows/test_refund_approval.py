"""RefundApproval on a real Temporal server, with services that answer from a script."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from rentbook_contracts import ledger, refunds
from rentbook_contracts.approvals import DECIDE, Answer, CloseTask, DecisionTaken
from rentbook_contracts.ledger import PutBackCredit
from rentbook_contracts.operation import Message, Signal
from rentbook_contracts.refunds import CaseOutcome, CaseStatus, FileFate, PaymentRunCase, RefundCase
from rentbook_contracts.workflows import (
    CASE_CHANGED,
    CASE_WITHDRAWN,
    LEDGER_MOVED,
    PAYMENT_RELEASED,
    PAYMENT_RUN,
    PAYMENT_SETTLED,
    QUEUE,
    REFUND_APPROVAL,
    RUN_LINE_SETTLED,
    CaseChanged,
    CaseWithdrawn,
    LedgerMoved,
    PaymentReleased,
    PaymentSettled,
    RunLineSettled,
    refund_workflow_id,
)
from support.counting import until
from support.fake_services import FakeServices, waits
from support.histories import record
from support.servers import Temporal
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError

Story = WorkflowHandle[Any, Any]


@pytest.fixture
async def client(temporal: Temporal) -> Client:
    return await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)


@pytest.fixture
async def services(client: Client, request: pytest.FixtureRequest) -> AsyncIterator[FakeServices]:
    async with AsyncExitStack() as stack:
        fake = FakeServices()
        await fake.serve(client, stack)
        yield fake
    if os.environ.get("RENTBOOK_RECORD_HISTORIES"):
        await record(client, request.node.name.removeprefix("test_"))


async def begun(client: Client, services: FakeServices, case: RefundCase | None = None) -> Story:
    case = case or RefundCase(case=services.case)
    services.begins = case
    return await client.start_workflow(REFUND_APPROVAL.name, case, id=refund_workflow_id(case.case, case.attempt), task_queue=QUEUE)


async def tell(story: Story, signal: Signal[Any], message: Message) -> None:
    await story.signal(signal.name, message)


async def release(story: Story, services: FakeServices) -> UUID:
    queued = await services.until("refunds.queue-payment", services.names().count("refunds.queue-payment") or 1)
    assert isinstance(queued, refunds.QueuePayment)
    run = uuid4()
    services.row_says(payment=refunds.PaymentStands(run=run, content_hash=queued.plan.content_hash))
    await tell(story, PAYMENT_RELEASED, PaymentReleased(run=run, content_hash=queued.plan.content_hash))
    return run


async def settle(story: Story, services: FakeServices, run: UUID, *, paid: bool) -> None:
    assert services.stands.payment is not None
    services.row_says(payment=services.stands.payment.model_copy(update={"paid": paid}))
    await tell(story, PAYMENT_SETTLED, PaymentSettled(run=run, paid=paid))


def outcome(services: FakeServices) -> CaseOutcome:
    closed = [argument for name, argument in services.calls if name == "refunds.close-case"]
    assert len(closed) == 1
    assert isinstance(closed[0], refunds.CloseCase)
    return closed[0].outcome


async def test_the_straight_path_pays_once(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    run = await release(story, services)
    await services.until("refunds.line-posted")
    await settle(story, services, run, paid=True)
    await story.result()
    assert outcome(services) is CaseOutcome.PAID
    money = services.names("ledger.place-hold", "ledger.post-refund", "ledger.release-hold", "refunds.recheck")
    assert money == ["ledger.place-hold", "refunds.recheck", "ledger.post-refund"]
    assert services.names().count("refunds.run-check") == 10


async def test_a_credit_that_went_to_income_is_put_back_before_anything_is_checked(client: Client, services: FakeServices) -> None:
    account = uuid4()
    story = await begun(client, services, RefundCase(case=services.case, written_on=account))
    await services.until("approvals.open-task")
    assert services.told_of()[0] == "ledger.put-back-credit"
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert [asked for name, asked in services.calls if name == "ledger.put-back-credit"] == [
        PutBackCredit(case=services.case, account=account)
    ]


async def test_each_round_puts_back_what_went_to_income_meanwhile(client: Client, services: FakeServices) -> None:
    account = uuid4()
    services.blocked_rounds = 1
    story = await begun(client, services, RefundCase(case=services.case, account=account))
    await services.until("refunds.await-evidence")
    services.row_says(changed=True)
    await tell(story, CASE_CHANGED, CaseChanged(case=services.case))
    await services.until("approvals.open-task")
    await services.decide(story, Answer.DECLINED)
    await story.result()
    asked = [argument for name, argument in services.calls if name == "ledger.put-back-credit"]
    assert asked == [PutBackCredit(case=services.case, account=account)] * 2
    steps = services.names("ledger.put-back-credit", "refunds.plan")
    assert steps == ["ledger.put-back-credit", "refunds.plan"] * 2


async def test_declined_frees_the_credit_and_moves_no_money(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert outcome(services) is CaseOutcome.DECLINED
    assert services.names("ledger.release-hold", "ledger.post-refund") == ["ledger.release-hold"]


async def test_nothing_due_asks_nobody(client: Client, services: FakeServices) -> None:
    services.refund_pence = 0
    await (await begun(client, services)).result()
    assert outcome(services) is CaseOutcome.NOTHING_DUE
    assert services.names("approvals.open-task", "ledger.place-hold") == []


async def test_a_plan_that_only_offsets_is_posted_without_a_payment_run(client: Client, services: FakeServices) -> None:
    services.refund_pence, services.offsets = 0, (ledger.Offset(account=UUID(int=9), amount_pence=120_00),)
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    await story.result()
    assert outcome(services) is CaseOutcome.OFFSET
    assert services.names("refunds.queue-payment", "ledger.post-refund") == ["ledger.post-refund"]


async def test_a_bare_update_decides_nothing(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED, row=False)
    await services.until("approvals.read-decision")
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert outcome(services) is CaseOutcome.DECLINED
    assert services.names("ledger.post-refund") == []


async def test_an_update_on_another_content_is_rejected(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    with pytest.raises(WorkflowUpdateFailedError):
        await services.decide(story, Answer.APPROVED, content_hash="another")
    await services.decide(story, Answer.DECLINED)
    await story.result()


async def test_above_the_highest_band_two_decide_in_sequence(client: Client, services: FakeServices) -> None:
    services.stages = 2
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("approvals.open-task", 2)
    assert services.names("refunds.queue-payment", "ledger.post-refund") == []
    await services.decide(story, Answer.APPROVED)
    run = await release(story, services)
    await services.until("refunds.line-posted")
    await settle(story, services, run, paid=True)
    await story.result()
    assert outcome(services) is CaseOutcome.PAID


async def test_a_weekly_debit_after_approval_voids_nothing(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("refunds.queue-payment")
    await tell(story, LEDGER_MOVED, LedgerMoved(account=UUID(int=1), version=8))
    await services.until("refunds.recheck")
    run = await release(story, services)
    await services.until("refunds.line-posted")
    await settle(story, services, run, paid=True)
    await story.result()
    assert services.names().count("approvals.open-task") == 1


async def test_a_movement_that_uncovers_the_credit_voids_the_approval_and_asks_again(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("refunds.queue-payment")
    services.void_because = "the cleared credit no longer covers it"
    await tell(story, LEDGER_MOVED, LedgerMoved(account=UUID(int=1), version=8))
    await services.until("approvals.open-task", 2)
    assert services.names("refunds.dequeue-payment", "ledger.release-hold") == ["refunds.dequeue-payment", "ledger.release-hold"]
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert services.names("ledger.post-refund") == []


async def test_checks_that_run_out_before_the_decision_are_run_again(client: Client, services: FakeServices) -> None:
    services.runs_out_at, services.void_because = datetime.now(UTC) + timedelta(seconds=1), "the bank's answer has run out"
    story = await begun(client, services)
    await services.until("approvals.open-task")
    services.runs_out_at = None
    await services.until("approvals.open-task", 2)
    [closed] = [asked for _, asked in services.calls if isinstance(asked, CloseTask)]
    assert (closed.carried_out, closed.because) == (False, "the bank's answer has run out")
    assert services.names("ledger.place-hold", "ledger.release-hold") == ["ledger.place-hold", "ledger.release-hold", "ledger.place-hold"]
    await services.decide(story, Answer.DECLINED)
    await story.result()


async def test_an_account_that_moves_while_posting_is_checked_again(client: Client, services: FakeServices) -> None:
    services.posting_errors = ["AccountMoved", "AccountMoved"]
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    run = await release(story, services)
    await services.until("refunds.line-posted")
    await settle(story, services, run, paid=True)
    await story.result()
    assert services.names("refunds.recheck", "ledger.post-refund") == ["refunds.recheck", "ledger.post-refund"] * 3


async def test_recall_before_release_goes_back_to_a_decision(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    decision = await services.decide(story, Answer.APPROVED)
    await services.until("refunds.queue-payment")
    await services.recall(story, decision)
    await services.until("approvals.open-task", 2)
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert services.names("ledger.post-refund") == []


async def test_sent_back_waits_for_the_answer_then_asks_again(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.SENT_BACK)
    await services.noted(CaseStatus.SENT_BACK)
    services.row_says(changed=True, resubmitted=True)
    await tell(story, CASE_CHANGED, CaseChanged(case=services.case, resubmitted=True))
    await services.until("approvals.open-task", 2)
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert services.names().count("ledger.place-hold") == services.names().count("ledger.release-hold") == 2


async def test_what_was_said_before_a_question_is_no_answer_to_it(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await tell(story, CASE_CHANGED, CaseChanged(case=services.case, resubmitted=True))
    await services.until("refunds.read-case")
    await services.decide(story, Answer.SENT_BACK)
    await services.noted(CaseStatus.SENT_BACK)
    await until(lambda: waits(story), "the question waits for its answer")
    assert services.names("approvals.open-task", "approvals.close-task") == ["approvals.open-task"]
    services.row_says(changed=True, resubmitted=True)
    await tell(story, CASE_CHANGED, CaseChanged(case=services.case, resubmitted=True))
    await services.until("approvals.open-task", 2)
    await services.decide(story, Answer.DECLINED)
    await story.result()


async def test_missing_evidence_is_waited_for(client: Client, services: FakeServices) -> None:
    services.blocked_rounds = 1
    story = await begun(client, services)
    await services.until("refunds.await-evidence")
    services.row_says(changed=True)
    await tell(story, CASE_CHANGED, CaseChanged(case=services.case))
    await services.until("approvals.open-task")
    await services.decide(story, Answer.DECLINED)
    await story.result()


async def test_a_ledger_that_lets_a_blocked_check_pass_ends_the_wait(client: Client, services: FakeServices) -> None:
    services.blocked_rounds = 1
    story = await begun(client, services)
    await services.noted(CaseStatus.WAITING_FOR_EVIDENCE)
    for move in (1, 2):
        await tell(story, LEDGER_MOVED, LedgerMoved(account=UUID(int=1), version=8 + move))
        await services.until("refunds.look-again", move)
    assert services.names().count("refunds.plan") == 1
    services.differs = True
    await tell(story, LEDGER_MOVED, LedgerMoved(account=UUID(int=1), version=11))
    await services.until("approvals.open-task")
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert (services.names().count("refunds.plan"), services.names().count("refunds.look-again")) == (2, 3)


async def test_a_day_that_lets_a_blocked_check_pass_ends_the_wait(client: Client, services: FakeServices) -> None:
    services.blocked_rounds = 1
    services.look_again_at, services.differs = datetime.now(UTC) + timedelta(seconds=1), True
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert services.names("refunds.plan", "refunds.look-again") == ["refunds.plan", "refunds.look-again", "refunds.plan"]
    assert services.names("refunds.read-case") == []


async def test_a_posting_that_the_ledger_refused_is_planned_anew_once_the_ledger_moves(client: Client, services: FakeServices) -> None:
    services.posting_errors = ["OffsetAboveDebt"]
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    await release(story, services)
    await services.noted(CaseStatus.WAITING_FOR_EVIDENCE)
    assert services.names().count("refunds.plan") == 1
    services.row_says(payment=None)
    await tell(story, LEDGER_MOVED, LedgerMoved(account=UUID(int=1), version=8))
    await services.until("approvals.open-task", 2)
    assert services.names("refunds.dequeue-payment", "ledger.release-hold") == ["refunds.dequeue-payment", "ledger.release-hold"]
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert services.names().count("ledger.post-refund") == 1


async def test_a_line_that_is_to_be_dropped_and_was_posted_is_paid_after_all(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    queued = await services.until("refunds.queue-payment")
    assert isinstance(queued, refunds.QueuePayment)
    run = uuid4()
    services.carried_in, services.posted_before = run, uuid4()
    services.row_says(payment=refunds.PaymentStands(run=run, content_hash=queued.plan.content_hash))
    services.void_because = "the cleared credit no longer covers it"
    await tell(story, LEDGER_MOVED, LedgerMoved(account=UUID(int=1), version=8))
    await services.until("refunds.line-posted", 2)
    await settle(story, services, run, paid=True)
    await story.result()
    assert outcome(services) is CaseOutcome.PAID
    assert services.names("ledger.post-refund", "ledger.release-hold") == []
    assert [asked.carried_out for _, asked in services.calls if isinstance(asked, CloseTask)] == [True]


async def test_a_line_that_is_dropped_from_its_run_is_decided_anew(client: Client, services: FakeServices) -> None:
    services.posting_errors, services.carried_in = ["HoldGone"], uuid4()
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    await release(story, services)
    await services.until("refunds.line-posted")
    services.row_says(payment=None)
    await services.until("approvals.open-task", 2)
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert outcome(services) is CaseOutcome.DECLINED


async def test_a_withdrawn_case_frees_the_credit(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    services.row_says(withdrawn=True)
    await tell(story, CASE_WITHDRAWN, CaseWithdrawn(case=services.case))
    await story.result()
    assert outcome(services) is CaseOutcome.WITHDRAWN
    assert services.names("ledger.release-hold") == ["ledger.release-hold"]


async def test_a_returned_payment_is_taken_back_before_anything_else(client: Client, services: FakeServices) -> None:
    story = await begun(client, services, RefundCase(case=services.case, attempt=2, returned=uuid4(), returned_reason="0B"))
    await services.until("approvals.open-task")
    assert services.told_of()[0] == "ledger.reverse-refund"
    await services.decide(story, Answer.DECLINED)
    await story.result()


async def test_a_story_that_is_begun_with_other_words_than_the_rows_have_follows_the_rows(client: Client, services: FakeServices) -> None:
    of_rows = RefundCase(case=services.case, attempt=2, account=uuid4(), returned=uuid4(), returned_reason="0B")
    forged = of_rows.model_copy(update={"returned": None, "account": uuid4(), "written_on": uuid4()})
    services.begins = of_rows
    await client.start_workflow(REFUND_APPROVAL.name, forged, id=refund_workflow_id(forged.case, 2), task_queue=QUEUE)
    taken_back, put_back = await services.until("ledger.reverse-refund"), await services.until("ledger.put-back-credit")
    assert isinstance(taken_back, ledger.ReverseRefund)
    assert isinstance(put_back, PutBackCredit)
    assert (taken_back.journal, taken_back.reason, put_back.account) == (of_rows.returned, "0B", of_rows.account)


@pytest.mark.parametrize("id_", ["refund/{case}/2", "refund/another/1", "payment-run/{case}"])
async def test_a_story_under_another_ones_id_takes_no_step(client: Client, services: FakeServices, id_: str) -> None:
    case = RefundCase(case=services.case)
    story = await client.start_workflow(REFUND_APPROVAL.name, case, id=id_.format(case=case.case), task_queue=QUEUE)
    with pytest.raises(WorkflowFailureError) as failure:
        await story.result()
    assert isinstance(failure.value.cause, ApplicationError)
    assert failure.value.cause.type == "AnotherStory"
    assert services.names() == []


async def test_a_refused_file_ends_the_attempt_and_leaves_the_case_to_the_next(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    await services.decide(story, Answer.APPROVED)
    run = await release(story, services)
    await services.until("refunds.line-posted")
    await settle(story, services, run, paid=False)
    await story.result()
    assert services.names("refunds.close-case", "ledger.reverse-refund", "ledger.release-hold") == []
    [closed] = [argument for name, argument in services.calls if name == "approvals.close-task"]
    assert isinstance(closed, CloseTask)
    assert not closed.carried_out


async def test_a_file_of_unknown_fate_is_asked_about_and_sent_once(client: Client, services: FakeServices) -> None:
    services.fates = [FileFate.UNKNOWN, FileFate.UNKNOWN, FileFate.ACCEPTED]
    run = uuid4()
    story = await client.start_workflow(PAYMENT_RUN.name, PaymentRunCase(run=run, lines=1), id=f"payment-run/{run}", task_queue=QUEUE)
    await tell(story, RUN_LINE_SETTLED, RunLineSettled(case=services.case))
    await story.result()
    assert services.names("refunds.submit-file", "refunds.ask-fate") == ["refunds.submit-file", "refunds.ask-fate", "refunds.ask-fate"]


async def test_a_file_that_the_bank_never_saw_is_sent_again(client: Client, services: FakeServices) -> None:
    services.fates = [FileFate.UNKNOWN, FileFate.NOT_SEEN, FileFate.ACCEPTED]
    run = uuid4()
    story = await client.start_workflow(PAYMENT_RUN.name, PaymentRunCase(run=run, lines=1), id=f"payment-run/{run}", task_queue=QUEUE)
    await tell(story, RUN_LINE_SETTLED, RunLineSettled(case=services.case))
    await story.result()
    assert services.names("refunds.submit-file", "refunds.ask-fate") == ["refunds.submit-file", "refunds.ask-fate", "refunds.submit-file"]


async def say_all(story: Story, services: FakeServices, run: UUID, content_hash: str) -> None:
    """Every signal that a story hears, as whoever reaches Temporal may send it, and each with rubbish too; none changes anything."""
    before = services.told_of()
    await tell(story, LEDGER_MOVED, LedgerMoved(account=UUID(int=1), version=99))
    signals: list[tuple[Signal[Any], Message]] = [
        (CASE_CHANGED, CaseChanged(case=services.case, resubmitted=True)),
        (CASE_WITHDRAWN, CaseWithdrawn(case=services.case)),
        (PAYMENT_RELEASED, PaymentReleased(run=run, content_hash=content_hash)),
        (PAYMENT_SETTLED, PaymentSettled(run=run, paid=False)),
        (PAYMENT_SETTLED, PaymentSettled(run=run, paid=True)),
    ]
    for signal, message in signals:
        asked = services.names().count("refunds.read-case")
        await story.signal(signal.name, {"no": "sense"})
        await tell(story, signal, message)
        await services.until("refunds.read-case", asked + 1)
        assert services.told_of() == before


async def brought_to(stage: CaseStatus, story: Story, services: FakeServices) -> UUID:
    """The story at a stage; and a run, which is the one that finance released if it came so far."""
    await services.noted(CaseStatus.WAITING_FOR_EVIDENCE if stage is CaseStatus.WAITING_FOR_EVIDENCE else CaseStatus.WITH_APPROVER)
    if stage is CaseStatus.SENT_BACK:
        await services.decide(story, Answer.SENT_BACK)
    if stage in (CaseStatus.APPROVED, CaseStatus.WITH_BANK):
        await services.decide(story, Answer.APPROVED)
        await services.until("refunds.queue-payment")
    run = await release(story, services) if stage is CaseStatus.WITH_BANK else uuid4()
    await services.noted(stage)
    return run


@pytest.mark.parametrize("stage", [CaseStatus.WAITING_FOR_EVIDENCE, CaseStatus.WITH_APPROVER, CaseStatus.SENT_BACK, CaseStatus.APPROVED])
async def test_bare_signals_change_nothing(client: Client, services: FakeServices, stage: CaseStatus) -> None:
    services.blocked_rounds = 1 if stage is CaseStatus.WAITING_FOR_EVIDENCE else 0
    story = await begun(client, services)
    run = await brought_to(stage, story, services)
    await say_all(story, services, run, services.open_task.content_hash if services.open_task else "")
    services.row_says(withdrawn=True)
    await tell(story, CASE_WITHDRAWN, CaseWithdrawn(case=services.case))
    await story.result()
    assert outcome(services) is CaseOutcome.WITHDRAWN
    assert services.names().count("refunds.plan") == 1


async def test_bare_signals_pay_nothing_and_refuse_nothing(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    run = await brought_to(CaseStatus.WITH_BANK, story, services)
    assert services.open_task is not None
    await say_all(story, services, run, services.open_task.content_hash)
    await settle(story, services, run, paid=True)
    await story.result()
    assert outcome(services) is CaseOutcome.PAID
    assert services.names().count("refunds.plan") == services.names().count("ledger.post-refund") == 1


async def test_a_bare_recall_takes_nothing_back(client: Client, services: FakeServices) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-task")
    decision = await services.decide(story, Answer.APPROVED)
    await services.until("refunds.queue-payment")
    await services.recall(story, decision, row=False)
    await services.until("approvals.read-decision", 2)
    run = await release(story, services)
    await services.noted(CaseStatus.WITH_BANK)
    await settle(story, services, run, paid=True)
    await story.result()
    assert outcome(services) is CaseOutcome.PAID
    assert services.names().count("approvals.open-task") == 1


async def test_a_recall_of_another_cases_decision_takes_nothing_back(client: Client, services: FakeServices) -> None:
    """A bare update had told of it in the words of the question that is open."""
    story = await begun(client, services)
    await services.until("approvals.open-task")
    other = services.row(Answer.APPROVED).model_copy(update={"case": uuid4(), "task": uuid4(), "recalled": True})
    services.decisions[other.decision] = other
    asked = services.row(Answer.APPROVED)
    claimed = DecisionTaken(decision=other.decision, task=asked.task, round=asked.round, content_hash=asked.content_hash)
    await story.execute_update(DECIDE.name, claimed, id=f"{uuid4()}")
    await services.recall(story, other.decision, row=False)
    await until(lambda: waits(story), "all that was said is behind the story")
    assert services.names("approvals.read-decision", "approvals.close-task") == ["approvals.read-decision"] * 2
    await services.decide(story, Answer.DECLINED)
    await story.result()


async def test_a_bare_signal_makes_no_payment_file_and_ends_no_run(client: Client, services: FakeServices) -> None:
    services.lines_wait = 1
    run = uuid4()
    story = await client.start_workflow(PAYMENT_RUN.name, PaymentRunCase(run=run, lines=1), id=f"payment-run/{run}", task_queue=QUEUE)
    await tell(story, RUN_LINE_SETTLED, RunLineSettled(case=uuid4()))
    await services.until("refunds.build-file")
    assert services.names("refunds.submit-file") == []
    services.lines_wait = 0
    await tell(story, RUN_LINE_SETTLED, RunLineSettled(case=services.case))
    await story.result()
    assert services.names("refunds.build-file", "refunds.submit-file") == ["refunds.build-file"] * 2 + ["refunds.submit-file"]
