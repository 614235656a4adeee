"""Bank statements in ISO 20022 camt.053, versions 2 to 13, read as they arrive; every fault is found before any is told.

CRDT is money into the council's account and positive, DBIT is money out and negative; `RvslInd` explains a sign and never turns it.
Only booked entries count in the control total: opening balance + entries = closing balance, for each statement.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from rentbook_contracts.words import counted

from ledger.domain.camt053_checked import Checked
from ledger.domain.camt053_fields import BAL, DTLS, MAY_HAVE_CHILDREN, NTRY, REPEATABLE, SCOPE_OF_LEAF, STMT, TX, Fields, Value
from ledger.domain.camt053_totals import check_control_total, check_summary
from ledger.domain.camt053_values import SIGNS, joined, pence_of
from ledger.domain.faults import Fault, Faults, Refusal
from ledger.domain.statement import (
    STATUSES,
    BankEntry,
    EntryDetail,
    OwnAccount,
    Statement,
    Status,
    masked,
    own_account,
    payer_account,
    pounds,
)
from ledger.domain.xml_stream import Element, Readable, XmlBounds, XmlStream

_NAMESPACE = re.compile(r"(?:^|[:/$])camt\.053\.001\.[0-9]{2}$")
MOST_STATEMENTS = 2_000
MOST_BALANCES = 10_000
MOST_REPEATS = 100
"""How often one payment may repeat what may be repeated."""
MOST_FAULTS = 1_000
"""After so many faults a file is not worth reading on."""
_OTHER_MESSAGE = re.compile(r"(?:^|[:/$])([a-z]{4}\.[0-9]{3}\.[0-9]{3}\.[0-9]{2})$")


@dataclass(frozen=True)
class StatementFile:
    """What was read, and every fault. Only a file without faults may be posted."""

    message: str
    statements: tuple[Statement, ...]
    faults: Faults


@dataclass(frozen=True)
class StatementTerms:
    """What a statement is held against: our accounts, today's date (Europe/London), the most entries a file may have, XML bounds.

    `references` is the order in which an entry's reference is looked for: banks differ in which of the two never repeats.
    """

    accounts: Sequence[OwnAccount]
    today: date
    max_entries: int = 100_000
    bounds: XmlBounds = field(default_factory=XmlBounds)
    references: tuple[Literal["entry", "servicer"], ...] = ("entry", "servicer")
    currency: str = "GBP"

    def references_of(self, entry: BankEntry) -> tuple[str, ...]:
        """The different references by which an entry is known across files, the leading one first; empty where the bank gave none."""
        given = {"entry": entry.entry_reference, "servicer": entry.account_servicer_reference}
        return tuple(dict.fromkeys(reference for name in self.references if (reference := given[name])))

    def reference_of(self, entry: BankEntry) -> str | None:
        """The leading reference of those that an entry carries, or None where the bank gave none."""
        return next(iter(self.references_of(entry)), None)


def read_camt053(stream: Readable, terms: StatementTerms) -> StatementFile:
    """Read a whole camt.053 file. Never raises for what is in the file: every fault is in the answer, with its line and rule."""
    reader = _Reader(terms)
    try:
        XmlStream(reader.start, reader.end, terms.bounds).read(stream)
        reader.finish()
    except Refusal as refusal:
        reader.faults.end(refusal.fault)
    return StatementFile(reader.message, tuple(reader.statements), reader.faults)


class _Reader:
    """Gathers fields while elements pass, and turns each into its record when it closes."""

    def __init__(self, terms: StatementTerms) -> None:
        self.terms = terms
        self.faults = Faults()
        self._checked = Checked(self.faults, terms.currency)
        self.message = ""
        self.statements: list[Statement] = []
        self._namespace = ""
        self._paths: list[str] = []
        self._scopes: dict[str, Fields] = {}
        self._balances: list[Fields] = []
        self._entries: list[BankEntry] = []
        self._unreadable = 0
        self._details: list[EntryDetail] = []
        self._details_before = 0
        self._seen: Counter[str] = Counter()
        self._most = {
            STMT: (MOST_STATEMENTS, "TooManyStatements", "statements"),
            BAL: (MOST_BALANCES, "TooManyBalances", "balances"),
            NTRY: (terms.max_entries, "TooManyEntries", "entries"),
            DTLS: (terms.max_entries, "TooManyDetails", "groups of payments"),
            TX: (terms.max_entries, "TooManyPayments", "payments"),
        }
        self._seen_statements: set[tuple[str, str]] = set()
        self._seen_references: set[tuple[str, str, bool]] = set()
        self._closers: dict[str, Callable[[Fields], None]] = {
            STMT: self._close_statement,
            BAL: self._balances_append,
            NTRY: self._close_entry,
            DTLS: self._close_details,
            TX: self._close_payment,
        }

    def start(self, element: Element) -> None:
        """An element opens."""
        if not self._paths:
            self._open_document(element)
        if self.faults.count >= MOST_FAULTS:
            raise Refusal(Fault(element.line, "TooManyFaults", f"{MOST_FAULTS} faults were found above this line; it was read no further"))
        own = element.namespace == self._namespace
        parent = self._paths[-1] if self._paths else ""
        if parent in SCOPE_OF_LEAF and parent not in MAY_HAVE_CHILDREN:
            self.faults.add(
                element.line, "TextExpected", "an element stands where only text may: the file does not follow the camt.053 format"
            )
        path = f"{parent}/{element.name if own else '?'}"
        self._paths.append(path)
        if path in self._closers:
            self._scopes[path] = Fields(element.line)
            self._open_scope(path, element.line)

    def end(self, element: Element) -> None:
        """An element closes."""
        path = self._paths.pop()
        if path in self._closers:
            self._closers[path](self._scopes.pop(path))
        elif (found := SCOPE_OF_LEAF.get(path)) and (element.text or path not in MAY_HAVE_CHILDREN):
            self._keep(*found, element)

    def finish(self) -> None:
        """The document has ended as it should."""
        if not self.statements:
            self.faults.add(None, "NoStatement", "the file has no statement")

    def _open_document(self, element: Element) -> None:
        self._namespace = element.namespace
        other = _OTHER_MESSAGE.search(element.namespace)
        self.message = other[1] if other else ""
        if element.name != "Document" or not _NAMESPACE.search(element.namespace):
            what = f"is {self.message}" if self.message else "is something else"
            raise Refusal(Fault(element.line, "WrongDocument", f"a camt.053 bank statement is expected, and this XML {what}"))

    def _open_scope(self, path: str, line: int) -> None:
        self._seen[path] += 1
        most, rule, what = self._most[path]
        if self._seen[path] > most:
            raise Refusal(Fault(line, rule, f"the file has more than {most} {what}"))
        if path == STMT:
            self._balances, self._entries, self._unreadable = [], [], 0
        elif path == DTLS:
            self._details_before = len(self._details)
        elif path == NTRY:
            self._details = []

    def _keep(self, scope: str, leaf: str, element: Element) -> None:
        fields = self._scopes[scope]
        values = fields.values.setdefault(leaf, [])
        if values and leaf not in REPEATABLE:
            self.faults.add(element.line, "FieldRepeated", f"{element.name} stands twice where it may stand once")
            return
        if len(values) == MOST_REPEATS:
            raise Refusal(Fault(element.line, "TooManyRepeats", f"{element.name} stands more than {MOST_REPEATS} times in one payment"))
        values.append(Value(element.text, element.line, element.attributes.get("Ccy", "")))

    def _balances_append(self, fields: Fields) -> None:
        self._balances.append(fields)

    # payments

    def _close_payment(self, fields: Fields) -> None:
        amount = fields.first("Amt", "AmtDtls/TxAmt/Amt")
        account = fields.text("RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id")
        sign = SIGNS.get(fields.text("CdtDbtInd"), 0)
        pence = pence_of(amount.text) if amount and amount.currency == self.terms.currency else None
        own_sign = sign or SIGNS.get(self._scopes[NTRY].text("CdtDbtInd"), 0)
        self._details.append(
            EntryDetail(
                fields.line,
                None if pence is None else pence * own_sign,
                self._checked.reference(fields, "Refs/EndToEndId"),
                self._checked.reference(fields, "Refs/AcctSvcrRef"),
                fields.texts("RmtInf/Strd/CdtrRefInf/Ref"),
                remittance_text=joined(*fields.texts("RmtInf/Ustrd"), *fields.texts("RmtInf/Strd/AddtlRmtInf")),
                debtor_name=joined(fields.text("RltdPties/Dbtr/Nm", "RltdPties/Dbtr/Pty/Nm")),
                creditor_name=joined(fields.text("RltdPties/Cdtr/Nm", "RltdPties/Cdtr/Pty/Nm")),
                debtor_account=payer_account(account, fields.text("RltdAgts/DbtrAgt/FinInstnId/ClrSysMmbId/MmbId")),
            )
        )

    def _close_details(self, fields: Fields) -> None:
        stated = fields.first("Btch/NbOfTxs")
        listed = len(self._details) - self._details_before
        if stated and listed and stated.text.lstrip("0") != str(listed):
            self.faults.add(stated.line, "BatchCountWrong", f"the batch lists {counted(listed, 'payment')}, and says another number")

    # entries

    def _close_entry(self, fields: Fields) -> None:
        amount = self._signed(fields)
        status = self._status(fields)
        booked = self._checked.day(fields, "BookgDt")
        valued = self._checked.day(fields, "ValDt")
        self._checked.check_currency(fields)
        self._check_dates(status, booked, fields)
        if amount is None or status is None:
            self._unreadable += 1
            return
        code = "/".join(filter(None, (fields.text(f"BkTxCd/Domn/{part}") for part in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd"))))
        entry = BankEntry(
            fields.line,
            self._checked.reference(fields, "NtryRef"),
            self._checked.reference(fields, "AcctSvcrRef"),
            amount,
            fields.values["Amt"][0].currency,
            status,
            booked,
            valued,
            code,
            fields.text("BkTxCd/Prtry/Cd"),
            self._checked.flag(fields, "RvslInd"),
            additional_information=joined(fields.text("AddtlNtryInf")),
            details=tuple(self._details),
        )
        self._check_batch(entry)
        self._entries.append(entry)

    def _signed(self, fields: Fields) -> int | None:
        pence = self._checked.amount(fields, "Amt")
        sign = self._checked.sign(fields, "CdtDbtInd")
        if pence == 0:
            self.faults.add(fields.line_of("Amt"), "ZeroAmount", "an entry must be of more than 0.00")
        return None if pence is None or sign is None else pence * sign

    def _status(self, fields: Fields) -> Status | None:
        found = fields.text("Sts/Cd", "Sts")
        for status in STATUSES:
            if found == status:
                return status
        self.faults.add(fields.line_of("Sts/Cd", "Sts"), "StatusMissing", f"an entry's status must be one of {', '.join(STATUSES)}")
        return None

    def _check_dates(self, status: Status | None, booked: date | None, fields: Fields) -> None:
        if status != "BOOK":
            return
        if fields.first("BookgDt/Dt", "BookgDt/DtTm") is None:
            self.faults.add(fields.line, "BookingDateMissing", "a booked entry must have a booking date (BookgDt)")
        elif booked and booked > self.terms.today:
            line = fields.line_of("BookgDt/Dt", "BookgDt/DtTm")
            self.faults.add(line, "BookingDateInFuture", f"booked on {booked}, which is after today, {self.terms.today}")

    def _check_batch(self, entry: BankEntry) -> None:
        if not entry.is_batch:
            return
        parts = [detail.amount_pence for detail in entry.details]
        if None in parts:
            self.faults.add(
                entry.line, "BatchAmountMissing", f"a batch of {counted(len(parts), 'payment')}, and not each has an amount in our currency"
            )
        elif (total := sum(part for part in parts if part is not None)) != entry.amount_pence:
            message = f"the batch's payments add up to {pounds(total)}, and the entry is {pounds(entry.amount_pence)}"
            self.faults.add(entry.line, "BatchTotalWrong", message)

    # statements

    def _close_statement(self, fields: Fields) -> None:
        account = self._account(fields)
        opening = self._balance(fields, "opening", "OPBD", "PRCD")
        closing = self._balance(fields, "closing", "CLBD")
        statement = Statement(
            fields.line,
            self._statement_id(fields),
            self._sequence(fields),
            account,
            opening[0],
            opening[1],
            closing[0],
            closing[1],
            tuple(self._entries),
            fields.text("StmtPgntn/PgNb"),
        )
        self._check_references(statement)
        if not self._unreadable:
            check_control_total(statement, closing[2], self.faults)
            check_summary(statement, fields, self.faults)
        self.statements.append(statement)

    def _statement_id(self, fields: Fields) -> str:
        found = self._checked.reference(fields, "Id") or ""
        key = (found, fields.text("StmtPgntn/PgNb"))
        if not found:
            self.faults.add(fields.line, "StatementIdMissing", "the statement has no identification")
        elif key in self._seen_statements:
            self.faults.add(fields.line_of("Id"), "StatementRepeated", f"statement {found} stands twice in the file")
        self._seen_statements.add(key)
        return found

    def _sequence(self, fields: Fields) -> int | None:
        found = fields.first("ElctrncSeqNb")
        if found is None:
            return None
        if not re.fullmatch("[0-9]{1,18}", found.text):
            self.faults.add(
                found.line, "StatementNumberNotANumber", "the statement's electronic sequence number (ElctrncSeqNb) must be digits"
            )
            return None
        return int(found.text)

    def _account(self, fields: Fields) -> str:
        iban, other = fields.text("Acct/Id/IBAN"), fields.text("Acct/Id/Othr/Id")
        if not iban and not other:
            self.faults.add(fields.line, "AccountMissing", "the statement names no account")
            return ""
        found = own_account(self.terms.accounts, iban, other, fields.text("Acct/Svcr/FinInstnId/ClrSysMmbId/MmbId"))
        if found is None:
            line = fields.line_of("Acct/Id/IBAN", "Acct/Id/Othr/Id")
            self.faults.add(line, "WrongAccount", f"the statement is for the account {masked(iban or other)}, which is none of ours")
        return found.name if found else ""

    def _balance(self, fields: Fields, name: str, *codes: str) -> tuple[int | None, date | None, int]:
        for code in codes:
            found = [balance for balance in self._balances if balance.text("Tp/CdOrPrtry/Cd") == code]
            if len(found) > 1:
                self.faults.add(found[1].line, "BalanceRepeated", f"the {name} balance stands twice")
            if found:
                return self._read_balance(found[0])
        self.faults.add(fields.line, "BalanceMissing", f"the statement has no {name} balance ({' or '.join(codes)})")
        return None, None, fields.line

    def _read_balance(self, fields: Fields) -> tuple[int | None, date | None, int]:
        pence, sign, day = self._checked.amount(fields, "Amt"), self._checked.sign(fields, "CdtDbtInd"), self._checked.day(fields, "Dt")
        self._checked.check_currency(fields)
        if day and day > self.terms.today:
            line = fields.line_of("Dt/Dt", "Dt/DtTm")
            self.faults.add(line, "BalanceDateInFuture", f"a balance of {day}, which is after today, {self.terms.today}")
        return (None if pence is None or sign is None else pence * sign), day, fields.line_of("Amt")

    def _check_references(self, statement: Statement) -> None:
        for entry in statement.entries:
            reference = self.terms.reference_of(entry)
            if reference is None or entry.status == "INFO":
                continue
            key = (statement.account, reference, entry.status == "BOOK")
            if key in self._seen_references:
                self.faults.add(entry.line, "EntryReferenceRepeated", f"entry reference {reference} stands twice in the file")
            self._seen_references.add(key)
