"""The process that tells the stories: a Temporal worker with its health and its metrics."""

import asyncio
import logging
import signal
import time
from contextlib import AsyncExitStack
from datetime import timedelta

from chassis.settings import ProcessSettings
from chassis.telemetry import Telemetry, named, start_logging, start_telemetry
from chassis.waiting import wait_for_temporal
from chassis.web import listen, web_server
from prometheus_client import CollectorRegistry, Counter, generate_latest
from rentbook_contracts.workflows import QUEUE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.exceptions import FailureError
from temporalio.service import RPCError
from temporalio.worker import ExecuteWorkflowInput, Interceptor, Worker, WorkflowInboundInterceptor, WorkflowInterceptorClassInput

from workflows.app import WORKFLOWS

SERVICE = "workflows"
PROBE_LIMIT_SECONDS = 2.0
"""Shorter than whoever asks for the health waits for it."""

log = logging.getLogger(__name__)
# The sandbox gives each workflow fresh modules, so the counter is kept here and reached as a pass-through.
_registry = CollectorRegistry()
_stuck = Counter(
    "rentbook_workflow_faults", "Workflow tasks ended by an unforeseen error: the story waits for a mended worker", registry=_registry
)


class CountFaults(Interceptor):
    """Counts what would otherwise only be seen as a story that stands still. A rule's refusal is not a fault."""

    def workflow_interceptor_class(self, _: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _Counting


class _Counting(WorkflowInboundInterceptor):
    async def execute_workflow(self, asked: ExecuteWorkflowInput) -> object:
        try:
            return await super().execute_workflow(asked)
        except (FailureError, asyncio.CancelledError):
            raise
        except Exception:
            _stuck.inc()
            raise


class Health:
    """Healthy while Temporal has said within the limit that this very process polls for stories: its silence for a moment is no ailment."""

    def __init__(self, client: Client, settings: ProcessSettings) -> None:
        self._client = client
        self._settings = settings
        self._known_at: float | None = None

    async def ailments(self) -> list[str]:
        if await self._is_known_to_poll():
            self._known_at = time.monotonic()
        if self._known_at is None:
            return ["Temporal knows no poller of this process yet"]
        silent = time.monotonic() - self._known_at
        return [f"Temporal has known no poller of this process for {silent:.0f} s"] if silent > self._settings.stall_limit_seconds else []

    async def _is_known_to_poll(self) -> bool:
        request = DescribeTaskQueueRequest(
            namespace=self._settings.temporal_namespace,
            task_queue=TaskQueue(name=QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        try:
            async with asyncio.timeout(PROBE_LIMIT_SECONDS):
                told = await self._client.workflow_service.describe_task_queue(request)
        except (RPCError, OSError) as error:
            log.warning("Temporal doesn't say who polls", extra={"fault": named(error)})
            return False
        oldest = time.time() - self._settings.stall_limit_seconds
        me = f"{SERVICE}-{self._settings.instance}"
        return any(poller.identity == me and poller.last_access_time.seconds > oldest for poller in told.pollers)


def pages(health: Health) -> Starlette:
    """GET /health and GET /metrics."""

    async def tell_health(_: Request) -> JSONResponse:
        reasons = await health.ailments()
        return JSONResponse({"healthy": not reasons, "reasons": reasons}, status_code=503 if reasons else 200)

    async def tell_metrics(_: Request) -> Response:
        return Response(generate_latest(_registry), media_type="text/plain; version=0.0.4")

    return Starlette(routes=[Route("/health", tell_health), Route("/metrics", tell_metrics)])


async def serve(settings: ProcessSettings) -> None:
    """Tell stories until SIGTERM or SIGINT. Errors: NotReady where Temporal doesn't answer in time, OSError where the port is taken."""
    start_logging(SERVICE, settings.log_format)
    telemetry = start_telemetry(SERVICE, settings)
    stop = asyncio.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(asked, stop.set)
    bound = listen(settings.http_host, settings.http_port)
    client = await wait_for_temporal(settings, telemetry)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker(client, settings))
        web = web_server(pages(Health(client, settings)), stop_limit_seconds=settings.stop_limit_seconds)
        served = asyncio.ensure_future(web.serve(sockets=[bound]))
        log.info("ready")
        await stop.wait()
        log.info("stopping")
        web.should_exit = True
        await served
    _flush(telemetry)


def worker(client: Client, settings: ProcessSettings) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=WORKFLOWS,
        interceptors=[CountFaults()],
        identity=f"{SERVICE}-{settings.instance}",
        graceful_shutdown_timeout=timedelta(seconds=settings.stop_limit_seconds),
    )


def _flush(telemetry: Telemetry) -> None:
    telemetry.provider.shutdown()
