"""Nobody comes to owe what went to income: a credit that was taken there comes back before an account owes because a payment was undone,
or because a written-off debt was put back.

A credit that was written on stays the person's (domain.md 4: *written on to budget, but still paid if asked*), so it pays what the same
account owes before they do. An undone payment may be the very one that the credit was made of; then the council would keep as income what
it never received, and ask for it a second time. A reinstated debt may be the very one that the credit had been paid on. It is no question
for whoever undoes: a bank's return comes whether or not somebody agrees, a reinstatement was decided, and what the person owes beyond
their credit is an ordinary debt. So nothing is refused here, and what comes back is told as every reversal is: the register of write-offs
shows it.

A journal is undone whole. What comes back beyond what was owed is credit again, which somebody may propose anew.
"""

from collections import defaultdict
from collections.abc import Iterable
from uuid import UUID

from chassis.transaction import Transaction

from ledger import store
from ledger.domain.posting import Posting
from ledger.use_cases.mirrored import told_undone, undone_now

PAYMENT_UNDONE = "put back: a payment was undone"
DEBT_PUT_BACK = "put back: a written-off debt was put back"


async def give_back(tx: Transaction, debits: Iterable[tuple[store.LockedAccount, int]], why: str = PAYMENT_UNDONE) -> None:
    """Put back what of these locked accounts' credit is at income, the newest first, until what they were debited is covered.

    `debits`: by how much, pence, with the account's balance after that. An account that owes nothing is left alone.
    """
    accounts: dict[UUID, store.LockedAccount] = {}
    debited: dict[UUID, int] = defaultdict(int)
    for account, pence in debits:
        accounts[account.id] = account
        debited[account.id] += pence
    short = {id_: owed for id_, pence in debited.items() if (owed := min(pence, accounts[id_].balance_pence)) > 0}
    postings: list[tuple[store.LockedAccount, Posting]] = []
    for id_, journals in (await store.credits_written_on(tx, short) if short else {}).items():
        for journal in reversed(journals):
            if short[id_] > 0:
                written_on = await store.journal(tx, journal)
                assert written_on is not None, "it was just found"
                posting = undone_now(tx, written_on, why)
                short[id_] += sum(leg.amount_pence for leg in posting.legs if leg.account == id_)
                postings.append((accounts[id_], posting))
    await store.post(tx, [posting for _, posting in postings])
    await store.tell(tx, [told_undone(account, posting) for account, posting in postings])
