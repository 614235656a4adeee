"""camt.053: what is read, what is refused, and that nothing is half read."""

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from ledger.domain.camt053 import StatementFile, StatementTerms, read_camt053
from ledger.domain.statement import OwnAccount, masked, own_account, payer_account
from ledger.domain.xml_stream import XmlBounds

from .build_files import IBAN, TODAY, Entry, Payment, Statement, camt053

OURS = OwnAccount("rent income", iban=IBAN, sort_code="20-20-15", number="55555555")
TERMS = StatementTerms([OURS], TODAY)
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "camt053"


def read(content: bytes, terms: StatementTerms = TERMS) -> StatementFile:
    return read_camt053(BytesIO(content), terms)


def rules(content: bytes, terms: StatementTerms = TERMS) -> list[str]:
    return [fault.rule for fault in read(content, terms).faults.in_order()]


def lines_of(content: bytes, rule: str, terms: StatementTerms = TERMS) -> list[str]:
    text = content.decode().splitlines()
    return [text[fault.line - 1].strip() for fault in read(content, terms).faults.in_order() if fault.rule == rule and fault.line]


# --- statements that others wrote ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def others() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the statements that others wrote are missing: no {SHARED.parent.name}/{SHARED.name} beside the repository")
    return SHARED


OTHERS = StatementTerms([OwnAccount("theirs", iban="NL26VAYB8060476890")], TODAY)


def read_other(folder: Path, name: str) -> StatementFile:
    with (folder / name).open("rb") as stream:
        return read_camt053(stream, OTHERS)


def test_two_statements_that_tie_are_refused_for_their_currency_alone(others: Path) -> None:
    found = read_other(others, "camt053.v2.multi.statement.xml")
    assert {fault.rule for fault in found.faults.kept} == {"WrongCurrency"}
    assert [fault.line for fault in found.faults.in_order()] == [48, 60, 67, 127, 139, 146]
    first, second = found.statements
    assert (first.account, first.statement_id, first.sequence_number) == ("theirs", "253EURNL26VAYB8060476890", 12312)
    assert (first.opening_pence, first.closing_pence, second.opening_pence, second.closing_pence) == (18_15, 27_00, 27_00, 20_00)
    (paid_in,), (paid_out,) = first.entries, second.entries
    assert (paid_in.amount_pence, paid_in.currency, paid_in.status, paid_in.proprietary_code) == (8_85, "EUR", "BOOK", "544")
    assert (paid_in.end_to_end_id, paid_in.remittance_text) == ("000000001", "Transaction Description 1")
    assert (paid_in.booking_date, paid_in.value_date, paid_in.reversal) == (date(2014, 12, 31), date(2015, 1, 2), False)
    assert (paid_out.amount_pence, paid_out.end_to_end_id) == (-7_00, "000000002")
    assert (paid_out.remittance_text, paid_out.details[0].creditor_name) == ("Transaction Description 2", "Company Name 2")


@pytest.mark.parametrize(("name", "at"), [("camt053.v2.minimal.xml", 60), ("camt053.v8.xml", 80)])
def test_statement_whose_closing_balance_does_not_tie_is_refused_for_that(others: Path, name: str, at: int) -> None:
    found = read_other(others, name)
    total = next(fault for fault in found.faults.kept if fault.rule == "ControlTotalWrong")
    assert (total.line, total.message) == (at, "opening balance and entries come to £27.00, and the closing balance is -£27.00")
    assert {fault.rule for fault in found.faults.kept} == {"ControlTotalWrong", "WrongCurrency"}


def test_version_2_entry_of_others_is_read(others: Path) -> None:
    (statement,) = read_other(others, "camt053.v2.minimal.xml").statements
    (entry,) = statement.entries
    assert (statement.opening_pence, statement.closing_pence) == (18_15, -27_00)
    assert (entry.line, entry.amount_pence, entry.entry_reference, entry.end_to_end_id) == (90, 8_85, None, None)
    assert (entry.structured_references, entry.debtor_name) == (("4654654654654654",), "NAME NAME")
    assert entry.details[0].debtor_account == "NL56AGDH9619008421"


