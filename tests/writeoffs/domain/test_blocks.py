"""What stands in the way of a write-off, a reinstatement, and of taking a credit to income (domain.md 5.3 and 4)."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rentbook_contracts.ledger import (
    AccountHold,
    AccountKind,
    AccountStatus,
    ChargeOwed,
    DroppedBecause,
    LineKind,
    LinePart,
    PastWriteOff,
    PaymentPlan,
    PersonFacts,
    PlanRhythm,
    StandingCredit,
)
from rentbook_contracts.writeoffs import EvidenceKind, OrderKind, Reason
from support.debts import POLICY, TODAY, dated_policy, debt, in_credit, linked, owed, person
from writeoffs.domain.assessment import (
    DROPS,
    NOT_A_FORMER_TENANTS,
    REASONS,
    Assessment,
    Passing,
    Refusal,
    Standing,
    assess,
    first_of_charges,
    part_of,
    still_refused,
    still_wanted,
)
from writeoffs.domain.ladder import Proof
from writeoffs.domain.reminding import waits_for_a_person

READY = (Proof(EvidenceKind.DOCUMENT, TODAY), Proof(EvidenceKind.MANAGER_NOTE, TODAY))


def plan(*, kept: bool) -> PaymentPlan:
    return PaymentPlan(plan=uuid4(), agreed_on=TODAY, instalment_pence=5_00, rhythm=PlanRhythm.WEEKLY, first_due_on=TODAY, kept=kept)


def found_on(reason: Reason = Reason.EMIGRATED, balance: int | None = None, **changed: Any) -> Assessment:
    facts = debt(**changed)
    return assess(Standing(LineKind.WRITE_OFF, reason, facts.balance_pence if balance is None else balance, READY), facts, POLICY, TODAY)


def test_nothing_stands_in_the_way() -> None:
    assert found_on().ready


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"account_holds": (AccountHold.BREATHING_SPACE,)}, "Breathing Space runs"),
        ({"account_holds": (AccountHold.DISPUTE,)}, "disputed"),
        ({"housing_benefit_unresolved": True}, "Housing Benefit"),
        ({"plan": plan(kept=True)}, "payment plan of £5.00 is being kept"),
        ({"linked": (linked(-30_00), linked(100_00))}, "£30.00 in credit"),
        ({"balance": 300_00}, "moved from £300.00 owed to £312.40 owed"),
        ({"kind": AccountKind.HBO}, "Overpaid Housing Benefit"),
        ({"status": AccountStatus.CURRENT, "ended_on": None}, "The tenancy has not ended"),
        ({"status": AccountStatus.NOTICE_GIVEN, "ended_on": TODAY + timedelta(days=1)}, "The tenancy has not ended"),
    ],
)
def test_what_blocks_says_so(changed: dict[str, Any], says: str) -> None:
    found = found_on(**changed)
    assert not found.ready
    assert len(found.blocked) == 1
    assert says in found.blocked[0]


@pytest.mark.parametrize(
    "changed",
    [{"plan": plan(kept=False)}, {"linked": (linked(900_00),)}, {"account_holds": (AccountHold.DECEASED,)}],
    ids=["a plan that is broken", "a debt elsewhere", "a hold that concerns other things"],
)
def test_what_does_not_block(changed: dict[str, Any]) -> None:
    assert found_on(**changed).ready


def test_the_law_takes_a_current_tenants_arrears_too_and_the_policy_on_former_tenants_does_not() -> None:
    long_ago, dead = TODAY - timedelta(days=2300), person(TODAY - timedelta(days=90))
    days = {EvidenceKind.INSOLVENCY_ORDER: 800, EvidenceKind.DISCHARGE: 800, EvidenceKind.LEGAL_CONFIRMATION: 1}
    barred = debt(owed(312_40, long_ago), status=AccountStatus.CURRENT, ended_on=None)
    for reason in POLICY.of_current_tenants:
        proofs = tuple(Proof(kind, TODAY - timedelta(days=ago)) for kind, ago in days.items())
        of_order = barred.model_copy(update={"people": (person(),)})
        assert assess(Standing(LineKind.WRITE_OFF, reason, 312_40, proofs), of_order, POLICY, TODAY).ready, reason
    for reason in REASONS[LineKind.WRITE_OFF] - set(POLICY.of_current_tenants):
        blocked = found_on(reason, status=AccountStatus.CURRENT, ended_on=None, people=(dead,)).blocked
        assert DROPS[DroppedBecause.CURRENT_TENANT] in blocked, reason


def test_of_which_reasons_a_current_tenants_arrears_go_is_the_councils_choice() -> None:
    """A policy from before it said so means those of the law."""
    dead = person(TODAY - timedelta(days=90))
    of_reason = {Reason.DECEASED: (dead,), Reason.BANKRUPTCY: (person(),)}
    other = POLICY.model_copy(update={"of_current_tenants": (Reason.DECEASED,)})
    for reason, blocked in ((Reason.DECEASED, False), (Reason.BANKRUPTCY, True)):
        facts = debt(owed(312_40), status=AccountStatus.CURRENT, ended_on=None, people=of_reason[reason])
        found = assess(Standing(LineKind.WRITE_OFF, reason, 312_40, ()), facts, other, TODAY)
        assert (DROPS[DroppedBecause.CURRENT_TENANT] in found.blocked) == blocked, reason
    assert dated_policy("2026-04-01").of_current_tenants == POLICY.of_current_tenants


def test_a_dead_tenants_debt_is_blocked_while_a_joint_tenant_survives() -> None:
    dead, alive = person(TODAY - timedelta(days=90)), person()
    blocked = found_on(Reason.DECEASED, people=(dead, alive)).blocked
    assert blocked == ("A joint tenant survives and owes the whole debt.",)
    assert found_on(Reason.DECEASED, people=(dead,)).blocked == ()


@pytest.mark.parametrize(
    ("reason", "kinds"),
    [
        (Reason.BANKRUPTCY, (EvidenceKind.INSOLVENCY_ORDER, EvidenceKind.DISCHARGE)),
        (Reason.DEBT_RELIEF_ORDER, (EvidenceKind.INSOLVENCY_ORDER,)),
        (Reason.VOLUNTARY_ARRANGEMENT, (EvidenceKind.INSOLVENCY_ORDER, EvidenceKind.DISCHARGE)),
        (Reason.CARE_HOME, (EvidenceKind.NO_ASSETS,)),
        (Reason.CARE_HOME, (EvidenceKind.DOCUMENT, EvidenceKind.INSUFFICIENT_FUNDS)),
        (Reason.PRISON, (EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)),
        (Reason.EMIGRATED, (EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)),
        (Reason.JUDGMENT_UNENFORCEABLE, (EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)),
        (Reason.UNTRACEABLE, (EvidenceKind.TRACE, EvidenceKind.TRACE, EvidenceKind.AGENCY_INSTRUCTED, EvidenceKind.AGENCY_RETURN)),
    ],
)
def test_what_is_true_of_one_joint_tenant_leaves_the_debt_to_the_other(reason: Reason, kinds: tuple[EvidenceKind, ...]) -> None:
    long_ago, harold, maud = TODAY - timedelta(days=800), person(), person()

    def shown(of: PersonFacts | None) -> tuple[Proof, ...]:
        return tuple(Proof(kind, long_ago, f"source {at}", of.person if of else None) for at, kind in enumerate(kinds))

    of_harold, of_maud, of_nobody = shown(harold), shown(maud), shown(None)

    def found(*proofs: Proof, people: tuple[PersonFacts, ...]) -> Assessment:
        facts = debt(people=people)
        return assess(Standing(LineKind.WRITE_OFF, reason, facts.balance_pence, proofs), facts, POLICY, TODAY)

    assert found(*of_harold, people=(harold,)).ready
    dead = person(died_on=long_ago)
    of_the_dead = shown(dead)
    assert found(*of_harold, people=(harold, dead)).ready
    for proofs in (of_nobody, of_the_dead):
        assert not found(*proofs, people=(harold, dead)).ready, "what was true of who died leaves the debt to who lives"
    for proofs in (of_harold, (*of_harold, *of_harold), (*of_harold, *of_nobody)):
        alone = found(*proofs, people=(harold, maud))
        assert not alone.ready
        assert "for 1 of 2 joint tenants who live" in alone.rungs[0].says
    assert not found(*of_nobody, people=(harold, maud)).ready
    both = found(*of_harold, *of_maud, people=(harold, maud))
    assert both.ready
    assert both.rungs[0].says == "shown for each joint tenant who lives"


def test_of_joint_tenants_who_died_the_death_of_each_is_shown() -> None:
    long_ago = TODAY - timedelta(days=200)
    harold, maud = person(long_ago), person(long_ago)
    silence = tuple(Proof(EvidenceKind.LETTER_SENT, TODAY - timedelta(days=days)) for days in (100, 40))

    def found(*of: PersonFacts | None) -> Assessment:
        deaths = tuple(Proof(EvidenceKind.DEATH, TODAY - timedelta(days=150), person=one.person if one else None) for one in of)
        facts = debt(people=(harold, maud))
        return assess(Standing(LineKind.WRITE_OFF, Reason.DECEASED, facts.balance_pence, (*deaths, *silence)), facts, POLICY, TODAY)

    for shown, says in (((harold,), "1 of 2"), ((maud, maud), "1 of 2"), ((None,), "0 of 2"), ((None, None), "0 of 2")):
        of_some = found(*shown)
        assert not of_some.ready
        assert of_some.rungs[0].says == f"shown for {says} joint tenants who died; 0 of 1 so far"
        assert of_some.letter is None, "before that nobody writes to an estate"
    both = found(harold, maud)
    assert both.ready, "the letters are to one estate"
    assert both.rungs[0].says == "shown for each joint tenant who died"


def test_what_is_wanted_of_joint_tenants_says_of_whom_where_what_names_nobody_does_not_count() -> None:
    harold, maud, dead = person(), person(), person(died_on=TODAY - timedelta(days=9))

    def wanted(reason: Reason, *people: PersonFacts) -> tuple[str, ...]:
        facts = debt(people=people)
        found = assess(Standing(LineKind.WRITE_OFF, reason, facts.balance_pence, ()), facts, POLICY, TODAY)
        return still_wanted(reason, facts, found.rungs)

    assert wanted(Reason.PRISON, harold) == ("A document", "A manager's note")
    assert wanted(Reason.PRISON, harold, dead) == ("A document, of the joint tenant who lives", "A manager's note")
    assert wanted(Reason.PRISON, harold, maud, dead) == ("A document, of each of the 2 joint tenants who live", "A manager's note")
    letters, of_the_death = "Two letters without a reply for 56 days, or the estate has insufficient funds", "Evidence of the death"
    assert wanted(Reason.DECEASED, dead) == (of_the_death, letters)
    assert wanted(Reason.DECEASED, dead, dead) == (f"{of_the_death}, of each of the 2 joint tenants who died", letters)


def test_time_alone_goes_on_for_the_last_of_two_joint_tenants() -> None:
    harold, maud = person(), person()
    orders = [
        Proof(EvidenceKind.INSOLVENCY_ORDER, TODAY - timedelta(days=days), person=who.person) for days, who in ((800, harold), (30, maud))
    ]
    facts = debt(people=(harold, maud))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.DEBT_RELIEF_ORDER, facts.balance_pence, orders), facts, POLICY, TODAY)
    assert [rung.met for rung in found.rungs] == [True, False]
    assert found.look_again_on == found.rungs[1].from_on
    assert found.look_again_on is not None
    assert found.look_again_on > TODAY + timedelta(days=300)


def test_a_letter_to_the_household_counts_for_each_joint_tenant() -> None:
    harold, maud = person(), person()
    facts = debt(owed(60_00), people=(harold, maud))
    proofs = [Proof(EvidenceKind.DOCUMENT, TODAY - timedelta(days=90), person=who.person) for who in (harold, maud)]
    written = assess(Standing(LineKind.WRITE_OFF, Reason.CARE_HOME, facts.balance_pence, proofs), facts, POLICY, TODAY)
    assert written.letter is not None
    proofs.append(Proof(EvidenceKind.LETTER_SENT, TODAY - timedelta(days=60)))
    assert assess(Standing(LineKind.WRITE_OFF, Reason.CARE_HOME, facts.balance_pence, proofs), facts, POLICY, TODAY).ready


def test_a_debt_that_was_paid_meanwhile_is_blocked() -> None:
    facts = debt(charges=(), balance_pence=0, debtor_total_pence=0)
    found = assess(Standing(LineKind.WRITE_OFF, Reason.EMIGRATED, 312_40, READY), facts, POLICY, TODAY)
    assert found.blocked[0] == "Nothing is owed on the account."
    assert not found.ready


# --- reinstatement ----------------------------------------------------------------------------------------------------------------------

JOURNAL = UUID("00000000-0000-4000-8000-000000000031")
PARTS = (LinePart(element="heating", amount_pence=30_00), LinePart(element="rent", amount_pence=70_00, vat_pence=7_00))
AGREED = (Proof(EvidenceKind.DOCUMENT, TODAY),)


def put_back(wanted: int | None, *, reinstated: int = 0, discharged: bool = False, total: int = 100_00) -> Assessment:
    past = PastWriteOff(
        journal=JOURNAL, line=uuid4(), on=date(2026, 1, 5), amount_pence=100_00, reinstated_pence=reinstated, discharged=discharged,
        debtor_total_pence=total,
    )  # fmt: skip
    facts = debt(charges=(), balance_pence=0, debtor_total_pence=0, write_offs=(past,))
    proposed = Standing(
        LineKind.REINSTATEMENT, Reason.PAYING, 0, AGREED, undoes=JOURNAL, wanted_pence=wanted, undone_parts=PARTS, back_pence=reinstated
    )
    return assess(proposed, facts, POLICY, TODAY)


@pytest.mark.parametrize(
    ("wanted", "reinstated", "ready"),
    [(100_00, 0, True), (100_01, 0, False), (60_00, 40_00, True), (60_01, 40_00, False), (1, 100_00, False), (None, 0, True)],
)
def test_no_more_is_put_back_than_was_written_off(wanted: int | None, reinstated: int, ready: bool) -> None:
    assert put_back(wanted, reinstated=reinstated).ready is ready


@pytest.mark.parametrize(
    ("credit", "wanted", "proofs", "says"),
    [
        (0, 10_00, (), "no credit of £10.00 that was paid"),
        (0, None, (), "no credit of £100.00 that was paid"),
        (9_99, 10_00, (), "no credit of £10.00 that was paid"),
        (10_00, 10_00, (), None),
        (100_00, None, (), None),
        (0, 10_00, (Proof(EvidenceKind.CONTACT, TODAY),), "no credit"),
        (0, 10_00, AGREED, None),
    ],
)
def test_who_pays_has_paid_or_a_document_shows_that_they_do(
    credit: int, wanted: int | None, proofs: tuple[Proof, ...], says: str | None
) -> None:
    past = PastWriteOff(journal=JOURNAL, line=uuid4(), on=date(2026, 1, 5), amount_pence=100_00, reinstated_pence=0, discharged=False)
    facts = debt(charges=(), balance_pence=-credit, debtor_total_pence=0, write_offs=(past,))
    proposed = Standing(LineKind.REINSTATEMENT, Reason.PAYING, -credit, proofs, undoes=JOURNAL, wanted_pence=wanted, undone_parts=PARTS)
    blocked = assess(proposed, facts, POLICY, TODAY).blocked
    assert [says in one for one in blocked] == [True] if says else blocked == ()


@pytest.mark.parametrize(("credit", "proofs", "kept"), [(10_00, (), True), (9_99, (), False), (9_99, AGREED, False)])
def test_what_was_undone_has_left_its_credit_and_no_document_says_that(credit: int, proofs: tuple[Proof, ...], kept: bool) -> None:
    past = PastWriteOff(journal=JOURNAL, line=uuid4(), on=date(2026, 1, 5), amount_pence=100_00, reinstated_pence=0, discharged=False)
    facts = debt(charges=(), balance_pence=-credit, debtor_total_pence=0, write_offs=(past,))
    proposed = Standing(
        LineKind.REINSTATEMENT, Reason.CHARGE_UNDONE, -credit, proofs, undoes=JOURNAL, wanted_pence=10_00, undone_parts=PARTS
    )
    assert assess(proposed, facts, POLICY, TODAY).blocked == (
        () if kept else ("The account has no credit of £10.00 that an undone charge left.",)
    )


@pytest.mark.parametrize("law", ["none", "discharged", "released", "held", "not said of", "insolvent"])
@pytest.mark.parametrize("reason", [Reason.PAYING, Reason.CHARGE_UNDONE])
@pytest.mark.parametrize(("wanted", "stands"), [(60_00, True), (60_01, False)])
def test_what_was_written_off_of_an_undone_charge_comes_back_though_money_is_owed_and_the_law_has_released_it(
    law: str, reason: Reason, wanted: int, stands: bool
) -> None:
    """60.00 of it are of a charge that was undone, which nobody owes; the rest comes back as anything does."""
    tenant, until = person(), date(2026, 1, 5)
    gone, rest = owed(60_00, date(2025, 1, 6)).model_copy(update={"undone": True}), owed(40_00, date(2025, 1, 13))
    past = PastWriteOff(
        journal=JOURNAL, line=uuid4(), on=until, amount_pence=100_00, reinstated_pence=0, discharged=law == "discharged",
        charges=(gone, rest), released_until=until if law == "released" else None,
    )  # fmt: skip
    brought_to = uuid4() if law == "not said of" else None
    order = Proof(EvidenceKind.INSOLVENCY_ORDER, until, "", tenant.person, None, OrderKind.DEBT_RELIEF_ORDER, True, brought_to)
    orders = (order,) if law in ("held", "not said of") else ()
    holds = (AccountHold.INSOLVENCY,) if law == "insolvent" else ()
    facts = debt(owed(84_20), write_offs=(past,), people=(tenant,), account_holds=holds)
    told = Standing(LineKind.REINSTATEMENT, reason, 84_20, (), JOURNAL, wanted, PARTS, orders)
    found = assess(told, facts, POLICY, TODAY)
    assert found.ready is stands
    if stands:
        assert (found.amount_pence, found.named) == (60_00, (gone.journal,))


def test_no_credit_that_an_undone_charge_left_goes_to_income() -> None:
    gone = owed(60_00).model_copy(update={"undone": True})
    past = PastWriteOff(journal=JOURNAL, line=uuid4(), on=TODAY, amount_pence=60_00, reinstated_pence=0, discharged=True, charges=(gone,))
    proposed, credit = Standing(LineKind.CREDIT_WRITE_ON, Reason.UNCLAIMED, -60_00, ()), in_credit(60_00, date(2019, 1, 7))
    assert assess(proposed, debt(**credit), POLICY, TODAY).blocked == ()
    [says] = assess(proposed, debt(**credit, write_offs=(past,)), POLICY, TODAY).blocked
    assert says.startswith("A charge of what was written off was undone, and nobody paid the credit that it left")


def test_a_discharged_debt_is_never_put_back() -> None:
    [says] = put_back(10_00, discharged=True).blocked
    assert says.startswith("The law has released the debtor from this debt: it is put back only once it is shown that")


def test_a_piece_that_is_put_back_is_for_whoever_decides_on_the_whole() -> None:
    assert put_back(10_00, total=6_000_00).debtor_total_pence == 6_000_00
    assert put_back(10_00, reinstated=90_00).debtor_total_pence == 100_00


def test_a_part_that_is_put_back_takes_the_elements_in_their_order_with_their_vat() -> None:
    assert put_back(65_00).parts == (
        LinePart(element="heating", amount_pence=30_00),
        LinePart(element="rent", amount_pence=35_00, vat_pence=3_50),
    )


def test_what_was_put_back_already_is_not_put_back_again() -> None:
    assert put_back(None, reinstated=40_00).parts == (LinePart(element="rent", amount_pence=60_00, vat_pence=6_00),)
    assert put_back(20_00, reinstated=20_00).parts == (
        LinePart(element="heating", amount_pence=10_00),
        LinePart(element="rent", amount_pence=10_00, vat_pence=1_00),
    )


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**5)), min_size=1, max_size=6), st.integers(0, 7 * 10**6))
def test_what_came_back_and_what_is_left_are_the_whole(told: list[tuple[int, int]], back: int) -> None:
    parts = [LinePart(element=str(at), amount_pence=pence, vat_pence=min(vat, pence)) for at, (pence, vat) in enumerate(told)]
    came, left = part_of(parts, back), part_of(parts, None, back)
    assert all(part.amount_pence > 0 and part.vat_pence >= 0 for part in left)
    for part in parts:
        halves = [half for half in (*came, *left) if half.element == part.element]
        assert sum(half.amount_pence for half in halves) == part.amount_pence
        assert sum(half.vat_pence for half in halves) == part.vat_pence


@given(st.integers(1, 60), st.integers(0, 20), st.lists(st.integers(1, 4), max_size=12))
@example(17_80, 2_97, [2])
def test_however_often_some_of_it_comes_back_the_vat_is_that_of_what_was_written_off(whole: int, vat: int, pieces: list[int]) -> None:
    vat = min(vat, whole)
    parts, charge = (LinePart(element="garage", amount_pence=whole, vat_pence=vat),), owed(whole, vat=vat)
    back, came = 0, 0
    for pence in (*pieces, whole):
        if back == whole:
            break
        # As the ledger tells what is left: VAT of the whole less that of what came back.
        left = {"owed_pence": whole - back, "vat_pence": vat - came, "of_pence": whole, "of_vat_pence": vat}
        [taken] = first_of_charges([charge.model_copy(update=left)], pence)
        [part] = part_of(parts, pence, back)
        assert (taken.owed_pence, taken.vat_pence) == (part.amount_pence, part.vat_pence)
        back, came = back + taken.owed_pence, came + taken.vat_pence
    assert (back, came) == (whole, vat)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**5)), min_size=1, max_size=6), st.integers(1, 7 * 10**6))
def test_parts_add_up_to_what_is_wanted_and_no_part_grows(told: list[tuple[int, int]], wanted: int) -> None:
    parts = [LinePart(element=str(at), amount_pence=pence, vat_pence=min(vat, pence)) for at, (pence, vat) in enumerate(told)]
    taken = part_of(parts, wanted)
    assert sum(part.amount_pence for part in taken) == min(wanted, sum(part.amount_pence for part in parts))
    for part, whole in zip(taken, parts, strict=False):
        assert part.amount_pence <= whole.amount_pence
        assert part.vat_pence <= whole.vat_pence


# --- what an order of insolvency has released ---------------------------------------------------------------------------------------------

SPRING, SUMMER, AUTUMN = date(2024, 4, 1), date(2024, 7, 1), date(2024, 10, 1)
CHARGES = (owed(40_00, SPRING), owed(30_00, SUMMER), owed(30_00, AUTUMN))


def order(on: date, of: PersonFacts | None = None, kind: EvidenceKind = EvidenceKind.INSOLVENCY_ORDER) -> Proof:
    return Proof(kind, on, person=of.person if of else None)


def back_from(*orders: Proof, people: tuple[PersonFacts, ...], wanted: int | None = None, **changed: Any) -> Assessment:
    """A reinstatement of what was written off of three charges."""
    kept = {"amount_pence": 100_00, "reinstated_pence": 0, "discharged": False, "charges": CHARGES} | changed.pop("past", {})
    past = PastWriteOff(journal=JOURNAL, line=uuid4(), on=date(2025, 1, 5), **kept)
    facts = debt(charges=(), balance_pence=0, debtor_total_pence=0, write_offs=(past,), people=people, **changed)
    proposed = Standing(
        LineKind.REINSTATEMENT, Reason.PAYING, 0, AGREED, undoes=JOURNAL, wanted_pence=wanted, undone_parts=PARTS, orders=orders
    )
    return assess(proposed, facts, POLICY, TODAY)


HAROLD, MAUD = person(), person()
GONE = person(died_on=SPRING)


@pytest.mark.parametrize(
    ("orders", "people", "back"),
    [
        ((), (HAROLD,), 100_00),
        ((order(SPRING, HAROLD),), (HAROLD,), 60_00),
        ((order(SPRING),), (HAROLD,), 60_00),
        ((order(SPRING, HAROLD), order(SUMMER, HAROLD)), (HAROLD,), 30_00),
        ((order(SPRING, HAROLD), order(AUTUMN, HAROLD, EvidenceKind.DISCHARGE)), (HAROLD,), 60_00),
        ((order(SUMMER, HAROLD, EvidenceKind.DISCHARGE),), (HAROLD,), 30_00),
        ((order(SPRING - timedelta(days=1), HAROLD),), (HAROLD,), 100_00),
        ((order(AUTUMN, HAROLD),), (HAROLD, MAUD), 100_00),
        ((order(AUTUMN, HAROLD), order(SPRING, MAUD)), (HAROLD, MAUD), 60_00),
        ((order(SUMMER),), (HAROLD, MAUD), 30_00),
        ((order(SUMMER, HAROLD),), (HAROLD, GONE), 30_00),
        ((order(AUTUMN, GONE),), (HAROLD, GONE), 100_00),
        ((order(SUMMER, GONE),), (GONE,), 30_00),
    ],
    ids=[
        "no order", "what fell due by its day", "whose it is was not said", "the later of two", "a discharge from a known order",
        "a discharge alone", "one of before", "a joint tenant owes it still", "joint tenants both", "joint, whose it is was not said",
        "who lives", "who died", "an estate",
    ],
)  # fmt: skip
def test_what_fell_due_by_the_day_of_an_order_is_not_put_back(
    orders: tuple[Proof, ...], people: tuple[PersonFacts, ...], back: int
) -> None:
    found = back_from(*orders, people=people)
    assert (found.ready, found.amount_pence) == (True, back)
    after = found.released_until or date.min
    assert found.named == (() if back == 100_00 else tuple(charge.journal for charge in CHARGES if charge.due_on > after))


def test_what_the_law_has_released_is_never_put_back_whatever_it_was_written_off_for() -> None:
    released = order(AUTUMN, HAROLD)
    [says] = back_from(released, people=(HAROLD,)).blocked
    assert says.startswith("The law has released the debtor from what fell due by 1 October 2024")
    [says] = back_from(order(SUMMER, HAROLD), people=(HAROLD,), wanted=30_01).blocked
    assert "only £30.00 of it fell due later" in says
    assert back_from(order(SUMMER, HAROLD), people=(HAROLD,), wanted=30_00).ready
    [says] = back_from(order(SPRING, HAROLD), people=(HAROLD,), past={"charges": ()}).blocked
    assert "nobody kept which charges were written off" in says
    # What was known when it was written off is known for ever.
    assert back_from(people=(HAROLD,), past={"released_until": AUTUMN}).blocked


@pytest.mark.parametrize(
    "changed",
    [
        {"people": (HAROLD,), "account_holds": (AccountHold.INSOLVENCY,)},
        {"people": (HAROLD.model_copy(update={"insolvent": True}), GONE)},
    ],
    ids=["hold", "person"],
)
def test_an_insolvency_of_which_no_order_is_known_blocks_until_one_is(changed: dict[str, Any]) -> None:
    [says] = back_from(**changed).blocked
    assert says.startswith("An insolvency is recorded: add the order")
    assert back_from(order(SPRING, HAROLD), **changed).amount_pence == 60_00
    assert back_from(order(SPRING, HAROLD), **changed).ready


def test_one_joint_tenant_who_is_insolvent_leaves_the_debt_to_the_other() -> None:
    assert back_from(people=(HAROLD.model_copy(update={"insolvent": True}), MAUD)).ready


# --- of which charges -------------------------------------------------------------------------------------------------------------------


def test_what_is_put_back_in_part_is_of_the_oldest_charges() -> None:
    found = back_from(people=(HAROLD,), wanted=50_00)
    assert found.named == (CHARGES[0].journal, CHARGES[1].journal)
    assert found.parts == (LinePart(element="rent", amount_pence=50_00),)


BARRED, NEW = owed(80_00, TODAY - timedelta(days=7 * 365)), owed(30_00, TODAY - timedelta(days=7))
DEBITED = owed(30_00, TODAY)


def less(charge: ChargeOwed, pence: int) -> ChargeOwed:
    return charge.model_copy(update={"owed_pence": pence})


@pytest.mark.parametrize("reason", [Reason.STATUTE_BARRED, Reason.DEBT_RELIEF_ORDER])
@pytest.mark.parametrize(
    ("confirmed", "owed_now", "says"),
    [
        pytest.param((BARRED, NEW), (BARRED, NEW, DEBITED), None, id="another week is debited"),
        pytest.param((BARRED, NEW), (BARRED, less(NEW, 1_00)), None, id="less is owed of what stays"),
        pytest.param((BARRED,), (BARRED, DEBITED), None, id="all was, and the next week is none of it"),
        pytest.param((BARRED, NEW), (less(BARRED, 70_00), NEW), "from £80.00 to £70.00", id="its charge is paid in part"),
        pytest.param((BARRED, NEW), (less(BARRED, 50_00), NEW, DEBITED), "from £80.00 to £50.00", id="paid by what was debited"),
        pytest.param((BARRED, NEW), (NEW,), "from £80.00 to £0.00", id="its charge is paid"),
        pytest.param((NEW,), (BARRED, NEW), "from £0.00 to £80.00", id="a charge was backdated"),
        pytest.param((BARRED, NEW), (BARRED,), "from £110.00 owed to £80.00 owed", id="all that is owed goes now"),
        pytest.param(None, (BARRED, NEW, DEBITED), "from £110.00 owed to £140.00 owed", id="nobody kept its charges"),
    ],
)
def test_what_goes_in_part_is_confirmed_anew_once_what_is_owed_of_its_own_charges_has_changed(
    reason: Reason, confirmed: tuple[ChargeOwed, ...] | None, owed_now: tuple[ChargeOwed, ...], says: str | None
) -> None:
    """Where all that is owed goes, whatever moves the balance is confirmed."""
    tenant = person()
    proofs = (
        Proof(EvidenceKind.LEGAL_CONFIRMATION, TODAY)
        if reason is Reason.STATUTE_BARRED
        else Proof(
            EvidenceKind.INSOLVENCY_ORDER, TODAY - timedelta(days=400), order_kind=OrderKind.DEBT_RELIEF_ORDER, listed=True,
            person=tenant.person,
        ),
    )  # fmt: skip
    balance = sum(charge.owed_pence for charge in confirmed or (BARRED, NEW))
    standing = Standing(LineKind.WRITE_OFF, reason, balance, proofs, charges=confirmed)
    found = assess(standing, debt(*owed_now, people=(tenant,)), POLICY, TODAY)
    told = [block for block in found.blocked if "since it was proposed" in block]
    assert ([says in block for block in told] if says else told) == ([True] if says else [])
    assert found.ready == (says is None)


def test_what_time_bars_later_was_confirmed_with_the_rest() -> None:
    later = owed(20_00, TODAY - timedelta(days=5 * 365))
    facts = debt(BARRED, later, NEW)
    proofs = (Proof(EvidenceKind.LEGAL_CONFIRMATION, TODAY), Proof(EvidenceKind.LEGAL_CONFIRMATION, TODAY + timedelta(days=700)))
    standing = Standing(LineKind.WRITE_OFF, Reason.STATUTE_BARRED, facts.balance_pence, proofs, charges=facts.charges)
    found = assess(standing, facts, POLICY, TODAY + timedelta(days=700))
    assert (found.blocked, found.amount_pence) == ((), 100_00)


def test_barred_charges_are_named_and_what_goes_whole_is_not() -> None:
    long_ago = TODAY - timedelta(days=7 * 365)
    old, protected, new = owed(80_00, long_ago), owed(80_00, long_ago - timedelta(days=90)), owed(30_00)
    facts = debt(protected, old, new)
    action = Proof(EvidenceKind.COURT_ACTION, long_ago - timedelta(days=30))
    confirmed = Proof(EvidenceKind.LEGAL_CONFIRMATION, TODAY)
    found = assess(Standing(LineKind.WRITE_OFF, Reason.STATUTE_BARRED, 190_00, (action, confirmed)), facts, POLICY, TODAY)
    assert (found.ready, found.named, found.amount_pence) == (True, (old.journal,), 80_00)
    assert assess(Standing(LineKind.WRITE_OFF, Reason.EMIGRATED, 190_00, READY), facts, POLICY, TODAY).named == ()


@pytest.mark.parametrize("former", [False, True])
def test_what_a_current_tenant_owes_goes_by_its_charges_and_the_next_week_is_none_of_them(former: bool) -> None:
    """A council may write off for other reasons than the law's while the tenancy goes on."""
    policy = POLICY.model_copy(update={"of_current_tenants": (Reason.EMIGRATED,)})
    of = {} if former else {"status": AccountStatus.CURRENT, "ended_on": None}
    old, new, week = owed(80_00, TODAY - timedelta(days=90)), owed(30_00, TODAY - timedelta(days=7)), owed(30_00, TODAY)
    told = Standing(LineKind.WRITE_OFF, Reason.EMIGRATED, 110_00, READY, charges=(old, new))
    found = assess(told, debt(old, new, **of), policy, TODAY)
    assert (found.ready, found.named) == (True, () if former else (old.journal, new.journal))
    later = assess(told, debt(old, new, week, **of), policy, TODAY)
    assert (later.ready, later.amount_pence) == ((False, 140_00) if former else (True, 110_00))
    less = assess(told, debt(old.model_copy(update={"owed_pence": 79_00}), new, week, **of), policy, TODAY)
    assert [says for says in less.blocked if "since it was proposed" in says] == list(less.blocked) != []


