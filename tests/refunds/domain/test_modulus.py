"""The modulus check against domain.md 3.6, the published vectors and somebody else's implementation."""

import csv
import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refunds.domain.modulus import (
    MalformedBankDetails,
    Method,
    ModulusAnswer,
    ModulusTable,
    NoModulusTable,
    UnreadableModulusTable,
    WeightLine,
    modulus_check,
    padded_account,
    read_table,
    table_in_use,
)
from uk_modulus_check.sort_code_substitution_table import SortCodeSubstitutionTable
from uk_modulus_check.uk_modulus_checker import UKModulusChecker
from uk_modulus_check.weight_table import WeightTable

PASS = """
089999 66374958   MOD10
107999 88837491   MOD11
202959 63748472   two lines
871427 46238510   exceptions 10 and 11
820000 73688637   exception 3, c is 6 or 9
134020 63849203   exception 4
118765 64371389   exception 1
200915 41011166   exception 6
938611 07806039   exception 5
772798 99345694   exception 7
086090 06774744   exception 8
309070 02355688   exceptions 2 and 9
074456 12345112   exceptions 12 and 13
070116 34012583   exceptions 12 and 13
180002 00000190   exception 14
"""
FAIL = """
089999 66374959   MOD10
107999 88837493   MOD11
118765 64371388   exception 1
203099 66831036   passes MOD11, fails DBLAL
203099 58716970   fails MOD11, passes DBLAL
938063 15764273   exception 5, first check digit right and second wrong
938063 15764264   exception 5, first check digit wrong and second right
938063 15763217   exception 5, remainder of one
"""


def rows(table: str) -> list[tuple[str, str]]:
    return [(line.split()[0], line.split()[1]) for line in table.strip().splitlines()]


@pytest.mark.parametrize(("sort_code", "account"), rows(PASS))
def test_the_specifications_good_pairs_pass(modulus_table: ModulusTable, sort_code: str, account: str) -> None:
    assert modulus_check(modulus_table, sort_code, account) is ModulusAnswer.VALID


@pytest.mark.parametrize(("sort_code", "account"), rows(FAIL))
def test_the_specifications_bad_pairs_fail(modulus_table: ModulusTable, sort_code: str, account: str) -> None:
    assert modulus_check(modulus_table, sort_code, account) is ModulusAnswer.INVALID


def test_every_published_vector(modulus_table: ModulusTable, published_modulus_data: Path) -> None:
    with (published_modulus_data / "vectors.csv").open(encoding="ascii") as file:
        vectors = list(csv.DictReader(file))
    assert len(vectors) == 35
    wrong = [
        vector
        for vector in vectors
        if (modulus_check(modulus_table, vector["sort_code"], vector["account"]) is ModulusAnswer.VALID) != (vector["valid"] == "yes")
    ]
    assert wrong == []


def test_the_shipped_tables_are_the_published_ones(modulus_table: ModulusTable, published_modulus_data: Path) -> None:
    published = read_table(
        modulus_table.version,
        modulus_table.in_use_from,
        (published_modulus_data / "valacdos-v8-50.txt").read_text("ascii").splitlines(),
        (published_modulus_data / "scsubtab.txt").read_text("ascii").splitlines(),
    )
    assert modulus_table == published
    assert (len(published.lines), len(published.substitutions)) == (1151, 21)


def drawn_pairs(table: ModulusTable, how_many: int, seed: int) -> list[tuple[str, str]]:
    """Half over all lines as they come, half evenly over the exceptions, which are rare among the lines."""
    chance = random.Random(seed)
    by_exception = [[line for line in table.lines if line.exception == exception] for exception in {line.exception for line in table.lines}]
    pairs = []
    for turn in range(how_many):
        line = chance.choice(table.lines if turn % 2 else chance.choice(by_exception))
        sort_code = chance.randint(int(line.first), int(line.last))
        pairs.append((f"{sort_code:06d}", f"{_account(chance):08d}"))
    return pairs


def _account(chance: random.Random) -> int:
    """Any account; every third has a 9 in place g or starts with 09 or 99, where exceptions 2, 7 and 10 turn."""
    account = chance.randrange(100_000_000)
    if chance.random() < 1 / 3:
        account = account // 100 * 100 + 90 + account % 10
        if chance.random() < 1 / 2:
            account = chance.choice((9, 99)) * 1_000_000 + account % 1_000_000
    return account


def test_agrees_with_another_implementation_on_20000_pairs(modulus_table: ModulusTable, published_modulus_data: Path) -> None:
    theirs = _their_checker(published_modulus_data)
    pairs = drawn_pairs(modulus_table, 20_000, seed=20260406)
    answers = [modulus_check(modulus_table, *pair) for pair in pairs]
    assert [pair for pair in pairs if _differs(modulus_table, theirs, pair)] == []
    assert answers.count(ModulusAnswer.VALID) > 1_000
    assert answers.count(ModulusAnswer.INVALID) > 10_000


