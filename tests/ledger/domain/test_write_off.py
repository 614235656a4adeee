"""Whether a line still stands: a table over what the ledger knows under the lock, without a database."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from ledger.domain.write_off import Ground, dropped_because, posting_of
from rentbook_contracts.ledger import (
    AccountHold,
    AccountKind,
    AccountStatus,
    ChargeOwed,
    DebtFacts,
    LineKind,
    LinePart,
    LinkedAccount,
    PastWriteOff,
    PaymentPlan,
    PersonFacts,
    PlanRhythm,
    WriteOffLine,
)

A, OFF, DAY = UUID(int=1), UUID(int=2), date(2026, 1, 5)
FACTS: dict[str, Any] = {
    "account": A, "version": 1, "kind": AccountKind.RENT, "status": AccountStatus.FORMER, "as_of": DAY, "balance_pence": 100,
    "ended_on": DAY, "charges": (ChargeOwed(journal=OFF, element="Rent", due_on=DAY, owed_pence=100),), "people": (), "account_holds": (),
    "housing_benefit_unresolved": False, "plan": None, "linked": (), "write_offs": (), "debtor_total_pence": 100,
}  # fmt: skip
PAST = PastWriteOff(journal=OFF, line=A, on=DAY, amount_pence=50, reinstated_pence=20, discharged=False)


SEVERAL = (
    ChargeOwed(journal=A, element="Rent", due_on=DAY - timedelta(days=7), owed_pence=40),
    ChargeOwed(journal=OFF, element="Rent", due_on=DAY, owed_pence=60),
)
INSOLVENT = PersonFacts(person=A, insolvent=True)
KEPT = PAST.model_copy(
    update={
        "charges": (
            ChargeOwed(journal=A, element="Rent", due_on=DAY - timedelta(days=7), owed_pence=12),
            ChargeOwed(journal=OFF, element="Rent", due_on=DAY, owed_pence=18),
        )
    }
)


UNDONE = KEPT.model_copy(update={"charges": tuple(charge.model_copy(update={"undone": True}) for charge in KEPT.charges)})


def line(kind: LineKind, *parts: tuple[str, int] | LinePart, **other: Any) -> WriteOffLine:
    named = tuple(part if isinstance(part, LinePart) else LinePart(element=part[0], amount_pence=part[1]) for part in parts)
    made = {"line": A, "attempt": 1, "kind": kind, "account": A, "reason": "x", "balance_pence": 100, "parts": named, "evidence_hash": "e"}
    return WriteOffLine.model_validate({**made, **other})


def answered(asked: WriteOffLine, *people: UUID, died: tuple[UUID, ...] = ()) -> WriteOffLine:
    return asked.model_copy(update={"answered_by": people, "died": died})


LIVE = (PersonFacts(person=A), PersonFacts(person=OFF))
NOBODY_LIVES = (PersonFacts(person=A, died_on=DAY), PersonFacts(person=OFF, died_on=DAY))
ONE_DIED = (PersonFacts(person=A), PersonFacts(person=OFF, died_on=DAY))


def plan(*, kept: bool) -> PaymentPlan:
    return PaymentPlan(plan=A, agreed_on=DAY, instalment_pence=1, rhythm=PlanRhythm.WEEKLY, first_due_on=DAY, kept=kept)


def beside(pence: int) -> LinkedAccount:
    return LinkedAccount(account=OFF, kind=AccountKind.COURT, former=True, balance_pence=pence)


IN_USE: tuple[dict[str, Any], ...] = (
    {"status": AccountStatus.CURRENT, "ended_on": None},
    {"status": AccountStatus.CURRENT, "ended_on": None, "people": (PersonFacts(person=A, died_on=DAY),)},
    {"status": AccountStatus.CURRENT, "ended_on": None, "kind": AccountKind.RECHARGE},
    {"status": AccountStatus.NOTICE_GIVEN, "ended_on": DAY + timedelta(days=1)},
    {"status": AccountStatus.CURRENT, "kind": AccountKind.USEOCC},
)
ENDED: tuple[dict[str, Any], ...] = (
    {"status": AccountStatus.NOTICE_GIVEN, "ended_on": DAY},
    {"status": AccountStatus.ENDED_OPEN},
    {"status": AccountStatus.ENDED_OPEN, "kind": AccountKind.GARAGE},
    {"status": AccountStatus.CLOSED, "ended_on": None, "kind": AccountKind.USEOCC},
)
TAXED = ChargeOwed(journal=OFF, element="Rent", due_on=DAY, owed_pence=100, vat_pence=17)
TAXED_PART = LinePart(element="Rent", amount_pence=100, vat_pence=17)

DEBT = line(LineKind.WRITE_OFF, ("Rent", 100))
BACK = line(LineKind.REINSTATEMENT, ("Rent", 30), undoes=OFF)
BACK_AFTER_ALL = BACK.model_copy(update={"release_undone": True})
PAID = line(LineKind.REINSTATEMENT, ("Rent", 30), undoes=OFF, balance_pence=-30)
CREDIT = line(LineKind.CREDIT_WRITE_ON, ("", 40), balance_pence=-40)


@pytest.mark.parametrize(
    ("asked", "facts", "balance", "covers", "because"),
    [
        (DEBT, {}, 100, None, None),
        (DEBT, {}, 100, 100, None),
        (DEBT, {}, 99, None, "balance-moved"),
        (DEBT, {}, 101, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 40)), {}, 100, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 100), charges=(OFF,)), {}, 100, None, None),
        (line(LineKind.WRITE_OFF, ("Rent", 40), charges=(OFF,)), {}, 100, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 100), charges=(A,)), {}, 100, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 40), charges=(A,)), {"charges": SEVERAL}, 100, None, None),
        (line(LineKind.WRITE_OFF, ("Rent", 60), charges=(A,)), {"charges": SEVERAL}, 100, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 40), charges=(A,)), {"charges": SEVERAL, "balance_pence": 130}, 130, None, None),
        (line(LineKind.WRITE_OFF, ("Rent", 40), charges=(A,)), {"charges": SEVERAL}, 60, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 40), charges=(A,)), {"charges": SEVERAL[1:], "balance_pence": 130}, 130, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 100)), {"charges": SEVERAL, "balance_pence": 130}, 130, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 101)), {}, 100, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Heating", 1)), {}, 100, None, "balance-moved"),
        (line(LineKind.WRITE_OFF, ("Rent", 50), ("Rent", 50)), {}, 100, None, "balance-moved"),
        (DEBT, {"kind": AccountKind.HBO}, 100, None, "overpaid-benefit"),
        *((DEBT, in_use, 100, None, "current-tenant") for in_use in IN_USE),
        *((line(LineKind.WRITE_OFF, ("Rent", 100), reason="bankruptcy"), in_use, 100, None, "current-tenant") for in_use in IN_USE),
        *((line(LineKind.WRITE_OFF, ("Rent", 100), of_current_tenants=True), in_use, 100, None, None) for in_use in IN_USE),
        *((DEBT, ended, 100, None, None) for ended in ENDED),
        (DEBT, {"charges": (TAXED,)}, 100, None, "vat-changed"),
        (line(LineKind.WRITE_OFF, TAXED_PART), {"charges": (TAXED,)}, 100, None, None),
        (line(LineKind.WRITE_OFF, TAXED_PART), {}, 100, None, "vat-changed"),
        (DEBT, {"debtor_total_pence": 101}, 100, 100, "debtor-owes-more"),
        (line(LineKind.WRITE_OFF, ("Rent", 100), up_to_pence=150), {"debtor_total_pence": 150}, 100, 200, None),
        (line(LineKind.WRITE_OFF, ("Rent", 100), up_to_pence=150), {"debtor_total_pence": 151}, 100, 200, "debtor-owes-more"),
        (line(LineKind.WRITE_OFF, ("Rent", 100), up_to_pence=150), {"debtor_total_pence": 151}, 100, None, "debtor-owes-more"),
        (DEBT, {"people": LIVE}, 100, None, None),
        (answered(DEBT, A, OFF), {"people": LIVE}, 100, None, None),
        (answered(DEBT, A, OFF), {"people": LIVE[:1]}, 100, None, None),
        (answered(DEBT, A), {"people": LIVE}, 100, None, "people-changed"),
        (answered(DEBT, A, OFF), {"people": ONE_DIED}, 100, None, None),
        (answered(DEBT, A, OFF, died=(OFF,)), {"people": ONE_DIED}, 100, None, None),
        (answered(DEBT, A, OFF, died=(OFF,)), {"people": LIVE}, 100, None, "people-changed"),
        (answered(DEBT, A, OFF, died=(OFF,)), {"people": LIVE[:1]}, 100, None, None),
        *(
            (line(LineKind.WRITE_OFF, ("Rent", 100), reason=reason), {"people": people}, 100, None, because)
            for reason in ("care-home", "emigrated", "prison", "untraceable")
            for people, because in ((NOBODY_LIVES, "nobody-lives"), (ONE_DIED, None))
        ),
        (line(LineKind.WRITE_OFF, ("Rent", 100), reason="uneconomic"), {"people": NOBODY_LIVES}, 100, None, None),
        (DEBT, {"account_holds": (AccountHold.BREATHING_SPACE,)}, 100, None, "breathing-space"),
        (DEBT, {"account_holds": (AccountHold.DISPUTE,)}, 100, None, "dispute"),
        (DEBT, {"account_holds": (AccountHold.DECEASED, AccountHold.INSOLVENCY, AccountHold.LEGAL)}, 100, None, None),
        (DEBT, {"housing_benefit_unresolved": True}, 100, None, "housing-benefit"),
        (DEBT, {"plan": plan(kept=True)}, 100, None, "payment-plan"),
        (DEBT, {"plan": plan(kept=False)}, 100, None, None),
        (DEBT, {"plan_elsewhere": plan(kept=True)}, 100, None, None),
        (line(LineKind.WRITE_OFF, ("Rent", 100), reason="untraceable"), {"plan_elsewhere": plan(kept=True)}, 100, None, "payment-plan"),
        (DEBT, {"linked": (beside(5),)}, 100, None, None),
        (DEBT, {"linked": (beside(5), beside(-1))}, 100, None, "credit-elsewhere"),
        (BACK, {"write_offs": (PAST,)}, 100, None, None),
        (BACK, {"write_offs": (PAST,), "debtor_total_pence": 0}, 100, 29, "debtor-owes-more"),
        (BACK, {"write_offs": (PAST.model_copy(update={"debtor_total_pence": 60}),), "debtor_total_pence": 0}, 100, 59, "debtor-owes-more"),
        (BACK, {"write_offs": (PAST.model_copy(update={"debtor_total_pence": 60}),), "debtor_total_pence": 0}, 100, 60, None),
        (BACK, {}, 100, None, "above-written-off"),
        (answered(BACK, A), {"write_offs": (PAST,), "people": LIVE}, 100, None, "people-changed"),
        (BACK, {"write_offs": (KEPT,), "balance_pence": 130}, 130, None, None),
        (BACK, {"write_offs": (KEPT,), "balance_pence": 130}, 90, None, "balance-moved"),
        *((PAID, {"write_offs": (KEPT,), "balance_pence": -left}, -left, None, None) for left in (30, 31, 500)),
        *((PAID, {"write_offs": (KEPT,), "balance_pence": -left}, -left, None, "credit-gone") for left in (29, 0, -54)),
        (PAID, {"write_offs": (UNDONE,), "balance_pence": 54}, 54, None, None),
        (
            PAID,
            {"write_offs": (KEPT.model_copy(update={"charges": KEPT.charges[:1]}),), "balance_pence": -60},
            -60,
            None,
            "above-written-off",
        ),
        (BACK, {"write_offs": (UNDONE,), "balance_pence": 130}, 130, None, None),
        (BACK, {"write_offs": (UNDONE,), "balance_pence": 130}, 100, None, None),
        (BACK, {"write_offs": (UNDONE,), "balance_pence": 130}, 90, None, "balance-moved"),
        (
            line(LineKind.REINSTATEMENT, ("Rent", 29), undoes=OFF),
            {"write_offs": (UNDONE,), "balance_pence": 130},
            130,
            None,
            "above-written-off",
        ),
        (line(LineKind.REINSTATEMENT, ("Rent", 31), undoes=OFF), {"write_offs": (PAST,)}, 100, None, "above-written-off"),
        (line(LineKind.REINSTATEMENT, ("Rent", 30)), {"write_offs": (PAST,)}, 100, None, "above-written-off"),
        (line(LineKind.REINSTATEMENT, ("Heating", 1), undoes=OFF), {"write_offs": (PAST,)}, 100, None, "above-written-off"),
        (BACK, {"write_offs": (PAST.model_copy(update={"discharged": True}),)}, 100, None, "discharged"),
        (BACK, {"write_offs": (PAST,), "account_holds": (AccountHold.BREATHING_SPACE,)}, 100, None, "breathing-space"),
        (BACK, {"write_offs": (PAST,), "plan": plan(kept=True), "housing_benefit_unresolved": True}, 100, None, None),
        (BACK, {"write_offs": (KEPT,)}, 100, None, None),
        (line(LineKind.REINSTATEMENT, ("Rent", 20), undoes=OFF), {"write_offs": (KEPT,)}, 100, None, "above-written-off"),
        (line(LineKind.REINSTATEMENT, ("Rent", 20), undoes=OFF, charges=(A, OFF)), {"write_offs": (KEPT,)}, 100, None, None),
        (line(LineKind.REINSTATEMENT, ("Rent", 10), undoes=OFF, charges=(A, OFF)), {"write_offs": (KEPT,)}, 100, None, "above-written-off"),
        (line(LineKind.REINSTATEMENT, ("Rent", 18), undoes=OFF, charges=(OFF,)), {"write_offs": (KEPT,)}, 100, None, None),
        (line(LineKind.REINSTATEMENT, ("Rent", 19), undoes=OFF, charges=(OFF,)), {"write_offs": (KEPT,)}, 100, None, "above-written-off"),
        (line(LineKind.REINSTATEMENT, ("Rent", 1), undoes=OFF, charges=(OFF,)), {"write_offs": (PAST,)}, 100, None, "above-written-off"),
        (BACK, {"write_offs": (KEPT,), "people": (INSOLVENT,)}, 100, None, "insolvency"),
        (BACK_AFTER_ALL, {"write_offs": (KEPT,), "people": (INSOLVENT,)}, 100, None, None),
        (BACK_AFTER_ALL, {"write_offs": (KEPT,), "account_holds": (AccountHold.INSOLVENCY,)}, 100, None, "insolvency"),
        (BACK, {"write_offs": (KEPT,), "people": (INSOLVENT, PersonFacts(person=OFF))}, 100, None, None),
        (BACK, {"write_offs": (KEPT,), "people": (INSOLVENT, PersonFacts(person=OFF, died_on=DAY))}, 100, None, "insolvency"),
        (
            BACK.model_copy(update={"released_until": DAY - timedelta(days=8)}),
            {"write_offs": (KEPT,), "people": (INSOLVENT,)},
            100,
            None,
            None,
        ),
        (BACK.model_copy(update={"released_until": DAY - timedelta(days=7)}), {"write_offs": (KEPT,)}, 100, None, "discharged"),
        (CREDIT, {"debtor_total_pence": 0}, -40, 40, None),
        (CREDIT, {"debtor_total_pence": 0}, -40, 39, "credits-above"),
        (CREDIT, {"debtor_total_pence": 5_000_00, "credits_total_pence": 80}, -40, 80, None),
        (CREDIT, {"credits_total_pence": 80}, -40, 79, "credits-above"),
        (DEBT, {"credits_total_pence": 1_000}, 100, 100, None),
        *((CREDIT, {"credit_blocked": (why,)}, -40, None, why) for why in ("owed-elsewhere", "credit-asked-for", "credit-held")),
        *((CREDIT, in_use, -40, None, "current-tenant") for in_use in IN_USE),
        *((CREDIT, ended, -40, None, None) for ended in ENDED),
        (CREDIT, {}, -39, None, "balance-moved"),
        (line(LineKind.CREDIT_WRITE_ON, ("", 41), balance_pence=-40), {}, -40, None, "balance-moved"),
        (line(LineKind.CREDIT_WRITE_ON, ("", 46), balance_pence=-50), {}, -50, None, "credit-held"),
    ],
)
def test_a_line_stands_or_is_left_out_because(
    asked: WriteOffLine, facts: dict[str, Any], balance: int, covers: int | None, because: str | None
) -> None:
    ground = Ground(DebtFacts.model_validate({**FACTS, **facts}), left={"Rent": 30}, free_credit_pence=45)
    assert dropped_because(asked, balance, ground, covers) == because


@pytest.mark.parametrize(
    ("asked", "code", "pence", "contra"),
    [
        (DEBT, "WOF", -100, Control.BAD_DEBT_PROVISION),
        (BACK, "WON", 30, Control.BAD_DEBT_PROVISION),
        (CREDIT, "CWO", 40, Control.CREDITS_WRITTEN_ON),
    ],
)
def test_a_lines_journal(asked: WriteOffLine, code: str, pence: int, contra: Control) -> None:
    posting = posting_of(asked, OFF, DAY, "system")
    assert (posting.key, posting.code, posting.case, posting.decision) == (f"write-off/{A}/1", code, A, OFF)
    assert [(leg.account, leg.amount_pence) for leg in posting.legs] == [(A, pence), (CONTROL_ACCOUNTS[contra], -pence)]
