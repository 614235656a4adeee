"""Stories that are gone from Temporal are found, told of, and taken up again where they stood."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import sqlalchemy as sa
from chassis.parked import NotPossible
from chassis.process import Service, serving
from chassis.serving import App, Offer, Stories
from chassis.starter import workflow_is_gone
from chassis.stories import NotAllTakenUp, missing, obey, read_words, waiting_in_vain
from chassis.transaction import Transaction, run
from rentbook_contracts.operation import BrokenRule, Operation, Signal, Workflow
from support.counting import CountedTo, CountUp, Place, until
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

STEP: Operation[CountUp, CountedTo] = Operation("counter.step", "counter", CountUp, CountedTo)
LONG_STORY: Workflow[CountUp, CountedTo] = Workflow("LongStory", "stories", CountUp, CountedTo)
GO_ON: Signal[CountUp] = Signal("go_on", CountUp)


class NotToday(BrokenRule):
    """The step is not taken as things stand."""


@workflow.defn(name="LongStory")
class LongStory:
    """Two steps with a wait between them."""

    def __init__(self) -> None:
        self.told = 0

    @workflow.run
    async def run(self, argument: CountUp) -> CountedTo:
        await self.step(1)
        await workflow.wait_condition(lambda: self.told > 0)
        await self.step(2)
        return CountedTo(number=self.told)

    async def step(self, number: int) -> None:
        argument, within = CountUp(key=str(number)), timedelta(seconds=10)
        await workflow.execute_activity(
            STEP.name, argument, task_queue="counter", activity_id=f"step/{number}", start_to_close_timeout=within
        )

    @workflow.signal(name="go_on")
    def go_on(self, _: CountUp) -> None:
        self.told += 1


def _not_hanging() -> asyncio.Event:
    """Set while a step is let through."""
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Rows:
    """What a service's rows say, and what was done to them."""

    open: set[str] = field(default_factory=set)
    steps: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    refuses: bool = False
    silent: bool = False
    hangs: asyncio.Event = field(default_factory=_not_hanging)

    async def needed(self, _: Transaction) -> set[str]:
        return self.open

    async def take_up(self, tx: Transaction, story: str) -> None:
        if not self.silent:
            await tx.signal(story, GO_ON, CountUp(key="again"))

    async def settle(self, _: Transaction, story: str) -> None:
        self.without.append(story)

    async def step(self, _: Transaction, asked: CountUp) -> CountedTo:
        if self.refuses:
            raise NotToday("Not today.")
        await self.hangs.wait()
        self.steps.append(asked.key)
        if asked.key == "2":
            self.open.clear()
        return CountedTo(number=1)

    def app(self) -> App:
        return App("counter", offers=(Offer(STEP, self.step),), stories=Stories(self.needed, self.take_up, self.settle))


@asynccontextmanager
async def telling(place: Place, rows: Rows, story: str) -> AsyncIterator[tuple[Service, Client]]:
    """A service that has begun a story."""
    async with serving(rows.app(), place.with_settings(stories_look_seconds=0.2)) as service:
        client = service._client
        async with Worker(client, task_queue="stories", workflows=[LongStory], workflow_runner=UnsandboxedWorkflowRunner()):
            await run(service.runtime, lambda tx: tx.start(LONG_STORY, CountUp(key="a"), workflow_id=story))
            # A real row is committed with its story's start: one that was there before would be looked for meanwhile, and be gone.
            rows.open.add(story)
            yield service, client


async def obeyed(service: Service, rows: Rows, *words: str) -> str:
    return await obey(service.runtime, rows.app(), service._client, read_words("counter", words))


async def said_gone(tx: Transaction, story: str) -> str | None:
    return tx.gone(story)


async def ended(client: Client, story: str) -> bool:
    return (await client.get_workflow_handle(story).describe()).status is WorkflowExecutionStatus.COMPLETED


async def none_is_gone(service: Service) -> bool:
    return service._stories.gone == frozenset()


async def test_a_terminated_story_goes_on_from_its_last_step_and_takes_none_twice(place: Place) -> None:
    rows, story = Rows(), "story/terminated"
    async with telling(place, rows, story) as (service, client):

        async def first_step_is_taken() -> bool:
            return rows.steps == ["1"]

        async def is_told() -> bool:
            return len(service._stories.attention()) == 1

        await until(first_step_is_taken, "the first step is taken")
        assert service._stories.attention() == []
        assert await run(service.runtime, lambda tx: said_gone(tx, story)) is None
        await client.get_workflow_handle(story).terminate("by hand")
        await until(is_told, "somebody is told")
        assert await run(service.runtime, lambda tx: said_gone(tx, story)) == story
        assert set(rows.without) == {story}
        assert (await obeyed(service, rows, "list")).startswith(f"{story}  terminated ")
        assert await obeyed(service, rows, "restart", "--all", "--by", "ops") == f"{story} is taken up again."
        await until(lambda: ended(client, story), "the story ends as it should")
        assert rows.steps == ["1", "2"]
        assert await obeyed(service, rows, "list") == "No story is gone."


