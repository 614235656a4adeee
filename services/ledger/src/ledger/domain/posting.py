"""Journals before they are written: what is posted, under which key, with which legs (domain.md 2.1).

A debit is positive, a credit negative, and the legs of a journal add up to zero.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID, uuid5

LEDGER = UUID("6f0d6a1e-3f0a-5c7e-9d57-2b1a4c9e8f10")
"""The name space of journal ids: a posting's id follows from its key, so that a repetition meets itself."""

OPENING_CODE = "ROB"
"""What an account owed or had when the ledger was opened (domain.md 2.1)."""

TRANSFER_CODE = "RIT"
"""A transfer: from suspense onto an account (domain.md 2.3), or from account to account."""


class Control(StrEnum):
    """The accounts on the other side of tenants' accounts."""

    BANK = "BANK"
    RENT_INCOME = "RENT_INCOME"
    RECHARGE_INCOME = "RECHARGE_INCOME"
    SUSPENSE = "SUSPENSE"
    REFUNDS_PAYABLE = "REFUNDS_PAYABLE"
    OPENING = "OPENING"
    BAD_DEBT_PROVISION = "BAD_DEBT_PROVISION"
    BAD_DEBT_EXPENSE = "BAD_DEBT_EXPENSE"
    CREDITS_WRITTEN_ON = "CREDITS_WRITTEN_ON"


CONTROL_ACCOUNTS: dict[Control, UUID] = {control: uuid5(LEDGER, f"control/{control}") for control in Control}


@dataclass(frozen=True, slots=True)
class Leg:
    """One entry of a journal."""

    account: UUID
    element: str
    amount_pence: int


def journal_id(key: str) -> UUID:
    return uuid5(LEDGER, key)


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal to be written once, under its key. `posted_at` None is the moment of writing. `id` follows from the key."""

    key: str
    code: str
    effective_date: date
    legs: tuple[Leg, ...]
    actor: str
    narrative: str = ""
    posted_at: datetime | None = None
    rent_week: date | None = None
    cleared_on: date | None = None
    reverses: UUID | None = None
    case: UUID | None = None
    decision: UUID | None = None
    payer: str | None = None
    id: UUID = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", journal_id(self.key))

    @property
    def request_hash(self) -> bytes:
        """What the key stands for: the same key with another hash is an error. Who acts and when is left out: it may be repeated late."""
        content = [
            self.code,
            _text(self.reverses),
            _text(self.case),
            _text(self.decision),
            [[str(leg.account), leg.element, leg.amount_pence] for leg in self.legs],
        ]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).digest()


def two_legs(account: UUID, amount_pence: int, contra: Control, element: str = "") -> tuple[Leg, ...]:
    """An amount, signed as it meets the account, and its opposite on a control account."""
    return Leg(account, element, amount_pence), Leg(CONTROL_ACCOUNTS[contra], element, -amount_pence)


def charge(account: UUID, week: date, elements: Sequence[tuple[str, int]], *, actor: str, posted_at: datetime | None = None) -> Posting:
    """A week's charge, by element, against rent income (domain.md 1.3). Once for each account and week."""
    total = sum(amount for _, amount in elements)
    legs = (*(Leg(account, name, amount) for name, amount in elements), Leg(CONTROL_ACCOUNTS[Control.RENT_INCOME], "", -total))
    return Posting(f"charge/{week}/{account}", "DEB", week, legs, actor, posted_at=posted_at, rent_week=week)


def mirror(
    legs: Sequence[Leg], original: UUID, *, code: str, case: UUID | None, effective_date: date, actor: str, narrative: str
) -> Posting:
    """The mirror image that undoes a journal, under a key that the journal can use once."""
    opposite = tuple(replace(leg, amount_pence=-leg.amount_pence) for leg in legs)
    return Posting(f"reverse/{original}", code, effective_date, opposite, actor, narrative, reverses=original, case=case)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
