"""The receipts that a bank file may take back, and which of them each of its returns takes back."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountStatus

from ledger import store
from ledger.domain.dates import business_date
from ledger.domain.receipt import Receipt
from ledger.domain.references import ReferenceScheme
from ledger.domain.suspense import Marks, agrees, alike, taken_back
from ledger.queries.suspense_rows import schemes_in_force


@dataclass
class Standing:
    """What stands on accounts and what came into suspense, this by its amount, newest first; it loses what is taken back.

    `takes_back`: the method that each method of return takes back. A cash file has one type for every returned cheque and none for the
    cheque, so that its returns take back a payment of `any_method`.
    """

    takes_back: Mapping[str, str]
    schemes: Sequence[ReferenceScheme]
    any_method: bool
    in_suspense: dict[int, list[store.SuspenseReceipt]]
    on_accounts: list[store.StandingReceipt] = field(default_factory=list)
    open_accounts: frozenset[UUID] = frozenset()

    def brings(self, receipt: store.SuspenseReceipt) -> None:
        """Note what the file itself brings into suspense, where one of its returns has this amount."""
        if receipt.amount_pence in self.in_suspense:
            self.in_suspense[receipt.amount_pence].insert(0, receipt)

    def on_account(self, receipt: Receipt, account: UUID) -> UUID | None:
        """The newest receipt of the method and amount on this account that a line takes back; no other line can take it back again."""
        method = self.takes_back.get(receipt.method)
        for place, past in enumerate(self.on_accounts):
            if (past.account, past.code, past.amount_pence) == (account, method, -receipt.amount_pence):
                return self.on_accounts.pop(place).journal
        return None

    def from_suspense(self, receipt: Receipt, marks: Marks, account: UUID | None) -> store.SuspenseReceipt | None:
        """The payment that a line takes back and that came into suspense, wherever it stands; no other line can take it back again.

        One that was moved onto the `account` which the line quotes, or else the one that the line's own words speak for. Left alone is
        what stands on an account that is not open: nothing is posted there.
        """
        may_be = [
            one
            for one in self.in_suspense[-receipt.amount_pence]
            if self._method(receipt, one.code) and all(move.account in self.open_accounts for move in one.moves)
        ]
        there = [one for one in may_be if any(move.account == account for move in one.moves) and self._names_method(receipt)]
        place = taken_back(marks, [one.marks for one in may_be], self.schemes)
        found = there[0] if there else may_be[place] if place is not None else None
        if found is not None:
            self.in_suspense[found.amount_pence].remove(found)
        return found

    def likely(self, returns: Sequence[tuple[Receipt, Marks]], accounts: Mapping[str, UUID]) -> set[UUID]:
        """What came into suspense and one of these returns may take back."""
        return {
            one.journal
            for receipt, marks in returns
            for one in self.in_suspense[-receipt.amount_pence]
            if self._method(receipt, one.code)
            and (any(move.account == accounts.get(receipt.reference or "") for move in one.moves) or alike(marks, one.marks, self.schemes))
        }

    def _method(self, receipt: Receipt, code: str) -> bool:
        return agrees(self.takes_back, receipt.method, code, any_method=self.any_method)

    def _names_method(self, receipt: Receipt) -> bool:
        return self.any_method or receipt.method in self.takes_back


async def standing_in_suspense(
    tx: Transaction,
    returns: Sequence[tuple[Receipt, Marks]],
    accounts: Mapping[str, UUID],
    policy: store.ReceiptPolicy,
    *,
    any_method: bool,
) -> Standing:
    """What these returns may take back of what came into suspense, locked. Before any account is locked: whoever moves money does so too.

    `accounts`: tenants' accounts by the references that the file quotes.
    """
    amounts = {-receipt.amount_pence for receipt, _ in returns}
    schemes = await schemes_in_force(tx, business_date(tx.now)) if returns else []
    seen = Standing(policy.takes_back, schemes, any_method, _by_amount(amounts, await store.suspense_receipts(tx, amounts)))
    likely = await asyncio.to_thread(seen.likely, returns, accounts)
    await store.lock_suspense_receipts(tx, likely)
    now = await store.suspense_receipts(tx, amounts) if likely else []
    return Standing(policy.takes_back, schemes, any_method, _by_amount(amounts, (one for one in now if one.journal in likely)))


def _by_amount(amounts: Iterable[int], receipts: Iterable[store.SuspenseReceipt]) -> dict[int, list[store.SuspenseReceipt]]:
    found: dict[int, list[store.SuspenseReceipt]] = {amount: [] for amount in amounts}
    for receipt in receipts:
        found[receipt.amount_pence].append(receipt)
    return found


def open_accounts(locked: Mapping[UUID, store.LockedAccount]) -> frozenset[UUID]:
    """The accounts onto which something may be posted."""
    return frozenset(account.id for account in locked.values() if account.status is not AccountStatus.CLOSED)
