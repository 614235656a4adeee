"""What writeoffs tells and offers: proposals with their evidence, schedules, the register of what was written off, reinstatements."""

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from rentbook_contracts.approvals import Answer, ApprovedLine, content_hash
from rentbook_contracts.ledger import (
    LINES_IN_A_CHUNK,
    LINES_IN_A_SCHEDULE,
    AccountKind,
    ChargeOwed,
    GoneLately,
    LineKind,
    LineOutcome,
    LinePart,
    LinkedAccount,
    WriteOffLine,
)
from rentbook_contracts.message import Fact
from rentbook_contracts.money import NonNegativePence, Pence, PositivePence
from rentbook_contracts.notices import LadderLetter, WriteLadderLetter
from rentbook_contracts.operation import GONE_STORY, PARKED_SINCE, Command, Message, Nothing, Operation, Query
from rentbook_contracts.people import LastCommands
from rentbook_contracts.policy import CheckPolicy, PolicyProposal, PolicyProposed


class Reason(StrEnum):
    """Why a debt cannot be recovered (domain.md 5.2 and 5.3), why it is owed again, or why a credit goes to income."""

    DECEASED = "deceased"
    CARE_HOME = "care-home"
    BANKRUPTCY = "bankruptcy"
    DEBT_RELIEF_ORDER = "debt-relief-order"
    VOLUNTARY_ARRANGEMENT = "voluntary-arrangement"
    STATUTE_BARRED = "statute-barred"
    UNTRACEABLE = "untraceable"
    UNECONOMIC = "uneconomic"
    PRISON = "prison"
    EMIGRATED = "emigrated"
    DISPUTED_END = "disputed-end"
    JUDGMENT_UNENFORCEABLE = "judgment-unenforceable"

    TRACED = "traced"
    PAYING = "paying"
    CHARGE_UNDONE = "charge-undone"
    APPLIES_FOR_HOUSING = "applies-for-housing"

    UNCLAIMED = "unclaimed"


OF_THE_LIVING = frozenset({Reason.CARE_HOME, Reason.UNTRACEABLE, Reason.PRISON, Reason.EMIGRATED})
"""What says where somebody who lives has gone: once nobody lives who owes the debt, it is asked of the estate (DECEASED)."""


class EvidenceKind(StrEnum):
    """What a piece of evidence shows. Each is dated by what it shows, not by when it was written down.

    TRACE is a search that found nobody, and AGENCY_RETURN an agency's word that it did not; FOUND is a search that did, whoever's it was.
    """

    DEATH = "death"
    EXECUTOR_REPLY = "executor-reply"
    INSUFFICIENT_FUNDS = "insufficient-funds"
    NO_ASSETS = "no-assets"
    INSOLVENCY_ORDER = "insolvency-order"
    DISCHARGE = "discharge"
    BANKRUPTCY_ANNULLED = "bankruptcy-annulled"
    DEBT_RELIEF_REVOKED = "debt-relief-order-revoked"
    ARRANGEMENT_FAILED = "voluntary-arrangement-failed"
    LETTER_SENT = "letter-sent"
    LETTER_ANSWERED = "letter-answered"
    CONTACT = "contact"
    TRACE = "trace"
    AGENCY_INSTRUCTED = "agency-instructed"
    AGENCY_RETURN = "agency-return"
    FOUND = "found"
    SIGNED_ACKNOWLEDGMENT = "signed-acknowledgment"
    COURT_ACTION = "court-action"
    LEGAL_CONFIRMATION = "legal-confirmation"
    DOCUMENT = "document"
    MANAGER_NOTE = "manager-note"
    RETURN_ATTEMPT = "return-attempt"


class OrderKind(StrEnum):
    """What an order of insolvency is (domain.md 5.3)."""

    BANKRUPTCY = "bankruptcy"
    DEBT_RELIEF_ORDER = "debt-relief-order"
    VOLUNTARY_ARRANGEMENT = "voluntary-arrangement"


ENDINGS: Mapping[EvidenceKind, OrderKind] = {
    EvidenceKind.BANKRUPTCY_ANNULLED: OrderKind.BANKRUPTCY,
    EvidenceKind.DEBT_RELIEF_REVOKED: OrderKind.DEBT_RELIEF_ORDER,
    EvidenceKind.ARRANGEMENT_FAILED: OrderKind.VOLUNTARY_ARRANGEMENT,
}
"""What takes an order of a kind back, so that it has released nothing."""


