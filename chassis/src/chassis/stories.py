"""Stories that have ended while their rows are open: found within a bounded time, and taken up again where they stood.

A workflow that somebody terminates, or that fails, tells nobody. The service's rows say which stories have to be told; whatever of them
Temporal doesn't run is gone: /health, ./rentbook status, a metric and the pages of its case (`Transaction.gone`) say so until an operator
takes it up again with `python -m SERVICE stories list | restart ID | restart --all`. The story goes on from what its history had last; what
it missed meanwhile it learns by asking the rows. So are stories that run and wait, by their rows, for what will not come.
"""

import argparse
import asyncio
import json
import logging
from collections.abc import Sequence
from uuid import UUID, uuid5

import sqlalchemy as sa
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from chassis.faults import may_pass
from chassis.parked import NotPossible
from chassis.serving import App, Stories
from chassis.starter import was_asked_for, workflow_is_gone
from chassis.tables import outbox_workflow
from chassis.telemetry import named
from chassis.transaction import Caller, Runtime, Transaction, run

log = logging.getLogger(__name__)

LOOKED_INTO_AT_ONCE = 500
"""Of so many stories that Temporal's list doesn't have each look asks one by one. The others have their turn when these are well."""

_RUNNING = 'ExecutionStatus = "Running"'
_SILENT = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED})
_GOING_ON = frozenset({WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW})


class NotAllTakenUp(NotPossible):
    """Of the stories that are gone some were taken up, and these not."""


class StoryWatch:
    """Looks for stories that are gone, in every process of a service that has stories."""

    def __init__(self, runtime: Runtime, app: App, client: Client) -> None:
        self._runtime = runtime
        self._app = app
        self._client = client
        self._in_vain: frozenset[str] = frozenset()

    @property
    def gone(self) -> frozenset[str]:
        """The stories that were gone at the last look."""
        return self._runtime.stories_gone

    def attention(self) -> list[str]:
        """What an operator has to do, in words; nothing where every story is told and goes on."""
        said = []
        if many := len(self.gone):
            words = "1 story is gone from Temporal, and its case stands"
            if many > 1:
                words = f"{many} stories are gone from Temporal, and their cases stand"
            said.append(f"{words} still: {self._which()}, and `stories restart` takes them up again")
        if many := len(self._in_vain):
            words = "1 story waits for what will not come" if many == 1 else f"{many} stories wait for what will not come"
            said.append(f"{words}: {self._which()}, and docs/runbooks/lost-story.md what sends them on")
        return said

    def _which(self) -> str:
        return f"`stories list` of {self._app.name} says which"

    async def run(self) -> None:
        """Look until cancelled."""
        while self._app.stories is not None:
            try:
                await self.look(self._app.stories)
            except Exception as error:
                log.warning("stories could not be looked for", extra={"fault": named(error)}, exc_info=None if may_pass(error) else error)
            await asyncio.sleep(self._runtime.settings.stories_look_seconds)

    async def look(self, stories: Stories) -> None:
        """Find what is gone now, and have the service do what it does without a story."""
        gone = await missing(self._runtime, self._client, stories)
        for story in sorted(gone - self.gone):
            log.error("a story is gone", extra={"workflow_id": story})
        for story in sorted(gone):
            await self._without(stories, story)
        self._runtime.stories_gone = gone
        self._runtime.telemetry.stories_gone.set(len(gone))
        in_vain = await waiting_in_vain(self._runtime, self._client, stories, gone)
        for story in sorted(in_vain - self._in_vain):
            log.error("a story waits for what will not come", extra={"workflow_id": story})
        self._in_vain = in_vain

    async def _without(self, stories: Stories, story: str) -> None:
        try:
            await run(self._runtime, lambda tx: stories.without(tx, story))
        except Exception as error:
            told = {"workflow_id": story, "fault": named(error)}
            log.warning("what a story left could not be settled yet", extra=told, exc_info=None if may_pass(error) else error)


