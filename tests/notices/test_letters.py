"""What refund letters say, and that anyone can read them."""

from dataclasses import replace
from datetime import date

import page
import pytest
from notices.domain.letters import RefundTold, refund_letter
from notices.typesetting import CannotBeSet, set_letter
from rentbook_contracts.refunds import CaseOutcome

MADE = RefundTold(CaseOutcome.PAID, 141_20, (("90000002C-RC", 85_50),), None, -480_00)
NAMES = ("Mercy Okafor", "Żaneta Ślusarz", "Nguyễn Thuỳ", "Ελένη Νικολάου", "Олена Ковальчук", "فاطمة الحسن", "מרים לוי", "अनिता शर्मा",
         "রহিমা বেগম", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "கவிதா செல்வராஜ்", "陳 美玲", "佐藤 陽子", "김 지은", "สมชาย ใจดี", "ሰላም ኃይሌ")  # fmt: skip


def letter_for(told: RefundTold, names: tuple[str, ...] = NAMES) -> dict[str, object]:
    written = refund_letter(told, names=names, address="12 Elm Rise, Rentbridge, ZZ1 1AB", reference="90000001E", on=date(2026, 11, 23))
    return written.as_data()


@pytest.mark.parametrize("large_print", [False, True])
@pytest.mark.parametrize(
    "told",
    [
        MADE,
        RefundTold(CaseOutcome.OFFSET, 0, (("90000009A", 120_00),), None, 0),
        RefundTold(CaseOutcome.DECLINED, 0, (), "duplicate", -141_20),
        RefundTold(CaseOutcome.NOTHING_DUE, 0, (), None, -141_20),
    ],
    ids=lambda value: value.outcome.value if isinstance(value, RefundTold) else "",
)
def test_every_letter_is_pdf_ua(told: RefundTold, large_print: bool) -> None:
    report = page.validate_pdf_bytes(set_letter(letter_for(told), large_print=large_print), profile=page.ValidationProfile.PDF_UA_1)
    assert report.is_compliant, report.failures


def test_the_amounts_add_up_on_the_page() -> None:
    lines = letter_for(MADE)["lines"]
    assert lines == (
        {"words": "Paid towards account 90000002C-RC", "amount": "£85.50"},
        {"words": "Sent to your bank account", "amount": "£141.20"},
        {"words": "Credit used in all", "amount": "£226.70"},
    )


def test_a_letter_says_why_a_credit_is_not_paid_out() -> None:
    """Test I1: 640.00 in credit, of which 500.00 is yesterday's Direct Debit, and four weeks stay."""
    told = RefundTold(CaseOutcome.NOTHING_DUE, 0, (), None, -640_00, uncleared_pence=500_00, kept_pence=480_00)
    assert letter_for(told)["paragraphs"] == (
        "You asked us to refund the credit on your rent account. We can't do this at present.",
        "Your account is now £640.00 in credit. £500.00 of this has not cleared at the bank yet. "
        "£480.00 has to stay on the account for the rent of the next weeks.",
        "So there is nothing that we can pay out today.",
    )


BEHIND = [
    RefundTold(CaseOutcome.NOTHING_DUE, 0, (), None, 412_00),
    RefundTold(CaseOutcome.DECLINED, 0, (), "debt-to-be-paid-first", 412_00),
    RefundTold(CaseOutcome.DECLINED, 0, (), "duplicate", 412_00),
    RefundTold(CaseOutcome.PAID, 141_20, (), None, 412_00),
    RefundTold(CaseOutcome.OFFSET, 0, (("90000009A", 120_00),), None, 412_00),
]


@pytest.mark.parametrize("told", BEHIND, ids=lambda told: f"{told.outcome.value} {told.reason_code}")
def test_in_a_breathing_space_no_letter_speaks_of_arrears_and_each_still_answers(told: RefundTold) -> None:
    """domain.md 5.3: no contact about the arrears; the tenant's own request is answered all the same."""
    plain, quiet = (" ".join(map(str, letter_for(one)["paragraphs"])) for one in (told, replace(told, breathing_space=True)))  # type: ignore[call-overload]
    assert "£412.00 behind" in plain
    assert not [word for word in ("behind", "412", "another debt", "arrears") if word in quiet]
    assert len(quiet) > 60


@pytest.mark.parametrize(
    ("paid_on", "says"),
    [
        (date(2026, 11, 25), "It will be there on Wednesday 25 November 2026."),
        (date(2026, 11, 23), "It has been there since Monday 23 November 2026."),
        (None, "It should be there within three working days."),
    ],
)
def test_a_letter_says_of_the_money_what_is_true_on_its_day(paid_on: date | None, says: str) -> None:
    told = RefundTold(CaseOutcome.PAID, 141_20, (), None, 0, paid_on=paid_on)
    assert f"We have sent £141.20 to the bank account that you gave us. {says}" in letter_for(told)["paragraphs"]  # type: ignore[operator]


def test_a_paid_refund_says_what_stays() -> None:
    told = RefundTold(CaseOutcome.PAID, 141_20, (), None, -480_00, kept_pence=480_00)
    assert "£480.00 has to stay on the account" in str(letter_for(told)["paragraphs"])


def test_a_suspected_fraud_is_not_warned_off() -> None:
    paragraphs = letter_for(RefundTold(CaseOutcome.DECLINED, 0, (), "suspected-fraud", -141_20))["paragraphs"]
    assert "fraud" not in str(paragraphs).casefold()


def test_a_character_that_no_font_has_is_a_problem_and_not_a_hole() -> None:
    with pytest.raises(CannotBeSet):
        set_letter(letter_for(MADE, ("𒀀𒁀",)))