def test_version_8_entry_of_others_is_read(others: Path) -> None:
    (statement,) = read_other(others, "camt053.v8.xml").statements
    (entry,) = statement.entries
    assert statement.account == "theirs"  # this bank writes the IBAN as another identification
    assert (entry.amount_pence, entry.status, entry.bank_transaction_code) == (8_85, "BOOK", "PMNT/RCDT/BOOK")
    assert (entry.account_servicer_reference, entry.end_to_end_id) == ("AAAASESS-FP-CN_98765/01", "MUELL/FINP/RA12345")
    assert (entry.structured_references, entry.debtor_name) == (("4654654654654654",), "NAME NAME")
    assert (entry.booking_date, entry.value_date) == (date(2014, 12, 31), date(2015, 1, 2))  # booked at 13:15+01:00
    assert OTHERS.reference_of(entry) == "AAAASESS-FP-CN_98765/01"


# --- what is read --------------------------------------------------------------------------------------------------------------------

TWO = Statement([Entry("60.00", reference="A1"), Entry("12.5", sign="DBIT", reference="A2", reversal="true")])


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "08", "10", "13"])
def test_every_version_is_read_alike(version: str) -> None:
    entry = Entry(
        "60.00",
        reference="A1",
        servicer_reference="B1",
        code="PMNT/RCDT/ESCT",
        proprietary="BGC",
        payments=[Payment(["RENT", " 97000023E\n JUNE"], "E2E", "RF1", "Zoë Ødegård", "GB29NWBK60161331926819")],
    )
    found = read(camt053(Statement([entry], statement_id="ST/9", number="0042"), version=version))
    assert not found.faults.kept
    (statement,) = found.statements
    assert (statement.account, statement.statement_id, statement.sequence_number) == ("rent income", "ST/9", 42)
    (read_entry,) = statement.entries
    assert (read_entry.amount_pence, read_entry.entry_reference, read_entry.account_servicer_reference) == (60_00, "A1", "B1")
    assert (read_entry.bank_transaction_code, read_entry.proprietary_code) == ("PMNT/RCDT/ESCT", "BGC")
    assert (read_entry.end_to_end_id, read_entry.structured_references) == ("E2E", ("RF1",))
    assert (read_entry.remittance_text, read_entry.debtor_name) == ("RENT 97000023E JUNE", "Zoë Ødegård")
    assert read_entry.details[0].debtor_account == "GB29NWBK60161331926819"


def test_sign_comes_from_the_indicator_and_never_from_the_reversal_flag() -> None:
    found = read(camt053(TWO))
    assert not found.faults.kept
    assert [(entry.amount_pence, entry.reversal) for entry in found.statements[0].entries] == [(60_00, False), (-12_50, True)]


def test_any_prefix_and_a_vendor_namespace_are_the_same_document() -> None:
    assert read(camt053(TWO, prefix="ns0")).statements == read(camt053(TWO)).statements
    assert rules(camt053(TWO, namespace="urn:swift:xsd:$camt.053.001.")) == []


