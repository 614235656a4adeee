"""How money leaves suspense for accounts, whoever asks for it: what lies there, the accounts that are named, and the transfers."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountStatus

from ledger import store
from ledger.domain.posting import TRANSFER_CODE, Control, Posting, two_legs
from ledger.domain.rules import AccountClosed, AlreadyMoved, NoSuchAccount, NoSuchItem, NotToBeMoved
from ledger.queries.labels import written_as
from ledger.use_cases.received import told_received


async def item_to_move(tx: Transaction, id_: UUID) -> store.ItemInSuspense:
    """A payment of which something lies in suspense, locked. Errors: NoSuchItem, NotToBeMoved, AlreadyMoved."""
    await store.serialise(tx, store.item_name(id_))
    item = await store.suspense_item(tx, id_)
    if item is None:
        raise NoSuchItem("There is no such payment in suspense.", field="item")
    if item.undone or not item.left_pence:
        raise AlreadyMoved(
            "This payment is not in suspense any more: it was moved to an account, or taken back. Nothing was done.", field="item"
        )
    if item.amount_pence <= 0:
        raise NotToBeMoved("This is money out: it is matched with what the council paid, and goes onto no tenant’s account.", field="item")
    return item


async def known_accounts(tx: Transaction, typed: Mapping[str, str]) -> list[store.LockedAccount]:
    """The accounts that references name, locked, by the fields in which they were typed. Errors: NoSuchAccount, AccountClosed."""
    named: dict[str, UUID] = {}
    for field, reference in typed.items():
        known = (await tx.connection.scalars(written_as(reference).limit(2))).all()
        if len(known) != 1:
            raise NoSuchAccount(
                "No account has this reference. Check it against the tenant’s card or letter, or find the account by name or address "
                "first.",
                field=field,
            )
        named[field] = known[0]
    locked = await store.lock_accounts(tx, set(named.values()))
    for field, id_ in named.items():
        if locked[id_].status is AccountStatus.CLOSED:
            raise AccountClosed("This account is closed: nothing is posted onto it. Choose another account of the tenant.", field=field)
    return [locked[id_] for id_ in named.values()]


async def move_onto(tx: Transaction, item: store.ItemInSuspense, parts: Sequence[tuple[store.LockedAccount, int]]) -> list[store.Move]:
    """Post a transfer of each amount (pence) onto its account, and tell it as the receipt that it is."""
    postings = [
        Posting(
            f"suspense/{item.journal}/{number}",
            TRANSFER_CODE,
            item.effective_date,
            two_legs(account.id, -pence, Control.SUSPENSE),
            tx.caller.person,
            item.narrative,
            cleared_on=item.cleared_on,
            payer=item.payer,
        )
        for number, (account, pence) in enumerate(parts, start=item.attempts + 1)
    ]
    await store.post(tx, postings)
    moves = [store.Move(posting.id, account.id, pence) for posting, (account, pence) in zip(postings, parts, strict=True)]
    await store.add_clearings(tx, item, moves)
    day, cleared, file = item.effective_date, item.cleared_on, item.bank_file
    facts = [
        told_received(account, move.journal, pence, method=item.code, effective_date=day, cleared_on=cleared, bank_file=file)
        for (account, pence), move in zip(parts, moves, strict=True)
    ]
    await store.tell(tx, facts)
    return moves
