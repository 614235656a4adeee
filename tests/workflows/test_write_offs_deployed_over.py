"""A schedule of write-offs that began under the code as it was is seen through to the ledger's word by the code as it is, and a proposal
to its last piece of evidence.

The code as it was is the story without some of its patches: what it asks of `workflow.patched` is answered no, and nothing of it comes
into the history. The code with a patch forgotten is the story that takes the new way in any case.
What changes without any patch is not seen here but by test_replay.py, where these stories lie as they were recorded.
"""

import inspect
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from rentbook_contracts.approvals import Answer
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
from rentbook_contracts.writeoffs import Assessed, ProposalCase, ScheduleCase, ScheduleStands, ScheduleStatus
from support.counting import until
from support.deploying import patched, replayed
from support.fake_services import waits
from support.fake_write_offs import FakeWriteOffs
from support.histories import record
from support.servers import Temporal
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker
from workflows.app import WORKFLOWS
from workflows.write_off_approval import EMPTY_ENDS, OF_THIS_ROUND, WITHDRAWN_IN_CALL_IN

from workflows import write_off_approval

Story = WorkflowHandle[Any, Any]


async def rests(story: Story) -> None:
    await until(lambda: waits(story), "all that was said is behind the story")


async def carried_forward(client: Client, story: Story, days: int) -> None:
    await TimeSkipper(client, config=TimeSkippingConfig(enabled=False)).fast_forward(story, timedelta(days=days))


async def keep(client: Client, request: pytest.FixtureRequest) -> None:
    if os.environ.get("RENTBOOK_RECORD_HISTORIES"):
        await record(client, re.sub(r"\W+", "_", request.node.name.removeprefix("test_")).strip("_"))


@dataclass
class Schedule:
    """One schedule on a server, its services, and the worker that tells its story, which a deployment replaces."""

    client: Client
    services: FakeWriteOffs
    story: Story
    worker: AsyncExitStack

    async def deploy(self) -> None:
        """The worker is told to stop, and a process of the code as it is takes over. Nothing is kept but what Temporal has."""
        await rests(self.story)
        await self.worker.aclose()
        # A story that can't go on is tried for ever: it would keep the test waiting and not say why.
        await replayed(await self.story.fetch_history())
        await self.worker.enter_async_context(Worker(self.client, task_queue=QUEUE, workflows=WORKFLOWS, max_cached_workflows=0))

    async def days_go_by(self, days: int) -> None:
        await carried_forward(self.client, self.story, days)

    async def told(self, **stands: Any) -> None:
        """Something happened to the schedule: its rows say so, and the story is told to look."""
        self.services.stands = ScheduleStands(**{"answered_round": 0, "withdrawn": False, **stands})
        looks = self.services.names().count("writeoffs.read-schedule")
        await self.story.signal(SCHEDULE_CHANGED.name, ScheduleChanged(schedule=self.services.schedule))
        await self.services.until("writeoffs.read-schedule", looks + 1)
        await rests(self.story)

    async def approved_by_members(self) -> UUID:
        """The decision; whoever may call it in has until the sixtieth day."""
        noted = self.services.names().count("writeoffs.note-schedule")
        self.services.carried_out_from = (datetime.now(UTC) + timedelta(days=60)).date()
        decision = await self.services.decide(self.story, Answer.APPROVED)
        await self.services.until("writeoffs.note-schedule", noted + 1)
        await rests(self.story)
        return decision

    async def posted_after_its_call_in(self) -> None:
        await self.approved_by_members()
        assert self.services.names("writeoffs.take-lines") == []
        await self.days_go_by(61)
        await self.story.result()

    def closed_as(self) -> ScheduleStatus:
        [closed] = self.services.told("writeoffs.close-schedule")
        status: ScheduleStatus = closed.status
        return status

    def posted(self) -> list[UUID]:
        return [line.line for chunk in self.services.told("ledger.post-write-off") for line in chunk.lines]


@pytest.fixture
async def client(temporal: Temporal) -> Client:
    return await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)


