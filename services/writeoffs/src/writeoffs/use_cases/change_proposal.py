"""What people do to a proposal before it is on a schedule: bring evidence, strike it, go on with another balance, withdraw it.

What is heard of a debt is taken afterwards too, until its line is handed to the ledger: nothing is posted over it unheard.
"""

from datetime import date
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import DebtFacts, LineKind
from rentbook_contracts.operation import Nothing
from rentbook_contracts.people import MANAGERS
from rentbook_contracts.writeoffs import (
    ENDINGS,
    AddProof,
    EvidenceKind,
    ProposalStatus,
    Reason,
    ReconsiderProposal,
    StrikeProof,
    WithdrawProposal,
)

from writeoffs import queries, store
from writeoffs.domain.assessment import DATED_BY_THE_DEBT, HEARD, ORDER_OF, STRUCK, is_discharging, not_before
from writeoffs.domain.days import business_date, in_words
from writeoffs.domain.insolvency import ORDERS
from writeoffs.domain.ladder import ANSWERS
from writeoffs.domain.rules import WriteOffRule
from writeoffs.store import Row
from writeoffs.use_cases.dropping import drop
from writeoffs.use_cases.move import drop_unready
from writeoffs.use_cases.owe_again import owe_again, owe_again_each
from writeoffs.use_cases.work import (
    OnASchedule,
    ProposalIsClosed,
    end_as_withdrawn,
    fact_of,
    look_again,
    require_worker,
    rests_on,
    unclosed,
    workable,
)

OF_A_PERSON = ORDERS | {EvidenceKind.DEATH}
"""Evidence that is always of one person."""
_IN_WORDS = frozenset({EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE})


class ShownInTheFuture(WriteOffRule):
    """Evidence shows what happened today or before."""


class NotATenant(WriteOffRule):
    """Evidence is of a tenant of the account."""


class BeforeTheDebt(WriteOffRule):
    """Nobody wrote about a debt, or tried to return a credit, before it was there."""


class OrderWithoutReference(WriteOffRule):
    """An order of insolvency is known by its reference: the register finds it, and whoever decides looks it up (domain.md 5.3)."""


class LetterWithoutReference(WriteOffRule):
    """What proves a letter is the record of its sending. Of those that notices sends that is its own."""


class SaysNothing(WriteOffRule):
    """A document, or a manager's note, can be found or read: by who wrote it, its reference, or its words (domain.md 5.3)."""


class NotAManager(WriteOffRule):
    """For some reasons a document and a manager's note are all that is asked for: the note is a manager's own."""


class UnknownProof(WriteOffRule):
    """There is no such evidence."""


class StruckAlready(WriteOffRule):
    """Evidence is struck once."""


class OrderUnsaid(WriteOffRule):
    """An order says what it is, and whether the debt of the account is listed in it: it releases nothing else (domain.md 5.3)."""


class OrderOfNobody(WriteOffRule):
    """An order of insolvency, and what discharges from it, is of one person: others who owe the debt owe it still."""


class DeathOfNobody(WriteOffRule):
    """A death is of one person: of joint tenants another may live, and owes the whole debt (domain.md 5.3)."""


