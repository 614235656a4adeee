"""Expected loss by status and age band, to the penny."""

from datetime import date

import pytest
from ledger.domain.provision import Owed, RatesIncomplete, complaint_about_rates, expected_loss, is_month_end
from rentbook_contracts.ledger import ProvisionPolicy, ProvisionRate, ProvisionStatus
from rentbook_contracts.policy import DayTaken, InForceTooSoon


def rate(status: ProvisionStatus, from_days: int, basis_points: int) -> ProvisionRate:
    return ProvisionRate(status=status, from_days=from_days, basis_points=basis_points)


RATES = (rate("former", 0, 50_00), rate("current", 91, 15_00), rate("current", 0, 2_00), rate("former", 365, 100_00))
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
    statuses: list[ProvisionStatus] = ["current", "current", "former", "former"]
    assert [(row.status, row.owed_pence, row.expected_loss_pence) for row in expected_loss(RATES, [], END)] == [
        (status, 0, 0) for status in statuses
    ]


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ((*RATES, rate("former", 0, 40_00)), "An age has one rate"),
        (RATES[:2], "What current tenants owe needs a rate from 0 days on"),
        (RATES[1:], "What former tenants owe needs a rate from 0 days on"),
        ((), "needs a rate from 0 days on"),
    ],
)
def test_rates_give_every_age_one_rate(rates: tuple[ProvisionRate, ...], message: str) -> None:
    refused = complaint_about_rates(ProvisionPolicy(in_force_from=date(2026, 7, 1), source="a minute", rates=rates), (), END)
    assert isinstance(refused, RatesIncomplete)
    assert message in refused.message


def test_rates_come_into_force_later_and_one_on_a_day() -> None:
    asked = ProvisionPolicy(in_force_from=date(2026, 7, 1), source="a minute", rates=RATES)
    assert complaint_about_rates(asked, {date(2026, 7, 2)}, END) is None
    assert isinstance(complaint_about_rates(asked, (), date(2026, 7, 1)), InForceTooSoon)
    assert isinstance(complaint_about_rates(asked, {date(2026, 7, 1)}, END), DayTaken)