HEARD_WHILE_LISTED = (
    EvidenceKind.LETTER_ANSWERED,
    EvidenceKind.EXECUTOR_REPLY,
    EvidenceKind.CONTACT,
    EvidenceKind.FOUND,
    EvidenceKind.SIGNED_ACKNOWLEDGMENT,
    EvidenceKind.COURT_ACTION,
    EvidenceKind.INSOLVENCY_ORDER,
    EvidenceKind.DISCHARGE,
    *ENDINGS,
)
"""What is taken while a line waits for a decision or for its call-in to end: nothing is posted over it unheard."""


class ProposalStatus(StrEnum):
    """Where a proposal stands. READY: its evidence is complete, nothing blocks it, and it waits for a schedule."""

    GATHERING = "gathering"
    BLOCKED = "blocked"
    READY = "ready"
    ON_SCHEDULE = "on-schedule"
    POSTED = "posted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class ScheduleStatus(StrEnum):
    WITH_APPROVER = "with-approver"
    SENT_BACK = "sent-back"
    CALL_IN = "call-in"
    POSTING = "posting"
    POSTED = "posted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EMPTY = "empty"


LINE_GONE = frozenset({"dropped", "taken-off"})
"""Where a line of a schedule stands that has left it before anybody decided on it."""

LINE_OFF = LINE_GONE | {"excepted"}
"""Where a line stands that will not be posted, while its schedule may be."""


# --- facts -------------------------------------------------------------------------------------------------------------------------


class ProposalFact(Fact):
    topic: ClassVar[str] = "writeoffs.proposals"
    keyed_by: ClassVar[str] = "proposal"

    proposal: UUID
    account: UUID


class WriteOffProposed(ProposalFact):
    """Somebody proposed to write off a debt, to put one back, or to take an unclaimed credit to income."""

    type: ClassVar[str] = "writeoffs.proposed.v1"

    kind: LineKind
    amount_pence: PositivePence


class ProposalClosed(ProposalFact):
    """The proposal ended: posted with its journal, declined, or withdrawn."""

    type: ClassVar[str] = "writeoffs.closed.v1"

    kind: LineKind
    status: ProposalStatus
    amount_pence: NonNegativePence
    journal: UUID | None = None


FACTS: tuple[type[Fact], ...] = (WriteOffProposed, ProposalClosed)


# --- the steps of a proposal's story ------------------------------------------------------------------------------------------------


class ProposalCase(Message):
    """One pass of a proposal through its evidence; a line that was dropped begins the next."""

    proposal: UUID
    attempt: int = Field(default=1, ge=1)


class AssessProposal(Message):
    proposal: UUID
    attempt: int = Field(ge=1)


class Assessed(Message):
    """`done`: nothing more to gather (ready, withdrawn, or the attempt is past).

    `look_again_at` is when time alone may change the answer, or when what was set aside is proposed again, `remind_at` when somebody is
    reminded, or reminded again, that they have to; UTC.
    `letter`: what the ladder asks to be written now.
    """

    done: bool
    look_again_at: datetime | None = None
    remind_at: datetime | None = None
    letter: WriteLadderLetter | None = None


class RemindOfProposal(Message):
    """Time reminds; it never brings what a person has to bring. Nothing where somebody has worked on it meanwhile."""

    proposal: UUID
    attempt: int = Field(ge=1)


ASSESS_PROPOSAL: Operation[AssessProposal, Assessed] = Operation("writeoffs.assess", "writeoffs", AssessProposal, Assessed)
REMIND_OF_PROPOSAL: Operation[RemindOfProposal, Nothing] = Operation("writeoffs.remind", "writeoffs", RemindOfProposal, Nothing)


# --- the steps of WriteOffApproval --------------------------------------------------------------------------------------------------


class ScheduleCase(Message):
    schedule: UUID


class BeginRound(Message):
    """Freeze the lines that stand on the schedule now: a round asks for a decision on one content.

    The round before has ended: its question was answered, its approval fell, or no line is left. Errors: AnotherRound, NotDecidedSo.
    """

    schedule: UUID
    round: int = Field(ge=1)


class RoundBegun(Message):
    """`content_hash` is None where no line is left."""

    content_hash: str | None
    lines: int = Field(ge=0)


class NoteSchedule(Message):
    """Where the story has come to. What the rows and approvals do not bear out, or no longer, is not noted."""

    schedule: UUID
    status: ScheduleStatus


class ReadSchedule(Message):
    schedule: UUID


class ScheduleStands(Message):
    """What became of a schedule, as the rows have it. `answered_round` is the last round whose question was answered.

    `empty`: no line of it is listed any more, nor being posted.
    """

    answered_round: int = Field(ge=0)
    withdrawn: bool
    empty: bool = False


