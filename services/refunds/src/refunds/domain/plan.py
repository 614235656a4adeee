"""The plan of a refund: what stays on the account, what pays other debts, what is paid out (domain.md 4, checks 3 and 4)."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from rentbook_contracts.ledger import CreditFacts, CreditSource, DebtOfSamePeople, Offset, RefundFacts

from refunds.domain.facts import Wishes
from refunds.domain.policy import DebtClass, RefundPolicy, debt_class


class PassedOver(StrEnum):
    """Why a debt, or part of it, is not paid from the credit."""

    NOT_IN_THE_RECOVERY_ORDER = "not-in-the-recovery-order"
    OTHER_PEOPLE = "other-people"
    DISPUTED = "disputed"
    BREATHING_SPACE = "breathing-space"
    STATUTE_BARRED = "statute-barred"
    LIMITATION_UNKNOWN = "limitation-unknown"
    OPTED_OUT = "opted-out"
    NEEDS_EVERY_SIGNATURE = "needs-every-signature"
    NOT_ANSWERED = "not-answered"


class DebtPassedOver(NamedTuple):
    debt: DebtOfSamePeople
    why: PassedOver


@dataclass(frozen=True)
class Plan:
    """Amounts in pence, none below zero, and never more in all than `cleared_pence - floor_pence`.

    `available_pence` is the cleared credit above the floor; `held_back_pence` is what of it stays on the account, because the tenant
    asked for less or because the rest is below the minimum value.
    """

    cleared_pence: int
    floor_pence: int
    offsets: tuple[Offset, ...]
    refund_pence: int
    passed_over: tuple[DebtPassedOver, ...] = ()

    @property
    def available_pence(self) -> int:
        return max(0, self.cleared_pence - self.floor_pence)

    @property
    def offset_pence(self) -> int:
        return sum(offset.amount_pence for offset in self.offsets)

    @property
    def total_pence(self) -> int:
        return self.offset_pence + self.refund_pence

    @property
    def held_back_pence(self) -> int:
        return self.available_pence - self.total_pence

    @property
    def nothing_moves(self) -> bool:
        return self.total_pence == 0

    @property
    def unanswered(self) -> tuple[UUID, ...]:
        """Accounts of debts that the tenant has yet to be asked about."""
        return tuple(passed.debt.account for passed in self.passed_over if passed.why is PassedOver.NOT_ANSWERED)


def tenancy_has_ended(facts: CreditFacts | RefundFacts, today: date) -> bool:
    """Whether the tenancy behind the account is over on a Europe/London day; a notice with a later end is not an end."""
    return facts.tenancy.ended_on is not None and facts.tenancy.ended_on <= today


def floor(facts: CreditFacts | RefundFacts, policy: RefundPolicy, today: date) -> int:
    """Pence that stay on the account: the next charges of a current tenant, nothing of a former one (domain.md 4, check 3)."""
    return 0 if tenancy_has_ended(facts, today) else facts.weekly_charge_pence * policy.floor_weeks


def minimum_refund(facts: CreditFacts | RefundFacts, policy: RefundPolicy, today: date) -> int:
    """The smallest refund in pence that is worth making."""
    return policy.minimum_former_pence if tenancy_has_ended(facts, today) else policy.minimum_current_pence


def plan_refund(facts: RefundFacts, wishes: Wishes, policy: RefundPolicy, today: date) -> Plan:
    """Offsets and refund from the cleared credit. The floor is set aside before any offset; debts go before the refund."""
    set_aside = floor(facts, policy, today)
    available = max(0, facts.cleared_credit_pence - set_aside)
    protected = min(available, _never_offset(facts))
    offsets, passed_over = _offsets(available - protected, facts, wishes, policy, today)
    left = available - sum(offset.amount_pence for offset in offsets)
    refund = left if wishes.requested_pence is None else min(left, wishes.requested_pence)
    worth_making = refund >= minimum_refund(facts, policy, today)
    return Plan(facts.cleared_credit_pence, set_aside, offsets, refund if worth_making else 0, passed_over)


def _never_offset(facts: RefundFacts) -> int:
    """Compensation ordered by the Ombudsman pays no debt (domain.md 4, check 2)."""
    return sum(credit.amount_pence for credit in facts.credits if credit.source is CreditSource.OMBUDSMAN)


def _offsets(
    available: int, facts: RefundFacts, wishes: Wishes, policy: RefundPolicy, today: date
) -> tuple[tuple[Offset, ...], tuple[DebtPassedOver, ...]]:
    offsets: list[Offset] = []
    passed_over: list[DebtPassedOver] = []
    for debt in sorted(facts.debts, key=lambda debt: _rank(debt, policy)):
        why = _passed_over(debt, facts, wishes, policy, today)
        amount = min(available, collectable(debt))
        if why is not None:
            passed_over.append(DebtPassedOver(debt, why))
        elif amount > 0:
            offsets.append(Offset(account=debt.account, amount_pence=amount))
            available -= amount
    return tuple(offsets), tuple(passed_over)


def collectable(debt: DebtOfSamePeople) -> int:
    """Pence of a debt that may still be taken: what is statute-barred may not, nor what may be and nobody has computed."""
    return max(0, debt.amount_pence - debt.statute_barred_pence - debt.limitation_unknown_pence)


def _rank(debt: DebtOfSamePeople, policy: RefundPolicy) -> tuple[int, UUID]:
    """The recovery order; the account's id settles ties, so that the same facts always give the same plan."""
    rung = debt_class(debt)
    return (policy.recovery_order.index(rung) if _in_order(rung, policy) else len(policy.recovery_order)), debt.account


