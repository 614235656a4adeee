"""A strict reader of Standard 18 files (domain.md 3.5): what is written is read back before it is released."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date, datetime

from rentbook_contracts.words import counted

from refunds.domain.bacs import CONTRA, DEBITS, INSTRUCTIONS, Code, ControlFigures, bacs_date
from refunds.domain.bacs_text import BadReference, bacs_reference
from refunds.domain.rules import RefundRule

MOST_FAULTS = 50
LABEL_LENGTH = 80
RECORD_LENGTH = 100

# For each label the pieces in order: name, pattern, and what the pattern asks for, in words.
Pieces = tuple[tuple[str, str, str], ...]
ANY = "anything"
LABELS: dict[str, Pieces] = {
    "VOL1": (
        ("serial", r"(?!000000)[A-Z0-9]{6}", "a serial of six letters or digits, not zeros"),
        ("gap", r"[ 0] {30}", "blanks"),
        ("sun", r"\d{6}", "the service user number"),
        ("end", r" {32}1", "blanks and 1"),
    ),
    "HDR1": (
        ("file", r"A", "A"),
        ("sun", r"\d{6}", "the service user number"),
        ("set", r"S..[ 1]", "S, two characters, and a blank or 1"),
        ("sun2", r"(\d{6}| {6})", "the service user number or blanks"),
        ("serial", r"[A-Z0-9]{6}", "the serial of VOL1"),
        ("parts", r"00010001 {6}", "00010001 and blanks"),
        ("created", r" \d{5}", "a date bYYDDD"),
        ("expires", r" \d{5}", "a date bYYDDD"),
        ("end", r" 000000 {20}", "a blank, 000000 and blanks"),
    ),
    "HDR2": (("format", r"F0200000100", "F, block length 02000, record length 00100"), ("end", r" {35}00 {28}", "blanks and 00")),
    "UHL1": (
        ("processing", r" \d{5}", "a date bYYDDD"),
        ("to", r"999999 {4}00000000", "999999, blanks and zeros"),
        ("work", r"1 DAILY  ", "1 DAILY"),
        ("number", r"\d{3}", "a file number"),
        ("gap", r" {7}( {7}|AUD\d{4})", "blanks, or an audit print"),
        ("end", r".{26}", ANY),
    ),
    "UTL1": (
        ("debit_pence", r"\d{13}", "pence of debits"),
        ("credit_pence", r"\d{13}", "pence of credits"),
        ("debit_count", r"\d{7}", "the number of debits"),
        ("credit_count", r"\d{7}", "the number of credits"),
        ("gap", r" {8}", "blanks"),
        ("instruction_count", r"(\d{7}| {7})", "the number of instructions, or blanks"),
        ("end", r".{21}", ANY),
    ),
}
LABELS["EOF1"], LABELS["EOF2"] = LABELS["HDR1"], LABELS["HDR2"]
HEAD, TAIL = ("VOL1", "HDR1", "HDR2", "UHL1"), ("EOF1", "EOF2", "UTL1")
DATA: Pieces = (
    ("sort_code", r"\d{6}", "a sort code"),
    ("account_number", r"\d{8}", "an account number"),
    ("type", r"0", "account type 0"),
    ("code", r"(01|17|18|19|99|0N|0C|0S)", "a transaction code"),
    ("own_sort_code", r"\d{6}", "the own sort code"),
    ("own_account_number", r"\d{8}", "the own account number"),
    ("gap", r" {4}", "blanks"),
    ("pence", r"\d{11}", "an amount in pence"),
    ("user", r"[A-Z0-9 .&/-]{18}", "the user's name in Bacs characters"),
    ("reference", r"[A-Z0-9 .&/-]{18}", "a reference in Bacs characters"),
    ("name", r"[A-Z0-9 .&/-]{18}", "a name in Bacs characters"),
)


@dataclass(frozen=True)
class Fault:
    """One broken rule and the line that it stands on, counted from 1; 0 is the file as a whole."""

    line: int
    rule: str
    message: str


class UnreadablePaymentFile(RefundRule):
    """The bytes are no Standard 18 file that Bacs would take; `faults` has line and rule of each, up to 50."""

    def __init__(self, faults: list[Fault]) -> None:
        first = faults[0]
        super().__init__(f"The payment file breaks {counted(len(faults), 'rule')}; the first is on line {first.line}: {first.message}")
        self.faults = faults


@dataclass(frozen=True)
class ReadItem:
    """One item as it stands in the file."""

    line: int
    sort_code: str = field(repr=False)
    account_number: str = field(repr=False)
    code: Code
    pence: int
    reference: str
    name: str = field(repr=False)


@dataclass(frozen=True)
class ReadFile:
    """A file that broke no rule. The contra is not among the items."""

    service_user_number: str
    serial: str
    created_on: date
    processing_day: date
    items: tuple[ReadItem, ...]
    figures: ControlFigures


Row = dict[str, str]


def read_standard_18(content: bytes) -> ReadFile:
    """Read a file of one processing day. Raises `UnreadablePaymentFile` with all faults found; nothing is guessed or mended."""
    lines = _lines(content)
    labels, rows = _take_apart(lines)
    faults = [*_label_faults(labels), *_item_faults(rows), *_total_faults(rows, labels, len(lines))]
    if faults:
        raise UnreadablePaymentFile(faults[:MOST_FAULTS])
    items = tuple(_item(line, row) for line, row in rows if not _is_contra(row))
    figures = ControlFigures(sum(item.pence for item in items), len(items), hashlib.sha256(content).hexdigest())
    created, processing = _day(labels["HDR1"]["created"]), _day(labels["UHL1"]["processing"])
    return ReadFile(labels["VOL1"]["sun"], labels["VOL1"]["serial"], created, processing, items, figures)


def _lines(content: bytes) -> list[str]:
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as unreadable:
        line = content.count(b"\n", 0, unreadable.start) + 1
        raise UnreadablePaymentFile([Fault(line, "charset", "a byte is not ASCII")]) from None
    lines = text.split("\n")
    if lines.pop() != "":
        raise UnreadablePaymentFile([Fault(len(lines) + 1, "truncated", "the last line does not end")])
    if len(lines) < len(HEAD) + len(TAIL) + 1:
        raise UnreadablePaymentFile([Fault(0, "truncated", "labels or data are missing")])
    return lines


def _take_apart(lines: list[str]) -> tuple[dict[str, Row], list[tuple[int, Row]]]:
    """Labels by name and data rows with their line numbers; any line that does not fit its layout refuses the file at once."""
    last = len(lines) - len(TAIL)
    expected = dict(zip([*range(len(HEAD)), *range(last, len(lines))], [*HEAD, *TAIL], strict=True))
    faults: list[Fault] = []
    labels: dict[str, Row] = {}
    rows: list[tuple[int, Row]] = []
    for index, line in enumerate(lines):
        label = expected.get(index)
        row = _pieces(index + 1, label or "data", line, faults)
        if label:
            labels[label] = row
        else:
            rows.append((index + 1, row))
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise UnreadablePaymentFile(faults)
    return labels, rows


def _pieces(number: int, label: str, line: str, faults: list[Fault]) -> Row:
    length, pieces, place = (RECORD_LENGTH, DATA, 0) if label == "data" else (LABEL_LENGTH, LABELS[label], 4)
    if label != "data" and not line.startswith(label):
        faults.append(Fault(number, "order", f"{label} is expected here"))
        return {}
    if len(line) != length:
        faults.append(Fault(number, "length", f"{label} has {counted(length, 'character')}, this line {len(line)}"))
        return {}
    row: Row = {}
    for name, pattern, words in pieces:
        found = re.compile(pattern).match(line, place)
        if found is None:
            faults.append(Fault(number, f"{label} {name}", f"{label} has {words} from position {place + 1}"))
            return {}
        row[name], place = found.group(), found.end()
    return row


def _label_faults(labels: dict[str, Row]) -> list[Fault]:
    faults = []
    first, file, header = labels["VOL1"], labels["HDR1"], labels["UHL1"]
    days = [_is_day(text) for text in (file["created"], file["expires"], header["processing"])]
    if not all(days):
        return [Fault(4 if days[:2] == [True, True] else 2, "date", "a date is not a day of its year")]
    if _day(file["created"]) > _day(header["processing"]):
        faults.append(Fault(2, "dates", "the file is created after its processing day"))
    if _day(file["expires"]) <= _day(header["processing"]):
        faults.append(Fault(2, "dates", "the file expires on or before its processing day"))
    if file["sun"] != first["sun"] or file["sun2"] not in (first["sun"], " " * 6):
        faults.append(Fault(2, "service user", "the service user number is not that of VOL1"))
    if file["serial"] != first["serial"]:
        faults.append(Fault(2, "serial", "the serial is not that of VOL1"))
    if labels["EOF1"] != file:
        faults.append(Fault(0, "EOF1", "EOF1 is not HDR1 repeated"))
    return faults


def _item_faults(rows: list[tuple[int, Row]]) -> list[Fault]:
    faults = []
    own = {(row["own_sort_code"], row["own_account_number"]) for _, row in rows}
    if len(own) > 1:
        faults.append(Fault(0, "own account", "items name more than one own account"))
    for line, row in rows:
        if _is_contra(row):
            continue
        if (Code(row["code"]) in INSTRUCTIONS) == bool(int(row["pence"])):
            faults.append(Fault(line, "amount", "the amount is not one that the code may carry"))
        if not row["name"].strip() or not row["user"].strip():
            faults.append(Fault(line, "name", "a name is blank"))
        if not _is_reference(row["reference"].rstrip()):
            faults.append(Fault(line, "reference", "the reference is not one that Bacs takes"))
    return faults


def _total_faults(rows: list[tuple[int, Row]], labels: dict[str, Row], last_line: int) -> list[Fault]:
    debits = [int(row["pence"]) for _, row in rows if Code(row["code"]) in DEBITS]
    credits_ = [int(row["pence"]) for _, row in rows if row["code"] == Code.CREDIT]
    instructions = sum(Code(row["code"]) in INSTRUCTIONS for _, row in rows)
    contras = [line for line, row in rows if _is_contra(row)]
    said = labels["UTL1"]
    faults = []
    if [int(said["debit_pence"]), int(said["credit_pence"])] != [sum(debits), sum(credits_)]:
        faults.append(Fault(last_line, "total", "UTL1's amounts are not the sums of the items"))
    if [int(said["debit_count"]), int(said["credit_count"])] != [len(debits), len(credits_)]:
        faults.append(Fault(last_line, "count", "UTL1's counts are not the numbers of the items"))
    if said["instruction_count"].strip() and int(said["instruction_count"]) != instructions:
        faults.append(Fault(last_line, "count", "UTL1's count of instructions is wrong"))
    if sum(debits) != sum(credits_):
        faults.append(Fault(last_line, "balance", "debits and credits do not balance"))
    if contras not in ([], [rows[-1][0]]) or bool(contras) != bool(debits or credits_):
        faults.append(Fault(rows[-1][0], "contra", "one contra stands last where money moves, and none else"))
    return faults


def _is_contra(row: Row) -> bool:
    own = (row["own_sort_code"], row["own_account_number"])
    return row["reference"].rstrip() == CONTRA and (row["sort_code"], row["account_number"]) == own


def _is_reference(text: str) -> bool:
    try:
        bacs_reference(text)
    except BadReference:
        return False
    return True


def _item(line: int, row: Row) -> ReadItem:
    return ReadItem(
        line=line,
        sort_code=row["sort_code"],
        account_number=row["account_number"],
        code=Code(row["code"]),
        pence=int(row["pence"]),
        reference=row["reference"].rstrip(),
        name=row["name"].rstrip(),
    )


def _is_day(text: str) -> bool:
    """Whether it names a day of its year; strptime alone would carry day 366 over into the next year."""
    try:
        return bacs_date(_day(text)) == text
    except ValueError:
        return False


def _day(text: str) -> date:
    return datetime.strptime(f"20{text.strip()}", "%Y%j").date()  # noqa: DTZ007 - a date, not an instant
