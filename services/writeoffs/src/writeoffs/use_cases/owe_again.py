"""Who pays on a written-off debt owes it again, up to what was paid: that is proposed, and decided like any other.

What was written off of a charge that is undone comes back whole, whatever the account owes or the law has released: nobody owes that
charge, nobody paid the credit that its undoing left, and until the write-off is taken back, too, that credit pays for what is owed. And a
credit that lies on the account when its tenancy ends, or when an order that had released the debtor is taken back, pays what may be owed
again by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import DebtFacts, LineKind
from rentbook_contracts.writeoffs import ProposalStatus, Propose, Reason

from writeoffs import queries, store
from writeoffs.domain.assessment import as_the_law_stands, left_of_the_undone, left_to_put_back
from writeoffs.domain.insolvency import held_until
from writeoffs.store import Row
from writeoffs.use_cases.propose import propose_to_put_back
from writeoffs.use_cases.work import end_as_withdrawn, fact_of, facts_of

PROPOSED_ANEW = "Another amount is to be put back by now: proposed anew."
CHARGE_UNDONE = "A charge of what was written off was undone: nobody paid this credit."


@dataclass(frozen=True)
class _Left:
    """What of a write-off may be put back, in pence: of charges that were undone since, and of the others."""

    of_the_undone: int
    of_others: int


async def owe_again(tx: Transaction, account: UUID, balance_pence: int | None) -> None:
    """Propose to put back what was written off of charges that were undone, and what was paid beyond that, of the latest write-off of which
    any may be.

    `balance_pence`: as it was said to be, of a payment. None where something was undone: whatever is owed then, that is looked at where it
    was a charge that was written off, and nobody paid anything where it was not. What is proposed is by what the account holds now, for
    some of it may be owed again by now. A proposal that was made so before is made anew where that has changed, unless a person has had a
    hand in it, or it is listed; any other stands in its way until it is closed.
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

    `closed`: by account, the proposal that was just closed without being posted. What a person has decided not to put back is not proposed
    again at once, unless its charge was undone. Errors: Unanswered (ledger).
    """
    of_each = await store.written_off_on_each(tx, accounts)
    facts = await facts_of(tx, list(of_each)) if of_each else {}
    for account, known in sorted(facts.items()):
        await _propose(tx, of_each[account], known, (closed or {}).get(account))


async def _propose(tx: Transaction, standing: Sequence[Row], facts: DebtFacts, closed: Row | None = None) -> None:
    told = await _due(tx, standing, facts, closed)
    if told is None:
        return
    before = await store.open_on_account(tx, told.account)
    if before is not None:
        if await _stands(tx, before, told):
            return
        await end_as_withdrawn(tx, before, PROPOSED_ANEW)
    await propose_to_put_back(tx, told, facts, after=before or closed)


async def _due(tx: Transaction, standing: Sequence[Row], facts: DebtFacts, closed: Row | None) -> Propose | None:
    """What of these write-offs, oldest first, is to be put back of itself now."""
    undone = _undone_pence(facts)
    paid = max(0, -(facts.balance_pence + undone))
    if not undone and not paid:
        return None
    left = await _left(tx, facts)
    newest_first = [(row.journal, left[row.journal]) for row in reversed(standing) if row.journal in left]
    latest = next((journal for journal, of_it in newest_first if paid and of_it.of_others), None)
    of = next((journal for journal, of_it in newest_first if of_it.of_the_undone), latest)
    if of is None:
        return None
    amount = left[of].of_the_undone + (min(paid, left[of].of_others) if of == latest else 0)
    if closed is not None and (closed.undoes, closed.wanted_pence or closed.amount_pence) == (of, amount):
        amount = left[of].of_the_undone
    if not amount:
        return None
    note = CHARGE_UNDONE if left[of].of_the_undone else ""
    reason = Reason.PAYING if amount > left[of].of_the_undone else Reason.CHARGE_UNDONE
    return Propose(kind=LineKind.REINSTATEMENT, account=facts.account, reason=reason, note=note, undoes=of, amount_pence=amount)


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
    return (row.undoes, row.wanted_pence) == (told.undoes, told.amount_pence) or not await _made_of_itself(tx, row)


async def _made_of_itself(tx: Transaction, row: Row) -> bool:
    alone = row.reason in (Reason.PAYING, Reason.CHARGE_UNDONE) and row.status != ProposalStatus.ON_SCHEDULE
    return alone and not await store.has_participants(tx, row.id)
