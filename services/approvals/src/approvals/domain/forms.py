"""What the desk's forms say to approvals' own use cases. The form's id comes with the caller."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from rentbook_contracts.approvals import Answer, ReleasedLine


@dataclass(frozen=True)
class AnswerTask:
    """An answer to a task. `content_hash` is the one that was shown; `question_to` is the person asked, where it is sent back.

    `selection`: that of which it is a line, where many are decided together.
    """

    task: UUID
    content_hash: str
    answer: Answer
    reason_code: str
    text: str = ""
    question_to: str | None = None
    selection: UUID | None = None


@dataclass(frozen=True)
class Minute:
    """The minute by which a body that does not sign in decided: its reference, the day of the meeting, and its copy as PDF."""

    reference: str
    met_on: date
    copy: bytes = field(repr=False)

    @property
    def copy_sha256(self) -> str:
        return hashlib.sha256(self.copy).hexdigest()


@dataclass(frozen=True)
class AnswerSchedule:
    """An answer to a schedule of write-offs. `excepted`: the lines that an approval leaves out, each with its coded reason."""

    task: UUID
    content_hash: str
    answer: Answer
    reason_code: str
    text: str = ""
    question_to: str | None = None
    excepted: Mapping[UUID, str] = field(default_factory=dict)
    minute: Minute | None = None


@dataclass(frozen=True)
class TakeBack:
    """The recall of an approval, with its reason."""

    decision: UUID
    text: str


@dataclass(frozen=True)
class SignRun:
    """The payments that finance chose, as they were shown, and the total that was shown, in pence. The form's id becomes the run's."""

    lines: tuple[ReleasedLine, ...]
    total_pence: int


@dataclass(frozen=True)
class TakePart:
    """The caller is about to change a case. `part` is a value of eligibility.Part."""

    case: UUID
    part: str


@dataclass(frozen=True)
class OfTask:
    task: UUID


@dataclass(frozen=True)
class AssignTask:
    """`to` None takes the assignment away."""

    task: UUID
    to: str | None


@dataclass(frozen=True)
class WriteComment:
    task: UUID
    text: str


NOT_IDENTIFIED = "not-identified"
"""The code by which a contact note says that it was not known to be the tenant."""


@dataclass(frozen=True)
class WriteContactNote:
    """`how` and `identified` are codes of the desk's own lists."""

    account: UUID
    how: str
    identified: str
    text: str


@dataclass(frozen=True)
class LendAuthority:
    """The caller lends their authority to decide, on both days and between them, up to a ceiling in pence."""

    taker: str
    ceiling_pence: int
    from_on: date
    until_on: date


@dataclass(frozen=True)
class BeAway:
    """The caller is out of office on both days and between them, and `deputy` is shown what waits for them."""

    deputy: str
    from_on: date
    until_on: date


@dataclass(frozen=True)
class DecisionTaken:
    """A decision was written, or had been by this very form."""

    decision: UUID
    completes: bool


@dataclass(frozen=True)
class RunSigned:
    run: UUID
    total_pence: int