def _in_order(rung: DebtClass | None, policy: RefundPolicy) -> bool:
    return rung is not None and rung in policy.recovery_order


def _passed_over(debt: DebtOfSamePeople, facts: RefundFacts, wishes: Wishes, policy: RefundPolicy, today: date) -> PassedOver | None:
    """Why a debt may not be paid from this credit, or None where it may."""
    owners_of_credit = {person.person for person in facts.people}
    if not _in_order(debt_class(debt), policy):
        return PassedOver.NOT_IN_THE_RECOVERY_ORDER
    if not owners_of_credit & set(debt.people):
        return PassedOver.OTHER_PEOPLE
    if debt.disputed:
        return PassedOver.DISPUTED
    if debt.breathing_space:
        return PassedOver.BREATHING_SPACE
    if collectable(debt) == 0:
        return PassedOver.LIMITATION_UNKNOWN if debt.limitation_unknown_pence else PassedOver.STATUTE_BARRED
    if debt.account in wishes.opted_out:
        return PassedOver.OPTED_OUT
    if not owners_of_credit <= set(debt.people) and not (wishes.joint_consent and debt.account in wishes.consents):
        return PassedOver.NEEDS_EVERY_SIGNATURE
    if debt.account not in wishes.consents and not notice_has_expired(debt.account, wishes, policy, today):
        return PassedOver.NOT_ANSWERED
    return None


def notice_has_expired(debt: UUID, wishes: Wishes, policy: RefundPolicy, today: date) -> bool:
    """Whether the days of the debt's last opt-out notice have passed unanswered, where policy lets that count as consent."""
    served = wishes.noticed_on.get(debt)
    return policy.offset_after_notice and served is not None and _last_day(served, policy) < today


def notices_run_until(plan: Plan, wishes: Wishes, policy: RefundPolicy) -> date | None:
    """The last day of the notices on what the tenant has yet to answer; None where a debt has none, or policy lets no notice count."""
    served = [wishes.noticed_on.get(debt) for debt in plan.unanswered]
    days = [_last_day(day, policy) for day in served if day is not None]
    return max(days, default=None) if policy.offset_after_notice and len(days) == len(served) else None


def _last_day(served: date, policy: RefundPolicy) -> date:
    return served + timedelta(days=policy.opt_out_notice_days)