async def test_two_operators_take_a_story_up_once(place: Place) -> None:
    rows, story = Rows(), "story/twice"
    async with telling(place, rows, story) as (service, client):

        async def first_step_is_taken() -> bool:
            return rows.steps == ["1"]

        await until(first_step_is_taken, "the first step is taken")
        await client.get_workflow_handle(story).terminate("by hand")
        both = await asyncio.gather(*(obeyed(service, rows, "restart", story, "--by", who) for who in ("ada", "ben")))
        assert sorted(both) == [f"{story} is taken up again.", f"{story} runs, and was told to ask the rows."]
        await until(lambda: ended(client, story), "the story ends as it should")
        runs = [one.status async for one in client.list_workflows(f"WorkflowId = '{story}'")]
        assert len(runs) == 2, "the one that was terminated, and the one that went on"
        assert rows.steps == ["1", "2"]


async def test_where_temporal_does_not_answer_an_operator_is_told_so(place: Place) -> None:
    rows, story = Rows(), "story/away"
    async with telling(place, rows, story) as (service, client):
        elsewhere = await Client.connect(client.service_client.config.target_host, namespace="nobody-made-this")
        with pytest.raises(NotPossible, match="Temporal did not do it"):
            await obey(service.runtime, rows.app(), elsewhere, read_words("counter", ["restart", story, "--by", "ops"]))


async def test_a_story_that_failed_by_a_step_takes_that_step_again(place: Place) -> None:
    rows, story = Rows(refuses=True), "story/failed"
    async with telling(place, rows, story) as (service, client):

        async def is_gone() -> bool:
            return service._stories.gone == {story}

        await until(is_gone, "it is found")
        assert (await obeyed(service, rows, "list")).startswith(f"{story}  failed ")
        rows.refuses = False
        await obeyed(service, rows, "restart", story, "--by", "ops")
        await until(lambda: ended(client, story), "the story ends as it should")
        assert rows.steps == ["1", "2"]


async def test_a_story_that_was_taken_up_before_is_taken_up_again_once_temporal_keeps_its_first_run_no_more(place: Place) -> None:
    rows, story = Rows(silent=True), "story/old"
    async with telling(place, rows, story) as (service, client):
        first = client.get_workflow_handle(story)

        async def is_gone() -> bool:
            return service._stories.gone == {story}

        async def first_step_is_taken() -> bool:
            return rows.steps == ["1"]

        await until(first_step_is_taken, "the first step is taken")
        run_id = (await first.describe()).run_id
        await first.terminate("by hand")
        await until(is_gone, "it is found")
        await obeyed(service, rows, "restart", story, "--by", "ops")
        await until(lambda: none_is_gone(service), "the watch has seen that it goes on")
        of_the_first = WorkflowExecution(workflow_id=story, run_id=run_id)
        asked = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=of_the_first)
        await client.workflow_service.delete_workflow_execution(asked)

        async def is_deleted() -> bool:
            try:
                await client.get_workflow_handle(story, run_id=run_id).describe()
            except RPCError as error:
                return workflow_is_gone(error)
            return False

        await until(is_deleted, "retention has taken the first run")
        await client.get_workflow_handle(story).terminate("by hand, once more")
        await until(is_gone, "it is found again")
        rows.silent = False
        assert await obeyed(service, rows, "restart", story, "--by", "ops") == f"{story} is taken up again."
        await until(lambda: ended(client, story), "the story ends as it should")
        assert rows.steps == ["1", "2"]


async def test_a_story_that_somebody_put_in_the_place_of_ours_is_begun_anew_as_it_was_asked_for(place: Place) -> None:
    rows, story = Rows(), "story/replaced"
    async with telling(place, rows, story) as (service, client):

        async def steps(*taken: str) -> bool:
            return rows.steps == list(taken)

        async def is_gone() -> bool:
            return service._stories.gone == {story}

        await until(lambda: steps("1"), "the first step is taken")
        await client.get_workflow_handle(story).terminate("by hand")
        forged = await client.start_workflow(LONG_STORY.name, CountUp(key="forged"), id=story, task_queue="stories")

        async def took_a_step() -> bool:
            return any([event.HasField("activity_task_completed_event_attributes") async for event in forged.fetch_history_events()])

        await until(took_a_step, "the forged story takes a step")
        await until(lambda: none_is_gone(service), "the watch takes it for ours")
        await forged.terminate("by hand")
        await until(is_gone, "it is found")
        await obeyed(service, rows, "restart", story, "--by", "ops")
        await until(lambda: ended(client, story), "the story ends as it should")
        begun, *_ = [event async for event in client.get_workflow_handle(story).fetch_history_events()]
        assert json.loads(begun.workflow_execution_started_event_attributes.input.payloads[0].data) == {"key": "a"}


