"""What the ledger tells and offers: rent accounts, receipts, holds, and the facts that a refund rests on."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from rentbook_contracts.approvals import content_hash
from rentbook_contracts.message import Fact
from rentbook_contracts.money import NonNegativePence, Pence, PositivePence
from rentbook_contracts.operation import Command, Message, Nothing, Operation, Query
from rentbook_contracts.people import LastCommands
from rentbook_contracts.policy import CheckPolicy, PolicyProposal, PolicyProposed


class AccountKind(StrEnum):
    """What an account holds (domain.md 1.1). A former tenant's account keeps its kind; its status says that the tenancy has ended."""

    RENT = "RENT"
    RECHARGE = "RECHARGE"
    COURT = "COURT"
    GARAGE = "GARAGE"
    HBO = "HBO"
    USEOCC = "USEOCC"
    SUSPENSE = "SUSPENSE"
    CONTROL = "CONTROL"


class AccountStatus(StrEnum):
    """Where the account is in its life (domain.md 1.1)."""

    PENDING = "PENDING"
    CURRENT = "CURRENT"
    NOTICE_GIVEN = "NOTICE_GIVEN"
    ENDED_OPEN = "ENDED_OPEN"
    FORMER = "FORMER"
    CLOSED = "CLOSED"


class AccountHold(StrEnum):
    """A state of the debtor that limits what may be done with the account (domain.md 1.1). Not the earmark of a credit: see PlaceHold."""

    BREATHING_SPACE = "BREATHING_SPACE"
    DECEASED = "DECEASED"
    DISPUTE = "DISPUTE"
    FRAUD = "FRAUD"
    LEGAL = "LEGAL"
    INSOLVENCY = "INSOLVENCY"


class BreathingSpaceKind(StrEnum):
    """Which Breathing Space a debtor has (SI 2020/1311): the one that ends by itself, or the one of a mental health crisis."""

    STANDARD = "standard"
    MENTAL_HEALTH = "mental-health"


class CreditSource(StrEnum):
    """Whose money a credit was, as far as the receipt shows (domain.md 4, check 2)."""

    TENANT = "TENANT"
    HOUSING_BENEFIT = "HOUSING_BENEFIT"
    UC_MANAGED = "UC_MANAGED"
    DWP_DEDUCTION = "DWP_DEDUCTION"
    HOUSING_PAYMENT = "HOUSING_PAYMENT"
    OMBUDSMAN = "OMBUDSMAN"
    ADJUSTMENT = "ADJUSTMENT"


# --- facts -------------------------------------------------------------------------------------------------------------------------


class AccountFact(Fact):
    """Something that happened to one account. `balance_pence` is the balance after it."""

    topic: ClassVar[str] = "ledger.accounts"
    keyed_by: ClassVar[str] = "account"

    account: UUID
    balance_pence: Pence


class AccountOpened(AccountFact):
    """A rent account or sub-account exists, with its opening balance."""

    type: ClassVar[str] = "ledger.account-opened.v1"

    kind: AccountKind


class ChargePosted(AccountFact):
    """A week's charge was debited."""

    type: ClassVar[str] = "ledger.charge-posted.v1"

    journal: UUID
    amount_pence: PositivePence
    week_commencing: date


class ReceiptPosted(AccountFact):
    """Money came in. `cleared_on` is the day from which it may count towards a refund (domain.md 3.2)."""

    type: ClassVar[str] = "ledger.receipt-posted.v1"

    journal: UUID
    amount_pence: PositivePence
    method: str = Field(max_length=3, description="Transaction code of domain.md 2.1, for example RDD")
    effective_date: date
    cleared_on: date
    bank_file: UUID | None = None


class TransferPosted(AccountFact):
    """Credit moved between accounts, for example an offset. The amount is signed as it meets this account."""

    type: ClassVar[str] = "ledger.transfer-posted.v1"

    journal: UUID
    amount_pence: Pence
    case: UUID | None = None


class RefundPosted(AccountFact):
    """Credit left the account to be paid to the tenant."""

    type: ClassVar[str] = "ledger.refund-posted.v1"

    journal: UUID
    amount_pence: PositivePence
    case: UUID


class JournalReversed(AccountFact):
    """An earlier journal was undone by its mirror image. The amount is signed as it meets this account."""

    type: ClassVar[str] = "ledger.journal-reversed.v1"

    journal: UUID
    reverses: UUID
    amount_pence: Pence


class CreditHeld(AccountFact):
    """An amount of the credit is earmarked for a case: no other case can count it."""

    type: ClassVar[str] = "ledger.credit-held.v1"

    hold: UUID
    case: UUID
    amount_pence: PositivePence


class CreditFreed(AccountFact):
    """An earmark was lifted without a posting."""

    type: ClassVar[str] = "ledger.credit-freed.v1"

    hold: UUID
    case: UUID
    amount_pence: PositivePence


class CreditAskedFor(AccountFact):
    """A case asks for the account's credit, or, `asked` False, asks no longer. While one asks, the credit goes to income for nobody."""

    type: ClassVar[str] = "ledger.credit-asked-for.v1"

    case: UUID
    asked: bool


class AccountHoldChanged(AccountFact):
    """A hold on the debtor was set or lifted."""

    type: ClassVar[str] = "ledger.account-hold-changed.v1"

    account_hold: AccountHold
    in_force: bool


class TenancyEnded(AccountFact):
    """The tenancy behind the account has ended."""

    type: ClassVar[str] = "ledger.tenancy-ended.v1"

    tenancy: UUID
    ended_on: date


class DebtWrittenOff(AccountFact):
    """A debt left the account against the provision: it is no longer pursued, and the register goes on showing it."""

    type: ClassVar[str] = "ledger.debt-written-off.v1"

    journal: UUID
    amount_pence: PositivePence
    line: UUID = Field(description="The line of a schedule, by the id of its proposal")


class DebtReinstated(AccountFact):
    """A debt that was written off is owed again, whole or in part."""

    type: ClassVar[str] = "ledger.debt-reinstated.v1"

    journal: UUID
    amount_pence: PositivePence
    line: UUID
    undoes: UUID = Field(description="The journal of the write-off")


class CreditWrittenOn(AccountFact):
    """A credit that nobody claimed went to income. It is still paid to whoever asks for it with a right to it."""

    type: ClassVar[str] = "ledger.credit-written-on.v1"

    journal: UUID
    amount_pence: PositivePence
    line: UUID


class Addressee(StrEnum):
    """Whom a letter about a tenancy goes to: those of its people who live, or whoever deals with the estate of those who died."""

    TENANTS = "tenants"
    ESTATE = "estate"


class LetterAddressChanged(AccountFact):
    """It was noted where letters about the account go, or, `known` False, that they reach nobody there any more. Not the address itself."""

    type: ClassVar[str] = "ledger.letter-address-changed.v1"

    addressee: Addressee
    known: bool


class DeathChanged(AccountFact):
    """It was noted that a tenant of the account died, or, `died` False, that this was said in error."""

    type: ClassVar[str] = "ledger.death-changed.v1"

    person: UUID
    died: bool


class HousingBenefitClaimChanged(AccountFact):
    """Benefits has a claim for this account to decide, or has decided it."""

    type: ClassVar[str] = "ledger.housing-benefit-claim-changed.v1"

    unresolved: bool


class PaymentPlanChanged(AccountFact):
    """The debtor agreed to pay by instalments, or that agreement ended."""

    type: ClassVar[str] = "ledger.payment-plan-changed.v1"

    plan: UUID
    in_force: bool


