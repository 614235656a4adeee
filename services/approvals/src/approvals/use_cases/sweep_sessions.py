"""Forget sessions of the desk whose end has passed."""

from chassis.serving import Tick
from chassis.transaction import Transaction

from approvals import store


async def sweep_sessions(tx: Transaction, tick: Tick) -> None:
    await store.end_sessions_before(tx, tick.at)