@pytest.mark.parametrize(
    ("refused", "stands", "still"),
    [
        ([], [(10_00, 1)], 0),
        ([(1, 10_00)], [(10_00, 1)], 10_00),
        ([(1, 10_00)], [(10_00, 1), (5_00, 2)], 10_00),
        ([(1, 10_00)], [(15_00, 0)], 10_00),
        ([(1, 10_00)], [(4_00, 1), (6_00, 2)], 4_00),
        ([(1, 10_00)], [(10_00, 2)], 0),
        ([(1, 10_00), (2, 5_00)], [(10_00, 1), (5_00, 2)], 15_00),
        ([(1, 10_00), (3, 10_00)], [(10_00, 2), (10_00, 4)], 10_00),
        ([(1, 10_00), (3, 5_00)], [(12_00, 1)], 12_00),
        ([(1, 10_00)], [], 0),
    ],
)
def test_a_refusal_counts_for_the_money_that_it_refused_while_that_lies_there(
    refused: list[tuple[int, int]], stands: list[tuple[int, int]], still: int
) -> None:
    """Refusals by their day, and the credit by the day since which it has stood."""
    first = date(2026, 1, 1)
    told = [Refusal(first + timedelta(days=day), pence) for day, pence in refused]
    assert still_refused(told, [StandingCredit(since=first + timedelta(days=day), pence=pence) for pence, day in stands]) == still


