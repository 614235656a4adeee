"""Checks and plan of a case as the workflow has them made: Test I of domain.md 4, and what stands in the way of a plan."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from chassis.peers import Unanswered
from refunds.domain.days import business_date
from refunds.queries import case_page
from rentbook_contracts.approvals import Lane
from rentbook_contracts.ledger import CreditSource, Offset, PersonFacts, RefundFacts
from rentbook_contracts.refunds import CaseAsked, CheckOutcome
from support.refund_cases import ENDED, FTA, FTA_120, RECHARGE, RECHARGE_85_50, A, credit, debt, ledger
from support.refund_service import Refunds

TODAY = business_date(datetime.now(UTC))


def household(cleared: int = 140_00, **other: Any) -> RefundFacts:
    return ledger(cleared, **{"as_of": TODAY, **other})


async def test_i1_a_current_tenants_floor_leaves_nothing(refunds: Refunds) -> None:
    made = await refunds.checked(await refunds.opened(household(), consents=(FTA, RECHARGE), joint_consent=True))
    assert made.plan is None
    assert made.blocked == ()


async def test_i2_consent_for_both_debts_leaves_no_refund(refunds: Refunds) -> None:
    made = await refunds.checked(await refunds.opened(household(**ENDED), consents=(FTA, RECHARGE), joint_consent=True))
    assert made.plan is not None
    assert made.plan.offsets == (Offset(account=FTA, amount_pence=120_00), Offset(account=RECHARGE, amount_pence=20_00))
    assert made.plan.refund_pence == 0
    assert made.plan.payee is None


async def test_i3_opted_out_of_the_recharge(refunds: Refunds) -> None:
    case = await refunds.opened(household(**ENDED), consents=(FTA,), opted_out=(RECHARGE,), joint_consent=True)
    made = await refunds.checked(case)
    assert made.plan is not None
    assert made.plan.offsets == (Offset(account=FTA, amount_pence=120_00),)
    assert made.plan.refund_pence == 20_00
    assert made.plan.payee is not None


async def test_i4_one_tenants_debt_is_not_paid_from_a_joint_credit(refunds: Refunds) -> None:
    one_tenants = debt(FTA, FTA_120.kind, 120_00, former=True, people=(A,))
    facts = household(**ENDED, debts=(one_tenants, RECHARGE_85_50))
    made = await refunds.checked(await refunds.opened(facts, consents=(RECHARGE,), joint_consent=True))
    assert made.plan is not None
    assert made.plan.offsets == (Offset(account=RECHARGE, amount_pence=85_50),)
    assert made.plan.refund_pence == 54_50


def sole_tenant(**other: Any) -> RefundFacts:
    return household(1_000_00, **{"people": (PersonFacts(person=A),), "debts": (), **other})


async def test_a_clean_request_of_ones_own_money_is_green(refunds: Refunds) -> None:
    facts = sole_tenant()
    case = await refunds.opened(facts, amount_pence=141_20)
    [payee] = await refunds.rows("SELECT encode(blind_index, 'hex') AS fingerprint FROM payee")
    paid_in = tuple(each.model_copy(update={"payer": payee["fingerprint"]}) for each in facts.credits)
    refunds.ledger.facts[facts.account] = facts.model_copy(update={"credits": paid_in})
    made = await refunds.checked(case)
    assert made.plan is not None
    assert (made.plan.refund_pence, made.lane, made.lane_reasons) == (141_20, Lane.GREEN, ())
    assert made.raised_by == "asha.officer"
    assert made.participants == ("asha.officer",)


async def test_money_of_which_the_bank_says_no_payer_is_looked_at(refunds: Refunds) -> None:
    made = await refunds.checked(await refunds.opened(sole_tenant(), amount_pence=141_20))
    assert made.plan is not None
    assert (made.lane, made.lane_reasons) == (Lane.LOOK, ("the bank's files do not say which account the credit came from",))


async def test_who_made_an_entry_behind_the_credit_may_not_decide(refunds: Refunds) -> None:
    made = await refunds.checked(await refunds.opened(sole_tenant(actors=("lena.leader",))))
    assert made.participants == ("asha.officer", "lena.leader")


async def test_benefit_money_waits_for_the_answer_of_benefits(refunds: Refunds) -> None:
    benefit = credit(1_000_00, CreditSource.HOUSING_BENEFIT, "RHB")
    case = await refunds.opened(sole_tenant(credits=(benefit,)))
    made = await refunds.checked(case)
    assert made.plan is None
    assert made.blocked == (2,)
    assert made.lane is Lane.LOOK


async def test_every_check_is_shown_with_evidence_source_and_age(refunds: Refunds) -> None:
    case = await refunds.opened(sole_tenant())
    await refunds.checked(case)
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert [shown.check for shown in page.checks] == list(range(1, 11))
    assert {shown.outcome for shown in page.checks} == {CheckOutcome.PASS}
    assert all(shown.evidence and shown.source and shown.at for shown in page.checks)
    assert page.plan is not None
    assert page.plan_hash == page.plan.content_hash
    assert page.floor_pence == 480_00
    assert page.payee is not None
    assert page.payee.masked == "••-••-99 ••••4958"
    assert page.payee.confirmation == "match"


@pytest.mark.parametrize(
    ("answer", "blocked"),
    [
        ({"answer": "match", "name": None}, ()),
        ({"answer": "close", "name": "A Match"}, (7,)),
        ({"answer": "no-match", "name": None}, (7,)),
        ({"answer": "unavailable", "name": None}, (7,)),
        (None, (7,)),
    ],
)
async def test_each_answer_of_confirmation_of_payee(refunds: Refunds, answer: dict[str, str] | None, blocked: tuple[int, ...]) -> None:
    refunds.bank.confirmation = dict(answer) if answer else None
    made = await refunds.checked(await refunds.opened(sole_tenant()))
    assert made.blocked == blocked


async def test_a_close_name_is_shown_to_the_officer(refunds: Refunds) -> None:
    refunds.bank.confirmation = {"answer": "close", "name": "Adeline Match"}
    case = await refunds.opened(sole_tenant())
    await refunds.checked(case)
    page = await refunds.ask(case_page, CaseAsked(case=case))
    assert page.payee is not None
    assert page.payee.suggested_name == "Adeline Match"


async def test_a_bank_that_has_answered_is_not_asked_again(refunds: Refunds) -> None:
    case = await refunds.opened(sole_tenant())
    await refunds.checked(case)
    await refunds.checked(case, round_=2)
    assert len(refunds.bank.asked) == 1


async def test_a_silent_ledger_is_waited_for(refunds: Refunds) -> None:
    case = await refunds.opened(sole_tenant())
    refunds.ledger.silent = True
    with pytest.raises(Unanswered, match="ledger"):
        await refunds.checked(case)
    refunds.ledger.silent = False
    assert (await refunds.checked(case)).plan is not None


def test_the_date_of_these_tests_has_a_policy() -> None:
    assert date(2026, 4, 6) <= TODAY
