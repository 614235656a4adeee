"""What writeoffs writes, and what it reads under a lock in order to write."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from chassis.transaction import SYSTEM, Transaction
from rentbook_contracts.ledger import LinePart, WriteOffLine
from rentbook_contracts.message import Fact
from rentbook_contracts.policy import CheckPolicy
from rentbook_contracts.writeoffs import AddProof, EvidenceKind, EvidencePolicy, ProposalStatus, Reason, RungShown, ScheduleStatus
from sqlalchemy.dialects.postgresql import insert

from writeoffs.domain.assessment import Refusal
from writeoffs.domain.days import business_date
from writeoffs.domain.reminding import EventKind
from writeoffs.domain.rules import UnknownProposal, UnknownSchedule
from writeoffs.tables import (
    BROUGHT_EARLIER,
    event,
    last_contact,
    participant,
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


# --- policy -----------------------------------------------------------------------------------------------------------------------------


async def lock_policy(tx: Transaction) -> None:
    """One change of policy at a time, to the end of the transaction."""
    await tx.connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('policy on evidence', 0))"))


async def write_policy_proposal(tx: Transaction, id_: UUID, council: str, asked: EvidencePolicy) -> None:
    """Propose a policy as the caller."""
    row = {"id": id_, "in_force_from": asked.in_force_from, "council": council, "figures": asked.model_dump(mode="json")}
    by = {"proposed_by": tx.caller.person, "roles": sorted(tx.caller.roles), "proposed_at": tx.now}
    await tx.connection.execute(policy_proposal.insert().values(**row, **by))


async def write_policy_check(tx: Transaction, told: CheckPolicy) -> None:
    """Answer a proposal as the caller; accepting it lays the policy down."""
    row = {"proposal": told.proposal, "answer": told.answer.value, "text": told.text.strip()}
    by = {"checked_by": tx.caller.person, "roles": sorted(tx.caller.roles), "checked_at": tx.now}
    await tx.connection.execute(policy_check.insert().values(**row, **by))


# --- proposals --------------------------------------------------------------------------------------------------------------------------


async def proposals_locked(tx: Transaction, ids: Collection[UUID]) -> dict[UUID, Row]:
    """Proposals, locked in the order of their ids so that no two transactions wait in a ring. Unknown ones are left out."""
    wanted = sa.select(proposal).where(proposal.c.id.in_(ids)).order_by(proposal.c.id).with_for_update(key_share=True)
    return {row.id: row for row in await tx.connection.execute(wanted)}


async def proposal_locked(tx: Transaction, id_: UUID) -> Row:
    """Errors: UnknownProposal."""
    found = await proposals_locked(tx, [id_])
    if id_ not in found:
        raise UnknownProposal("There is no such proposal.")
    return found[id_]


async def followed(tx: Transaction) -> list[tuple[UUID, int]]:
    """The proposals that a story follows, each with its pass: open ones, and those that come again on their day."""
    waits = sa.or_(sa.and_(proposal.c.closed_at.is_(None), proposal.c.followed), proposal.c.again_on.is_not(None))
    mine = sa.select(proposal.c.id, proposal.c.attempt).where(waits)
    return [(row.id, row.attempt) for row in await tx.connection.execute(mine)]


async def add_proposals(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> frozenset[UUID]:
    """Write proposals; the ids of those whose account had no open one.

    In the order of their accounts: whoever proposes the same debts waits at the first of them.
    """
    if not rows:
        return frozenset()
    in_order = sorted(rows, key=lambda row: row["account"])
    added = insert(proposal).on_conflict_do_nothing(index_elements=["account"], index_where=proposal.c.closed_at.is_(None))
    return frozenset((await tx.connection.scalars(added.returning(proposal.c.id), in_order)).all())


async def change_proposal(tx: Transaction, id_: UUID, **columns: Any) -> None:
    await tx.connection.execute(proposal.update().where(proposal.c.id == id_).values(columns))


async def change_proposals(tx: Transaction, ids: Collection[UUID], **columns: Any) -> None:
    if ids:
        await tx.connection.execute(proposal.update().where(proposal.c.id.in_(ids)).values(columns))


async def begin_further_pass(tx: Transaction, ids: Collection[UUID], **columns: Any) -> None:
    """Change locked proposals that go on with another pass, which a story is to follow."""
    await change_proposals(tx, ids, **columns, attempt=proposal.c.attempt + 1, followed=True)


async def tell(tx: Transaction, facts: Iterable[tuple[UUID, Fact]]) -> None:
    """Publish one fact for each of these proposals, which this transaction has locked or made, under its next version."""
    told = dict(facts)
    if not told:
        return
    raised = proposal.update().where(proposal.c.id.in_(told)).values(version=proposal.c.version + 1)
    versions = (await tx.connection.execute(raised.returning(proposal.c.id, proposal.c.version))).all()
    await tx.publish_all([(told[row.id], row.version) for row in versions])


async def add_proof(tx: Transaction, told: AddProof) -> None:
    row = told.model_dump() | {"id": uuid4(), "kind": told.kind.value, "by": tx.caller.person, "at": tx.now}
    await tx.connection.execute(proof.insert().values(row))


async def proposal_of_proof(tx: Transaction, id_: UUID) -> UUID | None:
    """To which proposal a piece of evidence was brought."""
    found: UUID | None = await tx.connection.scalar(sa.select(proof.c.proposal).where(proof.c.id == id_))
    return found


async def proof_known(tx: Transaction, id_: UUID) -> Row:
    """Evidence of a locked proposal, with who struck it."""
    wanted = sa.select(proof, struck.c.by.label("struck_by")).outerjoin(struck, struck.c.proof == proof.c.id)
    return (await tx.connection.execute(wanted.where(proof.c.id == id_))).one()


async def strike(tx: Transaction, id_: UUID, because: str) -> None:
    """Of a locked proposal, as the caller."""
    await tx.connection.execute(struck.insert().values(proof=id_, because=because, by=tx.caller.person, at=tx.now))


async def add_sent_letter(tx: Transaction, proposal: UUID, kind: EvidenceKind, on: date, letter: UUID) -> None:
    """The sending of a letter is evidence of itself: nobody takes part by it."""
    told = {"source": "notices", "reference": "", "note": "", "by": tx.caller.person, "at": tx.now}
    row = {"id": uuid4(), "proposal": proposal, "kind": kind.value, "on": on, "letter": letter, **told}
    await tx.connection.execute(proof.insert().values(row))


async def keep_contact(tx: Transaction, account: UUID, at: datetime) -> None:
    """The last one counts, in whichever order notes are heard."""
    row = insert(last_contact).values(account=account, on=business_date(at), at=at)
    later = {"on": row.excluded.on, "at": sa.func.greatest(last_contact.c.at, row.excluded.at)}
    not_before = row.excluded.on >= last_contact.c.on
    await tx.connection.execute(row.on_conflict_do_update(index_elements=["account"], set_=later, where=not_before))


async def take_part(tx: Transaction, ids: Collection[UUID], part: str) -> None:
    """The caller took part in these proposals, and may never decide them. The system is nobody."""
    if tx.caller.person != "system" and ids:
        rows = [{"proposal": id_, "person": tx.caller.person, "part": part, "since": tx.now} for id_ in ids]
        await tx.connection.execute(insert(participant).on_conflict_do_nothing(), rows)


async def carry_on(tx: Transaction, brought: Iterable[tuple[UUID, str]]) -> None:
    """These people brought to another proposal what this one rests on too, so they take part in it."""
    rows = [{"proposal": id_, "person": person, "part": BROUGHT_EARLIER, "since": tx.now} for id_, person in brought]
    if rows:
        await tx.connection.execute(insert(participant).on_conflict_do_nothing(), rows)


async def carry_on_all(tx: Transaction, before: Collection[UUID], id_: UUID) -> None:
    """Whoever took part in these proposals takes part in the one that comes in their place."""
    people = sa.select(participant.c.person).distinct().where(participant.c.proposal.in_(before))
    await carry_on(tx, [(id_, person) for person in await tx.connection.scalars(people)])


async def orders_stand(tx: Transaction) -> None:
    """To the end of the transaction no order of insolvency becomes known of anybody: whoever brings the next sees what is written here."""
    await tx.connection.execute(sa.text(f"SELECT pg_advisory_xact_lock_shared({_ORDERS})"))


async def order_becomes_known(tx: Transaction) -> None:
    """Alone, to the end of the transaction: whatever rests on orders has been written, or sees this one (`orders_stand`)."""
    await tx.connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_ORDERS})"))


_ORDERS = "hashtextextended('orders of insolvency', 0)"


async def has_participants(tx: Transaction, id_: UUID) -> bool:
    """Whether anybody has had a hand in the proposal itself. What was brought to another one makes nobody work on this."""
    themselves = sa.exists().where(participant.c.proposal == id_, participant.c.part != BROUGHT_EARLIER)
    return bool(await tx.connection.scalar(sa.select(themselves)))


async def take_part_in_schedule(tx: Transaction, id_: UUID, part: str) -> None:
    if tx.caller.person != "system":
        row = {"schedule": id_, "person": tx.caller.person, "part": part, "since": tx.now}
        await tx.connection.execute(insert(schedule_participant).values(row).on_conflict_do_nothing())


async def note(
    tx: Transaction, ids: Collection[UUID], what: str, said: str = "", kind: EventKind = EventKind.CHANGE, *, of_itself: bool = False
) -> None:
    """Add to the history of proposals. `what` carries no personal data; `said` is a person's own words. `of_itself`: Rentbook did it,
    whoever made known why.
    """
    if ids:
        by = SYSTEM.person if of_itself else tx.caller.person
        rows = [{"proposal": id_, "at": tx.now, "by": by, "what": what, "note": said, "kind": kind.value} for id_ in ids]
        await tx.connection.execute(event.insert(), rows)


async def note_on_schedule(tx: Transaction, id_: UUID, what: str, said: str = "") -> None:
    row = {"schedule": id_, "at": tx.now, "by": tx.caller.person, "what": what, "note": said}
    await tx.connection.execute(event.insert().values(row))


# --- schedules --------------------------------------------------------------------------------------------------------------------------


async def schedule_locked(tx: Transaction, id_: UUID) -> Row:
    """Errors: UnknownSchedule."""
    row = (await tx.connection.execute(sa.select(schedule).where(schedule.c.id == id_).with_for_update(key_share=True))).first()
    if row is None:
        raise UnknownSchedule("There is no such schedule.")
    return row


async def schedules_open(tx: Transaction) -> Sequence[Row]:
    """Those that are not closed, as they stand; none is locked."""
    return (await tx.connection.execute(sa.select(schedule).where(schedule.c.closed_at.is_(None)))).all()


async def add_schedule(tx: Transaction, id_: UUID, kind: str, title: str) -> None:
    row = {"id": id_, "kind": kind, "title": title, "status": ScheduleStatus.WITH_APPROVER, "made_by": tx.caller.person, "made_at": tx.now}
    await tx.connection.execute(schedule.insert().values(row))


async def change_schedule(tx: Transaction, id_: UUID, **columns: Any) -> None:
    await tx.connection.execute(schedule.update().where(schedule.c.id == id_).values(columns))


@dataclass(frozen=True)
class LineToList:
    """What would be posted, with the debtor's total and the other accounts of the same people.

    `hands`: whoever brought an order of theirs, or struck one, on whichever account, where it rests on that. `rungs`: the evidence as it
    was there.
    """

    line: WriteOffLine
    debtor_total_pence: int
    beside: tuple[UUID, ...]
    hands: frozenset[str]
    rungs: tuple[RungShown, ...]


async def add_lines(tx: Transaction, id_: UUID, lines: Sequence[LineToList]) -> None:
    """Write a schedule's lines in this order."""
    rows = [
        {
            "schedule": id_,
            "line": one.line.line,
            "place": place,
            "account": one.line.account,
            "reason": one.line.reason,
            "content": one.line.model_dump(mode="json"),
            "content_hash": one.line.content_hash,
            "balance_pence": one.line.balance_pence,
            "amount_pence": one.line.amount_pence,
            "vat_pence": sum(part.vat_pence for part in one.line.parts),
            "debtor_total_pence": one.debtor_total_pence,
            "standing": "listed",
            "beside": list(one.beside),
            "rungs": [rung.model_dump(mode="json") for rung in one.rungs],
        }
        for place, one in enumerate(lines, start=1)
    ]
    await tx.connection.execute(schedule_line.insert(), rows)


