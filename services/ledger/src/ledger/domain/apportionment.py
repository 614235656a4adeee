"""Splitting and rounding charges to the penny (domain.md 1.4, 10). Whole pence in, whole pence out.

VAT and the provision are rounded here. Part weeks stand ready for a tenancy that starts or ends within one, and equal instalments for the
monthly amount of a rent year: no command asks for them yet.
"""

from collections.abc import Sequence


def rounded_half_up(numerator: int, denominator: int) -> int:
    """A fraction of pence rounded to the nearest penny, a half upwards (domain.md 10: charges and VAT). Neither may be negative."""
    if numerator < 0 or denominator <= 0:
        raise ValueError("half-up rounding is for amounts without a sign")
    return (2 * numerator + denominator) // (2 * denominator)


def largest_remainder(total_pence: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Split a total in proportion to weights so that the parts add up to it exactly.

    Each part gets its whole pence; the pence left over go to the largest remainders, and the earlier part wins a tie. A negative total
    is split as its mirror image. Raises ValueError where there is nothing to split by.
    """
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights are not negative, and at least one is above zero")
    if total_pence < 0:
        return tuple(-part for part in largest_remainder(-total_pence, weights))
    parts = [total_pence * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(total_pence * weights[at] % whole), at))
    for at in by_remainder[: total_pence - sum(parts)]:
        parts[at] += 1
    return tuple(parts)


def sevenths(weekly_pence: int, days: int) -> int:
    """The rent for some days of a week under the policy DAILY_SEVENTHS, half-up (domain.md 1.4, test C)."""
    if not 0 <= days <= 7:
        raise ValueError("a week has no more than seven days")
    return rounded_half_up(weekly_pence * days, 7)


def part_week(elements_pence: Sequence[int], days: int) -> tuple[int, ...]:
    """Each charge element for some days of a week: the total is rounded once, then split by largest remainder (domain.md 1.4)."""
    return largest_remainder(sevenths(sum(elements_pence), days), elements_pence)


def instalments(total_pence: int, count: int) -> tuple[int, ...]:
    """Equal instalments; what doesn't divide goes on the first (domain.md 10)."""
    base, remainder = divmod(total_pence, count)
    return (base + remainder, *([base] * (count - 1)))