class BankFileTaken(Fact):
    """A bank file was posted, whole."""

    type: ClassVar[str] = "ledger.bank-file-taken.v1"
    topic: ClassVar[str] = "ledger.bank-files"
    keyed_by: ClassVar[str] = "bank_file"

    bank_file: UUID
    receipts: int = Field(ge=0)
    total_pence: Pence
    in_suspense: int = Field(ge=0)


# --- what a refund rests on --------------------------------------------------------------------------------------------------------


class CreditBehind(Message):
    """One of the newest credits that together make up the account's credit."""

    journal: UUID
    method: str
    source: CreditSource
    amount_pence: PositivePence
    effective_date: date
    cleared_on: date
    payer: str | None = Field(default=None, description="Keyed fingerprint of the paying bank account, where the file told it")


class TenancyFacts(Message):
    """The tenancy behind an account, as far as a refund needs it (domain.md 4, check 5)."""

    tenancy: UUID
    garage: bool
    started_on: date
    ended_on: date | None
    keys_returned_on: date | None
    final_charges_posted: bool
    recharge_inspected: bool
    forwarding_address_known: bool


class PersonFacts(Message):
    """A person answerable for the account."""

    person: UUID
    died_on: date | None = None
    insolvent: bool = False


class DebtOfSamePeople(Message):
    """A debt that a credit might pay, with the people who owe it (domain.md 4, check 4).

    `limitation_unknown_pence`: what of it is as old as what is statute-barred, of a kind of which no day is computed.
    """

    account: UUID
    version: int
    kind: AccountKind
    former: bool
    amount_pence: PositivePence
    statute_barred_pence: NonNegativePence
    limitation_unknown_pence: NonNegativePence = 0
    people: tuple[UUID, ...]
    disputed: bool
    breathing_space: bool


class AccountForRefund(Message):
    """Which account, and for which case: a case's own earmark does not count against it."""

    account: UUID
    case: UUID | None = None


class RefundFacts(Message):
    """What the ledger knows about a credit, read in one snapshot. Amounts without a sign are pence of credit."""

    account: UUID
    version: int
    kind: AccountKind
    status: AccountStatus
    as_of: date = Field(description="Europe/London business date of the reading")
    balance_pence: Pence
    cleared_credit_pence: NonNegativePence = Field(description="Cleared credit, less what other cases have earmarked")
    uncleared_pence: NonNegativePence
    held_by_others_pence: NonNegativePence
    weekly_charge_pence: NonNegativePence
    charged_pence: NonNegativePence = Field(default=0, description="All weekly debits so far, so that two readings tell what was charged")
    pays_by_direct_debit: bool
    written_on_pence: NonNegativePence = Field(default=0, description="Credit that went to income, and is still paid when it is asked for")
    written_off_pence: NonNegativePence = Field(default=0, description="Debts of the same people that were written off and may be put back")
    credits: tuple[CreditBehind, ...]
    tenancy: TenancyFacts
    people: tuple[PersonFacts, ...]
    account_holds: tuple[AccountHold, ...]
    debts: tuple[DebtOfSamePeople, ...]
    actors: tuple[str, ...] = Field(description="Staff behind the credit or behind what may be refunded of it: see ActorsFound")
    others: tuple[UUID, ...] = Field(default=(), description="The other accounts of the same people")


ACCOUNT_FOR_REFUND: Query[AccountForRefund, RefundFacts] = Query("account-for-refund", "ledger", AccountForRefund, RefundFacts)


class CreditsAsked(Message):
    accounts: tuple[UUID, ...] = Field(min_length=1, max_length=200)


class CreditFacts(Message):
    """Of an account's credit, what says whether somebody shall look at it (domain.md 4): figures of RefundFacts, and when more clears."""

    account: UUID
    cleared_credit_pence: NonNegativePence = Field(description="Cleared credit, less what cases have earmarked")
    next_clears_on: date | None = Field(default=None, description="The first day on which something that has not cleared counts")
    weekly_charge_pence: NonNegativePence
    pays_by_direct_debit: bool
    written_off_pence: NonNegativePence
    tenancy: TenancyFacts


class CreditsRead(Message):
    """Read in one snapshot. An account that is no tenant's is left out."""

    credits: tuple[CreditFacts, ...]


CREDITS: Query[CreditsAsked, CreditsRead] = Query("credits", "ledger", CreditsAsked, CreditsRead)


# --- money operations ---------------------------------------------------------------------------------------------------------------


class Offset(Message):
    """Part of a credit that pays another account of the same people."""

    account: UUID
    amount_pence: PositivePence


class RefundPlan(Message):
    """What a refund would do, whole: this is what is approved, by its hash, and what is posted.

    `payee` names a version of stored payee details (never the details). `checks_hash` covers the checks as they were shown.
    """

    case: UUID
    attempt: int = Field(ge=1)
    account: UUID
    refund_pence: NonNegativePence
    offsets: tuple[Offset, ...] = ()
    payee: UUID | None = None
    checks_hash: str

    @property
    def total_pence(self) -> int:
        return self.refund_pence + sum(offset.amount_pence for offset in self.offsets)

    @property
    def content_hash(self) -> str:
        return content_hash(self)


class PlaceHold(Message):
    """Earmark the plan's whole amount. One earmark for each plan of a case. Errors: NoSuchAccount, CreditNotFree (plan again)."""

    plan: RefundPlan


class HoldPlaced(Message):
    hold: UUID


class ReleaseHold(Message):
    hold: UUID
    case: UUID


class LiftHoldOfCase(Message):
    """Lift what an attempt at a case has earmarked, because it is not to be paid: from then on nothing is posted on that earmark.

    `run`: nor by the release of the line that fell out of this payment run, whatever is earmarked anew; for that alone nothing is lifted
    where `lifts` says so.
    """

    case: UUID
    attempt: int
    run: UUID | None = None
    lifts: bool = True


class HoldOfCaseLifted(Message):
    refund_journal: UUID | None = Field(description="The attempt's refund, where it was posted before: then nothing was lifted")


class PostRefund(Message):
    """Post the whole plan and consume its earmark, in one transaction, if approvals' own decision on this very plan was heard.

    `versions` are the versions of the plan's accounts at the last check. Errors: AccountMoved (check again), DecisionRecalled,
    HoldGone, CreditNotFree, NotApproved. A decision that was not heard yet is waited for, and so is finance's release of a refund.
    """

    plan: RefundPlan
    hold: UUID
    decision: UUID
    versions: dict[UUID, int]


class RefundIsPosted(Message):
    """`refund_journal` is None where the plan only offsets; `run` is the payment run in which finance released it."""

    refund_journal: UUID | None
    offset_journals: tuple[UUID, ...]
    run: UUID | None = None


class ReverseRefund(Message):
    """Undo the refund journal of a returned payment: the credit is on the account again."""

    case: UUID
    attempt: int
    journal: UUID
    reason: str = Field(max_length=60, description="Reason code of the bank's report")


class RefundReversed(Message):
    journal: UUID


class PutBackCredit(Message):
    """Put a credit that went to income back onto its account, because its refund was asked for (domain.md 4).

    A request that was not heard yet from refunds itself is waited for.
    """

    case: UUID
    account: UUID


class CreditPutBack(Message):
    """None where nothing of the account's credit is at income."""

    journals: tuple[UUID, ...]


