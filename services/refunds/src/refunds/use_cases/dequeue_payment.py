"""An approved plan may no longer be paid: it leaves the list of payments."""

from chassis.transaction import Transaction
from rentbook_contracts.refunds import Dequeued, DequeuePayment

from refunds.store import cases, runs
from refunds.use_cases.case_work import at_attempt


async def dequeue_payment(tx: Transaction, asked: DequeuePayment) -> Dequeued:
    """Names the run that carries the line already, if finance was faster: the line's word is given there, and may be that it is posted.

    Errors: UnknownCase, AnotherAttempt.
    """
    row = await at_attempt(tx, asked.case, asked.attempt)
    if row.queued_hash == asked.content_hash:
        await cases.leave_queue(tx, row.id)
        await cases.left_unlisted(tx, row.id)
        await cases.note(tx, row.id, "no longer ready for payment")
    line = await runs.live_line(tx, row.id, row.attempt)
    carried = line is not None and line.content_hash == asked.content_hash
    return Dequeued(run=line.run if line is not None and carried else None)
