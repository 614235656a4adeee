"""What the ledger says of an account's credit, asked for once in a transaction, and for many accounts together."""

from collections.abc import Collection
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import CREDITS, CreditFacts, CreditsAsked


async def ask_for_credits(tx: Transaction, accounts: Collection[UUID]) -> None:
    """Have `credit_of` know these accounts. The ledger has posted what is heard, so that no fact of the batch is newer than its answer.

    Errors: Unanswered.
    """
    wanted = tuple(sorted(account for account in accounts if account not in tx.known))
    if wanted:
        read = await tx.ask(CREDITS, CreditsAsked(accounts=wanted))
        told = {credit.account: credit for credit in read.credits}
        tx.known.update((account, told.get(account)) for account in wanted)


async def credit_of(tx: Transaction, account: UUID) -> CreditFacts | None:
    """None for an account that is no tenant's, such as suspense: nobody's credit to review. Errors: Unanswered."""
    await ask_for_credits(tx, [account])
    found: CreditFacts | None = tx.known[account]
    return found
