"""No process prints a secret: at its loudest, asked for help, told something wrong, and where nothing answers it."""

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from rentbook_local import child, services
from rentbook_local.forkserver import ForkServer
from rentbook_local.layout import DATABASES
from support.servers import Postgres

PROCESSES = (*DATABASES, "workflows")

PASSWORD = "canary-password-7f3a"
KEY = base64.b64encode(b"canary-key-of-32-octets-long-abc").decode()
FILES = {
    "service_token": "canary-service-token-1c9e",
    "request_key": "canary-request-key-88d1",
    "kafka_password": "canary-kafka-password-52b0",
    "database_password": "canary-database-password-e41f",
    "oidc_client_secret": "canary-client-secret-0aa7",
    "session_key": "canary-session-key-93d2",
    "payer_index_key": KEY,
    "payee_keys.json": json.dumps({"current": "k1", "keys": {"k1": KEY}, "index_key": KEY}),
}
CANARIES = (
    PASSWORD,
    KEY,
    "canary-key-of",
    *(content for name, content in FILES.items() if name not in ("payer_index_key", "payee_keys.json")),
)

LOUDEST = """
import logging, runpy, sys
for name in logging.root.manager.loggerDict:
    logging.getLogger(name).setLevel(logging.DEBUG)
set_level = logging.Logger.setLevel
logging.Logger.setLevel = lambda self, level: set_level(self, logging.DEBUG)
logging.getLogger().setLevel(logging.DEBUG)
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module as `python -m` does, with every logger of every library told to say all it can."""

LIMIT_SECONDS = 60


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def told(secrets: Path, **other: str) -> dict[str, str]:
    """Settings with which any process begins, and finds nothing where it looks."""
    return {
        "DATABASE_URL": f"postgresql+asyncpg://app:{PASSWORD}@127.0.0.1:1/none",
        "OWNER_DATABASE_URL": f"postgresql+asyncpg://owner:{PASSWORD}@127.0.0.1:1/none",
        "KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "KAFKA_USERNAME": "someone",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "SECRETS_DIR": str(secrets),
        "STATE_DIR": str(secrets / "state"),
        "PEERS": "{}",
        "PUBLIC_URL": "http://127.0.0.1:1",
        "OIDC_ISSUER": "http://127.0.0.1:1",
        "OIDC_CLIENT_ID": "desk",
        "BANK_URL": "http://127.0.0.1:1",
        "PAYMENTS_DIR": str(secrets / "payments"),
        "LETTERS_DIR": str(secrets / "letters"),
        "START_LIMIT_SECONDS": "2",
        **other,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def forks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ForkServer]:
    """Starts processes as a stack does: what all of them import is imported once."""
    folder = tmp_path_factory.mktemp("forks")
    server = ForkServer(services.IMPORTED_BY_MANY, folder, folder / "forkserver.log")
    await server.start()
    yield server
    await server.end()


@dataclass
class Processes:
    """Starts a process with what it finds in a folder, and hears all of it."""

    folder: Path
    forks: ForkServer

    async def says(self, process: str, words: tuple[str, ...], settings: Mapping[str, str]) -> tuple[int, str]:
        """Run it and give its exit status with all that it printed. What goes on by itself is ended, and the test fails."""
        log = self.folder / f"{uuid4()}.log"
        environment = child.surroundings(**{f"RENTBOOK_{name}": value for name, value in settings.items()})
        argv = (sys.executable, "-m", "loudest", process, *words)
        command = child.Command(process, argv, environment, self.folder, log)
        running = await self.forks.spawn(command)
        try:
            status = await asyncio.wait_for(running.wait(), LIMIT_SECONDS)
        finally:
            await child.stop(running, command, grace_seconds=0)
        return status, log.read_text(errors="replace")


@pytest.fixture
def processes(secrets: Path, forks: ForkServer) -> Processes:
    (secrets / "loudest.py").write_text(LOUDEST)
    return Processes(secrets, forks)


def secrets_in(said: str) -> list[str]:
    return [canary for canary in CANARIES if canary in said]


@pytest.mark.parametrize("process", PROCESSES)
async def test_a_process_that_finds_no_server_says_so_without_a_secret(process: str, secrets: Path, processes: Processes) -> None:
    status, said = await processes.says(process, (), told(secrets))
    assert status == 1, said[-500:]
    assert secrets_in(said) == []


@pytest.mark.parametrize("process", DATABASES)
async def test_a_process_that_has_its_database_and_nothing_else_says_no_secret(
    process: str, secrets: Path, postgres: Postgres, processes: Processes
) -> None:
    database = await postgres.new_database(process)
    url = database.app_url.replace("@", f":{PASSWORD}@") if ":" not in database.app_url.split("//")[1].split("@")[0] else database.app_url
    status, said = await processes.says(process, (), told(secrets, DATABASE_URL=url))
    assert status == 1, said[-500:]
    assert secrets_in(said) == []


@pytest.mark.parametrize("process", PROCESSES)
async def test_asked_for_help_a_process_says_no_secret(process: str, secrets: Path, processes: Processes) -> None:
    status, said = await processes.says(process, ("--help",), told(secrets))
    assert status in (0, 1, 2), said[-500:]
    assert secrets_in(said) == []


@pytest.mark.parametrize("process", ["ledger"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"DATABASE_URL": f"mysql://app:{PASSWORD}@127.0.0.1/none"},
        {"DATABASE_URL": f"postgresql+asyncpg://app:{PASSWORD}@@@:port/none"},
        {"START_LIMIT_SECONDS": PASSWORD},
        {"PEERS": PASSWORD},
    ],
    ids=["another database", "no address", "no number", "no table"],
)
async def test_a_wrong_setting_is_named_and_its_value_is_not_shown(
    process: str, wrong: dict[str, str], secrets: Path, processes: Processes
) -> None:
    status, said = await processes.says(process, (), told(secrets, **wrong))
    assert status in (1, 2), said[-500:]
    assert secrets_in(said) == []


@pytest.mark.parametrize("process", ["refunds"])
@pytest.mark.parametrize("words", [("migrate",), ("parked", "list")])
async def test_an_operators_command_that_fails_says_no_secret(
    process: str, words: tuple[str, ...], secrets: Path, processes: Processes
) -> None:
    status, said = await processes.says(process, words, told(secrets))
    assert status != 0
    assert secrets_in(said) == []


@pytest.mark.parametrize("name", ["payee_keys.json", "payer_index_key"])
async def test_a_key_that_is_none_is_not_shown(name: str, secrets: Path, processes: Processes) -> None:
    (secrets / name).write_text(PASSWORD)
    process, words = ("refunds", ("rewrap-keys",)) if name == "payee_keys.json" else ("ledger", ("open-estate", str(secrets / name)))
    for asked in ((), words):
        status, said = await processes.says(process, asked, told(secrets))
        assert status != 0
        assert secrets_in(said) == []


async def test_this_search_finds_a_secret_that_is_printed(secrets: Path, processes: Processes) -> None:
    """The test of the test: the same run, of a module that prints what it is told."""
    (secrets / "leaky.py").write_text("import logging, os\nlogging.basicConfig()\nlogging.debug(os.environ['RENTBOOK_DATABASE_URL'])\n")
    _, said = await processes.says("leaky", (), told(secrets))
    assert secrets_in(said) == [PASSWORD]
