"""Bank files on their way into the books: taken whole, refused whole, taken once."""

import asyncio
import gc
import re
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.peers import Caller, headers_of
from chassis.transaction import Runtime, run
from ledger.domain.dates import business_date
from ledger.queries.account_page import account_page
from ledger.queries.bank_files import bank_file_page, bank_files
from ledger.queries.entries import KIND_OF_CODE
from ledger.queries.labels import search_accounts
from ledger.queries.refund_facts import account_for_refund
from ledger.tables import posting_code
from ledger.web import routes
from rentbook_contracts.ledger import (
    BANK_FILE_LIMIT_BYTES,
    AccountForRefund,
    AccountPageAsked,
    BankFileAsked,
    BankFilePage,
    BankFilesAsked,
    EntryKind,
    FileStatus,
    SearchAccounts,
)
from starlette.applications import Starlette
from support.ledger_books import (
    CLOSED_REFERENCE,
    MAIN,
    MAIN_REFERENCE,
    NEIGHBOUR,
    NEIGHBOUR_REFERENCE,
    RECHARGE,
    UNKNOWN_REFERENCE,
)

from .domain.build_files import CashLine, CashTotals, Entry, Payment, Statement, allpay, camt053

TODAY = business_date(datetime.now(UTC))
YESTERDAY = str(TODAY - timedelta(days=1))
BEFORE_YESTERDAY = str(TODAY - timedelta(days=2))
OURS = "<IBAN>GB75WHBC10799988837491</IBAN>"


def entry(reference: str, text: str, pounds: str = "60.00", **more: object) -> Entry:
    payment = Payment(text=[text], payer="A PAYER", payer_iban="GB33BUKB20201555555555")
    given = {"reference": reference, "pounds": pounds, "booked": YESTERDAY, "valued": YESTERDAY, "payments": [payment], **more}
    return Entry(**given)  # type: ignore[arg-type]


def statement(*entries: Entry, number: str = "1") -> bytes:
    return camt053(Statement(entries=entries, account=OURS, number=number, statement_id=f"S{number}"))


AS_BEFORE = Statement(account=OURS, number="1", statement_id="S1")


def cash(*lines: tuple[str, str]) -> list[CashLine]:
    return [CashLine(reference=reference, pounds=pounds, paid_on=f"{TODAY - timedelta(days=1):%d/%m/%Y}") for reference, pounds in lines]


class Door:
    """POST /bank-files as the desk does it."""

    def __init__(self, runtime: Runtime, caller: Caller, http: httpx.AsyncClient) -> None:
        self.runtime = runtime
        self._caller = caller
        self._http = http

    async def post(self, name: str, content: Any, *, caller: Caller | None = None, as_new: bool = False) -> httpx.Response:
        headers = headers_of(caller or self._caller, "token-of-the-services", form=None)
        params = {"name": name, **({"as_new": "yes"} if as_new else {})}
        return await self._http.post("/bank-files", params=params, content=content, headers=headers)

    async def take(self, name: str, content: object) -> BankFilePage:
        answer = await self.post(name, content)
        page = BankFilePage.model_validate_json(answer.content)
        assert answer.status_code == {FileStatus.TAKEN: 201, FileStatus.ALREADY_TAKEN: 200, FileStatus.REFUSED: 422}[page.status]
        return page

    async def count(self, what: str) -> int:
        async with self.runtime.engine.connect() as connection:
            return int(await connection.scalar(sa.text(f"SELECT count(*) FROM {what}")) or 0)


@pytest_asyncio.fixture(loop_scope="session")
async def door(ledger: Runtime, officer: Caller) -> AsyncIterator[Door]:
    transport = httpx.ASGITransport(Starlette(routes=list(routes(ledger))))
    async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as http:
        yield Door(ledger, officer, http)


