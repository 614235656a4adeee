"""Move money from suspense onto several accounts in one step: a transfer for each, with the receipt's effective date (domain.md 2.3)."""

from chassis.transaction import Transaction
from rentbook_contracts.ledger import SplitSuspense, SuspenseCleared, SuspenseIsSplit

from ledger.domain.rules import MoreThanLiesThere, NamedTwice
from ledger.use_cases.permission import may_change
from ledger.use_cases.suspense_moves import item_to_move, known_accounts, move_onto


async def split_suspense(tx: Transaction, asked: SplitSuspense) -> SuspenseIsSplit:
    """What the parts leave over goes on lying there. All parts move, or none.

    Errors, of a part with the field `reference-` or `amount-` and its number from 1: NotAllowed, NoSuchItem, NotToBeMoved, AlreadyMoved,
    NoSuchAccount, AccountClosed, NamedTwice, MoreThanLiesThere.
    """
    may_change(tx.caller)
    item = await item_to_move(tx, asked.item)
    accounts = await known_accounts(tx, {f"reference-{number}": part.reference for number, part in enumerate(asked.parts, start=1)})
    ids = [account.id for account in accounts]
    twice = next((number for number, id_ in enumerate(ids, start=1) if id_ in ids[: number - 1]), None)
    if twice is not None:
        raise NamedTwice("This account stands in an earlier line already. Put both amounts into one.", field=f"reference-{twice}")
    if sum(part.amount_pence for part in asked.parts) > item.left_pence:
        raise MoreThanLiesThere("The parts add up to more than lies in suspense of this payment. Nothing was moved.", field="item")
    parts = [(account, part.amount_pence) for account, part in zip(accounts, asked.parts, strict=True)]
    moves = await move_onto(tx, item, parts)
    cleared = tuple(SuspenseCleared(journal=move.journal, account=move.account) for move in moves)
    return SuspenseIsSplit(parts=cleared, left_pence=item.left_pence - sum(move.amount_pence for move in moves))
