"""How the desk says where proposals, schedules and their lines stand, and why: what writeoffs tells in codes, as words."""

import re
from collections.abc import Iterable, Mapping

from rentbook_contracts.approvals import Answer
from rentbook_contracts.writeoffs import ProposalEvent, ProposalStatus, ScheduleStatus

from approvals.domain.reasons import SCHEDULE_REASONS
from approvals.domain.scheduling import EXCEPTION_REASONS
from approvals.web.story import Told
from approvals.web.wording import said, sentence

STATUS_WORDS: Mapping[ScheduleStatus, str] = {
    ScheduleStatus.WITH_APPROVER: "With whoever decides",
    ScheduleStatus.SENT_BACK: "Sent back with a question",
    ScheduleStatus.CALL_IN: "Decided, in its call-in time",
    ScheduleStatus.POSTING: "Being posted",
    ScheduleStatus.POSTED: "Posted",
    ScheduleStatus.DECLINED: "Declined",
    ScheduleStatus.WITHDRAWN: "Withdrawn",
    ScheduleStatus.EMPTY: "No line was left",
}

_PROPOSAL_WORDS: Mapping[ProposalStatus, str] = {
    ProposalStatus.GATHERING: "Evidence is being gathered",
    ProposalStatus.READY: "Ready for a schedule",
    ProposalStatus.ON_SCHEDULE: "On a schedule",
}

STANDINGS: Mapping[str, str] = {
    "listed": "Listed",
    "excepted": "Left out",
    "dropped": "Dropped",
    "posting": "Being posted",
    "posted": "Posted",
    "declined": "Declined",
    "taken-off": "Taken off",
}
"""Where a line of a schedule stands."""

_STANDS = {
    **{status.value: words for status, words in STATUS_WORDS.items()},
    **{status.value: words for status, words in _PROPOSAL_WORDS.items()},
}

_REASONS: Mapping[str, str] = {
    **EXCEPTION_REASONS,
    **SCHEDULE_REASONS[Answer.APPROVED],
    **SCHEDULE_REASONS[Answer.DECLINED],
    "other": "Another reason, in the words of the decision",
}

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def because(told: str) -> str:
    """Why it stands where it does: a coded reason in words; what is told in words stays as it is."""
    if told in _REASONS:
        return _REASONS[told]
    return sentence(said(told) if _CODE.fullmatch(told) else told)


def events_told(events: Iterable[ProposalEvent]) -> list[Told]:
    """What happened to a proposal or a schedule, newest first."""
    return [Told(event.at, event.by, _what(event.what), _note(event)) for event in events][::-1]


def beside_the_task(events: Iterable[ProposalEvent]) -> list[Told]:
    """What a task does not tell of its schedule by itself, newest first: the answer to a question, and lines that went."""
    return events_told(event for event in events if not event.what.startswith("now "))


def _what(what: str) -> str:
    about, _, code = what.partition(": ")
    if code:
        return f"{about}: {said(code)}"
    stands = what.removeprefix("now ")
    if stands == what:
        return what
    return _STANDS.get(stands, said(stands))


def _note(event: ProposalEvent) -> str:
    """A person's own words stay as they typed them."""
    return because(event.note) if event.note and event.by == "system" else event.note
