"""What holds for every file of the repository."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEMBERS = (
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
SERVICES = tuple(member for member in MEMBERS if member.startswith("services/"))
LOCKS = ("requirements.lock", "requirements-test.lock", "services/approvals/package-lock.json", "deploy/kafka/jgo.lock.toml")

REGISTRY = re.compile(r"https?://[^\s\"'<>]*(pypi|pythonhosted|npmjs|maven|jfrog|nexus|artifactory)", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.{}\-/])/(root|home/\w+|Users/\w+)/|" + re.escape(f"{ROOT}/"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")


def command(*words: str, limit_seconds: int = 300) -> tuple[int, str]:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=limit_seconds, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def committed() -> list[Path]:
    status, said = command("git", "ls-files", "-z")
    if status != 0:
        pytest.skip("this is no git checkout: which files are committed is not known")
    return [path for name in said.split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    """Committed text files. This file names what it looks for."""
    for path in committed():
        content = path.read_bytes()
        if b"\0" not in content[:8192] and path != Path(__file__):
            yield path.relative_to(ROOT), content.decode("utf-8")


def test_ruff_finds_nothing() -> None:
    status, said = command(sys.executable, "-m", "ruff", "check", "--no-fix", ".")
    assert status == 0, said


def test_every_python_file_is_formatted() -> None:
    status, said = command(sys.executable, "-m", "ruff", "format", "--check", ".")
    assert status == 0, said


@pytest.mark.timeout(660)  # it reads three thousand modules from the start, which takes minutes on a loaded machine
def test_the_type_checker_finds_nothing_in_strict_mode() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]["strict"] is True
    sources = [f"{member}/src" for member in MEMBERS]
    revisions = [str(path.relative_to(ROOT)) for service in SERVICES for path in sorted((ROOT / service / "migrations").rglob("*.py"))]
    words = ("--scripts-are-modules", *sources, *revisions, "tests", "rentbook")
    status, said = command(sys.executable, "-m", "mypy", *words, limit_seconds=600)
    assert status == 0, said


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_is_typed_for_its_readers_and_asks_for_python_3_11(member: str) -> None:
    about = tomllib.loads((ROOT / member / "pyproject.toml").read_text("utf-8"))
    assert about["project"]["requires-python"] == ">=3.11"
    assert list((ROOT / member / "src").glob("*/py.typed")), member


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_follow_one_another(service: str) -> None:
    """Two revisions after the same one would leave a database with two ends, and `migrate` refusing both."""
    revisions = sorted((ROOT / service / "migrations" / "versions").glob("*.py"))
    told = [dict(re.findall(r'^(revision|down_revision) = (?:"(\d+)"|None)$', file.read_text("utf-8"), re.MULTILINE)) for file in revisions]
    numbers = [f"{number:04}" for number in range(1, len(revisions) + 1)]
    assert [file.name[:4] for file in revisions] == numbers
    assert [one["revision"] for one in told] == numbers
    assert [one["down_revision"] for one in told] == ["", *numbers[:-1]]


def test_contracts_depend_on_pydantic_alone() -> None:
    about = tomllib.loads((ROOT / "contracts" / "pyproject.toml").read_text("utf-8"))
    assert [re.split(r"[<>=~!\[; ]", each)[0] for each in about["project"]["dependencies"]] == ["pydantic"]


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    found = [f"{path}: {match[0]}" for path, text in texts() for match in (REGISTRY.search(text), MACHINE.search(text)) if match]
    assert found == []


def test_a_registry_and_a_place_are_recognised() -> None:
    assert REGISTRY.search("index-url = https://mirror.example/pypi/simple")
    assert REGISTRY.search("http://registry.npmjs.org/x")
    assert MACHINE.search('File "/home/someone/rentbook/x.py"')
    assert MACHINE.search(f"cd {ROOT}/docs")
    assert not MACHINE.search('action="/work/views"')


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    assert "://" not in (ROOT / lock).read_text("utf-8")


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.endswith(".lock")])
def test_every_package_of_a_lock_is_pinned_with_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip())
    assert [entry.split()[0] for entry in entries if not re.match(r"[\w.\[\]-]+==\S+", entry) or "--hash=sha256:" not in entry] == []


def documents() -> list[Path]:
    return [path for path in committed() if path.suffix == ".md"]


def test_every_link_between_documents_leads_to_a_file() -> None:
    dead = []
    for document in documents():
        for target in LINK.findall(document.read_text("utf-8")):
            place = target.split("#")[0]
            if place and "://" not in target and not target.startswith("mailto:") and not (document.parent / place).exists():
                dead.append(f"{document.relative_to(ROOT)}: {target}")
    assert dead == []


def test_every_link_to_a_heading_leads_to_one() -> None:
    dead = []
    for document in documents():
        for target in LINK.findall(document.read_text("utf-8")):
            place, _, heading = target.partition("#")
            other = document.parent / place if place else document
            if heading and "://" not in target and other.suffix == ".md" and heading not in headings(other):
                dead.append(f"{document.relative_to(ROOT)}: {target}")
    assert dead == []


def headings(document: Path) -> set[str]:
    """The names under which headings can be linked to."""
    titles = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_path_that_a_document_names_in_code_exists() -> None:
    """Of paths that begin with a folder of ours: `services/ledger/src`, `tests`. Words in capitals stand for something else."""
    tops = {path.relative_to(ROOT).parts[0] for path in committed() if len(path.relative_to(ROOT).parts) > 1}
    dead = []
    for document in documents():
        for name in re.findall(r"`([\w./-]+/[\w./-]*)`", document.read_text("utf-8")):
            is_ours = name.split("/")[0] in tops and not re.search("[A-Z]{3}", name)
            if is_ours and not (ROOT / name).exists() and not (document.parent / name).exists():
                dead.append(f"{document.relative_to(ROOT)}: {name}")
    assert dead == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_its_canvas(service: str) -> None:
    assert (ROOT / service / "README.md").read_text("utf-8").startswith("# ")


CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "time_ns", "perf_counter"}


def clock_readings(tree: ast.AST) -> list[int]:
    """Lines on which something asks the time, such as `datetime.now(...)` or `date.today()`."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    clocks = {"datetime", "date", "time"}
    return [
        call.lineno
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in CLOCKS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in clocks
    ]


def test_no_domain_and_no_story_reads_a_clock() -> None:
    pure = [path for service in SERVICES for path in (ROOT / service / "src").glob("*/domain/**/*.py")]
    of_stories = (ROOT / "workflows" / "src" / "workflows").rglob("*.py")
    stories = [path for path in of_stories if path.name not in ("serving.py", "__main__.py")]  # docs/decisions/0013
    assert len(stories) > 5
    found = {str(path.relative_to(ROOT)): clock_readings(ast.parse(path.read_text("utf-8"))) for path in (*pure, *stories)}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert clock_readings(ast.parse("datetime.now(UTC)\ndate.today()\ntime.time()")) == [1, 2, 3]


def test_no_module_is_a_drawer_for_anything() -> None:
    drawers = {"utils", "helpers", "common", "models", "services", "misc"}
    found = [path for member in MEMBERS for path in (ROOT / member / "src").rglob("*.py") if drawers & {path.stem, path.parent.name}]
    assert [str(path.relative_to(ROOT)) for path in found if path.name != "services.py" or "rentbook_local" not in path.parts] == []


def test_ci_calls_the_one_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "./rentbook test" in script.read_text("utf-8")
    assert command("bash", "-n", str(script)) == (0, "")
