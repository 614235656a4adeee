"""The plan of offsets and refund: Test I of domain.md 4, and what must hold for every plan."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refunds.domain.facts import CaseFacts, Evidence, Wishes
from refunds.domain.plan import PassedOver, Plan, collectable, notices_run_until, plan_refund
from refunds.domain.policy import DebtClass, NoPolicyInForce, RefundPolicy, debt_class, policy_at
from refunds.domain.review import credit_to_review
from rentbook_contracts.ledger import AccountKind, CreditSource, DebtOfSamePeople, PersonFacts
from rentbook_contracts.refunds import EvidenceKind
from support.refund_cases import (
    ACCOUNT,
    BOTH_CONSENTED,
    ENDED,
    FTA,
    FTA_120,
    POLICY,
    RECHARGE,
    RECHARGE_85_50,
    STRANGER,
    TODAY,
    A,
    B,
    credit,
    debt,
    ledger,
)  # fmt: skip


def amounts(plan: Plan) -> tuple[dict[UUID, int], int]:
    return {offset.account: offset.amount_pence for offset in plan.offsets}, plan.refund_pence


def test_i1_a_current_tenant_keeps_the_floor() -> None:
    plan = plan_refund(ledger(), BOTH_CONSENTED, POLICY, TODAY)
    assert amounts(plan) == ({}, 0)
    assert (plan.floor_pence, plan.nothing_moves) == (480_00, True)


def test_i2_a_former_tenants_credit_pays_both_debts_first() -> None:
    assert amounts(plan_refund(ledger(**ENDED), BOTH_CONSENTED, POLICY, TODAY)) == ({FTA: 120_00, RECHARGE: 20_00}, 0)


def test_i3_opted_out_of_the_recharge() -> None:
    wishes = Wishes(asked_by=A, consents=frozenset({FTA}), opted_out=frozenset({RECHARGE}))
    plan = plan_refund(ledger(**ENDED), wishes, POLICY, TODAY)
    assert amounts(plan) == ({FTA: 120_00}, 20_00)
    assert [(passed.debt.account, passed.why) for passed in plan.passed_over] == [(RECHARGE, PassedOver.OPTED_OUT)]


def test_i4_one_tenants_own_debt_is_not_paid_from_joint_credit() -> None:
    debts = (FTA_120.model_copy(update={"people": (A,)}), RECHARGE_85_50)
    plan = plan_refund(ledger(**ENDED, debts=debts), BOTH_CONSENTED, POLICY, TODAY)
    assert amounts(plan) == ({RECHARGE: 85_50}, 54_50)
    both_signed = replace(BOTH_CONSENTED, joint_consent=True)
    assert amounts(plan_refund(ledger(**ENDED, debts=debts), both_signed, POLICY, TODAY)) == ({FTA: 120_00, RECHARGE: 20_00}, 0)


def test_a_sole_tenant_may_pay_a_joint_debt_from_own_credit() -> None:
    facts = ledger(**ENDED, people=(PersonFacts(person=A),))
    assert amounts(plan_refund(facts, BOTH_CONSENTED, POLICY, TODAY)) == ({FTA: 120_00, RECHARGE: 20_00}, 0)


def test_debts_go_before_the_amount_that_was_asked_for() -> None:
    wishes = replace(BOTH_CONSENTED, requested_pence=50_00)
    plan = plan_refund(ledger(300_00, **ENDED), wishes, POLICY, TODAY)
    assert amounts(plan) == ({FTA: 120_00, RECHARGE: 85_50}, 50_00)
    assert plan.held_back_pence == 44_50


@pytest.mark.parametrize(("cleared", "refund"), [(489_99, 0), (490_00, 10_00)])
def test_a_current_tenants_refund_has_a_minimum_value(cleared: int, refund: int) -> None:
    assert plan_refund(ledger(cleared, debts=()), Wishes(asked_by=A), POLICY, TODAY).refund_pence == refund


def test_a_former_tenant_is_paid_to_the_last_penny() -> None:
    assert plan_refund(ledger(1, debts=(), **ENDED), Wishes(), POLICY, TODAY).refund_pence == 1


def test_the_floor_stands_until_the_tenancy_has_ended() -> None:
    leaving = ledger(1_000_00, debts=(), ended_on=TODAY + timedelta(days=1))
    assert plan_refund(leaving, Wishes(), POLICY, TODAY).floor_pence == 480_00
    assert plan_refund(leaving, Wishes(), POLICY, TODAY + timedelta(days=1)).floor_pence == 0


def test_ombudsman_compensation_pays_no_debt() -> None:
    behind = (credit(100_00, CreditSource.OMBUDSMAN), credit(40_00))
    assert amounts(plan_refund(ledger(**ENDED, credits=behind), BOTH_CONSENTED, POLICY, TODAY)) == ({FTA: 40_00}, 100_00)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"disputed": True}, PassedOver.DISPUTED),
        ({"breathing_space": True}, PassedOver.BREATHING_SPACE),
        ({"statute_barred_pence": 120_00}, PassedOver.STATUTE_BARRED),
        ({"kind": AccountKind.RECHARGE, "limitation_unknown_pence": 120_00}, PassedOver.LIMITATION_UNKNOWN),
        ({"people": (STRANGER,)}, PassedOver.OTHER_PEOPLE),
        ({"kind": AccountKind.SUSPENSE}, PassedOver.NOT_IN_THE_RECOVERY_ORDER),
    ],
)
def test_what_consent_cannot_make_payable(change: dict[str, object], why: PassedOver) -> None:
    plan = plan_refund(ledger(**ENDED, debts=(FTA_120.model_copy(update=change),)), BOTH_CONSENTED, POLICY, TODAY)
    assert amounts(plan) == ({}, 140_00)
    assert [passed.why for passed in plan.passed_over] == [why]


@pytest.mark.parametrize("field", ["statute_barred_pence", "limitation_unknown_pence"])
def test_only_the_part_that_is_not_and_may_not_be_statute_barred_is_taken(field: str) -> None:
    debts = (FTA_120.model_copy(update={field: 70_00}),)
    assert amounts(plan_refund(ledger(**ENDED, debts=debts), BOTH_CONSENTED, POLICY, TODAY)) == ({FTA: 50_00}, 90_00)


def test_an_unanswered_notice_counts_from_the_day_after_its_last_day_and_only_where_policy_says_so() -> None:
    wishes = Wishes(asked_by=A, noticed_on=dict.fromkeys((FTA, RECHARGE), TODAY - timedelta(days=14)))
    running = plan_refund(ledger(**ENDED), wishes, POLICY, TODAY)
    assert (amounts(running)[0], set(running.unanswered)) == ({}, {FTA, RECHARGE})
    assert amounts(plan_refund(ledger(**ENDED), wishes, POLICY, TODAY + timedelta(days=1)))[0] == {FTA: 120_00, RECHARGE: 20_00}
    consent_only = POLICY.model_copy(update={"offset_after_notice": False})
    assert plan_refund(ledger(**ENDED), wishes, consent_only, TODAY + timedelta(days=1)).offsets == ()


def test_a_notice_counts_for_the_debt_that_it_names_and_one_that_is_served_again_gives_its_days_anew() -> None:
    wishes = Wishes(asked_by=A, noticed_on={FTA: TODAY - timedelta(days=15)})
    plan = plan_refund(ledger(**ENDED), wishes, POLICY, TODAY)
    assert (amounts(plan)[0], plan.unanswered) == ({FTA: 120_00}, (RECHARGE,))
    served = Evidence(
        check=4, kind=EvidenceKind.OPT_OUT_NOTICE, settles=True, received_on=TODAY, by="ben", answers="", accounts=frozenset({FTA})
    )
    again = CaseFacts(ledger=ledger(**ENDED), wishes=wishes, evidence=(served,)).wishes
    assert plan_refund(ledger(**ENDED), again, POLICY, TODAY + timedelta(days=14)).offsets == ()
    assert amounts(plan_refund(ledger(**ENDED), again, POLICY, TODAY + timedelta(days=15)))[0] == {FTA: 120_00}


def test_notices_run_until_the_last_of_them_and_not_where_a_debt_has_none() -> None:
    def until(noticed_on: dict[UUID, date], policy: RefundPolicy = POLICY) -> date | None:
        wishes = Wishes(asked_by=A, noticed_on=noticed_on)
        return notices_run_until(plan_refund(ledger(**ENDED), wishes, policy, TODAY), wishes, policy)

    both = {FTA: TODAY - timedelta(days=3), RECHARGE: TODAY - timedelta(days=1)}
    assert until(both) == TODAY + timedelta(days=13)
    assert until({FTA: TODAY}) is None
    assert until({}) is None
    assert until({FTA: TODAY - timedelta(days=20), RECHARGE: TODAY}) == TODAY + timedelta(days=14)
    assert until(both, POLICY.model_copy(update={"offset_after_notice": False})) is None


def test_an_unanswered_notice_never_takes_one_tenants_debt_from_joint_credit() -> None:
    wishes = Wishes(asked_by=A, joint_consent=True, noticed_on={FTA: TODAY - timedelta(days=60)})
    plan = plan_refund(ledger(**ENDED, debts=(FTA_120.model_copy(update={"people": (A,)}),)), wishes, POLICY, TODAY)
    assert [passed.why for passed in plan.passed_over] == [PassedOver.NEEDS_EVERY_SIGNATURE]


def test_the_recovery_order_is_policy() -> None:
    recharges_first = POLICY.model_copy(update={"recovery_order": (DebtClass.RECHARGE, DebtClass.FORMER_RENT)})
    assert amounts(plan_refund(ledger(**ENDED), BOTH_CONSENTED, recharges_first, TODAY)) == ({RECHARGE: 85_50, FTA: 54_50}, 0)
    no_recharges = POLICY.model_copy(update={"recovery_order": (DebtClass.FORMER_RENT,)})
    assert amounts(plan_refund(ledger(**ENDED), BOTH_CONSENTED, no_recharges, TODAY)) == ({FTA: 120_00}, 20_00)


def test_the_policy_of_the_day_decides() -> None:
    later = POLICY.model_copy(update={"version": "later", "in_force_from": date(2027, 4, 5)})
    assert policy_at([later, POLICY], date(2027, 4, 4)).version == POLICY.version
    assert policy_at([later, POLICY], date(2027, 4, 5)).version == "later"
    with pytest.raises(NoPolicyInForce):
        policy_at([later, POLICY], date(2026, 4, 5))


def test_a_policy_row_with_a_misspelt_figure_is_refused() -> None:
    row = POLICY.model_dump(mode="json")
    row["floor_week"] = row.pop("floor_weeks")
    with pytest.raises(ValueError, match="floor_week"):
        RefundPolicy.model_validate(row)


debts_of_anyone = st.builds(
    lambda number, kind, pence, barred, people, **flags: debt(
        UUID(int=1000 + number), kind, pence, statute_barred_pence=min(pence, barred), people=people, **flags
    ),
    st.integers(0, 10**6),
    st.sampled_from(list(AccountKind)),
    st.integers(1, 500_00),
    st.sampled_from([0, 0, 1, 10_00, 500_00]),
    st.sampled_from([(A,), (B,), (A, B), (STRANGER,)]),
    former=st.booleans(),
    disputed=st.booleans(),
    breathing_space=st.booleans(),
)
debt_lists = st.lists(debts_of_anyone, max_size=6, unique_by=lambda debt: debt.account)
optional_pence = st.none() | st.integers(1, 2_000_00)


@st.composite
def situations(draw: st.DrawFn) -> tuple[int, bool, tuple[DebtOfSamePeople, ...], Wishes, int]:
    debts = draw(debt_lists)
    accounts = st.sets(st.sampled_from([debt.account for debt in debts])) if debts else st.just(set())
    wishes = Wishes(
        asked_by=A,
        requested_pence=draw(optional_pence),
        consents=frozenset(draw(accounts)),
        opted_out=frozenset(draw(accounts)),
        joint_consent=draw(st.booleans()),
        noticed_on=dict.fromkeys(draw(accounts), TODAY - timedelta(days=30)),
    )
    return draw(st.integers(0, 2_000_00)), draw(st.booleans()), tuple(debts), wishes, draw(st.sampled_from([0, 50_00]))


@given(situations())
def test_every_plan_keeps_the_promises(situation: tuple[int, bool, tuple[DebtOfSamePeople, ...], Wishes, int]) -> None:
    cleared, ended, debts, wishes, ombudsman = situation
    ombudsman = min(ombudsman, cleared)
    behind = tuple(part for part in ((ombudsman, CreditSource.OMBUDSMAN), (cleared - ombudsman, CreditSource.TENANT)) if part[0] > 0)
    facts = ledger(cleared, debts=debts, **(ENDED if ended else {}), credits=tuple(credit(*part) for part in behind))
    plan = plan_refund(facts, wishes, POLICY, TODAY)
    by_account = {debt.account: debt for debt in debts}

    assert plan.total_pence <= max(0, cleared - plan.floor_pence)
    assert plan.refund_pence >= 0
    assert all(0 < offset.amount_pence <= collectable(by_account[offset.account]) for offset in plan.offsets)
    assert wishes.requested_pence is None or plan.refund_pence <= wishes.requested_pence
    assert plan.refund_pence == 0 or plan.refund_pence >= (1 if ended else 10_00)
    assert plan.offset_pence <= max(0, plan.available_pence - ombudsman)
    for offset in plan.offsets:
        owed = by_account[offset.account]
        assert not owed.disputed
        assert not owed.breathing_space
        assert offset.account not in wishes.opted_out
        assert offset.account in wishes.consents or offset.account in wishes.noticed_on
        assert set(owed.people) >= {A, B} or (wishes.joint_consent and offset.account in wishes.consents)
    ranks = [POLICY.recovery_order.index(rung) for offset in plan.offsets if (rung := debt_class(by_account[offset.account]))]
    assert ranks == sorted(ranks)
    partly = [offset for offset in plan.offsets if offset.amount_pence < collectable(by_account[offset.account])]
    assert partly in ([], list(plan.offsets[-1:])), "only the last debt that is reached may be paid in part"
    assert {offset.account for offset in plan.offsets}.isdisjoint(passed.debt.account for passed in plan.passed_over)
    assert ACCOUNT not in {offset.account for offset in plan.offsets}


@given(situations(), st.randoms())
def test_the_order_in_which_debts_are_told_changes_nothing(
    situation: tuple[int, bool, tuple[DebtOfSamePeople, ...], Wishes, int], chance: object
) -> None:
    cleared, ended, debts, wishes, _ = situation
    shuffled = list(debts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    told = plan_refund(ledger(cleared, debts=debts, **(ENDED if ended else {})), wishes, POLICY, TODAY)
    retold = plan_refund(ledger(cleared, debts=tuple(shuffled), **(ENDED if ended else {})), wishes, POLICY, TODAY)
    assert amounts(told) == amounts(retold)


def test_a_direct_debit_payers_monthly_pattern_opens_no_review_in_a_whole_year() -> None:
    """Test A of domain.md 1.3: 500.00 collected on the 1st of each month, 120.00 charged on 50 Mondays."""
    monday, year_end, balance = date(2026, 4, 6), date(2027, 3, 31), 0
    day = date(2026, 4, 1)
    reviews = []
    while day <= year_end:
        balance -= 500_00 if day.day == 1 else 0
        balance += 120_00 if day.weekday() == 0 and monday <= day <= date(2027, 3, 15) else 0
        if credit_to_review(ledger(max(0, -balance), debts=()), POLICY, day) is not None:
            reviews.append(day)
        day += timedelta(days=1)
    assert reviews == []


def test_credit_beyond_the_pattern_opens_a_review_and_a_former_tenants_credit_always_does() -> None:
    assert credit_to_review(ledger(1_090_00), POLICY, TODAY) == 10_00
    assert credit_to_review(ledger(490_00), POLICY, TODAY) is None
    assert credit_to_review(ledger(490_00, pays_by_direct_debit=False), POLICY, TODAY) == 10_00
    assert credit_to_review(ledger(489_99, pays_by_direct_debit=False), POLICY, TODAY) is None
    assert credit_to_review(ledger(1, **ENDED), POLICY, TODAY) == 1


def test_what_is_paid_on_a_written_off_debt_opens_no_review() -> None:
    assert credit_to_review(ledger(25_00, **ENDED, written_off_pence=418_50), POLICY, TODAY) is None
    assert credit_to_review(ledger(500_00, **ENDED, written_off_pence=418_50), POLICY, TODAY) == 81_50
    assert credit_to_review(ledger(0, **ENDED), POLICY, TODAY) is None
