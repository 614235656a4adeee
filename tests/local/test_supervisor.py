"""The supervisor: what ends is started again, what is ill too, and nothing outlives it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rentbook_local import child, supervisor
from rentbook_local.problem import Problem
from rentbook_local.supervisor import Health, Part, Supervisor

_LIMIT_SECONDS = 10.0


def _command(folder: Path, name: str, code: str) -> child.Command:
    return child.Command(name, (sys.executable, "-c", code), child.surroundings(), folder, folder / f"{name}.log")


async def _well() -> Health:
    return Health(True)


async def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "not within 10 s"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def _supervising(*names: str) -> AsyncIterator[tuple[Supervisor, list[str], dict[str, supervisor.Kept]]]:
    told: list[str] = []
    kept: dict[str, supervisor.Kept] = {}
    over = Supervisor(told.append, lambda entries: kept.update({entry.name: entry for entry in entries}))
    try:
        yield over, told, kept
    finally:
        await over.stop(names)


async def test_a_process_that_dies_is_started_again_and_a_person_is_told(tmp_path: Path) -> None:
    async with _supervising("server") as (over, told, kept):
        await over.start(Part(_command(tmp_path, "server", "import time; time.sleep(60)"), _well))
        over.started()
        first = kept["server"].pid
        assert first
        os.kill(first, signal.SIGKILL)
        await _until(lambda: kept["server"].pid not in (None, first))
        assert kept["server"].restarts == 1
        assert any("server was ended by signal 9; starting it again in 0.5 s" in line for line in told)


async def test_a_process_that_lives_but_is_ill_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_UNHEALTHY_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "_PROBE_SECONDS", 0.05)
    healths = iter([True, False, False, False, False, False, False, False, False])

    async def probe() -> Health:
        return Health(next(healths, True), ("no progress for 120 s",))

    async with _supervising("service") as (over, told, kept):
        await over.start(Part(_command(tmp_path, "service", "import time; time.sleep(60)"), probe))
        over.started()
        first = kept["service"].pid
        await _until(lambda: kept["service"].pid not in (None, first))
        assert any("was not healthy for 0 s (no progress for 120 s)" in line for line in told)


async def test_a_probe_that_fails_itself_does_not_end_the_watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PROBE_SECONDS", 0.05)
    asked = 0

    async def probe() -> Health:
        nonlocal asked
        asked += 1
        if 2 <= asked <= 3:
            raise RuntimeError("the client library's own words")
        return Health(True)

    async with _supervising("server") as (over, told, kept):
        await over.start(Part(_command(tmp_path, "server", "import time; time.sleep(60)"), probe))
        over.started()
        await _until(lambda: "server is well again" in told)
        assert "server is not well: could not be asked (RuntimeError)" in told
        first = kept["server"].pid
        assert first
        os.kill(first, signal.SIGKILL)
        await _until(lambda: kept["server"].pid not in (None, first))


async def test_what_never_becomes_ready_stops_the_start_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_SECONDS", 0.01)

    async def ill() -> Health:
        return Health(False)

    async with _supervising("broken") as (over, _, _kept):
        with pytest.raises(Problem, match=r"broken ended with code 3: see .*broken\.log, which ends with: no such table"):
            await over.start(Part(_command(tmp_path, "broken", "print('no such table'); raise SystemExit(3)"), ill))


async def test_a_missing_program_is_told_and_not_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_SECONDS", 0.01)
    command = child.Command("gone", ("/nowhere/program",), child.surroundings(), tmp_path, tmp_path / "gone.log")
    async with _supervising("gone") as (over, _, _kept):
        with pytest.raises(Problem, match=r"gone could not be started \(No such file or directory\)"):
            await over.start(Part(command, _well))


async def test_a_part_that_is_just_being_ended_when_all_are_told_to_stop_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY_SECONDS", 0.01)
    left, may_leave = asyncio.Event(), asyncio.Event()

    async def leaves_slowly() -> Health:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
            await may_leave.wait()
        raise AssertionError

    async with _supervising("server") as (over, told, kept):
        over.started()
        starting = asyncio.create_task(over.start(Part(_command(tmp_path, "server", "raise SystemExit(3)"), leaves_slowly)))
        await left.wait()
        stopped = asyncio.create_task(over.stop(["server"]))
        await asyncio.sleep(0)
        may_leave.set()
        await asyncio.wait_for(stopped, _LIMIT_SECONDS)
        assert told == []
        assert (kept["server"].pid, kept["server"].restarts) == (None, 0)
        starting.cancel()


async def test_a_fault_in_a_probe_is_told_and_not_lost(tmp_path: Path) -> None:
    async def broken() -> Health:
        raise KeyError("reasons")

    async with _supervising("server") as (over, _, _kept):
        with pytest.raises(Problem, match="server is no longer watched, because of KeyError"):
            await over.start(Part(_command(tmp_path, "server", "import time; time.sleep(60)"), broken))


async def test_services_end_before_servers_and_with_all_their_children(tmp_path: Path) -> None:
    def noted(name: str) -> str:
        return (
            "import signal, subprocess, sys, time\n"
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
            f"signal.signal(signal.SIGTERM, lambda *_: (open({str(tmp_path / 'ends')!r}, 'a').write('{name} '), sys.exit(0)))\n"
            "print('up', flush=True)\n"
            "time.sleep(60)\n"
        )

    async with _supervising() as (over, _, kept):
        for name in ("server", "service"):
            log = tmp_path / f"{name}.log"
            await over.start(Part(_command(tmp_path, name, noted(name)), _says_up(log)))
        sessions = [entry.pid for entry in kept.values()]
        await over.stop(["service"], ["server"])
    assert (tmp_path / "ends").read_text() == "service server "
    assert len([session for session in sessions if session]) == 2
    # A child is killed by the end of its parent, and takes a moment to be gone.
    await _until(lambda: not any(_members(session) for session in sessions if session))


def _says_up(log: Path) -> Callable[[], Awaitable[Health]]:
    async def probe() -> Health:
        return Health("up" in await asyncio.to_thread(log.read_text))

    return probe


def _members(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, *fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == session and state != "Z":
            found.append(int(stat.parent.name))
    return found


_RUNS_TWO = """
import asyncio, sys
from pathlib import Path
from rentbook_local import child
from rentbook_local.supervisor import Health, Part, Supervisor
async def well():
    return Health(True)
async def main():
    folder = Path(sys.argv[1])
    pids = {}
    over = Supervisor(lambda _: None, lambda kept: pids.update({entry.name: entry.pid for entry in kept}))
    for name in ("one", "two"):
        command = child.Command(name, (sys.executable, "-c", "import time; time.sleep(60)"), child.surroundings(), folder, folder / name)
        await over.start(Part(command, well))
    print(*pids.values(), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def test_nothing_outlives_a_runner_that_is_killed(tmp_path: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", _RUNS_TWO, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert runner.stdout
    sessions = [int(pid) for pid in runner.stdout.readline().split()]
    assert len(sessions) == 2
    assert all(_members(session) for session in sessions)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    end = time.monotonic() + _LIMIT_SECONDS
    while left := [session for session in sessions if _members(session)]:
        assert time.monotonic() < end, f"{left} outlived the runner by 10 s"
        time.sleep(0.02)
