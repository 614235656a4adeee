"""What refunds tells and offers: cases, checks, payees, payment runs."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Base64Bytes, Field

from rentbook_contracts.approvals import Lane
from rentbook_contracts.ledger import RefundPlan
from rentbook_contracts.message import Fact
from rentbook_contracts.money import NonNegativePence, PositivePence
from rentbook_contracts.operation import GONE_STORY, PARKED_SINCE, Command, Message, Nothing, Operation, Query
from rentbook_contracts.people import LastCommands


class CheckOutcome(StrEnum):
    PASS = "PASS"  # noqa: S105 - the outcome of a check, not a secret
    FAIL = "FAIL"
    REFER = "REFER"


class CaseStatus(StrEnum):
    """Where a case stands, as a person would say it."""

    REVIEW = "review"
    CHECKING = "checking"
    WAITING_FOR_EVIDENCE = "waiting-for-evidence"
    WITH_APPROVER = "with-approver"
    SENT_BACK = "sent-back"
    APPROVED = "approved"
    RELEASED = "released"
    WITH_BANK = "with-bank"
    PAID = "paid"
    OFFSET = "offset"
    NOTHING_DUE = "nothing-due"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"


class CaseOutcome(StrEnum):
    """How a case (one attempt of it) ended."""

    PAID = "paid"
    OFFSET = "offset"
    NOTHING_DUE = "nothing-due"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class EvidenceKind(StrEnum):
    """What a document or an answer is. Which of them may settle which check is refunds' rule, and told with each check.

    CONSENT, OPT_OUT and OPT_OUT_NOTICE are about debts; a notice's day is that on which it was served. Served again, its days begin anew.
    """

    BENEFIT_ANSWER = "benefit-answer"
    BANK_STATEMENT = "bank-statement"
    JOINT_CONSENT = "joint-consent"
    CONSENT = "consent"
    OPT_OUT = "opt-out"
    OPT_OUT_NOTICE = "opt-out-notice"
    IDENTITY = "identity"
    AUTHORITY = "authority"
    GRANT_OF_PROBATE = "grant-of-probate"
    SMALL_ESTATE_INDEMNITY = "small-estate-indemnity"
    KEYS_RETURNED = "keys-returned"
    FORWARDING_ADDRESS = "forwarding-address"
    TRUSTEE_ANSWER = "trustee-answer"
    LEGAL_ANSWER = "legal-answer"
    FINAL_CHARGES = "final-charges"
    TENANT_ASKED = "tenant-asked"
    CARD_REFUND = "card-refund"
    CALL_BACK = "call-back"
    COURT_ORDER = "court-order"
    STAFF_CONFLICT = "staff-conflict"
    OTHER = "other"


class AskedAs(StrEnum):
    """In what part somebody asks for a refund: the tenant, or who acts for the estate of a tenant who has died."""

    TENANT = "tenant"
    EXECUTOR = "executor"
    ADMINISTRATOR = "administrator"
    NEXT_OF_KIN = "next-of-kin"


# --- facts -------------------------------------------------------------------------------------------------------------------------


class CaseFact(Fact):
    topic: ClassVar[str] = "refunds.cases"
    keyed_by: ClassVar[str] = "case"

    case: UUID
    account: UUID


class RefundReviewOpened(CaseFact):
    """Credit above the floor was found; somebody looks at it. Nobody asked for it yet."""

    type: ClassVar[str] = "refunds.review-opened.v1"

    credit_pence: PositivePence


class RefundRequested(CaseFact):
    """A tenant asked for a refund. Without an amount it is for all that may be refunded."""

    type: ClassVar[str] = "refunds.requested.v1"

    amount_pence: PositivePence | None = None


class RefundClosed(CaseFact):
    """The case, or this attempt at it, has ended. Paid: `refund_pence` is with the bank and was accepted."""

    type: ClassVar[str] = "refunds.closed.v1"

    attempt: int
    outcome: CaseOutcome
    refund_pence: NonNegativePence
    offset_pence: NonNegativePence
    reason_code: str | None = Field(default=None, description="The coded reason of a decline")


class RefundReturned(CaseFact):
    """The bank did not make the payment, or sent it back: the credit returns to the account and the case is open again.

    `journal` is the refund journal of that payment: the ledger undoes it on this word alone.
    """

    type: ClassVar[str] = "refunds.returned.v1"

    attempt: int
    amount_pence: PositivePence
    reason: str
    journal: UUID | None = None


FACTS: tuple[type[Fact], ...] = (RefundReviewOpened, RefundRequested, RefundClosed, RefundReturned)


# --- the steps of RefundApproval ----------------------------------------------------------------------------------------------------


class RefundCase(Message):
    """One attempt at a case: what the workflow is started with, and asks the rows for, which it believes.

    `returned` is the refund journal of a payment that came back.

    `account`: whose credit is asked for; what of it went to income is put back in each round. A story that was begun before it was named
    has `written_on` where there was such credit, to be put back before anything else.
    """

    case: UUID
    attempt: int = Field(default=1, ge=1)
    returned: UUID | None = None
    returned_reason: str | None = None
    account: UUID | None = None
    written_on: UUID | None = None


class RunCheck(Message):
    case: UUID
    attempt: int
    round: int
    check: int = Field(ge=1, le=10)


class CheckDone(Message):
    """The outcome only: evidence stays with refunds."""

    check: int
    outcome: CheckOutcome


class PlanRefund(Message):
    case: UUID
    attempt: int
    round: int


class PlanMade(Message):
    """`plan` is None where nothing may move. `blocked` names the checks that fail or wait.

    `runs_out_at`: from then on, UTC, an approval of the plan no longer stands on checks that hold; None where none runs out by itself.
    """

    plan: RefundPlan | None
    blocked: tuple[int, ...] = ()
    lane: Lane = Lane.LOOK
    lane_reasons: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    raised_by: str = "system"
    runs_out_at: datetime | None = None


class LookAgain(Message):
    """The ledger has moved while the case waits for documents: would a check that blocks the round now answer otherwise?"""

    case: UUID
    attempt: int
    round: int


class LookedAgain(Message):
    """`differs`: another round would find other than this one found."""

    differs: bool


class Recheck(Message):
    """The checks again for an approved plan (domain.md 4, check 10)."""

    plan: RefundPlan


class Rechecked(Message):
    """`versions` are the versions of the plan's accounts that were read. `void_because` is None while the approval stands."""

    versions: dict[UUID, int]
    void_because: str | None = None


