"""What the checker says of the books: a promise, how many rows it looked at, and where the promise is broken."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from rentbook_local.checking.books import Books

PLACES_SHOWN = 10


@dataclass(frozen=True)
class Finding:
    """How many rows were looked at, and each place at which the promise is broken: ids and amounts in pence, nothing personal."""

    looked_at: int
    broken: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        return not self.broken


@dataclass(frozen=True)
class Promise:
    """One thing that holds in every state of the books. `name` is for machines, `words` for people. `do`: what to do where it is broken,
    where the places alone do not say so.
    """

    name: str
    words: str
    look: Callable[[Books], Awaitable[Finding]]
    do: str = ""


def finding(looked_at: int, broken: Sequence[str]) -> Finding:
    """A finding that names the first places and counts the others."""
    shown = list(broken[:PLACES_SHOWN])
    if len(broken) > PLACES_SHOWN:
        shown.append(f"and {len(broken) - PLACES_SHOWN} more")
    return Finding(looked_at, tuple(shown))


def both(*findings: Finding) -> Finding:
    """Several looks at one promise."""
    return Finding(sum(each.looked_at for each in findings), tuple(place for each in findings for place in each.broken))
