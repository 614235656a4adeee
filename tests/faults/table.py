"""What the faults run has found, fault by fault, as the table at its end."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

LOST = {
    "accepted",
    "versions-without-gap",
    "heard-as-told",
    "decisions-heard",
    "write-offs-heard",
    "payment-runs",
    "register",
    "seal-chain",
    "seal-anchor",
    "debited-weeks",
}
DOUBLED = {"one-journal-per-key", "bank-files", "reversed-once", "earmarks-once", "payment-lines", "paid-once"}
"""Which promises of `./rentbook check` speak of what was lost, and which of what was done twice; the others, of right books."""

_MORE = re.compile(r"and (\d+) more")


@dataclass
class Outcome:
    """One kind of fault. `recovered` holds the seconds from each fault until the process was well again.

    `failed` counts the tries after which something was not as it must be: the refund, the books, or the test's own question.
    `lost`, `doubled` and `unbalanced` count the places at which `./rentbook check` found a promise broken.
    """

    fault: str
    tried: int = 0
    failed: int = 0
    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    unbalanced: int = 0
    recovered: list[float] = field(default_factory=list)

    def broken(self, promise: str, places: Sequence[str]) -> None:
        """Count where a promise of `./rentbook check` was found broken."""
        many = sum(_many(place) for place in places)
        if promise in LOST:
            self.lost += many
        elif promise in DOUBLED:
            self.doubled += many
        else:
            self.unbalanced += many

    def took_effect(self, acknowledged: Iterable[Hashable], effects: Iterable[Hashable]) -> None:
        """Count what was acknowledged and had no effect, and what had more than one: where no `./rentbook check` looks."""
        found = Counter(effects)
        self.lost += sum(not found[each] for each in acknowledged)
        self.doubled += sum(times - 1 for times in found.values())

    def never_settled(self, waits: Sequence[str]) -> None:
        """Count what was told and nobody heard in all the time that there was."""
        self.lost += max(1, len(waits))


def _many(place: str) -> int:
    """A line of the report is one place, save the last, which may stand for those that it does not show."""
    more = _MORE.fullmatch(place)
    return int(more[1]) if more else 1


class Counting(Protocol):
    """Whoever counts what was acknowledged so far."""

    count: int


@dataclass
class Tally:
    """How much was acknowledged to clients that are not at the desk."""

    count: int = 0


@contextmanager
def trying(outcomes: list[Outcome], accepted: Counting, *rows: Outcome) -> Iterator[None]:
    """Enter these rows; they stay in the table also where the block fails, and then each row has failed as often as it was tried.

    A person who interrupts the run has shown nothing: what was under way just then counts as not tried.
    """
    before = accepted.count
    outcomes.extend(rows)
    try:
        yield
    except KeyboardInterrupt:
        for row in rows:
            row.tried = 0
        raise
    except BaseException:
        for row in rows:
            row.tried = max(row.tried, 1)
            row.failed = row.tried
        raise
    finally:
        for row in rows:
            row.accepted = accepted.count - before


_WIDTH = 60


def in_words(outcomes: Sequence[Outcome], accepted: int) -> list[str]:
    """The table's lines, with the sums last; `accepted` is how many commands were accepted in all, for tries may share a refund."""
    numbers = f"{'tried':>5} {'failed':>6} {'accepted':>8} {'lost':>5} {'doubled':>7} {'unbalanced':>10} {'median s':>9} {'worst s':>8}"
    return [f"{'fault':<{_WIDTH}} {numbers}", *(_line(each) for each in outcomes), _line(_all(outcomes, accepted))]


def _all(outcomes: Sequence[Outcome], accepted: int) -> Outcome:
    total = Outcome("all", accepted=accepted)
    for each in outcomes:
        total.tried += each.tried
        total.failed += each.failed
        total.lost += each.lost
        total.doubled += each.doubled
        total.unbalanced += each.unbalanced
        total.recovered += each.recovered
    return total


def _line(each: Outcome) -> str:
    times = f"{median(each.recovered):>9.1f} {max(each.recovered):>8.1f}" if each.recovered else f"{'-':>9} {'-':>8}"
    counts = f"{each.tried:>5} {each.failed:>6} {each.accepted:>8} {each.lost:>5} {each.doubled:>7} {each.unbalanced:>10}"
    return f"{each.fault:<{_WIDTH}} {counts} {times}"
