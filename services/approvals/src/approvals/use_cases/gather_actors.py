"""Who stands behind the credits and debts that people are about to decide on or to pay, as the ledger has it at this moment.

A task may wait for days: whoever moved money, undid an entry, lifted a hold or ended a plan meanwhile took part in the case as well.
"""

import asyncio
from collections.abc import Iterable, Mapping
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, ACTORS_BEHIND, AccountForRefund, ActorsAsked

from approvals import store
from approvals.domain.eligibility import Part

ASKED_AT_ONCE = 8


async def actors_of_refunds(tx: Transaction, cases: Mapping[UUID, UUID]) -> Mapping[UUID, tuple[str, ...]]:
    """By case, whose account is given. Errors: Unanswered (ledger)."""
    gate = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(case: UUID, account: UUID) -> tuple[UUID, tuple[str, ...]]:
        async with gate:
            return case, (await tx.ask(ACCOUNT_FOR_REFUND, AccountForRefund(account=account, case=case))).actors

    return dict(await asyncio.gather(*(ask(case, account) for case, account in cases.items())))


async def actors_of_schedule(tx: Transaction, accounts: Iterable[UUID]) -> tuple[str, ...]:
    """Of the accounts on a schedule. Errors: Unanswered (ledger)."""
    return (await tx.ask(ACTORS_BEHIND, ActorsAsked(accounts=tuple(dict.fromkeys(accounts))))).actors


async def take_part(tx: Transaction, actors: Mapping[UUID, Iterable[str]]) -> None:
    """Put them on the list of each case, which is locked."""
    for case, people in actors.items():
        await store.add_participants(tx, case, people, Part.LEDGER)
