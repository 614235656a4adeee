"""Wait for documents: the case says so on its page, and the workflow is told how long."""

from datetime import UTC, date, datetime, time, timedelta

from chassis.transaction import Transaction
from rentbook_contracts.refunds import AwaitEvidence, CaseStatus, EvidenceTimers

from refunds.domain.checks import TITLES
from refunds.domain.days import LONDON, business_date
from refunds.domain.means import Means
from refunds.domain.plan import notices_run_until, plan_refund
from refunds.domain.policy import RefundPolicy
from refunds.store import cases, policies
from refunds.store.cases import Case
from refunds.use_cases.case_work import at_attempt
from refunds.use_cases.gather import gather

START_OF_WORK = time(9)
OTHER_DEBTS = 4


async def await_evidence(tx: Transaction, asked: AwaitEvidence, means: Means) -> EvidenceTimers:
    """Reminder and lapse at the start of work, Europe/London, so many working days from today as policy says.

    Where debts wait for the days of their opt-out notices, the case is looked at on the day after the last.
    Errors: AnotherAttempt, Unanswered.
    """
    row = await at_attempt(tx, asked.case, asked.attempt)
    today = business_date(tx.now)
    policy = await policies.in_force(tx, today)
    waiting = ", ".join(f"{number} {TITLES[number].lower()}" for number in asked.checks)
    await cases.change(tx, row.id, status=CaseStatus.WAITING_FOR_EVIDENCE, status_note=f"Waiting for an answer to check {waiting}.")
    await cases.note(tx, row.id, f"waiting for an answer to check {waiting}")
    return EvidenceTimers(
        remind_at=_start_of_work(means.calendar.after(today, policy.evidence_remind_working_days)),
        lapse_at=_start_of_work(means.calendar.after(today, policy.evidence_lapse_working_days)),
        look_again_at=await _after_the_notices(tx, row, policy, today, means) if OTHER_DEBTS in asked.checks else None,
    )


async def _after_the_notices(tx: Transaction, row: Case, policy: RefundPolicy, today: date, means: Means) -> datetime | None:
    facts = await gather(tx, row, policy, means)
    until = notices_run_until(plan_refund(facts.ledger, facts.wishes, policy, today), facts.wishes, policy)
    return _start_of_work(until + timedelta(days=1)) if until is not None else None


def _start_of_work(day: date) -> datetime:
    return datetime.combine(day, START_OF_WORK, LONDON).astimezone(UTC)
