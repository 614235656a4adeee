"""Authority that is lent, and deputies: what they give, what they never give, and that each record stays."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from approvals import queries
from approvals.domain import absence, delegation, eligibility
from approvals.domain.eligibility import Part
from approvals.domain.forms import AssignTask, BeAway, LendAuthority, OfTask, TakePart
from approvals.domain.recalling import NotYoursToRecall
from approvals.domain.tasks import Kind
from approvals.domain.words import in_words
from approvals.queries import View
from approvals.use_cases.add_participant import add_participant
from approvals.use_cases.assign import MayNotBeAssigned, assign
from approvals.use_cases.be_away import be_away, come_back
from approvals.use_cases.claim import claim
from approvals.use_cases.lend_authority import end_delegation, lend_authority
from approvals.use_cases.nudge_task import nudge_task
from chassis.transaction import SameFormOtherContent, run
from rentbook_contracts.approvals import Answer, NudgeTask
from support.office import PEOPLE, Office

TODAY = datetime.now(UTC).astimezone(ZoneInfo("Europe/London")).date()
LATER = TODAY + timedelta(days=30)


@pytest.fixture(autouse=True)
async def everyone_has_signed_in(office: Office) -> None:
    await office.everyone_signs_in()


async def lends(office: Office, giver: str, taker: str, pence: int, *, from_on: date = TODAY, until_on: date = LATER) -> UUID:
    form = uuid4()
    await office.do(giver, lend_authority, LendAuthority(taker, pence, from_on, until_on), form)
    return form


async def rows(office: Office) -> list[dict[str, Any]]:
    return [dict(row) for row in await office.sql("select * from decision order by decided_at")]


async def refused(rule: str, work: Any) -> None:
    with pytest.raises(asyncpg.PostgresError) as error:
        await work
    assert error.value.constraint_name == rule


async def test_a_delegate_decides_by_lent_authority_and_the_chain_is_recorded(office: Office) -> None:
    first = await lends(office, "tess.leader", "sen.senior", 400_00)
    second = await lends(office, "sen.senior", "ben.officer", 350_00)
    _, opened = await office.open(300_00)
    await office.answer_task("ben.officer", opened)
    [row] = await rows(office)
    assert (row["delegations"], row["on_behalf_of"], row["limit_pence"]) == ([first, second], ["tess.leader", "sen.senior"], 350_00)
    shown = await office.look("aud.auditor", queries.decisions_of_case, row["case_id"])
    assert shown[0].on_behalf_of == ("Tess Leader", "Sen Senior")


async def test_one_decides_by_ones_own_authority_where_it_is_enough(office: Office) -> None:
    await lends(office, "hana.head", "tess.leader", 900_00)
    _, small = await office.open(300_00)
    _, large = await office.open(800_00)
    for opened in (small, large):
        await office.answer_task("tess.leader", opened)
    assert [row["on_behalf_of"] for row in await rows(office)] == [[], ["hana.head"]]


async def test_a_ceiling_holds_below_the_limit_and_the_limit_below_the_ceiling(office: Office) -> None:
    await lends(office, "tess.leader", "sen.senior", 250_00)
    _, opened = await office.open(250_01)
    with pytest.raises(eligibility.AboveYourLimit, match=r"£250.01 is above your £250.00"):
        await office.answer_task("sen.senior", opened)
    with pytest.raises(delegation.NothingToDelegate, match=r"above your £500.00"):
        await lends(office, "tess.leader", "ben.officer", 500_01)


async def test_it_counts_from_its_first_day_to_its_last_and_not_after_its_end(office: Office) -> None:
    tomorrow = TODAY + timedelta(days=1)
    await lends(office, "tess.leader", "sen.senior", 400_00, from_on=tomorrow, until_on=tomorrow)
    asked, opened = await office.open(300_00)
    with pytest.raises(eligibility.AboveYourLimit):
        await office.answer_task("sen.senior", opened)
    today = await lends(office, "tess.leader", "sen.senior", 400_00, from_on=TODAY, until_on=TODAY)
    await office.do("sen.senior", end_delegation, today)
    await office.do("tess.leader", end_delegation, today)
    with pytest.raises(eligibility.AboveYourLimit):
        await office.answer_task("sen.senior", opened)
    [ended] = [one for one in await office.look("aud.auditor", queries.delegations) if one.id == today]
    assert (ended.ended_by_name, ended.in_force(TODAY)) == ("Sen Senior", False)
    assert asked


async def test_only_giver_and_taker_end_it(office: Office) -> None:
    lent = await lends(office, "tess.leader", "sen.senior", 400_00)
    with pytest.raises(delegation.NotYoursToEnd):
        await office.do("hana.head", end_delegation, lent)
    with pytest.raises(delegation.NoSuchDelegation):
        await office.do("tess.leader", end_delegation, uuid4())


@pytest.mark.parametrize(
    ("giver", "form", "rule", "field"),
    [
        ("tess.leader", LendAuthority("tess.leader", 1, TODAY, LATER), delegation.DelegateUnknown, "taker"),
        ("tess.leader", LendAuthority("nobody", 1, TODAY, LATER), delegation.DelegateUnknown, "taker"),
        ("tess.leader", LendAuthority("aud.auditor", 1, TODAY, LATER), delegation.AuditorIsNoDelegate, "taker"),
        ("tess.leader", LendAuthority("sen.senior", 0, TODAY, LATER), delegation.CeilingMissing, "ceiling"),
        ("tess.leader", LendAuthority("sen.senior", 1, TODAY - timedelta(days=1), LATER), delegation.DatesOutOfOrder, "from_on"),
        ("tess.leader", LendAuthority("sen.senior", 1, LATER, TODAY), delegation.DatesOutOfOrder, "until_on"),
        ("tess.leader", LendAuthority("sen.senior", 1, TODAY, TODAY + timedelta(days=367)), delegation.DatesOutOfOrder, "until_on"),
        ("ben.officer", LendAuthority("sen.senior", 1, TODAY, LATER), delegation.NothingToDelegate, None),
        ("aud.auditor", LendAuthority("sen.senior", 1, TODAY, LATER), delegation.NothingToDelegate, None),
    ],
)
async def test_what_may_not_be_lent_is_said_beside_its_field(office: Office, giver: str, form: Any, rule: Any, field: str | None) -> None:
    with pytest.raises(rule) as error:
        await office.do(giver, lend_authority, form)
    assert error.value.field == field
    assert await office.look("aud.auditor", queries.delegations) == ()


async def test_what_comes_from_somebody_is_not_lent_back_to_them(office: Office) -> None:
    await lends(office, "tess.leader", "sen.senior", 400_00)
    with pytest.raises(delegation.ComesBackToItsGiver, match=r"Enter at most £100.00\.") as error:
        await lends(office, "sen.senior", "tess.leader", 100_01)
    assert error.value.field == "ceiling"
    await lends(office, "sen.senior", "tess.leader", 100_00)
    await lends(office, "sen.senior", "ben.officer", 300_00)
    await office.signs_in("sen.senior", "officer")
    with pytest.raises(delegation.ComesBackToItsGiver, match="What you hold of Tess Leader gives them nothing") as error:
        await lends(office, "ben.officer", "tess.leader", 1_00)
    assert error.value.field == "taker"


async def test_what_was_lent_is_lent_on_no_longer_than_it_is_held(office: Office) -> None:
    sooner, soon = TODAY + timedelta(days=3), TODAY + timedelta(days=5)
    await lends(office, "tess.leader", "sen.senior", 400_00, until_on=soon)
    await lends(office, "tim.leader", "sen.senior", 400_00, until_on=sooner)
    with pytest.raises(
        delegation.LongerThanHeld, match=f"was lent to you until {in_words(soon)}\\. Choose that day or an earlier one"
    ) as error:
        await lends(office, "sen.senior", "ben.officer", 150_00)
    assert error.value.field == "until_on"
    await lends(office, "sen.senior", "ben.officer", 150_00, until_on=soon)
    await lends(office, "sen.senior", "ben.officer", 100_00)


async def test_what_was_lent_on_twice_goes_no_further(office: Office) -> None:
    for giver, taker in (("tess.leader", "ben.officer"), ("ben.officer", "ola.officer"), ("ola.officer", "sen.senior")):
        await lends(office, giver, taker, 400_00)
    with pytest.raises(delegation.NothingToDelegate, match=r"above your £100.00"):
        await lends(office, "sen.senior", "finn.finance", 100_01)


async def test_each_delegation_says_what_it_gives_today(office: Office) -> None:
    """Above all where it gives nothing, whatever it says itself; and as the table of authority names it."""
    first = await lends(office, "tess.leader", "ben.officer", 200_00)
    on = await lends(office, "ben.officer", "ola.officer", 150_00)
    back = uuid4()
    given = "insert into delegation values ($1, 'ola.officer', '{officer}', $2, 15000, $3, $3, now())"
    await office.sql(given, back, "tess.leader", TODAY)
    gives = await office.look("aud.auditor", queries.given_today)
    assert {id_: (one.up_to.get(Kind.REFUND), one.on_behalf_of) for id_, one in gives.items()} == {
        first: (200_00, ("Tess Leader",)),
        on: (150_00, ("Tess Leader", "Ben Officer")),
        back: (None, ()),
    }
    assert gives[back].why_nothing == "Ola Officer has it from Tess Leader"
    await office.do("tess.leader", end_delegation, first)
    gives = await office.look("aud.auditor", queries.given_today)
    assert (gives[on].up_to, gives[on].why_nothing) == (
        {}, f"Ben Officer has nothing to lend; what Tess Leader lent them ended on {in_words(TODAY)}",
    )  # fmt: skip
    assert gives[back].why_nothing == "Ola Officer has nothing to lend"


async def test_the_same_form_lends_once(office: Office) -> None:
    form, wanted = uuid4(), LendAuthority("sen.senior", 1_00, TODAY, LATER)
    for _ in range(2):
        await office.do("tess.leader", lend_authority, wanted, form)
    with pytest.raises(SameFormOtherContent):
        await office.do("tess.leader", lend_authority, LendAuthority("sen.senior", 2_00, TODAY, LATER), form)
    assert len(await office.look("aud.auditor", queries.delegations)) == 1


async def test_nobody_decides_by_the_authority_of_a_participant(office: Office) -> None:
    """Whoever raised a case would otherwise choose who decides it."""
    await lends(office, "tess.leader", "sen.senior", 400_00)
    await lends(office, "tim.leader", "ben.officer", 400_00)
    asked, opened = await office.open(300_00)
    await office.do("tess.leader", add_participant, TakePart(asked.case, Part.EVIDENCE))
    with pytest.raises(eligibility.ParticipantLendsNoAuthority):
        await office.answer_task("sen.senior", opened)
    await office.answer_task("ben.officer", opened)


async def test_who_lent_the_authority_neither_pays_nor_decides_the_other_stage_nor_takes_part_meanwhile(office: Office) -> None:
    await lends(office, "finn.finance", "tess.leader", 9_000_00)
    asked, first = await office.open(3_000_00)
    await office.answer_task("hana.head", first)
    later, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
    made = await office.answer_task("tess.leader", second)
    line = office.make_ready(later, made)
    with pytest.raises(eligibility.DeciderMayNotRelease):
        await office.release("finn.finance", line)
    with pytest.raises(eligibility.DeciderMayNotTakePart):
        await office.do("finn.finance", add_participant, TakePart(asked.case, Part.EVIDENCE))
    await office.release("fay.finance", line)


async def test_one_persons_authority_does_not_decide_two_stages(office: Office) -> None:
    await office.signs_in("both.roles", "head-of-service", "finance")
    PEOPLE["both.roles"] = ("head-of-service", "finance")
    try:
        await lends(office, "both.roles", "tess.leader", 9_000_00)
        asked, first = await office.open(3_000_00)
        await office.answer_task("tess.leader", first)
        _, second = await office.open(3_000_00, asked.case, stage=2, account=asked.account)
        with pytest.raises(eligibility.DecidedAnEarlierStage, match="Your authority approved"):
            await office.answer_task("both.roles", second)
        await office.answer_task("finn.finance", second)
    finally:
        del PEOPLE["both.roles"]


async def test_whoever_lent_the_authority_may_take_the_approval_back(office: Office) -> None:
    await lends(office, "ines.manager", "sen.senior", 2_000_00)
    _, opened = await office.open(1_000_00)
    made = await office.answer_task("sen.senior", opened)
    with pytest.raises(NotYoursToRecall):
        await office.recall("tess.leader", made)
    await office.recall("ines.manager", made)


async def test_what_waits_for_the_givers_role_waits_for_the_delegate(office: Office) -> None:
    _, within = await office.open(300_00)
    _, above = await office.open(450_00)
    before = await office.look("ben.officer", queries.worklist, View.MINE)
    await lends(office, "tess.leader", "ben.officer", 400_00)
    after = await office.look("ben.officer", queries.worklist, View.MINE)
    assert ([row.task for row in before.rows], [row.task for row in after.rows]) == ([], [within.task])
    team = await office.look("ben.officer", queries.worklist, View.TEAM)
    assert [row.task for row in team.rows] == [within.task]
    page = await office.look("ben.officer", queries.task_page, within.task)
    assert page is not None
    assert (page.row.why_not, page.limit_pence, page.lent_by) == (None, 400_00, ("Tess Leader",))
    assert above


async def test_lent_authority_falls_with_the_role_of_whoever_lent_it(office: Office) -> None:
    await lends(office, "ines.manager", "sen.senior", 2_000_00)
    _, opened = await office.open(1_000_00)
    await office.signs_in("ines.manager", "officer")
    with pytest.raises(eligibility.AboveYourLimit):
        await office.answer_task("sen.senior", opened)


# --- the database has the last word -----------------------------------------------------------------------------------------------------


async def insert_decision(
    office: Office, opened: Any, asked: Any, person: str, role: str, chain: list[UUID], held: str, on: asyncpg.Connection | None = None
) -> None:
    """A decision as a row, by the authority of a role, whatever a use case would say."""
    await (office.sql if on is None else on.execute)(
        "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by,"
        " roles, authority_id, answer, reason_code, text, delegations) values"
        " ($1, $2, $3, 1, 1, $4, $5, $6, $7, $8, $9, $10, 'approved', 'x', '', $11)",
        uuid4(), opened.task, asked.case, asked.stage, opened.stages, asked.content_hash, asked.amount_pence, person, [held],
        await office.authority(role), chain,
    )  # fmt: skip


async def test_by_sql_too_a_chain_is_short_unbroken_in_force_and_the_deciders(office: Office) -> None:
    one = await lends(office, "tess.leader", "sen.senior", 400_00)
    two = await lends(office, "sen.senior", "ben.officer", 100_00)
    back = uuid4()
    given = "insert into delegation values ($1, 'ben.officer', '{officer}', 'tess.leader', 10000, $2, $2, now())"
    await office.sql(given, back, TODAY)
    more = await lends(office, "ben.officer", "ola.officer", 100_00)
    asked, opened = await office.open(300_00, raised_by="fay.finance", participants=())
    by = ("team-leader", "senior-officer")
    for rule, person, chain in (
        ("the_amount_is_within_every_ceiling", "ben.officer", [one, two]),
        ("delegations_form_a_chain_to_the_decider", "tim.leader", [one]),
        ("delegations_form_a_chain_to_the_decider", "ola.officer", [one, more]),
        ("a_cycle_of_delegations_gives_nothing", "tess.leader", [one, two, back]),
        ("a_chain_of_delegations_is_short", "sen.senior", [one, two, back, one]),
        ("a_delegation_is_in_force", "sen.senior", [uuid4()]),
    ):
        await refused(rule, insert_decision(office, opened, asked, person, by[0], chain, by[1]))
    await refused("authority_is_of_the_persons_role", insert_decision(office, opened, asked, "sen.senior", "income-manager", [one], by[1]))
    await refused("an_auditor_is_no_delegate", insert_decision(office, opened, asked, "sen.senior", by[0], [one], "auditor"))
    await office.sql("insert into participant (case_id, person, why) values ($1, 'tess.leader', 'evidence')", asked.case)
    await refused("a_participant_lends_no_authority", insert_decision(office, opened, asked, "sen.senior", by[0], [one], by[1]))
    other, again = await office.open(300_00)
    await office.sql("insert into delegation_end (delegation_id, ended_by) values ($1, 'tess.leader')", one)
    await refused("a_delegation_is_in_force", insert_decision(office, again, other, "sen.senior", by[0], [one], by[1]))


async def test_a_delegation_that_is_being_ended_makes_the_decision_wait_and_fail(office: Office) -> None:
    lent = await lends(office, "tess.leader", "sen.senior", 400_00)
    asked, opened = await office.open(300_00)
    connection = await asyncpg.connect(office.database.app_dsn)
    try:
        ending = connection.transaction()
        await ending.start()
        await connection.execute("insert into delegation_end (delegation_id, ended_by) values ($1, 'tess.leader')", lent)
        deciding = asyncio.create_task(insert_decision(office, opened, asked, "sen.senior", "team-leader", [lent], "senior-officer"))
        await office.somebody_waits()
        assert not deciding.done()
        await ending.commit()
        await refused("a_delegation_is_in_force", deciding)
    finally:
        await connection.close()


async def test_no_decision_rests_on_what_was_lent_after_its_moment(office: Office) -> None:
    asked, opened = await office.open(300_00)
    connection = await asyncpg.connect(office.database.app_dsn)
    try:
        deciding = connection.transaction()
        await deciding.start()
        # As while the ledger is asked who took part.
        await connection.execute("select now()")
        lent = await lends(office, "tess.leader", "sen.senior", 400_00)
        by_it = insert_decision(office, opened, asked, "sen.senior", "team-leader", [lent], "senior-officer", on=connection)
        await refused("a_delegation_is_in_force", by_it)
    finally:
        await connection.close()


# --- deputies ---------------------------------------------------------------------------------------------------------------------------


async def test_a_deputy_is_shown_what_waits_and_gains_no_authority(office: Office) -> None:
    _, opened = await office.open(400_00)
    await office.do("tim.leader", assign, AssignTask(opened.task, "tess.leader"))
    asked, question = await office.open(50_00)
    await office.answer_task("tim.leader", question, Answer.SENT_BACK)
    await office.do("tess.leader", be_away, BeAway("sen.senior", TODAY, LATER))
    await office.do("ola.officer", be_away, BeAway("sen.senior", TODAY, LATER))
    work = await office.look("sen.senior", queries.worklist, View.MINE)
    assert {row.task: row.asked_you for row in work.rows} == {opened.task: False, question.task: True}
    with pytest.raises(eligibility.AboveYourLimit):
        await office.do("sen.senior", claim, OfTask(opened.task))
    await lends(office, "tess.leader", "sen.senior", 400_00)
    await office.answer_task("sen.senior", opened)
    assert asked


async def test_assignments_go_to_the_deputy_who_may_decide(office: Office) -> None:
    _, opened = await office.open(400_00)
    await office.do("tess.leader", be_away, BeAway("ben.officer", TODAY, LATER))
    with pytest.raises(MayNotBeAssigned, match="out of office"):
        await office.do("ola.officer", assign, AssignTask(opened.task, "tess.leader"))
    await office.do("tess.leader", be_away, BeAway("tim.leader", TODAY, LATER))
    await office.do("ola.officer", assign, AssignTask(opened.task, "tess.leader"))
    [row] = (await office.look("aud.auditor", queries.worklist, View.EVERYONE)).rows
    assert row.assigned_to == "tim.leader"


async def test_escalation_goes_past_whoever_is_away_to_their_deputy(office: Office) -> None:
    _, opened = await office.open(400_00)
    await office.do("ines.manager", be_away, BeAway("hana.head", TODAY, LATER))
    await run(office.runtime, lambda tx: nudge_task(tx, NudgeTask(task=opened.task, escalate=True)))
    [row] = (await office.look("aud.auditor", queries.worklist, View.EVERYONE)).rows
    assert (row.assigned_to, row.escalated) == ("hana.head", True)


async def test_whoever_is_away_is_nobody_here(office: Office) -> None:
    await office.open(9_000_00)
    [row] = (await office.look("aud.auditor", queries.worklist, View.EVERYONE)).rows
    assert not row.nobody_here
    form = uuid4()
    await office.do("hana.head", be_away, BeAway("ines.manager", TODAY, LATER), form)
    [row] = (await office.look("aud.auditor", queries.worklist, View.EVERYONE)).rows
    assert row.nobody_here
    with pytest.raises(absence.NotYoursToEnd):
        await office.do("ines.manager", come_back, form)
    for _ in range(2):
        await office.do("hana.head", come_back, form)
    [row] = (await office.look("aud.auditor", queries.worklist, View.EVERYONE)).rows
    assert not row.nobody_here
    assert [one.ended_at is not None for one in await office.look("aud.auditor", queries.absences)] == [True]


@pytest.mark.parametrize(
    ("deputy", "says"),
    [
        ("hana.head", "somebody else than yourself"),
        ("nobody", "a colleague who has signed in and is no auditor"),
        ("aud.auditor", "a colleague who has signed in and is no auditor"),
    ],
)
async def test_a_deputy_is_a_colleague_who_is_known_and_no_auditor(office: Office, deputy: str, says: str) -> None:
    with pytest.raises(absence.DeputyUnknown, match=says):
        await office.do("hana.head", be_away, BeAway(deputy, TODAY, LATER))


async def test_nobody_is_the_deputy_of_their_own_deputy_while_both_are_away(office: Office) -> None:
    soon, sooner = TODAY + timedelta(days=20), TODAY + timedelta(days=9)
    await office.do("ines.manager", be_away, BeAway("tess.leader", soon, LATER))
    await office.do("tess.leader", be_away, BeAway("hana.head", TODAY, LATER))
    with pytest.raises(absence.NobodyWouldBeLeft, match=f"Ines Manager is away too on {in_words(soon)}") as error:
        await office.do("hana.head", be_away, BeAway("ines.manager", TODAY, LATER))
    assert error.value.field == "deputy"
    await office.do("hana.head", be_away, BeAway("ines.manager", TODAY, sooner))
    away = {one.absence.person: one.stands_in for one in await office.look("aud.auditor", queries.away_today)}
    assert away == {"hana.head": "ines.manager", "tess.leader": "ines.manager"}


async def test_absences_that_meet_are_one_absence_to_whoever_waits(office: Office) -> None:
    """The last is a day apart from the others: somebody is there on the day between."""
    days = [TODAY + timedelta(days=days) for days in range(8)]
    for first, last, deputy in ((0, 2, "ines.manager"), (1, 3, "tess.leader"), (4, 5, "ines.manager"), (7, 7, "tess.leader")):
        await office.do("hana.head", be_away, BeAway(deputy, days[first], days[last]))
    await office.do("ines.manager", be_away, BeAway("tess.leader", days[0], days[6]))
    away = {one.absence.person: one.until_on for one in await office.look("aud.auditor", queries.away_today)}
    assert away == {"hana.head": days[5], "ines.manager": days[6]}


async def test_a_deputy_need_not_decide_anything(office: Office) -> None:
    """What is shown to them gives no authority."""
    await office.do("hana.head", be_away, BeAway("ola.officer", TODAY, LATER))
    assert [one.deputy for one in await office.look("aud.auditor", queries.absences)] == ["ola.officer"]


@pytest.mark.parametrize("table", ["delegation", "delegation_end", "absence", "absence_end"])
async def test_what_was_written_stays(office: Office, table: str) -> None:
    lent = await lends(office, "tess.leader", "sen.senior", 400_00)
    await office.do("tess.leader", end_delegation, lent)
    await office.do("tess.leader", be_away, BeAway("tim.leader", TODAY, LATER), lent)
    await office.do("tess.leader", come_back, lent)
    column = {"delegation": "taker", "absence": "deputy"}.get(table, "ended_by")
    for statement in (f"update {table} set {column} = {column}", f"delete from {table}", f"truncate {table} cascade"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.sql(statement)
        await refused(f"{table}_is_append_only", office.owner_sql(statement))
