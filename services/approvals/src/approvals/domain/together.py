"""Deciding many green tasks together: caps, a random few opened first, and who it is asked again (desk.md)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rentbook_contracts.words import counted

from approvals.domain.authority import Policy
from approvals.domain.rules import ApprovalRule
from approvals.domain.words import pounds

FRESH = timedelta(minutes=5)
"""How long an answer of the sign-in to *who is it* counts."""

SIGNATURE_HOLDS = timedelta(minutes=30)
"""How long lines are decided on one signature: long enough to go on after servers were away, not on another day."""


class NothingTogether(ApprovalRule):
    """Something is chosen."""


class NotGreen(ApprovalRule):
    """Only what is in the green lane is decided together."""


class AboveTheCaps(ApprovalRule):
    """Policy caps how many are decided together, and of what value."""


class OpenSomeFirst(ApprovalRule):
    """A random few are looked at one by one before all are decided."""


class SignInAgain(ApprovalRule):
    """Whoever decides many at once has just signed in."""


class NotYourSelection(ApprovalRule):
    """A selection is decided by whoever made it."""


class NoSuchSelection(ApprovalRule):
    """No selection has this id."""


class SignatureTooOld(ApprovalRule):
    """Lines are decided soon after somebody has signed for them."""


class StandsStill(ApprovalRule):
    """A case whose workflow does not run is decided once that does: nothing would carry the decision out."""


class LineChanged(ApprovalRule):
    """What was shown of a line has changed."""


class LeftAlone(ApprovalRule):
    """No more is approved than was signed for."""


@dataclass(frozen=True)
class Line:
    """A task as it was shown in the selection. `opened_first`: it has to be looked at by itself; `opened`: it was, since then."""

    task: UUID
    case: UUID
    account: UUID
    content_hash: str
    amount_pence: int
    opened_first: bool
    opened: bool
    decision: UUID | None
    refused: str | None

    @property
    def done(self) -> bool:
        return self.decision is not None or self.refused is not None


@dataclass(frozen=True)
class Selection:
    """What somebody chose to decide together, and when they signed for it."""

    id: UUID
    person: str
    made_at: datetime
    signed_at: datetime | None
    lines: tuple[Line, ...]

    @property
    def total_pence(self) -> int:
        return sum(line.amount_pence for line in self.lines)


def caps_objection(in_force: Policy, amounts: Sequence[int]) -> ApprovalRule | None:
    """Why these amounts may not be decided together under the policy in force; None where they may."""
    if not amounts:
        return NothingTogether("Choose at least one task.", field="task")
    if len(amounts) > in_force.bulk_most_lines:
        most = counted(in_force.bulk_most_lines, "task")
        return AboveTheCaps(f"At most {most} may be decided together; you chose {len(amounts)}.", field="task")
    if sum(amounts) > in_force.bulk_most_pence:
        most = pounds(in_force.bulk_most_pence)
        return AboveTheCaps(f"At most {most} is decided together; you chose {pounds(sum(amounts))}.", field="task")
    return None


def signing_objection(chosen: Selection, person: str, authenticated_at: datetime | None, now: datetime) -> ApprovalRule | None:
    """Why this person may not sign for the selection now; None where they may."""
    if chosen.person != person:
        return NotYourSelection("A colleague made this selection. Make your own.")
    unopened = [line for line in chosen.lines if line.opened_first and not line.opened]
    if unopened:
        return OpenSomeFirst(f"Open the {len(unopened)} that are marked first.")
    if not fresh(authenticated_at, now):
        return SignInAgain("Sign in again first.")
    return None


def fresh(authenticated_at: datetime | None, now: datetime) -> bool:
    """Whether the sign-in has just asked who it is."""
    return authenticated_at is not None and now - authenticated_at <= FRESH


def signature_holds(signed_at: datetime, now: datetime) -> bool:
    """Whether lines are still decided on a signature of that moment, UTC."""
    return now - signed_at <= SIGNATURE_HOLDS


def chosen_to_open(tasks: Collection[UUID], how_many: int, shuffled: Sequence[UUID]) -> frozenset[UUID]:
    """The tasks that have to be opened: as many as policy says, the first of a shuffle."""
    assert set(shuffled) == set(tasks)
    return frozenset(shuffled[:how_many])
