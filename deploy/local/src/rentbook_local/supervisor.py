"""Keeps processes alive: starts them, watches their health, starts them again, and ends them in order."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from rentbook_local import child
from rentbook_local.problem import Problem
from rentbook_local.writing import is_full

_PROBE_SECONDS = 2.0
_FIRST_PROBE_SECONDS = 0.1
_UNHEALTHY_SECONDS = 30.0
"""How long a process may be unhealthy before it is started again: longer than its servers need to come back."""
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 10.0
_STEADY_SECONDS = 60.0
_GRACE_SECONDS = 20.0
_LAST_WORDS_BYTES = 4096
_MOST_FALSE_STARTS = 3


@dataclass(frozen=True)
class Health:
    """What a process says of itself, or what was found in its stead."""

    healthy: bool
    reasons: tuple[str, ...] = ()


Probe = Callable[[], Awaitable[Health]]
Spawn = Callable[[child.Command], Awaitable[child.Process]]


class State(StrEnum):
    """How far a process has come."""

    STARTING = "starting"
    READY = "ready"
    UNHEALTHY = "unhealthy"
    WAITING = "waiting to start again"
    ENDED = "ended"


@dataclass(frozen=True)
class Part:
    """A process to keep alive."""

    command: child.Command
    probe: Probe
    ready_within_seconds: float = 180.0
    """For a machine that has much else to do: whatever is still starting gets no further by being started anew."""


@dataclass
class Kept:
    """A part and what has become of it."""

    part: Part
    state: State = State.STARTING
    pid: int | None = None
    restarts: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    gave_up: str = ""
    task: "asyncio.Task[None] | None" = None

    @property
    def name(self) -> str:
        return self.part.command.name


class Supervisor:
    """Keeps the parts that it was given; tells `report` what a person should know, and calls `changed` after each change."""

    def __init__(self, report: Callable[[str], None], changed: Callable[[Sequence[Kept]], None], spawn: Spawn = child.spawn) -> None:
        self._report = report
        self._changed = changed
        self._spawn = spawn
        self._kept: dict[str, Kept] = {}
        self._starting = True

    async def start(self, part: Part) -> None:
        """Start the part and return when it is ready. Errors: `Problem` when it does not become so."""
        began = time.monotonic()
        kept = Kept(part)
        self._kept[kept.name] = kept
        kept.task = asyncio.create_task(self._keep(kept), name=kept.name)
        kept.task.add_done_callback(lambda task: self._fell(kept, task))
        await kept.ready.wait()
        if kept.gave_up:
            raise Problem(kept.gave_up)
        self._report(f"{kept.name:<15} ready after {time.monotonic() - began:.1f} s")

    def started(self) -> None:
        """From now on no failure is final: every part is started again for as long as we live."""
        self._starting = False

    async def stop(self, *layers: Sequence[str]) -> None:
        """End the parts, each layer after the one before it."""
        self._starting = False
        for names in layers:
            tasks = [kept.task for name in names if (kept := self._kept.get(name)) and kept.task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, kept: Kept) -> None:
        delay, false_starts = _FIRST_DELAY_SECONDS, 0
        while True:
            began = time.monotonic()
            reason = await self._run_once(kept)
            false_starts = 0 if kept.ready.is_set() else false_starts + 1
            if self._starting and false_starts >= _MOST_FALSE_STARTS:
                kept.gave_up = f"{kept.name} {reason}: see {kept.part.command.log}{_last_words(kept.part.command)}."
                kept.ready.set()
                return
            if time.monotonic() - began > _STEADY_SECONDS:
                delay = _FIRST_DELAY_SECONDS
            self._report(f"{kept.name} {reason}; starting it again in {delay:.1f} s (log: {kept.part.command.log})")
            kept.restarts += 1
            self._now(kept, State.WAITING)
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)

    async def _run_once(self, kept: Kept) -> str:
        """Run the process until it ends or must be ended, and say why."""
        try:
            process = await self._spawn(self._logged(kept.part.command))
        except OSError as fault:
            return f"could not be started ({fault.strerror})"
        kept.pid = process.pid
        self._now(kept, State.STARTING)
        watch = asyncio.create_task(self._watch(kept))
        end = asyncio.create_task(process.wait())
        try:
            await asyncio.wait((watch, end), return_when=asyncio.FIRST_COMPLETED)
            return watch.result() if watch.done() else _ending(end.result())
        finally:
            await _to_its_end(self._end(kept, process, watch))

    def _logged(self, command: child.Command) -> child.Command:
        """The command, with its log if the disk takes one: what it says may be lost, and its work goes on. Errors: OSError."""
        try:
            child.open_log(command.log).close()
        except OSError as fault:
            if not is_full(fault):
                raise
            self._report(f"{command.log} takes nothing ({fault.strerror}): what {command.name} says is lost until it starts again.")
            return replace(command, log=Path(os.devnull))
        return command

    async def _end(self, kept: Kept, process: child.Process, watch: "asyncio.Task[str]") -> None:
        while not watch.done():
            # More than once: a client library can lose the one that comes with its own time limit.
            watch.cancel()
            await asyncio.wait((watch,), timeout=_PROBE_SECONDS)
        await child.stop(process, kept.part.command, grace_seconds=_GRACE_SECONDS)
        kept.pid = None
        self._now(kept, State.ENDED)

    async def _watch(self, kept: Kept) -> str:
        """Follow the process's health; return only when it must be ended, with the reason."""
        last_good, limit, pause = time.monotonic(), kept.part.ready_within_seconds, _FIRST_PROBE_SECONDS
        while True:
            health = await (_asked(kept.part.probe) if kept.ready.is_set() else kept.part.probe())
            if health.healthy:
                last_good, limit, pause = time.monotonic(), _UNHEALTHY_SECONDS, _PROBE_SECONDS
                if kept.state is not State.READY:
                    if kept.ready.is_set():
                        self._report(f"{kept.name} is well again")
                    kept.ready.set()
                    self._now(kept, State.READY)
            elif time.monotonic() - last_good > limit:
                return f"was not healthy for {limit:.0f} s ({'; '.join(health.reasons) or 'no answer'})"
            elif kept.state is State.READY:
                self._report(f"{kept.name} is not well: {'; '.join(health.reasons) or 'no answer'}")
                self._now(kept, State.UNHEALTHY)
            await asyncio.sleep(pause)

    def _fell(self, kept: Kept, task: "asyncio.Task[None]") -> None:
        """A fault of this program in the keeping of a part must be seen, or the part would be kept no more in silence."""
        if not task.cancelled() and (fault := task.exception()):
            kept.gave_up = f"{kept.name} is no longer watched, because of {type(fault).__name__}: {fault}"
            self._report(kept.gave_up)
            kept.ready.set()

    def _now(self, kept: Kept, state: State) -> None:
        kept.state = state
        self._changed(list(self._kept.values()))


async def _to_its_end(step: Coroutine[object, object, None]) -> None:
    """Take the step whole. Whoever is told to stop meanwhile stops after it: half of it would leave a process that nobody keeps, and a
    `stop` that is swallowed on the way would have it started again for ever."""
    task = asyncio.create_task(step)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise


async def _asked(probe: Probe) -> Health:
    """What the probe of a part that was ready found. One that fails itself has found nobody well, and must not end the watching."""
    try:
        return await probe()
    except Exception as fault:  # noqa: BLE001 - a client library fails in ways of its own while its server dies
        return Health(False, (f"could not be asked ({type(fault).__name__})",))


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"


def _last_words(command: child.Command) -> str:
    """The last line that the process wrote, for a person who will not open the log."""
    try:
        with command.log.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - _LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f", which ends with: {lines[-1][:300]}" if lines else ""
