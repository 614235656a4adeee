"""What happened to a case, whoever tells it: refunds, the tasks, the decisions on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rentbook_contracts.approvals import Answer
from rentbook_contracts.refunds import CasePage

from approvals.domain.eligibility import Status
from approvals.queries import DecisionShown, EventShown, History, TaskPage
from approvals.web.wording import said

EVENTS = {
    "opened": "the task was opened",
    "claimed": "claimed",
    "claim-released": "the claim was released",
    "assigned": "assigned",
    "reminded": "the desk reminded of it",
    "escalated": "escalated",
    "closed": "the decision was carried out",
    "not-carried-out": "the decision was not carried out",
    "void": "the task came to nothing",
    "recalled": "the approval was recalled",
}


OF_AN_APPROVAL = frozenset({"approved", "approved, ready for a payment run"})
"""How refunds notes that it heard of an approval."""

OF_A_RELEASE = frozenset({"released", "released in a payment run"})
"""How refunds notes that it heard of a release."""


@dataclass(frozen=True)
class Told:
    """A line of the story."""

    at: datetime
    by: str
    what: str
    note: str = ""


def story(history: History, case: CasePage | None) -> list[Told]:
    """All that is known of a case, newest first. Without `case` the part that refunds tells is missing."""
    tasks = [Told(event.at, event.person, _event_words(event), event.note or "") for event in history.events]
    made = [Told(one.decided_at, one.decided_by, decision_words(one), one.text) for one in history.decisions]
    released = [Told(one.released_at, one.released_by, "finance released the payment run") for one in history.releases]
    known = _told_here(history)
    told = [Told(event.at, event.by, event.what, event.note) for event in case.events if event.what not in known] if case else []
    return sorted([*tasks, *made, *released, *told], key=lambda one: one.at, reverse=True)


def changed_since(told: Sequence[Told], task: TaskPage, person: str) -> list[Told]:
    """What others did since the person last looked at an open task."""
    since = task.last_seen_at if task.row.status is Status.OPEN else None
    return [one for one in told if since and one.at > since and one.by != person]


def _told_here(history: History) -> frozenset[str]:
    """What refunds notes of a decision or a release is not told again where approvals, whose rows they are, tells who made it and when."""
    approved = any(made.answer is Answer.APPROVED for made in history.decisions)
    return (OF_AN_APPROVAL if approved else frozenset()) | (OF_A_RELEASE if history.releases else frozenset())


def decision_words(made: DecisionShown, body: str | None = None) -> str:
    """Which decision of its round it is, and its answer. `body`: whose answer was recorded, where it is not the decider's."""
    turn = f"decision {made.stage} of {made.stages}" if made.stages > 1 else "decision"
    lent = f", by authority of {' through '.join(made.on_behalf_of)}" if made.on_behalf_of else ""
    return f"{turn}: {said(made.answer)}{f' by {body}, recorded here' if body else ''}{lent}"


def _event_words(event: EventShown) -> str:
    words = EVENTS.get(event.what, said(event.what))
    return f"{words} to {event.whom_name}" if event.whom_name else words
