"""The steps of a schedule's story: freeze a round, note where it stands, hand lines to the ledger in chunks, take their outcomes, close."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.approvals import Answer, ApprovedLine, Decision
from rentbook_contracts.ledger import (
    CHARGES_IN_A_CHUNK,
    DECIDED_JOURNALS,
    DROPPED_LINES,
    LINES_IN_A_CHUNK,
    DecidedJournal,
    JournalsAsked,
    LineKind,
    LineOutcome,
    LinesTried,
    LineTried,
    WriteOffLine,
)
from rentbook_contracts.operation import Nothing
from rentbook_contracts.writeoffs import (
    BeginRound,
    CloseSchedule,
    LinesTaken,
    NoteSchedule,
    ProposalClosed,
    ProposalStatus,
    ReadSchedule,
    RoundBegun,
    ScheduleContent,
    ScheduleStands,
    ScheduleStatus,
    SettleLines,
    TakeLines,
)

from writeoffs import store
from writeoffs.domain.assessment import DROPS, LEFT_OUT
from writeoffs.domain.rules import WriteOffRule
from writeoffs.store import Row
from writeoffs.use_cases.dropping import LISTED, drop
from writeoffs.use_cases.owe_again import owe_again_each
from writeoffs.use_cases.work import decision_on, follow, round_of

POSTING = "posting"
CLOSED = frozenset({ScheduleStatus.POSTED, ScheduleStatus.DECLINED, ScheduleStatus.WITHDRAWN, ScheduleStatus.EMPTY})


class AnotherRound(WriteOffRule):
    """The schedule has gone on to another round, or is closed."""


class ScheduleWithdrawn(WriteOffRule):
    """What somebody took back is not carried out."""


class NotDecidedSo(WriteOffRule):
    """A schedule goes on as its rows and approvals' own decision have it, whatever a step says."""


class NotInTheBooks(WriteOffRule):
    """The register shows what the ledger has posted, and nothing else; a line falls while it is posted where the ledger let it fall."""


async def begin_round(tx: Transaction, asked: BeginRound) -> RoundBegun:
    """What the ledger has refused as a whole is listed again.

    A round that stands already, and of which nothing was handed out, is answered as it stands: whoever reaches Temporal can begin the next
    one before its story does, which would never get beyond it.
    Errors: UnknownSchedule, AnotherRound, NotDecidedSo; Unanswered (approvals).
    """
    row = await store.schedule_locked(tx, asked.schedule)
    lines = await store.lines_of(tx, row.id, LISTED, POSTING)
    if row.status not in CLOSED and row.decision is None and 0 < asked.round == row.round:
        return RoundBegun(content_hash=await store.hash_of_round(tx, row.id, row.round) if lines else None, lines=len(lines))
    if row.status in CLOSED or asked.round != row.round + 1:
        raise AnotherRound("The schedule has gone on.")
    await _ended(tx, row, lines)
    await store.set_standing(tx, row.id, [line.line for line in lines if line.standing == POSTING], LISTED)
    await store.change_schedule(tx, row.id, round=asked.round, decision=None)
    if not lines:
        return RoundBegun(content_hash=None, lines=0)
    content = ScheduleContent(
        schedule=row.id,
        round=asked.round,
        lines=tuple(ApprovedLine(line=line.line, content_hash=line.content_hash) for line in lines),
    )
    await store.add_round(tx, row.id, asked.round, content.content_hash, lines)
    return RoundBegun(content_hash=content.content_hash, lines=len(lines))


async def _ended(tx: Transaction, row: Row, lines: Sequence[Row]) -> None:
    """That another round follows this one: its question was answered, its approval fell, or no line is left.

    A decline that met the drop of the last line ends nothing, as the next round will say. Errors: AnotherRound, NotDecidedSo.
    """
    told = await round_of(tx, row)
    if told.decision is not None and (lines or told.decision.answer is Answer.APPROVED):
        raise AnotherRound("The schedule has gone on.")
    goes_on = row.answered_round == row.round if told.asked_back else told.fell
    if lines and row.round > 0 and not goes_on:
        raise NotDecidedSo("Nothing has ended the round before.")


