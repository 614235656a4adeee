"""Put a credit that went to income back onto its account: its refund was asked for, and is decided like any other (domain.md 4).

A case asks in each of its rounds: what went to income while its request was on its way here comes back too.
"""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import CreditPutBack, PutBackCredit

from ledger import store
from ledger.domain.rules import NobodyAsks, NoSuchAccount
from ledger.use_cases.post_refund import NotHeardYet
from ledger.use_cases.reverse_journal import reverse

REASON = "put back: its refund was asked for"


async def put_back_credit(tx: Transaction, asked: PutBackCredit) -> CreditPutBack:
    """Where nothing is at income, nothing is done.

    Errors: NoSuchAccount; NotHeardYet without refunds' own word on the request; NobodyAsks where the case has ended since.
    """
    if not await store.lock_accounts(tx, {asked.account}):
        raise NoSuchAccount("There is no such account.")
    at_income = (await store.credits_written_on(tx, {asked.account})).get(asked.account, [])
    if at_income and not await store.heard_of_request(tx, asked.case, asked.account):
        raise NotHeardYet
    # Whoever reaches Temporal could undo by it what was decided when nobody asked.
    if at_income and not await store.still_asks(tx, asked.case, asked.account):
        raise NobodyAsks("The case asks for this credit no longer.")
    journals = []
    for id_ in at_income:
        original = await store.journal(tx, id_)
        assert original is not None, "it was just found"
        journals.append(await reverse(tx, original, reason=REASON))
    return CreditPutBack(journals=tuple(journals))
