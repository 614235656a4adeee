"""The service's HTTP: other services' doors, its own pages, /health and /metrics; every request a step of a trace."""

import re
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import uvicorn
from opentelemetry.trace import SpanKind
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.answering import doors
from chassis.consumer import Backlog
from chassis.serving import App
from chassis.telemetry import Telemetry
from chassis.transaction import Runtime

KEEP_ALIVE_SECONDS = 60
"""Longer than a peer keeps an idle connection, so that none is closed under a call."""

UNTRACED = frozenset({"/health", "/metrics"})
_AN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+", re.IGNORECASE)


def hears_nothing() -> Sequence[Backlog]:
    return ()


def needs_nobody() -> Sequence[str]:
    return ()


def web(
    runtime: Runtime,
    app: App,
    ailments: Callable[[], Awaitable[list[str]]],
    backlogs: Callable[[], Sequence[Backlog]] = hears_nothing,
    attention: Callable[[], Sequence[str]] = needs_nobody,
) -> ASGIApp:
    """The whole web of a service. `ailments` says why the process isn't healthy, nothing where it is; `backlogs` what is still to hear;
    `attention` what an operator has to see to while the process itself is healthy, so that to begin it anew would mend nothing.
    """

    async def health(_: Request) -> Response:
        reasons = await ailments()
        behind = [asdict(backlog) for backlog in backlogs()]
        told = {"healthy": not reasons, "reasons": reasons, "attention": list(attention()), "consumers": behind}
        return JSONResponse(told, status_code=503 if reasons else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(runtime.telemetry.registry), media_type=CONTENT_TYPE_LATEST)

    own = [Route("/health", health), Route("/metrics", metrics)]
    return TracedRequests(Starlette(routes=[*own, *doors(runtime, app), *app.routes(runtime)]), runtime.telemetry)


class TracedRequests:
    """Continues the trace that a request carries, or begins one. A span's name is the path without ids and without the query."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        name = f"{scope['method']} {_AN_ID.sub('{id}', scope['path'])}"
        with self._telemetry.span(name, kind=SpanKind.SERVER, carried=headers):
            await self._app(scope, receive, send)


class WebServer(uvicorn.Server):
    """uvicorn, which leaves the process's signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web_server(app: ASGIApp, *, stop_limit_seconds: float) -> WebServer:
    """A server without a word of its own in headers or access log."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(stop_limit_seconds),
    )
    return WebServer(config)


def listen(host: str, port: int) -> socket.socket:
    """The bound socket. Errors: OSError where the port is taken."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
