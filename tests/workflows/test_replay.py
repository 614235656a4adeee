"""Every recorded story can be told again by the stories as they are: a worker that is deployed in the middle goes on where it was.

`RENTBOOK_RECORD_HISTORIES=1 ./rentbook test -- tests/workflows` records them anew; the histories of a released
version stay.
"""

import json
from pathlib import Path

import pytest
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseStatus, RefundCase
from rentbook_contracts.workflows import REFUND_APPROVAL
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from workflows.app import WORKFLOWS
from workflows.payment_run import PaymentRun
from workflows.refund_approval import RefundApproval

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def history(file: Path) -> WorkflowHistory:
    told = json.loads(file.read_text(encoding="utf-8"))
    return WorkflowHistory.from_json(told["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"], told)


@workflow.defn(name=REFUND_APPROVAL.name)
class OneStepTooMany(RefundApproval):
    """Broken on purpose: it notes its beginning once more than the story that was recorded."""

    @workflow.init
    def __init__(self, case: RefundCase) -> None:
        super().__init__(case)

    @workflow.run
    async def run(self, case: RefundCase) -> Nothing:
        await self.note(CaseStatus.CHECKING)
        return await super().run(case)


def test_there_are_histories_of_every_story() -> None:
    told = {file.stem.partition("-")[0] for file in HISTORIES}
    assert told == {story.__name__ for story in WORKFLOWS}


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
async def test_a_recorded_story_replays(file: Path) -> None:
    await Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter).replay_workflow(history(file))


async def test_a_broken_story_fails_the_replay() -> None:
    [file] = [file for file in HISTORIES if file.stem == "RefundApproval-the_straight_path_pays_once"]
    # Outside the sandbox, which would load this test module anew.
    runner = UnsandboxedWorkflowRunner()
    broken = Replayer(workflows=[OneStepTooMany, PaymentRun], data_converter=pydantic_data_converter, workflow_runner=runner)
    with pytest.raises(workflow.NondeterminismError):
        await broken.replay_workflow(history(file))
