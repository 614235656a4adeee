"""An upload, whole: what it is taken for, what comes out of it, and when two files say the same."""

import gzip
import random
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.domain.bank_file import BankFile, ReadingTerms, canonical_records, read_bank_file
from ledger.domain.receipt import EntryKey, MethodRule, MethodRules, Receipt
from ledger.domain.references import ReferenceScheme
from ledger.domain.statement import OwnAccount

from .build_files import IBAN, TODAY, CashLine, CashTotals, Entry, Payment, Statement, allpay, camt053

RENT = ReferenceScheme("rent", "9", 8, (9, 8, 7, 6, 5, 4, 3, 2), 11, "ABCDEFGHIJK", suffixes=("RC",))
METHODS = MethodRules(
    bank=(
        MethodRule("RDN", money_in=False, bank_codes=("PMNT/IDDT/UPDD",)),
        MethodRule("RRC", money_in=False, bank_codes=("RCQ",)),
        MethodRule("RUC", payer_contains=("DWP UC",)),
        MethodRule("RDP", payer_contains=("DWP",)),
        MethodRule("RHB", payer_contains=("Housing Benefit",), text_contains=("HB run",)),
        MethodRule("RDD", bank_codes=("PMNT/IDDT",)),
        MethodRule("RSO", bank_codes=("PMNT/RCDT/STDO", "STO")),
    ),
    cash_types={"P": "RBR", "T": "RPY", "Z": "RPY", "C": "RCO", "Q": "RRC", "N": "RCP", "B": "RCP"},
)
TERMS = ReadingTerms([OwnAccount("rent income", iban=IBAN)], TODAY, (RENT,), METHODS)


def read(content: bytes, terms: ReadingTerms = TERMS) -> BankFile:
    return read_bank_file(BytesIO(content), terms)


def receipts(*entries: Entry) -> tuple[Receipt, ...]:
    found = read(camt053(Statement(entries)))
    assert found.accepted, found.faults
    return found.receipts


# --- what a file is ------------------------------------------------------------------------------------------------------------------


def zipped(name: str, content: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def tarred(content: bytes) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("statement.xml")
        entry.size = len(content)
        archive.addfile(entry, BytesIO(content))
    return buffer.getvalue()


GOOD = camt053(Statement([Entry(reference="A1")]))
CASH = allpay([CashLine()])


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "EmptyFile"),
        (b" \r\n\t", "EmptyFile"),
        (b"\xef\xbb\xbf", "EmptyFile"),
        (b"\xff\xfe", "EmptyFile"),
        (zipped("statement.xml", GOOD), "ArchiveNotAllowed"),
        (zipped("inner.zip", zipped("statement.xml", GOOD)), "ArchiveNotAllowed"),
        (zipped("[Content_Types].xml", b"<Types/>"), "ArchiveNotAllowed"),
        (b"PK\x05\x06" + b"\0" * 18, "ArchiveNotAllowed"),
        (gzip.compress(GOOD), "ArchiveNotAllowed"),
        (tarred(GOOD), "ArchiveNotAllowed"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100, "ArchiveNotAllowed"),
        (b"%PDF-1.7\n", "ArchiveNotAllowed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "BinaryNotAllowed"),
        (b"<!DOCTYPE html>\n<html></html>", "HtmlNotAllowed"),
        (b"  <!-- x -->\n<HTML><body>", "HtmlNotAllowed"),
        (b"date,amount,text\n2026-06-29,60.00,=1+1\n", "UnknownFormat"),
        (b'{"amount": 60}', "UnknownFormat"),
        (b"<Workbook/>", "WrongDocument"),
    ],
)
def test_what_is_no_bank_file_is_refused_by_its_content(content: bytes, rule: str) -> None:
    found = read(content)
    assert ([fault.rule for fault in found.faults], found.accepted, found.receipts) == ([rule], False, ())


@pytest.mark.parametrize("content", [GOOD, b"\xef\xbb\xbf" + GOOD, b"\n" + GOOD.split(b"\n", 1)[1]])
def test_statement_is_known_by_its_content(content: bytes) -> None:
    assert (read(content).format, read(content).accepted) == ("camt.053", True)


@pytest.mark.parametrize("content", [CASH, CASH.decode().encode("utf-16"), b"\xef\xbb\xbf" + CASH, b"\r\n" + CASH])
def test_cash_file_is_known_by_its_content(content: bytes) -> None:
    assert (read(content).format, read(content).accepted) == ("allpay", True)


