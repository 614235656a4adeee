"""Whether a proposed table is whole, and whose limit it raises: pure rules."""

from dataclasses import replace
from datetime import date

import pytest
from approvals.domain.authority import Act, Authority
from approvals.domain.policy import Band, PolicyIncomplete, ProposedPolicy, complaint_about_policy, raised_bands, raised_roles
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


HOLES = [
    pytest.param(SAME[1:], "from-1", "below £500.01", id="gap at the start"),
    pytest.param(changed(0, to_pence=499_99), "from-2", "Begin at 500.00", id="gap"),
    pytest.param(changed(1, from_pence=500_00), "from-2", "Begin at 500.01", id="overlap"),
    pytest.param(changed(1, to_pence=1_000_00), "to-2", "begins at 1,000.01", id="end"),
    pytest.param(changed(0, to_pence=None), "to-1", "Enter 500.00", id="no limit below another"),
    pytest.param(changed(0, from_pence=2), "from-1", "begins at £0.01", id="first penny"),
    pytest.param(changed(2, to_pence=9_000_00), "to-3", "second decision above £9,000.00", id="end of the second"),
    pytest.param(changed(0, from_pence=501_00), "to-1", "below £501.00", id="a limit below its start"),
    pytest.param((*SAME, SAME[0]), "part-5", "one limit there", id="twice"),
    pytest.param((*SAME, SAME[3]), "part-5", "up to what finance releases", id="releases twice"),
    pytest.param(SAME[:3], "part-4", "Add a row", id="no release"),
    pytest.param(SAME[3:], "part-2", "Nobody would decide", id="nobody"),
    pytest.param(changed(2, stage=3), "part-3", "there is no second", id="no second"),
    pytest.param((*SAME[:3], replace(SAME[3], body="Cabinet")), "part-4", "are for write-offs", id="a body releases"),
    pytest.param(changed(1, role="executive-member"), "part-2", "could not judge a refund", id="a member decides"),
]


@pytest.mark.parametrize(("bands", "field", "words"), HOLES)
def test_a_table_with_a_hole_is_not_laid_down_and_its_row_says_what_to_do(bands: tuple[Band, ...], field: str, words: str) -> None:
    refused = complaint_about_policy(asked(*bands), BEFORE, TODAY)
    assert isinstance(refused, PolicyIncomplete)
    assert (refused.field, words in refused.message) == (field, True), refused.message


CABINET = Band(Act.DECIDE, 2, "democratic-services", 500_01, None, "Cabinet", 5)
BODIES = (*SAME[:2], CABINET)


def test_where_one_body_hands_on_to_another_it_is_a_further_decision() -> None:
    """Decision 17: each has a row, a stage and a minute of its own."""
    council = replace(CABINET, from_pence=900_00, body="Council")
    table = ProposedPolicy("write-off", date(2026, 12, 1), 5, 3, 6, 30, 0, 0, 1, 90, "a minute", BODIES)
    refused = complaint_about_policy(replace(table, bands=(*BODIES[:2], replace(CABINET, to_pence=899_99), council)), (), TODAY)
    assert refused is not None
    assert (refused.field, "Where Cabinet hands on to Council, make this the third decision" in refused.message) == ("part-4", True)
    further = (*BODIES, replace(council, stage=3))
    assert complaint_about_policy(replace(table, bands=further), (), TODAY) is None
    before = tuple(Authority(at, *(getattr(band, name) for name in band.__dataclass_fields__)) for at, band in enumerate(BODIES))
    assert raised_bands("write-off", before, further) == further[3:]


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