PUT_BACK_CREDIT: Operation[PutBackCredit, CreditPutBack] = Operation("ledger.put-back-credit", "ledger", PutBackCredit, CreditPutBack)
PLACE_HOLD: Operation[PlaceHold, HoldPlaced] = Operation("ledger.place-hold", "ledger", PlaceHold, HoldPlaced)
RELEASE_HOLD: Operation[ReleaseHold, Nothing] = Operation("ledger.release-hold", "ledger", ReleaseHold, Nothing)
LIFT_HOLD_OF_CASE: Command[LiftHoldOfCase, HoldOfCaseLifted] = Command("lift-hold-of-case", "ledger", LiftHoldOfCase, HoldOfCaseLifted)
POST_REFUND: Operation[PostRefund, RefundIsPosted] = Operation("ledger.post-refund", "ledger", PostRefund, RefundIsPosted)
REVERSE_REFUND: Operation[ReverseRefund, RefundReversed] = Operation("ledger.reverse-refund", "ledger", ReverseRefund, RefundReversed)


# --- what a write-off rests on ------------------------------------------------------------------------------------------------------


class ChargeOwed(Message):
    """What is still owed of one debit: credits have paid the oldest debits first. `vat_pence` is the part of it that is VAT.

    `undone`: of what was written off, that the debit itself was undone since. Nobody owes it, and no law releases anybody from it.
    `of_pence`, of which `of_vat_pence` is VAT: of what was written off, all of it, some of which came back before this does.
    """

    journal: UUID
    element: str
    due_on: date
    owed_pence: PositivePence
    vat_pence: NonNegativePence = 0
    undone: bool = False
    of_pence: PositivePence | None = None
    of_vat_pence: NonNegativePence = 0


class PlanRhythm(StrEnum):
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    MONTHLY = "monthly"


class PaymentPlan(Message):
    """An agreement to pay by instalments. `kept`: receipts since it was agreed cover every instalment that has fallen due. `noted_by`, by
    sign-in, entered it.
    """

    plan: UUID
    agreed_on: date
    instalment_pence: PositivePence
    rhythm: PlanRhythm
    first_due_on: date
    kept: bool
    noted_by: str | None = None
    noted_at: datetime | None = None


class BenefitClaim(Message):
    """A claim that Benefits had to decide for an account, and who noted and who decided it, by sign-in; nobody has while it is open."""

    since: date
    reason: str
    noted_by: str
    noted_at: datetime
    decided_on: date | None = None
    decided_because: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None


class PutBack(Message):
    """What a reinstatement, by its journal, gave back to each charge, the oldest first."""

    journal: UUID
    charges: tuple[ChargeOwed, ...]


class PastWriteOff(Message):
    """A write-off of the account that stands. `discharged`: it was posted as released by law, so that it is never put back, unless the
    order was taken back, or of a charge that was undone.

    `debtor_total_pence` decides who has authority to put any of it back: whoever had it for the write-off, or more where more is owed by
    now, however long ago it was. `charges` is what is not put back of each charge that was written off, those that were undone since
    before the others, each the oldest first, and comes back in this order: none where nobody kept them, as once was so. `put_back` is the
    rest of them, by what put it back. An order of insolvency has released what fell due by `released_until`, as far as was known then.
    """

    journal: UUID
    line: UUID
    on: date
    amount_pence: PositivePence
    reinstated_pence: NonNegativePence
    discharged: bool
    debtor_total_pence: NonNegativePence = 0
    charges: tuple[ChargeOwed, ...] = ()
    put_back: tuple[PutBack, ...] = ()
    released_until: date | None = None


class LinkedAccount(Message):
    """Another account for which one of the same people answers. Balance: debit positive."""

    account: UUID
    kind: AccountKind
    former: bool
    balance_pence: Pence


class GoneLately(Message):
    """What was written off of an account, or went to income of it, on a day within the ledger's rolling window, less what came back."""

    account: UUID
    on: date
    pence: PositivePence


class StandingCredit(Message):
    """So much of a credit has stood on its account since a day, by effective date, without a break: no debit since then has reached it."""

    since: date
    pence: PositivePence


class DroppedBecause(StrEnum):
    """Why a line may not stand on a schedule, while the rest goes on. Told as its code."""

    BALANCE_MOVED = "balance-moved"
    OVERPAID_BENEFIT = "overpaid-benefit"
    CURRENT_TENANT = "current-tenant"
    VAT_CHANGED = "vat-changed"
    BREATHING_SPACE = "breathing-space"
    DISPUTE = "dispute"
    HOUSING_BENEFIT = "housing-benefit"
    PAYMENT_PLAN = "payment-plan"
    CREDIT_ELSEWHERE = "credit-elsewhere"
    DEBTOR_OWES_MORE = "debtor-owes-more"
    CREDITS_ABOVE = "credits-above"
    OWED_ELSEWHERE = "owed-elsewhere"
    CREDIT_ASKED_FOR = "credit-asked-for"
    CREDIT_HELD = "credit-held"
    ABOVE_WRITTEN_OFF = "above-written-off"
    DISCHARGED = "discharged"
    INSOLVENCY = "insolvency"
    PEOPLE_CHANGED = "people-changed"
    NOBODY_LIVES = "nobody-lives"
    CREDIT_GONE = "credit-gone"
    DECIDER_BEHIND = "decider-behind"


class RestDays(Message):
    """From when to when a Breathing Space ran, both days within; without a last day it runs until somebody says."""

    first_day: date
    last_day: date | None


class DebtFacts(Message):
    """What the ledger knows about a debt or a credit, read in one snapshot.

    `charges` add up to the balance where that is a debt, and are empty where it is not. `debtor_total_pence` decides who has authority:
    what the same people owe on this and all linked accounts, and what of theirs was written off in the ledger's rolling window and not put
    back, so that no debt becomes smaller by being split or written off by instalments (domain.md 5.3 and 9). `credits_total_pence` does so
    where a credit goes to income: what the same people have in credit on this and all linked accounts, and what of theirs went to income in
    that window and was not put back. `written_off_lately` and `to_income_lately` are what either holds beside the balances.

    `credit_stood` adds up to the balance where that is a credit, oldest first. `credit_blocked` is all that keeps a credit from going to
    income, as the ledger asks once more when it posts it.
    """

    account: UUID
    version: int
    kind: AccountKind
    status: AccountStatus
    as_of: date = Field(description="Europe/London business date of the reading")
    balance_pence: Pence
    ended_on: date | None
    paid_on: date | None = Field(
        default=None, description="The last effective day of a payment of the tenant's own, on this or a linked account, if it stands"
    )
    asked_on: date | None = Field(
        default=None,
        description="The last day on which a payment plan was agreed, whatever became of it, or a tenant’s request for a refund was heard, "
        "on this or a linked account",
    )
    credit_stood: tuple[StandingCredit, ...] = ()
    credit_blocked: tuple[DroppedBecause, ...] = ()
    credits_total_pence: NonNegativePence = 0
    charges: tuple[ChargeOwed, ...]
    people: tuple[PersonFacts, ...] = Field(description="Who answers for the account, the dead among them")
    account_holds: tuple[AccountHold, ...]
    rests: tuple[RestDays, ...] = Field(default=(), description="Every Breathing Space of one of these people, the first one first")
    housing_benefit_unresolved: bool
    claims: tuple[BenefitClaim, ...] = Field(default=(), description="Every claim for benefit that was noted, the first one first")
    plan: PaymentPlan | None
    plan_elsewhere: PaymentPlan | None = Field(default=None, description="A plan that is being kept on a linked account")
    linked: tuple[LinkedAccount, ...]
    write_offs: tuple[PastWriteOff, ...]
    debtor_total_pence: NonNegativePence
    written_off_lately: tuple[GoneLately, ...] = ()
    to_income_lately: tuple[GoneLately, ...] = ()
    reachable: tuple[Addressee, ...] = Field(default=tuple(Addressee), description="Who can be written to, because an address is known")

    @property
    def former(self) -> bool:
        """Whether it is a former tenant's: the tenancy has ended, or the letting of a garage; use and occupation, when the keys are back.

        What was charged beside the rent, as for a repair or in court, is of the tenancy to which it belongs. A death alone ends none.
        """
        ended = self.ended_on is not None and self.ended_on <= self.as_of and self.kind is not AccountKind.USEOCC
        return ended or self.status in (AccountStatus.FORMER, AccountStatus.CLOSED)

    @property
    def credit_since(self) -> date | None:
        """Since when the account has been in credit without a break."""
        return self.credit_stood[0].since if self.credit_stood else None


