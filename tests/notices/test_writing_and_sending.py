"""A case that ends becomes one letter, and the letter is handed over once, with proof."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from chassis.tables import outbox_event
from chassis.transaction import Caller, Runtime, run
from notices.queries import letters
from notices.settings import NoticesSettings
from notices.tables import letter, sending
from notices.use_cases import send_letters as sender
from notices.use_cases.send_again import NeverSent, NoSuchLetter, NotYourPart, PaymentCameBack, again_by
from notices.use_cases.write_letter import write_letter
from notices.use_cases.write_of_return import write_of_return
from rentbook_contracts.notices import LetterFate, LettersAsked, SendLetterAgain
from rentbook_contracts.refunds import CaseOutcome, RefundClosed, RefundReturned
from rentbook_local.ports import free_ports
from support.notices_service import ACCOUNT, CASE, account_page, case_page, peers, rows, runtime_for, tick
from support.servers import Postgres

CLOSED = RefundClosed(case=CASE, account=ACCOUNT, attempt=1, outcome=CaseOutcome.PAID, refund_pence=141_20, offset_pence=0)


@pytest.fixture
def settings_dir(tmp_path: Path) -> Path:
    (tmp_path / "service_token").write_text("token\n")
    return tmp_path


@pytest_asyncio.fixture(loop_scope="session")
async def notices(postgres: Postgres, settings_dir: Path) -> AsyncIterator[Runtime]:
    async for runtime in runtime_for(postgres, settings_dir, peers):
        yield runtime


class Mailbox:
    """A mail server's handler that keeps what it takes, or refuses."""

    def __init__(self, answer: str = "250 taken") -> None:
        self.answer = answer
        self.taken: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        self.taken.append(envelope)
        return self.answer


@pytest_asyncio.fixture(loop_scope="session")
async def mail(postgres: Postgres, settings_dir: Path) -> AsyncIterator[tuple[Runtime, Mailbox]]:
    mailbox = Mailbox()
    [port] = free_ports(1)
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    await asyncio.to_thread(server.start)
    try:
        async for runtime in runtime_for(
            postgres, settings_dir, peers, smtp_host="127.0.0.1", smtp_port=port, smtp_from="rents@rentbridge.example",
            smtp_to="print@example.org",
        ):  # fmt: skip
            yield runtime, mailbox
    finally:
        await asyncio.to_thread(server.stop)


async def write(runtime: Runtime, closed: RefundClosed = CLOSED) -> None:
    await run(runtime, lambda tx: write_letter(tx, closed))


async def test_a_closed_case_is_one_letter_however_often_it_is_told(notices: Runtime) -> None:
    await write(notices)
    await write(notices)
    [kept] = await rows(notices, letter)
    assert kept.status == "made"
    assert kept.pdf.startswith(b"%PDF")


async def test_a_withdrawn_case_is_told_nobody(notices: Runtime) -> None:
    await write(notices, CLOSED.model_copy(update={"outcome": CaseOutcome.WITHDRAWN}))
    assert await rows(notices, letter) == []


async def test_a_letter_lies_in_the_folder_once_with_proof(notices: Runtime, settings_dir: Path) -> None:
    await write(notices)
    assert [await tick(notices), await tick(notices), await tick(notices)] == [True, True, False]
    [kept] = await rows(notices, letter)
    [file] = (settings_dir / "letters").iterdir()
    assert (kept.status, file.read_bytes()) == ("sent", kept.pdf)
    assert [(row.step, row.proof) for row in await rows(notices, sending)] == [("begun", None), ("done", file.name)]


async def test_a_file_that_a_dead_process_left_is_taken_as_the_proof(notices: Runtime, settings_dir: Path) -> None:
    await write(notices)
    await tick(notices)
    [kept] = await rows(notices, letter)
    sender.put_into(settings_dir / "letters", kept)
    await tick(notices)
    assert len(list((settings_dir / "letters").iterdir())) == 1


