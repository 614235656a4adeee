"""WriteOffProposal and WriteOffApproval on a real Temporal server, with services that answer from a script.

Time is carried forward on the server itself: a month of waiting takes a moment.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from rentbook_contracts.approvals import Answer
from rentbook_contracts.notices import LadderLetter, WriteLadderLetter
from rentbook_contracts.operation import Operation
from rentbook_contracts.workflows import (
    PROPOSAL_CHANGED,
    QUEUE,
    SCHEDULE_CHANGED,
    WRITE_OFF_APPROVAL,
    WRITE_OFF_PROPOSAL,
    ProposalChanged,
    ScheduleChanged,
    proposal_workflow_id,
    schedule_workflow_id,
)
from rentbook_contracts.writeoffs import READ_SCHEDULE, Assessed, ProposalCase, ScheduleCase, ScheduleStands, ScheduleStatus
from support.counting import until
from support.fake_services import waits
from support.fake_write_offs import FakeWriteOffs
from support.histories import record
from support.servers import Temporal
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig

Story = WorkflowHandle[Any, Any]


@pytest.fixture
async def client(temporal: Temporal) -> Client:
    return await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)


@pytest.fixture
async def services(client: Client, request: pytest.FixtureRequest) -> AsyncIterator[FakeWriteOffs]:
    async with AsyncExitStack() as stack:
        fake = FakeWriteOffs()
        await fake.serve(client, stack)
        yield fake
    if os.environ.get("RENTBOOK_RECORD_HISTORIES"):
        await record(client, request.node.name.removeprefix("test_"))


async def begun(client: Client, services: FakeWriteOffs) -> Story:
    case = ScheduleCase(schedule=services.schedule)
    return await client.start_workflow(WRITE_OFF_APPROVAL.name, case, id=schedule_workflow_id(case.schedule), task_queue=QUEUE)


async def carried_forward(client: Client, story: Story, by: timedelta) -> None:
    await TimeSkipper(client, config=TimeSkippingConfig(enabled=False)).fast_forward(story, by)


def closed_as(services: FakeWriteOffs) -> ScheduleStatus:
    [closed] = services.told("writeoffs.close-schedule")
    status: ScheduleStatus = closed.status
    return status


# --- a schedule -------------------------------------------------------------------------------------------------------------------------


async def test_an_approved_schedule_is_posted_in_chunks_without_its_exceptions(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    out = services.lines[1].line
    await services.decide(story, Answer.APPROVED, excepted=(out,))
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED
    posted = [line.line for chunk in services.told("ledger.post-write-off") for line in chunk.lines]
    assert posted == [services.lines[0].line, services.lines[2].line]
    assert len(services.told("writeoffs.settle-lines")) == len(services.told("ledger.post-write-off"))
    assert [told.carried_out for told in services.told("approvals.close-task")] == [True]


async def test_a_declined_schedule_posts_nothing(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert closed_as(services) is ScheduleStatus.DECLINED
    assert services.names("ledger.post-write-off") == []


async def test_two_decide_in_sequence_where_the_policy_says_so(client: Client, services: FakeWriteOffs) -> None:
    services.stages = 2
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("approvals.open-schedule-task", 2)
    assert services.names("ledger.post-write-off") == []
    assert [task.stage for task in services.told("approvals.open-schedule-task")] == [1, 2]
    await services.decide(story, Answer.APPROVED)
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_a_bare_update_posts_nothing(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED, row=False)
    await services.until("approvals.read-decision")
    await services.decide(story, Answer.DECLINED)
    await story.result()
    assert services.names("ledger.post-write-off") == []


async def test_a_question_and_its_answer_begin_another_round(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.SENT_BACK)
    await services.until("writeoffs.note-schedule", 2)
    services.stands = ScheduleStands(answered_round=1, withdrawn=False)
    await story.signal(SCHEDULE_CHANGED.name, ScheduleChanged(schedule=services.schedule))
    asked = await services.until("approvals.open-schedule-task", 2)
    assert asked == services.open_task
    assert [task.round for task in services.told("approvals.open-schedule-task")] == [1, 2]
    await services.decide(story, Answer.APPROVED)
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_a_withdrawn_schedule_closes_its_task(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    services.stands = ScheduleStands(answered_round=0, withdrawn=True)
    await story.signal(SCHEDULE_CHANGED.name, ScheduleChanged(schedule=services.schedule))
    await story.result()
    assert closed_as(services) is ScheduleStatus.WITHDRAWN
    assert [told.carried_out for told in services.told("approvals.close-task")] == [False]


async def test_an_empty_schedule_asks_nobody(client: Client, services: FakeWriteOffs) -> None:
    services.lines = []
    await (await begun(client, services)).result()
    assert closed_as(services) is ScheduleStatus.EMPTY
    assert services.names("approvals.open-schedule-task") == []


async def test_nobody_decides_for_weeks_time_reminds_then_escalates_and_approves_nothing(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await carried_forward(client, story, timedelta(days=31))
    await services.until("approvals.nudge-task")
    await carried_forward(client, story, timedelta(days=10))
    await services.until("approvals.nudge-task", 2)
    assert [told.escalate for told in services.told("approvals.nudge-task")] == [False, True]
    await carried_forward(client, story, timedelta(days=200))
    await story.signal(SCHEDULE_CHANGED.name, ScheduleChanged(schedule=services.schedule))
    await services.until("writeoffs.read-schedule")
    await until(lambda: waits(story), "all that was to be done is behind the story")
    assert services.names("ledger.post-write-off") == []
    await services.decide(story, Answer.APPROVED)
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_a_decision_of_members_waits_out_its_call_in(client: Client, services: FakeWriteOffs) -> None:
    services.carried_out_from = (datetime.now(UTC) + timedelta(days=8)).date()
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("writeoffs.note-schedule", 2)
    assert services.told("writeoffs.note-schedule")[-1].status is ScheduleStatus.CALL_IN
    assert services.names("ledger.post-write-off") == []
    await carried_forward(client, story, timedelta(days=9))
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_a_call_in_takes_the_decision_back_and_asks_anew(client: Client, services: FakeWriteOffs) -> None:
    services.carried_out_from = (datetime.now(UTC) + timedelta(days=8)).date()
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    decision = await services.decide(story, Answer.APPROVED)
    await services.until("writeoffs.note-schedule", 2)
    await services.recall(story, decision)
    await services.until("approvals.open-schedule-task", 2)
    assert services.names("ledger.post-write-off") == []
    await services.decide(story, Answer.DECLINED)
    await story.result()


async def test_a_bare_signal_and_a_bare_recall_change_nothing(client: Client, services: FakeWriteOffs) -> None:
    services.carried_out_from = (datetime.now(UTC) + timedelta(days=8)).date()
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await story.signal(SCHEDULE_CHANGED.name, ScheduleChanged(schedule=services.schedule))
    await services.until("writeoffs.read-schedule")
    decision = await services.decide(story, Answer.APPROVED)
    await services.until("writeoffs.note-schedule", 2)
    await services.recall(story, decision, row=False)
    await services.until("approvals.read-decision", 2)
    await carried_forward(client, story, timedelta(days=9))
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_a_recall_of_another_schedules_decision_takes_nothing_back(client: Client, services: FakeWriteOffs) -> None:
    """A bare update had told of it in the words of the question that is open."""
    services.carried_out_from = (datetime.now(UTC) + timedelta(days=8)).date()
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    bare = await services.decide(story, Answer.APPROVED, row=False)
    decision = await services.decide(story, Answer.APPROVED)
    await services.until("writeoffs.note-schedule", 2)
    services.decisions[bare] = services.decisions[decision].model_copy(update={"decision": bare, "case": uuid4(), "recalled": True})
    await services.recall(story, bare, row=False)
    await services.until("approvals.read-decision", 3)
    await until(lambda: waits(story), "all that was said is behind the story")
    await carried_forward(client, story, timedelta(days=9))
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_what_is_being_posted_is_not_recalled(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    decision = await services.decide(story, Answer.APPROVED)
    await story.result()
    with pytest.raises(RPCError, match="completed"):
        await services.recall(story, decision)


async def test_a_decision_that_the_ledger_refuses_goes_back_to_a_decision(client: Client, services: FakeWriteOffs) -> None:
    services.posting_errors = ["DecisionRecalled"]
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("approvals.open-schedule-task", 2)
    assert [told.because for told in services.told("approvals.close-task")] == ["DecisionRecalled"]
    await services.decide(story, Answer.APPROVED)
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_a_withdrawal_that_missed_the_decision_is_kept_to_before_the_first_line(client: Client, services: FakeWriteOffs) -> None:
    services.taking_errors = ["ScheduleWithdrawn"]
    services.stands = ScheduleStands(answered_round=0, withdrawn=True)
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED)
    await story.result()
    assert closed_as(services) is ScheduleStatus.WITHDRAWN
    assert services.names("ledger.post-write-off") == []
    assert [(told.carried_out, told.because) for told in services.told("approvals.close-task")] == [(False, "the schedule was withdrawn")]


async def test_lines_that_are_not_handed_out_by_this_decision_are_asked_about_anew(client: Client, services: FakeWriteOffs) -> None:
    services.taking_errors = ["NotDecidedSo"]
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("approvals.open-schedule-task", 2)
    assert services.names("ledger.post-write-off") == []
    await services.decide(story, Answer.APPROVED)
    await story.result()
    assert closed_as(services) is ScheduleStatus.POSTED


async def test_a_withdrawal_that_missed_the_decision_ends_its_call_in(client: Client, services: FakeWriteOffs) -> None:
    services.carried_out_from = (datetime.now(UTC) + timedelta(days=8)).date()
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("writeoffs.note-schedule", 2)
    services.stands = ScheduleStands(answered_round=0, withdrawn=True)
    await story.signal(SCHEDULE_CHANGED.name, ScheduleChanged(schedule=services.schedule))
    await story.result()
    assert closed_as(services) is ScheduleStatus.WITHDRAWN
    assert services.names("writeoffs.take-lines") == []


async def emptied(services: FakeWriteOffs, story: Story) -> None:
    """The last line drops; nobody is asked anything more, and nothing is posted."""
    services.lines = []
    services.stands = ScheduleStands(answered_round=0, withdrawn=False, empty=True)
    await story.signal(SCHEDULE_CHANGED.name, ScheduleChanged(schedule=services.schedule))
    await story.result()
    assert closed_as(services) is ScheduleStatus.EMPTY
    assert len(services.told("approvals.open-schedule-task")) == 1
    assert services.names("writeoffs.take-lines") == []


async def test_a_schedule_of_which_no_line_is_left_asks_nobody_any_more(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await emptied(services, story)
    assert [(told.carried_out, told.because) for told in services.told("approvals.close-task")] == [(False, "no line was left")]


async def test_a_decline_that_meets_the_drop_of_the_last_line_ends_an_empty_schedule(
    client: Client, services: FakeWriteOffs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The story hears of both before it looks at either: the answer comes while it asks the rows."""
    answer = services.answer

    async def declined_meanwhile(operation: Operation[Any, Any], argument: BaseModel) -> BaseModel:
        if operation is READ_SCHEDULE:
            await services.decide(story, Answer.DECLINED)
        return await answer(operation, argument)

    monkeypatch.setattr(services, "answer", declined_meanwhile)
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await emptied(services, story)
    assert services.names("approvals.read-decision") == []
    assert [(told.carried_out, told.because) for told in services.told("approvals.close-task")] == [(False, "no line was left")]


