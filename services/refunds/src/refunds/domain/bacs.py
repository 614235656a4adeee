"""The Bacs Standard 18 file (domain.md 3.5): single processing day, records of 100 characters, labels of 80.

Refunds submits credits (code 99, contra 17). The same records carry collections and instructions, so the writer knows their codes too.
Nothing that is raised here repeats a sort code, an account number or a name: items are told by their place in the file.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from refunds.domain.bacs_text import ALLOWED, FIELD_LENGTH, bacs_name, bacs_reference
from refunds.domain.modulus import padded_account, plain_sort_code
from refunds.domain.rules import RefundRule

LINE_END = "\n"
CONTRA = "CONTRA"
HIGHEST_ITEM_PENCE = 99_999_999_999
MOST_ITEMS = 9_999_998
EXPIRES_AFTER = timedelta(days=7)


class Code(StrEnum):
    """Transaction codes (domain.md 3.1)."""

    FIRST_COLLECTION = "01"
    REGULAR_COLLECTION = "17"
    RE_PRESENTED = "18"
    FINAL_COLLECTION = "19"
    CREDIT = "99"
    NEW_INSTRUCTION = "0N"
    CANCEL_INSTRUCTION = "0C"
    CONVERT_INSTRUCTION = "0S"


DEBITS = {Code.FIRST_COLLECTION, Code.REGULAR_COLLECTION, Code.RE_PRESENTED, Code.FINAL_COLLECTION}
INSTRUCTIONS = {Code.NEW_INSTRUCTION, Code.CANCEL_INSTRUCTION, Code.CONVERT_INSTRUCTION}


class BadItem(RefundRule):
    """An item that Bacs would refuse; the message names its place in the file and the rule."""


class BadSubmission(RefundRule):
    """The labels of a submission are not what Bacs takes; the message names the rule."""


@dataclass(frozen=True)
class Originator:
    """Who submits: the service user number that Bacs gave, the account that pays or is paid, and the name on statements."""

    service_user_number: str
    sort_code: str = field(repr=False)
    account_number: str = field(repr=False)
    name: str


@dataclass(frozen=True)
class Item:
    """One payment, collection or instruction. `pence` is without sign: the code says which way it goes."""

    sort_code: str = field(repr=False)
    account_number: str = field(repr=False)
    code: Code
    pence: int
    reference: str
    name: str = field(repr=False)


@dataclass(frozen=True)
class Submission:
    """The labels of one file. `serial` is unique among the service user's files of one day. Dates are Europe/London."""

    originator: Originator
    serial: str
    created_on: date
    processing_day: date
    file_number: int = 1
    narrative: str = ""

    @property
    def expires_on(self) -> date:
        return self.processing_day + EXPIRES_AFTER


@dataclass(frozen=True)
class ControlFigures:
    """What finance signs and what the bank's reports are compared with: items without the contra, their sum, the bytes' hash."""

    total_pence: int
    count: int
    sha256: str


@dataclass(frozen=True)
class PaymentFile:
    content: bytes = field(repr=False)
    figures: ControlFigures


def credit_file(submission: Submission, items: Sequence[Item]) -> PaymentFile:
    """A file of credits with its contra. Every reference stands once: a returned credit is found by its reference."""
    if not items or any(item.code is not Code.CREDIT for item in items):
        raise BadSubmission("A payment file holds credits, and at least one")
    if len({item.reference for item in items}) != len(items):
        raise BadSubmission("Two payments of a file must not have the same reference")
    return standard_18(submission, items)


def standard_18(submission: Submission, items: Sequence[Item]) -> PaymentFile:
    """A file of credits, of collections, or of instructions alone, with the contra that balances it."""
    data = [data_record(submission.originator, item, place) for place, item in enumerate(items, start=1)]
    _refuse_bad_submission(submission, items)
    records = [
        vol1(submission),
        file_label("HDR1", submission),
        format_label("HDR2"),
        uhl1(submission),
        *data,
        *contra_records(submission, items),
        file_label("EOF1", submission),
        format_label("EOF2"),
        utl1(items),
    ]
    content = "".join(record + LINE_END for record in records).encode("ascii")
    figures = ControlFigures(sum(item.pence for item in items), len(items), hashlib.sha256(content).hexdigest())
    return PaymentFile(content, figures)


