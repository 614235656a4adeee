"""Which letter the ladder writes next, and when: one at a time, after what comes before it, and none where something forbids it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from rentbook_contracts.ledger import AccountHold, DebtFacts, LineKind, RestDays
from rentbook_contracts.notices import LadderLetter
from rentbook_contracts.writeoffs import EvidenceKind, Reason
from support.debts import POLICY, TODAY, debt, in_credit, owed, person
from writeoffs.domain.assessment import Assessment, Standing, assess
from writeoffs.domain.ladder import NextLetter, Proof
from writeoffs.domain.policy import Proven

K, L = EvidenceKind, LadderLetter


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def proofs(*told: tuple[EvidenceKind, int]) -> tuple[Proof, ...]:
    return tuple(Proof(kind, ago(days)) for kind, days in told)


def estate(pence: int, **changed: Any) -> DebtFacts:
    return debt(owed(pence), people=(person(ago(300)),), **changed)


def looked_at(reason: Reason, facts: DebtFacts, evidence: Sequence[Proof], kind: LineKind = LineKind.WRITE_OFF) -> Assessment:
    return assess(Standing(kind, reason, facts.balance_pence, evidence), facts, POLICY, TODAY)


ESTATES = [
    pytest.param(49_99, proofs((K.DEATH, 1)), None, id="below £50 no letter is wanted"),
    pytest.param(50_00, (), None, id="before the death is shown nobody writes to an estate"),
    pytest.param(50_00, proofs((K.DEATH, 1)), NextLetter(L.ESTATE_DEBT, 1, TODAY, 28), id="the first at once"),
    pytest.param(50_00, proofs((K.DEATH, 1), (K.LETTER_SENT, 5)), None, id="one is enough below £200"),
    pytest.param(
        200_00, proofs((K.DEATH, 9), (K.LETTER_SENT, 8)), NextLetter(L.ESTATE_DEBT, 2, ago(-20), 28), id="the second four weeks later"
    ),
    pytest.param(200_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 28)), NextLetter(L.ESTATE_DEBT, 2, TODAY, 28), id="on its day"),
    pytest.param(200_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 40), (K.LETTER_SENT, 9)), None, id="two are enough"),
    pytest.param(200_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 40), (K.EXECUTOR_REPLY, 30)), None, id="who replied is left in peace"),
    pytest.param(
        200_00,
        proofs((K.DEATH, 90), (K.LETTER_SENT, 80), (K.EXECUTOR_REPLY, 60), (K.LETTER_SENT, 9)),
        NextLetter(L.ESTATE_DEBT, 3, ago(-19), 28),
        id="whoever read the reply wrote again, and the ladder goes on from there",
    ),
    pytest.param(200_00, proofs((K.DEATH, 90), (K.INSUFFICIENT_FUNDS, 1)), None, id="there is no money in the estate"),
]


@pytest.mark.parametrize(("pence", "evidence", "letter"), ESTATES)
def test_the_letters_to_an_estate(pence: int, evidence: tuple[Proof, ...], letter: NextLetter | None) -> None:
    assert looked_at(Reason.DECEASED, estate(pence), evidence).letter == letter


@pytest.mark.parametrize(
    ("evidence", "ever", "letter"),
    [
        pytest.param(((K.DEATH, 9),), 1, NextLetter(L.ESTATE_DEBT, 2, TODAY, 28, anew=True), id="the only one was struck"),
        pytest.param(((K.DEATH, 90), (K.LETTER_SENT, 28)), 2, NextLetter(L.ESTATE_DEBT, 3, TODAY, 28), id="one of two was struck"),
    ],
)
def test_a_letter_that_was_struck_lets_the_ladder_go_on(
    evidence: tuple[tuple[EvidenceKind, int], ...], ever: int, letter: NextLetter
) -> None:
    facts = estate(200_00)
    told = Standing(LineKind.WRITE_OFF, Reason.DECEASED, facts.balance_pence, proofs(*evidence), letters_ever={K.LETTER_SENT: ever})
    assert assess(told, facts, POLICY, TODAY).letter == letter


@pytest.mark.parametrize(("days_ago", "from_on"), [(0, TODAY + timedelta(days=1)), (1, TODAY), (30, TODAY)])
def test_no_two_letters_of_a_kind_go_out_about_an_account_on_one_day(days_ago: int, from_on: date) -> None:
    """Whatever the first was for: a proposal that was withdrawn since, or this one, where it was struck."""
    facts = estate(200_00)
    told = Standing(
        LineKind.WRITE_OFF, Reason.DECEASED, facts.balance_pence, proofs((K.DEATH, 40)), written_on={K.LETTER_SENT: ago(days_ago)}
    )
    found = assess(told, facts, POLICY, TODAY)
    assert found.letter == NextLetter(L.ESTATE_DEBT, 1, from_on, 28)
    assert found.look_again_on == (from_on if from_on > TODAY else None)


def test_a_letter_of_another_kind_of_today_holds_up_none() -> None:
    young = debt(**in_credit(25_00, ago(800)))
    told = Standing(LineKind.CREDIT_WRITE_ON, Reason.UNCLAIMED, young.balance_pence, (), written_on={K.LETTER_SENT: TODAY})
    assert assess(told, young, POLICY, TODAY).letter == NextLetter(L.UNCLAIMED_CREDIT, 1, TODAY, 0)


def test_the_day_of_the_second_letter_is_a_day_to_look_again() -> None:
    found = looked_at(Reason.DECEASED, estate(200_00), proofs((K.DEATH, 9), (K.LETTER_SENT, 8)))
    assert found.look_again_on == TODAY + timedelta(days=20)


def test_the_second_letter_waits_for_as_many_days_more_as_were_a_breathing_space() -> None:
    rest = RestDays(first_day=ago(15), last_day=ago(6))
    found = looked_at(Reason.CARE_HOME, debt(owed(900_00), rests=(rest,)), proofs((K.DOCUMENT, 90), (K.LETTER_SENT, 20)))
    assert found.letter == NextLetter(L.DEBT, 2, TODAY + timedelta(days=18), 28)


@pytest.mark.parametrize("hold", [AccountHold.BREATHING_SPACE, AccountHold.DISPUTE])
def test_nothing_is_written_while_something_stands_in_the_way(hold: AccountHold) -> None:
    facts = estate(200_00, account_holds=(hold,))
    assert looked_at(Reason.DECEASED, facts, proofs((K.DEATH, 9))).letter is None


def test_a_small_debt_is_written_for_once() -> None:
    facts = debt(owed(30_00))
    assert looked_at(Reason.UNECONOMIC, facts, ()).letter == NextLetter(L.DEBT, 1, TODAY, 28)
    assert looked_at(Reason.UNECONOMIC, facts, proofs((K.LETTER_SENT, 1))).letter is None


@pytest.mark.parametrize("reason", [Reason.BANKRUPTCY, Reason.UNTRACEABLE, Reason.STATUTE_BARRED, Reason.EMIGRATED])
def test_other_reasons_write_nothing_by_themselves(reason: Reason) -> None:
    assert looked_at(reason, debt(owed(300_00)), ()).letter is None


def test_the_owner_of_a_credit_is_written_to_once_a_year_until_it_is_old_enough() -> None:
    young = debt(**in_credit(25_00, ago(800)))
    first = looked_at(Reason.UNCLAIMED, young, (), LineKind.CREDIT_WRITE_ON)
    assert (first.only_young, first.letter) == (True, NextLetter(L.UNCLAIMED_CREDIT, 1, TODAY, 0))
    second = looked_at(Reason.UNCLAIMED, young, proofs((K.RETURN_ATTEMPT, 100)), LineKind.CREDIT_WRITE_ON)
    assert second.letter == NextLetter(L.UNCLAIMED_CREDIT, 2, TODAY + timedelta(days=265), 0)
    six = proofs(*((K.RETURN_ATTEMPT, 365 * years) for years in range(1, 7)))
    old = debt(**in_credit(25_00, ago(2_300)))
    assert looked_at(Reason.UNCLAIMED, old, six, LineKind.CREDIT_WRITE_ON).letter is None


def test_a_policy_whose_letter_shows_something_else_is_refused() -> None:
    with pytest.raises(ValidationError):
        Proven(proof=K.TRACE, letter=L.DEBT)
