"""The Standard 18 file against Test H of domain.md 3.5, its rules, and what a strict reader says of every damaged file."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from refunds.domain.bacs import (
    BadItem,
    BadSubmission,
    Code,
    Item,
    Originator,
    Submission,
    bacs_date,
    credit_file,
    data_record,
    standard_18,
)
from refunds.domain.bacs_reading import UnreadablePaymentFile, read_standard_18
from refunds.domain.bacs_text import BadReference, NameHasNoBacsForm, bacs_name, bacs_reference
from refunds.domain.modulus import MalformedBankDetails
from refunds.domain.working_days import WorkingDays, days_of_input

TEST_H = (
    "VOL1000123                               123456                                1\n"
    "HDR1A123456S  112345600012300010001       26148 26156 000000                    \n"
    "HDR2F0200000100                                   00                            \n"
    "UHL1 26149999999    000000001 DAILY  001                                        \n"
    "0899996637495801710799988837491    00000050000WELHAT BC RENTS   90012345A         MR A TENANT       \n"
    "2029596374847200110799988837491    00000052400WELHAT BC RENTS   90012346J         MS B TENANT       \n"
    "1079998883749109910799988837491    00000102400WELHAT BC RENTS   CONTRA            WELHAT BC RENTS   \n"
    "EOF1A123456S  112345600012300010001       26148 26156 000000                    \n"
    "EOF2F0200000100                                   00                            \n"
    "UTL10000000102400000000010240000000020000001        0000000                     \n"
)
COUNCIL = Originator("123456", "107999", "88837491", "WelHat BC Rents")
SUBMISSION = Submission(COUNCIL, "000123", created_on=date(2026, 5, 28), processing_day=date(2026, 5, 29))
COLLECTIONS = [
    Item("089999", "66374958", Code.REGULAR_COLLECTION, 500_00, "90012345A", "Mr A Tenant"),
    Item("202959", "63748472", Code.FIRST_COLLECTION, 524_00, "90012346J", "Ms B Tenant"),
]
REFUNDS = [
    Item("089999", "66374958", Code.CREDIT, 20_00, "RF00000001", "Ada Ólafsdóttir"),
    Item("202959", "3748472", Code.CREDIT, 54_50, "RF00000002", "Siobhán O'Neill-Żółć"),
]


def test_h_is_reproduced_byte_for_byte() -> None:
    written = standard_18(SUBMISSION, COLLECTIONS)
    assert written.content.decode("ascii") == TEST_H
    assert (written.figures.total_pence, written.figures.count) == (1_024_00, 2)
    assert written.figures.sha256 == hashlib.sha256(TEST_H.encode("ascii")).hexdigest()


def test_h_instruction_in_a_file_of_its_own() -> None:
    instruction = Item("089999", "66374958", Code.NEW_INSTRUCTION, 0, "90012345A", "Mr A Tenant")
    record = "0899996637495800N10799988837491    00000000000WELHAT BC RENTS   90012345A         MR A TENANT       "
    assert data_record(COUNCIL, instruction) == record
    lines = standard_18(SUBMISSION, [instruction]).content.decode("ascii").splitlines()
    assert lines[4:-3] == [record], "a file of instructions has no contra"
    assert lines[-1] == "UTL1" + "0" * 40 + " " * 8 + "0000001" + " " * 21
    assert [item.code for item in read_standard_18(("\n".join(lines) + "\n").encode()).items] == [Code.NEW_INSTRUCTION]


def test_a_credit_file_pays_each_payee_and_debits_the_council_once() -> None:
    file = credit_file(replace(SUBMISSION, narrative="REFUNDS 26149"), REFUNDS)
    assert file.content.decode("ascii").splitlines()[4:-3] == [
        "0899996637495809910799988837491    00000002000WELHAT BC RENTS   RF00000001        ADA OLAFSDOTTIR   ",
        "2029590374847209910799988837491    00000005450WELHAT BC RENTS   RF00000002        SIOBHAN ONEILL-ZOL",
        "1079998883749101710799988837491    00000007450REFUNDS 26149     CONTRA            WELHAT BC RENTS   ",
    ]
    assert file.content.decode("ascii").splitlines()[-1] == (
        "UTL1" + "0000000007450" * 2 + "0000001" + "0000002" + " " * 8 + "0000000" + " " * 21
    )
    assert (file.figures.total_pence, file.figures.count) == (74_50, 2)


def test_what_was_written_reads_back_the_same() -> None:
    file = credit_file(SUBMISSION, REFUNDS)
    read = read_standard_18(file.content)
    assert read.figures == file.figures
    assert (read.service_user_number, read.serial, read.created_on) == ("123456", "000123", date(2026, 5, 28))
    assert read.processing_day == date(2026, 5, 29)
    assert [(item.line, item.pence, item.reference, item.account_number) for item in read.items] == [
        (5, 20_00, "RF00000001", "66374958"),
        (6, 54_50, "RF00000002", "03748472"),
    ]
    assert read_standard_18(TEST_H.encode()).figures.total_pence == 1_024_00


@given(st.lists(st.tuples(st.integers(1, 10**8), st.integers(0, 99_999_999)), min_size=1, max_size=40))
def test_every_credit_file_balances_and_reads_back(payments: list[tuple[int, int]]) -> None:
    items = [
        Item("089999", f"{account:08d}", Code.CREDIT, pence, f"RF{place:08d}X", "A Tenant")
        for place, (pence, account) in enumerate(payments)
    ]
    read = read_standard_18(credit_file(SUBMISSION, items).content)
    assert [(item.pence, item.account_number, item.reference) for item in read.items] == [
        (item.pence, item.account_number, item.reference) for item in items
    ]
    assert read.figures.total_pence == sum(pence for pence, _ in payments)


LINES = TEST_H.splitlines()


def changed(line: int, old: str, new: str) -> bytes:
    lines = [*LINES]
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    return ("\n".join(lines) + "\n").encode("utf-8")


@pytest.mark.parametrize(
    ("content", "line", "rule"),
    [
        (b"", 0, "truncated"),
        (TEST_H.encode()[:-1], 10, "truncated"),
        (("\n".join(LINES[:-1]) + "\n").encode(), 8, "order"),
        (("\n".join(LINES[1:]) + "\n").encode(), 1, "order"),
        (TEST_H.replace("\n", "\r\n").encode(), 1, "length"),
        (changed(1, "000123", "000000"), 1, "VOL1 serial"),
        (changed(2, "123456S", "123457S"), 2, "service user"),
        (changed(2, "000123", "000124"), 2, "serial"),
        (changed(2, " 26148", " 26150"), 2, "dates"),
        (changed(2, " 26156", " 26149"), 2, "dates"),
        (changed(4, " 26149", " 26366"), 4, "date"),
        (changed(3, "00100", "00106"), 3, "HDR2 format"),
        (changed(4, "1 DAILY  ", "4 MULTI  "), 4, "UHL1 work"),
        (changed(5, "MR A TENANT", "Mr A TENANT"), 5, "data name"),
        (changed(5, "MR A TENANT", "MR Á TENANT"), 5, "charset"),
        (changed(5, "MR A TENANT", "           "), 5, "name"),
        (changed(5, "90012345A", "11111111 "), 5, "reference"),
        (changed(5, "00000050000", "00000000000"), 5, "amount"),
        (changed(5, "00000050000", "00000050001"), 10, "total"),
        (changed(5, "10799988837491", "10799988837492"), 0, "own account"),
        (changed(6, "001107", "04Z107"), 6, "data code"),
        (changed(8, "000123", "000124"), 0, "EOF1"),
        (changed(10, "0000002", "0000003"), 10, "count"),
        (changed(10, "0000000        ", "0000001        "), 10, "count"),
        (("\n".join([*LINES[:6], *LINES[7:]]) + "\n").encode(), 9, "total"),
    ],
)
def test_a_damaged_file_is_refused_by_line_and_rule(content: bytes, line: int, rule: str) -> None:
    with pytest.raises(UnreadablePaymentFile) as refused:
        read_standard_18(content)
    assert (line, rule) in [(fault.line, fault.rule) for fault in refused.value.faults]
    said = refused.value.message + " ".join(fault.message for fault in refused.value.faults)
    assert not any(detail in said for detail in ("66374958", "089999", "TENANT"))


def test_the_contra_stands_last_and_alone() -> None:
    lines = [*LINES[:4], LINES[6], LINES[4], LINES[5], *LINES[7:]]
    with pytest.raises(UnreadablePaymentFile) as refused:
        read_standard_18(("\n".join(lines) + "\n").encode())
    assert [fault.rule for fault in refused.value.faults] == ["contra"]


def test_any_single_changed_character_of_a_data_line_is_noticed_or_is_text_that_may_change() -> None:
    """Amounts, codes and the own account are bound by totals; names, references and the payee's digits are free."""
    free = [*range(14), *range(46, 100)]
    unnoticed = []
    for place in range(100):
        for other in "7 B":
            line = LINES[4][:place] + other + LINES[4][place + 1 :]
            if line == LINES[4]:
                continue
            try:
                read_standard_18(("\n".join([*LINES[:4], line, *LINES[5:]]) + "\n").encode())
            except UnreadablePaymentFile:
                continue
            unnoticed.append(place)
    assert set(unnoticed) <= set(free)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada Ólafsdóttir", "ADA OLAFSDOTTIR"),
        ("Siobhán O’Neill", "SIOBHAN ONEILL"),
        ("Jürgen Großmann", "JURGEN GROSSMANN"),
        ("Łukasz Żółć", "LUKASZ ZOLC"),
        ("Nguyễn Thị Đào", "NGUYEN THI DAO"),
        ("Aþena Æsir Øye", "ATHENA AESIR OYE"),
        ("Işıl Çağ", "ISIL CAG"),
        ("Əliyev", "ELIYEV"),
        ("Smith & Sons (2019)", "SMITH & SONS 2019"),
        ("Anne–Marie  Du\u00a0Pont", "ANNE-MARIE DU PONT"),
        ("Wolfeschlegelsteinhausenbergerdorff", "WOLFESCHLEGELSTEIN"),
        ("ｆｕｌｌ width", "FULL WIDTH"),
    ],
)
def test_names_are_put_into_bacs_letters(name: str, written: str) -> None:
    assert bacs_name(name) == written


