"""Which charges are statute-barred: for each charge, never for an account (Limitation Act 1980 s.19; domain.md 5.3).

How years are counted, and for what no day is computed, stands in contracts, for refunds too. A signed acknowledgment starts time anew if it
comes before time has run out; nothing revives a barred charge (s.29(7)), and a part payment of rent extends nothing (s.29(6)). Action begun
in time stops it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rentbook_contracts.ledger import AccountKind, ChargeOwed
from rentbook_contracts.limitation import barred_from, last_day
from rentbook_contracts.writeoffs import BarredCharge

WHY_NO_DAY = {
    AccountKind.COURT: (
        "No day is computed for court costs: a judgment follows rules of its own. Ask legal services, and propose it for another reason."
    ),
    AccountKind.RECHARGE: (
        "No day is computed for recharges: a part payment starts their time anew (Limitation Act 1980 s.29(5)). "
        "Ask legal services, and propose it for another reason."
    ),
}
"""Why no day is computed for the charges of such an account (RULES_OF_THEIR_OWN of contracts), in words."""


@dataclass(frozen=True)
class Clock:
    """What starts time anew or stops it: days of signed acknowledgments, and of actions brought in court."""

    acknowledged: tuple[date, ...] = ()
    action: tuple[date, ...] = ()


def bars_on(due_on: date, kind: AccountKind, clock: Clock, years: int) -> date | None:
    """The first day on which no action may be brought; None where it is not computed, or an action stopped it in time."""
    start = due_on
    for day in sorted(clock.acknowledged):
        if start <= day <= last_day(start, years):
            start = day
    if any(due_on <= day <= last_day(start, years) for day in clock.action):
        return None
    return barred_from(start, kind, years)


def barred_charges(charges: Iterable[ChargeOwed], kind: AccountKind, clock: Clock, years: int, today: date) -> tuple[BarredCharge, ...]:
    """Every charge with its day."""
    days = ((charge, bars_on(charge.due_on, kind, clock, years)) for charge in charges)
    return tuple(BarredCharge(charge=charge, bars_on=day, barred=day is not None and day <= today) for charge, day in days)