async def missing(runtime: Runtime, client: Client, stories: Stories) -> frozenset[str]:
    """The stories that rows need and Temporal doesn't tell. One that ended as it should has closed its row before."""
    needed = await run(runtime, lambda tx: _needed(tx, stories), read_only=True)
    if not needed:
        return frozenset()
    listed = {story.id async for story in client.list_workflows(_RUNNING)}
    # The list may be behind; each story itself isn't.
    ended = {story for story in sorted(needed - listed)[:LOOKED_INTO_AT_ONCE] if not _goes_on(await described(client, story))}
    if not ended:
        return frozenset()
    return frozenset(ended & await run(runtime, lambda tx: _needed(tx, stories), read_only=True))


async def waiting_in_vain(runtime: Runtime, client: Client, stories: Stories, gone: frozenset[str]) -> frozenset[str]:
    """The stories that run, and wait for what will not come by itself, as the rows have it. One that takes a step waits for that."""
    waits = sorted(frozenset(await run(runtime, stories.in_vain, read_only=True)) - gone)
    return frozenset({story for story in waits[:LOOKED_INTO_AT_ONCE] if _rests(await described(client, story))})


def _rests(told: WorkflowExecutionDescription | None) -> bool:
    """A step that is taken, or is tried again and again, is under way, and so is a story that was just told something."""
    return told is not None and not told.raw_description.pending_activities and not told.raw_description.HasField("pending_workflow_task")


async def _needed(tx: Transaction, stories: Stories) -> set[str]:
    """Without those whose start, or whose word to start anew, is still on its way."""
    table = outbox_workflow.c
    waits = sa.select(table.workflow_id).where(table.done_at.is_(None), table.kind == "start")
    return set(await stories.needed(tx)) - set(await tx.connection.scalars(waits))


async def described(client: Client, story: str) -> WorkflowExecutionDescription | None:
    """The last run of a story; None where Temporal knows of none."""
    try:
        return await client.get_workflow_handle(story).describe()
    except RPCError as error:
        if not workflow_is_gone(error):
            raise
        return None


def _goes_on(told: WorkflowExecutionDescription | None) -> bool:
    return told is not None and told.status in _GOING_ON


# --- what operators do ---------------------------------------------------------------------------------------------------------------


def read_words(program: str, words: Sequence[str]) -> argparse.Namespace:
    """The command line after `stories`. Wrong words end the process with the usage."""
    parser = argparse.ArgumentParser(prog=f"{program} stories", description="Stories that are gone from Temporal while their rows are open")
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the stories that are gone, with how each ended, and those that wait for what will not come")
    restart = actions.add_parser("restart", help="take stories up where they stood, and have them ask the rows")
    restart.add_argument("id", nargs="?", help="one story; a story that runs is only told to ask the rows")
    restart.add_argument("--all", action="store_true", help="every story that is listed")
    restart.add_argument("--by", required=True, help="who takes them up")
    told = parser.parse_args(words)
    if told.action == "restart" and (told.id is None) is not told.all:
        parser.error("name one story, or say --all")
    return told


async def obey(runtime: Runtime, app: App, client: Client, words: argparse.Namespace) -> str:
    """Do what the operator asked and say what came of it. Errors: NotPossible, also where Temporal does not answer."""
    if app.stories is None:
        raise NotPossible(f"{runtime.name} has no stories of its own.")
    try:
        if words.action == "list":
            return await _listed(runtime, client, app.stories)
        if words.all:
            return await restart_all(runtime, client, app.stories, by=words.by)
        return await restart(runtime, client, app.stories, words.id, by=words.by)
    except RPCError as error:
        raise NotPossible(f"Temporal did not do it ({named(error)}). Look with `stories list`, and ask again.") from error


async def _listed(runtime: Runtime, client: Client, stories: Stories) -> str:
    gone = await missing(runtime, client, stories)
    ended = [f"{story}  {_end(await described(client, story))}" for story in sorted(gone)]
    waits = [f"{story}  waits for what will not come" for story in sorted(await waiting_in_vain(runtime, client, stories, gone))]
    return "\n".join([*ended, *waits]) or "No story is gone."


def _end(told: WorkflowExecutionDescription | None) -> str:
    if told is None or told.status is None:
        return "unknown to Temporal"
    return told.status.name.lower().replace("_", " ") + (f" {told.close_time:%Y-%m-%d %H:%M:%S}Z" if told.close_time else "")


