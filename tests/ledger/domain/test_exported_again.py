"""When a file is an earlier one exported again."""

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from ledger.domain.exported_again import Mark, SameRecords, exported_again, record_of
from ledger.domain.receipt import EntryKey, Receipt

EARLIER, OTHER = UUID(int=1), UUID(int=2)


def receipts(*told: str) -> list[Receipt]:
    """Each word is a day of June 2026 and who paid: 3a is a payment of `a` on the 3rd, always of 20.00. The bank's references stand
    behind it: 3a/R1 has one, 3a/R1/S1 another beside it.
    """
    about: dict[str, Any] = {
        "line": 1, "source": "ours", "method": "RPY", "amount_pence": 20_00, "pending": False, "reversal": False, "entry_reference": None,
        "candidates": (), "narrative": "", "payer_name": "", "payer_account": "",
    }  # fmt: skip
    made = []
    for word in told:
        payment, reference, other = (*word.split("/"), None, None)[:3]
        key = EntryKey(reference, other, 20_00) if reference else None
        about["effective_date"], about["reference"] = date(2026, 6, int(str(payment)[:-1])), str(payment)[-1]
        made.append(Receipt(**about, entry=key))
    return made


def marked(receipt: Receipt) -> Mark:
    return Mark(referenced=True, other=receipt.entry.other) if receipt.entry else Mark()


def alike(mine: str, at_least: int = 2, **files: str) -> SameRecords | None:
    known = {"earlier": EARLIER, "other": OTHER}
    listed = {known[name]: Counter((record_of(one), marked(one)) for one in receipts(*words.split())) for name, words in files.items()}
    taken = {file: [(record, mark, times) for (record, mark), times in records.items()] for file, records in listed.items()}
    return exported_again(receipts(*mine.split()), taken, at_least=at_least)


@pytest.mark.parametrize(
    ("mine", "earlier", "same"),
    [
        ("3a 3b 3c", "3a 3b", 2),  # one line more
        ("3a 3b", "3a 3b 3c", 2),  # one less
        ("3a 3b 3d", "3a 3b 3c", 2),  # one other
        ("3a 3b 4a 4b", "3a 3b", 2),  # a longer time
        ("4a 4b 5a", "3a 3b 4a 4b", 2),  # times that overlap
        ("3a 3a 3b", "3a 3a", 2),  # two equal records are two
        ("3a 3b 3c", "3a", None),  # a single record may be paid twice
        ("3a 3a 3b", "3a 3c 3d", None),  # in the earlier file it stands once
        ("3a 3b 3c 3d 3e", "3a 3b 3f 3g 3h", None),  # less than half of the shorter
        ("3a 3b", "10a 10b", None),  # the weeks' payments are of their own days
        ("3a 4b 5c", "3a 4b", 2),  # one of each day
        ("3a 3b 3c 4d", "3a 3e 3f 4d", None),  # of one day too few, of the other a single one
    ],
)
def test_most_of_a_days_records_are_the_earlier_files(mine: str, earlier: str, same: int | None) -> None:
    assert alike(mine, earlier=earlier) == (SameRecords(EARLIER, same) if same is not None else None)


@pytest.mark.parametrize(
    ("mine", "earlier", "same"),
    [
        ("3a 4b 5c", "1a 2b 3a", 1),  # one day in both
        ("3a/R1 3b/R2", "3a/Q1 3b/Q2", None),  # the bank tells them apart
        ("3a/R1 3b/R2", "3a 3b", 2),  # in the earlier file it does not
        ("3a 3b", "3a/R1 3b/R2", 2),
        ("3a/R1 3a", "3a/Q1 3a", 2),  # each of mine may be one of theirs
        ("3a/R1 3a/R2", "3a/Q1 3a", 1),
        ("3a/R1/S 3b/R2/S", "3a/Q1/S 3b/Q2/S", 2),  # a batch that was numbered anew
        ("3a/R1/S 3b/R2/S", "3a/Q1/T 3b/Q2/T", None),  # another batch
        ("3a/R1/S 3a/R2/S", "3a/Q1/S", 1),
        ("3a/R1/S 3a", "3a/Q1/S 3a/Q2", 2),
    ],
)
def test_what_the_bank_gave_tells_records_apart(mine: str, earlier: str, same: int | None) -> None:
    assert alike(mine, at_least=1, earlier=earlier) == (SameRecords(EARLIER, same) if same is not None else None)


def test_what_is_pending_is_no_record_yet() -> None:
    taken = {EARLIER: [(record_of(one), Mark(), 1) for one in receipts("3a")]}
    assert exported_again([replace(one, pending=True) for one in receipts("3a")], taken, at_least=1) is None


def test_payments_into_two_accounts_are_two() -> None:
    taken = {EARLIER: [(record_of(one), Mark(), 1) for one in receipts("3a")]}
    assert exported_again([replace(one, source="theirs") for one in receipts("3a")], taken, at_least=1) is None


def test_the_file_with_most_of_the_same_is_named() -> None:
    assert alike("3a 3b 3c 3d", earlier="3a 3b", other="3b 3c 3d") == SameRecords(OTHER, 3)


def test_where_nothing_was_taken_there_is_no_earlier_file() -> None:
    assert alike("3a 3b") is None