def test_element_of_another_namespace_is_not_ours() -> None:
    foreign = camt053(TWO).replace(b"<CdtDbtInd>CRDT</CdtDbtInd>\n    <Sts>", b'<CdtDbtInd xmlns="urn:x">CRDT</CdtDbtInd>\n    <Sts>', 1)
    assert rules(foreign) == ["SignMissing"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings_give_the_same_statement(encoding: str) -> None:
    named = encoding.removesuffix("-sig")
    statement = Statement([Entry(payments=[Payment(payer="Zoë Ødegård")])])
    content = camt053(statement, prologue=f'<?xml version="1.0" encoding="{named}"?>\n').decode().encode(encoding)
    found = read(content)
    assert not found.faults.kept
    assert found.statements[0].entries[0].debtor_name == "Zoë Ødegård"


@pytest.mark.parametrize("encoding", ["utf-7", "shift_jis", "rot13", "nosuch"])
def test_encoding_that_hides_tags_is_refused(encoding: str) -> None:
    assert rules(camt053(TWO, prologue=f'<?xml version="1.0" encoding="{encoding}"?>')) == ["EncodingNotAllowed"]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("<DtTm>2026-06-28T23:30:00Z</DtTm>", date(2026, 6, 29)),  # half past midnight in London
        ("<DtTm>2026-06-29T23:30:00</DtTm>", date(2026, 6, 29)),
        ("<DtTm>2026-06-29T00:30:00.000+02:00</DtTm>", date(2026, 6, 28)),
        ("<Dt>2026-06-29+01:00</Dt>", date(2026, 6, 29)),
    ],
)
def test_booking_instant_is_a_date_in_london(written: str, day: date) -> None:
    content = camt053(TWO).replace(b"<BookgDt><Dt>2026-06-29</Dt>", f"<BookgDt>{written}".encode())
    assert {entry.booking_date for entry in read(content).statements[0].entries} == {day}


def test_pending_and_informational_entries_are_no_part_of_the_control_total() -> None:
    entries = [Entry("60.00", reference="A1"), Entry("5.00", reference="A2", status="PDNG", booked=""), Entry("1.00", status="INFO")]
    found = read(camt053(Statement(entries)))
    assert not found.faults.kept
    assert [entry.status for entry in found.statements[0].entries] == ["BOOK", "PDNG", "INFO"]


def test_batch_is_read_payment_by_payment() -> None:
    payments = [Payment(pounds="40.00", end_to_end_id="X"), Payment(pounds="25.00"), Payment(pounds="5.00", sign="DBIT")]
    for version in ("02", "08"):
        found = read(camt053(Statement([Entry("60.00", payments=payments, batch_count="3")]), version=version))
        assert not found.faults.kept
        assert [detail.amount_pence for detail in found.statements[0].entries[0].details] == [40_00, 25_00, -5_00]


@pytest.mark.parametrize("written", ["NOTPROVIDED", "NONREF", "notprovided", ""])
def test_placeholder_is_no_reference(written: str) -> None:
    (entry,) = read(camt053(Statement([Entry(reference=written)]))).statements[0].entries
    assert (entry.entry_reference, entry.end_to_end_id) == (None, None)


def test_nothing_personal_shows_in_a_repr() -> None:
    payment = Payment(["my rent"], payer="Ada Canary", payer_iban="GB29NWBK60161331926819")
    shown = repr(read(camt053(Statement([Entry(payments=[payment], information="from Ada Canary")]))))
    assert "Canary" not in shown
    assert "my rent" not in shown
    assert "6819" not in shown


# --- what is refused -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "rule", "line"),
    [
        (Entry("60.001"), "AmountNotInPence", '<Amt Ccy="GBP">60.001</Amt>'),
        (Entry("60.000"), "AmountNotInPence", '<Amt Ccy="GBP">60.000</Amt>'),
        (Entry("0.00"), "ZeroAmount", '<Amt Ccy="GBP">0.00</Amt>'),
        (Entry("60.00", currency="EUR"), "WrongCurrency", '<Amt Ccy="EUR">60.00</Amt>'),
        (Entry("60.00", currency=""), "WrongCurrency", '<Amt Ccy="">60.00</Amt>'),
        (Entry("99999999999.99"), "AmountTooLarge", '<Amt Ccy="GBP">99999999999.99</Amt>'),
        (Entry(sign="CREDIT"), "SignMissing", "<CdtDbtInd>CREDIT</CdtDbtInd>"),
        (Entry(status="OK"), "StatusMissing", "<Sts><Cd>OK</Cd></Sts>"),
        (Entry(booked=""), "BookingDateMissing", "<Ntry>"),
        (Entry(booked="2026-07-01"), "BookingDateInFuture", "<BookgDt><Dt>2026-07-01</Dt></BookgDt>"),
        (Entry(booked="20260629"), "NotADate", "<BookgDt><Dt>20260629</Dt></BookgDt>"),
        (Entry(booked="2026-06-31"), "NotADate", "<BookgDt><Dt>2026-06-31</Dt></BookgDt>"),
        (Entry(reference="X" * 36), "ReferenceTooLong", f"<NtryRef>{'X' * 36}</NtryRef>"),
        (Entry(reversal="yes"), "NotTrueOrFalse", "<RvslInd>yes</RvslInd>"),
        (Entry("60.00", payments=[Payment(pounds="1.00"), Payment(pounds="2.00")]), "BatchTotalWrong", "<Ntry>"),
        (Entry("60.00", payments=[Payment(pounds="60.00"), Payment()]), "BatchAmountMissing", "<Ntry>"),
        (Entry(batch_count="2"), "BatchCountWrong", "<Btch><NbOfTxs>2</NbOfTxs></Btch>"),
    ],
)
def test_one_fault_in_one_entry_is_told_with_its_line(entry: Entry, rule: str, line: str) -> None:
    content = camt053(
        Statement([Entry("10.00", reference="A0"), entry], closing=0 if entry.status != "BOOK" or len(entry.pounds) > 12 else None)
    )
    assert rules(content) == [rule]
    assert lines_of(content, rule) == [line]


