"""When finance may sign a payment run: nobody who decided or took part in a case pays it (domain.md 4, check 9)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from approvals.domain.authority import Authority
from approvals.domain.eligibility import AboveYourLimit, DeciderMayNotRelease, ParticipantMayNotDecide, Participation, took_part
from approvals.domain.rules import ApprovalRule
from approvals.domain.words import pounds


class ReleaseIsForFinance(ApprovalRule):
    """The person's roles give no authority to sign a payment run."""


class LineNotReady(ApprovalRule):
    """A line of the run is not, or no longer, approved and waiting to be paid as it was shown."""


class TotalDiffers(ApprovalRule):
    """The total that was shown is not the sum of the lines."""


class NothingToRelease(ApprovalRule):
    """A run without lines."""


class ReleasedAlready(ApprovalRule):
    """An approval is released once: a payment that comes back is approved anew."""


class ApproverTookPart(ApprovalRule):
    """Somebody who approved a line has since taken part in its case: the approval no longer counts."""


@dataclass(frozen=True)
class ReleaseCase:
    """A payment as four eyes needs to know it. `deciders` answered it in this attempt, `approvers` are those whose answer stands.

    Whoever lent the authority for an answer counts with whoever gave it.
    """

    stands: bool
    released: bool
    participants: Sequence[Participation]
    deciders: frozenset[str]
    approvers: frozenset[str]


def release_objection(limit: Authority | None, roles: Collection[str], total_pence: int) -> ApprovalRule | None:
    """Why roles with this authority may not sign a run of this total; None where they may."""
    if limit is None or limit.role not in roles:
        return ReleaseIsForFinance("Releasing payments is for finance.")
    if not limit.covers(total_pence):
        assert limit.to_pence is not None
        return AboveYourLimit(f"{pounds(total_pence)} is above your {pounds(limit.to_pence)}.")
    return None


def line_objection(made: ReleaseCase | None, person: str, now: datetime) -> ApprovalRule | None:
    """Why this person may not release one payment; None where they may."""
    if made is None or not made.stands:
        return LineNotReady("The approval of a payment no longer stands. Open the page again to see what is ready.")
    if made.released:
        return ReleasedAlready("A payment was released already in another run. Open the page again.")
    did = took_part(made.participants, person, now)
    if did:
        return ParticipantMayNotDecide(f"{did}, so someone else must release its payment.")
    if person in made.deciders:
        return DeciderMayNotRelease("You decided this case, so someone else must release its payment.")
    if made.approvers & {one.person for one in made.participants}:
        return ApproverTookPart("Somebody who approved this has taken part in the case since, so it has to be approved anew.")
    return None
