"""Wait for documents: the case says so on its page, and the workflow is told how long."""

from datetime import UTC, date, datetime, time

from chassis.transaction import Transaction
from rentbook_contracts.refunds import AwaitEvidence, CaseStatus, EvidenceTimers

from refunds.domain.checks import TITLES
from refunds.domain.means import LONDON, Means
from refunds.store import cases, policies
from refunds.use_cases.case_work import at_attempt

START_OF_WORK = time(9)


async def await_evidence(tx: Transaction, asked: AwaitEvidence, means: Means) -> EvidenceTimers:
    """Reminder and lapse at the start of work, Europe/London, so many working days from today as policy says."""
    row = await at_attempt(tx, asked.case, asked.attempt)
    today = tx.now.astimezone(LONDON).date()
    policy = await policies.in_force(tx, today)
    waiting = ", ".join(f"{number} {TITLES[number].lower()}" for number in asked.checks)
    await cases.change(tx, row.id, status=CaseStatus.WAITING_FOR_EVIDENCE, status_note=f"Waiting for an answer to check {waiting}.")
    await cases.note(tx, row.id, f"waiting for an answer to check {waiting}")
    return EvidenceTimers(
        remind_at=_start_of_work(means.calendar.after(today, policy.evidence_remind_working_days)),
        lapse_at=_start_of_work(means.calendar.after(today, policy.evidence_lapse_working_days)),
    )


def _start_of_work(day: date) -> datetime:
    return datetime.combine(day, START_OF_WORK, LONDON).astimezone(UTC)