class TakeLines(Message):
    """The next lines of the approved round that are neither excepted, dropped nor posted. Marks them as being posted.

    The decision, and what it left out, are what approvals says of them. Errors: NotDecidedSo, ScheduleWithdrawn.
    """

    schedule: UUID
    round: int = Field(ge=1)
    decision: UUID
    excepted: tuple[UUID, ...] = Field(default=(), max_length=LINES_IN_A_SCHEDULE)


class LinesTaken(Message):
    """None left: every line has its outcome."""

    lines: tuple[WriteOffLine, ...] = Field(max_length=LINES_IN_A_CHUNK)


class SettleLines(Message):
    schedule: UUID
    round: int = Field(ge=1)
    decision: UUID
    outcomes: tuple[LineOutcome, ...] = Field(max_length=LINES_IN_A_CHUNK)


class CloseSchedule(Message):
    """Excepted and declined lines go back to their proposals with the decision's reason; declining removes no record.

    What the rows and approvals do not bear out closes nothing. Errors: NotDecidedSo.
    """

    schedule: UUID
    round: int = Field(ge=0)
    status: ScheduleStatus
    decision: UUID | None = None
    answer: Answer | None = None
    reason_code: str | None = None
    excepted: tuple[UUID, ...] = Field(default=(), max_length=LINES_IN_A_SCHEDULE)


BEGIN_ROUND: Operation[BeginRound, RoundBegun] = Operation("writeoffs.begin-round", "writeoffs", BeginRound, RoundBegun)
NOTE_SCHEDULE: Operation[NoteSchedule, Nothing] = Operation("writeoffs.note-schedule", "writeoffs", NoteSchedule, Nothing)
READ_SCHEDULE: Operation[ReadSchedule, ScheduleStands] = Operation("writeoffs.read-schedule", "writeoffs", ReadSchedule, ScheduleStands)
TAKE_LINES: Operation[TakeLines, LinesTaken] = Operation("writeoffs.take-lines", "writeoffs", TakeLines, LinesTaken)
SETTLE_LINES: Operation[SettleLines, Nothing] = Operation("writeoffs.settle-lines", "writeoffs", SettleLines, Nothing)
CLOSE_SCHEDULE: Operation[CloseSchedule, Nothing] = Operation("writeoffs.close-schedule", "writeoffs", CloseSchedule, Nothing)


# --- what approvals asks ------------------------------------------------------------------------------------------------------------


class ScheduleContent(Message):
    """What a decision on a schedule is bound to: the round, and every line of it by its hash."""

    schedule: UUID
    round: int
    lines: tuple[ApprovedLine, ...]

    @property
    def content_hash(self) -> str:
        return content_hash(self)


class ScheduleOfHash(Message):
    schedule: UUID
    content_hash: str


class LineToDecide(Message):
    line: UUID
    content_hash: str
    account: UUID
    amount_pence: PositivePence
    debtor_total_pence: PositivePence


class ScheduleToDecide(Message):
    """What approvals must not take on a workflow's word. The band is the highest debtor's total, the total what would be posted.

    `gone`: lines that have left the schedule since the round began; nothing is posted of them. `withdrawn`: all of it was taken back.
    """

    schedule: UUID
    round: int
    kind: LineKind
    title: str
    lines: tuple[LineToDecide, ...] = Field(min_length=1, max_length=LINES_IN_A_SCHEDULE)
    band_pence: PositivePence
    total_pence: PositivePence
    raised_by: str
    participants: tuple[str, ...]
    withdrawn: bool = False
    gone: tuple[UUID, ...] = ()


SCHEDULE_TO_DECIDE: Query[ScheduleOfHash, ScheduleToDecide] = Query("schedule-to-decide", "writeoffs", ScheduleOfHash, ScheduleToDecide)


# --- what the ledger asks ----------------------------------------------------------------------------------------------------------------


class LinesToPost(Message):
    """Lines of a schedule that the ledger was told to post on this decision, which these people made or lent their authority to."""

    schedule: UUID
    decision: UUID
    decided_by: tuple[str, ...] = ()
    lines: tuple[UUID, ...] = Field(min_length=1, max_length=LINES_IN_A_CHUNK)


class LinesHandedOut(Message):
    """Those of the lines that were handed out to be posted on this decision, and have no outcome yet; the others are not named.

    `too_close`: those of them in which somebody who decided takes part by now (decision 7).
    """

    lines: tuple[UUID, ...]
    too_close: tuple[UUID, ...] = ()


LINES_HANDED_OUT: Query[LinesToPost, LinesHandedOut] = Query("lines-handed-out", "writeoffs", LinesToPost, LinesHandedOut)
"""What the ledger goes by, and not the step that names the lines: one may have dropped after the decision that lets it through."""