async def test_a_statement_is_posted_line_by_line(door: Door) -> None:
    page = await door.take(
        "monday.xml",
        statement(
            entry("R1", f"rent {MAIN_REFERENCE}", code="PMNT/IDDT/ESDD"),
            entry("R2", NEIGHBOUR_REFERENCE.lower(), "12.34"),
            entry("R3", f"{MAIN_REFERENCE}-RC", "5.50"),
        ),
    )
    assert (page.status, page.receipts, page.in_suspense, page.pending) == (FileStatus.TAKEN, 3, 0, 0)
    assert page.total_pence == 60_00 + 12_34 + 5_50
    assert [(one.code, one.lines, one.amount_pence) for one in page.by_method] == [("RDD", 1, 60_00), ("RBP", 2, 17_84)]
    assert [(line.account, line.code, line.amount_pence) for line in page.lines] == [
        (MAIN, "RDD", 60_00),
        (NEIGHBOUR, "RBP", 12_34),
        (RECHARGE, "RBP", 5_50),
    ]
    shown = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    newest = shown.entries[0]
    assert (shown.balance_pence, newest.running_pence, newest.amount_pence) == (-200_00, -200_00, -60_00)
    source = newest.provenance
    assert (source.file_name, source.line, source.entry_reference) == ("monday.xml", page.lines[0].line, "R1")
    assert source.actor == "lind.officer"
    facts = await run(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    assert (facts.uncleared_pence, facts.cleared_credit_pence) == (60_00, 140_00)
    assert facts.actors == ("grace.officer", "lind.officer"), "whoever brings a bank file stands behind the credits in it"


async def test_versions_and_balances_of_receipts_run_on_per_account(door: Door) -> None:
    await door.take("two.xml", statement(entry("R1", MAIN_REFERENCE, "1.00"), entry("R2", MAIN_REFERENCE, "2.00")))
    async with door.runtime.engine.connect() as connection:
        wanted = sa.text("SELECT aggregate_version, body::json FROM outbox_event WHERE key = :key ORDER BY seq")
        told = (await connection.execute(wanted, {"key": str(MAIN)})).all()
    assert [(row.aggregate_version, row.body["balance_pence"]) for row in told] == [(1, -140_00), (2, -141_00), (3, -143_00)]
    assert not any("payer" in row.body or "narrative" in row.body for row in told)


async def test_what_cannot_be_placed_goes_to_suspense_with_its_reason(door: Door) -> None:
    page = await door.take(
        "odd.xml",
        statement(
            entry("R1", "no reference at all"),
            entry("R2", UNKNOWN_REFERENCE),
            entry("R3", CLOSED_REFERENCE),
            entry("R4", f"{MAIN_REFERENCE} or {NEIGHBOUR_REFERENCE}"),
            entry("R5", f"refund of {MAIN_REFERENCE}", sign="DBIT"),
        ),
    )
    assert (page.status, page.in_suspense, page.receipts) == (FileStatus.TAKEN, 5, 5)
    assert [line.suspense_reason for line in page.lines] == [
        "no payment reference",
        "no account has this payment reference",
        "the account is closed",
        "several payment references",
        "money out, to be matched with what was paid",
    ]
    assert await door.count("suspense_item WHERE review_by > current_date AND escalate_on > review_by") == 5
    async with door.runtime.engine.connect() as connection:
        wanted = sa.text("SELECT account.reference, sum(amount_pence)::bigint FROM entry JOIN account ON account.id = account GROUP BY 1")
        sums = {row[0]: row[1] for row in await connection.execute(wanted)}
    assert (sums["SUSPENSE"], sums["BANK"]) == (-180_00, 140_00 + 180_00)


async def test_what_is_booked_and_valued_later_has_not_cleared_before(door: Door) -> None:
    later = str(TODAY + timedelta(days=3))
    await door.take("monday.xml", statement(entry("R1", MAIN_REFERENCE, valued=later), entry("R2", MAIN_REFERENCE, "5.00")))
    facts = await run(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    assert facts.uncleared_pence == 60_00


async def test_a_name_that_cannot_be_shown_is_said_to_be_none(door: Door) -> None:
    page = await door.take("\u202e\u200f ", statement(entry("R1", MAIN_REFERENCE)))
    assert page.name == "(a file without a name)"


async def test_a_returned_direct_debit_is_a_debit_on_the_account(door: Door) -> None:
    await door.take("back.xml", statement(entry("R1", MAIN_REFERENCE, sign="DBIT", code="PMNT/IDDT/UPDD", reversal="true")))
    shown = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    assert (shown.balance_pence, shown.entries[0].code) == (-80_00, "RDN")


async def test_a_returned_direct_debit_undoes_the_newest_receipt_that_it_fits(door: Door) -> None:
    direct_debit = {"code": "PMNT/IDDT/ESDD"}
    unpaid = {"sign": "DBIT", "code": "PMNT/IDDT/UPDD", "reversal": "true"}
    await door.take("in.xml", statement(*(entry(f"R{number}", MAIN_REFERENCE, **direct_debit) for number in (1, 2, 3))))
    returned = (entry("R4", MAIN_REFERENCE, **unpaid), entry("R5", MAIN_REFERENCE, **unpaid), entry("R6", "x", **unpaid))
    back = await door.take("back.xml", statement(*returned, number="2"))
    assert (back.status, back.in_suspense) == (FileStatus.TAKEN, 1)
    shown = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    undoing, undone = [entry.reverses for entry in shown.entries], [entry.journal for entry in shown.entries if entry.reversed_by]
    assert shown.balance_pence == -200_00
    assert [journal for journal in undoing if journal] == undone[::-1]
    assert len(undone) == 2
    facts = await run(door.runtime, lambda tx: account_for_refund(tx, AccountForRefund(account=MAIN)), read_only=True)
    assert (facts.uncleared_pence, facts.cleared_credit_pence) == (60_00, 140_00), "what was taken back is waited for no more"


async def test_every_transaction_code_is_of_a_kind_and_kinds_take_the_entries_of_an_account_apart(door: Door) -> None:
    async with door.runtime.engine.connect() as connection:
        kinds = {row.code: row.kind for row in await connection.execute(sa.select(posting_code.c.code, KIND_OF_CODE.label("kind")))}
    assert {kinds[code] for code in ("DEB", "DRR", "DCC")} == {EntryKind.CHARGES}
    assert [kinds[code] for code in ("RHP", "RDN", "RRC", "RCM", "CWO", "RIT")] == [
        EntryKind.RECEIPTS, EntryKind.UNPAID, EntryKind.UNPAID, EntryKind.ADJUSTMENTS, EntryKind.WRITE_OFFS, EntryKind.TRANSFERS,
    ]  # fmt: skip
    assert set(kinds.values()) == set(EntryKind)
    await door.take("in.xml", statement(entry("R1", MAIN_REFERENCE, code="PMNT/IDDT/ESDD")))
    unpaid = entry("R2", MAIN_REFERENCE, code="PMNT/IDDT/UPDD", sign="DBIT", reversal="true")
    await door.take("back.xml", statement(unpaid, number="2"))
    whole = await run(door.runtime, lambda tx: account_page(tx, AccountPageAsked(account=MAIN)), read_only=True)
    asked = [AccountPageAsked(account=MAIN, kind=kind) for kind in EntryKind]
    parts = [await run(door.runtime, lambda tx, one=one: account_page(tx, one), read_only=True) for one in asked]  # type: ignore[misc]
    assert {one.kind: {shown.code for shown in part.entries} for one, part in zip(asked, parts, strict=True) if part.entries} == {
        EntryKind.RECEIPTS: {"RSO", "RCO", "RDD"},
        EntryKind.UNPAID: {"RDN"},
    }
    assert sum(part.entries_in_all for part in parts) == whole.entries_in_all


async def test_the_same_bytes_again_post_nothing_and_say_when_and_by_whom(door: Door) -> None:
    content = statement(entry("R1", MAIN_REFERENCE))
    first = await door.take("monday.xml", content)
    again = await door.take("monday (1).xml", content)
    assert (again.status, again.earlier, again.earlier_name, again.earlier_by) == (
        FileStatus.ALREADY_TAKEN,
        first.bank_file,
        "monday.xml",
        "lind.officer",
    )
    assert again.earlier_at == first.uploaded_at
    assert await door.count("journal WHERE code = 'RBP'") == 1


async def test_another_file_that_repeats_an_entry_reference_is_refused_naming_both(door: Door) -> None:
    await door.take("monday.xml", statement(entry("R1", MAIN_REFERENCE), entry("R2", MAIN_REFERENCE)))
    again = statement(entry("R3", MAIN_REFERENCE), entry("R2", NEIGHBOUR_REFERENCE), entry("R1", "x"), number="2")
    page = await door.take("tuesday.xml", again)
    assert (page.status, page.faults_in_all) == (FileStatus.REFUSED, 2)
    assert {fault.rule for fault in page.faults} == {"EntryReferenceTaken"}
    assert all(fault.line and "monday.xml" in fault.message and "tuesday.xml" in fault.message for fault in page.faults)
    assert await door.count("journal WHERE code = 'RBP'") == 2


def batch(reference: str, status: str = "BOOK") -> Entry:
    payments = [Payment(text=[MAIN_REFERENCE], pounds="20.00"), Payment(text=[NEIGHBOUR_REFERENCE], pounds="40.00")]
    return entry(reference, "", payments=payments, status=status)


@pytest.mark.parametrize("first", ["itemised", "as one"])
async def test_an_entry_that_another_file_itemises_differently_is_the_same_entry(door: Door, first: str) -> None:
    ways = [batch("BAT1"), entry("BAT1", MAIN_REFERENCE)]
    earlier, later = ways if first == "itemised" else ways[::-1]
    taken = await door.take("monday.xml", statement(earlier, entry("R1", MAIN_REFERENCE)))
    again = await door.take("tuesday.xml", statement(later, entry("R2", MAIN_REFERENCE), number="2"))
    assert (taken.status, again.status) == (FileStatus.TAKEN, FileStatus.REFUSED)
    assert [fault.rule for fault in again.faults] == ["EntryReferenceTaken"]
    assert all(words in again.faults[0].message for words in ("BAT1 ", "monday.xml", "tuesday.xml"))
    assert again.faults[0].line


async def test_a_batch_that_was_pending_is_booked_by_a_later_file(door: Door) -> None:
    await door.take("monday.xml", statement(batch("BAT1", status="PDNG"), entry("R1", MAIN_REFERENCE)))
    later = await door.take("tuesday.xml", statement(entry("BAT1", MAIN_REFERENCE), number="2"))
    assert (later.status, later.receipts) == (FileStatus.TAKEN, 1)


BOTH = entry("NR1", MAIN_REFERENCE, servicer_reference="SV1")
SERVICER_ONLY = entry("", MAIN_REFERENCE, servicer_reference="SV1")


@pytest.mark.parametrize(
    ("earlier", "later", "status"),
    [
        (BOTH, SERVICER_ONLY, FileStatus.REFUSED),
        (SERVICER_ONLY, BOTH, FileStatus.REFUSED),
        (BOTH, entry("NR1", MAIN_REFERENCE), FileStatus.REFUSED),
        (BOTH, entry("NR1", MAIN_REFERENCE, servicer_reference="SV2"), FileStatus.REFUSED),
        (BOTH, entry("NR2", MAIN_REFERENCE, servicer_reference="SV1"), FileStatus.REFUSED),
        (BOTH, entry("NR2", MAIN_REFERENCE, "61.00", servicer_reference="SV1"), FileStatus.TAKEN),
        (BOTH, entry("NR2", MAIN_REFERENCE, servicer_reference="SV1", booked=BEFORE_YESTERDAY), FileStatus.TAKEN),
        (SERVICER_ONLY, entry("NR1", MAIN_REFERENCE, "61.00", servicer_reference="SV1"), FileStatus.TAKEN),
        (BOTH, entry("", NEIGHBOUR_REFERENCE, servicer_reference="NOTPROVIDED"), FileStatus.TAKEN),
    ],
    ids=[
        *("the other", "the other first", "the leading one", "another beside it", "numbered anew"),
        *("shared by two amounts", "shared by two days", "another amount", "a constant"),
    ],
)
async def test_an_entry_is_known_by_every_reference_that_it_carries(door: Door, earlier: Entry, later: Entry, status: FileStatus) -> None:
    filler = entry("R1", MAIN_REFERENCE)
    assert (await door.take("monday.xml", statement(earlier, filler))).status is FileStatus.TAKEN
    again = await door.take("tuesday.xml", statement(later, number="2"))
    assert again.status is status
    assert [fault.rule for fault in again.faults] == ["EntryReferenceTaken"] * (status is FileStatus.REFUSED)


async def test_an_entry_that_the_bank_numbers_anew_is_posted_once_and_both_files_are_named(door: Door) -> None:
    await door.take("monday.xml", statement(BOTH, entry("NR2", NEIGHBOUR_REFERENCE, "12.00", servicer_reference="SV2")))
    posted = await door.count("journal")
    renumbered = statement(entry("1", MAIN_REFERENCE, servicer_reference="SV1"), entry("2", MAIN_REFERENCE, "44.00"), number="2")
    again = await door.take("tuesday.xml", renumbered)
    assert [fault.rule for fault in again.faults] == ["EntryReferenceTaken"]
    assert all(words in again.faults[0].message for words in ("SV1 ", "monday.xml", "tuesday.xml"))
    assert await door.count("journal") == posted


async def test_an_entry_that_was_pending_is_booked_under_another_number(door: Door) -> None:
    pending = entry("NR1", MAIN_REFERENCE, servicer_reference="SV1", status="PDNG")
    await door.take("monday.xml", statement(pending, entry("R1", MAIN_REFERENCE)))
    later = await door.take("tuesday.xml", statement(entry("NR9", MAIN_REFERENCE, servicer_reference="SV1"), number="2"))
    assert (later.status, later.receipts) == (FileStatus.TAKEN, 1)


def pool(beginning: str, payer: str = MAIN_REFERENCE, booked: str = YESTERDAY) -> tuple[Entry, ...]:
    """Entries of one batch, to all of which the bank gives the batch's reference."""
    return tuple(entry(f"{beginning}{number}", payer, servicer_reference="POOL", booked=booked) for number in range(3))


async def test_a_servicer_reference_that_many_entries_share_refuses_none_of_them(door: Door) -> None:
    for number, entries in enumerate((pool("A"), pool("B", booked=BEFORE_YESTERDAY), pool("C", NEIGHBOUR_REFERENCE))):
        page = await door.take(f"{number}.xml", statement(*entries, number=str(number)))
        assert (page.status, page.receipts) == (FileStatus.TAKEN, 3)


async def test_a_batch_whose_entries_the_bank_numbers_anew_doubles_nothing(door: Door) -> None:
    await door.take("monday.xml", statement(*pool("A")))
    again = await door.take("tuesday.xml", statement(*pool("B"), number="2"))
    assert [fault.rule for fault in again.faults] == ["ExportedAgain"]


@pytest.mark.parametrize("fault_at", ["statement", "cash"])
async def test_money_from_before_the_clearing_rules_is_refused_with_its_line(door: Door, fault_at: str) -> None:
    if fault_at == "statement":
        content = statement(entry("R1", MAIN_REFERENCE), entry("R2", MAIN_REFERENCE, booked="2019-01-01"))
        line = 1 + [number for number, text in enumerate(content.decode().splitlines()) if text == "  <Ntry>"][1]
    else:
        content, line = allpay([*cash((MAIN_REFERENCE, "20.00")), CashLine(MAIN_REFERENCE, paid_on="01/01/1900")]), 2
    page = await door.take("old", content)
    assert (page.status, page.faults_in_all) == (FileStatus.REFUSED, 1)
    assert [(fault.rule, fault.line) for fault in page.faults] == [("NoClearingRule", line)]
    assert "2020-04-06" in page.faults[0].message
    assert page.advice
    assert page.advice[0].startswith("Check the day")
    assert await door.count("journal WHERE code IN ('RBP', 'RPY')") == 0


@pytest.mark.parametrize("day", ["2019-01-01", "0001-01-01"])
async def test_money_out_of_long_ago_is_answered_too(door: Door, day: str) -> None:
    page = await door.take("old.xml", statement(entry("R1", MAIN_REFERENCE, booked=day, sign="DBIT")))
    assert (page.status, page.in_suspense) == (FileStatus.TAKEN, 1)


def exported_again(content: bytes, how: str) -> bytes:
    match how:
        case "without references":
            return re.sub(rb"<NtryRef>.*?</NtryRef>", b"", content)
        case "with other references":
            return content.replace(b"<NtryRef>R", b"<NtryRef>X")
        case _:
            return re.sub(rb"<NtryRef>.*?</NtryRef>", b"", content).replace(b"<Id>S1<", b"<Id>2026/1<").replace(b">1</Elc", b">77</Elc")


@pytest.mark.parametrize("first", ["as it came", "without references"])
@pytest.mark.parametrize("how", ["without references", "with other references", "without references, and under another number"])
async def test_a_statement_exported_again_in_another_form_is_refused_naming_the_first(door: Door, first: str, how: str) -> None:
    plain = statement(entry("R1", MAIN_REFERENCE), entry("R2", NEIGHBOUR_REFERENCE, "12.00"))
    taken = await door.take("monday.xml", plain if first == "as it came" else exported_again(plain, first))
    again = await door.take("again.xml", exported_again(plain, how) + b"\n")
    assert (taken.status, again.status) == (FileStatus.TAKEN, FileStatus.REFUSED)
    assert {fault.rule for fault in again.faults} <= {"StatementTaken", "RecordsTaken"}
    assert all("monday.xml" in fault.message for fault in again.faults)
    assert await door.count("journal WHERE code = 'RBP'") == 2


async def test_payments_that_only_look_alike_are_others_where_the_bank_gives_references(door: Door) -> None:
    await door.take("monday.xml", statement(entry("R1", MAIN_REFERENCE)))
    assert (await door.take("tuesday.xml", statement(entry("R2", MAIN_REFERENCE), number="2"))).status is FileStatus.TAKEN


def bare(day: int, text: str, pounds: str = "60.00") -> Entry:
    """An entry to which the bank gives no reference, of so many days ago."""
    return entry("", text, pounds, booked=str(TODAY - timedelta(days=day)))


FIRST_DAYS = (bare(5, MAIN_REFERENCE), bare(4, NEIGHBOUR_REFERENCE, "12.00"), bare(3, MAIN_REFERENCE, "31.00"))
LATER_DAYS = (FIRST_DAYS[2], bare(2, NEIGHBOUR_REFERENCE, "12.00"), bare(1, MAIN_REFERENCE))


async def test_a_statement_without_references_that_overlaps_an_earlier_one_doubles_nothing(door: Door) -> None:
    earlier = await door.take("days-1-3.xml", statement(*FIRST_DAYS))
    posted = await door.count("journal")
    page = await door.take("days-3-5.xml", statement(*LATER_DAYS, number="2"))
    assert (page.status, [fault.rule for fault in page.faults], page.earlier) == (FileStatus.REFUSED, ["ExportedAgain"], earlier.bank_file)
    assert page.faults[0].message.startswith("1 of the 3 payments of days-3-5.xml")
    assert "days-1-3.xml" in page.faults[0].message
    assert await door.count("journal") == posted
    assert (await door.take("days-4-5.xml", statement(*LATER_DAYS[1:], number="3"))).status is FileStatus.TAKEN


async def test_a_second_person_may_say_that_the_payments_of_a_statement_are_new(door: Door) -> None:
    await door.take("days-1-3.xml", statement(*FIRST_DAYS))
    again = statement(*LATER_DAYS, number="2")
    refused = await door.take("days-3-5.xml", again)
    second = Caller("mate.officer", frozenset({"officer"}))
    page = BankFilePage.model_validate_json((await door.post("days-3-5.xml", again, caller=second, as_new=True)).content)
    assert (page.status, page.receipts, page.earlier) == (FileStatus.TAKEN, 3, refused.earlier)


async def test_a_statement_that_begins_as_an_earlier_one_or_has_its_number_is_remarked_upon(door: Door) -> None:
    first = await door.take("monday.xml", statement(entry("R1", MAIN_REFERENCE)))
    begins = await door.take("tuesday.xml", statement(entry("R2", MAIN_REFERENCE, "12.00"), number="2"))
    later = replace(AS_BEFORE, opening=5_000_00, entries=(entry("R3", MAIN_REFERENCE, "13.00"),))
    numbered = await door.take("wednesday.xml", camt053(later))
    other = await door.take(
        "thursday.xml", camt053(replace(later, number="9", statement_id="S9", opening=6_000_00, entries=(entry("R4", "x"),)))
    )
    assert (first.remarks, other.remarks) == ((), ())
    assert [words.split(", which")[0] for words in begins.remarks] == [
        "Statement S2 (line 5) begins on the same day with the same balance as statement S1 of monday.xml"
    ]
    assert [words.split(", which")[0] for words in numbered.remarks] == [
        "Statement S1 (line 5) has the number of statement S1 of monday.xml"
    ]


async def test_a_statement_that_books_nothing_repeats_nothing(door: Door) -> None:
    for name in ("monday.xml", "tuesday.xml"):
        page = await door.take(name, statement(entry("R1", MAIN_REFERENCE, status="PDNG")) + name.encode().join((b"<!--", b"-->")))
        assert page.status is FileStatus.TAKEN


async def test_a_refused_file_leaves_nothing_behind_that_would_refuse_its_mended_successor(door: Door) -> None:
    good = statement(entry("R1", MAIN_REFERENCE), entry("R2", MAIN_REFERENCE))
    spoilt = good.replace(b'<Amt Ccy="GBP">60.00</Amt>', b'<Amt Ccy="GBP">61.00</Amt>', 1)
    refused = await door.take("monday.xml", spoilt)
    assert (refused.status, [fault.rule for fault in refused.faults]) == (FileStatus.REFUSED, ["ControlTotalWrong"])
    assert await door.count("journal WHERE code = 'RBP'") == 0
    assert (await door.take("monday.xml", good)).status is FileStatus.TAKEN
    kept = await run(door.runtime, lambda tx: bank_file_page(tx, BankFileAsked(bank_file=refused.bank_file)), read_only=True)
    assert kept.faults == refused.faults


async def test_every_fault_is_told_with_its_line(door: Door) -> None:
    page = await door.take(
        "bad.xml",
        statement(entry("R1", MAIN_REFERENCE, "1.234"), entry("R2", MAIN_REFERENCE, currency="EUR"), entry("R3", "x", booked="2100-01-01")),
    )
    assert page.status is FileStatus.REFUSED
    assert {"AmountNotInPence", "WrongCurrency"} <= {fault.rule for fault in page.faults}
    assert page.faults_in_all == len(page.faults) >= 3
    assert all(fault.line for fault in page.faults)


async def test_what_was_pending_is_booked_by_a_later_file(door: Door) -> None:
    first = await door.take("monday.xml", statement(entry("R1", MAIN_REFERENCE, status="PDNG"), entry("R2", MAIN_REFERENCE)))
    assert (first.pending, first.receipts, first.lines[0].journal) == (1, 1, None)
    assert [(one.lines, one.amount_pence) for one in first.by_method] == [(1, 60_00)], "what is pending has not come"
    later = await door.take("tuesday.xml", statement(entry("R1", MAIN_REFERENCE), number="2"))
    assert (later.status, later.receipts) == (FileStatus.TAKEN, 1)
    third = await door.take("wednesday.xml", statement(entry("R1", MAIN_REFERENCE), entry("R4", MAIN_REFERENCE), number="3"))
    assert third.status is FileStatus.REFUSED


async def test_two_equal_cash_records_in_one_file_are_two_payments(door: Door) -> None:
    page = await door.take("cash.txt", allpay(cash((MAIN_REFERENCE, "20.00"), (MAIN_REFERENCE, "20.00"))))
    assert (page.status, page.receipts, page.total_pence) == (FileStatus.TAKEN, 2, 40_00)


@pytest.mark.parametrize("disguise", ["line ends", "byte-order mark", "order"])
async def test_a_cash_file_with_the_records_of_an_earlier_one_is_refused_naming_it(door: Door, disguise: str) -> None:
    lines = cash((MAIN_REFERENCE, "20.00"), (NEIGHBOUR_REFERENCE, "30.00"))
    await door.take("cash.txt", allpay(lines))
    again = {
        "line ends": allpay(lines, end="\n"),
        "byte-order mark": b"\xef\xbb\xbf" + allpay(lines),
        "order": allpay(lines[::-1]),
    }[disguise]
    page = await door.take("cash-2.txt", again)
    assert (page.status, [fault.rule for fault in page.faults]) == (FileStatus.REFUSED, ["RecordsTaken"])
    assert "cash.txt" in page.faults[0].message
    typed = allpay(cash((MAIN_REFERENCE.lower(), "20.00"), (NEIGHBOUR_REFERENCE[:-1], "30.00")))
    page = await door.take("cash-typed.txt", typed)
    assert (page.status, [fault.rule for fault in page.faults]) == (FileStatus.REFUSED, ["RecordsTaken"])


THREE = (MAIN_REFERENCE, "20.00"), (NEIGHBOUR_REFERENCE, "30.00"), (UNKNOWN_REFERENCE, "5.00")
ONE_MORE = (MAIN_REFERENCE, "44.00")


async def refused_as_earlier(door: Door) -> tuple[BankFilePage, bytes]:
    """A cash file was taken, and the same with one line more refused."""
    await door.take("cash.txt", allpay(cash(*THREE)))
    again = allpay(cash(*THREE, ONE_MORE))
    return await door.take("cash-again.txt", again), again


@pytest.mark.parametrize(
    "lines",
    [
        (*THREE, ONE_MORE),
        THREE[:2],
        (*THREE[:2], ONE_MORE),
        ((MAIN_REFERENCE.lower(), "20.00"), (NEIGHBOUR_REFERENCE[:-1], "30.00"), ONE_MORE),
    ],
    ids=["one more", "one less", "one other", "typed otherwise"],
)
async def test_a_cash_file_that_is_mostly_an_earlier_one_doubles_nothing(door: Door, lines: tuple[tuple[str, str], ...]) -> None:
    earlier = await door.take("cash.txt", allpay(cash(*THREE)))
    posted = await door.count("journal")
    page = await door.take("cash-again.txt", allpay(cash(*lines)))
    assert (page.status, [fault.rule for fault in page.faults], page.earlier) == (FileStatus.REFUSED, ["ExportedAgain"], earlier.bank_file)
    same = len(set(THREE) & set(lines)) or 2
    assert page.faults[0].message.startswith(f"{same} of the {len(lines)} payments of cash-again.txt")
    assert "cash.txt" in page.faults[0].message
    assert page.advice[0].startswith("It seems to be the earlier file exported again")
    assert await door.count("journal") == posted
    assert (await door.take("the-new-line.txt", allpay(cash(ONE_MORE)))).status is FileStatus.TAKEN


@pytest.mark.parametrize(
    "lines",
    [
        cash((MAIN_REFERENCE, "20.00"), (NEIGHBOUR_REFERENCE, "31.00"), ONE_MORE),
        [CashLine(reference, pounds, paid_on=f"{TODAY - timedelta(days=8):%d/%m/%Y}") for reference, pounds in THREE],
    ],
    ids=["one tenant paid twice", "a week before"],
)
async def test_another_file_is_no_earlier_one(door: Door, lines: list[CashLine]) -> None:
    await door.take("cash.txt", allpay(cash(*THREE)))
    assert (await door.take("other.txt", allpay(lines))).status is FileStatus.TAKEN


async def test_a_second_person_may_say_that_the_payments_are_new(door: Door) -> None:
    refused, again = await refused_as_earlier(door)
    second = Caller("mate.officer", frozenset({"officer"}))
    unsaid = BankFilePage.model_validate_json((await door.post("cash-again.txt", again, caller=second)).content)
    assert unsaid.status is FileStatus.REFUSED
    alone = await door.post("cash-again.txt", again, as_new=True)
    assert (alone.status_code, alone.json()["rule"]) == (422, "SecondPersonNeeded")
    page = BankFilePage.model_validate_json((await door.post("cash-again.txt", again, caller=second, as_new=True)).content)
    assert (page.status, page.receipts, page.uploaded_by, page.earlier) == (FileStatus.TAKEN, 4, "mate.officer", refused.earlier)
    once_more = BankFilePage.model_validate_json((await door.post("cash-again.txt", again, caller=second, as_new=True)).content)
    assert once_more.status is FileStatus.ALREADY_TAKEN


async def test_a_second_person_may_say_that_a_single_payment_came_twice(door: Door) -> None:
    once = cash((MAIN_REFERENCE, "20.00"))
    earlier = await door.take("cash.txt", allpay(once))
    for number, end in enumerate(("\n", "\r"), start=2):
        again = allpay(once, end=end)
        refused = await door.take(f"cash-{number}.txt", again)
        assert ([fault.rule for fault in refused.faults], refused.earlier) == (["ExportedAgain"], earlier.bank_file)
        assert refused.faults[0].message.startswith(f"The only payment of cash-{number}.txt")
        alone = await door.post(f"cash-{number}.txt", again, as_new=True)
        assert (alone.status_code, alone.json()["rule"]) == (422, "SecondPersonNeeded")
        second = Caller("mate.officer", frozenset({"officer"}))
        page = BankFilePage.model_validate_json((await door.post("cash.txt", again, caller=second, as_new=True)).content)
        assert (page.status, page.receipts, page.earlier) == (FileStatus.TAKEN, 1, earlier.bank_file)
    assert await door.count("journal WHERE code = 'RPY'") == 3


async def test_a_second_person_may_say_that_the_very_bytes_of_a_single_payment_came_twice_and_nobody_says_it_thrice(door: Door) -> None:
    content, second = allpay(cash((MAIN_REFERENCE, "20.00"))), Caller("mate.officer", frozenset({"officer"}))

    async def as_new(caller: Caller | None = None) -> BankFilePage:
        return BankFilePage.model_validate_json((await door.post("cash.txt", content, caller=caller, as_new=True)).content)

    earlier = await door.take("cash.txt", content)
    first = await as_new()
    assert (first.status, first.may_be_new) == (FileStatus.ALREADY_TAKEN, True), "nobody is second before a first"
    alone = await door.post("cash.txt", content, as_new=True)
    assert (alone.status_code, alone.json()["rule"]) == (422, "SecondPersonNeeded")
    page = await as_new(second)
    assert (page.status, page.receipts, page.earlier) == (FileStatus.TAKEN, 1, earlier.bank_file)
    for caller in (second, None):
        thrice = await as_new(caller)
        assert (thrice.status, thrice.may_be_new) == (FileStatus.ALREADY_TAKEN, False)
    assert await door.count("journal WHERE code = 'RPY'") == 2


async def test_no_word_takes_the_bytes_of_a_larger_file_again(door: Door) -> None:
    second = Caller("mate.officer", frozenset({"officer"}))
    for content in (allpay(cash(*THREE)), statement(entry("", MAIN_REFERENCE))):
        await door.take("once", content)
        again = await door.take("once", content)
        answer = await door.post("once", content, caller=second, as_new=True)
        page = BankFilePage.model_validate_json(answer.content)
        assert (again.may_be_new, page.status) == (False, FileStatus.ALREADY_TAKEN)


async def test_nobody_is_a_second_person_before_a_first(door: Door) -> None:
    await door.take("cash.txt", allpay(cash(*THREE)))
    answer = await door.post("cash-again.txt", allpay(cash(*THREE, ONE_MORE)), as_new=True)
    assert BankFilePage.model_validate_json(answer.content).status is FileStatus.REFUSED


async def test_no_word_takes_the_very_records_of_an_earlier_file(door: Door) -> None:
    await door.take("cash.txt", allpay(cash(*THREE)))
    await door.take("reordered.txt", allpay(cash(*THREE[::-1])))
    second = Caller("mate.officer", frozenset({"officer"}))
    answer = await door.post("reordered.txt", allpay(cash(*THREE[::-1])), caller=second, as_new=True)
    page = BankFilePage.model_validate_json(answer.content)
    assert [fault.rule for fault in page.faults] == ["RecordsTaken"]


async def test_a_wrong_total_refuses_a_cash_file(door: Door) -> None:
    page = await door.take("cash.txt", allpay(cash((MAIN_REFERENCE, "20.00")), CashTotals(amount="21.00")))
    assert [fault.rule for fault in page.faults] == ["TotalAmountWrong"]


async def test_an_oversized_file_is_refused_in_bounded_memory(door: Door) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"<Document>"
        for _ in range(100):
            yield b" " * 1024 * 1024

    page = await door.take("big.xml", endless())
    assert "FileTooLarge" in {fault.rule for fault in page.faults}
    assert page.size_bytes == BANK_FILE_LIMIT_BYTES + 1


def zipped() -> bytes:
    inner, outer = BytesIO(), BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("statement.xml", statement(entry("R1", MAIN_REFERENCE)))
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    return outer.getvalue()


BOMB = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><d>&b;</d>'
THEFT = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (BOMB, "DocumentTypeNotAllowed"),
        (THEFT, "DocumentTypeNotAllowed"),
        (zipped(), "ArchiveNotAllowed"),
        (b"", "EmptyFile"),
        (statement(entry("R1", MAIN_REFERENCE))[:-200], "CutOff"),
        (statement(entry("R1", MAIN_REFERENCE)).replace(b"GB75WHBC10799988837491", b"GB33BUKB20201555555555"), "WrongAccount"),
        (statement(entry("R1", MAIN_REFERENCE, booked="2100-01-01")), "BookingDateInFuture"),
    ],
    ids=["entities", "external entity", "zip in a zip", "empty", "cut off", "wrong account", "future"],
)
async def test_a_hostile_or_broken_file_is_refused_and_nothing_is_posted(door: Door, content: bytes, rule: str) -> None:
    before = await door.count("journal")
    page = await door.take("bad.xml", content)
    assert (page.status, rule in {fault.rule for fault in page.faults}) == (FileStatus.REFUSED, True), page.faults
    assert await door.count("journal") == before