async def lines_of(
    tx: Transaction, id_: UUID, *standings: str, only: Collection[UUID] | None = None, limit: int | None = None
) -> list[Row]:
    """Lines of a locked schedule that stand so, in its order; locked against the ledger's events, which drop lines."""
    wanted = sa.select(schedule_line).where(schedule_line.c.schedule == id_, schedule_line.c.standing.in_(standings))
    if only is not None:
        wanted = wanted.where(schedule_line.c.line.in_(only))
    return list(await tx.connection.execute(wanted.order_by(schedule_line.c.place).limit(limit).with_for_update()))


async def has_lines(tx: Transaction, id_: UUID, *standings: str) -> bool:
    """Whether any line of a schedule stands so. It waits for no event that is dropping one: whoever drops one has it asked again."""
    wanted = sa.exists().where(schedule_line.c.schedule == id_, schedule_line.c.standing.in_(standings))
    return bool(await tx.connection.scalar(sa.select(wanted)))


async def set_standing(tx: Transaction, id_: UUID, lines: Collection[UUID], standing: str, because: str | None = None) -> None:
    if lines:
        chosen = schedule_line.update().where(schedule_line.c.schedule == id_, schedule_line.c.line.in_(lines))
        await tx.connection.execute(chosen.values(standing=standing, because=because))


