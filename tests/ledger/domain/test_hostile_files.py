"""Files that are cut off, shuffled, bent or far too large: never half read, never taken by mistake, memory bounded."""

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger.domain.bank_file import BankFile, ReadingTerms, read_bank_file
from ledger.domain.receipt import MethodRules
from ledger.domain.references import ReferenceScheme
from ledger.domain.statement import OwnAccount

from .build_files import IBAN, TODAY, CashLine, Entry, Payment, Statement, allpay, camt053

RENT = ReferenceScheme("rent", "9", 8, (9, 8, 7, 6, 5, 4, 3, 2), 11, "ABCDEFGHIJK")
METHODS = MethodRules((), {"P": "RBR", "T": "RPY", "Z": "RPY", "C": "RCO", "Q": "RRC", "N": "RCP", "B": "RCP"})
TERMS = ReadingTerms([OwnAccount("rent income", iban=IBAN)], TODAY, (RENT,), METHODS)

STATEMENT = camt053(Statement([Entry("60.00", reference="A1", payments=[Payment(["97000023E"], payer="Zoë")]), Entry("5.00", sign="DBIT")]))
WIDE = STATEMENT.decode().replace("UTF-8", "UTF-16").encode("utf-16")
CASH = allpay([CashLine(), CashLine("90000001E", "12.34", "P"), CashLine(pounds="-60.00", kind="Q")])
MEGABYTE = 1024 * 1024


def read(content: bytes, terms: ReadingTerms = TERMS) -> BankFile:
    return read_bank_file(BytesIO(content), terms)


@pytest.mark.parametrize("whole", [STATEMENT, CASH.rstrip(), WIDE], ids=["camt.053", "allpay", "UTF-16"])
def test_file_cut_off_at_any_byte_is_never_taken(whole: bytes) -> None:
    assert read(whole).accepted
    for length in range(len(whole)):
        found = read(whole[:length])
        assert not found.accepted, length
        assert found.receipts == ()
        assert found.faults_in_all == len(found.faults) > 0


@given(st.integers(0, len(STATEMENT) - 1), st.binary(min_size=0, max_size=4), st.integers(0, 4))
@settings(max_examples=400)
def test_statement_bent_anywhere_never_raises_and_never_changes_its_sum(at: int, put: bytes, drop: int) -> None:
    found = read(STATEMENT[:at] + put + STATEMENT[at + drop :])
    assert found.accepted == (found.faults == ())
    assert not found.accepted or sum(receipt.amount_pence for receipt in found.receipts) == 55_00


@given(st.integers(0, len(CASH) - 1), st.binary(min_size=0, max_size=4), st.integers(0, 4))
@settings(max_examples=400)
def test_cash_file_bent_anywhere_never_raises_and_never_changes_its_sum(at: int, put: bytes, drop: int) -> None:
    found = read(CASH[:at] + put + CASH[at + drop :])
    assert found.accepted == (found.faults == ())
    assert not found.accepted or sum(receipt.amount_pence for receipt in found.receipts) == 12_34


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_reason(content: bytes) -> None:
    found = read(content)
    assert not found.accepted
    assert all(fault.rule and fault.message for fault in found.faults)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=30), st.randoms(use_true_random=False), st.sampled_from(["02", "08"]))
def test_entries_in_any_order_are_the_same_file(amounts: list[int], shuffler: random.Random, version: str) -> None:
    entries = [Entry(f"{pence // 100}.{pence % 100:02d}", sign="CRDT" if pence % 3 else "DBIT") for pence in amounts]
    first = read(camt053(Statement(entries), version=version))
    shuffler.shuffle(entries)
    second = read(camt053(Statement(entries), version=version))
    assert first.accepted
    assert second.accepted
    assert first.records_hash == second.records_hash
    assert sorted(receipt.amount_pence for receipt in first.receipts) == sorted(pence if pence % 3 else -pence for pence in amounts)


@given(st.lists(st.sampled_from(STATEMENT.split(b"\n")), max_size=60))
def test_lines_of_a_statement_in_any_order_never_raise(lines: list[bytes]) -> None:
    found = read(b"\n".join(lines))
    assert found.accepted == (found.faults_in_all == 0)