async def again(runtime: Runtime, wanted: UUID, *roles: str) -> None:
    assert isinstance(runtime.settings, NoticesSettings)
    send_again = again_by(runtime.settings.delivery())
    caller = Caller("asha.officer", frozenset(roles or ("officer",)), form=str(uuid4()))
    await run(runtime, lambda tx: send_again(tx, SendLetterAgain(letter=wanted)), caller=caller)


async def test_a_letter_goes_out_once_more_as_it_is_with_a_proof_of_its_own(notices: Runtime, settings_dir: Path) -> None:
    await write(notices)
    [kept] = await rows(notices, letter)
    with pytest.raises(NeverSent):
        await again(notices, kept.id)
    while await tick(notices):
        pass
    await again(notices, kept.id)
    while await tick(notices):
        pass
    files = sorted((settings_dir / "letters").iterdir())
    assert [file.read_bytes() for file in files] == [kept.pdf] * 2
    steps = [(row.step, row.by) for row in await rows(notices, sending)]
    assert steps == [("begun", None), ("done", None), ("asked", "asha.officer"), ("begun", None), ("done", None)]
    assert {row.proof for row in await rows(notices, sending) if row.step == "done"} == {file.name for file in files}
    [shown] = (await run(notices, lambda tx: letters(tx, LettersAsked(case=CASE)))).letters
    assert (shown.fate, shown.times_sent, shown.asked_again_by) == (LetterFate.SENT, 2, "asha.officer")
    assert len(await rows(notices, outbox_event)) == 1, "that it was sent is told once"


async def test_a_letter_goes_out_once_more_by_mail_under_another_id(mail: tuple[Runtime, Mailbox]) -> None:
    runtime, mailbox = mail
    await write(runtime)
    while await tick(runtime):
        pass
    [kept] = await rows(runtime, letter)
    await again(runtime, kept.id)
    while await tick(runtime):
        pass
    ids = [re.findall(rb"Message-ID: (\S+)", taken.content)[0] for taken in mailbox.taken]
    assert ids == [f"<{kept.id}@rentbook.invalid>".encode(), f"<{kept.id}.2@rentbook.invalid>".encode()]


async def test_who_may_not_and_what_is_not_there_is_not_sent_again(notices: Runtime) -> None:
    await write(notices)
    [kept] = await rows(notices, letter)
    while await tick(notices):
        pass
    with pytest.raises(NotYourPart):
        await again(notices, kept.id, "auditor", "finance")
    with pytest.raises(NoSuchLetter):
        await again(notices, uuid4())
    assert [row.step for row in await rows(notices, sending)] == ["begun", "done"]


async def test_a_letter_that_waits_to_go_out_once_more_stays_sent_where_the_payment_comes_back(
    notices: Runtime, settings_dir: Path
) -> None:
    await write(notices)
    [kept] = await rows(notices, letter)
    while await tick(notices):
        pass
    await again(notices, kept.id)

    await run(notices, lambda tx: write_of_return(tx, RETURNED))
    while await tick(notices):
        pass
    kinds = {row.kind: row.status for row in await rows(notices, letter)}
    assert kinds == {"refund-made": "sent", "refund-returned": "sent"}
    assert len(list((settings_dir / "letters").iterdir())) == 2


async def test_a_letter_of_a_payment_that_came_back_is_not_sent_once_more_and_the_one_on_the_return_is(notices: Runtime) -> None:
    await write(notices)
    while await tick(notices):
        pass
    await run(notices, lambda tx: write_of_return(tx, RETURNED))
    while await tick(notices):
        pass
    kept = {row.kind: row.id for row in await rows(notices, letter)}
    with pytest.raises(PaymentCameBack):
        await again(notices, kept["refund-made"])
    await again(notices, kept["refund-returned"])
    told = (await run(notices, lambda tx: letters(tx, LettersAsked(case=CASE)))).letters
    assert {one.kind: one.payment_came_back for one in told} == {"refund-made": True, "refund-returned": False}


