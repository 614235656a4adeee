"""The ledger's word on a released line: posted, or not to be paid. The run waits for every line's word."""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import DECIDED_JOURNALS, JournalsAsked, RefundPlan
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import LinePosted
from rentbook_contracts.workflows import RUN_LINE_SETTLED, RunLineSettled, payment_run_workflow_id

from refunds.domain.rules import RefundRule
from refunds.store import cases, runs
from refunds.store.cases import Case
from refunds.use_cases.case_work import at_attempt


class NotInThisRun(RefundRule):
    """The run carries no such line that waits."""


class NotInTheBooks(RefundRule):
    """A payment goes into the file only if the ledger has it."""


async def line_posted(tx: Transaction, told: LinePosted) -> Nothing:
    """A word that the line has already changes nothing. Errors: NotInThisRun, NotInTheBooks, AnotherAttempt; Unanswered (ledger)."""
    row = await at_attempt(tx, told.plan.case, told.plan.attempt)
    line = await runs.live_line(tx, row.id, row.attempt)
    if line is None or line.run != told.run or line.content_hash != told.plan.content_hash:
        raise NotInThisRun("This payment run does not wait for this line.")
    if told.refund_journal is not None and line.refund_journal == told.refund_journal:
        return Nothing()
    if line.status != runs.RELEASED:
        raise NotInThisRun("This payment run does not wait for this line.")
    if told.refund_journal is None:
        await drop_line(tx, row, line, told.dropped_because or "Not posted.")
    else:
        await _in_the_books(tx, told.plan, told.refund_journal)
        await note_posted(tx, row, line, told.refund_journal)
    return Nothing()


async def drop_line(tx: Transaction, row: Case, line: runs.Line, because: str) -> None:
    """Take a released line out of its run, and tell the run."""
    await runs.change_line(tx, line.number, status=runs.DROPPED, because=because)
    await cases.change(tx, row.id, run=None)
    await cases.note(tx, row.id, "dropped from the payment run")
    await _tell_run(tx, line)


async def note_posted(tx: Transaction, row: Case, line: runs.Line, journal: UUID) -> None:
    """A released line is in the books by this journal: tell the run."""
    await runs.change_line(tx, line.number, status=runs.POSTED, refund_journal=journal)
    await cases.change(tx, row.id, refund_journal=journal)
    await cases.note(tx, row.id, "posted, ready for the payment file")
    await _tell_run(tx, line)


async def _tell_run(tx: Transaction, line: runs.Line) -> None:
    await tx.signal(payment_run_workflow_id(line.run), RUN_LINE_SETTLED, RunLineSettled(case=line.case_id))


async def _in_the_books(tx: Transaction, plan: RefundPlan, journal: UUID) -> None:
    """Whoever reaches Temporal could say it: the ledger itself is asked. Errors: NotInTheBooks."""
    told = await tx.ask(DECIDED_JOURNALS, JournalsAsked(journals=(journal,)))
    posted = [(one.journal, one.code, one.case, one.amount_pence) for one in told.journals if not one.undone]
    if posted != [(journal, "RDR", plan.case, plan.refund_pence)]:
        raise NotInTheBooks("The ledger has posted no such refund of this case.")