# --- unclaimed credits ------------------------------------------------------------------------------------------------------------------


def unclaimed(since: date, attempts: tuple[date, ...], *later: tuple[int, date], **changed: Any) -> Assessment:
    facts = debt(**{**in_credit(21_50, since, *later), **changed})
    proofs = tuple(Proof(EvidenceKind.RETURN_ATTEMPT, day) for day in attempts)
    return assess(Standing(LineKind.CREDIT_WRITE_ON, Reason.UNCLAIMED, facts.balance_pence, proofs), facts, POLICY, TODAY)


YEARLY = tuple(date(year, 11, 25) for year in range(2020, 2026))


def test_a_credit_goes_to_income_after_six_years_of_recorded_attempts() -> None:
    found = unclaimed(date(2020, 11, 25), YEARLY)
    assert found.ready
    assert found.parts == (LinePart(element="", amount_pence=21_50),)


@pytest.mark.parametrize(
    ("since", "attempts", "says"),
    [
        (date(2020, 11, 26), YEARLY, "for less than 6 years"),
        (date(2020, 11, 25), YEARLY[1:], None),
        (date(2020, 11, 25), (), None),
        (date(2019, 11, 25), (date(2019, 11, 24), *YEARLY[:5]), None),
        (date(2019, 11, 25), (*YEARLY[:5], YEARLY[4]), None),
        (date(2019, 11, 25), tuple(YEARLY[0] + timedelta(days=day) for day in range(6)), None),
        (date(2019, 11, 25), (*YEARLY[:5], YEARLY[5] - timedelta(days=1)), None),
        (date(2019, 11, 25), (*YEARLY[:5], TODAY - timedelta(days=27)), None),
        (date(2019, 11, 25), (*YEARLY, TODAY), None),
        (date(2019, 11, 25), (*YEARLY, TODAY - timedelta(days=40), TODAY - timedelta(days=27)), None),
    ],
    ids=[
        "a day too early",
        "five attempts",
        "no attempt",
        "one of before the credit",
        "two of one day",
        "six days one after the other",
        "one of a day too early",
        "no time yet to answer the last",
        "no time yet to answer a seventh",
        "no time yet to answer one that comes too soon after another",
    ],
)
def test_a_credit_does_not_go_to_income_before(since: date, attempts: tuple[date, ...], says: str | None) -> None:
    found = unclaimed(since, attempts)
    assert not found.ready
    assert [text for text in found.blocked if says and says in text] == list(found.blocked)


