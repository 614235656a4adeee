"""Services begin as copies of one process, and whoever looks at them sees what another start would have made."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rentbook_local import child, layout
from rentbook_local.forkserver import ForkServer
from rentbook_local.problem import Problem

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="on other systems every command starts by itself")

_LIMIT_SECONDS = 10.0
_TELLS_OF_ITSELF = """
import gc, json, os, sys
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
arguments = open("/proc/self/cmdline", "rb").read().rstrip(b"\\0").decode().split("\\0")
print(json.dumps({
    "name": __name__, "argv": sys.argv, "shown": arguments, "environment": dict(os.environ), "directory": os.getcwd(),
    "parent": os.getppid(), "session": os.getsid(0) == os.getpid(),
    "copied": "rentbook_local.copying" in sys.orig_argv, "collects": gc.isenabled(),
    "files": sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1], "imported": "wave" in sys.modules, "path": sys.path[0],
}))
"""


@pytest.fixture
async def forks(tmp_path: Path) -> AsyncIterator[ForkServer]:
    made = ForkServer(("wave",), tmp_path, tmp_path / "forkserver.log")
    await made.start()
    try:
        yield made
    finally:
        await made.end()


def _command(folder: Path, code: str, *words: str, **more: str) -> child.Command:
    (folder / "told.py").write_text(code)
    return child.Command("told", (sys.executable, "-m", "told", *words), child.surroundings(**more), folder, folder / "told.log")


async def test_a_copy_is_in_all_that_can_be_seen_what_the_command_says(forks: ForkServer, tmp_path: Path) -> None:
    command = _command(tmp_path, _TELLS_OF_ITSELF, "one", "two", SECRET="ours")
    copied = json.loads(await forks.finish(command, "Telling"))
    plain = json.loads(await asyncio.to_thread(child.finish, command, "Telling"))
    differences = [(copied.pop(what), plain.pop(what)) for what in ("copied", "imported")]
    assert differences == [(True, False), (True, False)]
    assert copied["files"] == [0, 1, 2], "nothing of the first process is still open"
    assert copied == plain
    assert copied["shown"] == list(command.argv)


async def test_a_copy_writes_into_its_log_and_ends_as_it_is_told(forks: ForkServer, tmp_path: Path) -> None:
    command = _command(tmp_path, "import time; print('begun'); time.sleep(60)")
    process = await forks.spawn(command)
    end = time.monotonic() + _LIMIT_SECONDS
    while not (command.log.exists() and "begun" in command.log.read_text()):
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    assert process.returncode is None
    await forks.end()
    assert layout.born(process.pid), "what was copied goes on without the first process"
    await child.stop(process, command, grace_seconds=_LIMIT_SECONDS)
    assert process.returncode == -signal.SIGTERM


async def test_what_a_short_command_prints_lies_on_no_disk(forks: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    said = await forks.finish(_command(tmp_path, "import os; print(os.readlink('/proc/self/fd/1'))"), "Telling")
    assert said.startswith("/memfd:told")


async def test_a_copy_that_fails_is_told_of_by_its_last_words(forks: ForkServer, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"Telling failed \(.*ValueError: a bad word\)"):
        await forks.finish(_command(tmp_path, "raise ValueError('a bad word')"), "Telling")
    with pytest.raises(Problem, match="Telling failed \\(exit code 3\\)"):
        await forks.finish(_command(tmp_path, "raise SystemExit(3)"), "Telling")


async def test_a_copy_that_takes_too_long_is_ended(forks: ForkServer, tmp_path: Path) -> None:
    await forks.finish(_command(tmp_path, "# the first process has imported what it copies"), "Warming up")
    command = _command(tmp_path, "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)")
    with pytest.raises(Problem, match="did not end within 5 s"):
        await forks.finish(command, "Telling", limit_seconds=5)
    assert layout.born(int((tmp_path / "pid").read_text())) is None


async def test_no_copy_has_the_settings_of_another_in_its_memory(forks: ForkServer, tmp_path: Path) -> None:
    """The looking is proven by the one of its own that it finds."""
    looks = """