@pytest.mark.parametrize(
    "name", ["محمد علي", "李小龍", "Олена", "Ελένη", "ਗੁਰਪ੍ਰੀਤ", "דוד", "ስላም", "김민준", "Ada 李", "😀 Ada", "", "  ", "123", "-&-"]
)
def test_a_name_without_latin_letters_is_refused_so_that_an_officer_enters_them(name: str) -> None:
    with pytest.raises(NameHasNoBacsForm) as refused:
        bacs_name(name)
    assert refused.value.field == "payee_name"
    assert not name.strip() or name not in refused.value.message


@given(st.text(max_size=60))
def test_any_name_is_written_in_bacs_characters_or_refused(name: str) -> None:
    try:
        written = bacs_name(name)
    except NameHasNoBacsForm:
        return
    assert 0 < len(written) <= 18
    assert set(written) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .&/-")
    assert bacs_name(written) == written


@pytest.mark.parametrize("reference", ["90012345A", "RF-0001/AB", "ABCDEF", "A1B2C3D4E5F6G7H8I9"])
def test_references_that_bacs_takes(reference: str) -> None:
    assert bacs_reference(reference) == reference


@pytest.mark.parametrize(
    "reference", ["ABCDE", "AAAAAA", "11-11-11", "DDIC123456", "A1B2C3D4E5F6G7H8I9J", "abcdef1", "REF_000001", " ABCDEF1", ""]
)
def test_references_that_bacs_refuses(reference: str) -> None:
    with pytest.raises(BadReference):
        bacs_reference(reference)