async def add_proof(tx: Transaction, told: AddProof) -> Nothing:
    """Errors: NotYourPart, UnknownProposal, ProposalIsClosed, OnASchedule, ShownInTheFuture, NotATenant, BeforeTheDebt,
    OrderWithoutReference, OrderUnsaid, LetterWithoutReference, SaysNothing, NotAManager, OrderOfNobody, DeathOfNobody; Unanswered (ledger).
    """
    require_worker(tx)
    if told.kind is EvidenceKind.MANAGER_NOTE and not tx.caller.roles & MANAGERS:
        raise NotAManager("A manager's note is written by a team leader or somebody above, who then decides nothing here.", field="kind")
    if told.on > business_date(tx.now):
        raise ShownInTheFuture("Evidence cannot be of a day after today.", field="on")
    if told.kind is EvidenceKind.LETTER_SENT and not told.reference.strip():
        raise LetterWithoutReference("Enter the reference of the record of its sending, such as where its copy is kept.", field="reference")
    if told.kind in _IN_WORDS and not (told.source + told.reference + told.note).strip():
        raise SaysNothing("Enter what can be read of it: its reference, who wrote it, or what it says.", field="reference")
    told = _of_an_order(told)
    if told.kind in ORDERS:
        await store.order_becomes_known(tx)
    if told.kind in ANSWERS:
        await _hold_theirs(tx, told.proposal)
    row, line = await _open_to(tx, told)
    facts: DebtFacts | None = None
    if told.person is not None or told.kind in DATED_BY_THE_DEBT | OF_A_PERSON:
        facts = await fact_of(tx, row.account)
        told = _of_whom(told, facts)
        if told.person is not None and all(one.person != told.person for one in facts.people):
            raise NotATenant("This person is no tenant of the account.", field="person")
        since = not_before(LineKind(row.kind), told.kind, facts)
        if since is not None and told.on < since:
            raise BeforeTheDebt(_too_early(LineKind(row.kind), told.kind, since), field="on")
        if told.kind in ORDERS:
            await _stop_beside(tx, HEARD[told.kind], facts, told.kind in ENDINGS)
    await store.add_proof(tx, told)
    await store.take_part(tx, [row.id], "added evidence")
    await store.note(tx, [row.id], f"evidence added: {told.kind.value}")
    if row.closed_at is not None:
        await _later_rests_no_more(tx, row, HEARD[told.kind])
    elif line is not None:
        await drop(tx, line, HEARD[told.kind])
    else:
        await store.change_proposal(tx, row.id, left_out=False)
        await look_again(tx, row)
    if facts is not None and told.kind in ENDINGS:
        await _owe_again(tx, facts)
    if facts is not None and told.kind in ANSWERS:
        await _hear_beside(tx, row, facts, HEARD[told.kind])
    return Nothing()


async def _hold_theirs(tx: Transaction, proposal: UUID) -> None:
    """What is heard of the people of a debt comes to lines and proposals on each of their accounts: all are locked as everybody does, lines
    before proposals, before the first is looked at. Errors: UnknownProposal; Unanswered (ledger).
    """
    account = (await queries.proposal_row(tx, proposal)).account
    await store.hold_about(tx, {account, *(other.account for other in (await fact_of(tx, account)).linked)})


async def _hear_beside(tx: Transaction, row: Row, facts: DebtFacts, why: str) -> None:
    """Whoever is heard of on one account is not untraceable on another: lines that say so drop, and open proposals are looked at anew.

    What is being posted has its outcome first. They are held (`_hold_theirs`).
    """
    lines = [line for line in await store.listed_as_untraceable(tx, row.account) if line.line != row.id]
    await drop_unready(tx, lines, why)
    for other in facts.linked:
        beside = await store.open_on_account(tx, other.account)
        listed = beside is not None and (beside.status == ProposalStatus.ON_SCHEDULE or any(line.line == beside.id for line in lines))
        if beside is not None and beside.reason == Reason.UNTRACEABLE and not listed:
            await look_again(tx, beside)


def _of_an_order(told: AddProof) -> AddProof:
    """Errors: OrderWithoutReference, OrderUnsaid."""
    if told.kind is not EvidenceKind.INSOLVENCY_ORDER:
        return told.model_copy(update={"order_kind": None, "listed": None})
    if not told.reference.strip():
        raise OrderWithoutReference("Enter the reference of the order.", field="reference")
    if told.order_kind is None:
        raise OrderUnsaid("Choose what the order is.", field="order_kind")
    if told.listed is None:
        raise OrderUnsaid("Say whether this debt is listed in the order.", field="listed")
    return told


