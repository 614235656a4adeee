"""Who pays on a written-off debt owes it again, up to what was paid: that is proposed, and decided like any other.

What was written off of a charge that is undone comes back whole, whatever the account owes or the law has released: nobody owes that
charge, nobody paid the credit that its undoing left, and until the write-off is taken back, too, that credit pays for what is owed. And a
credit that lies on the account when its tenancy ends, or when an order that had released the debtor is taken back, pays what may be owed
again by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import DebtFacts, LineKind
from rentbook_contracts.writeoffs import ProposalStatus, Propose, Reason

from writeoffs import queries, store
from writeoffs.domain.assessment import as_the_law_stands, left_of_the_undone, left_to_put_back, past_write_off, still_refused
from writeoffs.domain.days import business_date, in_words, morning_of
from writeoffs.domain.insolvency import held_until
from writeoffs.store import Row
from writeoffs.use_cases.propose import propose_to_put_back
from writeoffs.use_cases.work import end_as_withdrawn, fact_of, facts_of, follow

PROPOSED_ANEW = "Another amount is to be put back by now: proposed anew."
CHARGE_UNDONE = "A charge of what was written off was undone: nobody paid this credit."


@dataclass(frozen=True)
class _Left:
    """What of a write-off may be put back, in pence: of charges that were undone since, and of the others."""

    of_the_undone: int
    of_others: int


async def owe_again(tx: Transaction, account: UUID, balance_pence: int | None) -> None:
    """Propose to put back what was written off of charges that were undone, or else what was paid, of the latest write-off of which any may
    be. Each is another matter, decided by itself: what was paid beside an undone charge is proposed once that is decided.

    `balance_pence`: as it was said to be, of a payment. None where something was undone: whatever is owed then, that is looked at where it
    was a charge that was written off, and nobody paid anything where it was not. What is proposed is by what the account holds now, for
    some of it may be owed again by now. A proposal that was made so before is made anew where that has changed, unless a person has had a
    hand in it, or it is listed; any other stands in its way until it is closed. What a person has refused to put back is left out.
    Errors: Unanswered (ledger).
    """
    standing = await store.written_off_on(tx, account) if balance_pence is None or balance_pence < 0 else []
    if not standing:
        return
    facts = await fact_of(tx, account)
    if balance_pence is not None or _undone_pence(facts):
        await _propose(tx, standing, facts)


async def owe_again_each(tx: Transaction, accounts: Sequence[UUID], closed: Mapping[UUID, Row] | None = None) -> None:
    """As `owe_again`, of many accounts at once, whatever they owe, once nothing stands in its way any more.

    `closed`: by account, the proposal that a person has just closed without anything being posted; it is as it was before that. Where it
    was to put something back, that is refused from now on. Errors: Unanswered (ledger).
    """
    of_each = await store.written_off_on_each(tx, accounts)
    facts = await facts_of(tx, list(of_each)) if of_each else {}
    for account, known in sorted(facts.items()):
        before = (closed or {}).get(account)
        if before is not None and before.kind == LineKind.REINSTATEMENT:
            await _refuse(tx, before, known)
        await _propose(tx, of_each[account], known, before)


async def bring_again(tx: Transaction, id_: UUID, attempt: int) -> datetime | None:
    """Propose again, on its day, what a person has set aside of an undone charge. Until then the moment of that day; None once it is done.

    Errors: UnknownProposal; Unanswered (ledger).
    """
    # Whoever brings an order comes to the proposals after it.
    await store.orders_stand(tx)
    row = await store.proposal_locked(tx, id_)
    if row.again_on is None or row.attempt != attempt:
        return None
    if business_date(tx.now) < row.again_on:
        return morning_of(row.again_on)
    await store.change_proposal(tx, row.id, again_on=None)
    await owe_again_each(tx, [row.account])
    return None


async def _refuse(tx: Transaction, row: Row, facts: DebtFacts) -> None:
    """Keep what is not put back of what was paid: all of it, where it would have put back all that is left of the write-off. What is left
    of an undone charge has to come to a decision all the same, and so comes again when it is time to look again.
    """
    past, amount = past_write_off(facts, row.undoes), row.wanted_pence or row.amount_pence
    if past is None:
        return
    if row.reason == Reason.CHARGE_UNDONE and left_of_the_undone(past):
        today = business_date(tx.now)
        again_on = today + timedelta(days=(await queries.in_force(tx, today)).look_again_days)
        await store.change_proposal(tx, row.id, again_on=again_on, attempt=row.attempt + 1)
        await follow(tx, [(row.id, row.attempt + 1)])
        await store.note(tx, [row.id], f"set aside: what is left of the undone charge is proposed again on {in_words(again_on)}")
    if row.reason == Reason.PAYING:
        paid, left = _paid_pence(facts), (await _left(tx, facts))[past.journal]
        refused = paid if amount >= left.of_others else min(amount, paid)
        await store.change_proposal(tx, row.id, refused_pence=refused or None)


async def _propose(tx: Transaction, standing: Sequence[Row], facts: DebtFacts, closed: Row | None = None) -> None:
    told = await _due(tx, standing, facts)
    if told is None:
        return
    before = await store.open_on_account(tx, told.account)
    if before is not None:
        if await _stands(tx, before, told):
            return
        await end_as_withdrawn(tx, before, PROPOSED_ANEW, of_itself=True)
    await propose_to_put_back(tx, told, facts, after=before or closed)


async def _due(tx: Transaction, standing: Sequence[Row], facts: DebtFacts) -> Propose | None:
    """What of these write-offs, oldest first, is to be put back of itself now."""
    if not _undone_pence(facts) and not _paid_pence(facts):
        return None
    refusals, aside = await store.refused_on(tx, facts.account, business_date(tx.now))
    paid = _paid_pence(facts) - still_refused(refusals, facts.credit_stood)
    left = await _left(tx, facts)
    newest_first = [(row.journal, left[row.journal]) for row in reversed(standing) if row.journal in left]
    for journal, of_it in newest_first:
        # More of it that is undone by now is another matter than what was set aside.
        if of_it.of_the_undone > aside.get(journal, 0):
            return _told(facts, Reason.CHARGE_UNDONE, journal, of_it.of_the_undone)
    for journal, of_it in newest_first:
        if paid > 0 and of_it.of_others:
            return _told(facts, Reason.PAYING, journal, min(paid, of_it.of_others))
    return None


def _told(facts: DebtFacts, reason: Reason, undoes: UUID, pence: int) -> Propose:
    note = CHARGE_UNDONE if reason is Reason.CHARGE_UNDONE else ""
    return Propose(kind=LineKind.REINSTATEMENT, account=facts.account, reason=reason, note=note, undoes=undoes, amount_pence=pence)


def _paid_pence(facts: DebtFacts) -> int:
    """What lies on the account that somebody paid: its credit, without what undone charges left."""
    return max(0, -(facts.balance_pence + _undone_pence(facts)))


def _undone_pence(facts: DebtFacts) -> int:
    return sum(left_of_the_undone(past) for past in facts.write_offs)


async def _left(tx: Transaction, facts: DebtFacts) -> dict[UUID, _Left]:
    """Of each write-off of the account. What an order has released or holds, known then or since, comes back only where it was undone."""
    of = {facts.account: facts.people}
    orders, struck = (await queries.orders_known(tx, of))[facts.account], await queries.orders_struck(tx, of)
    since = held_until(orders, facts.people, facts.account)
    left = {}
    for past in as_the_law_stands(facts, orders, facts.account in struck).write_offs:
        days = [day for day in (since, past.released_until) if day is not None]
        undone = left_of_the_undone(past)
        left[past.journal] = _Left(undone, left_to_put_back(past, max(days, default=None)) - undone)
    return left


async def _stands(tx: Transaction, row: Row, told: Propose) -> bool:
    """Whether the account's open proposal stays: one that was not made of itself, or is the same."""
    the_same = (row.reason, row.undoes, row.wanted_pence) == (told.reason, told.undoes, told.amount_pence)
    return the_same or not await _made_of_itself(tx, row)


async def _made_of_itself(tx: Transaction, row: Row) -> bool:
    alone = row.reason in (Reason.PAYING, Reason.CHARGE_UNDONE) and row.status != ProposalStatus.ON_SCHEDULE
    return alone and not await store.has_participants(tx, row.id)
