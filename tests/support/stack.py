"""The whole stack for journeys: what ./rentbook run starts, on ports and in a folder of its own, gone with the test process."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rentbook_local import child, layout, status
from rentbook_local.layout import Layout
from rentbook_local.ports import is_free

from support.servers import fast_folder

_READY_SECONDS = 180.0
_STOP_SECONDS = 90.0
_POLL_SECONDS = 0.1
_PORTS = 20


@dataclass
class Stack:
    """A running stack: `layout.desk` is its desk, `status()` says the rest (processes with pids, addresses, users)."""

    layout: Layout
    runner: asyncio.subprocess.Process

    def status(self) -> dict[str, Any]:
        """As ./rentbook status --json."""
        return status.status(self.layout)

    def pid(self, process: str) -> int | None:
        """The process's number now, None while it is down; it changes when the runner starts it again."""
        number = layout.processes(self.layout)["processes"][process]["pid"]
        return None if number is None else int(number)

    async def kill(self, *processes: str, limit_seconds: float = 180.0) -> None:
        """End these processes by SIGKILL, and return when the runner has started each again and all are well."""
        former = {process: self.pid(process) for process in processes}
        for pid in former.values():
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        await self._until(lambda: all(self.pid(process) not in (None, pid) for process, pid in former.items()), limit_seconds)
        await self._until(lambda: all(process["health"]["healthy"] for process in self.status()["processes"]), limit_seconds)

    async def stop(self) -> None:
        """End the runner as Ctrl-C does, and return when it has ended. Once it has, nothing happens."""
        if self.runner.returncode is None:
            self.runner.terminate()
        try:
            await asyncio.wait_for(self.runner.wait(), _STOP_SECONDS)
        except TimeoutError:
            self.runner.kill()
            await self.runner.wait()

    async def _until(self, condition: Callable[[], bool], limit_seconds: float) -> None:
        end = time.monotonic() + limit_seconds
        while not await asyncio.to_thread(condition):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {limit_seconds:.0f} s: {status.in_words(self.status())}")
            await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def running_stack(
    *, with_estate: bool = True, folder: Path | None = None, elsewhere: int = 0, runner_module: str = "rentbook_local"
) -> AsyncIterator[Stack]:
    """A stack of one's own. A `folder` that outlives it keeps the state for the next; `elsewhere` is a port that it must not start at.

    `runner_module` starts it in the place of ./rentbook, as `support.ahead` does.
    """
    with tempfile.TemporaryDirectory(prefix="rentbook-stack-", dir=fast_folder(), ignore_cleanup_errors=True) as temporary:
        state = folder or Path(temporary)
        state.chmod(0o711)
        at = layout.open_state(state / "state", _base_port(elsewhere))
        log = state / "run.log"
        words = ("run", "--state", str(at.folder), "--base-port", str(at.base_port), *(() if with_estate else ("--empty",)))
        with log.open("wb") as said:
            runner = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                runner_module,
                *words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                preexec_fn=child.dies_with_us(signal.SIGTERM),
            )
        running = Stack(at, runner)
        try:
            await _until_ready(at, runner, log)
            yield running
        finally:
            await running.stop()


async def _until_ready(at: Layout, runner: asyncio.subprocess.Process, log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while (written := layout.processes(at)).get("runner") != runner.pid or written.get("phase") != "ready":
        if runner.returncode is not None or time.monotonic() > end:
            raise RuntimeError(f"The stack did not start:\n{await asyncio.to_thread(log.read_text)}")
        await asyncio.sleep(_POLL_SECONDS)


def _base_port(elsewhere: int) -> int:
    """The first of twenty free ports in a row, by chance, so that two stacks that start at once do not choose the same.

    They lie below all that `free_ports` gives: between the choice and the last server's start others draw ports for theirs.
    """
    bases = random.sample(range(10_000, 20_000, _PORTS), 500)
    return next(base for base in bases if base != elsewhere and all(is_free(base + offset) for offset in range(_PORTS)))
