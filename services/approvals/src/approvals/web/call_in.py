"""Where a schedule of write-offs stands, as the pages of what is on it say it; and of a decision that waits out its call-in whose it is,
and on which day it is posted unless it is called in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from rentbook_contracts.approvals import Answer
from rentbook_contracts.writeoffs import SCHEDULES, SchedulesAsked, ScheduleStatus

from approvals import queries
from approvals.domain.words import role_words
from approvals.queries import History, MinuteShown
from approvals.web.schedule_words import STATUS_WORDS
from approvals.web.visit import Visit
from approvals.web.wording import listed


@dataclass(frozen=True)
class CallIn:
    """`whose`: the body with its minute, or the person with their role. `until`: the day on which it is posted."""

    whose: str
    until: date


@dataclass(frozen=True)
class OnSchedule:
    """Where a schedule stands, in words. `call_in`: what it waits for, where it waits out its call-in."""

    words: str
    call_in: CallIn | None


async def on_schedule(visit: Visit, schedule: UUID) -> OnSchedule | None:
    """None where writeoffs does not say; it is named on the page then."""
    found = await visit.ask_or_name(SCHEDULES, SchedulesAsked(schedules=(schedule,)), "where a schedule of write-offs stands")
    if found is None or not found.schedules:
        return None
    status = found.schedules[0].status
    return OnSchedule(STATUS_WORDS[status], call_in_of(*await decided(visit, schedule)) if status is ScheduleStatus.CALL_IN else None)


async def decided(visit: Visit, schedule: UUID) -> tuple[History, dict[UUID, MinuteShown | None]]:
    """What approvals knows of a schedule, the oldest first, and the minute of each of its decisions that has one."""
    history = await visit.own(lambda tx: queries.history_of_case(tx, schedule))
    minutes = {one.decision: await visit.own(partial(queries.minute_of, decision_id=one.decision)) for one in history.decisions}
    return history, minutes


def call_in_of(history: History, minutes: Mapping[UUID, MinuteShown | None]) -> CallIn | None:
    """For what the newest round that was decided waits; None where none of its approvals stands."""
    newest = max((one.round for one in history.decisions), default=0)
    stand = [
        (one.carried_out_from, one)
        for one in history.decisions
        if one.round == newest and one.answer is Answer.APPROVED and one.recalled_at is None and one.carried_out_from is not None
    ]
    if not stand:
        return None
    until, last = max(stand, key=lambda pair: (pair[0], pair[1].stage))
    minute = minutes.get(last.decision)
    by = f"{last.decided_by_name}, {listed([role_words(one) for one in last.roles])}"
    return CallIn(f"{minute.body}, minute {minute.reference}" if minute else by, until)
