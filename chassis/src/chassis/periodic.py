"""Work that repeats while the service runs, in one process at a time."""

import asyncio
import logging
from time import perf_counter

import sqlalchemy as sa

from chassis.failpoint import reached
from chassis.faults import may_pass
from chassis.relay import wait_for
from chassis.serving import Every, Tick
from chassis.telemetry import named
from chassis.transaction import Runtime, Transaction, run

log = logging.getLogger(__name__)


async def repeat(runtime: Runtime, every: Every, stopping: asyncio.Event) -> None:
    """Do the work at once and then every period, until `stopping`. What fails is done again after the period."""
    name = every.use_case.__qualname__
    while not stopping.is_set():
        started = perf_counter()
        more, outcome = False, "done"
        try:
            more = await run(runtime, lambda tx: _once_anywhere(tx, every, name))
            reached("periodic.after-commit")
        except Exception as error:
            outcome = "failed"
            log.error("periodic work failed", extra={"use_case": name, "fault": named(error)}, exc_info=None if may_pass(error) else error)
        runtime.telemetry.steps.labels("every", name, outcome).observe(perf_counter() - started)
        if not more:
            await wait_for(stopping, every.period.total_seconds())


async def _once_anywhere(tx: Transaction, every: Every, name: str) -> bool:
    mine = sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(f"every {name}", 0)))
    if not (await tx.connection.execute(mine)).scalar():
        return False
    return bool(await every.use_case(tx, Tick(at=tx.now)))
