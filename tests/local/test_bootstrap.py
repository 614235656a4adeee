"""./rentbook on a machine that lacks something: one sentence that says what to do."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_CLOSED = "http://127.0.0.1:9"
_LOCKS = ("requirements.lock", "requirements-test.lock")
_MEMBERS = (
    "contracts",
    "chassis",
    "services/ledger",
    "services/refunds",
    "services/writeoffs",
    "services/approvals",
    "services/notices",
    "workflows",
    "deploy/local",
    "deploy/simulators",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a fresh clone as the command reads before anything is installed."""
    for name in ("rentbook", *_LOCKS, *(f"{member}/pyproject.toml" for member in _MEMBERS)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(_ROOT / name, tmp_path / name)
    return tmp_path


def _run(checkout: Path, **environment: str) -> tuple[int, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys._base_executable, str(checkout / "rentbook"), "status"],  # type: ignore[attr-defined]
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stderr


def test_an_unreachable_registry_is_named_as_the_reason(checkout: Path) -> None:
    code, said = _run(checkout, PIP_INDEX_URL=_CLOSED, PIP_FIND_LINKS="", PIP_RETRIES="0", PIP_CONFIG_FILE=os.devnull)
    assert code == 1
    assert said.startswith("rentbook: The package registry cannot be reached: check the connection")
    assert len(said.splitlines()) == 1
    assert not (checkout / ".venv" / "rentbook-installed").exists(), "what was not installed must not count as installed"


def test_a_python_without_venv_is_told_what_to_install(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "venv.py").write_text("raise ModuleNotFoundError(\"No module named 'venv'\")\n")
    code, said = _run(checkout, PYTHONPATH=str(tmp_path / "lacking"))
    assert code == 1
    assert said == (
        "rentbook: Python's venv module is missing or incomplete: install it (on Debian: apt-get install python3-venv) and start again.\n"
    )


def test_another_system_than_linux_is_said_to_be_none_of_ours(checkout: Path) -> None:
    elsewhere = f"import runpy, sys; sys.platform = 'darwin'; runpy.run_path({str(checkout / 'rentbook')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("rentbook: This needs Linux")


def test_the_command_is_understood_by_a_python_that_is_too_old() -> None:
    source = (_ROOT / "rentbook").read_text()
    compile(source, "rentbook", "exec", flags=0, dont_inherit=True)
    assert not re.search(r"\bmatch \w+:|:=|except\*", source), "syntax that an older Python cannot even read hides the sentence"


def test_the_lock_of_what_runs_names_uv() -> None:
    assert re.search(r"^uv==[\d.]+ \\\n    --hash=sha256:", (_ROOT / "requirements.lock").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", _LOCKS)
def test_a_lock_names_versions_and_no_address(name: str) -> None:
    lock = (_ROOT / name).read_text()
    assert "://" not in lock
    for line in re.findall(r"^[a-z0-9][^\n]*", lock, re.MULTILINE):
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==", line), line


def test_no_other_lock_names_an_address() -> None:
    for name in ("services/approvals/package-lock.json", "deploy/kafka/jgo.lock.toml"):
        assert "://" not in (_ROOT / name).read_text(), name


def _names(asked: Iterable[str]) -> set[str]:
    """The distributions that are asked for by name, other than the members themselves."""
    names = {re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0].lower() for line in asked}
    return {name for name in names if not name.startswith("rentbook-")}


def _locked(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+)", (_ROOT / name).read_text(), re.MULTILINE))


def test_the_lock_of_what_runs_knows_everything_that_a_member_asks_for() -> None:
    asked = [tomllib.loads((_ROOT / member / "pyproject.toml").read_text())["project"]["dependencies"] for member in _MEMBERS]
    assert _names(itertools.chain(*asked)) - _locked(_LOCKS[0]) == set(), "write the locks anew with deploy/lock"


def test_the_lock_of_the_tests_knows_the_rest_and_repeats_nothing() -> None:
    groups = tomllib.loads((_ROOT / "pyproject.toml").read_text())["dependency-groups"]
    running, testing = map(_locked, _LOCKS)
    assert _names(itertools.chain(*groups.values())) - running - testing == set(), "write the locks anew with deploy/lock"
    assert running & testing == set()


def test_the_command_installs_every_member_of_the_workspace() -> None:
    source = (_ROOT / "rentbook").read_text()
    found = [path for part in ("", "services/", "deploy/") for path in _ROOT.glob(f"{part}*/pyproject.toml")]
    members = {path.parent.relative_to(_ROOT).as_posix() for path in found}
    assert members == set(_MEMBERS)
    assert all(f'"{member}"' in source for member in members)
