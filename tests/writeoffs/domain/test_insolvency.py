"""What an order of insolvency releases, holds, or has not released after all; on which account, and by when."""

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rentbook_contracts.ledger import ChargeOwed, LineKind, LinePart, PastWriteOff, PersonFacts
from rentbook_contracts.writeoffs import ENDINGS, EvidenceKind, OrderKind, Reason
from support.debts import ACCOUNT, POLICY, TODAY, debt, owed, person
from writeoffs.domain.assessment import Assessment, Standing, assess
from writeoffs.domain.insolvency import moratorium_ends, released_until, standing
from writeoffs.domain.ladder import Proof
from writeoffs.domain.reminding import waits_for_a_person

BANKRUPTCY, DRO, IVA = OrderKind
ENDING = {kind: ending for ending, kind in ENDINGS.items()}
HAROLD, MAUD = person(), person()
BEFORE, AFTER = TODAY - timedelta(days=900), TODAY - timedelta(days=20)
CHARGES = (owed(40_00, BEFORE), owed(30_00, AFTER))
JOURNAL, ELSEWHERE = uuid4(), uuid4()
LONG_AGO, LATELY = TODAY - timedelta(days=800), TODAY - timedelta(days=100)


def order(kind: OrderKind | None, on: date = LONG_AGO, of: PersonFacts = HAROLD, listed: bool | None = True, **more: Any) -> Proof:
    return Proof(EvidenceKind.INSOLVENCY_ORDER, on, person=of.person, order_kind=kind, listed=listed, **{"account": ACCOUNT, **more})


def ended(kind: OrderKind, on: date = TODAY, of: PersonFacts = HAROLD) -> Proof:
    return Proof(ENDING[kind], on, person=of.person, account=ACCOUNT)


def back(
    *orders: Proof,
    people: tuple[PersonFacts, ...] = (HAROLD,),
    charges: tuple[ChargeOwed, ...] = CHARGES,
    struck: bool = False,
    **then: Any,
) -> Assessment:
    """What may be put back of a write-off of two charges. `then`: what was kept of it when it was posted."""
    kept = {"amount_pence": 70_00, "reinstated_pence": 0, "discharged": False, "charges": charges} | then
    past = PastWriteOff(journal=JOURNAL, line=uuid4(), on=TODAY - timedelta(days=9), **kept)
    facts = debt(charges=(), balance_pence=0, debtor_total_pence=0, write_offs=(past,), people=people)
    parts = (LinePart(element="rent", amount_pence=70_00),)
    asked = Standing(LineKind.REINSTATEMENT, Reason.TRACED, 0, (), undoes=JOURNAL, undone_parts=parts, orders=orders, order_struck=struck)
    return assess(asked, facts, POLICY, TODAY)


@pytest.mark.parametrize("kind", OrderKind)
def test_an_order_releases_what_it_lists_and_nothing_else(kind: OrderKind) -> None:
    assert back(order(kind)).amount_pence == 30_00
    assert back(order(kind, listed=False)).amount_pence == 70_00


@pytest.mark.parametrize("kind", OrderKind)
def test_an_order_that_was_taken_back_has_released_nothing(kind: OrderKind) -> None:
    assert back(order(kind), ended(kind)).amount_pence == 70_00
    assert back(order(None), ended(kind)).amount_pence == 70_00
    discharge = Proof(EvidenceKind.DISCHARGE, LATELY, person=HAROLD.person)
    assert back(order(kind), discharge, ended(kind)).amount_pence == 70_00


@pytest.mark.parametrize("kind", OrderKind)
def test_what_was_written_off_as_released_is_owed_again_once_its_order_was_taken_back(kind: OrderKind) -> None:
    posted: dict[str, Any] = {"discharged": True, "released_until": LONG_AGO}
    assert not back(order(kind), **posted).release_undone
    assert back(order(kind), **posted).blocked
    insolvent = (HAROLD.model_copy(update={"insolvent": True}),)
    for undone in (
        back(order(kind), ended(kind), **posted),
        back(struck=True, **posted),
        back(order(kind), ended(kind), people=insolvent, **posted),
        back(struck=True, people=insolvent, **posted),
    ):
        assert (undone.blocked, undone.amount_pence, undone.release_undone, undone.released_until) == ((), 70_00, True, None)
    assert back(order(kind), ended(kind), released_until=LONG_AGO).release_undone, "whatever it was written off for"
    assert back(order(kind), ended(kind), discharged=True).release_undone, "of what was only held nothing was told"


