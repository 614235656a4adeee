"""What the desk and approvals ask of writeoffs. Names and references of accounts are asked of the ledger by whoever shows them."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.parked import waits_since
from chassis.transaction import SYSTEM, Transaction
from rentbook_contracts.ledger import ACCOUNT_LABELS, Accounts, LineKind, LinePart, PersonFacts
from rentbook_contracts.operation import Nothing
from rentbook_contracts.words import counted
from rentbook_contracts.workflows import schedule_workflow_id
from rentbook_contracts.writeoffs import (
    LINE_GONE,
    LINE_OFF,
    EvidenceKind,
    EvidencePolicies,
    EvidencePolicy,
    EvidenceProposal,
    EvidenceVersion,
    LadderFigure,
    LadderShown,
    LaddersShown,
    LinesHandedOut,
    LinesToPost,
    LineToDecide,
    OrderKind,
    ProofShown,
    ProposalEvent,
    ProposalRow,
    Proposals,
    ProposalsAsked,
    ProposalStatus,
    Reason,
    Register,
    RegisterAsked,
    RegisterOrder,
    RegisterRow,
    RegisterTotal,
    Reminders,
    RungShown,
    ScheduleAsked,
    ScheduleLineShown,
    ScheduleOfHash,
    SchedulePage,
    ScheduleRow,
    Schedules,
    SchedulesAsked,
    ScheduleToDecide,
    ScheduleTotals,
    Struck,
    TotalByReason,
    TotalsAsked,
    WriteOffTotals,
)
from sqlalchemy.dialects.postgresql import ARRAY

from writeoffs.domain.days import business_date
from writeoffs.domain.insolvency import ORDERS
from writeoffs.domain.ladder import ANSWERS, Proof, noted_late
from writeoffs.domain.money import pounds
from writeoffs.domain.policy import PROOF_OF, Ladder, WriteOffPolicy, policy_at, read_policy
from writeoffs.domain.reminding import EventKind, Waited, reminders
from writeoffs.domain.rules import UnknownProposal, UnknownSchedule, WriteOffRule
from writeoffs.tables import (
    BROUGHT_EARLIER,
    event,
    last_contact,
    participant,
    policy,
    policy_check,
    policy_proposal,
    proof,
    proposal,
    register,
    round_line,
    schedule,
    schedule_line,
    schedule_participant,
    schedule_round,
    struck,
)

Row = sa.Row[Any]

WAITING = (ProposalStatus.GATHERING, ProposalStatus.BLOCKED)
"""Where a proposal stands while it waits for evidence, or for something to pass."""

LABELS_ASKED = 500
"""How many accounts the ledger names in one answer."""


class NoSuchContent(WriteOffRule):
    """The schedule has no round with this hash."""


async def policies(tx: Transaction) -> list[WriteOffPolicy]:
    """The latest first."""
    rows = await tx.connection.execute(sa.select(policy.c.figures).order_by(policy.c.in_force_from.desc()))
    return [read_policy(row.figures) for row in rows]


async def policy_proposals(tx: Transaction) -> list[EvidenceProposal]:
    """Every proposal for a policy, the newest first."""
    answered = (policy_check.c.answer, policy_check.c.checked_by, policy_check.c.checked_at, policy_check.c.text)
    joined = policy_proposal.outerjoin(policy_check, policy_check.c.proposal == policy_proposal.c.id)
    wanted = sa.select(policy_proposal, *answered).select_from(joined)
    rows = await tx.connection.execute(wanted.order_by(policy_proposal.c.proposed_at.desc(), policy_proposal.c.id))
    return [
        EvidenceProposal(
            proposal=row.id,
            policy=EvidencePolicy.model_validate(row.figures),
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at,
            answer=row.answer,
            checked_by=row.checked_by,
            checked_at=row.checked_at,
            text=row.text,
        )
        for row in rows
    ]


async def evidence_policies(tx: Transaction, _: Nothing) -> EvidencePolicies:
    """What is asked for, whole, and what was proposed."""
    versions = (
        EvidenceVersion(version=one.version, council=one.council, policy=one.figures, made_by=one.made_by, checked_by=one.checked_by)
        for one in await policies(tx)
    )
    return EvidencePolicies(versions=tuple(versions), proposals=tuple(await policy_proposals(tx)))


async def in_force(tx: Transaction, day: date) -> WriteOffPolicy:
    """The policy in force on a Europe/London day. Errors: NoPolicyInForce."""
    return policy_at(await policies(tx), day)


async def schedule_to_decide(tx: Transaction, asked: ScheduleOfHash) -> ScheduleToDecide:
    """The lines of the round that this hash is of, whatever became of them since. Errors: NoSuchContent."""
    wanted = sa.select(schedule_round).where(
        schedule_round.c.schedule == asked.schedule, schedule_round.c.content_hash == asked.content_hash
    )
    found = (await tx.connection.execute(wanted)).first()
    if found is None:
        raise NoSuchContent("The schedule has no such content.")
    head = (await tx.connection.execute(sa.select(schedule).where(schedule.c.id == asked.schedule))).one()
    lines = await _lines_of_round(tx, asked, found.round)
    return ScheduleToDecide(
        schedule=head.id,
        round=found.round,
        kind=LineKind(head.kind),
        title=head.title,
        lines=tuple(
            LineToDecide(
                line=line.line,
                content_hash=line.content_hash,
                account=line.account,
                amount_pence=line.amount_pence,
                debtor_total_pence=line.debtor_total_pence,
            )
            for line in lines
        ),
        band_pence=found.band_pence,
        total_pence=found.total_pence,
        raised_by=head.made_by,
        participants=await _participants(tx, asked, found.round),
        withdrawn=head.withdrawn,
        gone=tuple(line.line for line in lines if line.standing in LINE_GONE),
    )


async def _lines_of_round(tx: Transaction, asked: ScheduleOfHash, number: int) -> Sequence[Row]:
    of_round = sa.select(round_line.c.line).where(round_line.c.schedule == asked.schedule, round_line.c.round == number)
    wanted = sa.select(schedule_line).where(schedule_line.c.schedule == asked.schedule, schedule_line.c.line.in_(of_round))
    return (await tx.connection.execute(wanted.order_by(schedule_line.c.place))).all()


async def _participants(tx: Transaction, asked: ScheduleOfHash, number: int) -> tuple[str, ...]:
    of_round = sa.select(round_line.c.line).where(round_line.c.schedule == asked.schedule, round_line.c.round == number)
    return tuple(sorted(await _taking_part(tx, asked.schedule, of_round)))


async def _taking_part(tx: Transaction, in_schedule: UUID, those: sa.Select[tuple[UUID]] | Sequence[UUID]) -> set[str]:
    """Who takes part in these lines of a schedule by now, so that they do not decide it (decision 7)."""
    lines = sa.and_(schedule_line.c.schedule == in_schedule, schedule_line.c.line.in_(those))
    theirs = _of_other_proposals(lines)
    of_lines = sa.select(participant.c.person).where(participant.c.proposal.in_(those))
    themselves = participant.c.part != BROUGHT_EARLIER
    of_theirs = sa.select(participant.c.person).where(participant.c.proposal.in_(theirs), themselves)
    of_schedule = sa.select(schedule_participant.c.person).where(schedule_participant.c.schedule == in_schedule)
    # What an earlier schedule did not carry out of it was put on this one: whoever made that one would be a stranger to it.
    were_on = sa.select(schedule_line.c.schedule).where(sa.or_(schedule_line.c.line.in_(those), schedule_line.c.line.in_(theirs)))
    of_earlier = sa.select(schedule_participant.c.person).where(schedule_participant.c.schedule.in_(were_on))
    people = of_lines.union(of_theirs, of_schedule, of_earlier, *_heard_beside_lines(lines))
    return {*await tx.connection.scalars(people)} - {None, SYSTEM.person}


def _of_other_proposals(lines: sa.ColumnElement[bool]) -> sa.Select[tuple[Any, ...]]:
    """The other proposals about the same people, on whichever of their accounts, open, withdrawn or declined.

    What was posted is decided and gone. One person's withdrawal and another's proposal of the same debt would make a new case of it, and
    what is said on one account of theirs lets through what is decided on another (decision 7).
    """
    accounts = sa.select(schedule_line.c.account).where(lines).union(sa.select(sa.func.unnest(schedule_line.c.beside)).where(lines))
    return sa.select(proposal.c.id).where(proposal.c.account.in_(accounts), proposal.c.journal.is_(None))


def _heard_beside_lines(lines: sa.ColumnElement[bool]) -> tuple[sa.Select[tuple[Any, ...]], ...]:
    """Who brought, and who struck, what is heard of the people of the untraceable on another account of theirs (`heard_beside`).

    That goes on speaking against each of these lines when its own proposal is posted.
    """
    of_them = sa.or_(proof.c.person.is_(None), schedule_line.c.content["answered_by"].has_key(sa.cast(proof.c.person, sa.Text)))
    heard = (
        schedule_line.join(proposal, proposal.c.account == sa.any_(schedule_line.c.beside))
        .join(proof, proof.c.proposal == proposal.c.id)
        .outerjoin(struck, struck.c.proof == proof.c.id)
    )
    untraceable = schedule_line.c.reason == Reason.UNTRACEABLE.value
    hands = (sa.select(by).select_from(heard) for by in (proof.c.by, struck.c.by))
    return tuple(each.where(lines, untraceable, proof.c.kind.in_(_HEARD_OF), of_them) for each in hands)


async def lines_handed_out(tx: Transaction, asked: LinesToPost) -> LinesHandedOut:
    """In no order. A line that dropped, before or after the decision, is not among them, nor one of another decision.

    Who takes part is looked at once more: a call-in runs for days, and evidence may have been on its way while they decided.
    """
    of_decision = sa.select(schedule.c.id).where(schedule.c.id == asked.schedule, schedule.c.decision == asked.decision)
    wanted = sa.select(schedule_line.c.line).where(
        schedule_line.c.schedule.in_(of_decision), schedule_line.c.line.in_(asked.lines), schedule_line.c.standing == "posting"
    )
    lines = tuple(await tx.connection.scalars(wanted))
    return LinesHandedOut(lines=lines, too_close=await _too_close(tx, asked, lines))


async def _too_close(tx: Transaction, asked: LinesToPost, lines: Sequence[UUID]) -> tuple[UUID, ...]:
    """Nearly always nobody is: then all of the lines are asked about at once."""
    deciders = {*asked.decided_by}
    if not lines or not deciders & await _taking_part(tx, asked.schedule, lines):
        return ()
    return tuple([line for line in lines if deciders & await _taking_part(tx, asked.schedule, [line])])


async def proposal_row(tx: Transaction, id_: Any) -> Row:
    """Errors: UnknownProposal."""
    row = (await tx.connection.execute(sa.select(proposal).where(proposal.c.id == id_))).first()
    if row is None:
        raise UnknownProposal("There is no such proposal.")
    return row


async def was_listed(tx: Transaction, id_: UUID) -> bool:
    """Whether a proposal is or was on a schedule."""
    return bool(await tx.connection.scalar(sa.select(sa.exists().where(schedule_line.c.line == id_))))


async def rungs_posted(tx: Transaction, id_: UUID) -> tuple[RungShown, ...] | None:
    """The evidence on which a posted line was made; None where nobody kept it."""
    posted = schedule_line.c.line == id_, schedule_line.c.standing == "posted"
    kept = await tx.connection.scalar(sa.select(schedule_line.c.rungs).where(*posted))
    return _rungs_kept(kept)


def _rungs_kept(kept: Sequence[Any] | None) -> tuple[RungShown, ...] | None:
    return tuple(RungShown.model_validate(rung) for rung in kept) if kept is not None else None


async def proposal_rows(tx: Transaction, ids: Sequence[Any]) -> list[Row]:
    """In the order asked; unknown ones are left out."""
    found = {row.id: row for row in await tx.connection.execute(sa.select(proposal).where(proposal.c.id.in_(ids)))}
    return [found[id_] for id_ in dict.fromkeys(ids) if id_ in found]


async def accounts_proposed(tx: Transaction, accounts: Collection[UUID]) -> frozenset[UUID]:
    """Those of the accounts that have an open proposal."""
    wanted = sa.select(proposal.c.account).where(proposal.c.account.in_(accounts), proposal.c.closed_at.is_(None))
    return frozenset(await tx.connection.scalars(wanted))


STAYS_WITH_THE_DEBT = (EvidenceKind.SIGNED_ACKNOWLEDGMENT, EvidenceKind.COURT_ACTION)
"""What starts or stops the time of a debt: it goes on being true when the proposal to which it was brought is closed."""

_HEARD_OF = tuple(kind.value for kind in sorted(ANSWERS))
_OF_INSOLVENCY = tuple(kind.value for kind in sorted(ORDERS))


def _theirs_and_earlier(ids: Collection[UUID]) -> sa.Select[tuple[Any, ...]]:
    """The rows of all evidence of these proposals as `of`, oldest first: their own, and what stays with the debt from those before them."""
    earlier = proposal.alias()
    # What was released once stays so, while a further debt is written off for a further order.
    put_back = proposal.c.kind == LineKind.REINSTATEMENT.value
    stays_with_it = sa.or_(
        proof.c.kind.in_([kind.value for kind in STAYS_WITH_THE_DEBT]),
        # Whoever was heard of once was heard of. That a debt is put back because somebody was found is to be shown anew.
        sa.and_(proof.c.kind.in_(_HEARD_OF), ~put_back),
        sa.and_(proof.c.kind.in_(_OF_INSOLVENCY), put_back),
    )
    stays = sa.and_(earlier.c.raised_at < proposal.c.raised_at, stays_with_it)
    said = (struck.c.by.label("struck_by"), struck.c.at.label("struck_at"), struck.c.because)
    return (
        sa.select(proposal.c.id.label("of"), proposal.c.account, proof, *said)
        .join(earlier, earlier.c.account == proposal.c.account)
        .join(proof, proof.c.proposal == earlier.c.id)
        .outerjoin(struck, struck.c.proof == proof.c.id)
        .where(proposal.c.id.in_(ids), sa.or_(earlier.c.id == proposal.c.id, stays))
        .order_by(proof.c.on, proof.c.at, proof.c.id)
    )


async def proofs_of(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, list[Proof]]:
    """The evidence of each proposal, oldest first. What was struck counts for nothing."""
    found: dict[UUID, list[Proof]] = {id_: [] for id_ in ids}
    for row in await tx.connection.execute(_theirs_and_earlier(ids).where(struck.c.proof.is_(None))):
        found[row.of].append(_proof(row))
    return found


async def letters_ever(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, dict[EvidenceKind, int]]:
    """Of each proposal, how many letters of each kind are on record as sent, what was struck among them."""
    letters = [kind.value for kind in {*PROOF_OF.values()}]
    wanted = sa.select(proof.c.proposal, proof.c.kind, sa.func.count().label("times")).group_by(proof.c.proposal, proof.c.kind)
    found: dict[UUID, dict[EvidenceKind, int]] = {id_: {} for id_ in ids}
    for row in await tx.connection.execute(wanted.where(proof.c.proposal.in_(ids), proof.c.kind.in_(letters))):
        found[row.proposal][EvidenceKind(row.kind)] = row.times
    return found


async def letters_written_on(tx: Transaction, accounts: Collection[UUID]) -> dict[UUID, dict[EvidenceKind, date]]:
    """Of each account, when Rentbook last sent a letter of each kind about it, for whichever proposal, what was struck among them."""
    wanted = sa.select(proposal.c.account, proof.c.kind, sa.func.max(proof.c.on).label("on")).join(proof, proof.c.proposal == proposal.c.id)
    theirs = wanted.where(proposal.c.account.in_(accounts), proof.c.letter.is_not(None)).group_by(proposal.c.account, proof.c.kind)
    found: dict[UUID, dict[EvidenceKind, date]] = {account: {} for account in accounts}
    for row in await tx.connection.execute(theirs):
        found[row.account][EvidenceKind(row.kind)] = row.on
    return found


async def letters_heard(tx: Transaction, account: UUID) -> tuple[UUID, ...]:
    """Which letters of notices are on record as sent about this account, for whichever proposal, what was struck among them."""
    theirs = sa.select(proof.c.letter).join(proposal, proposal.c.id == proof.c.proposal).where(proposal.c.account == account)
    return tuple(sorted(await tx.connection.scalars(theirs.where(proof.c.letter.is_not(None)))))


async def contacts_noted(tx: Transaction, accounts: Collection[UUID]) -> list[Proof]:
    """When somebody last noted on each of these accounts that they were in contact with its tenant."""
    wanted = sa.select(last_contact).where(last_contact.c.account.in_(accounts))
    return [Proof(EvidenceKind.CONTACT, row.on, account=row.account, noted_at=row.at) for row in await tx.connection.execute(wanted)]


async def heard_beside(tx: Transaction, linked: Collection[UUID], people: Collection[UUID]) -> list[Proof]:
    """What was heard of these people on these other accounts of theirs, to whichever proposal it was brought, and whatever became of that.

    Where nobody said of whom it is, it may be of each.
    """
    of_them = sa.or_(proof.c.person.is_(None), proof.c.person.in_(people))
    wanted = (
        sa.select(proposal.c.account, proof)
        .join(proposal, proposal.c.id == proof.c.proposal)
        .outerjoin(struck, struck.c.proof == proof.c.id)
        .where(proposal.c.account.in_(linked), proof.c.kind.in_(_HEARD_OF), of_them, struck.c.proof.is_(None))
    )
    return [_proof(row) for row in await tx.connection.execute(wanted.order_by(proof.c.on, proof.c.at, proof.c.id))]


def _proof(row: Row) -> Proof:
    order_kind = OrderKind(row.order_kind) if row.order_kind is not None else None
    return Proof(EvidenceKind(row.kind), row.on, row.source, row.person, _noted_late(row), order_kind, row.listed, row.account, row.at)


def _noted_late(row: Row) -> date | None:
    """A letter that notices sent is a record by itself."""
    return noted_late(EvidenceKind(row.kind), row.on, business_date(row.at), row.reference) if row.letter is None else None


async def orders_known(tx: Transaction, people: Mapping[UUID, Sequence[PersonFacts]]) -> dict[UUID, list[Proof]]:
    """For each account with the people who answer for it, the orders and discharges of theirs, to whichever proposal they were brought."""
    known = await _orders_brought(tx, people)
    return {account: [_proof(row) for row in rows if row.struck_by is None] for account, rows in known.items()}


async def orders_struck(tx: Transaction, people: Mapping[UUID, Sequence[PersonFacts]]) -> frozenset[UUID]:
    """The accounts of whose people an order or a discharge was struck."""
    known = await _orders_brought(tx, people)
    released = {EvidenceKind.INSOLVENCY_ORDER, EvidenceKind.DISCHARGE}
    return frozenset(id_ for id_, rows in known.items() if any(row.struck_by is not None and row.kind in released for row in rows))


async def had_a_hand_in_orders(tx: Transaction, people: Mapping[UUID, Sequence[PersonFacts]]) -> dict[UUID, frozenset[str]]:
    """The same, of whoever brought them or struck one."""
    known = await _orders_brought(tx, people)
    return {account: frozenset(person for row in rows for person in _hands(row)) for account, rows in known.items()}


def _hands(row: Row) -> frozenset[str]:
    """Who brought a piece of evidence, and who struck it."""
    return frozenset({row.by, row.struck_by}) - {None, SYSTEM.person}


async def _orders_brought(tx: Transaction, people: Mapping[UUID, Sequence[PersonFacts]]) -> dict[UUID, list[Row]]:
    theirs: dict[UUID, set[UUID]] = defaultdict(set)
    for account, each in people.items():
        for one in each:
            theirs[one.person].add(account)
    wanted = (
        sa.select(proposal.c.account, proof, struck.c.by.label("struck_by"))
        .join(proposal, proposal.c.id == proof.c.proposal)
        .outerjoin(struck, struck.c.proof == proof.c.id)
        .where(proof.c.kind.in_(_OF_INSOLVENCY), sa.or_(proposal.c.account.in_(list(people)), proof.c.person.in_(list(theirs))))
    )
    found: dict[UUID, list[Row]] = {account: [] for account in people}
    for row in await tx.connection.execute(wanted.order_by(proof.c.on, proof.c.at, proof.c.id)):
        for account in {row.account} & people.keys() | theirs.get(row.person, set()):
            found[account].append(row)
    return found


async def brought_earlier(tx: Transaction, ids: Collection[UUID]) -> frozenset[tuple[UUID, str]]:
    """Of these proposals, who brought what stays with the debt to one before it, or struck it."""
    rows = await tx.connection.execute(_theirs_and_earlier(ids))
    return frozenset((row.of, person) for row in rows if row.proposal != row.of for person in _hands(row))


GOES_ON_COUNTING = frozenset({*STAYS_WITH_THE_DEBT, *ANSWERS, *ORDERS})
"""Evidence that counts after its proposal is closed, for the debt or for the person."""


async def proofs_shown(tx: Transaction, of: Row) -> tuple[ProofShown, ...]:
    """The evidence of a proposal, what was struck among it."""
    id_, is_open = of.id, of.closed_at is None
    rows = await tx.connection.execute(_theirs_and_earlier([id_]))
    return tuple(
        ProofShown(
            proof=row.id,
            kind=row.kind,
            on=row.on,
            source=row.source,
            reference=row.reference,
            note=row.note,
            by=row.by,
            at=row.at,
            letter=row.letter,
            person=row.person,
            earlier=None if row.proposal == id_ else row.proposal,
            counts_on=_noted_late(row),
            order_kind=row.order_kind,
            listed=row.listed,
            struck=Struck(by=row.struck_by, at=row.struck_at, because=row.because) if row.struck_by is not None else None,
            may_be_struck=row.struck_by is None and (is_open or row.kind in GOES_ON_COUNTING),
        )
        for row in rows
    )


async def events_of(tx: Transaction, *, proposal: Any = None, schedule: Any = None) -> tuple[ProposalEvent, ...]:
    """What happened, oldest first."""
    of = event.c.proposal == proposal if proposal is not None else event.c.schedule == schedule
    rows = await tx.connection.execute(sa.select(event).where(of).order_by(event.c.id))
    return tuple(ProposalEvent(at=row.at, by=row.by, what=row.what, note=row.note) for row in rows)


async def waited(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Waited]:
    """Of each proposal, since when it waits and what reminded of it since."""
    return {
        row.proposal: Waited(business_date(row.at), row.times, business_date(row.last_at) if row.last_at is not None else None)
        for row in await tx.connection.execute(sa.select(_waited(event.c.proposal.in_(ids))))
    }


def _waited(of: sa.ColumnElement[bool]) -> sa.Subquery:
    """When anything happened last to the proposals of these events, beside reminders and where it then stood; and the reminders since."""
    happened = event.c.kind == EventKind.CHANGE
    last = sa.select(event.c.proposal, sa.func.max(event.c.at).label("at")).where(of, happened).group_by(event.c.proposal).subquery()
    reminder = sa.and_(event.c.proposal == last.c.proposal, event.c.kind == EventKind.REMINDER, event.c.at > last.c.at)
    return (
        sa.select(last.c.proposal, last.c.at, sa.func.count(event.c.id).label("times"), sa.func.max(event.c.at).label("last_at"))
        .select_from(last.outerjoin(event, reminder))
        .group_by(last.c.proposal, last.c.at)
        .subquery()
    )


def _was_reminded(times: int) -> sa.ColumnElement[bool]:
    """It waits for a person, and somebody was reminded of it so often since anything happened."""
    waiting = proposal.c.status.in_([status.value for status in WAITING])
    since = _waited(event.c.proposal.in_(sa.select(proposal.c.id).where(waiting)))
    return sa.and_(waiting, proposal.c.id.in_(sa.select(since.c.proposal).where(since.c.times >= times)))


async def proposals(tx: Transaction, asked: ProposalsAsked) -> Proposals:
    chosen: list[sa.ColumnElement[bool]] = []
    if asked.kind is not None:
        chosen.append(proposal.c.kind == asked.kind)
    if asked.statuses:
        chosen.append(proposal.c.status.in_(asked.statuses))
    if asked.reason is not None:
        chosen.append(proposal.c.reason == asked.reason)
    if asked.account is not None:
        chosen.append(proposal.c.account == asked.account)
    if asked.raised_by is not None:
        chosen.append(proposal.c.raised_by == asked.raised_by)
    if asked.reminded:
        chosen.append(_was_reminded(1))
    if asked.escalated:
        chosen.append(_was_reminded((await in_force(tx, business_date(tx.now))).escalate_after_reminders))
    totals = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(proposal.c.amount_pence), 0)).where(*chosen)
    in_all, total = (await tx.connection.execute(totals.select_from(proposal))).one()
    by_age = proposal.c.raised_at if asked.oldest_first else proposal.c.raised_at.desc()
    page = sa.select(proposal).where(*chosen).order_by(by_age, proposal.c.id)
    rows = (await tx.connection.execute(page.offset(asked.offset).limit(asked.limit))).all()
    reminded = await reminders_of(tx, rows)
    return Proposals(
        proposals=tuple(_proposal_row(row, reminded.get(row.id)) for row in rows),
        in_all=in_all,
        total_pence=int(total),
        parked_since=await parked_since(tx, asked.account) if asked.account is not None else None,
    )


async def parked_since(tx: Transaction, account: UUID) -> datetime | None:
    """When the first event about an account was parked that waits for an operator, UTC: it stands still here."""
    return await waits_since(tx, [str(account)])


async def reminders_of(tx: Transaction, rows: Sequence[Row]) -> dict[UUID, Reminders]:
    """Of those proposals that wait for a person, what reminded of them."""
    told = await waited(tx, [row.id for row in rows if row.status in WAITING])
    if not told:
        return {}
    in_force_now = await in_force(tx, business_date(tx.now))
    return {id_: said for id_, one in told.items() if (said := reminders(one, in_force_now)) is not None}


def _proposal_row(row: Row, reminded: Reminders | None) -> ProposalRow:
    return ProposalRow(
        proposal=row.id,
        kind=row.kind,
        account=row.account,
        reason=row.reason,
        status=row.status,
        status_note=row.status_note,
        amount_pence=row.amount_pence,
        debtor_total_pence=row.debtor_total_pence,
        raised_by=row.raised_by,
        raised_at=row.raised_at,
        look_again_on=row.look_again_on,
        schedule=row.schedule,
        reminders=reminded,
    )


async def made_at(tx: Transaction, id_: UUID) -> datetime:
    """When a schedule was made, and its lines were listed."""
    found: datetime = (await tx.connection.execute(sa.select(schedule.c.made_at).where(schedule.c.id == id_))).scalar_one()
    return found


async def schedule_page(tx: Transaction, asked: ScheduleAsked) -> SchedulePage:
    """Errors: UnknownSchedule."""
    head = (await tx.connection.execute(sa.select(schedule).where(schedule.c.id == asked.schedule))).first()
    if head is None:
        raise UnknownSchedule("There is no such schedule.")
    last = sa.select(schedule_round).where(schedule_round.c.schedule == head.id).order_by(schedule_round.c.round.desc()).limit(1)
    now = (await tx.connection.execute(last)).first()
    chosen = [schedule_line.c.schedule == head.id]
    if asked.standings:
        chosen.append(schedule_line.c.standing.in_(asked.standings))
    lines = sa.select(schedule_line).where(*chosen).order_by(schedule_line.c.place).offset(asked.offset).limit(asked.limit)
    totals = await _schedule_totals(tx, head.id)
    return SchedulePage(
        schedule=head.id,
        kind=head.kind,
        title=head.title,
        # A schedule of which no line was left begins a round of nothing, so that its story ends: nobody was asked in it.
        round=now.round if now is not None else head.round,
        status=head.status,
        status_note=head.status_note,
        made_by=head.made_by,
        made_at=head.made_at,
        content_hash=now.content_hash if now is not None else None,
        band_pence=now.band_pence if now is not None else 0,
        total_pence=sum(one.amount_pence for one in totals),
        posted_pence=sum(one.amount_pence for one in totals if one.standing == "posted"),
        lines=tuple(_line(row) for row in await tx.connection.execute(lines)),
        lines_in_all=sum(one.lines for one in totals if not asked.standings or one.standing in asked.standings),
        totals=totals,
        events=await events_of(tx, schedule=head.id),
        decision=head.decision,
        gone_story=tx.gone(schedule_workflow_id(head.id)) if head.closed_at is None else None,
    )


def _line(row: Row) -> ScheduleLineShown:
    return ScheduleLineShown(
        line=row.line,
        account=row.account,
        reason=row.reason,
        content_hash=row.content_hash,
        amount_pence=row.amount_pence,
        vat_pence=row.vat_pence,
        debtor_total_pence=row.debtor_total_pence,
        parts=tuple(LinePart.model_validate(part) for part in row.content["parts"]),
        standing=row.standing,
        because=row.because,
        journal=row.journal,
        named=len(row.content.get("charges", ())),
        evidence=_rungs_kept(row.rungs) or (),
    )


async def _schedule_totals(tx: Transaction, id_: Any) -> tuple[ScheduleTotals, ...]:
    by = (schedule_line.c.reason, schedule_line.c.standing)
    summed = sa.cast(sa.func.sum(schedule_line.c.amount_pence), sa.BigInteger).label("amount_pence")
    wanted = sa.select(*by, sa.func.count().label("lines"), summed).where(schedule_line.c.schedule == id_).group_by(*by).order_by(*by)
    rows = await tx.connection.execute(wanted)
    return tuple(ScheduleTotals(reason=row.reason, standing=row.standing, lines=row.lines, amount_pence=row.amount_pence) for row in rows)


async def schedules(tx: Transaction, asked: SchedulesAsked) -> Schedules:
    stands, pence = schedule_line.c.standing, sa.func.sum(schedule_line.c.amount_pence)
    left = stands.not_in(LINE_OFF)
    wanted = (
        sa.select(
            schedule,
            sa.func.count().label("lines"),
            sa.cast(pence, sa.BigInteger).label("total_pence"),
            _none_is_nothing(pence.filter(stands == "posted")).label("posted_pence"),
            sa.func.count().filter(left).label("left_lines"),
            _none_is_nothing(pence.filter(left)).label("left_pence"),
            sa.func.count().filter(stands == "dropped").label("dropped"),
        )
        .join(schedule_line, schedule_line.c.schedule == schedule.c.id)
        .group_by(schedule.c.id)
        .order_by(schedule.c.made_at.desc())
        .limit(asked.limit)
    )
    if asked.statuses:
        wanted = wanted.where(schedule.c.status.in_(asked.statuses))
    if asked.schedules:
        wanted = wanted.where(schedule.c.id.in_(asked.schedules))
    rows = await tx.connection.execute(wanted)
    return Schedules(
        schedules=tuple(
            ScheduleRow(
                schedule=row.id,
                kind=row.kind,
                title=row.title,
                status=row.status,
                status_note=row.status_note,
                made_by=row.made_by,
                made_at=row.made_at,
                lines=row.lines,
                total_pence=row.total_pence,
                posted_pence=row.posted_pence,
                left_lines=row.left_lines,
                left_pence=row.left_pence,
                dropped=row.dropped,
            )
            for row in rows
        )
    )


async def write_off_register(tx: Transaction, asked: RegisterAsked) -> Register:
    chosen = _chosen(asked)
    sums = (_sum(register.c[name]).label(name) for name in ("amount_pence", "vat_pence", "reinstated_pence"))
    by_kind = sa.select(register.c.kind, sa.func.count().label("lines"), *sums).where(*chosen).group_by(register.c.kind)
    found = (
        RegisterTotal(**{name: getattr(row, name) for name in RegisterTotal.model_fields}) for row in await tx.connection.execute(by_kind)
    )
    kinds = tuple(sorted(found, key=lambda one: list(LineKind).index(one.kind)))
    newest = (register.c.posted_on.desc(), proposal.c.closed_at.desc(), register.c.proposal)
    of_all = register.join(proposal, proposal.c.id == register.c.proposal)
    order = (*_ORDERS.get(asked.order, ()), *newest)
    if asked.order is RegisterOrder.ACCOUNT:
        places = await _by_reference(tx, chosen)
        of_all = of_all.outerjoin(places, places.c.account == register.c.account)
        order = (places.c.place.nulls_last(), *newest)
    place = sa.func.row_number().over(order_by=order).label("place_in_order")
    in_order = sa.select(register, place).select_from(of_all).where(*chosen).subquery()
    page = sa.select(in_order).order_by(in_order.c.place_in_order)
    if asked.after is not None:
        reached = sa.select(in_order.c.place_in_order).where(in_order.c.journal == asked.after).scalar_subquery()
        page = page.where(in_order.c.place_in_order > reached)
    rows = await tx.connection.execute(page.offset(asked.offset).limit(asked.limit))
    return Register(
        rows=tuple(_register_row(row) for row in rows),
        in_all=sum(one.lines for one in kinds),
        total_pence=sum(one.amount_pence for one in kinds),
        reinstated_pence=sum(one.reinstated_pence for one in kinds),
        kinds=kinds,
    )


_ORDERS: Mapping[RegisterOrder, tuple[sa.ColumnElement[Any], ...]] = {
    RegisterOrder.NEWEST: (),
    RegisterOrder.OLDEST: (register.c.posted_on, proposal.c.closed_at),
    RegisterOrder.LARGEST: (register.c.amount_pence.desc(),),
    RegisterOrder.SMALLEST: (register.c.amount_pence,),
    RegisterOrder.REASON: (register.c.kind, register.c.reason),
}


async def _by_reference(tx: Transaction, chosen: Collection[sa.ColumnElement[bool]]) -> sa.TableValuedAlias:
    """The accounts of the register in the order of their references, which are the ledger's. Errors: Unanswered."""
    accounts = list((await tx.connection.execute(sa.select(register.c.account).where(*chosen).distinct())).scalars())
    parts = [tuple(accounts[start : start + LABELS_ASKED]) for start in range(0, len(accounts), LABELS_ASKED)]
    told = await asyncio.gather(*(tx.ask(ACCOUNT_LABELS, Accounts(accounts=part)) for part in parts))
    labels = sorted((label for answer in told for label in answer.labels), key=lambda label: label.reference)
    in_order = sa.cast([label.account for label in labels], ARRAY(sa.Uuid))
    return sa.func.unnest(in_order).table_valued("account", with_ordinality="place").render_derived()


