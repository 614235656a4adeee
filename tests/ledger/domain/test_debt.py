"""What is still owed, whose total decides, and the VAT in it: tables without a database."""

from datetime import date
from uuid import UUID

import pytest
from ledger.domain.debt import (
    Debit,
    Letting,
    WrittenOff,
    debtor_total_pence,
    months_before,
    months_later,
    still_owed,
    total_to_put_back_pence,
    vat_within,
)

J = [UUID(int=number) for number in range(4)]
NEWEST_FIRST = [
    Debit(J[3], "Basic rent", date(2026, 1, 19), 100),
    Debit(J[2], "Heating", date(2026, 1, 12), 10),
    Debit(J[2], "Basic rent", date(2026, 1, 12), 100),
    Debit(J[1], "Basic rent", date(2026, 1, 5), 100),
]


@pytest.mark.parametrize(
    ("balance", "owed"),
    [
        (-5, []),
        (0, []),
        (1, [(J[3], "Basic rent", 1)]),
        (100, [(J[3], "Basic rent", 100)]),
        (105, [(J[2], "Heating", 5), (J[3], "Basic rent", 100)]),
        (160, [(J[2], "Basic rent", 50), (J[2], "Heating", 10), (J[3], "Basic rent", 100)]),
        (310, [(J[1], "Basic rent", 100), (J[2], "Basic rent", 100), (J[2], "Heating", 10), (J[3], "Basic rent", 100)]),
    ],
)
def test_credits_pay_the_oldest_debits_first(balance: int, owed: list[tuple[UUID, str, int]]) -> None:
    found = still_owed(NEWEST_FIRST, balance)
    assert [(each.journal, each.element, each.pence) for each in found] == owed
    assert sum(each.pence for each in found) == max(0, balance)


DWELLING = [Letting(date(2020, 4, 6), date(2026, 4, 20))]


@pytest.mark.parametrize(
    ("pence", "due", "dwellings", "vat"),
    [
        (17_80, "2026-04-13", [], 2_97),
        (22_50, "2026-04-13", [], 3_75),
        (3, "2026-04-13", [], 1),
        (2, "2026-04-13", [], 0),
        (17_80, "2026-04-13", DWELLING, 0),
        (17_80, "2026-04-20", DWELLING, 2_97),
        (17_80, "2020-04-05", DWELLING, 2_97),
        (17_80, "2030-01-01", [Letting(date(2020, 4, 6), None)], 0),
    ],
)
def test_a_garage_bears_vat_unless_its_tenant_has_a_dwelling_that_day(pence: int, due: str, dwellings: list[Letting], vat: int) -> None:
    assert vat_within(Debit(J[0], "Garage", date.fromisoformat(due), pence), 20, dwellings) == vat


@pytest.mark.parametrize("pieces", [(2, 17_78), (1, 1, 1, 17_77), (5_93, 5_94, 5_93), (17_80,)])
def test_what_was_written_off_bears_no_other_vat_in_all_when_it_comes_back_in_pieces(pieces: tuple[int, ...]) -> None:
    debits = [Debit(J[0], "Garage", TODAY, pence, of_pence=17_80, before_pence=sum(pieces[:at])) for at, pence in enumerate(pieces)]
    assert sum(vat_within(one, 20, []) for one in debits) == 2_97


TODAY = date(2026, 6, 10)


@pytest.mark.parametrize(
    ("balances", "written_off", "total"),
    [
        ([100], [], 100),
        ([100, 50, -30], [], 150),
        ([-30], [], 0),
        ([100], [WrittenOff(date(2025, 6, 11), 40, 0)], 140),
        ([100], [WrittenOff(date(2025, 6, 10), 40, 0)], 100),
        ([100], [WrittenOff(TODAY, 40, 15), WrittenOff(TODAY, 7, 7)], 125),
    ],
)
def test_a_debtors_total_does_not_shrink_by_instalments(balances: list[int], written_off: list[WrittenOff], total: int) -> None:
    assert debtor_total_pence(balances, written_off, TODAY, 12) == total


LONG_AGO = date(2023, 6, 10)


@pytest.mark.parametrize(
    ("balances", "undone", "beside", "total"),
    [
        ([0], WrittenOff(LONG_AGO, 6000, 0, 6000), [], 6000),
        ([0], WrittenOff(LONG_AGO, 6000, 0), [], 6000),
        ([70], WrittenOff(LONG_AGO, 6000, 0, 6000), [], 6070),
        ([50], WrittenOff(LONG_AGO, 6000, 50, 6000), [], 6000),
        ([0], WrittenOff(LONG_AGO, 6000, 5990, 6000), [], 6000),
        ([0], WrittenOff(LONG_AGO, 100, 0, 9000), [], 9000),
        ([0], WrittenOff(TODAY, 6000, 0, 6000), [], 6000),
        ([0], WrittenOff(LONG_AGO, 6000, 0, 6000), [WrittenOff(TODAY, 40, 0), WrittenOff(LONG_AGO, 500, 0)], 6040),
    ],
    ids=["old", "without its total", "beside a debt", "in part", "to the last", "of a greater debt", "of today", "beside others"],
)
def test_what_was_written_off_comes_back_on_no_less_authority(
    balances: list[int], undone: WrittenOff, beside: list[WrittenOff], total: int
) -> None:
    assert total_to_put_back_pence(balances, undone, [undone, *beside], TODAY, 12) == total


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [("2026-01-31", 1, "2026-02-28"), ("2024-01-31", 1, "2024-02-29"), ("2026-12-05", 1, "2027-01-05"), ("2026-03-31", -1, "2026-02-28")],
)
def test_months_later_is_the_same_day_or_the_last(day: str, months: int, later: str) -> None:
    assert months_later(date.fromisoformat(day), months) == date.fromisoformat(later)
    assert months_before(date.fromisoformat(day), -months) == date.fromisoformat(later)