# --- commands of the desk -----------------------------------------------------------------------------------------------------------


class Propose(Message):
    """Propose one line. A write-off is of all that is owed, but of barred charges alone where the reason is that they are barred.

    A reinstatement names the write-off that it puts back (`undoes`) and may be of a part; a credit is written on whole.
    """

    kind: LineKind = LineKind.WRITE_OFF
    account: UUID
    reason: Reason
    note: str = Field(default="", max_length=2000)
    undoes: UUID | None = None
    amount_pence: PositivePence | None = None


class Proposed(Message):
    proposal: UUID


class ProposeInBulk(Message):
    """Propose to write off many former debts for one reason. Each is a proposal of its own."""

    accounts: tuple[UUID, ...] = Field(min_length=1, max_length=LINES_IN_A_SCHEDULE)
    reason: Reason
    note: str = Field(default="", max_length=2000)


class NotProposed(Message):
    """Why an account got no proposal, in words."""

    account: UUID
    because: str


class BulkProposed(Message):
    """`proposals` are those of the accounts that were not refused, in the order asked."""

    proposals: tuple[UUID, ...]
    refused: tuple[NotProposed, ...]


class AddProof(Message):
    """Evidence for a proposal. While its line is listed, what was heard since is taken alone (HEARD_WHILE_LISTED), and drops that line.

    `on` is the day of what it shows; `source` is who traced or wrote, where that counts; `person` is the tenant of whom it is true, where
    it is not true of all. An order of insolvency says what it is, and whether the debt of this account is listed in it, or covered by it as
    it says.
    """

    proposal: UUID
    kind: EvidenceKind
    on: date
    source: str = Field(default="", max_length=120)
    reference: str = Field(default="", max_length=120)
    note: str = Field(default="", max_length=2000)
    person: UUID | None = None
    order_kind: OrderKind | None = None
    listed: bool | None = None


class StrikeProof(Message):
    """Say that a piece of evidence was entered in error: it stays to be read, and counts for nothing. `because` is why."""

    proof: UUID
    because: str = Field(min_length=1, max_length=2000)


class WithdrawProposal(Message):
    proposal: UUID
    note: str = Field(min_length=1, max_length=2000)


class ReconsiderProposal(Message):
    """Go on with the balance as it is now. Evidence stays; whoever does so has taken part."""

    proposal: UUID
    note: str = Field(min_length=1, max_length=2000)


class MakeSchedule(Message):
    """Ask for a decision on ready proposals of one kind; one alone is a schedule of one line."""

    title: str = Field(min_length=1, max_length=120)
    proposals: tuple[UUID, ...] = Field(min_length=1, max_length=LINES_IN_A_SCHEDULE)


class ScheduleMade(Message):
    """`left_out`: proposals that were not ready any more, with the reason in words."""

    schedule: UUID
    lines: int
    left_out: tuple[NotProposed, ...] = ()


class TakeOffSchedule(Message):
    """Take a line off a schedule that was sent back."""

    schedule: UUID
    proposal: UUID
    note: str = Field(min_length=1, max_length=2000)


class AnswerSchedule(Message):
    """The answer to a question with which a schedule was sent back: a new round begins with the lines that stand."""

    schedule: UUID
    note: str = Field(min_length=1, max_length=2000)


class WithdrawSchedule(Message):
    """Take the whole schedule back before it is decided; its proposals are ready again. A decision that stands has to be recalled first."""

    schedule: UUID
    note: str = Field(min_length=1, max_length=2000)


PROPOSE: Command[Propose, Proposed] = Command("propose", "writeoffs", Propose, Proposed)
PROPOSE_IN_BULK: Command[ProposeInBulk, BulkProposed] = Command("propose-in-bulk", "writeoffs", ProposeInBulk, BulkProposed)
ADD_PROOF: Command[AddProof, Nothing] = Command("add-proof", "writeoffs", AddProof, Nothing)
STRIKE_PROOF: Command[StrikeProof, Nothing] = Command("strike-proof", "writeoffs", StrikeProof, Nothing)
WITHDRAW_PROPOSAL: Command[WithdrawProposal, Nothing] = Command("withdraw-proposal", "writeoffs", WithdrawProposal, Nothing)
RECONSIDER_PROPOSAL: Command[ReconsiderProposal, Nothing] = Command("reconsider-proposal", "writeoffs", ReconsiderProposal, Nothing)
MAKE_SCHEDULE: Command[MakeSchedule, ScheduleMade] = Command("make-schedule", "writeoffs", MakeSchedule, ScheduleMade)
TAKE_OFF_SCHEDULE: Command[TakeOffSchedule, Nothing] = Command("take-off-schedule", "writeoffs", TakeOffSchedule, Nothing)
ANSWER_SCHEDULE: Command[AnswerSchedule, Nothing] = Command("answer-schedule", "writeoffs", AnswerSchedule, Nothing)
WITHDRAW_SCHEDULE: Command[WithdrawSchedule, Nothing] = Command("withdraw-schedule", "writeoffs", WithdrawSchedule, Nothing)


