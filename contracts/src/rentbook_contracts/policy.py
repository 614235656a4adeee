"""What every policy has in common that one person proposes and another checks: what is said of it, and the rules by which it is refused.

What a policy says, and what is wrong with that, stands with the service that owns it.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from rentbook_contracts.operation import BrokenRule, Message
from rentbook_contracts.people import Role

MAKES_POLICY = frozenset({Role.INCOME_MANAGER, Role.HEAD_OF_SERVICE, Role.FINANCE, Role.S151_OFFICER})
"""Who proposes and checks policy. Not left to policy, or one could name its own makers."""

WHO_MAKES_POLICY = "Proposing and checking policy is for managers, finance and the s151 officer."
"""What anybody else is told."""


class PolicyAnswer(StrEnum):
    """What another person says to a proposal, or its maker's withdrawal."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class PolicyProposal(Message):
    """That somebody proposed a policy, and what became of it; `answer` None waits for a checker."""

    proposal: UUID
    proposed_by: str
    proposed_at: datetime
    answer: PolicyAnswer | None = None
    checked_by: str | None = None
    checked_at: datetime | None = None
    text: str | None = None


class PolicyProposed(Message):
    proposal: UUID


class CheckPolicy(Message):
    """`text` is needed to refuse and to withdraw. Only the maker withdraws; only others accept or refuse.

    `base`: the version that it was shown beside, which is in force until its day; whoever accepts names it.
    """

    proposal: UUID
    answer: PolicyAnswer
    text: str = Field(default="", max_length=2000)
    base: str | None = None


class InForceTooSoon(BrokenRule):
    """A policy comes into force on a later day, so that nobody proposes or decides under one that changes under their hands."""


class DayTaken(BrokenRule):
    """One policy of a kind comes into force on a day."""


class NoSuchPolicyProposal(BrokenRule):
    """No proposal for a policy has this id."""


class AnsweredAlready(BrokenRule):
    """A proposal for a policy is accepted, refused or withdrawn once."""


class MakerIsNotChecker(BrokenRule):
    """Whoever proposed a policy does not check it."""


class OnlyTheMakerWithdraws(BrokenRule):
    """A proposal for a policy is withdrawn by whoever made it; others accept or refuse it."""


class CheckNotExplained(BrokenRule):
    """A refusal or a withdrawal says why."""


class AnotherBase(BrokenRule):
    """A proposal is accepted beside the version that it was shown beside, or what was changed meanwhile would be undone unseen."""


def objection_to_day(day: date, taken: Collection[date], today: date) -> BrokenRule | None:
    """Why a policy can't come into force on a day, for whoever proposes it; `taken` are the days of the others of its kind."""
    if day <= today:
        return InForceTooSoon("A policy comes into force tomorrow or later.", field="in_force_from")
    if day in taken:
        return DayTaken("Another policy comes into force on that day.", field="in_force_from")
    return None


def objection_to_answer(
    told: CheckPolicy, known: PolicyProposal | None, person: str, day: date | None, laid: Mapping[date, str], today: date
) -> BrokenRule | None:
    """Why a person can't answer a proposal so; None where they may. `day`: from which what is proposed would be in force. `laid`: the
    versions by the days from which they are.
    """
    if known is None or day is None:
        return NoSuchPolicyProposal("There is no such proposal.")
    if known.answer is not None:
        return AnsweredAlready("This proposal was answered already.")
    if told.answer is not PolicyAnswer.ACCEPTED and not told.text.strip():
        return CheckNotExplained("Write down why.", field="check_text")
    mine = known.proposed_by == person
    if told.answer is PolicyAnswer.WITHDRAWN:
        return None if mine else OnlyTheMakerWithdraws("Only whoever made a proposal withdraws it.")
    if mine:
        return MakerIsNotChecker("You proposed this, so someone else must check it.")
    if told.answer is PolicyAnswer.REFUSED:
        return None
    if day <= today:
        return InForceTooSoon("Its day has come. Have it proposed anew, from a later day.")
    if day in laid:
        return DayTaken("Another policy comes into force on that day.")
    base = laid.get(max((one for one in laid if one < day), default=day))
    if told.base != base:
        return AnotherBase("Another policy was laid down meanwhile. See what changes beside that one, and answer anew.")
    return None
