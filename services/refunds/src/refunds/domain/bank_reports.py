"""The bank's reports on what was submitted (domain.md 3.4): the input report, and ARUCS, the credits that came back.

A report is XML from outside: no document type, no entities, bounded. It is read whole or refused with the line and the rule of each
fault, and its key says whether it was taken before. No published schema of ARUCS was found; its shape follows ARUDD's.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import NamedTuple, TypeVar

from lxml import etree
from rentbook_contracts.words import counted

from refunds.domain.rules import RefundRule

LARGEST_REPORT_BYTES = 10 * 1024 * 1024
MOST_ITEMS = 100_000
MOST_FAULTS = 50
LONGEST_TEXT = 60
VALUE = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,11})\.(\d{2})")
PLAIN = re.compile(r"[A-Z0-9 .,'&/()-]*")

Found = TypeVar("Found")


class ReportType(StrEnum):
    INPUT = "INPUT"
    ARUCS = "ARUCS"


class ReportKey(NamedTuple):
    """What makes a report the same report: service user, type, day, and advice number (domain.md 3.4)."""

    service_user_number: str
    type: ReportType
    on: date
    advice_number: str

    def __str__(self) -> str:
        return f"{self.service_user_number}/{self.type}/{self.on.isoformat()}/{self.advice_number}"


@dataclass(frozen=True)
class RejectedItem:
    """An item that Bacs did not take. `code`: E amended, O returned, Y rejected."""

    reference: str
    code: str
    words: str
    pence: int


@dataclass(frozen=True)
class InputReport:
    """What became of a submitted file at input. `serial` is the file's own, from VOL1; counts and pence are of credits."""

    key: ReportKey
    serial: str
    sha256: str
    processing_day: date
    accepted: bool
    accepted_count: int
    accepted_pence: int
    rejected_count: int
    rejected_pence: int
    rejected: tuple[RejectedItem, ...]


@dataclass(frozen=True)
class ReturnedCredit:
    """A credit that the payee's bank sent back."""

    reference: str
    code: str
    words: str
    pence: int


@dataclass(frozen=True)
class CreditReturns:
    """An ARUCS report: act within three working days (domain.md 4)."""

    key: ReportKey
    items: tuple[ReturnedCredit, ...]

    @property
    def total_pence(self) -> int:
        return sum(item.pence for item in self.items)


@dataclass(frozen=True)
class ReportFault:
    """One broken rule and the line that it stands on, counted from 1; 0 is the report as a whole."""

    line: int
    rule: str
    message: str


DOCUMENT_TYPE = ReportFault(0, "document type", "a report has no document type and no entities")


class UnreadableReport(RefundRule):
    """The bytes are no report that can be believed; `faults` has line and rule of each, up to 50. Nothing of it is repeated."""

    def __init__(self, faults: list[ReportFault]) -> None:
        first = faults[0]
        super().__init__(f"The bank's report breaks {counted(len(faults), 'rule')}; the first is on line {first.line}: {first.message}")
        self.faults = faults


