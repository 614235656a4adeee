"""The relay to Temporal: starts, signals and updates leave their outbox in order per workflow id, until Temporal has taken each one.

One workflow that can't be reached holds up nobody but itself. The relay never gives up; the age of the oldest row is the alarm.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from opentelemetry import context
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import distinct_on
from temporalio.api.common.v1 import Payload
from temporalio.api.errordetails.v1 import NotFoundFailure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, FailureError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from chassis.failpoint import reached
from chassis.leadership import Led, LostLeadership, lead, still_led
from chassis.relay import Age, wait_for
from chassis.serving import App, Settled, Settlement, UpdateOutcome
from chassis.tables import outbox_workflow
from chassis.telemetry import carried_context, named
from chassis.transaction import Runtime, Transaction, run

log = logging.getLogger(__name__)

OUTBOX = "outbox_workflow"
IN_FLIGHT_LIMIT = 32
CALL_LIMIT_SECONDS = 20.0
"""An update is answered once its workflow's worker runs; longer than this it is asked again later."""

CLOCKS_DIFFER = timedelta(minutes=1)
"""A run that began earlier than this before it was asked for was asked for by somebody else, whatever its argument."""

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
REASON_LIMIT_CHARACTERS = 500


@dataclass(frozen=True)
class Verdict:
    """What Temporal, or the workflow, said to a request."""

    settlement: Settlement
    rule: str | None = None
    reason: str | None = None


class WorkflowRelay:
    """Runs in every process of a service; one process at a time leads each bucket."""

    def __init__(self, runtime: Runtime, app: App, client: Client) -> None:
        self._runtime = runtime
        self._client = client
        self._outcomes: dict[str, UpdateOutcome[Any]] = {outcome.update.name: outcome for outcome in app.outcomes}
        self._age = Age(runtime, OUTBOX, outbox_workflow.c.done_at, outbox_workflow.c.written_at)

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest request that Temporal has not taken, as last looked at."""
        return self._age.seconds

    async def run(self) -> None:
        """Relay until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._age.watch())
            group.create_task(lead(self._runtime, OUTBOX, self._runtime.workflows_wake, self._relay))

    async def _relay(self, led: Led) -> None:
        """Work with up to IN_FLIGHT_LIMIT workflows at a time; ends only by an error or cancellation."""
        in_flight: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._runtime.workflows_wake.clear()
                in_flight = {workflow_id: task for workflow_id, task in in_flight.items() if not task.done()}
                for row in await self._next(led, list(in_flight)):
                    in_flight[row["workflow_id"]] = group.create_task(self._take(led, row))
                await wait_for(self._runtime.workflows_wake, self._runtime.settings.poll_seconds)

    async def _next(self, led: Led, busy: Sequence[str]) -> Sequence[sa.RowMapping]:
        """Of each workflow id its oldest request, unless it must wait for its next attempt."""
        table = outbox_workflow.c
        undone = sa.select(outbox_workflow).where(table.done_at.is_(None), table.bucket.in_(led.epochs))
        heads = undone.ext(distinct_on(table.workflow_id)).order_by(table.workflow_id, table.seq).subquery()
        due = sa.or_(heads.c.not_before.is_(None), heads.c.not_before <= sa.func.now())
        wanted = sa.select(heads).where(due, heads.c.workflow_id.not_in(busy)).order_by(heads.c.seq).limit(IN_FLIGHT_LIMIT - len(busy))
        async with self._runtime.engine.connect() as connection:
            return (await connection.execute(wanted)).mappings().all()

    async def _take(self, led: Led, row: sa.RowMapping) -> None:
        token = context.attach(carried_context(row["headers"]))
        try:
            async with asyncio.timeout(CALL_LIMIT_SECONDS):
                verdict = await self._call(row)
            await run(self._runtime, lambda tx: self._settle(tx, led, row, verdict))
            reached("workflow.after-settle-commit")
        except LostLeadership:
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the row stays and is tried again
            log.warning("a workflow request waits", extra={"workflow_id": row["workflow_id"], "fault": named(error)})
            await self._postpone(row, error)
        finally:
            context.detach(token)
            self._runtime.workflows_wake.set()

    async def _call(self, row: sa.RowMapping) -> Verdict:
        argument = json.loads(row["argument"])
        try:
            if row["kind"] == "start":
                reached("workflow.before-start")
                await self._start(row, argument)
                reached("workflow.after-start")
                return Verdict(Settlement.ACCEPTED)
            handle = self._client.get_workflow_handle(row["workflow_id"])
            if row["kind"] == "signal":
                reached("workflow.before-signal")
                await handle.signal(row["name"], argument)
                reached("workflow.after-signal")
                return Verdict(Settlement.ACCEPTED)
            reached("workflow.before-update")
            verdict = await self._update(handle, row, argument)
            reached("workflow.after-update")
            return verdict
        except RPCError as error:
            if not workflow_is_gone(error):
                raise
            return Verdict(Settlement.CLOSED)

    async def _start(self, row: sa.RowMapping, argument: object) -> None:
        """Once for the row. Whoever reaches Temporal may have taken the id first: that run is ended, and the asked one begins."""
        start = partial(self._client.start_workflow, row["name"], argument, id=row["workflow_id"], task_queue=row["queue"])
        try:
            await start(id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE)
        except WorkflowAlreadyStartedError:
            there = await self._client.get_workflow_handle(row["workflow_id"]).describe()
            if await was_asked_for(self._client, there, row):
                log.info("the workflow was started already", extra={"workflow_id": row["workflow_id"]})
                return
            log.error("a story that nobody asked for stood under an id of ours", extra={"workflow_id": row["workflow_id"]})
            # This run and no other: the true one may have been begun meanwhile.
            await _end(self._client.get_workflow_handle(row["workflow_id"], run_id=there.run_id))
            await start(id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE)

    async def _update(self, handle: WorkflowHandle[Any, Any], row: sa.RowMapping, argument: object) -> Verdict:
        stage = WorkflowUpdateStage.ACCEPTED
        asked = await handle.start_update(row["name"], argument, id=row["update_id"], wait_for_stage=stage)
        return await _verdict(asked)

    async def _settle(self, tx: Transaction, led: Led, row: sa.RowMapping, verdict: Verdict) -> None:
        table = outbox_workflow.c
        buckets = set((await tx.connection.execute(still_led(led))).scalars())
        mine = outbox_workflow.update().where(table.seq == row["seq"], table.done_at.is_(None))
        done = {"done_at": sa.func.now(), "outcome": verdict.settlement, "reason": verdict.reason}
        if row["bucket"] not in buckets or (await tx.connection.execute(mine.values(done))).rowcount != 1:
            raise LostLeadership
        outcome = self._outcomes.get(row["name"]) if row["kind"] == "update" else None
        if outcome is not None:
            await outcome.use_case(tx, _settled(outcome, row, verdict))
        reached("workflow.before-settle-commit")
        self._runtime.telemetry.published.labels(OUTBOX).inc()
        if verdict.settlement is not Settlement.ACCEPTED:
            told = {"workflow_id": row["workflow_id"], "operation": row["name"], "outcome": verdict.settlement.value, "rule": verdict.rule}
            log.warning("a workflow did not take a request", extra=told)

    async def _postpone(self, row: sa.RowMapping, error: BaseException) -> None:
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(row["attempts"], 10))
        table = outbox_workflow.c
        later = {"attempts": table.attempts + 1, "not_before": sa.func.now() + timedelta(seconds=pause), "last_fault": named(error)}
        async with self._runtime.engine.begin() as connection:
            await connection.execute(outbox_workflow.update().where(table.seq == row["seq"], table.done_at.is_(None)).values(later))


