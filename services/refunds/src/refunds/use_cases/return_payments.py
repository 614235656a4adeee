"""A payment came back: its case is open again, and its credit returns to the account (domain.md 4: act within three working days)."""

import logging

from chassis.serving import Tick
from chassis.transaction import Transaction

from refunds.domain.means import Means
from refunds.store import cases, reports, runs
from refunds.store.cases import Case
from refunds.store.reports import Item
from refunds.store.runs import Line
from refunds.use_cases.next_attempt import next_attempt

log = logging.getLogger(__name__)


async def return_payments(tx: Transaction, _: Tick, means: Means) -> None:
    """Act once on each item that the bank sent back; one whose case is still being closed waits for the next time."""
    for item in await reports.items_without_effect(tx):
        await _act(tx, item, means)


async def _act(tx: Transaction, item: Item, means: Means) -> None:
    line = await runs.line_of_reference(tx, item.reference)
    if line is None or line.amount_pence != item.amount_pence:
        effect = "no-such-payment" if line is None else "another-amount"
        log.error("a returned payment is not one of ours", extra={"reason": f"{effect}, report {item.report}"})
        await reports.note_effect(tx, item, effect)
    elif line.status in (runs.RETURNED, runs.REFUSED):
        await reports.note_effect(tx, item, "returned-already", line=line.number)
    elif line.status == runs.PAID:
        row = await cases.locked(tx, line.case_id)
        if not row.is_open:
            await reports.note_effect(tx, item, "returned", line=line.number)
            await _open_again(tx, row, line, item, means)


async def _open_again(tx: Transaction, row: Case, line: Line, item: Item, means: Means) -> None:
    await runs.change_line(tx, line.number, status=runs.RETURNED, because=f"{item.code} {item.words}")
    await cases.note(tx, row.id, f"payment returned by the bank: {item.code} {item.words.lower()}")
    because = f"The bank returned the payment: {item.words.lower()}."
    await next_attempt(tx, row, line, means, because=because, reason=item.code)
