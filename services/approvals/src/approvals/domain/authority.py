"""Who may decide what, up to which amount: dated policy of a council (domain.md 4, check 9)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from rentbook_contracts.people import OF_AN_OFFICE

from approvals.domain.rules import ApprovalRule


class Act(StrEnum):
    """DECIDE: answer a task. RELEASE: sign a payment run; its limit is on the run's total."""

    DECIDE = "decide"
    RELEASE = "release"


@dataclass(frozen=True)
class Authority:
    """The role that a band of amounts asks for at a stage. Both edges are within the band; `to_pence` None has no upper edge.

    The upper edge is the role's limit: an officer may act on anything smaller too. `body`: the role records what this body decided, with
    its minute. `call_in_working_days`: how long such a decision may be called in before it is carried out.
    """

    id: int
    act: Act
    stage: int
    role: str
    from_pence: int
    to_pence: int | None
    body: str | None = None
    call_in_working_days: int = 0

    def asks_for(self, amount_pence: int) -> bool:
        return self.from_pence <= amount_pence and self.covers(amount_pence)

    def covers(self, amount_pence: int) -> bool:
        return self.to_pence is None or amount_pence <= self.to_pence

    @property
    def is_of_an_office(self) -> bool:
        """Whether it is a member's or a body's: of write-offs they decide what they are asked, and nothing smaller."""
        return self.role in OF_AN_OFFICE or self.body is not None

    def may_go_to(self, roles: Collection[str]) -> bool:
        """Whether somebody of these roles may decide by it for another. A member is consulted beside an officer, or decides above all of
        them (domain.md 5.1): an officer who stood in for the member would decide alone what is for two sides, and nobody but its
        recorder answers for what a body decided.
        """
        return self.role in roles or not self.is_of_an_office


@dataclass(frozen=True)
class Policy:
    """What a council has laid down for one kind of task from `in_force_from` on. Working days, minutes and pence as named.

    A bulk decision has at most `bulk_most_lines` of at most `bulk_most_pence` together, of which `bulk_opened_first` are opened first.
    After `unused_after_days` without a sign-in a person is asked about.
    """

    id: str
    council: str
    kind: str
    in_force_from: date
    decide_within_working_days: int
    remind_after_working_days: int
    escalate_after_working_days: int
    claim_minutes: int
    source: str
    made_by: str
    checked_by: str
    made_at: datetime
    bulk_most_lines: int
    bulk_most_pence: int
    bulk_opened_first: int
    unused_after_days: int
    authorities: tuple[Authority, ...]


class NoAuthorityForAmount(ApprovalRule):
    """The policy in force names nobody who may decide this amount."""


class NoPolicyInForce(ApprovalRule):
    """No policy has come into force for this kind of task."""


def stages_for(authorities: Iterable[Authority], amount_pence: int) -> tuple[str, ...]:
    """The roles that an amount asks for, stage by stage. Errors: NoAuthorityForAmount where a stage is missing."""
    bands = {band.stage: band.role for band in authorities if band.act is Act.DECIDE and band.asks_for(amount_pence)}
    if not bands or sorted(bands) != list(range(1, len(bands) + 1)):
        raise NoAuthorityForAmount("The table of authority in force names nobody for this amount. Ask whoever keeps the policy.")
    return tuple(bands[stage] for stage in sorted(bands))


def covers_to(authorities: Iterable[Authority], amount_pence: int) -> int | None:
    """The highest amount that asks for the same sequence of decisions as this one; None where there is no upper edge."""
    bands = [band for band in authorities if band.act is Act.DECIDE]
    ends = (band.to_pence for band in bands if band.asks_for(amount_pence) and band.to_pence is not None)
    # A further stage that begins above, as a full council's after the cabinet's, is another sequence.
    begins = (band.from_pence - 1 for band in bands if band.from_pence > amount_pence)
    return min((*ends, *begins), default=None)


def covers_to_under(tables: Iterable[Sequence[Authority]], amount_pence: int) -> int | None:
    """The same of a round whose stages were decided by these tables: each decided as far as its own goes."""
    ends = (covers_to(authorities, amount_pence) for authorities in tables)
    return min((end for end in ends if end is not None), default=None)


def in_turn(authorities: Sequence[Authority], amount_pence: int) -> tuple[Authority, ...]:
    """The rows by which an amount may be decided, where the table consults members and bodies (domain.md 5.1).

    Where several decide in sequence, each stage is its own role's: nobody higher stands in for whoever has to be consulted. Where one
    decides, a higher officer may too, but no member and no body: what they decide waits out a call-in, beside an officer's advice.
    """
    wanted = [band for band in authorities if band.act is Act.DECIDE and band.asks_for(amount_pence)]
    if max((band.stage for band in wanted), default=1) > 1:
        return tuple(wanted)
    return tuple(band for band in authorities if not band.is_of_an_office or band.from_pence <= amount_pence)


def best_of(authorities: Iterable[Authority], act: Act, stage: int, roles: Collection[str]) -> Authority | None:
    """The row that gives these roles the most at a stage; None where they have no part in it."""
    mine = [row for row in authorities if row.act is act and row.stage == stage and row.role in roles]
    return max(mine, key=_reach, default=None)


def next_above(authorities: Sequence[Authority], stage: int, role: str) -> str:
    """The role to which a task of this stage escalates: the next higher limit at the stage, or the role itself at the top."""
    at_stage = sorted((row for row in authorities if row.act is Act.DECIDE and row.stage == stage), key=_reach)
    roles = [row.role for row in at_stage]
    above = roles[roles.index(role) + 1 :] if role in roles else []
    return above[0] if above else role


def _reach(row: Authority) -> tuple[bool, int]:
    return (row.to_pence is None, row.to_pence or 0)
