"""The rules without a database: bands, sentences, working days."""

import json
from datetime import UTC, date, datetime
from importlib.resources import files

import pytest
from approvals.domain.authority import Act, Authority, NoAuthorityForAmount, best_of, next_above, stages_for
from approvals.domain.eligibility import Answered, Participation, Standing, Status, took_part, why_not
from approvals.domain.reasons import REASONS, complaints_about
from approvals.domain.words import a_role, business_date, pounds, when
from approvals.domain.working_days import bank_holidays, working_days_after, working_days_until
from rentbook_contracts.approvals import Answer
from rentbook_contracts.people import Role

NOW = datetime(2026, 5, 5, 9, 0, tzinfo=UTC)
SHIPPED = json.loads((files("approvals") / "data" / "authority" / "refund-2026-04-01.json").read_text("utf-8"))
BANDS = tuple(
    Authority(number, Act(row["act"]), row["stage"], row["role"], row["from_pence"], row["to_pence"])
    for number, row in enumerate(SHIPPED["authorities"])
)
BANK_HOLIDAYS_2026 = ("2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-28")


@pytest.mark.parametrize(
    ("pence", "roles"),
    [
        (1, ("senior-officer",)),
        (100_00, ("senior-officer",)),
        (100_01, ("team-leader",)),
        (500_00, ("team-leader",)),
        (500_01, ("income-manager",)),
        (2_500_00, ("income-manager",)),
        (2_500_01, ("head-of-service", "finance")),
        (10**12, ("head-of-service", "finance")),
    ],
)
def test_each_amount_asks_for_the_roles_of_its_band(pence: int, roles: tuple[str, ...]) -> None:
    assert stages_for(BANDS, pence) == roles


def test_a_table_with_a_gap_names_nobody_instead_of_somebody() -> None:
    with pytest.raises(NoAuthorityForAmount):
        stages_for([row for row in BANDS if row.role != "team-leader"], 300_00)
    with pytest.raises(NoAuthorityForAmount):
        stages_for([row for row in BANDS if row.role != "head-of-service"], 3_000_00)


def test_the_best_of_several_roles_counts() -> None:
    best = best_of(BANDS, Act.DECIDE, 1, {"senior-officer", "income-manager"})
    assert best is not None
    assert best.to_pence == 2_500_00
    assert best_of(BANDS, Act.DECIDE, 1, {"finance"}) is None
    assert best_of(BANDS, Act.RELEASE, 1, {"head-of-service"}) is None


def test_a_task_escalates_to_the_next_limit_and_stays_at_the_top() -> None:
    assert [next_above(BANDS, 1, role) for role in ("senior-officer", "team-leader", "head-of-service")] == [
        "team-leader", "income-manager", "head-of-service",
    ]  # fmt: skip
    assert next_above(BANDS, 2, "finance") == "finance"


def test_the_shipped_roles_are_those_of_the_sign_in() -> None:
    assert {row["role"] for row in SHIPPED["authorities"]} <= {role.value for role in Role}


def standing(pence: int = 50_00, **other: object) -> Standing:
    return Standing(**{"stage": 1, "amount_pence": pence, "status": Status.OPEN, "authorities": BANDS, "participants": (), **other})  # type: ignore[arg-type]


def test_a_disabled_answer_says_why_in_the_words_of_the_desk() -> None:
    evidence = Participation("tess", "evidence", datetime(2026, 5, 3, 12, 0, tzinfo=UTC))
    assert why_not(standing(participants=[evidence]), "tess", {"team-leader"}, NOW) == (
        "You added evidence on 3 May, so someone else must decide."
    )
    assert why_not(standing(612_00), "tess", {"team-leader"}, NOW) == "£612.00 is above your £500.00."
    assert why_not(standing(), "ola", {"officer"}, NOW) == "Deciding this is for a senior officer."
    assert why_not(standing(), "aud", {"auditor"}, NOW) == "An auditor reads everything and decides nothing."
    answered = [Answered(1, "tim", "approved", datetime(2026, 5, 5, 9, 42, tzinfo=UTC))]
    decided = standing(status=Status.DECIDED, answered=answered)
    assert why_not(decided, "tess", {"team-leader"}, NOW) == "A colleague approved this at 10:42."
    assert why_not(decided, "tim", {"team-leader"}, NOW) == "You approved this at 10:42."
    assert why_not(standing(), "tess", {"team-leader"}, NOW) is None


