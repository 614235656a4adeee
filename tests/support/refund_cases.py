"""Facts to start from in the tests of refunds' rules: the household of Test I (domain.md 4)."""

import json
from datetime import date
from importlib.resources import files
from typing import Any
from uuid import UUID

from refunds.domain.facts import CaseFacts, Confirmation, PayeeFacts, Wishes
from refunds.domain.modulus import ModulusAnswer
from refunds.domain.policy import RefundPolicy
from rentbook_contracts.ledger import (
    AccountKind,
    AccountStatus,
    CreditBehind,
    CreditSource,
    DebtOfSamePeople,
    PersonFacts,
    RefundFacts,
    TenancyFacts,
)

TODAY = date(2026, 6, 10)
A, B, STRANGER = UUID(int=0xA), UUID(int=0xB), UUID(int=0xC)
ACCOUNT, FTA, RECHARGE, TENANCY = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)

POLICY = RefundPolicy.model_validate(json.loads((files("refunds") / "data" / "policy" / "2026-04-06.json").read_text("utf-8")))


def debt(account: UUID, kind: AccountKind, pence: int, **other: Any) -> DebtOfSamePeople:
    facts = {"version": 1, "former": False, "statute_barred_pence": 0, "people": (A, B), "disputed": False, "breathing_space": False}
    return DebtOfSamePeople(account=account, kind=kind, amount_pence=pence, **{**facts, **other})


FTA_120 = debt(FTA, AccountKind.RENT, 120_00, former=True)
RECHARGE_85_50 = debt(RECHARGE, AccountKind.RECHARGE, 85_50)


def credit(pence: int, source: CreditSource = CreditSource.TENANT, method: str = "RDD", on: date = date(2026, 5, 1)) -> CreditBehind:
    return CreditBehind(journal=UUID(int=pence), method=method, source=source, amount_pence=pence, effective_date=on, cleared_on=on)


def ledger(cleared: int = 140_00, **other: Any) -> RefundFacts:
    """Test I: main account 640.00 in credit, of which 500.00 is a Direct Debit entered yesterday."""
    tenancy = TenancyFacts(
        tenancy=TENANCY,
        garage=False,
        started_on=date(2020, 4, 6),
        ended_on=other.pop("ended_on", None),
        keys_returned_on=date(2026, 6, 1),
        final_charges_posted=True,
        recharge_inspected=True,
        forwarding_address_known=True,
    )
    facts: dict[str, Any] = {
        "account": ACCOUNT,
        "version": 7,
        "kind": AccountKind.RENT,
        "status": AccountStatus.CURRENT,
        "as_of": TODAY,
        "balance_pence": -cleared - 500_00,
        "uncleared_pence": 500_00,
        "held_by_others_pence": 0,
        "weekly_charge_pence": 120_00,
        "pays_by_direct_debit": True,
        "credits": (credit(cleared),) if cleared else (),
        "tenancy": tenancy,
        "people": (PersonFacts(person=A), PersonFacts(person=B)),
        "account_holds": (),
        "debts": (FTA_120, RECHARGE_85_50),
        "actors": (),
    }
    return RefundFacts(cleared_credit_pence=cleared, **{**facts, **other})


ENDED: dict[str, Any] = {"ended_on": date(2026, 6, 8), "status": AccountStatus.FORMER}
BOTH_CONSENTED = Wishes(asked_by=A, consents=frozenset({FTA, RECHARGE}))
PAYEE = PayeeFacts(
    payee=UUID(int=0x50),
    fingerprint="f1",
    name="Ada Ólafsdóttir",
    person=A,
    modulus=ModulusAnswer.VALID,
    confirmation=Confirmation.MATCH,
    confirmed_on=TODAY,
    entered_by="asha.officer",
    paid_in_from_it=True,
)


def clean_case(**other: Any) -> CaseFacts:
    """A sole current tenant with 1,000.00 of cleared own money, no debt, who asked: every check passes."""
    facts: dict[str, Any] = {
        "ledger": ledger(1_000_00, people=(PersonFacts(person=A),), debts=()),
        "wishes": Wishes(asked_by=A),
        "payee": PAYEE,
        "taken_by": "asha.officer",
    }
    return CaseFacts(**{**facts, **other})
