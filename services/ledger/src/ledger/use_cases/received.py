"""What is told of money that came onto an account, however it came there."""

from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import ReceiptPosted

from ledger import store


def told_received(
    account: store.LockedAccount,
    journal: UUID,
    pence: int,
    *,
    method: str,
    effective_date: date,
    cleared_on: date | None,
    bank_file: UUID | None,
) -> tuple[store.LockedAccount, ReceiptPosted]:
    """What is told of a receipt (pence, credit positive) on a locked account; its balance runs along."""
    account.balance_pence -= pence
    return account, ReceiptPosted(
        account=account.id,
        balance_pence=account.balance_pence,
        journal=journal,
        amount_pence=pence,
        method=method,
        effective_date=effective_date,
        cleared_on=cleared_on or effective_date,
        bank_file=bank_file,
    )
