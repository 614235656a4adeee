"""Operations that workflows call: each offer is an activity on the task queue that is named for the service."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import perf_counter

from pydantic import BaseModel
from rentbook_contracts.operation import BrokenRule, In, Out
from temporalio import activity
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from chassis.failpoint import reached
from chassis.faults import may_pass
from chassis.serving import App, Offer
from chassis.telemetry import named
from chassis.transaction import Runtime, Transaction, once, run

log = logging.getLogger(__name__)


def activity_worker(runtime: Runtime, app: App, client: Client) -> Worker | None:
    """The worker of the service's offers; None where it offers nothing. Stopping it lets activities in hand finish."""
    if not app.offers:
        return None
    return Worker(
        client,
        task_queue=app.name,
        activities=[as_activity(runtime, offer) for offer in app.offers],
        # Each may hold a connection while it asks a peer; pages and events need the rest of the pool.
        max_concurrent_activities=max(1, runtime.settings.pool_size // 2),
        graceful_shutdown_timeout=timedelta(seconds=runtime.settings.stop_limit_seconds),
        identity=f"{app.name}-{runtime.settings.instance}",
    )


def as_activity(runtime: Runtime, offer: Offer[In, Out]) -> Callable[[RawValue], Awaitable[BaseModel]]:
    """The offer as an activity function that takes and gives the operation's messages.

    It takes them as they lie in the story's history, because that is what comes again when a step is tried again, also by a later version.
    """
    operation = offer.operation

    async def perform(sent: RawValue) -> BaseModel:
        if activity.info().workflow_id is None:
            # Somebody started the step by hand: it has no story behind it, and no key that makes it happen once.
            raise ApplicationError("Steps belong to stories; nobody starts one by hand.", type="NoStory", non_retryable=True)
        # A story calls its next step once Temporal has the answer of the one before.
        reached("activity.after-return")
        started = perf_counter()
        outcome = "done"
        try:
            answer = await run(runtime, lambda tx: _perform(tx, offer, sent.payload.data))
            reached("activity.after-commit")
            return answer
        except BrokenRule as rule:
            outcome = rule.rule
            raise ApplicationError(rule.message, type=rule.rule, non_retryable=True) from None
        except Exception as error:
            outcome = "failed"
            told = {"operation": operation.name, "workflow_id": activity.info().workflow_id, "attempt": activity.info().attempt}
            log.warning("a step failed and is tried again", extra={**told, "fault": named(error)}, exc_info=_bug(error))
            # An unforeseen error's words may quote a row, and a workflow's history is plain text.
            raise ApplicationError(f"{operation.name} failed", type=type(error).__name__) from None
        finally:
            runtime.telemetry.steps.labels("activity", operation.name, outcome).observe(perf_counter() - started)

    perform.__annotations__ = {"sent": RawValue, "return": operation.gives}
    return activity.defn(name=operation.name)(perform)


async def _perform(tx: Transaction, offer: Offer[In, Out], sent: bytes) -> Out:
    argument = offer.operation.takes.model_validate_json(sent)
    answer = await (_remembered(tx, offer, argument, sent) if offer.remember else offer.use_case(tx, argument))
    reached("activity.before-commit")
    return answer


async def _remembered(tx: Transaction, offer: Offer[In, Out], argument: In, sent: bytes) -> Out:
    """Once for the step of the story and for what it asks.

    Whoever reaches Temporal may have taken a step of this name, under this story's id, that asks for something else. It is not the story's:
    its answer is not given, and what the story asks is done. What may happen once in all, as a posting, the use case itself does once.
    """
    step = activity.info()
    key = f"activity:{step.workflow_id}:{step.activity_id}"
    name, gives = offer.operation.name, offer.operation.gives
    return await once(tx, key=key, name=name, argument=argument, gives=gives, use_case=offer.use_case, sent=sent, apart=True)


def _bug(error: Exception) -> Exception | None:
    return None if may_pass(error) else error