async def test_a_question_about_lines_that_have_all_gone_waits_for_no_answer(client: Client, services: FakeWriteOffs) -> None:
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.SENT_BACK)
    await services.until("writeoffs.note-schedule", 2)
    await emptied(services, story)
    assert [told.carried_out for told in services.told("approvals.close-task")] == [True]


async def test_a_call_in_ends_with_the_last_line(client: Client, services: FakeWriteOffs) -> None:
    services.carried_out_from = (datetime.now(UTC) + timedelta(days=8)).date()
    story = await begun(client, services)
    await services.until("approvals.open-schedule-task")
    await services.decide(story, Answer.APPROVED)
    await services.until("writeoffs.note-schedule", 2)
    await emptied(services, story)
    assert [(told.carried_out, told.because) for told in services.told("approvals.close-task")] == [(False, "no line was left")]


# --- a proposal -------------------------------------------------------------------------------------------------------------------------


async def proposal(client: Client) -> Story:
    case = ProposalCase(proposal=uuid4())
    return await client.start_workflow(WRITE_OFF_PROPOSAL.name, case, id=proposal_workflow_id(case.proposal, 1), task_queue=QUEUE)


async def test_a_proposal_waits_for_the_day_of_its_letters_and_is_looked_at_then(client: Client, services: FakeWriteOffs) -> None:
    now = datetime.now(UTC)
    waits = Assessed(done=False, look_again_at=now + timedelta(days=56), remind_at=now + timedelta(days=28))
    services.looks = [waits, waits.model_copy(update={"remind_at": now + timedelta(days=84)}), Assessed(done=True)]
    story = await proposal(client)
    await services.until("writeoffs.assess")
    await carried_forward(client, story, timedelta(days=29))
    await services.until("writeoffs.assess", 2)
    assert services.names() == ["writeoffs.assess", "writeoffs.remind", "writeoffs.assess"]
    await carried_forward(client, story, timedelta(days=28))
    await story.result()
    assert services.names() == ["writeoffs.assess", "writeoffs.remind", "writeoffs.assess", "writeoffs.assess"]


