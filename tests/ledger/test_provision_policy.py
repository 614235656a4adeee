"""The rates of expected loss by maker and checker: nobody alone, in force from their day, and their history stays."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.transaction import Runtime
from ledger.domain.dates import business_date
from ledger.domain.provision import RatesIncomplete
from ledger.domain.rules import NotAllowed
from ledger.queries.provision import provision, provision_policies
from ledger.use_cases.check_provision_policy import check_provision_policy
from ledger.use_cases.propose_provision_policy import propose_provision_policy
from rentbook_contracts import policy as rules
from rentbook_contracts.ledger import (
    ProposeProvisionPolicy,
    ProvisionAsked,
    ProvisionPolicies,
    ProvisionPolicy,
    ProvisionRate,
    ProvisionReport,
)
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import CheckPolicy, PolicyAnswer
from sqlalchemy.exc import DBAPIError
from support.ledger_calls import do
from support.servers import Postgres

TODAY = business_date(datetime.now(UTC))
SOON = TODAY + timedelta(days=7)
HANA, FINN = (Caller(person, frozenset({role})) for person, role in (("hana", "head-of-service"), ("finn", "finance")))
RATES = (
    ProvisionRate(status="current", from_days=0, basis_points=3_00),
    ProvisionRate(status="current", from_days=61, basis_points=12_50),
    ProvisionRate(status="former", from_days=0, basis_points=60_00),
)


def asked(day: date = SOON, rates: tuple[ProvisionRate, ...] = RATES) -> ProvisionPolicy:
    return ProvisionPolicy(in_force_from=day, source="Cabinet, minute 9", rates=rates)


async def proposed(ledger: Runtime, caller: Caller = HANA, policy: ProvisionPolicy | None = None) -> UUID:
    told = ProposeProvisionPolicy(policy=policy or asked())
    return (await do(ledger, lambda tx: propose_provision_policy(tx, told), caller)).proposal


async def answered(ledger: Runtime, proposal: UUID, answer: str, caller: Caller = FINN, text: str = "") -> None:
    """As the page has it at this moment."""
    told = CheckPolicy(proposal=proposal, answer=PolicyAnswer(answer), text=text, base=before(await known(ledger), proposal))
    await do(ledger, lambda tx: check_provision_policy(tx, told), caller)


def before(told: ProvisionPolicies, proposal: UUID) -> str | None:
    """The version that is in force until the day of what is proposed."""
    day = next((one.policy.in_force_from for one in told.proposals if one.proposal == proposal), date.max)
    return next((one.version for one in told.versions if one.policy.in_force_from < day), None)


async def known(ledger: Runtime) -> ProvisionPolicies:
    return await do(ledger, lambda tx: provision_policies(tx, Nothing()))


async def report(ledger: Runtime, month_end: date) -> ProvisionReport:
    return await do(ledger, lambda tx: provision(tx, ProvisionAsked(month_end=month_end)))


async def test_one_proposes_another_checks_and_the_rates_come_into_force_on_their_day(empty_ledger: Runtime) -> None:
    before = await known(empty_ledger)
    proposal = await proposed(empty_ledger)
    assert (await known(empty_ledger)).versions == before.versions
    await answered(empty_ledger, proposal, "accepted")
    after = await known(empty_ledger)
    laid = after.versions[0]
    assert (laid.version, laid.made_by, laid.checked_by, laid.policy) == (f"provision-{SOON}", "hana", "finn", asked())
    assert after.versions[1:] == before.versions
    [told] = after.proposals
    assert (told.answer, told.checked_by, told.policy) == (PolicyAnswer.ACCEPTED, "finn", asked())
    ended = TODAY.replace(day=1) - timedelta(days=1)
    assert (await report(empty_ledger, ended)).policy_version == before.versions[0].version, (
        "a month that has ended goes by the rates of its own day"
    )


async def test_a_checker_accepts_what_was_shown_beside_what_comes_before_it(empty_ledger: Runtime) -> None:
    """It would undo unseen what others had changed meanwhile."""
    waits = await proposed(empty_ledger, policy=asked(SOON + timedelta(days=1)))
    shown = before(await known(empty_ledger), waits)
    await answered(empty_ledger, await proposed(empty_ledger), "accepted")
    for base in (shown, "", None):
        told = CheckPolicy(proposal=waits, answer=PolicyAnswer.ACCEPTED, base=base)
        with pytest.raises(rules.AnotherBase, match="laid down meanwhile"):
            await do(empty_ledger, partial(check_provision_policy, told=told), FINN)
    assert len((await known(empty_ledger)).versions) == 2
    await answered(empty_ledger, waits, "accepted")


async def test_a_month_is_computed_by_the_rates_in_force_at_its_end(empty_ledger: Runtime, postgres: Postgres) -> None:
    statements = (
        "INSERT INTO provision_policy VALUES ('2020-05-31', 'another', 'x', 'a maker', 'a checker')",
        "INSERT INTO provision_rate VALUES ('2020-05-31', 'current', 0, 100), ('2020-05-31', 'former', 0, 200)",
    )
    connection = await asyncpg.connect(postgres.superuser_dsn(empty_ledger.engine.url.database or ""))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
    months = (date(2020, 4, 30), date(2020, 5, 31), date(2020, 6, 30))
    versions = [(await report(empty_ledger, month_end)).policy_version for month_end in months]
    assert versions == ["provision-2020-1", "another", "another"]


async def test_the_maker_does_not_check_and_nobody_else_withdraws(empty_ledger: Runtime) -> None:
    proposal = await proposed(empty_ledger)
    with pytest.raises(rules.MakerIsNotChecker):
        await answered(empty_ledger, proposal, "accepted", HANA)
    with pytest.raises(rules.OnlyTheMakerWithdraws):
        await answered(empty_ledger, proposal, "withdrawn", text="no")
    with pytest.raises(rules.CheckNotExplained):
        await answered(empty_ledger, proposal, "refused")
    await answered(empty_ledger, proposal, "withdrawn", HANA, "a slip")
    with pytest.raises(rules.AnsweredAlready):
        await answered(empty_ledger, proposal, "accepted")
    with pytest.raises(rules.NoSuchPolicyProposal):
        await answered(empty_ledger, uuid4(), "accepted")


@pytest.mark.parametrize("role", ["officer", "team-leader", "auditor"])
async def test_rates_are_for_managers_and_finance(empty_ledger: Runtime, role: str) -> None:
    caller = Caller("asha", frozenset({role}))
    with pytest.raises(NotAllowed):
        await proposed(empty_ledger, caller)
    with pytest.raises(NotAllowed):
        await answered(empty_ledger, await proposed(empty_ledger), "accepted", caller)


async def test_a_day_has_one_policy_and_is_not_today(empty_ledger: Runtime) -> None:
    with pytest.raises(rules.InForceTooSoon):
        await proposed(empty_ledger, policy=asked(TODAY))
    one, two = await proposed(empty_ledger), await proposed(empty_ledger)
    await answered(empty_ledger, one, "accepted")
    with pytest.raises(rules.DayTaken):
        await answered(empty_ledger, two, "accepted")
    with pytest.raises(rules.DayTaken):
        await proposed(empty_ledger)
    with pytest.raises(RatesIncomplete):
        await proposed(empty_ledger, policy=asked(SOON + timedelta(days=1), RATES[1:]))


# --- the database has the last word ---------------------------------------------------------------------------------------------------

PROPOSE = (
    "INSERT INTO provision_proposal (id, in_force_from, source, rates, proposed_by, roles, proposed_at)"
    " VALUES (:id, :day, 'x', CAST(:rates AS jsonb), 'hana', ARRAY[CAST(:role AS text)], now())"
)
CHECK = (
    "INSERT INTO provision_check (proposal, answer, text, checked_by, roles, checked_at)"
    " VALUES (:id, :answer, 'x', :by, ARRAY[CAST(:role AS text)], now())"
)
WHOLE = '[{"status": "current", "from_days": 0, "basis_points": 1}, {"status": "former", "from_days": 0, "basis_points": 1}]'


async def refused(ledger: Runtime, rule: str, statement: str, **values: Any) -> None:
    with pytest.raises(DBAPIError) as error:
        await written(ledger, statement, **values)
    cause = error.value.orig.__cause__ if error.value.orig else None
    assert getattr(cause, "constraint_name", None) == rule, error.value


async def written(ledger: Runtime, statement: str, **values: Any) -> None:
    async with ledger.engine.begin() as connection:
        await connection.execute(sa.text(statement), values)


async def test_by_sql_too_maker_and_checker_are_kept_apart(empty_ledger: Runtime) -> None:
    asked_for = {"id": uuid4(), "day": SOON, "role": "finance", "rates": WHOLE}
    await refused(empty_ledger, "policy_is_for_managers_and_finance", PROPOSE, **{**asked_for, "role": "officer"})
    await refused(empty_ledger, "a_policy_comes_into_force_later", PROPOSE, **{**asked_for, "day": TODAY})
    without = '[{"status": "current", "from_days": 0, "basis_points": 1}, {"status": "former", "from_days": 7, "basis_points": 1}]'
    await refused(empty_ledger, "each_status_has_a_rate_from_the_first_day", PROPOSE, **{**asked_for, "rates": without})
    proposal = await proposed(empty_ledger)
    check = {"id": proposal, "answer": "accepted", "role": "finance"}
    await refused(empty_ledger, "the_maker_of_a_policy_does_not_check_it", CHECK, **check, by="hana")
    await refused(empty_ledger, "policy_is_for_managers_and_finance", CHECK, **{**check, "role": "officer"}, by="finn")
    await refused(empty_ledger, "only_the_maker_withdraws", CHECK, **{**check, "answer": "withdrawn"}, by="finn")
    await written(empty_ledger, CHECK, **check, by="finn")
    await refused(empty_ledger, "a_policy_is_answered_once", CHECK, **check, by="faye")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO provision_policy SELECT in_force_from + 1, 'mine', source, 'a', 'b' FROM provision_policy",
        "INSERT INTO provision_rate SELECT in_force_from, status, from_days + 1, 0 FROM provision_rate",
        "UPDATE provision_rate SET basis_points = 0",
        "UPDATE provision_check SET text = ''",
        "DELETE FROM provision_proposal",
    ],
)
async def test_nobody_who_runs_the_service_writes_rates_past_a_check(empty_ledger: Runtime, statement: str) -> None:
    await answered(empty_ledger, await proposed(empty_ledger), "refused", text="no")
    with pytest.raises(DBAPIError, match="permission denied"):
        await written(empty_ledger, statement)
