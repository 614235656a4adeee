"""A wrong pairing of a contract and a use case is a type error, and a service can't be wired twice to one name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PREAMBLE = """
from chassis.serving import Accept, Answer, Offer, Subscription, UpdateOutcome, Settled
from chassis.transaction import Transaction
from rentbook_contracts.approvals import CloseTask, DECIDE, RECALL, DecisionTaken, DecisionTakenBack, DecisionMade, DecisionRecalled
from rentbook_contracts.ledger import DEBIT_WEEK, PLACE_HOLD, DebitWeek, HoldPlaced, PlaceHold, WeekDebited
from rentbook_contracts.operation import Nothing

async def place_hold(tx: Transaction, ask: PlaceHold) -> HoldPlaced: ...  # type: ignore[empty-body]
async def debit_week(tx: Transaction, ask: DebitWeek) -> WeekDebited: ...  # type: ignore[empty-body]
async def hear_decision(tx: Transaction, fact: DecisionMade) -> None: ...
async def note_outcome(tx: Transaction, settled: Settled[DecisionTaken]) -> None: ...
"""

RIGHT: tuple[str, ...] = ("Offer(PLACE_HOLD, place_hold)", "Accept(DEBIT_WEEK, debit_week)", "Subscription(DecisionMade, hear_decision)")
RIGHT += ("UpdateOutcome(DECIDE, note_outcome)",)
WRONG: tuple[str, ...] = (
    "Offer(PLACE_HOLD, debit_week)",
    "Accept(DEBIT_WEEK, place_hold)",
    "Subscription(DecisionRecalled, hear_decision)",
)
WRONG += ("UpdateOutcome(RECALL, note_outcome)",)


def complaints(tmp_path: Path, lines: tuple[str, ...]) -> list[str]:
    source = tmp_path / "wiring.py"
    source.write_text(PREAMBLE + "\n".join(lines) + "\n", encoding="utf-8")
    root = Path(__file__).parents[2]
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache"), str(source)],
        cwd=root, capture_output=True, text=True, check=False, env={**os.environ, "MYPYPATH": ""}, timeout=600,
    )  # fmt: skip
    return [line for line in checked.stdout.splitlines() if "error:" in line]


@pytest.mark.timeout(660)  # the type checker begins without a cache, which takes minutes on a loaded machine
def test_each_wrong_pairing_is_a_type_error_and_no_right_one_is(tmp_path: Path) -> None:
    found = complaints(tmp_path, (*RIGHT, *WRONG))
    first_wrong = len(PREAMBLE.splitlines()) + len(RIGHT) + 1
    lines = {int(line.split(":")[1]) for line in found}
    assert lines == set(range(first_wrong, first_wrong + len(WRONG))), found


def test_two_use_cases_for_one_fact_are_refused() -> None:
    from chassis.serving import App, Subscription
    from chassis.transaction import Transaction
    from rentbook_contracts.approvals import DecisionMade

    async def one(tx: Transaction, fact: DecisionMade) -> None: ...

    async def other(tx: Transaction, fact: DecisionMade) -> None: ...

    with pytest.raises(ValueError, match="more than once"):
        App("ledger", listens=(Subscription(DecisionMade, one), Subscription(DecisionMade, other)))


def test_an_operation_of_another_service_is_refused() -> None:
    from chassis.serving import App, Offer
    from chassis.transaction import Transaction
    from rentbook_contracts.ledger import PLACE_HOLD, HoldPlaced, PlaceHold

    async def place_hold(tx: Transaction, ask: PlaceHold) -> HoldPlaced:
        raise NotImplementedError

    with pytest.raises(ValueError, match="belongs to ledger"):
        App("refunds", offers=(Offer(PLACE_HOLD, place_hold),))
