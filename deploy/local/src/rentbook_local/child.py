"""Child processes that never outlive whoever started them."""

import asyncio
import contextlib
import ctypes
import os
import pwd
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from rentbook_local.problem import Problem
from rentbook_local.writing import has_space

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_LIBC = ctypes.CDLL(None, use_errno=True)
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""What a child inherits of our environment. PYTHONDONTWRITEBYTECODE is left out on purpose: without .pyc files
each service spends seconds more on its imports at every start."""


@dataclass(frozen=True)
class Account:
    """The user of the operating system that a server runs as."""

    uid: int
    gid: int
    capability: int | None = None
    """What it keeps of root's rights: to walk through folders that are closed to it, such as /root; nothing by default."""


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


class Process(Protocol):
    """A child that was started; asyncio's own is one."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...

    def send_signal(self, signal: int, /) -> None: ...


def surroundings(**extra: str) -> dict[str, str]:
    """The environment of a child: a short list of what we have, and what it is given by name."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONUNBUFFERED": "1", **extra}


def unprivileged(*paths: Path) -> Account | None:
    """The account for servers that refuse root: nothing where we are not root, else `postgres`, else `nobody`.

    `paths` are what the server must reach. Errors: `Problem` where there is no such user, or no way to these paths.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        closed = next((folder for path in paths for folder in path.absolute().parents if not _may_pass(entry, folder)), None)
        return Account(entry.pw_uid, entry.pw_gid, _right_to_pass(closed) if closed else None)
    raise Problem("PostgreSQL refuses to run as root and there is no user `postgres` or `nobody`: start Rentbook as an ordinary user.")


def _may_pass(user: pwd.struct_passwd, folder: Path) -> bool:
    try:
        found = folder.stat()
    except FileNotFoundError:
        return True
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == user.pw_gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _right_to_pass(closed: Path) -> int:
    """The least capability that we can hand on for walking through closed folders."""
    status = Path("/proc/self/status")
    ours = re.search(r"^CapPrm:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE) if status.exists() else None
    for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
        if ours and int(ours.group(1), 16) >> capability & 1:
            return capability
    raise Problem(
        f"PostgreSQL refuses to run as root, and no other user may enter {closed}: put the checkout and --state where everyone may enter, "
        "or start Rentbook as an ordinary user."
    )


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _become(account: Account) -> None:
    """Be that user for good, from here on; only a capability that the account names is kept."""
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    if account.capability is None:
        os.setresuid(account.uid, account.uid, account.uid)
        return
    # Or access(2), by which PostgreSQL looks for its own programs, would not see the capability.
    if _LIBC.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0):
        os._exit(1)
    os.setresuid(account.uid, account.uid, account.uid)
    kept = 1 << account.capability
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    sets = (_CapabilitySets * 2)(_CapabilitySets(kept, kept, kept), _CapabilitySets(0, 0, 0))
    if _LIBC.capset(ctypes.byref(header), sets) or _LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, account.capability, 0, 0):
        os._exit(1)


def dies_with_us(death_signal: signal.Signals, account: Account | None = None) -> Callable[[], None]:
    """For `preexec_fn`: the kernel kills the child when the thread that started it ends, however it ends; it runs as the account."""
    parent = os.getpid()

    def in_the_child() -> None:
        if account:
            _become(account)
        # After the change of user, which would clear it.
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return in_the_child


def open_log(path: Path) -> IO[bytes]:
    """The log, to append to. Errors: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    has_space(path)
    return path.open("ab")


async def spawn(command: Command, *, stdin: int = subprocess.DEVNULL) -> asyncio.subprocess.Process:
    """Start the command in a session of its own, its output appended to its log."""
    with open_log(command.log) as log:
        return await asyncio.create_subprocess_exec(
            *command.argv,
            env=dict(command.environment),
            cwd=command.directory,
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dies_with_us(command.death_signal, command.account),
        )


async def stop(process: Process, command: Command, *, grace_seconds: float) -> None:
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
            start_new_session=True,
            preexec_fn=dies_with_us(signal.SIGKILL, command.account),
        )
    except subprocess.TimeoutExpired as late:
        raise too_late(what, limit_seconds) from late
    return outcome(what, done.returncode, done.stdout)


def outcome(what: str, code: int, printed: str) -> str:
    """What a command printed that ended well. Errors: `Problem` with its last words."""
    if code != 0:
        last_words = " / ".join(printed.strip().splitlines()[-3:])
        raise Problem(f"{what} failed ({last_words or _ending(code)}).")
    return printed


def too_late(what: str, limit_seconds: float) -> Problem:
    """The sentence for a command that did not end in time."""
    return Problem(f"{what} did not end within {limit_seconds:.0f} s: look at what else the machine does, then start again.")


def _ending(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"exit code {code}"
