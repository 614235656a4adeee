"""Whether an approval still stands: the rule of check 10 (domain.md 4)."""

from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import (
    AccountHold,
    AccountKind,
    AccountStatus,
    CreditSource,
    DebtOfSamePeople,
    PersonFacts,
    RefundFacts,
    TenancyFacts,
)
from rentbook_contracts.operation import Message

from refunds.domain.facts import PayeeFacts
from refunds.domain.plan import Plan, tenancy_has_ended

CHARGED_WEEKLY = {AccountKind.RENT, AccountKind.GARAGE, AccountKind.USEOCC}


class Ground(Message):
    """What an approved plan stood on, kept with it as it was shown. Amounts are pence.

    A ground that was kept before `refund_pence` was has none.
    """

    as_of: date
    total_pence: int
    refund_pence: int | None = None
    floor_pence: int
    charged_pence: int
    sources: frozenset[CreditSource]
    payee: UUID | None
    payee_fingerprint: str | None
    came_back_on: date | None = None
    debts: tuple[DebtOfSamePeople, ...]
    account_holds: frozenset[AccountHold]
    status: AccountStatus
    tenancy: TenancyFacts
    people: tuple[PersonFacts, ...]


def ground_of(facts: RefundFacts, plan: Plan, payee: PayeeFacts | None) -> Ground:
    """What a plan stands on, to be compared with what is found later."""
    return Ground(
        as_of=facts.as_of,
        total_pence=plan.total_pence,
        refund_pence=plan.refund_pence,
        floor_pence=plan.floor_pence,
        charged_pence=facts.charged_pence,
        sources=frozenset(credit.source for credit in facts.credits),
        payee=payee.payee if payee else None,
        payee_fingerprint=payee.fingerprint if payee else None,
        came_back_on=payee.came_back_on if payee else None,
        debts=facts.debts,
        account_holds=frozenset(facts.account_holds),
        status=facts.status,
        tenancy=facts.tenancy,
        people=facts.people,
    )


def void_because(approved: Ground, now: RefundFacts, payee: PayeeFacts | None) -> str | None:
    """Why an approval no longer stands, in words without personal data; None while it stands."""
    if not _sources(now) <= approved.sources:
        return "the credit now comes from another source as well"
    if (payee.payee if payee else None) != approved.payee:
        return "the payee was changed"
    if (payee.fingerprint if payee else None) != approved.payee_fingerprint:
        return "the payee's bank details were changed"
    if payee is not None and payee.came_back_on != approved.came_back_on:
        return "the bank returned a payment to the payee's bank account"
    if frozenset(now.account_holds) != approved.account_holds:
        return "a hold on the account was set or lifted"
    if (now.status, now.tenancy, frozenset(now.people)) != (approved.status, approved.tenancy, frozenset(approved.people)):
        return "the tenancy or its people changed"
    if _debts_changed(approved.debts, now.debts):
        return "another debt of the same people changed"
    if now.cleared_credit_pence - floor_left(approved, now) < approved.total_pence:
        return "the cleared credit above the floor no longer covers the amount"
    return None


def floor_left(approved: Ground, now: RefundFacts) -> int:
    """What is left of the floor in pence once the weekly charges since the approval have drawn on it.

    The floor was set aside for those very charges (domain.md 1.3), so the weekly debit lowers credit and floor alike and voids nothing by
    itself. What counts is what was charged, not how many Mondays passed: a debit that runs late on a Monday, or a rent-free week.
    """
    if tenancy_has_ended(now, now.as_of):
        return 0
    return max(0, approved.floor_pence - (now.charged_pence - approved.charged_pence))


def _sources(facts: RefundFacts) -> frozenset[CreditSource]:
    return frozenset(credit.source for credit in facts.credits)


def _debts_changed(then: tuple[DebtOfSamePeople, ...], now: tuple[DebtOfSamePeople, ...]) -> bool:
    before, after = ({debt.account: debt for debt in debts} for debts in (then, now))
    if before.keys() - after.keys():
        return True
    return any(_changed(before.get(account), debt) for account, debt in after.items())


def _changed(before: DebtOfSamePeople | None, after: DebtOfSamePeople) -> bool:
    """A current account that is charged weekly may owe more, or begin to owe: that may be the weekly debit alone.

    All else that changes in a debt is a change: less of it, who owes it, whether it may be taken, and any amount of a debt that has
    no weekly charge.
    """
    grows_weekly = after.kind in CHARGED_WEEKLY and not after.former
    if before is None:
        return not grows_weekly
    ignored = {"version", "amount_pence", "people"}
    if before.model_dump(exclude=ignored) != after.model_dump(exclude=ignored) or set(before.people) != set(after.people):
        return True
    return after.amount_pence < before.amount_pence if grows_weekly else after.amount_pence != before.amount_pence
