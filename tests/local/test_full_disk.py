"""The disk is full at each file that the stack's own program writes: one sentence says so, no half a file is left, and it goes on later."""

import argparse
import ast
import asyncio
import errno
import hashlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import jgo.env
import pytest
from rentbook_local import assets, check, child, cli, estate, export, kafka, layout, passwords, places, postgres, runner
from rentbook_local.demo import writing
from rentbook_local.forkserver import ForkServer
from rentbook_local.journey.story import Journey
from rentbook_local.layout import Layout
from rentbook_local.problem import Problem
from rentbook_local.supervisor import Health, Part, Supervisor
from rentbook_local.writing import write_whole


def state(folder: Path) -> Layout:
    return layout.open_state(folder / "state", 23400)


def begun(folder: Path) -> Layout:
    at = state(folder)
    for process in ("bank-simulator", "demo"):
        at.of(process).mkdir(parents=True, exist_ok=True)
    return at


def own(at: Layout) -> None:
    with layout.owned(at):
        pass


def export_into(at: Layout) -> None:
    passwords.make_or_read(at)
    export.main(at, argparse.Namespace(what="journal", format="csv", output=at.folder / "journal.csv"))


def demonstrate(at: Layout) -> None:
    writing.write(at.of("demo"), at.folder, writing.london_today())


def kafkas(at: Layout) -> kafka.Server:
    return kafka.Server(at.of("kafka"), at.port("kafka"), at.port("kafka-controller"), {kafka.ADMIN: "secret"})


async def nothing(*_: object, **__: object) -> str:
    return ""


def migrate(at: Layout) -> None:
    run = runner._Run(at, with_estate=False)
    run.forks.finish = nothing  # type: ignore[method-assign]
    asyncio.run(run._migrate("ledger"))


def open_the_estate(at: Layout) -> None:
    demonstrate(at)
    asyncio.run(estate.load_once(at, lambda _: None, SimpleNamespace(finish=nothing)))  # type: ignore[arg-type]


WRITTEN: dict[str, Callable[[Layout], object]] = {
    "ports.json": own,
    "processes.json": lambda at: layout.write(at.folder / "processes.json", {"phase": "ready"}),
    "service_token": passwords.make_or_read,
    "payee_keys.json": passwords.make_or_read,
    "kafka_password": passwords.make_or_read,
    "server.properties": lambda at: kafka.prepare(kafkas(at), []),
    "format.arguments": lambda at: kafka.prepare(kafkas(at), []),
    "migrated": migrate,
    "estate-is-open": open_the_estate,
    "console.log": lambda at: cli._run_apart(at, with_estate=False),
    "estate.jsonl": demonstrate,
    "register.json": demonstrate,
    "cast.json": demonstrate,
    "report.json": lambda at: check._write(at.folder / "report.json", {"kept": True}),
    "journey.json": lambda at: Journey(at, lambda _: None).write(at.folder / "journey.json"),
    "journal.csv": export_into,
    "password": lambda at: postgres.prepare(postgres.Server(at.of("postgres"), at.port("postgres"), "secret", {})),
}

ADVICE = {"journal.csv": ", and nothing was left on it: make room there, or choose another place with --output."}
"""What to do where that is not to free space and start again: an export's place is the caller's to choose."""


@pytest.mark.parametrize("name", WRITTEN)
def test_a_full_disk_is_said_and_leaves_no_half_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    at, places = begun(tmp_path), tmp_path / "places"
    places.mkdir()
    (places / f"write.{name}").touch()
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(places))
    assert cli._told(lambda: int(WRITTEN[name](at) is not None)) == 1
    said = capsys.readouterr().err
    assert f"{name} is full{ADVICE.get(name, ': free some space, then start again.')}" in said
    assert len(said.splitlines()) == 1
    assert (places / f"write.{name}.hit").exists()
    assert [*at.folder.rglob(name), *at.folder.rglob("*.making")] == []


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Full":
    (tmp_path / "places").mkdir()
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(tmp_path / "places"))
    return Full(tmp_path / "places")


