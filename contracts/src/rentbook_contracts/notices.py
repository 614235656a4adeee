"""What notices tells and offers: letters, with the proof of their sending."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from pydantic import Base64Bytes, Field

from rentbook_contracts.ledger import Addressee
from rentbook_contracts.message import Fact
from rentbook_contracts.operation import Command, Message, Nothing, Operation, Query
from rentbook_contracts.people import LastCommands


class LadderLetter(StrEnum):
    """What a rung of the evidence ladder writes (domain.md 5.2): to who owes, to the estate of who has died, or to who has a credit."""

    DEBT = "debt"
    ESTATE_DEBT = "estate-debt"
    UNCLAIMED_CREDIT = "unclaimed-credit"


def goes_to(kind: LadderLetter, *, somebody_lives: bool) -> Addressee:
    """Whom a letter of a kind goes to: where everybody who answers for the account has died, the estate."""
    return Addressee.ESTATE if kind is LadderLetter.ESTATE_DEBT or not somebody_lives else Addressee.TENANTS


class LetterSent(Fact):
    """A letter was made and handed over for delivery, with the hash of its PDF.

    `case` is what it is about: a refund case, or the proposal whose ladder asked for it. `sent_on`: the Europe/London day of its sending.
    """

    type: ClassVar[str] = "notices.letter-sent.v1"
    topic: ClassVar[str] = "notices.letters"
    keyed_by: ClassVar[str] = "letter"

    letter: UUID
    kind: str
    account: UUID
    case: UUID | None = None
    sha256: str
    sent_on: date | None = None


FACTS: tuple[type[Fact], ...] = (LetterSent,)


class WriteLadderLetter(Message):
    """The `number`-th letter of its kind for a proposal, from 1. Whoever asks again is told of the one letter that there is.

    `anew`: none of those before it counts, so that it speaks of none. `heard`: the letters about the account whose sending the asker knows
    of. One of the kind that is not among them is under way, and no other is written beside it, whatever its number; one for another
    proposal holds it up until it was sent, and for the rest of the Europe/London day on which it was made. None: the asker does not say.
    """

    proposal: UUID
    account: UUID
    kind: LadderLetter
    number: int = Field(ge=1, le=100)
    reply_within_days: int = Field(default=0, ge=0, le=3660, description="0: the letter names no day")
    anew: bool = False
    heard: tuple[UUID, ...] | None = None


class LadderLetterWritten(Message):
    """`letter` is None where none was written, `because`: the sentence says what stands in the way. It carries no personal data."""

    letter: UUID | None
    because: str | None = None


WRITE_LADDER_LETTER: Operation[WriteLadderLetter, LadderLetterWritten] = Operation(
    "notices.write-ladder-letter", "notices", WriteLadderLetter, LadderLetterWritten
)


class LetterFate(StrEnum):
    """What became of a letter. NOT_KNOWN: it was begun to be sent, and nobody knows whether it went out.

    WITHHELD: it is not sent, because what it says is true no longer or may not be said now.
    """

    WAITS = "waits"
    SENT = "sent"
    NOT_SENT = "not-sent"
    NOT_KNOWN = "not-known"
    WITHHELD = "withheld"


class LettersAsked(Message):
    """Letters about an account, or about a case or proposal, newest first."""

    account: UUID | None = None
    case: UUID | None = None


class LetterRow(Message):
    """`sent_at` and `times_sent` are of what certainly went out; `asked_again_by` asked last that it go out once more.

    `payment_came_back`: it tells of a payment that the bank has sent back since, and is not sent once more.
    """

    letter: UUID
    kind: str
    title: str
    account: UUID
    case: UUID | None
    made_at: datetime
    sent_at: datetime | None
    sent_how: str
    sha256: str
    fate: LetterFate
    problem: str | None = None
    times_sent: int = 0
    asked_again_by: str | None = None
    asked_again_at: datetime | None = None
    payment_came_back: bool = False


class Letters(Message):
    letters: tuple[LetterRow, ...]


LETTERS: Query[LettersAsked, Letters] = Query("letters", "notices", LettersAsked, Letters)


class SendLetterAgain(Message):
    """Have a letter that went out go out once more, byte for byte, with a proof of its own."""

    letter: UUID


SEND_LETTER_AGAIN: Command[SendLetterAgain, Nothing] = Command("send-letter-again", "notices", SendLetterAgain, Nothing)
# The PDF itself: GET /letters/LETTER.pdf with the caller's headers.


REPORT_ROWS = 2000
"""The longest table that is set; a longer one is for a spreadsheet."""


class ReportFact(Message):
    term: str
    said: str


class ReportColumn(Message):
    heading: str
    numeric: bool = False


class ReportTable(Message):
    """A table as it is read: every cell in words, as many in each row as there are columns. `total` is its last row, where it has one."""

    title: str
    columns: tuple[ReportColumn, ...] = Field(min_length=1, max_length=12)
    rows: tuple[tuple[str, ...], ...] = Field(max_length=REPORT_ROWS)
    total: tuple[str, ...] = ()


class SetReport(Message):
    """A report to be set for reading and printing. It may carry names, so it is neither logged nor kept."""

    title: str
    made: str = Field(description="Who made it and when, in words")
    facts: tuple[ReportFact, ...] = ()
    tables: tuple[ReportTable, ...] = ()
    notes: tuple[str, ...] = ()


class ReportSet(Message):
    """PDF/UA-1."""

    pdf: Base64Bytes


SET_REPORT: Query[SetReport, ReportSet] = Query("set-report", "notices", SetReport, ReportSet, within=timedelta(seconds=40))
"""The longest takes two seconds of a processor, and reports are set one after the other: on a busy machine that is many seconds."""

LAST_COMMANDS: Query[Nothing, LastCommands] = Query("notices-last-commands", "notices", Nothing, LastCommands)