def test_a_release_stands_unless_somebody_noted_that_its_order_was_taken_back_and_no_other_stands() -> None:
    posted: dict[str, Any] = {"discharged": True, "released_until": LONG_AGO}
    assert back(**posted).blocked, "nothing is known of an order that was struck, or has ended"
    earlier = order(BANKRUPTCY, BEFORE + timedelta(days=1))
    for another in (order(DRO), order(BANKRUPTCY, LATELY)):
        found = back(another, order(IVA), ended(IVA), **posted)
        assert found.blocked
        assert not found.release_undone
    found = back(earlier, order(IVA), ended(IVA), **posted)
    assert (found.blocked, found.amount_pence, found.released_until) == ((), 30_00, earlier.on)
    assert found.release_undone
    joint = back(order(IVA), ended(IVA), order(BANKRUPTCY, of=MAUD), people=(HAROLD, MAUD), **posted)
    assert (joint.blocked, joint.amount_pence) == ((), 70_00), "each owes the whole debt"


def test_what_takes_back_an_order_is_of_the_last_of_its_kind_and_person() -> None:
    first = order(BANKRUPTCY, TODAY - timedelta(days=890))
    assert back(first, order(BANKRUPTCY), ended(BANKRUPTCY)).amount_pence == 30_00, "the earlier one stands"
    assert back(order(BANKRUPTCY), ended(IVA)).amount_pence == 30_00
    assert back(order(BANKRUPTCY), ended(BANKRUPTCY, of=MAUD)).amount_pence == 30_00
    assert back(order(BANKRUPTCY), ended(BANKRUPTCY, LONG_AGO - timedelta(days=1))).amount_pence == 30_00


def test_what_takes_back_an_order_is_of_that_of_its_own_account_though_another_has_it_under_a_later_day() -> None:
    elsewhere = order(BANKRUPTCY, LONG_AGO + timedelta(days=1), account=uuid4())
    assert standing((order(BANKRUPTCY), ended(BANKRUPTCY)), [elsewhere]) == ()
    assert back(order(BANKRUPTCY), elsewhere, ended(BANKRUPTCY)).amount_pence == 70_00, "one order, under two days"


def test_a_debt_relief_order_holds_what_it_lists_until_its_twelve_months_end_and_only_then_releases_it() -> None:
    held = back(order(DRO, LATELY), charges=CHARGES[:1])
    [says] = held.blocked
    assert not waits_for_a_person(held), "nobody can do anything before that day"
    assert says.startswith("A debt relief order holds what fell due by")
    assert says.endswith("it is not put back meanwhile.")
    released = back(order(DRO), charges=CHARGES[:1])
    [says] = released.blocked
    assert waits_for_a_person(released), "somebody withdraws it"
    assert says.startswith("The law has released the debtor")
    assert back(order(DRO, LATELY)).amount_pence == 30_00, "what fell due after its day is no part of it"
    revoked = back(order(DRO, LATELY), ended(DRO), charges=CHARGES[:1])
    assert (revoked.blocked, revoked.amount_pence) == ((), 40_00)


@pytest.mark.parametrize(("made", "last_day"), [
    pytest.param(date(2024, 3, 10), date(2025, 3, 9), id="any day"),
    pytest.param(date(2024, 2, 29), date(2025, 2, 28), id="29 February: the year ends with the February after it"),
    pytest.param(date(2024, 2, 28), date(2025, 2, 27), id="28 February"),
    pytest.param(date(2023, 2, 28), date(2024, 2, 27), id="28 February, before a leap day"),
    pytest.param(date(2023, 3, 1), date(2024, 2, 29), id="1 March, before a leap day"),
])  # fmt: skip
def test_the_twelve_months_begin_with_the_day_of_the_order_and_last_to_the_end_of_their_last(made: date, last_day: date) -> None:
    orders, after = (order(DRO, made),), last_day + timedelta(days=1)
    assert released_until(orders, (HAROLD,), ACCOUNT, last_day) is None
    assert moratorium_ends(orders, ACCOUNT, made, last_day) == after
    assert released_until(orders, (HAROLD,), ACCOUNT, after) == made
    assert moratorium_ends(orders, ACCOUNT, made, after) is None


def test_what_is_only_held_is_not_told_to_the_ledger_as_released_for_good() -> None:
    asked = Standing(LineKind.WRITE_OFF, Reason.EMIGRATED, 70_00, (), orders=(order(DRO, LATELY),))
    assert assess(asked, debt(*CHARGES, people=(HAROLD,)), POLICY, TODAY).released_until is None
    ended_by_time = Standing(LineKind.WRITE_OFF, Reason.EMIGRATED, 70_00, (), orders=(order(DRO),))
    assert assess(ended_by_time, debt(*CHARGES, people=(HAROLD,)), POLICY, TODAY).released_until == LONG_AGO


