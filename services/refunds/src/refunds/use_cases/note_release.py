"""Finance has released a payment run: its lines are taken off the list of payments, and each case is told (domain.md 4)."""

from chassis.transaction import Transaction
from rentbook_contracts.approvals import PaymentRunReleased, ReleasedLine
from rentbook_contracts.ledger import RefundPlan
from rentbook_contracts.refunds import CaseStatus, PaymentRunCase, RunStatus
from rentbook_contracts.workflows import (
    PAYMENT_RELEASED,
    PAYMENT_RUN,
    PaymentReleased,
    payment_run_workflow_id,
    refund_workflow_id,
)

from refunds.store import cases, checks, runs
from refunds.store.cases import Case


async def note_release(tx: Transaction, released: PaymentRunReleased) -> None:
    """A line whose plan is not on the list, because it was recalled, changed or paid since, is dropped and says so."""
    await runs.add(tx, released)
    # In one order everywhere, so that two runs can not wait for each other.
    taken = [line for line in sorted(released.lines, key=lambda line: line.case) if await _take(tx, released, line)]
    if not taken:
        await runs.change(tx, released.run, RunStatus.EMPTY, "No released line could be paid any more.")
        return
    run = PaymentRunCase(run=released.run, lines=len(taken))
    await tx.start(PAYMENT_RUN, run, workflow_id=payment_run_workflow_id(released.run))
    for line in taken:
        told = PaymentReleased(run=released.run, content_hash=line.content_hash)
        await tx.signal(refund_workflow_id(line.case, line.attempt), PAYMENT_RELEASED, told)


async def _take(tx: Transaction, released: PaymentRunReleased, line: ReleasedLine) -> bool:
    columns = {"run": released.run, "case_id": line.case, "attempt": line.attempt, "amount_pence": line.amount_pence}
    try:
        row = await cases.locked(tx, line.case)
    except cases.UnknownCase as unknown:
        await runs.add_line(tx, **columns, content_hash=line.content_hash, status=runs.DROPPED, because=unknown.message)
        return False
    plan = await _queued_plan(tx, row, line)
    columns |= {"account": row.account, "content_hash": line.content_hash}
    if plan is None:
        because = "Not, or no longer, approved for payment as it was released."
        await runs.add_line(tx, **columns, status=runs.DROPPED, because=because)
        await cases.note(tx, row.id, "released, but dropped from the payment run")
        return False
    await runs.add_line(tx, **columns, payee=plan.payee, status=runs.RELEASED)
    await cases.change(tx, row.id, status=CaseStatus.RELEASED, status_note="", run=released.run)
    await cases.leave_queue(tx, row.id)
    await cases.note(tx, row.id, "released in a payment run")
    return True


async def _queued_plan(tx: Transaction, row: Case, line: ReleasedLine) -> RefundPlan | None:
    """The plan that is on the list, if the released line is this very plan."""
    if row.attempt != line.attempt or row.queued_hash != line.content_hash or await runs.live_line(tx, row.id, row.attempt) is not None:
        return None
    stored = await checks.plan_of_hash(tx, row.id, line.content_hash)
    plan = RefundPlan.model_validate(stored.plan) if stored is not None else None
    return plan if plan is not None and plan.refund_pence == line.amount_pence else None
