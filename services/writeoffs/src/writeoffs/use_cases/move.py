"""The ledger has moved an account: listed lines that rest on it are dropped, proposals are looked at again, a payment is noticed."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts import ledger
from rentbook_contracts.ledger import (
    DECIDED_JOURNALS,
    AccountFact,
    AccountHold,
    DroppedBecause,
    JournalsAsked,
    LineKind,
    WriteOffLine,
)
from rentbook_contracts.writeoffs import OF_THE_LIVING, ProposalStatus, Reason

from writeoffs import queries, store
from writeoffs.domain.assessment import DROPS, falls_because
from writeoffs.domain.days import business_date
from writeoffs.domain.movement import movement
from writeoffs.store import Row
from writeoffs.use_cases.dropping import drop
from writeoffs.use_cases.listing import assessed
from writeoffs.use_cases.owe_again import owe_again
from writeoffs.use_cases.work import fact_of, look_again

LIVES = "That the tenant died was said in error."
DIED = "Somebody who owes it has died."
PAID = "Somebody who owes it has paid on another account: they can be found."
ENDED = "The day of the tenancy’s end was noted, and with it who answers for the account."

OF_MONEY = frozenset({DroppedBecause.BALANCE_MOVED, DroppedBecause.CREDIT_GONE})
"""What an entry on the line's own account brings about; what stands elsewhere, or is left of a write-off, may have stood so before it."""

_HOLDS = {AccountHold.BREATHING_SPACE: DroppedBecause.BREATHING_SPACE, AccountHold.DISPUTE: DroppedBecause.DISPUTE}


async def look_ahead_of_moves(tx: Transaction, facts: Sequence[AccountFact]) -> None:
    """Lock what a batch of facts comes to before the first of them is taken, in the order of everybody else: orders, lines, proposals.

    Fact by fact it would come to them in the order in which the accounts moved, and wait in a ring with whoever has one and wants another.
    """
    await _before_any_row(tx, *facts)
    await store.hold_about(tx, {fact.account for fact in facts})


async def move(tx: Transaction, fact: AccountFact) -> None:
    """A line is dropped by what changes what its account owes, or what is owed of the charges that it names, or takes away what is put back
    or the credit that this answers, or by what forbids to write it off, there or on another account of the same people. Of one that is
    being listed meanwhile the ledger looks at the other accounts when it posts. Errors: Unanswered (ledger); the event is then tried again.
    """
    stopped = _stopped(fact)
    await _drop_listed(tx, fact, stopped)
    row = await store.open_on_account(tx, fact.account)
    if row is not None and row.status == ProposalStatus.ON_SCHEDULE:
        # Whoever was making the schedule held the proposal: what it has listed could not be seen before.
        await _drop_listed(tx, fact, stopped)
    elif row is not None and (row.followed or stopped or _may_have_moved(row, fact)):
        await look_again(tx, row)


def _may_have_moved(row: Row, fact: AccountFact) -> bool:
    """Of what is owed of its charges, where it rests on those, the balance says nothing; nor of what is left to be put back."""
    return fact.balance_pence != row.balance_pence or row.charges is not None or row.kind == LineKind.REINSTATEMENT


async def _drop_listed(tx: Transaction, fact: AccountFact, stopped: DroppedBecause | None) -> None:
    falls: list[tuple[Row, DroppedBecause]] = []
    for line in await store.listed_about(tx, fact.account):
        because = await _why(tx, line, fact, stopped) if line.account == fact.account else _why_beside(line, fact, stopped)
        if because is not None:
            falls.append((line, because))
    if falls:
        await store.hold_proposals_about(tx, [fact.account], [line.line for line, _ in falls])
    for line, because in falls:
        await drop(tx, line, await _told(tx, line, fact, because))


async def _told(tx: Transaction, line: Row, fact: AccountFact, because: DroppedBecause) -> str:
    """Why it drops; where that is money, with what moved it: whoever reads it need not look through the account's entries."""
    says = DROPS[because]
    moved = movement(fact, business_date(await queries.made_at(tx, line.schedule))) if because in OF_MONEY else None
    return f"{says.removesuffix('.')}: {moved}." if moved is not None else says


async def _why(tx: Transaction, line: Row, fact: AccountFact, stopped: DroppedBecause | None) -> DroppedBecause | None:
    if stopped is not None and _concerns(stopped, line):
        return stopped
    if fact.balance_pence == line.balance_pence:
        return None
    told = WriteOffLine.model_validate(line.content)
    may_stand = told.kind is LineKind.REINSTATEMENT or bool(told.charges)
    return falls_because(told, await fact_of(tx, line.account)) if may_stand else DroppedBecause.BALANCE_MOVED


def _why_beside(line: Row, fact: AccountFact, stopped: DroppedBecause | None) -> DroppedBecause | None:
    """Of a fact on another account of the same people, as the ledger finds it when it posts."""
    match LineKind(line.content["kind"]):
        case LineKind.CREDIT_WRITE_ON:
            return DroppedBecause.OWED_ELSEWHERE if fact.balance_pence > 0 else None
        case _ if stopped is DroppedBecause.BREATHING_SPACE:
            return stopped
        case LineKind.WRITE_OFF if stopped is DroppedBecause.PAYMENT_PLAN and line.content["reason"] == Reason.UNTRACEABLE:
            return stopped
        case LineKind.WRITE_OFF if fact.balance_pence < 0:
            return DroppedBecause.CREDIT_ELSEWHERE
        case _:
            return None