def test_cash_file_with_a_broken_first_line_is_told_line_by_line() -> None:
    found = read(allpay([CashLine(pounds="sixty"), CashLine(kind="?")], CashTotals("60.00")))
    assert found.format == "allpay"
    assert [(fault.line, fault.rule) for fault in found.faults] == [(1, "NotAnAmount"), (2, "UnknownType")]


def test_size_and_hash_are_those_of_the_whole_file() -> None:
    for content in (GOOD, CASH, GOOD[:-20], GOOD + b"  ", b"unknown"):
        found = read(content)
        assert (found.size_bytes, found.sha256) == (len(content), sha256(content).hexdigest())


def test_file_over_the_limit_is_refused_for_that() -> None:
    at_limit = replace(TERMS, max_bytes=len(GOOD))
    over = replace(TERMS, max_bytes=len(GOOD) - 1)
    assert read(GOOD, at_limit).accepted
    assert [fault.rule for fault in read(GOOD, over).faults] == ["FileTooLarge"]
    assert [fault.rule for fault in read(GOOD + b" ", at_limit).faults] == ["FileTooLarge"]


def test_refused_file_gives_no_receipt_and_no_records_hash() -> None:
    found = read(camt053(Statement([Entry("60.00"), Entry("0.00")])))
    assert (found.receipts, found.records_hash, found.faults_in_all) == ((), None, 1)


def test_stream_that_gives_one_byte_at_a_time_is_read_alike() -> None:
    class Trickle(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(1, size or 0))

    for content in (GOOD, CASH, CASH.decode().encode("utf-16")):
        assert read_bank_file(Trickle(content), TERMS) == read(content)


# --- receipts ------------------------------------------------------------------------------------------------------------------------


def test_receipt_of_a_bank_entry() -> None:
    payment = Payment(["RENT 97000023E"], "E2E", payer="Ada Example", payer_iban="GB29NWBK60161331926819")
    content = camt053(Statement([Entry("60.00", reference="A1", code="PMNT/RCDT/ESCT", payments=[payment])]))
    (receipt,) = read(content).receipts
    assert receipt == Receipt(
        line=1 + content.decode().splitlines().index("  <Ntry>"),
        source="rent income",
        method="RBP",
        amount_pence=60_00,
        effective_date=date(2026, 6, 29),
        pending=False,
        reversal=False,
        entry_reference="A1",
        reference="97000023E",
        candidates=("97000023E",),
        narrative="E2E RENT 97000023E",
        payer_name="Ada Example",
        payer_account="GB29NWBK60161331926819",
        entry=EntryKey("A1", None, 60_00, date(2026, 6, 29)),
        valued_on=date(2026, 6, 29),
    )


def test_receipt_of_a_cash_line() -> None:
    (receipt,) = read(allpay([CashLine("0097000023", "12.34", "P")])).receipts
    assert receipt == Receipt(
        line=1,
        source="allpay",
        method="RBR",
        amount_pence=12_34,
        effective_date=date(2026, 6, 29),
        pending=False,
        reversal=False,
        entry_reference=None,
        reference="97000023E",
        candidates=("97000023E",),
        narrative="335610 0097000023",
        payer_name="",
        payer_account="",
    )


@pytest.mark.parametrize(
    ("payment", "reference", "candidates"),
    [
        (Payment(structured="97000023E"), "97000023E", ("97000023E",)),
        (Payment(end_to_end_id="97000023E"), "97000023E", ("97000023E",)),
        (Payment(["rent 9700", "0023e for June"]), "97000023E", ("97000023E",)),
        (Payment(["97000023E-RC"]), "97000023E-RC", ("97000023E-RC",)),
        (Payment(["97000023E"], "97000023E", "97000023E"), "97000023E", ("97000023E",)),
        (Payment(["90000001E"], "97000023E"), None, ("97000023E", "90000001E")),
        (Payment(["97000023F"]), None, ()),
        (Payment(["thank you"]), None, ()),
    ],
)
def test_reference_is_found_or_the_candidates_are_told(payment: Payment, reference: str | None, candidates: tuple[str, ...]) -> None:
    (receipt,) = receipts(Entry(payments=[payment]))
    assert (receipt.reference, receipt.candidates) == (reference, candidates)


def test_reference_in_what_the_bank_adds_counts_where_there_is_one_payment() -> None:
    assert receipts(Entry(information="FP 97000023E"))[0].reference == "97000023E"
    assert receipts(Entry(information="FP 97000023E", payments=[]))[0].reference == "97000023E"


