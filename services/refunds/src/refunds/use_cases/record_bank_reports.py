"""Take the bank's reports."""

from chassis.serving import Tick
from chassis.transaction import Transaction

from refunds.domain.means import Means


async def record_bank_reports(tx: Transaction, tick: Tick, means: Means) -> bool | None:
    return None
