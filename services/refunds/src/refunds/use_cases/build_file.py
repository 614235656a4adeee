"""Make the payment file of a run: a Bacs Standard 18 file of credits, from posted lines only (domain.md 3.5)."""

import os
from collections.abc import Sequence
from pathlib import Path

from chassis.failpoint import reached, write_at
from chassis.transaction import Transaction
from rentbook_contracts.refunds import BuildFile, FileBuilt, RunStatus

from refunds.domain.bacs import Code, Item, PaymentFile, Submission, credit_file
from refunds.domain.bacs_reading import read_standard_18
from refunds.domain.days import business_date
from refunds.domain.means import Means, next_bacs_days
from refunds.domain.rules import RefundRule
from refunds.store import payees, runs
from refunds.store.runs import File, Line

SERIALS = 999_999
FILE_NUMBERS = 999
NOTHING_SHA256 = ""


class LinesStillWait(RefundRule):
    """A run's file is made once every released line was posted or dropped."""


class FileDoesNotTie(RefundRule):
    """What was written is not what was posted."""


async def build_file(tx: Transaction, asked: BuildFile, means: Means) -> FileBuilt:
    """The bytes are kept in the database before they are anywhere else; whoever asks again is given the same bytes.

    Errors: LinesStillWait, FileDoesNotTie, Unopenable; OSError where the payments folder takes no file: tried again.
    """
    run = await runs.locked(tx, asked.run)
    lines = await runs.lines_of(tx, run.id)
    if any(line.status == runs.RELEASED for line in lines):
        raise LinesStillWait("Lines of this run are not settled yet.")
    posted = [line for line in lines if line.status == runs.POSTED]
    kept = await runs.file_of(tx, run.id)
    if kept is None and not posted:
        await runs.change(tx, run.id, RunStatus.EMPTY, "Every released line was dropped: there is nothing to send.")
        return FileBuilt(run=run.id, sha256=NOTHING_SHA256, count=0, total_pence=0)
    kept = kept or await _keep(tx, run, posted, means)
    reached("payment-file.kept")
    write_whole(means.payments_dir / kept.name, await runs.content_of(tx, means.keys, kept))
    await runs.change(tx, run.id, RunStatus.FILE_BUILT)
    return FileBuilt(run=run.id, sha256=kept.sha256, count=kept.items, total_pence=kept.total_pence)


async def _keep(tx: Transaction, run: runs.Run, posted: Sequence[Line], means: Means) -> File:
    days = next_bacs_days(means, tx.now)
    number = await runs.next_file_number(tx)
    submission = Submission(
        originator=means.originator,
        serial=f"{(number - 1) % SERIALS + 1:06d}",
        created_on=business_date(tx.now),
        processing_day=days.processing,
        file_number=(number - 1) % FILE_NUMBERS + 1,
    )
    file = credit_file(submission, [await _item(tx, line, means) for line in posted])
    _refuse_untied(file, posted, run)
    return await runs.keep_file_apart(
        tx, means.keys, file.content, number=number, run=run.id, name=f"refunds-{days.processing:%Y%m%d}-{number:06d}.bacs",
        sha256=file.figures.sha256, processing_day=days.processing, entry_day=days.entry, items=file.figures.count,
        total_pence=file.figures.total_pence,
    )  # fmt: skip


async def _item(tx: Transaction, line: Line, means: Means) -> Item:
    details = payees.details_of(means.keys, await payees.read(tx, line.payee))
    return Item(details.sort_code, details.account_number, Code.CREDIT, line.amount_pence, line.reference, details.name)


def _refuse_untied(file: PaymentFile, posted: Sequence[Line], run: runs.Run) -> None:
    """The file is read back before it is released: its items are the posted lines, and not more than finance signed."""
    read = read_standard_18(file.content)
    items = [(item.reference, item.pence) for item in read.items]
    if items != [(line.reference, line.amount_pence) for line in posted] or read.figures.total_pence > run.released_total_pence:
        raise FileDoesNotTie("The payment file does not tie with the posted lines of its run.")


def write_whole(path: Path, content: bytes) -> None:
    """The file is there whole or not at all, also after a power cut."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The same name at each try: what a process that died here left behind holds bank details, and is written over.
    part = path.with_name(f".part-{path.name}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            write_at("payment-file.write", file, content)
            file.flush()
            os.fsync(file.fileno())
        reached("payment-file.written")
        part.replace(path)
        reached("payment-file.renamed")
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
