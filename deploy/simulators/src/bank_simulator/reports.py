"""The XML that the bank writes: the input report on a file, and ARUCS, the credits that came back."""

from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

from bank_simulator.standard18 import File

RETURN_WORDS = {
    "0": "INVALID DETAILS",
    "2": "BENEFICIARY DECEASED",
    "3": "ACCOUNT TRANSFERRED",
    "5": "NO ACCOUNT",
    "B": "ACCOUNT CLOSED",
    "C": "ACCOUNT MOVED",
}
REJECT_WORDS = {"Y": "REJECTED AT INPUT", "O": "RETURNED AT INPUT", "E": "AMENDED AT INPUT"}


def input_report(file: File, sha256: str, status: str, rejected: dict[str, str], number: int, today: date) -> bytes:
    """What became of a file at input. `rejected` maps references to codes: E amended (and paid), O returned, Y rejected."""
    root, report = _begin("InputReport", "INPUT", number, today, file.service_user_number)
    user_file = ET.SubElement(ET.SubElement(report, "Submission"), "UserFile")
    about = ET.SubElement(
        user_file,
        "InputUserFile",
        volumeSerialNumber=file.serial,
        processingDate=file.processing_day.isoformat(),
        status=status,
        sha256=sha256,
    )
    lost = [item for item in file.items if status != "ACCEPTED" or rejected.get(item.reference, "E") != "E"]
    taken = [item for item in file.items if item not in lost]
    ET.SubElement(
        about,
        "CreditTotals",
        acceptedNumberOf=str(len(taken)),
        acceptedValueOf=_pounds(sum(item.pence for item in taken)),
        rejectedNumberOf=str(len(lost)),
        rejectedValueOf=_pounds(sum(item.pence for item in lost)),
    )
    errors = ET.SubElement(about, "Errors")
    for item in file.items:
        code = rejected.get(item.reference)
        if code:
            ET.SubElement(
                errors,
                "ErrorItem",
                ref=item.reference,
                transCode=item.code,
                code=code,
                description=REJECT_WORDS[code],
                valueOf=_pounds(item.pence),
            )
    return _written(root)


def arucs(items: list[dict[str, Any]], codes: dict[str, str], service_user_number: str, number: int, today: date) -> bytes:
    """Credits that payees' banks sent back. `codes` maps references to return codes."""
    root, report = _begin("ARUCS", "ARUCS", number, today, service_user_number)
    record = ET.SubElement(ET.SubElement(ET.SubElement(report, "Advice"), "OriginatingAccountRecords"), "OriginatingAccountRecord")
    for item in items:
        code = codes[item["reference"]]
        ET.SubElement(
            record,
            "ReturnedCreditItem",
            ref=item["reference"],
            transCode="99",
            returnCode=code,
            returnDescription=RETURN_WORDS.get(code, "RETURNED"),
            originalProcessingDate=item["processing_day"],
            valueOf=_pounds(item["pence"]),
            currency="GBP",
        )
    ET.SubElement(record, "Totals", numberOf=str(len(items)), valueOf=_pounds(sum(item["pence"] for item in items)))
    return _written(root)


def _begin(element: str, kind: str, number: int, today: date, service_user_number: str) -> tuple[ET.Element, ET.Element]:
    root = ET.Element("BACSDocument")
    report = ET.SubElement(ET.SubElement(root, "Data"), element)
    ET.SubElement(report, "Header", reportType=kind, adviceNumber=str(number), currentProcessingDate=today.isoformat())
    ET.SubElement(report, "ServiceUserInformation", userNumber=service_user_number)
    return root, report


def _written(root: ET.Element) -> bytes:
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="UTF-8", xml_declaration=True)) + b"\n"


def _pounds(pence: int) -> str:
    return f"{pence // 100}.{pence % 100:02d}"
