"""The council's own figures for refunds, dated (domain.md 4: all of them are policy, none has an outside source)."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from rentbook_contracts.ledger import AccountKind, DebtOfSamePeople
from rentbook_contracts.money import NonNegativePence, PositivePence

from refunds.domain.rules import RefundRule

Days = Annotated[int, Field(strict=True, ge=0, le=3660)]
Weeks = Annotated[int, Field(strict=True, ge=0, le=53)]


class NoPolicyInForce(RefundRule):
    """No policy is in force on the day."""


class DebtClass(StrEnum):
    """A rung of the recovery order (domain.md 2.2)."""

    CURRENT_RENT = "CURRENT_RENT"
    USE_AND_OCCUPATION = "USE_AND_OCCUPATION"
    COURT = "COURT"
    FORMER_RENT = "FORMER_RENT"
    RECHARGE = "RECHARGE"
    GARAGE = "GARAGE"
    HB_OVERPAYMENT = "HB_OVERPAYMENT"


class RefundPolicy(BaseModel):
    """One dated row of policy. Weeks are weeks of the account's charge; days are calendar days unless the name says working days.

    `floor_weeks`: charges kept on a current tenant's account before anything is offset or refunded. `direct_debit_review_weeks`: a
    Direct Debit payer's credit up to this many weeks is the ordinary pattern of monthly collections and opens no review.
    `recovery_order`: which debts a credit may pay, first to last; a class that is left out is never offset. `offset_after_notice`:
    an opt-out notice left unanswered for `opt_out_notice_days` counts as consent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: str
    in_force_from: date
    floor_weeks: Weeks
    direct_debit_review_weeks: Weeks
    minimum_current_pence: PositivePence
    minimum_former_pence: PositivePence
    recovery_order: tuple[DebtClass, ...]
    offset_after_notice: bool
    opt_out_notice_days: Days
    small_estate_limit_pence: NonNegativePence
    duplicate_window_days: Days
    confirmation_valid_days: Days
    checks_valid_days: Days
    decide_within_working_days: Days
    pay_within_working_days: Days
    evidence_remind_working_days: Days
    evidence_lapse_working_days: Days
    returned_act_within_working_days: Days


def policy_at(policies: Iterable[RefundPolicy], day: date) -> RefundPolicy:
    """The policy in force on a Europe/London day. Raises `NoPolicyInForce` before the first."""
    in_force = [policy for policy in policies if policy.in_force_from <= day]
    if not in_force:
        raise NoPolicyInForce("No refund policy is in force on this day")
    return max(in_force, key=lambda policy: policy.in_force_from)


def debt_class(debt: DebtOfSamePeople) -> DebtClass | None:
    """Which rung of the recovery order a debt stands on; None where no rung is meant for it."""
    match debt.kind:
        case AccountKind.RENT:
            return DebtClass.FORMER_RENT if debt.former else DebtClass.CURRENT_RENT
        case AccountKind.USEOCC:
            return DebtClass.USE_AND_OCCUPATION
        case AccountKind.COURT:
            return DebtClass.COURT
        case AccountKind.RECHARGE:
            return DebtClass.RECHARGE
        case AccountKind.GARAGE:
            return DebtClass.GARAGE
        case AccountKind.HBO:
            return DebtClass.HB_OVERPAYMENT
        case _:
            return None
