"""What each reason of domain.md 5.2 and 5.3 asks for under the shipped policy, and from when: one table for each."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from rentbook_contracts.ledger import AccountKind, LineKind, LinePart, PastWriteOff, RestDays
from rentbook_contracts.notices import LadderLetter
from rentbook_contracts.writeoffs import EvidenceKind, Reason
from support.debts import POLICY, TODAY, dated_policy, debt, owed, person
from writeoffs.domain.assessment import REASONS, Assessment, Standing, assess
from writeoffs.domain.days import in_words
from writeoffs.domain.ladder import NextLetter, Proof
from writeoffs.domain.policy import NoLadder, Proven, Rung, complaint_about, ladder_for, policy_at

K = EvidenceKind


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def proofs(*told: tuple[EvidenceKind, int] | tuple[EvidenceKind, int, str]) -> tuple[Proof, ...]:
    """Evidence of so many days ago, with its source where that counts."""
    return tuple(Proof(one[0], ago(one[1]), one[2] if len(one) > 2 else "") for one in told)


def assessed(reason: Reason, pence: int, evidence: tuple[Proof, ...], *, dead: bool = False) -> Assessment:
    facts = debt(owed(pence), people=(person(ago(300) if dead else None),))
    standing = Standing(LineKind.WRITE_OFF, reason, facts.balance_pence, evidence)
    return assess(standing, facts, POLICY, TODAY)


DECEASED = [
    pytest.param(49_99, proofs((K.DEATH, 90)), True, None, id="below £50 the death is enough"),
    pytest.param(49_99, (), False, None, id="never without evidence of the death"),
    pytest.param(50_00, proofs((K.DEATH, 90)), False, None, id="£50 wants a letter"),
    pytest.param(50_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 28)), True, None, id="one letter, unanswered on the 28th day"),
    pytest.param(199_99, proofs((K.DEATH, 90), (K.LETTER_SENT, 27)), False, TODAY + timedelta(days=1), id="a day too early"),
    pytest.param(199_99, proofs((K.DEATH, 90), (K.LETTER_SENT, 40), (K.LETTER_ANSWERED, 3)), False, None, id="the letter was answered"),
    pytest.param(199_99, proofs((K.DEATH, 90), (K.INSUFFICIENT_FUNDS, 1)), True, None, id="or insufficient funds"),
    pytest.param(200_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 60)), False, None, id="£200 wants two letters"),
    pytest.param(200_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 56), (K.LETTER_SENT, 28)), True, None, id="two letters, 56 days"),
    pytest.param(200_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 90), (K.LETTER_SENT, 63)), False, None, id="27 days after the first"),
    pytest.param(
        200_00,
        proofs((K.DEATH, 90), (K.LETTER_SENT, 90), (K.LETTER_SENT, 60), (K.LETTER_SENT, 27)),
        False,
        TODAY + timedelta(days=1),
        id="a third letter has its time too",
    ),
    pytest.param(
        200_00, proofs((K.DEATH, 90), (K.LETTER_SENT, 55), (K.LETTER_SENT, 27)), False, TODAY + timedelta(days=1), id="the 55th day"
    ),
    pytest.param(
        200_00,
        proofs((K.DEATH, 90), (K.LETTER_SENT, 70), (K.LETTER_SENT, 40), (K.EXECUTOR_REPLY, 10)),
        False,
        None,
        id="they replied",
    ),
    *(
        pytest.param(
            200_00,
            proofs((K.DEATH, 300), (K.LETTER_SENT, 300), (K.LETTER_SENT, 270), (K.EXECUTOR_REPLY, 250), *again),
            ready,
            from_on,
            id=f"they replied, and were written to again {[days for _, days in again]} days ago",
        )
        for again, ready, from_on in (
            (((K.LETTER_SENT, 60),), False, None),
            (((K.LETTER_SENT, 9),), False, TODAY + timedelta(days=19)),
            (((K.LETTER_SENT, 60), (K.LETTER_SENT, 30)), True, None),
            (((K.LETTER_SENT, 250), (K.LETTER_SENT, 30)), False, None),
        )
    ),
]


@pytest.mark.parametrize(("pence", "evidence", "ready", "from_on"), DECEASED)
def test_deceased_without_an_estate(pence: int, evidence: tuple[Proof, ...], ready: bool, from_on: date | None) -> None:
    found = assessed(Reason.DECEASED, pence, evidence, dead=True)
    assert (found.ready, found.look_again_on) == (ready, from_on)


OTHERS = [
    pytest.param(Reason.CARE_HOME, 49_99, proofs((K.NO_ASSETS, 3)), True, id="care home: written confirmation"),
    pytest.param(Reason.CARE_HOME, 49_99, (), False, id="care home: nothing written"),
    pytest.param(Reason.CARE_HOME, 900_00, proofs((K.NO_ASSETS, 3)), True, id="care home: at any amount"),
    pytest.param(Reason.CARE_HOME, 60_00, proofs((K.LETTER_SENT, 90)), False, id="care home: no letter says that they moved there"),
    *(
        pytest.param(
            Reason.CARE_HOME,
            pence,
            proofs((K.DOCUMENT, 90), *and_then),
            ready,
            id=f"care home: a document and {len(and_then)} letters, {pence}p",
        )
        for pence, and_then, ready in (
            (60_00, (), False),
            (60_00, ((K.LETTER_SENT, 28),), True),
            (900_00, ((K.LETTER_SENT, 60),), False),
            (900_00, ((K.LETTER_SENT, 60), (K.LETTER_SENT, 30)), True),
            (49_99, ((K.LETTER_SENT, 28),), False),
        )
    ),
    pytest.param(Reason.CARE_HOME, 900_00, proofs((K.DOCUMENT, 90), (K.INSUFFICIENT_FUNDS, 3)), True, id="care home: insufficient funds"),
    pytest.param(Reason.BANKRUPTCY, 900_00, proofs((K.INSOLVENCY_ORDER, 400)), True, id="bankruptcy: a year after the order"),
    pytest.param(Reason.BANKRUPTCY, 900_00, proofs((K.INSOLVENCY_ORDER, 200)), False, id="bankruptcy: not within the year"),
    pytest.param(Reason.BANKRUPTCY, 900_00, proofs((K.INSOLVENCY_ORDER, 200), (K.DISCHARGE, 2)), True, id="bankruptcy: discharged"),
    pytest.param(Reason.DEBT_RELIEF_ORDER, 900_00, proofs((K.INSOLVENCY_ORDER, 364)), False, id="debt relief order: before its end"),
    pytest.param(Reason.DEBT_RELIEF_ORDER, 900_00, proofs((K.INSOLVENCY_ORDER, 366)), True, id="debt relief order: after twelve months"),
    pytest.param(Reason.VOLUNTARY_ARRANGEMENT, 900_00, proofs((K.INSOLVENCY_ORDER, 900)), False, id="arrangement: still running"),
    pytest.param(
        Reason.VOLUNTARY_ARRANGEMENT, 900_00, proofs((K.INSOLVENCY_ORDER, 900), (K.DISCHARGE, 9)), True, id="arrangement: completed"
    ),
    pytest.param(
        Reason.UNTRACEABLE,
        900_00,
        proofs((K.TRACE, 200, "electoral roll"), (K.TRACE, 190, "credit bureau"), (K.AGENCY_INSTRUCTED, 100), (K.AGENCY_RETURN, 2)),
        True,
        id="untraceable: two sources, three months with an agency, its return",
    ),
    *(
        pytest.param(
            Reason.UNTRACEABLE,
            900_00,
            proofs((K.TRACE, 200, "Electoral roll"), (K.TRACE, 190, again), (K.AGENCY_INSTRUCTED, 100), (K.AGENCY_RETURN, 2)),
            False,
            id=f"untraceable: twice the same source, {again!r}",
        )
        for again in ("electoral roll ", "electoral  roll", "Electoral\N{NO-BREAK SPACE}roll", "ELECTORAL\troll", "")
    ),
    pytest.param(
        Reason.UNTRACEABLE,
        900_00,
        proofs((K.TRACE, 200, "a"), (K.TRACE, 190, "b"), (K.AGENCY_INSTRUCTED, 80), (K.AGENCY_RETURN, 2)),
        False,
        id="untraceable: the agency had less than three months",
    ),
    pytest.param(
        Reason.UNTRACEABLE,
        900_00,
        proofs((K.TRACE, 200, "a"), (K.TRACE, 190, "b"), (K.AGENCY_INSTRUCTED, 100), (K.CONTACT, 50), (K.AGENCY_RETURN, 2)),
        False,
        id="untraceable: there was contact",
    ),
    pytest.param(
        Reason.UNTRACEABLE,
        900_00,
        proofs(
            (K.TRACE, 400, "a"),
            (K.TRACE, 390, "b"),
            (K.AGENCY_INSTRUCTED, 300),
            (K.CONTACT, 250),
            (K.AGENCY_INSTRUCTED, 100),
            (K.AGENCY_RETURN, 2),
        ),
        True,
        id="untraceable: there was contact, and an agency was instructed again",
    ),
    pytest.param(
        Reason.UNTRACEABLE,
        900_00,
        proofs((K.TRACE, 400, "a"), (K.TRACE, 390, "b"), (K.AGENCY_INSTRUCTED, 300), (K.AGENCY_RETURN, 150), (K.FOUND, 50)),
        False,
        id="untraceable: somebody was found",
    ),
    *(
        pytest.param(
            Reason.UNTRACEABLE,
            900_00,
            proofs((K.TRACE, 400, "a"), (K.TRACE, 390, "b"), (K.FOUND, 200), (K.AGENCY_INSTRUCTED, 100), (K.AGENCY_RETURN, 2), *later),
            ready,
            id=f"untraceable: found, and lost again, with {len(later)} traces since",
        )
        for later, ready in (((), False), (((K.TRACE, 90, "a"),), False), (((K.TRACE, 90, "a"), (K.TRACE, 80, "c")), True))
    ),
    pytest.param(Reason.UNECONOMIC, 49_99, proofs((K.LETTER_SENT, 28)), True, id="uneconomic: a letter"),
    pytest.param(Reason.UNECONOMIC, 49_99, (), False, id="uneconomic: no letter"),
    pytest.param(Reason.UNECONOMIC, 50_00, proofs((K.LETTER_SENT, 28)), False, id="uneconomic: above the threshold there is no ladder"),
    *(
        pytest.param(reason, 500_00, proofs((K.DOCUMENT, 9), (K.MANAGER_NOTE, 2)), True, id=f"{reason}: a document and a manager's note")
        for reason in (Reason.PRISON, Reason.EMIGRATED, Reason.DISPUTED_END, Reason.JUDGMENT_UNENFORCEABLE)
    ),
    *(
        pytest.param(reason, 500_00, proofs((K.DOCUMENT, 9)), False, id=f"{reason}: no manager's note")
        for reason in (Reason.PRISON, Reason.EMIGRATED, Reason.DISPUTED_END, Reason.JUDGMENT_UNENFORCEABLE)
    ),
]


@pytest.mark.parametrize(("reason", "pence", "evidence", "ready"), OTHERS)
def test_the_other_reasons(reason: Reason, pence: int, evidence: tuple[Proof, ...], ready: bool) -> None:
    assert assessed(reason, pence, evidence).ready is ready


TRACED_TO_NOWHERE = ((K.TRACE, 200, "a"), (K.TRACE, 190, "b"), (K.AGENCY_INSTRUCTED, 100), (K.AGENCY_RETURN, 2))
SIGNS_OF_LIFE = [
    pytest.param(None, (), True, id="none"),
    pytest.param(101, (), True, id="before the agency was instructed"),
    pytest.param(100, (), False, id="on the day on which it was instructed"),
    pytest.param(3, (), False, id="three days ago"),
    pytest.param(97, ((K.AGENCY_INSTRUCTED, 95),), True, id="and it was instructed again since"),
    pytest.param(97, ((K.AGENCY_INSTRUCTED, 90),), False, id="and it was instructed again since, less than three months ago"),
]


@pytest.mark.parametrize("sign", ["spoke", "paid", "agreed a plan or asked for a refund"])
@pytest.mark.parametrize(("days", "again", "ready"), SIGNS_OF_LIFE)
def test_who_spoke_with_us_or_paid_is_not_untraceable_and_the_months_begin_anew(
    sign: str, days: int | None, again: tuple[tuple[EvidenceKind, int], ...], ready: bool
) -> None:
    day = ago(days) if days is not None else None
    facts = debt(owed(900_00), paid_on=day if sign == "paid" else None, asked_on=day if sign.startswith("agreed") else None)
    evidence = proofs(*TRACED_TO_NOWHERE, *again)
    spoke = (Proof(K.CONTACT, day),) if sign == "spoke" and day is not None else ()
    found = assess(Standing(LineKind.WRITE_OFF, Reason.UNTRACEABLE, 900_00, evidence, heard=spoke), facts, POLICY, TODAY)
    assert found.ready is ready
    if days is not None and not ready and not again:
        assert found.rungs[1].says == f"last heard of on {in_words(ago(days))}: what is done after that counts"


NINE, TEN, THE_DAY_AFTER = 9, 10, 24 + 9
"""Hours from midnight in London at which evidence of a day was noted."""


@pytest.mark.parametrize(("noted", "heard", "counts"), [
    pytest.param(TEN, NINE, True, id="after it"),
    pytest.param(NINE, TEN, False, id="before it"),
    pytest.param(None, NINE, False, id="nobody kept when"),
    pytest.param(TEN, None, False, id="nobody kept when it was heard"),
    pytest.param(THE_DAY_AFTER, NINE, False, id="after it, on another day"),
    pytest.param(TEN, THE_DAY_AFTER, False, id="what was heard was noted on another day"),
])  # fmt: skip
@pytest.mark.parametrize(("what", "by"), [(K.LETTER_SENT, K.LETTER_ANSWERED), (K.AGENCY_INSTRUCTED, K.CONTACT), (K.TRACE, K.FOUND)])
def test_what_is_done_on_the_day_of_an_answer_counts_where_it_is_noted_after_it(
    what: EvidenceKind, by: EvidenceKind, noted: int | None, heard: int | None, counts: bool
) -> None:
    def of_that_day(kind: EvidenceKind, hours: int | None, source: str = "") -> Proof:
        midnight = datetime.combine(ago(100), time(), ZoneInfo("Europe/London"))
        return Proof(kind, ago(100), source, noted_at=midnight + timedelta(hours=hours) if hours is not None else None)

    done = [of_that_day(what, noted, source) for source in ("electoral roll", "credit bureau")]
    reason, owed_pence = (Reason.UNECONOMIC, 40_00) if what is K.LETTER_SENT else (Reason.UNTRACEABLE, 900_00)
    rest = {
        K.AGENCY_INSTRUCTED: proofs((K.TRACE, 200, "a"), (K.TRACE, 190, "b"), (K.AGENCY_RETURN, 2)),
        K.TRACE: proofs((K.AGENCY_INSTRUCTED, 99), (K.AGENCY_RETURN, 2)),
    }
    evidence = (*rest.get(what, ()), *done, of_that_day(by, heard))
    found = assess(Standing(LineKind.WRITE_OFF, reason, owed_pence, evidence), debt(owed(owed_pence)), POLICY, TODAY)
    assert found.ready is counts, [rung.says for rung in found.rungs]


def test_of_joint_tenants_a_payment_is_a_sign_of_life_of_each() -> None:
    both = (person(), person())
    evidence = tuple(replace(proof, person=of.person) for proof in proofs(*TRACED_TO_NOWHERE) for of in both)
    for paid_on, ready in ((None, True), (ago(50), False)):
        facts = debt(owed(900_00), people=both, paid_on=paid_on)
        assert assess(Standing(LineKind.WRITE_OFF, Reason.UNTRACEABLE, 900_00, evidence), facts, POLICY, TODAY).ready is ready


@pytest.mark.parametrize(("written", "ready", "letter", "from_on"), [
    pytest.param((), False, NextLetter(LadderLetter.DEBT, 1, TODAY, 28), None, id="nobody has written: it writes"),
    pytest.param(((K.LETTER_SENT, 27),), False, None, TODAY + timedelta(days=1), id="a day too early"),
    pytest.param(((K.LETTER_SENT, 28),), True, None, None, id="unanswered on the 28th day"),
    pytest.param(((K.LETTER_SENT, 150), (K.LETTER_ANSWERED, 98)), False, None, None, id="it was answered"),
])  # fmt: skip
def test_a_council_may_ask_for_contact_before_the_traces_of_somebody_untraceable(
    written: tuple[tuple[EvidenceKind, int], ...], ready: bool, letter: NextLetter | None, from_on: date | None
) -> None:
    """The policy that is shipped begins with the traces: a ladder of a council's own is data, as domain.md 5.2 has this one."""
    contact = Rung(wanted="A letter", any_of=(Proven(proof=K.LETTER_SENT, quiet_days=28, letter=LadderLetter.DEBT),))
    ladders = [
        one.model_copy(update={"rungs": (contact, *one.rungs)}) if one.reason is Reason.UNTRACEABLE else one for one in POLICY.ladders
    ]
    policy = POLICY.model_copy(update={"ladders": tuple(ladders)})
    proposed = policy.figures.model_copy(update={"in_force_from": TODAY + timedelta(days=9)})
    assert complaint_about(proposed, {POLICY.in_force_from}, TODAY) is None
    evidence = proofs(*TRACED_TO_NOWHERE, *written)
    found = assess(Standing(LineKind.WRITE_OFF, Reason.UNTRACEABLE, 900_00, evidence), debt(owed(900_00)), policy, TODAY)
    assert (found.ready, found.letter, found.look_again_on) == (ready, letter, from_on)