def workflow_is_gone(error: RPCError) -> bool:
    """Whether Temporal says that no such workflow runs. A namespace that isn't found is Temporal's trouble and not the workflow's end."""
    if error.status is not RPCStatusCode.NOT_FOUND:
        return False
    return any(detail.Is(NotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details)


async def was_asked_for(client: Client, there: WorkflowExecutionDescription, row: sa.RowMapping) -> bool:
    """Whether a run goes back to what the row of the outbox asked for, and not to what somebody else began under its id.

    A run that goes on in another, or was taken up again, has the beginning of the first; once retention has taken that one, its own says
    the same. Errors: RPCError where neither has a history.
    """
    try:
        event = await _beginning(client, there.id, there.raw_description.workflow_execution_info.first_run_id or there.run_id)
    except RPCError as error:
        if not workflow_is_gone(error):
            raise
        event = await _beginning(client, there.id, there.run_id)
    began = event.workflow_execution_started_event_attributes
    of_the_row = (began.workflow_type.name, began.task_queue.name) == (row["name"], row["queue"])
    in_time = event.event_time.ToDatetime(UTC) > row["written_at"] - CLOCKS_DIFFER
    return of_the_row and in_time and _said(began.input.payloads) == [json.loads(row["argument"])]


async def _beginning(client: Client, workflow_id: str, run_id: str) -> HistoryEvent:
    return await anext(client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events(page_size=1))


def _said(payloads: Sequence[Payload]) -> list[object]:
    try:
        return [json.loads(payload.data) for payload in payloads]
    except ValueError:
        return []


async def _end(run: WorkflowHandle[Any, Any]) -> None:
    try:
        await run.terminate("begun by somebody else under an id of Rentbook's")
    except RPCError as error:
        if not workflow_is_gone(error):
            raise


async def _verdict(asked: WorkflowUpdateHandle[Any]) -> Verdict:
    """Whether the update was accepted, and may still be worked on, or the validator (or a handler that failed at once) said no."""
    # `result()` would wait for the handler's end; only what came with the acceptance is of interest here.
    if asked._known_outcome is None:
        return Verdict(Settlement.ACCEPTED)
    try:
        await asked.result()
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        reason = cause.message if isinstance(cause, FailureError) else str(cause)
        return Verdict(Settlement.REJECTED, cause.type if isinstance(cause, ApplicationError) else None, reason[:REASON_LIMIT_CHARACTERS])
    return Verdict(Settlement.ACCEPTED)


def _settled(outcome: UpdateOutcome[Any], row: sa.RowMapping, verdict: Verdict) -> Settled[Any]:
    argument: BaseModel = outcome.update.takes.model_validate_json(row["argument"])
    told = {"settlement": verdict.settlement, "rule": verdict.rule, "reason": verdict.reason}
    return Settled[Any](workflow_id=row["workflow_id"], update_id=row["update_id"], argument=argument, **told)
