"""The bank's own reading of a Standard 18 file: by position, written apart from the code that makes such files.

Bacs carries files of one processing day here; files of several days are refused. Positions count from 1, as the standard's table does.
"""

from dataclasses import dataclass
from datetime import date, timedelta

LABEL, RECORD = 80, 100
BACS_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .&/-")
CREDIT, DEBIT_CODES, INSTRUCTION_CODES = "99", {"01", "17", "18", "19"}, {"0N", "0C", "0S"}
MOST_FAULTS = 100


@dataclass(frozen=True)
class Fault:
    line: int
    rule: str
    message: str


class Refused(Exception):
    """The file breaks rules of the standard."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults[:MOST_FAULTS]


@dataclass(frozen=True)
class Record:
    line: int
    sort_code: str
    account_number: str
    code: str
    own: str
    pence: int
    reference: str
    name: str

    @property
    def is_contra(self) -> bool:
        return self.reference == "CONTRA" and self.sort_code + self.account_number == self.own


@dataclass(frozen=True)
class File:
    """A file that the standard allows. `items` are without the contra."""

    service_user_number: str
    serial: str
    processing_day: date
    items: tuple[Record, ...]

    @property
    def total_pence(self) -> int:
        return sum(item.pence for item in self.items)


class _Desk:
    """Looks at lines and notes what is wrong with them."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.faults: list[Fault] = []

    def note(self, line: int, rule: str, message: str) -> None:
        self.faults.append(Fault(line, rule, message))

    def want(self, holds: bool, line: int, rule: str, message: str) -> None:
        if not holds:
            self.note(line, rule, message)

    def at(self, line: int, first: int, last: int) -> str:
        return self.lines[line - 1][first - 1 : last]

    def fixed(self, line: int, first: int, text: str, rule: str) -> None:
        found = self.at(line, first, first + len(text) - 1)
        self.want(found == text, line, rule, f"positions {first}-{first + len(text) - 1} are not as the standard has them")

    def number(self, line: int, first: int, last: int, rule: str) -> int:
        text = self.at(line, first, last)
        if not (text.isascii() and text.isdigit()):
            self.note(line, rule, f"positions {first}-{last} are not digits")
            return 0
        return int(text)

    def day(self, line: int, first: int, rule: str) -> date:
        text = self.at(line, first, first + 5)
        if text[:1] == " " and text[1:].isascii() and text[1:].isdigit():
            year, place = 2000 + int(text[1:3]), int(text[3:])
            found = date(year, 1, 1) + timedelta(days=place - 1) if place else date.min
            if found.year == year:
                return found
        self.note(line, rule, f"positions {first}-{first + 5} are no date")
        return date.min


def read(content: bytes) -> File:
    """Take a file apart. Raises `Refused` with every fault."""
    desk = _Desk(_lines(content))
    _shape(desk)
    if desk.faults:
        raise Refused(desk.faults)
    last = len(desk.lines)
    records = [_record(desk, line) for line in range(5, last - 2)]
    file = File(desk.at(1, 42, 47), desk.at(1, 5, 10), desk.day(4, 5, "UHL1 processing day"), tuple(r for r in records if not r.is_contra))
    _labels(desk, file, last)
    _balance(desk, records, last)
    if desk.faults:
        raise Refused(desk.faults)
    return file


def _lines(content: bytes) -> list[str]:
    if not content.isascii():
        raise Refused([Fault(0, "characters", "the file is not ASCII")])
    lines = content.decode("ascii").split("\n")
    if lines[-1] != "":
        raise Refused([Fault(len(lines), "end", "the last record is not complete")])
    lines = [line.removesuffix("\r") for line in lines[:-1]]
    if len(lines) < 8:
        raise Refused([Fault(0, "records", "there are fewer records than the labels and one item")])
    return lines


def _shape(desk: _Desk) -> None:
    last = len(desk.lines)
    labels = {1: "VOL1", 2: "HDR1", 3: "HDR2", 4: "UHL1", last - 2: "EOF1", last - 1: "EOF2", last: "UTL1"}
    for line, text in enumerate(desk.lines, start=1):
        length = LABEL if line in labels else RECORD
        desk.want(len(text) == length, line, "length", f"this record has {len(text)} characters and should have {length}")
        if line in labels:
            desk.want(text[:4] == labels[line], line, "label", f"{labels[line]} should stand here")