def test_nobody_is_reminded_of_a_credit_that_is_too_young_unless_something_else_waits_for_a_person() -> None:
    found = unclaimed(date(2025, 1, 1), ())
    assert found.only_young
    assert [type(block) for block in found.blocked] == [Passing], "its day comes by itself"
    assert not waits_for_a_person(found)
    asked_for = unclaimed(date(2025, 1, 1), (), credit_blocked=(DroppedBecause.CREDIT_ASKED_FOR,))
    assert (asked_for.only_young, waits_for_a_person(asked_for)) == (False, True)


def test_time_to_answer_the_last_attempt_is_all_that_is_missing() -> None:
    found = unclaimed(date(2019, 11, 25), (*YEARLY[:5], TODAY - timedelta(days=20)))
    assert (found.blocked, found.look_again_on) == ((), TODAY + timedelta(days=8))
    assert unclaimed(date(2019, 11, 25), (*YEARLY[:5], TODAY - timedelta(days=28))).ready


def test_attempts_that_follow_each_other_too_soon_say_how_far_apart_they_count() -> None:
    found = unclaimed(date(2019, 11, 25), tuple(YEARLY[0] + timedelta(days=day) for day in range(6)))
    assert found.rungs[0].says == "1 of 6 so far that are 365 days apart"