async def test_a_proposal_is_reminded_of_again_until_somebody_works_on_it(client: Client, services: FakeWriteOffs) -> None:
    now = datetime.now(UTC)
    services.looks = [*(Assessed(done=False, remind_at=now + timedelta(days=days)) for days in (28, 56, 84)), Assessed(done=True)]
    story = await proposal(client)
    for times, days in ((1, 29), (2, 28)):
        await services.until("writeoffs.assess", times)
        await carried_forward(client, story, timedelta(days=days))
        await services.until("writeoffs.remind", times)
    await services.until("writeoffs.assess", 3)
    await story.signal(PROPOSAL_CHANGED.name, ProposalChanged(proposal=uuid4()))
    await story.result()
    assert services.names() == [*("writeoffs.assess", "writeoffs.remind") * 2, *("writeoffs.assess",) * 2]


async def test_a_day_of_a_reminder_that_was_kept_already_brings_no_other(client: Client, services: FakeWriteOffs) -> None:
    past = Assessed(done=False, remind_at=datetime.now(UTC) - timedelta(days=1))
    services.looks = [past, past, Assessed(done=True)]
    story = await proposal(client)
    await services.until("writeoffs.assess", 2)
    await story.signal(PROPOSAL_CHANGED.name, ProposalChanged(proposal=uuid4()))
    await story.result()
    assert services.names() == ["writeoffs.assess", "writeoffs.remind", "writeoffs.assess", "writeoffs.assess"]


