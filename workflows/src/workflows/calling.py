"""How a story calls the steps that services offer."""

from collections import Counter
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel
from rentbook_contracts.operation import Operation
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

In = TypeVar("In", bound=BaseModel)
Out = TypeVar("Out", bound=BaseModel)

# A step is tried until it succeeds or a rule says no: an outage of its service delays the story and never changes it.
_UNTIL_DONE = RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30))


class Steps:
    """The calls of one workflow, numbered per operation.

    The activity id is the operation's name and number, so that `{workflow id}:{activity id}` names the step for good: its owner does it
    once with what it asks, however often Temporal delivers it, also after a reset. `story`: the workflow id of the story that calls them.
    One that somebody began under another's id takes no step: the true story of that id would be given its answers.
    """

    def __init__(self, story: str) -> None:
        self._story = story
        self._taken: Counter[str] = Counter()

    async def call(self, operation: Operation[In, Out], argument: In) -> Out:
        """The operation's answer. Raises ActivityError where a rule says no (see broken_rule), ApplicationError (AnotherStory)."""
        if workflow.info().workflow_id != self._story:
            raise ApplicationError("a story is told under its own id", type="AnotherStory", non_retryable=True)
        self._taken[operation.name] += 1
        answer: Out = await workflow.execute_activity(
            operation.name,
            argument,
            result_type=operation.gives,
            task_queue=operation.queue,
            activity_id=f"{operation.name}/{self._taken[operation.name]}",
            start_to_close_timeout=operation.within,
            retry_policy=_UNTIL_DONE,
        )
        return answer


def broken_rule(error: ActivityError) -> str | None:
    """The name of the rule that said no, or None if something else ended the step."""
    cause = error.cause
    return cause.type if isinstance(cause, ApplicationError) else None
