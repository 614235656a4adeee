"""When a cash file is an earlier one exported again."""

from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from ledger.domain.exported_again import SameRecords, exported_again, record_of
from ledger.domain.receipt import Receipt

EARLIER, OTHER = UUID(int=1), UUID(int=2)


def receipts(*told: str) -> list[Receipt]:
    """Each word is a day of June 2026 and who paid: 3a is a payment of `a` on the 3rd, always of 20.00."""
    about: dict[str, Any] = {
        "line": 1, "source": "allpay", "method": "RPY", "amount_pence": 20_00, "pending": False, "reversal": False, "entry_reference": None,
        "candidates": (), "narrative": "", "payer_name": "", "payer_account": "",
    }  # fmt: skip
    return [Receipt(**about, effective_date=date(2026, 6, int(word[:-1])), reference=word[-1]) for word in told]


def alike(mine: str, **files: str) -> SameRecords | None:
    known = {"earlier": EARLIER, "other": OTHER}
    taken = {known[name]: list(Counter(record_of(one) for one in receipts(*words.split())).items()) for name, words in files.items()}
    return exported_again(receipts(*mine.split()), taken)


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


def test_the_file_with_most_of_the_same_is_named() -> None:
    assert alike("3a 3b 3c 3d", earlier="3a 3b", other="3b 3c 3d") == SameRecords(OTHER, 3)


def test_where_nothing_was_taken_there_is_no_earlier_file() -> None:
    assert alike("3a 3b") is None