class Full:
    """The disk, which is full for files of the names that are armed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def arm(self, name: str) -> None:
        (self._folder / f"write.{name}").touch()

    def free(self) -> None:
        for armed in self._folder.glob("write.*"):
            armed.unlink()


def told(does: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> str:
    """The one sentence in which a command says why it did not do this."""
    assert cli._told(lambda: int(does() is not None)) == 1
    [said] = capsys.readouterr().err.splitlines()
    return said


def test_a_runner_that_cannot_note_itself_says_so_and_the_next_one_owns_the_state(
    tmp_path: Path, full: Full, capsys: pytest.CaptureFixture[str]
) -> None:
    at = state(tmp_path)
    full.arm("lock")
    assert told(lambda: own(at), capsys) == f"rentbook: The disk of {at.folder / 'lock'} is full: free some space, then start again."
    assert (at.folder / "lock").read_bytes() == b""
    full.free()
    with layout.owned(at):
        assert layout.owner(at) == os.getpid()


# --- what every start of a user shares ---------------------------------------------------------------------------------------------

JARS = ("broker.jar", "clients.jar")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """In the place of Maven's: what it gives is linked from a cache of its own, which takes what lies there for whole."""
    told = SimpleNamespace(cache=tmp_path / "cache", full_at=None, content={name: f"the whole {name}" for name in JARS})

    class Builder:
        def __init__(self, context: Any, cache_dir: Path) -> None:
            self._repository, self._made = Path(context.repo_cache), cache_dir / "kafka"

        def from_endpoint(self, _: str) -> SimpleNamespace:
            for folder in (self._repository, self._made / "jars"):
                folder.mkdir(parents=True, exist_ok=True)
            for name, content in told.content.items():
                kept = self._repository / name
                if not kept.exists():
                    kept.write_text(content[: 3 if name == told.full_at else None])
                    if name == told.full_at:
                        raise RuntimeError("no artifact") from OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                (self._made / "jars" / name).unlink(missing_ok=True)
                os.link(kept, self._made / "jars" / name)
            return SimpleNamespace(path=self._made)

    locked = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in told.content.items()}
    monkeypatch.setenv("RENTBOOK_CACHE", str(told.cache))
    monkeypatch.setattr(jgo.env, "EnvironmentBuilder", Builder)
    monkeypatch.setattr(kafka, "_locked_jars", lambda: locked)
    return told


def jars_are_whole(registry: SimpleNamespace) -> bool:
    return [jar.read_text() for jar in kafka.jars()] == [*registry.content.values()]


