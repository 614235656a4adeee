"""What an answer to a schedule of write-offs needs beside any other answer: exceptions, and the minute of a body that does not sign in."""

from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID

from rentbook_contracts.approvals import Answer

from approvals.domain.forms import Minute
from approvals.domain.rules import ApprovalRule
from approvals.domain.words import in_words

EXCEPTION_REASONS: Mapping[str, str] = {
    "evidence-not-enough": "The evidence is not enough",
    "may-be-recovered": "It may still be recovered",
    "owner-may-be-found": "Its owner may still be found",
    "wrong-reason": "The reason is not the right one",
    "wrong-amount": "The amount is not right",
    "conflict-of-interest": "There is an interest to declare",
    "other": "Another reason",
}
NO_LINE_GOES = "No line would go through: decline the schedule instead."
_IN_WORDS = "other"
MINUTE_COPY_LIMIT_BYTES = 10_000_000
# A PDF ends with %%EOF, and writers put some bytes behind it (ISO 32000-1, 7.5.5; readers look in the last 1,024).
_PDF_BEGINS, _PDF_ENDS, _PDF_ENDS_WITHIN_BYTES = b"%PDF-", b"%%EOF", 1_024


class NotALineOfIt(ApprovalRule):
    """What is left out has to be on the schedule that was shown."""


class ExceptionWithoutReason(ApprovalRule):
    """Each line that is left out has its coded reason, or, where none fits, a reason in words."""


class OnlyAnApprovalExcepts(ApprovalRule):
    """A schedule that is declined or sent back is so whole."""


class NothingLeft(ApprovalRule):
    """An approval lets at least one line through."""


class TakenBack(ApprovalRule):
    """Nothing is decided on a schedule that was withdrawn."""


class MinuteMissing(ApprovalRule):
    """What a body decided is recorded with its minute: reference, day and copy."""


class MinuteOlderThanItsRound(ApprovalRule):
    """A body decides on what was put to it: its meeting is not earlier than the round that it decides, nor than the stage before it."""


class NoMinuteWanted(ApprovalRule):
    """Whoever decides by their own authority has no minute."""


def complaint_about_exceptions(
    answer: Answer, text: str, excepted: Mapping[UUID, str], lines: Collection[UUID], left_out_before: Collection[UUID]
) -> ApprovalRule | None:
    """What is wrong with the lines that are left out, if anything. `left_out_before`: by earlier stages of the round, or gone from it."""
    if answer is Answer.APPROVED and {*excepted, *left_out_before} >= set(lines):
        return NothingLeft(NO_LINE_GOES)
    if not excepted:
        return None
    if answer is not Answer.APPROVED:
        return OnlyAnApprovalExcepts("Lines are left out of an approval. Decline or send back the whole, or approve without them.")
    if not set(excepted) <= set(lines):
        return NotALineOfIt("A line that is left out is not on this schedule. Open the page again.")
    if not set(excepted.values()) <= EXCEPTION_REASONS.keys():
        return ExceptionWithoutReason("Choose why each line is left out.", field="excepted")
    if _IN_WORDS in excepted.values() and not text.strip():
        return ExceptionWithoutReason("Write down why a line is left out for another reason: whoever proposed it reads it.", field="text")
    return None


def complaint_about_minute(answer: Answer, body: str | None, minute: Minute | None, put_on: date, today: date) -> ApprovalRule | None:
    """What is wrong with the minute, if anything. `body` decides by its minute; None: the person decides. `put_on`: the day on which it was
    put to them, by the beginning of its round or by the stage before.
    """
    if body is None:
        return NoMinuteWanted("You decide this by your own authority: no minute is recorded.") if minute is not None else None
    if minute is None:
        return None if answer is Answer.SENT_BACK else MinuteMissing(f"Record the minute of {body}.", field="minute_reference")
    if not minute.reference.strip():
        return MinuteMissing("Enter the minute's reference.", field="minute_reference")
    if minute.met_on > today:
        return MinuteMissing("The meeting was today or before.", field="met_on")
    if minute.met_on < put_on:
        return MinuteOlderThanItsRound(
            f"This was put to {body} on {in_words(put_on)}: it is decided by a meeting of that day or later.",
            field="met_on",
        )
    if not _is_whole_pdf(minute.copy) or len(minute.copy) > MINUTE_COPY_LIMIT_BYTES:
        return MinuteMissing("Add a copy of the minute as a whole PDF file, of at most 10 MB.", field="minute_copy")
    return None


def _is_whole_pdf(content: bytes) -> bool:
    """Told by its bytes, never by a name: what was cut off on its way in is no copy of a minute."""
    return content.startswith(_PDF_BEGINS) and _PDF_ENDS in content[-_PDF_ENDS_WITHIN_BYTES:]
