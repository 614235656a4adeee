"""Debts to test rules on: a former tenant's account with weekly charges, all of it changeable."""

import json
from datetime import date, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid4

from rentbook_contracts.ledger import AccountKind, AccountStatus, ChargeOwed, DebtFacts, LinkedAccount, PersonFacts, StandingCredit
from writeoffs.domain.policy import WriteOffPolicy, read_policy


def dated_policy(from_: str) -> WriteOffPolicy:
    """As it is shipped."""
    return read_policy(json.loads((files("writeoffs") / "data" / "policy" / f"{from_}.json").read_text("utf-8")))


POLICY = dated_policy("2026-11-26")
"""The newest."""
TODAY = date(2026, 11, 25)
ACCOUNT = UUID("00000000-0000-4000-8000-000000000001")


def owed(pence: int, due_on: date = TODAY - timedelta(days=1000), element: str = "rent", vat: int = 0) -> ChargeOwed:
    return ChargeOwed(journal=uuid4(), element=element, due_on=due_on, owed_pence=pence, vat_pence=vat)


def person(died_on: date | None = None) -> PersonFacts:
    return PersonFacts(person=uuid4(), died_on=died_on)


def linked(balance_pence: int) -> LinkedAccount:
    return LinkedAccount(account=uuid4(), kind=AccountKind.RENT, former=True, balance_pence=balance_pence)


def in_credit(pence: int, since: date, *later: tuple[int, date]) -> dict[str, Any]:
    """What makes of a debt a credit of that day, to which more came later."""
    stood = tuple(StandingCredit(since=day, pence=part) for part, day in ((pence, since), *later))
    total = sum(part.pence for part in stood)
    return {"charges": (), "balance_pence": -total, "debtor_total_pence": 0, "credit_stood": stood, "credits_total_pence": total}


def debt(*charges: ChargeOwed, **changed: Any) -> DebtFacts:
    """A debt of these charges, of one living person, with nothing in the way."""
    if "charges" not in changed:
        changed["charges"] = charges or (owed(312_40),)
    balance = sum(charge.owed_pence for charge in changed["charges"])
    told: dict[str, Any] = {
        "account": ACCOUNT, "version": 7, "kind": AccountKind.RENT, "status": AccountStatus.FORMER, "as_of": TODAY,
        "balance_pence": balance, "ended_on": TODAY - timedelta(days=190), "people": (person(),),
        "account_holds": (), "housing_benefit_unresolved": False, "plan": None, "linked": (), "write_offs": (),
        "debtor_total_pence": balance,
    }  # fmt: skip
    return DebtFacts(**{**told, **changed})
