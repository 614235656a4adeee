"""Who pays on a written-off debt owes it again, up to what was paid: that is proposed, and decided like any other.

So is what was written off of a charge that is undone: nobody paid the credit that it leaves. And a credit that lies on the account when
its tenancy ends, or when an order that had released the debtor is taken back, pays what may be owed again by then.
"""

from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import DebtFacts, LineKind
from rentbook_contracts.writeoffs import ProposalStatus, Propose, Reason

from writeoffs import queries, store
from writeoffs.domain.assessment import as_the_law_stands, left_of_charge, left_to_put_back
from writeoffs.domain.insolvency import held_until
from writeoffs.store import Row
from writeoffs.use_cases.propose import propose_to_put_back
from writeoffs.use_cases.work import end_as_withdrawn, fact_of

ANOTHER_PAYMENT = "More came into credit: proposed anew with it."
CHARGE_UNDONE = "A charge of what was written off was undone: nobody paid this credit."


async def owe_again(tx: Transaction, account: UUID, balance_pence: int, *, undone: UUID | None = None) -> None:
    """Propose to put back what is in credit on an account whose debt was written off, of the latest write-off of which any may be.

    `balance_pence`: as it was said to be; what is proposed is what the account holds in credit now, for some of that may be owed again by
    now. A proposal that was made so before is made anew where that has changed, unless a person has had a hand in it, or it is listed.
    `undone`: the journal whose undoing moved the account: what was written off of it comes back, of the latest write-off that holds any.
    What was no charge that was written off has nothing to do with it.
    Errors: Unanswered (ledger).
    """
    standing = await store.written_off_on(tx, account) if balance_pence < 0 else []
    if not standing:
        return
    facts = await fact_of(tx, account)
    if facts.balance_pence >= 0:
        return
    left = await _left(tx, facts, undone)
    latest = next((row.journal for row in reversed(standing) if left.get(row.journal)), None)
    if latest is None:
        return
    waiting = await _waits_of_itself(tx, account, latest) if undone is not None else None
    if waiting is not None:
        # It goes on, together with this charge.
        left = await _left(tx, facts, None)
    told = Propose(
        kind=LineKind.REINSTATEMENT,
        account=account,
        reason=Reason.PAYING if undone is None else waiting or Reason.CHARGE_UNDONE,
        note="" if undone is None else CHARGE_UNDONE,
        undoes=latest,
        amount_pence=min(-facts.balance_pence, left[latest]),
    )
    if not await _free(tx, told, facts.balance_pence):
        return
    await propose_to_put_back(tx, told, facts)


async def _left(tx: Transaction, facts: DebtFacts, undone: UUID | None) -> dict[UUID, int]:
    """Of each write-off of the account what may be put back, in pence: not what an order has released or holds, known then or since.

    Where a charge was `undone`, what is left of that one.
    """
    of = {facts.account: facts.people}
    orders, struck = (await queries.orders_known(tx, of))[facts.account], await queries.orders_struck(tx, of)
    since = held_until(orders, facts.people, facts.account)
    left = {}
    for past in as_the_law_stands(facts, orders, facts.account in struck).write_offs:
        days = [day for day in (since, past.released_until) if day is not None]
        until = max(days, default=None)
        left[past.journal] = left_to_put_back(past, until) if undone is None else left_of_charge(past, undone, until)
    return left


async def _free(tx: Transaction, told: Propose, balance_pence: int) -> bool:
    """Whether the account has no open proposal, or one that was made of itself of another amount, or balance: that one ends."""
    row = await store.open_on_account(tx, told.account)
    if row is None:
        return True
    the_same = (row.undoes, row.wanted_pence, row.balance_pence) == (told.undoes, told.amount_pence, balance_pence)
    if the_same or not await _made_of_itself(tx, row):
        return False
    await end_as_withdrawn(tx, row, ANOTHER_PAYMENT)
    return True


async def _waits_of_itself(tx: Transaction, account: UUID, write_off: UUID) -> Reason | None:
    """For what reason putting it back is proposed already; None where it is not, or somebody has had a hand in that."""
    row = await store.open_on_account(tx, account)
    alone = row is not None and row.undoes == write_off and await _made_of_itself(tx, row)
    return Reason(row.reason) if row is not None and alone else None


async def _made_of_itself(tx: Transaction, row: Row) -> bool:
    alone = row.reason in (Reason.PAYING, Reason.CHARGE_UNDONE) and row.status != ProposalStatus.ON_SCHEDULE
    return alone and not await store.has_participants(tx, row.id)