@pytest.mark.parametrize("written", ["-5.00", "+5.00", "1e2", "5,00", "٥.00", "five", "", ".5", "0x10"])
def test_what_is_no_amount_is_refused(written: str) -> None:
    content = camt053(Statement([Entry("60.00")])).replace(b'"GBP">60.00<', f'"GBP">{written}<'.encode(), 1)
    assert rules(content) == ["NotAnAmount"]


def test_balance_of_a_day_to_come_is_refused() -> None:
    assert rules(camt053(Statement([Entry()])).replace(b"<Dt>2026-06-29</Dt></Dt></Bal>", b"<Dt>2026-07-01</Dt></Dt></Bal>")) == [
        "BalanceDateInFuture"
    ]


def test_every_fault_of_one_entry_is_told() -> None:
    entry = Entry("0.001", sign="?", currency="EUR", booked="2027-01-01", reference="X" * 36)
    found = rules(camt053(Statement([entry])))
    assert sorted(found) == ["AmountNotInPence", "BookingDateInFuture", "SignMissing", "WrongCurrency"]
    found = rules(camt053(Statement([replace(entry, pounds="0.00", sign="CRDT", booked="")])))
    assert sorted(found) == ["BookingDateMissing", "ReferenceTooLong", "WrongCurrency", "ZeroAmount"]


def test_missing_amount_is_told_once_and_no_total_is_guessed() -> None:
    content = camt053(TWO).replace(b'    <Amt Ccy="GBP">60.00</Amt>\n', b"")
    assert rules(content) == ["AmountMissing"]


def test_wrong_control_total_names_the_closing_balance() -> None:
    content = camt053(Statement([Entry("60.00")], opening=1_000_00, closing=1_061_00))
    found = read(content)
    assert [fault.rule for fault in found.faults.kept] == ["ControlTotalWrong"]
    assert found.faults.kept[0].message == "opening balance and entries come to £1,060.00, and the closing balance is £1,061.00"
    assert "<Cd>CLBD</Cd>" in lines_of(content, "ControlTotalWrong")[0]


def test_previous_closing_balance_opens_a_statement_too() -> None:
    assert rules(camt053(Statement([Entry("60.00")], opening=-10_00, opening_code="PRCD"))) == []


def test_missing_and_repeated_balances_are_refused() -> None:
    assert rules(camt053(Statement([Entry()], opening_code="OPAV"))) == ["BalanceMissing"]
    content = camt053(Statement([Entry()]))
    balance = next(line for line in content.splitlines(keepends=True) if b"CLBD" in line)
    assert rules(content.replace(balance, balance * 2)) == ["BalanceRepeated"]


def summary(net: str, paid_in: str, paid_out: str) -> str:
    return (
        f"<TxsSummry><TtlNtries>{net}</TtlNtries><TtlCdtNtries>{paid_in}</TtlCdtNtries><TtlDbtNtries>{paid_out}</TtlDbtNtries></TxsSummry>"
    )


