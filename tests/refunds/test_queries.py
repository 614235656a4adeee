"""What refunds answers for the worklist and for the policy page."""

from datetime import UTC, date, datetime
from uuid import uuid4

import sqlalchemy as sa
from chassis.transaction import run
from refunds.domain.days import business_date
from refunds.queries import case_glances, cases, refund_policies
from refunds.store import runs
from refunds.use_cases.close_case import close_case
from refunds.use_cases.line_posted import line_posted
from refunds.use_cases.note_release import note_release
from rentbook_contracts.ledger import CreditSource, PersonFacts, RefundFacts, RefundPlan
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import AskedAs, CaseOutcome, CasesAsked, CaseStatus, CloseCase, Glance, GlancesAsked, LinePosted
from rentbook_local.postgres import Database
from sqlalchemy.ext.asyncio import create_async_engine
from support.refund_cases import A, credit, ledger
from support.refund_service import Refunds, released

TODAY = business_date(datetime.now(UTC))


def tenant(**other: object) -> RefundFacts:
    facts = ledger(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=TODAY, **other)
    return facts.model_copy(update={"account": uuid4()})


async def paid(refunds: Refunds, plan: RefundPlan) -> None:
    """The payment was released and posted, and the bank has taken its file."""
    fact = released(plan, at=datetime.now(UTC))
    await refunds.do(note_release, fact)
    await refunds.do(line_posted, LinePosted(run=fact.run, plan=plan, refund_journal=refunds.ledger.posts(plan)))
    [line] = await refunds.rows("SELECT number FROM payment_line WHERE run = :run", run=fact.run)
    await run(refunds.runtime, lambda tx: runs.change_line(tx, line["number"], status=runs.PAID))


async def glanced(refunds: Refunds, *cases: object) -> dict[object, Glance]:
    found = await refunds.ask(case_glances, GlancesAsked(cases=cases))
    return {glance.case: glance for glance in found.glances}


async def test_cases_are_listed_by_what_is_asked_for_page_by_page_and_counted(refunds: Refunds) -> None:
    first, second, third = [await refunds.opened(tenant()) for _ in range(3)]

    async def listed(**asked: object) -> tuple[list[object], int]:
        found = await refunds.ask(cases, CasesAsked.model_validate(asked))
        return [row.case for row in found.cases], found.in_all

    assert await listed() == ([third, second, first], 3)
    assert await listed(statuses=(CaseStatus.CHECKING,), oldest_first=True) == ([first, second, third], 3)
    assert await listed(oldest_first=True, offset=1, limit=1) == ([second], 3)
    assert await listed(limit=0) == ([], 3), "only how many"
    assert await listed(cases=(first, third)) == ([third, first], 2)
    assert await listed(statuses=(CaseStatus.REVIEW,)) == ([], 0)
    [row] = (await refunds.ask(cases, CasesAsked(cases=(first,)))).cases
    assert await listed(taken_by=row.taken_by) == ([third, second, first], 3)
    assert await listed(taken_by="nobody.else") == ([], 0)


async def test_a_glance_says_where_the_money_came_from_and_what_the_bank_said(refunds: Refunds) -> None:
    own = await refunds.opened(tenant())
    benefit = await refunds.opened(tenant(credits=(credit(1_000_00, CreditSource.HOUSING_BENEFIT, "RHB"),)))
    fresh = await refunds.opened(tenant())
    for case in (own, benefit):
        await refunds.checked(case)
    refunds.bank.confirmation = None
    glances = await glanced(refunds, own, benefit, fresh, uuid4())
    assert set(glances) == {own, benefit, fresh}, "an unknown case is left out"
    assert "Housing Benefit" in " ".join(glances[benefit].source)
    assert "Housing Benefit" not in " ".join(glances[own].source)
    assert (glances[own].confirmation, glances[fresh].confirmation, glances[fresh].source) == ("match", None, ())
    assert {(glance.asked_by, glance.asked_as) for glance in glances.values()} == {(A, AskedAs.TENANT)}
    assert all(glance.entered_at is not None and glance.earlier_refunds == 0 for glance in glances.values())


async def test_a_glance_tells_of_the_latest_round_and_counts_what_the_account_was_paid_before(refunds: Refunds) -> None:
    facts = tenant()
    plan = await refunds.queued(facts)
    await paid(refunds, plan)
    await refunds.do(close_case, CloseCase(case=plan.case, attempt=1, outcome=CaseOutcome.PAID, plan=plan))
    refunds.ledger.facts[facts.account] = facts
    again = await refunds.opened(facts)
    await refunds.checked(again)
    refunds.ledger.facts[facts.account] = facts.model_copy(update={"credits": (credit(1_000_00, CreditSource.HOUSING_BENEFIT, "RHB"),)})
    await refunds.checked(again, round_=2)
    glances = await glanced(refunds, plan.case, again)
    assert (glances[plan.case].earlier_refunds, glances[again].earlier_refunds) == (0, 1)
    assert (glances[plan.case].attempt, glances[plan.case].status) == (1, CaseStatus.PAID)
    assert "Housing Benefit" in " ".join(glances[again].source)


async def test_every_policy_is_told_in_words_the_one_that_comes_last_first(refunds: Refunds, database: Database) -> None:
    [first] = (await refunds.ask(refund_policies, Nothing())).policies
    assert first.in_force_from == date(2026, 4, 6)
    says = {figure.about: figure.says for figure in first.figures}
    assert says["Decide within"] == "5 working days"
    assert says["Floor: stays on a current tenant\u2019s account"] == "4 weeks of its charge"
    assert all(figure.about and figure.says for figure in first.figures)
    later = """
        INSERT INTO policy SELECT 'refunds-2027-1', date '2027-04-05',
            figures || '{"version": "refunds-2027-1", "in_force_from": "2027-04-05", "decide_within_working_days": 3}'
        FROM policy
    """
    engine = create_async_engine(database.owner_url)
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.text(later))
    finally:
        await engine.dispose()
    both = (await refunds.ask(refund_policies, Nothing())).policies
    assert [(made.version, made.in_force_from) for made in both] == [
        ("refunds-2027-1", date(2027, 4, 5)),
        (first.version, first.in_force_from),
    ]
    assert {figure.about: figure.says for figure in both[0].figures}["Decide within"] == "3 working days"
