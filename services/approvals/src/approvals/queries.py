"""What the desk and the use cases ask of approvals' own rows: the worklist, a task's page, decisions, releases, policy and staff.

Every function takes a transaction and looks on behalf of its caller. Names of tenants and accounts are the ledger's: the desk asks it.
"""

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer, Deciders, Lane
from rentbook_contracts.ledger import LineKind
from rentbook_contracts.people import OF_AN_OFFICE, READS_ACCOUNTS
from sqlalchemy.dialects.postgresql import JSONB

from approvals.domain import working_days
from approvals.domain.absence import covered_by, stand_in
from approvals.domain.asking import MAY_ANSWER, kinds_answered_by
from approvals.domain.authority import Act, Authority, NoPolicyInForce, Policy, best_of, in_turn, stages_for
from approvals.domain.delegation import Lent, Mandate, alone, mandates
from approvals.domain.eligibility import READS_ONLY, Answered, Part, Participation, Standing, Status, mandate_for, objection, objections
from approvals.domain.policy import Band, ProposedPolicy
from approvals.domain.recalling import Recallable, recall_objection
from approvals.domain.releasing import ReleaseCase, line_objection, release_objection
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import Kind
from approvals.domain.together import Line, Selection
from approvals.domain.words import LONDON, a_role, business_date, in_words
from approvals.settings import ApprovalsSettings
from approvals.tables import (
    absence,
    absence_end,
    authority,
    case_seen,
    comment,
    contact_note,
    decision,
    decision_exception,
    delegation,
    delegation_end,
    minute,
    participant,
    policy,
    policy_check,
    policy_proposal,
    recall,
    release,
    release_line,
    saved_view,
    schedule_task,
    schedule_task_line,
    selection_line,
    selection_result,
    selection_signed,
    staff,
    task,
    task_event,
    update_outcome,
)
from approvals.tables import selection as selections


class View(StrEnum):
    """MINE: waits for the caller or for somebody for whom they stand in, or is a question to them. TEAM: open, and of an amount that the
    caller may decide (for whoever decides nothing: all that is open). EVERYONE: all that is open, and every question that the caller may
    answer. DECIDED: every task that was answered, newest answer first.
    """

    MINE = "mine"
    TEAM = "team"
    EVERYONE = "everyone"
    DECIDED = "decided"


class Due(StrEnum):
    """LATE: due before today. SOON: due today or on the next working day."""

    LATE = "late"
    SOON = "soon"


@dataclass(frozen=True)
class Filters:
    """The same for all views. Amounts in pence, both edges within; dates of opening (of the answer, in DECIDED), Europe/London."""

    kind: Kind | None = None
    lane: Lane | None = None
    from_pence: int | None = None
    to_pence: int | None = None
    raised_by: str | None = None
    decided_by: str | None = None
    answer: Answer | None = None
    due: Due | None = None
    unclaimed: bool = False
    account: UUID | None = None
    case: UUID | None = None
    since: date | None = None
    until: date | None = None


class Carried(StrEnum):
    """What became of a decision. AWAITS_NEXT: it approved its stage, and the next stage of the round is still to be decided."""

    AWAITS_NEXT = "awaits-the-next-decision"
    BEING_CARRIED_OUT = "being-carried-out"
    CARRIED_OUT = "carried-out"
    NOT_CARRIED_OUT = "not-carried-out"
    RECALLED = "recalled"
    RELEASED = "released"


@dataclass(frozen=True)
class DecisionShown:
    """A decision with its fate. `because` says why it was not carried out. `limit_pence` None is without a limit.

    `on_behalf_of` are the people whose authority it rests on, by name, the first being whose it is; none where it is the decider's own.

    `recall_refused`: the recall came too late, in the workflow's words.

    `carried_out_from`: the first day after the time in which it may be called in, where there is such a time.

    `may_recall` is for the caller; `why_no_recall` says why not, where it is an approval.
    """

    decision: UUID
    task: UUID
    case: UUID
    attempt: int
    round: int
    stage: int
    stages: int
    amount_pence: int
    content_hash: str
    answer: Answer
    reason_code: str
    text: str
    question_to: str | None
    decided_by: str
    decided_by_name: str
    roles: tuple[str, ...]
    limit_pence: int | None
    on_behalf_of: tuple[str, ...]
    completes: bool
    decided_at: datetime
    carried: Carried
    because: str | None
    carried_out_from: date | None
    recalled_by: str | None
    recalled_at: datetime | None
    recall_text: str | None
    recall_refused: str | None
    run: UUID | None
    may_recall: bool
    why_no_recall: str | None


@dataclass(frozen=True)
class TaskRow:
    """A line of the worklist. `working_days_left` is negative where it is late. `why_not` None: the caller may decide it.

    `nobody_here`: it is open, and nobody who was at the desk today may decide it.

    `asked_you`: it was sent back with a question to the caller, or to somebody for whom they stand in. `awaits_answer`: it was sent back
    with a question, whoever is asked. `claimed_by` is None where a claim has expired.
    """

    task: UUID
    kind: Kind
    case: UUID
    attempt: int
    round: int
    stage: int
    stages: int
    account: UUID | None
    amount_pence: int
    content_hash: str
    lane: Lane
    lane_reasons: tuple[str, ...]
    raised_by: str
    raised_by_name: str
    status: Status
    because: str | None
    required_role: str
    opened_at: datetime
    priority_at: datetime
    due_on: date
    working_days_left: int
    reminded_at: datetime | None
    escalated: bool
    assigned_to: str | None
    assigned_to_name: str | None
    claimed_by: str | None
    claimed_by_name: str | None
    claim_expires_at: datetime | None
    comments: int
    why_not: str | None
    why_not_rule: str | None
    asked_you: bool
    awaits_answer: bool
    decision: DecisionShown | None
    nobody_here: bool


@dataclass(frozen=True)
class Worklist:
    """`counts` has every view's total under the same filters; `total` is that of the view shown."""

    view: View
    rows: tuple[TaskRow, ...]
    total: int
    counts: Mapping[View, int]
    offset: int
    limit: int


@dataclass(frozen=True)
class ParticipantShown:
    person: str
    name: str
    why: str
    at: datetime


@dataclass(frozen=True)
class CommentShown:
    person: str
    name: str
    text: str
    at: datetime


@dataclass(frozen=True)
class ContactNote:
    """What was said with a tenant. `how` and `identified` are codes: by which way, and how the person was known to be the tenant."""

    person: str
    name: str
    how: str
    identified: str
    text: str
    at: datetime


@dataclass(frozen=True)
class EventShown:
    """`what`: opened, claimed, claim-released, assigned, reminded, escalated, recalled; closed, not-carried-out, void.

    `whom`: to whom it was assigned.
    """

    at: datetime
    person: str
    name: str
    what: str
    whom: str | None
    whom_name: str | None
    note: str | None


@dataclass(frozen=True)
class StaffRow:
    """A person who has signed in at the desk."""

    subject: str
    name: str
    roles: tuple[str, ...]
    last_seen_at: datetime


@dataclass(frozen=True)
class ReleaseShown:
    run: UUID
    released_by: str
    released_at: datetime
    lines: int
    total_pence: int


@dataclass(frozen=True)
class History:
    """A case's decisions and the events of its tasks, oldest first, and the payment runs that were released with it."""

    decisions: tuple[DecisionShown, ...]
    events: tuple[EventShown, ...]
    releases: tuple[ReleaseShown, ...]


@dataclass(frozen=True)
class TaskPage:
    """All that approvals knows of a task and its case, oldest first. `last_seen_at`: when the caller last opened the case, None for never.

    `may_decide` are the people known to the desk whom nothing keeps from deciding it. `limit_pence` is the caller's at this stage, None
    without a limit or a part in it; `lent_by` names those who lent it to them. `latest` is the newest task of the case. `why_not` has every
    reason for which the caller may not decide it, the row's first. `may_be_asked` are those to whom the caller may send it back with a
    question. `away`: whoever is out of office today.
    """

    row: TaskRow
    workflow_id: str
    history: History
    participants: tuple[ParticipantShown, ...]
    comments: tuple[CommentShown, ...]
    why_not: tuple[str, ...]
    may_decide: tuple[StaffRow, ...]
    away: frozenset[str]
    may_be_asked: tuple[StaffRow, ...]
    stage_roles: tuple[str, ...]
    limit_pence: int | None
    lent_by: tuple[str, ...]
    last_seen_at: datetime | None
    latest: UUID
    policy_id: str


