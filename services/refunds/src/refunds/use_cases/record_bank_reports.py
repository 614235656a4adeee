"""Take the bank's reports, one after the other, and note what each says (domain.md 3.4)."""

import hashlib
import logging
from uuid import UUID

from chassis.serving import Tick
from chassis.transaction import Transaction
from pydantic import BaseModel, Field
from rentbook_contracts.words import counted

from refunds.domain.bank_reports import CreditReturns, InputReport, UnreadableReport, read_report
from refunds.domain.checks import in_words, pounds
from refunds.domain.means import Means
from refunds.store import reports

log = logging.getLogger(__name__)

# Bacs amends an item and pays it; what it returns or rejects at input was not paid.
AMENDED = "E"


class _Listed(BaseModel):
    number: int = Field(ge=1)


class _List(BaseModel):
    reports: tuple[_Listed, ...]


async def record_bank_reports(tx: Transaction, _: Tick, means: Means) -> bool:
    """The next report that was not taken yet; True where more may wait. The same report again changes nothing.

    A report that cannot be read is kept by its number and hash, for people, and stops no other. Errors: httpx.HTTPError without a bank.
    """
    after = await reports.last_number(tx)
    listed = await tx.http.get(f"{means.bank_url}/bacs/reports", params={"after": after}, timeout=means.bank_limit_seconds)
    waiting = _List.model_validate_json(listed.raise_for_status().content).reports
    if not waiting:
        return False
    number = min(report.number for report in waiting)
    answer = await tx.http.get(f"{means.bank_url}/bacs/reports/{number}", timeout=means.bank_limit_seconds)
    await take(tx, number, answer.raise_for_status().content)
    return len(waiting) > 1


async def take(tx: Transaction, number: int, content: bytes) -> None:
    """Keep what a report says."""
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        report = read_report(content)
    except UnreadableReport as error:
        log.error("a bank report can't be read", extra={"reason": error.message})
        words = f"Report {number} of the bank could not be read. {error.message}"
        await reports.add(tx, number, key=f"unreadable/{number}", kind="UNREADABLE", sha256=sha256, words=words)
        return
    run, words = await _about_a_run(tx, report) if isinstance(report, InputReport) else (None, _of_returns(report))
    if await reports.add(tx, number, key=str(report.key), kind=report.key.type, sha256=sha256, words=words, run=run):
        await _note_items(tx, number, report)
        return
    again = "repeats" if await reports.sha256_of(tx, str(report.key)) == sha256 else "contradicts"
    if again == "contradicts":
        log.error("a bank report came again with other content", extra={"reason": f"report {number}"})
    words = f"Report {number} {again} an earlier report of the same key."
    await reports.add(tx, number, key=f"{report.key} {again} {number}", kind=report.key.type, sha256=sha256, words=words, run=run)


async def _note_items(tx: Transaction, number: int, report: InputReport | CreditReturns) -> None:
    came_back = report.items if isinstance(report, CreditReturns) else [item for item in report.rejected if item.code != AMENDED]
    for item in came_back:
        await reports.add_item(tx, number, reference=item.reference, code=item.code, words=item.words, amount_pence=item.pence)


async def _about_a_run(tx: Transaction, report: InputReport) -> tuple[UUID | None, str]:
    """The run whose file the report is on, and its words; what it counts must be what was sent."""
    taken = f"{counted(report.accepted_count, 'item')}, {pounds(report.accepted_pence)} accepted"
    lost = f"{counted(report.rejected_count, 'item')}, {pounds(report.rejected_pence)} not"
    words = f"Input report of {in_words(report.key.on)}: {taken}; {lost}."
    file = await reports.file_of(tx, report.sha256)
    if file is None:
        log.error("a bank report is on a file that is not ours", extra={"reason": f"serial {report.serial}"})
        return None, f"{words} It is on a file that was not sent from here."
    told = (report.accepted_count + report.rejected_count, report.accepted_pence + report.rejected_pence)
    if told != (file.items, file.total_pence):
        log.error("a bank report does not tie with its file", extra={"reason": f"serial {report.serial}"})
        words = f"{words} This does not tie with the file: {counted(file.items, 'item')}, {pounds(file.total_pence)}."
    return file.run, words


def _of_returns(report: CreditReturns) -> str:
    return f"ARUCS of {in_words(report.key.on)}: {len(report.items)} returned, {pounds(report.total_pence)}."