async def set_posted(tx: Transaction, id_: UUID, journals: Mapping[UUID, UUID]) -> None:
    """Lines and their proposals are posted, each with its journal."""
    if not journals:
        return
    told = {"lines": list(journals), "journals": list(journals.values())}
    given = "unnest(CAST(:lines AS uuid[]), CAST(:journals AS uuid[])) AS given (line, journal)"
    await tx.connection.execute(
        sa.text(
            f"UPDATE schedule_line SET standing = 'posted', journal = given.journal FROM {given} "  # noqa: S608 - no value is in the text
            "WHERE schedule_line.schedule = :schedule AND schedule_line.line = given.line"
        ),
        {**told, "schedule": id_},
    )
    await tx.connection.execute(
        sa.text(
            f"UPDATE proposal SET status = :status, journal = given.journal, closed_at = :now, status_note = '' FROM {given} "  # noqa: S608
            "WHERE proposal.id = given.line"
        ),
        {**told, "status": ProposalStatus.POSTED.value, "now": tx.now},
    )


async def add_round(tx: Transaction, id_: UUID, number: int, content_hash: str, lines: Sequence[Row]) -> None:
    """Freeze what a round asks about."""
    totals = {"band_pence": max(line.debtor_total_pence for line in lines), "total_pence": sum(line.amount_pence for line in lines)}
    row = {"schedule": id_, "round": number, "content_hash": content_hash, "begun_at": tx.now, **totals}
    await tx.connection.execute(schedule_round.insert().values(row))
    await tx.connection.execute(round_line.insert(), [{"schedule": id_, "round": number, "line": line.line} for line in lines])


