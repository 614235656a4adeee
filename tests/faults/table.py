"""What the faults run has found, fault by fault, as the table at its end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

_LOST = {
    "accepted",
    "versions-without-gap",
    "heard-as-told",
    "decisions-heard",
    "payment-runs",
    "seal-chain",
    "seal-anchor",
    "debited-weeks",
}
_DOUBLED = {"one-journal-per-key", "bank-files", "reversed-once", "earmarks-once", "payment-lines", "paid-once"}


@dataclass
class Outcome:
    """One kind of fault. `recovered` holds the seconds from each fault until the process was well again."""

    fault: str
    tried: int = 0
    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    unbalanced: int = 0
    recovered: list[float] = field(default_factory=list)

    def broken(self, promise: str) -> None:
        """Count a promise of `./rentbook check` that was found broken."""
        if promise in _LOST:
            self.lost += 1
        elif promise in _DOUBLED:
            self.doubled += 1
        else:
            self.unbalanced += 1


def in_words(outcomes: Sequence[Outcome], accepted: int) -> list[str]:
    """The table's lines, with the sums last; `accepted` is how many commands were accepted in all, for tries may share a refund."""
    head = f"{'fault':<52} {'tried':>5} {'accepted':>8} {'lost':>5} {'doubled':>7} {'unbalanced':>10} {'median s':>9} {'worst s':>8}"
    return [head, *(_line(each) for each in outcomes), _line(_all(outcomes, accepted))]


def _all(outcomes: Sequence[Outcome], accepted: int) -> Outcome:
    total = Outcome("all", accepted=accepted)
    for each in outcomes:
        total.tried += each.tried
        total.lost += each.lost
        total.doubled += each.doubled
        total.unbalanced += each.unbalanced
        total.recovered += each.recovered
    return total


def _line(each: Outcome) -> str:
    times = f"{median(each.recovered):>9.1f} {max(each.recovered):>8.1f}" if each.recovered else f"{'-':>9} {'-':>8}"
    return f"{each.fault:<52} {each.tried:>5} {each.accepted:>8} {each.lost:>5} {each.doubled:>7} {each.unbalanced:>10} {times}"