class DebtsAsked(Message):
    accounts: tuple[UUID, ...] = Field(min_length=1, max_length=200)


class DebtsRead(Message):
    """In the order asked; unknown accounts are left out."""

    debts: tuple[DebtFacts, ...]


class FindDebts(Message):
    """Debts for a bulk proposal (domain.md 5.3): of former tenants, by age and amount, the oldest tenancy end first. Edges are within."""

    ended_on_or_before: date
    from_pence: PositivePence = 1
    to_pence: PositivePence | None = None
    deceased: bool | None = Field(default=None, description="Only debts of which everyone who answers has died, or only others")
    limit: int = Field(default=1000, ge=1, le=1000)


class FoundDebt(Message):
    account: UUID
    owed_pence: PositivePence
    ended_on: date


class FoundDebts(Message):
    debts: tuple[FoundDebt, ...]
    more: bool


class ActorsAsked(Message):
    accounts: tuple[UUID, ...] = Field(min_length=1, max_length=1000)


class ActorsFound(Message):
    """Staff who changed what a decision rests on: none of them makes it (domain.md 4, check 9).

    Whoever posted, matched, transferred or undid an entry behind one of the debts or credits, or brought the bank file that it came in; and
    whoever set or lifted a hold, noted or decided a benefit claim, agreed or ended a plan, changed the tenancy's end, noted where letters
    go or that somebody died, or undid or moved an entry, on one of the accounts or on another of the same people.
    """

    actors: tuple[str, ...]


class JournalsAsked(Message):
    journals: tuple[UUID, ...] = Field(min_length=1, max_length=1000)


class DecidedJournal(Message):
    """A journal in the books that rests on a decision of approvals. `case` is the refund's case, or the line's proposal."""

    journal: UUID
    code: str
    case: UUID
    decision: UUID
    amount_pence: PositivePence = Field(description="What it moves on tenants' accounts")
    effective_date: date
    undone: bool = Field(description="Whether another journal has reversed it")
    undone_on: date | None = Field(default=None, description="The Europe/London day on which that was posted")


class DecidedJournals(Message):
    """Those of the journals asked for that are in the books; the others are left out."""

    journals: tuple[DecidedJournal, ...]


DEBTS_FOR_WRITE_OFF: Query[DebtsAsked, DebtsRead] = Query("debts-for-write-off", "ledger", DebtsAsked, DebtsRead)
FIND_DEBTS: Query[FindDebts, FoundDebts] = Query("find-debts", "ledger", FindDebts, FoundDebts)
ACTORS_BEHIND: Query[ActorsAsked, ActorsFound] = Query("actors-behind", "ledger", ActorsAsked, ActorsFound)
DECIDED_JOURNALS: Query[JournalsAsked, DecidedJournals] = Query("decided-journals", "ledger", JournalsAsked, DecidedJournals)
"""Whether money really moved: whoever keeps a register of it asks the books, and not the workflow that says so."""


# --- write-offs, reinstatements, unclaimed credits ----------------------------------------------------------------------------------


class LineKind(StrEnum):
    """WRITE_OFF: a debt leaves the account. REINSTATEMENT: it is owed again. CREDIT_WRITE_ON: an unclaimed credit goes to income."""

    WRITE_OFF = "write-off"
    REINSTATEMENT = "reinstatement"
    CREDIT_WRITE_ON = "credit-write-on"


class LinePart(Message):
    """What a line moves of one charge element. `vat_pence` is the part of it that is VAT."""

    element: str
    amount_pence: PositivePence
    vat_pence: NonNegativePence = 0


CHARGES_IN_A_LINE = 2600
"""Fifty years of weeks."""
CHARGES_IN_A_CHUNK = 20_000
"""What the lines of a chunk name together: it travels through Temporal in one message of at most 2 MB."""
LINES_IN_A_CHUNK = 100
LINES_IN_A_SCHEDULE = 1000


_UNSAID = frozenset({"charges", "released_until", "of_current_tenants", "release_undone", "up_to_pence", "answered_by", "died"})


