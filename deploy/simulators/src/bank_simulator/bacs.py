"""What the bank does with a file: takes it whole or refuses it, pays each item, and reports."""

import hashlib
import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bank_simulator import reports
from bank_simulator.book import Book, NextFault
from bank_simulator.standard18 import CREDIT, Fault, File, Refused, read

LONDON = ZoneInfo("Europe/London")
FURTHEST_DAYS = 31
SATURDAY = 5


def submit(book: Book, content: bytes, now: datetime) -> tuple[str, bool]:
    """Take a file. Gives its SHA-256 and whether it is here for the first time: the same bytes again change nothing."""
    sha256 = hashlib.sha256(content).hexdigest()
    book.begin()
    try:
        first = book.submission(sha256) is None
        if first:
            _take(book, sha256, content, now)
        else:
            book.posted_again(sha256)
    except BaseException:
        book.rollback()
        raise
    book.commit()
    return sha256, first


def _take(book: Book, sha256: str, content: bytes, now: datetime) -> None:
    today = now.astimezone(LONDON).date()
    file, faults = _read(content)
    reason = _why_not(book, file, faults, today) or _told_to_refuse(book)
    status = "refused" if reason else "accepted"
    book.add_submission(sha256, content, status, reason, json.dumps([asdict(fault) for fault in faults]), file, now.isoformat())
    if file is None:
        return
    references = {item.reference for item in file.items}
    rejected = {} if reason else {fault.reference: fault.code for fault in book.take_for("reject-item", references)}
    if not reason:
        book.add_items(sha256, file, {reference for reference, code in rejected.items() if code != "E"})
    number = book.next_report_number()
    xml = reports.input_report(file, sha256, "REJECTED" if reason else "ACCEPTED", rejected, number, today)
    book.add_report(number, "INPUT", today, file.service_user_number, xml)
    if not reason:
        _send_back(book, book.take_for("return", references), today)


def _read(content: bytes) -> tuple[File | None, list[Fault]]:
    try:
        return read(content), []
    except Refused as refused:
        return None, refused.faults


def _why_not(book: Book, file: File | None, faults: list[Fault], today: date) -> str:
    """Why a file is refused, in words; empty where it is not."""
    if file is None:
        return f"line {faults[0].line}: {faults[0].message}"
    if file.processing_day < today or file.processing_day > today + timedelta(days=FURTHEST_DAYS):
        return f"the processing day is in the past or more than {FURTHEST_DAYS} days ahead"
    if file.processing_day.weekday() >= SATURDAY:
        return "the processing day is not a working day"
    if book.same_serial(file):
        return "another file with this serial was taken for this day"
    return ""


def _told_to_refuse(book: Book) -> str:
    return "refused by order of the control endpoint" if book.take("refuse") else ""


def order(book: Book, fault: NextFault, now: datetime) -> None:
    """Note what shall go wrong next. A payment that was made already comes back at once."""
    book.begin()
    try:
        if fault.fault == "return" and _paid(book, fault.reference):
            _send_back(book, [fault], now.astimezone(LONDON).date())
        else:
            book.ask_for(fault)
    except BaseException:
        book.rollback()
        raise
    book.commit()


def _paid(book: Book, reference: str) -> list[dict[str, object]]:
    sql = (
        "SELECT item.*, processing_day, service_user_number FROM item JOIN submission USING (sha256)"
        " WHERE reference = ? AND item.status = 'paid' AND code = ?"
    )
    return book.rows(sql, reference, CREDIT)


def _send_back(book: Book, faults: list[NextFault], today: date) -> None:
    """Report credits as returned, those of one day in one ARUCS report."""
    codes = {fault.reference: fault.code for fault in faults}
    items = [item for reference in codes for item in _paid(book, reference)[:1]]
    if not items:
        return
    number = book.next_report_number()
    user = str(items[0]["service_user_number"])
    for item in items:
        book.mark_returned(str(item["sha256"]), int(str(item["line"])))
    book.add_report(number, "ARUCS", today, user, reports.arucs(items, codes, user, number, today))


def paid(book: Book) -> list[dict[str, object]]:
    """For each reference how often it was paid, and how much: a returned payment was paid before it came back."""
    sql = (
        "SELECT service_user_number, reference, count(*) AS times, sum(pence) AS pence, sum(item.status = 'returned') AS returned"
        " FROM item JOIN submission USING (sha256) WHERE item.status IN ('paid', 'returned') AND code = ?"
        " GROUP BY service_user_number, reference ORDER BY min(item.rowid)"
    )
    return book.rows(sql, CREDIT)
