"""What of a debt is still owed, charge by charge, and who decides on it (domain.md 1.5, 2.2, 5.3). Pence: debit positive."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import ChargeOwed

from ledger.domain.apportionment import rounded_half_up


@dataclass(frozen=True, slots=True)
class Debit:
    """A debit of one charge element, or what is still owed of it. It falls due on the day to which it counts.

    `undone`: of what was written off, that the debit was undone since. `of_pence`: all of it that was written off, of which `before_pence`
    came back before this; 0 where this is all that there is to know.
    """

    journal: UUID
    element: str
    due_on: date
    pence: int
    undone: bool = False
    of_pence: int = 0
    before_pence: int = 0

    @property
    def whole(self) -> "Debit":
        return replace(self, pence=self.of_pence or self.pence, of_pence=0, before_pence=0)


def still_owed(newest_first: Iterable[Debit], balance_pence: int) -> tuple[Debit, ...]:
    """The debits that credits have not reached, each with what is owed of it, oldest first; they add up to the balance.

    Credits pay the oldest debits first (domain.md 2.2), so that what is owed is the newest debits that make up the balance. A journal and
    its reversal count as neither debit nor credit, and nor does a debt that was written off and put back: it fell due when it first did.
    A write-off pays nothing: what it wrote off of a debit is no part of it here. (One of which nobody kept the charges counts as a credit.)
    """
    missing = balance_pence
    found: list[Debit] = []
    for debit in newest_first:
        if missing <= 0:
            break
        found.append(replace(debit, pence=min(debit.pence, missing)))
        missing -= debit.pence
    return tuple(reversed(found))


def owed_by_element(charges: Iterable[ChargeOwed]) -> dict[str, int]:
    """What is owed of each charge element, in pence."""
    elements: dict[str, int] = defaultdict(int)
    for charge in charges:
        elements[charge.element] += charge.owed_pence
    return dict(elements)


@dataclass(frozen=True, slots=True)
class Letting:
    """The span of a tenancy of a dwelling; `ended_on` is the first day without it."""

    started_on: date
    ended_on: date | None


def vat_within(owed: Debit, rate_percent: int, dwellings: Iterable[Letting]) -> int:
    """The VAT in what is owed of a garage's charge, rounded half up (domain.md 1.5): a sixth of it at a rate of 20 %.

    A garage that is let to a tenant of a dwelling of the council bears none, for as long as that tenancy lasts. What was written off and
    comes back piece by piece bears as much in all.
    """
    if any(each.started_on <= owed.due_on and (each.ended_on is None or owed.due_on < each.ended_on) for each in dwellings):
        return 0
    of_pence = owed.whole.pence
    vat = rounded_half_up(of_pence * rate_percent, 100 + rate_percent)
    after, before = owed.before_pence + owed.pence, owed.before_pence
    return rounded_half_up(vat * after, of_pence) - rounded_half_up(vat * before, of_pence)


@dataclass(frozen=True, slots=True)
class WrittenOff:
    """A write-off of a day, with what of it was put back, and the debtor's total with which it was decided; 0 where nobody kept that."""

    on: date
    amount_pence: int
    reinstated_pence: int
    debtor_total_pence: int = 0

    @property
    def left_pence(self) -> int:
        return self.amount_pence - self.reinstated_pence


def debtor_total_pence(balances: Iterable[int], written_off: Iterable[WrittenOff], today: date, window_months: int) -> int:
    """What decides who has authority (domain.md 5.3, 9): debts on all accounts of the same people, and what of theirs was written off
    within the window and not put back. Credit on one account makes no debt smaller.
    """
    owed = sum(balance for balance in balances if balance > 0)
    return owed + sum(each.left_pence for each in written_off if is_recent(each.on, today, window_months))


def total_to_put_back_pence(
    balances: Iterable[int], undone: WrittenOff, written_off: Collection[WrittenOff], today: date, window_months: int
) -> int:
    """What decides who has authority to put any of a write-off back (domain.md 5.3: the same tier). `undone` is one of `written_off`.

    What is left of it counts however old it is, and so does what it was decided with: it does not come back piece by piece on less.
    """
    beside = [each for each in written_off if each is not undone]
    total = debtor_total_pence(balances, beside, today, window_months)
    return max(total + undone.left_pence, undone.debtor_total_pence, undone.amount_pence)


@dataclass(frozen=True, slots=True)
class WrittenOn:
    """Credit that went to income on a day and was not put back."""

    on: date
    left_pence: int


def credits_total_pence(balances: Iterable[int], written_on: Iterable[WrittenOn], today: date, window_months: int) -> int:
    """The same for a credit that goes to income: credit on all accounts of the same people, and what of it went there within the window.

    So no credit becomes smaller by lying on several accounts, or by going to income part by part.
    """
    in_credit = -sum(balance for balance in balances if balance < 0)
    return in_credit + sum(each.left_pence for each in written_on if is_recent(each.on, today, window_months))


def is_recent(on: date, today: date, window_months: int) -> bool:
    """Whether a day lies in the rolling window in which what went counts still."""
    return on > months_before(today, window_months)


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last day of a shorter month."""
    return months_later(day, -months)


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last day of a shorter month."""
    number = day.year * 12 + day.month - 1 + months
    first = date(number // 12, number % 12 + 1, 1)
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return first.replace(day=min(day.day, (following - first).days))