# --- pages --------------------------------------------------------------------------------------------------------------------------


class RungShown(Message):
    """One rung of the evidence ladder: what is wanted, whether it is there, and since when or from when. `shown_by`: what shows it."""

    wanted: str
    met: bool
    says: str
    from_on: date | None = None
    shown_by: tuple[EvidenceKind, ...] = ()


class Struck(Message):
    """Who struck a piece of evidence, when and why."""

    by: str
    at: datetime
    because: str


class ProofShown(Message):
    """`letter`: the letter whose sending it is, where notices sent it. `person`: the tenant of whom it is true; None for all of them.

    `earlier`: the earlier proposal about the same debt to which it was brought, where it stays with the debt. `counts_on`: the day on which
    an attempt to return a credit was noted, where it counts by that, since it names no record that was made of it at the time.
    `order_kind` and `listed`: what an order of insolvency is, and whether it lists this debt; None where nobody was asked. `may_be_struck`:
    while it counts.
    """

    proof: UUID
    kind: EvidenceKind
    on: date
    source: str
    reference: str
    note: str
    by: str
    at: datetime
    letter: UUID | None = None
    person: UUID | None = None
    earlier: UUID | None = None
    counts_on: date | None = None
    order_kind: OrderKind | None = None
    listed: bool | None = None
    struck: Struck | None = None
    may_be_struck: bool = False


class ProposalEvent(Message):
    at: datetime
    by: str
    what: str
    note: str = ""


class ProposalAsked(Message):
    proposal: UUID


class BarredCharge(Message):
    """A charge with the day on which time ran out for it, or will; None where none is computed, or an action stopped it."""

    charge: ChargeOwed
    bars_on: date | None
    barred: bool


class Reminders(Message):
    """How often somebody was reminded of a proposal since anything happened to it, and when last. `escalated`: managers see it too."""

    times: int = Field(ge=1)
    last_on: date
    escalated: bool


class ProposalPage(Message):
    """`blocked` names, in words, all that stands in the way now; `parts` is what would post today.

    `letter_on`: the day on which the ladder's next letter is written by itself; None where there is none, or nowhere to send it:
    `address_missing`. `stays_pence`: credit that has not stood for the years of the policy, and stays on the account.

    `linked` and `lately` are what counts in `debtor_total_pence` beside the account itself, while the proposal is open: other accounts, and
    what was written off or went to income, as the kind has it.

    `goes`: the charges that it is of, with what it takes of each or gives back, where these are not `charges`, which is all that is owed;
    of what was written off, what is not put back of each. `left_out`: a decision left its line out, and nobody has worked on it since.

    `ladder_as_decided`: the ladder is as it was when the line that was posted was made, and not as it would be now.
    """

    proposal: UUID
    attempt: int
    kind: LineKind
    account: UUID
    reason: Reason
    status: ProposalStatus
    status_note: str
    note: str
    raised_by: str
    raised_at: datetime
    owed_pence: Pence
    amount_pence: NonNegativePence
    debtor_total_pence: NonNegativePence
    parts: tuple[LinePart, ...]
    ladder: tuple[RungShown, ...]
    blocked: tuple[str, ...]
    look_again_on: date | None
    charges: tuple[BarredCharge, ...]
    proofs: tuple[ProofShown, ...]
    events: tuple[ProposalEvent, ...]
    undoes: UUID | None
    schedule: UUID | None
    journal: UUID | None
    policy_version: str
    letter_on: date | None = None
    address_missing: bool = False
    stays_pence: NonNegativePence = 0
    linked: tuple[LinkedAccount, ...] = ()
    lately: tuple[GoneLately, ...] = ()
    goes: tuple[ChargeOwed, ...] = ()
    reminders: Reminders | None = None
    left_out: bool = False
    ladder_as_decided: bool = False
    gone_story: str | None = Field(default=None, description=GONE_STORY)
    parked_since: datetime | None = Field(default=None, description=PARKED_SINCE)


