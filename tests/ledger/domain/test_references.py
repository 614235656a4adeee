import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.domain.references import (
    ReferenceScheme,
    check_letter,
    payment_reference,
    reference_of_card_number,
    references_in,
    valid_reference,
)

RENT = ReferenceScheme("rent", "9", 8, (9, 8, 7, 6, 5, 4, 3, 2), 11, "ABCDEFGHIJK", suffixes=("RC", "CC"))
OVERPAYMENT = ReferenceScheme("hb-overpayment", "", 7, (8, 7, 6, 5, 4, 3, 2), 11, "ABCDEFGHIJK")

PUBLISHED = ["97000023E", "90000001E", "90014921C", "90017993G", "90015311C", "90012015K", "90014096H", "95003101A"]
rent_numbers = st.from_regex("9[0-9]{7}", fullmatch=True)


@pytest.mark.parametrize("reference", PUBLISHED)
def test_published_vectors_have_the_letter_that_we_compute(reference: str) -> None:
    assert check_letter(RENT, reference[:8]) == reference[8]
    assert valid_reference(RENT, reference)
    assert references_in(f"RENT {reference} JUNE", [RENT]) == (reference,)


@pytest.mark.parametrize(
    ("number", "letter"),
    [
        ("0000001", "I"),  # 2 -> r 9
        ("1234567", "I"),  # 8+14+18+20+20+18+14 = 112, 112 mod 11 = 2, r 9
        ("1000000", "C"),  # 8 -> r 3
        ("0000000", "K"),  # 0 -> r 11
    ],
)
def test_overpayment_scheme_by_hand(number: str, letter: str) -> None:
    assert check_letter(OVERPAYMENT, number) == letter


@given(rent_numbers, st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_is_always_seen(number: str, place: int, by: int) -> None:
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not valid_reference(RENT, wrong + check_letter(RENT, number))


@given(rent_numbers, st.integers(0, 6))
def test_two_swapped_neighbours_are_always_seen(number: str, place: int) -> None:
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert swapped == number or not valid_reference(RENT, swapped + check_letter(RENT, number))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("97000023e", ("97000023E",)),
        ("rent 9700 0023 e thanks", ("97000023E",)),
        ("REF97000023E", ("97000023E",)),
        ("97-000023/E", ("97000023E",)),
        ("97000023E-RC", ("97000023E-RC",)),
        ("97000023E RC", ("97000023E-RC",)),
        ("97000023E and 90000001E", ("97000023E", "90000001E")),
        ("97000023E 97000023E", ("97000023E",)),
        ("97000023F", ()),
        ("197000023E", ()),
        ("97000023EVANS", ()),
        ("97000023", ()),
        ("٩7000023E", ()),
        ("12 97000023E", ("97000023E",)),
        ("", ()),
    ],
)
def test_references_are_found_as_payers_write_them(text: str, found: tuple[str, ...]) -> None:
    assert references_in(text, [RENT]) == found


def test_each_scheme_finds_its_own() -> None:
    assert references_in("97000023E OR 1234567I", [RENT, OVERPAYMENT]) == ("97000023E", "1234567I")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("97000023", "97000023E"),
        ("0097000023", "97000023E"),
        (" 0095003101 ", "95003101A"),
        ("7000669297", None),
        ("1197000023", None),
        ("x", None),
    ],
)
def test_card_number_is_the_reference_without_its_letter(text: str, reference: str | None) -> None:
    assert reference_of_card_number(text, [RENT]) == reference


def test_card_number_that_two_schemes_claim_is_nobodys() -> None:
    twin = ReferenceScheme("twin", "9", 8, (2, 3, 4, 5, 6, 7, 8, 9), 11, "ABCDEFGHIJK")
    assert reference_of_card_number("97000023", [RENT, twin]) is None


def test_suffix_of_another_scheme_is_refused() -> None:
    assert payment_reference(RENT, "97000023", "CC") == "97000023E-CC"
    assert not valid_reference(RENT, "97000023E-XX")
    with pytest.raises(ValueError, match="suffix"):
        payment_reference(RENT, "97000023", "XX")


@pytest.mark.parametrize(
    ("prefix", "digits", "weights", "modulus", "letters"),
    [
        ("9", 8, (9, 8), 11, "ABCDEFGHIJK"),
        ("9", 2, (9, 8), 11, "ABC"),
        ("x", 2, (3, 2), 2, "AB"),
        ("", 2, (3, 2), 2, "AA"),
        ("", 1, (2,), 2, "A]"),
    ],
)
def test_scheme_that_can_check_nothing_is_refused(prefix: str, digits: int, weights: tuple[int, ...], modulus: int, letters: str) -> None:
    with pytest.raises(ValueError, match="scheme broken"):
        ReferenceScheme("broken", prefix, digits, weights, modulus, letters)


@given(st.text(), rent_numbers, st.text())
def test_in_any_text_a_reference_is_found_and_only_valid_ones_come_out(before: str, number: str, after: str) -> None:
    reference = payment_reference(RENT, number)
    found = references_in(f"{before} {reference} {after}", [RENT])
    assert all(valid_reference(RENT, one) for one in found)
    assert reference in {one.partition("-")[0] for one in found}, "what comes after may be taken for a suffix"