def vol1(submission: Submission) -> str:
    return f"VOL1{submission.serial}{'':31}{submission.originator.service_user_number}{'':32}1"


def file_label(label: str, submission: Submission) -> str:
    """HDR1 or EOF1."""
    number = submission.originator.service_user_number
    dates = bacs_date(submission.created_on) + bacs_date(submission.expires_on)
    return f"{label}A{number}S  1{number}{submission.serial}00010001{'':6}{dates} 000000{'':20}"


def format_label(label: str) -> str:
    """HDR2 or EOF2."""
    return f"{label}F0200000100{'':35}00{'':28}"


def uhl1(submission: Submission) -> str:
    day = bacs_date(submission.processing_day)
    return f"UHL1{day}999999{'':4}000000001 DAILY  {submission.file_number:03d}{'':40}"


def data_record(originator: Originator, item: Item, place: int = 1) -> str:
    """One item, checked against the rules of domain.md 3.5."""
    if (item.pence != 0) if item.code in INSTRUCTIONS else not 0 < item.pence <= HIGHEST_ITEM_PENCE:
        raise BadItem(f"Item {place}: the amount is not one that its code may carry")
    if item.reference == CONTRA:
        raise BadItem(f"Item {place}: the reference CONTRA is the contra's own")
    destination = plain_sort_code(item.sort_code) + padded_account(item.account_number)
    texts = (bacs_name(originator.name), bacs_reference(item.reference), bacs_name(item.name))
    return f"{destination}0{item.code}{_own(originator)}    {item.pence:011d}{''.join(map(_field, texts))}"


def contra_records(submission: Submission, items: Sequence[Item]) -> list[str]:
    """The entry on the originator's own account that balances the items; none where only instructions go."""
    code = Code.REGULAR_COLLECTION if items[0].code is Code.CREDIT else Code.CREDIT
    total = sum(item.pence for item in items)
    if total == 0:
        return []
    own = _own(submission.originator)
    name = _field(bacs_name(submission.originator.name))
    narrative = _field(submission.narrative) if submission.narrative else name
    return [f"{own}0{code}{own}    {total:011d}{narrative}{_field(CONTRA)}{name}"]


def utl1(items: Sequence[Item]) -> str:
    """Totals. The contra counts on the other side; instructions have a count of their own."""
    money = [item for item in items if item.code not in INSTRUCTIONS]
    total, contras = sum(item.pence for item in money), 1 if money else 0
    credits_go_out = bool(money) and money[0].code is Code.CREDIT
    debit_count, credit_count = (contras, len(money)) if credits_go_out else (len(money), contras)
    return f"UTL1{total:013d}{total:013d}{debit_count:07d}{credit_count:07d}{'':8}{len(items) - len(money):07d}{'':21}"


def bacs_date(day: date) -> str:
    """A date as labels carry it: a blank, two digits of the year, three of the day in the year."""
    return f" {day:%y%j}"


def _own(originator: Originator) -> str:
    return plain_sort_code(originator.sort_code) + padded_account(originator.account_number)


def _field(text: str) -> str:
    return f"{text:{FIELD_LENGTH}}"


def _refuse_bad_submission(submission: Submission, items: Sequence[Item]) -> None:
    number, serial = submission.originator.service_user_number, submission.serial
    kinds = {"debit" if item.code in DEBITS else "instruction" if item.code in INSTRUCTIONS else "credit" for item in items}
    rules = (
        (len(kinds) == 1, "A file holds items of one kind, and at least one"),
        (len(items) <= MOST_ITEMS, "A file cannot count so many items"),
        (sum(item.pence for item in items) <= HIGHEST_ITEM_PENCE, "The sum is more than the contra can carry"),
        (len(number) == 6 and number.isascii() and number.isdecimal(), "A service user number has six digits"),
        (len(serial) == 6 and serial.isalnum() and ALLOWED.fullmatch(serial) is not None, "A serial has six letters or digits"),
        (serial != "000000", "A serial is not all zeros"),
        (submission.created_on <= submission.processing_day, "A file is not created after its processing day"),
        (1 <= submission.file_number <= 999, "A file number has at most three digits"),
        (
            len(submission.narrative) <= FIELD_LENGTH and ALLOWED.fullmatch(submission.narrative) is not None,
            "The narrative is not Bacs text",
        ),
    )
    for kept, rule in rules:
        if not kept:
            raise BadSubmission(rule)
