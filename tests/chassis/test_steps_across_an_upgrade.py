"""A step that was done by the code as it was, and whose answer was lost, is tried again on the code as it is.

Its words lie in the story's history and come again as they were, with fields that the message has lost since and without those that it
has gained.
"""

from datetime import timedelta

import pytest
from chassis.process import serving
from chassis.serving import App, Offer
from chassis.transaction import Transaction
from rentbook_contracts.operation import Message, Operation
from support.counting import CountedTo, CountUp, Place, count_up, scalar, until
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


class WithNote(CountUp):
    note: str


class WithLimit(CountUp):
    limit: int | None = None


STEP = "counter.count-up"
AT_ONCE = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(milliseconds=200))


@workflow.defn(name="OneStep")
class OneStep:
    @workflow.run
    async def run(self, words: dict[str, str]) -> CountedTo:
        within = timedelta(seconds=10)
        answer: CountedTo = await workflow.execute_activity(
            STEP, words, result_type=CountedTo, task_queue="counter", activity_id="1", start_to_close_timeout=within, retry_policy=AT_ONCE
        )
        return answer


def version(takes: type[CountUp]) -> App:
    async def count(tx: Transaction, ask: Message) -> CountedTo:
        return await count_up(tx, CountUp.model_validate(ask.model_dump()))

    return App("counter", offers=(Offer(Operation(STEP, "counter", takes, CountedTo), count),))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [(WithNote, CountUp, {"key": "a", "note": "by hand"}), (CountUp, WithLimit, {"key": "a"})],
    ids=["a field that was dropped", "a field that was added"],
)
async def test_a_step_that_is_tried_again_on_a_later_version_is_known_again(
    before: type[CountUp], after: type[CountUp], words: dict[str, str], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers_nothing(point: str) -> None:
        if point == "activity.after-commit":
            raise ConnectionError

    async with place.runtime() as runtime:

        async def is_done() -> bool:
            return bool(await scalar(runtime, "SELECT count(*) = 1 FROM accepted_command WHERE answer IS NOT NULL"))

        with monkeypatch.context() as lost:
            lost.setattr("chassis.activities.reached", answers_nothing)
            async with serving(version(before), place.settings) as service:
                client = service._client
                async with Worker(client, task_queue="stories", workflows=[OneStep], workflow_runner=UnsandboxedWorkflowRunner()):
                    story = await client.start_workflow("OneStep", words, id="story/1", task_queue="stories", result_type=CountedTo)
                    await until(is_done, "the step is done, and nobody has its answer")
        async with serving(version(after), place.settings) as service:
            client = service._client
            async with Worker(client, task_queue="stories", workflows=[OneStep], workflow_runner=UnsandboxedWorkflowRunner()):
                again = client.get_workflow_handle(story.id, result_type=CountedTo)
                assert await again.result() == CountedTo(number=1)
        assert await scalar(runtime, "SELECT version FROM count WHERE key = 'a'") == 1


async def test_other_words_under_the_key_of_a_step_are_given_no_answer_of_another_and_are_done_once_too(place: Place) -> None:
    """Somebody told another story under this id, or the story went another way when it was told again."""
    async with place.runtime() as runtime, serving(version(CountUp), place.settings) as service:
        client = service._client

        async with Worker(client, task_queue="stories", workflows=[OneStep], workflow_runner=UnsandboxedWorkflowRunner()):
            for key in ("a", "b", "a", "c", "b"):
                told = client.execute_workflow("OneStep", {"key": key}, id="story/1", task_queue="stories", result_type=CountedTo)
                assert await told == CountedTo(number=1), key
        assert await scalar(runtime, "SELECT array_agg(key || ' ' || version ORDER BY key) FROM count") == ["a 1", "b 1", "c 1"]