async def hash_of_round(tx: Transaction, id_: UUID, number: int) -> str | None:
    """Of the content that a round froze; None where it found no line."""
    wanted = sa.select(schedule_round.c.content_hash).where(schedule_round.c.schedule == id_, schedule_round.c.round == number)
    found: str | None = await tx.connection.scalar(wanted)
    return found


async def listed_on_account(tx: Transaction, account: UUID) -> list[Row]:
    """Lines on this account that wait for a decision or for their turn, locked."""
    return [line for line in await listed_about(tx, account) if line.account == account]


async def listed_about(tx: Transaction, account: UUID) -> list[Row]:
    """As `listed_on_account`, and those on other accounts of the same people."""
    of_them = sa.or_(schedule_line.c.account == account, schedule_line.c.beside.contains([account]))
    wanted = sa.select(schedule_line).where(of_them, schedule_line.c.standing == "listed")
    return list(await tx.connection.execute(wanted.order_by(schedule_line.c.schedule, schedule_line.c.place).with_for_update()))


async def listed_for(tx: Transaction, account: UUID, reasons: Collection[Reason]) -> list[Row]:
    """Those of `listed_about` that are for one of these reasons."""
    return [line for line in await listed_about(tx, account) if line.content["reason"] in reasons]


async def listed_as_untraceable(tx: Transaction, account: UUID) -> list[Row]:
    """Those of `listed_about` that rest on that nobody can be found."""
    return await listed_for(tx, account, {Reason.UNTRACEABLE})