class Lazy:
    """A stream that is made while it is read and never held."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""
        self.given = 0

    def read(self, size: int, /) -> bytes:
        while len(self._rest) < size and (part := next(self._parts, None)) is not None:
            self._rest += part
        given, self._rest = self._rest[:size], self._rest[size:]
        self.given += len(given)
        return given


def repeated(head: bytes, body: bytes, total: int) -> Iterator[bytes]:
    yield head
    block = body * max(1, 32_768 // len(body))
    for _ in range(total // len(block)):
        yield block


OPEN = STATEMENT[: STATEMENT.index(b"  <Ntry>")]
STATEMENTS = STATEMENT[: STATEMENT.index(b"<Stmt>")]
NTRY = STATEMENT[STATEMENT.index(b"  <Ntry>") : STATEMENT.index(b"</Ntry>") + 8]
LINE = CASH.splitlines(keepends=True)[0]

HUGE: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "entries": (lambda: repeated(OPEN, NTRY.replace(b"<NtryRef>A1</NtryRef>", b""), 100 * MEGABYTE), "FileTooLarge"),
    "white space": (lambda: repeated(OPEN, b" \n", 100 * MEGABYTE), "TextTooLong"),
    "one text": (lambda: repeated(OPEN + b"<Ntry><AddtlNtryInf>", b"a", 100 * MEGABYTE), "TextTooLong"),
    "one tag": (lambda: repeated(OPEN + b'<Ntry x="', b"a", 100 * MEGABYTE), "TokenTooLong"),
    "one comment": (lambda: repeated(OPEN + b"<!--", b"a", 100 * MEGABYTE), "TokenTooLong"),
    "comments": (lambda: repeated(OPEN, b"<!--a-->", 100 * MEGABYTE), "FileTooLarge"),
    "depth": (lambda: repeated(OPEN, b"<a>", 100 * MEGABYTE), "TooDeep"),
    "attributes": (lambda: iter([OPEN, b"<a ", *(f'a{at}="" '.encode() for at in range(1_000_000))]), "TokenTooLong"),
    "unknown elements": (lambda: repeated(OPEN, b"<a/>", 100 * MEGABYTE), "FileTooLarge"),
    "references": (lambda: repeated(OPEN + b"<Ntry><NtryDtls><TxDtls><RmtInf>", b"<Ustrd>a</Ustrd>", 100 * MEGABYTE), "TooManyRepeats"),
    "statements": (lambda: repeated(STATEMENTS, b"<Stmt/>", 100 * MEGABYTE), "TooManyFaults"),
    "balances": (lambda: repeated(OPEN, b"<Bal/>", 100 * MEGABYTE), "TooManyBalances"),
    "payments": (lambda: repeated(OPEN + b"<Ntry><NtryDtls>", b"<TxDtls/>", 100 * MEGABYTE), "TooManyPayments"),
    "groups of payments": (lambda: repeated(OPEN + b"<Ntry>", b"<NtryDtls/>", 100 * MEGABYTE), "TooManyDetails"),
    "one field again and again": (lambda: repeated(OPEN + b"<Ntry>", b"<Amt/>", 100 * MEGABYTE), "TooManyFaults"),
    "cash lines": (lambda: repeated(b"", LINE, 100 * MEGABYTE), "TooManyEntries"),
    "blank cash lines": (lambda: repeated(LINE, b"\r\n", 100 * MEGABYTE), "FileTooLarge"),
    "one cash line": (lambda: repeated(LINE, b"a", 100 * MEGABYTE), "LineTooLong"),
    "zeros": (lambda: repeated(b"", b"\0", 100 * MEGABYTE), "BinaryNotAllowed"),
    "blanks": (lambda: repeated(b"", b" ", 100 * MEGABYTE), "EmptyFile"),
}


@pytest.mark.parametrize("shape", HUGE)
def test_hundred_megabytes_are_refused_within_bounded_memory(shape: str) -> None:
    parts, rule = HUGE[shape]
    # memory is counted at a tenth of the speed, so the limits are small, and so is what may be held
    terms = replace(TERMS, max_bytes=MEGABYTE, max_entries=5_000)
    stream = Lazy(parts())
    tracemalloc.start()
    try:
        found = read_bank_file(stream, terms)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    told = {fault.rule for fault in found.faults}
    assert rule in told
    assert rule == "TooManyFaults" or told <= {rule, "FileTooLarge"}
    assert stream.given <= terms.max_bytes + 64 * 1024
    assert peak < 16 * MEGABYTE
    assert (found.receipts, found.statements) == ((), ())


@pytest.mark.parametrize("shape", ["statements", "balances", "payments", "groups of payments", "references", "one field again and again"])
def test_a_small_thing_repeated_is_given_up_at_once(shape: str) -> None:
    """By default limits, of twenty megabytes."""
    parts, rule = HUGE[shape]
    started = time.process_time()
    assert rule in {fault.rule for fault in read_bank_file(Lazy(parts()), TERMS).faults}
    assert time.process_time() - started < 10


def test_default_limits_refuse_a_hundred_megabytes_in_seconds() -> None:
    stream = Lazy(repeated(OPEN, NTRY.replace(b"<NtryRef>A1</NtryRef>", b""), 100 * MEGABYTE))
    started = time.process_time()
    found = read_bank_file(stream, TERMS)
    assert [fault.rule for fault in found.faults] == ["FileTooLarge"]
    assert time.process_time() - started < 20


def test_size_that_is_known_beforehand_refuses_without_reading() -> None:
    stream = Lazy(repeated(OPEN, NTRY, 100 * MEGABYTE))
    found = read_bank_file(stream, TERMS, declared_bytes=100 * MEGABYTE)
    assert [fault.rule for fault in found.faults] == ["FileTooLarge"]
    assert stream.given == 0


def test_statement_of_many_entries_is_taken() -> None:
    entries = [Entry("1.00", reference=f"A{number}") for number in range(5_000)]
    found = read(camt053(Statement(entries)))
    assert found.accepted
    assert (len(found.receipts), sum(receipt.amount_pence for receipt in found.receipts)) == (5_000, 5_000_00)


def test_entity_bomb_is_refused_before_it_is_read() -> None:
    declared = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 20))
    content = camt053(Statement([Entry()]), prologue=f'<!DOCTYPE Document [<!ENTITY a0 "ha">{declared}]>').replace(b">S1<", b">&a19;<")
    tracemalloc.start()
    try:
        found = read(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [(fault.line, fault.rule) for fault in found.faults] == [(1, "DocumentTypeNotAllowed")]
    assert peak < MEGABYTE
