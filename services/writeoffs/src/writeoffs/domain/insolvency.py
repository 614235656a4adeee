"""What orders of insolvency have released, or hold: what fell due by their day is not owed again (domain.md 5.3).

Of one order, read plainly: a bankruptcy releases by its day what it covers, on every account of the person, but for an account of which
somebody said that it does not. A debt relief order and a voluntary arrangement release only the debts that they list: they count on an
account once somebody has said so there. A debt relief order is a moratorium at first: it holds what it lists, and releases that at the
end of its twelve months. A voluntary arrangement holds what it lists, too, and releases that once it was completed: a discharge says so
of the last order before it. One that was annulled, revoked or failed has released nothing. Where nobody was asked what an order is, it
counts at once and everywhere: what the law has released is never put back by mistake.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import AccountHold, DebtFacts, PastWriteOff, PersonFacts
from rentbook_contracts.writeoffs import ENDINGS, EvidenceKind, OrderKind

from writeoffs.domain.days import months_after
from writeoffs.domain.ladder import Proof

ORDERS = frozenset({EvidenceKind.INSOLVENCY_ORDER, EvidenceKind.DISCHARGE, *ENDINGS})
"""What the law has released, is about to, or has not released after all."""

MORATORIUM_MONTHS = 12
"""Statutory: one year that begins with the order's day, at whose end it releases what it lists (Insolvency Act 1986, sections 251H(1) and
251I(1)). The day itself is the first of that year: of 29 February the last is 28 February, and from 1 March the debt is gone. That the
official receiver or a court made it longer is not looked at: nothing is put back in that time either."""

_OF_LISTED_ALONE = frozenset({OrderKind.DEBT_RELIEF_ORDER, OrderKind.VOLUNTARY_ARRANGEMENT})


def standing(proofs: Iterable[Proof], known: Iterable[Proof] = ()) -> tuple[Proof, ...]:
    """All but the orders that were taken back, and what took them back, `known` from other accounts of the same people too.

    An ending is of the last order of its kind of that person that was made by its day, for nobody has two at once; and of the last that
    was brought to its own account, which may be the same order under another day.
    """
    told = list(proofs)
    everywhere = [*told, *known]
    gone = {order for end in everywhere if end.kind in ENDINGS for order in _ended_by(end, everywhere)}
    return tuple(proof for proof in told if proof.kind not in ENDINGS and proof not in gone)


def _ended_by(end: Proof, told: Sequence[Proof]) -> list[Proof]:
    made = [
        order
        for order in told
        if order.kind is EvidenceKind.INSOLVENCY_ORDER
        and order.order_kind in (None, ENDINGS[end.kind])
        and (end.person is None or order.person in (None, end.person))
        and order.on <= end.on
    ]
    here = [order for order in made if order.account == end.account]
    return [order for told in (made, here) for order in told if order.on == max(one.on for one in told)]


def is_of_another(discharge: Proof, orders: Iterable[Proof], others: Iterable[Proof]) -> bool:
    """Whether it is of one of the `others`: of that person's orders the last that was made by its day."""
    mine, theirs = _last_before(discharge, orders), _last_before(discharge, others)
    return theirs is not None and (mine is None or mine < theirs)


def _last_before(discharge: Proof, orders: Iterable[Proof]) -> date | None:
    made = (one for one in _of_whom(discharge, orders) if one.kind is EvidenceKind.INSOLVENCY_ORDER)
    return max((one.on for one in made if one.on <= discharge.on), default=None)


def released_until(orders: Sequence[Proof], people: Iterable[PersonFacts], account: UUID, today: date) -> date | None:
    """The last day on which what fell due is released, by today, for whoever owes it; None where somebody owes it still.

    Each joint tenant owes the whole debt, so that it is gone only as far as each who lives is released. An order of which nobody said whose
    it is counts as of each.
    """
    return _for_each(orders, people, account, today)


def held_until(orders: Sequence[Proof], people: Iterable[PersonFacts], account: UUID) -> date | None:
    """As `released_until`, with what debt relief orders and voluntary arrangements only hold as yet."""
    return _for_each(orders, people, account, date.max)


def is_release_undone(past: PastWriteOff, orders: Sequence[Proof], facts: DebtFacts, order_struck: bool) -> bool:
    """Whether what the law had released when this was written off is owed again in law: an order was annulled, revoked, has failed or was
    struck, and those that stand release or hold less of it than was so then.
    """
    released = past.discharged or past.released_until is not None
    if not released or not (order_struck or any(one.kind in ENDINGS for one in orders)):
        return False
    now = held_until(orders, facts.people, facts.account)
    then = past.released_until or max((charge.due_on for charge in past.charges), default=None)
    return now is None or (then is not None and now < then)


