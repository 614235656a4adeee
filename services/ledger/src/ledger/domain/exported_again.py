"""Whether a file is an earlier one exported again with more in it, in other portions, or without its references (domain.md 2.1).

A cash file has no references by which a payment would be known again, and some banks give their entries none. A file with exactly the
records of an earlier one is that file; one that shares most of a day's records with it almost surely is so too, and nobody can say which
of its lines are new. Weekly payments of one amount differ by their day. That one person pays the same amount twice in a day, once in
either file, happens; that it happens with most of what a file has of that day does not. A bank's statement has the whole of a day, so that
of it a single record is enough.

Two records to which the bank gave references of their own are two, whatever else they share; but where both carry one reference that the
bank gives to a whole batch, they may be one record that was numbered anew.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from ledger.domain.receipt import Receipt

CASH_RECORDS_AT_LEAST = 2
"""So many records of a cash file have to be the same: a single one may well be paid twice."""

STATEMENT_RECORDS_AT_LEAST = 1
"""So many of a statement: a bank has a payment in one statement of an account."""

SAME_SHARE = 2
"""A day counts where the same are the SAME_SHARE-th part or more of what the shorter of the two files has of it."""


class Record(NamedTuple):
    """What the books keep of a payment. The payment reference is empty where none was found."""

    source: str
    day: date
    amount_pence: int
    code: str
    reference: str


class Mark(NamedTuple):
    """What the bank gave to tell a record from others alike: a reference of its own, and one beside it, which others may have too."""

    referenced: bool = False
    other: str | None = None


Records = Mapping[Record, Counter[Mark]]


class SameRecords(NamedTuple):
    """The earlier file with which most records are shared, and how many they are."""

    file: UUID
    records: int


def record_of(receipt: Receipt) -> Record:
    return Record(receipt.source, receipt.effective_date, receipt.amount_pence, receipt.method, receipt.reference or "")


def exported_again(
    receipts: Iterable[Receipt], taken: Mapping[UUID, Sequence[tuple[Record, Mark, int]]], *, at_least: int
) -> SameRecords | None:
    """None where the file is another. `taken`: by earlier file, its booked records of the same days and how often it has each.

    Two equal records of one file are two payments, and are held against two of the other. What is pending repeats nothing.
    """
    if not taken:
        return None
    booked = [receipt for receipt in receipts if _booked(receipt)]
    known = {record for records in taken.values() for record, _, _ in records}
    mine = _gathered((record, _mark_of(receipt), 1) for receipt in booked if (record := record_of(receipt)) in known)
    my_days = Counter((receipt.source, receipt.effective_date) for receipt in booked)
    found = [SameRecords(file, _same(mine, my_days, _gathered(records))) for file, records in taken.items()]
    most = max(found, key=lambda one: one.records)
    return most if most.records >= at_least else None


def _booked(receipt: Receipt) -> bool:
    return not receipt.pending and receipt.amount_pence != 0


def _mark_of(receipt: Receipt) -> Mark:
    return Mark(referenced=True, other=receipt.entry.other) if receipt.entry is not None else Mark()


def _gathered(records: Iterable[tuple[Record, Mark, int]]) -> Records:
    gathered: dict[Record, Counter[Mark]] = defaultdict(Counter)
    for record, mark, times in records:
        gathered[record][mark] += times
    return gathered


def _same(mine: Records, my_days: Counter[tuple[str, date]], theirs: Records) -> int:
    same: Counter[tuple[str, date]] = Counter()
    for record in mine.keys() & theirs.keys():
        same[record.source, record.day] += _pairs(mine[record], theirs[record])
    their_days: Counter[tuple[str, date]] = Counter()
    for record, marks in theirs.items():
        their_days[record.source, record.day] += marks.total()
    return sum(records for day, records in same.items() if records * SAME_SHARE >= min(my_days[day], their_days[day]))


def _pairs(mine: Counter[Mark], theirs: Counter[Mark]) -> int:
    """How many of the one file may be those of the other, each once: by a reference that both carry, else where one of the two has none."""
    shared = Counter({mark: times for mark, times in (mine & theirs).items() if mark.other is not None})
    rest, their_rest = mine - shared, theirs - shared
    return shared.total() + min(rest.total(), their_rest.total(), rest[Mark()] + their_rest[Mark()])
