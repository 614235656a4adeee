"""The allpay cash file: fixed columns, two totals, every fault with its line."""

from datetime import date
from io import BytesIO

import pytest
from ledger.domain.allpay import CashFile, CashPayment, CashTerms, read_allpay

from .build_files import TODAY, CashLine, CashTotals, allpay

TERMS = CashTerms(date(2026, 6, 30))
EXAMPLE = " 3356107000669297          60.00T30/06/2022"
TWO = [CashLine(), CashLine("90000001E", "12.34", "P", "30/06/2026")]


def read(content: bytes, terms: CashTerms = TERMS) -> CashFile:
    return read_allpay(BytesIO(content), terms)


def told(content: bytes, terms: CashTerms = TERMS) -> list[tuple[int | None, str]]:
    return [(fault.line, fault.rule) for fault in read(content, terms).faults.in_order()]


def test_example_line_of_the_layout() -> None:
    assert len(EXAMPLE) == 43
    content = f"{EXAMPLE}\n\n{'Total Amount':<34}{'60.00':>17}\n{'Total Transactions':<40}{'1':>17}\n".encode()
    found = read(content)
    assert not found.faults.kept
    assert found.payments == (CashPayment(1, "335610", "7000669297", 60_00, "T", date(2022, 6, 30)),)


def test_lines_signs_and_types() -> None:
    lines = [CashLine(kind=kind) for kind in "PTZNB"] + [
        CashLine(pounds="-60.00", kind="Q"),
        CashLine(pounds="-1.00", kind="C"),
        CashLine(kind="C"),
    ]
    found = read(allpay(lines))
    assert not found.faults.kept
    assert [payment.amount_pence for payment in found.payments] == [60_00] * 5 + [-60_00, -1_00, 60_00]
    assert [payment.kind for payment in found.payments] == list("PTZNBQCC")
    assert [payment.line for payment in found.payments] == list(range(1, 9))


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("encoding", ["ascii", "utf-8-sig", "utf-16"])
def test_line_ends_and_encodings_give_the_same_payments(end: str, encoding: str) -> None:
    content = allpay(TWO, end=end).decode().encode(encoding)
    found = read(content)
    assert not found.faults.kept
    assert found.payments == read(allpay(TWO)).payments


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_letters_beyond_ascii_do_not_shift_the_columns(encoding: str) -> None:
    found = read(allpay([CashLine(client="Zoë £")]).decode().encode(encoding))
    assert not found.faults.kept
    assert (found.payments[0].client, found.payments[0].reference, found.payments[0].amount_pence) == ("Zoë £", "97000023E", 60_00)


def test_last_line_end_and_the_old_end_of_file_mark_do_not_count() -> None:
    assert told(allpay(TWO).removesuffix(b"\r\n")) == []
    assert told(allpay(TWO) + b"\x1a") == []
    assert told(b"\r\n" + allpay(TWO)) == []
    assert told(allpay([CashLine(after="  more of the provider's")])) == []


def test_two_equal_lines_are_two_payments() -> None:
    assert len(read(allpay([CashLine(), CashLine()])).payments) == 2


def test_totals_with_thousands_are_read() -> None:
    assert told(allpay([CashLine(pounds="1234.50")], CashTotals("1,234.50"))) == []


@pytest.mark.parametrize(
    ("totals", "rule", "message"),
    [
        (CashTotals("72.35"), (4, "TotalAmountWrong"), "the payments add up to £72.34, and the file says £72.35"),
        (CashTotals(count="3"), (5, "TotalCountWrong"), "the file has 2 payments, and says 3"),
        (CashTotals(amount="none"), (4, "TotalUnreadable"), "Total Amount has no figure in its columns"),
        (CashTotals(count=""), (5, "TotalUnreadable"), "Total Transactions has no figure in its columns"),
        (CashTotals(extra=["Total Amount" + " " * 34 + "72.34"]), (6, "TotalRepeated"), "Total Amount stands twice"),
        (CashTotals(extra=[CashLine().text()]), (6, "LineAfterTheEnd"), "after the payments only the two totals may follow"),
    ],
)
def test_totals_that_disagree_refuse_the_file(totals: CashTotals, rule: tuple[int, str], message: str) -> None:
    content = allpay(TWO, totals)
    assert told(content) == [rule]
    assert read(content).faults.kept[0].message == message


