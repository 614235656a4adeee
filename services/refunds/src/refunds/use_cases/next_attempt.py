"""A posted payment was not made after all: the case goes on as its next attempt, which first puts the credit back on the account.

The ledger posts one attempt at a case once, for good; a payment that has to be decided again is another attempt.
"""

from datetime import date
from typing import Any

from chassis.transaction import Transaction
from rentbook_contracts.refunds import CaseStatus, RefundCase, RefundReturned
from rentbook_contracts.workflows import REFUND_APPROVAL, refund_workflow_id

from refunds.domain.days import business_date
from refunds.domain.means import Means
from refunds.store import cases, policies
from refunds.store.cases import Case
from refunds.store.runs import Line


async def next_attempt(tx: Transaction, row: Case, line: Line, means: Means, *, because: str, reason: str) -> None:
    """Open the case's next attempt for a line that the bank did not pay. `because` is a sentence for people, `reason` a code."""
    returned = RefundReturned(
        case=row.id,
        account=row.account,
        attempt=line.attempt,
        amount_pence=line.amount_pence,
        reason=reason,
        journal=line.refund_journal,
    )
    await cases.tell(tx, row, returned)
    today = business_date(tx.now)
    await cases.change(tx, row.id, attempt=row.attempt + 1, status_note=because, **await _opened(tx, today, means))
    again = RefundCase(case=row.id, attempt=row.attempt + 1, account=row.account, returned=line.refund_journal, returned_reason=reason)
    await tx.start(REFUND_APPROVAL, again, workflow_id=refund_workflow_id(row.id, again.attempt))


async def _opened(tx: Transaction, today: date, means: Means) -> dict[str, Any]:
    policy = await policies.in_force(tx, today)
    return {
        "round": 0,
        "is_open": True,
        "status": CaseStatus.RETURNED,
        "run": None,
        "unlisted_since": None,
        "refund_journal": None,
        "decide_by": means.calendar.after(today, policy.returned_act_within_working_days),
        "pay_by": means.calendar.after(today, policy.pay_within_working_days),
    }
