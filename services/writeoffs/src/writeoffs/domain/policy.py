"""The council's evidence ladder and timers, dated (domain.md 5.2 and 5.3). Figures are data: `data/policy`."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any

from pydantic import ConfigDict, Field, model_validator
from rentbook_contracts.ledger import AccountKind
from rentbook_contracts.notices import LadderLetter
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.policy import objection_to_day
from rentbook_contracts.writeoffs import EvidenceKind, EvidenceLadder, EvidencePolicy, EvidenceRung, EvidenceWay, Reason

from writeoffs.domain.money import pounds
from writeoffs.domain.rules import WriteOffRule

PROOF_OF: Mapping[LadderLetter, EvidenceKind] = {
    LadderLetter.DEBT: EvidenceKind.LETTER_SENT,
    LadderLetter.ESTATE_DEBT: EvidenceKind.LETTER_SENT,
    LadderLetter.UNCLAIMED_CREDIT: EvidenceKind.RETURN_ATTEMPT,
}
"""What a letter shows once it was sent."""


class NoPolicyInForce(WriteOffRule):
    """No policy is in force on the day."""


class NoLadder(WriteOffRule):
    """The policy in force has no ladder for this reason and amount."""


class Proven(EvidenceWay):
    """A way up a rung."""

    model_config = ConfigDict(extra="forbid")

    @property
    def reply_within_days(self) -> int:
        """What a letter says of the time for a reply; 0 where it names no day."""
        return self.quiet_days if self.at_least == 1 else min(self.quiet_days, self.apart_days)

    @model_validator(mode="after")
    def shows_what_its_letter_is(self) -> "Proven":
        if self.letter is not None and self.proof is not PROOF_OF[self.letter]:
            raise ValueError("a letter is evidence of its own sending")
        return self


class Rung(EvidenceRung):
    """What is wanted, and the ways to show it."""

    model_config = ConfigDict(extra="forbid")

    any_of: tuple[Proven, ...] = Field(min_length=1)


class Ladder(EvidenceLadder):
    """What a reason asks for, for what is owed between two amounts."""

    model_config = ConfigDict(extra="forbid")

    rungs: tuple[Rung, ...]

    @model_validator(mode="before")
    @classmethod
    def traced_is_found(cls, told: Any) -> Any:
        """Policies of when a trace said nothing of its result ask for one where somebody was *traced*: they mean one that found them."""
        if not isinstance(told, dict) or told.get("reason") != Reason.TRACED:
            return told
        rungs = [{**rung, "any_of": [_found(way) for way in rung["any_of"]]} for rung in told.get("rungs", ())]
        return {**told, "rungs": rungs}

    def is_for(self, reason: Reason, owed_pence: int, kind: AccountKind) -> bool:
        within = self.from_pence <= owed_pence and (self.to_pence is None or owed_pence <= self.to_pence)
        return self.reason is reason and within and (not self.kinds or kind in self.kinds)


def _found(way: dict[str, Any]) -> dict[str, Any]:
    return {**way, "proof": EvidenceKind.FOUND.value} if way["proof"] == EvidenceKind.TRACE else way


class WriteOffPolicy(EvidencePolicy):
    """One dated row of policy."""

    model_config = ConfigDict(extra="forbid")

    version: str
    council: str
    made_by: str
    checked_by: str
    ladders: tuple[Ladder, ...]

    @model_validator(mode="after")
    def has_a_maker_and_a_checker(self) -> "WriteOffPolicy":
        if self.made_by == self.checked_by:
            raise ValueError("policy has a maker and a checker")
        return self

    @property
    def figures(self) -> EvidencePolicy:
        """What a further policy begins with."""
        return EvidencePolicy.model_validate(self.model_dump(exclude={"version", "council", "made_by", "checked_by"}))


class PolicyIncomplete(WriteOffRule):
    """The ladders of a reason follow each other by amount, and a letter is evidence of its own sending."""


def complaint_about(asked: EvidencePolicy, in_force_from: Collection[date], today: date) -> BrokenRule | None:
    """What is wrong with a policy that is proposed, if anything; `field` names the field of the form."""
    refused = objection_to_day(asked.in_force_from, in_force_from, today)
    if refused is not None:
        return refused
    if not asked.ladders:
        return PolicyIncomplete("A policy says for at least one reason what it asks for.")
    for at, ladder in enumerate(asked.ladders):
        if ladder.to_pence is not None and ladder.to_pence < ladder.from_pence:
            return PolicyIncomplete("The upper amount lies below the lower one.", field=f"to-{at}")
        for before in asked.ladders[:at]:
            if before.reason is ladder.reason and _meet(before, ladder):
                return PolicyIncomplete("Two rows of this reason are about the same amount.", field=f"from-{at}")
    if any(way.letter and way.proof is not PROOF_OF[way.letter] for one in asked.ladders for rung in one.rungs for way in rung.any_of):
        return PolicyIncomplete("A letter is evidence of its own sending, and of nothing else.")
    return None


def _meet(one: EvidenceLadder, other: EvidenceLadder) -> bool:
    if one.kinds and other.kinds and not set(one.kinds) & set(other.kinds):
        return False
    return (one.to_pence is None or other.from_pence <= one.to_pence) and (other.to_pence is None or one.from_pence <= other.to_pence)


def policy_at(policies: Iterable[WriteOffPolicy], day: date) -> WriteOffPolicy:
    """The policy in force on a Europe/London day. Errors: NoPolicyInForce."""
    in_force = [policy for policy in policies if policy.in_force_from <= day]
    if not in_force:
        raise NoPolicyInForce("No policy on write-offs is in force on this day.")
    return max(in_force, key=lambda policy: policy.in_force_from)


TO_PUT_BACK = frozenset({Reason.TRACED, Reason.PAYING, Reason.CHARGE_UNDONE, Reason.APPLIES_FOR_HOUSING})
"""Of a debt that was written off."""

_ASKED_FOR_AS = {Reason.CHARGE_UNDONE: Reason.PAYING}
"""Of what a policy may say nothing: once both had one name, and either is shown by the credit that there is."""


def ladder_for(policy: WriteOffPolicy, reason: Reason, owed_pence: int, kind: AccountKind) -> Ladder:
    """The first ladder of the policy that fits. Errors: NoLadder."""
    for asked in (reason, _ASKED_FOR_AS.get(reason, reason)):
        for ladder in policy.ladders:
            if ladder.is_for(asked, owed_pence, kind):
                return ladder
    raise NoLadder(_why_none(policy, reason, kind), field="reason")


def _why_none(policy: WriteOffPolicy, reason: Reason, kind: AccountKind) -> str:
    """With the amounts that it is for, so that nobody has to guess where the line runs."""
    others = [one for one in policy.ladders if one.reason is reason and (not one.kinds or kind in one.kinds)]
    if not others:
        if reason in TO_PUT_BACK:
            asked = reason.value.replace("-", " ")
            return f"The policy in force does not say what is asked for to put a debt back as “{asked}”: lay that down first, under Policy."
        return "The policy in force does not write off such a debt for this reason."
    within = ", or ".join(
        f"from {pounds(one.from_pence)}" + (f" to {pounds(one.to_pence)}" if one.to_pence is not None else "") for one in others
    )
    return f"The policy in force writes off a debt for this reason only {within}, over all accounts of the debtor."


def read_policy(told: dict[str, Any]) -> WriteOffPolicy:
    return WriteOffPolicy.model_validate(told)