class NoteProgress(Message):
    """Where the case stands, for its page."""

    case: UUID
    attempt: int
    status: CaseStatus
    note: str | None = None


class EvidenceTimers(Message):
    """How long documents are awaited: working-day policy turned into dates, UTC.

    `look_again_at`: when a check that blocks may answer otherwise though nobody brought anything; None where no day brings that.
    """

    remind_at: datetime
    lapse_at: datetime
    look_again_at: datetime | None = None


class AwaitEvidence(Message):
    case: UUID
    attempt: int
    round: int
    checks: tuple[int, ...]


class QueuePayment(Message):
    """The approved plan may be taken into a payment run."""

    plan: RefundPlan
    decision: UUID


class DequeuePayment(Message):
    """An approved plan may no longer be paid: recalled, void, changed or withdrawn."""

    case: UUID
    attempt: int
    content_hash: str


class Dequeued(Message):
    """`run` is set where finance had released the line already: the run waits for this line's word, or has it."""

    run: UUID | None = None


class LinePosted(Message):
    """The ledger has posted a released line; or it may not be paid, because. The ledger is asked about either."""

    run: UUID
    plan: RefundPlan
    refund_journal: UUID | None = None
    dropped_because: str | None = None


class LineStands(Message):
    """What a released line's own word is by now: `refund_journal` is set where it is posted, and paid, also where it was to be dropped."""

    refund_journal: UUID | None = None


class ReadCase(Message):
    """What a story asks when it was told of something: a signal only says that it is time to look."""

    case: UUID
    attempt: int


