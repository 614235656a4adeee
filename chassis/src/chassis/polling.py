"""Whether Temporal knows that this process asks it for work."""

import asyncio
import logging
import time
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from chassis.telemetry import named

LONGEST_POLL = timedelta(seconds=90)
"""Temporal notes when a poll began, and one that finds no work lasts a minute: silence for less says nothing."""

LOOKED_AT_EVERY_SECONDS = 15.0
PROBE_LIMIT_SECONDS = 2.0
"""Shorter than whoever asks for the health waits for it."""

log = logging.getLogger(__name__)


class Polling:
    """Ails where Temporal has not known this process as a poller of its queue for `limit_seconds`: a moment's silence is no ailment.

    `kind` tells the pollers of activities from those of workflows.
    """

    def __init__(self, client: Client, queue: str, kind: TaskQueueType.ValueType, limit_seconds: float) -> None:
        self._client = client
        self._request = DescribeTaskQueueRequest(namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind)
        self._limit_seconds = limit_seconds
        self._known_at: float | None = None

    async def ailment(self) -> str | None:
        """What is wrong, in words; None where the process is known, or was a moment ago."""
        look = self._known_at is None or time.monotonic() - self._known_at > min(LOOKED_AT_EVERY_SECONDS, self._limit_seconds / 2)
        if look and await self._is_known():
            self._known_at = time.monotonic()
        if self._known_at is None:
            return "Temporal knows no poller of this process yet"
        silent = time.monotonic() - self._known_at
        return f"Temporal has known no poller of this process for {silent:.0f} s" if silent > self._limit_seconds else None

    async def _is_known(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_LIMIT_SECONDS):
                told = await self._client.workflow_service.describe_task_queue(self._request)
        except (RPCError, OSError) as error:
            log.warning("Temporal doesn't say who polls", extra={"fault": named(error)})
            return False
        oldest = time.time() - LONGEST_POLL.total_seconds()
        return any(one.identity == self._client.identity and one.last_access_time.seconds > oldest for one in told.pollers)
