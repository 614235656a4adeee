"""Whether a proposed table is whole, and whose limit it raises: pure rules."""

from dataclasses import replace
from datetime import date

import pytest
from approvals.domain.authority import Act, Authority
from approvals.domain.policy import Band, PolicyIncomplete, ProposedPolicy, complaint_about_policy, raised_roles
from rentbook_contracts.policy import InForceTooSoon

TODAY = date(2026, 11, 25)
BEFORE = (
    Authority(1, Act.DECIDE, 1, "team-leader", 1, 500_00),
    Authority(2, Act.DECIDE, 1, "head-of-service", 500_01, None),
    Authority(3, Act.DECIDE, 2, "finance", 500_01, None),
    Authority(4, Act.RELEASE, 1, "finance", 1, None),
)
SAME = tuple(Band(row.act, row.stage, row.role, row.from_pence, row.to_pence) for row in BEFORE)


def asked(*bands: Band, **other: object) -> ProposedPolicy:
    made = ProposedPolicy("refund", date(2026, 12, 1), 5, 3, 6, 30, 40, 5_000_00, 3, 90, "a minute", bands or SAME)
    return replace(made, **other)  # type: ignore[arg-type]


def changed(at: int, **other: object) -> tuple[Band, ...]:
    return (*SAME[:at], replace(SAME[at], **other), *SAME[at + 1 :])  # type: ignore[arg-type]


def test_the_same_table_again_is_whole_and_raises_nobody() -> None:
    assert complaint_about_policy(asked(), BEFORE, TODAY) is None
    assert raised_roles("refund", BEFORE, SAME) == frozenset()


def test_it_comes_into_force_tomorrow_at_the_earliest() -> None:
    assert isinstance(complaint_about_policy(asked(in_force_from=TODAY), BEFORE, TODAY), InForceTooSoon)


@pytest.mark.parametrize(
    "bands",
    [
        SAME[1:],
        changed(0, to_pence=499_99),
        changed(1, from_pence=500_00),
        changed(1, to_pence=1_000_00),
        changed(0, from_pence=2),
        changed(2, to_pence=9_000_00),
        (*SAME, SAME[0]),
        SAME[:3],
        SAME[3:],
        changed(2, stage=3),
    ],
    ids=["gap at the start", "gap", "overlap", "end", "first penny", "end of the second", "twice", "no release", "nobody", "no second"],
)
def test_a_table_with_a_hole_is_not_laid_down(bands: tuple[Band, ...]) -> None:
    assert isinstance(complaint_about_policy(asked(*bands), BEFORE, TODAY), PolicyIncomplete)


def test_time_reminds_before_it_escalates() -> None:
    assert isinstance(complaint_about_policy(asked(remind_after_working_days=6), BEFORE, TODAY), PolicyIncomplete)


@pytest.mark.parametrize(
    ("bands", "raised"),
    [
        ((replace(SAME[0], to_pence=600_00), replace(SAME[1], from_pence=600_01), *SAME[2:]), {"team-leader"}),
        ((replace(SAME[0], to_pence=400_00), replace(SAME[1], from_pence=400_01), *SAME[2:]), set()),
        ((SAME[0], replace(SAME[1], role="income-manager"), *SAME[2:]), {"income-manager"}),
        ((SAME[0], SAME[1], SAME[3]), {"head-of-service"}),
        ((SAME[0], SAME[1], replace(SAME[2], from_pence=900_00), SAME[3]), {"head-of-service", "finance"}),
        ((*SAME[:3], replace(SAME[3], role="head-of-service"), SAME[3]), {"head-of-service"}),
    ],
    ids=["higher", "lower", "a new part", "one decision fewer", "one decision fewer for some", "another releases"],
)
def test_who_gains_by_it(bands: tuple[Band, ...], raised: set[str]) -> None:
    assert raised_roles("refund", BEFORE, bands) == raised
