"""A policy that is proposed: whether it is whole, and whose limit it raises."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.people import OF_AN_OFFICE
from rentbook_contracts.policy import InForceTooSoon

from approvals.domain.authority import Act, Authority, Policy
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import Kind
from approvals.domain.words import in_words, pounds, role_words

MOST_WORKING_DAYS = 250
MOST_CLAIM_MINUTES = 24 * 60
MOST_CALL_IN_DAYS = 30
MOST_UNUSED_DAYS = 1000
MOST_DAYS_AHEAD = 366
"""What is laid down bounds what is laid down before it: one of a mistyped year would do so until then."""
MOST_BULK_LINES = 100
"""Each line of a bulk decision is a decision of its own with its transaction."""


class NotForYouToMake(ApprovalRule):
    """Policy is proposed and checked by managers, finance and the s151 officer."""


class RaisesYourOwnLimit(ApprovalRule):
    """Neither the maker nor the checker of a policy gains by it."""


class NoSuchProposal(ApprovalRule):
    """No proposal has this id."""


class TooFarAhead(ApprovalRule):
    """A policy comes into force within a year."""


class GainOfALater(ApprovalRule):
    """Whoever made or checked a policy that is laid down gains nothing by it after one that is laid down before it."""


class AnotherBase(ApprovalRule):
    """What a policy is compared with, or what its draft began with, is no longer what comes before it."""


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
    """What is wrong with a proposal that follows a table, if anything. `field` names the field of the form; of a row of the table by its
    place among the bands, as in *to-3* for the limit of the third.
    """
    if asked.in_force_from <= today:
        return InForceTooSoon("A policy comes into force tomorrow or later.", field="in_force_from")
    far = too_far_ahead(asked.in_force_from, today)
    if far is not None:
        return far
    days = (asked.remind_after_working_days, asked.decide_within_working_days, asked.escalate_after_working_days)
    if list(days) != sorted(days):
        return PolicyIncomplete("Time reminds first, then the target passes, then it escalates.", field="remind_after")
    if not asked.source:
        return PolicyIncomplete("Say where this was decided, such as the minute of a meeting.", field="source")
    rows = list(enumerate(asked.bands, start=1))
    for row, band in rows:
        if asked.kind != Kind.WRITE_OFF and (band.body or band.call_in_working_days):
            return PolicyIncomplete("Bodies and call-in are for write-offs.", field=f"part-{row}")
        if asked.kind != Kind.WRITE_OFF and band.role in OF_AN_OFFICE:
            return PolicyIncomplete(
                "A member, and whoever records for a body, read no accounts and could not judge a refund. Choose another role.",
                field=f"part-{row}",
            )
        if asked.kind == Kind.WRITE_OFF and band.act is Act.RELEASE:
            return PolicyIncomplete("A write-off pays nobody, so nobody releases it. Take this row out.", field=f"part-{row}")
    if any(row.act is Act.RELEASE for row in before) and not any(band.act is Act.RELEASE for band in asked.bands):
        return PolicyIncomplete("Nobody would release what is approved. Add a row for it.", field=f"part-{len(rows) + 1}")
    return _said_again(rows) or _limit_below_its_start(rows) or _decision_without_one_before(rows) or _hole(rows)


_WHICH = {1: "first", 2: "second", 3: "third"}
_LAST_DECISION = max(_WHICH)
Rows = Sequence[tuple[int, Band]]
"""Bands, each with its place in the table."""


def _said_again(rows: Rows) -> ApprovalRule | None:
    seen: dict[tuple[Act, int, str], tuple[int, Band]] = {}
    for row, band in rows:
        first, other = seen.setdefault((band.act, band.stage, band.role), (row, band))
        if first != row:
            return PolicyIncomplete(_one_limit(other, band), field=f"part-{row}")
    return None


def _one_limit(other: Band, band: Band) -> str:
    who = role_words(band.role)
    if band.act is Act.RELEASE:
        return f"Another row says already up to what {who} releases, and a role has one limit there. Take one of them out."
    again = f"Another row of the {_WHICH[band.stage]} decision, from {pounds(other.from_pence)}, is of {who} already"
    if not (other.body or band.body) or band.stage == _LAST_DECISION:
        return f"{again}, and a role has one limit there. Take one of them out, or choose another role."
    one, next_one = other.body or "one body", band.body or "another"
    return (
        f"{again}, and a role records one body there. Where {one} hands on to {next_one}, make this the {_WHICH[band.stage + 1]} decision,"
        f" from its amount on, and leave the other row without a limit: then {one} decides, and after it {next_one}."
    )


def _limit_below_its_start(rows: Rows) -> ApprovalRule | None:
    for row, band in rows:
        if band.to_pence is not None and band.to_pence < band.from_pence:
            return PolicyIncomplete(
                f"This limit lies below {pounds(band.from_pence)}, from which the role is asked. Enter a higher one.", field=f"to-{row}"
            )
    return None


def _decision_without_one_before(rows: Rows) -> ApprovalRule | None:
    """The decisions of an amount come one after the other: a first, a second, a third."""
    stages = {band.stage for _, band in rows if band.act is Act.DECIDE}
    if not stages:
        return PolicyIncomplete("Nobody would decide. Add a row that decides first.", field=f"part-{len(rows) + 1}")
    missing = next(stage for stage in range(1, max(stages) + 2) if stage not in stages)
    for row, band in rows:
        if band.act is Act.DECIDE and band.stage > missing:
            return PolicyIncomplete(
                f"This is a {_WHICH[band.stage]} decision, and there is no {_WHICH[missing]}. Make this the {_WHICH[missing]}, or add a row"
                " for that one.",
                field=f"part-{row}",
            )
    return None


def _hole(rows: Rows) -> ApprovalRule | None:
    """Where the amounts of a decision do not follow each other up to the end, the first from £0.01 on."""
    for stage in sorted({band.stage for _, band in rows if band.act is Act.DECIDE}):
        found = _hole_of(stage, sorted(_of_stage(rows, stage), key=lambda one: one[1].from_pence))
        if found is not None:
            return found
    return None


def _of_stage(rows: Rows, stage: int) -> Iterable[tuple[int, Band]]:
    return (one for one in rows if one[1].act is Act.DECIDE and one[1].stage == stage)


def _hole_of(stage: int, rows: Rows) -> ApprovalRule | None:
    (first, lowest), (last, highest) = rows[0], rows[-1]
    if stage == 1 and lowest.from_pence != 1:
        return PolicyIncomplete(
            f"Nobody would decide below {pounds(lowest.from_pence)}: the first decision begins at £0.01.", field=f"from-{first}"
        )
    for (row, one), (next_row, after) in pairwise(rows):
        if one.to_pence is None:
            return PolicyIncomplete(
                f"Another row of the {_WHICH[stage]} decision begins at {pounds(after.from_pence)}: only the last has no limit."
                f" Enter {_figure(after.from_pence - 1)}, or take the other out.",
                field=f"to-{row}",
            )
        if after.from_pence != one.to_pence + 1:
            return PolicyIncomplete(
                f"The row below it in the {_WHICH[stage]} decision ends at {pounds(one.to_pence)}: each amount has one role there, without"
                f" a gap or an overlap. Begin at {_figure(one.to_pence + 1)}, or change where that row ends.",
                field=f"from-{next_row}",
            )
    if highest.to_pence is not None:
        return PolicyIncomplete(
            f"Nobody would have the {_WHICH[stage]} decision above {pounds(highest.to_pence)}. Leave this empty, which is no limit,"
            f" or add a row that begins at {_figure(highest.to_pence + 1)}.",
            field=f"to-{last}",
        )
    return None


def _figure(pence: int) -> str:
    """As it is typed."""
    return pounds(pence).removeprefix("£")


def raised_roles(kind: str, before: Iterable[Authority], bands: Sequence[Band]) -> frozenset[str]:
    """The roles that gain by one of their rows."""
    return frozenset(band.role for band in raised_bands(kind, before, bands))


def raised_bands(kind: str, before: Iterable[Authority], bands: Sequence[Band]) -> tuple[Band, ...]:
    """The rows by which their role gains: a higher limit or a new part, or an amount within their limit that needs fewer decisions than
    before.

    Of write-offs also: a body's minute that is not needed any more, a shorter call-in, or an amount from lower on, since in a sequence
    nobody higher stands in.
    """
    old = {(row.act, row.stage, row.role): row for row in before}
    was, will = _decides(old.values()), _decides(bands)
    fewer = [amount for amount in _edges([*was, *will]) if 0 < _stages(will, amount) < _stages(was, amount)]
    return tuple(
        band
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


def too_far_ahead(day: date, today: date) -> TooFarAhead | None:
    """Why nothing is proposed for a day, nor laid down: it would bound every other until then. None where it is near enough."""
    if day <= today + timedelta(days=MOST_DAYS_AHEAD):
        return None
    return TooFarAhead("A policy comes into force within a year. Until its day it bounds what else is laid down.", field="in_force_from")


def gain_of_a_later(later: date | None) -> GainOfALater | None:
    """Why nothing is laid down so before a later policy, by whose day that is; None where nobody gains by it."""
    if later is None:
        return None
    return GainOfALater(
        f"Another policy is laid down already, in force from {in_words(later)}. After this one it would raise, on that day, a limit of"
        " whoever made or checked it, who saw no gain of theirs in it. Leave that limit as it is there, or propose this from a later day.",
        field="in_force_from",
    )


def in_force_before(versions: Iterable[Policy], day: date) -> Policy | None:
    """The policy that is in force until the day before; None where there is none."""
    earlier = [one for one in versions if one.in_force_from < day]
    return max(earlier, key=lambda one: one.in_force_from, default=None)
