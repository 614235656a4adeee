"""A process that has imported what the services share, so that each of them begins as a copy of it: decision 24.

This end is the runner's. The other end, `python -m rentbook_local.copying`, waits on a socket and copies itself at each word.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from rentbook_local import child

_PR_SET_CHILD_SUBREAPER = 36
_PID_BYTES = 16


class ForkServer:
    """Starts commands `python -m MODULE` as copies of one process.

    Where that cannot be, they start as all other commands do: before `start`, after `end`, when the process has died, and on other systems
    than Linux.
    """

    def __init__(self, imports: Sequence[str], folder: Path, log: Path) -> None:
        self._command = child.Command(
            "fork server",
            (sys.executable, "-m", "rentbook_local.copying", *imports),
            child.surroundings(RENTBOOK_STATE_DIR=str(folder)),
            folder,
            log,
        )
        self._socket: socket.socket | None = None
        self._process: child.Process | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Begin to import; a command that comes meanwhile waits for the end of it."""
        if sys.platform != "linux":
            return
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                self._process = await child.spawn(self._command, stdin=theirs.fileno())
            except OSError:
                # No disk for its log, or no process more: that costs seconds of the start.
                ours.close()
                return
        # A copy's parent ends at once, and the copy becomes our own child.
        _adopt_orphans(True)
        self._socket = ours

    async def end(self) -> None:
        """Copy no more; what was started goes on."""
        if self._process is not None:
            # First: whoever waits for its answer learns by that that none will come.
            await child.stop(self._process, self._command, grace_seconds=1)
            self._process = None
        async with self._turn:
            self._close()

    async def spawn(self, command: child.Command) -> child.Process:
        """Start the command in a session of its own, its output appended to its log."""
        if (copy := await self._copy(command)) is not None:
            return copy
        return await child.spawn(command)

    async def finish(self, command: child.Command, what: str, *, limit_seconds: float = 300) -> str:
        """Run the command to its end and return what it printed. Errors: `Problem` with its last words."""
        if self._socket is None:
            return await asyncio.to_thread(child.finish, command, what, limit_seconds=limit_seconds)
        # In memory: no full disk breaks off what it prints, and itself with it.
        with os.fdopen(os.memfd_create(command.name), "w+b") as printed:
            process = await self._copy(command, printed.fileno())
            if process is None:
                return await asyncio.to_thread(child.finish, command, what, limit_seconds=limit_seconds)
            try:
                code = await asyncio.wait_for(process.wait(), limit_seconds)
            except TimeoutError as late:
                raise child.too_late(what, limit_seconds) from late
            finally:
                await child.stop(process, command, grace_seconds=0)
            printed.seek(0)
            return child.outcome(what, code, printed.read().decode(errors="replace"))

    async def _copy(self, command: child.Command, output: int | None = None) -> "_Copy | None":
        if command.argv[:2] != (sys.executable, "-m"):
            return None
        async with self._turn:
            if self._socket is None:
                return None
            ours, theirs = socket.socketpair()
            with ours, contextlib.ExitStack() as files:
                files.enter_context(theirs)
                if output is None:
                    output = files.enter_context(child.open_log(command.log)).fileno()
                pid = await self._ask(self._socket, theirs.fileno(), output)
                if pid is None:
                    return None
                theirs.close()
                copy = _Copy(pid)
                ours.sendall(_as_sent(command))
            return copy

    async def _ask(self, at: socket.socket, *files: int) -> int | None:
        try:
            socket.send_fds(at, [b"\n"], files)
            said = await asyncio.get_running_loop().sock_recv(at, _PID_BYTES)
        except OSError:
            said = b""
        except BaseException:
            # Its answer is still to come, and would be taken for that to the next question.
            self._close()
            raise
        if not said:
            self._close()
            return None
        return int(said)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            _adopt_orphans(False)


class _Copy:
    """A child of ours that another process forked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._handle = os.pidfd_open(pid)
        self._loop.add_reader(self._handle, self._reap)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            signal.pidfd_send_signal(self._handle, number)

    def _reap(self) -> None:
        self._loop.remove_reader(self._handle)
        os.close(self._handle)
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()


def _as_sent(command: child.Command) -> bytes:
    what = {
        "parent": os.getpid(),
        "argv": command.argv,
        "environment": dict(command.environment),
        "directory": str(command.directory),
        "death_signal": int(command.death_signal),
    }
    return json.dumps(what).encode()


def _adopt_orphans(yes: bool) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0)
