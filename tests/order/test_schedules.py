"""Events that come twice, mixed, again, cut off in the middle and flawed: each has one effect, in the order of its key.

A failure prints its seed; `RENTBOOK_SEED=SEED ./rentbook test -- tests/order/test_schedules.py` plays that course again.
"""

import asyncio
from collections import Counter

import pytest
from chassis.transaction import Runtime
from faults.plan import BY_OPERATORS
from support.refund_service import Refunds
from support.write_off_service import WriteOffs

from order import hearers
from order.conftest import courses
from order.player import Hearer, Player
from order.schedule import DISCARDED, PLACES, Fate, Flaw, drawn

pytestmark = pytest.mark.timeout(7200)
AT_ONCE = 3
SAMPLE, WHOLE = 40, 2000


async def play(hearer: Hearer, seeds: range, played: "Counter[str]") -> None:
    """The courses of these seeds, a few at a time on one database."""
    left = iter(seeds)

    async def play_some() -> None:
        for seed in left:
            player = Player(hearer, drawn(seed, hearer.flaws))
            await player.play()
            played.update({f"{hearer.app.name}: {what}": times for what, times in player.played.items()})

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(play_some())


async def test_one_effect_each_in_the_order_of_the_key(counting: Runtime, played: "Counter[str]") -> None:
    await play(hearers.counter(counting), courses(SAMPLE, WHOLE), played)


async def test_the_ledger_hears_decisions_and_recalls_once_in_order(ledger: Runtime, played: "Counter[str]") -> None:
    await play(hearers.ledger_of_decisions(ledger), courses(SAMPLE // 2, WHOLE // 4), played)


async def test_the_ledger_hears_of_returned_payments_once(ledger: Runtime, played: "Counter[str]") -> None:
    await play(hearers.ledger_of_returns(ledger), courses(SAMPLE // 4, WHOLE // 8), played)


async def test_refunds_tells_each_case_of_each_movement_once_in_order(refunds: Refunds, played: "Counter[str]") -> None:
    await play(hearers.refunds_of_accounts(refunds), courses(SAMPLE // 4, WHOLE // 4), played)


async def test_writeoffs_tells_each_proposal_of_each_movement_once(writeoffs: WriteOffs, played: "Counter[str]") -> None:
    await play(hearers.writeoffs_of_accounts(writeoffs), courses(SAMPLE // 4, WHOLE // 4), played)


async def test_notices_writes_one_letter_of_each_end_and_return_in_order(notices: Runtime, played: "Counter[str]") -> None:
    await play(hearers.notices_of_cases(notices), courses(SAMPLE // 8, WHOLE // 8), played)


def test_a_seed_gives_the_same_course_each_time_and_a_few_seeds_give_all_that_can_happen() -> None:
    flaws = tuple(Flaw)
    some = [drawn(seed, flaws) for seed in range(60)]
    assert some == [drawn(seed, flaws) for seed in range(60)]
    assert {flaw for course in some for _, flaw in course.flawed.values()} == set(flaws) > DISCARDED
    assert {step.fate for course in some for step in course.steps} == set(Fate)
    assert {step.place for course in some for step in course.steps} == set(PLACES)
    assert {place for course in some for place, _ in course.operators_end.values()} == set(BY_OPERATORS)
    assert any(cut < len(log) for course in some for log, cut in zip(course.logs, course.cuts, strict=True)), "some come during the mending"
    assert any(len(set(log)) < len(log) for course in some for log in course.logs), "some are told twice"
