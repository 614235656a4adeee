"""Fixtures that every area may use; nothing is started before a test asks for it.

The whole suite runs in four processes (`rentbook_local.suite`), each with servers of its own. What a process has to tell at the end goes
to the one that prints; a file's tests stay together, and so do all that use one running stack.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import settings
from support import compiled, one_day, telling
from support.servers import Kafka, Postgres, Temporal, running_kafka, running_postgres, running_temporal
from support.stack import Stack, running_stack
from xdist.scheduler import LoadScopeScheduling

# A loaded machine is no fault of the code: the test's own time limit bounds it.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

compiled.keep()

ON_ONE_STACK = ("journeys", "faults")
"""Folders whose tests share one stack, which takes half a minute to start."""

SERVERS = frozenset({"kafka", "temporal"})
"""Fixtures whose servers stay to the end of the run and never rest: whoever is first to ask for them comes late."""

IN_ONE_TOWN = "check"
"""The folder whose tests share the books of one town, in which a whole life is lived before the first of them."""

ON_ONE_STACK_SECONDS = 900
"""What a test has that says no limit of its own: the first waits for the stack to start, and each for many processes on two cores."""

LONG = (
    "journeys",
    IN_ONE_TOWN,
    "tests/local/test_stack.py",
    "tests/desk/test_pages.py",
    "tests/desk/test_authority_as_a_property.py",
    "tests/desk/test_routes.py",
    "tests/chassis/test_watchfulness.py",
    "tests/refunds/test_service.py",
)
"""What takes longest, longest first: what comes last should be short, so that the processes end at about the same time."""


def _kept_together(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    folder = Path(file).parts[1]
    return folder if folder in (*ON_ONE_STACK, IN_ONE_TOWN) else file


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Hands whole files to a process, and all that use one running stack to one."""

    def _split_scope(self, nodeid: str) -> str:
        return _kept_together(nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """The whole suite begins when it can end on the same day. Its other processes start in this hook too, but last."""
    if session.config.getoption("numprocesses", None) and not hasattr(session.config, "workerinput"):
        reporter = session.config.pluginmanager.getplugin("terminalreporter")
        one_day.begin(lambda line: reporter.write_line(line, flush=True))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys come first, what needs the restless servers last, and of either the long before the short."""
    served = {_kept_together(item.nodeid) for item in items if isinstance(item, pytest.Function) and SERVERS & set(item.fixturenames)}

    def turn(item: pytest.Item) -> tuple[bool, bool, int]:
        together = _kept_together(item.nodeid)
        return together != LONG[0], together in served, LONG.index(together) if together in LONG else len(LONG)

    items.sort(key=turn)
    for item in items:
        if _kept_together(item.nodeid) in ON_ONE_STACK and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(ON_ONE_STACK_SECONDS))


@pytest.fixture(scope="session")
def played(pytestconfig: pytest.Config) -> "Counter[str]":
    """How often each thing happened in the tests that play at random; told at the end of the run."""
    return telling.played(pytestconfig)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    telling.hand_over(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    telling.take_over(node.config, getattr(node, "workeroutput", None) or {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    telling.print_all(config, terminalreporter)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    """PostgreSQL, durability off: `await postgres.new_database("ledger")` is a migrated database of its own."""
    async with running_postgres() as server:
        yield server


@pytest.fixture(autouse=True)
def _databases_of_one_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test had made for itself alone is dropped after it; what a module or the session made came before, and stays."""
    if "postgres" not in request.fixturenames:
        yield
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.for_a_while():
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka() -> AsyncIterator[Kafka]:
    """A broker: `await kafka.new_topics()` makes the contracts' topics under a prefix of its own."""
    async with running_kafka() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal() -> AsyncIterator[Temporal]:
    """Temporal: `await temporal.new_namespace()` is a namespace of its own."""
    async with running_temporal() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    """The whole stack with the demonstration estate, one for all journeys; what a test does there stays."""
    async with running_stack() as running:
        yield running