A_LETTER = (Reason.UNECONOMIC, 40_00, proofs((K.LETTER_SENT, 28)))
TWO_LETTERS = (Reason.CARE_HOME, 900_00, proofs((K.DOCUMENT, 90), (K.LETTER_SENT, 56), (K.LETTER_SENT, 28)))
AN_AGENCY = (Reason.UNTRACEABLE, 900_00, proofs(*TRACED_TO_NOWHERE))


@pytest.mark.parametrize(("case", "rests", "from_on"), [
    pytest.param(A_LETTER, ((20, 11),), TODAY + timedelta(days=10), id="ten days after a letter"),
    pytest.param(A_LETTER, ((35, 19),), TODAY + timedelta(days=10), id="it had begun before the letter"),
    pytest.param(A_LETTER, ((60, 29),), None, id="it had ended before the letter"),
    pytest.param(A_LETTER, ((20, 14), (19, 18), (17, 11)), TODAY + timedelta(days=10), id="those of two people at once"),
    pytest.param(A_LETTER, ((20, 16), (5, 1)), TODAY + timedelta(days=10), id="two after each other"),
    pytest.param(A_LETTER, ((20, None),), TODAY + timedelta(days=21), id="it runs"),
    pytest.param(TWO_LETTERS, ((20, 11),), TODAY + timedelta(days=10), id="after the second of two letters"),
    pytest.param(TWO_LETTERS, ((50, 41),), TODAY + timedelta(days=10), id="between two letters"),
    pytest.param(AN_AGENCY, ((20, 1),), date(2026, 12, 7), id="in the last of an agency's three months"),
    pytest.param(AN_AGENCY, ((5, 1),), None, id="when the three months were over"),
])  # fmt: skip
def test_no_time_to_answer_runs_in_a_breathing_space(
    case: tuple[Reason, int, tuple[Proof, ...]], rests: tuple[tuple[int, int | None], ...], from_on: date | None
) -> None:
    reason, pence, evidence = case
    days = tuple(RestDays(first_day=ago(first), last_day=ago(last) if last is not None else None) for first, last in rests)
    found = assess(Standing(LineKind.WRITE_OFF, reason, pence, evidence), debt(owed(pence), rests=days), POLICY, TODAY)
    assert (found.ready, found.look_again_on) == (from_on is None, from_on)