class WriteOffLine(Message):
    """What one line of a schedule does, whole: this is what is approved, by its hash, and what is posted.

    `line` is the id of the proposal, `attempt` counts its times on a schedule. `balance_pence` is the account's balance on which the line
    rests: a line whose account stands elsewhere is dropped, but a write-off that names its charges, which rests on those, and a
    reinstatement, which rests on what is left of the write-off and on the credit that it answers. `undoes` is the write-off journal that a
    reinstatement puts back.

    `charges` names the journals of the charges that it is of, the oldest first; of a reinstatement, what was undone before the rest. None
    is named where it is of all that a former tenant owes, or of all that is left of the write-off. A write-off takes all that is owed of
    those that it names; a reinstatement gives back what is left of each, the last perhaps in part. The law has released what fell due by
    `released_until`, the day of an order of insolvency.

    `of_current_tenants`: the policy writes off for this reason while the tenancy goes on too; without it the line is dropped then.

    `release_undone`, of a reinstatement: what the law had released when it was written off it has not, for the order was annulled,
    revoked, has failed, or was struck as an error. What holds it all the same is by `released_until`.

    `up_to_pence`: the highest total of the same people's debts for which its evidence suffices; None has no upper edge.
    `answered_by`: who answered for the account when it was made, of whom `died` had died. What is of a debt is dropped where somebody
    else answers by now, or one of those lives. Lines that were made before lines said so name nobody.
    """

    line: UUID
    attempt: int = Field(ge=1)
    kind: LineKind
    account: UUID
    reason: str = Field(max_length=40, description="Coded reason of writeoffs")
    balance_pence: Pence
    parts: tuple[LinePart, ...] = Field(min_length=1, max_length=60)
    undoes: UUID | None = None
    discharged: bool = False
    evidence_hash: str = Field(description="SHA-256 over the evidence as it was when the line was made")
    charges: tuple[UUID, ...] = Field(default=(), max_length=CHARGES_IN_A_LINE)
    released_until: date | None = None
    of_current_tenants: bool = False
    release_undone: bool = False
    up_to_pence: PositivePence | None = None
    answered_by: tuple[UUID, ...] = ()
    died: tuple[UUID, ...] = ()

    @model_serializer(mode="wrap")
    def _as_ever(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what it does not say, so that a line keeps the hash that it had before lines could say it."""
        told: dict[str, Any] = write(self)
        return {name: value for name, value in told.items() if name not in _UNSAID or value}

    @property
    def amount_pence(self) -> int:
        return sum(part.amount_pence for part in self.parts)

    @property
    def answers_credit(self) -> bool:
        """Whether it puts back what was paid: it was listed while its account held so much in credit, and stands while it does."""
        return self.kind is LineKind.REINSTATEMENT and -self.balance_pence >= self.amount_pence

    @property
    def content_hash(self) -> str:
        return content_hash(self)


class PostWriteOff(Message):
    """Post approved lines of one schedule in one transaction, each once for its id and attempt; a line that may not stand is dropped alone.

    A line is posted only if approvals' own WriteOffDecided was heard for this schedule, completing, naming this line with this very hash,
    not recalled, and its day has come. Against the provision for debts, against income for credits; one journal a line, one entry an
    element. Errors, for all lines: NotApproved, DecisionRecalled, CallInRuns. A decision that was not heard yet is waited for.
    """

    schedule: UUID
    decision: UUID
    lines: tuple[WriteOffLine, ...] = Field(min_length=1, max_length=LINES_IN_A_CHUNK)


class LineOutcome(Message):
    """Posted with its journal, or dropped, because (a code of DroppedBecause)."""

    line: UUID
    journal: UUID | None = None
    dropped_because: str | None = None


class WriteOffsPosted(Message):
    """One outcome for each line, in the order asked. The same lines again are answered as at first."""

    outcomes: tuple[LineOutcome, ...]


POST_WRITE_OFF: Operation[PostWriteOff, WriteOffsPosted] = Operation(
    "ledger.post-write-off", "ledger", PostWriteOff, WriteOffsPosted, within=timedelta(seconds=60)
)


class LineTried(Message):
    """One attempt at a line."""

    line: UUID
    attempt: int


class LinesTried(Message):
    lines: tuple[LineTried, ...] = Field(min_length=1, max_length=LINES_IN_A_CHUNK)


class LineDropped(Message):
    """The ledger left this attempt at a line out for ever, because (a code of DroppedBecause)."""

    line: UUID
    attempt: int
    because: str


class DroppedLines(Message):
    """Those of the attempts asked for that were left out; the others are not named."""

    lines: tuple[LineDropped, ...]


DROPPED_LINES: Query[LinesTried, DroppedLines] = Query("dropped-lines", "ledger", LinesTried, DroppedLines)
"""Whether the ledger really left them out: whoever goes by it asks the ledger, and not the workflow that says so."""


# --- the provision ------------------------------------------------------------------------------------------------------------------


class ProvisionAsked(Message):
    """`month_end` is the last day of a month (domain.md 2.5)."""

    month_end: date


class PostProvision(ProvisionAsked):
    """`to_post_pence` is what whoever posts it was shown: another sum is posted only once it was looked at."""

    to_post_pence: Pence


ProvisionStatus = Literal["current", "former"]
"""A tenant whose tenancy runs, or has ended."""


class ProvisionRow(Message):
    """One cell of the table of expected loss: status and age band, what is owed in it, and the rate in basis points."""

    status: ProvisionStatus
    from_days: int
    to_days: int | None
    owed_pence: NonNegativePence
    rate_basis_points: int
    expected_loss_pence: NonNegativePence


class ProvisionReport(Message):
    """What the provision has to be at a month's end, what it is, and the journal that closes the gap; None where none was posted yet.

    `later`: the last month's end that was posted, where this one was not and comes before it; it is then posted no more. `posted_by` and
    `posted_at` (UTC) are of one that was posted.
    """

    month_end: date
    policy_version: str
    rows: tuple[ProvisionRow, ...]
    wanted_pence: NonNegativePence
    held_pence: Pence
    to_post_pence: Pence
    journal: UUID | None
    later: date | None = None
    posted_by: str | None = None
    posted_at: datetime | None = None


PROVISION: Query[ProvisionAsked, ProvisionReport] = Query("provision", "ledger", ProvisionAsked, ProvisionReport)
POST_PROVISION: Command[PostProvision, ProvisionReport] = Command("post-provision", "ledger", PostProvision, ProvisionReport)


class ProvisionRate(Message):
    """The expected loss on what is owed since `from_days` or longer, up to the next rate of the same status. In basis points."""

    status: ProvisionStatus
    from_days: int = Field(strict=True, ge=0, le=36_525)
    basis_points: int = Field(strict=True, ge=0, le=10_000)


class ProvisionPolicy(Message):
    """What is expected to be lost, by tenant status and age, from a day on (domain.md 2.5). `source` says where that was decided."""

    in_force_from: date
    source: str = Field(min_length=1, max_length=300)
    rates: tuple[ProvisionRate, ...] = Field(max_length=100)


class ProvisionVersion(Message):
    """Rates that were laid down, with their maker and their checker."""

    version: str
    policy: ProvisionPolicy
    made_by: str
    checked_by: str


class ProvisionProposal(PolicyProposal):
    """Rates that somebody proposed."""

    policy: ProvisionPolicy


class ProvisionPolicies(Message):
    """Every version, the one that comes into force last first; every proposal, the newest first."""

    versions: tuple[ProvisionVersion, ...]
    proposals: tuple[ProvisionProposal, ...]


class ProposeProvisionPolicy(Message):
    """It counts once somebody else has checked it, from its day on: tomorrow at the earliest. What was posted stays as it was posted."""

    policy: ProvisionPolicy


PROVISION_POLICIES: Query[Nothing, ProvisionPolicies] = Query("provision-policies", "ledger", Nothing, ProvisionPolicies)
PROPOSE_PROVISION_POLICY: Command[ProposeProvisionPolicy, PolicyProposed] = Command(
    "propose-provision-policy", "ledger", ProposeProvisionPolicy, PolicyProposed
)
CHECK_PROVISION_POLICY: Command[CheckPolicy, Nothing] = Command("check-provision-policy", "ledger", CheckPolicy, Nothing)


# --- pages --------------------------------------------------------------------------------------------------------------------------


class Tenant(Message):
    person: UUID
    name: str
    joint: bool = False
    until: date | None = None
    died_on: date | None = None


class LetterAddress(Message):
    """Where letters about a tenancy go: to its home while it lasts, unless something else was noted; `address` None where nobody knows.

    `name`: who deals with the estate, if that is known. `noted_by` is None where nobody noted anything.
    """

    addressee: Addressee
    name: str = ""
    address: str | None
    known_from: str = ""
    noted_by: str | None = None
    noted_at: datetime | None = None


class AccountLabel(Message):
    """How an account is named to a person who works with it."""

    account: UUID
    reference: str
    kind: AccountKind
    status: AccountStatus
    names: tuple[str, ...]
    address: str
    balance_pence: Pence
    people: tuple[UUID, ...] = Field(default=(), description="Whose the names are, in their order")


class Accounts(Message):
    accounts: tuple[UUID, ...] = Field(max_length=500)


class AccountLabels(Message):
    labels: tuple[AccountLabel, ...]


class SearchAccounts(Message):
    """Part of a name, an address, a postcode or a reference."""

    text: str = Field(min_length=1, max_length=100)
    limit: int = Field(default=50, ge=1, le=200)


class FoundAccounts(Message):
    labels: tuple[AccountLabel, ...]
    more: bool


class Provenance(Message):
    """Where an entry came from: the line of a file, a person, an approval, or a standing charge."""

    bank_file: UUID | None = None
    file_name: str | None = None
    line: int | None = None
    entry_reference: str | None = None
    actor: str | None = Field(default=None, description="Staff subject, or `system`")
    decision: UUID | None = None
    case: UUID | None = None
    source: str | None = Field(default=None, description="In words, for example: weekly debit of 5 October 2026")
    from_suspense: bool = Field(default=False, description="Moved from suspense: undone, the money lies there again")


class Entry(Message):
    """One line of an account. `running_pence` is the balance after it, in posting order."""

    journal: UUID
    code: str
    code_words: str
    element: str
    amount_pence: Pence
    running_pence: Pence
    effective_date: date
    posted_at: datetime
    cleared_on: date | None
    narrative: str
    reverses: UUID | None = None
    reversed_by: UUID | None = None
    provenance: Provenance


class CreditHold(Message):
    hold: UUID
    case: UUID
    amount_pence: PositivePence
    placed_at: datetime


class WeeklyCharge(Message):
    element: str
    amount_pence: Pence


class MonthBalance(Message):
    on: date
    balance_pence: Pence


class ArrearsAge(Message):
    """How much of what is owed fell due so many days ago: from `from_days` on, to the day before `to_days`; None is without an end."""

    from_days: int
    to_days: int | None
    amount_pence: PositivePence


class EntryKind(StrEnum):
    """What an entry is, by the part of its transaction code in the ledger's policy; UNPAID is what takes a receipt back (domain.md 2.1)."""

    CHARGES = "charges"
    RECEIPTS = "receipts"
    UNPAID = "unpaid"
    REFUNDS = "refunds"
    TRANSFERS = "transfers"
    ADJUSTMENTS = "adjustments"
    WRITE_OFFS = "write-offs"
    OPENING = "opening"


class BreathingSpace(Message):
    """One that runs for people who answer for this account, recorded here or on another account of theirs (`account`).

    `last_day` None: it runs until `after_treatment_days` after the crisis treatment ended. The debt advice provider reviews a standard one
    between `review_from` and `review_to`, and may then end it; the other kind has no such days. `owed_pence`: what was owed on this account
    at the end of its first day, by what is known of that day today. `set_by`, by sign-in, recorded it or what is known of it, for `reason`.
    """

    account: UUID
    kind: BreathingSpaceKind
    first_day: date
    last_day: date | None
    review_from: date | None
    review_to: date | None
    after_treatment_days: int | None
    owed_pence: NonNegativePence
    set_by: str | None = None
    set_at: datetime | None = None
    reason: str | None = None


class HoldInForce(Message):
    """A hold on the debtor as somebody, by sign-in, set it. `until`: its last day, of one that ends by itself."""

    hold: AccountHold
    set_by: str
    set_at: datetime
    reason: str
    until: date | None


class AccountPageAsked(Message):
    """`as_at`: balances and entries effective on or before that date; None is now. Filters narrow the entries, never the balances."""

    account: UUID
    as_at: date | None = None
    since: date | None = None
    kind: EntryKind | None = None
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=50, ge=1, le=500)


