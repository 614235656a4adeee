"""Expected loss by status and age band, to the penny."""

from datetime import date

import pytest
from ledger.domain.provision import Owed, Rate, Status, expected_loss, is_month_end

RATES = [Rate("former", 0, 50_00), Rate("current", 91, 15_00), Rate("current", 0, 2_00), Rate("former", 365, 100_00)]
END = date(2026, 6, 30)


def test_what_is_owed_falls_into_bands_by_status_and_age() -> None:
    owed = [
        Owed("current", date(2026, 7, 6), 1_00),  # charged in advance
        Owed("current", date(2026, 6, 30), 2_00),
        Owed("current", date(2026, 4, 1), 4_00),  # 90 days
        Owed("current", date(2026, 3, 31), 8_00),  # 91 days
        Owed("former", date(2025, 7, 1), 16_00),  # 364 days
        Owed("former", date(2025, 6, 30), 32_00),
        Owed("former", date(2010, 1, 4), 64_00),
    ]
    assert [
        (row.status, row.from_days, row.to_days, row.owed_pence, row.rate_basis_points, row.expected_loss_pence)
        for row in expected_loss(RATES, owed, END)
    ] == [
        ("current", 0, 90, 7_00, 2_00, 14),
        ("current", 91, None, 8_00, 15_00, 1_20),
        ("former", 0, 364, 16_00, 50_00, 8_00),
        ("former", 365, None, 96_00, 100_00, 96_00),
    ]


@pytest.mark.parametrize(("pence", "loss"), [(24, 0), (25, 1), (74, 1), (75, 2)])
def test_each_cell_is_rounded_half_up(pence: int, loss: int) -> None:
    assert expected_loss(RATES, [Owed("current", END, pence)], END)[0].expected_loss_pence == loss


@pytest.mark.parametrize(
    ("day", "ends"), [("2026-02-28", True), ("2024-02-28", False), ("2024-02-29", True), ("2026-12-31", True), ("2026-06-29", False)]
)
def test_the_last_day_of_a_month(day: str, ends: bool) -> None:
    assert is_month_end(date.fromisoformat(day)) is ends


def test_nothing_owed_is_a_table_of_nothing() -> None:
    statuses: list[Status] = ["current", "current", "former", "former"]
    assert [(row.status, row.owed_pence, row.expected_loss_pence) for row in expected_loss(RATES, [], END)] == [
        (status, 0, 0) for status in statuses
    ]