def test_a_debt_relief_orders_twelve_months_run_in_a_breathing_space_too() -> None:
    facts = debt(owed(900_00), rests=(RestDays(first_day=ago(300), last_day=ago(241)),))
    evidence = proofs((K.INSOLVENCY_ORDER, 366))
    assert assess(Standing(LineKind.WRITE_OFF, Reason.DEBT_RELIEF_ORDER, 900_00, evidence), facts, POLICY, TODAY).ready


def test_a_payment_is_no_answer_to_a_letter() -> None:
    facts = debt(owed(40_00), paid_on=ago(3))
    assert assess(Standing(LineKind.WRITE_OFF, Reason.UNECONOMIC, 40_00, proofs((K.LETTER_SENT, 28))), facts, POLICY, TODAY).ready


def test_every_reason_for_a_write_off_has_a_table_here_or_below() -> None:
    covered = {row.values[0] for row in OTHERS} | {Reason.DECEASED, Reason.STATUTE_BARRED}
    assert covered == REASONS[LineKind.WRITE_OFF]


def test_statute_barred_takes_the_barred_charges_and_leaves_the_rest() -> None:
    facts = debt(owed(100_00, ago(2300)), owed(40_00, ago(2295), "heating"), owed(100_00, ago(400)))
    evidence = proofs((K.LEGAL_CONFIRMATION, 1))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.STATUTE_BARRED, facts.balance_pence, evidence), facts, POLICY, TODAY)
    assert found.ready
    assert [(part.element, part.amount_pence) for part in found.parts] == [("heating", 40_00), ("rent", 100_00)]


