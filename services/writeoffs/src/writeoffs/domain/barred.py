"""Which charges are statute-barred: for each charge, never for an account (Limitation Act 1980 s.19; domain.md 5.3).

No action for rent after six years from the day on which it fell due. A signed acknowledgment starts time anew if it comes before time has
run out; nothing revives a barred charge (s.29(7)), and a part payment extends nothing. Action begun in time stops it. A judgment follows
rules of its own: for court costs no day is computed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from rentbook_contracts.ledger import AccountKind, ChargeOwed
from rentbook_contracts.writeoffs import BarredCharge

from writeoffs.domain.days import years_after

_TIME_DOES_NOT_RUN = frozenset({AccountKind.COURT})


@dataclass(frozen=True)
class Clock:
    """What starts time anew or stops it: days of signed acknowledgments, and of actions brought in court."""

    acknowledged: tuple[date, ...] = ()
    action: tuple[date, ...] = ()


def bars_on(due_on: date, kind: AccountKind, clock: Clock, years: int) -> date | None:
    """The first day on which no action may be brought; None where time does not run or was stopped in time."""
    if kind in _TIME_DOES_NOT_RUN:
        return None
    start = due_on
    for day in sorted(clock.acknowledged):
        if start <= day <= years_after(start, years):
            start = day
    last = years_after(start, years)
    if any(due_on <= day <= last for day in clock.action):
        return None
    return last + timedelta(days=1)


def barred_charges(charges: Iterable[ChargeOwed], kind: AccountKind, clock: Clock, years: int, today: date) -> tuple[BarredCharge, ...]:
    """Every charge with its day."""
    days = ((charge, bars_on(charge.due_on, kind, clock, years)) for charge in charges)
    return tuple(BarredCharge(charge=charge, bars_on=day, barred=day is not None and day <= today) for charge, day in days)
