"""When instalments fall due, and whether receipts cover them."""

from datetime import date

import pytest
from ledger.domain.instalments import instalments_due, is_kept
from rentbook_contracts.ledger import PlanRhythm

W, F, M = PlanRhythm.WEEKLY, PlanRhythm.FORTNIGHTLY, PlanRhythm.MONTHLY


@pytest.mark.parametrize(
    ("first", "rhythm", "today", "due"),
    [
        ("2026-06-01", W, "2026-05-01", 0),
        ("2026-06-01", W, "2026-06-01", 0),
        ("2026-06-01", W, "2026-06-02", 1),
        ("2026-06-01", W, "2026-06-08", 1),
        ("2026-06-01", W, "2026-06-09", 2),
        ("2026-06-01", F, "2026-06-15", 1),
        ("2026-06-01", F, "2026-06-16", 2),
        ("2026-01-31", M, "2026-02-28", 1),
        ("2026-01-31", M, "2026-03-01", 2),
        ("2026-01-31", M, "2026-03-31", 2),
        ("2026-01-31", M, "2026-04-01", 3),
        ("2026-01-31", M, "2026-05-01", 4),
        ("2025-12-15", M, "2026-12-16", 13),
    ],
)
def test_instalments_fall_due_by_their_rhythm_and_may_be_paid_all_day(first: str, rhythm: PlanRhythm, today: str, due: int) -> None:
    assert instalments_due(date.fromisoformat(first), rhythm, date.fromisoformat(today)) == due


@pytest.mark.parametrize(
    ("received", "instalment", "due", "kept"),
    [(0, 10_00, 0, True), (0, 10_00, 1, False), (19_99, 10_00, 2, False), (20_00, 10_00, 2, True)],
)
def test_a_plan_is_kept_while_receipts_cover_what_fell_due(received: int, instalment: int, due: int, kept: bool) -> None:
    assert is_kept(received, instalment, due) is kept
