"""The ledger's word on a released line: posted, or not to be paid. The run waits for every line's word."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import DECIDED_JOURNALS, LIFT_HOLD_OF_CASE, JournalsAsked, LiftHoldOfCase
from rentbook_contracts.refunds import LinePosted, LineStands
from rentbook_contracts.workflows import RUN_LINE_SETTLED, RunLineSettled, payment_run_workflow_id

from refunds.domain.rules import RefundRule
from refunds.store import cases, runs
from refunds.store.cases import Case
from refunds.use_cases.case_work import at_attempt


class NotInThisRun(RefundRule):
    """The run carries no such line that waits."""


class NotInTheBooks(RefundRule):
    """A payment goes into the file only if the ledger has it."""


async def line_posted(tx: Transaction, told: LinePosted) -> LineStands:
    """A word that the line has already changes nothing; one that is to be dropped is paid where the ledger has posted it.

    Errors: NotInThisRun, NotInTheBooks, AnotherAttempt; Unanswered (ledger).
    """
    row = await at_attempt(tx, told.plan.case, told.plan.attempt)
    line = await runs.live_line(tx, row.id, row.attempt)
    if line is None or line.run != told.run or line.content_hash != told.plan.content_hash:
        raise NotInThisRun("This payment run does not wait for this line.")
    if line.status != runs.RELEASED and told.refund_journal in (None, line.refund_journal):
        return LineStands(refund_journal=line.refund_journal)
    if line.status != runs.RELEASED:
        raise NotInThisRun("This payment run does not wait for this line.")
    if told.refund_journal is None:
        return LineStands(refund_journal=await drop_line(tx, row, line, told.dropped_because or "Not posted."))
    await note_posted(tx, row, line, told.refund_journal)
    return LineStands(refund_journal=told.refund_journal)


async def drop_line(tx: Transaction, row: Case, line: runs.Line, because: str) -> UUID | None:
    """Take a released line out of its run, unless the ledger has posted it: it says so, or never posts it after.

    Gives back the journal of a line that is posted, and stays. The run is told of either. Errors: Unanswered (ledger).
    """
    lift = LiftHoldOfCase(case=row.id, attempt=line.attempt, run=line.run)
    # Each line asks by itself: an answer that was kept for an earlier one would say nothing of this one's earmark.
    posted = (await tx.command(LIFT_HOLD_OF_CASE, lift, form=f"drop/{line.number}")).refund_journal
    if posted is not None:
        await note_posted(tx, row, line, posted)
        return posted
    await runs.change_line(tx, line.number, status=runs.DROPPED, because=because)
    await cases.change(tx, row.id, run=None)
    await cases.left_unlisted(tx, row.id)
    await cases.note(tx, row.id, "dropped from the payment run")
    await _tell_run(tx, line)
    return None


async def note_posted(tx: Transaction, row: Case, line: runs.Line, journal: UUID) -> None:
    """A released line is in the books by this journal: tell the run. Errors: NotInTheBooks."""
    await _in_the_books(tx, line, journal)
    await runs.change_line(tx, line.number, status=runs.POSTED, refund_journal=journal)
    await cases.change(tx, row.id, refund_journal=journal)
    await cases.note(tx, row.id, "posted, ready for the payment file")
    await _tell_run(tx, line)


async def _tell_run(tx: Transaction, line: runs.Line) -> None:
    await tx.signal(payment_run_workflow_id(line.run), RUN_LINE_SETTLED, RunLineSettled(case=line.case_id))


async def _in_the_books(tx: Transaction, line: runs.Line, journal: UUID) -> None:
    """Whoever reaches Temporal could say it: the ledger itself is asked. Errors: NotInTheBooks."""
    told = await tx.ask(DECIDED_JOURNALS, JournalsAsked(journals=(journal,)))
    posted = [(one.journal, one.code, one.case, one.amount_pence) for one in told.journals if not one.undone]
    if posted != [(journal, "RDR", line.case_id, line.amount_pence)]:
        raise NotInTheBooks("The ledger has posted no such refund of this case.")
