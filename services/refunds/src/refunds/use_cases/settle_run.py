"""The bank's last word on a run's file: its lines are paid, or come back to be decided and paid again."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import FileFate, RunStatus, SettleRun
from rentbook_contracts.workflows import PAYMENT_SETTLED, PaymentSettled, refund_workflow_id

from refunds.domain.means import Means
from refunds.domain.rules import RefundRule
from refunds.store import cases, runs
from refunds.store.runs import Line
from refunds.use_cases.next_attempt import next_attempt


class NotTheLastWord(RefundRule):
    """Only accepted and refused settle a run, as the bank itself has said of its file; an unknown fate is asked about."""


async def settle_run(tx: Transaction, told: SettleRun, means: Means) -> Nothing:
    """Errors: NotTheLastWord, UnknownRun."""
    if told.fate not in (FileFate.ACCEPTED, FileFate.REFUSED):
        raise NotTheLastWord("The fate of this file is not settled.")
    paid = told.fate is FileFate.ACCEPTED
    run = await runs.locked(tx, told.run)
    # Whoever reaches Temporal could say it: a payment that the bank took must not be decided and paid again.
    if await runs.last_word(tx, run.id) != told.fate:
        raise NotTheLastWord("The bank has not said that of this run's file.")
    if run.status not in (RunStatus.ACCEPTED, RunStatus.REFUSED):
        await runs.change(tx, run.id, RunStatus.ACCEPTED if paid else RunStatus.REFUSED)
    for line in await runs.lines_of(tx, run.id):
        if line.status == runs.POSTED:
            await _settle(tx, line, means, paid=paid)
    return Nothing()


async def _settle(tx: Transaction, line: Line, means: Means, *, paid: bool) -> None:
    """The attempt's workflow hears the bank's word and ends; a refused payment goes on as the case's next attempt."""
    row = await cases.locked(tx, line.case_id)
    await runs.change_line(tx, line.number, status=runs.PAID if paid else runs.REFUSED)
    await cases.note(tx, line.case_id, "payment file accepted by the bank" if paid else "payment file refused by the bank")
    await tx.signal(refund_workflow_id(line.case_id, line.attempt), PAYMENT_SETTLED, PaymentSettled(run=line.run, paid=paid))
    if not paid and row.attempt == line.attempt:
        await next_attempt(tx, row, line, means, because="The bank refused the payment file.", reason="file refused")