class PaymentStands(Message):
    """A payment that finance released. `paid` is None until the bank's last word on its file."""

    run: UUID
    content_hash: str
    paid: bool | None = None


class CaseStands(Message):
    """What refunds' own rows say of an attempt.

    `changed`: evidence or payee since the checks of its last round read them. `resubmitted`: it does not wait for the answer to a question.
    """

    changed: bool = False
    resubmitted: bool = False
    withdrawn: bool = False
    payment: PaymentStands | None = None


class CloseCase(Message):
    case: UUID
    attempt: int
    outcome: CaseOutcome
    plan: RefundPlan | None = None
    reason_code: str | None = Field(default=None, description="The coded reason of a decline")
    offset_journals: tuple[UUID, ...] = Field(default=(), description="By which the ledger has posted a plan that only offsets")


RUN_CHECK: Operation[RunCheck, CheckDone] = Operation("refunds.run-check", "refunds", RunCheck, CheckDone)
PLAN_REFUND: Operation[PlanRefund, PlanMade] = Operation("refunds.plan", "refunds", PlanRefund, PlanMade)
AWAIT_EVIDENCE: Operation[AwaitEvidence, EvidenceTimers] = Operation("refunds.await-evidence", "refunds", AwaitEvidence, EvidenceTimers)
LOOK_AGAIN: Operation[LookAgain, LookedAgain] = Operation("refunds.look-again", "refunds", LookAgain, LookedAgain)
RECHECK: Operation[Recheck, Rechecked] = Operation("refunds.recheck", "refunds", Recheck, Rechecked)
NOTE_PROGRESS: Operation[NoteProgress, Nothing] = Operation("refunds.note-progress", "refunds", NoteProgress, Nothing)
QUEUE_PAYMENT: Operation[QueuePayment, Nothing] = Operation("refunds.queue-payment", "refunds", QueuePayment, Nothing)
DEQUEUE_PAYMENT: Operation[DequeuePayment, Dequeued] = Operation("refunds.dequeue-payment", "refunds", DequeuePayment, Dequeued)
LINE_POSTED: Operation[LinePosted, LineStands] = Operation("refunds.line-posted", "refunds", LinePosted, LineStands)
READ_ATTEMPT: Operation[ReadCase, RefundCase] = Operation("refunds.read-attempt", "refunds", ReadCase, RefundCase)
READ_CASE: Operation[ReadCase, CaseStands] = Operation("refunds.read-case", "refunds", ReadCase, CaseStands)
CLOSE_CASE: Operation[CloseCase, Nothing] = Operation("refunds.close-case", "refunds", CloseCase, Nothing)


# --- the steps of PaymentRun --------------------------------------------------------------------------------------------------------


class PaymentRunCase(Message):
    run: UUID
    lines: int = Field(ge=1)


class BuildFile(Message):
    run: UUID


class FileBuilt(Message):
    """`count` may be 0: every released line was dropped, and there is nothing to send."""

    run: UUID
    sha256: str
    count: int = Field(ge=0)
    total_pence: NonNegativePence


class SubmitFile(Message):
    run: UUID
    sha256: str


class FileFate(StrEnum):
    """What the bank says of a file. UNKNOWN is asked about, never repeated; NOT_SEEN is the bank's word that it has no such file."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_SEEN = "not-seen"


class FileAnswer(Message):
    fate: FileFate
    reason: str | None = None


class SettleRun(Message):
    """The bank's last word on the file: lines are paid, or come back to be paid again."""

    run: UUID
    fate: FileFate


BUILD_FILE: Operation[BuildFile, FileBuilt] = Operation("refunds.build-file", "refunds", BuildFile, FileBuilt)
SUBMIT_FILE: Operation[SubmitFile, FileAnswer] = Operation("refunds.submit-file", "refunds", SubmitFile, FileAnswer)
ASK_FATE: Operation[SubmitFile, FileAnswer] = Operation("refunds.ask-fate", "refunds", SubmitFile, FileAnswer)
SETTLE_RUN: Operation[SettleRun, Nothing] = Operation("refunds.settle-run", "refunds", SettleRun, Nothing)


