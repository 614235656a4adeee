"""One stack on one machine: its ports, its folders, and which files of the state folder mean what."""

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rentbook_contracts.topics import SERVICES

from rentbook_local.ports import HOST
from rentbook_local.problem import Problem
from rentbook_local.writing import has_space, is_full, write_whole

DEFAULT_BASE_PORT = 27100
DATABASES = SERVICES
"""Every service that owns rows has a database of its own, with its name."""
_LAYOUT = 1
_LEAST_FREE_MEGABYTES = 500
_DEAD_OWNER_SECONDS = 20.0
LOWEST_BASE_PORT = 1024
HIGHEST_BASE_PORT = 32_768 - 20
"""Below these lie what the system keeps for itself; above, what it gives to clients."""

_OFFSETS = {
    "approvals": 0,
    "ledger": 1,
    "refunds": 2,
    "notices": 3,
    "workflows": 4,
    "bank-simulator": 5,
    "signin": 6,
    "writeoffs": 7,
    "postgres": 10,
    "kafka": 11,
    "kafka-controller": 12,
    "temporal": 13,
    "temporal-http": 14,
    "temporal-ui": 15,
    "temporal-metrics": 16,
}
"""Every process serves at the base port plus its number; the desk, which approvals serves, is at the base port itself."""


@dataclass(frozen=True)
class Layout:
    """The folder that holds all that one stack must remember between two starts, and its ports."""

    folder: Path
    base_port: int

    def port(self, name: str) -> int:
        return self.base_port + _OFFSETS[name]

    def ports_of(self, process: str) -> dict[str, int]:
        """The ports of one process, by what they are for."""
        named = {name.removeprefix(process).lstrip("-") or "main": self.port(name) for name in _OFFSETS if _belongs(name, process)}
        return dict(sorted(named.items(), key=lambda item: item[1]))

    def http(self, name: str) -> str:
        """The base address of what a process serves by HTTP."""
        return f"http://{HOST}:{self.port(name)}"

    @property
    def desk(self) -> str:
        return self.http("approvals")

    def of(self, process: str) -> Path:
        """The folder of one process's own files."""
        return self.folder / process

    def log(self, process: str) -> Path:
        return self.folder / "logs" / f"{process}.log"

    def secrets_of(self, process: str) -> Path:
        """The folder of the secrets that one process may know."""
        return self.folder / "secrets" / process


def open_state(folder: Path, base_port: int | None) -> Layout:
    """The layout of the state in this folder, which is made where there is none.

    A state keeps its ports unless others are asked for. Errors: `Problem` for a folder that another layout or another program
    made, a full disk, and ports outside of the range that is never given to clients. What is refused for its ports
    or its disk makes no folder.
    """
    folder = folder.resolve()
    kept = _read(folder / "ports.json").get("base")
    base = base_port if base_port is not None else kept or DEFAULT_BASE_PORT
    if not LOWEST_BASE_PORT <= base <= HIGHEST_BASE_PORT:
        raise Problem(f"The base port {base} is not between {LOWEST_BASE_PORT} and {HIGHEST_BASE_PORT}: choose another with --base-port.")
    _require_space(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise Problem(f"The state folder {folder} cannot be made ({fault.strerror}): choose another with --state.") from fault
    _require_our_layout(folder)
    return Layout(folder, base)


def known_state(folder: Path) -> Layout:
    """The layout of a state that exists. Errors: `Problem` where there is none."""
    folder = folder.resolve()
    base = _read(folder / "ports.json").get("base")
    if base is None:
        raise Problem(f"There is no stack in {folder}: start one with ./rentbook run, or say where it is with --state.")
    return Layout(folder, base)


@contextmanager
def owned(layout: Layout) -> Iterator[None]:
    """Be the only runner of this state. The kernel lifts the lock when we end, however we end."""
    lock = os.open(layout.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise Problem(
                f"A stack already runs on {layout.folder} (process {owner(layout)}): see ./rentbook status, end it with ./rentbook stop, "
                "or choose another folder with --state."
            ) from taken
        has_space(layout.folder / "lock")
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        _await_the_dead(layout)
        write(layout.folder / "ports.json", {"base": layout.base_port, **{name: layout.port(name) for name in _OFFSETS}})
        yield
    finally:
        os.close(lock)


def owner(layout: Layout) -> int | None:
    """The process id of the runner that holds this state now, or None where nobody does."""
    path = layout.folder / "lock"
    try:
        lock = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return int(path.read_text() or 0) or None
    finally:
        os.close(lock)


def write(path: Path, content: Any) -> None:
    """Write JSON so that a reader sees all of it or the former."""
    write_whole(path, json.dumps(content, indent=1))


def processes(layout: Layout) -> dict[str, Any]:
    """What the runner last wrote about its processes: `phase`, and by name the `pid`, `state` and `restarts`."""
    return _read(layout.folder / "processes.json")


def running(layout: Layout) -> tuple[int | None, dict[str, Any]]:
    """The runner that holds this state now, and what it wrote about its processes: of one that has written nothing yet, that it starts."""
    runner = owner(layout)
    written = processes(layout) if runner is not None else {}
    return runner, written if written.get("runner") == runner else {"phase": "starting"}


def born(pid: int) -> str | None:
    """What tells a process from a later one with the same number; None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def as_problem(fault: OSError) -> Problem:
    """The sentence for an error of the operating system."""
    if is_full(fault):
        return Problem(f"The disk of {fault.filename or 'the state folder'} is full: free some space, then start again.")
    if fault.filename is None:
        return Problem(f"A part of the stack does not answer ({fault.strerror or fault}): see ./rentbook status and the logs.")
    return Problem(f"{fault.filename} cannot be used ({fault.strerror}): see to it, or choose another folder with --state.")


def _belongs(name: str, process: str) -> bool:
    return name == process or (name.startswith(f"{process}-") and name not in ("bank-simulator",))


def _require_space(folder: Path) -> None:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free // 1_000_000
    if free < _LEAST_FREE_MEGABYTES:
        raise Problem(
            f"The disk of {folder} has {free} MB free and Rentbook needs {_LEAST_FREE_MEGABYTES} MB: free some space, "
            "or choose a folder on another disk with --state."
        )


def _require_our_layout(folder: Path) -> None:
    path = folder / "layout"
    if path.exists():
        made_by = path.read_text().strip()
        if made_by != str(_LAYOUT):
            raise Problem(
                f"The state folder {folder} was made by another version of Rentbook (layout {made_by[:20]}, this is {_LAYOUT}): "
                "move it away, or choose another with --state."
            )
        return
    if any(folder.iterdir()):
        raise Problem(f"The folder {folder} is not empty and holds no state of Rentbook: choose an empty or another one with --state.")
    write_whole(path, f"{_LAYOUT}\n")


def _await_the_dead(layout: Layout) -> None:
    """Wait for what a killed runner left behind: the kernel has told it to end, and it may still be writing."""
    left = [(entry["pid"], entry["born"], name) for name, entry in processes(layout).get("processes", {}).items() if entry.get("pid")]
    end = time.monotonic() + _DEAD_OWNER_SECONDS
    while alive := [(pid, name) for pid, birth, name in left if birth and born(pid) == birth]:
        if time.monotonic() > end:
            pid, name = alive[0]
            raise Problem(f"The process {pid} ({name}) of a former run does not end: end it with kill -9 {pid}, then start again.")
        for pid, _ in alive:
            _signal(pid, signal.SIGTERM)
        time.sleep(0.1)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
