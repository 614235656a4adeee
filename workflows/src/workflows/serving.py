"""The process that tells the stories: a Temporal worker with its health and its metrics."""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from chassis.failpoint import reached
from chassis.polling import Polling
from chassis.settings import ProcessSettings
from chassis.stopping import stop_on_signals
from chassis.telemetry import Telemetry, start_logging, start_telemetry
from chassis.waiting import wait_for_temporal
from chassis.web import listen, web_server
from prometheus_client import CollectorRegistry, Counter, generate_latest
from rentbook_contracts.workflows import QUEUE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.exceptions import FailureError
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleUpdateInput,
    Interceptor,
    StartActivityInput,
    Worker,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from workflows.app import WORKFLOWS

SERVICE = "workflows"
log = logging.getLogger(__name__)
# The sandbox gives each workflow fresh modules, so the counter is kept here and reached as a pass-through.
_registry = CollectorRegistry()
_stuck = Counter(
    "rentbook_workflow_faults", "Workflow tasks ended by an unforeseen error: the story waits for a mended worker", registry=_registry
)


class Watched(Interceptor):
    """Counts what would otherwise only be seen as a story that stands still, and has places at which a test may end the process."""

    def workflow_interceptor_class(self, _: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _Heard


class _Heard(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Said(outbound))

    async def execute_workflow(self, asked: ExecuteWorkflowInput) -> object:
        try:
            told = await super().execute_workflow(asked)
        except (FailureError, asyncio.CancelledError):
            # A rule's refusal is not a fault.
            raise
        except Exception:
            _stuck.inc()
            raise
        reached("story.before-end")
        return told

    async def handle_update_handler(self, asked: HandleUpdateInput) -> object:
        answer = await super().handle_update_handler(asked)
        reached("story.before-answer")
        return answer


class _Said(WorkflowOutboundInterceptor):
    def start_activity(self, asked: StartActivityInput) -> ActivityHandle[Any]:
        reached("story.before-step")
        return super().start_activity(asked)


def pages(polling: Polling) -> Starlette:
    """GET /health and GET /metrics."""

    async def tell_health(_: Request) -> JSONResponse:
        ailment = await polling.ailment()
        return JSONResponse({"healthy": not ailment, "reasons": [ailment] if ailment else []}, status_code=503 if ailment else 200)

    async def tell_metrics(_: Request) -> Response:
        return Response(generate_latest(_registry), media_type="text/plain; version=0.0.4")

    return Starlette(routes=[Route("/health", tell_health), Route("/metrics", tell_metrics)])


async def serve(settings: ProcessSettings) -> None:
    """Tell stories until SIGTERM or SIGINT. Errors: NotReady where Temporal doesn't answer in time, OSError where the port is taken."""
    start_logging(SERVICE, settings.log_format)
    telemetry = start_telemetry(SERVICE, settings)
    stop = asyncio.Event()
    stop_on_signals(stop.set)
    bound = listen(settings.http_host, settings.http_port)
    client = await wait_for_temporal(settings, telemetry)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker(client, settings))
        polling = Polling(client, QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, limit_seconds=settings.stall_limit_seconds)
        web = web_server(pages(polling), stop_limit_seconds=settings.stop_limit_seconds)
        served = asyncio.ensure_future(web.serve(sockets=[bound]))
        log.info("ready")
        await stop.wait()
        web.should_exit = True
        await served
    _flush(telemetry)


def worker(client: Client, settings: ProcessSettings) -> Worker:
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=WORKFLOWS,
        interceptors=[Watched()],
        identity=f"{SERVICE}-{settings.instance}",
        graceful_shutdown_timeout=timedelta(seconds=settings.stop_limit_seconds),
    )


def _flush(telemetry: Telemetry) -> None:
    telemetry.provider.shutdown()
