"""The allpay cash file (domain.md 2.1): payments at PayPoint, Post Office, Payzone, by telephone and online; fixed columns.

Columns from 1: 1-7 client, 8-23 reference, 24-32 amount in pounds, 33 type, 34-43 date dd/mm/yyyy. Then a blank line, `Total Amount` with
the amount at 35-51 and `Total Transactions` with the count at 41-57. Both totals are checked. The file has no entry references.
"""

import re
from dataclasses import dataclass, field
from datetime import date

from rentbook_contracts.words import counted

from ledger.domain.faults import Fault, Faults, Refusal
from ledger.domain.statement import pounds
from ledger.domain.text_lines import text_lines
from ledger.domain.xml_stream import Readable

TYPES = {
    "P": "Post Office",
    "C": "cash adjustment",
    "Q": "returned cheque",
    "T": "PayPoint",
    "Z": "Payzone",
    "N": "telephone",
    "B": "bills online",
}
_MAY_TAKE_AWAY = "CQ"
_ALWAYS_TAKES_AWAY = "Q"
_SHORTEST = 43
_LOOKS_LIKE_A_PAYMENT = re.compile(r".{23}[ 0-9.\-]{9}[A-Z][0-9]{2}/[0-9]{2}/[0-9]{4}")
_TOTAL_AMOUNT = "Total Amount"
_TOTAL_COUNT = "Total Transactions"


@dataclass(frozen=True)
class CashPayment:
    """One line. `amount_pence` is negative where money was taken back; `reference` is what the payer's card carries."""

    line: int
    client: str
    reference: str = field(repr=False)
    amount_pence: int
    kind: str
    paid_on: date


@dataclass(frozen=True)
class CashFile:
    """What was read, and every fault. Only a file without faults may be posted."""

    payments: tuple[CashPayment, ...]
    faults: Faults


@dataclass(frozen=True)
class CashTerms:
    """What a cash file is held against. `clients` are our numbers with the provider, in columns 1-7; empty where they are not checked."""

    today: date
    clients: frozenset[str] = frozenset()
    max_payments: int = 100_000


def looks_like_allpay(first_lines: list[str]) -> bool:
    """Whether the beginning of a text is that of a cash file, even one with faults."""
    return any(_LOOKS_LIKE_A_PAYMENT.match(line) or line.startswith((_TOTAL_AMOUNT, _TOTAL_COUNT)) for line in first_lines)


def read_allpay(stream: Readable, terms: CashTerms) -> CashFile:
    """Read a whole cash file. Never raises for what is in the file: every fault is in the answer, with its line and rule."""
    reader = _Reader(terms)
    try:
        for number, line in text_lines(stream):
            reader.take(number, line)
    except Refusal as refusal:
        reader.faults.add(refusal.fault.line, refusal.fault.rule, refusal.fault.message)
    else:
        reader.finish()
    return CashFile(tuple(reader.payments), reader.faults)


@dataclass(frozen=True, slots=True)
class _Total:
    line: int
    value: int | None


