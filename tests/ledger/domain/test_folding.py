"""What people type finds what stands in the books, however it is written there."""

import pytest
from ledger.domain.folding import folded, folded_home


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Trần Văn Minh", "tran van minh"),
        ("Ọkọnkwọ", "okonkwo"),
        ("Łuczak", "luczak"),
        ("Đỗ Thị Hồng", "do thi hong"),
        ("O’Neill", "oneill"),
        ("O'Neill", "oneill"),
        ("Mary-Jane  Straße", "mary jane strasse"),
        ("Олена Шевченко", "olena shevchenko"),
        ("Γιώργος", "giorgos"),
        ("İpek Yıldız", "ipek yildiz"),
        ("97000023E-RC", "97000023e rc"),
        ("Ｆｕｌｌ", "full"),
        ("Tra\u0302\u0300n", "tran"),
        ("100%_", "100%_"),
        ("", ""),
    ],
)
def test_one_plain_spelling(written: str, plain: str) -> None:
    assert folded(written) == plain


def test_a_home_is_known_with_and_without_the_space_of_its_postcode() -> None:
    assert folded_home("12 Elm Rise, Welwyn", "AL8 6AA") == "12 elm rise welwyn al8 6aa al86aa"