import re
found = set()
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(place, 16) for place in line.split()[0].split("-"))
        if line.split()[1].startswith("rw"):
            memory.seek(start)
            found.update(re.findall(rb"password-([a-z]+)-of-it", memory.read(end - start)))
print(*(word.decode() for word in found))
"""
    await forks.finish(_command(tmp_path, "", SECRET="password-first-of-it"), "The first")
    assert (await forks.finish(_command(tmp_path, looks, SECRET="password-second-of-it"), "The second")).split() == ["second"]


async def test_without_the_first_process_a_command_starts_by_itself(forks: ForkServer, tmp_path: Path) -> None:
    command = _command(tmp_path, _TELLS_OF_ITSELF)
    assert json.loads(await forks.finish(command, "Telling"))["copied"]
    assert forks._process
    os.kill(forks._process.pid, signal.SIGKILL)
    assert not json.loads(await forks.finish(command, "Telling"))["copied"]
    process = await forks.spawn(command)
    assert await process.wait() == 0
    await forks.end()
    assert not json.loads(await forks.finish(command, "Telling"))["copied"]


async def test_what_is_no_module_does_not_wait_for_the_imports(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "slow.py").write_text("open('gate').read()")
    forks = ForkServer(("slow",), tmp_path, tmp_path / "forkserver.log")
    await forks.start()
    try:
        waiting = asyncio.ensure_future(forks.finish(_command(tmp_path, _TELLS_OF_ITSELF), "Telling"))
        await asyncio.sleep(0)
        other = child.Command("other", (sys.executable, "-c", ""), child.surroundings(), tmp_path, tmp_path / "other.log")
        async with asyncio.timeout(_LIMIT_SECONDS):
            assert await (await forks.spawn(other)).wait() == 0
        assert not waiting.done()
        await asyncio.to_thread((tmp_path / "gate").write_text, "open")
        assert json.loads(await waiting)["copied"]
    finally:
        await forks.end()


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", id="a thread"),
        pytest.param("raise ValueError('not in this way')", id="a fault"),
    ],
)
async def test_modules_that_cannot_be_shared_cost_only_the_time(tmp_path: Path, code: str) -> None:
    (tmp_path / "unshareable.py").write_text(code)
    forks = ForkServer(("unshareable",), tmp_path, tmp_path / "forkserver.log")
    await forks.start()
    try:
        assert not json.loads(await forks.finish(_command(tmp_path, _TELLS_OF_ITSELF), "Telling"))["copied"]
    finally:
        await forks.end()
    assert "Error" in (tmp_path / "forkserver.log").read_text()


def test_a_copy_dies_with_the_runner_that_adopted_it(tmp_path: Path) -> None:
    runner = """
import asyncio, sys, time
from pathlib import Path
from rentbook_local import child
from rentbook_local.forkserver import ForkServer

async def main(folder):
    forks = ForkServer((), folder, folder / "log")
    await forks.start()
    words = (sys.executable, "-m", "told")
    process = await forks.spawn(child.Command("told", words, child.surroundings(), folder, folder / "told.log"))
    await forks.end()
    print(process.pid, flush=True)
    await process.wait()

asyncio.run(main(Path(sys.argv[1])))
"""
    (tmp_path / "told.py").write_text("import time; print('begun', flush=True); time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", runner, str(tmp_path)], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        pid = int(running.stdout.readline())
        _until_log(tmp_path / "told.log", "begun")
        birth = layout.born(pid)
        assert birth
        running.kill()
    end = time.monotonic() + _LIMIT_SECONDS
    while layout.born(pid) == birth and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]:
        assert time.monotonic() < end
        time.sleep(0.01)


def _until_log(log: Path, word: str) -> None:
    end = time.monotonic() + _LIMIT_SECONDS
    while not (log.exists() and word in log.read_text()):
        assert time.monotonic() < end
        time.sleep(0.01)
