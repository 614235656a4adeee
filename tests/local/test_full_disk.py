"""The disk is full at each file that the stack's own program writes: one sentence says so, no half a file is left, and it goes on later."""

import argparse
import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from rentbook_local import check, cli, export, kafka, layout, passwords, postgres
from rentbook_local.demo import writing
from rentbook_local.journey.story import Journey
from rentbook_local.layout import Layout
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


WRITTEN: dict[str, Callable[[Layout], object]] = {
    "ports.json": own,
    "processes.json": lambda at: layout.write(at.folder / "processes.json", {"phase": "ready"}),
    "service_token": passwords.make_or_read,
    "payee_keys.json": passwords.make_or_read,
    "kafka_password": passwords.make_or_read,
    "server.properties": lambda at: kafka.prepare(kafkas(at), []),
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
