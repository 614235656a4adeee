"""The rules of architecture.md 4, by import-linter; and that each of them bites."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    **{service: ROOT / "services" / service / "src" for service in ("ledger", "refunds", "writeoffs", "approvals", "notices")},
    "workflows": ROOT / "workflows" / "src",
    "chassis": ROOT / "chassis" / "src",
    "rentbook_contracts": ROOT / "contracts" / "src",
    "rentbook_local": ROOT / "deploy" / "local" / "src",
    "bank_simulator": ROOT / "deploy" / "simulators" / "src",
}


def lint(packages: Path | None, folder: Path) -> tuple[int, str]:
    """What lint-imports says of the installed packages, or of the copies in a folder."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200"}
    if packages is not None:
        environment["PYTHONPATH"] = str(packages)
    config = ["--config", str(ROOT / ".importlinter"), "--cache-dir", str(folder / "cache")]
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()", *config]
    said = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return said.returncode, said.stdout + said.stderr


def test_every_rule_is_kept(tmp_path: Path) -> None:
    status, said = lint(None, tmp_path)
    assert status == 0, said
    assert "0 broken" in said


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages' Python files, to be spoilt one at a time."""
    folder = tmp_path_factory.mktemp("packages")
    for package, source in SOURCES.items():
        for path in (source / package).rglob("*.py"):
            copy = folder / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return folder


BAD = {
    "a service knows another": ("refunds/use_cases/plan.py", "import ledger.store", "never each other"),
    "the chassis knows a service": ("chassis/web.py", "import ledger.domain.rules", "never each other"),
    "contracts know the chassis": ("rentbook_contracts/money.py", "import chassis.faults", "never each other"),
    "a use case knows the web": ("ledger/use_cases/place_hold.py", "import ledger.web", "nothing of whoever asks"),
    "the domain knows the store": ("approvals/domain/tasks.py", "import approvals.store", "nothing of whoever asks"),
    "the domain asks the database": ("refunds/domain/plan.py", "import sqlalchemy", "reaches no server"),
    "the domain runs a loop": ("ledger/domain/credit.py", "import asyncio", "reaches no server"),
    "the domain reaches the chassis": ("notices/domain/letters.py", "import chassis.settings", "reaches no server"),
    "contracts carry a broker's library": ("rentbook_contracts/topics.py", "import aiokafka", "no library of any transport"),
    "a story knows the chassis": ("workflows/calling.py", "import chassis.waiting", "contracts and Temporal alone"),
    "a story asks over HTTP": ("workflows/payment_run.py", "import httpx", "contracts and Temporal alone"),
    "a story knows its process": ("workflows/refund_approval.py", "import workflows.serving", "Stories stand under"),
    "a use case knows the tables": ("ledger/use_cases/seal.py", "import ledger.tables", "ledger's tables"),
    "the web knows the tables": ("approvals/web/visit.py", "import approvals.tables", "tables of approvals"),
    "the checker uses the code that it checks": ("rentbook_local/check.py", "import ledger.domain.sealing", "share no code"),
}


@pytest.mark.parametrize(("path", "line", "rule"), BAD.values(), ids=BAD.keys())
def test_a_bad_import_is_found(copies: Path, tmp_path: Path, path: str, line: str, rule: str) -> None:
    spoilt = copies / path
    sound = spoilt.read_text("utf-8")
    spoilt.write_text(f"{sound}\n{line}\n", "utf-8")
    try:
        status, said = lint(copies, tmp_path)
    finally:
        spoilt.write_text(sound, "utf-8")
    assert status != 0, said
    assert any(rule in each and "BROKEN" in each for each in said.splitlines()), said


def test_a_module_of_a_kind_that_has_no_room_is_found(copies: Path, tmp_path: Path) -> None:
    stray = copies / "ledger" / "helpers.py"
    stray.write_text("")
    try:
        status, said = lint(copies, tmp_path)
    finally:
        stray.unlink()
    assert status != 0
    assert "ledger.helpers" in said