# --- commands of the desk -----------------------------------------------------------------------------------------------------------


class NewPayee(Message):
    """Where the money shall go. Bank details travel only from the desk to refunds, over HTTP, and are stored under an envelope."""

    name: str = Field(min_length=1, max_length=120, repr=False)
    sort_code: str = Field(pattern=r"^\d{6}$", repr=False)
    account_number: str = Field(pattern=r"^\d{6,8}$", repr=False)
    person: UUID | None = Field(default=None, description="The tenant whose account it is; None is a third party with authority")
    business: bool = False


class RequestRefund(Message):
    """A tenant's request, as an officer takes it. `amount_pence` None asks for all that may be refunded.

    `asked_as`: for a tenant who has died, who asks instead; `asked_by` is the tenant all the same.
    `consents` are accounts that the tenant agrees to pay off from the credit; `opted_out` are those that the tenant refuses.
    """

    account: UUID
    asked_by: UUID
    identified_how: str = Field(min_length=1, max_length=200)
    amount_pence: PositivePence | None = None
    reason_code: str
    consents: tuple[UUID, ...] = ()
    opted_out: tuple[UUID, ...] = ()
    joint_consent: bool = False
    payee: NewPayee
    note: str = Field(default="", max_length=2000)
    asked_as: AskedAs = AskedAs.TENANT


class CaseOpened(Message):
    case: UUID


EVIDENCE_DOCUMENT_LIMIT_BYTES = 10_000_000
"""The most that the document of one evidence may weigh."""


class AddEvidence(Message):
    """A document or an answer that settles a referred check. `settles` says whether the check may now pass.

    `accounts` are the debts that a consent, an opt-out or a notice of one is about.
    """

    case: UUID
    check: int = Field(ge=1, le=10)
    kind: EvidenceKind
    reference: str = Field(default="", max_length=120)
    note: str = Field(default="", max_length=2000)
    settles: bool
    received_on: date
    accounts: tuple[UUID, ...] = ()
    document: Base64Bytes | None = Field(default=None, repr=False, description="PDF, PNG or JPEG. Its name is not carried")


class ChangePayee(Message):
    case: UUID
    payee: NewPayee
    called_back: bool


class Resubmit(Message):
    """The answer to a question with which the case was sent back."""

    case: UUID
    note: str = Field(min_length=1, max_length=2000)


class WithdrawCase(Message):
    case: UUID
    note: str = Field(min_length=1, max_length=2000)


REQUEST_REFUND: Command[RequestRefund, CaseOpened] = Command("request-refund", "refunds", RequestRefund, CaseOpened)
ADD_EVIDENCE: Command[AddEvidence, Nothing] = Command("add-evidence", "refunds", AddEvidence, Nothing)
CHANGE_PAYEE: Command[ChangePayee, Nothing] = Command("change-payee", "refunds", ChangePayee, Nothing)
RESUBMIT: Command[Resubmit, Nothing] = Command("resubmit", "refunds", Resubmit, Nothing)
WITHDRAW_CASE: Command[WithdrawCase, Nothing] = Command("withdraw-case", "refunds", WithdrawCase, Nothing)


# --- pages --------------------------------------------------------------------------------------------------------------------------


class CheckShown(Message):
    """`settled_by` are the kinds of evidence that may settle the check for the refund; against it, any may speak.

    `speaks_against`: something that the check found may be a reason to decline, though it passes. None while it runs.
    """

    check: int
    title: str
    outcome: CheckOutcome | None = Field(description="None while it runs")
    reason_code: str
    evidence: tuple[str, ...]
    source: str
    by: str
    at: datetime | None
    expires_on: date | None
    settled_by: tuple[EvidenceKind, ...] = ()
    speaks_against: bool | None = None


class DocumentShown(Message):
    """The document of an evidence: GET /documents/DOCUMENT with the caller's headers, for those who work on cases, decide or audit them."""

    document: UUID
    media_type: str
    size_bytes: int
    sha256: str


class EvidenceShown(Message):
    check: int
    kind: str
    reference: str
    note: str
    settles: bool
    by: str
    at: datetime
    document: DocumentShown | None = None