@pytest.mark.parametrize("pence", [0, -1, 100_000_000_000])
def test_an_amount_that_the_field_cannot_carry_is_refused(pence: int) -> None:
    with pytest.raises(BadItem, match="Item 2"):
        standard_18(SUBMISSION, [REFUNDS[0], replace(REFUNDS[1], pence=pence)])


@pytest.mark.parametrize(
    "submission",
    [
        replace(SUBMISSION, serial="000000"),
        replace(SUBMISSION, serial="123"),
        replace(SUBMISSION, created_on=date(2026, 5, 30)),
        replace(SUBMISSION, originator=replace(COUNCIL, service_user_number="12345")),
        replace(SUBMISSION, narrative="refunds"),
        replace(SUBMISSION, file_number=0),
    ],
)
def test_labels_that_bacs_refuses(submission: Submission) -> None:
    with pytest.raises(BadSubmission):
        credit_file(submission, REFUNDS)


def test_a_payment_file_holds_credits_only_and_each_reference_once() -> None:
    for items in ([], COLLECTIONS, [*REFUNDS, COLLECTIONS[0]], [REFUNDS[0], replace(REFUNDS[1], reference="RF00000001")]):
        with pytest.raises(BadSubmission):
            credit_file(SUBMISSION, items)
    with pytest.raises(BadSubmission):
        standard_18(SUBMISSION, [*REFUNDS, *COLLECTIONS])
    with pytest.raises(BadItem):
        credit_file(SUBMISSION, [replace(REFUNDS[0], reference="CONTRA")])


