"""The bank's reports: what they say, and that nothing malformed or hostile is believed."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refunds.domain.bank_reports import CreditReturns, InputReport, ReportType, UnreadableReport, pence, read_report

INPUT = """<?xml version="1.0" encoding="UTF-8"?>
<BACSDocument>
<Data>
<InputReport>
<Header reportType="INPUT" adviceNumber="7" currentProcessingDate="2026-05-29"/>
<ServiceUserInformation userNumber="123456" name="WELHAT BC RENTS"/>
<Submission><UserFile>
<InputUserFile volumeSerialNumber="000123" processingDate="2026-05-29" status="ACCEPTED" sha256="{sha}">
<CreditTotals acceptedNumberOf="1" acceptedValueOf="1,020.00" rejectedNumberOf="1" rejectedValueOf="54.50"/>
<Errors>
<ErrorItem ref="RF00000002" transCode="99" code="Y" description="INVALID SORT CODE" valueOf="54.50"/>
<ErrorItem ref="RF00000001" transCode="99" code="E" description="NAME AMENDED" valueOf="1020.00"/>
</Errors>
</InputUserFile>
</UserFile></Submission>
</InputReport>
</Data>
</BACSDocument>
""".replace("{sha}", "ab" * 32)

ARUCS = """<?xml version="1.0" encoding="UTF-8"?>
<BACSDocument>
<Data>
<ARUCS>
<Header reportType="ARUCS" adviceNumber="12" currentProcessingDate="2026-06-02"/>
<ServiceUserInformation userNumber="123456" name="WELHAT BC RENTS"/>
<Advice><OriginatingAccountRecords><OriginatingAccountRecord>
<ReturnedCreditItem ref="RF00000001" transCode="99" returnCode="B" returnDescription="Account closed" originalProcessingDate="2026-05-29" valueOf="20.00" currency="GBP"/>
<ReturnedCreditItem ref="RF00000002" transCode="99" returnCode="5" returnDescription="NO ACCOUNT" originalProcessingDate="2026-05-29" valueOf="54.50" currency="GBP"/>
<Totals numberOf="2" valueOf="74.50"/>
</OriginatingAccountRecord></OriginatingAccountRecords></Advice>
</ARUCS>
</Data>
</BACSDocument>
"""  # noqa: E501


def test_an_input_report_says_what_was_taken_and_what_was_not() -> None:
    report = read_report(INPUT.encode())
    assert isinstance(report, InputReport)
    assert str(report.key) == "123456/INPUT/2026-05-29/7"
    assert (report.serial, report.sha256, report.accepted) == ("000123", "ab" * 32, True)
    assert (report.accepted_count, report.accepted_pence, report.rejected_count, report.rejected_pence) == (1, 1_020_00, 1, 54_50)
    assert [(item.reference, item.code, item.words, item.pence) for item in report.rejected] == [
        ("RF00000002", "Y", "INVALID SORT CODE", 54_50),
        ("RF00000001", "E", "NAME AMENDED", 1_020_00),
    ]


def test_a_file_may_be_refused_whole() -> None:
    refused = INPUT.replace('status="ACCEPTED"', 'status="REJECTED"').replace('acceptedNumberOf="1"', 'acceptedNumberOf="0"')
    report = read_report(refused.encode())
    assert isinstance(report, InputReport)
    assert not report.accepted


def test_arucs_lists_the_credits_that_came_back() -> None:
    report = read_report(ARUCS.encode())
    assert isinstance(report, CreditReturns)
    assert report.key == ("123456", ReportType.ARUCS, date(2026, 6, 2), "12")
    assert str(report.key) == "123456/ARUCS/2026-06-02/12"
    assert [(item.reference, item.code, item.words, item.pence) for item in report.items] == [
        ("RF00000001", "B", "ACCOUNT CLOSED", 20_00),
        ("RF00000002", "5", "NO ACCOUNT", 54_50),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "rule"),
    [
        ('valueOf="20.00"', 'valueOf="20.0"', 8, "value"),
        ('valueOf="20.00"', 'valueOf="-20.00"', 8, "value"),
        ('valueOf="20.00"', 'valueOf="٢٠.٠٠"', 8, "value"),
        ('valueOf="20.00"', 'valueOf="20.01"', 10, "totals"),
        ('numberOf="2"', 'numberOf="3"', 10, "totals"),
        ('numberOf="2"', "", 10, "missing"),
        (' currency="GBP"', ' currency="EUR"', 8, "value"),
        ('transCode="99"', 'transCode="17"', 8, "value"),
        ("Account closed", "&lt;script>", 8, "value"),
        ("Account closed", "A" * 61, 8, "value"),
        ("RF00000002", "RF00000001", 4, "repeated"),
        ("2026-06-02", "2026-06-31", 5, "value"),
        ('userNumber="123456"', 'userNumber="12345"', 6, "value"),
        ('reportType="ARUCS"', 'reportType="ARUDD"', 5, "value"),
        ("<Header", "<Heading", 4, "structure"),
        ("</ARUCS>", "</ARUC>", 12, "xml"),
        ("</BACSDocument>\n", "", 14, "xml"),
        ("ARUCS>", "ARUDD>", 2, "structure"),
    ],
)
def test_a_damaged_report_is_refused_by_line_and_rule(old: str, new: str, line: int, rule: str) -> None:
    assert old in ARUCS
    count = -1 if old == "ARUCS>" else 1
    with pytest.raises(UnreadableReport) as refused:
        read_report(ARUCS.replace(old, new, count).encode())
    assert (line, rule) in [(fault.line, fault.rule) for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('rejectedNumberOf="1"', 'rejectedNumberOf="2"'),
        ('rejectedValueOf="54.50"', 'rejectedValueOf="54.51"'),
        ('status="ACCEPTED"', 'status="REJECTED"'),
        ('status="ACCEPTED"', 'status="MAYBE"'),
        ('volumeSerialNumber="000123"', ""),
        ('code="Y"', 'code="Z"'),
        ("abab", "ABAB"),
    ],
)
def test_a_damaged_input_report_is_refused(old: str, new: str) -> None:
    assert old in INPUT
    with pytest.raises(UnreadableReport):
        read_report(INPUT.replace(old, new, 1).encode())


BOMB = "<!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY c '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
FILE_ENTITY = "<!DOCTYPE b [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not xml",
        b"\x00\x01\x02",
        b"PK\x03\x04 a zip",
        b"<BACSDocument/>",
        ARUCS.replace("<BACSDocument>", BOMB + "<BACSDocument>").replace("Account closed", "&c;").encode(),
        ARUCS.replace("<BACSDocument>", FILE_ENTITY + "<BACSDocument>").replace("Account closed", "&a;").encode(),
        ARUCS.replace("UTF-8", "UTF-16").replace("<BACSDocument>", BOMB + "<BACSDocument>").encode("utf-16"),
        ARUCS.replace("<BACSDocument>", "<!DOCTYPE BACSDocument SYSTEM 'http://example.org/x.dtd'><BACSDocument>").encode(),
        ("<a>" * 5000 + "</a>" * 5000).encode(),
        b"<BACSDocument>" + b" " * (10 * 1024 * 1024) + b"</BACSDocument>",
    ],
)
def test_hostile_and_foreign_bytes_are_refused_without_being_repeated(content: bytes) -> None:
    with pytest.raises(UnreadableReport) as refused:
        read_report(content)
    assert "root:" not in refused.value.message
    assert len(refused.value.message) < 200


@given(st.integers(0, len(ARUCS) - 1), st.binary(min_size=0, max_size=3))
def test_any_splice_is_read_right_or_refused(place: int, splice: bytes) -> None:
    content = ARUCS.encode()
    spliced = content[:place] + splice + content[place + 1 :]
    try:
        report = read_report(spliced)
    except UnreadableReport:
        return
    assert isinstance(report, CreditReturns)
    assert report.total_pence == 74_50


@pytest.mark.parametrize(
    ("text", "amount"), [("0.01", 1), ("20.00", 2000), ("1,020.00", 102000), ("1,234,567.89", 123456789), ("1234.50", 123450)]
)
def test_amounts_are_read_to_the_penny(text: str, amount: int) -> None:
    assert pence(text) == amount


@pytest.mark.parametrize("text", ["", "20", "20.5", "20.505", "1,02.00", ",100.00", "1e3.00", " 20.00", "+20.00", "0x1.00"])
def test_amounts_in_any_other_form_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        pence(text)
