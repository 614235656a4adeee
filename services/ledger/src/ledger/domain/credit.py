"""What a credit rests on and what of a debt is still enforceable. Pence as in the journals: debit positive, credit negative."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import AccountKind
from rentbook_contracts.limitation import barred_from, last_day

from ledger.domain.debt import Debit
from ledger.domain.write_off import PUT_BACK, WRITTEN_ON


@dataclass(frozen=True, slots=True)
class PastJournal:
    """A journal as it met one account. `undone`: it was reversed, or it is itself a reversal, so that the two cancel out."""

    journal: UUID
    code: str
    source: str | None
    amount_pence: int
    effective_date: date
    cleared_on: date | None
    actor: str
    payer: str | None
    undone: bool
    reverses: bool = False


def credits_behind(newest_first: Iterable[PastJournal], balance_pence: int) -> tuple[PastJournal, ...]:
    """The newest credits that together reach the account's credit (domain.md 4, checks 2 and 9); none where there is no credit."""
    missing = -balance_pence
    found: list[PastJournal] = []
    for past in newest_first:
        if missing <= 0:
            break
        if past.amount_pence < 0 and not past.undone:
            found.append(past)
            missing += past.amount_pence
    return tuple(found)


def reversals_behind(newest_first: Iterable[PastJournal], balance_pence: int) -> tuple[PastJournal, ...]:
    """The reversals since the oldest of the credits behind it: undoing a charge makes credit too, and undoing a receipt moves it."""
    past = list(newest_first)
    behind = credits_behind(past, balance_pence)
    reached = sum(one.amount_pence for one in behind) <= balance_pence
    window = past[: past.index(behind[-1])] if behind and reached else past
    return tuple(one for one in window if one.reverses) if balance_pence < 0 else ()


def uncleared_pence(journals: Iterable[PastJournal], today: date) -> int:
    """Receipts that do not count yet (domain.md 4, check 1), as an amount without sign."""
    return sum(
        -past.amount_pence
        for past in journals
        if past.amount_pence < 0 and not past.undone and past.cleared_on is not None and past.cleared_on > today
    )


def cleared_credit_pence(balance_pence: int, uncleared: int, held: int) -> int:
    """What may be refunded or offset now: the credit, less what has not cleared and what is earmarked. Never below nothing."""
    return max(0, -balance_pence - uncleared - held)


def statute_barred_pence(owed: Iterable[Debit], kind: AccountKind, today: date, years: int) -> int:
    """How much of a debt is so old that no action may be brought for it (domain.md 5.3)."""
    days = ((debit, barred_from(debit.due_on, kind, years)) for debit in owed)
    return sum(debit.pence for debit, day in days if day is not None and day <= today)


def limitation_unknown_pence(owed: Iterable[Debit], kind: AccountKind, today: date, years: int) -> int:
    """How much of a debt is as old as that, where no day is computed: whether an action may be brought for it, legal services say."""
    return sum(debit.pence for debit in owed if barred_from(debit.due_on, kind, years) is None and last_day(debit.due_on, years) < today)


AGES_DAYS = (0, 28, 56, 91, 182, 364)
"""Where the ages of arrears begin, in days: now, four weeks, eight, a quarter, half a year, a year. For reading: no rule rests on it."""


def arrears_ages(newest_first: Iterable[PastJournal], balance_pence: int, today: date) -> tuple[tuple[int, int | None, int], ...]:
    """What is owed by its age: from so many days, to less than so many, pence. Ages without an amount are left out.

    Credits have paid the oldest debits first (domain.md 2.2), so what is owed is the newest debits; what they do not reach is older. A debt
    that was written off and put back is as old as it ever was, and a credit that went to income is no charge.
    """
    owed = max(0, balance_pence)
    sums = [0] * len(AGES_DAYS)
    for past in newest_first:
        if past.amount_pence > 0 and not past.undone and past.code not in (PUT_BACK, WRITTEN_ON) and owed:
            part = min(owed, past.amount_pence)
            owed -= part
            sums[_age(past.effective_date, today)] += part
    sums[-1] += owed
    ends: tuple[int | None, ...] = (*AGES_DAYS[1:], None)
    return tuple((start, end, pence) for start, end, pence in zip(AGES_DAYS, ends, sums, strict=True) if pence)


def _age(due: date, today: date) -> int:
    return max(at for at, start in enumerate(AGES_DAYS) if start <= max(0, (today - due).days))


def in_arrears_since(movements: Iterable[tuple[date, int]]) -> date | None:
    """The day since which the account has been in arrears without a break, by effective date; None where it is not.

    `movements` are days with the sum of their entries, oldest first.
    """
    balance = 0
    since: date | None = None
    for day, pence in movements:
        balance += pence
        if balance <= 0:
            since = None
        elif since is None:
            since = day
    return since


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved an account on a day, by effective date: `written_on_pence` is credit that went to income, `pence` all else."""

    day: date
    pence: int
    written_on_pence: int = 0


def credit_stood(movements: Iterable[Moved]) -> tuple[tuple[date, int], ...]:
    """The credit by the day since which it has stood, oldest first; it adds up to the credit, and is empty where there is none.

    A debit takes from what came last, so that the parts up to a day are the lowest credit that there has been since that day: what has
    stood through all that came and went after it. What goes to income is the oldest of it, which therefore stands there no longer.
    """
    balance = 0
    parts: deque[tuple[date, int]] = deque()
    for moved in movements:
        for pence, of_the_oldest in ((moved.pence, False), (moved.written_on_pence, True)):
            less = _credit(balance) - _credit(balance + pence)
            balance += pence
            if less < 0:
                parts.append((moved.day, -less))
            while less > 0:
                since, part = parts.popleft() if of_the_oldest else parts.pop()
                if part > less:
                    (parts.appendleft if of_the_oldest else parts.append)((since, part - less))
                less -= part
    return tuple(parts)


def _credit(balance_pence: int) -> int:
    return max(0, -balance_pence)


def month_ends(as_at: date, count: int) -> Sequence[date]:
    """The ends of the `count` months before a day, oldest first, and the day itself as the last."""
    first = as_at.year * 12 + as_at.month - 1 - count
    ends = [_month_end(number) for number in range(first, first + count)]
    return [*ends, as_at]


def _month_end(number: int) -> date:
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return date.fromordinal(following.toordinal() - 1)
