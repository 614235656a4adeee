"""What a refund case rests on: the ledger's facts as contracts give them, and what refunds itself knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from uuid import UUID

from rentbook_contracts.ledger import RefundFacts
from rentbook_contracts.refunds import EvidenceKind

from refunds.domain.modulus import ModulusAnswer


class Confirmation(StrEnum):
    """What Confirmation of Payee answered (domain.md 4, check 7)."""

    MATCH = "match"
    CLOSE = "close"
    NO_MATCH = "no-match"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Wishes:
    """What the tenant asked for and agreed to. `asked_by` None: nobody asked, the landlord reviews a credit.

    `requested_pence` None asks for all that may be refunded. `consents` and `opted_out` name debts' accounts. `joint_consent`: every
    joint tenant has signed. `noticed_on`: by debt, the day on which the last notice of its proposed offset was served; `noticed_in_vain`:
    the debts whose last notice speaks against the refund, so that none of its days count.
    """

    asked_by: UUID | None = None
    requested_pence: int | None = None
    consents: frozenset[UUID] = frozenset()
    opted_out: frozenset[UUID] = frozenset()
    joint_consent: bool = False
    noticed_on: Mapping[UUID, date] = field(default_factory=dict)
    noticed_in_vain: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class PayeeFacts:
    """One version of the stored payee details, without the details.

    `fingerprint` is the blind index of sort code and account number. `person` None is a third party. `changed`: other details were on
    this case before; `called_back`: the change was confirmed by calling the tenant back. `paid_in_from_it`: the credit came from this
    very account; None where the bank's files do not say. `came_back_on`: the day on which the bank last returned a payment to this
    account, on this case or another.
    """

    payee: UUID
    fingerprint: str
    name: str = field(repr=False)
    person: UUID | None
    modulus: ModulusAnswer
    confirmation: Confirmation | None
    confirmed_on: date | None
    entered_by: str
    changed: bool = False
    called_back: bool = False
    paid_in_from_it: bool | None = None
    came_back_on: date | None = None


@dataclass(frozen=True)
class Evidence:
    """A document or an answer for one check. `settles`: what was in doubt may pass by it; if not, the check fails by it.

    `answers` is the check's reason code as it stood when the evidence was entered, and `payee` the payee version then: evidence settles
    only the doubts that were in sight. `accounts` are the debts that it is about, for check 4. `document` is the SHA-256 of its document.
    """

    check: int
    kind: str
    settles: bool
    received_on: date
    by: str
    answers: str
    payee: UUID | None = None
    accounts: frozenset[UUID] = frozenset()
    document: str | None = None


@dataclass(frozen=True)
class EarlierPayment:
    """A refund of the same account that was paid or is on its way."""

    amount_pence: int
    on: date


@dataclass(frozen=True)
class CaseFacts:
    """All that the ten checks look at. `wishes` hold what evidence has added: the latest answer on a debt counts.

    `same_details_elsewhere` counts other tenants' accounts paid to the same bank account.

    `staff_conflict`: the payee or a tenant is recorded as connected with a member of staff. `approved_pence`: what an approval lets be paid
    out, which the checks go by once there is one; None before.
    """

    ledger: RefundFacts
    wishes: Wishes = Wishes()
    payee: PayeeFacts | None = None
    evidence: tuple[Evidence, ...] = ()
    earlier_payments: tuple[EarlierPayment, ...] = ()
    same_details_elsewhere: int = 0
    staff_conflict: bool = False
    taken_by: str = "system"
    approved_pence: int | None = None

    def __post_init__(self) -> None:
        """Take what the tenant has answered since into the wishes: a plan and a check must never go by the older words."""
        wishes = self.wishes
        for item in sorted(self.evidence, key=lambda item: item.received_on):
            wishes = _answered(wishes, item)
        object.__setattr__(self, "wishes", wishes)


def _answered(wishes: Wishes, item: Evidence) -> Wishes:
    match item.kind:
        case EvidenceKind.CONSENT if item.settles:
            return replace(wishes, consents=wishes.consents | item.accounts, opted_out=wishes.opted_out - item.accounts)
        case EvidenceKind.CONSENT | EvidenceKind.OPT_OUT:
            return replace(wishes, consents=wishes.consents - item.accounts, opted_out=wishes.opted_out | item.accounts)
        case EvidenceKind.OPT_OUT_NOTICE if item.settles:
            # The days of the letter that the tenant holds: one that is served again gives them anew.
            noticed_on = {**wishes.noticed_on, **dict.fromkeys(item.accounts, item.received_on)}
            return replace(wishes, noticed_on=noticed_on, noticed_in_vain=wishes.noticed_in_vain - item.accounts)
        case EvidenceKind.OPT_OUT_NOTICE:
            noticed_on = {debt: day for debt, day in wishes.noticed_on.items() if debt not in item.accounts}
            return replace(wishes, noticed_on=noticed_on, noticed_in_vain=wishes.noticed_in_vain | item.accounts)
        case EvidenceKind.JOINT_CONSENT:
            return replace(wishes, joint_consent=item.settles)
        case _:
            return wishes
