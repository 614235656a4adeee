"""What approvals tells and offers: tasks to decide, decisions, and releases of payment runs."""

import hashlib
import json
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, Field

from rentbook_contracts.message import Fact
from rentbook_contracts.money import PositivePence
from rentbook_contracts.operation import Message, Nothing, Operation, Query, Update


def content_hash(content: BaseModel) -> str:
    """SHA-256, in hexadecimal, of a message's JSON with sorted keys and no spaces: what a decision is bound to."""
    text = json.dumps(content.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class TaskKind(StrEnum):
    REFUND = "refund"


class Lane(StrEnum):
    """GREEN: asked for by the tenant, every check passes, own money, known payee, no holds. LOOK: everything else."""

    GREEN = "green"
    LOOK = "look"


class Answer(StrEnum):
    APPROVED = "approved"
    DECLINED = "declined"
    SENT_BACK = "sent-back"


class OpenTask(Message):
    """Ask for a decision. `stage` counts the decisions that the authority table asks for in sequence, from 1.

    `participants` are the staff who may never decide it: whoever raised, edited or added evidence; approvals adds the ledger's actors.
    """

    kind: TaskKind
    case: UUID
    attempt: int = Field(ge=1)
    round: int = Field(ge=1)
    stage: int = Field(ge=1)
    account: UUID
    amount_pence: PositivePence
    content_hash: str
    workflow_id: str
    lane: Lane
    lane_reasons: tuple[str, ...] = ()
    participants: tuple[str, ...]
    raised_by: str


class TaskOpened(Message):
    task: UUID
    stages: int = Field(ge=1)
    due_on: date
    remind_on: date
    escalate_on: date


class ReadDecision(Message):
    decision: UUID


class Decision(Message):
    """The row itself. `completes` is true for the approval that ends the sequence of stages."""

    decision: UUID
    task: UUID
    case: UUID
    attempt: int
    round: int
    stage: int
    content_hash: str
    answer: Answer
    reason_code: str
    completes: bool
    recalled: bool
    excepted: tuple[UUID, ...] = Field(default=(), description="Lines of a schedule that were left out, at this stage and at earlier ones")
    carried_out_from: date | None = Field(
        default=None, description="Until then a decision of members may be called in; None where it waits for nothing"
    )


class CloseTask(Message):
    """What became of the decision: carried out, or not, because."""

    task: UUID
    carried_out: bool
    because: str | None = None


class NudgeTask(Message):
    """Time reminds, then escalates to a person; it never approves."""

    task: UUID
    escalate: bool


class OpenScheduleTask(Message):
    """Ask for a decision on a schedule of write-offs. Its lines, amounts and participants are asked of writeoffs by the hash."""

    schedule: UUID
    round: int = Field(ge=1)
    stage: int = Field(ge=1)
    content_hash: str
    workflow_id: str


OPEN_SCHEDULE_TASK: Operation[OpenScheduleTask, TaskOpened] = Operation(
    "approvals.open-schedule-task", "approvals", OpenScheduleTask, TaskOpened
)
OPEN_TASK: Operation[OpenTask, TaskOpened] = Operation("approvals.open-task", "approvals", OpenTask, TaskOpened)
READ_DECISION: Operation[ReadDecision, Decision] = Operation("approvals.read-decision", "approvals", ReadDecision, Decision)
CLOSE_TASK: Operation[CloseTask, Nothing] = Operation("approvals.close-task", "approvals", CloseTask, Nothing)
NUDGE_TASK: Operation[NudgeTask, Nothing] = Operation("approvals.nudge-task", "approvals", NudgeTask, Nothing)


class RoundAsked(Message):
    """A round of an attempt at a refund, or of a schedule of write-offs, which is attempted once."""

    case: UUID
    round: int = Field(ge=1)
    attempt: int = Field(default=1, ge=1)


class RoundDecided(Message):
    """The decision that ends the round and stands: an approval that completes, or the first that declined. None where there is none yet,
    where it was recalled, or where it came to nothing. `ended_at`: when it was made.

    Of a schedule's round: `asked_back`, somebody sent it back with a question; `fell`, an approval of it was recalled, or came to nothing.
    """

    decision: Decision | None
    ended_at: datetime | None = None
    asked_back: bool = False
    fell: bool = False


ROUND_DECIDED: Query[RoundAsked, RoundDecided] = Query("round-decided", "approvals", RoundAsked, RoundDecided)


class Deciders(Message):
    """Who approved a round, whose authority they used among them, and when the last of them did. Nobody where there is no such decision."""

    people: tuple[str, ...] = ()
    decided_at: datetime | None = None


WHO_DECIDED: Query[ReadDecision, Deciders] = Query("who-decided", "approvals", ReadDecision, Deciders)


class DecisionTaken(Message):
    """The id of a decision row, sent to the waiting workflow. The workflow believes the row, not this message."""

    decision: UUID
    task: UUID
    round: int
    content_hash: str


class DecisionTakenBack(Message):
    decision: UUID
    task: UUID


DECIDE: Update[DecisionTaken] = Update("decide", DecisionTaken)
RECALL: Update[DecisionTakenBack] = Update("recall", DecisionTakenBack)


class DecisionMade(Fact):
    """A person with authority answered. `completes` as in Decision: money moves only on an approval that completes."""

    type: ClassVar[str] = "approvals.decision-made.v1"
    topic: ClassVar[str] = "approvals.cases"
    keyed_by: ClassVar[str] = "case"

    case: UUID
    kind: TaskKind
    decision: UUID
    task: UUID
    attempt: int
    round: int
    stage: int
    content_hash: str
    answer: Answer
    completes: bool


class ApprovedLine(Message):
    line: UUID
    content_hash: str


class WriteOffDecided(Fact):
    """A person with authority answered on a schedule of write-offs; `case` is the schedule.

    `lines` are those that an approval which completes lets through, each by its hash, without what has left the schedule by then; they
    are empty on any other answer. `covers_to_pence`
    is the highest debtor's total that these stages have authority for; None has no upper edge. Nothing is posted before `carried_out_from`:
    until then a decision of members may be called in.
    """

    type: ClassVar[str] = "approvals.write-off-decided.v1"
    topic: ClassVar[str] = "approvals.cases"
    keyed_by: ClassVar[str] = "case"

    case: UUID
    decision: UUID
    task: UUID
    round: int
    stage: int
    content_hash: str
    answer: Answer
    completes: bool
    carried_out_from: date
    covers_to_pence: PositivePence | None = None
    lines: tuple[ApprovedLine, ...] = Field(default=(), max_length=1000)
    excepted: tuple[UUID, ...] = Field(default=(), max_length=1000)


class DecisionRecalled(Fact):
    """An approval was taken back before release."""

    type: ClassVar[str] = "approvals.decision-recalled.v1"
    topic: ClassVar[str] = "approvals.cases"
    keyed_by: ClassVar[str] = "case"

    case: UUID
    decision: UUID
    content_hash: str


class DecisionNotCarriedOut(Fact):
    """An approval came to nothing: its case went round again, was withdrawn or had ended. Nothing is posted on it any more."""

    type: ClassVar[str] = "approvals.decision-not-carried-out.v1"
    topic: ClassVar[str] = "approvals.cases"
    keyed_by: ClassVar[str] = "case"

    case: UUID
    decision: UUID


class ReleasedLine(Message):
    case: UUID
    attempt: int
    content_hash: str
    amount_pence: PositivePence


class PaymentRunReleased(Fact):
    """Finance signed a payment run: these plans, this total, and no others. The run's id is the id of the form."""

    type: ClassVar[str] = "approvals.payment-run-released.v1"
    topic: ClassVar[str] = "approvals.payment-runs"
    keyed_by: ClassVar[str] = "run"

    run: UUID
    lines: tuple[ReleasedLine, ...] = Field(min_length=1, max_length=2000)
    total_pence: PositivePence
    released_at: datetime


class TenantContacted(Fact):
    """Somebody noted on an account that they were in contact with its tenant, whom they knew to be that. The words stay on the desk."""

    type: ClassVar[str] = "approvals.tenant-contacted.v1"
    topic: ClassVar[str] = "approvals.contacts"
    keyed_by: ClassVar[str] = "note"

    note: UUID
    account: UUID
    noted_at: datetime


FACTS: tuple[type[Fact], ...] = (
    DecisionMade,
    WriteOffDecided,
    DecisionRecalled,
    DecisionNotCarriedOut,
    PaymentRunReleased,
    TenantContacted,
)
