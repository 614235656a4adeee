"""Post approved lines of a schedule in one transaction; a line that may not stand any more is left out alone, with its reason."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.approvals import WHO_DECIDED, Answer, Deciders, ReadDecision
from rentbook_contracts.ledger import (
    AccountFact,
    CreditWrittenOn,
    DebtReinstated,
    DebtWrittenOff,
    DroppedBecause,
    LineKind,
    LineOutcome,
    PostWriteOff,
    WriteOffLine,
    WriteOffsPosted,
)
from rentbook_contracts.writeoffs import LINES_HANDED_OUT, LinesHandedOut, LinesToPost

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.posting import Posting
from ledger.domain.rules import CallInRuns, DecisionRecalled, KeyUsedForOtherContent, NoSuchAccount, NotApproved, NotHandedOut
from ledger.domain.write_off import Ground, charges_of, debtor_total, dropped_because, key_of, posting_of
from ledger.queries.debts import behind_at, debt_facts, linked_accounts
from ledger.queries.refund_facts import free_credit
from ledger.use_cases.give_back import DEBT_PUT_BACK, give_back
from ledger.use_cases.post_refund import NotHeardYet

Lines = Mapping[str, WriteOffLine]


async def post_write_off(tx: Transaction, asked: PostWriteOff) -> WriteOffsPosted:
    """Errors: NotHeardYet, Unanswered (writeoffs, approvals) (try again); NotApproved, DecisionRecalled, CallInRuns, NotHandedOut,
    NoSuchAccount, KeyUsedForOtherContent (all or none).
    """
    lines = _by_key(asked.lines)
    # Before the accounts are locked: nobody waits there for another service. What was handed out drops no more, but by the ledger's word.
    decided = await tx.ask(WHO_DECIDED, ReadDecision(decision=asked.decision))
    handed_out = await tx.ask(LINES_HANDED_OUT, _to_post(asked, decided))
    accounts = await _locked_with_linked(tx, {line.account for line in asked.lines})
    outcomes = await _outcomes_before(tx, lines, asked.decision)
    left = [line for key, line in lines.items() if key not in outcomes]
    if left:
        covers_to_pence = await _believe(tx, asked, left)
        _have_not_dropped(left, handed_out)
        _has_deciders(decided)
        too_close = await _too_close(tx, left, decided, handed_out)
        outcomes |= await _post(tx, left, asked.decision, covers_to_pence, accounts, too_close)
    return WriteOffsPosted(outcomes=tuple(outcomes[key_of(line)] for line in asked.lines))


def _by_key(asked: Sequence[WriteOffLine]) -> Lines:
    """A line that comes twice is one. Errors: KeyUsedForOtherContent."""
    lines = {key_of(line): line for line in asked}
    if any(lines[key_of(line)] != line for line in asked):
        raise KeyUsedForOtherContent("A line comes twice with other content.")
    return lines


async def _locked_with_linked(tx: Transaction, ids: set[UUID]) -> dict[UUID, store.LockedAccount]:
    """The accounts, and those of the same people: what they owe in all and hold in credit stands still too. Errors: NoSuchAccount."""
    linked = await linked_accounts(tx, ids)
    accounts = await store.lock_accounts(tx, ids | {other.account for others in linked.values() for other in others})
    if not ids <= accounts.keys():
        raise NoSuchAccount("A line is of no tenant's account.")
    return accounts


async def _outcomes_before(tx: Transaction, lines: Lines, decision: UUID) -> dict[str, LineOutcome]:
    """What became of lines that were asked for before. The accounts are locked: nobody posts them now. Errors: KeyUsedForOtherContent."""
    found: dict[str, LineOutcome] = {}
    posted = await store.posted_under(tx, lines)
    dropped = await store.dropped_lines(tx, [(line.line, line.attempt) for line in lines.values()])
    for key, line in lines.items():
        posting, drop = posting_of(line, decision, business_date(tx.now), tx.caller.person), dropped.get((line.line, line.attempt))
        if posted.get(key, posting.request_hash) != posting.request_hash or (drop is not None and drop.content_hash != line.content_hash):
            raise KeyUsedForOtherContent("This attempt at the line had another content, or another decision.")
        if key in posted:
            found[key] = LineOutcome(line=line.line, journal=posting.id)
        elif drop is not None:
            found[key] = LineOutcome(line=line.line, dropped_because=drop.because)
    return found


async def _believe(tx: Transaction, asked: PostWriteOff, lines: Sequence[WriteOffLine]) -> int | None:
    """Only approvals' own word, for this schedule and for each of these very lines. The highest debtor's total that it covers."""
    await store.serialise(tx, store.decision_name(asked.decision))
    heard = await store.heard_write_off(tx, asked.decision)
    if heard is None:
        raise NotHeardYet
    if heard.schedule != asked.schedule or heard.answer != Answer.APPROVED or not heard.completes:
        raise NotApproved("The decision that was heard does not approve this schedule.")
    if any(heard.lines.get(line.line) != line.content_hash for line in lines):
        raise NotApproved("The decision that was heard does not let through every one of these lines.")
    if heard.fallen:
        raise DecisionRecalled("The approval was taken back, or came to nothing.")
    if heard.carried_out_from > business_date(tx.now):
        raise CallInRuns("The decision may still be called in.")
    return heard.covers_to_pence


def _to_post(asked: PostWriteOff, decided: Deciders) -> LinesToPost:
    lines = tuple(line.line for line in asked.lines)
    return LinesToPost(schedule=asked.schedule, decision=asked.decision, decided_by=decided.people, lines=lines)


def _have_not_dropped(lines: Sequence[WriteOffLine], handed_out: LinesHandedOut) -> None:
    """What was heard of a debt after the decision drops its line in writeoffs alone. Errors: NotHandedOut."""
    if not {line.line for line in lines} <= set(handed_out.lines):
        raise NotHandedOut("Writeoffs has not handed out every one of these lines to be posted.")


def _has_deciders(decided: Deciders) -> None:
    """What was heard of has its row. Errors: NotApproved."""
    if not decided.people or decided.decided_at is None:
        raise NotApproved("Approvals knows nobody who decided this schedule.")


async def _too_close(tx: Transaction, lines: Sequence[WriteOffLine], decided: Deciders, handed_out: LinesHandedOut) -> set[UUID]:
    """The accounts of which one of those who decided stood behind what they owe, or have in credit, when the last of them did; and those of
    lines in which one of them takes part by now, as writeoffs has it.

    Approvals asks both as well, before it takes the decision: whoever writes one into its database goes past that question, and what was
    on its way just then was not seen.
    """
    assert decided.decided_at is not None, "it was just looked at"
    accounts = {line.account for line in lines}
    taking_part = {line.account for line in lines if line.line in handed_out.too_close}
    if not {*decided.people} & await behind_at(tx, accounts, decided.decided_at):
        return taking_part
    return taking_part | {id_ for id_ in accounts if {*decided.people} & await behind_at(tx, {id_}, decided.decided_at)}


@dataclass
class _Chunk:
    """What a chunk comes to, gathered line by line and written at once."""

    postings: list[Posting] = field(default_factory=list)
    told: list[tuple[store.LockedAccount, AccountFact]] = field(default_factory=list)
    written_off: list[store.WrittenOffRow] = field(default_factory=list)
    reinstated: list[store.ReinstatementRow] = field(default_factory=list)
    written_off_charges: list[store.ChargeRow] = field(default_factory=list)
    reinstated_charges: list[store.ChargeRow] = field(default_factory=list)
    dropped: list[tuple[WriteOffLine, DroppedBecause]] = field(default_factory=list)
    outcomes: dict[str, LineOutcome] = field(default_factory=dict)


async def _post(
    tx: Transaction,
    lines: Sequence[WriteOffLine],
    decision: UUID,
    covers_to_pence: int | None,
    accounts: Mapping[UUID, store.LockedAccount],
    too_close: Collection[UUID],
) -> dict[str, LineOutcome]:
    grounds = await _grounds(tx, lines, accounts)
    chunk = _Chunk()
    for line in lines:
        account = accounts[line.account]
        why = dropped_because(line, account.balance_pence, grounds[key_of(line)], covers_to_pence)
        why = why or (DroppedBecause.DECIDER_BEHIND if account.id in too_close else None)
        if why is not None:
            chunk.dropped.append((line, why))
            chunk.outcomes[key_of(line)] = LineOutcome(line=line.line, dropped_because=why)
        else:
            posting = posting_of(line, decision, business_date(tx.now), tx.caller.person)
            _take(chunk, line, posting, account, grounds[key_of(line)])
    await store.post(tx, chunk.postings)
    await store.add_written_off(tx, chunk.written_off)
    await store.add_written_off_charges(tx, chunk.written_off_charges)
    await store.add_reinstatements(tx, chunk.reinstated)
    await store.add_reinstated_charges(tx, chunk.reinstated_charges)
    await store.add_dropped_lines(tx, chunk.dropped, decision)
    await store.tell(tx, chunk.told)
    owing = [(account, fact.amount_pence) for account, fact in chunk.told if isinstance(fact, DebtReinstated)]
    await give_back(tx, owing, DEBT_PUT_BACK)
    return chunk.outcomes


async def _grounds(tx: Transaction, lines: Sequence[WriteOffLine], accounts: Mapping[UUID, store.LockedAccount]) -> dict[str, Ground]:
    """What each line stands on, all read together."""
    facts = await debt_facts(tx, {line.account for line in lines})
    left = await store.left_of_write_offs(tx, {line.undoes for line in lines if line.undoes is not None})
    written_on = {line.account for line in lines if line.kind is LineKind.CREDIT_WRITE_ON}
    free = await free_credit(tx, {id_: accounts[id_].balance_pence for id_ in written_on})
    return {
        key_of(line): Ground(facts[line.account], left.get(line.undoes, {}) if line.undoes else {}, free.get(line.account, 0))
        for line in lines
    }


def _take(chunk: _Chunk, line: WriteOffLine, posting: Posting, account: store.LockedAccount, ground: Ground) -> None:
    """A line that stands: its journal, its row, its fact, and the balance that the next line meets."""
    amount = line.amount_pence
    chunk.postings.append(posting)
    chunk.outcomes[key_of(line)] = LineOutcome(line=line.line, journal=posting.id)
    account.balance_pence += -amount if line.kind is LineKind.WRITE_OFF else amount
    about = {
        "account": account.id,
        "balance_pence": account.balance_pence,
        "journal": posting.id,
        "amount_pence": amount,
        "line": line.line,
    }
    of_each = charges_of(line, ground.facts) or ()
    charges = [store.ChargeRow(posting.id, charge.journal, charge.element, charge.owed_pence) for charge in of_each]
    match line.kind:
        case LineKind.WRITE_OFF:
            total = debtor_total(line, ground.facts)
            row = store.WrittenOffRow(posting.id, account.id, line.line, amount, line.discharged, total, line.released_until)
            chunk.written_off.append(row)
            chunk.written_off_charges += charges
            chunk.told.append((account, DebtWrittenOff.model_validate(about)))
        case LineKind.REINSTATEMENT:
            assert line.undoes is not None, "a reinstatement without a write-off is dropped"
            chunk.reinstated_charges += charges
            chunk.reinstated.append(store.ReinstatementRow(posting.id, line.undoes, amount, line.release_undone))
            chunk.told.append((account, DebtReinstated.model_validate(about | {"undoes": line.undoes})))
        case LineKind.CREDIT_WRITE_ON:
            chunk.told.append((account, CreditWrittenOn.model_validate(about)))
