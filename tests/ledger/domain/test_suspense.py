"""What money in suspense may be for: a slip of the pen is seen through, a name is known again, a common rent is nobody's."""

from uuid import UUID

import pytest
from ledger.domain.references import ReferenceScheme
from ledger.domain.suspense import Candidate, matches, near_references, same_name

SCHEME = ReferenceScheme("rent", "9", 8, (9, 8, 7, 6, 5, 4, 3, 2), 11, "ABCDEFGHIJK", ("RC",))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("rent 97000023E", True),
        ("rent 97000023e", True),
        ("97000023", True),
        ("97000023F", True),  # a wrong check letter
        ("97000024E", True),  # a wrong digit
        ("97000032E", True),  # two neighbours swapped
        ("9700023E", True),  # a digit left out
        ("970000023 E", True),  # a digit twice
        ("97 00 00 24 E", True),
        ("97000042E", False),  # more than one slip
        ("9700002", False),  # a digit left out, and no letter to tell which
        ("tel. 07700 900123", False),
        ("", False),
    ],
)
def test_a_reference_with_one_slip(text: str, found: bool) -> None:
    assert ("97000023E" in near_references(text, [SCHEME])) == found


@pytest.mark.parametrize(
    ("payer", "tenant", "same"),
    [
        ("Ada Okafor", "Ada Okafor", True),
        ("OKAFOR ADA", "Ada Okafor", True),
        ("MR A OKAFOR", "Ada Okafor", True),
        ("A. N. Okafor", "Ada Ngozi Okafor", True),
        ("B LUCZAK", "Ben Łuczak", True),
        ("TRAN VAN MINH", "Trần Văn Minh", True),
        ("OKAFOR", "Ada Okafor", False),
        ("J OKAFOR", "Ada Okafor", False),
        ("ADA NWOSU", "Ada Okafor", False),
        ("A B", "Ada Bern", False),
        ("", "Ada Okafor", False),
    ],
)
def test_a_name_is_known_again(payer: str, tenant: str, same: bool) -> None:
    assert same_name(payer, tenant) == same
    assert same_name(tenant, payer) == same


def account(number: int, *names: str, weekly: int = 0, balance: int = 0) -> Candidate:
    return Candidate(UUID(int=number), f"9700002{number}E", names, weekly, balance)


def told(amount: int, payer: str, text: str, *candidates: Candidate, near: tuple[str, ...] = ()) -> list[tuple[int, tuple[str, ...]]]:
    return [(match.account.int, match.because) for match in matches(amount, payer, text, candidates, frozenset(near))]


def test_a_reference_comes_before_a_name_and_a_name_before_an_amount() -> None:
    owing, named, quoted = account(1, "Cy Ng", balance=60_00), account(2, "Ada Okafor"), account(3, "Di Doe")
    assert told(60_00, "A OKAFOR", "", owing, named, quoted, near=("97000023E",)) == [
        (3, ("reference",)), (2, ("name",)), (1, ("debt",)),
    ]  # fmt: skip


def test_what_speaks_together_weighs_more() -> None:
    both, one = account(1, "Ada Okafor", weekly=60_00), account(2, "Ada Okafor")
    assert told(120_00, "A Okafor", "", one, both) == [(1, ("name", "charge")), (2, ("name",))]


def test_an_amount_that_many_pay_speaks_for_nobody() -> None:
    assert told(60_00, "", "", *(account(number, weekly=60_00) for number in range(1, 4))) == [(n, ("charge",)) for n in range(1, 4)]
    assert told(60_00, "", "", *(account(number, weekly=60_00) for number in range(1, 5))) == []


def test_a_name_in_the_text_counts_and_no_more_than_three_are_told() -> None:
    alike = [account(number, "Ada Okafor") for number in range(1, 7)]
    assert told(1, "SOMEBODY ELSE", "rent for ada okafor", *alike) == [(number, ("name",)) for number in range(1, 4)]


def test_nothing_is_suggested_where_nothing_speaks() -> None:
    assert told(1_23, "SOMEBODY ELSE", "hello", account(1, "Ada Okafor", weekly=60_00, balance=30_00)) == []