class ProposalsAsked(Message):
    """Newest first, or the oldest. `kind`, `statuses`, `reason`, `account`, `raised_by`, `reminded` and `escalated` narrow the list.

    `reminded`: only those that wait for a person who was reminded of it; `escalated`: so often in vain that managers see it too.
    `limit` 0 asks how many there are, and what they add up to.
    """

    kind: LineKind | None = None
    statuses: tuple[ProposalStatus, ...] = ()
    reason: Reason | None = None
    account: UUID | None = None
    raised_by: str | None = None
    reminded: bool = False
    escalated: bool = False
    oldest_first: bool = False
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=0, le=1000)


class ProposalRow(Message):
    proposal: UUID
    kind: LineKind
    account: UUID
    reason: Reason
    status: ProposalStatus
    status_note: str
    amount_pence: NonNegativePence
    debtor_total_pence: NonNegativePence
    raised_by: str
    raised_at: datetime
    look_again_on: date | None
    schedule: UUID | None
    reminders: Reminders | None = None


class Proposals(Message):
    """`parked_since`: of the account that is asked for."""

    proposals: tuple[ProposalRow, ...]
    in_all: int
    total_pence: NonNegativePence
    parked_since: datetime | None = Field(default=None, description=PARKED_SINCE)


class DryRunAsked(Message):
    """What would post if these ready proposals were a schedule and were approved now. Nobody has decided anything."""

    proposals: tuple[UUID, ...] = Field(min_length=1, max_length=LINES_IN_A_SCHEDULE)


class DryRunLine(Message):
    """`line` is None where the proposal would be left out, `because`; `account` is then whose it is."""

    proposal: UUID
    account: UUID | None = None
    line: WriteOffLine | None
    debtor_total_pence: NonNegativePence = 0
    because: str | None = None


class DryRun(Message):
    lines: tuple[DryRunLine, ...]
    total_pence: NonNegativePence
    vat_pence: NonNegativePence
    band_pence: NonNegativePence


class WouldPropose(Message):
    """What a proposal of this account would be, were it made now. `because` says in words why it gets none.

    `blocked` is all that would stand in the way, `missing` the evidence that is asked for, both as its page would say; and of which
    joint tenants.
    """

    account: UUID
    because: str | None = None
    amount_pence: NonNegativePence = 0
    debtor_total_pence: NonNegativePence = 0
    blocked: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class BulkDryRun(Message):
    """In the order asked, each account once. Nothing was proposed."""

    accounts: tuple[WouldPropose, ...]


class ScheduleLineShown(Message):
    """`standing`: listed, excepted, dropped, posting, posted, declined, taken-off.

    `named`: how many charges it names; none where it is of all that is owed, or left to be put back, and of a credit. `evidence`: all of
    it, as it was when the line was made; none of lines from before it was kept.
    """

    line: UUID
    account: UUID
    reason: Reason
    content_hash: str
    amount_pence: PositivePence
    vat_pence: NonNegativePence
    debtor_total_pence: PositivePence
    parts: tuple[LinePart, ...]
    standing: str
    because: str | None
    journal: UUID | None
    named: int = 0
    evidence: tuple[RungShown, ...] = ()


class ScheduleAsked(Message):
    """With a page of its lines, in the schedule's order. `standings` narrows the lines."""

    schedule: UUID
    standings: tuple[str, ...] = ()
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=LINES_IN_A_SCHEDULE)


class ScheduleTotals(Message):
    """By reason and by standing, over all lines of the round."""

    reason: Reason
    standing: str
    lines: int
    amount_pence: NonNegativePence


class SchedulePage(Message):
    schedule: UUID
    kind: LineKind
    title: str
    round: int
    status: ScheduleStatus
    status_note: str
    made_by: str
    made_at: datetime
    content_hash: str | None
    band_pence: NonNegativePence
    total_pence: NonNegativePence
    posted_pence: NonNegativePence
    lines: tuple[ScheduleLineShown, ...]
    lines_in_all: int
    totals: tuple[ScheduleTotals, ...]
    events: tuple[ProposalEvent, ...]
    decision: UUID | None
    gone_story: str | None = Field(default=None, description=GONE_STORY)


class ScheduleRow(Message):
    """`lines` and `total_pence` are what was put forward, `left_lines` and `left_pence` what of it is on the schedule still, or was posted:
    not what dropped, was taken off or left out. `dropped` lines did so by themselves.
    """

    schedule: UUID
    kind: LineKind
    title: str
    status: ScheduleStatus
    status_note: str
    made_by: str
    made_at: datetime
    lines: int
    total_pence: NonNegativePence
    posted_pence: NonNegativePence
    left_lines: int = 0
    left_pence: NonNegativePence = 0
    dropped: int = 0


