"""A process that ends around the sending of an e-mail: the letter is never sent twice by itself, and a person is told to look."""

import asyncio
import email
import hashlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from chassis.process import make_runtime
from chassis.transaction import Runtime, Transaction, run
from notices import store
from notices.settings import NoticesSettings
from notices.tables import letter
from notices.use_cases.send_letters import NOT_KNOWN
from rentbook_local.ports import free_ports
from support.counting import until
from support.servers import Postgres

from chassis import failpoint
from faults.plan import BY_MAIL
from faults.table import Outcome, Tally, trying

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
    postgres: Postgres,
    tmp_path: Path,
    mailbox: tuple[Mailbox, int],
    outcomes: list[Outcome],
    tally: Tally,
    place: str,
    taken: int,
) -> None:
    """A letter that is taken while nobody sends goes out as if nothing had been."""
    (tmp_path / "service_token").write_text("token\n")
    (tmp_path / place).write_text("exit")
    database = await postgres.new_database("notices")
    settings = NoticesSettings(
        database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=tmp_path,
        letters_dir=tmp_path / "letters", smtp_host="127.0.0.1", smtp_port=mailbox[1], smtp_from="rents@rentbridge.example",
        smtp_to="print@example.org",
    )  # fmt: skip
    row, goes_out = Outcome(f"the sender of letters ends at {place}", 1), list[UUID]()

    def sent() -> list[UUID]:
        return [*map(_letter_of, mailbox[0].taken)]

    with trying(outcomes, tally, row):
        try:
            async with make_runtime("notices", settings) as runtime:
                cut_off = await taken_in(runtime, tally)
                assert await ended(await sender(settings, tmp_path)) == failpoint.EXIT_STATUS
                later = await taken_in(runtime, tally)
                goes_out.append(later)
                again = await sender(settings, tmp_path)
                await until(lambda: _is(runtime, cut_off, NOT_KNOWN), "a person is told to look", LIMIT_SECONDS)
                row.recovered.append(time.time() - (tmp_path / f"{place}.hit").stat().st_ctime)
                assert await ended(again) == 0
                assert await _is(runtime, later, None)
        finally:
            row.took_effect(goes_out, sent())
        assert sorted(sent()) == sorted([*[cut_off] * taken, later])


LIMIT_SECONDS = 60.0


async def taken_in(runtime: Runtime, tally: Tally) -> UUID:
    """A letter that notices has taken in to be sent."""
    letter_id, pdf = uuid4(), b"%PDF-1.7"

    async def keep(tx: Transaction) -> None:
        await store.keep_letter(
            tx, id=letter_id, kind="refund-paid", title="Refund", account=uuid4(), case_id=uuid4(), attempt=1, made_at=datetime.now(UTC),
            sha256=hashlib.sha256(pdf).hexdigest(), pdf=pdf, content="{}", problem=None,
        )  # fmt: skip

    await run(runtime, keep)
    tally.count += 1
    return letter_id


async def _is(runtime: Runtime, letter_id: UUID, problem: str | None) -> bool:
    """Whether nobody sends it any more, for this reason; None: it was sent."""
    async with runtime.engine.connect() as connection:
        [row] = [*(await connection.execute(sa.select(letter).where(letter.c.id == letter_id)))]
    return bool(row.problem == problem and store.went_out(row) == (problem is None))


def _letter_of(envelope: Any) -> UUID:
    """Which letter an e-mail carries, by the id that it is given."""
    return UUID(email.message_from_bytes(envelope.content)["Message-ID"].strip("<>").partition("@")[0])


async def sender(settings: NoticesSettings, folder: Path) -> asyncio.subprocess.Process:
    """The sender in a process of its own, which sends all that waits and ends."""
    words = (sys.executable, str(SENDER), settings.model_dump_json())
    return await asyncio.create_subprocess_exec(*words, env={"RENTBOOK_FAILPOINTS": str(folder)})


async def ended(process: asyncio.subprocess.Process) -> int:
    return await asyncio.wait_for(process.wait(), LIMIT_SECONDS)
