"""A story that began under the code as it was is seen through by the code as it is.

`Before` is WriteOffProposal as it was released before letters were written by themselves, kept here word for word.
"""

import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rentbook_contracts.notices import WRITE_LADDER_LETTER, LadderLetter, WriteLadderLetter
from rentbook_contracts.operation import Nothing
from rentbook_contracts.workflows import PROPOSAL_CHANGED, QUEUE, WRITE_OFF_PROPOSAL, ProposalChanged, proposal_workflow_id
from rentbook_contracts.writeoffs import (
    ASSESS_PROPOSAL,
    REMIND_OF_PROPOSAL,
    Assessed,
    AssessProposal,
    ProposalCase,
    RemindOfProposal,
)
from support.fake_write_offs import FakeWriteOffs
from support.histories import record
from support.servers import Temporal
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker
from workflows.app import WORKFLOWS
from workflows.calling import Steps
from workflows.decision import until
from workflows.write_off_proposal import LOOKS_IN_A_RUN, WriteOffProposal, earliest

Story = WorkflowHandle[Any, Any]
# Outside the sandbox, which would load this test module anew.
RUNNER = UnsandboxedWorkflowRunner()


@workflow.defn(name=WRITE_OFF_PROPOSAL.name)
class Before:
    @workflow.init
    def __init__(self, case: ProposalCase) -> None:
        self.case = case
        self.steps = Steps(proposal_workflow_id(case.proposal, case.attempt))
        self.changed = False

    @workflow.run
    async def run(self, case: ProposalCase) -> Nothing:
        for _ in range(LOOKS_IN_A_RUN):
            self.changed = False
            seen = await self.steps.call(ASSESS_PROPOSAL, AssessProposal(proposal=case.proposal, attempt=case.attempt))
            if seen.done:
                return Nothing()
            await self.wait(seen)
        return workflow.continue_as_new(case)

    async def wait(self, seen: Assessed) -> None:
        reminded = seen.remind_at is None
        while not self.changed:
            when = None if reminded else seen.remind_at
            if await until(lambda: self.changed, earliest(when, seen.look_again_at)):
                return
            if seen.look_again_at is not None and workflow.now() >= seen.look_again_at:
                return
            await self.steps.call(REMIND_OF_PROPOSAL, RemindOfProposal(proposal=self.case.proposal, attempt=self.case.attempt))
            reminded = True

    @workflow.signal(name=PROPOSAL_CHANGED.name)
    def proposal_changed(self, _: ProposalChanged) -> None:
        self.changed = True


@workflow.defn(name=WRITE_OFF_PROPOSAL.name)
class WritesAtOnce(WriteOffProposal):
    """Broken on purpose: as the story would be if it wrote letters without a patch."""

    @workflow.init
    def __init__(self, case: ProposalCase) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: ProposalCase) -> Nothing:
        return await super().run(case)

    async def write(self, seen: Assessed, look: int) -> None:
        if seen.letter is not None:
            await self.steps.call(WRITE_LADDER_LETTER, seen.letter)


@pytest.fixture
async def client(temporal: Temporal) -> Client:
    return await Client.connect(temporal.address, namespace=await temporal.new_namespace(), data_converter=pydantic_data_converter)


def looked(*, again_in_days: int, letter: bool) -> Assessed:
    asked = WriteLadderLetter(proposal=uuid4(), account=uuid4(), kind=LadderLetter.DEBT, number=1)
    again = datetime.now(UTC) + timedelta(days=again_in_days)
    return Assessed(done=False, letter=asked if letter else None, look_again_at=again)


async def begun_before(client: Client, fake: FakeWriteOffs) -> Story:
    """A story told by the code as it was, up to where it waits; its worker is gone."""
    async with Worker(client, task_queue=QUEUE, workflows=[Before], workflow_runner=RUNNER):
        case = ProposalCase(proposal=uuid4())
        id_ = proposal_workflow_id(case.proposal, 1)
        story = await client.start_workflow(WRITE_OFF_PROPOSAL.name, case, id=id_, task_queue=QUEUE)
        await fake.until("writeoffs.assess")
        await waits(story)
    return story


async def waits(story: Story) -> None:
    """The worker has told Temporal that the story waits for its timer."""
    async for event in story.fetch_history_events(wait_new_event=True):
        if event.HasField("timer_started_event_attributes"):
            return


@pytest.mark.parametrize("wanted", [False, True], ids=["a look without a letter", "a look that asked for one"])
async def test_a_story_that_began_before_letters_finishes_with_them(client: Client, wanted: bool) -> None:
    """The old worker passes over a letter that is asked for; the new one writes it at the next look, and replays the first as it was."""
    fake = FakeWriteOffs()
    fake.looks = [looked(again_in_days=7, letter=wanted), looked(again_in_days=70, letter=True), Assessed(done=True)]
    async with AsyncExitStack() as stack:
        await fake.serve_steps(client, stack)
        story = await begun_before(client, fake)
        assert fake.names() == ["writeoffs.assess"]
        async with Worker(client, task_queue=QUEUE, workflows=WORKFLOWS, max_cached_workflows=0):
            assert await TimeSkipper(client, config=TimeSkippingConfig(enabled=False)).fast_forward(story, timedelta(days=8))
            await fake.until("notices.write-ladder-letter")
            await story.signal(PROPOSAL_CHANGED.name, ProposalChanged(proposal=uuid4()))
            await story.result()
    assert fake.names() == ["writeoffs.assess", "writeoffs.assess", "notices.write-ladder-letter", "writeoffs.assess"]
    if os.environ.get("RENTBOOK_RECORD_HISTORIES"):
        await record(client, f"begun_before_letters_{'and_asked_for_one' if wanted else 'finished_with_them'}")
    # The whole of it, old and new, is told again from its history by the code as it is.
    await Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter).replay_workflow(await story.fetch_history())


async def test_without_the_patch_a_story_that_began_before_would_stick(client: Client) -> None:
    fake = FakeWriteOffs(looks=[looked(again_in_days=7, letter=True), Assessed(done=True)])
    async with AsyncExitStack() as stack:
        await fake.serve_steps(client, stack)
        story = await begun_before(client, fake)
        history = await story.fetch_history()
        await story.terminate()
    await Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter).replay_workflow(history)
    broken = Replayer(workflows=[WritesAtOnce], data_converter=pydantic_data_converter, workflow_runner=RUNNER)
    with pytest.raises(workflow.NondeterminismError):
        await broken.replay_workflow(history)
