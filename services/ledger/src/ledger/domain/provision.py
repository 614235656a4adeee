"""What the provision for bad debts has to be: expected loss by tenant status and age of what is owed (domain.md 2.5)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from rentbook_contracts.ledger import ProvisionRow

from ledger.domain.apportionment import rounded_half_up

PROVISION_CODE = "PRV"

Status = Literal["current", "former"]


@dataclass(frozen=True, slots=True)
class Rate:
    """The expected loss on what is owed since `from_days` or longer, up to the next rate of the same status. In basis points."""

    status: Status
    from_days: int
    basis_points: int


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed of a charge, by the tenant's status at the month's end."""

    status: Status
    due_on: date
    pence: int


def expected_loss(rates: Iterable[Rate], owed: Iterable[Owed], month_end: date) -> tuple[ProvisionRow, ...]:
    """The table, former after current, youngest band first; each cell rounded half up. Bands of a status begin with 0 days.

    What falls due after the month's end, such as a charge in advance, is in the youngest band.
    """
    bands = [band for status in ("current", "former") for band in _bands([rate for rate in rates if rate.status == status])]
    sums: dict[tuple[Status, int], int] = defaultdict(int)
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


def _bands(rates: Sequence[Rate]) -> list[tuple[Rate, int | None]]:
    """Each rate with the last day of its band."""
    ordered = sorted(rates, key=lambda rate: rate.from_days)
    return [(rate, after.from_days - 1) for rate, after in pairwise(ordered)] + [(rate, None) for rate in ordered[-1:]]