def _chosen(asked: RegisterAsked) -> list[sa.ColumnElement[bool]]:
    same = {"account": asked.account, "kind": asked.kind, "reason": asked.reason}
    chosen = [register.c[name] == value for name, value in same.items() if value is not None]
    if asked.since is not None:
        chosen.append(register.c.posted_on >= asked.since)
    if asked.until is not None:
        chosen.append(register.c.posted_on <= asked.until)
    return chosen


def _sum(of: sa.ColumnElement[Any]) -> sa.Cast[int]:
    return _none_is_nothing(sa.func.sum(of))


def _none_is_nothing(summed: sa.ColumnElement[Any]) -> sa.Cast[int]:
    return sa.cast(sa.func.coalesce(summed, 0), sa.BigInteger)


def _register_row(row: Row) -> RegisterRow:
    return RegisterRow(**{name: getattr(row, name) for name in RegisterRow.model_fields})


async def write_off_totals(tx: Transaction, asked: TotalsAsked) -> WriteOffTotals:
    """By reason, for publication: nothing about anybody. Whatever happens later leaves them as they are: it is of its own days."""
    by = (register.c.kind, register.c.reason)
    came_back_on = sa.func.coalesce(register.c.came_back_on, register.c.posted_on)
    posted = register.c.posted_on.between(asked.since, asked.until)
    came_back = sa.and_(register.c.kind == LineKind.CREDIT_WRITE_ON.value, came_back_on.between(asked.since, asked.until))
    sums = (
        _none_is_nothing(sa.func.sum(register.c.amount_pence).filter(posted)).label("amount_pence"),
        _none_is_nothing(sa.func.sum(register.c.vat_pence).filter(posted)).label("vat_pence"),
        _none_is_nothing(sa.func.sum(register.c.reinstated_pence).filter(came_back)).label("came_back_pence"),
    )
    moved = sa.or_(posted, sa.and_(came_back, register.c.reinstated_pence > 0))
    wanted = sa.select(*by, sa.func.count().filter(posted).label("lines"), *sums).where(moved)
    rows = await tx.connection.execute(wanted.group_by(*by).order_by(*by))
    totals = (
        TotalByReason(
            kind=row.kind,
            reason=row.reason,
            lines=row.lines,
            amount_pence=row.amount_pence,
            vat_pence=row.vat_pence,
            came_back_pence=row.came_back_pence,
        )
        for row in rows
    )
    return WriteOffTotals(since=asked.since, until=asked.until, totals=tuple(totals))


