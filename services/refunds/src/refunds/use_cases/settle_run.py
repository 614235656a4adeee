"""The bank's last word on a run's file: its lines are paid, or come back to be decided and paid again."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import FileFate, RunStatus, SettleRun
from rentbook_contracts.workflows import PAYMENT_SETTLED, PaymentSettled, refund_workflow_id

from refunds.domain.rules import RefundRule
from refunds.store import cases, runs


class NotTheLastWord(RefundRule):
    """Only accepted and refused settle a run; an unknown fate is asked about."""


async def settle_run(tx: Transaction, told: SettleRun) -> Nothing:
    """Errors: NotTheLastWord, UnknownRun."""
    if told.fate not in (FileFate.ACCEPTED, FileFate.REFUSED):
        raise NotTheLastWord("The fate of this file is not settled.")
    paid = told.fate is FileFate.ACCEPTED
    run = await runs.locked(tx, told.run)
    if run.status not in (RunStatus.ACCEPTED, RunStatus.REFUSED):
        await runs.change(tx, run.id, RunStatus.ACCEPTED if paid else RunStatus.REFUSED)
    for line in await runs.lines_of(tx, run.id):
        if line.status == runs.POSTED:
            await runs.change_line(tx, line.number, status=runs.PAID if paid else runs.REFUSED)
            if not paid:
                await cases.change(tx, line.case_id, run=None, refund_journal=None)
            await cases.note(tx, line.case_id, "payment file accepted by the bank" if paid else "payment file refused by the bank")
            told_case = PaymentSettled(run=run.id, paid=paid)
            await tx.signal(refund_workflow_id(line.case_id, line.attempt), PAYMENT_SETTLED, told_case)
    return Nothing()