async def note_schedule(tx: Transaction, told: NoteSchedule) -> Nothing:
    """Whoever reaches Temporal could name any status: it is noted where it is the one that the rows and approvals have.

    Errors: UnknownSchedule, AnotherRound; Unanswered (approvals).
    """
    row = await store.schedule_locked(tx, told.schedule)
    if row.status in CLOSED:
        raise AnotherRound("The schedule is closed.")
    if row.status != told.status and told.status is await _come_to(tx, row):
        await store.note_on_schedule(tx, row.id, f"now {told.status.value}")
        await store.change_schedule(tx, row.id, status=told.status)
    return Nothing()


async def _come_to(tx: Transaction, row: Row) -> ScheduleStatus:
    """Where an open schedule is. A decline is carried out by closing it. Errors: Unanswered (approvals)."""
    told = await round_of(tx, row)
    if told.decision is not None and told.decision.answer is Answer.APPROVED:
        return ScheduleStatus.POSTING if told.decision.carried_out_from is None else ScheduleStatus.CALL_IN
    return ScheduleStatus.SENT_BACK if told.asked_back else ScheduleStatus.WITH_APPROVER


async def read_schedule(tx: Transaction, asked: ReadSchedule) -> ScheduleStands:
    """Errors: UnknownSchedule."""
    row = await store.schedule_locked(tx, asked.schedule)
    left = await store.has_lines(tx, row.id, LISTED, POSTING)
    return ScheduleStands(answered_round=row.answered_round, withdrawn=row.withdrawn, empty=not left)


async def take_lines(tx: Transaction, asked: TakeLines) -> LinesTaken:
    """The next chunk. The first call also leaves the exceptions out; from then on the schedule is not withdrawn any more.

    What was handed out on this decision and has no outcome is handed out again, first: whoever reaches Temporal can take lines too, and the
    story would never see them. The ledger posts each once, however often it is asked.
    Errors: UnknownSchedule, AnotherRound, ScheduleWithdrawn, NotDecidedSo; Unanswered (approvals).
    """
    row = await _at_round(tx, asked.schedule, asked.round)
    if row.withdrawn:
        raise ScheduleWithdrawn("The schedule was withdrawn.")
    if row.decision != asked.decision:
        await _carry_out(tx, row, asked.decision)
    chunk = _in_one_message(await store.lines_of(tx, row.id, POSTING, limit=LINES_IN_A_CHUNK))
    chunk = chunk or _in_one_message(await store.lines_of(tx, row.id, LISTED, limit=LINES_IN_A_CHUNK))
    await store.set_standing(tx, row.id, [line.line for line in chunk], POSTING)
    return LinesTaken(lines=tuple(WriteOffLine.model_validate(line.content) for line in chunk))


async def _carry_out(tx: Transaction, row: Row, decision: UUID) -> None:
    """Whoever reaches Temporal could name any decision, and any line as left out: approvals itself is asked. Errors: NotDecidedSo."""
    made = await _decided(tx, row, decision, Answer.APPROVED)
    if made.carried_out_from is not None:
        raise NotDecidedSo("The decision may still be called in.")
    await store.change_schedule(tx, row.id, decision=decision)
    if made.excepted:
        # All of them: the next chunk begins before these.
        listed = await store.lines_of(tx, row.id, LISTED)
        await _except(tx, row, [line for line in listed if line.line in made.excepted])


async def _decided(tx: Transaction, row: Row, decision: UUID | None, answer: Answer) -> Decision:
    """The decision that ends this round, as approvals has it. Errors: NotDecidedSo where it is another, or another answer."""
    made = await decision_on(tx, row)
    if made is None or (made.decision, made.answer) != (decision, answer):
        raise NotDecidedSo("Approvals has no such decision on this round.")
    return made


def _in_one_message(lines: Sequence[Row]) -> list[Row]:
    """The first of the lines that name no more charges than a message carries; one at least."""
    reached = accumulate(len(line.content.get("charges", ())) for line in lines)
    return [line for place, (line, named) in enumerate(zip(lines, reached, strict=True)) if not place or named <= CHARGES_IN_A_CHUNK]