class AccountPage(Message):
    label: AccountLabel
    version: int
    tenancy: TenancyFacts
    tenants: tuple[Tenant, ...]
    as_at: date
    balance_pence: Pence
    cleared_credit_pence: NonNegativePence
    uncleared_pence: NonNegativePence
    held_pence: NonNegativePence
    in_arrears_since: date | None
    weekly_charges: tuple[WeeklyCharge, ...]
    entries: tuple[Entry, ...]
    entries_in_all: int
    sub_accounts: tuple[AccountLabel, ...]
    other_accounts: tuple[AccountLabel, ...] = Field(description="Accounts of the same people outside this tenancy")
    credit_holds: tuple[CreditHold, ...]
    account_holds: tuple[AccountHold, ...]
    holds_in_force: tuple[HoldInForce, ...] = Field(default=(), description="The same, as they were set, but for a Breathing Space")
    breathing_space: bool = Field(default=False, description="Runs for one of these people, on this account or on another of theirs")
    breathing_spaces: tuple[BreathingSpace, ...] = Field(default=(), description="Those that run for these people, this account's first")
    months: tuple[MonthBalance, ...] = Field(description="Balance at each month's end for a year, for the chart")
    written_on_pence: NonNegativePence = Field(default=0, description="Credit that went to income, and is still paid when it is asked for")
    arrears_ages: tuple[ArrearsAge, ...] = Field(default=(), description="What is owed by its age, newest first; it adds up to the balance")
    letter_addresses: tuple[LetterAddress, ...] = Field(default=(), description="One for each addressee")


class ExplainBalance(Message):
    account: UUID
    as_at: date | None = None


class BalancePart(Message):
    """All entries of one kind, with their sum: the parts add up to the balance."""

    kind: Literal["opening", "charges", "receipts", "adjustments", "transfers", "refunds", "reversals", "write-offs"]
    words: str
    sum_pence: Pence
    entries: tuple[Entry, ...]


class BalanceExplained(Message):
    label: AccountLabel
    as_at: date
    balance_pence: Pence
    parts: tuple[BalancePart, ...]


ACCOUNT_LABELS: Query[Accounts, AccountLabels] = Query("account-labels", "ledger", Accounts, AccountLabels)
SEARCH_ACCOUNTS: Query[SearchAccounts, FoundAccounts] = Query("search-accounts", "ledger", SearchAccounts, FoundAccounts)
ACCOUNT_PAGE: Query[AccountPageAsked, AccountPage] = Query("account-page", "ledger", AccountPageAsked, AccountPage)
EXPLAIN_BALANCE: Query[ExplainBalance, BalanceExplained] = Query("explain-balance", "ledger", ExplainBalance, BalanceExplained)


# --- bank files ---------------------------------------------------------------------------------------------------------------------
# A file's bytes go to the ledger as they are: POST /bank-files?name=NAME with the caller's headers, answered by BankFilePage (201 taken,
# 200 already taken, 422 refused).

BANK_FILE_LIMIT_BYTES = 20 * 1024 * 1024


class FileStatus(StrEnum):
    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    ALREADY_TAKEN = "ALREADY_TAKEN"


class FileFault(Message):
    """Why a file was refused: the line it stands on, the rule that it breaks, and what is wrong, in words."""

    line: int | None
    rule: str
    message: str


class FileLine(Message):
    line: int
    amount_pence: Pence
    code: str
    entry_reference: str | None
    effective_date: date
    pending: bool
    account: UUID | None
    account_reference: str | None
    in_suspense: bool
    journal: UUID | None
    suspense_reason: str | None = None
    took_back_suspense: bool = Field(default=False, description="It took back a payment that had come into suspense")


class MethodTotal(Message):
    """What came by one method (a transaction code of domain.md 2.1); less than nothing where more was unpaid than paid."""

    code: str
    lines: int
    amount_pence: Pence


class BankFilePage(Message):
    bank_file: UUID
    name: str
    format: str
    status: FileStatus
    sha256: str
    size_bytes: int
    uploaded_at: datetime
    uploaded_by: str
    receipts: int = 0
    total_pence: Pence = 0
    in_suspense: int = 0
    pending: int = 0
    by_method: tuple[MethodTotal, ...] = Field(default=(), description="Of all booked lines, the largest first")
    lines: tuple[FileLine, ...] = ()
    faults: tuple[FileFault, ...] = ()
    faults_in_all: int = 0
    advice: tuple[str, ...] = Field(default=(), description="What to do about the faults, in words")
    remarks: tuple[str, ...] = Field(default=(), description="What a person should look at in a file that was taken, in words")
    earlier: UUID | None = Field(
        default=None,
        description="The file that was taken already, where this one repeats it; or that it looks like, where it was refused for that, "
        "or taken on a second person's word that its payments are new",
    )
    may_be_new: bool = Field(
        default=False, description="Whether a second person may send the very file again and say that its payments are new all the same"
    )
    earlier_name: str | None = None
    earlier_at: datetime | None = None
    earlier_by: str | None = None