def test_bank_details_show_in_no_error_and_no_repr() -> None:
    assert "66374958" not in repr(COLLECTIONS[0])
    assert "Tenant" not in repr(COLLECTIONS[0])
    with pytest.raises(MalformedBankDetails) as refused:
        credit_file(SUBMISSION, [replace(REFUNDS[0], account_number="663749589")])
    assert "663749589" not in str(refused.value)


GB = holidays.country_holidays("GB", subdiv="ENG", years=range(2025, 2030))
CALENDAR = WorkingDays(lambda day: day in GB)


@pytest.mark.parametrize(
    ("due", "entry", "processing", "label", "input_by"),
    [
        (date(2026, 4, 15), date(2026, 4, 15), date(2026, 4, 14), " 26104", date(2026, 4, 13)),
        (date(2026, 6, 1), date(2026, 6, 1), date(2026, 5, 29), " 26149", date(2026, 5, 28)),
        (date(2026, 8, 1), date(2026, 8, 3), date(2026, 7, 31), " 26212", date(2026, 7, 30)),
        (date(2027, 1, 1), date(2027, 1, 4), date(2026, 12, 31), " 26365", date(2026, 12, 30)),
    ],
)
def test_the_three_days_of_a_payment(due: date, entry: date, processing: date, label: str, input_by: date) -> None:
    """The table of domain.md 3.2."""
    days = days_of_input(input_by, CALENDAR)
    assert CALENDAR.on_or_after(due) == entry
    assert (days.entry, days.processing, days.input) == (entry, processing, input_by)
    assert bacs_date(days.processing) == label


@given(st.dates(date(2025, 2, 1), date(2029, 11, 30)))
def test_a_file_is_processed_and_entered_on_the_two_working_days_after_input(day: date) -> None:
    days = days_of_input(day, CALENDAR)
    assert day <= days.input < days.processing < days.entry
    assert all(map(CALENDAR.is_working, (days.input, days.processing, days.entry)))
    between = [days.input + timedelta(days=n) for n in range((days.entry - days.input).days + 1)]
    assert sum(map(CALENDAR.is_working, between)) == 3