async def settle_lines(tx: Transaction, told: SettleLines) -> Nothing:
    """Errors: UnknownSchedule, AnotherRound, NotInTheBooks; Unanswered (ledger)."""
    # What was paid meanwhile may be proposed back: whoever brings an order comes to the proposals after it.
    await store.orders_stand(tx)
    row = await _at_round(tx, told.schedule, told.round)
    outcomes = {outcome.line: outcome for outcome in told.outcomes}
    lines = await store.lines_of(tx, row.id, POSTING, only=list(outcomes))
    posted = [(line, outcomes[line.line]) for line in lines if outcomes[line.line].journal is not None]
    books = await _in_the_books(tx, told.decision, posted)
    dropped = {line.line: because for line in lines if (because := outcomes[line.line].dropped_because) is not None}
    await _left_out(tx, [(line, dropped[line.line]) for line in lines if line.line in dropped])
    await store.proposals_locked(tx, [line.line for line in lines])
    await _posted(tx, row, told.decision, posted, books)
    for line in lines:
        if line.line in dropped:
            await drop(tx, line, DROPS.get(dropped[line.line], dropped[line.line]))
    # More may have been paid, or undone, than was put back, while it was being decided; or of what the ledger had just written off.
    await owe_again_each(tx, [line.account for line, _ in posted])
    return Nothing()


async def _in_the_books(tx: Transaction, decision: UUID, posted: Sequence[tuple[Row, LineOutcome]]) -> dict[UUID, DecidedJournal]:
    """The journals as they stand there. Whoever reaches Temporal could say it: the ledger itself is asked. Errors: NotInTheBooks."""
    wanted = {(outcome.journal, line.line, decision, line.amount_pence) for line, outcome in posted if outcome.journal is not None}
    if not wanted:
        return {}
    told = await tx.ask(DECIDED_JOURNALS, JournalsAsked(journals=tuple(journal for journal, *_ in wanted)))
    if wanted - {(one.journal, one.case, one.decision, one.amount_pence) for one in told.journals}:
        raise NotInTheBooks("The ledger has posted no such line on this decision.")
    return {one.journal: one for one in told.journals}


async def _left_out(tx: Transaction, dropped: Sequence[tuple[Row, str]]) -> None:
    """As `_in_the_books`, of lines that the ledger let fall. Errors: NotInTheBooks."""
    wanted = {(line.line, WriteOffLine.model_validate(line.content).attempt, because) for line, because in dropped}
    if not wanted:
        return
    tried = tuple(LineTried(line=line, attempt=attempt) for line, attempt, _ in wanted)
    told = await tx.ask(DROPPED_LINES, LinesTried(lines=tried))
    if wanted - {(one.line, one.attempt, one.because) for one in told.lines}:
        raise NotInTheBooks("The ledger has let no such line fall.")


async def close_schedule(tx: Transaction, told: CloseSchedule) -> Nothing:
    """A schedule of which every line fell out while it was posted has posted nothing, and says so. One that had posted some lines when its
    approval fell, and lost the others after that, is posted.

    Errors: UnknownSchedule, NotDecidedSo; Unanswered (approvals, ledger).
    """
    if told.status is ScheduleStatus.DECLINED:
        # What was paid meanwhile may be proposed back: whoever brings an order comes to the proposals after it.
        await store.orders_stand(tx)
    row = await store.schedule_locked(tx, told.schedule)
    if row.status in CLOSED:
        return Nothing()
    left = await store.lines_of(tx, row.id, LISTED, POSTING)
    status, reason = told.status, await _borne_out(tx, row, told, left)
    if status is ScheduleStatus.DECLINED:
        await _declined(tx, row, left, reason)
    else:
        await _ready_again(tx, row, left)
    if status in (ScheduleStatus.POSTED, ScheduleStatus.EMPTY):
        status = ScheduleStatus.POSTED if await store.has_lines(tx, row.id, "posted") else ScheduleStatus.EMPTY
    await store.change_schedule(tx, row.id, status=status, status_note=reason, closed_at=tx.now)
    await store.note_on_schedule(tx, row.id, f"now {status.value}", reason)
    return Nothing()


async def _borne_out(tx: Transaction, row: Row, told: CloseSchedule, left: Sequence[Row]) -> str:
    """The decision's coded reason, where the rows and approvals bear out that the schedule has ended so. Errors: NotDecidedSo."""
    match told.status:
        case ScheduleStatus.DECLINED:
            return (await _decided(tx, row, told.decision, Answer.DECLINED)).reason_code
        case ScheduleStatus.POSTED if row.decision is not None and row.decision == told.decision and not left:
            return told.reason_code or ""
        case ScheduleStatus.WITHDRAWN if row.withdrawn:
            return ""
        case ScheduleStatus.EMPTY if not left:
            return ""
        case _:
            raise NotDecidedSo("The schedule has not ended so.")


