"""What notices tells and offers: letters, with the proof of their sending."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from rentbook_contracts.message import Fact
from rentbook_contracts.operation import Message, Query


class LetterSent(Fact):
    """A letter was made and handed over for delivery, with the hash of its PDF."""

    type: ClassVar[str] = "notices.letter-sent.v1"
    topic: ClassVar[str] = "notices.letters"
    keyed_by: ClassVar[str] = "letter"

    letter: UUID
    kind: str
    account: UUID
    case: UUID | None = None
    sha256: str


FACTS: tuple[type[Fact], ...] = (LetterSent,)


class LettersAsked(Message):
    """Letters about an account or a case, newest first."""

    account: UUID | None = None
    case: UUID | None = None


class LetterRow(Message):
    letter: UUID
    kind: str
    title: str
    account: UUID
    case: UUID | None
    made_at: datetime
    sent_at: datetime | None
    sent_how: str
    sha256: str
    problem: str | None = None


class Letters(Message):
    letters: tuple[LetterRow, ...]


LETTERS: Query[LettersAsked, Letters] = Query("letters", "notices", LettersAsked, Letters)
# The PDF itself: GET /letters/LETTER.pdf with the caller's headers.
