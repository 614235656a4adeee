"""A bank account that is said to be a tenant's bears a name that can be the tenant's."""

import pytest
from refunds.domain.payee_name import may_be_the_same


@pytest.mark.parametrize(
    ("typed", "tenant", "same"),
    [
        ("Mercy Okafor", "Mercy Okafor", True),
        ("MRS M OKAFOR", "Mercy Okafor", True),
        ("M. Okafor", "Mercy Adaeze Okafor", True),
        ("Zaneta Slusarz", "Żaneta Ślusarz", True),
        ("Lukasz Dabrowski", "Łukasz Dąbrowski", True),
        ("Okafor Mercy", "Mercy Okafor", True),
        ("O'Brien Sean", "Seán O’Brien", True),
        ("Dilnoza Karimova", "Petra Novotna", False),
        ("Petra Smith", "Petra Novotna", False),
        ("P N", "Petra Novotna", False),
        ("", "Petra Novotna", False),
        ("Chen Meiling", "陳 美玲", True),
        ("Anybody At All", "Олена Ковальчук", True),
    ],
)
def test_names(typed: str, tenant: str, same: bool) -> None:
    assert may_be_the_same(typed, tenant) is same