async def _open_to(tx: Transaction, told: AddProof) -> tuple[Row, Row | None]:
    """The locked proposal, with its line where it is listed and this is heard all the same. Errors: as `workable`."""
    if told.kind not in HEARD:
        return await workable(tx, told.proposal), None
    # A line is come to before its proposal.
    await store.listed_line(tx, told.proposal)
    if told.kind in ENDINGS:
        # What was posted on an order is owed again in law: that is heard where the order was brought, too.
        posted = await store.proposal_locked(tx, told.proposal)
        if posted.status == ProposalStatus.POSTED:
            return posted, None
    row = await unclosed(tx, told.proposal)
    return row, await _line_of(tx, row)


async def _line_of(tx: Transaction, row: Row) -> Row | None:
    """The line of a locked proposal, where it is listed. Errors: OnASchedule, while it is posted."""
    line = await store.listed_line(tx, row.id)
    if line is None and row.status == ProposalStatus.ON_SCHEDULE:
        raise OnASchedule("This proposal is being posted at this moment. Look at it again in a minute.")
    return line


def _of_whom(told: AddProof, facts: DebtFacts) -> AddProof:
    """Of one tenant it needs no saying; of several it does. Errors: OrderOfNobody, DeathOfNobody."""
    if told.kind not in OF_A_PERSON or told.person is not None or not facts.people:
        return told
    if len(facts.people) > 1 and told.kind is EvidenceKind.DEATH:
        raise DeathOfNobody("Choose the tenant whose death it shows.", field="person")
    if len(facts.people) > 1:
        raise OrderOfNobody("Choose the tenant whose order or discharge it is.", field="person")
    return told.model_copy(update={"person": facts.people[0].person})


async def _stop_beside(tx: Transaction, why: str, facts: DebtFacts, taken_back: bool) -> None:
    """What is to become of what the same people owe on other accounts rests on it too: each is looked at anew, and not decided by the
    caller. A further order speaks against putting back alone; that one is `taken_back`, or was an error, also against writing off for it.

    What is being posted has its outcome first, as on the account itself. Errors: OnASchedule.
    """
    for other in facts.linked:
        row = await store.open_on_account(tx, other.account)
        if row is not None and (row.kind == LineKind.REINSTATEMENT or (taken_back and await _is_written_off_for_an_order(tx, row))):
            await _rests_no_more(tx, row, why)


async def _is_written_off_for_an_order(tx: Transaction, row: Row) -> bool:
    """An order is its reason, or its line tells the ledger what one has released. Any other stays what it is without the order."""
    if row.kind != LineKind.WRITE_OFF:
        return False
    reason, policy = Reason(row.reason), await queries.in_force(tx, business_date(tx.now))
    return reason in ORDER_OF or is_discharging(policy, reason) or await store.tells_of_a_release(tx, row.id)


async def _rests_no_more(tx: Transaction, row: Row, why: str) -> None:
    """A locked, open proposal rests on what was said on another: its line drops, it is looked at anew, and the caller decides nothing.

    Errors: OnASchedule.
    """
    line = await store.listed_line(tx, row.id)
    if line is not None:
        await drop(tx, line, why)
    elif row.status == ProposalStatus.ON_SCHEDULE:
        raise OnASchedule(
            "What the same people owe on another account is being written off or put back at this moment. Try it again in a minute."
        )
    else:
        await look_again(tx, row)
    await store.carry_on(tx, [(row.id, tx.caller.person)])


async def _owe_again(tx: Transaction, facts: DebtFacts) -> None:
    """What an order had released is owed again in law: a credit that lies on an account of the same people pays it, as a payment does."""
    await owe_again(tx, facts.account, facts.balance_pence)
    for other in facts.linked:
        await owe_again(tx, other.account, other.balance_pence)