def test_what_was_paid_in_since_is_no_part_of_a_credit_that_nobody_claimed() -> None:
    found = unclaimed(date(2020, 11, 25), YEARLY, (500_00, TODAY))
    assert found.ready
    assert found.parts == (LinePart(element="", amount_pence=21_50),)
    assert found.stays_pence == 500_00
    both = unclaimed(date(2019, 11, 25), YEARLY, (10_00, date(2020, 11, 25)), (1_00, date(2020, 11, 26)))
    assert (both.amount_pence, both.stays_pence) == (31_50, 1_00)


@pytest.mark.parametrize("because", [DroppedBecause.OWED_ELSEWHERE, DroppedBecause.CREDIT_ASKED_FOR, DroppedBecause.CREDIT_HELD])
def test_what_the_ledger_says_keeps_a_credit_from_income(because: DroppedBecause) -> None:
    found = unclaimed(date(2019, 1, 1), YEARLY, credit_blocked=(because,))
    assert (found.blocked, found.ready) == ((DROPS[because],), False)


@pytest.mark.parametrize("status", sorted(set(AccountStatus) - {AccountStatus.FORMER, AccountStatus.CLOSED}))
def test_a_credit_of_an_account_in_use_does_not_go_to_income_and_nobody_is_written_to(status: AccountStatus) -> None:
    found = unclaimed(date(2019, 1, 1), YEARLY, status=status)
    assert (found.blocked, found.ready) == ((NOT_A_FORMER_TENANTS,), False)
    young = unclaimed(date(2025, 1, 1), (), status=status)
    assert (young.only_young, young.letter) == (False, None)