class _Reader:
    """Takes the file line by line, and holds the totals against what was taken."""

    def __init__(self, terms: CashTerms) -> None:
        self.terms = terms
        self.faults = Faults()
        self.payments: list[CashPayment] = []
        self._lines = 0
        self._ended = False
        self._total: _Total | None = None
        self._count: _Total | None = None

    def take(self, number: int, line: str) -> None:
        """One line."""
        if not line.strip():
            self._ended = self._ended or self._lines > 0
        elif line.startswith(_TOTAL_AMOUNT):
            self._total = self._read_total(number, self._total, _pence(line[34:51].replace(",", "")), _TOTAL_AMOUNT)
        elif line.startswith(_TOTAL_COUNT):
            self._count = self._read_total(number, self._count, _whole(line[40:57].replace(",", "")), _TOTAL_COUNT)
        elif self._ended:
            self.faults.add(number, "LineAfterTheEnd", "after the payments only the two totals may follow")
        else:
            self._take_payment(number, line)

    def finish(self) -> None:
        """The file has ended: do its totals agree with its lines?"""
        if not self._lines:
            self.faults.add(None, "NoPayments", "the file has no payments")
        for total, name in ((self._total, _TOTAL_AMOUNT), (self._count, _TOTAL_COUNT)):
            if total is None:
                self.faults.add(None, "TotalMissing", f"the file has no line {name}; it may be cut off")
        self._compare_totals()

    def _compare_totals(self) -> None:
        added = sum(payment.amount_pence for payment in self.payments)
        all_read = len(self.payments) == self._lines
        if self._total and self._total.value not in (None, added) and all_read:
            message = f"the payments add up to {pounds(added)}, and the file says {pounds(self._total.value or 0)}"
            self.faults.add(self._total.line, "TotalAmountWrong", message)
        if self._count and self._count.value not in (None, self._lines):
            message = f"the file has {counted(self._lines, 'payment')}, and says {self._count.value}"
            self.faults.add(self._count.line, "TotalCountWrong", message)

    def _read_total(self, number: int, earlier: _Total | None, value: int | None, name: str) -> _Total:
        self._ended = True
        if earlier:
            self.faults.add(number, "TotalRepeated", f"{name} stands twice")
        if value is None:
            self.faults.add(number, "TotalUnreadable", f"{name} has no figure in its columns")
        return _Total(number, value)

    def _take_payment(self, number: int, line: str) -> None:
        self._lines += 1
        if self._lines > self.terms.max_payments:
            raise Refusal(Fault(number, "TooManyEntries", f"the file has more than {counted(self.terms.max_payments, 'payment')}"))
        if len(line) < _SHORTEST:
            self.faults.add(number, "LineTooShort", f"a payment has {_SHORTEST} characters or more, this line {len(line)}")
            return
        faults_before = self.faults.count
        amount, kind, paid_on = _pence(line[23:32]), line[32], _day(line[33:43])
        self._check(number, line[0:7].strip(), amount, kind, paid_on)
        if self.faults.count == faults_before and amount is not None and paid_on is not None:
            self.payments.append(CashPayment(number, line[0:7].strip(), line[7:23].strip(), amount, kind, paid_on))

    def _check(self, number: int, client: str, amount: int | None, kind: str, paid_on: date | None) -> None:
        if self.terms.clients and client not in self.terms.clients:
            self.faults.add(number, "WrongAccount", "the client number in columns 1 to 7 is none of ours")
        if amount is None:
            self.faults.add(number, "NotAnAmount", "columns 24 to 32 must hold pounds, a point and two digits of pence")
        elif amount == 0:
            self.faults.add(number, "ZeroAmount", "a payment must be of more than 0.00")
        if kind not in TYPES:
            self.faults.add(number, "UnknownType", f"column 33 must be one of {', '.join(TYPES)}")
        elif amount is not None and ((amount < 0 and kind not in _MAY_TAKE_AWAY) or (amount > 0 and kind in _ALWAYS_TAKES_AWAY)):
            self.faults.add(
                number,
                "SignAgainstType",
                f"a payment of type {kind} ({TYPES[kind]}) must be {'below' if kind in _ALWAYS_TAKES_AWAY else 'above'} 0.00",
            )
        if paid_on is None:
            self.faults.add(number, "NotADate", "columns 34 to 43 must hold a date as dd/mm/yyyy")
        elif paid_on > self.terms.today:
            self.faults.add(number, "DateInFuture", f"paid on {paid_on}, which is after today, {self.terms.today}")


def _pence(text: str) -> int | None:
    matched = re.fullmatch(r"(-?)([0-9]{1,12})\.([0-9]{2})", text.strip())
    return int(f"{matched[1]}{matched[2]}{matched[3]}") if matched else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,15}", text.strip()) else None


def _day(text: str) -> date | None:
    matched = re.fullmatch("([0-9]{2})/([0-9]{2})/([0-9]{4})", text)
    try:
        return date(int(matched[3]), int(matched[2]), int(matched[1])) if matched else None
    except ValueError:
        return None
