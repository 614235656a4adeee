"""A running stack whose letters go to a mail server, as operators configure it."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from rentbook_local.journey.desk import Desk
from rentbook_local.journey.steps import cast, decide, open_task, request_refund
from rentbook_local.ports import free_ports
from support.stack import Stack, running_stack

pytestmark = pytest.mark.timeout(600)


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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(mailbox: tuple[Mailbox, int]) -> AsyncIterator[Stack]:
    """As operators configure it: by the environment of ./rentbook run."""
    told = {"HOST": "127.0.0.1", "PORT": str(mailbox[1]), "FROM": "rents@rentbridge.example", "TO": "print@example.org"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(f"RENTBOOK_SMTP_{name}", value)
        async with running_stack() as running:
            yield running


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


def declined(stack: Stack) -> str:
    """A case whose letter was sent."""
    member = cast(stack.layout)["declined"]
    with Desk(stack.layout.desk, "asha.officer") as officer, Desk(stack.layout.desk, "dilip.leader") as leader:
        case = request_refund(officer, member).identity
        assert decide(leader, open_task(leader, member.account), "declined").errors() == []
        officer.wait(f"/cases/{case}", "the letter", lambda page: bool(page.links("/letters/")) and "e-mail" in page.text)
    return case