def moratorium_ends(orders: Sequence[Proof], account: UUID, held: date, today: date) -> date | None:
    """When the debt relief order of a day releases what it holds on this account; None where none is in its twelve months."""
    ends = [
        months_after(order.on, MORATORIUM_MONTHS)
        for order in standing(orders)
        if order.order_kind is OrderKind.DEBT_RELIEF_ORDER and order.on >= held and _covers(order, orders, account)
    ]
    return max((day for day in ends if day > today), default=None)


def is_in_an_arrangement(orders: Sequence[Proof], account: UUID, held: date, today: date) -> bool:
    """Whether a voluntary arrangement of that day or later runs that holds what it lists on this account."""
    return any(
        order.order_kind is OrderKind.VOLUNTARY_ARRANGEMENT and order.on >= held and _covers(order, orders, account)
        for order in standing(orders)
        if order.kind is EvidenceKind.INSOLVENCY_ORDER and _releases_on(order, _of_whom(order, orders)) > today
    )


def _of_whom(proof: Proof, orders: Iterable[Proof]) -> list[Proof]:
    return [one for one in orders if None in (one.person, proof.person) or one.person == proof.person]


def not_said_of(orders: Sequence[Proof], people: Sequence[PersonFacts], account: UUID) -> Proof | None:
    """An order that counts only for what it lists, of which nobody said here whether it lists this debt, though that would matter."""
    unsaid = [
        order
        for order in standing(orders)
        if order.order_kind in _OF_LISTED_ALONE and order.account not in (None, account) and not _said_here(order, orders, account)
    ]
    assumed = [replace(order, account=account, listed=True) if order in unsaid else order for order in orders]
    matters = held_until(assumed, people, account) != held_until(orders, people, account)
    return max(unsaid, key=lambda order: order.on) if unsaid and matters else None


def _for_each(orders: Sequence[Proof], people: Iterable[PersonFacts], account: UUID, by: date) -> date | None:
    days = [_of_one([order for order in orders if order.person in (None, person)], account, by) for person in _owing(people)]
    known = [day for day in days if day is not None]
    return min(known) if known and len(known) == len(days) else None


def _of_one(orders: Sequence[Proof], account: UUID, by: date) -> date | None:
    """The last order's day. A discharge comes later than its order, and counts by its own day only where that order is not known."""
    told = [order for order in orders if order.kind is EvidenceKind.INSOLVENCY_ORDER]
    made = [
        order.on
        for order in standing(orders)
        if order.kind is EvidenceKind.INSOLVENCY_ORDER and _covers(order, orders, account) and _releases_on(order, orders) <= by
    ]
    alone = [one.on for one in orders if one.kind is EvidenceKind.DISCHARGE and not any(order.on <= one.on for order in told)]
    return max((*made, *alone), default=None)


def _releases_on(order: Proof, orders: Iterable[Proof]) -> date:
    """`orders`: of the same person. The end of days where that is not known yet."""
    match order.order_kind:
        case OrderKind.DEBT_RELIEF_ORDER:
            return months_after(order.on, MORATORIUM_MONTHS)
        case OrderKind.VOLUNTARY_ARRANGEMENT:
            return _completed_on(order, orders)
        case _:
            return order.on


def _completed_on(arrangement: Proof, orders: Iterable[Proof]) -> date:
    told = list(orders)
    later = [one.on for one in standing(told) if one.kind is EvidenceKind.INSOLVENCY_ORDER and one.on > arrangement.on]
    before = min(later, default=date.max)
    days = [one.on for one in told if one.kind is EvidenceKind.DISCHARGE and arrangement.on <= one.on < before]
    return min(days, default=date.max)


def _covers(order: Proof, orders: Iterable[Proof], account: UUID) -> bool:
    """Whether it is of the debt of this account."""
    if order.order_kind is None:
        return True
    if order.account in (None, account):
        return order.listed is not False
    return order.order_kind not in _OF_LISTED_ALONE and not _said_here(order, orders, account)


def _said_here(order: Proof, orders: Iterable[Proof], account: UUID) -> bool:
    """Whether the same order was brought to this account too, where it was said whether it lists its debt."""
    same = (order.order_kind, order.on, order.person)
    return any(one.account == account and (one.order_kind, one.on, one.person) == same for one in orders)


def _owing(people: Iterable[PersonFacts]) -> list[UUID]:
    """Who lives of those who owe; of a debt of the dead, all of them."""
    told = list(people)
    return [person.person for person in told if person.died_on is None] or [person.person for person in told]


def insolvency_recorded(facts: DebtFacts) -> bool:
    """The account is held for it, or each who owes the debt is known to be insolvent."""
    living = [person for person in facts.people if person.died_on is None] or list(facts.people)
    return AccountHold.INSOLVENCY in facts.account_holds or (bool(living) and all(person.insolvent for person in living))
