"""All promises in the order in which they are looked at, once everything that was told has been heard."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rentbook_local.checking import (
    approval,
    credit,
    evidence,
    laid_down,
    ledger,
    messages,
    payments,
    policy,
    provision,
    seal,
    to_income,
    totals,
    write_offs,
)
from rentbook_local.checking.books import Books, Places, opened
from rentbook_local.checking.promise import Finding, Promise
from rentbook_local.checking.settled import done, unsettled

PROMISES: tuple[Promise, ...] = (
    *ledger.PROMISES,
    *messages.PROMISES,
    *approval.PROMISES,
    *policy.PROMISES,
    *laid_down.PROMISES,
    *credit.PROMISES,
    *payments.PROMISES,
    *write_offs.PROMISES,
    *evidence.PROMISES,
    *totals.PROMISES,
    *to_income.PROMISES,
    *provision.PROMISES,
    *seal.PROMISES,
    *messages.LAST,
)
SETTLE_SECONDS = 60.0
"""How long what is under way may stand still."""

SAY_SECONDS = 10.0
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


def says_nothing(_: Sequence[str]) -> None:
    """Who waits tells nobody what for."""


@asynccontextmanager
async def settled(
    places: Places, *, within_seconds: float = SETTLE_SECONDS, say: Callable[[Sequence[str]], None] = says_nothing
) -> AsyncIterator[Books]:
    """One reading of everything in which nothing that was told is unheard. It is waited for as long as it comes nearer; `say` is shown
    every SAY_SECONDS what is still under way. Errors: Unsettled where nothing goes on for so long; Problem.
    """
    before: tuple[int, ...] | None = None
    moved_at = said_at = time.monotonic()
    while True:
        async with opened(places) as books:
            waits = await unsettled(books)
            if not waits:
                yield books
                return
            after = await done(books)
        now = time.monotonic()
        if after != before:
            before, moved_at = after, now
        elif now - moved_at > within_seconds:
            raise Unsettled(waits)
        if now - said_at > SAY_SECONDS:
            said_at = now
            say(waits)
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


async def look(books: Books, promises: Sequence[Promise] = PROMISES) -> AsyncIterator[Looked]:
    """Look at one promise after the other."""
    for promise in promises:
        yield Looked(promise, await promise.look(books))
