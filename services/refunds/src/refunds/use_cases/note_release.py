"""Finance has released a payment run: its lines are taken off the list of payments, and each case is told (domain.md 4)."""

from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.approvals import PaymentRunReleased, ReleasedLine
from rentbook_contracts.ledger import LIFT_HOLD_OF_CASE, LiftHoldOfCase, RefundPlan
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
from refunds.use_cases.line_posted import note_posted


async def note_release(tx: Transaction, released: PaymentRunReleased) -> None:
    """A line whose plan is not on the list, because it was recalled, changed or paid since, is dropped and says so.

    The ledger hears of the release too, and never posts by that line after; what it has posted before is paid all the same.
    Errors: Unanswered (ledger), NotInTheBooks: heard again later.
    """
    await runs.add(tx, released)
    # In one order everywhere, so that two runs can not wait for each other.
    taken = [took for line in sorted(released.lines, key=lambda line: line.case) if (took := await _take(tx, released, line)) is not None]
    if not taken:
        await runs.change(tx, released.run, RunStatus.EMPTY, "No released line could be paid any more.")
        return
    run = PaymentRunCase(run=released.run, lines=len(taken))
    await tx.start(PAYMENT_RUN, run, workflow_id=payment_run_workflow_id(released.run))
    for took in taken:
        told = PaymentReleased(run=released.run, content_hash=took.line.content_hash)
        await tx.signal(refund_workflow_id(took.line.case, took.line.attempt), PAYMENT_RELEASED, told)
        if took.posted is not None:
            carried = await runs.live_line(tx, took.row.id, took.row.attempt)
            assert carried is not None, "it was just added"
            await note_posted(tx, took.row, carried, took.posted)


@dataclass(frozen=True)
class Taken:
    """A line that is to be paid, with its case. `posted`: the refund, where the ledger was faster."""

    line: ReleasedLine
    row: Case
    posted: UUID | None = None


async def _take(tx: Transaction, released: PaymentRunReleased, line: ReleasedLine) -> Taken | None:
    columns = {"run": released.run, "case_id": line.case, "attempt": line.attempt, "amount_pence": line.amount_pence}
    try:
        row = await cases.locked(tx, line.case)
    except cases.UnknownCase as unknown:
        await runs.add_line(tx, **columns, content_hash=line.content_hash, status=runs.DROPPED, because=unknown.message)
        return None
    plan = await _payable(tx, row, line)
    posted = None
    if plan is None or row.queued_hash != line.content_hash:
        posted = await _never_posted(tx, released.run, line)
    columns |= {"account": row.account, "content_hash": line.content_hash}
    if plan is None or (row.queued_hash != line.content_hash and posted is None):
        because = "Not, or no longer, approved for payment as it was released."
        await runs.add_line(tx, **columns, status=runs.DROPPED, because=because)
        await cases.note(tx, row.id, "released, but dropped from the payment run")
        return None
    await runs.add_line(tx, **columns, payee=plan.payee, status=runs.RELEASED)
    await cases.change(tx, row.id, status=CaseStatus.RELEASED, status_note="", run=released.run, unlisted_since=None)
    await cases.leave_queue(tx, row.id)
    await cases.note(tx, row.id, "released in a payment run")
    return Taken(line, row, posted)


async def _payable(tx: Transaction, row: Case, line: ReleasedLine) -> RefundPlan | None:
    """The plan that was released, if it is of this attempt and that amount, and is in no payment yet."""
    if not row.is_open or row.attempt != line.attempt or await runs.live_line(tx, row.id, row.attempt) is not None:
        return None
    stored = await checks.plan_of_hash(tx, row.id, line.content_hash)
    plan = RefundPlan.model_validate(stored.plan) if stored is not None else None
    return plan if plan is not None and plan.refund_pence == line.amount_pence else None


async def _never_posted(tx: Transaction, run: UUID, line: ReleasedLine) -> UUID | None:
    """The journal by which the ledger, which hears of this release too, has posted it; it does not post by it after.

    Its earmark stays: it may be that of another line, or of what is decided next.
    """
    told = LiftHoldOfCase(case=line.case, attempt=line.attempt, run=run, lifts=False)
    answer = await tx.command(LIFT_HOLD_OF_CASE, told, form=f"drop/{run}/{line.case}/{line.attempt}")
    return answer.refund_journal