@dataclass
class _Reading:
    """Takes a report apart and collects what is wrong with it."""

    root: etree._Element
    faults: list[ReportFault] = field(default_factory=list)

    def fault(self, element: etree._Element, rule: str, message: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(ReportFault(_line(element), rule, message))

    def one(self, path: str, inside: etree._Element | None = None) -> etree._Element | None:
        within = self.root if inside is None else inside
        found = within.findall(path)
        if len(found) != 1:
            self.fault(within, "structure", f"{path} stands once here, not {counted(len(found), 'time')}")
            return None
        return found[0]

    def attribute(self, element: etree._Element | None, name: str, read: Callable[[str], Found], otherwise: Found) -> Found:
        """The attribute as `read` understands it. `otherwise` stands in for a fault, which refuses the report in the end."""
        if element is None:
            return otherwise
        text = element.get(name)
        if text is None:
            self.fault(element, "missing", f"{name} is missing")
            return otherwise
        try:
            return read(text)
        except ValueError:
            self.fault(element, "value", f"{name} is not in its form")
            return otherwise


def read_report(content: bytes) -> InputReport | CreditReturns:
    """Read a report of either type. Raises `UnreadableReport` with every fault found."""
    root = _parse(content)
    data = root.find("Data")
    kinds = [child.tag for child in data] if root.tag == "BACSDocument" and data is not None else []
    reading = _Reading(root)
    report: InputReport | CreditReturns
    if kinds == ["InputReport"]:
        report = _input_report(reading)
    elif kinds == ["ARUCS"]:
        report = _credit_returns(reading)
    else:
        raise UnreadableReport([ReportFault(_line(root), "structure", "it is neither an input report nor ARUCS")])
    if reading.faults:
        raise UnreadableReport(reading.faults)
    return report


def _parse(content: bytes) -> etree._Element:
    if len(content) > LARGEST_REPORT_BYTES:
        raise UnreadableReport([ReportFault(0, "size", f"a report has at most {LARGEST_REPORT_BYTES // 1024 // 1024} MB")])
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise UnreadableReport([DOCUMENT_TYPE])
    # The encoding is given, so that no declaration can hide a document type from the line above.
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as broken:
        raise UnreadableReport([ReportFault(broken.lineno or 0, "xml", "the XML is broken here")]) from None
    except ValueError:
        raise UnreadableReport([ReportFault(0, "xml", "it is not XML")]) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableReport([DOCUMENT_TYPE])
    return root


def _line(element: etree._Element) -> int:
    line: int | None = element.sourceline  # type: ignore[assignment]
    return line or 0


def _input_report(reading: _Reading) -> InputReport:
    report = reading.one("Data/InputReport")
    file = reading.one("Submission/UserFile/InputUserFile", report)
    totals = reading.one("CreditTotals", file) if file is not None else None
    rejected = tuple(_rejected(reading, item) for item in _items(file, "Errors/ErrorItem"))
    read = InputReport(
        key=_key(reading, report, ReportType.INPUT),
        serial=reading.attribute(file, "volumeSerialNumber", _pattern(r"[A-Z0-9]{6}"), ""),
        sha256=reading.attribute(file, "sha256", _pattern("[0-9a-f]{64}"), ""),
        processing_day=reading.attribute(file, "processingDate", date.fromisoformat, date.min),
        accepted=reading.attribute(file, "status", _pattern("ACCEPTED|REJECTED"), "") == "ACCEPTED",
        accepted_count=reading.attribute(totals, "acceptedNumberOf", _count, 0),
        accepted_pence=reading.attribute(totals, "acceptedValueOf", pence, 0),
        rejected_count=reading.attribute(totals, "rejectedNumberOf", _count, 0),
        rejected_pence=reading.attribute(totals, "rejectedValueOf", pence, 0),
        rejected=rejected,
    )
    lost = [item for item in rejected if item.code != "E"]
    if file is not None and read.accepted and (read.rejected_count, read.rejected_pence) != (len(lost), sum(item.pence for item in lost)):
        reading.fault(file, "totals", "the rejected totals are not those of the items")
    if file is not None and not read.accepted and read.accepted_count:
        reading.fault(file, "totals", "a rejected file has no accepted items")
    return read


def _rejected(reading: _Reading, item: etree._Element) -> RejectedItem:
    return RejectedItem(
        reference=reading.attribute(item, "ref", _reference, ""),
        code=reading.attribute(item, "code", _pattern("[EOY]"), ""),
        words=reading.attribute(item, "description", _words, ""),
        pence=reading.attribute(item, "valueOf", pence, 0),
    )


def _credit_returns(reading: _Reading) -> CreditReturns:
    report = reading.one("Data/ARUCS")
    record = "Advice/OriginatingAccountRecords/OriginatingAccountRecord"
    items = tuple(_returned(reading, item) for item in _items(report, f"{record}/ReturnedCreditItem"))
    totals = reading.one(f"{record}/Totals", report) if report is not None else None
    read = CreditReturns(_key(reading, report, ReportType.ARUCS), items)
    said = reading.attribute(totals, "numberOf", _count, 0), reading.attribute(totals, "valueOf", pence, 0)
    if totals is not None and said != (len(items), read.total_pence):
        reading.fault(totals, "totals", "number and value are not those of the items")
    if report is not None and len({item.reference for item in items}) != len(items):
        reading.fault(report, "repeated", "an item stands twice in one report")
    return read


def _returned(reading: _Reading, item: etree._Element) -> ReturnedCredit:
    reading.attribute(item, "currency", _pattern("GBP"), "")
    reading.attribute(item, "transCode", _pattern("99"), "")
    reading.attribute(item, "originalProcessingDate", date.fromisoformat, date.min)
    return ReturnedCredit(
        reference=reading.attribute(item, "ref", _reference, ""),
        code=reading.attribute(item, "returnCode", _pattern("[A-Z0-9]{1,4}"), ""),
        words=reading.attribute(item, "returnDescription", _words, ""),
        pence=reading.attribute(item, "valueOf", pence, 0),
    )


def _key(reading: _Reading, report: etree._Element | None, kind: ReportType) -> ReportKey:
    header = reading.one("Header", report) if report is not None else None
    user = reading.one("ServiceUserInformation", report) if report is not None else None
    reading.attribute(header, "reportType", _pattern(kind), "")
    return ReportKey(
        reading.attribute(user, "userNumber", _pattern(r"\d{6}"), ""),
        kind,
        reading.attribute(header, "currentProcessingDate", date.fromisoformat, date.min),
        reading.attribute(header, "adviceNumber", _pattern(r"\d{1,9}"), ""),
    )


def _items(inside: etree._Element | None, path: str) -> list[etree._Element]:
    items = inside.findall(path) if inside is not None else []
    if len(items) > MOST_ITEMS:
        raise UnreadableReport([ReportFault(0, "size", f"a report has at most {MOST_ITEMS} items")])
    return items


def pence(text: str) -> int:
    """Pounds with two decimals, thousands perhaps set off by commas, as whole pence. Raises ValueError for anything else."""
    found = VALUE.fullmatch(text)
    if found is None or not text.isascii():
        raise ValueError("not an amount")
    return int(found[1].replace(",", "")) * 100 + int(found[2])


def _count(text: str) -> int:
    return int(_pattern(r"\d{1,7}")(text))


def _pattern(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if re.fullmatch(pattern, text, re.ASCII) is None:
            raise ValueError("not in its form")
        return text

    return read


def _reference(text: str) -> str:
    return _pattern(r"[A-Z0-9.&/-][A-Z0-9 .&/-]{0,17}")(text.rstrip())


def _words(text: str) -> str:
    """A description is shown to people and kept with the case: plain characters, bounded."""
    text = text.strip().upper()
    if len(text) > LONGEST_TEXT or PLAIN.fullmatch(text) is None:
        raise ValueError("not a description")
    return text