def test_totals_are_both_needed() -> None:
    lines = allpay(TWO).splitlines(keepends=True)
    assert told(b"".join(lines[:-1])) == [(None, "TotalMissing")]
    assert told(b"".join(lines[:-2])) == [(None, "TotalMissing")] * 2
    assert told(b"".join([*lines[:3], lines[4]])) == [(None, "TotalMissing")]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (CashLine(pounds="0.00"), "ZeroAmount"),
        (CashLine(pounds="60"), "NotAnAmount"),
        (CashLine(pounds="60.0"), "NotAnAmount"),
        (CashLine(pounds="6O.00"), "NotAnAmount"),
        (CashLine(pounds="1,060.00"), "NotAnAmount"),
        (CashLine(pounds="+60.00"), "NotAnAmount"),
        (CashLine(pounds="٦٠.00"), "NotAnAmount"),
        (CashLine(kind="X"), "UnknownType"),
        (CashLine(kind=" "), "UnknownType"),
        (CashLine(pounds="-60.00", kind="T"), "SignAgainstType"),
        (CashLine(pounds="60.00", kind="Q"), "SignAgainstType"),
        (CashLine(paid_on="01/07/2026"), "DateInFuture"),
        (CashLine(paid_on="31/06/2026"), "NotADate"),
        (CashLine(paid_on="2026-06-30"), "NotADate"),
        (CashLine(paid_on="6/30/2026 "), "NotADate"),
        (CashLine(paid_on="29/06/26"), "LineTooShort"),
    ],
)
def test_one_fault_in_one_line_is_told_with_its_number(line: CashLine, rule: str) -> None:
    lines = [CashLine().text(), line.text(), CashLine().text()]
    content = "\n".join([*lines, "", f"{'Total Amount':<34}{'180.00':>17}", f"{'Total Transactions':<40}{'3':>17}"]).encode()
    assert told(content) == [(2, rule)]


def test_every_fault_of_every_line_is_told() -> None:
    content = allpay([CashLine(pounds="0.00", kind="X", paid_on="01/07/2026"), CashLine(), CashLine(kind="Y")], CashTotals("99.00", "4"))
    assert told(content) == [(1, "ZeroAmount"), (1, "UnknownType"), (1, "DateInFuture"), (3, "UnknownType"), (6, "TotalCountWrong")]


def test_client_of_another_council_is_refused_where_ours_are_known() -> None:
    ours = CashTerms(TODAY, frozenset({"335610"}))
    assert told(allpay([CashLine(), CashLine(client=" 335611")]), ours) == [(2, "WrongAccount")]


def test_file_without_payments_is_refused() -> None:
    assert told(allpay([])) == [(None, "NoPayments")]


def test_number_of_payments_is_bounded() -> None:
    assert told(allpay([CashLine()] * 4), CashTerms(TODAY, max_payments=3)) == [(4, "TooManyEntries")]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (allpay(TWO).replace(b"97", b"9\x00"), (1, "NotText")),
        (allpay(TWO).replace(b"90000001E", b"9000\x810001"), (2, "NotText")),
        (allpay([CashLine()]).replace(b"\r\n", b" " * 5000, 1), (1, "LineTooLong")),
        ((b"\xff\xfe" + "abc".encode("utf-16-le"))[:-1], (None, "NotText")),
    ],
)
def test_what_is_no_text_ends_the_reading(content: bytes, rule: tuple[int | None, str]) -> None:
    assert told(content) == [rule]


def test_nothing_personal_shows_in_a_repr() -> None:
    assert "97000023" not in repr(read(allpay(TWO)))
