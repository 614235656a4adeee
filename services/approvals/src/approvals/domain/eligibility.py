"""Why a person may not decide a task or sign a payment run: the same sentence on the page and in the use case.

The database has the last word: its triggers refuse the same, whatever was said here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rentbook_contracts.people import Role

from approvals.domain.authority import Act, Authority
from approvals.domain.delegation import Lent, Mandate, mandates
from approvals.domain.rules import ApprovalRule
from approvals.domain.words import a_role, pounds, when

READS_ONLY = frozenset({Role.AUDITOR})
"""Roles that see everything and change nothing."""


class Status(StrEnum):
    """OPEN waits for a person. DECIDED is being carried out. VOID: the case went on without a decision on it."""

    OPEN = "OPEN"
    DECIDED = "DECIDED"
    CARRIED_OUT = "CARRIED_OUT"
    NOT_CARRIED_OUT = "NOT_CARRIED_OUT"
    VOID = "VOID"


class Part(StrEnum):
    """What makes a person a participant of a case (domain.md 4, check 9)."""

    RAISED = "raised"
    EDITED = "edited"
    EVIDENCE = "evidence"
    PAYEE = "payee"
    RESUBMITTED = "resubmitted"
    WITHDREW = "withdrew"
    LEDGER = "ledger"
    CASE = "case"


_WHAT_YOU_DID: Mapping[str, str] = {
    Part.RAISED: "You raised this case",
    Part.EDITED: "You changed this case",
    Part.EVIDENCE: "You added evidence",
    Part.PAYEE: "You entered the payee’s bank details",
    Part.RESUBMITTED: "You answered the question it was sent back with",
    Part.WITHDREW: "You withdrew this case",
    Part.LEDGER: "You had a hand in an entry behind the credit or the debt, or in a hold, a plan or a note on an account of the same "
    "people, as was seen",
    Part.CASE: "You took part in this case, or in another about the same people, as was seen",
}


class ParticipantMayNotDecide(ApprovalRule):
    """Whoever took part in a case never decides it, and never releases its payment."""


class ParticipantLendsNoAuthority(ApprovalRule):
    """Nobody decides by the authority of a participant: a participant would choose who decides their own case."""


class DecidedAnEarlierStage(ApprovalRule):
    """Each stage of a round is decided by another person, and by another person's authority."""


class EarlierApproverTookPart(ApprovalRule):
    """Somebody who approved an earlier stage has since taken part in the case: that approval no longer counts."""


class AboveYourLimit(ApprovalRule):
    """The amount is above what the person's roles may decide."""


class NotYourStage(ApprovalRule):
    """The stage asks for another role."""


class AuthorityChanged(ApprovalRule):
    """The table of authority changed while the page was open."""


class AlreadyDecided(ApprovalRule):
    """A task is decided once."""


class TaskClosed(ApprovalRule):
    """The task no longer waits for a decision."""


class EarlierStageFirst(ApprovalRule):
    """The stages are decided in their order."""


class ContentChanged(ApprovalRule):
    """What was shown is not what the task is about."""


class ClaimedByColleague(ApprovalRule):
    """Somebody has claimed the task for a while."""


class ReadsOnly(ApprovalRule):
    """An auditor sees everything and changes nothing."""


class DeciderMayNotRelease(ApprovalRule):
    """Whoever decided a case does not release its payment."""


class DeciderMayNotTakePart(ApprovalRule):
    """Whoever approved a case that is being carried out does not change it."""


@dataclass(frozen=True)
class Participation:
    person: str
    why: str
    at: datetime


@dataclass(frozen=True)
class Answered:
    """A decision that stands, as far as four eyes needs it. `on_behalf_of`: through whom its authority came."""

    stage: int
    decided_by: str
    answer: str
    decided_at: datetime
    on_behalf_of: tuple[str, ...] = ()

    @property
    def people(self) -> frozenset[str]:
        return frozenset({self.decided_by, *self.on_behalf_of})


@dataclass(frozen=True)
class Standing:
    """What is known of a task when somebody wants to decide it.

    `answered` are the decisions of its round that stand; `lent` are the delegations in force, whosever they are.
    """

    stage: int
    amount_pence: int
    status: Status
    authorities: tuple[Authority, ...]
    participants: Sequence[Participation]
    answered: Sequence[Answered] = ()
    lent: Sequence[Lent] = ()
    claimed_by: str | None = None
    claim_expires_at: datetime | None = None
    because: str | None = None

    def unclaimed(self) -> "Standing":
        """The same task, as if nobody had claimed it: for asking whether somebody might be given it."""
        return replace(self, claimed_by=None, claim_expires_at=None)