async def test_mail_goes_to_the_print_service_without_a_name_in_its_subject(mail: tuple[Runtime, Mailbox]) -> None:
    runtime, mailbox = mail
    await write(runtime)
    await tick(runtime)
    await tick(runtime)
    [taken] = mailbox.taken
    assert taken.rcpt_tos == ["print@example.org"]
    assert b"Subject: Letter to print and post: refund-made" in taken.content
    assert [row.step for row in await rows(runtime, sending)] == ["begun", "done"]


async def test_mail_that_was_refused_is_tried_again(mail: tuple[Runtime, Mailbox]) -> None:
    runtime, mailbox = mail
    mailbox.answer = "451 later"
    await write(runtime)
    await tick(runtime)
    await tick(runtime)
    mailbox.answer = "250 taken"
    await tick(runtime)
    await tick(runtime)
    assert [row.step for row in await rows(runtime, sending)] == ["begun", "refused", "begun", "done"]


async def test_a_mail_server_that_takes_nothing_is_asked_again_after_a_pause(mail: tuple[Runtime, Mailbox]) -> None:
    """Without one it would be asked as fast as it says no, and every no is kept."""
    runtime, mailbox = mail
    mailbox.answer = "451 later"
    await write(runtime)
    rounds = 0
    while await tick(runtime):
        rounds += 1
    assert rounds == 1, "it was claimed, and refused"
    assert [row.step for row in await rows(runtime, sending)] == ["begun", "refused"]


async def test_mail_that_a_dead_process_had_begun_is_not_sent_again(mail: tuple[Runtime, Mailbox], monkeypatch: pytest.MonkeyPatch) -> None:
    runtime, mailbox = mail
    await write(runtime)
    await tick(runtime)
    monkeypatch.setattr(sender, "BOOT", "the next run")
    await tick(runtime)
    [kept] = await rows(runtime, letter)
    assert (kept.status, mailbox.taken) == ("problem", [])
    assert "not known" in kept.problem


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE letter SET content = 'other'",
        "UPDATE letter SET pdf = 'other'",
        "DELETE FROM letter",
        "TRUNCATE letter CASCADE",
        "UPDATE sending SET step = 'done'",
        "DELETE FROM sending",
    ],
)
async def test_letters_and_proofs_cannot_be_rewritten(notices: Runtime, statement: str) -> None:
    await write(notices)
    await tick(notices)
    with pytest.raises(sa.exc.DBAPIError):
        async with notices.engine.begin() as connection:
            await connection.execute(sa.text(statement))


def test_half_a_mail_configuration_is_refused(settings_dir: Path) -> None:
    with pytest.raises(ValueError, match="RENTBOOK_SMTP_FROM"):
        NoticesSettings(
            database_url="postgresql+asyncpg://a@b/c", kafka_bootstrap="x:1", temporal_address="x:1", secrets_dir=settings_dir,
            letters_dir=settings_dir, smtp_host="mail",
        )  # fmt: skip


async def test_nobody_else_on_the_machine_reads_the_letters(notices: Runtime, settings_dir: Path) -> None:
    await write(notices)
    await tick(notices)
    await tick(notices)
    assert (settings_dir / "letters").stat().st_mode & 0o077 == 0


def facts_become(runtime: Runtime, *, case: dict[str, Any] | None = None, account: dict[str, Any] | None = None) -> None:
    """What the other services answer from here on."""

    def answer(request: httpx.Request) -> httpx.Response:
        page = case_page().model_copy(update=case) if "case-page" in request.url.path else account_page().model_copy(update=account)
        return httpx.Response(200, text=page.model_dump_json())

    runtime.http = httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def shown(runtime: Runtime) -> list[tuple[str, LetterFate]]:
    """Kind and fate of each letter on the case, oldest first."""
    found = await run(runtime, lambda tx: letters(tx, LettersAsked(case=CASE)))
    return [(row.kind, row.fate) for row in reversed(found.letters)]


BEHIND = {"balance_pence": 412_00}
NOTHING_DUE = CLOSED.model_copy(update={"outcome": CaseOutcome.NOTHING_DUE, "refund_pence": 0})
RETURNED = RefundReturned(case=CASE, account=ACCOUNT, attempt=1, amount_pence=141_20, reason="2")


