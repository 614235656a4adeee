"""What a bank statement says, whatever format it came in.

From a bank's view: money into the council's account is positive here, money out negative. Names, texts and account numbers are personal:
for storage only, never for an event, a log or an error, and so left out of every `repr`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Status = Literal["BOOK", "PDNG", "INFO", "FUTR"]
STATUSES: tuple[Status, ...] = ("BOOK", "PDNG", "INFO", "FUTR")
"""Booked, pending, for information only, in the future (ISO 20022 ExternalEntryStatus1Code). Only what is booked is money."""


@dataclass(frozen=True)
class OwnAccount:
    """A bank account of the council. `name` is what people call it, for example "rent income"; the rest is how a bank writes it."""

    name: str
    iban: str = field(default="", repr=False)
    sort_code: str = field(default="", repr=False)
    number: str = field(default="", repr=False)


@dataclass(frozen=True)
class EntryDetail:
    """One payment inside an entry. `debtor_account` is the payer's, an IBAN or 14 digits: to be told apart, not kept."""

    line: int
    amount_pence: int | None
    end_to_end_id: str | None
    servicer_reference: str | None
    structured_references: tuple[str, ...]
    remittance_text: str = field(repr=False)
    debtor_name: str = field(repr=False)
    creditor_name: str = field(repr=False)
    debtor_account: str = field(repr=False)


@dataclass(frozen=True)
class BankEntry:
    """One entry of a statement. `amount_pence` is positive for money in; `booking_date` may be missing while the entry is pending.

    `details` holds the payments behind it: one as a rule, several in a batch, none where the bank tells no more.
    """

    line: int
    entry_reference: str | None
    account_servicer_reference: str | None
    amount_pence: int
    currency: str
    status: Status
    booking_date: date | None
    value_date: date | None
    bank_transaction_code: str
    proprietary_code: str
    reversal: bool
    additional_information: str = field(repr=False)
    details: tuple[EntryDetail, ...]

    @property
    def is_batch(self) -> bool:
        """Whether the entry gathers several payments."""
        return len(self.details) > 1

    @property
    def end_to_end_id(self) -> str | None:
        """The payer's reference of an entry with one payment."""
        return self.details[0].end_to_end_id if len(self.details) == 1 else None

    @property
    def remittance_text(self) -> str:
        """What the payer wrote, for an entry with one payment; else what the bank added."""
        return (self.details[0].remittance_text if len(self.details) == 1 else "") or self.additional_information

    @property
    def structured_references(self) -> tuple[str, ...]:
        """The creditor references of an entry with one payment."""
        return self.details[0].structured_references if len(self.details) == 1 else ()

    @property
    def debtor_name(self) -> str:
        """Who paid, for an entry with one payment."""
        return self.details[0].debtor_name if len(self.details) == 1 else ""


@dataclass(frozen=True)
class Statement:
    """One account's statement. `account` is the name of our account, or empty where it is none of ours; `page` is empty if it has one."""

    line: int
    statement_id: str
    sequence_number: int | None
    account: str
    opening_pence: int | None
    opening_date: date | None
    closing_pence: int | None
    closing_date: date | None
    entries: tuple[BankEntry, ...]
    page: str = ""

    @property
    def books(self) -> bool:
        """Whether anything on it is booked."""
        return any(entry.status == "BOOK" for entry in self.entries)


def own_account(accounts: Iterable[OwnAccount], iban: str, other: str, bank_code: str) -> OwnAccount | None:
    """Which of our accounts a statement is for. None where it is none.

    Banks write a British account as an IBAN, as 14 digits, or as 8 digits beside a sort code.
    """
    given = re.sub(r"[ \-]", "", iban or other).upper()
    sort_code, number = _sort_code_and_number(given, re.sub("[^0-9]", "", bank_code))
    matching = [
        account
        for account in accounts
        if (account.iban and _bare(account.iban) == given)
        or (account.number and (_bare(account.sort_code), account.number) == (sort_code or _bare(account.sort_code), number))
    ]
    return matching[0] if len(matching) == 1 else None


def _bare(text: str) -> str:
    return re.sub(r"[ \-]", "", text).upper()


def _sort_code_and_number(given: str, bank_code: str) -> tuple[str, str]:
    if re.fullmatch("GB[0-9]{2}[A-Z]{4}[0-9]{14}", given):
        return given[8:14], given[14:]
    if re.fullmatch("[0-9]{14}", given):
        return given[:6], given[6:]
    return bank_code[-6:], given


def payer_account(account: str, bank_code: str) -> str:
    """A payer's account in one way of writing: an IBAN, or a British sort code and number as 14 digits; else as the bank gave it."""
    given, sort_code = _bare(account), re.sub("[^0-9]", "", bank_code)
    return sort_code + given if re.fullmatch("[0-9]{8}", given) and len(sort_code) == 6 else given


def masked(account: str) -> str:
    """An account number of which only the last four characters are left: enough to recognise, too little to use."""
    bare = _bare(account)
    return f"••••{bare[-4:]}" if len(bare) >= 8 else "••••" if bare else ""


def decimals(pence: int) -> str:
    """An amount as people read it, for messages: -1,234.50. Without a currency, since it may be one that is refused."""
    return f"{'-' if pence < 0 else ''}{abs(pence) // 100:,}.{abs(pence) % 100:02d}"


def pounds(pence: int) -> str:
    """An amount that is known to be in pounds, as people read it, for messages: -£1,234.50."""
    return f"{'-' if pence < 0 else ''}£{decimals(abs(pence))}"


def statement_remark(statement: str, line: int, earlier: str, file: str, *, same_beginning: bool) -> str:
    """What to look at where a statement that was taken begins as an earlier one of its account does, or has its number."""
    shared = "begins on the same day with the same balance as" if same_beginning else "has the number of"
    return (
        f"Statement {statement} (line {line}) {shared} statement {earlier} of {file}, which was taken before it. "
        "Compare the two: one may lack payments, or payments may be in the books twice."
    )
