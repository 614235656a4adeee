"""Work that repeats while the service runs, in one process at a time."""

import asyncio
import logging
import time

import sqlalchemy as sa

from chassis.failpoint import reached
from chassis.faults import OF_A_PEER, may_pass
from chassis.relay import wait_for
from chassis.serving import Every, Tick
from chassis.telemetry import named
from chassis.transaction import Runtime, Transaction, run

log = logging.getLogger(__name__)

LONGEST_PAUSE_SECONDS = 30.0
"""What failed is done again after its period, or sooner: work of a long period must not wait for it to be well again."""

ROUND_LIMIT_SECONDS = 330.0
"""Longer than PostgreSQL lets any transaction live (TRANSACTION_LIMIT_SECONDS): what takes so long waits for something else."""


class Periodic:
    """One `Every` of this process, and how it goes."""

    def __init__(self, runtime: Runtime, every: Every) -> None:
        self._runtime = runtime
        self._every = every
        self._name = every.use_case.__qualname__
        self._round_began: float | None = None
        self._failing_since: float | None = None
        self._fault = ""
        self._peer_is_silent = False

    async def repeat(self, stopping: asyncio.Event) -> None:
        """Do the work at once and then every period, until `stopping`. What fails is done again after the period, or sooner."""
        period = self._every.period.total_seconds()
        while not stopping.is_set():
            if not await self._round():
                await wait_for(stopping, period if self._failing_since is None else min(period, LONGEST_PAUSE_SECONDS))

    def ailment(self) -> str | None:
        """Why this work is not well, if it isn't: for the stall limit every round of it failed, or one does not come to its end.

        Work that has not been due yet, waits for its next round, or is done by another process is well.
        """
        now, limit = time.monotonic(), self._runtime.settings.stall_limit_seconds
        if self._round_began is not None and now - self._round_began > max(limit, ROUND_LIMIT_SECONDS):
            return f"periodic work {self._work}: a round has not ended for {now - self._round_began:.0f} s"
        return None if self._peer_is_silent else self._failing()

    def attention(self) -> str | None:
        """What an operator has to see to while this process is well: for the stall limit nobody answers what every round of it asks."""
        return self._failing() if self._peer_is_silent else None

    @property
    def _work(self) -> str:
        return self._name.rpartition(".")[2]

    def _failing(self) -> str | None:
        if self._failing_since is None or (lasted := time.monotonic() - self._failing_since) <= self._runtime.settings.stall_limit_seconds:
            return None
        return f"periodic work {self._work}: every round has failed for {lasted:.0f} s ({self._fault})"

    async def _round(self) -> bool:
        """Whether there is more to do at once."""
        self._round_began = began = time.monotonic()
        more: bool | None = None
        outcome = "done"
        try:
            more = await run(self._runtime, self._once_anywhere)
            reached("periodic.after-commit")
            if more is not None:
                self._failing_since = None
        except Exception as error:
            outcome, self._fault, self._peer_is_silent = "failed", named(error), isinstance(error, OF_A_PEER)
            if self._failing_since is None:
                self._failing_since = began
            told = {"use_case": self._name, "fault": self._fault}
            log.error("periodic work failed", extra=told, exc_info=None if may_pass(error) else error)
        finally:
            self._round_began = None
        self._runtime.telemetry.steps.labels("every", self._name, outcome).observe(time.monotonic() - began)
        return bool(more)

    async def _once_anywhere(self, tx: Transaction) -> bool | None:
        """None where another process is at it: whether this one could do it is not known then."""
        mine = sa.select(sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(f"every {self._name}", 0)))
        if not (await tx.connection.execute(mine)).scalar():
            return None
        more = bool(await self._every.use_case(tx, Tick(at=tx.now)))
        reached("periodic.before-commit")
        return more
