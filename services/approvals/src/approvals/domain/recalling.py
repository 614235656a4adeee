"""When an approval may be taken back: until its payment is released, by whoever gave it, lent the authority, or could give it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rentbook_contracts.approvals import Answer

from approvals.domain.authority import Act, Authority, best_of
from approvals.domain.eligibility import Status
from approvals.domain.rules import ApprovalRule


class OnlyAnApprovalIsRecalled(ApprovalRule):
    """A declined or sent-back case is raised again instead."""


class AlreadyRecalled(ApprovalRule):
    """A decision is taken back once."""


class AlreadyReleased(ApprovalRule):
    """The payment has left: it can be stopped at the bank only."""


class TooLateToRecall(ApprovalRule):
    """The decision has been carried out, or has come to nothing."""


class RecallTheLaterStageFirst(ApprovalRule):
    """Decisions of a sequence are taken back from the last one."""


class NotYoursToRecall(ApprovalRule):
    """Neither the person's own decision nor one that they have the authority for."""


class RecallNotExplained(ApprovalRule):
    """A recall says why."""


@dataclass(frozen=True)
class Recallable:
    """A decision as a recall needs to know it. `on_behalf_of`: through whom its authority came."""

    answer: Answer
    decided_by: str
    on_behalf_of: tuple[str, ...]
    stage: int
    amount_pence: int
    status: Status
    recalled: bool
    released: bool
    highest_stage_decided: int


def recall_objection(made: Recallable, person: str, roles: Collection[str], authorities: Sequence[Authority]) -> ApprovalRule | None:
    """The first reason for which this person may not take the decision back now; None where they may."""
    if made.answer is not Answer.APPROVED:
        return OnlyAnApprovalIsRecalled("Only an approval can be recalled.")
    if made.recalled:
        return AlreadyRecalled("This approval was recalled already.")
    if made.released:
        return AlreadyReleased("Finance has released the payment, so the approval can no longer be recalled.")
    if made.status is not Status.DECIDED:
        return TooLateToRecall("This approval is no longer waiting to be carried out.")
    if made.highest_stage_decided > made.stage:
        return RecallTheLaterStageFirst("A later stage was decided: that decision has to be recalled first.")
    limit = best_of(authorities, Act.DECIDE, made.stage, roles)
    if person not in (made.decided_by, *made.on_behalf_of) and (limit is None or not limit.covers(made.amount_pence)):
        return NotYoursToRecall("Recalling this is for whoever approved it, or for someone who could have.")
    return None
