"""Child processes that never outlive whoever started them."""

import asyncio
import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rentbook_local.problem import Problem

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""What a child inherits of our environment. PYTHONDONTWRITEBYTECODE is left out on purpose: without .pyc files
each service spends seconds more on its imports at every start."""


@dataclass(frozen=True)
class Account:
    """The user of the operating system that a server runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """A process to start: everything that decides how it runs and how it ends."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends the child when we die without a word."""


def surroundings(**extra: str) -> dict[str, str]:
    """The environment of a child: a short list of what we have, and what it is given by name."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def unprivileged() -> Account | None:
    """The account for servers that refuse root: nothing where we are not root, else `postgres`, else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise Problem("PostgreSQL refuses to run as root and there is no user `postgres` or `nobody`: start Rentbook as an ordinary user.")


def dies_with_us(death_signal: signal.Signals) -> Callable[[], None]:
    """For `preexec_fn`: the kernel kills the child when the thread that started it ends, however it ends."""
    parent = os.getpid()

    def in_the_child() -> None:
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_the_child


async def spawn(command: Command) -> asyncio.subprocess.Process:
    """Start the command in a session of its own, its output appended to its log."""
    command.log.parent.mkdir(parents=True, exist_ok=True)
    account = command.account
    with command.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command.argv,
            env=dict(command.environment),
            cwd=command.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dies_with_us(command.death_signal),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


async def stop(process: asyncio.subprocess.Process, command: Command, *, grace_seconds: float) -> None:
    """Ask the process to end, and end its whole session by force when it has not within the grace."""
    if process.returncode is None:
        process.send_signal(command.stop_signal)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), grace_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def run(argv: tuple[str, ...], *, what: str, account: Account | None = None) -> str:
    """Run a short command to its end and return what it printed. Errors: `Problem` with its last words."""
    return finish(Command(what, argv, surroundings(), Path("/"), Path(os.devnull), account), what)


def finish(command: Command, what: str, *, limit_seconds: float = 300) -> str:
    """Run the command to its end and return what it printed. Errors: `Problem` with its last words."""
    account = command.account
    try:
        done = subprocess.run(
            command.argv,
            env=dict(command.environment),
            cwd=command.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=limit_seconds,
            check=False,
            preexec_fn=dies_with_us(signal.SIGKILL),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
    except subprocess.TimeoutExpired as late:
        raise Problem(f"{what} did not end within {limit_seconds:.0f} s: look at what else the machine does, then start again.") from late
    if done.returncode != 0:
        last_words = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise Problem(f"{what} failed ({last_words or _ending(done.returncode)}).")
    return done.stdout


def _ending(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
