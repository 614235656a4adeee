"""Whether a payment plan is being kept."""

from datetime import date, timedelta

from rentbook_contracts.ledger import PlanRhythm

from ledger.domain.debt import months_later

_DAYS = {PlanRhythm.WEEKLY: 7, PlanRhythm.FORTNIGHTLY: 14}


def instalments_due(first_due_on: date, rhythm: PlanRhythm, today: date) -> int:
    """How many instalments have fallen due. One that falls due today may still be paid, all day."""
    if first_due_on >= today:
        return 0
    if rhythm in _DAYS:
        return (today - timedelta(days=1) - first_due_on).days // _DAYS[rhythm] + 1
    months = (today.year - first_due_on.year) * 12 + today.month - first_due_on.month
    return months + (months_later(first_due_on, months) < today)


def is_kept(received_pence: int, instalment_pence: int, instalments: int) -> bool:
    """Receipts since the plan was agreed cover every instalment that has fallen due."""
    return received_pence >= instalment_pence * instalments