async def test_a_file_that_finds_no_room_is_answered_and_not_taken(door: Door, officer: Caller, tmp_path: Path) -> None:
    nowhere = replace(door.runtime, settings=door.runtime.settings.model_copy(update={"state_dir": tmp_path / "none"}))
    transport = httpx.ASGITransport(Starlette(routes=list(routes(nowhere))))
    async with httpx.AsyncClient(transport=transport, base_url="http://ledger") as http:
        answer = await Door(nowhere, officer, http).post("big.xml", b"<Document>" + b" " * 2 * 1024 * 1024)
    assert (answer.status_code, answer.json()["rule"]) == (503, "NoAnswer")
    assert await door.count("bank_file") == 0


async def test_an_auditor_changes_nothing(door: Door) -> None:
    answer = await door.post("a.xml", statement(entry("R1", MAIN_REFERENCE)), caller=Caller("vera.auditor", frozenset({"auditor"})))
    assert (answer.status_code, answer.json()["rule"]) == (422, "NotAllowed")
    assert await door.count("bank_file") == 0


async def test_the_same_file_from_two_people_at_once_is_taken_once(door: Door) -> None:
    content = statement(entry("R1", MAIN_REFERENCE), entry("R2", NEIGHBOUR_REFERENCE))
    pages = await asyncio.gather(*(door.take(f"{number}.xml", content) for number in range(4)))
    assert sorted(page.status for page in pages) == [FileStatus.ALREADY_TAKEN] * 3 + [FileStatus.TAKEN]
    assert await door.count("journal WHERE code = 'RBP'") == 2
    listed = await run(door.runtime, lambda tx: bank_files(tx, BankFilesAsked()), read_only=True)
    assert len(listed.files) == 4