class BankFileAsked(Message):
    bank_file: UUID
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=200, ge=1, le=1000)


class BankFilesAsked(Message):
    limit: int = Field(default=100, ge=1, le=500)


class BankFiles(Message):
    files: tuple[BankFilePage, ...]


TAKE_BANK_FILE = "take-bank-file"
"""What a bank file is called among the last commands of a person; it comes by `POST /bank-files` and not as a command."""

BANK_FILE_PAGE: Query[BankFileAsked, BankFilePage] = Query("bank-file-page", "ledger", BankFileAsked, BankFilePage)
BANK_FILES: Query[BankFilesAsked, BankFiles] = Query("bank-files", "ledger", BankFilesAsked, BankFiles)


# --- suspense -----------------------------------------------------------------------------------------------------------------------


class PaidBefore(Message):
    """An earlier payment of the same payer, of this effective date, that somebody moved onto the account."""

    on: date
    moved_by: str


class SuspenseMatch(Message):
    """An account that money in suspense may be for, and what speaks for it."""

    label: AccountLabel
    because: tuple[Literal["payer", "reference", "name", "charge", "debt"], ...] = Field(
        description="payer: an earlier payment of this payer was moved there; reference: as quoted, or one slip away; name: the payer's; "
        "charge: whole weeks of it; debt: all that is owed"
    )
    paid_before: PaidBefore | None = Field(default=None, description="The newest such payment")
    exact: bool = Field(default=False, description="The one account whose reference is quoted whole, or that the payer paid for before")


class SuspenseItem(Message):
    """Money whose account is not known, with what the bank's file said of it. `since` is the day from which the file has it count.

    `amount_pence` is what lies there; `came_pence` is what came, where part of it was moved on.
    """

    item: UUID = Field(description="The journal that put it there")
    amount_pence: Pence
    came_pence: Pence | None = None
    code: str
    code_words: str
    since: date
    review_by: date
    escalate_on: date
    reason: str
    payer_name: str
    text: str
    bank_file: UUID
    file_name: str
    line: int
    may_be_moved: bool = Field(description="False for money out, which is matched with what was paid")
    may_be_matched: bool = Field(default=False, description="Money out by which the bank takes a payment back: a person may say which")
    matches: tuple[SuspenseMatch, ...] = Field(max_length=3)


class MovedItem(Message):
    """Money that was moved from suspense onto an account, lately."""

    item: UUID
    journal: UUID
    label: AccountLabel
    amount_pence: Pence
    since: date
    moved_at: datetime
    moved_by: str
    came_pence: Pence | None = Field(default=None, description="What came, where this is a part of it")


class TakenBack(Message):
    """A payment that came into suspense and that the bank took back, `on` its effective date; or that a person undid, without a file."""

    item: UUID
    journal: UUID
    amount_pence: PositivePence
    since: date
    payer_name: str
    on: date
    by: str = Field(description="Who brought the file, or undid the payment")
    bank_file: UUID | None = None
    file_name: str | None = None
    line: int | None = None
    labels: tuple[AccountLabel, ...] = Field(default=(), description="The accounts on which it stood, and that were debited")


class MatchedReturn(Message):
    """A return of which a person said which payment it takes back. The days are those from which return and payment count."""

    item: UUID
    amount_pence: PositivePence
    on: date
    paid_on: date
    payer_name: str
    labels: tuple[AccountLabel, ...] = Field(default=(), description="The accounts that were debited; none where it lay in suspense")
    matched_at: datetime
    matched_by: str


class SuspenseAsked(Message):
    """`item`: that one alone. The counts are of all that lies there, whatever is asked for."""

    item: UUID | None = None
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=25, ge=1, le=100)


class Suspense(Message):
    """What lies in suspense, oldest first. `total_pence` and the counts are of all of it, whatever the page."""

    items: tuple[SuspenseItem, ...]
    in_all: int
    total_pence: Pence
    to_review: int = Field(description="How many nobody has placed by their day of first review")
    to_escalate: int = Field(description="How many have lain so long that they are to be taken further")
    moved: tuple[MovedItem, ...] = Field(description="The newest that were moved and not put back")
    taken_back: tuple[TakenBack, ...] = Field(default=(), description="The newest that the bank took back, by its own words or undone")
    matched: tuple[MatchedReturn, ...] = Field(default=(), description="The newest that a person matched, and nobody took that back")


class ExactAsked(Message):
    """Payments in suspense with an exact suggestion, oldest first; `items`: of these alone, where any are given."""

    items: tuple[UUID, ...] = Field(default=(), max_length=100)
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=100)


class ExactSuggestions(Message):
    """Each with its one match. The counts are of all that have one, of those that were asked for, whatever the page."""

    items: tuple[SuspenseItem, ...]
    in_all: int
    total_pence: NonNegativePence


AccountReference = Annotated[
    str, Field(min_length=1, max_length=40, description="As people write it: small letters, spaces, without its check letter")
]
SPLIT_AMONG = 10
"""Among how many accounts a payment is split in one step."""


class ClearSuspense(Message):
    """Move what lies there of a payment onto the account with this reference, as of its effective date. Once, unless it is put back."""

    item: UUID
    reference: AccountReference
    amount_pence: PositivePence | None = Field(
        default=None, description="What was shown to lie there: nothing moves if it is another amount"
    )
    as_suggested: bool = Field(default=False, description="Only if the account is still the exact suggestion")


class SuspenseCleared(Message):
    journal: UUID
    account: UUID


class SuspensePart(Message):
    reference: AccountReference
    amount_pence: PositivePence


class SplitSuspense(Message):
    """Move parts of a payment onto several accounts, as of its effective date. What they leave over goes on lying there. All or none."""

    item: UUID
    parts: tuple[SuspensePart, ...] = Field(min_length=1, max_length=SPLIT_AMONG)


class SuspenseIsSplit(Message):
    parts: tuple[SuspenseCleared, ...]
    left_pence: NonNegativePence


SUSPENSE: Query[SuspenseAsked, Suspense] = Query("suspense", "ledger", SuspenseAsked, Suspense)
EXACT_SUGGESTIONS: Query[ExactAsked, ExactSuggestions] = Query("exact-suggestions", "ledger", ExactAsked, ExactSuggestions)
CLEAR_SUSPENSE: Command[ClearSuspense, SuspenseCleared] = Command("clear-suspense", "ledger", ClearSuspense, SuspenseCleared)
SPLIT_SUSPENSE: Command[SplitSuspense, SuspenseIsSplit] = Command("split-suspense", "ledger", SplitSuspense, SuspenseIsSplit)


# --- a return that says nothing of what it takes back -------------------------------------------------------------------------------


class ReturnAsked(Message):
    """A return in suspense with the payments that it may take back; `reference`: those on or for the account with this reference alone."""

    item: UUID
    reference: AccountReference | None = None


