"""The lines of an estate file (README.md of the ledger): what an estate brings along when a ledger is opened with it."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from rentbook_contracts.ledger import AccountHold, AccountKind, AccountStatus, BreathingSpaceKind, PlanRhythm
from rentbook_contracts.money import Pence, PositivePence

ORDER = ("estate", "property", "person", "tenancy", "account", "plan", "debits", "history")
"""The order in which kinds of lines may come."""


class EstateLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Estate(EstateLine):
    record: Literal["estate"]
    name: str = Field(min_length=1, max_length=200)


class Property(EstateLine):
    record: Literal["property"]
    id: UUID
    reference: str = Field(min_length=1, max_length=40)
    address: str = Field(min_length=1, max_length=300)
    postcode: str = Field(min_length=1, max_length=12)


class Person(EstateLine):
    record: Literal["person"]
    id: UUID
    name: str = Field(min_length=1, max_length=200)
    latin: str | None = Field(default=None, min_length=1, max_length=200)
    died_on: date | None = None
    insolvent: bool = False


class TenantLine(EstateLine):
    person: UUID
    joint: bool = False
    until: date | None = None


class Tenancy(EstateLine):
    record: Literal["tenancy"]
    id: UUID
    property: UUID
    garage: bool = False
    started_on: date
    ended_on: date | None = None
    keys_returned_on: date | None = None
    final_charges_posted: bool = False
    recharge_inspected: bool = False
    forwarding_address_known: bool = False
    forwarding_address: str | None = Field(default=None, min_length=1, max_length=300)
    tenants: tuple[TenantLine, ...] = Field(min_length=1, max_length=20)


class ChargeLine(EstateLine):
    element: str = Field(min_length=1, max_length=60)
    amount_pence: PositivePence
    since: date = Field(alias="from")
    until: date | None = None


class Opening(EstateLine):
    """What an earlier system brought along. `on` is the day on which it fell due, or on which the credit came."""

    on: date
    balance_pence: Pence


class BreathingSpace(EstateLine):
    """One that runs. `until` is its last day; a standard one without it ends when the law ends it."""

    kind: BreathingSpaceKind
    first_day: date = Field(alias="from")
    until: date | None = None


class Account(EstateLine):
    record: Literal["account"]
    id: UUID
    reference: str = Field(min_length=1, max_length=40)
    kind: AccountKind
    status: AccountStatus
    tenancy: UUID
    rent_group: str | None = None
    pays_by_direct_debit: bool = False
    holds: tuple[AccountHold, ...] = ()
    breathing_space: BreathingSpace | None = None
    weekly_charges: tuple[ChargeLine, ...] = ()
    opening: Opening | None = None

    @field_validator("holds")
    @classmethod
    def has_a_field_of_its_own(cls, holds: tuple[AccountHold, ...]) -> tuple[AccountHold, ...]:
        if AccountHold.BREATHING_SPACE in holds:
            raise ValueError("a Breathing Space is told in breathing_space, with its kind and its first day")
        return holds


class Plan(EstateLine):
    record: Literal["plan"]
    account: UUID
    agreed_on: date
    instalment_pence: PositivePence
    rhythm: PlanRhythm
    first_due_on: date


class Debits(EstateLine):
    record: Literal["debits"]
    weeks: tuple[date, ...] = Field(max_length=1100)


class Receipt(EstateLine):
    record: Literal["receipt"]
    account: UUID
    code: str = Field(min_length=3, max_length=3)
    amount_pence: PositivePence
    effective_date: date
    posted_on: date | None = None
    actor: str = Field(default="system", min_length=1, max_length=100)
    narrative: str = Field(default="", max_length=200)
    payer_account: str | None = Field(default=None, repr=False)


class Adjustment(EstateLine):
    record: Literal["adjustment"]
    account: UUID
    code: str = Field(min_length=3, max_length=3)
    amount_pence: Pence
    effective_date: date
    posted_on: date | None = None
    actor: str = Field(default="system", min_length=1, max_length=100)
    narrative: str = Field(default="", max_length=200)


Line = Estate | Property | Person | Tenancy | Account | Plan | Debits | Receipt | Adjustment
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="record")])


class EstateFault(ValueError):
    """What is wrong with a line, in words."""


def read_line(text: bytes) -> Line:
    """One line of the file. Errors: EstateFault, with the fields at fault and never their content."""
    try:
        return _LINE.validate_json(text)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'][1:])) or 'line'}: {fault['msg']}" for fault in error.errors(include_input=False)[:5]
        )
        raise EstateFault(faults) from None


def place_in_order(line: Line) -> int:
    """Where this kind of line stands among the others."""
    kind = "history" if isinstance(line, (Receipt, Adjustment)) else line.record
    return ORDER.index(kind)