RIGHT = summary(
    "<NbOfNtries>2</NbOfNtries><Sum>72.50</Sum><TtlNetNtry><Amt>47.50</Amt><CdtDbtInd>CRDT</CdtDbtInd></TtlNetNtry>",
    "<NbOfNtries>1</NbOfNtries><Sum>60</Sum>",
    "<NbOfNtries>1</NbOfNtries><Sum>12.50</Sum>",
)


def test_stated_totals_that_agree_are_taken() -> None:
    assert rules(camt053(Statement(TWO.entries, summary=RIGHT))) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<NbOfNtries>2<", "<NbOfNtries>3<"),
        ("<Sum>72.50<", "<Sum>72.51<"),
        ("<Amt>47.50<", "<Amt>47.49<"),
        ("<CdtDbtInd>CRDT<", "<CdtDbtInd>DBIT<"),
        ("<Sum>60<", "<Sum>61<"),
        ("<Sum>12.50<", "<Sum>a lot<"),
    ],
)
def test_stated_total_that_disagrees_is_refused(right: str, wrong: str) -> None:
    assert rules(camt053(Statement(TWO.entries, summary=RIGHT.replace(right, wrong)))) == ["SummaryWrong"]


def test_entry_reference_twice_in_one_file_is_refused_naming_it() -> None:
    statements = [Statement([Entry(reference="A1")]), Statement([Entry(reference="A1")], statement_id="S2")]
    (fault,) = read(camt053(statements)).faults.kept
    assert (fault.rule, fault.message) == ("EntryReferenceRepeated", "entry reference A1 stands twice in the file")


def test_pending_entry_may_be_booked_in_the_same_file() -> None:
    pending = Entry(reference="A1", status="PDNG", booked="")
    assert rules(camt053(Statement([pending, Entry(reference="A1")]))) == []
    assert rules(camt053(Statement([pending, pending]))) == ["EntryReferenceRepeated"]


def test_entries_without_reference_that_are_equal_are_two_payments() -> None:
    found = read(camt053(Statement([Entry(), Entry()])))
    assert not found.faults.kept
    assert len(found.statements[0].entries) == 2


def test_servicer_reference_may_lead_by_configuration() -> None:
    terms = StatementTerms([OURS], TODAY, references=("servicer", "entry"))
    entries = [Entry(reference="1", servicer_reference="B1"), Entry(reference="1", servicer_reference="B2")]
    assert rules(camt053(Statement(entries)), terms) == []
    assert rules(camt053(Statement(entries))) == ["EntryReferenceRepeated"]


def test_statement_twice_in_one_file_is_refused() -> None:
    assert rules(camt053([Statement(), Statement()])) == ["StatementRepeated"]


def test_statement_without_identification_or_with_a_false_number_is_refused() -> None:
    assert rules(camt053(Statement(statement_id=""))) == ["StatementIdMissing"]
    assert rules(camt053(Statement(number="12a"))) == ["StatementNumberNotANumber"]


@pytest.mark.parametrize(
    ("account", "servicer", "ours"),
    [
        ("<IBAN>GB33 BUKB 2020 1555 5555 55</IBAN>", "", True),
        ("<Othr><Id>20201555555555</Id></Othr>", "", True),
        ("<Othr><Id>20-20-15 55555555</Id></Othr>", "", True),
        ("<Othr><Id>55555555</Id></Othr>", "<Svcr><FinInstnId><ClrSysMmbId><MmbId>202015</MmbId></ClrSysMmbId></FinInstnId></Svcr>", True),
        ("<Othr><Id>55555555</Id></Othr>", "<Svcr><FinInstnId><ClrSysMmbId><MmbId>202016</MmbId></ClrSysMmbId></FinInstnId></Svcr>", False),
        ("<Othr><Id>55555555</Id></Othr>", "", True),
        ("<Othr><Id>55555556</Id></Othr>", "", False),
        ("<IBAN>GB29NWBK60161331926819</IBAN>", "", False),
        ("<Othr><Id>20201655555555</Id></Othr>", "", False),
    ],
)
def test_only_our_own_account_is_taken_however_the_bank_writes_it(account: str, servicer: str, ours: bool) -> None:
    assert rules(camt053(Statement([Entry()], account=account, servicer=servicer))) == ([] if ours else ["WrongAccount"])


