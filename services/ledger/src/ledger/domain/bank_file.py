"""An uploaded bank file, whole: known by its content, never by its name; read within bounds; every fault told, or every receipt given."""

import codecs
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from ledger.domain.allpay import CashFile, CashPayment, CashTerms, looks_like_allpay, read_allpay
from ledger.domain.camt053 import StatementFile, StatementTerms, read_camt053
from ledger.domain.faults import Fault, Faults, Refusal
from ledger.domain.receipt import MethodRules, Receipt, receipt_of_cash, receipts_of_statements
from ledger.domain.references import ReferenceScheme
from ledger.domain.statement import BankEntry, EntryDetail, OwnAccount, Statement
from ledger.domain.xml_stream import CHUNK_BYTES, Readable

FileFormat = Literal["camt.053", "allpay"]
HEAD_BYTES = 4096
TOO_LARGE = "FileTooLarge"

_ARCHIVES = {
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"PK\x05\x06": "an empty zip archive",
    b"PK\x07\x08": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old spreadsheet or document",
    b"%PDF": "a PDF",
    b"{\\rtf": "a word processor's document",
}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class ReadingTerms:
    """What a file is held against: our accounts, today (Europe/London), how references and methods are known, and how large it may be.

    `cash_source` names the provider of cash files, `cash_clients` our numbers with it (empty: not checked).
    """

    accounts: Sequence[OwnAccount]
    today: date
    schemes: Sequence[ReferenceScheme]
    methods: MethodRules
    max_bytes: int = 20 * 1024 * 1024
    max_entries: int = 100_000
    cash_source: str = "allpay"
    cash_clients: frozenset[str] = frozenset()
    entry_references: tuple[Literal["entry", "servicer"], ...] = ("entry", "servicer")


@dataclass(frozen=True)
class BankFile:
    """What an upload turned out to be. `receipts` is empty unless the file is without fault.

    `size_bytes` and `sha256` are of what was read, which is all unless the file is too large. `records_hash`: see `canonical_records`;
    `bare_hash` is the same of a statement's entries without the bank's references, and of cash payments with the payment reference that was
    meant in place of what was typed; `unreferenced` says that one of the records has no reference of the bank's, as no cash payment has.
    """

    format: FileFormat | None
    size_bytes: int
    sha256: str
    records_hash: str | None
    statements: tuple[Statement, ...]
    receipts: tuple[Receipt, ...]
    faults: tuple[Fault, ...]
    faults_in_all: int
    bare_hash: str | None = None
    unreferenced: bool = False

    @property
    def accepted(self) -> bool:
        """Whether it may be posted, as far as the file itself shows."""
        return not self.faults_in_all


def read_bank_file(stream: Readable, terms: ReadingTerms, declared_bytes: int = 0) -> BankFile:
    """Read an upload from its first byte. Never raises for what is in it; memory stays bounded by `max_bytes` and `max_entries`.

    `declared_bytes` is the size that the sender announced, where it is known: one over the limit is refused unread.
    """
    upload = _Upload(stream, terms.max_bytes, declared_bytes)
    faults = Faults()
    found: _Found | None = None
    try:
        found = _read(upload, terms)
        faults.add_all(found.faults)
    except Refusal as refusal:
        faults.add(refusal.fault.line, refusal.fault.rule, refusal.fault.message)
    if not upload.read_to_its_end() and all(fault.rule != TOO_LARGE for fault in faults.kept):
        faults.add(None, TOO_LARGE, upload.too_large)
    good = found if found and not faults.count else None
    return BankFile(
        format=found.format if found else None,
        size_bytes=upload.size,
        sha256=upload.sha256,
        records_hash=good.records_hash if good else None,
        statements=good.statements if good else (),
        receipts=good.receipts if good else (),
        faults=faults.in_order(),
        faults_in_all=faults.count,
        bare_hash=good.bare_hash if good else None,
        unreferenced=good.unreferenced if good else False,
    )


def recognise(head: bytes) -> FileFormat:
    """Which format a file has, by its first bytes. Raises Refusal for everything that is neither; no archive is ever opened."""
    for beginning, what in _ARCHIVES.items():
        if head.startswith(beginning):
            raise _refused("ArchiveNotAllowed", f"this is {what}: send the bank's own file")
    if head[257:262] == b"ustar":
        raise _refused("ArchiveNotAllowed", "this is a tar archive: send the bank's own file")
    text = _head_text(head)
    if not text.strip():
        raise _refused("EmptyFile", "the file is empty")
    if _HTML.match(text):
        raise _refused("HtmlNotAllowed", "this is a web page, not a bank's file")
    if text.lstrip().startswith("<"):
        return "camt.053"
    if looks_like_allpay(text.splitlines()):
        return "allpay"
    raise _refused("UnknownFormat", "this is neither a camt.053 statement (XML) nor an allpay cash file (fixed columns)")


def canonical_records(rows: Iterable[Sequence[object]]) -> str | None:
    """A hash of records that is the same for every export of them: order, line ends, white space and encoding do not count.

    Two equal records are two. None where there are no records: an empty file repeats nothing.
    """
    digests = sorted(hashlib.sha256(_canonical(row)).digest() for row in rows)
    return hashlib.sha256(b"".join(digests)).hexdigest() if digests else None