class PayeeShown(Message):
    """Details as people may see them: the sort code and account number are masked but for the last digits."""

    payee: UUID
    name: str
    masked: str
    belongs_to: UUID | None
    entered_by: str
    entered_at: datetime
    modulus: str
    confirmation: str
    suggested_name: str | None = None


class CaseEvent(Message):
    at: datetime
    by: str
    what: str
    note: str = ""


class CaseAsked(Message):
    case: UUID


PAID_ON = "The day on which the payee has the money, once the payment file is made; it may lie ahead"


class CasePage(Message):
    case: UUID
    attempt: int
    round: int
    account: UUID
    status: CaseStatus
    status_note: str
    asked_by: UUID | None
    asked_at: datetime
    taken_by: str
    identified_how: str
    requested_pence: PositivePence | None
    reason_code: str
    note: str
    joint_consent: bool
    consents: tuple[UUID, ...]
    opted_out: tuple[UUID, ...]
    payee: PayeeShown | None
    checks: tuple[CheckShown, ...]
    evidence: tuple[EvidenceShown, ...]
    plan: RefundPlan | None
    plan_hash: str | None
    floor_pence: NonNegativePence
    cleared_credit_pence: NonNegativePence
    events: tuple[CaseEvent, ...]
    run: UUID | None
    refund_journal: UUID | None
    decide_by: date
    pay_by: date
    policy_version: str
    asked_as: AskedAs = AskedAs.TENANT
    paid_on: date | None = Field(default=None, description=PAID_ON)
    gone_story: str | None = Field(default=None, description=GONE_STORY)
    parked_since: datetime | None = Field(default=None, description=PARKED_SINCE)


class CaseRow(Message):
    case: UUID
    attempt: int
    account: UUID
    status: CaseStatus
    requested_pence: PositivePence | None
    refund_pence: NonNegativePence
    offset_pence: NonNegativePence
    opened_at: datetime
    taken_by: str
    pay_by: date
    asked_by: UUID | None = None
    asked_as: AskedAs = AskedAs.TENANT
    paid_on: date | None = Field(default=None, description=PAID_ON)
    found_pence: PositivePence | None = Field(default=None, description="The credit above the floor for which a review opened")


class CasesAsked(Message):
    """Cases of one account, these by their ids, or all; newest first, unless the longest waiting are asked for. `limit` 0 asks how many."""

    account: UUID | None = None
    cases: tuple[UUID, ...] = Field(default=(), max_length=500)
    statuses: tuple[CaseStatus, ...] = ()
    taken_by: str | None = Field(default=None, description="Staff subject, or `system`")
    oldest_first: bool = False
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=0, le=500)


class Cases(Message):
    """`in_all` counts what was asked for, whatever the page shows of it. `parked_since`: of the account that is asked for."""

    cases: tuple[CaseRow, ...]
    in_all: int
    parked_since: datetime | None = Field(default=None, description=PARKED_SINCE)


class ReadyPayment(Message):
    """`masked` is the payee's account as people may see it; `third_party` where it is not a tenant's."""

    case: UUID
    attempt: int
    account: UUID
    content_hash: str
    amount_pence: PositivePence
    approved_at: datetime
    decision: UUID
    pay_by: date
    masked: str = ""
    third_party: bool = False


class ReadyPayments(Message):
    """`next_processing_day` is the Bacs day that a release now would meet (domain.md 3.2); payees have it on `next_entry_day`."""

    payments: tuple[ReadyPayment, ...]
    total_pence: NonNegativePence
    next_processing_day: date
    next_entry_day: date
    cut_off: datetime


class RunLine(Message):
    case: UUID
    attempt: int
    account: UUID
    amount_pence: PositivePence
    status: str
    because: str | None = None
    refund_journal: UUID | None = None


class RunStatus(StrEnum):
    RELEASED = "released"
    FILE_BUILT = "file-built"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EMPTY = "empty"