def test_what_a_person_did_themselves_is_said_before_what_the_ledger_saw() -> None:
    seen = Participation("tess", "ledger", datetime(2026, 5, 1, tzinfo=UTC))
    raised = Participation("tess", "raised", datetime(2025, 5, 2, tzinfo=UTC))
    assert took_part([seen, raised], "tess", NOW) == "You raised this case"
    assert took_part([seen], "tim", NOW) is None


def test_an_expired_claim_keeps_nobody_away() -> None:
    claimed = standing(claimed_by="tim", claim_expires_at=NOW)
    assert why_not(claimed, "tess", {"team-leader"}, NOW) is None
    assert why_not(claimed, "tess", {"team-leader"}, datetime(2026, 5, 5, 8, 59, tzinfo=UTC)) == (
        "A colleague has claimed this; the claim ends at 10:00."
    )
    assert why_not(claimed.unclaimed(), "tess", {"team-leader"}, datetime(2026, 5, 5, 8, 59, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("start", "days", "expected"),
    [
        (date(2026, 4, 1), 5, date(2026, 4, 10)),  # over Good Friday and Easter Monday
        (date(2026, 5, 1), 1, date(2026, 5, 5)),  # over a weekend and the early May bank holiday
        (date(2026, 12, 24), 1, date(2026, 12, 29)),  # Boxing Day falls on a Saturday, its substitute on Monday
        (date(2026, 5, 2), 1, date(2026, 5, 5)),  # from a Saturday
        (date(2026, 11, 23), 5, date(2026, 11, 30)),
    ],
)
def test_working_days_know_the_bank_holidays(start: date, days: int, expected: date) -> None:
    closed = bank_holidays()
    assert working_days_after(start, days, closed) == expected
    assert working_days_until(expected, start, closed) == days
    assert working_days_until(start, expected, closed) == -working_days_until(expected, start, closed)


def test_a_holiday_that_was_proclaimed_for_one_year_is_no_working_day() -> None:
    closed = bank_holidays((date(2026, 5, 6),))
    assert working_days_after(date(2026, 5, 1), 2, closed) == date(2026, 5, 7)
    assert working_days_until(date(2026, 5, 7), date(2026, 5, 1), closed) == 2
    assert date(2026, 5, 6) not in bank_holidays()


def test_the_bank_holidays_of_england_in_2026() -> None:
    closed = bank_holidays()
    weekdays = [day for number in range(365) if (day := date.fromordinal(date(2026, 1, 1).toordinal() + number)).weekday() < 5]
    assert tuple(day.isoformat() for day in weekdays if day in closed) == BANK_HOLIDAYS_2026


def test_words() -> None:
    assert [pounds(pence) for pence in (0, 5, 1_234_05)] == ["£0.00", "£0.05", "£1,234.05"]
    assert [a_role(role) for role in ("income-manager", "team-leader", "finance")] == ["an income manager", "a team leader", "finance"]
    assert business_date(datetime(2026, 6, 1, 23, 30, tzinfo=UTC)) == date(2026, 6, 2)
    assert when(datetime(2026, 5, 5, 23, 30, tzinfo=UTC), NOW) == "on 6 May"


def test_each_answer_has_reasons_and_no_needs_words() -> None:
    for answer in Answer:
        assert "other" in REASONS[answer]
        assert not [*complaints_about(answer, "other", "Because.", "ola")]
    assert not [*complaints_about(Answer.APPROVED, "checks-pass", "", None)]
    rules = [[*complaints_about(*words)] for words in (
        (Answer.APPROVED, "duplicate", "", None), (Answer.APPROVED, "other", "", None), (Answer.DECLINED, "duplicate", "", None),
        (Answer.SENT_BACK, "amount-unclear", "Which?", None), (Answer.SENT_BACK, "", "", None),
    )]  # fmt: skip
    assert [[(rule.rule, rule.field) for rule in of] for of in rules] == [
        [("UnknownReason", "reason_code")], [("ExplanationMissing", "text")], [("ExplanationMissing", "text")],
        [("NobodyAsked", "question_to")],
        [("UnknownReason", "reason_code"), ("ExplanationMissing", "text"), ("NobodyAsked", "question_to")],
    ]  # fmt: skip