def objection(task: Standing, person: str, roles: Collection[str], now: datetime) -> ApprovalRule | None:
    """The first reason for which this person may not decide the task now; None where they may."""
    return (
        _state_objects(task, person, now)
        or _person_objects(task, person, roles, now)
        or _authority_objects(task, person, roles)
        or _claim_objects(task, person, now)
    )


def objections(task: Standing, person: str, roles: Collection[str], now: datetime) -> list[ApprovalRule]:
    """Every reason for which this person may not decide the task now, the first as `objection` has it."""
    state = _state_objects(task, person, now)
    if state:
        return [state]
    mine = _person_objects(task, person, roles, now)
    found = [mine, None if isinstance(mine, ReadsOnly) else _authority_objects(task, person, roles), _claim_objects(task, person, now)]
    return [one for one in found if one is not None]


def why_not(task: Standing, person: str, roles: Collection[str], now: datetime) -> str | None:
    """The sentence beside a disabled answer; None where the person may decide."""
    refused = objection(task, person, roles, now)
    return refused.message if refused else None


def took_part(participants: Sequence[Participation], person: str, now: datetime) -> str | None:
    """What the person did first on the case: *You added evidence on 3 May*; None where they took no part."""
    mine = sorted((one for one in participants if one.person == person), key=lambda one: (one.why in (Part.LEDGER, Part.CASE), one.at))
    if not mine:
        return None
    did = _WHAT_YOU_DID.get(mine[0].why, _WHAT_YOU_DID[Part.CASE])
    # Who raised it is heard when the first task opens, later than they did.
    return did if mine[0].why == Part.RAISED else f"{did} {when(mine[0].at, now)}"


def _state_objects(task: Standing, person: str, now: datetime) -> ApprovalRule | None:
    if task.status is Status.OPEN:
        return None
    mine = [one for one in task.answered if one.stage == task.stage]
    if task.status is Status.DECIDED and mine:
        who = "You" if mine[0].decided_by == person else "A colleague"
        done = {"approved": "approved this", "declined": "declined this", "sent-back": "sent this back"}[mine[0].answer]
        return AlreadyDecided(f"{who} {done} {when(mine[0].decided_at, now)}.")
    return TaskClosed(f"This no longer waits for a decision{': ' + task.because if task.because else ''}.")


def _person_objects(task: Standing, person: str, roles: Collection[str], now: datetime) -> ApprovalRule | None:
    if set(roles) <= READS_ONLY:
        return ReadsOnly("An auditor reads everything and decides nothing.")
    did = took_part(task.participants, person, now)
    if did:
        return ParticipantMayNotDecide(f"{did}, so someone else must decide.")
    earlier = [one for one in task.answered if one.stage < task.stage]
    mine = [one for one in earlier if person in one.people]
    if mine:
        done = "You approved" if mine[0].decided_by == person else "Your authority approved"
        return DecidedAnEarlierStage(f"{done} the earlier stage {when(mine[0].decided_at, now)}, so someone else must decide this one.")
    return None


def mandate_for(task: Standing, person: str, roles: Collection[str]) -> Mandate | None:
    """The authority by which the person may decide the task: their own where it is enough, else the shortest chain; None without."""
    found = mandates(task.authorities, Act.DECIDE, task.stage, person, roles, task.lent)
    return next((one for one in found if one.covers(task.amount_pence) and _lent_freely(task, one)), None)


def _lent_freely(task: Standing, mandate: Mandate) -> bool:
    """Whether nobody through whom the authority came took part in the case or answered an earlier stage of it."""
    taken = {one.person for one in task.participants}
    taken = taken.union(*(one.people for one in task.answered if one.stage < task.stage))
    return taken.isdisjoint(mandate.on_behalf_of)


def _authority_objects(task: Standing, person: str, roles: Collection[str]) -> ApprovalRule | None:
    if mandate_for(task, person, roles) is not None:
        return None
    found = mandates(task.authorities, Act.DECIDE, task.stage, person, roles, task.lent)
    if not found:
        wanted = [row for row in task.authorities if row.act is Act.DECIDE and row.stage == task.stage and row.asks_for(task.amount_pence)]
        who = a_role(wanted[0].role) if wanted else "another role"
        return NotYourStage(f"Deciding this is for {who}.")
    if any(one.covers(task.amount_pence) for one in found):
        return ParticipantLendsNoAuthority(
            "Whoever lent you their authority took part in this case or decided an earlier stage of it, so someone else must decide."
        )
    return AboveYourLimit(f"{pounds(task.amount_pence)} is above your {pounds(max(one.limit_pence or 0 for one in found))}.")


def _claim_objects(task: Standing, person: str, now: datetime) -> ApprovalRule | None:
    if task.claimed_by in (None, person) or task.claim_expires_at is None or task.claim_expires_at <= now:
        return None
    return ClaimedByColleague(f"A colleague has claimed this; the claim ends {when(task.claim_expires_at, now)}.")