class MayComeBack(Message):
    """A payment of a return's amount and an agreeing method. `on` is the day from which it counts."""

    payment: UUID = Field(description="The journal of the receipt")
    on: date
    code_words: str
    payer_name: str
    text: str
    bank_file: UUID | None
    file_name: str | None
    line: int | None
    labels: tuple[AccountLabel, ...] = Field(
        description="The accounts on which it stands, whole or in part; none where it lies in suspense"
    )
    speaks: tuple[Literal["bank-account", "reference", "words", "name"], ...] = Field(
        description="What return and payment have alike: the paying bank account, a quoted reference, all the words, the payer's name"
    )
    against: tuple[Literal["other-bank-account", "later", "cleared", "closed"], ...] = Field(
        description="other-bank-account: they name two; later: it counts from a later day than the return; cleared: it had cleared before; "
        "closed: it stands on a closed account, onto which nothing is posted, so that it cannot be chosen"
    )


class ReturnMatch(Message):
    """Who said which payment a return takes back, and why."""

    payment: MayComeBack = Field(description="With the accounts that were debited")
    matched_at: datetime
    matched_by: str
    reason: str


class ReturnPage(Message):
    """A return with at most 50 payments that it may take back, those for which something speaks first, then the nearest before it.

    `in_all` says how many there are. While a `match` stands, there are none.
    """

    item: UUID
    amount_pence: PositivePence
    on: date
    code_words: str
    reason: str
    payer_name: str
    text: str
    bank_file: UUID
    file_name: str
    line: int
    payments: tuple[MayComeBack, ...] = Field(default=(), max_length=50)
    in_all: int = 0
    match: ReturnMatch | None = None


class MatchReturn(Message):
    """Say that the payment is the one that the bank took back: it is undone wherever it stands, and the return lies in suspense no more."""

    item: UUID
    payment: UUID
    reason: str = Field(min_length=1, max_length=200)


class ReturnMatched(Message):
    journal: UUID = Field(description="By which the payment was undone")


class UnmatchReturn(Message):
    """Take back what was said: return and payment are posted again, each to where it was."""

    item: UUID
    reason: str = Field(min_length=1, max_length=200)


class ReturnUnmatched(Message):
    journal: UUID = Field(description="The payment, posted again")
    item: UUID = Field(description="The return, which lies in suspense again")


RETURN_PAGE: Query[ReturnAsked, ReturnPage] = Query("return-page", "ledger", ReturnAsked, ReturnPage)
MATCH_RETURN: Command[MatchReturn, ReturnMatched] = Command("match-return", "ledger", MatchReturn, ReturnMatched)
UNMATCH_RETURN: Command[UnmatchReturn, ReturnUnmatched] = Command("unmatch-return", "ledger", UnmatchReturn, ReturnUnmatched)


# --- the weekly debit ---------------------------------------------------------------------------------------------------------------


class DebitWeek(Message):
    """Debit every chargeable account for the week that begins on this Monday (domain.md 1.3). The week is the key: it debits once."""

    week_commencing: date


class WeekDebited(Message):
    week_commencing: date
    accounts: int
    total_pence: NonNegativePence
    rent_free: bool = False


DEBIT_WEEK: Command[DebitWeek, WeekDebited] = Command("debit-week", "ledger", DebitWeek, WeekDebited)


# --- other changes by staff ---------------------------------------------------------------------------------------------------------


class ReverseJournal(Message):
    """Undo a journal by its mirror image. Once only; a reversal is not reversed."""

    journal: UUID
    reason: str = Field(min_length=1, max_length=200)


class JournalIsReversed(Message):
    journal: UUID


class SetAccountHold(Message):
    """Put a hold on the debtor in force, or lift it."""

    account: UUID
    account_hold: AccountHold
    in_force: bool
    reason: str = Field(min_length=1, max_length=200)
    until: date | None = Field(default=None, description="Last day of the hold, for one that ends by itself, such as Breathing Space")
    kind: BreathingSpaceKind | None = Field(default=None, description="Of a Breathing Space that is put in force, and of no other hold")
    first_day: date | None = Field(
        default=None, description="Of a Breathing Space, as the Insolvency Service tells it; None: that of the one that runs, else today"
    )


class SetHousingBenefitClaim(Message):
    """Benefits has a claim to decide for this account since a day, or has decided it."""

    account: UUID
    unresolved: bool
    since: date
    reason: str = Field(min_length=1, max_length=200)


class AgreePaymentPlan(Message):
    """The debtor pays by instalments. An account has one plan at a time: a new one ends the old one."""

    account: UUID
    agreed_on: date
    instalment_pence: PositivePence
    rhythm: PlanRhythm
    first_due_on: date


class PaymentPlanAgreed(Message):
    plan: UUID


class EndPaymentPlan(Message):
    plan: UUID
    reason: str = Field(min_length=1, max_length=200)


class EndTenancy(Message):
    """What is known of a tenancy's end. Later words replace earlier ones; charges stop with the week that begins on or after `ended_on`."""

    tenancy: UUID
    ended_on: date
    keys_returned_on: date | None = None
    final_charges_posted: bool = False
    recharge_inspected: bool = False
    forwarding_address_known: bool = False


class NoteLetterAddress(Message):
    """Where letters about a tenancy go from here on; `address` None: they reach nobody there any more. The latest word counts."""

    tenancy: UUID
    addressee: Addressee
    name: str = Field(default="", max_length=200, description="Who deals with the estate")
    address: str | None = Field(default=None, min_length=1, max_length=300)
    known_from: str = Field(min_length=1, max_length=200, description="Who said so, such as the tenant, a solicitor or the registrar")


class NoteDeath(Message):
    """A tenant of the account died; `died_on` None: that was said in error. The latest word counts."""

    account: UUID
    person: UUID
    died_on: date | None
    known_from: str = Field(min_length=1, max_length=200, description="Who said so, such as the registrar or the next of kin")


REVERSE_JOURNAL: Command[ReverseJournal, JournalIsReversed] = Command("reverse-journal", "ledger", ReverseJournal, JournalIsReversed)
SET_ACCOUNT_HOLD: Command[SetAccountHold, Nothing] = Command("set-account-hold", "ledger", SetAccountHold, Nothing)
END_TENANCY: Command[EndTenancy, Nothing] = Command("end-tenancy", "ledger", EndTenancy, Nothing)
NOTE_LETTER_ADDRESS: Command[NoteLetterAddress, Nothing] = Command("note-letter-address", "ledger", NoteLetterAddress, Nothing)
NOTE_DEATH: Command[NoteDeath, Nothing] = Command("note-death", "ledger", NoteDeath, Nothing)
SET_HOUSING_BENEFIT_CLAIM: Command[SetHousingBenefitClaim, Nothing] = Command(
    "set-housing-benefit-claim", "ledger", SetHousingBenefitClaim, Nothing
)
AGREE_PAYMENT_PLAN: Command[AgreePaymentPlan, PaymentPlanAgreed] = Command(
    "agree-payment-plan", "ledger", AgreePaymentPlan, PaymentPlanAgreed
)
END_PAYMENT_PLAN: Command[EndPaymentPlan, Nothing] = Command("end-payment-plan", "ledger", EndPaymentPlan, Nothing)

FACTS: tuple[type[Fact], ...] = (
    AccountOpened,
    ChargePosted,
    ReceiptPosted,
    TransferPosted,
    RefundPosted,
    JournalReversed,
    CreditHeld,
    CreditFreed,
    CreditAskedFor,
    AccountHoldChanged,
    TenancyEnded,
    BankFileTaken,
    DebtWrittenOff,
    DebtReinstated,
    CreditWrittenOn,
    HousingBenefitClaimChanged,
    DeathChanged,
    PaymentPlanChanged,
    LetterAddressChanged,
)

LAST_COMMANDS: Query[Nothing, LastCommands] = Query("ledger-last-commands", "ledger", Nothing, LastCommands)