def test_statute_barred_waits_for_the_day_of_its_first_charge() -> None:
    facts = debt(owed(100_00, date(2020, 12, 1)))
    evidence = proofs((K.LEGAL_CONFIRMATION, 1))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.STATUTE_BARRED, facts.balance_pence, evidence), facts, POLICY, TODAY)
    assert found.blocked == ("No charge is statute-barred yet.",)
    assert found.look_again_on == date(2026, 12, 2)


@pytest.mark.parametrize(("kind", "why"), [
    (AccountKind.RECHARGE, "a part payment starts their time anew (Limitation Act 1980 s.29(5))"),
    (AccountKind.COURT, "a judgment follows rules of its own"),
])  # fmt: skip
def test_what_follows_rules_of_its_own_is_left_to_legal_services_and_the_page_says_why(kind: AccountKind, why: str) -> None:
    facts = debt(owed(100_00, ago(2300)), kind=kind, paid_on=ago(300))
    evidence = proofs((K.LEGAL_CONFIRMATION, 1))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.STATUTE_BARRED, facts.balance_pence, evidence), facts, POLICY, TODAY)
    assert (found.ready, found.look_again_on) == (False, None)
    [said] = found.blocked
    assert why in said
    assert "Ask legal services" in said


def test_statute_barred_is_never_said_where_a_court_had_the_debt_in_time() -> None:
    facts = debt(owed(100_00, ago(2300)))
    evidence = proofs((K.LEGAL_CONFIRMATION, 1), (K.COURT_ACTION, 1000))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.STATUTE_BARRED, facts.balance_pence, evidence), facts, POLICY, TODAY)
    assert found.blocked == ("Time does not run for these charges.",)


