"""Whose credit is looked at without anybody asking (domain.md 4: a credit above the floor opens a review)."""

from datetime import date

from rentbook_contracts.ledger import CreditFacts, RefundFacts

from refunds.domain.plan import floor, minimum_refund, tenancy_has_ended
from refunds.domain.policy import RefundPolicy


def credit_to_review(facts: CreditFacts | RefundFacts, policy: RefundPolicy, today: date) -> int | None:
    """Pence of cleared credit above the floor that call for a review; None where none does.

    A current Direct Debit payer is charged weekly and collected from monthly: the credit that this pattern builds up opens none. What is
    paid on a written-off debt opens none either: it is owed again (domain.md 5.3).
    """
    above = facts.cleared_credit_pence - max(floor(facts, policy, today), _ordinary_credit(facts, policy, today)) - facts.written_off_pence
    return above if above >= minimum_refund(facts, policy, today) else None


def look_again_on(facts: CreditFacts, today: date) -> date | None:
    """The next day on which the credit may call for a review though nothing happens to it: more of it clears, or the tenancy ends.

    What has yet to clear is the ledger's word, by its own clock: its day counts though it should be here already.
    """
    ends_on = facts.tenancy.ended_on
    days = (facts.next_clears_on, ends_on if ends_on is not None and ends_on > today else None)
    return min((day for day in days if day is not None), default=None)


def _ordinary_credit(facts: CreditFacts | RefundFacts, policy: RefundPolicy, today: date) -> int:
    if not facts.pays_by_direct_debit or tenancy_has_ended(facts, today):
        return 0
    return facts.weekly_charge_pence * policy.direct_debit_review_weeks
