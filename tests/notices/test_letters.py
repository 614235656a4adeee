"""What refund letters say, and that anyone can read them."""

from datetime import date
from typing import Any

import page
import pytest
from notices.domain.letters import End, Facts, LetterKind, end_as_text, end_of_text, refund_letter
from notices.typesetting import CannotBeSet, set_letter

OFFSETS = (("90000002C-RC", 85_50),)
MADE = End(LetterKind.REFUND_MADE, 141_20, OFFSETS)
USED = End(LetterKind.REFUND_OFFSET, 0, (("90000009A", 120_00),))
DUPLICATE = End(LetterKind.REFUND_DECLINED, reason_code="duplicate")
NOTHING_DUE = End(LetterKind.REFUND_DECLINED, nothing_due=True)
RETURNED = End(LetterKind.REFUND_RETURNED, 141_20, OFFSETS)
NAMES = ("Mercy Okafor", "Żaneta Ślusarz", "Nguyễn Thuỳ", "Ελένη Νικολάου", "Олена Ковальчук", "فاطمة الحسن", "מרים לוי", "अनिता शर्मा",
         "রহিমা বেগম", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "கவிதா செல்வராஜ்", "陳 美玲", "佐藤 陽子", "김 지은", "สมชาย ใจดี", "ሰላም ኃይሌ")  # fmt: skip


def facts(balance_pence: int = -141_20, **more: Any) -> Facts:
    more.setdefault("names", NAMES)
    return Facts(address="12 Elm Rise, Rentbridge, ZZ1 1AB", reference="90000001E", balance_pence=balance_pence, **more)


def letter_for(end: End, true: Facts | None = None) -> dict[str, Any]:
    return refund_letter(end, true or facts(), date(2026, 11, 23)).as_data()


@pytest.mark.parametrize("large_print", [False, True])
@pytest.mark.parametrize("end", [MADE, USED, DUPLICATE, NOTHING_DUE, RETURNED], ids=lambda end: f"{end.kind} {end.reason_code or ''}")
def test_every_letter_is_pdf_ua(end: End, large_print: bool) -> None:
    report = page.validate_pdf_bytes(set_letter(letter_for(end), large_print=large_print), profile=page.ValidationProfile.PDF_UA_1)
    assert report.is_compliant, report.failures


def test_the_amounts_add_up_on_the_page() -> None:
    lines = letter_for(MADE)["lines"]
    assert lines == (
        {"words": "Paid towards account 90000002C-RC", "amount": "£85.50"},
        {"words": "To be paid into your bank account", "amount": "£141.20"},
        {"words": "Credit used in all", "amount": "£226.70"},
    )


def test_a_letter_says_why_a_credit_is_not_paid_out() -> None:
    """Test I1: 640.00 in credit, of which 500.00 is yesterday's Direct Debit, and four weeks stay."""
    assert letter_for(NOTHING_DUE, facts(-640_00, uncleared_pence=500_00, kept_pence=480_00))["paragraphs"] == (
        "You asked us to refund the credit on your rent account. We can't do this at present.",
        "Your account is now £640.00 in credit. £500.00 of this has not cleared at the bank yet. "
        "£480.00 has to stay on the account for the rent of the next weeks.",
        "So there is nothing that we can pay out today.",
    )


BEHIND = [
    NOTHING_DUE,
    End(LetterKind.REFUND_DECLINED, reason_code="debt-to-be-paid-first"),
    DUPLICATE,
    End(LetterKind.REFUND_MADE, 141_20),
    USED,
]


@pytest.mark.parametrize("end", BEHIND, ids=lambda end: f"{end.kind} {end.reason_code}")
def test_in_a_breathing_space_no_letter_speaks_of_arrears_and_each_still_answers(end: End) -> None:
    """domain.md 5.3: no contact about the arrears; the tenant's own request is answered all the same."""
    plain, quiet = (" ".join(letter_for(end, facts(412_00, breathing_space=runs))["paragraphs"]) for runs in (False, True))
    assert "£412.00 behind" in plain
    assert not [word for word in ("behind", "412", "another debt", "arrears") if word in quiet]
    assert len(quiet) > 60


@pytest.mark.parametrize(
    ("paid_on", "says"),
    [
        (date(2026, 11, 25), "It should be there on Wednesday 25 November 2026."),
        (date(2026, 11, 23), "It should have been there since Monday 23 November 2026."),
        (None, "It should be there within three working days."),
    ],
)
def test_a_letter_says_of_the_money_what_is_true_on_its_day(paid_on: date | None, says: str) -> None:
    """The bank has the order; the payee's bank may still send the money back, and says so only afterwards."""
    first, *_ = letter_for(End(LetterKind.REFUND_MADE, 141_20), facts(paid_on=paid_on))["paragraphs"]
    assert first == (
        f"We have told our bank to pay £141.20 into the bank account that you gave us. {says} "
        "If it is not there then, please get in touch with us."
    )


def test_a_payment_that_came_back_is_told_with_the_debts_that_were_paid() -> None:
    told = letter_for(RETURNED)
    assert told["paragraphs"][0] == ("We told our bank to pay £141.20 into the bank account that you gave us. The payment came back to us.")
    assert told["lines"] == ({"words": "Paid towards account 90000002C-RC", "amount": "£85.50"},)


def test_debts_of_which_only_the_sum_is_known_are_one_line() -> None:
    assert letter_for(End(LetterKind.REFUND_OFFSET, 0, (("", 120_00),)))["lines"] == (
        {"words": "Paid towards your other accounts", "amount": "£120.00"},
    )


@pytest.mark.parametrize("end", [MADE, USED, DUPLICATE, NOTHING_DUE, RETURNED], ids=lambda end: f"{end.kind} {end.reason_code or ''}")
def test_an_end_is_kept_whole(end: End) -> None:
    assert end_of_text(end_as_text(end)) == end


def test_a_paid_refund_says_what_stays() -> None:
    assert "£480.00 has to stay on the account" in str(letter_for(MADE, facts(-480_00, kept_pence=480_00))["paragraphs"])


def test_a_suspected_fraud_is_not_warned_off() -> None:
    paragraphs = letter_for(End(LetterKind.REFUND_DECLINED, reason_code="suspected-fraud"))["paragraphs"]
    assert "fraud" not in str(paragraphs).casefold()


def test_a_character_that_no_font_has_is_a_problem_and_not_a_hole() -> None:
    with pytest.raises(CannotBeSet):
        set_letter(letter_for(MADE, facts(names=("𒀀𒁀",))))
