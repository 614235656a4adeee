"""When somebody is reminded of a proposal, and when it stands before a manager: time reminds, then it escalates, and it never decides."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from rentbook_contracts.writeoffs import Reminders

from writeoffs.domain.assessment import Assessment, Passing
from writeoffs.domain.policy import WriteOffPolicy


class EventKind(StrEnum):
    """What an entry of a proposal's history is. CHANGE: something happened to it, so that it waits anew."""

    CHANGE = "change"
    STANDING = "standing"
    REMINDER = "reminder"


@dataclass(frozen=True)
class Waited:
    """Since which day nothing has happened to a proposal, and the reminders since: how many, and the day of the last."""

    since: date
    times: int = 0
    last_on: date | None = None


def waits_for_a_person(found: Assessment) -> bool:
    """Whether somebody has to do something. What only needs its time, or a letter that is written by itself, reminds nobody.

    Nor does what is wanted beside a block that only passes: it is of no use before that has passed.
    """
    if found.ready:
        return False
    if found.blocked:
        return not all(isinstance(block, Passing) for block in found.blocked)
    wanted = [rung for rung in found.rungs if not rung.met and rung.from_on is None]
    by_itself = found.letter is not None and not found.address_missing
    return len(wanted) > int(by_itself)


def next_reminder(waited: Waited, policy: WriteOffPolicy) -> date:
    """The day of the first reminder, or of the next."""
    return (waited.last_on or waited.since) + timedelta(days=policy.remind_after_days)


def reminders(waited: Waited, policy: WriteOffPolicy) -> Reminders | None:
    """What is said of them; None where there was none."""
    if waited.last_on is None:
        return None
    return Reminders(times=waited.times, last_on=waited.last_on, escalated=waited.times >= policy.escalate_after_reminders)
