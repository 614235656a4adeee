"""Which charges are statute-barred: for each charge, never for an account (Limitation Act 1980 s.19; domain.md 5.3).

How years are counted stands in contracts, for refunds too. A signed acknowledgment starts time anew if it comes before time has
run out; nothing revives a barred charge (s.29(7)), and a part payment of rent extends nothing (s.29(6)). Action begun in time stops it.
For what follows rules of its own no day is computed: of recharges a part payment starts the years anew (s.29(5)), whoever's it was and
whatever it was paid on, which the ledger does not know of all the years before it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from rentbook_contracts.ledger import AccountKind, ChargeOwed
from rentbook_contracts.limitation import barred_from, last_day
from rentbook_contracts.writeoffs import BarredCharge

RULES_OF_THEIR_OWN = {
    AccountKind.COURT: (
        "No day is computed for court costs: a judgment follows rules of its own. Ask legal services, and propose it for another reason."
    ),
    AccountKind.RECHARGE: (
        "No day is computed for recharges: a part payment starts their time anew (Limitation Act 1980 s.29(5)). "
        "Ask legal services, and propose it for another reason."
    ),
}
"""The kinds of account for whose charges no day is computed, and why, in words."""


@dataclass(frozen=True)
class Clock:
    """What starts time anew or stops it: days of signed acknowledgments, and of actions brought in court."""

    acknowledged: tuple[date, ...] = ()
    action: tuple[date, ...] = ()


def bars_on(due_on: date, kind: AccountKind, clock: Clock, years: int) -> date | None:
    """The first day on which no action may be brought; None where it is not computed, or an action stopped it in time."""
    if kind in RULES_OF_THEIR_OWN:
        return None
    start = due_on
    for day in sorted(clock.acknowledged):
        if start <= day <= last_day(start, years):
            start = day
    if any(due_on <= day <= last_day(start, years) for day in clock.action):
        return None
    return barred_from(start, years)


def barred_charges(charges: Iterable[ChargeOwed], kind: AccountKind, clock: Clock, years: int, today: date) -> tuple[BarredCharge, ...]:
    """Every charge with its day."""
    days = ((charge, bars_on(charge.due_on, kind, clock, years)) for charge in charges)
    return tuple(BarredCharge(charge=charge, bars_on=day, barred=day is not None and day <= today) for charge, day in days)
