"""What a case's rows say, for a story that was told of something: it believes them, and never the signal."""

from chassis.transaction import Transaction
from rentbook_contracts.refunds import CaseStands, CaseStatus, PaymentStands, ReadCase

from refunds.store import cases, runs

BANKS_LAST_WORD = {runs.PAID: True, runs.RETURNED: True, runs.REFUSED: False}


async def read_case(tx: Transaction, asked: ReadCase) -> CaseStands:
    """A later attempt has its own story: of an earlier one only the payment is told. Errors: UnknownCase."""
    row = await cases.read(tx, asked.case)
    line = await runs.released_line(tx, asked.case, asked.attempt)
    payment = (
        PaymentStands(run=line.run, content_hash=line.content_hash, paid=BANKS_LAST_WORD.get(line.status)) if line is not None else None
    )
    if row.attempt != asked.attempt:
        return CaseStands(payment=payment)
    return CaseStands(
        changed=row.changes > row.changes_in_round,
        resubmitted=row.status != CaseStatus.SENT_BACK,
        withdrawn=row.withdrawn_attempt == asked.attempt,
        payment=payment,
    )
