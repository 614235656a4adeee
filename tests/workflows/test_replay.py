"""Every recorded story can be told again by the stories as they are: a worker that is deployed in the middle goes on where it was.

They lie by the version that was released with them, or by the day on which they were recorded, and stay as they are (support/histories.py).
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseStatus, RefundCase
from rentbook_contracts.workflows import REFUND_APPROVAL
from support.histories import FOLDER, HISTORIES, record
from support.published import RELEASED
from temporalio import workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from workflows.app import WORKFLOWS
from workflows.payment_run import PaymentRun
from workflows.refund_approval import RefundApproval

RECORDED = sorted(HISTORIES.rglob("*.json"))


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
    told = {file.stem.partition("-")[0] for file in RECORDED}
    assert told == {story.__name__ for story in WORKFLOWS}


def test_every_history_lies_in_the_folder_of_a_version_or_a_day_and_every_release_has_one() -> None:
    folders = {file.relative_to(HISTORIES).parent.as_posix() for file in RECORDED}
    assert [folder for folder in folders if not FOLDER.fullmatch(folder)] == []
    assert {release.name for release in RELEASED.iterdir()} <= folders


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
async def test_a_recorded_story_replays(file: Path) -> None:
    await Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter).replay_workflow(history(file))


async def test_a_broken_story_fails_the_replay() -> None:
    file = HISTORIES / "0.1.0" / "RefundApproval-the_straight_path_pays_once.json"
    # Outside the sandbox, which would load this test module anew.
    runner = UnsandboxedWorkflowRunner()
    broken = Replayer(workflows=[OneStepTooMany, PaymentRun], data_converter=pydantic_data_converter, workflow_runner=runner)
    with pytest.raises(workflow.NondeterminismError):
        await broken.replay_workflow(history(file))


@dataclass(frozen=True)
class OneStory:
    """A server on which one recorded story lies."""

    file: Path
    id: str = "refund/1"
    workflow_type: str = REFUND_APPROVAL.name

    async def list_workflows(self) -> AsyncIterator["OneStory"]:
        yield self

    def get_workflow_handle(self, _: str) -> "OneStory":
        return self

    async def fetch_history(self) -> WorkflowHistory:
        return history(self.file)


async def test_a_recorded_history_is_never_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = cast(Client, OneStory(RECORDED[0]))
    monkeypatch.setattr("support.histories.HISTORIES", tmp_path)
    for version in ("0.1.0", "2026-11-27"):
        monkeypatch.setenv("RENTBOOK_RECORD_HISTORIES", version)
        await record(client, "pays_once")
        kept = tmp_path / version / "RefundApproval-pays_once.json"
        kept.write_text("as it was", "utf-8")
        with pytest.raises(FileExistsError):
            await record(client, "pays_once")
        assert kept.read_text("utf-8") == "as it was"
    monkeypatch.setenv("RENTBOOK_RECORD_HISTORIES", "1")
    with pytest.raises(ValueError, match="the version that is released"):
        await record(client, "pays_once")
