"""A balance taken apart: the parts add up to it, each entry says where it came from."""

from typing import Literal, get_args

import sqlalchemy as sa
from chassis.transaction import Transaction
from rentbook_contracts.ledger import BalanceExplained, BalancePart, Entry, ExplainBalance

from ledger.domain.dates import business_date
from ledger.queries.entries import entries, newest_first, shown
from ledger.queries.labels import labels_of
from ledger.queries.refund_facts import one_snapshot, tenant_account

Kind = Literal["opening", "charges", "receipts", "adjustments", "transfers", "refunds", "reversals", "write-offs"]
_WORDS: dict[Kind, str] = {
    "opening": "Balance when the ledger was opened",
    "charges": "Rent and other charges",
    "receipts": "Payments received",
    "adjustments": "Adjustments",
    "transfers": "Transfers from and to other accounts",
    "refunds": "Refunds",
    "reversals": "Reversals of earlier entries",
    "write-offs": "Write-offs",
}


async def explain_balance(tx: Transaction, asked: ExplainBalance) -> BalanceExplained:
    """Errors: NoSuchAccount."""
    await one_snapshot(tx)
    await tenant_account(tx, asked.account)
    found = entries(asked.account, asked.as_at)
    parts: dict[Kind, list[Entry]] = {kind: [] for kind in get_args(Kind)}
    for row in await tx.connection.execute(sa.select(found).order_by(*newest_first(found))):
        parts["reversals" if row.reverses is not None else row.part].append(shown(row))
    [label] = await labels_of(tx, [asked.account])
    explained = tuple(
        BalancePart(kind=kind, words=_WORDS[kind], sum_pence=sum(entry.amount_pence for entry in listed), entries=tuple(listed))
        for kind, listed in parts.items()
        if listed
    )
    return BalanceExplained(
        label=label,
        as_at=asked.as_at or business_date(tx.now),
        balance_pence=sum(part.sum_pence for part in explained),
        parts=explained,
    )