def _labels(desk: _Desk, file: File, last: int) -> None:
    user, serial = file.service_user_number, file.serial
    desk.number(1, 42, 47, "VOL1 service user")
    desk.want(serial.isalnum() and serial == serial.upper() and serial != "000000", 1, "VOL1 serial", "the serial is not one")
    desk.want(desk.at(1, 11, 11) in " 0", 1, "VOL1", "position 11 is neither blank nor 0")
    desk.fixed(1, 12, " " * 30, "VOL1")
    desk.fixed(1, 48, " " * 32 + "1", "VOL1")
    for line, label in ((2, "HDR1"), (last - 2, "EOF1")):
        desk.fixed(line, 5, f"A{user}S", label)
        desk.want(desk.at(line, 15, 15) in " 1", line, label, "position 15 is neither blank nor 1")
        desk.want(desk.at(line, 16, 21) in (user, " " * 6), line, label, "positions 16-21 name another service user")
        desk.fixed(line, 22, f"{serial}00010001      ", label)
        desk.fixed(line, 54, " 000000" + " " * 20, label)
        desk.want(desk.day(line, 42, label) <= file.processing_day, line, label, "the file was created after its processing day")
        desk.want(desk.day(line, 48, label) > file.processing_day, line, label, "the file expires before it is processed")
    for line, label in ((3, "HDR2"), (last - 1, "EOF2")):
        desk.fixed(line, 5, "F0200000100" + " " * 35 + "00" + " " * 28, label)
    desk.want(desk.at(2, 5, 80) == desk.at(last - 2, 5, 80), last - 2, "EOF1", "EOF1 differs from HDR1")
    desk.fixed(4, 11, "999999    00000000" + "1 DAILY  ", "UHL1")
    desk.number(4, 38, 40, "UHL1 file number")
    desk.fixed(4, 41, " " * 7, "UHL1")
    audit = desk.at(4, 48, 54)
    desk.want(audit == " " * 7 or (audit[:3] == "AUD" and audit[3:].isdigit()), 4, "UHL1", "positions 48-54 are no audit print")
    desk.fixed(last, 45, " " * 8, "UTL1")


def _record(desk: _Desk, line: int) -> Record:
    code = desk.at(line, 16, 17)
    pence = desk.number(line, 36, 46, "amount")
    for first, last, rule in ((1, 14, "destination"), (18, 31, "own account")):
        desk.number(line, first, last, rule)
    desk.fixed(line, 15, "0", "account type")
    desk.fixed(line, 32, "    ", "positions 32-35")
    desk.want(set(desk.at(line, 47, 100)) <= BACS_CHARACTERS, line, "characters", "there is a character that Bacs does not carry")
    record = Record(
        line, desk.at(line, 1, 6), desk.at(line, 7, 14), code, desk.at(line, 18, 31), pence, desk.at(line, 65, 82).rstrip(),
        desk.at(line, 83, 100).rstrip(),
    )  # fmt: skip
    _record_rules(desk, record, desk.at(line, 47, 64))
    return record


def _record_rules(desk: _Desk, record: Record, user_name: str) -> None:
    known = {CREDIT, *DEBIT_CODES, *INSTRUCTION_CODES}
    desk.want(record.code in known, record.line, "code", "the transaction code is not known")
    desk.want((record.pence == 0) == (record.code in INSTRUCTION_CODES), record.line, "amount", "the code does not go with the amount")
    desk.want(bool(record.name) and bool(user_name.strip()), record.line, "name", "a name is blank")
    letters = [character for character in record.reference if character.isalnum()]
    good = len(letters) >= 6 and len(set(letters)) > 1 and not record.reference.startswith(("DDIC", " "))
    desk.want(good, record.line, "reference", "the reference is not one that Bacs takes")


def _balance(desk: _Desk, records: list[Record], last: int) -> None:
    debits = [record.pence for record in records if record.code in DEBIT_CODES]
    credited = [record.pence for record in records if record.code == CREDIT]
    instructions = [record for record in records if record.code in INSTRUCTION_CODES]
    desk.want(desk.number(last, 5, 17, "UTL1") == sum(debits), last, "debit total", "the debit total is not the sum of the debits")
    desk.want(desk.number(last, 18, 30, "UTL1") == sum(credited), last, "credit total", "the credit total is not the sum of the credits")
    desk.want(desk.number(last, 31, 37, "UTL1") == len(debits), last, "debit count", "the debit count is wrong")
    desk.want(desk.number(last, 38, 44, "UTL1") == len(credited), last, "credit count", "the credit count is wrong")
    if desk.at(last, 53, 59).strip():
        desk.want(desk.number(last, 53, 59, "UTL1") == len(instructions), last, "instruction count", "the instruction count is wrong")
    desk.want(sum(debits) == sum(credited), last, "balance", "debits and credits are not equal")
    contras = [record.line for record in records if record.is_contra]
    expected = [records[-1].line] if debits or credited else []
    desk.want(contras == expected, records[-1].line, "contra", "one contra stands last where money moves")
    desk.want(len({record.own for record in records}) == 1, 0, "own account", "the items name several own accounts")
