"""Stories that are begun by the code as it was and go on under the code as it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer
from workflows.app import WORKFLOWS

Answer = Callable[[str], bool | None]
"""By a patch's name, whether the story is answered that it is there; None asks as always."""


@contextmanager
def patched(answer: Answer) -> Iterator[None]:
    """While this is open a story that asks for a patch is answered so, and history tells nothing of it."""
    as_always = workflow.patched

    def asked(patch: str) -> bool:
        given = answer(patch)
        return as_always(patch) if given is None else given

    with pytest.MonkeyPatch.context() as context:
        context.setattr(workflow, "patched", asked)
        yield


async def replayed(history: WorkflowHistory) -> None:
    """Errors: NondeterminismError where the code as it is would tell it otherwise."""
    await Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter).replay_workflow(history)
