"""The whole stack as ./rentbook run starts it: every process well, letters by mail, killed processes back, the state kept over a restart.

One stack for all, in this order: it takes half a minute to start, and the last test ends it.
"""

import asyncio
import email
import email.policy
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from faults.injector import arm, hit_of, until_well
from faults.plan import BY_MAIL, Try
from notices.use_cases.send_letters import NOT_KNOWN
from rentbook_local import layout
from rentbook_local.journey.desk import Desk
from rentbook_local.journey.steps import cast, decide, open_task, request_refund
from rentbook_local.ports import free_ports
from support.counting import until
from support.stack import Stack, running_stack

pytestmark = pytest.mark.timeout(900)

STANDS_STILL_SECONDS = 30.0


class Mailbox:
    """A mail server's handler that keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        self.taken.append(envelope)
        return "250 taken"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    taken, [port] = Mailbox(), free_ports(1)
    server = Controller(taken, hostname="127.0.0.1", port=port)
    server.start()
    yield taken, port
    server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the stack keeps its state, also when it has ended."""
    return tmp_path_factory.mktemp("stack")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(mailbox: tuple[Mailbox, int], folder: Path) -> AsyncIterator[Stack]:
    """Its letters go to a mail server, as operators configure it: by the environment of ./rentbook run."""
    told = {"HOST": "127.0.0.1", "PORT": str(mailbox[1]), "FROM": "rents@rentbridge.example", "TO": "print@example.org"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RENTBOOK_FAILPOINTS", "1")
        for name, value in told.items():
            patch.setenv(f"RENTBOOK_SMTP_{name}", value)
        async with running_stack(folder=folder) as running:
            yield running


async def test_every_process_is_well_once_the_stack_is_ready(stack: Stack) -> None:
    told = stack.status()
    assert told["phase"] == "ready"
    assert {process["name"]: process["health"]["reasons"] for process in told["processes"] if not process["health"]["healthy"]} == {}
    async with httpx.AsyncClient() as client:
        assert (await client.get(stack.layout.desk, follow_redirects=True)).status_code == 200
    assert await _accounts(told) > 400


async def test_an_operator_asks_a_service_of_the_stack_what_is_parked(stack: Stack) -> None:
    for words, said in (
        (("refunds", "parked", "list"), "No event is parked."),
        (("ledger", "parked", "discard", "--help"), "--second"),
        (("refunds", "rewrap-keys"), "Nothing is left under another key."),
    ):
        asked = [sys.executable, "-m", "rentbook_local", "operate", *words, "--state", str(stack.layout.folder)]
        done = await asyncio.to_thread(subprocess.run, asked, capture_output=True, text=True, check=True)
        assert said in done.stdout


async def test_letters_go_to_the_mail_server_that_the_stack_was_told_of(stack: Stack, mailbox: tuple[Mailbox, int]) -> None:
    case = await asyncio.to_thread(declined, stack)
    [envelope] = mailbox[0].taken
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert (envelope.mail_from, envelope.rcpt_tos) == ("rents@rentbridge.example", ["print@example.org"])
    assert message["Subject"] == "Letter to print and post: refund-declined"
    [letter] = message.iter_attachments()
    assert letter.get_content_type() == "application/pdf"
    assert letter.get_content().startswith(b"%PDF-")
    assert not [*(stack.layout.folder / "letters").glob("*.pdf")], "a letter goes out one way"
    with Desk(stack.layout.desk, "asha.officer") as officer:
        assert "e-mail" in officer.get(f"/cases/{case}").text


async def test_a_sending_that_is_cut_off_is_left_to_a_person(stack: Stack, mailbox: tuple[Mailbox, int]) -> None:
    """The stack's own process ends around the sending; the case has come to its end, and its letter says that it is not known, once."""
    for key, place, taken in zip(("voided", "returned"), BY_MAIL, (0, 1), strict=True):
        before, ends = len(mailbox[0].taken), Try(place, "notices", "decision")
        case = await asyncio.to_thread(declined, stack, key, NOT_KNOWN, partial(arm, stack.layout, ends))
        assert hit_of(stack.layout, ends).exists()
        await asyncio.to_thread(until_well, stack, ["notices"])
        assert len(mailbox[0].taken) == before + taken, place
        with Desk(stack.layout.desk, "asha.officer") as officer:
            assert "Declined" in officer.get(f"/cases/{case}").status_words
    words = [sys.executable, "-m", "rentbook_local", "check", "--state", str(stack.layout.folder)]
    checked = await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def declined(stack: Stack, key: str = "declined", says: str = "e-mail", before_the_decision: Callable[[], object] = lambda: None) -> str:
    """A case whose letter was sent, or of whose letter its page says something else."""
    member = cast(stack.layout)[key]
    with Desk(stack.layout.desk, "asha.officer") as officer, Desk(stack.layout.desk, "dilip.leader") as leader:
        case = request_refund(officer, member).identity
        task = open_task(leader, member.account)
        before_the_decision()
        assert decide(leader, task, "declined").errors() == []
        officer.wait(f"/cases/{case}", "the letter", lambda page: bool(page.links("/letters/")) and says in page.text)
    return case


async def test_status_tells_who_stands_still_also_of_those_who_are_no_service(stack: Stack) -> None:
    """The sign-in and the bank's stand-in; the servers and the services are stopped elsewhere (tests/chassis, tests/faults)."""

    def ill() -> set[str]:
        return {process["name"] for process in stack.status()["processes"] if not process["health"]["healthy"]}

    stopped = {name: stack.pid(name) for name in ("signin", "bank-simulator")}

    def all_are_told(word: signal.Signals) -> None:
        for pid in stopped.values():
            assert pid is not None
            os.kill(pid, word)

    all_are_told(signal.SIGSTOP)
    try:
        await until(lambda: _is(ill, set(stopped)), "both are told to be ill", STANDS_STILL_SECONDS)
    finally:
        all_are_told(signal.SIGCONT)
    await until(lambda: _is(ill, set()), "both are well again by themselves", STANDS_STILL_SECONDS)
    assert {name: stack.pid(name) for name in stopped} == stopped


async def _is(found: Callable[[], set[str]], wanted: set[str]) -> bool:
    return await asyncio.to_thread(found) == wanted


async def test_the_stack_survives_kills_and_keeps_its_state_over_a_restart(stack: Stack, folder: Path) -> None:
    opened = await _accounts(stack.status())
    await stack.kill("postgres", "kafka", "temporal", "ledger", "workflows")
    await stack.stop()

    assert layout.owner(stack.layout) is None
    await until(lambda: _nobody_mentions(stack.layout.folder), "all have ended with the runner")

    base = stack.layout.base_port
    async with running_stack(folder=folder, elsewhere=base) as again:
        assert again.layout.base_port != base, "another port may be chosen for the same state"
        assert await _accounts(again.status()) == opened


async def _accounts(told: dict[str, Any]) -> int:
    """How many accounts the ledger has, counted from outside as the reader."""
    database = told["databases"]["ledger"]
    reader = database["reader"]
    password = await asyncio.to_thread(Path(reader["password_file"]).read_text)
    connection = await asyncpg.connect(
        host=database["host"], port=database["port"], database="ledger", user=reader["user"], password=password.strip()
    )
    try:
        counted = await connection.fetchval("select count(*) from account where tenancy is not null")
        assert isinstance(counted, int)
        return counted
    finally:
        await connection.close()


async def _nobody_mentions(folder: Path) -> bool:
    return _processes_that_mention(folder) == []


def _processes_that_mention(folder: Path) -> list[str]:
    """Living processes whose arguments or settings name the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found