@pytest.mark.parametrize(
    ("entry", "method"),
    [
        (Entry(), "RBP"),
        (Entry(code="PMNT/RCDT/STDO"), "RSO"),
        (Entry(proprietary="STO"), "RSO"),
        (Entry(proprietary="STOP"), "RBP"),
        (Entry(code="PMNT/IDDT/ESDD"), "RDD"),
        (Entry(payments=[Payment(payer="DWP UC APA")]), "RUC"),
        (Entry(payments=[Payment(payer="dwp tpp")]), "RDP"),
        (Entry(payments=[Payment(["HB RUN 12"], payer="Council Housing Benefit")]), "RHB"),
        (Entry(payments=[Payment(payer="Council Housing Benefit")]), "RBP"),
        (Entry(payments=[Payment(["DWP"], payer="A Tenant")]), "RBP"),
        (Entry(sign="DBIT", code="PMNT/IDDT/UPDD"), "RDN"),
        (Entry(sign="DBIT", proprietary="RCQ"), "RRC"),
        (Entry(sign="DBIT", payments=[Payment(payer="DWP UC")]), "RBP"),
    ],
)
def test_method_follows_the_configured_patterns(entry: Entry, method: str) -> None:
    (receipt,) = receipts(entry)
    assert receipt.method == method
    assert receipt.amount_pence == (60_00 if entry.sign == "CRDT" else -60_00)


def test_batch_gives_a_receipt_for_each_payment_with_a_reference_of_its_own() -> None:
    payments = [Payment(["97000023E"], pounds="40.00", payer="A"), Payment(["90000001E"], pounds="20.00", payer="B")]
    first, second = receipts(Entry("60.00", reference="A1", payments=payments))
    assert (first.amount_pence, first.entry_reference, first.reference, first.payer_name) == (40_00, "A1#1", "97000023E", "A")
    assert (second.amount_pence, second.entry_reference, second.reference, second.payer_name) == (20_00, "A1#2", "90000001E", "B")
    assert first.line < second.line


def test_every_payment_of_a_batch_has_the_key_of_the_whole_entry() -> None:
    payments = [Payment(["97000023E"], pounds="20.00"), Payment(["90000001E"], pounds="40.00")]
    batch = receipts(Entry("60.00", reference="BAT1", servicer_reference="SV1", payments=payments))
    day = date(2026, 6, 29)
    assert [receipt.entry for receipt in batch] == [EntryKey("BAT1", "SV1", 60_00, day)] * 2
    (only,) = receipts(Entry("60.00", servicer_reference="SV1"))
    assert only.entry == EntryKey("SV1", None, 60_00, day)
    (twice,) = receipts(Entry("60.00", reference="SV1", servicer_reference="SV1"))
    assert twice.entry == EntryKey("SV1", None, 60_00, day)
    (none,) = receipts(Entry("60.00", reference="NOTPROVIDED"))
    assert none.entry is None


def test_an_entry_says_whether_another_booked_one_of_the_file_shares_its_other_reference() -> None:
    shared = [Entry(reference=reference, servicer_reference="SV1") for reference in ("A1", "A2")]
    alone = [Entry(reference="A3", servicer_reference="SV2"), Entry(reference="A4", servicer_reference="SV2", status="PDNG")]
    entries = [receipt.entry for receipt in receipts(*shared, *alone)]
    assert [entry.shares_other for entry in entries if entry] == [True, True, False, False]


def test_pending_receipt_is_marked_and_keeps_the_reference_by_which_it_is_booked_later() -> None:
    pending = Entry(reference="A1", status="PDNG", booked="", valued="2026-07-02")
    (receipt,) = receipts(pending)
    assert (receipt.pending, receipt.entry_reference, receipt.effective_date) == (True, "A1", date(2026, 7, 2))
    (booked,) = receipts(Entry(reference="A1"))
    assert (booked.pending, booked.entry_reference) == (False, "A1")


def test_pending_entry_that_the_same_file_books_is_one_receipt() -> None:
    statements = [Statement([Entry(reference="A1", status="PDNG", booked="")]), Statement([Entry(reference="A1")], statement_id="S2")]
    found = read(camt053(statements))
    assert [(receipt.entry_reference, receipt.pending) for receipt in found.receipts] == [("A1", False)]


def test_what_is_for_information_is_no_receipt() -> None:
    assert receipts(Entry(status="INFO")) == ()


def test_nothing_personal_shows_in_a_repr() -> None:
    payment = Payment(["my rent"], payer="Ada Canary", payer_iban="GB29NWBK60161331926819")
    shown = repr(read(camt053(Statement([Entry(payments=[payment])]))))
    assert not [secret for secret in ("Canary", "my rent", "31926819", "55555555") if secret in shown]


# --- two files that say the same -----------------------------------------------------------------------------------------------------

PLAIN = [Entry("60.00", payments=[Payment(["97000023E  June"], payer="Zoë")]), Entry("12.00", payments=[Payment(["90000001E"])])]