async def restart_all(runtime: Runtime, client: Client, stories: Stories, *, by: str) -> str:
    """Take up every story that is listed. What keeps one keeps no other. Errors: NotAllTakenUp, RPCError where Temporal falls silent."""
    gone = await missing(runtime, client, stories)
    listed = sorted(gone | await waiting_in_vain(runtime, client, stories, gone))
    said, left = [], []
    for story in listed:
        try:
            said.append(await restart(runtime, client, stories, story, by=by))
        except Exception as error:
            if isinstance(error, RPCError) and error.status in _SILENT:
                raise
            left.append(f"{story}: {error if isinstance(error, NotPossible) else named(error)}")
    if left:
        raise NotAllTakenUp("\n".join([*said, f"{len(left)} of {len(listed)} could not be taken up:", *left]))
    return "\n".join(said) or "No story is gone."


async def restart(runtime: Runtime, client: Client, stories: Stories, story: str, *, by: str) -> str:
    """Take a story up again and have it ask the rows. Errors: NotPossible where no row needs it, or Temporal has no history of it."""
    if story not in await run(runtime, stories.needed, read_only=True):
        raise NotPossible(f"No open row needs the story {story}.")
    if not by.strip():
        raise NotPossible("Who takes the story up has to be named.")
    if not _goes_on(await described(client, story)):
        await run(runtime, lambda tx: stories.without(tx, story))

    async def take_up(tx: Transaction) -> bool:
        # One operator at a time: to take up what a colleague has just taken up would end the run in which it goes on.
        await tx.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"story {story}", 0))))
        told = await described(client, story)
        # Before the commit, so that what the story is told finds it running.
        if not (goes_on := _goes_on(told)):
            await _begin_anew(tx, client, story, told)
        await stories.take_up(tx, story)
        return goes_on

    goes_on = await run(runtime, take_up, caller=Caller(by.strip(), frozenset()))
    return f"{story} runs, and was told to ask the rows." if goes_on else f"{story} is taken up again."


async def _begin_anew(tx: Transaction, client: Client, story: str, told: WorkflowExecutionDescription | None) -> None:
    if told is None:
        raise NotPossible(f"Temporal has no history of {story} any more: its retention has passed, or it was deleted there.")
    asked = await _asked(tx, story)
    history = (await client.get_workflow_handle(story, run_id=told.run_id).fetch_history()).events
    point = turning_point(history)
    if point is None or (asked is not None and not await was_asked_for(client, told, asked)):
        await _start(client, story, asked)
        return
    reset = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=story, run_id=told.run_id),
        reason="taken up again by an operator",
        workflow_task_finish_event_id=point,
        request_id=str(uuid5(UUID(told.run_id), "taken up again")),
    )
    await client.workflow_service.reset_workflow_execution(reset)


def turning_point(history: Sequence[HistoryEvent]) -> int | None:
    """The event from which a story that ended is told again: after its last step, or before the step that it failed by. None: it took none.

    The steps that are done again have the names that they had, so that whoever did them gives the first answer.
    """
    by_id = {event.event_id: event for event in history}
    if history and history[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
        for event in reversed(history):
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                scheduled = by_id[event.activity_task_failed_event_attributes.scheduled_event_id]
                return scheduled.activity_task_scheduled_event_attributes.workflow_task_completed_event_id
    done = [event.event_id for event in history if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    return done[-1] if done else None


async def _asked(tx: Transaction, story: str) -> sa.RowMapping | None:
    """The row by which this service asked for the story last."""
    table = outbox_workflow.c
    wanted = sa.select(outbox_workflow).where(table.workflow_id == story, table.kind == "start").order_by(table.seq.desc()).limit(1)
    return (await tx.connection.execute(wanted)).mappings().first()


async def _start(client: Client, story: str, asked: sa.RowMapping | None) -> None:
    """As it was asked for. Errors: NotPossible where this service never asked, or the story has begun meanwhile."""
    if asked is None:
        raise NotPossible(f"This service has not started the story {story}.")
    again = WorkflowIDReusePolicy.ALLOW_DUPLICATE
    argument = json.loads(asked["argument"])
    try:
        await client.start_workflow(asked["name"], argument, id=story, task_queue=asked["queue"], id_reuse_policy=again)
    except WorkflowAlreadyStartedError as error:
        raise NotPossible(f"{story} runs by now.") from error