async def strike_proof(tx: Transaction, told: StrikeProof) -> Nothing:
    """Evidence that was entered in error counts for nothing from now on, and stays to be read. Whoever brought it decides nothing still.

    Errors: NotYourPart, UnknownProof, StruckAlready, ProposalIsClosed, OnASchedule; Unanswered (ledger).
    """
    require_worker(tx)
    await store.order_becomes_known(tx)
    proposal = await store.proposal_of_proof(tx, told.proof)
    if proposal is None:
        raise UnknownProof("There is no such evidence.")
    if EvidenceKind((await store.proof_known(tx, told.proof)).kind) in ANSWERS:
        await _hold_theirs(tx, proposal)
    # A line is come to before its proposal.
    await store.listed_line(tx, proposal)
    row = await store.proposal_locked(tx, proposal)
    found = await store.proof_known(tx, told.proof)
    if found.struck_by is not None:
        raise StruckAlready("This evidence was struck already.")
    kind = EvidenceKind(found.kind)
    if row.closed_at is not None and kind not in queries.GOES_ON_COUNTING:
        raise ProposalIsClosed("This proposal is closed: what it was decided on stays as it is.")
    line = await _line_of(tx, row)
    await store.strike(tx, told.proof, told.because)
    await store.take_part(tx, [row.id], "struck evidence")
    await store.note(tx, [row.id], f"evidence struck: {kind.value}", told.because)
    if line is not None:
        await drop(tx, line, STRUCK)
    elif row.closed_at is None:
        await look_again(tx, row)
    await _others_rest_no_more(tx, row, kind)
    return Nothing()


async def _later_rests_no_more(tx: Transaction, row: Row, why: str) -> None:
    """A later proposal about the debt of a closed one rests on what was said on that. Errors: OnASchedule."""
    later = await store.open_on_account(tx, row.account) if row.closed_at is not None else None
    if later is not None:
        await _rests_no_more(tx, later, why)


async def _others_rest_no_more(tx: Transaction, row: Row, kind: EvidenceKind) -> None:
    """What else rested on evidence that goes on counting: a later proposal about the debt; of an order, also on other accounts."""
    if kind not in queries.GOES_ON_COUNTING:
        return
    await _later_rests_no_more(tx, row, STRUCK)
    if kind in ANSWERS:
        await _hear_beside(tx, row, await fact_of(tx, row.account), STRUCK)
    if kind in ORDERS:
        facts = await fact_of(tx, row.account)
        await _stop_beside(tx, STRUCK, facts, True)
        await _owe_again(tx, facts)


def _too_early(line: LineKind, kind: EvidenceKind, since: date) -> str:
    if line is LineKind.CREDIT_WRITE_ON:
        what = "an attempt to return the credit" if kind is EvidenceKind.RETURN_ATTEMPT else "what was done or said about the credit"
        return f"The account has been in credit since {in_words(since)}: {what} is of that day or later."
    return f"The oldest charge that is owed fell due on {in_words(since)}: what was done or said about it is of that day or later."


async def reconsider_proposal(tx: Transaction, told: ReconsiderProposal) -> Nothing:
    """Errors: NotYourPart, UnknownProposal, ProposalIsClosed, OnASchedule; Unanswered (ledger)."""
    require_worker(tx)
    row = await workable(tx, told.proposal)
    policy, facts = await queries.in_force(tx, business_date(tx.now)), await fact_of(tx, row.account)
    confirmed = rests_on(LineKind(row.kind), Reason(row.reason), facts, policy)
    # What blocked it was said of the balance before: it stands nowhere until it is looked at.
    await store.change_proposal(tx, row.id, **confirmed, status=ProposalStatus.GATHERING, status_note="", left_out=False)
    await store.take_part(tx, [row.id], "reconsidered it")
    await store.note(tx, [row.id], "reconsidered", told.note)
    await look_again(tx, row)
    return Nothing()


async def withdraw_proposal(tx: Transaction, told: WithdrawProposal) -> Nothing:
    """What was paid, or undone, while it stood in the way is proposed now.

    Errors: NotYourPart, UnknownProposal, ProposalIsClosed, OnASchedule; Unanswered (ledger).
    """
    require_worker(tx)
    # Whoever brings an order comes to the proposals after it.
    await store.orders_stand(tx)
    row = await workable(tx, told.proposal)
    await end_as_withdrawn(tx, row, told.note)
    await owe_again_each(tx, [row.account], {row.account: row})
    return Nothing()
