"""Until when orders of insolvency have released a debt: what fell due by their day is never owed again (domain.md 5.3)."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import AccountHold, DebtFacts, PersonFacts
from rentbook_contracts.writeoffs import EvidenceKind

from writeoffs.domain.ladder import Proof

ORDERS = frozenset({EvidenceKind.INSOLVENCY_ORDER, EvidenceKind.DISCHARGE})
"""What the law has released, or is about to."""


def released_until(orders: Sequence[Proof], people: Iterable[PersonFacts]) -> date | None:
    """The last day on which what fell due is released for whoever owes it; None where somebody owes it still.

    Each joint tenant owes the whole debt, so that it is gone only as far as each who lives is released. An order of which nobody said whose
    it is counts as of each: what the law has released is never put back by mistake.
    """
    days = [_of_one([order for order in orders if order.person in (None, person)]) for person in _owing(people)]
    known = [day for day in days if day is not None]
    return min(known) if known and len(known) == len(days) else None


def _of_one(orders: Sequence[Proof]) -> date | None:
    """The last order's day. A discharge comes later than its order, and counts by its own day only where that order is not known."""
    made = [order.on for order in orders if order.kind is EvidenceKind.INSOLVENCY_ORDER]
    alone = [order.on for order in orders if order.kind is EvidenceKind.DISCHARGE and not any(day <= order.on for day in made)]
    return max((*made, *alone), default=None)


def _owing(people: Iterable[PersonFacts]) -> list[UUID]:
    """Who lives of those who owe; of a debt of the dead, all of them."""
    told = list(people)
    return [person.person for person in told if person.died_on is None] or [person.person for person in told]


def insolvency_recorded(facts: DebtFacts) -> bool:
    """The account is held for it, or each who owes the debt is known to be insolvent."""
    living = [person for person in facts.people if person.died_on is None] or list(facts.people)
    return AccountHold.INSOLVENCY in facts.account_holds or (bool(living) and all(person.insolvent for person in living))
