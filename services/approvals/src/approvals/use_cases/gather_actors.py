"""Who stands behind the credits and debts that people are about to decide on or to pay, as the ledger has it at this moment.

A task may wait for days: whoever moved money, undid an entry, lifted a hold or ended a plan meanwhile took part in the case as well, and so
did whoever took part in another request of the same people, as refunds has it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND, ACTORS_BEHIND, AccountForRefund, ActorsAsked, LineKind
from rentbook_contracts.refunds import ASKED_IN_VAIN, PLAN_TO_DECIDE, AskedInVain, PlanOfHash
from rentbook_contracts.writeoffs import ScheduleToDecide

from approvals import store
from approvals.domain.eligibility import Part

ASKED_AT_ONCE = 8


@dataclass(frozen=True)
class OfPlan:
    """A refund's plan, by its hash, with its account."""

    case: UUID
    account: UUID
    content_hash: str


async def actors_of_refunds(tx: Transaction, plans: Iterable[OfPlan]) -> Mapping[UUID, Mapping[Part, Iterable[str]]]:
    """By case. Errors: Unanswered (ledger, refunds)."""
    gate = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(plan: OfPlan) -> tuple[UUID, Mapping[Part, Iterable[str]]]:
        async with gate:
            facts = await tx.ask(ACCOUNT_FOR_REFUND, AccountForRefund(account=plan.account, case=plan.case))
            told = await tx.ask(PLAN_TO_DECIDE, PlanOfHash(case=plan.case, content_hash=plan.content_hash, others=facts.others))
            return plan.case, {Part.LEDGER: facts.actors, Part.CASE: {*told.participants} - {told.raised_by}}

    return dict(await asyncio.gather(*map(ask, plans)))


async def actors_of_schedule(tx: Transaction, accounts: Iterable[UUID]) -> tuple[str, ...]:
    """Of the accounts on a schedule. Errors: Unanswered (ledger)."""
    return (await tx.ask(ACTORS_BEHIND, ActorsAsked(accounts=tuple(dict.fromkeys(accounts))))).actors


async def participants_of_schedule(tx: Transaction, about: ScheduleToDecide) -> frozenset[str]:
    """Beside whoever raised it, who took part in it; where a credit goes to income, in a refund request for it that was not paid too.

    Errors: Unanswered (refunds).
    """
    people = {*about.participants} - {about.raised_by}
    if about.kind is not LineKind.CREDIT_WRITE_ON:
        return frozenset(people)
    asked = AskedInVain(accounts=tuple(dict.fromkeys(line.account for line in about.lines)))
    return frozenset(people | {*(await tx.ask(ASKED_IN_VAIN, asked)).people})


async def take_part(tx: Transaction, actors: Mapping[UUID, Mapping[Part, Iterable[str]]]) -> None:
    """Put them on the list of each case, which is locked."""
    for case, parts in actors.items():
        for part, people in parts.items():
            await store.add_participants(tx, case, people, part)