def _canonical(row: Sequence[object]) -> bytes:
    return unicodedata.normalize("NFC", json.dumps(row, default=str, ensure_ascii=False)).encode()


@dataclass(frozen=True)
class _Found:
    format: FileFormat
    faults: Faults
    records_hash: str | None = None
    statements: tuple[Statement, ...] = ()
    receipts: tuple[Receipt, ...] = field(default=(), repr=False)
    bare_hash: str | None = None
    unreferenced: bool = False


class _Upload:
    """The stream, with its size and hash as far as it was read, a look at its head, and an end to it at the limit."""

    def __init__(self, stream: Readable, max_bytes: int, declared_bytes: int) -> None:
        self._stream = stream
        self._max_bytes = max_bytes
        self._declared_bytes = declared_bytes
        self._hash = hashlib.sha256()
        self._ahead = b""
        self._ended = False
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def too_large(self) -> str:
        return f"the file is larger than {self._max_bytes:,} bytes, the most that is read"

    def head(self) -> bytes:
        self._ahead = self.read(HEAD_BYTES)
        return self._ahead

    def read(self, size: int, /) -> bytes:
        if self._declared_bytes > self._max_bytes:
            raise _refused(TOO_LARGE, self.too_large)
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        parts = [ahead]
        wanted = size - len(ahead)
        while wanted and not self._ended:
            part = self._stream.read(wanted)
            self._take(part)
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def read_to_its_end(self) -> bool:
        """Read what is left, so that size and hash are those of the whole; False where it is too large for that."""
        try:
            while self.size <= self._max_bytes and self.read(CHUNK_BYTES):
                pass
        except Refusal:
            return False
        return self._ended

    def _take(self, part: bytes) -> None:
        self._ended = not part
        self.size += len(part)
        self._hash.update(part)
        if self.size > self._max_bytes:
            raise _refused(TOO_LARGE, self.too_large)


def _read(upload: _Upload, terms: ReadingTerms) -> _Found:
    if recognise(upload.head()) == "allpay":
        cash_terms = CashTerms(terms.today, terms.cash_clients, terms.max_entries)
        return _of_cash_file(read_allpay(upload, cash_terms), terms)
    statement_terms = StatementTerms(terms.accounts, terms.today, terms.max_entries, references=terms.entry_references)
    return _of_statements(read_camt053(upload, statement_terms), statement_terms, terms)


def _of_cash_file(cash: CashFile, terms: ReadingTerms) -> _Found:
    if cash.faults.count:
        return _Found("allpay", cash.faults)
    rows = (_cash_row(payment, terms.cash_source) for payment in cash.payments)
    receipts = tuple(receipt_of_cash(payment, terms.cash_source, terms.methods, terms.schemes) for payment in cash.payments)
    meant = (
        _cash_row(replace(payment, reference=_meant(payment, receipt)), terms.cash_source)
        for payment, receipt in zip(cash.payments, receipts, strict=True)
    )
    return _Found("allpay", cash.faults, canonical_records(rows), (), receipts, canonical_records(meant), unreferenced=True)


def _meant(payment: CashPayment, receipt: Receipt) -> str:
    """The payment reference that a cash line stands for: as printed where one was found, else what was typed, small letters as large."""
    return receipt.reference or " ".join(payment.reference.upper().split())


def _of_statements(read: StatementFile, statement_terms: StatementTerms, terms: ReadingTerms) -> _Found:
    if read.faults.count:
        return _Found("camt.053", read.faults)
    booked = [(statement.account, entry) for statement in read.statements for entry in statement.entries if entry.status == "BOOK"]
    receipts = receipts_of_statements(read.statements, statement_terms.references_of, terms.methods, terms.schemes, terms.today)
    return _Found(
        "camt.053",
        read.faults,
        canonical_records([account, *_entry_references(entry), *_entry_row(entry)] for account, entry in booked),
        read.statements,
        tuple(receipts),
        bare_hash=canonical_records([account, *_entry_row(entry)] for account, entry in booked),
        unreferenced=any(statement_terms.reference_of(entry) is None for _, entry in booked),
    )


def _cash_row(payment: CashPayment, source: str) -> list[object]:
    return [source, payment.client, payment.reference, payment.amount_pence, payment.kind, payment.paid_on]


def _entry_references(entry: BankEntry) -> list[object]:
    return [entry.entry_reference, entry.account_servicer_reference]


def _entry_row(entry: BankEntry) -> list[object]:
    """What a re-export keeps of an entry beside the bank's references: not its place, its message or its statement."""
    return [
        *(entry.amount_pence, entry.currency, entry.booking_date),
        *(entry.value_date, entry.bank_transaction_code, entry.proprietary_code, entry.reversal, entry.additional_information),
        [_detail_row(detail) for detail in entry.details],
    ]


def _detail_row(detail: EntryDetail) -> list[object]:
    return [
        *(detail.amount_pence, detail.end_to_end_id, detail.servicer_reference, detail.structured_references),
        *(detail.remittance_text, detail.debtor_name, detail.creditor_name, detail.debtor_account),
    ]


def _head_text(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, errors="replace")
    if b"\x00" in head:
        raise _refused("BinaryNotAllowed", "this is no text: send the bank's own file")
    return head.decode("utf-8", errors="replace")


def _refused(rule: str, message: str) -> Refusal:
    return Refusal(Fault(None, rule, message))
