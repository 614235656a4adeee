"""All promises in the order in which they are looked at, once everything that was told has been heard."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rentbook_local.checking import approval, credit, laid_down, ledger, messages, payments, policy, seal, write_offs
from rentbook_local.checking.books import Books, Places, opened
from rentbook_local.checking.promise import Finding, Promise
from rentbook_local.checking.settled import unsettled

PROMISES: tuple[Promise, ...] = (
    *ledger.PROMISES,
    *messages.PROMISES,
    *approval.PROMISES,
    *policy.PROMISES,
    *laid_down.PROMISES,
    *credit.PROMISES,
    *payments.PROMISES,
    *write_offs.PROMISES,
    *seal.PROMISES,
    *messages.LAST,
)
SETTLE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.5


class Unsettled(Exception):
    """Something is still under way. `waits` says what."""

    def __init__(self, waits: Sequence[str]) -> None:
        super().__init__("; ".join(waits))
        self.waits = tuple(waits)


@dataclass(frozen=True)
class Looked:
    """A promise and what was found of it."""

    promise: Promise
    finding: Finding


@asynccontextmanager
async def settled(places: Places, *, within_seconds: float = SETTLE_SECONDS) -> AsyncIterator[Books]:
    """One reading of everything in which nothing that was told is unheard. Errors: Unsettled where that does not come in time; Problem."""
    end = time.monotonic() + within_seconds
    while True:
        async with opened(places) as books:
            waits = await unsettled(books)
            if not waits:
                yield books
                return
        if time.monotonic() > end:
            raise Unsettled(waits)
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def look(books: Books, promises: Sequence[Promise] = PROMISES) -> AsyncIterator[Looked]:
    """Look at one promise after the other."""
    for promise in promises:
        yield Looked(promise, await promise.look(books))
