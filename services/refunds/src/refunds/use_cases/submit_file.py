"""Hand a payment file to the bank, once (domain.md 3.5, 4: an outcome *unknown* is asked about and never repeated)."""

import logging

import httpx
from chassis.failpoint import reached
from chassis.transaction import Transaction
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rentbook_contracts.refunds import FileAnswer, FileFate, RunStatus, SubmitFile

from refunds.domain.means import Means
from refunds.domain.rules import RefundRule
from refunds.store import runs
from refunds.store.runs import File

log = logging.getLogger(__name__)

MAY_BE_SENT_AFTER = (None, FileFate.NOT_SEEN)
RUN_STATUS = {
    FileFate.ACCEPTED: RunStatus.ACCEPTED,
    FileFate.REFUSED: RunStatus.REFUSED,
    FileFate.UNKNOWN: RunStatus.UNKNOWN,
    FileFate.NOT_SEEN: RunStatus.UNKNOWN,
}


class NotThisFile(RefundRule):
    """The run's file has another hash than the one that was asked for."""


async def submit_file(tx: Transaction, asked: SubmitFile, means: Means) -> FileAnswer:
    """Sent at most once, unless the bank itself has said that it never saw it: the sending is noted, for good, before the first byte goes.

    A time-out, a broken answer and a crash in the middle are UNKNOWN. Errors: NotThisFile, Unopenable.
    """
    await runs.locked(tx, asked.run)
    file = await file_to_send(tx, asked)
    if await runs.last_word(tx, asked.run) not in MAY_BE_SENT_AFTER:
        return await answer_noted(tx, asked, FileAnswer(fate=FileFate.UNKNOWN, reason="It was sent already."))
    content = await runs.content_of(tx, means.keys, file)
    await runs.note_sending_apart(tx, asked.run, file.sha256)
    reached("submission.noted")
    answer = await _send(tx, content, means)
    reached("submission.answered")
    return await answer_noted(tx, asked, answer)


async def file_to_send(tx: Transaction, asked: SubmitFile) -> File:
    """Errors: NotThisFile."""
    file = await runs.file_of(tx, asked.run)
    if file is None or file.sha256 != asked.sha256:
        raise NotThisFile("This payment run has no such file.")
    return file


async def answer_noted(tx: Transaction, asked: SubmitFile, answer: FileAnswer) -> FileAnswer:
    await runs.note_word(tx, asked.run, asked.sha256, answer.fate, answer.reason or "")
    await runs.change(tx, asked.run, RUN_STATUS[answer.fate], answer.reason or "")
    return answer


class BankWord(BaseModel):
    """What the bank says of a file."""

    model_config = ConfigDict(hide_input_in_errors=True)

    status: FileFate
    reason: str = Field(default="", max_length=200)


def bank_answer(answer: httpx.Response) -> FileAnswer:
    """Anything but the bank's own word is UNKNOWN."""
    try:
        word = BankWord.model_validate_json(answer.content)
    except ValidationError:
        return FileAnswer(fate=FileFate.UNKNOWN, reason="The bank's answer could not be read.")
    return FileAnswer(fate=word.status, reason=word.reason or None)


async def _send(tx: Transaction, content: bytes, means: Means) -> FileAnswer:
    headers = {"Content-Type": "application/octet-stream"}
    try:
        address = f"{means.bank_url}/bacs/submissions"
        answer = await tx.http.post(address, content=content, headers=headers, timeout=means.bank_limit_seconds)
    except httpx.HTTPError as error:
        return no_answer(error)
    return bank_answer(answer)


def no_answer(error: httpx.HTTPError) -> FileAnswer:
    """UNKNOWN in plain words; what broke technically is for the log alone."""
    log.warning("no answer from the bank about a payment file: %s", type(error).__name__)
    return FileAnswer(fate=FileFate.UNKNOWN, reason="The bank did not answer.")