@pytest.fixture
async def schedule(client: Client, request: pytest.FixtureRequest) -> AsyncIterator[Schedule]:
    """Told by the code as it was before all its patches, up to where it waits for its approver."""
    services = FakeWriteOffs()
    case = ScheduleCase(schedule=services.schedule)
    async with AsyncExitStack() as stack:
        await services.serve_steps(client, stack)
        worker = await stack.enter_async_context(AsyncExitStack())
        worker.enter_context(patched(lambda _: False))
        await worker.enter_async_context(Worker(client, task_queue=QUEUE, workflows=WORKFLOWS))
        id_ = schedule_workflow_id(case.schedule)
        story = await client.start_workflow(WRITE_OFF_APPROVAL.name, case, id=id_, task_queue=QUEUE)
        made = Schedule(client, services, story, worker)
        await services.until("writeoffs.note-schedule")
        yield made
    await keep(client, request)


async def test_a_schedule_that_waits_for_its_approver_is_posted_by_the_code_that_is_deployed_meanwhile(schedule: Schedule) -> None:
    """One reminds, the other escalates, asks and posts; nobody is asked twice."""
    await schedule.days_go_by(31)
    await schedule.services.until("approvals.nudge-task")
    await schedule.deploy()
    await schedule.days_go_by(8)
    await schedule.services.until("approvals.nudge-task", 2)
    await schedule.posted_after_its_call_in()
    assert [told.escalate for told in schedule.services.told("approvals.nudge-task")] == [False, True]
    assert len(schedule.services.told("approvals.open-schedule-task")) == 1
    assert (schedule.closed_as(), schedule.posted()) == (ScheduleStatus.POSTED, [line.line for line in schedule.services.lines])
    await replayed(await schedule.story.fetch_history())


async def test_a_schedule_that_may_be_called_in_is_posted_by_the_code_that_is_deployed_meanwhile(schedule: Schedule) -> None:
    await schedule.approved_by_members()
    await schedule.days_go_by(40)
    await schedule.deploy()
    assert schedule.services.names("writeoffs.take-lines") == []
    await schedule.days_go_by(21)
    await schedule.story.result()
    assert (schedule.closed_as(), schedule.posted()) == (ScheduleStatus.POSTED, [line.line for line in schedule.services.lines])
    await replayed(await schedule.story.fetch_history())


async def test_a_schedule_whose_question_is_out_is_posted_by_the_code_that_is_deployed_meanwhile(schedule: Schedule) -> None:
    await schedule.services.decide(schedule.story, Answer.SENT_BACK)
    await schedule.services.until("writeoffs.note-schedule", 2)
    await schedule.deploy()
    await schedule.told(answered_round=1)
    await schedule.services.until("writeoffs.note-schedule", 3)
    await schedule.posted_after_its_call_in()
    assert [told.round for told in schedule.services.told("approvals.open-schedule-task")] == [1, 2]
    assert (schedule.closed_as(), schedule.posted()) == (ScheduleStatus.POSTED, [line.line for line in schedule.services.lines])
    await replayed(await schedule.story.fetch_history())


async def test_a_schedule_that_began_before_learns_what_it_was_not_yet_told(schedule: Schedule) -> None:
    """A patch that the story has not asked for is in force from the deployment on."""
    await schedule.deploy()
    schedule.services.lines = []
    await schedule.told(empty=True)
    await schedule.story.result()
    assert (schedule.closed_as(), schedule.posted()) == (ScheduleStatus.EMPTY, [])


# --- told before the deployment of what the code as it was took otherwise ---------------------------------------------------------------


async def a_withdrawal_missed_the_decision(schedule: Schedule) -> None:
    await schedule.approved_by_members()
    await schedule.told(withdrawn=True)


async def refused_its_lines(schedule: Schedule) -> None:
    """It did not hear of the withdrawal, and the owner of the lines keeps to it."""
    schedule.services.taking_errors = ["ScheduleWithdrawn"]
    await schedule.days_go_by(61)
    await schedule.story.result()
    assert (schedule.closed_as(), schedule.posted()) == (ScheduleStatus.WITHDRAWN, [])


async def its_last_line_went(schedule: Schedule) -> None:
    schedule.services.left = []
    await schedule.told(empty=True)


async def posted_with_nothing_left(schedule: Schedule) -> None:
    await schedule.posted_after_its_call_in()
    assert (schedule.closed_as(), schedule.posted()) == (ScheduleStatus.POSTED, [])


