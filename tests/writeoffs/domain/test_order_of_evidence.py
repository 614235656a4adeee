"""No evidence is of before what it follows: the order, the instruction, the death or the barring. The page says why it does not count."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from rentbook_contracts.ledger import DebtFacts, LineKind
from rentbook_contracts.notices import LadderLetter
from rentbook_contracts.writeoffs import EvidenceKind, OrderKind, Reason
from support.debts import ACCOUNT, POLICY, TODAY, debt, owed, person
from writeoffs.domain.assessment import ORDER_OF, Assessment, Standing, assess
from writeoffs.domain.days import in_words, years_after
from writeoffs.domain.ladder import NextLetter, Proof

K = EvidenceKind
DEBTOR = person()
DEAD_DAYS = 100
BARRED_ON = date(2026, 10, 2)
"""The first day on which a charge of six years and a day before is barred."""


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def proofs(*told: tuple[EvidenceKind, int] | tuple[EvidenceKind, int, str]) -> tuple[Proof, ...]:
    """Evidence of so many days ago, with its source where that counts."""
    return tuple(Proof(one[0], ago(one[1]), one[2] if len(one) > 2 else "") for one in told)


def found(reason: Reason, evidence: tuple[Proof, ...], facts: DebtFacts | None = None) -> Assessment:
    facts = facts or debt(owed(900_00), people=(person(ago(DEAD_DAYS) if reason is Reason.DECEASED else None),))
    return assess(Standing(LineKind.WRITE_OFF, reason, facts.balance_pence, evidence), facts, POLICY, TODAY)


TRACED = ((K.TRACE, 200, "a"), (K.TRACE, 190, "b"))
ORDERS = [
    pytest.param(
        reason, proofs((K.INSOLVENCY_ORDER, 50), (K.DISCHARGE, days)), days <= 50,
        f"that of {in_words(ago(days))} is from before the order of {in_words(ago(50))}", id=f"{reason}: discharged {days} days ago",
    )
    for reason in (Reason.BANKRUPTCY, Reason.VOLUNTARY_ARRANGEMENT)
    for days in (900, 51, 50, 3)
]  # fmt: skip
RETURNS = [
    pytest.param(
        Reason.UNTRACEABLE, proofs(*TRACED, *between, (K.AGENCY_INSTRUCTED, 100), (K.AGENCY_RETURN, days)), days <= 100,
        f"that of {in_words(ago(days))} is from before an agency was instructed on {in_words(ago(100))}",
        id=f"the agency's return of {days} days ago, {len(between)} before",
    )
    for days, between in (
        (400, ()), (101, ()), (100, ()), (2, ()), (140, ((K.AGENCY_INSTRUCTED, 180), (K.CONTACT, 150))),
    )
]  # fmt: skip
LETTERS = [
    pytest.param(
        Reason.DECEASED, proofs((K.DEATH, death), (K.LETTER_SENT, first), (K.LETTER_SENT, second)), ready,
        f"that of {in_words(ago(max(early)))} is from before the death on {in_words(ago(DEAD_DAYS))}" if early else "",
        id=f"letters to the estate {first} and {second} days ago, the death shown {death} days ago",
    )
    for death, first, second, ready, early in (
        (90, 170, 130, False, (130,)), (90, 130, 60, False, (130,)), (90, 90, 60, True, ()), (90, 100, 60, True, ()),
        (101, 90, 60, False, (101,)),
    )
]  # fmt: skip
FUNDS = [
    pytest.param(
        Reason.DECEASED, proofs((K.DEATH, 90), (K.INSUFFICIENT_FUNDS, days)), days <= DEAD_DAYS,
        f"that of {in_words(ago(days))} is from before the death on {in_words(ago(DEAD_DAYS))}",
        id=f"what the estate has not, of {days} days ago",
    )
    for days in (101, 100)
]  # fmt: skip


@pytest.mark.parametrize(("reason", "evidence", "ready", "why_not"), [*ORDERS, *RETURNS, *LETTERS, *FUNDS])
def test_evidence_of_before_what_it_follows_counts_for_nothing_and_says_why(
    reason: Reason, evidence: tuple[Proof, ...], ready: bool, why_not: str
) -> None:
    assessment = found(reason, evidence)
    assert assessment.ready is ready
    if not ready:
        assert why_not in "; ".join(rung.says for rung in assessment.rungs)


OLDER_THAN_THE_DEBT = [
    (Reason.CARE_HOME, ((K.NO_ASSETS, 1),), False),
    (Reason.CARE_HOME, ((K.DOCUMENT, 1), (K.INSUFFICIENT_FUNDS, 1)), False),
    (Reason.CARE_HOME, ((K.DOCUMENT, 1), (K.INSUFFICIENT_FUNDS, 0)), True),
    (Reason.CARE_HOME, ((K.DOCUMENT, 12_000), (K.NO_ASSETS, 0)), True),
    (Reason.PRISON, ((K.DOCUMENT, 12_000), (K.MANAGER_NOTE, 1)), False),
    (Reason.PRISON, ((K.DOCUMENT, 12_000), (K.MANAGER_NOTE, 0)), True),
]


@pytest.mark.parametrize(("reason", "told", "ready"), OLDER_THAN_THE_DEBT)
def test_what_is_said_of_a_debt_is_not_older_than_its_oldest_charge_and_where_somebody_moved_to_may_be(
    reason: Reason, told: tuple[tuple[EvidenceKind, int], ...], ready: bool
) -> None:
    """`told`: evidence of so many days before the oldest charge fell due."""
    evidence = proofs(*((kind, 1000 + days) for kind, days in told))
    assessment = found(reason, evidence)
    assert assessment.ready is ready
    why_not = f"that of {in_words(ago(1001))} is from before the oldest charge that is owed fell due on {in_words(ago(1000))}"
    assert ready or why_not in "; ".join(rung.says for rung in assessment.rungs)


def test_a_bankruptcy_whose_discharge_is_of_another_waits_for_its_twelve_months() -> None:
    assessment = found(Reason.BANKRUPTCY, proofs((K.INSOLVENCY_ORDER, 50), (K.DISCHARGE, 900)))
    assert assessment.look_again_on == date(2027, 10, 6)


def test_of_joint_tenants_each_is_discharged_from_their_own_order() -> None:
    harold, maud = person(), person()
    orders = tuple(Proof(K.INSOLVENCY_ORDER, ago(days), person=of.person) for of, days in ((harold, 300), (maud, 60)))
    for days, ready in ((200, False), (5, True)):
        discharged = tuple(Proof(K.DISCHARGE, ago(days), person=of.person) for of in (harold, maud))
        facts = debt(owed(900_00), people=(harold, maud))
        assert found(Reason.BANKRUPTCY, (*orders, *discharged), facts).ready is ready


V, B = OrderKind.VOLUNTARY_ARRANGEMENT, OrderKind.BANKRUPTCY
IN_A_ROW = [
    pytest.param(V, ((V, 1500), 1000, (B, 600), 200), in_words(ago(1000)), id="an arrangement that was completed before the bankruptcy"),
    pytest.param(V, ((V, 1500), (B, 600), 200), None, id="an arrangement in which the debtor was made bankrupt, and discharged from that"),
    pytest.param(V, ((V, 1500), (B, 600)), None, id="an arrangement in which the debtor was made bankrupt"),
    pytest.param(B, ((V, 1500), 1000, (B, 600), 200), in_words(ago(200)), id="a bankruptcy after an arrangement was completed"),
    pytest.param(B, ((V, 1500), 1000, (B, 300), 200), in_words(ago(200)), id="and discharged from it within the year"),
    pytest.param(B, ((V, 1500), 1000, (B, 300)), None, id="not discharged from it yet"),
    pytest.param(B, ((B, 300), (V, 200), 100), None, id="a bankruptcy before an arrangement that was completed"),
]


@pytest.mark.parametrize("brought", ["here", "to another account"])
@pytest.mark.parametrize(("kind", "told", "shown"), IN_A_ROW)
def test_a_discharge_is_of_the_last_order_before_it(
    brought: str, kind: OrderKind, told: tuple[tuple[OrderKind, int] | int, ...], shown: str | None
) -> None:
    """`told`: orders with what they are, and discharges, of so many days ago. What is of another kind may be known from elsewhere."""
    evidence = tuple(
        Proof(K.DISCHARGE, ago(one), person=DEBTOR.person)
        if isinstance(one, int)
        else Proof(K.INSOLVENCY_ORDER, ago(one[1]), person=DEBTOR.person, order_kind=one[0], listed=True)
        for one in told
    )
    facts = debt(owed(900_00, ago(2000)), people=(DEBTOR,))
    here = tuple(one for one in evidence if brought == "here" or one.order_kind in (None, kind))
    known = tuple(replace(one, account=ACCOUNT if one in here else uuid4()) for one in evidence)
    reason = next(reason for reason, of in ORDER_OF.items() if of is kind)
    assessment = assess(Standing(LineKind.WRITE_OFF, reason, 900_00, here, orders=known), facts, POLICY, TODAY)
    assert assessment.ready is (shown is not None)
    assert not shown or assessment.rungs[1].says == f"shown on {shown}"


def test_a_discharge_that_is_of_another_order_says_so() -> None:
    orders = tuple(Proof(K.INSOLVENCY_ORDER, ago(days), order_kind=kind, listed=True) for kind, days in ((V, 1500), (B, 600)))
    blocked = found(Reason.VOLUNTARY_ARRANGEMENT, (*orders, Proof(K.DISCHARGE, ago(200)))).blocked
    assert f"The discharge of {in_words(ago(200))} is of another order, the last one before it: it does not count for this one." in blocked


def test_an_estate_is_that_of_whoever_died_last() -> None:
    facts = debt(owed(60_00), people=(person(ago(300)), person(ago(50))))
    deaths = tuple(Proof(K.DEATH, ago(40), person=of.person) for of in facts.people)
    for days, ready in ((200, False), (40, True)):
        assert found(Reason.DECEASED, (*deaths, *proofs((K.LETTER_SENT, days))), facts).ready is ready


def test_letters_to_the_living_are_not_the_first_to_the_estate() -> None:
    facts, evidence = (
        debt(owed(900_00), people=(person(ago(DEAD_DAYS)),)),
        proofs((K.DEATH, 90), (K.LETTER_SENT, 170), (K.LETTER_SENT, 130)),
    )
    standing = Standing(LineKind.WRITE_OFF, Reason.DECEASED, 900_00, evidence, letters_ever={K.LETTER_SENT: 2})
    assert assess(standing, facts, POLICY, TODAY).letter == NextLetter(LadderLetter.ESTATE_DEBT, 3, TODAY, 28, anew=True)


@pytest.mark.parametrize(("confirmed", "goes"), [
    pytest.param((date(2021, 1, 1),), None, id="years before anything was barred"),
    pytest.param((BARRED_ON - timedelta(days=1),), None, id="the day before"),
    pytest.param((BARRED_ON,), 80_00, id="on the day of the first, and the second is barred a week later"),
    pytest.param((BARRED_ON + timedelta(days=7),), 150_00, id="of both"),
    pytest.param((BARRED_ON, BARRED_ON + timedelta(days=8)), 150_00, id="once more, of what was barred since"),
])  # fmt: skip
def test_what_legal_services_confirm_was_barred_by_then(confirmed: tuple[date, ...], goes: int | None) -> None:
    due = date(2020, 10, 1)
    assert years_after(due, 6) + timedelta(days=1) == BARRED_ON
    facts = debt(owed(80_00, due), owed(70_00, due + timedelta(days=7)), owed(30_00))
    assessment = found(Reason.STATUTE_BARRED, tuple(Proof(K.LEGAL_CONFIRMATION, day) for day in confirmed), facts)
    assert (assessment.amount_pence if assessment.ready else None) == goes
    [rung] = assessment.rungs
    assert ("is from before the first charge is barred, on 2 October 2026" in rung.says) is (goes is None)


@pytest.mark.parametrize(("reason", "evidence", "days"), [
    pytest.param(
        Reason.DEBT_RELIEF_ORDER, (Proof(K.INSOLVENCY_ORDER, date(2025, 10, 23)),),
        ("23 October 2025", "23 October 2026"), id="twelve months",
    ),
    pytest.param(
        Reason.DEBT_RELIEF_ORDER, (Proof(K.INSOLVENCY_ORDER, date(2024, 2, 29)),),
        ("29 February 2024", "1 March 2025"), id="twelve months that begin with a 29 February",
    ),
    pytest.param(
        Reason.UNTRACEABLE, proofs(*TRACED, (K.AGENCY_INSTRUCTED, 98), (K.AGENCY_RETURN, 2)),
        (in_words(ago(190)), "19 November 2026", in_words(ago(2))), id="three months",
    ),
    pytest.param(
        Reason.DECEASED, proofs((K.DEATH, 90), (K.LETTER_SENT, 80), (K.LETTER_SENT, 40)),
        (in_words(ago(90)), in_words(ago(12))), id="four weeks after the second letter",
    ),
])  # fmt: skip
def test_a_rung_is_shown_on_the_day_on_which_its_time_was_over(reason: Reason, evidence: tuple[Proof, ...], days: tuple[str, ...]) -> None:
    assert tuple(rung.says for rung in found(reason, evidence).rungs) == tuple(f"shown on {day}" for day in days)