class SchedulesAsked(Message):
    """Newest first. `statuses` narrows the list; `schedules`: these alone."""

    statuses: tuple[ScheduleStatus, ...] = ()
    schedules: tuple[UUID, ...] = Field(default=(), max_length=500)
    limit: int = Field(default=100, ge=1, le=500)


class Schedules(Message):
    schedules: tuple[ScheduleRow, ...]


class RegisterOrder(StrEnum):
    """In which order the register is read. Within it, and by REASON and ACCOUNT within each of them, the newest comes first.

    ACCOUNT is by the accounts' references.
    """

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"
    REASON = "reason"
    ACCOUNT = "account"


class RegisterAsked(Message):
    """The register of what was posted. `account` also finds debts that were put back since.

    `after`: only what comes after this journal in the order: whoever reads all of it reads each row once, whatever is posted meanwhile.
    """

    account: UUID | None = None
    kind: LineKind | None = None
    reason: Reason | None = None
    since: date | None = None
    until: date | None = None
    order: RegisterOrder = RegisterOrder.NEWEST
    after: UUID | None = None
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=1000)


class RegisterRow(Message):
    """A written-off debt stays in the register; `reinstated_pence` is what of it is owed again."""

    proposal: UUID
    schedule: UUID
    kind: LineKind
    account: UUID
    reason: Reason
    journal: UUID
    posted_on: date
    amount_pence: PositivePence
    vat_pence: NonNegativePence
    reinstated_pence: NonNegativePence
    discharged: bool
    decision: UUID


class RegisterTotal(Message):
    """What the filters find of one kind. `reinstated_pence` is what of it is owed again."""

    kind: LineKind
    lines: int
    amount_pence: NonNegativePence
    vat_pence: NonNegativePence
    reinstated_pence: NonNegativePence


class Register(Message):
    """A page of rows; the sums are over all that the filters find. `kinds` keeps apart what does not add up."""

    rows: tuple[RegisterRow, ...]
    in_all: int
    total_pence: NonNegativePence
    reinstated_pence: NonNegativePence
    kinds: tuple[RegisterTotal, ...] = ()


class TotalsAsked(Message):
    """For publication: both days within."""

    since: date
    until: date


class TotalByReason(Message):
    """What was posted for one reason. `came_back_pence`: of credits that had been taken to income, whenever that was, what was put back in
    the time that is asked for. A debt that is put back is posted, and counted, as a line of its own. So what was published stays true.
    """

    kind: LineKind
    reason: Reason
    lines: int
    amount_pence: NonNegativePence
    vat_pence: NonNegativePence
    came_back_pence: NonNegativePence = 0


class WriteOffTotals(Message):
    since: date
    until: date
    totals: tuple[TotalByReason, ...]


class LadderFigure(Message):
    """One figure of a policy in words: what it is about, and what it says."""

    about: str
    says: str


class LadderShown(Message):
    version: str
    in_force_from: date
    source: str
    figures: tuple[LadderFigure, ...]


class LaddersShown(Message):
    """Every dated policy of writeoffs, the one that comes into force last first."""

    policies: tuple[LadderShown, ...]


# --- the policy on evidence, by maker and checker ------------------------------------------------------------------------------------


MOST_FIGURE = 3660
"""The largest count of days, months, years or pieces in a policy."""

Figure = Annotated[int, Field(strict=True, ge=0, le=MOST_FIGURE)]

Length = Annotated[int, Field(strict=True, ge=1, le=MOST_FIGURE)]
"""A count that cannot be none: what is looked at again after no days would be looked at for ever."""


class EvidenceWay(Message):
    """One way to climb a rung: so many proofs of a kind, from so many different sources, and so much time gone since (domain.md 5.2).

    `quiet_days` and `quiet_months` run from the first of the proofs that are needed, `last_quiet_days` from the last that there is, needed
    or not, all without an answer or a contact since the first: what was done by the day of an answer counts no more. `after_months` runs
    from the last that is needed, whatever was heard. Of somebody untraceable a contact that was noted on the account and a payment count as
    contacts too.

    Where no sources are counted, a proof counts only `apart_days` after the one before it that counts, and never on the same day.

    `letter`: what is written, so often as proofs are needed, `apart_days` between; None where nothing is written by itself.
    """

    proof: EvidenceKind
    at_least: Length = 1
    sources: Figure = 0
    quiet_days: Figure = 0
    quiet_months: Figure = 0
    last_quiet_days: Figure = 0
    after_months: Figure = 0
    letter: LadderLetter | None = None
    apart_days: Figure = 0