def test_where_no_ladder_fits_the_amounts_are_named_for_which_there_is_one() -> None:
    with pytest.raises(NoLadder, match=r"only from £0\.01 to £49\.99, over all accounts of the debtor\.$"):
        ladder_for(POLICY, Reason.UNECONOMIC, 50_00, AccountKind.RENT)


RELEASED = [
    pytest.param((800, 700), 750, 100_00, id="what fell due after the order is owed all the same"),
    pytest.param((800, 700), 700, 200_00, id="a charge of the very day is within it"),
    pytest.param((800, 700), 900, 0, id="all of it is younger than the order"),
]


@pytest.mark.parametrize(("due", "order", "goes"), RELEASED)
def test_an_order_releases_what_fell_due_by_its_day(due: tuple[int, ...], order: int, goes: int) -> None:
    facts = debt(*(owed(100_00, ago(days)) for days in due))
    evidence = proofs((K.INSOLVENCY_ORDER, order))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.DEBT_RELIEF_ORDER, facts.balance_pence, evidence), facts, POLICY, TODAY)
    assert (found.amount_pence, found.ready) == (goes, goes > 0)
    assert bool(found.blocked) is (goes == 0)


def test_of_joint_tenants_the_first_order_says_what_both_are_released_from() -> None:
    one, other = person(), person()
    facts = debt(owed(100_00, ago(800)), owed(100_00, ago(700)), people=(one, other))
    evidence = tuple(Proof(K.INSOLVENCY_ORDER, ago(days), person=of.person) for of, days in ((one, 750), (other, 600)))
    found = assess(Standing(LineKind.WRITE_OFF, Reason.BANKRUPTCY, facts.balance_pence, evidence), facts, POLICY, TODAY)
    assert (found.ready, found.amount_pence) == (True, 100_00)