async def hold_about(tx: Transaction, accounts: Collection[UUID]) -> None:
    """Lock what `listed_about` finds of these accounts and what is being posted on them, then the proposals of all these and the open ones,
    each in the order in which everybody comes to them.
    """
    here, stands = schedule_line.c.account.in_(accounts), schedule_line.c.standing
    beside = sa.and_(schedule_line.c.beside.overlap(list(accounts)), stands == "listed")
    wanted = sa.select(schedule_line.c.line).where(sa.or_(sa.and_(here, stands.in_(["listed", "posting"])), beside))
    in_order = wanted.order_by(schedule_line.c.schedule, schedule_line.c.place)
    lines = (await tx.connection.scalars(in_order.with_for_update())).all()
    await hold_proposals_about(tx, accounts, lines)


async def hold_proposals_about(tx: Transaction, accounts: Collection[UUID], lines: Collection[UUID]) -> None:
    """Lock the open proposals on these accounts and those of these lines, in the order of their ids."""
    of_them = sa.or_(sa.and_(proposal.c.account.in_(accounts), proposal.c.closed_at.is_(None)), proposal.c.id.in_(lines))
    await tx.connection.execute(sa.select(proposal.c.id).where(of_them).order_by(proposal.c.id).with_for_update(key_share=True))


async def await_posting(tx: Transaction, account: UUID) -> None:
    """Until nobody is settling a line on this account; from now on whoever does asks the ledger after this."""
    wanted = sa.select(schedule_line.c.line).where(schedule_line.c.account == account, schedule_line.c.standing == "posting")
    await tx.connection.execute(wanted.with_for_update())


async def listed_line(tx: Transaction, proposal: UUID) -> Row | None:
    """The line of a proposal that waits for a decision or for its turn, locked."""
    wanted = sa.select(schedule_line).where(schedule_line.c.line == proposal, schedule_line.c.standing == "listed")
    return (await tx.connection.execute(wanted.with_for_update())).first()


async def tells_of_a_release(tx: Transaction, proposal: UUID) -> bool:
    """Whether the line of a locked proposal, where it is on a schedule, says until when the law has released the debtor."""
    says = schedule_line.c.content["released_until"].astext.is_not(None)
    wanted = sa.exists().where(schedule_line.c.line == proposal, schedule_line.c.standing.in_(["listed", "posting"]), says)
    return bool(await tx.connection.scalar(sa.select(wanted)))