class EvidenceRung(Message):
    """What is wanted, in words, and the ways to show it; one is enough."""

    wanted: str = Field(min_length=1, max_length=200)
    any_of: tuple[EvidenceWay, ...] = Field(min_length=1)


class EvidenceLadder(Message):
    """What a reason asks for, for what is owed between two amounts, both within. `kinds` narrows it to accounts of these kinds."""

    reason: Reason
    from_pence: PositivePence = 1
    to_pence: PositivePence | None = None
    kinds: tuple[AccountKind, ...] = ()
    rungs: tuple[EvidenceRung, ...]


class EvidencePolicy(Message):
    """What a council asks for before a debt is written off, from a day on. `source` says where that was decided.

    `discharging`: reasons by which the law releases the debtor, so that the debt is not put back as long as that stands.
    `of_current_tenants`: reasons for which arrears are written off while the tenancy goes on; all others are for former tenants'.
    `unclaimed_after_years`: how old a credit is before it may go to income. `look_again_days`: how often what blocks a proposal is looked
    at without an event;
    `remind_after_days`: when somebody is reminded, and reminded again, that a proposal waits for a person;
    `escalate_after_reminders`: after how many reminders it stands before a manager too.
    """

    in_force_from: date
    source: str = Field(min_length=1, max_length=300)
    limitation_years: Length
    unclaimed_after_years: Length
    look_again_days: Length
    remind_after_days: Length
    escalate_after_reminders: Length = 3
    discharging: tuple[Reason, ...]
    of_current_tenants: tuple[Reason, ...] = (
        # An order takes current arrears too, and a charge is barred by its own age, whoever owes it (domain.md 5.3).
        Reason.BANKRUPTCY,
        Reason.DEBT_RELIEF_ORDER,
        Reason.VOLUNTARY_ARRANGEMENT,
        Reason.STATUTE_BARRED,
    )
    ladders: tuple[EvidenceLadder, ...]


class EvidenceVersion(Message):
    """A policy that was laid down, with its maker and its checker."""

    version: str
    council: str
    policy: EvidencePolicy
    made_by: str
    checked_by: str


class EvidenceProposal(PolicyProposal):
    """A policy on evidence that somebody proposed."""

    policy: EvidencePolicy


class EvidencePolicies(Message):
    """Every version, the one that comes into force last first; every proposal, the newest first."""

    versions: tuple[EvidenceVersion, ...]
    proposals: tuple[EvidenceProposal, ...]


class ProposeEvidencePolicy(Message):
    """It counts once somebody else has checked it, from its day on: tomorrow at the earliest."""

    policy: EvidencePolicy


EVIDENCE_POLICIES: Query[Nothing, EvidencePolicies] = Query("evidence-policies", "writeoffs", Nothing, EvidencePolicies)
PROPOSE_EVIDENCE_POLICY: Command[ProposeEvidencePolicy, PolicyProposed] = Command(
    "propose-evidence-policy", "writeoffs", ProposeEvidencePolicy, PolicyProposed
)
CHECK_EVIDENCE_POLICY: Command[CheckPolicy, Nothing] = Command("check-evidence-policy", "writeoffs", CheckPolicy, Nothing)


PROPOSAL_PAGE: Query[ProposalAsked, ProposalPage] = Query("proposal-page", "writeoffs", ProposalAsked, ProposalPage)
PROPOSALS: Query[ProposalsAsked, Proposals] = Query("proposals", "writeoffs", ProposalsAsked, Proposals)
BULK_DRY_RUN: Query[ProposeInBulk, BulkDryRun] = Query("bulk-dry-run", "writeoffs", ProposeInBulk, BulkDryRun)
DRY_RUN: Query[DryRunAsked, DryRun] = Query("dry-run", "writeoffs", DryRunAsked, DryRun)
SCHEDULE_PAGE: Query[ScheduleAsked, SchedulePage] = Query("schedule-page", "writeoffs", ScheduleAsked, SchedulePage)
SCHEDULES: Query[SchedulesAsked, Schedules] = Query("schedules", "writeoffs", SchedulesAsked, Schedules)
WRITE_OFF_REGISTER: Query[RegisterAsked, Register] = Query("write-off-register", "writeoffs", RegisterAsked, Register)
WRITE_OFF_TOTALS: Query[TotalsAsked, WriteOffTotals] = Query("write-off-totals", "writeoffs", TotalsAsked, WriteOffTotals)
WRITE_OFF_POLICIES: Query[Nothing, LaddersShown] = Query("write-off-policies", "writeoffs", Nothing, LaddersShown)

LAST_COMMANDS: Query[Nothing, LastCommands] = Query("writeoffs-last-commands", "writeoffs", Nothing, LastCommands)
