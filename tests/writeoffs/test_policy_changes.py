"""The policy on evidence by maker and checker: nobody alone, in force from its day, and its history stays."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from chassis.peers import Caller
from pydantic import ValidationError
from rentbook_contracts import policy as shared
from rentbook_contracts.operation import Nothing
from rentbook_contracts.policy import CheckPolicy, PolicyAnswer
from rentbook_contracts.writeoffs import EvidencePolicies, EvidencePolicy, ProposeEvidencePolicy, Reason
from sqlalchemy.exc import DBAPIError
from support.write_off_service import ASHA, AUDREY, WriteOffs
from writeoffs import queries
from writeoffs.domain import policy as rules
from writeoffs.domain.days import business_date
from writeoffs.use_cases.check_policy import check_policy
from writeoffs.use_cases.propose_policy import propose_policy
from writeoffs.use_cases.work import NotYourPart

TODAY = business_date(datetime.now(UTC))
SOON = TODAY + timedelta(days=7)
HANA, FINN = (Caller(person, frozenset({role}), form=str(uuid4())) for person, role in (("hana", "head-of-service"), ("finn", "finance")))


async def asked(writeoffs: WriteOffs, day: date = SOON, **changed: Any) -> EvidencePolicy:
    """What is in force last, from another day on, with a reply to the letter of an uneconomic debt wanted within 42 days."""
    newest = (await writeoffs.ask(queries.evidence_policies, Nothing())).versions[0].policy
    ladders = []
    for ladder in newest.ladders:
        if ladder.reason is Reason.UNECONOMIC:
            [rung] = ladder.rungs
            [way] = rung.any_of
            way = way.model_copy(update={"quiet_days": 42})
            rung = rung.model_copy(update={"wanted": "One letter without a reply for 42 days", "any_of": (way,)})
            ladder = ladder.model_copy(update={"rungs": (rung,)})
        ladders.append(ladder)
    return newest.model_copy(update={"in_force_from": day, "source": "Cabinet, minute 9", "ladders": tuple(ladders), **changed})


async def proposed(writeoffs: WriteOffs, caller: Caller = HANA, **changed: Any) -> UUID:
    told = ProposeEvidencePolicy(policy=await asked(writeoffs, **changed))
    return (await writeoffs.do(propose_policy, told, caller=caller)).proposal


async def answered(writeoffs: WriteOffs, proposal: UUID, answer: str, caller: Caller = FINN, text: str = "") -> None:
    """As the page has it at this moment."""
    base = before(await writeoffs.ask(queries.evidence_policies, Nothing()), proposal)
    await writeoffs.do(check_policy, CheckPolicy(proposal=proposal, answer=PolicyAnswer(answer), text=text, base=base), caller=caller)


def before(told: EvidencePolicies, proposal: UUID) -> str | None:
    """The version that is in force until the day of what is proposed."""
    day = next((one.policy.in_force_from for one in told.proposals if one.proposal == proposal), date.max)
    return next((one.version for one in told.versions if one.policy.in_force_from < day), None)


async def test_one_proposes_another_checks_and_it_comes_into_force_on_its_day(writeoffs: WriteOffs) -> None:
    before = await writeoffs.ask(queries.evidence_policies, Nothing())
    proposal = await proposed(writeoffs)
    assert len((await writeoffs.ask(queries.evidence_policies, Nothing())).versions) == len(before.versions)
    await answered(writeoffs, proposal, "accepted")
    known = await writeoffs.ask(queries.evidence_policies, Nothing())
    laid = known.versions[0]
    assert (laid.version, laid.made_by, laid.checked_by) == (f"evidence-{SOON}", "hana", "finn")
    assert laid.policy == await asked(writeoffs)
    assert laid.council == before.versions[0].council
    [told] = known.proposals
    assert (told.answer, told.checked_by, told.policy) == (PolicyAnswer.ACCEPTED, "finn", laid.policy)
    assert (await writeoffs.ask(queries.in_force, TODAY)).version == before.versions[0].version
    assert (await writeoffs.ask(queries.in_force, SOON)).version == laid.version


async def test_a_checker_accepts_what_was_shown_beside_what_comes_before_it(writeoffs: WriteOffs) -> None:
    """It would undo unseen what others had changed meanwhile."""
    waits = await proposed(writeoffs, day=SOON + timedelta(days=1))
    shown = before(await writeoffs.ask(queries.evidence_policies, Nothing()), waits)
    await answered(writeoffs, await proposed(writeoffs), "accepted")
    for base in (shown, "", None):
        with pytest.raises(shared.AnotherBase, match="laid down meanwhile"):
            await writeoffs.do(check_policy, CheckPolicy(proposal=waits, answer=PolicyAnswer.ACCEPTED, base=base), caller=FINN)
    await answered(writeoffs, waits, "accepted")
    assert (await writeoffs.ask(queries.evidence_policies, Nothing())).versions[0].policy.in_force_from == SOON + timedelta(days=1)


async def test_the_maker_does_not_check_and_nobody_else_withdraws(writeoffs: WriteOffs) -> None:
    proposal = await proposed(writeoffs)
    with pytest.raises(shared.MakerIsNotChecker):
        await answered(writeoffs, proposal, "accepted", HANA)
    with pytest.raises(shared.OnlyTheMakerWithdraws):
        await answered(writeoffs, proposal, "withdrawn", text="no")
    with pytest.raises(shared.CheckNotExplained):
        await answered(writeoffs, proposal, "refused")
    await answered(writeoffs, proposal, "withdrawn", HANA, "a slip")
    with pytest.raises(shared.AnsweredAlready):
        await answered(writeoffs, proposal, "accepted")
    with pytest.raises(shared.NoSuchPolicyProposal):
        await answered(writeoffs, uuid4(), "accepted")


@pytest.mark.parametrize("caller", [ASHA, AUDREY])
async def test_policy_is_for_managers_and_finance(writeoffs: WriteOffs, caller: Caller) -> None:
    with pytest.raises(NotYourPart):
        await proposed(writeoffs, caller)
    with pytest.raises(NotYourPart):
        await answered(writeoffs, await proposed(writeoffs), "accepted", caller)


async def test_a_day_has_one_policy_and_is_not_today(writeoffs: WriteOffs) -> None:
    with pytest.raises(shared.InForceTooSoon):
        await proposed(writeoffs, day=TODAY)
    one, two = await proposed(writeoffs), await proposed(writeoffs)
    await answered(writeoffs, one, "accepted")
    with pytest.raises(shared.DayTaken):
        await answered(writeoffs, two, "accepted")
    with pytest.raises(shared.DayTaken):
        await proposed(writeoffs)


async def test_two_rows_of_a_reason_about_the_same_amount_are_refused(writeoffs: WriteOffs) -> None:
    whole = await asked(writeoffs)
    twice = tuple(one.model_copy(update={"to_pence": None}) if at == 0 else one for at, one in enumerate(whole.ladders))
    with pytest.raises(rules.PolicyIncomplete, match="about the same amount") as refused:
        await proposed(writeoffs, ladders=twice)
    assert refused.value.field == "from-1"
    upside_down = (whole.ladders[1].model_copy(update={"from_pence": 900_00}), *whole.ladders[2:])
    with pytest.raises(rules.PolicyIncomplete, match="below the lower one"):
        await proposed(writeoffs, ladders=upside_down)
    with pytest.raises(rules.PolicyIncomplete, match="at least one reason"):
        await proposed(writeoffs, ladders=())


@pytest.mark.parametrize(
    "figure", ["limitation_years", "unclaimed_after_years", "look_again_days", "remind_after_days", "escalate_after_reminders"]
)
async def test_nothing_is_looked_at_again_after_no_time_at_all(writeoffs: WriteOffs, figure: str) -> None:
    told = (await asked(writeoffs)).model_dump(mode="json")
    assert EvidencePolicy.model_validate({**told, figure: 1})
    with pytest.raises(ValidationError, match=figure):
        EvidencePolicy.model_validate({**told, figure: 0})


# --- the database has the last word ---------------------------------------------------------------------------------------------------

PROPOSE = (
    "INSERT INTO policy_proposal (id, in_force_from, council, figures, proposed_by, roles, proposed_at)"
    " VALUES (:id, :day, 'x', jsonb_build_object('in_force_from', CAST(:day AS date)), 'hana', ARRAY[CAST(:role AS text)], now())"
)
CHECK = (
    "INSERT INTO policy_check (proposal, answer, text, checked_by, roles, checked_at)"
    " VALUES (:id, :answer, 'x', :by, ARRAY[CAST(:role AS text)], now())"
)


async def refused(writeoffs: WriteOffs, rule: str, statement: str, **values: Any) -> None:
    with pytest.raises(DBAPIError) as error:
        await written(writeoffs, statement, **values)
    cause = error.value.orig.__cause__ if error.value.orig else None
    assert getattr(cause, "constraint_name", None) == rule, error.value


async def written(writeoffs: WriteOffs, statement: str, **values: Any) -> None:
    async with writeoffs.runtime.engine.begin() as connection:
        await connection.execute(sa.text(statement), values)


async def test_by_sql_too_maker_and_checker_are_kept_apart(writeoffs: WriteOffs) -> None:
    await refused(writeoffs, "policy_is_for_managers_and_finance", PROPOSE, id=uuid4(), day=SOON, role="officer")
    await refused(writeoffs, "a_policy_comes_into_force_later", PROPOSE, id=uuid4(), day=TODAY, role="finance")
    proposal = await proposed(writeoffs)
    check = {"id": proposal, "answer": "accepted", "role": "finance"}
    await refused(writeoffs, "the_maker_of_a_policy_does_not_check_it", CHECK, **check, by="hana")
    await refused(writeoffs, "policy_is_for_managers_and_finance", CHECK, **{**check, "role": "officer"}, by="finn")
    await refused(writeoffs, "only_the_maker_withdraws", CHECK, **{**check, "answer": "withdrawn"}, by="finn")
    await written(writeoffs, CHECK, **check, by="finn")
    await refused(writeoffs, "a_policy_is_answered_once", CHECK, **check, by="faye")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO policy SELECT 'mine', in_force_from + 1, figures, 'a', 'b' FROM policy",
        "UPDATE policy_check SET text = ''",
        "DELETE FROM policy_proposal",
    ],
)
async def test_nobody_who_runs_the_service_writes_policy_past_a_check(writeoffs: WriteOffs, statement: str) -> None:
    await answered(writeoffs, await proposed(writeoffs), "refused", text="no")
    with pytest.raises(DBAPIError, match="permission denied"):
        await written(writeoffs, statement)
