"""When time runs out for a debt: one answer for whoever writes it off and for whoever would set a refund against it.

No action for rent may be brought after six years from the day on which it fell due (Limitation Act 1980 s.19; domain.md 5.3). On a simple
contract s.5 says the same, but there a part payment starts them anew (s.29(5)). The day itself does not count, and years end with their
corresponding date, or, where that month has none, with its last day (*Dodds v Walker* [1981] 1 WLR 1027): what fell due on 29 February may
be sued for until 28 February of a common year.

For what follows rules of its own (RULES_OF_THEIR_OWN) no day is computed: it is neither written off as barred nor, once the years are
over, taken from a credit. Legal services say what it is.
"""

from calendar import monthrange
from datetime import date, timedelta

from rentbook_contracts.ledger import AccountKind

RULES_OF_THEIR_OWN = frozenset({AccountKind.COURT, AccountKind.RECHARGE})
"""Kinds of account for whose charges no day is computed: a judgment has rules of its own, and of a recharge a part payment starts the years
anew, whoever's it was and whatever it was paid on, which the ledger does not know of all the years before it."""


def last_day(start: date, years: int) -> date:
    """The last day of so many years from a day on."""
    year = start.year + years
    return date(year, start.month, min(start.day, monthrange(year, start.month)[1]))


def barred_from(start: date, kind: AccountKind, years: int) -> date | None:
    """The first day on which no action may be brought any more for a charge of such an account; None where no day is computed."""
    return None if kind in RULES_OF_THEIR_OWN else last_day(start, years) + timedelta(days=1)