async def another_schedules_decision_was_recalled(schedule: Schedule) -> None:
    services = schedule.services
    bare = await services.decide(schedule.story, Answer.APPROVED, row=False)
    decision = await schedule.approved_by_members()
    services.decisions[bare] = services.decisions[decision].model_copy(update={"decision": bare, "case": uuid4(), "recalled": True})
    await services.recall(schedule.story, bare, row=False)
    await services.until("writeoffs.note-schedule", 3)


async def decided_anew(schedule: Schedule) -> None:
    await schedule.posted_after_its_call_in()
    assert [told.because for told in schedule.services.told("approvals.close-task")] == ["called in", None]
    assert (schedule.closed_as(), schedule.posted()) == (ScheduleStatus.POSTED, [line.line for line in schedule.services.lines])


Course = Callable[[Schedule], Awaitable[None]]
COURSES: dict[str, tuple[Course, Course]] = {
    WITHDRAWN_IN_CALL_IN: (a_withdrawal_missed_the_decision, refused_its_lines),
    EMPTY_ENDS: (its_last_line_went, posted_with_nothing_left),
    OF_THIS_ROUND: (another_schedules_decision_was_recalled, decided_anew),
}
"""By patch, what the code as it was is told, and how the schedule goes on to its end."""


@pytest.mark.parametrize("patch", COURSES)
async def test_what_a_schedule_was_told_before_goes_on_as_it_was_taken_then(schedule: Schedule, patch: str) -> None:
    before, after = COURSES[patch]
    await before(schedule)
    await schedule.deploy()
    history = await schedule.story.fetch_history()
    await after(schedule)
    await replayed(await schedule.story.fetch_history())
    with patched(lambda asked: True if asked == patch else None), pytest.raises(workflow.NondeterminismError):
        await replayed(history)


def test_every_patch_of_the_story_is_deployed_over() -> None:
    source = inspect.getsource(write_off_approval)
    asked = {vars(write_off_approval)[name] for name in re.findall(r"workflow\.patched\((\w+)\)", source)}
    assert asked == set(COURSES)
    assert source.count("workflow.patched(") == len(re.findall(r"workflow\.patched\(\w+\)", source))


# --- a proposal -------------------------------------------------------------------------------------------------------------------------


async def test_a_proposal_of_which_the_code_as_it_was_reminded_waits_on_for_its_evidence(
    client: Client, request: pytest.FixtureRequest
) -> None:
    """That code reminded once for each look; the code as it is would have looked again at once."""
    now = datetime.now(UTC)
    fake = FakeWriteOffs()
    fake.looks = [
        Assessed(done=False, remind_at=now + timedelta(days=7), look_again_at=now + timedelta(days=56)),
        Assessed(done=False, remind_at=now + timedelta(days=90), look_again_at=now + timedelta(days=120)),
        Assessed(done=True),
    ]
    case = ProposalCase(proposal=uuid4())
    id_ = proposal_workflow_id(case.proposal, 1)
    async with AsyncExitStack() as stack:
        await fake.serve_steps(client, stack)
        with patched(lambda _: False):
            async with Worker(client, task_queue=QUEUE, workflows=WORKFLOWS):
                story = await client.start_workflow(WRITE_OFF_PROPOSAL.name, case, id=id_, task_queue=QUEUE)
                await fake.until("writeoffs.assess")
                await carried_forward(client, story, 8)
                await fake.until("writeoffs.remind")
                await rests(story)
        history = await story.fetch_history()
        await replayed(history)
        async with Worker(client, task_queue=QUEUE, workflows=WORKFLOWS, max_cached_workflows=0):
            await carried_forward(client, story, 50)
            await fake.until("writeoffs.assess", 2)
            await story.signal(PROPOSAL_CHANGED.name, ProposalChanged(proposal=case.proposal))
            await story.result()
    assert fake.names() == ["writeoffs.assess", "writeoffs.remind", "writeoffs.assess", "writeoffs.assess"]
    await keep(client, request)
    await replayed(await story.fetch_history())
    with patched(lambda asked: True if asked.startswith("remind-again-at-look-") else None), pytest.raises(workflow.NondeterminismError):
        await replayed(history)
