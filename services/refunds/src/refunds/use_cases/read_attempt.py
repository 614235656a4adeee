"""What an attempt at a case begins with, as the rows have it: whoever reaches Temporal could start its story with other words."""

from chassis.transaction import Transaction
from rentbook_contracts.refunds import ReadCase, RefundCase

from refunds.store import runs
from refunds.store.runs import Line
from refunds.use_cases.case_work import at_attempt


async def read_attempt(tx: Transaction, asked: ReadCase) -> RefundCase:
    """With the payment of the attempt before, which was not made after all. Errors: UnknownCase, AnotherAttempt."""
    row = await at_attempt(tx, asked.case, asked.attempt)
    begins = RefundCase(case=row.id, attempt=row.attempt, account=row.account)
    before = await runs.released_line(tx, row.id, row.attempt - 1)
    if before is None:
        return begins
    return begins.model_copy(update={"returned": before.refund_journal, "returned_reason": _reason(before)})


def _reason(line: Line) -> str:
    """The bank's code, with which the words begin that are kept of a returned payment."""
    return "file refused" if line.status == runs.REFUSED else str(line.because).partition(" ")[0]