def test_a_voluntary_arrangement_holds_what_it_lists_until_it_is_completed_and_only_then_releases_it() -> None:
    def told(*orders: Proof) -> date | None:
        asked = Standing(LineKind.WRITE_OFF, Reason.EMIGRATED, 70_00, (), orders=orders)
        return assess(asked, debt(*CHARGES, people=(HAROLD,)), POLICY, TODAY).released_until

    completed = Proof(EvidenceKind.DISCHARGE, LATELY, person=HAROLD.person)
    [says] = back(order(IVA), charges=CHARGES[:1]).blocked
    assert says.startswith("A voluntary arrangement holds what fell due by")
    assert says.endswith("until it is completed or fails. That is all that is left of it: it is not put back meanwhile.")
    assert told(order(IVA)) is None, "the ledger keeps for good what it is told"
    assert told(order(IVA), completed) == LONG_AGO
    [says] = back(order(IVA), completed, charges=CHARGES[:1]).blocked
    assert says.startswith("The law has released the debtor")
    of_another = order(BANKRUPTCY, LATELY - timedelta(days=1), listed=False)
    assert told(order(IVA), of_another, completed) is None, "a discharge is of the last order before it"


def test_a_bankruptcy_is_of_every_account_of_the_person_but_one_of_which_it_was_said_that_it_is_not() -> None:
    elsewhere = order(BANKRUPTCY, account=ELSEWHERE)
    assert back(elsewhere).amount_pence == 30_00
    assert back(order(None, account=ELSEWHERE, listed=None)).amount_pence == 30_00
    assert back(elsewhere, order(BANKRUPTCY, listed=False)).amount_pence == 70_00


@pytest.mark.parametrize("kind", [DRO, IVA])
def test_whether_an_order_that_releases_only_what_it_lists_is_of_another_account_is_asked(kind: OrderKind) -> None:
    elsewhere = order(kind, account=ELSEWHERE)
    [says] = back(elsewhere).blocked
    assert says.endswith("is known from another account of the same people: add it here too, and say whether this debt is listed in it.")
    assert back(elsewhere, order(kind, listed=False)).amount_pence == 70_00
    assert back(elsewhere, order(kind)).amount_pence == 30_00
    assert not back(elsewhere, order(kind)).blocked
    assert not back(elsewhere, people=(HAROLD, MAUD)).blocked, "the other joint tenant owes it still"


@pytest.mark.parametrize(
    ("proof", "counts"),
    [
        (order(DRO), True),
        (order(None, listed=None), True),
        (order(DRO, listed=False), False),
        (order(BANKRUPTCY), False),
    ],
    ids=["lists it", "nobody was asked", "does not list it", "is of another kind"],
)
def test_a_debt_is_written_off_for_an_order_of_that_kind_that_lists_it(proof: Proof, counts: bool) -> None:
    facts = debt(owed(40_00, BEFORE), people=(HAROLD,))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.DEBT_RELIEF_ORDER, 40_00, (proof,)), facts, POLICY, TODAY)
    assert found.ready is counts
    revoked = Standing(LineKind.WRITE_OFF, Reason.DEBT_RELIEF_ORDER, 40_00, (proof, ended(DRO)))
    assert not assess(revoked, facts, POLICY, TODAY).ready


def test_an_order_of_another_kind_than_the_reason_says_that_it_does_not_count() -> None:
    facts = debt(owed(40_00, BEFORE), people=(HAROLD,))

    def blocked(*orders: Proof) -> tuple[str, ...]:
        return assess(Standing(LineKind.WRITE_OFF, Reason.DEBT_RELIEF_ORDER, 40_00, orders), facts, POLICY, TODAY).blocked

    [says] = blocked(order(BANKRUPTCY))
    assert says.endswith("is a bankruptcy, and the reason is a debt relief order: it does not count for that.")
    assert blocked(order(BANKRUPTCY), order(DRO)) == ()


def test_a_proposal_whose_order_was_taken_back_says_so() -> None:
    facts = debt(owed(40_00, BEFORE), people=(HAROLD,))

    def blocked(*orders: Proof) -> tuple[str, ...]:
        return assess(Standing(LineKind.WRITE_OFF, Reason.DEBT_RELIEF_ORDER, 40_00, orders), facts, POLICY, TODAY).blocked

    [says] = blocked(order(DRO), ended(DRO))
    assert says.endswith(" counts no more: the debt relief order was revoked.")