async def live(tx: Transaction, fact: ledger.DeathChanged) -> None:
    """Where a death was said in error, a line goes that rests on it: as the reason, or because nobody asked for evidence of that tenant.
    Where it was not, and nobody lives who owes it, a line goes that says where they have gone, or that they cannot be found: the estate is
    asked first.

    Errors: Unanswered (ledger); the event is then tried again.
    """
    await move(tx, fact)
    if not fact.died:
        await drop_unready(tx, await store.listed_on_account(tx, fact.account), LIVES)
        return
    await drop_unready(tx, await store.listed_for(tx, fact.account, OF_THE_LIVING), DIED)
    row = await store.open_on_account(tx, fact.account)
    if row is not None and row.reason in OF_THE_LIVING and row.status == ProposalStatus.READY:
        await look_again(tx, row)


async def end(tx: Transaction, fact: ledger.TenancyEnded) -> None:
    """Who left before a tenancy ended does not answer for it: another day of its end may bring somebody in, of whom nothing is shown.

    A credit that lies there then pays what was written off, as a payment does (`receive`): no review looks at so much of it.
    Errors: Unanswered (ledger); the event is then tried again.
    """
    await _before_any_row(tx, fact)
    await store.await_posting(tx, fact.account)
    await move(tx, fact)
    await drop_unready(tx, await store.listed_on_account(tx, fact.account), ENDED)
    await owe_again(tx, fact.account, fact.balance_pence)


async def drop_unready(tx: Transaction, lines: Sequence[Row], why: str) -> None:
    """Those of these listed lines that could not be listed now; where nothing stands in the way, evidence is missing by what was heard."""
    today = business_date(tx.now)
    for line in lines:
        row = await store.proposal_locked(tx, line.line)
        facts = {row.account: await fact_of(tx, row.account)}
        found = (await assessed(tx, [row], facts, await queries.in_force(tx, today), today))[row.id]
        if not found.ready:
            # A death that was said in error is all that stands in the way of what rests on it.
            stands = () if why is LIVES and row.reason == Reason.DECEASED else found.blocked
            await drop(tx, line, stands[0] if stands else why)


async def receive(tx: Transaction, fact: ledger.ReceiptPosted) -> None:
    """A payment on a written-off debt is one that the debt is owed for again. Whoever pays is not untraceable, whichever account they pay.

    While its line is being settled the register lacks the debt: whoever settles it afterwards asks the ledger what was paid.
    """
    await _before_any_row(tx, fact)
    await store.await_posting(tx, fact.account)
    await move(tx, fact)
    await drop_unready(tx, await store.listed_as_untraceable(tx, fact.account), PAID)
    await owe_again(tx, fact.account, fact.balance_pence)


async def come_back(tx: Transaction, fact: ledger.JournalReversed) -> None:
    """A credit that went to income and is on its account again stays in the register, which says so. What was written off of a charge that
    is undone is proposed back, whatever the account owes.

    One that is not registered yet will be with what came back of it: the ledger says so to whoever settles its line.
    Errors: Unanswered (ledger); the event is then tried again.
    """
    await _before_any_row(tx, fact)
    await store.await_posting(tx, fact.account)
    await move(tx, fact)
    found = await store.registered(tx, fact.reverses)
    if found is not None and found.kind == LineKind.CREDIT_WRITE_ON:
        await store.note_came_back(tx, found.journal, await _came_back_on(tx, found.journal))
    await owe_again(tx, fact.account, None)


async def _came_back_on(tx: Transaction, journal: UUID) -> date:
    """As the books say, whenever it is heard."""
    books = await tx.ask(DECIDED_JOURNALS, JournalsAsked(journals=(journal,)))
    days = [one.undone_on for one in books.journals if one.undone_on is not None]
    return days[0] if days else business_date(tx.now)


async def _before_any_row(tx: Transaction, *facts: AccountFact) -> None:
    """What may put a debt back waits for whoever brings an order while it holds no proposal: they come to the proposals after it."""
    if any(fact.balance_pence < 0 or isinstance(fact, ledger.JournalReversed) for fact in facts):
        await store.orders_stand(tx)


def _concerns(stopped: DroppedBecause, line: Row) -> bool:
    """A request for the refund of a credit leaves alone what is owed."""
    return stopped is not DroppedBecause.CREDIT_ASKED_FOR or line.content["kind"] == LineKind.CREDIT_WRITE_ON


def _stopped(fact: AccountFact) -> DroppedBecause | None:
    match fact:
        case ledger.AccountHoldChanged(account_hold=hold, in_force=True):
            return _HOLDS.get(hold)
        case ledger.CreditAskedFor(asked=True):
            return DroppedBecause.CREDIT_ASKED_FOR
        case ledger.HousingBenefitClaimChanged(unresolved=True):
            return DroppedBecause.HOUSING_BENEFIT
        case ledger.PaymentPlanChanged(in_force=True):
            return DroppedBecause.PAYMENT_PLAN
        case _:
            return None