@dataclass(frozen=True)
class ReleaseStanding:
    """What keeps the caller from releasing: from anything (`why_not`), or from single cases. `limit_pence` None is without a limit.

    `approved_by` are the names of those who approved each case, the first decision first.
    """

    why_not: str | None
    limit_pence: int | None
    lines: Mapping[UUID, str] = field(default_factory=dict)
    approved_by: Mapping[UUID, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class SavedView:
    id: UUID
    name: str
    view: View
    filters: Filters


# --- policy -------------------------------------------------------------------------------------------------------------------------


async def policies(tx: Transaction, kind: Kind) -> tuple[Policy, ...]:
    """Every policy of a kind, the one that comes into force last first."""
    rows = (await tx.connection.execute(sa.select(policy).where(policy.c.kind == kind).order_by(policy.c.in_force_from.desc()))).all()
    wanted = sa.select(authority).where(authority.c.policy_id.in_([row.id for row in rows])).order_by(authority.c.id)
    bands: dict[str, list[Authority]] = defaultdict(list)
    for band in (await tx.connection.execute(wanted)).all():
        bands[band.policy_id].append(_authority(band))
    return tuple(_policy(row, tuple(bands[row.id])) for row in rows)


async def made_a_gain_of(tx: Transaction, asked: ProposedPolicy) -> date | None:
    """The day of the policy that comes next, where whoever made or checked it would gain by it after this one."""
    bands = sa.cast([asdict(band) for band in asked.bands], JSONB)
    found: date | None = await tx.connection.scalar(sa.select(sa.func.made_a_gain_of(asked.kind, asked.in_force_from, bands)))
    return found


async def policy_in_force(tx: Transaction, kind: Kind) -> Policy:
    """The policy in force today, Europe/London. Errors: NoPolicyInForce."""
    today = business_date(tx.now)
    found = next((one for one in await policies(tx, kind) if one.in_force_from <= today), None)
    if found is None:
        raise NoPolicyInForce(f"No table of authority is in force for a {kind}.")
    return found


async def who_decides(tx: Transaction, kind: Kind, amount_pence: int) -> tuple[str, ...]:
    """Whom the policy in force today asks about such an amount, decision by decision: a body that decides by its minute, or a role. None
    where it names nobody.
    """
    bands = (await policy_in_force(tx, kind)).authorities
    wanted = {band.stage: band.body or a_role(band.role) for band in bands if band.act is Act.DECIDE and band.asks_for(amount_pence)}
    return tuple(wanted[stage] for stage in sorted(wanted))


async def tables_today(tx: Transaction) -> dict[Kind, Policy]:
    """The policy in force today of each kind of task that has one."""
    today = business_date(tx.now)
    newest = {kind: next((one for one in await policies(tx, kind) if one.in_force_from <= today), None) for kind in Kind}
    return {kind: one for kind, one in newest.items() if one is not None}


async def policies_in_force(tx: Transaction, kinds: Iterable[str]) -> dict[Kind, Policy]:
    """The policy in force today of each of these kinds. Errors: NoPolicyInForce."""
    return {Kind(kind): await policy_in_force(tx, Kind(kind)) for kind in sorted(set(kinds))}


def _authority(band: Any) -> Authority:
    edges = (band.from_pence, band.to_pence)
    return Authority(band.id, Act(band.act), band.stage, band.role, *edges, band.body, band.call_in_working_days)


def _policy(row: Any, bands: tuple[Authority, ...]) -> Policy:
    return Policy(
        row.id, row.council, row.kind, row.in_force_from, row.decide_within_working_days, row.remind_after_working_days,
        row.escalate_after_working_days, row.claim_minutes, row.source, row.made_by, row.checked_by, row.made_at, row.bulk_most_lines,
        row.bulk_most_pence, row.bulk_opened_first, row.unused_after_days, bands,
    )  # fmt: skip


@dataclass(frozen=True)
class ProposalShown:
    """A proposal for a policy and what became of it; `answer` None waits for a checker."""

    id: UUID
    asked: ProposedPolicy
    council: str
    proposed_by: str
    roles: tuple[str, ...]
    proposed_at: datetime
    answer: str | None
    checked_by: str | None
    checked_at: datetime | None
    text: str | None


async def proposals(tx: Transaction) -> tuple[ProposalShown, ...]:
    """Every proposal that was ever made, newest first."""
    joined = policy_proposal.outerjoin(policy_check, policy_check.c.proposal_id == policy_proposal.c.id)
    answered = (policy_check.c.answer, policy_check.c.checked_by, policy_check.c.checked_at, policy_check.c.text)
    wanted = sa.select(policy_proposal, *answered).select_from(joined)
    rows = (await tx.connection.execute(wanted.order_by(policy_proposal.c.proposed_at.desc(), policy_proposal.c.id))).all()
    return tuple(
        ProposalShown(
            row.id, _proposed(row), row.council, row.proposed_by, tuple(row.roles), row.proposed_at, row.answer, row.checked_by,
            row.checked_at, row.text,
        )
        for row in rows
    )  # fmt: skip


def _proposed(row: Any) -> ProposedPolicy:
    bands = tuple(
        Band(
            Act(one["act"]), one["stage"], one["role"], one["from_pence"], one["to_pence"], one.get("body"),
            one.get("call_in_working_days") or 0,
        )
        for one in row.authorities
    )  # fmt: skip
    return ProposedPolicy(
        row.kind, row.in_force_from, row.decide_within_working_days, row.remind_after_working_days, row.escalate_after_working_days,
        row.claim_minutes, row.bulk_most_lines, row.bulk_most_pence, row.bulk_opened_first, row.unused_after_days,
        row.source, bands,
    )  # fmt: skip


@dataclass(frozen=True)
class Holder:
    """A person who holds a row of the table today, by their own role or by authority that was lent to them (`lent_by`, its root first).

    `limit_pence` None is without a limit. `away_until` is set while they are out of office; `deputy` is shown their work then, and gains
    no authority by it: theirs, or whoever stands in for that one in turn. None where nobody is left.
    """

    name: str
    limit_pence: int | None
    lent_by: tuple[str, ...]
    away_until: date | None
    deputy: str | None


async def holders_today(tx: Transaction, in_force: Policy) -> dict[int, tuple[Holder, ...]]:
    """Who may decide or release at present, by the id of the row: everyone who has ever signed in at the desk, whoever is here first."""
    known, lent = await staff_known(tx), await lent_today(tx)
    names = {one.subject: one.name for one in known}
    away = {one.absence.person: one for one in await away_today(tx)}
    parts = sorted({(row.act, row.stage) for row in in_force.authorities})
    found: dict[int, list[Holder]] = defaultdict(list)
    for person in known:
        absent = away.get(person.subject)
        for act, stage in parts:
            for held in mandates(in_force.authorities, act, stage, person.subject, person.roles, lent):
                by = tuple(names.get(one, one) for one in held.on_behalf_of)
                until, deputy = (absent.until_on, absent.stands_in_name) if absent else (None, None)
                found[held.authority.id].append(Holder(person.name, held.limit_pence, by, until, deputy))
    return {row: tuple(sorted(held, key=lambda one: (one.away_until is not None, one.name))) for row, held in found.items()}


# --- what a member and whoever records for a body read -------------------------------------------------------------------------------


def _put_to_them(tx: Transaction) -> sa.ColumnElement[bool]:
    """Whether a task is of a schedule for which an office of the caller's was asked at some stage of some round. What was put to another
    office is not theirs: a recorder has no part in what a member alone is consulted on.
    """
    asked = task.alias("asked")
    same = (asked.c.case_id == task.c.case_id, asked.c.kind == Kind.WRITE_OFF)
    return sa.exists().where(*same, asked.c.required_role.in_(sorted(OF_AN_OFFICE & tx.caller.roles))).correlate(task)


def _readable(tx: Transaction) -> sa.ColumnElement[bool]:
    """The tasks that the caller reads: all, or those that were put to them. Authority that is lent to them makes them no more."""
    return sa.true() if tx.caller.reads(READS_ACCOUNTS) else _put_to_them(tx)


async def tasks_put_to_them(tx: Transaction, tasks: Collection[UUID]) -> frozenset[UUID]:
    """Those of the tasks that are of a schedule which was put to the caller, as a member or as who records for a body."""
    return await _those(tx, sa.select(task.c.id).where(task.c.id.in_(tasks), _put_to_them(tx)))


async def decisions_put_to_them(tx: Transaction, decisions: Collection[UUID]) -> frozenset[UUID]:
    """The same of decisions, by whomever they are."""
    joined = decision.join(task, task.c.id == decision.c.task_id)
    return await _those(tx, sa.select(decision.c.id).select_from(joined).where(decision.c.id.in_(decisions), _put_to_them(tx)))


async def schedules_put_to_them(tx: Transaction, schedules: Collection[UUID]) -> frozenset[UUID]:
    """Those of the schedules that were put to the caller."""
    return await _those(tx, sa.select(task.c.case_id).where(task.c.case_id.in_(schedules), _put_to_them(tx)))


async def newest_put_to_them(tx: Transaction, limit: int = 500) -> tuple[UUID, ...]:
    """Schedules that were put to the caller, those first of which a task was opened last."""
    wanted = sa.select(task.c.case_id).where(_put_to_them(tx)).group_by(task.c.case_id)
    return tuple((await tx.connection.execute(wanted.order_by(sa.func.max(task.c.opened_at).desc()).limit(limit))).scalars())


async def proposals_put_to_them(tx: Transaction, proposals: Collection[UUID]) -> frozenset[UUID]:
    """Those of the proposals that were lines of such a schedule when it was put forward."""
    joined = schedule_task_line.join(task, task.c.id == schedule_task_line.c.task_id)
    wanted = sa.select(schedule_task_line.c.line).select_from(joined)
    return await _those(tx, wanted.where(schedule_task_line.c.line.in_(proposals), _put_to_them(tx)))


async def _those(tx: Transaction, wanted: sa.Select[UUID]) -> frozenset[UUID]:
    return frozenset((await tx.connection.execute(wanted)).scalars())


# --- the worklist -------------------------------------------------------------------------------------------------------------------


_QUEUE = (task.c.priority_at, task.c.opened_at, task.c.stage, task.c.id)


async def worklist(tx: Transaction, view: View, filters: Filters | None = None, *, offset: int = 0, limit: int = 50) -> Worklist:
    """One page of a view, and how many tasks each view shows under the same filters, of what the caller reads. `limit` at most 200."""
    chosen = filters or Filters()
    mine = await _mine(tx)
    counts = {one: await _count(tx, one, chosen, mine) for one in View}
    order = (_answered_at().desc(), task.c.id) if view is View.DECIDED else _QUEUE
    wanted = sa.select(task).where(*_in_view(view, mine), *_filtered(tx, view, chosen), _readable(tx)).order_by(*order)
    rows = (await tx.connection.execute(wanted.offset(offset).limit(min(limit, 200)))).all()
    return Worklist(view, await _task_rows(tx, rows), counts[view], counts, offset, limit)


async def next_waiting(tx: Transaction, beside: UUID) -> UUID | None:
    """The open task that waits longest for the caller, `beside` aside; None where nothing else does."""
    waits = (task.c.status == Status.OPEN, _waits_for(await _mine(tx)), task.c.id != beside, _readable(tx))
    found: UUID | None = (await tx.connection.execute(sa.select(task.c.id).where(*waits).order_by(*_QUEUE).limit(1))).scalar_one_or_none()
    return found


async def _count(tx: Transaction, view: View, filters: Filters, mine: "_Mine") -> int:
    wanted = sa.select(sa.func.count()).select_from(task).where(*_in_view(view, mine), *_filtered(tx, view, filters), _readable(tx))
    return (await tx.connection.execute(wanted)).scalar_one()


@dataclass(frozen=True)
class _Mine:
    """What makes a task the caller's: people for whom they stand in, themselves among them, and by kind and stage what they may decide."""

    now: datetime
    people: tuple[str, ...]
    roles: tuple[str, ...]
    mandates: tuple[tuple[Kind, Mandate], ...]


async def _mine(tx: Transaction) -> _Mine:
    people = (tx.caller.person, *sorted(covered_by(tx.caller.person, await deputies_today(tx))))
    in_force = await policies_in_force(tx, Kind)
    held = [(kind, one) for kind, table in in_force.items() for one in await mandates_of(tx, table)]
    return _Mine(tx.now, people, tuple(sorted(tx.caller.roles)), tuple(held))


def closed_days(tx: Transaction) -> Container[date]:
    """The bank holidays, with those that this council was told of by its settings."""
    return working_days.bank_holidays(tx.settings(ApprovalsSettings).one_off_holidays)


async def mandates_of(tx: Transaction, in_force: Policy, until: date | None = None) -> list[Mandate]:
    """All that the caller may decide, at each stage: by their own roles and by what was lent to them. With `until`, of what was lent that
    alone which lasts until that day.
    """
    return _held_by(in_force, tx.caller.person, tx.caller.roles, await lent_today(tx, until))


def _held_by(in_force: Policy, person: str, roles: Collection[str], lent: Sequence[Lent]) -> list[Mandate]:
    """What is of an office stands beside what is not: a higher limit that begins higher is not more."""
    stages = sorted({row.stage for row in in_force.authorities})
    who = (person, roles)
    parts = [[row for row in in_force.authorities if row.is_of_an_office is of_office] for of_office in (False, True)]
    return [one for stage in stages for part in parts for one in mandates(part, Act.DECIDE, stage, *who, lent)]


def _in_view(view: View, mine: _Mine) -> list[sa.ColumnElement[bool]]:
    is_open = task.c.status == Status.OPEN
    if view is View.DECIDED:
        return [sa.exists().where(decision.c.task_id == task.c.id)]
    if view is View.TEAM:
        return [is_open, sa.or_(*(_within(*one) for one in mine.mandates)) if mine.mandates else sa.true()]
    if view is View.MINE:
        return [sa.or_(sa.and_(is_open, _waits_for(mine)), sa.and_(task.c.status == Status.DECIDED, _asked(mine.people)))]
    return [sa.or_(is_open, sa.and_(task.c.status == Status.DECIDED, _may_answer(mine)))]


def _waits_for(mine: _Mine) -> sa.ColumnElement[bool]:
    free = sa.or_(task.c.claimed_by.is_(None), task.c.claim_expires_at <= mine.now)
    same_round = (decision.c.case_id == task.c.case_id, decision.c.attempt == task.c.attempt, decision.c.round == task.c.round)
    decided_earlier = sa.exists().where(*same_round, _by(mine.people[:1]), decision.c.stage < task.c.stage, ~_is_recalled())
    by_role = [task.c.required_role.in_(mine.roles), *(_lent_for(*one) for one in mine.mandates if one[1].chain)]
    for_my_role = sa.and_(task.c.assigned_to.is_(None), free, sa.or_(*by_role), ~_took_part(mine.people[:1]), ~decided_earlier)
    return sa.or_(task.c.assigned_to.in_(mine.people), sa.and_(task.c.claimed_by.in_(mine.people), ~free), for_my_role)


def _lent_for(kind: Kind, mandate: Mandate) -> sa.ColumnElement[bool]:
    """What waits for the role of whoever lent the authority, within the ceiling, unless a participant lent it."""
    return sa.and_(task.c.required_role == mandate.authority.role, _within(kind, mandate), ~_took_part(mandate.on_behalf_of))


def _within(kind: Kind, mandate: Mandate) -> sa.ColumnElement[bool]:
    found = [task.c.kind == kind, task.c.stage == mandate.authority.stage, task.c.amount_pence <= (mandate.limit_pence or 2**62)]
    if kind is Kind.WRITE_OFF:  # as `in_turn` has it
        asked = task.c.amount_pence >= mandate.authority.from_pence
        found.append(asked if mandate.authority.is_of_an_office else sa.or_(task.c.stages == 1, asked))
    return sa.and_(*found)


def _took_part(people: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.exists().where(participant.c.case_id == task.c.case_id, participant.c.person.in_(people))


def _by(people: Sequence[str]) -> sa.ColumnElement[bool]:
    """Decisions of these people, or by their authority."""
    return sa.or_(decision.c.decided_by.in_(people), decision.c.on_behalf_of.overlap(list(people)))


def _asked(people: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.exists().where(decision.c.task_id == task.c.id, decision.c.question_to.in_(people), ~_is_recalled())


def _may_answer(mine: _Mine) -> sa.ColumnElement[bool]:
    """Questions about cases that the caller may help on, but for those that they ask themselves."""
    question = (decision.c.task_id == task.c.id, decision.c.question_to.is_not(None), ~_is_recalled())
    asks = sa.exists().where(*question, decision.c.decided_by != mine.people[0])
    approved = _under_way(task.c.case_id, mine.people[0])
    return sa.and_(task.c.kind.in_(sorted(kinds_answered_by(mine.roles))), asks, ~approved)


def _under_way(case: Any, person: Any) -> sa.ColumnElement[bool]:
    """Whether the person, or their authority, approved the case and that is still to be carried out."""
    approved = task.alias("approved")
    theirs = sa.or_(decision.c.decided_by == person, decision.c.on_behalf_of.any_() == person)
    mine = (decision.c.case_id == case, theirs, decision.c.answer == Answer.APPROVED, ~_is_recalled())
    return sa.exists().where(*mine, approved.c.id == decision.c.task_id, approved.c.status == Status.DECIDED)


def _is_recalled() -> sa.ColumnElement[bool]:
    return sa.exists().where(recall.c.decision_id == decision.c.id)


def _answered_at() -> sa.ScalarSelect[datetime]:
    return sa.select(sa.func.max(decision.c.decided_at)).where(decision.c.task_id == task.c.id).scalar_subquery()


def _filtered(tx: Transaction, view: View, filters: Filters) -> list[sa.ColumnElement[bool]]:
    dated = _answered_at() if view is View.DECIDED else task.c.opened_at
    today = business_date(tx.now)
    closed = closed_days(tx)
    next_day = working_days.working_days_after(today, 1, closed)
    free = sa.or_(task.c.claimed_by.is_(None), task.c.claim_expires_at <= tx.now)
    answered = sa.exists().where(decision.c.task_id == task.c.id, ~_is_recalled())
    conditions: dict[str, sa.ColumnElement[bool] | None] = {
        "kind": task.c.kind == filters.kind if filters.kind else None,
        "lane": task.c.lane == filters.lane if filters.lane else None,
        "from": task.c.amount_pence >= filters.from_pence if filters.from_pence is not None else None,
        "to": task.c.amount_pence <= filters.to_pence if filters.to_pence is not None else None,
        "raised_by": task.c.raised_by == filters.raised_by if filters.raised_by else None,
        "decided_by": answered.where(decision.c.decided_by == filters.decided_by) if filters.decided_by else None,
        "answer": answered.where(decision.c.answer == filters.answer) if filters.answer else None,
        "late": task.c.due_on < today if filters.due is Due.LATE else None,
        "soon": task.c.due_on.between(today, next_day) if filters.due is Due.SOON else None,
        "unclaimed": free if filters.unclaimed else None,
        "account": task.c.account == filters.account if filters.account else None,
        "case": task.c.case_id == filters.case if filters.case else None,
        "since": dated >= _midnight(filters.since) if filters.since else None,
        "until": dated < _midnight(filters.until + timedelta(days=1)) if filters.until else None,
    }
    return [condition for condition in conditions.values() if condition is not None]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=LONDON).astimezone(UTC)


# --- a task -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TaskHead:
    """A task as a use case needs it."""

    id: UUID
    kind: Kind
    case: UUID
    attempt: int
    round: int
    stage: int
    stages: int
    account: UUID | None
    amount_pence: int
    content_hash: str
    workflow_id: str
    policy_id: str
    required_role: str
    lane: Lane
    status: Status
    assigned_to: str | None
    due_on: date
    remind_on: date
    escalate_on: date


async def task_head(tx: Transaction, task_id: UUID) -> TaskHead | None:
    """A task as it stands in its row, or None."""
    row = (await tx.connection.execute(sa.select(task).where(task.c.id == task_id))).one_or_none()
    return _head(row) if row is not None else None


async def heads_of_case(tx: Transaction, case: UUID) -> tuple[TaskHead, ...]:
    """The tasks of a case, oldest round first."""
    order = (task.c.attempt, task.c.round, task.c.stage)
    return tuple(_head(row) for row in (await tx.connection.execute(sa.select(task).where(task.c.case_id == case).order_by(*order))).all())


def _head(row: Any) -> TaskHead:
    return TaskHead(
        row.id, Kind(row.kind), row.case_id, row.attempt, row.round, row.stage, row.stages, row.account, row.amount_pence, row.content_hash,
        row.workflow_id, row.policy_id, row.required_role, Lane(row.lane), Status(row.status), row.assigned_to, row.due_on, row.remind_on,
        row.escalate_on,
    )  # fmt: skip


async def put_on(tx: Transaction, head: TaskHead) -> date:
    """The day, Europe/London, on which a task was put to whoever decides it: its round had begun, and the stages before it were decided, a
    body's on the day on which it met.
    """
    same_round = (task.c.case_id == head.case, task.c.attempt == head.attempt, task.c.round == head.round)
    begun: datetime = (await tx.connection.execute(sa.select(sa.func.min(task.c.opened_at)).where(*same_round))).scalar_one()
    of_round = sa.select(decision.c.decided_at, minute.c.met_on).outerjoin(minute, minute.c.decision_id == decision.c.id)
    before = (await tx.connection.execute(of_round.where(*_stands_in_round(head), decision.c.stage < head.stage))).all()
    return max([business_date(begun), *(row.met_on or business_date(row.decided_at) for row in before)])


async def tables_of_round(tx: Transaction, head: TaskHead) -> list[tuple[Authority, ...]]:
    """The tables of authority by which the decisions of a task's round were made that stand."""
    wanted = sa.select(authority.c.policy_id).join(decision, decision.c.authority_id == authority.c.id).where(*_stands_in_round(head))
    used = set((await tx.connection.scalars(wanted)).all())
    return [one.authorities for one in await policies(tx, head.kind) if one.id in used]


def _stands_in_round(head: TaskHead) -> tuple[sa.ColumnElement[bool], ...]:
    same_round = (decision.c.case_id == head.case, decision.c.attempt == head.attempt, decision.c.round == head.round)
    return (*same_round, ~_is_recalled())


async def first_priority(tx: Transaction, case: UUID, attempt: int) -> datetime | None:
    """The place in the queue that this attempt at a case took first, or None."""
    wanted = sa.select(sa.func.min(task.c.priority_at)).where(task.c.case_id == case, task.c.attempt == attempt)
    first: datetime | None = (await tx.connection.execute(wanted)).scalar_one()
    return first


async def last_decider(tx: Transaction, case: UUID, stage: int) -> str | None:
    """Who answered this stage of the case last, unless they have taken part in it."""
    took_part = sa.exists().where(participant.c.case_id == case, participant.c.person == decision.c.decided_by)
    wanted = sa.select(decision.c.decided_by).where(decision.c.case_id == case, decision.c.stage == stage, ~took_part)
    return (await tx.connection.execute(wanted.order_by(decision.c.decided_at.desc()).limit(1))).scalar_one_or_none()


async def approvals_under_way(tx: Transaction, case: UUID, person: str) -> bool:
    """Whether the person, or their authority, approved the case and that is still to be carried out."""
    return bool((await tx.connection.execute(sa.select(_under_way(case, person)))).scalar_one())


async def may_be_asked(tx: Transaction, kind: Kind, case: UUID) -> tuple[StaffRow, ...]:
    """Everyone but the caller whose answer to a question about the case would be taken, by name."""
    allowed = (staff.c.roles.overlap(sorted(MAY_ANSWER[kind])), staff.c.subject != tx.caller.person, ~_under_way(case, staff.c.subject))
    rows = (await tx.connection.execute(sa.select(staff).where(*allowed).order_by(staff.c.name, staff.c.subject))).all()
    return tuple(_staff_row(row) for row in rows)


async def standing(tx: Transaction, task_id: UUID) -> Standing | None:
    """What four eyes and authority need to know of a task, or None where there is no such task."""
    row = (await tx.connection.execute(sa.select(task).where(task.c.id == task_id))).one_or_none()
    if row is None:
        return None
    return (await _standings(tx, [row]))[row.id]


async def task_page(tx: Transaction, task_id: UUID, behind: Mapping[str, Part] | None = None) -> TaskPage | None:
    """A task with its case's decisions, participants, comments and events; None where there is no such task.

    `behind`: who stands behind its credit or debts by now, or took part in what it is about, as its owners have just said; a decision would
    find them on the list.
    """
    row = (await tx.connection.execute(sa.select(task).where(task.c.id == task_id))).one_or_none()
    if row is None:
        return None
    in_force = await policy_in_force(tx, Kind(row.kind))
    known = (await _standings(tx, [row]))[row.id]
    since = [Participation(person, part, tx.now) for person, part in sorted((behind or {}).items()) if person != "system"]
    known = replace(known, participants=[*known.participants, *since])
    refused = objections(known, tx.caller.person, tx.caller.roles, tx.now)
    [shown] = await _task_rows(tx, [row])
    if refused and shown.why_not is None:
        shown = replace(shown, why_not=refused[0].message, why_not_rule=refused[0].rule)
    found = mandates(known.authorities, Act.DECIDE, row.stage, tx.caller.person, tx.caller.roles, known.lent)
    mine = mandate_for(known, tx.caller.person, tx.caller.roles) or next(iter(found), None)
    seen = sa.select(case_seen.c.seen_at).where(case_seen.c.case_id == row.case_id, case_seen.c.person == tx.caller.person)
    newest = (
        sa.select(task.c.id).where(task.c.case_id == row.case_id).order_by(task.c.attempt.desc(), task.c.round.desc(), task.c.stage.desc())
    )
    return TaskPage(
        row=shown,
        workflow_id=row.workflow_id,
        history=await history_of_case(tx, row.case_id),
        participants=await participants_of(tx, row.case_id, since if shown.status is Status.OPEN else ()),
        comments=await _comments(tx, row.case_id),
        why_not=tuple(one.message for one in refused),
        may_decide=await _who_may_decide(tx, known),
        away=frozenset(await deputies_today(tx)),
        may_be_asked=await may_be_asked(tx, Kind(row.kind), row.case_id),
        stage_roles=await _roles_of_round(tx, row, in_force),
        limit_pence=mine.limit_pence if mine else None,
        lent_by=tuple((await names_of(tx, mine.on_behalf_of)).values()) if mine else (),
        last_seen_at=(await tx.connection.execute(seen)).scalar_one_or_none(),
        latest=(await tx.connection.execute(newest.limit(1))).scalar_one(),
        policy_id=row.policy_id,
    )


async def rows_of(tx: Transaction, tasks: Collection[UUID]) -> tuple[TaskRow, ...]:
    """These tasks as lines of the worklist."""
    return await _task_rows(tx, (await tx.connection.execute(sa.select(task).where(task.c.id.in_(list(tasks))))).all())


async def tasks_of_case(tx: Transaction, case: UUID) -> tuple[TaskRow, ...]:
    """Every task of a case, oldest first."""
    rows = (await tx.connection.execute(sa.select(task).where(task.c.case_id == case).order_by(task.c.opened_at, task.c.stage))).all()
    return await _task_rows(tx, rows)


async def _task_rows(tx: Transaction, rows: Sequence[Any]) -> tuple[TaskRow, ...]:
    known = await _standings(tx, rows)
    away = await deputies_today(tx)
    present = [one for one in await staff_known(tx) if business_date(one.last_seen_at) == business_date(tx.now) and one.subject not in away]
    me_for = {tx.caller.person, *covered_by(tx.caller.person, away)}
    latest = {one.task: one for one in await _decisions(tx, decision.c.task_id.in_([row.id for row in rows]))}
    names = await names_of(tx, {name for row in rows for name in (row.raised_by, row.assigned_to, row.claimed_by) if name})
    said = (
        sa.select(comment.c.case_id, sa.func.count())
        .where(comment.c.case_id.in_([row.case_id for row in rows]))
        .group_by(comment.c.case_id)
    )
    comments = {row[0]: row[1] for row in (await tx.connection.execute(said)).all()}
    return tuple(
        _task_row(tx, row, known[row.id], latest.get(row.id), names, comments.get(row.case_id, 0), present, me_for) for row in rows
    )


def _task_row(
    tx: Transaction,
    row: Any,
    known: Standing,
    answer: DecisionShown | None,
    names: Mapping[str, str],
    comments: int,
    present: Sequence[StaffRow],
    me_for: Collection[str],
) -> TaskRow:
    refused = objection(known, tx.caller.person, tx.caller.roles, tx.now)
    claimed = row.claimed_by if row.claim_expires_at and row.claim_expires_at > tx.now else None
    asks = answer is not None and answer.recalled_at is None and row.status == Status.DECIDED and answer.question_to is not None
    asked = asks and answer is not None and answer.question_to in me_for
    left = working_days.working_days_until(row.due_on, business_date(tx.now), closed_days(tx))
    return TaskRow(
        task=row.id, kind=Kind(row.kind), case=row.case_id, attempt=row.attempt, round=row.round, stage=row.stage, stages=row.stages,
        account=row.account, amount_pence=row.amount_pence, content_hash=row.content_hash, lane=Lane(row.lane),
        lane_reasons=tuple(row.lane_reasons), raised_by=row.raised_by, raised_by_name=names.get(row.raised_by, row.raised_by),
        status=Status(row.status), because=row.because, required_role=row.required_role, opened_at=row.opened_at,
        priority_at=row.priority_at, due_on=row.due_on, working_days_left=left, reminded_at=row.reminded_at,
        escalated=row.escalated_at is not None,
        assigned_to=row.assigned_to, assigned_to_name=names.get(row.assigned_to, row.assigned_to), claimed_by=claimed,
        claimed_by_name=names.get(claimed, claimed) if claimed else None, claim_expires_at=row.claim_expires_at if claimed else None,
        comments=comments, why_not=refused.message if refused else None, why_not_rule=refused.rule if refused else None, asked_you=asked,
        awaits_answer=asks, decision=answer, nobody_here=row.status == Status.OPEN and not _some_may(known, present, tx.now),
    )  # fmt: skip


async def _standings(tx: Transaction, rows: Sequence[Any]) -> dict[UUID, Standing]:
    in_force = await policies_in_force(tx, (row.kind for row in rows))
    cases = {row.case_id for row in rows}
    took_part: dict[UUID, list[Participation]] = defaultdict(list)
    for one in (await tx.connection.execute(sa.select(participant).where(participant.c.case_id.in_(cases)))).all():
        took_part[one.case_id].append(Participation(one.person, one.why, one.at))
    stands = sa.select(decision).where(decision.c.case_id.in_(cases), ~_is_recalled()).order_by(decision.c.decided_at)
    answered: dict[tuple[UUID, int, int], list[Answered]] = defaultdict(list)
    for one in (await tx.connection.execute(stands)).all():
        answered[(one.case_id, one.attempt, one.round)].append(
            Answered(one.stage, one.decided_by, one.answer, one.decided_at, tuple(one.on_behalf_of))
        )
    lent = await lent_today(tx)
    return {
        row.id: Standing(
            stage=row.stage,
            amount_pence=row.amount_pence,
            status=Status(row.status),
            authorities=_authorities_for(in_force[Kind(row.kind)], row),
            participants=took_part[row.case_id],
            answered=answered[(row.case_id, row.attempt, row.round)],
            lent=lent,
            claimed_by=row.claimed_by,
            claim_expires_at=row.claim_expires_at,
            because=row.because,
        )
        for row in rows
    }


def _authorities_for(in_force: Policy, row: Any) -> tuple[Authority, ...]:
    return in_turn(in_force.authorities, row.amount_pence) if row.kind == Kind.WRITE_OFF else in_force.authorities


async def _roles_of_round(tx: Transaction, row: Any, in_force: Policy) -> tuple[str, ...]:
    under = next((one for one in await policies(tx, Kind(row.kind)) if one.id == row.policy_id), in_force)
    return stages_for(under.authorities, row.amount_pence)


def _some_may(known: Standing, people: Sequence[StaffRow], now: datetime) -> bool:
    return any(objection(known.unclaimed(), one.subject, one.roles, now) is None for one in people)


async def _who_may_decide(tx: Transaction, known: Standing) -> tuple[StaffRow, ...]:
    return tuple(one for one in await staff_known(tx) if objection(known.unclaimed(), one.subject, one.roles, tx.now) is None)


async def participants_of(tx: Transaction, case: UUID, since: Sequence[Participation] = ()) -> tuple[ParticipantShown, ...]:
    """Who took part in a case, in the order in which they did. `since`: who did so since the list was written; once is enough."""
    rows = (await tx.connection.execute(sa.select(participant).where(participant.c.case_id == case).order_by(participant.c.at))).all()
    listed = {row.person for row in rows}
    took_part = [*(Participation(row.person, row.why, row.at) for row in rows), *(one for one in since if one.person not in listed)]
    names = await names_of(tx, {one.person for one in took_part})
    return tuple(ParticipantShown(one.person, names.get(one.person, one.person), one.why, one.at) for one in took_part)


async def _comments(tx: Transaction, case: UUID) -> tuple[CommentShown, ...]:
    rows = (await tx.connection.execute(sa.select(comment).where(comment.c.case_id == case).order_by(comment.c.at))).all()
    names = await names_of(tx, {row.person for row in rows})
    return tuple(CommentShown(row.person, names.get(row.person, row.person), row.text, row.at) for row in rows)


CONTACT_NOTES_SHOWN = 100


async def contact_notes(tx: Transaction, account: UUID) -> tuple[ContactNote, ...]:
    """The newest notes of an account, newest first."""
    wanted = sa.select(contact_note).where(contact_note.c.account == account).order_by(contact_note.c.at.desc(), contact_note.c.id)
    rows = (await tx.connection.execute(wanted.limit(CONTACT_NOTES_SHOWN))).all()
    names = await names_of(tx, {row.person for row in rows})
    return tuple(ContactNote(row.person, names.get(row.person, row.person), row.how, row.identified, row.text, row.at) for row in rows)


async def history_of_case(tx: Transaction, case: UUID) -> History:
    """What approvals knows to have happened to a case."""
    decisions = await decisions_of_case(tx, case)
    released = await releases(tx, {one.run for one in decisions if one.run})
    return History(decisions, await _events(tx, case), tuple(released.values()))


async def _events(tx: Transaction, case: UUID) -> tuple[EventShown, ...]:
    rows = (await tx.connection.execute(sa.select(task_event).where(task_event.c.case_id == case).order_by(task_event.c.id))).all()
    names = await names_of(tx, {name for row in rows for name in (row.person, row.whom) if name})
    return tuple(
        EventShown(row.at, row.person, names.get(row.person, row.person), row.what, row.whom, names.get(row.whom, row.whom), row.note)
        for row in rows
    )


# --- schedules of write-offs ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ScheduleAbout:
    """A schedule as its task was opened: `total_pence` is what would be posted."""

    line_kind: LineKind
    title: str
    lines: int
    total_pence: int


@dataclass(frozen=True)
class ScheduleTask:
    """A task about a schedule: `row.case` is the schedule, `row.amount_pence` the highest debtor's total, which decides the band.

    `body`: where the caller decides it, they record what this body decided, with its minute.
    """

    row: TaskRow
    about: ScheduleAbout
    body: str | None


async def schedule_tasks(tx: Transaction, *, still_open: bool, schedule: UUID | None = None, limit: int = 100) -> tuple[ScheduleTask, ...]:
    """Schedules that wait for a decision, the longest waiting first; or those that were answered, the newest first.

    `schedule` narrows them to the tasks of one.
    """
    answered = sa.exists().where(decision.c.task_id == task.c.id)
    chosen = task.c.status == Status.OPEN if still_open else answered
    order = task.c.priority_at if still_open else task.c.opened_at.desc()
    wanted = (
        sa.select(task).where(task.c.kind == Kind.WRITE_OFF, chosen, _readable(tx)).order_by(order, task.c.stage, task.c.id).limit(limit)
    )
    if schedule is not None:
        wanted = wanted.where(task.c.case_id == schedule)
    return await _schedule_tasks(tx, (await tx.connection.execute(wanted)).all())


async def schedule_task_of(tx: Transaction, task_id: UUID) -> ScheduleTask | None:
    """One of them; None where the task is of another kind, or there is none."""
    row = (await tx.connection.execute(sa.select(task).where(task.c.id == task_id, task.c.kind == Kind.WRITE_OFF))).one_or_none()
    return (await _schedule_tasks(tx, [row]))[0] if row is not None else None


async def _schedule_tasks(tx: Transaction, rows: Sequence[Any]) -> tuple[ScheduleTask, ...]:
    if not rows:
        return ()
    about = await schedules_about(tx, [row.id for row in rows])
    known = await _standings(tx, rows)
    shown = []
    for row in await _task_rows(tx, rows):
        mine = mandate_for(known[row.task], tx.caller.person, tx.caller.roles)
        shown.append(ScheduleTask(row, about[row.task], mine.authority.body if mine is not None else None))
    return tuple(shown)


async def schedules_about(tx: Transaction, tasks: Collection[UUID]) -> dict[UUID, ScheduleAbout]:
    """What each of these tasks is about, as far as it is about a schedule."""
    rows = await tx.connection.execute(sa.select(schedule_task).where(schedule_task.c.task_id.in_(list(tasks))))
    return {row.task_id: ScheduleAbout(LineKind(row.line_kind), row.title, row.lines, row.total_pence) for row in rows}


async def lines_shown(tx: Transaction, task_id: UUID) -> dict[UUID, str]:
    """The lines of a schedule's task, each with its hash."""
    rows = await tx.connection.execute(sa.select(schedule_task_line).where(schedule_task_line.c.task_id == task_id))
    return {row.line: row.content_hash for row in rows}


async def excepted(tx: Transaction, case: UUID, round_: int, stage: int) -> Mapping[UUID, str]:
    """The lines that standing decisions of this round left out, up to a stage, each with its coded reason."""
    joined = decision_exception.join(decision, decision.c.id == decision_exception.c.decision_id)
    of_round = (decision.c.case_id == case, decision.c.round == round_, decision.c.stage <= stage, ~_is_recalled())
    rows = await tx.connection.execute(sa.select(decision_exception).select_from(joined).where(*of_round))
    return {row.line: row.reason_code for row in rows}


@dataclass(frozen=True)
class LeftOut:
    """An exception: who left the line out, when, by which decision, and the coded reason. `text`: the words of that decision, which are
    of this line where the reason is another than the coded ones.
    """

    decision: UUID
    by: str
    at: datetime
    reason_code: str
    text: str


async def left_out(tx: Transaction, schedule: UUID) -> Mapping[UUID, str]:
    """The lines of a schedule that standing decisions of any round left out, each with its coded reason."""
    joined = decision_exception.join(decision, decision.c.id == decision_exception.c.decision_id)
    wanted = sa.select(decision_exception).select_from(joined).where(decision.c.case_id == schedule, ~_is_recalled())
    return {row.line: row.reason_code for row in await tx.connection.execute(wanted.order_by(decision.c.decided_at))}


async def left_out_lately(tx: Transaction, line: UUID) -> LeftOut | None:
    """The last standing decision that left a line out of its schedule."""
    joined = decision_exception.join(decision, decision.c.id == decision_exception.c.decision_id)
    columns = (decision.c.id, decision.c.decided_by, decision.c.decided_at, decision.c.text, decision_exception.c.reason_code)
    wanted = sa.select(*columns).select_from(joined).where(decision_exception.c.line == line, ~_is_recalled())
    row = (await tx.connection.execute(wanted.order_by(decision.c.decided_at.desc()).limit(1))).first()
    if row is None:
        return None
    names = await names_of(tx, {row.decided_by})
    return LeftOut(row.id, names.get(row.decided_by, row.decided_by), row.decided_at, row.reason_code, row.text)


async def excepted_by(tx: Transaction, decision_id: UUID) -> dict[UUID, str]:
    """The lines that one decision left out, each with its coded reason."""
    rows = await tx.connection.execute(sa.select(decision_exception).where(decision_exception.c.decision_id == decision_id))
    return {row.line: row.reason_code for row in rows}


async def latest_carried_out_from(tx: Transaction, case: UUID, round_: int) -> date | None:
    """The latest day before which no standing decision of the round is carried out."""
    wanted = sa.select(sa.func.max(decision.c.carried_out_from)).where(decision.c.case_id == case, decision.c.round == round_)
    found: date | None = (await tx.connection.execute(wanted.where(~_is_recalled()))).scalar_one()
    return found


async def call_in_ends(tx: Transaction, schedules: Collection[UUID]) -> dict[UUID, date]:
    """Of each of these schedules the day on which what the newest decided round approved is posted, unless it is called in before."""
    newest = sa.select(decision.c.case_id, sa.func.max(decision.c.round).label("round")).where(decision.c.case_id.in_(schedules))
    last = newest.group_by(decision.c.case_id).subquery()
    of_the_round = sa.and_(decision.c.case_id == last.c.case_id, decision.c.round == last.c.round)
    stands = (decision.c.answer == Answer.APPROVED, decision.c.carried_out_from.is_not(None), ~_is_recalled())
    wanted = sa.select(decision.c.case_id, sa.func.max(decision.c.carried_out_from).label("until")).join(last, of_the_round).where(*stands)
    return {row.case_id: row.until for row in await tx.connection.execute(wanted.group_by(decision.c.case_id))}


@dataclass(frozen=True)
class MinuteShown:
    body: str
    reference: str
    met_on: date
    copy_sha256: str
    recorded_at: datetime


async def minute_of(tx: Transaction, decision_id: UUID) -> MinuteShown | None:
    """The minute by which a body decided, without its copy."""
    row = (await tx.connection.execute(sa.select(minute).where(minute.c.decision_id == decision_id))).one_or_none()
    return MinuteShown(row.body, row.reference, row.met_on, row.copy_sha256, row.recorded_at) if row is not None else None


@dataclass(frozen=True)
class DecidedBy:
    """Who approved at one stage, in which roles, and by which minute, where they recorded what a body decided."""

    name: str
    roles: tuple[str, ...]
    body: str | None
    reference: str | None


async def decided_by(tx: Transaction, completing: Collection[UUID]) -> dict[UUID, tuple[DecidedBy, ...]]:
    """Who approved in the round that each of these decisions completes, in the order of the stages."""
    last = decision.alias("last")
    of_the_round = sa.and_(*(decision.c[name] == last.c[name] for name in ("case_id", "attempt", "round")))
    joined = last.join(decision, of_the_round).outerjoin(minute, minute.c.decision_id == decision.c.id)
    wanted = sa.select(last.c.id, decision.c.decided_by, decision.c.roles, minute.c.body, minute.c.reference).select_from(joined)
    # What was carried out stands, also where a recall came too late.
    approved = (last.c.id.in_(completing), decision.c.answer == Answer.APPROVED)
    rows = (await tx.connection.execute(wanted.where(*approved).order_by(decision.c.stage))).all()
    names = await names_of(tx, {row.decided_by for row in rows})
    found: dict[UUID, tuple[DecidedBy, ...]] = {}
    for row in rows:
        one = DecidedBy(names.get(row.decided_by, row.decided_by), tuple(row.roles), row.body, row.reference)
        found[row.id] = (*found.get(row.id, ()), one)
    return found


async def copy_of_minute(tx: Transaction, decision_id: UUID) -> bytes | None:
    """The PDF."""
    found = (await tx.connection.execute(sa.select(minute.c["copy"]).where(minute.c.decision_id == decision_id))).scalar_one_or_none()
    return bytes(found) if found is not None else None


# --- decisions ----------------------------------------------------------------------------------------------------------------------


async def decision_shown(tx: Transaction, decision_id: UUID) -> DecisionShown | None:
    """One decision with its fate, or None."""
    found = await _decisions(tx, decision.c.id == decision_id)
    return found[0] if found else None


@dataclass(frozen=True)
class Recorded:
    """A decision as its row holds it."""

    id: UUID
    task: UUID
    case: UUID
    attempt: int
    round: int
    stage: int
    content_hash: str
    answer: Answer
    reason_code: str
    text: str
    question_to: str | None
    decided_by: str
    decided_at: datetime
    completes: bool
    recalled_by_form: UUID | None
    recalled_by: str | None
    recall_text: str | None


async def recorded(tx: Transaction, decision_id: UUID) -> Recorded | None:
    """A decision's row and its recall, or None."""
    return await _recorded(tx, decision.c.id == decision_id)


async def is_recall(tx: Transaction, form: UUID) -> bool:
    """Whether somebody recalled a decision by this form."""
    return bool(await tx.connection.scalar(sa.select(sa.exists().where(recall.c.id == form))))


async def end_of_round(tx: Transaction, case: UUID, round_: int, attempt: int = 1) -> Recorded | None:
    """The decision that ends a round and stands: it completes an approval or declines, and is being carried out, or was."""
    ends = sa.or_(decision.c.completes, decision.c.answer == Answer.DECLINED)
    # A recall that came too late changes nothing of what was carried out.
    stands = sa.or_(task.c.status == Status.CARRIED_OUT, sa.and_(task.c.status == Status.DECIDED, ~_is_recalled()))
    here = (decision.c.case_id == case, decision.c.attempt == attempt, decision.c.round == round_)
    of_round = sa.select(decision.c.id).join(task, task.c.id == decision.c.task_id).where(*here, ends, stands)
    return await _recorded(tx, decision.c.id.in_(of_round))


async def deciders(tx: Transaction, decision_id: UUID) -> Deciders:
    """Who approved the round of a decision up to it, with whoever lent the authority, and when it was made itself."""
    asked = decision.alias("asked")
    of_round = sa.and_(*(decision.c[one] == asked.c[one] for one in ("case_id", "attempt", "round")), decision.c.stage <= asked.c.stage)
    wanted = sa.select(decision.c.decided_by, decision.c.on_behalf_of, asked.c.decided_at).join(asked, of_round)
    stood = (asked.c.id == decision_id, decision.c.answer == Answer.APPROVED, ~_is_recalled())
    rows = (await tx.connection.execute(wanted.where(*stood))).all()
    people = {person for row in rows for person in (row.decided_by, *row.on_behalf_of)}
    return Deciders(people=tuple(sorted(people)), decided_at=rows[0].decided_at if rows else None)


async def is_asked_back(tx: Transaction, case: UUID, round_: int) -> bool:
    """Whether a schedule's round was sent back with a question."""
    stands = task.c.status.in_((Status.DECIDED, Status.CARRIED_OUT))
    return await _is_answered(tx, case, round_, decision.c.answer == Answer.SENT_BACK, stands)


async def has_fallen(tx: Transaction, case: UUID, round_: int) -> bool:
    """Whether an approval of a schedule's round was recalled, or came to nothing. A recall that came too late changes nothing."""
    ended = task.c.status.in_((Status.NOT_CARRIED_OUT, Status.VOID))
    fell = sa.or_(ended, sa.and_(_is_recalled(), task.c.status != Status.CARRIED_OUT))
    return await _is_answered(tx, case, round_, decision.c.answer == Answer.APPROVED, fell)


async def _is_answered(tx: Transaction, case: UUID, round_: int, *how: sa.ColumnElement[bool]) -> bool:
    of_round = (task.c.kind == Kind.WRITE_OFF, decision.c.case_id == case, decision.c.round == round_)
    return bool(await tx.connection.scalar(sa.select(sa.exists().where(decision.c.task_id == task.c.id, *of_round, *how))))


async def _recorded(tx: Transaction, which: sa.ColumnElement[bool]) -> Recorded | None:
    columns = (decision, recall.c.id.label("recall_form"), recall.c.recalled_by, recall.c.text.label("recall_text"))
    joined = decision.outerjoin(recall, recall.c.decision_id == decision.c.id)
    row = (await tx.connection.execute(sa.select(*columns).select_from(joined).where(which))).one_or_none()
    if row is None:
        return None
    return Recorded(
        row.id, row.task_id, row.case_id, row.attempt, row.round, row.stage, row.content_hash, Answer(row.answer), row.reason_code,
        row.text, row.question_to, row.decided_by, row.decided_at, row.completes, row.recall_form, row.recalled_by, row.recall_text,
    )  # fmt: skip


async def answer_to(tx: Transaction, task_id: UUID) -> Answer | None:
    """How the task was answered; None where it was not, or that was taken back."""
    wanted = sa.select(decision.c.answer).where(decision.c.task_id == task_id, ~_is_recalled())
    found = (await tx.connection.execute(wanted)).scalar_one_or_none()
    return Answer(found) if found else None


async def can_be_carried_out(tx: Transaction, head: TaskHead, today: date) -> bool:
    """Whether the task's answer is a no, a question, or the last approval of a round of which none can be called in any more.

    It may have been recalled since.
    """
    before = decision.alias("before")
    of_the_round = sa.and_(*(before.c[key] == decision.c[key] for key in ("case_id", "attempt", "round")))
    waits = sa.exists().where(of_the_round, before.c.carried_out_from > today)
    ends = (decision.c.answer != Answer.APPROVED) | (decision.c.completes & ~waits)
    return (await tx.connection.execute(sa.select(decision.c.id).where(decision.c.task_id == head.id, ends))).first() is not None


async def approvals_on(tx: Transaction, tasks: Collection[UUID]) -> list[UUID]:
    """The approvals of these tasks that were not recalled, in the order in which they were given."""
    wanted = sa.select(decision.c.id).where(decision.c.task_id.in_(tasks), decision.c.answer == Answer.APPROVED, ~_is_recalled())
    return list(await tx.connection.scalars(wanted.order_by(decision.c.decided_at, decision.c.stage)))


async def is_recalled(tx: Transaction, task_id: UUID) -> bool:
    """Whether the task was approved and that was taken back."""
    wanted = sa.select(recall.c.id).join(decision, decision.c.id == recall.c.decision_id).where(decision.c.task_id == task_id)
    return (await tx.connection.execute(wanted)).first() is not None


async def recall_refusal(tx: Transaction, decision_id: UUID) -> ApprovalRule | None:
    """Why the caller may not recall a decision; None where they may. Errors: NoResultFound where there is no such decision."""
    rows, later = await _decision_rows(tx, decision.c.id == decision_id)
    [row] = rows
    in_force = await policy_in_force(tx, Kind(row.kind))
    return recall_objection(_recallable(row, later), tx.caller.person, tx.caller.roles, in_force.authorities)


async def decisions_of_case(tx: Transaction, case: UUID) -> tuple[DecisionShown, ...]:
    """Every decision on a case, oldest first; also what was declined, recalled or came to nothing."""
    return await _decisions(tx, decision.c.case_id == case)


@dataclass(frozen=True)
class OtherRefund:
    """Another refund as it was approved, whole, by everyone who did; `approved_at` is when the last of them did."""

    case: UUID
    attempt: int
    account: UUID
    amount_pence: int
    approved_at: datetime
    approved_by: tuple[str, ...]
    carried: Carried


@dataclass(frozen=True)
class OtherRefunds:
    """What an approver should know of beside the refund in hand, newest first; `waiting` are those that nobody has approved yet.

    No rule adds them up: the limits of policy are of one plan, and whether somebody splits a refund is the approver's to see.
    """

    approved: tuple[OtherRefund, ...]
    waiting: tuple[TaskRow, ...]

    @property
    def total_pence(self) -> int:
        return sum(refund.amount_pence for refund in self.approved)


async def other_refunds(tx: Transaction, accounts: Collection[UUID], *, since: date, besides: UUID) -> OtherRefunds:
    """Refunds of these accounts that were approved since a day (Europe/London), or wait for it now, but for one case.

    What was recalled or came to nothing is none.
    """
    mine = sa.and_(task.c.kind == Kind.REFUND, task.c.account.in_(accounts), task.c.case_id != besides)
    first_instant = datetime.combine(since, time.min, LONDON)
    made = await _decisions(tx, mine & (decision.c.answer == Answer.APPROVED) & (decision.c.decided_at >= first_instant))
    open_tasks = (await tx.connection.execute(sa.select(task).where(mine, task.c.status == Status.OPEN).order_by(task.c.opened_at))).all()
    of_task = sa.select(task.c.id, task.c.account).where(task.c.id.in_([one.task for one in made]))
    account_of = {row.id: row.account for row in await tx.connection.execute(of_task)}
    rounds: dict[tuple[UUID, int, int], list[DecisionShown]] = defaultdict(list)
    for one in made:
        rounds[one.case, one.attempt, one.round].append(one)
    # The last of a case: a payment that came back was approved anew, and is one refund.
    approved = {
        stages[-1].case: OtherRefund(
            case=stages[-1].case,
            attempt=stages[-1].attempt,
            account=account_of[stages[-1].task],
            amount_pence=stages[-1].amount_pence,
            approved_at=stages[-1].decided_at,
            approved_by=tuple(one.decided_by_name for one in stages),
            carried=stages[-1].carried,
        )
        for stages in rounds.values()
        if stages[-1].completes and stages[-1].carried in _STANDS
    }
    newest_first = sorted(approved.values(), key=lambda refund: refund.approved_at, reverse=True)
    return OtherRefunds(tuple(newest_first), await _task_rows(tx, open_tasks))


_STANDS = frozenset({Carried.BEING_CARRIED_OUT, Carried.RELEASED, Carried.CARRIED_OUT})
"""What becomes of an approval by which money goes, or went, to the tenant."""


async def _decisions(tx: Transaction, which: sa.ColumnElement[bool]) -> tuple[DecisionShown, ...]:
    rows, later = await _decision_rows(tx, which)
    names = await names_of(tx, {name for row in rows for name in (row.decided_by, *row.on_behalf_of)})
    in_force = await policies_in_force(tx, (row.kind for row in rows))
    return tuple(_decision(tx, row, names, in_force[Kind(row.kind)].authorities, later) for row in rows)


async def _decision_rows(tx: Transaction, which: sa.ColumnElement[bool]) -> tuple[Sequence[Any], dict[tuple[UUID, int, int], int]]:
    recall_fate = update_outcome.alias("recall_fate")
    released = sa.select(release_line.c.run).where(release_line.c.decision_id == decision.c.id)
    columns = (
        decision,
        task.c.kind,
        task.c.status,
        task.c.because,
        recall.c.recalled_by,
        recall.c.recalled_at,
        recall.c.text.label("recall_text"),
        update_outcome.c.accepted,
        update_outcome.c.reason,
        recall_fate.c.reason.label("recall_refused"),
        released.scalar_subquery().label("run"),
    )
    joined = decision.join(task, task.c.id == decision.c.task_id).outerjoin(recall, recall.c.decision_id == decision.c.id)
    joined = joined.outerjoin(update_outcome, update_outcome.c.id == decision.c.id).outerjoin(recall_fate, recall_fate.c.id == recall.c.id)
    wanted = sa.select(*columns).select_from(joined).where(which).order_by(decision.c.decided_at, decision.c.stage)
    rows = (await tx.connection.execute(wanted)).all()
    return rows, await _highest_stages(tx, {row.case_id for row in rows})


async def _highest_stages(tx: Transaction, cases: Collection[UUID]) -> dict[tuple[UUID, int, int], int]:
    stage = sa.func.max(decision.c.stage)
    key = (decision.c.case_id, decision.c.attempt, decision.c.round)
    wanted = sa.select(*key, stage).where(decision.c.case_id.in_(cases), ~_is_recalled()).group_by(*key)
    return {(row[0], row[1], row[2]): row[3] for row in (await tx.connection.execute(wanted)).all()}


def _decision(
    tx: Transaction,
    row: Any,
    names: Mapping[str, str],
    authorities: tuple[Authority, ...],
    later: Mapping[tuple[UUID, int, int], int],
) -> DecisionShown:
    highest = later.get((row.case_id, row.attempt, row.round), 0)
    carried, because = _fate(row, highest)
    refused = recall_objection(_recallable(row, later), tx.caller.person, tx.caller.roles, authorities)
    return DecisionShown(
        decision=row.id, task=row.task_id, case=row.case_id, attempt=row.attempt, round=row.round, stage=row.stage, stages=row.stages,
        amount_pence=row.amount_pence, content_hash=row.content_hash, answer=Answer(row.answer), reason_code=row.reason_code, text=row.text,
        question_to=row.question_to, decided_by=row.decided_by, decided_by_name=names.get(row.decided_by, row.decided_by),
        roles=tuple(row.roles), limit_pence=row.limit_pence,
        on_behalf_of=tuple(names.get(one, one) for one in row.on_behalf_of), completes=row.completes, decided_at=row.decided_at,
        carried=carried, because=because, carried_out_from=row.carried_out_from,
        recalled_by=row.recalled_by, recalled_at=row.recalled_at, recall_text=row.recall_text, recall_refused=row.recall_refused,
        run=row.run, may_recall=refused is None,
        why_no_recall=refused.message if refused and row.answer == Answer.APPROVED else None,
    )  # fmt: skip


def _recallable(row: Any, later: Mapping[tuple[UUID, int, int], int]) -> Recallable:
    return Recallable(
        answer=Answer(row.answer),
        decided_by=row.decided_by,
        on_behalf_of=tuple(row.on_behalf_of),
        stage=row.stage,
        amount_pence=row.amount_pence,
        status=Status(row.status),
        recalled=row.recalled_at is not None,
        released=row.run is not None,
        highest_stage_decided=later.get((row.case_id, row.attempt, row.round), 0),
    )


def _fate(row: Any, highest_stage_decided: int) -> tuple[Carried, str | None]:
    if row.recalled_at is not None and row.status != Status.CARRIED_OUT:
        return Carried.RECALLED, None
    if row.status == Status.CARRIED_OUT or (row.answer != Answer.APPROVED and row.accepted):
        return Carried.CARRIED_OUT, row.because
    if row.status in (Status.NOT_CARRIED_OUT, Status.VOID):
        return Carried.NOT_CARRIED_OUT, row.because
    if row.accepted is False:
        return Carried.NOT_CARRIED_OUT, row.reason
    if row.answer == Answer.APPROVED and not row.completes and highest_stage_decided <= row.stage:
        return Carried.AWAITS_NEXT, None
    return (Carried.RELEASED if row.run is not None else Carried.BEING_CARRIED_OUT), None


# --- releases -----------------------------------------------------------------------------------------------------------------------


async def release_standing(tx: Transaction, cases: Iterable[tuple[UUID, UUID]], total_pence: int = 0) -> ReleaseStanding:
    """What keeps the caller from releasing these payments: pairs of a case and the decision that completes its approval."""
    in_force = await policy_in_force(tx, Kind.REFUND)
    mine = best_of(in_force.authorities, Act.RELEASE, 1, tx.caller.roles)
    refused = release_objection(mine, tx.caller.roles, total_pence)
    pairs = dict(cases)
    known = await release_cases(tx, pairs.values())
    lines = {case: line_objection(known.get(made), tx.caller.person, tx.now) for case, made in pairs.items()}
    words = {case: rule.message for case, rule in lines.items() if rule is not None}
    by_decision = await approvers(tx, pairs.values())
    approved_by = {case: by_decision.get(made, ()) for case, made in pairs.items()}
    return ReleaseStanding(refused.message if refused else None, mine.to_pence if mine else None, words, approved_by)


async def approvers(tx: Transaction, completing: Iterable[UUID]) -> dict[UUID, tuple[str, ...]]:
    """The names of those who approved in the round that a decision completes, by that decision, in the order of the stages."""
    last = decision.alias("last")
    of_the_round = sa.and_(*(decision.c[name] == last.c[name] for name in ("case_id", "attempt", "round")))
    stands = (decision.c.answer == Answer.APPROVED, ~_is_recalled())
    wanted = sa.select(last.c.id, decision.c.decided_by).select_from(last.join(decision, of_the_round))
    rows = (await tx.connection.execute(wanted.where(last.c.id.in_(list(completing)), *stands).order_by(decision.c.stage))).all()
    names = await names_of(tx, {row.decided_by for row in rows})
    found: dict[UUID, tuple[str, ...]] = {}
    for row in rows:
        found[row.id] = (*found.get(row.id, ()), names.get(row.decided_by, row.decided_by))
    return found


async def release_cases(tx: Transaction, decisions: Iterable[UUID]) -> dict[UUID, ReleaseCase]:
    """What four eyes needs to know of payments before release, by the decision that completes each approval."""
    released = sa.exists().where(release_line.c.decision_id == decision.c.id)
    wanted = sa.select(decision, task.c.status, _is_recalled().label("recalled"), released.label("released")).join(
        task, task.c.id == decision.c.task_id
    )
    rows = (await tx.connection.execute(wanted.where(decision.c.id.in_(list(decisions))))).all()
    cases = {row.case_id for row in rows}
    took_part: dict[UUID, list[Participation]] = defaultdict(list)
    for one in (await tx.connection.execute(sa.select(participant).where(participant.c.case_id.in_(cases)))).all():
        took_part[one.case_id].append(Participation(one.person, one.why, one.at))
    deciders: dict[tuple[UUID, int], set[str]] = defaultdict(set)
    approvers: dict[tuple[UUID, int, int], set[str]] = defaultdict(set)
    made = sa.select(decision, _is_recalled().label("recalled")).where(decision.c.case_id.in_(cases))
    for one in (await tx.connection.execute(made)).all():
        people = {one.decided_by, *one.on_behalf_of}
        deciders[(one.case_id, one.attempt)] |= people
        if not one.recalled:
            approvers[(one.case_id, one.attempt, one.round)] |= people
    return {
        row.id: ReleaseCase(
            stands=row.completes and not row.recalled and row.status == Status.DECIDED,
            released=row.released,
            participants=took_part[row.case_id],
            deciders=frozenset(deciders[(row.case_id, row.attempt)]),
            approvers=frozenset(approvers[(row.case_id, row.attempt, row.round)]),
        )
        for row in rows
    }


@dataclass(frozen=True)
class SignedLine:
    case: UUID
    attempt: int
    content_hash: str
    amount_pence: int


async def lines_of(tx: Transaction, run: UUID) -> tuple[SignedLine, ...]:
    """The lines of a released run by case; none where no such run was released."""
    wanted = sa.select(release_line).where(release_line.c.run == run).order_by(release_line.c.case_id)
    return tuple(
        SignedLine(row.case_id, row.attempt, row.content_hash, row.amount_pence) for row in (await tx.connection.execute(wanted)).all()
    )


async def releases(tx: Transaction, runs: Iterable[UUID]) -> dict[UUID, ReleaseShown]:
    """Who released these runs, when."""
    rows = (await tx.connection.execute(sa.select(release).where(release.c.run.in_(list(runs))))).all()
    return {row.run: ReleaseShown(row.run, row.released_by, row.released_at, row.lines, row.total_pence) for row in rows}


# --- selections -----------------------------------------------------------------------------------------------------------------------

OPEN_SELECTIONS = 5
"""So many of the newest are listed: what is left of older ones can be chosen anew."""


async def open_tasks(tx: Transaction, tasks: Collection[UUID]) -> tuple[TaskHead, ...]:
    """Those of the tasks that wait for a decision."""
    wanted = sa.select(task).where(task.c.id.in_(list(tasks)), task.c.status == Status.OPEN).order_by(task.c.priority_at, task.c.id)
    return tuple(_head(row) for row in (await tx.connection.execute(wanted)).all())


@dataclass(frozen=True)
class OpenSelection:
    """What the caller chose and has not signed for, as it was shown then."""

    id: UUID
    made_at: datetime
    lines: int
    total_pence: int


async def open_selections(tx: Transaction, *, about: UUID | None = None) -> tuple[OpenSelection, ...]:
    """The caller's selections that are not signed for and of which a task still waits, newest first; only those with the task `about`."""
    theirs = selection_line.alias()
    waits = sa.exists().where(theirs.c.selection_id == selections.c.id, task.c.id == theirs.c.task_id, task.c.status == Status.OPEN)
    wanted = sa.select(selections.c.id, selections.c.made_at, sa.func.count(), sa.func.sum(selection_line.c.amount_pence))
    whole = selections.join(selection_line, selection_line.c.selection_id == selections.c.id)
    wanted = wanted.select_from(whole).group_by(selections.c.id, selections.c.made_at)
    wanted = wanted.where(selections.c.person == tx.caller.person, waits.correlate(selections))
    wanted = wanted.where(~sa.exists().where(selection_signed.c.selection_id == selections.c.id))
    if about is not None:
        one = selection_line.alias()
        wanted = wanted.where(sa.exists().where(one.c.selection_id == selections.c.id, one.c.task_id == about).correlate(selections))
    found = await tx.connection.execute(wanted.order_by(selections.c.made_at.desc(), selections.c.id).limit(OPEN_SELECTIONS))
    return tuple(OpenSelection(row[0], row[1], row[2], int(row[3])) for row in found)


async def selection(tx: Transaction, selection_id: UUID) -> Selection | None:
    """A selection with its lines in the order of the worklist, or None."""
    joined = selections.outerjoin(selection_signed, selection_signed.c.selection_id == selections.c.id)
    wanted = sa.select(selections, selection_signed.c.signed_at).select_from(joined).where(selections.c.id == selection_id)
    head = (await tx.connection.execute(wanted)).one_or_none()
    if head is None:
        return None
    opened = sa.exists().where(
        case_seen.c.case_id == selection_line.c.case_id, case_seen.c.person == head.person, case_seen.c.seen_at >= head.made_at
    )
    same = (selection_result.c.selection_id == selection_line.c.selection_id, selection_result.c.task_id == selection_line.c.task_id)
    lines = selection_line.join(task, task.c.id == selection_line.c.task_id).outerjoin(selection_result, sa.and_(*same))
    columns = (selection_line, task.c.account, opened.label("opened"), selection_result.c.decision_id, selection_result.c.refused)
    found = sa.select(*columns).select_from(lines).where(selection_line.c.selection_id == selection_id)
    rows = (await tx.connection.execute(found.order_by(task.c.priority_at, task.c.id))).all()
    return Selection(
        head.id, head.person, head.made_at, head.signed_at,
        tuple(
            Line(
                row.task_id, row.case_id, row.account, row.content_hash, row.amount_pence, row.opened_first, row.opened, row.decision_id,
                row.refused,
            )
            for row in rows
        ),
    )  # fmt: skip


# --- delegations and absences ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DelegationShown:
    """A delegation, whether or not it has begun or ended. Dates are both within, Europe/London; the ceiling in pence."""

    id: UUID
    giver: str
    giver_name: str
    taker: str
    taker_name: str
    ceiling_pence: int
    from_on: date
    until_on: date
    given_at: datetime
    ended_by_name: str | None
    ended_at: datetime | None

    def in_force(self, today: date) -> bool:
        return self.ended_at is None and self.from_on <= today <= self.until_on

    def over(self, today: date) -> bool:
        return self.ended_at is not None or today > self.until_on

    @property
    def last_day(self) -> date:
        """On which it ended, or will."""
        return min(self.until_on, business_date(self.ended_at)) if self.ended_at else self.until_on


async def delegations(tx: Transaction) -> tuple[DelegationShown, ...]:
    """Every delegation that was ever given, newest first."""
    joined = delegation.outerjoin(delegation_end, delegation_end.c.delegation_id == delegation.c.id)
    wanted = sa.select(delegation, delegation_end.c.ended_by, delegation_end.c.ended_at).select_from(joined)
    rows = (await tx.connection.execute(wanted.order_by(delegation.c.given_at.desc(), delegation.c.id))).all()
    names = await names_of(tx, {name for row in rows for name in (row.giver, row.taker, row.ended_by) if name})
    return tuple(
        DelegationShown(
            row.id, row.giver, names.get(row.giver, row.giver), row.taker, names.get(row.taker, row.taker), row.ceiling_pence, row.from_on,
            row.until_on, row.given_at, names.get(row.ended_by, row.ended_by), row.ended_at,
        )
        for row in rows
    )  # fmt: skip


async def lent_today(tx: Transaction, until: date | None = None) -> tuple[Lent, ...]:
    """The delegations in force at this moment, each with the roles that its giver held then and still holds, as far as the desk knows.
    With `until`, those alone that last until that day.
    """
    today = business_date(tx.now)
    ended = sa.exists().where(delegation_end.c.delegation_id == delegation.c.id)
    wanted = (
        sa.select(delegation, staff.c.roles)
        .join(staff, staff.c.subject == delegation.c.giver)
        .where(delegation.c.from_on <= today, max(today, until or today) <= delegation.c.until_on)
        .where(delegation.c.given_at <= sa.func.now(), ~ended)
        .order_by(delegation.c.given_at, delegation.c.id)
    )
    rows = (await tx.connection.execute(wanted)).all()
    return tuple(Lent(row.id, row.giver, row.taker, row.ceiling_pence, frozenset(row.giver_roles) & frozenset(row.roles)) for row in rows)


@dataclass(frozen=True)
class Gives:
    """What a delegation in force gives its taker at present: up to how many pence of each kind of task, by whose authority, the root first.

    `why_nothing`: the reason in words, where it gives nothing.
    """

    up_to: Mapping[Kind, int]
    on_behalf_of: tuple[str, ...] = ()
    why_nothing: str | None = None


async def given_today(tx: Transaction) -> dict[UUID, Gives]:
    """What each delegation in force gives, worked out as for a decision by it: with its chain, every ceiling and every end on the way."""
    lent, known = await lent_today(tx), {one.subject: one for one in await staff_known(tx)}
    tables = await tables_today(tx)
    every = await delegations(tx)
    shown = {one.id: one for one in every}
    given: dict[UUID, Gives] = {}
    for loan in lent:
        one, taker = shown[UUID(f"{loan.id}")], known[loan.taker]
        through = {
            kind: [held for held in _held_by(table, loan.taker, taker.roles, alone(loan, lent)) if held.chain[-1:] == (loan,)]
            for kind, table in tables.items()
            if not set(taker.roles) <= READS_ONLY
        }
        best = max((held for found in through.values() for held in found), key=lambda held: held.limit_pence or 0, default=None)
        if best is None:
            own = known[loan.giver].roles
            held_by_giver = [held for table in tables.values() for held in _held_by(table, loan.giver, own, lent)]
            given[one.id] = Gives({}, why_nothing=_why_nothing(one, held_by_giver, every, business_date(tx.now)))
            continue
        up_to = {kind: max(held.limit_pence or 0 for held in found) for kind, found in through.items() if found}
        given[one.id] = Gives(up_to, tuple(known[person].name for person in best.on_behalf_of))
    return given


def _why_nothing(loan: DelegationShown, held: Sequence[Mandate], every: Sequence[DelegationShown], today: date) -> str:
    if not held:
        gone = [one for one in every if one.taker == loan.giver and one.given_at < loan.given_at and one.over(today)]
        last = max(gone, key=lambda one: one.last_day, default=None)
        ended = f"; what {last.giver_name} lent them ended on {in_words(last.last_day)}" if last else ""
        return f"{loan.giver_name} has nothing to lend{ended}"
    if all(loan.taker in one.on_behalf_of for one in held):
        return f"{loan.giver_name} has it from {loan.taker_name}"
    if all(loan.taker in one.on_behalf_of or not one.may_go_on() for one in held):
        return f"what {loan.giver_name} has was lent on twice already"
    return f"nothing of what {loan.giver_name} may decide goes on to {loan.taker_name}"


@dataclass(frozen=True)
class AbsenceShown:
    """Days out of office, both within, Europe/London, and who stands in."""

    id: UUID
    person: str
    person_name: str
    deputy: str
    deputy_name: str
    from_on: date
    until_on: date
    noted_at: datetime
    ended_at: datetime | None

    def over(self, today: date) -> bool:
        return self.ended_at is not None or today > self.until_on

    def meets(self, first: date, last: date) -> bool:
        """Whether it covers one of these days."""
        return self.ended_at is None and self.from_on <= last and first <= self.until_on


async def absences(tx: Transaction) -> tuple[AbsenceShown, ...]:
    """Every absence that was ever noted, newest first."""
    joined = absence.outerjoin(absence_end, absence_end.c.absence_id == absence.c.id)
    wanted = sa.select(absence, absence_end.c.ended_at).select_from(joined).order_by(absence.c.noted_at.desc(), absence.c.id)
    rows = (await tx.connection.execute(wanted)).all()
    names = await names_of(tx, {name for row in rows for name in (row.person, row.deputy)})
    return tuple(
        AbsenceShown(
            row.id, row.person, names.get(row.person, row.person), row.deputy, names.get(row.deputy, row.deputy), row.from_on, row.until_on,
            row.noted_at, row.ended_at,
        )
        for row in rows
    )  # fmt: skip


@dataclass(frozen=True)
class Away:
    """Who is out of office today: by which absence, and who is shown what waits for them; None where all who stand in are away.

    `until_on`: the last day before one on which they are there, where one absence follows on another; `absence` may end before.
    """

    absence: AbsenceShown
    until_on: date
    stands_in: str | None
    stands_in_name: str | None


async def away_today(tx: Transaction) -> tuple[Away, ...]:
    """Everyone who is out of office today, once, by the absence that they noted last."""
    today, deputies = business_date(tx.now), await deputies_today(tx)
    newest_last = (*reversed(await absences(tx)),)
    counts = {one.person: one for one in newest_last if one.from_on <= today and not one.over(today)}
    stands_in = {person: stand_in(person, deputies) for person in counts}
    names = await names_of(tx, {one for one in stands_in.values() if one})
    return tuple(
        Away(one, _last_day_away(newest_last, one), who := stands_in[person], names.get(who, who) if who else None)
        for person, one in counts.items()
    )


def _last_day_away(absences: Collection[AbsenceShown], today: AbsenceShown) -> date:
    until = today.until_on
    theirs = [one for one in absences if one.person == today.person]
    while (last := max(one.until_on for one in theirs if one.meets(until, until + timedelta(days=1)))) > until:
        until = last
    return until


async def deputies_today(tx: Transaction) -> dict[str, str]:
    """Of each person who is out of office today, their deputy: the one whom they named last."""
    today = business_date(tx.now)
    ended = sa.exists().where(absence_end.c.absence_id == absence.c.id)
    wanted = sa.select(absence).where(absence.c.from_on <= today, today <= absence.c.until_on, ~ended).order_by(absence.c.noted_at)
    return {row.person: row.deputy for row in (await tx.connection.execute(wanted)).all()}


# --- people -------------------------------------------------------------------------------------------------------------------------


async def staff_known(tx: Transaction) -> tuple[StaffRow, ...]:
    """Everyone who has signed in at the desk, by name."""
    rows = (await tx.connection.execute(sa.select(staff).order_by(staff.c.name, staff.c.subject))).all()
    return tuple(_staff_row(row) for row in rows)


def _staff_row(row: Any) -> StaffRow:
    return StaffRow(row.subject, row.name, tuple(row.roles), row.last_seen_at)


async def names_of(tx: Transaction, subjects: Collection[str]) -> dict[str, str]:
    """The names of staff by subject, as far as they have signed in at the desk."""
    if not subjects:
        return {}
    rows = (await tx.connection.execute(sa.select(staff.c.subject, staff.c.name).where(staff.c.subject.in_(sorted(subjects))))).all()
    return {row.subject: row.name for row in rows}


async def saved_views(tx: Transaction) -> tuple[SavedView, ...]:
    """The caller's saved views, by name."""
    wanted = sa.select(saved_view).where(saved_view.c.person == tx.caller.person).order_by(saved_view.c.name)
    rows = (await tx.connection.execute(wanted)).all()
    return tuple(SavedView(row.id, row.name, View(row.view), filters_from(row.filters)) for row in rows)


def filters_as_words(filters: Filters) -> dict[str, str]:
    """Filters as short texts, for an address or a row; what is not set is left out."""
    return {name: str(value) for name, value in asdict(filters).items() if value is not None and value is not False}


def filters_from(words: Mapping[str, str]) -> Filters:
    """The filters that `filters_as_words` wrote. Errors: ValueError for a word that is none of theirs."""
    readers: dict[str, Any] = {
        "kind": Kind, "lane": Lane, "from_pence": int, "to_pence": int, "raised_by": str, "decided_by": str, "answer": Answer, "due": Due,
        "unclaimed": lambda word: word == "True", "account": UUID, "case": UUID, "since": date.fromisoformat, "until": date.fromisoformat,
    }  # fmt: skip
    return Filters(**{name: readers[name](word) for name, word in words.items() if name in readers})


# --- the review of access -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LentAccess:
    """Authority that is lent to a person today, or by which they decided before it ended: by whom, what it gives, and when they last used
    it. `ended_on` is the last day of what is over; of each giver's it is the one that was used last.
    """

    giver_name: str
    gives: Gives
    ended_on: date | None
    last_decided_at: datetime | None


@dataclass(frozen=True)
class PersonAccess:
    """What a person may decide and release today, and when they last did each; recalling is a use of the authority to decide.

    `last_decided_at` is of their own authority. `unused`: not seen for as long as policy says.
    """

    subject: str
    name: str
    roles: tuple[str, ...]
    decides: Mapping[Kind, tuple[Authority, ...]]
    releases: tuple[Authority, ...]
    lent: tuple[LentAccess, ...]
    last_seen_at: datetime
    last_decided_at: Mapping[Kind, datetime]
    last_released_at: datetime | None
    last_made_policy_at: datetime | None
    unused: bool


@dataclass(frozen=True)
class AccessReview:
    """Everyone who ever signed in, by name."""

    people: tuple[PersonAccess, ...]
    unused_after_days: int


async def access_review(tx: Transaction) -> AccessReview:
    """Who may do what, and last did when (domain.md 9: a report of roles, last use, leavers)."""
    tables = await policies_in_force(tx, Kind)
    refunds = tables[Kind.REFUND]
    lent: dict[str, list[LentAccess]] = defaultdict(list)
    by_loan = await _last_decided_by_loan(tx)
    given, every = await given_today(tx), await delegations(tx)
    used = {(one.taker, one.giver): one for one in sorted(every, key=lambda one: by_loan.get(one.id, one.given_at)) if one.id in by_loan}
    for one in every:
        if one.id in given:
            lent[one.taker].append(LentAccess(one.giver_name, given[one.id], None, by_loan.get(one.id)))
    for one in used.values():
        if one.id not in given:
            lent[one.taker].append(LentAccess(one.giver_name, Gives({}), one.last_day, by_loan[one.id]))
    made = sa.select(policy_proposal.c.proposed_by.label("by"), policy_proposal.c.proposed_at.label("at"))
    policies = made.union_all(sa.select(policy_check.c.checked_by, policy_check.c.checked_at)).subquery()
    released = _last(release.c.released_at, release.c.released_by).label("released")
    columns = (staff, released, _last(policies.c.at, policies.c.by).label("made"))
    rows = (await tx.connection.execute(sa.select(*columns).order_by(staff.c.name, staff.c.subject))).all()
    decided = await _last_decided(tx)
    return AccessReview(
        tuple(
            PersonAccess(
                row.subject, row.name, tuple(row.roles), {kind: _held(one, Act.DECIDE, row.roles) for kind, one in tables.items()},
                _held(refunds, Act.RELEASE, row.roles), tuple(lent[row.subject]), row.last_seen_at, decided[row.subject],
                row.released, row.made, unused=tx.now - row.last_seen_at > timedelta(days=refunds.unused_after_days),
            )
            for row in rows
        ),
        refunds.unused_after_days,
    )  # fmt: skip


async def _last_decided(tx: Transaction) -> Mapping[str, Mapping[Kind, datetime]]:
    """When each person last decided something of a kind by their own authority, or recalled what was not decided by a loan to them."""
    kind, by_own = task.c.kind, sa.func.cardinality(decision.c.delegations) == 0
    made = sa.select(decision.c.decided_by.label("by"), kind, decision.c.decided_at.label("at")).join(task, task.c.id == decision.c.task_id)
    made = made.where(by_own)
    of_recalls = sa.select(recall.c.recalled_by, kind, recall.c.recalled_at).join(decision, decision.c.id == recall.c.decision_id)
    of_recalls = of_recalls.join(task, task.c.id == decision.c.task_id).where(by_own | (recall.c.recalled_by != decision.c.decided_by))
    acts = made.union_all(of_recalls).subquery()
    wanted = sa.select(acts.c.by, acts.c.kind, sa.func.max(acts.c.at).label("at")).group_by(acts.c.by, acts.c.kind)
    found: dict[str, dict[Kind, datetime]] = defaultdict(dict)
    for row in (await tx.connection.execute(wanted)).all():
        found[row.by][Kind(row.kind)] = row.at
    return found


async def _last_decided_by_loan(tx: Transaction) -> Mapping[UUID, datetime]:
    """When its taker last decided by each delegation: the last of a chain is theirs."""
    links = sa.func.cardinality(decision.c.delegations)
    loan = decision.c.delegations[links]
    wanted = sa.select(loan.label("loan"), sa.func.max(decision.c.decided_at).label("at")).where(links > 0).group_by(loan)
    return {row.loan: row.at for row in (await tx.connection.execute(wanted)).all()}


def _last(at: sa.ColumnElement[datetime], by: sa.ColumnElement[str]) -> sa.ScalarSelect[datetime]:
    return sa.select(sa.func.max(at)).where(by == staff.c.subject).scalar_subquery()


def _held(in_force: Policy, act: Act, roles: Collection[str]) -> tuple[Authority, ...]:
    """The rows that give these roles the most, stage by stage. A higher limit of an office that begins higher is not more: both count."""
    parts = [[row for row in in_force.authorities if row.is_of_an_office is of_office] for of_office in (False, True)]
    stages = sorted({row.stage for row in in_force.authorities})
    found = (best_of(part, act, stage, roles) for stage in stages for part in parts)
    return tuple(row for row in found if row is not None)
