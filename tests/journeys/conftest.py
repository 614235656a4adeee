"""One stack for all journeys, on which every message is delivered twice; the outside checker looks at the books after each."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from faults import table
from faults.table import Outcome
from rentbook_local.journey.desk import Desk
from rentbook_local.journey.steps import Member, cast
from support import telling
from support.doubler import everything_twice
from support.stack import Stack, running_stack


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is searched for is searched for last, in all that the other journeys left."""
    items.sort(key=lambda item: item.path.name == "test_what_is_seen.py")


@pytest.fixture(scope="package")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which every process of the stack leaves its spans; each may also be made to fail (docs/failpoints.md)."""
    folder = tmp_path_factory.mktemp("traces")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RENTBOOK_TRACES", str(folder))
        patch.setenv("RENTBOOK_FAILPOINTS", "1")
        yield folder


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(traces: Path) -> AsyncIterator[Stack]:
    async with running_stack() as running:
        with everything_twice(running):
            yield running


@pytest.fixture(scope="package")
def members(stack: Stack) -> Mapping[str, Member]:
    return cast(stack.layout)


_SEEN = pytest.StashKey[list[str]]()
_OUTCOMES = pytest.StashKey[list[Outcome]]()


@pytest.fixture(scope="session")
def seen(pytestconfig: pytest.Config) -> list[str]:
    """What is to be read at the end also where all went well: how to repeat what was drawn by chance."""
    return pytestconfig.stash.setdefault(_SEEN, [])


@pytest.fixture(scope="session")
def outcomes(pytestconfig: pytest.Config) -> list[Outcome]:
    """What the table of the faults that were tried on the way tells."""
    return pytestconfig.stash.setdefault(_OUTCOMES, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    found = session.config.stash.get(_OUTCOMES, [])
    if found:
        lines = (*session.config.stash.get(_SEEN, []), *table.in_words(found, max(row.accepted for row in found)))
        telling.tell(session.config, "faults on the way", lines)


def signed_in(stack: Stack, subject: str) -> Iterator[Desk]:
    with Desk(stack.layout.desk, subject) as desk:
        yield desk


@pytest.fixture
def officer(stack: Stack) -> Iterator[Desk]:
    yield from signed_in(stack, "asha.officer")


@pytest.fixture
def leader(stack: Stack) -> Iterator[Desk]:
    yield from signed_in(stack, "dilip.leader")


@pytest.fixture
def finance(stack: Stack) -> Iterator[Desk]:
    yield from signed_in(stack, "greta.finance")


@pytest.fixture(autouse=True)
def books_are_right(request: pytest.FixtureRequest) -> Iterator[None]:
    """`./rentbook check` after each test that the stack is for."""
    for_the_stack = "stack" in request.fixturenames
    yield
    if not for_the_stack:
        return
    look_at_the_books(request.getfixturevalue("stack"))


def look_at_the_books(stack: Stack) -> None:
    words = [sys.executable, "-m", "rentbook_local", "check", "--state", str(stack.layout.folder)]
    checked = subprocess.run(words, capture_output=True, text=True, check=False, timeout=180)
    assert checked.returncode == 0, checked.stdout + checked.stderr