async def test_a_letter_of_an_account_in_a_breathing_space_goes_out_without_its_arrears(notices: Runtime) -> None:
    facts_become(notices, account={**BEHIND, "breathing_space": True})
    await write(notices, NOTHING_DUE)
    [kept] = await rows(notices, letter)
    assert "412" not in kept.content
    assert "nothing that we can pay out today" in kept.content


async def test_a_breathing_space_that_begins_while_a_letter_waits_silences_its_arrears(mail: tuple[Runtime, Mailbox]) -> None:
    runtime, mailbox = mail
    mailbox.answer = "451 later"
    facts_become(runtime, account=BEHIND)
    await write(runtime, NOTHING_DUE)
    await tick(runtime)
    await tick(runtime)
    facts_become(runtime, account={**BEHIND, "breathing_space": True})
    mailbox.answer = "250 taken"
    while await tick(runtime):
        pass
    first, second = sorted(await rows(runtime, letter), key=lambda row: row.made_at)
    assert ("412" in first.content, first.status, first.problem) == (True, "withheld", sender.CHANGED)
    assert ("412" in second.content, second.status) == (False, "sent")
    assert len(mailbox.taken) == 2, "the first was refused by the server, the second was taken"
    assert await shown(runtime) == [("refund-declined", LetterFate.WITHHELD), ("refund-declined", LetterFate.SENT)]


async def test_a_letter_whose_facts_stand_is_sent_as_it_was_made(mail: tuple[Runtime, Mailbox]) -> None:
    runtime, mailbox = mail
    mailbox.answer = "451 later"
    await write(runtime)
    await tick(runtime)
    await tick(runtime)
    mailbox.answer = "250 taken"
    while await tick(runtime):
        pass
    assert await shown(runtime) == [("refund-made", LetterFate.SENT)]


async def test_a_payment_that_comes_back_after_its_letter_is_told_by_another(notices: Runtime) -> None:
    await write(notices)
    while await tick(notices):
        pass
    for _ in range(2):
        await run(notices, lambda tx: write_of_return(tx, RETURNED))
    while await tick(notices):
        pass
    assert await shown(notices) == [("refund-made", LetterFate.SENT), ("refund-returned", LetterFate.SENT)]


async def test_a_payment_that_comes_back_before_its_letter_withholds_it_and_keeps_what_it_said_of_debts(notices: Runtime) -> None:
    facts_become(notices, case={"attempt": 2})
    await write(notices, CLOSED.model_copy(update={"offset_pence": 85_50}))
    await run(notices, lambda tx: write_of_return(tx, RETURNED))
    while await tick(notices):
        pass
    assert await shown(notices) == [("refund-made", LetterFate.WITHHELD), ("refund-returned", LetterFate.SENT)]
    *_, told = sorted(await rows(notices, letter), key=lambda row: row.made_at)
    assert "£85.50" in told.content


async def test_a_letter_that_promises_a_payment_that_came_back_is_not_sent_even_before_notices_hears_of_it(notices: Runtime) -> None:
    await write(notices)
    facts_become(notices, case={"attempt": 2})
    while await tick(notices):
        pass
    assert await shown(notices) == [("refund-made", LetterFate.WITHHELD)]


async def test_a_payment_of_a_refused_file_was_promised_to_nobody_and_is_told_nobody(notices: Runtime) -> None:
    await run(notices, lambda tx: write_of_return(tx, RETURNED.model_copy(update={"reason": "file refused"})))
    assert await rows(notices, letter) == []


async def test_a_letter_of_which_nobody_knows_is_said_to_be_not_known(
    mail: tuple[Runtime, Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, _ = mail
    await write(runtime)
    await tick(runtime)
    monkeypatch.setattr(sender, "BOOT", "the next run")
    await tick(runtime)
    assert await shown(runtime) == [("refund-made", LetterFate.NOT_KNOWN)]
