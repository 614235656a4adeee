"""What the provision for bad debts has to be: expected loss by tenant status and age of what is owed, by dated rates (domain.md 2.5)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from rentbook_contracts.ledger import ProvisionPolicy, ProvisionRate, ProvisionRow, ProvisionStatus
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.policy import objection_to_day

from ledger.domain.apportionment import rounded_half_up
from ledger.domain.rules import LedgerRule

PROVISION_CODE = "PRV"

STATUSES: tuple[ProvisionStatus, ...] = ("current", "former")


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed of a charge, by the tenant's status at the month's end."""

    status: ProvisionStatus
    due_on: date
    pence: int


def expected_loss(rates: Iterable[ProvisionRate], owed: Iterable[Owed], month_end: date) -> tuple[ProvisionRow, ...]:
    """The table, former after current, youngest band first; each cell rounded half up. Bands of a status begin with 0 days.

    What falls due after the month's end, such as a charge in advance, is in the youngest band.
    """
    bands = [band for status in STATUSES for band in _bands([rate for rate in rates if rate.status == status])]
    sums: dict[tuple[ProvisionStatus, int], int] = defaultdict(int)
    for each in owed:
        age = max(0, (month_end - each.due_on).days)
        sums[each.status, max(rate.from_days for rate, _ in bands if rate.status == each.status and rate.from_days <= age)] += each.pence
    return tuple(
        ProvisionRow(
            status=rate.status,
            from_days=rate.from_days,
            to_days=to_days,
            owed_pence=sums[rate.status, rate.from_days],
            rate_basis_points=rate.basis_points,
            expected_loss_pence=rounded_half_up(sums[rate.status, rate.from_days] * rate.basis_points, 10_000),
        )
        for rate, to_days in bands
    )


def is_month_end(day: date) -> bool:
    return date.fromordinal(day.toordinal() + 1).day == 1


class RatesIncomplete(LedgerRule):
    """Each status has a rate from the first day on, and no age has two."""


def complaint_about_rates(asked: ProvisionPolicy, taken: Collection[date], today: date) -> BrokenRule | None:
    """What is wrong with rates that are proposed, if anything. `taken`: the days from which other rates are in force."""
    refused = objection_to_day(asked.in_force_from, taken, today)
    if refused is not None:
        return refused
    ages = [(rate.status, rate.from_days) for rate in asked.rates]
    if len(set(ages)) != len(ages):
        return RatesIncomplete("An age has one rate. Take out the row that says it again.")
    without = [status for status in STATUSES if (status, 0) not in ages]
    if without:
        return RatesIncomplete(f"What {without[0]} tenants owe needs a rate from 0 days on.")
    return None


def _bands(rates: Sequence[ProvisionRate]) -> list[tuple[ProvisionRate, int | None]]:
    """Each rate with the last day of its band."""
    ordered = sorted(rates, key=lambda rate: rate.from_days)
    return [(rate, after.from_days - 1) for rate, after in pairwise(ordered)] + [(rate, None) for rate in ordered[-1:]]