def test_authority_over_a_credit_is_by_all_credits_of_the_same_people() -> None:
    assert unclaimed(date(2019, 1, 1), YEARLY, credits_total_pence=80_00, debtor_total_pence=5_000_00).debtor_total_pence == 80_00


# --- what posts -------------------------------------------------------------------------------------------------------------------------


def test_what_posts_is_by_element_with_its_vat() -> None:
    facts = debt(owed(17_80, element="garage", vat=2_97), owed(17_80, element="garage", vat=2_97), owed(120_00))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.EMIGRATED, facts.balance_pence, READY), facts, POLICY, TODAY)
    assert found.parts == (LinePart(element="garage", amount_pence=35_60, vat_pence=5_94), LinePart(element="rent", amount_pence=120_00))


def test_the_debtors_total_is_the_ledgers_word() -> None:
    assert found_on(debtor_total_pence=5_000_00).debtor_total_pence == 5_000_00


@pytest.mark.parametrize(("total", "wanted"), [(49_99, 1), (50_00, 2), (199_99, 2)])
def test_what_a_reason_asks_for_goes_by_all_that_the_debtor_owes(total: int, wanted: int) -> None:
    facts = debt(owed(30_00), linked=(linked(total - 30_00),), debtor_total_pence=total, people=(person(TODAY),))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.DECEASED, facts.balance_pence, ()), facts, POLICY, TODAY)
    assert len(found.rungs) == wanted


def test_a_debt_is_uneconomic_only_where_all_that_the_debtor_owes_is() -> None:
    letter = (Proof(EvidenceKind.LETTER_SENT, TODAY - timedelta(days=40)),)

    def found(total: int) -> Assessment:
        facts = debt(owed(30_00), linked=(linked(total - 30_00),), debtor_total_pence=total)
        return assess(Standing(LineKind.WRITE_OFF, Reason.UNECONOMIC, facts.balance_pence, letter), facts, POLICY, TODAY)

    assert found(49_99).ready
    assert not found(50_00).ready
    within = "from £0.01 to £49.99, over all accounts of the debtor"
    assert found(50_00).blocked == (f"The policy in force writes off a debt for this reason only {within}.",)
