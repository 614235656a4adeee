"""An approved plan may be taken into a payment run."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseStatus, QueuePayment

from refunds.domain.rules import RefundRule
from refunds.store import cases, checks, runs
from refunds.use_cases.case_work import at_attempt
from refunds.use_cases.decided import decision_on


class NothingToPay(RefundRule):
    """A plan that only offsets goes into no payment run."""


class NotTheLatestPlan(RefundRule):
    """A later round has made another plan, or none."""


class AlreadyOnItsWay(RefundRule):
    """A payment that is in a run, or was paid, is not queued again."""


async def queue_payment(tx: Transaction, asked: QueuePayment) -> Nothing:
    """A plan whose approval does not stand, because it was recalled meanwhile or never made, is not queued; its story hears of a recall.

    Errors: NothingToPay, NotTheLatestPlan, AlreadyOnItsWay, AnotherAttempt; Unanswered (approvals).
    """
    row = await at_attempt(tx, asked.plan.case, asked.plan.attempt)
    latest = await checks.latest_plan(tx, row.id)
    if latest is None or latest.content_hash != asked.plan.content_hash:
        raise NotTheLatestPlan("A later round of checks has made another plan.")
    if asked.plan.refund_pence == 0 or asked.plan.payee is None:
        raise NothingToPay("This plan pays nothing out.")
    if await runs.live_line(tx, row.id, row.attempt) is not None:
        raise AlreadyOnItsWay("This payment is in a payment run already.")
    made = await decision_on(tx, row)
    if made is None or (made.decision, made.content_hash, made.completes) != (asked.decision, asked.plan.content_hash, True):
        await cases.left_unlisted(tx, row.id)
        return Nothing()
    queued = {"queued_hash": asked.plan.content_hash, "queued_decision": asked.decision, "queued_at": tx.now, "unlisted_since": None}
    await cases.change(tx, row.id, status=CaseStatus.APPROVED, status_note="", run=None, **queued)
    await cases.note(tx, row.id, "approved, ready for a payment run")
    return Nothing()
