"""Whether a cash file is an earlier one exported again with more in it, or in other portions (domain.md 2.1).

A cash file has no references by which a payment would be known again. A file with exactly the records of an earlier one is that file; one
that shares most of a day's records with it almost surely is so too, and nobody can say which of its lines are new. Weekly payments of one
amount differ by their day. That one person pays the same amount twice in a day, once in either file, happens; that it happens with most of
what a file has of that day does not.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from ledger.domain.receipt import Receipt

SAME_RECORDS_AT_LEAST = 2
"""So many records have to be the same: a single one may well be paid twice."""

SAME_SHARE = 2
"""A day counts where the same are the SAME_SHARE-th part or more of what the shorter of the two files has of it."""


class CashRecord(NamedTuple):
    """What the books keep of a cash payment. The payment reference is empty where none was found."""

    day: date
    amount_pence: int
    code: str
    reference: str


class SameRecords(NamedTuple):
    """The earlier file with which most records are shared, and how many they are."""

    file: UUID
    records: int


def record_of(receipt: Receipt) -> CashRecord:
    return CashRecord(receipt.effective_date, receipt.amount_pence, receipt.method, receipt.reference or "")


def exported_again(receipts: Iterable[Receipt], taken: Mapping[UUID, Sequence[tuple[CashRecord, int]]]) -> SameRecords | None:
    """None where the file is another. `taken`: by earlier file, its records of the same days and how often it has each.

    Two equal records of one file are two payments, and are held against two of the other.
    """
    mine = Counter(record_of(receipt) for receipt in receipts)
    found = [SameRecords(file, _same(mine, Counter(dict(records)))) for file, records in taken.items()]
    most = max(found, key=lambda one: one.records, default=None)
    return most if most is not None and most.records >= SAME_RECORDS_AT_LEAST else None


def _same(mine: Counter[CashRecord], theirs: Counter[CashRecord]) -> int:
    same, my_days, their_days = _by_day(mine & theirs), _by_day(mine), _by_day(theirs)
    return sum(records for day, records in same.items() if records * SAME_SHARE >= min(my_days[day], their_days[day]))


def _by_day(records: Counter[CashRecord]) -> Counter[date]:
    days: Counter[date] = Counter()
    for record, times in records.items():
        days[record.day] += times
    return days
