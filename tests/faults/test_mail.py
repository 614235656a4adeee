"""A process that ends around the sending of an e-mail: the letter is never sent twice by itself, and a person is told to look."""

import asyncio
import hashlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from chassis.process import make_runtime
from chassis.transaction import run
from notices import store
from notices.settings import NoticesSettings
from notices.tables import letter
from notices.use_cases.send_letters import NOT_KNOWN
from rentbook_local.ports import free_ports
from support.servers import Postgres

from chassis import failpoint
from faults.plan import BY_MAIL

SENDER = Path(__file__).with_name("sender_process.py")


class Mailbox:
    """A mail server's handler that keeps what it takes."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        self.taken.append(envelope)
        return "250 taken"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    mailbox, [port] = Mailbox(), free_ports(1)
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    yield mailbox, port
    server.stop()


@pytest.mark.parametrize(("place", "taken"), [*zip(BY_MAIL, (0, 1), strict=True)])
async def test_a_letter_whose_sending_was_cut_off_is_left_to_a_person(
    postgres: Postgres, tmp_path: Path, mailbox: tuple[Mailbox, int], place: str, taken: int
) -> None:
    (tmp_path / "service_token").write_text("token\n")
    (tmp_path / place).write_text("exit")
    database = await postgres.new_database("notices")
    settings = NoticesSettings(
        database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=tmp_path,
        letters_dir=tmp_path / "letters", smtp_host="127.0.0.1", smtp_port=mailbox[1], smtp_from="rents@rentbridge.example",
        smtp_to="print@example.org",
    )  # fmt: skip
    async with make_runtime("notices", settings) as runtime:
        await run(runtime, _waiting_letter)
        assert await send_all(settings, tmp_path) == failpoint.EXIT_STATUS
        assert await send_all(settings, tmp_path) == 0
        async with runtime.engine.connect() as connection:
            [row] = [*(await connection.execute(sa.select(letter)))]
    assert len(mailbox[0].taken) == taken
    assert row.problem == NOT_KNOWN


async def _waiting_letter(tx: Any) -> None:
    pdf = b"%PDF-1.7"
    await store.keep_letter(
        tx, id=uuid4(), kind="refund-paid", title="Refund", account=uuid4(), case_id=uuid4(), attempt=1, made_at=datetime.now(UTC),
        sha256=hashlib.sha256(pdf).hexdigest(), pdf=pdf, content="{}", problem=None,
    )  # fmt: skip


async def send_all(settings: NoticesSettings, folder: Path) -> int:
    """Run the sender until it ends; how it ended."""
    words = (sys.executable, str(SENDER), settings.model_dump_json())
    process = await asyncio.create_subprocess_exec(*words, env={"RENTBOOK_FAILPOINTS": str(folder)})
    return await asyncio.wait_for(process.wait(), 60)
