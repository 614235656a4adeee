"""What every story that asks for a decision has in common: the one open question, and how long anybody waits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from uuid import UUID

    from rentbook_contracts.approvals import Decision, DecisionTaken


@dataclass(frozen=True)
class Asked:
    """The one question that is open: a decision counts only if it answers this.

    The task has no id here until approvals has said that it opened it, and people may be faster than that answer.
    """

    task: UUID | None
    round: int
    content_hash: str

    def answered_by(self, answer: DecisionTaken | Decision) -> bool:
        return self.task in (None, answer.task) and (self.round, self.content_hash) == (answer.round, answer.content_hash)


@dataclass(frozen=True)
class Again:
    """The round is over without an outcome: go round again, because."""

    because: str


async def until(condition: Callable[[], bool], when: datetime | None) -> bool:
    """True when the condition holds, False when the time came first. Times are UTC instants."""
    timeout = None if when is None else max(when - workflow.now(), timedelta())
    try:
        await workflow.wait_condition(condition, timeout=timeout)
    except TimeoutError:
        return False
    return True


def morning_of(day: date) -> datetime:
    """08:00 UTC, which in Europe/London is the start of that business day, or an hour into it in summer."""
    return datetime.combine(day, time(8), tzinfo=UTC)