async def test_a_proposal_is_looked_at_when_evidence_comes(client: Client, services: FakeWriteOffs) -> None:
    services.looks = [Assessed(done=False), Assessed(done=True)]
    story = await proposal(client)
    await services.until("writeoffs.assess")
    await story.signal(PROPOSAL_CHANGED.name, ProposalChanged(proposal=uuid4()))
    await story.result()
    assert services.names() == ["writeoffs.assess", "writeoffs.assess"]


def letter_wanted(number: int = 1) -> Assessed:
    asked = WriteLadderLetter(proposal=uuid4(), account=uuid4(), kind=LadderLetter.DEBT, number=number, reply_within_days=28)
    return Assessed(done=False, letter=asked)


async def test_a_look_that_asks_for_a_letter_has_it_written_and_the_sent_letter_brings_the_next_look(
    client: Client, services: FakeWriteOffs
) -> None:
    first, second = letter_wanted(1), letter_wanted(2)
    services.looks = [first, second, Assessed(done=True)]
    story = await proposal(client)
    for times, look in ((1, first), (2, second)):
        assert await services.until("notices.write-ladder-letter", times) == look.letter
        await story.signal(PROPOSAL_CHANGED.name, ProposalChanged(proposal=uuid4()))
    await story.result()
    assert services.names() == [*("writeoffs.assess", "notices.write-ladder-letter") * 2, "writeoffs.assess"]
