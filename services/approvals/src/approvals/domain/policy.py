"""A policy that is proposed: whether it is whole, and whose limit it raises."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.policy import InForceTooSoon

from approvals.domain.authority import Act, Authority, Policy
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import Kind

MOST_WORKING_DAYS = 250
MOST_CLAIM_MINUTES = 24 * 60
MOST_CALL_IN_DAYS = 30
MOST_UNUSED_DAYS = 1000
MOST_BULK_LINES = 100
"""Each line of a bulk decision is a decision of its own with its transaction."""


class NotForYouToMake(ApprovalRule):
    """Policy is proposed and checked by managers and finance."""


class RaisesYourOwnLimit(ApprovalRule):
    """Neither the maker nor the checker of a policy gains by it."""


class NoSuchProposal(ApprovalRule):
    """No proposal has this id."""


class PolicyIncomplete(ApprovalRule):
    """Each amount has one role at each stage that it needs, and somebody releases what is approved."""


@dataclass(frozen=True)
class Band:
    """A row of the table as it is proposed, with the meaning of `Authority`. `to_pence` None is without a limit."""

    act: Act
    stage: int
    role: str
    from_pence: int
    to_pence: int | None
    body: str | None = None
    call_in_working_days: int = 0


@dataclass(frozen=True)
class ProposedPolicy:
    """What shall be in force for a kind of task from a day on. Working days, minutes and pence as named.

    `unused_after_days`: after how many days without a sign-in a person is asked about.
    """

    kind: str
    in_force_from: date
    decide_within_working_days: int
    remind_after_working_days: int
    escalate_after_working_days: int
    claim_minutes: int
    bulk_most_lines: int
    bulk_most_pence: int
    bulk_opened_first: int
    unused_after_days: int
    source: str
    bands: tuple[Band, ...]


def complaint_about_policy(asked: ProposedPolicy, before: Iterable[Authority], today: date) -> BrokenRule | None:
    """What is wrong with a proposal that follows a table, if anything; `field` names the field of the form."""
    if asked.in_force_from <= today:
        return InForceTooSoon("A policy comes into force tomorrow or later.", field="in_force_from")
    days = (asked.remind_after_working_days, asked.decide_within_working_days, asked.escalate_after_working_days)
    if list(days) != sorted(days):
        return PolicyIncomplete("Time reminds first, then the target passes, then it escalates.", field="remind_after")
    if not asked.source:
        return PolicyIncomplete("Say where this was decided, such as the minute of a meeting.", field="source")
    if asked.kind != Kind.WRITE_OFF and any(band.body or band.call_in_working_days for band in asked.bands):
        return PolicyIncomplete("Bodies and call-in are for write-offs.", field="part-1")
    if asked.kind == Kind.WRITE_OFF and any(band.act is Act.RELEASE for band in asked.bands):
        return PolicyIncomplete("A write-off pays nobody, so nobody releases it. Take that row out.", field="part-1")
    if any(row.act is Act.RELEASE for row in before) and not any(band.act is Act.RELEASE for band in asked.bands):
        return PolicyIncomplete("Nobody would release what is approved. Add a row for it.", field="part-1")
    return _complaint_about_bands(asked.bands)


def _complaint_about_bands(bands: Sequence[Band]) -> ApprovalRule | None:
    keys = [(band.act, band.stage, band.role) for band in bands]
    if len(set(keys)) != len(keys):
        return PolicyIncomplete("A role has one limit at a stage. Take out the row that says it again.", field="part-1")
    if any(band.to_pence is not None and band.to_pence < band.from_pence for band in bands):
        return PolicyIncomplete("A limit lies below the amount from which its role is asked.", field="part-1")
    stages: dict[int, list[Band]] = {}
    for band in bands:
        if band.act is Act.DECIDE:
            stages.setdefault(band.stage, []).append(band)
    if sorted(stages) != list(range(1, len(stages) + 1)) or not stages:
        return PolicyIncomplete("The decisions of an amount come one after the other: a first, a second, a third.", field="part-1")
    for stage, of_stage in sorted(stages.items()):
        if not _gapless(sorted(of_stage, key=lambda band: band.from_pence), from_the_first_penny=stage == 1):
            return PolicyIncomplete(
                "The amounts of each decision follow each other without a gap or an overlap, from £0.01 on, and the last has no limit.",
                field="part-1",
            )
    return None


def _gapless(bands: Sequence[Band], *, from_the_first_penny: bool) -> bool:
    starts = bands[0].from_pence == 1 or not from_the_first_penny
    follow = all(one.to_pence is not None and after.from_pence == one.to_pence + 1 for one, after in pairwise(bands))
    return starts and follow and bands[-1].to_pence is None


def raised_roles(kind: str, before: Iterable[Authority], bands: Sequence[Band]) -> frozenset[str]:
    """The roles that gain: a higher limit or a new part, or an amount within their limit that needs fewer decisions than before.

    Of write-offs also: a body's minute that is not needed any more, a shorter call-in, or an amount from lower on, since in a sequence
    nobody higher stands in.
    """
    old = {(row.act, row.stage, row.role): row for row in before}
    was, will = _decides(old.values()), _decides(bands)
    fewer = [amount for amount in _edges([*was, *will]) if 0 < _stages(will, amount) < _stages(was, amount)]
    return frozenset(
        band.role
        for band in bands
        if (band.act, band.stage, band.role) not in old
        or _gains(kind, old[(band.act, band.stage, band.role)], band)
        or (band.act is Act.DECIDE and any(band.to_pence is None or amount <= band.to_pence for amount in fewer))
    )


def _gains(kind: str, was: Authority, will: Band) -> bool:
    return (
        _higher(will.to_pence, was.to_pence)
        or (was.body is not None and will.body != was.body)
        or will.call_in_working_days < was.call_in_working_days
        or (kind == Kind.WRITE_OFF and will.from_pence < was.from_pence)
    )


def _decides(bands: Iterable[Authority | Band]) -> list[Authority | Band]:
    return [band for band in bands if band.act is Act.DECIDE]


def _edges(bands: Iterable[Authority | Band]) -> set[int]:
    """The amounts at which the number of decisions may change."""
    return {edge for band in bands for edge in (band.from_pence, (band.to_pence or 0) + 1)}


def _stages(bands: Iterable[Authority | Band], amount: int) -> int:
    asked = [band.stage for band in bands if band.from_pence <= amount and (band.to_pence is None or amount <= band.to_pence)]
    return max(asked, default=0)


def _higher(new: int | None, old: int | None) -> bool:
    return old is not None and (new is None or new > old)


def in_force_before(versions: Iterable[Policy], day: date) -> Policy | None:
    """The policy that is in force until the day before; None where there is none."""
    earlier = [one for one in versions if one.in_force_from < day]
    return max(earlier, key=lambda one: one.in_force_from, default=None)