async def open_on_account(tx: Transaction, account: UUID) -> Row | None:
    """The open proposal on an account, locked."""
    wanted = sa.select(proposal).where(proposal.c.account == account, proposal.c.closed_at.is_(None))
    return (await tx.connection.execute(wanted.with_for_update(key_share=True))).first()


async def is_set_aside(tx: Transaction, id_: UUID) -> bool:
    """Whether a closed proposal is to come again."""
    return bool(await tx.connection.scalar(sa.select(sa.exists().where(proposal.c.id == id_, proposal.c.again_on.is_not(None)))))


async def of_the_undone_before(tx: Transaction, undoes: UUID) -> list[UUID]:
    """The proposals to put back what is left of undone charges of a write-off that were closed without being posted."""
    wanted = sa.select(proposal.c.id).where(proposal.c.undoes == undoes, proposal.c.reason == Reason.CHARGE_UNDONE.value)
    return list(await tx.connection.scalars(wanted.where(proposal.c.closed_at.is_not(None), proposal.c.journal.is_(None))))


async def refused_on(tx: Transaction, account: UUID, today: date) -> tuple[list[Refusal], dict[UUID, int]]:
    """What people have decided not to put back on an account: of money that was paid, the oldest first; and by write-off, in pence, of
    charges that were undone, for as long as that stands.
    """
    mine = sa.select(proposal).where(proposal.c.account == account, proposal.c.closed_at.is_not(None)).order_by(proposal.c.closed_at)
    rows = (await tx.connection.execute(mine)).all()
    of_money = [Refusal(business_date(row.closed_at), row.refused_pence) for row in rows if row.refused_pence]
    aside = {row.undoes: row.amount_pence for row in rows if row.again_on is not None and row.again_on > today}
    return of_money, aside


# --- the register -----------------------------------------------------------------------------------------------------------------------


async def add_to_register(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await tx.connection.execute(register.insert(), list(rows))


async def note_reinstated(tx: Transaction, journal: UUID, amount_pence: int) -> None:
    """Errors: IntegrityError where more would be put back than was written off."""
    more = register.c.reinstated_pence + amount_pence
    await tx.connection.execute(register.update().where(register.c.journal == journal).values(reinstated_pence=more))


async def note_came_back(tx: Transaction, journal: UUID, on: date) -> None:
    """A credit is back on its account since a day, whole, however often that is said."""
    told = {"reinstated_pence": register.c.amount_pence, "came_back_on": sa.func.coalesce(register.c.came_back_on, on)}
    await tx.connection.execute(register.update().where(register.c.journal == journal).values(told))


async def registered(tx: Transaction, journal: UUID) -> Row | None:
    return (await tx.connection.execute(sa.select(register).where(register.c.journal == journal))).first()


async def written_off_on(tx: Transaction, account: UUID) -> list[Row]:
    """Write-offs of an account of which something is not put back, oldest first."""
    return (await written_off_on_each(tx, [account])).get(account, [])


async def written_off_on_each(tx: Transaction, accounts: Collection[UUID]) -> dict[UUID, list[Row]]:
    """As `written_off_on`, of many accounts at once; none of those on which nothing is written off."""
    wanted = sa.select(register).where(
        register.c.account.in_(accounts),
        register.c.kind == "write-off",
        register.c.reinstated_pence < register.c.amount_pence,
    )
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in await tx.connection.execute(wanted.order_by(register.c.posted_on, register.c.proposal)):
        found[row.account].append(row)
    return dict(found)


def parts_of(row: Row) -> tuple[LinePart, ...]:
    """The parts that a row of the register was posted in."""
    return tuple(LinePart.model_validate(part) for part in row.parts)
