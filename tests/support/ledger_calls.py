"""The ledger's use cases, each in a transaction of its own, for tests of what they do to an account."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from chassis.peers import SYSTEM, Caller
from chassis.transaction import Runtime, Transaction, run

T = TypeVar("T")


async def told_of(runtime: Runtime, account: UUID) -> list[str]:
    """The facts told of an account, in order; their versions have no gap."""
    async with runtime.engine.connect() as connection:
        wanted = sa.text("SELECT aggregate_version, headers->>'ce_type' AS type FROM outbox_event WHERE key = :key ORDER BY seq")
        rows = (await connection.execute(wanted, {"key": str(account)})).all()
    assert [row.aggregate_version for row in rows] == list(range(1, len(rows) + 1)), "versions have no gap"
    return [row.type.removeprefix("ledger.").removesuffix(".v1") for row in rows]


async def do(runtime: Runtime, work: Callable[[Transaction], Awaitable[T]], caller: Caller = SYSTEM) -> T:
    return await run(runtime, work, caller=caller)
