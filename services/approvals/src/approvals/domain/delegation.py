"""Authority that a person lends to another for a time, up to a ceiling, and the chains in which it is lent on."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from approvals.domain.authority import Act, Authority, best_of
from approvals.domain.rules import ApprovalRule

MOST_LINKS = 3
"""How many delegations a chain has at most, so that everyone in it still knows whose authority it is."""

LONGEST = timedelta(days=366)
"""The longest time for which authority is lent or a deputy named; after that it is said again."""


class DelegateUnknown(ApprovalRule):
    """A delegate is somebody who has signed in at the desk, and not the person who delegates."""


class AuditorIsNoDelegate(ApprovalRule):
    """An auditor decides nothing, in nobody's name."""


class NothingToDelegate(ApprovalRule):
    """Only authority that a person has can be lent, and no more of it."""


class StaysWithItsOffice(ApprovalRule):
    """The authority of a member, and of whoever records what a body decided, is lent to somebody of the same role only."""


class DatesOutOfOrder(ApprovalRule):
    """A time begins today or later, ends on its first day or later, and is not longer than a year."""


class ComesBackToItsGiver(ApprovalRule):
    """Nobody gains by lent authority that was theirs before it was lent on."""


class LongerThanHeld(ApprovalRule):
    """Authority that was lent to somebody is lent on no longer than they hold it."""


class CeilingMissing(ApprovalRule):
    """Authority is lent up to an amount."""


class NotYoursToEnd(ApprovalRule):
    """A delegation is ended by whoever gave it or whoever holds it."""


class NoSuchDelegation(ApprovalRule):
    """No delegation has this id."""


class DelegationNotInForce(ApprovalRule):
    """The delegation that a decision rests on has ended, has not begun, or is not the decider's."""


@dataclass(frozen=True)
class Lent:
    """A delegation in force. `roles`: those that its giver held when giving it and still held at their last sign-in."""

    id: object
    giver: str
    taker: str
    ceiling_pence: int
    roles: frozenset[str]


@dataclass(frozen=True)
class Mandate:
    """Authority of a row of the table, reached by oneself (no chain) or by a chain of delegations, its root first.

    `limit_pence` is the smallest of the root's own limit and the ceilings; None is without a limit. `on_behalf_of` are the people through
    whom it came, the root first.
    """

    authority: Authority
    limit_pence: int | None
    chain: tuple[Lent, ...] = ()

    @property
    def on_behalf_of(self) -> tuple[str, ...]:
        return tuple(one.giver for one in self.chain)

    def covers(self, amount_pence: int) -> bool:
        return self.limit_pence is None or amount_pence <= self.limit_pence

    def may_go_on(self) -> bool:
        """Whether its holder may lend it on."""
        return len(self.chain) < MOST_LINKS


def mandates(
    authorities: Sequence[Authority], act: Act, stage: int, person: str, roles: Collection[str], lent: Sequence[Lent]
) -> list[Mandate]:
    """Every authority that a person has at a stage: their own first, then what was lent to them by the shortest chains first.

    Where the same people lent the same authority on more than once, the highest of it is given. What comes with an office goes through
    the hands of those alone who hold the same one.
    """
    own = best_of(authorities, act, stage, roles)
    found = [Mandate(own, own.to_pence)] if own is not None else []
    if act is not Act.DECIDE:
        return found
    reached: dict[tuple[object, tuple[str, ...]], Mandate] = {}
    for chain in sorted(_chains_to(person, _highest(lent)), key=len):
        root = best_of([row for row in authorities if _passes(row, chain, roles)], act, stage, chain[0].roles)
        if root is not None:
            ceilings = [one.ceiling_pence for one in chain] + ([root.to_pence] if root.to_pence is not None else [])
            held = Mandate(root, min(ceilings), chain)
            same = reached.setdefault((root.id, held.on_behalf_of), held)
            if not same.covers(min(ceilings)):
                reached[(root.id, held.on_behalf_of)] = held
    return [*found, *reached.values()]


def alone(loan: Lent, lent: Iterable[Lent]) -> list[Lent]:
    """All delegations but the others from the same giver to the same taker: what comes through `loan` comes by it."""
    return [one for one in lent if one is loan or (one.giver, one.taker) != (loan.giver, loan.taker)]


def _passes(row: Authority, chain: Sequence[Lent], roles: Collection[str]) -> bool:
    return row.may_go_to(roles) and all(row.may_go_to(one.roles) for one in chain[1:])


def _highest(lent: Sequence[Lent]) -> list[Lent]:
    """Of delegations that differ in their ceilings alone, the highest: each of the others would double the chains through it."""
    by_people = {(one.giver, one.taker, one.roles): one for one in sorted(lent, key=lambda one: one.ceiling_pence)}
    return [one for one in lent if by_people[(one.giver, one.taker, one.roles)] is one]


def _chains_to(person: str, lent: Sequence[Lent]) -> Iterator[tuple[Lent, ...]]:
    """The chains that end at a person, each person in them once, so that a cycle gives nothing."""
    yield from _longer((), person, frozenset({person}), lent)


def _longer(chain: tuple[Lent, ...], taker: str, seen: frozenset[str], lent: Sequence[Lent]) -> Iterator[tuple[Lent, ...]]:
    if len(chain) == MOST_LINKS:
        return
    for one in lent:
        if one.taker == taker and one.giver not in seen:
            longer = (one, *chain)
            yield longer
            yield from _longer(longer, one.giver, seen | {one.giver}, lent)


def complaint_about_dates(from_on: date, until_on: date, today: date) -> ApprovalRule | None:
    """What is wrong with a time, if anything; `field` names the field of the form."""
    if from_on < today:
        return DatesOutOfOrder("The first day has passed. Choose today or later.", field="from_on")
    if until_on < from_on:
        return DatesOutOfOrder("The last day lies before the first.", field="until_on")
    if until_on - from_on > LONGEST:
        return DatesOutOfOrder("This is longer than a year. Choose an earlier last day.", field="until_on")
    return None