async def _at_round(tx: Transaction, schedule: UUID, number: int) -> Row:
    row = await store.schedule_locked(tx, schedule)
    if row.status in CLOSED or row.round != number:
        raise AnotherRound("The schedule has gone on.")
    return row


async def _except(tx: Transaction, row: Row, lines: Sequence[Row]) -> None:
    """Whoever decided left these out: a person looks at each again before it is listed anew, and is reminded of it."""
    rows = await store.proposals_locked(tx, [line.line for line in lines])
    await store.set_standing(tx, row.id, rows, "excepted", LEFT_OUT)
    blocked = {"status": ProposalStatus.BLOCKED, "status_note": LEFT_OUT, "schedule": None, "left_out": True}
    await store.begin_further_pass(tx, rows, **blocked)
    await store.note(tx, rows, "left out by the decision")
    await follow(tx, [(one.id, one.attempt + 1) for one in rows.values()])


async def _posted(
    tx: Transaction, row: Row, decision: UUID, posted: Sequence[tuple[Row, LineOutcome]], books: Mapping[UUID, DecidedJournal]
) -> None:
    journals = {line.line: outcome.journal for line, outcome in posted if outcome.journal is not None}
    await store.set_posted(tx, row.id, journals)
    await store.add_to_register(tx, [_register_row(row, decision, line, books[journals[line.line]]) for line, _ in posted])
    for line, _ in posted:
        content = WriteOffLine.model_validate(line.content)
        if content.kind is LineKind.REINSTATEMENT and content.undoes is not None:
            await store.note_reinstated(tx, content.undoes, content.amount_pence)
    await store.note(tx, [line.line for line, _ in posted], "posted")
    await store.tell(tx, [(line.line, _closed(row, line, ProposalStatus.POSTED, outcome.journal)) for line, outcome in posted])


def _register_row(row: Row, decision: UUID, line: Row, posted: DecidedJournal) -> dict[str, object]:
    """Its day is that of the posting, whenever the register hears of it."""
    content = WriteOffLine.model_validate(line.content)
    came_back = row.kind == LineKind.CREDIT_WRITE_ON and posted.undone
    return {
        "proposal": line.line,
        "schedule": row.id,
        "kind": row.kind,
        "account": line.account,
        "reason": line.reason,
        "journal": posted.journal,
        "undoes": content.undoes,
        "decision": decision,
        "posted_on": posted.effective_date,
        "amount_pence": line.amount_pence,
        "vat_pence": line.vat_pence,
        "parts": [part.model_dump() for part in content.parts],
        "discharged": content.discharged,
        "release_undone": content.release_undone,
        "reinstated_pence": line.amount_pence if came_back else 0,
        "came_back_on": posted.undone_on if came_back else None,
    }


async def _declined(tx: Transaction, row: Row, lines: Sequence[Row], reason: str) -> None:
    proposals = await store.proposals_locked(tx, [line.line for line in lines])
    ids = list(proposals)
    await store.set_standing(tx, row.id, ids, "declined", reason)
    await store.change_proposals(tx, ids, status=ProposalStatus.DECLINED, status_note=reason, closed_at=tx.now)
    await store.note(tx, ids, "declined", reason)
    await store.tell(tx, [(line.line, _closed(row, line, ProposalStatus.DECLINED, None)) for line in lines])
    closed = {one.account: one for one in proposals.values()}
    await owe_again_each(tx, list(closed), closed)


async def _ready_again(tx: Transaction, row: Row, lines: Sequence[Row]) -> None:
    ids = list(await store.proposals_locked(tx, [line.line for line in lines]))
    await store.set_standing(tx, row.id, ids, "taken-off")
    await store.change_proposals(tx, ids, status=ProposalStatus.READY, schedule=None)


def _closed(row: Row, line: Row, status: ProposalStatus, journal: UUID | None) -> ProposalClosed:
    return ProposalClosed(
        proposal=line.line,
        account=line.account,
        kind=LineKind(row.kind),
        status=status,
        amount_pence=line.amount_pence,
        journal=journal,
    )
