"""The council's evidence ladder and timers, dated (domain.md 5.2 and 5.3). Figures are data: `data/policy`."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from rentbook_contracts.ledger import AccountKind
from rentbook_contracts.money import PositivePence
from rentbook_contracts.notices import LadderLetter
from rentbook_contracts.writeoffs import EvidenceKind, Reason

from writeoffs.domain.rules import WriteOffRule

Count = Annotated[int, Field(strict=True, ge=0, le=3660)]

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


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Proven(_Figures):
    """One way to climb a rung: so many proofs of a kind, from so many different sources, and so much time gone since.

    `quiet_days` and `quiet_months` run from the first of the proofs that are needed, `last_quiet_days` from the last of them, all without
    an answer or a contact since the first. `after_months` runs from the last that is needed, whatever was heard.

    `letter`: what is written, so often as proofs are needed, `apart_days` between; None where nothing is written by itself.
    """

    proof: EvidenceKind
    at_least: Count = 1
    sources: Count = 0
    quiet_days: Count = 0
    quiet_months: Count = 0
    last_quiet_days: Count = 0
    after_months: Count = 0
    letter: LadderLetter | None = None
    apart_days: Count = 0

    @property
    def reply_within_days(self) -> int:
        """What a letter says of the time for a reply; 0 where it names no day."""
        return self.quiet_days if self.at_least == 1 else min(self.quiet_days, self.apart_days)

    @model_validator(mode="after")
    def shows_what_its_letter_is(self) -> "Proven":
        if self.letter is not None and self.proof is not PROOF_OF[self.letter]:
            raise ValueError("a letter is evidence of its own sending")
        return self


class Rung(_Figures):
    """What is wanted, in words, and the ways to show it; one is enough."""

    wanted: str = Field(min_length=1, max_length=200)
    any_of: tuple[Proven, ...] = Field(min_length=1)


class Ladder(_Figures):
    """What a reason asks for, for what is owed between two amounts, both within. `kinds` narrows it to accounts of these kinds."""

    reason: Reason
    from_pence: PositivePence = 1
    to_pence: PositivePence | None = None
    kinds: tuple[AccountKind, ...] = ()
    rungs: tuple[Rung, ...]

    def is_for(self, reason: Reason, owed_pence: int, kind: AccountKind) -> bool:
        within = self.from_pence <= owed_pence and (self.to_pence is None or owed_pence <= self.to_pence)
        return self.reason is reason and within and (not self.kinds or kind in self.kinds)


class WriteOffPolicy(_Figures):
    """One dated row of policy.

    `discharging`: reasons by which the law releases the debtor, so that the debt is never put back. `unclaimed_after_years`: how old a
    credit is before it may go to income. `look_again_days`: how often what blocks a proposal is looked at without an event;
    `remind_after_days`: when somebody is reminded that evidence is wanted.
    """

    version: str
    council: str
    source: str
    in_force_from: date
    made_by: str
    checked_by: str
    limitation_years: Count
    unclaimed_after_years: Count
    look_again_days: Count
    remind_after_days: Count
    discharging: tuple[Reason, ...]
    ladders: tuple[Ladder, ...]

    @model_validator(mode="after")
    def has_a_maker_and_a_checker(self) -> "WriteOffPolicy":
        if self.made_by == self.checked_by:
            raise ValueError("policy has a maker and a checker")
        return self


def policy_at(policies: Iterable[WriteOffPolicy], day: date) -> WriteOffPolicy:
    """The policy in force on a Europe/London day. Errors: NoPolicyInForce."""
    in_force = [policy for policy in policies if policy.in_force_from <= day]
    if not in_force:
        raise NoPolicyInForce("No policy on write-offs is in force on this day.")
    return max(in_force, key=lambda policy: policy.in_force_from)


def ladder_for(policy: WriteOffPolicy, reason: Reason, owed_pence: int, kind: AccountKind) -> Ladder:
    """The first ladder of the policy that fits. Errors: NoLadder."""
    for ladder in policy.ladders:
        if ladder.is_for(reason, owed_pence, kind):
            return ladder
    raise NoLadder("The policy in force does not write off a debt of this amount for this reason.", field="reason")


def read_policy(told: dict[str, Any]) -> WriteOffPolicy:
    return WriteOffPolicy.model_validate(told)
