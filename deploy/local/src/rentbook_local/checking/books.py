"""The databases as the checker reads them: one snapshot of each, as a role that can write nothing.

The snapshots are taken in the order in which effects are later than their causes: what refunds holds was posted by the ledger before, and
what the ledger posted was decided in approvals before. So a stack that goes on working shows no effect without its cause. Where two hear
each other no order does, and a promise looks at one of them again (`Books.now`).
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from rentbook_local.problem import Problem

SNAPSHOT_ORDER = ("notices", "refunds", "writeoffs", "ledger", "approvals")
_CONNECTION_SECONDS = 10.0
_BANK_SECONDS = 10.0


@dataclass(frozen=True)
class Places:
    """Where everything lies. `dsns`: postgresql://, by service. A place that is None is not looked at."""

    dsns: Mapping[str, str]
    anchor: Path | None = None
    """The file seal-anchors.jsonl, outside of the database's folder."""
    payments: Path | None = None
    """The folder of the payment files."""
    bank: str | None = None
    """The base address of the bank's stand-in."""


@dataclass(frozen=True)
class Paid:
    """How often, and how much in pence, the bank paid one reference, and how often it came back."""

    times: int
    pence: int
    returned: int


@dataclass
class Books:
    """One reading of everything. The anchor and `paid_before` were read before the databases, `paid_after` after them."""

    snapshots: Mapping[str, asyncpg.Connection]
    places: Places
    anchor_lines: tuple[str, ...] | None = None
    paid_before: Mapping[str, Paid] | None = None
    paid_after: Mapping[str, Paid] | None = None
    kept: dict[str, Any] = field(default_factory=dict)
    """What one promise has read and another wants too."""

    def of(self, service: str) -> asyncpg.Connection:
        return self.snapshots[service]

    @asynccontextmanager
    async def now(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        """A snapshot of this moment, later than all others of the reading. Errors: Problem."""
        async with _snapshot(service, self.places.dsns[service]) as connection:
            yield connection

    @property
    def ledger(self) -> asyncpg.Connection:
        return self.of("ledger")

    @property
    def refunds(self) -> asyncpg.Connection:
        return self.of("refunds")

    @property
    def approvals(self) -> asyncpg.Connection:
        return self.of("approvals")


@asynccontextmanager
async def opened(places: Places) -> AsyncIterator[Books]:
    """One reading of everything. Errors: Problem where a database or the bank does not answer."""
    anchor = _anchor_lines(places.anchor)
    before = await _paid(places.bank)
    async with AsyncExitStack() as stack:
        snapshots = {}
        for service in SNAPSHOT_ORDER:
            snapshots[service] = await stack.enter_async_context(_snapshot(service, places.dsns[service]))
        yield Books(snapshots, places, anchor, before, await _paid(places.bank))


@asynccontextmanager
async def _snapshot(service: str, dsn: str) -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(dsn, timeout=_CONNECTION_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as fault:
        raise Problem(f"The database {service} cannot be read ({type(fault).__name__}): start the stack with ./rentbook run.") from fault
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # A snapshot is taken by the first question and not by BEGIN.
            await connection.fetchval("SELECT count(*) FROM outbox_event WHERE published_at IS NULL")
            yield connection
    finally:
        await connection.close(timeout=_CONNECTION_SECONDS)


def _anchor_lines(file: Path | None) -> tuple[str, ...] | None:
    """The whole lines of the anchor; none where there is no file yet."""
    if file is None:
        return None
    if not file.exists():
        return ()
    # What stands after the last end of a line is still being written.
    return tuple(line for line in file.read_text(encoding="utf-8").rpartition("\n")[0].split("\n") if line)


async def _paid(bank: str | None) -> Mapping[str, Paid] | None:
    if bank is None:
        return None
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=_BANK_SECONDS) as http:
            answer = await http.get(f"{bank}/bacs/paid")
            answer.raise_for_status()
            return paid_of(answer.content)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as fault:
        raise Problem(f"The bank's stand-in does not say what it paid ({type(fault).__name__}): see ./rentbook status.") from fault


def paid_of(told: bytes) -> Mapping[str, Paid]:
    """The bank's answer by reference. Errors: ValueError, KeyError, TypeError where it is no such answer."""
    return {str(row["reference"]): Paid(int(row["times"]), int(row["pence"]), int(row["returned"])) for row in json.loads(told)["paid"]}