@pytest.mark.parametrize("name", JARS)
def test_jars_that_found_no_space_are_fetched_anew(
    registry: SimpleNamespace, full: Full, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    full.arm(name)
    assert f"{name} is full: free some space, then start again." in told(kafka.jars, capsys)
    assert [*(registry.cache / "kafka").iterdir()] == [], "no folder with half of them"
    full.free()
    assert jars_are_whole(registry)


@pytest.mark.parametrize("name", JARS)
def test_what_the_registry_could_not_write_is_said_and_fetched_anew(
    registry: SimpleNamespace, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    registry.full_at = name
    said = told(kafka.jars, capsys)
    assert said == f"rentbook: The disk of {registry.cache / 'maven'} is full: free some space, then start again."
    registry.full_at = None
    assert jars_are_whole(registry)


def test_a_jar_that_is_not_the_right_one_is_not_given_to_the_next_start_again(registry: SimpleNamespace) -> None:
    right = dict(registry.content)
    registry.content["clients.jar"] = "another"
    with pytest.raises(Problem, match=r"clients\.jar is not the one that .* names: start again to fetch it"):
        kafka.jars()
    registry.content.update(right)
    assert jars_are_whole(registry)


async def test_what_java_learned_is_kept_whole_or_not_at_all_and_nothing_waits_for_it(
    tmp_path: Path, full: Full, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at, kept = begun(tmp_path), tmp_path / "cache" / "kafka" / "learned.aot"
    kept.parent.mkdir(parents=True)
    at.of("kafka").mkdir()

    async def learn(server: kafka.Server, class_path: Any, log: Path) -> None:
        server.folder.mkdir()
        (server.folder / "learned").write_text("all of it")
        kafka.remember(server.folder / "learned", class_path)

    monkeypatch.setattr(kafka, "jars", list)
    monkeypatch.setattr(kafka, "memory", lambda _: kept)
    monkeypatch.setattr(kafka, "train", learn)
    monkeypatch.setattr(runner, "_QUIET_SECONDS", 0)
    run = runner._Run(at, with_estate=False)
    full.arm("learned.aot")
    await run._train_kafka()
    [said] = capsys.readouterr().out.splitlines()
    assert said.endswith(f"Kafka's start could not be made faster. The disk of {kept} is full: free some space, then start again.")
    assert ([*kept.parent.iterdir()], at.of("kafka-training").exists()) == ([], False)
    full.free()
    await run._train_kafka()
    assert kept.read_text() == "all of it"


def test_styles_that_could_not_be_noted_are_fetched_anew(
    tmp_path: Path, full: Full, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "node_modules").mkdir()
    monkeypatch.setattr(assets, "_DESK", tmp_path)
    monkeypatch.setattr(child, "finish", lambda *_, **__: "")
    full.arm(".rentbook-lock")
    assert ".rentbook-lock is full: free some space, then start again." in told(assets.install, capsys)
    assert not assets.are_here()
    full.free()
    assets.install()
    assert assets.are_here()


def test_styles_that_npm_found_no_space_for_are_not_blamed_on_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise Problem("npm failed (npm error code ENOSPC / npm error syscall write).")

    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setattr(assets, "_DESK", tmp_path)
    monkeypatch.setattr(child, "finish", fail)
    said = told(assets.install, capsys)
    assert said == f"rentbook: The disk of {tmp_path} or of {places.cache()} is full: free some space, then start again."


def test_an_installation_that_could_not_be_noted_is_done_anew(
    tmp_path: Path, full: Full, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = the_command()
    stamp = tmp_path / "rentbook-installed"
    monkeypatch.setattr(command, "PYTHON", Path(sys.executable))
    for step in ("make_venv", "install_uv", "uv"):
        monkeypatch.setattr(command, step, lambda *_: None)
    full.arm(stamp.name)
    with pytest.raises(SystemExit):
        command.install({stamp: "the print"}, ())
    assert capsys.readouterr().err == f"rentbook: The disk of {places.ROOT} is full: free some space, then start again.\n"
    assert not command.is_installed({stamp: "the print"})
    full.free()
    command.install({stamp: "the print"}, ())
    assert command.is_installed({stamp: "the print"})


def the_command() -> ModuleType:
    """./rentbook as a module, which it is for nobody else."""
    loader = importlib.machinery.SourceFileLoader("rentbook_command", str(places.ROOT / "rentbook"))
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec("rentbook_command", loader, origin=loader.path))
    module.__file__ = loader.path
    loader.exec_module(module)
    return module


# --- what is said is lost, and the work goes on --------------------------------------------------------------------------------------


async def test_a_process_whose_log_finds_no_space_works_without(tmp_path: Path, full: Full) -> None:
    said: list[str] = []

    async def has_worked() -> Health:
        return Health((tmp_path / "worked").exists())

    code = "print('begun', flush=True); open('worked', 'w').close(); import time; time.sleep(60)"
    command = child.Command("server", (sys.executable, "-c", code), child.surroundings(), tmp_path, tmp_path / "logs" / "server.log")
    over = Supervisor(said.append, lambda _: None)
    full.arm("server.log")
    try:
        await over.start(Part(command, has_worked))
    finally:
        await over.stop(["server"])
    assert said[0] == f"{command.log} takes nothing (No space left on device): what server says is lost until it starts again."
    assert not command.log.exists()
    (tmp_path / "worked").unlink()
    full.free()
    try:
        await over.start(Part(command, has_worked))
    finally:
        await over.stop(["server"])
    assert command.log.read_text() == "begun\n"


async def test_without_space_for_the_fork_servers_log_every_process_starts_by_itself(tmp_path: Path, full: Full) -> None:
    full.arm("forkserver.log")
    forks = ForkServer(("wave",), tmp_path, tmp_path / "forkserver.log")
    await forks.start()
    try:
        (tmp_path / "told.py").write_text("print('done')")
        command = child.Command("told", (sys.executable, "-m", "told"), child.surroundings(), tmp_path, tmp_path / "told.log")
        assert await forks.finish(command, "Telling") == "done\n"
        process = await forks.spawn(command)
        assert await process.wait() == 0
    finally:
        await forks.end()
    assert command.log.read_text() == "done\n"


def test_a_runner_whose_words_find_no_space_goes_on(
    tmp_path: Path, full: Full, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runner._Run(begun(tmp_path), with_estate=False)
    full.arm("console.log")
    run.say("lost")
    full.free()
    with open("/dev/full", "w", encoding="utf-8") as nowhere, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", nowhere)
        run.say("lost too")
        # What its buffer holds would fail again as it is closed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), nowhere.fileno())
    run.say("there is space again")
    [said] = capsys.readouterr().out.splitlines()
    assert said.endswith("there is space again")


# --- no file is forgotten ------------------------------------------------------------------------------------------------------------

WRITERS = {"write_text", "write_bytes", "copyfile", "copy", "copy2", "copytree", "move", "mkstemp", "memfd_create"}
TEMPORARY = {"TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile"}
BY_THEMSELVES = {
    "rentbook_local/writing.py": 4,
    "bank_simulator/writing.py": 2,
    "rentbook_local/export.py": 1,
    "rentbook_local/cli.py": 2,
    "rentbook_local/child.py": 1,
    "rentbook_local/layout.py": 1,
    "rentbook_local/forkserver.py": 1,
}
"""How many places write a file otherwise than by `write_whole` and `copy_whole`; each of them has its own test above.

An export as it comes, the console of a runner that is on its own (which `./rentbook run` opens once and a broken pipe once), the logs, the
lock, and what a short command prints, which is in memory.
"""


def test_every_file_that_the_stacks_own_program_writes_can_find_the_disk_full() -> None:
    found: dict[str, int] = {}
    for source in ("deploy/local/src", "deploy/simulators/src"):
        for file in (places.ROOT / source).rglob("*.py"):
            if many := sum(1 for _ in writes(ast.parse(file.read_text(encoding="utf-8")))):
                found[str(file.relative_to(places.ROOT / source))] = many
    assert found == BY_THEMSELVES


def writes(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that may write a file by themselves."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id if isinstance(node.func, ast.Name) else ""
        words = [str(word.value) for word in (*node.args, *(one.value for one in node.keywords)) if isinstance(word, ast.Constant)]
        opens = name == "open" and any(set(word) <= set("rwaxbt+") and set(word) & set("wax+") for word in words)
        flags = {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)} & {"O_CREAT", "O_WRONLY", "O_APPEND"}
        if name in WRITERS | TEMPORARY or opens or (name == "open" and flags):
            yield node


@pytest.mark.parametrize(
    ("source", "writing"),
    [
        ("path.write_text('x')", True),
        ("shutil.copyfile(one, other)", True),
        ("path.open('ab')", True),
        ("open(path, mode='w', encoding='utf-8')", True),
        ("os.open(path, os.O_CREAT | os.O_RDWR)", True),
        ("path.open('rb')", False),
        ("open(path, encoding='utf-8')", False),
        ("os.open(path, os.O_RDONLY)", False),
        ("browser.open(at)", False),
    ],
)
def test_a_file_that_is_written_by_itself_is_seen(source: str, writing: bool) -> None:
    assert [*map(bool, writes(ast.parse(source)))] == [True] * writing


def test_a_state_whose_first_file_found_no_space_can_be_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = tmp_path / "places"
    places.mkdir()
    (places / "write.layout").touch()
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(places))
    with pytest.raises(OSError) as full:
        state(tmp_path)
    assert full.value.errno == errno.ENOSPC
    (places / "write.layout").unlink()
    assert state(tmp_path).port("kafka") == 23411


def test_a_demonstration_that_found_no_space_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at, places = begun(tmp_path), tmp_path / "places"
    places.mkdir()
    (places / "write.register.json").touch()
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(places))
    with pytest.raises(OSError, match="No space left"):
        demonstrate(at)
    assert not (at.of("demo") / "cast.json").exists(), "what tells that all is there must be written last"
    (places / "write.register.json").unlink()
    demonstrate(at)
    assert (at.of("demo") / "cast.json").exists()


def test_whoever_reads_meanwhile_sees_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    write_whole(file, "former")
    (tmp_path / "write.report.json").touch()
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(tmp_path))
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, "later")
    assert file.read_text() == "former"