@workflow.defn(name="StepsAhead")
class StepsAhead:
    """A story of somebody's own: it takes the next step of another in its name, and asks for something else by it."""

    @workflow.run
    async def run(self, argument: CountUp) -> None:
        within = timedelta(seconds=10)
        await workflow.execute_activity(STEP.name, argument, task_queue="counter", activity_id="step/2", start_to_close_timeout=within)


async def test_a_story_whose_next_step_somebody_took_in_its_name_is_taken_up_again_and_takes_its_own(place: Place) -> None:
    rows, story = Rows(), "story/poisoned"
    async with telling(place, rows, story) as (service, client):

        async def first_step_is_taken() -> bool:
            return rows.steps == ["1"]

        async def is_gone() -> bool:
            return service._stories.gone == {story}

        await until(first_step_is_taken, "the first step is taken")
        await client.get_workflow_handle(story).terminate("by hand")
        async with Worker(client, task_queue="elsewhere", workflows=[StepsAhead], workflow_runner=UnsandboxedWorkflowRunner()):
            await client.execute_workflow("StepsAhead", CountUp(key="poison"), id=story, task_queue="elsewhere")
        await until(is_gone, "it is found")
        assert await obeyed(service, rows, "restart", story, "--by", "ops") == f"{story} is taken up again."
        await until(lambda: ended(client, story), "the story ends as it should")
        assert rows.steps == ["1", "poison", "2"], "what it had done before is not done twice"


async def test_a_story_that_runs_is_only_told_and_one_that_no_row_needs_is_left_alone(place: Place) -> None:
    rows, story = Rows(), "story/runs"
    async with telling(place, rows, story) as (service, client):

        async def first_step_is_taken() -> bool:
            return rows.steps == ["1"]

        await until(first_step_is_taken, "the first step is taken")
        said = await obeyed(service, rows, "restart", story, "--by", "ops")
        assert said == f"{story} runs, and was told to ask the rows."
        await until(lambda: ended(client, story), "the story ends")
        with pytest.raises(NotPossible, match="No open row needs"):
            await obeyed(service, rows, "restart", story, "--by", "ops")
        rows.open.add("story/of-which-temporal-never-heard")
        assert await missing(service.runtime, client, Stories(rows.needed, rows.take_up)) == {"story/of-which-temporal-never-heard"}
        with pytest.raises(NotPossible, match="no history"):
            await obeyed(service, rows, "restart", "--all", "--by", "ops")


async def test_a_story_waits_in_vain_only_where_it_rests(place: Place) -> None:
    """A step that is tried again and again is under way: its story waits for nothing else."""
    rows, story = Rows(), "story/in-vain"

    async def by_the_rows(_: Transaction) -> set[str]:
        return rows.open

    stories = Stories(rows.needed, rows.take_up, in_vain=by_the_rows)
    async with telling(place, rows, story) as (service, client):

        async def named() -> bool:
            return await waiting_in_vain(service.runtime, client, stories, frozenset()) == {story}

        async def not_named() -> bool:
            return not await named()

        await until(named, "its first step is taken, and it waits")
        rows.hangs.clear()
        await client.get_workflow_handle(story).signal("go_on", CountUp(key="b"))
        await until(not_named, "its second step is under way")
        assert not await named()
        rows.hangs.set()
        await until(lambda: ended(client, story), "the story ends as it should")


LOCKED = "b/story/whose-row-is-locked"


class OneIsLocked(Rows):
    """Of one story the row says that it is not settled."""

    async def settle(self, tx: Transaction, story: str) -> None:
        if story == LOCKED:
            await tx.connection.execute(sa.text("SELECT 1 / 0"))


async def test_what_keeps_one_story_from_being_taken_up_keeps_no_other(place: Place) -> None:
    rows, story, deleted = OneIsLocked(), "story/terminated", "a/story/of-which-temporal-never-heard"
    async with telling(place, rows, story) as (service, client):

        async def first_step_is_taken() -> bool:
            return rows.steps == ["1"]

        async def is_gone() -> bool:
            return story in service._stories.gone

        await until(first_step_is_taken, "the first step is taken")
        await client.get_workflow_handle(story).terminate("by hand")
        await until(is_gone, "it is found")
        rows.open |= {deleted, LOCKED}
        with pytest.raises(NotAllTakenUp) as told:
            await obeyed(service, rows, "restart", "--all", "--by", "ops")
        taken_up, many, *left = str(told.value).splitlines()
        assert (taken_up, many) == (f"{story} is taken up again.", "2 of 3 could not be taken up:")
        assert [line.partition(": ")[0] for line in left] == [deleted, LOCKED]
        assert "Temporal has no history of it" in left[0].replace(deleted, "it")
        assert left[1].removeprefix(f"{LOCKED}: ").isidentifier(), "by its name, and not by what was said of a row"
        await until(lambda: ended(client, story), "the story ends as it should")
