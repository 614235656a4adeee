"""When a receipt may count towards a refund: policy by method of payment, in dated rows (domain.md 3.2 and 4, check 1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.domain.calendar import WorkingDays, add_working_days


@dataclass(frozen=True, slots=True)
class ClearingRule:
    """From a day on, money that came by a method is cleared so many working days after its effective date."""

    code: str
    in_force_from: date
    working_days: int


class NoClearingRule(LookupError):
    """The policy says nothing of a method on a day: a gap in the data that nobody may guess over."""


def rule_in_force(rules: Iterable[ClearingRule], code: str, effective_date: date) -> ClearingRule:
    """The rule for a receipt by a method on a day. Errors: NoClearingRule, which tells from which day on there is one."""
    of_method = [rule for rule in rules if rule.code == code]
    in_force = [rule for rule in of_method if rule.in_force_from <= effective_date]
    if not in_force:
        since = min((rule.in_force_from for rule in of_method), default=None)
        begins = f": the first is in force from {since}" if since else ""
        raise NoClearingRule(f"no clearing rule for {code} on {effective_date}{begins}")
    return max(in_force, key=lambda rule: rule.in_force_from)


def cleared_on(
    rules: Iterable[ClearingRule], calendar: WorkingDays, code: str, effective_date: date, valued_on: date | None = None
) -> date:
    """The first day on which the receipt counts as cleared. Errors: NoClearingRule.

    `valued_on`: the day from which the bank lets the money be used. What is booked today and valued later is not there before.
    """
    cleared = add_working_days(calendar, effective_date, rule_in_force(rules, code, effective_date).working_days)
    return max(cleared, valued_on) if valued_on is not None else cleared
