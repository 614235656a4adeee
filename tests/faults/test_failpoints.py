"""The places themselves: the code, the page about them and the tests know the same ones; unarmed they do nothing."""

import ast
import errno
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rentbook_local import places

from chassis import failpoint
from faults.client import STEPS, WRITE_OFF_STEPS
from faults.plan import BY_MAIL, BY_OPERATORS, BY_PARKING, NO_SPACE, ROUNDS, WRITE_OFF_ROUNDS, sample

_SOURCES = ("chassis/src", "services", "workflows/src")


def in_code() -> list[str]:
    """The names that the code passes, from its syntax; a name that is not written out there fails."""
    found = []
    for folder in _SOURCES:
        for file in (places.ROOT / folder).rglob("src/**/*.py" if folder == "services" else "**/*.py"):
            if "node_modules" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                # `write_at` passes on the name that it is given.
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("reached", "write_at"):
                    if file.name == "failpoint.py":
                        continue
                    name = node.args[0]
                    assert isinstance(name, ast.Constant), f"{file.name}: a place's name is written out"
                    found.append(str(name.value))
    return found


def test_the_code_the_page_and_the_tries_name_the_same_places() -> None:
    page = (places.ROOT / "docs" / "failpoints.md").read_text(encoding="utf-8")
    in_docs = re.findall(r"^\| `([a-z.-]+)` \|", page, re.MULTILINE)
    tried = {one.place for tries in (*ROUNDS, *WRITE_OFF_ROUNDS) for one in tries} | {*BY_MAIL, *BY_PARKING, *BY_OPERATORS}
    assert len(in_docs) == len(set(in_docs))
    assert set(in_code()) == set(in_docs) == tried
    assert len(tried) > 20
    assert set(NO_SPACE) <= tried


def test_no_process_is_tried_twice_at_a_place_in_one_case() -> None:
    for tries in (*ROUNDS, *WRITE_OFF_ROUNDS):
        assert len({(one.process, one.place) for one in tries}) == len(tries)


def test_what_is_tried_is_armed_before_a_step_that_is_taken() -> None:
    for rounds, steps in ((ROUNDS, STEPS), (WRITE_OFF_ROUNDS, WRITE_OFF_STEPS)):
        assert {one.before for tries in rounds for one in tries} <= set(steps)


def test_on_the_way_of_a_write_off_each_of_its_processes_ends() -> None:
    assert {one.process for tries in WRITE_OFF_ROUNDS for one in tries} == {"approvals", "writeoffs", "notices", "ledger", "workflows"}


def test_a_sample_has_so_many_of_each_way_and_no_place_of_a_process_twice() -> None:
    for seed in range(200):
        refund, write_off = sample(seed, 3, 3)
        assert (len(refund), len(write_off)) == (3, 3)
        assert len({(one.process, one.place) for one in (*refund, *write_off)}) == 6


def test_an_armed_place_ends_the_process_once(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("exit")
    words = [sys.executable, "-c", "from chassis.failpoint import reached; reached('here'); print('went on')"]
    environment = {"RENTBOOK_FAILPOINTS": str(tmp_path)}
    first = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert (first.returncode, first.stdout) == (failpoint.EXIT_STATUS, b"")
    assert (tmp_path / "here.hit").exists()
    again = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert (again.returncode, again.stdout) == (0, b"went on\n")


def test_a_full_disk_stays_full_until_the_file_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(tmp_path))
    armed = tmp_path / "there"
    armed.write_text("no-space")
    for _ in range(2):
        with pytest.raises(OSError) as full:
            failpoint.reached("there")
        assert full.value.errno == errno.ENOSPC
    armed.unlink()
    failpoint.reached("there")


def test_a_disk_that_fills_up_takes_half_of_what_is_written_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(tmp_path))
    (tmp_path / "there").write_text("no-space")
    with (tmp_path / "file").open("wb") as file, pytest.raises(OSError, match="No space left"):
        failpoint.write_at("there", file, b"whole")
    assert (tmp_path / "file").read_bytes() == b"wh"
    (tmp_path / "there").unlink()
    with (tmp_path / "file").open("wb") as file:
        failpoint.write_at("there", file, b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_without_a_folder_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RENTBOOK_FAILPOINTS", raising=False)
    monkeypatch.setattr(failpoint, "_fail_if_armed", lambda *_: pytest.fail("looked for a file"))
    failpoint.reached("anywhere")


def test_what_a_dead_process_left_half_written_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "payment-file.written").write_text("exit")
    words = "import sys, pathlib; from refunds.use_cases.build_file import write_whole; write_whole(pathlib.Path(sys.argv[1]), b'whole')"
    file = tmp_path / "payments" / "refunds.bacs"
    for left_behind in ([".part-refunds.bacs"], ["refunds.bacs"]):
        subprocess.run([sys.executable, "-c", words, str(file)], env={"RENTBOOK_FAILPOINTS": str(tmp_path)}, check=False)
        assert [each.name for each in file.parent.iterdir()] == left_behind
    assert file.read_bytes() == b"whole"