async def write_off_policies(tx: Transaction, _: Nothing) -> LaddersShown:
    shown = (
        LadderShown(version=one.version, in_force_from=one.in_force_from, source=one.source, figures=_figures(one))
        for one in await policies(tx)
    )
    return LaddersShown(policies=tuple(shown))


def _figures(told: WriteOffPolicy) -> tuple[LadderFigure, ...]:
    general = (
        LadderFigure(about="No action in court after", says=f"{counted(told.limitation_years, 'year')} from the day a charge fell due"),
        LadderFigure(about="An unclaimed credit goes to income after", says=counted(told.unclaimed_after_years, "year")),
        LadderFigure(about="Released by law, and not put back", says=_listed(told.discharging)),
        LadderFigure(about="Of a current tenant too", says=_listed(told.of_current_tenants)),
    )
    return (*general, *(LadderFigure(about=_about(ladder), says=_rungs(ladder)) for ladder in told.ladders))


def _listed(reasons: Iterable[Reason]) -> str:
    return ", ".join(map(_words, reasons)) or "nothing"


def _words(reason: Reason) -> str:
    """A reason within a sentence: *debt relief order*."""
    return reason.value.replace("-", " ")


def _about(ladder: Ladder) -> str:
    upper = f"up to {pounds(ladder.to_pence)}" if ladder.to_pence is not None else ""
    lower = f"from {pounds(ladder.from_pence)}" if ladder.from_pence > 1 else ""
    return " ".join(part for part in (_words(ladder.reason), lower, upper) if part)


def _rungs(ladder: Ladder) -> str:
    return "; ".join(rung.wanted for rung in ladder.rungs) or "Nothing further"
