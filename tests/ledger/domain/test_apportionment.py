import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger.domain.apportionment import instalments, largest_remainder, part_week, rounded_half_up, sevenths


@pytest.mark.parametrize(("days", "pence"), [(0, 0), (1, 1714), (2, 3429), (3, 5143), (4, 6857), (5, 8571), (6, 10286), (7, 12000)])
def test_c_sevenths_of_120_pounds(days: int, pence: int) -> None:
    assert sevenths(120_00, days) == pence


def test_c_elements_of_a_part_week_add_up_to_the_rounded_total() -> None:
    assert part_week([108_50, 8_50, 3_00], 5) == (77_50, 6_07, 2_14)


def test_first_instalment_takes_the_remainder() -> None:
    assert instalments(5_968_50, 12) == (497_43, *([497_37] * 11))


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"), [(1, 2, 1), (1, 3, 0), (2, 3, 1), (1780, 6, 297), (2250, 6, 375), (0, 5, 0)]
)
def test_half_a_penny_goes_up(numerator: int, denominator: int, rounded: int) -> None:
    assert rounded_half_up(numerator, denominator) == rounded


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any))
def test_parts_add_up_and_none_is_a_penny_off(total: int, weights: list[int]) -> None:
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    assert all(abs(part * sum(weights) - total * weight) < sum(weights) for part, weight in zip(parts, weights, strict=True))


@given(st.integers(0, 10**12), st.integers(1, 60))
def test_instalments_add_up(total: int, count: int) -> None:
    assert sum(instalments(total, count)) == total


def test_earlier_part_wins_a_tie() -> None:
    assert largest_remainder(100, [1, 1, 1]) == (34, 33, 33)


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_nothing_to_split_by_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"weights|empty"):
        largest_remainder(100, weights)


@pytest.mark.parametrize("days", [-1, 8])
def test_a_week_has_seven_days(days: int) -> None:
    with pytest.raises(ValueError, match="seven"):
        sevenths(100, days)
