"""Credit is looked at on the day that may bring it above the floor though nothing happens: it has cleared, or the tenancy has ended.

So is what came in beside a case, once that case is over (domain.md 4).
"""

from chassis.serving import Tick
from chassis.transaction import Transaction

from refunds.domain.days import business_date
from refunds.domain.means import Means
from refunds.store import looks
from refunds.use_cases.credit_of import ask_for_credits, credit_of
from refunds.use_cases.open_review import look

LOOKS_AT_ONCE = 200


async def look_at_due_credit(tx: Transaction, tick: Tick, means: Means) -> bool:
    """True where more may wait. Errors: Unanswered where the ledger does not answer: looked at later."""
    accounts = await looks.due(tx, business_date(tick.at), LOOKS_AT_ONCE)
    await ask_for_credits(tx, accounts)
    for account in accounts:
        await looks.forget(tx, account)
        credit = await credit_of(tx, account)
        if credit is not None:
            await look(tx, credit, means)
    return len(accounts) == LOOKS_AT_ONCE
