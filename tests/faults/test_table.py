"""The table at the end of the faults run says what was found, also of what failed."""

import pytest
from rentbook_local.checking.examine import PROMISES

from faults.table import DOUBLED, LOST, Outcome, in_words, trying


class Counter:
    count = 0


def find_faults(accepted: Counter, row: Outcome) -> None:
    accepted.count += 3
    row.broken("accepted", ["a", "b", "and 4 more"])
    row.broken("paid-once", ["c"])
    row.broken("sum-zero", ["d"])
    row.never_settled(["refunds has yet to hear"])
    raise AssertionError


def test_a_row_that_fails_stays_in_the_table_with_what_it_counted() -> None:
    outcomes: list[Outcome] = []
    accepted, row = Counter(), Outcome("postgres is killed", tried=2, recovered=[1.5, 2.5])
    with pytest.raises(AssertionError), trying(outcomes, accepted, row):
        find_faults(accepted, row)
    assert outcomes == [row]
    assert (row.failed, row.accepted, row.lost, row.doubled, row.unbalanced) == (2, 3, 7, 1, 1)
    assert in_words(outcomes, 3)[1].split() == ["postgres", "is", "killed", "2", "2", "3", "7", "1", "1", "2.0", "2.5"]


def test_a_fault_before_the_first_try_counts_as_one_that_failed() -> None:
    row = Outcome("kafka is killed")
    with pytest.raises(RuntimeError), trying([], Counter(), row):
        raise RuntimeError
    assert (row.tried, row.failed) == (1, 1)


def test_what_holds_fails_nowhere_and_the_sum_counts_shared_commands_once() -> None:
    outcomes: list[Outcome] = []
    accepted, rows = Counter(), [Outcome("one", tried=1, recovered=[3.0]), Outcome("two", tried=1, recovered=[1.0])]
    with trying(outcomes, accepted, *rows):
        accepted.count += 4
    assert [(row.failed, row.accepted) for row in outcomes] == [(0, 4), (0, 4)]
    assert in_words(outcomes, accepted.count)[-1].split() == ["all", "2", "0", "4", "0", "0", "0", "2.0", "3.0"]


def test_what_was_acknowledged_without_effect_is_lost_and_an_effect_too_many_is_doubled() -> None:
    row = Outcome("a relay stands still", tried=1)
    row.took_effect([("a", 1), ("a", 2), ("b", 1)], [("a", 1), ("a", 1), ("a", 1), ("b", 1)])
    assert (row.lost, row.doubled) == (1, 2)


def test_what_counts_as_lost_or_doubled_is_a_promise_of_the_check() -> None:
    assert {*LOST, *DOUBLED} <= {*(promise.name for promise in PROMISES), "accepted"}
    assert not LOST & DOUBLED


def test_what_a_person_interrupts_was_not_tried() -> None:
    row = Outcome("kafka is killed", tried=1)
    with pytest.raises(KeyboardInterrupt), trying([], Counter(), row):
        raise KeyboardInterrupt
    assert (row.tried, row.failed) == (0, 0)
