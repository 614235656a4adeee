"""The stack whose processes are made to fail, and the table of what came of it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from rentbook_local.journey.steps import Member, cast
from support import telling
from support.courses import WHOLE
from support.places import database, place, secrets_dir, wired
from support.stack import Stack, running_stack

from faults import table
from faults.client import Accepted, Numbers
from faults.table import Outcome, Tally

__all__ = ["database", "place", "secrets_dir", "wired"]
# These take many minutes: `./rentbook test --faults` runs them. A sample of them runs with the journeys.
collect_ignore = (
    []
    if WHOLE
    else [
        "test_every_failpoint.py",
        "test_servers.py",
        "test_full_disk.py",
        "test_standing_still.py",
        "test_poison.py",
        "test_a_thousand_lines.py",
        "test_call_in.py",
        "test_every_reason_declined.py",
    ]
)
_OUTCOMES = pytest.StashKey[list[Outcome]]()
_ACCEPTED = pytest.StashKey[Accepted]()
_TALLY = pytest.StashKey[Tally]()


@pytest.fixture(scope="session")
def outcomes(pytestconfig: pytest.Config) -> list[Outcome]:
    """What the table at the end tells; each test adds its own."""
    return pytestconfig.stash.setdefault(_OUTCOMES, [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if found := session.config.stash.get(_OUTCOMES, []):
        counted = (session.config.stash.get(_ACCEPTED, None), session.config.stash.get(_TALLY, None))
        telling.tell(session.config, "faults", table.in_words(found, sum(each.count for each in counted if each is not None)))


@pytest.fixture(scope="session")
def full_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file `write.NAME` in this folder has the disk be full for the files of that name that the stack's own runner writes."""
    return tmp_path_factory.mktemp("full")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack(full_files: Path) -> AsyncIterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RENTBOOK_FAILPOINTS", str(full_files))
        async with running_stack() as running:
            yield running


@pytest.fixture(scope="session")
def members(stack: Stack) -> Mapping[str, Member]:
    return cast(stack.layout)


@pytest.fixture(scope="session")
def accepted(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Accepted:
    """All that the stack has acknowledged to anybody so far."""
    return pytestconfig.stash.setdefault(_ACCEPTED, Accepted(tmp_path_factory.mktemp("client") / "accepted.jsonl"))


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """What was acknowledged elsewhere than at the stack's desk."""
    return pytestconfig.stash.setdefault(_TALLY, Tally())


@pytest.fixture(scope="session")
def numbers() -> Numbers:
    return Numbers()