def test_exception_8_reckons_as_if_the_account_were_held_at_090126() -> None:
    """In table 8.50 the digits of 086090 and 090126 weigh the same, so neither vector nor comparison can tell; other weights can."""
    weights = (0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    eight = WeightLine("086090", "086090", Method.MOD10, weights, 8)
    table = ModulusTable("test", date(2026, 4, 6), (eight,), {})
    assert modulus_check(table, "086090", "00000001") is ModulusAnswer.VALID  # 9 of 090126 and 1
    assert modulus_check(table, "086090", "00000002") is ModulusAnswer.INVALID  # 8 of 086090 and 2


def _their_checker(published: Path) -> UKModulusChecker:
    weights, substitutions = WeightTable(), SortCodeSubstitutionTable()
    weights.reload((published / "valacdos-v8-50.txt").read_text("ascii").splitlines())
    substitutions.reload((published / "scsubtab.txt").read_text("ascii").splitlines())
    return UKModulusChecker(weights, substitutions)


def _differs(table: ModulusTable, theirs: UKModulusChecker, pair: tuple[str, str]) -> bool:
    sort_code, account = pair
    ours = modulus_check(table, sort_code, account)
    other = theirs.validate(int(sort_code), int(account))
    return (ours is not ModulusAnswer.INVALID, ours is not ModulusAnswer.NOT_IN_TABLE) != (other.result, other.known_sort_code)


def test_a_sort_code_that_no_line_covers_is_said_to_be_so(modulus_table: ModulusTable) -> None:
    assert modulus_check(modulus_table, "000001", "12345678") is ModulusAnswer.NOT_IN_TABLE


def test_short_accounts_are_padded_with_leading_zeros(modulus_table: ModulusTable) -> None:
    assert [padded_account(number) for number in ("123456", "1234567", "12345678")] == ["00123456", "01234567", "12345678"]
    assert modulus_check(modulus_table, "180002", "190000") is modulus_check(modulus_table, "180002", "00190000")
    assert modulus_check(modulus_table, "086090", "6774744") is ModulusAnswer.VALID


@pytest.mark.parametrize(
    ("sort_code", "account", "field"),
    [
        ("08999", "66374958", "sort_code"),
        ("08999A", "66374958", "sort_code"),
        ("٠٨٩٩٩٩", "66374958", "sort_code"),
        ("089999", "12345", "account_number"),
        ("089999", "123456789", "account_number"),
        ("089999", "1234567X", "account_number"),
        ("089999", "٦٦٣٧٤٩٥٨", "account_number"),
    ],
)
def test_what_is_no_sort_code_or_account_is_refused_without_repeating_it(
    modulus_table: ModulusTable, sort_code: str, account: str, field: str
) -> None:
    with pytest.raises(MalformedBankDetails) as refused:
        modulus_check(modulus_table, sort_code, account)
    assert refused.value.field == field
    assert sort_code not in refused.value.message
    assert account not in refused.value.message


def test_sort_codes_are_read_as_people_write_them(modulus_table: ModulusTable) -> None:
    assert modulus_check(modulus_table, "08-99-99", "66374958") is ModulusAnswer.VALID
    assert modulus_check(modulus_table, "08 99 99", "66374959") is ModulusAnswer.INVALID


def test_exception_10_zeroes_its_own_line_and_leaves_line_11_alone() -> None:
    """domain.md 3.6; no published vector shows it. Line 11's full weights give 9*1 + 9*0 + 1 = 10 for g=9, ab=99."""
    weights = (0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2)
    ten = WeightLine("871427", "871427", Method.MOD11, weights, 10)
    eleven = replace(ten, exception=11)
    table = ModulusTable("test", date(2026, 4, 6), (ten, eleven), {})
    assert modulus_check(table, "871427", "99000091") is ModulusAnswer.VALID  # line 11: 9 + 2 = 11
    assert modulus_check(replace(table, lines=(ten,)), "871427", "99000091") is ModulusAnswer.INVALID  # zeroed: 2
    assert modulus_check(replace(table, lines=(replace(ten, exception=None),)), "871427", "99000091") is ModulusAnswer.VALID


@given(st.text(alphabet="0123456789", min_size=8, max_size=8))
def test_a_changed_digit_never_passes_a_plain_mod11_line_with_weights_prime_to_11(account: str) -> None:
    line = WeightLine("100000", "100000", Method.MOD11, (0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1), None)
    table = ModulusTable("test", date(2026, 4, 6), (line,), {})
    changed = str((int(account[0]) + 1) % 10) + account[1:]
    answers = {modulus_check(table, "100000", account), modulus_check(table, "100000", changed)}
    assert answers != {ModulusAnswer.VALID}


@pytest.mark.parametrize(
    "line",
    [
        "010004 016715 MOD12 0 0 0 0 0 0 8 7 6 5 4 3 2 1",
        "010004 016715 MOD11 0 0 0 0 0 0 8 7 6 5 4 3 2",
        "010004 016715 MOD11 0 0 0 0 0 0 8 7 6 5 4 3 2 1 15",
        "016715 010004 MOD11 0 0 0 0 0 0 8 7 6 5 4 3 2 1",
        "10004 016715 MOD11 0 0 0 0 0 0 8 7 6 5 4 3 2 1",
        "<html>not found</html>",
    ],
)
def test_a_table_with_an_unreadable_line_is_refused_whole_and_names_the_line(line: str) -> None:
    good = "010004 016715 MOD11 0 0 0 0 0 0 8 7 6 5 4 3 2 1"
    with pytest.raises(UnreadableModulusTable, match="Line 2"):
        read_table("9.99", date(2026, 4, 6), [good, line], [])


def test_the_latest_table_in_use_on_the_day_decides(modulus_table: ModulusTable) -> None:
    later = replace(modulus_table, version="8.60", in_use_from=date(2026, 9, 1))
    assert table_in_use([later, modulus_table], date(2026, 8, 31)).version == "8.50"
    assert table_in_use([later, modulus_table], date(2026, 9, 1)).version == "8.60"
    with pytest.raises(NoModulusTable):
        table_in_use([later, modulus_table], date(2026, 4, 5))