def hash_of(content: bytes) -> str:
    found = read(content)
    assert found.accepted, found.faults
    assert found.records_hash is not None
    return found.records_hash


@pytest.mark.parametrize(
    "exported",
    [
        camt053(Statement(PLAIN), message_id="M2", created="2026-07-01T07:00:00"),
        camt053(Statement(PLAIN, statement_id="S9", number="77")),
        camt053(Statement(PLAIN), prefix="c"),
        camt053(Statement(PLAIN), version="02"),
        camt053(Statement(list(reversed(PLAIN)))),
        b"\xef\xbb\xbf" + camt053(Statement(PLAIN)),
        camt053(Statement(PLAIN)).replace(b"\n", b"\r\n"),
        camt053(Statement(PLAIN)).replace(b"\n", b""),
        camt053(Statement(PLAIN)).replace(b'Ccy="GBP"', b"Ccy = 'GBP'"),
        camt053(Statement(PLAIN)).replace(b"97000023E  June", b"97000023E\n   June"),
        camt053(Statement(PLAIN)).replace("Zoë".encode(), b"Zo&#235;"),
        camt053(Statement(PLAIN)).replace("Zoë".encode(), "Zoe\u0308".encode()),
        camt053(Statement(PLAIN), prologue='<?xml version="1.0" encoding="ISO-8859-1"?>').decode().encode("latin-1"),
        camt053(Statement(PLAIN)).replace(b"60.00<", b"60<"),
        camt053(Statement([*PLAIN, Entry(status="PDNG", booked="")])),
    ],
)
def test_statement_exported_again_without_references_is_known(exported: bytes) -> None:
    original = camt053(Statement(PLAIN))
    assert exported != original
    assert hash_of(exported) == hash_of(original)


@pytest.mark.parametrize(
    "entries",
    [
        PLAIN[:1],
        [*PLAIN, PLAIN[0]],
        [replace(PLAIN[0], pounds="60.01"), PLAIN[1]],
        [replace(PLAIN[0], booked="2026-06-28"), PLAIN[1]],
        [replace(PLAIN[0], valued="2026-06-28"), PLAIN[1]],
        [replace(PLAIN[0], sign="DBIT"), PLAIN[1]],
        [replace(PLAIN[0], reference="A1"), PLAIN[1]],
        [replace(PLAIN[0], payments=[Payment(["97000023E  July"], payer="Zoë")]), PLAIN[1]],
        [replace(PLAIN[0], payments=[Payment(["97000023E  June"], payer="Zoe")]), PLAIN[1]],
    ],
)
def test_statement_with_other_records_is_another(entries: Sequence[Entry]) -> None:
    assert hash_of(camt053(Statement(entries))) != hash_of(camt053(Statement(PLAIN)))


@pytest.mark.parametrize("change", [b"\n", b"\r"])
def test_cash_file_exported_again_is_known(change: bytes) -> None:
    lines = [CashLine(), CashLine("90000001E", "5.00", "P"), CashLine()]
    original = allpay(lines)
    assert hash_of(original.replace(b"\r\n", change)) == hash_of(original)
    assert hash_of(b"\xef\xbb\xbf" + original) == hash_of(original.decode().encode("utf-16")) == hash_of(original)
    assert hash_of(allpay(lines[::-1])) == hash_of(original)
    assert hash_of(allpay(lines[:2])) != hash_of(original)


@pytest.mark.parametrize("typed", ["97000023e", "97000023", "0097000023", "9700 0023 E"])
def test_cash_payment_is_known_by_the_reference_that_is_meant(typed: str) -> None:
    again = read(allpay([CashLine(typed), CashLine("no SUCH", "5.00")]))
    first = read(allpay([CashLine("97000023E"), CashLine("NO such", "5.00")]))
    assert again.bare_hash == first.bare_hash is not None
    assert first.unreferenced
    assert read(allpay([CashLine("90000001E"), CashLine("NO such", "5.00")])).bare_hash != first.bare_hash


def test_file_without_records_repeats_nothing() -> None:
    assert read(camt053(Statement())).records_hash is None
    assert read(camt053(Statement([Entry(status="PDNG", booked="")]))).records_hash is None


@given(st.lists(st.tuples(st.integers(), st.text(max_size=5)), max_size=8), st.randoms(use_true_random=False))
def test_order_never_counts_and_number_always_does(rows: list[tuple[int, str]], shuffler: random.Random) -> None:
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    assert canonical_records(shuffled) == canonical_records(rows)
    assert canonical_records([*rows, (1, "x")]) != canonical_records(rows)