LINES = 60_000
"""As many as the largest council's month has in one file."""


@pytest.fixture
def nothing_left_by_other_tests() -> Iterator[None]:
    """What thousands of tests have left in memory is no part of the service, whose pauses for collection would grow with it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_left_by_other_tests")
async def test_others_are_answered_while_a_large_file_is_taken(door: Door) -> None:
    content = allpay(cash(*((MAIN_REFERENCE if number % 2 else f"{number:08}", "1.00") for number in range(LINES))))
    taking, began = asyncio.create_task(door.take("large.txt", content)), perf_counter()
    answered: list[float] = []
    while not taking.done():
        asked_at = perf_counter()
        page = await run(door.runtime, lambda tx: search_accounts(tx, SearchAccounts(text=NEIGHBOUR_REFERENCE)), read_only=True)
        assert [label.account for label in page.labels] == [NEIGHBOUR]
        answered.append(perf_counter() - asked_at)
        await asyncio.wait([taking], timeout=0.1)
    page_of_file, took = await taking, perf_counter() - began
    assert (page_of_file.receipts, page_of_file.in_suspense) == (LINES, LINES // 2)
    assert len(answered) >= 30
    # Whoever had to wait for the file would have waited for most of it; a slow machine is slow in both.
    assert max(answered) < took / 4, (took, sorted(answered)[-5:])