def test_foreign_account_is_named_by_its_last_four_characters_only() -> None:
    (fault,) = read(camt053(Statement(account="<IBAN>GB29NWBK60161331926819</IBAN>"))).faults.kept
    assert fault.message == "the statement is for the account ••••6819, which is none of ours"


def test_account_number_that_two_of_our_accounts_share_needs_its_sort_code() -> None:
    twins = [OwnAccount("one", sort_code="202015", number="55555555"), OwnAccount("two", sort_code="202016", number="55555555")]
    assert own_account(twins, "", "55555555", "") is None
    assert own_account(twins, "", "55555555", "202016") == twins[1]


def test_statement_without_account_is_refused() -> None:
    assert rules(camt053(Statement(account=""))) == ["AccountMissing"]


def test_all_faults_are_told_in_the_order_of_the_file() -> None:
    entries = [Entry("1.001"), Entry(booked="2027-01-01"), Entry("2.00", currency="EUR")]
    assert rules(camt053(Statement(entries, number="x", account=""))) == [
        "AccountMissing",
        "StatementNumberNotANumber",
        "AmountNotInPence",
        "BookingDateInFuture",
        "WrongCurrency",
    ]


def test_faults_are_counted_beyond_those_that_are_listed() -> None:
    found = read(camt053(Statement([Entry("0.00")] * 250)))
    assert (len(found.faults.kept), found.faults.count) == (200, 250)


@pytest.mark.parametrize("message", ["camt.054.001.08", "camt.052.001.02", "pain.001.001.03"])
def test_another_message_is_named(message: str) -> None:
    content = camt053(TWO).replace(b"camt.053.001.08", message.encode())
    (fault,) = read(content).faults.kept
    assert (fault.rule, fault.message) == ("WrongDocument", f"a camt.053 bank statement is expected, and this XML is {message}")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"<Document/>", "WrongDocument"),
        (b'<Doc xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"/>', "WrongDocument"),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"/>', "NoStatement"),
        (b"", "CutOff"),
        (b"<a>", "WrongDocument"),
        (b"not xml", "NotWellFormed"),
        (camt053(TWO)[:-1], "CutOff"),
        (camt053(TWO)[:-40], "CutOff"),
        (camt053(TWO) + b"<x/>", "NotWellFormed"),
        (camt053(TWO).replace(b"A1", b"A\x00"), "NotWellFormed"),
        (camt053(TWO).replace(b"A1", b"A\xff"), "NotWellFormed"),
        (camt053(TWO).replace(b"A1", b"&nbsp;"), "NotWellFormed"),
    ],
)
def test_what_is_no_whole_statement_is_refused(content: bytes, rule: str) -> None:
    assert rules(content) == [rule]


def test_broken_xml_is_told_with_its_line() -> None:
    (fault,) = read(camt053(TWO).replace(b"<Sts>", b"<Stz>", 1)).faults.kept
    text = camt053(TWO).decode().splitlines()
    assert fault.line is not None
    assert "<Sts>" in text[fault.line - 1]
    assert fault.message == f"<Stz>, opened on line {fault.line}, is not closed before another part ends on this line"


