"""The bank's stand-in: it takes a file once, pays each item once, says what became of it, and fails when it is told to."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from bank_simulator.app import make_app
from bank_simulator.standard18 import Refused, read
from hypothesis import given, settings
from hypothesis import strategies as st
from refunds.domain.bacs import Code, Item, Originator, Submission, credit_file, standard_18
from refunds.domain.bacs_reading import UnreadablePaymentFile, read_standard_18
from refunds.domain.bank_reports import CreditReturns, InputReport, read_report
from refunds.domain.days import business_date
from rentbook_local.ports import free_ports

NOW = datetime(2026, 5, 28, 9, 0, tzinfo=UTC)
COUNCIL = Originator("123456", "107999", "88837491", "WELHAT BC RENTS")
SUBMISSION = Submission(COUNCIL, "000123", created_on=date(2026, 5, 28), processing_day=date(2026, 5, 29))
ITEMS = [
    Item("089999", "66374958", Code.CREDIT, 20_00, "RF00000001", "Ada Olafsdottir"),
    Item("202959", "63748472", Code.CREDIT, 54_50, "RF00000002", "Siobhan ONeill"),
]
FILE = credit_file(SUBMISSION, ITEMS).content


@pytest_asyncio.fixture
async def bank(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(tmp_path, lambda: NOW))
    async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
        yield client


async def times_paid(bank: httpx.AsyncClient) -> dict[str, int]:
    return {row["reference"]: row["times"] for row in (await bank.get("/bacs/paid")).json()["paid"]}


async def reports_of(bank: httpx.AsyncClient, kind: str) -> list[Any]:
    listed = (await bank.get("/bacs/reports")).json()["reports"]
    return [read_report((await bank.get(row["address"])).content) for row in listed if row["type"] == kind]


async def test_a_file_is_taken_once_however_often_it_is_sent(bank: httpx.AsyncClient) -> None:
    first = await bank.post("/bacs/submissions", content=FILE)
    again = await bank.post("/bacs/submissions", content=FILE)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["status"] == again.json()["status"] == "accepted"
    assert (first.json()["count"], first.json()["total_pence"]) == (2, 74_50)
    assert again.json()["posts"] == 2
    assert await times_paid(bank) == {"RF00000001": 1, "RF00000002": 1}
    assert len(await reports_of(bank, "INPUT")) == 1


async def test_the_fate_of_a_file_may_be_asked(bank: httpx.AsyncClient) -> None:
    sha256 = credit_file(SUBMISSION, ITEMS).figures.sha256
    unseen = await bank.get("/bacs/submissions", params={"sha256": sha256})
    assert (unseen.status_code, unseen.json()["status"]) == (404, "not-seen")
    await bank.post("/bacs/submissions", content=FILE)
    answer = await bank.get("/bacs/submissions", params={"sha256": sha256})
    assert (answer.status_code, answer.json()["status"], answer.json()["serial"]) == (200, "accepted", "000123")


async def test_the_input_report_is_read_by_refunds_own_reader(bank: httpx.AsyncClient) -> None:
    await bank.post("/bacs/submissions", content=FILE)
    (report,) = await reports_of(bank, "INPUT")
    assert isinstance(report, InputReport)
    assert (report.accepted, report.serial, report.accepted_count, report.accepted_pence) == (True, "000123", 2, 74_50)
    assert report.sha256 == credit_file(SUBMISSION, ITEMS).figures.sha256
    assert report.key.on == date(2026, 5, 28)


async def test_another_file_with_the_same_serial_for_the_day_is_refused(bank: httpx.AsyncClient) -> None:
    await bank.post("/bacs/submissions", content=FILE)
    other = credit_file(SUBMISSION, ITEMS[:1])
    refused = await bank.post("/bacs/submissions", content=other.content)
    assert (refused.status_code, refused.json()["status"]) == (422, "refused")
    assert "serial" in refused.json()["reason"]
    assert (await bank.get("/bacs/submissions", params={"sha256": other.figures.sha256})).json()["status"] == "refused"
    assert await times_paid(bank) == {"RF00000001": 1, "RF00000002": 1}
    next_serial = credit_file(replace(SUBMISSION, serial="000124"), ITEMS[:1])
    assert (await bank.post("/bacs/submissions", content=next_serial.content)).status_code == 201
    assert await times_paid(bank) == {"RF00000001": 2, "RF00000002": 1}, "the bank pays what it is sent: tests see the second time"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        FILE[:-1],
        FILE.replace(b"00000002000", b"00000002001", 1),
        FILE.replace(b"ADA", b"Ada", 1),
        credit_file(replace(SUBMISSION, processing_day=date(2026, 5, 28)), ITEMS).content.replace(b" 26148999999", b" 26147999999"),
        credit_file(replace(SUBMISSION, created_on=date(2026, 5, 1), processing_day=date(2026, 5, 27)), ITEMS).content,
        credit_file(replace(SUBMISSION, processing_day=date(2026, 6, 29)), ITEMS).content,
        credit_file(replace(SUBMISSION, processing_day=date(2026, 5, 30)), ITEMS).content,
    ],
)
async def test_what_the_standard_does_not_allow_is_refused_with_a_reason_and_pays_nobody(bank: httpx.AsyncClient, content: bytes) -> None:
    refused = await bank.post("/bacs/submissions", content=content)
    assert (refused.status_code, refused.json()["status"]) == (422, "refused")
    assert refused.json()["reason"]
    assert await times_paid(bank) == {}
    assert (await bank.post("/bacs/submissions", content=content)).json()["status"] == "refused"


async def test_a_body_beyond_the_limit_is_refused_before_it_is_held(bank: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024 * 1024

    assert (await bank.post("/bacs/submissions", content=endless())).status_code == 413


async def test_a_payment_comes_back_once_and_arucs_says_why(bank: httpx.AsyncClient) -> None:
    await bank.post("/bacs/submissions", content=FILE)
    for _ in range(2):
        ordered = await bank.post("/control/next", json={"fault": "return", "reference": "RF00000002", "code": "5"})
        assert ordered.status_code == 202
    (report,) = await reports_of(bank, "ARUCS")
    assert isinstance(report, CreditReturns)
    assert [(item.reference, item.code, item.words, item.pence) for item in report.items] == [("RF00000002", "5", "NO ACCOUNT", 54_50)]
    paid = {row["reference"]: (row["times"], row["returned"]) for row in (await bank.get("/bacs/paid")).json()["paid"]}
    assert paid == {"RF00000001": (1, 0), "RF00000002": (1, 1)}


async def test_a_return_may_be_ordered_before_the_payment(bank: httpx.AsyncClient) -> None:
    await bank.post("/control/next", json={"fault": "return", "reference": "RF00000001", "code": "B"})
    assert await reports_of(bank, "ARUCS") == []
    await bank.post("/bacs/submissions", content=FILE)
    assert [item.reference for report in await reports_of(bank, "ARUCS") for item in report.items] == ["RF00000001"]


async def test_an_item_may_be_rejected_at_input(bank: httpx.AsyncClient) -> None:
    await bank.post("/control/next", json={"fault": "reject-item", "reference": "RF00000001", "code": "Y"})
    await bank.post("/control/next", json={"fault": "reject-item", "reference": "RF00000002", "code": "E"})
    await bank.post("/bacs/submissions", content=FILE)
    (report,) = await reports_of(bank, "INPUT")
    assert (report.accepted_count, report.rejected_count, report.rejected_pence) == (1, 1, 20_00)
    assert [(item.reference, item.code) for item in report.rejected] == [("RF00000001", "Y"), ("RF00000002", "E")]
    assert await times_paid(bank) == {"RF00000002": 1}


async def test_a_file_is_refused_by_order_and_taken_with_another_serial(bank: httpx.AsyncClient) -> None:
    await bank.post("/control/next", json={"fault": "refuse"})
    assert (await bank.post("/bacs/submissions", content=FILE)).json()["status"] == "refused"
    (report,) = await reports_of(bank, "INPUT")
    assert not report.accepted
    assert (await bank.post("/bacs/submissions", content=FILE)).json()["status"] == "refused", "its fate is told, not judged anew"
    mended = credit_file(replace(SUBMISSION, serial="000124"), ITEMS).content
    assert (await bank.post("/bacs/submissions", content=mended)).json()["status"] == "accepted"


async def test_a_fault_happens_once(bank: httpx.AsyncClient) -> None:
    await bank.post("/control/next", json={"fault": "unavailable"})
    assert [fault["fault"] for fault in (await bank.get("/control/next")).json()["next"]] == ["unavailable"]
    assert (await bank.post("/bacs/submissions", content=FILE)).status_code == 503
    assert (await bank.post("/bacs/submissions", content=FILE)).status_code == 201


@pytest.mark.parametrize(
    "order",
    [
        {"fault": "explode"},
        {"fault": "return", "code": "5"},
        {"fault": "return", "reference": "RF00000001", "code": "Z"},
        {"fault": "reject-item", "reference": "RF00000001", "code": "5"},
        {"fault": "delay", "seconds": -1},
        {"fault": "delay", "seconds": "soon"},
        [],
        "not json",
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(bank: httpx.AsyncClient, order: Any) -> None:
    body = {"content": order} if isinstance(order, str) else {"json": order}
    assert (await bank.post("/control/next", **body)).status_code == 400
    assert (await bank.get("/control/next")).json()["next"] == []


REGISTER = [
    {"sort_code": "089999", "account_number": "66374958", "name": "Ada Ólafsdóttir"},
    {"sort_code": "202959", "account_number": "63748472", "name": "Brick & Sons Ltd", "business": True},
    {"sort_code": "107999", "account_number": "00123456", "name": "Chen Wei", "answer": "unavailable"},
]


@pytest.mark.parametrize(
    ("asked", "answer", "name"),
    [
        (("Ada Olafsdottir", "089999", "66374958", False), "match", None),
        (("Ms Ada Ólafsdóttir", "089999", "66374958", False), "match", None),
        (("A Olafsdottir", "089999", "66374958", False), "close", "Ada Ólafsdóttir"),
        (("Ada Olafsdotir", "089999", "66374958", False), "close", "Ada Ólafsdóttir"),
        (("Ólafsdóttir Ada", "089999", "66374958", False), "close", "Ada Ólafsdóttir"),
        (("Mallory Smith", "089999", "66374958", False), "no-match", None),
        (("Brick & Sons Ltd", "202959", "63748472", True), "match", None),
        (("Brick & Sons Ltd", "202959", "63748472", False), "close", "Brick & Sons Ltd"),
        (("Chen Wei", "107999", "123456", False), "unavailable", None),
        (("Dana Example", "400000", "12345670", False), "match", None),
        (("Dana Lee Example", "400000", "12345677", False), "close", "D. L. Example"),
        (("Dana Example", "400000", "12345678", False), "no-match", None),
        (("Dana Example", "400000", "12345679", False), "unavailable", None),
    ],
)
async def test_confirmation_of_payee(bank: httpx.AsyncClient, asked: tuple[str, str, str, bool], answer: str, name: str | None) -> None:
    await bank.put("/control/register", json=REGISTER)
    question = dict(zip(("name", "sort_code", "account_number", "business"), asked, strict=True))
    assert (await bank.post("/cop/check", json=question)).json() == {"answer": answer, "name": name}


async def test_a_register_that_finds_no_space_stays_as_it_was(
    bank: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bank.put("/control/register", json=REGISTER)
    monkeypatch.setenv("RENTBOOK_FAILPOINTS", str(tmp_path))
    armed = tmp_path / "write.register.json"
    armed.touch()
    refused = await bank.put("/control/register", json=[])
    said = "the register stays as it was, because its file cannot be written (No space left on device)"
    assert (refused.status_code, refused.json()) == (507, {"reason": said})
    assert (tmp_path / "write.register.json.hit").exists()
    assert json.loads((tmp_path / "register.json").read_text()) == REGISTER
    assert "register.json.making" not in os.listdir(tmp_path)
    armed.unlink()
    assert (await bank.put("/control/register", json=[])).json() == {"entries": 0}


@pytest.mark.parametrize(
    "question",
    [
        {},
        [],
        {"name": "A", "sort_code": "12345", "account_number": "12345678"},
        {"name": " ", "sort_code": "123456", "account_number": "12345678"},
    ],
)
async def test_a_question_that_names_no_account_is_refused(bank: httpx.AsyncClient, question: Any) -> None:
    assert (await bank.post("/cop/check", json=question)).status_code == 400


async def test_health_metrics_and_a_page_to_look_at(bank: httpx.AsyncClient) -> None:
    await bank.post("/bacs/submissions", content=FILE)
    assert (await bank.get("/health")).json() == {"healthy": True, "reasons": []}
    assert 'bank_items{status="paid"} 2' in (await bank.get("/metrics")).text
    page = (await bank.get("/")).text
    assert "£54.50" in page
    assert "RF00000002" in page
    assert "63748472" not in page
    assert "pence" not in page
    assert re.search(r"<td>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d</td>", page)


@contextmanager
def running(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    told = {"RENTBOOK_STATE_DIR": str(folder), "RENTBOOK_HTTP_PORT": str(port), "RENTBOOK_HTTP_HOST": "127.0.0.1"}
    process = subprocess.Popen([sys.executable, "-m", "bank_simulator"], env={**os.environ, **told})
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


async def up(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.get("/health")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def test_a_real_process_breaks_the_connection_and_remembers_over_kill_9(tmp_path: Path) -> None:
    """The reply is lost, the process is killed, and yet the bank knows that it took the file, and pays once."""
    [port], sha256 = free_ports(1), credit_file(SUBMISSION, ITEMS).figures.sha256
    file = credit_file(replace(SUBMISSION, created_on=today(), processing_day=next_weekday()), ITEMS)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        with running(tmp_path, port):
            await up(client)
            for fault in ("lose", "accept-then-drop-reply"):
                await client.post("/control/next", json={"fault": fault})
            for expected in ("not-seen", "accepted"):
                with pytest.raises(httpx.TransportError):
                    await client.post("/bacs/submissions", content=file.content)
                fate = await client.get("/bacs/submissions", params={"sha256": file.figures.sha256})
                assert fate.json()["status"] == expected
            await client.post("/control/next", json={"fault": "delay", "seconds": 60})
        with running(tmp_path, port):
            await up(client)
            with pytest.raises(httpx.ReadTimeout):
                await client.post("/bacs/submissions", content=file.content, timeout=httpx.Timeout(5, read=0.5))
            assert (await client.post("/bacs/submissions", content=file.content)).json()["posts"] == 3
            assert await times_paid(client) == {"RF00000001": 1, "RF00000002": 1}
            assert (await client.get("/bacs/submissions", params={"sha256": sha256})).json()["status"] == "not-seen"


def test_a_state_that_cannot_be_opened_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bank.sqlite3").write_bytes(b"not a database, " * 100)
    told = {"RENTBOOK_STATE_DIR": str(tmp_path), "RENTBOOK_HTTP_PORT": "1"}
    ended = subprocess.run(
        [sys.executable, "-m", "bank_simulator"], env={**os.environ, **told}, capture_output=True, timeout=30, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.decode().count("\n") == 1
    assert "free the disk or mend" in ended.stderr.decode()


def today() -> date:
    return business_date(datetime.now(UTC))


def next_weekday() -> date:
    day = today().toordinal() + 1
    return date.fromordinal(day + {5: 2, 6: 1}.get(date.fromordinal(day).weekday(), 0))


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 99_999_999)), min_size=1, max_size=20))
def test_the_banks_reader_and_refunds_reader_agree_on_every_file(payments: list[tuple[int, int]]) -> None:
    items = [Item("089999", f"{account:08d}", Code.CREDIT, pence, f"RF{n:06d}X", "A Tenant") for n, (pence, account) in enumerate(payments)]
    content = credit_file(SUBMISSION, items).content
    theirs, ours = read(content), read_standard_18(content)
    assert [(r.account_number, r.pence, r.reference) for r in theirs.items] == [
        (r.account_number, r.pence, r.reference) for r in ours.items
    ]
    assert (theirs.total_pence, theirs.serial, theirs.processing_day) == (ours.figures.total_pence, ours.serial, ours.processing_day)


@settings(max_examples=1000)
@given(st.integers(0, len(FILE) - 1), st.sampled_from("0159AZ .x\n"))
def test_the_two_readers_agree_on_what_a_damaged_file_is(place: int, other: str) -> None:
    """Written apart from each other, they take and refuse the same files."""
    damaged = FILE[:place] + other.encode() + FILE[place + 1 :]
    assert _takes(read, damaged) == _takes(read_standard_18, damaged)


def _takes(reader: Any, content: bytes) -> bool:
    try:
        reader(content)
    except (Refused, UnreadablePaymentFile):
        return False
    return True


def test_the_bank_reads_collections_and_instructions_too() -> None:
    collections = [replace(item, code=Code.REGULAR_COLLECTION) for item in ITEMS]
    assert {item.code for item in read(standard_18(SUBMISSION, collections).content).items} == {"17"}
    instructions = [replace(ITEMS[0], code=Code.NEW_INSTRUCTION, pence=0)]
    assert [item.code for item in read(standard_18(SUBMISSION, instructions).content).items] == ["0N"]