class RunPage(Message):
    run: UUID
    status: RunStatus
    released_at: datetime
    released_total_pence: PositivePence
    processing_day: date | None
    entry_day: date | None
    file_name: str | None
    sha256: str | None
    count: int
    total_pence: NonNegativePence
    lines: tuple[RunLine, ...]
    reports: tuple[str, ...] = ()
    status_note: str = ""
    gone_story: str | None = Field(default=None, description=GONE_STORY)


class RunAsked(Message):
    run: UUID


class RunsAsked(Message):
    limit: int = Field(default=50, ge=1, le=500)


class Runs(Message):
    runs: tuple[RunPage, ...]


class GlancesAsked(Message):
    cases: tuple[UUID, ...] = Field(max_length=500)


class Glance(Message):
    """What a row of a worklist says of a case: `source` is what check 2 found last, `confirmation` and `entered_at` are the payee's.

    `earlier_refunds` were paid on the account before this case. `asked_by` is None where nobody asked. A payment that the bank sent back
    begins the next `attempt`; `status` is where that one stands.
    """

    case: UUID
    source: tuple[str, ...]
    confirmation: str | None
    entered_at: datetime | None
    earlier_refunds: int
    asked_by: UUID | None = None
    asked_as: AskedAs = AskedAs.TENANT
    attempt: int | None = None
    status: CaseStatus | None = None


class Glances(Message):
    """Unknown cases are left out."""

    glances: tuple[Glance, ...]


class PolicyFigure(Message):
    """One figure of a policy in words: what it is about, and what it says."""

    about: str
    says: str


class PolicyShown(Message):
    version: str
    in_force_from: date
    figures: tuple[PolicyFigure, ...]


class PoliciesShown(Message):
    """Every dated policy of refunds, the one that comes into force last first."""

    policies: tuple[PolicyShown, ...]


REFUND_POLICIES: Query[Nothing, PoliciesShown] = Query("refund-policies", "refunds", Nothing, PoliciesShown)
CASE_GLANCES: Query[GlancesAsked, Glances] = Query("case-glances", "refunds", GlancesAsked, Glances)


class PlanOfHash(Message):
    """A plan that somebody is to decide on, or whose payment is to be released, by its hash."""

    case: UUID
    content_hash: str
    others: tuple[UUID, ...] = Field(default=(), description="The other accounts of the same people, as the ledger has them")


class PlanToDecide(Message):
    """What approvals must not take on a workflow's word: the plan itself, who raised the case, and who took part in it.

    Or in another request of the same people that was not paid.
    """

    plan: RefundPlan
    raised_by: str
    participants: tuple[str, ...]
    lane: Lane = Lane.LOOK
    lane_reasons: tuple[str, ...] = ()


class AskedInVain(Message):
    """Accounts whose credit somebody is to decide about otherwise."""

    accounts: tuple[UUID, ...] = Field(min_length=1, max_length=1000)


class TookPart(Message):
    """Staff who took part in a request on one of these accounts that was not paid."""

    people: tuple[str, ...]


ASKED_IN_VAIN: Query[AskedInVain, TookPart] = Query("asked-in-vain", "refunds", AskedInVain, TookPart)
PLAN_TO_DECIDE: Query[PlanOfHash, PlanToDecide] = Query("plan-to-decide", "refunds", PlanOfHash, PlanToDecide)
CASE_PAGE: Query[CaseAsked, CasePage] = Query("case-page", "refunds", CaseAsked, CasePage)
CASES: Query[CasesAsked, Cases] = Query("cases", "refunds", CasesAsked, Cases)
READY_PAYMENTS: Query[Nothing, ReadyPayments] = Query("ready-payments", "refunds", Nothing, ReadyPayments)
RUN_PAGE: Query[RunAsked, RunPage] = Query("run-page", "refunds", RunAsked, RunPage)
RUNS: Query[RunsAsked, Runs] = Query("runs", "refunds", RunsAsked, Runs)
# The payment file's bytes: GET /payment-files/RUN with the caller's headers, for finance only.

LAST_COMMANDS: Query[Nothing, LastCommands] = Query("refunds-last-commands", "refunds", Nothing, LastCommands)