@pytest.mark.parametrize(
    ("content", "begins"),
    [
        (camt053(TWO)[:-1], "the file ends here, and <Document>, opened on line 2, is not closed"),
        (camt053(TWO).replace(b"A1", b"A & B"), "a character may not stand here"),
        (camt053(TWO).replace(b"A1", b"&nbsp;"), "an abbreviation on this line"),
        (camt053(TWO) + b"<x/>", "something stands on this line after the statement’s end"),
        (camt053(TWO).replace(b"<Ntry>", b"<x:Ntry>", 1), "a tag on this line has a prefix"),
        (b"<" + b"x" * 200 + b"><a></b>", "a camt.053 bank statement is expected"),
    ],
)
def test_broken_xml_is_told_without_the_words_of_a_parser(content: bytes, begins: str) -> None:
    (fault,) = read(content).faults.kept
    assert fault.message.startswith(begins)
    assert not any(word in fault.message for word in ("token", "entity", "junk", "mismatched", "well-formed"))


def test_field_that_stands_twice_is_refused() -> None:
    content = camt053(TWO).replace(b"<CdtDbtInd>DBIT</CdtDbtInd>", b"<CdtDbtInd>DBIT</CdtDbtInd><CdtDbtInd>CRDT</CdtDbtInd>")
    assert rules(content) == ["FieldRepeated"]


def test_element_inside_an_amount_is_refused() -> None:
    assert rules(camt053(TWO).replace(b">60.00<", b">60<x/>.00<")) == ["TextExpected", "NotAnAmount"]


# --- hostile files -------------------------------------------------------------------------------------------------------------------

LAUGHS = """<!DOCTYPE Document [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>"""


@pytest.mark.parametrize(
    "declared",
    [
        LAUGHS,
        '<!DOCTYPE Document SYSTEM "http://127.0.0.1/x.dtd">',
        '<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE Document [<!ENTITY % p SYSTEM "http://127.0.0.1/p"> %p;]>',
        "<!DOCTYPE Document>",
    ],
)
def test_document_type_definition_is_refused_unread(declared: str) -> None:
    (fault,) = read(camt053(TWO, prologue=f"<?xml version='1.0'?>\n{declared}\n")).faults.kept
    assert (fault.line, fault.rule) == (2, "DocumentTypeNotAllowed")


def test_depth_text_tags_and_entries_are_bounded() -> None:
    bounds = XmlBounds(depth=12, text_characters=100, token_bytes=70_000)
    terms = StatementTerms([OURS], TODAY, max_entries=3, bounds=bounds)
    assert rules(camt053(TWO), terms) == []
    assert rules(camt053(TWO).replace(b"<GrpHdr>", b"<GrpHdr>" + b"<a>" * 10 + b"</a>" * 10), terms) == ["TooDeep"]
    assert rules(camt053(TWO).replace(b"A1", b"A" * 101), terms) == ["TextTooLong"]
    assert rules(camt053(TWO).replace(b"<GrpHdr>", b'<GrpHdr x="' + b"a" * 200_000 + b'">'), terms) == ["TokenTooLong"]
    assert rules(camt053(TWO).replace(b"<GrpHdr>", b"<!--" + b"a" * 200_000 + b"--><GrpHdr>"), terms) == ["TokenTooLong"]
    assert rules(camt053(Statement([Entry()] * 4)), terms) == ["TooManyEntries"]


def test_formula_in_a_text_stays_data() -> None:
    payment = Payment(['=cmd|" /C calc"!A1'], payer="@SUM(1+1)")
    (entry,) = read(camt053(Statement([Entry(payments=[payment])]))).statements[0].entries
    assert (entry.remittance_text, entry.debtor_name) == ('=cmd|" /C calc"!A1', "@SUM(1+1)")


@pytest.mark.parametrize(("account", "shown"), [("GB29NWBK60161331926819", "••••6819"), ("1234", "••••"), ("", "")])
def test_account_numbers_are_masked(account: str, shown: str) -> None:
    assert masked(account) == shown


@pytest.mark.parametrize(
    ("account", "bank_code", "written"),
    [
        ("GB29 NWBK 6016 1331 9268 19", "", "GB29NWBK60161331926819"),
        ("31926819", "60-16-13", "60161331926819"),
        ("31926819", "", "31926819"),
        ("601613 31926819", "", "60161331926819"),
    ],
)
def test_payer_account_is_written_one_way(account: str, bank_code: str, written: str) -> None:
    assert payer_account(account, bank_code) == written