def test_a_letter_that_is_older_than_the_debt_is_none_about_it() -> None:
    facts = debt(owed(40_00, ago(90)))
    for days, ready in ((91, False), (90, True)):
        evidence = proofs((K.LETTER_SENT, days))
        found = assess(Standing(LineKind.WRITE_OFF, Reason.UNECONOMIC, facts.balance_pence, evidence), facts, POLICY, TODAY)
        assert found.ready is ready


@pytest.mark.parametrize("version", ["2021-07-01", "2026-04-01", "2026-11-01", "2026-11-26"])
def test_who_was_traced_was_found_by_whatever_policy(version: str) -> None:
    past = PastWriteOff(journal=UUID(int=1), line=UUID(int=2), on=ago(300), amount_pence=100, reinstated_pence=0, discharged=False)
    facts = debt(charges=(), balance_pence=0, debtor_total_pence=0, write_offs=(past,))
    for kind, ready in ((K.FOUND, True), (K.CONTACT, True), (K.TRACE, False), (K.AGENCY_RETURN, False)):
        standing = Standing(
            LineKind.REINSTATEMENT,
            Reason.TRACED,
            0,
            proofs((kind, 1)),
            undoes=past.journal,
            undone_parts=(LinePart(element="", amount_pence=100),),
        )
        assert assess(standing, facts, dated_policy(version), TODAY).ready is ready, kind


@pytest.mark.parametrize("reason", sorted(Reason))
def test_the_shipped_policy_has_a_ladder_for_every_reason(reason: Reason) -> None:
    asked_for_as = Reason.PAYING if reason is Reason.CHARGE_UNDONE else reason
    assert ladder_for(POLICY, reason, 1, AccountKind.RENT).reason is asked_for_as


def test_the_latest_policy_that_has_come_is_in_force() -> None:
    later = POLICY.model_copy(update={"version": "later", "in_force_from": date(2027, 4, 1)})
    assert policy_at([POLICY, later], date(2027, 3, 31)).version == POLICY.version
    assert policy_at([later, POLICY], date(2027, 4, 1)).version == "later"
