"""Deciding schedules of write-offs: Test J of domain.md 5.3, exceptions line by line, minutes, call-in, and four eyes."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from approvals import queries
from approvals.domain import eligibility, recalling, scheduling
from approvals.domain.delegation import StaysWithItsOffice
from approvals.domain.forms import AnswerTask, AssignTask, BeAway, LendAuthority, TakeBack
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import AnotherKindOfTask, Kind
from approvals.domain.words import business_date, in_words
from approvals.domain.working_days import bank_holidays, working_days_after
from approvals.queries import Filters, View
from approvals.use_cases.assign import MayNotBeAssigned, assign
from approvals.use_cases.be_away import be_away
from approvals.use_cases.close_task import NothingToCarryOut, close_task
from approvals.use_cases.decide import decide
from approvals.use_cases.lend_authority import lend_authority
from approvals.use_cases.note_update_outcome import note_decision_outcome
from approvals.use_cases.nudge_task import nudge_task
from approvals.use_cases.open_schedule_task import NotThisSchedule
from approvals.use_cases.read_decision import read_decision, round_decided, who_decided
from approvals.use_cases.recall_decision import recall_decision
from chassis.serving import Settled, Settlement
from chassis.transaction import SYSTEM, SameFormOtherContent, run
from rentbook_contracts.approvals import (
    Answer,
    CloseTask,
    Deciders,
    DecisionNotCarriedOut,
    NudgeTask,
    ReadDecision,
    RoundAsked,
    RoundDecided,
    WriteOffDecided,
)
from rentbook_contracts.approvals import DecisionTaken as TakenByTheStory
from rentbook_contracts.ledger import LineKind
from support.office import PEOPLE, Office
from support.write_off_office import COUNCIL, WriteOffOffice, hash_of, line, minuted, told

TODAY = business_date(datetime.now(UTC))
CALL_IN_WORKING_DAYS = 5
"""In the table that is shipped, for what members decide."""


@pytest.fixture
async def desk(office: Office) -> AsyncIterator[WriteOffOffice]:
    place = WriteOffOffice(office)
    office.runtime.settings.peers["writeoffs"] = "http://writeoffs"
    async with httpx.AsyncClient(transport=httpx.MockTransport(place.answer)) as peers:
        office.runtime.http = peers
        yield place


# --- Test J -----------------------------------------------------------------------------------------------------------------------------

TEST_J = [
    (49_99, ["tess.leader"]),
    (50_00, ["ines.manager"]),
    (4_999_99, ["ines.manager"]),
    (5_000_00, ["mel.member", "kim.s151"]),
    (9_999_99, ["mel.member", "kim.s151"]),
    (10_000_00, ["kim.s151", "mel.member"]),
    (49_999_99, ["kim.s151", "mel.member"]),
    (50_000_00, ["kim.s151", "dee.democratic"]),
]
"""The debtor's total, and who decides in sequence: the last of them is the one who has the authority."""


@pytest.mark.parametrize(("total", "deciders"), TEST_J)
async def test_j_the_debtors_total_decides_who_decides(desk: WriteOffOffice, total: int, deciders: list[str]) -> None:
    about = told((line(49_99, total), line(20_00)))
    for stage, person in enumerate(deciders, start=1):
        opened = await desk.opened(about, stage)
        assert opened.stages == len(deciders)
        minute = minuted() if person == "dee.democratic" else None
        made = await desk.decided(person, about, opened, minute=minute)
        assert made.completes is (stage == len(deciders))


@pytest.mark.parametrize(
    ("total", "person", "words"),
    [
        (50_00, "tess.leader", "£50.00 is above your £49.99."),
        (5_000_00, "ines.manager", "Deciding this is for an executive member."),
        (5_000_00, "kim.s151", "Deciding this is for an executive member."),
        (10_000_00, "mel.member", "Deciding this is for an s151 officer."),
        (49_99, "sen.senior", "Deciding this is for a team leader."),
    ],
)
async def test_j_nobody_decides_above_their_band_or_out_of_turn(desk: WriteOffOffice, total: int, person: str, words: str) -> None:
    about = told((line(49_99, total),))
    opened = await desk.opened(about)
    with pytest.raises(ApprovalRule) as refused:
        await desk.decided(person, about, opened)
    assert refused.value.message == words
    page = await desk.office.look(person, queries.task_page, opened.task)
    assert page is not None
    assert page.row.why_not == words


async def test_a_higher_officer_may_decide_what_one_alone_decides(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    assert (await desk.decided("kim.s151", about, await desk.opened(about))).completes


@pytest.mark.parametrize(
    ("total", "stages", "person", "asked"),
    [
        (30_00, 1, "mel.member", "a team leader"),
        (4_999_99, 1, "mel.member", "an income manager"),
        (49_999_99, 2, "dee.democratic", "an executive member"),
    ],
)
async def test_a_member_or_a_body_decides_nothing_that_is_not_put_to_it(
    desk: WriteOffOffice, total: int, stages: int, person: str, asked: str
) -> None:
    """Where the table asks for an officer nobody consults a member; on the page, at the form, and by a row."""
    await desk.office.everyone_signs_in()
    about = told((line(20_00, total),))
    opened = await desk.opened(about)
    if stages == 2:
        await desk.decided("kim.s151", about, opened)
        opened = await desk.opened(about, 2)
    page = await desk.office.look(person, queries.task_page, opened.task)
    assert page is not None
    assert person not in {one.subject for one in page.may_decide}
    assert await _waiting(desk, person) == set()
    with pytest.raises(eligibility.NotYourStage, match=f"Deciding this is for {asked}."):
        await desk.decided(person, about, opened)
    [role] = PEOPLE[person]
    row = (
        "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,"
        " authority_id, answer, reason_code, text, carried_out_from) values ($1, $2, $3, 1, 1, $4, $4, $5, $6, $7, array[$8],"
        " (select id from authority where policy_id = policy_in_force('write-off') and role = $8 and stage = $4), 'sent-back', 'x', 'x',"
        " today() + 60)"
    )
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await desk.office.sql(row, uuid4(), opened.task, about.schedule, stages, hash_of(about), total, person, role)
    assert error.value.constraint_name == "a_member_decides_what_they_are_asked"


async def _waiting(desk: WriteOffOffice, person: str) -> set[UUID]:
    """The tasks that the worklist shows somebody as their team's."""
    return {row.task for row in (await desk.office.look(person, queries.worklist, View.TEAM)).rows}


async def test_whoever_is_a_member_beside_a_post_decides_by_either(desk: WriteOffOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEOPLE, "mia.both", ("income-manager", "executive-member"))
    for total in (50_00, 5_000_00):
        about = told((line(20_00, total),))
        opened = await desk.opened(about)
        assert await _waiting(desk, "mia.both") == {opened.task}
        assert await desk.decided("mia.both", about, opened)
        by = "select role from authority a join decision d on a.id = d.authority_id where task_id = $1"
        [made] = await desk.office.sql(by, opened.task)
        assert made["role"] == ("income-manager" if total == 50_00 else "executive-member")


async def test_what_nobody_decides_goes_to_a_higher_officer_and_not_to_a_member(desk: WriteOffOffice) -> None:
    await desk.office.everyone_signs_in()
    about = told((line(50_00),))
    opened = await desk.opened(about)
    await run(desk.office.runtime, lambda tx: nudge_task(tx, NudgeTask(task=opened.task, escalate=True)), caller=SYSTEM)
    page = await desk.office.look("ines.manager", queries.task_page, opened.task)
    assert page is not None
    assert page.row.assigned_to in {"kim.s151", "kit.s151"}


# --- whoever is out of office -----------------------------------------------------------------------------------------------------------


async def away(desk: WriteOffOffice, deputies: Mapping[str, str]) -> None:
    """These people are out of office since today, each with a deputy; all have signed in, they last."""
    await desk.office.everyone_signs_in()
    for person in deputies:
        await desk.office.signs_in(person, *PEOPLE[person])
    for person, deputy in deputies.items():
        await desk.office.do(person, be_away, BeAway(deputy, TODAY, TODAY + timedelta(days=9)))


@pytest.mark.parametrize(
    ("total", "deputies", "goes_to"),
    [
        pytest.param(50_00, {"kit.s151": "tess.leader"}, "kim.s151", id="past whoever is away to whoever has the same role"),
        pytest.param(30_00, {"ines.manager": "kim.s151"}, "kim.s151", id="nobody else has the role: to the deputy"),
        pytest.param(30_00, {"ines.manager": "kim.s151", "kim.s151": "kit.s151"}, "kit.s151", id="the deputy is away too"),
        pytest.param(30_00, {"ines.manager": "mel.member"}, None, id="a member is not asked for it as a deputy either"),
        pytest.param(30_00, {"ines.manager": "ben.officer"}, None, id="nor is a deputy who took part and has no authority"),
    ],
)
async def test_escalation_passes_over_whoever_is_away_and_goes_to_a_deputy_who_may_decide(
    desk: WriteOffOffice, total: int, deputies: Mapping[str, str], goes_to: str | None
) -> None:
    await away(desk, deputies)
    about = told((line(total),))
    opened = await desk.opened(about)
    await run(desk.office.runtime, lambda tx: nudge_task(tx, NudgeTask(task=opened.task, escalate=True)), caller=SYSTEM)
    page = await desk.office.look("aud.auditor", queries.task_page, opened.task)
    assert page is not None
    assert (page.row.assigned_to, page.row.escalated) == (goes_to, True)
    if goes_to is not None:
        assert (await desk.decided(goes_to, about, opened)).completes


async def test_a_schedule_that_is_given_to_whoever_is_away_goes_to_a_deputy_who_may_decide_it(desk: WriteOffOffice) -> None:
    await away(desk, {"ines.manager": "ben.officer", "kim.s151": "kit.s151"})
    opened = await desk.opened(told((line(50_00),)))
    with pytest.raises(MayNotBeAssigned, match="out of office, and their deputy may not decide it"):
        await desk.office.do("ola.officer", assign, AssignTask(opened.task, "ines.manager"))
    await desk.office.do("ola.officer", assign, AssignTask(opened.task, "kim.s151"))
    page = await desk.office.look("aud.auditor", queries.task_page, opened.task)
    assert page is not None
    assert page.row.assigned_to == "kit.s151"


async def test_the_deputy_of_an_absent_approver_is_shown_the_schedule_and_decides_it_by_lent_authority_alone(desk: WriteOffOffice) -> None:
    await desk.office.everyone_signs_in()
    about = told((line(50_00),))
    opened = await desk.opened(about)
    await desk.office.do("ola.officer", assign, AssignTask(opened.task, "ines.manager"))
    await away(desk, {"ines.manager": "tess.leader"})
    mine = await desk.office.look("tess.leader", queries.worklist, View.MINE)
    assert [row.task for row in mine.rows] == [opened.task]
    with pytest.raises(eligibility.AboveYourLimit):
        await desk.decided("tess.leader", about, opened)
    await desk.office.do("ines.manager", lend_authority, LendAuthority("tess.leader", 50_00, TODAY, TODAY))
    assert (await desk.decided("tess.leader", about, opened)).completes


async def test_a_schedule_is_for_nobody_here_once_all_who_record_for_a_body_are_away(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 50_000_00),))
    await away(desk, {"dee.democratic": "hana.head"})
    await desk.decided("kim.s151", about, await desk.opened(about))
    opened = await desk.opened(about, 2)
    absences: tuple[tuple[dict[str, str], bool], ...] = (({}, False), ({"don.democratic": "hana.head"}, True))
    for deputies, nobody_here in absences:
        await away(desk, deputies)
        page = await desk.office.look("aud.auditor", queries.task_page, opened.task)
        assert page is not None
        assert page.row.nobody_here is nobody_here


# --- what the band rests on -------------------------------------------------------------------------------------------------------------


async def test_a_schedule_that_does_not_add_up_opens_no_task(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 6_000_00), line(20_00)))
    for wrong in (
        about.model_copy(update={"band_pence": 49_99}),
        about.model_copy(update={"total_pence": 1}),
        about.model_copy(update={"lines": about.lines[1:]}),
        about.model_copy(update={"round": 2}),
    ):
        desk.schedules[about.schedule] = wrong
        with pytest.raises(NotThisSchedule):
            await desk.opened(wrong, content_hash=hash_of(about), round=1)


async def test_the_database_takes_no_band_below_the_highest_total(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 6_000_00),))
    opened = await desk.opened(about)
    columns = "kind, case_id, attempt, stage, stages, content_hash, lane, lane_reasons, raised_by, workflow_id, policy_id, required_role"
    times = "opened_at, priority_at, due_on, remind_on, escalate_on"
    forged = f"""
      with forged as (
        insert into task (id, account, amount_pence, round, {columns}, {times})
        select gen_random_uuid(), null, 100, 2, {columns}, {times} from task where id = $1 returning id
      ), about as (
        insert into schedule_task select id, 'write-off', 'x', 1, 3000 from forged
      )
      insert into schedule_task_line select id, $2, $3, 3000, 600000 from forged
    """
    with pytest.raises(asyncpg.CheckViolationError, match="the band of a schedule is its highest total"):
        await desk.office.sql(forged, opened.task, about.lines[0].line, about.lines[0].content_hash)


# --- exceptions -------------------------------------------------------------------------------------------------------------------------


async def test_exceptions_of_every_stage_are_left_out_and_the_rest_is_let_through_by_hash(desk: WriteOffOffice) -> None:
    lines = (line(30_00, 6_000_00), line(20_00), line(10_00))
    about = told(lines)
    first = await desk.decided("mel.member", about, await desk.opened(about), excepted={lines[1].line: "may-be-recovered"})
    last = await desk.decided("kim.s151", about, await desk.opened(about, 2), excepted={lines[2].line: "wrong-amount"})
    [consulted, decided] = await desk.facts()
    assert (consulted["completes"], consulted["lines"]) == (False, [])
    assert decided["lines"] == [{"line": str(lines[0].line), "content_hash": lines[0].content_hash}]
    assert set(decided["excepted"]) == {str(lines[1].line), str(lines[2].line)}
    assert decided["covers_to_pence"] == 9_999_99
    row = await run(desk.office.runtime, lambda tx: read_decision(tx, ReadDecision(decision=last.decision)), caller=SYSTEM)
    assert set(row.excepted) == {lines[1].line, lines[2].line}
    row = await run(desk.office.runtime, lambda tx: read_decision(tx, ReadDecision(decision=first.decision)), caller=SYSTEM)
    assert set(row.excepted) == {lines[1].line}


@pytest.mark.parametrize("left_out", [0, 1])
async def test_nobody_approves_what_would_let_no_line_through_and_a_no_or_a_question_is_taken(desk: WriteOffOffice, left_out: int) -> None:
    """Every line is gone, or was left out by the stage before."""
    for answer in (Answer.DECLINED, Answer.SENT_BACK):
        about = told((line(30_00, 6_000_00), line(20_00)))
        out, gone = about.lines[:left_out], about.lines[left_out:]
        await desk.decided("mel.member", about, await desk.opened(about), excepted={one.line: "may-be-recovered" for one in out})
        second = await desk.opened(about, 2)
        desk.schedules[about.schedule] = about.model_copy(update={"gone": tuple(one.line for one in gone)})
        with pytest.raises(scheduling.NothingLeft):
            await desk.decided("kim.s151", about, second)
        await desk.decided("kim.s151", about, second, answer)
    assert [fact["lines"] for fact in await desk.facts()] == [[]] * 4


@pytest.mark.parametrize("answer", [Answer.DECLINED, Answer.SENT_BACK])
async def test_only_an_approval_has_exceptions(desk: WriteOffOffice, answer: Answer) -> None:
    about = told((line(30_00), line(20_00)))
    with pytest.raises(scheduling.OnlyAnApprovalExcepts):
        await desk.decided("tess.leader", about, await desk.opened(about), answer, excepted={about.lines[0].line: "other"})


async def test_exceptions_are_lines_of_the_schedule_with_a_reason_and_not_all_of_them(desk: WriteOffOffice) -> None:
    about = told((line(30_00), line(20_00)))
    opened = await desk.opened(about)
    refusals = [
        ({uuid4(): "other"}, scheduling.NotALineOfIt),
        ({about.lines[0].line: "because"}, scheduling.ExceptionWithoutReason),
        ({one.line: "other" for one in about.lines}, scheduling.NothingLeft),
    ]
    for excepted, rule in refusals:
        with pytest.raises(rule):
            await desk.decided("tess.leader", about, opened, excepted=excepted)


async def test_what_is_left_out_for_another_reason_has_it_in_words(desk: WriteOffOffice) -> None:
    about = told((line(30_00), line(20_00)))
    opened, out = await desk.opened(about), {about.lines[0].line: "other"}
    with pytest.raises(scheduling.ExceptionWithoutReason, match="Write down why"):
        await desk.decided("tess.leader", about, opened, excepted=out)
    await desk.decided("tess.leader", about, opened, excepted=out, text="A cheque is on its way.")


async def test_the_database_takes_no_exception_later_and_none_that_leaves_nothing(desk: WriteOffOffice) -> None:
    about = told((line(30_00), line(20_00)))
    opened = await desk.opened(about)
    made = await desk.decided("tess.leader", about, opened)
    later = "insert into decision_exception (decision_id, line, task_id, reason_code) values ($1, $2, $3, 'other')"
    with pytest.raises(asyncpg.CheckViolationError, match="an exception comes with its decision"):
        await desk.office.sql(later, made.decision, about.lines[0].line, opened.task)
    for change in ("delete from decision_exception", "update schedule_task_line set content_hash = content_hash", "delete from minute"):
        with pytest.raises(asyncpg.PostgresError):
            await desk.office.sql(change)
    added = "insert into schedule_task_line values ($1, gen_random_uuid(), repeat('a', 64), 1, 1)"
    with pytest.raises(asyncpg.CheckViolationError, match="the lines of a decided schedule stay"):
        await desk.office.sql(added, opened.task)


async def test_the_same_form_again_is_the_same_decision_and_other_exceptions_are_not(desk: WriteOffOffice) -> None:
    about, form = told((line(30_00), line(20_00))), uuid4()
    opened, out = await desk.opened(about), {about.lines[0].line: "wrong-amount"}
    made = await desk.decided("tess.leader", about, opened, form=form, excepted=out)
    assert await desk.decided("tess.leader", about, opened, form=form, excepted=out) == made
    with pytest.raises(SameFormOtherContent):
        await desk.decided("tess.leader", about, opened, form=form)
    assert len(await desk.facts()) == 1


# --- four eyes --------------------------------------------------------------------------------------------------------------------------


async def test_whoever_fed_a_line_or_moved_the_debt_behind_it_decides_none_of_the_schedule(desk: WriteOffOffice) -> None:
    desk.actors = ("tess.leader",)
    about = told((line(30_00),))
    opened = await desk.opened(about)
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await desk.decided("tess.leader", about, opened)
    assert (await desk.decided("tim.leader", about, opened)).completes


async def test_whoever_moved_a_debt_while_the_schedule_waited_decides_none_of_it(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    desk.actors = ("tess.leader",)
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await desk.decided("tess.leader", about, opened)
    assert (await desk.decided("tim.leader", about, opened)).completes


async def test_whoever_touched_another_proposal_of_the_same_people_meanwhile_decides_none_of_it(
    desk: WriteOffOffice,
) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    desk.schedules[about.schedule] = about.model_copy(update={"participants": (*about.participants, "tess.leader")})
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await desk.decided("tess.leader", about, opened)
    assert (await desk.decided("tim.leader", about, opened)).completes


@pytest.mark.parametrize("when", ["before the task was opened", "meanwhile"])
async def test_whoever_took_part_in_a_refund_request_in_vain_does_not_decide_that_the_credit_goes_to_income(
    desk: WriteOffOffice, when: str
) -> None:
    about = told((line(30_00),)).model_copy(update={"kind": LineKind.CREDIT_WRITE_ON})
    desk.office.elsewhere = ["tess.leader"] if when == "before the task was opened" else []
    opened = await desk.opened(about)
    desk.office.elsewhere = ["tess.leader"]
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await desk.decided("tess.leader", about, opened)
    assert (await desk.decided("tim.leader", about, opened)).completes


async def test_of_a_debt_refund_requests_say_nothing(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    desk.office.elsewhere = ["tess.leader"]
    assert (await desk.decided("tess.leader", about, await desk.opened(about))).completes


async def test_an_approval_has_no_force_once_its_decider_touched_another_proposal_of_the_same_people(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 10_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    second = await desk.opened(about, 2)
    desk.schedules[about.schedule] = about.model_copy(update={"participants": (*about.participants, "kim.s151")})
    with pytest.raises(eligibility.EarlierApproverTookPart):
        await desk.decided("mel.member", about, second)


async def test_one_person_does_not_decide_two_stages(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 10_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    second = await desk.opened(about, 2)
    with pytest.raises(ApprovalRule):
        await desk.decided("kim.s151", about, second)


async def test_schedules_and_refunds_are_answered_each_on_its_own_page(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    with pytest.raises(AnotherKindOfTask):
        await desk.office.do("tess.leader", decide, AnswerTask(opened.task, hash_of(about), Answer.APPROVED, "checks-pass"))
    _, refund = await desk.office.open(40_00)
    with pytest.raises(AnotherKindOfTask):
        await desk.decided("tess.leader", about, refund)
    work = await desk.office.look("tess.leader", queries.worklist, queries.View.EVERYONE)
    assert {row.task for row in work.rows} == {opened.task, refund.task}
    [shown] = await desk.office.look("tess.leader", queries.schedule_tasks, still_open=True)
    assert (shown.row.task, shown.about.lines, shown.about.total_pence, shown.row.why_not) == (opened.task, 1, 30_00, None)


# --- the worklist ------------------------------------------------------------------------------------------------------------------------


async def listed(desk: WriteOffOffice, person: str, view: View, filters: Filters | None = None) -> list[UUID]:
    work = await desk.office.look(person, queries.worklist, view, filters)
    assert work.total == work.counts[view] == len(work.rows)
    return [row.task for row in work.rows]


async def test_a_schedule_waits_among_the_work_of_whoever_may_decide_it(desk: WriteOffOffice) -> None:
    small, members = told((line(30_00),)), told((line(30_00, 5_000_00),))
    one, other = await desk.opened(small), await desk.opened(members)
    _, refund = await desk.office.open(40_00)
    assert await listed(desk, "tess.leader", View.MINE) == [one.task]
    assert await listed(desk, "mel.member", View.MINE) == [other.task]
    assert await listed(desk, "sen.senior", View.MINE) == [refund.task]
    assert await listed(desk, "tess.leader", View.TEAM) == [one.task, refund.task]
    assert await listed(desk, "kim.s151", View.TEAM) == [one.task], "in a sequence the higher limit does not stand in"
    assert await listed(desk, "tess.leader", View.EVERYONE, Filters(kind=Kind.WRITE_OFF)) == [one.task, other.task]
    assert await listed(desk, "tess.leader", View.EVERYONE, Filters(kind=Kind.REFUND)) == [refund.task]
    about = await desk.office.look("tess.leader", queries.schedules_about, [one.task, other.task, refund.task])
    assert {task: (found.lines, found.total_pence) for task, found in about.items()} == {one.task: (1, 30_00), other.task: (1, 30_00)}
    await desk.decided("tess.leader", small, one)
    assert await listed(desk, "tess.leader", View.MINE) == []
    assert await listed(desk, "aud.auditor", View.DECIDED) == [one.task]


async def test_whoever_fed_a_schedule_does_not_find_it_among_their_own(desk: WriteOffOffice) -> None:
    about = told((line(30_00),)).model_copy(update={"participants": ("ola.officer", "tess.leader")})
    opened = await desk.opened(about)
    assert await listed(desk, "tess.leader", View.MINE) == []
    assert await listed(desk, "tess.leader", View.TEAM) == [opened.task]


async def test_a_schedule_is_recalled_by_the_authority_of_its_own_table(desk: WriteOffOffice) -> None:
    """A head of service decides any refund, and no write-off."""
    about = told((line(30_00),))
    made = await desk.decided("tess.leader", about, await desk.opened(about))
    with pytest.raises(recalling.NotYoursToRecall):
        await desk.office.do("hana.head", recall_decision, TakeBack(made.decision, "no"))
    for_head = await desk.office.look("hana.head", queries.decision_shown, made.decision)
    for_maker = await desk.office.look("tess.leader", queries.decision_shown, made.decision)
    assert for_head is not None
    assert for_maker is not None
    assert (for_head.may_recall, for_maker.may_recall) == (False, True)
    await desk.office.do("tess.leader", recall_decision, TakeBack(made.decision, "Paid lately"))


# --- members ----------------------------------------------------------------------------------------------------------------------------


async def test_a_decision_of_members_waits_out_its_call_in(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 10_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    made = await desk.decided("mel.member", about, await desk.opened(about, 2))
    row = await run(desk.office.runtime, lambda tx: read_decision(tx, ReadDecision(decision=made.decision)), caller=SYSTEM)
    assert row.carried_out_from is not None
    assert row.carried_out_from >= TODAY + timedelta(days=7)
    assert (await desk.facts())[-1]["carried_out_from"] == row.carried_out_from.isoformat()


async def test_no_row_of_a_member_counts_a_weekend_in_its_call_in(desk: WriteOffOffice) -> None:
    """Whoever writes it as the role that runs the service: bank holidays are for the use case and the check of the books."""
    about = told((line(30_00, 10_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    opened = await desk.opened(about, 2)
    await desk.office.signs_in("ola.officer", "officer")
    last = working_days_after(TODAY, CALL_IN_WORKING_DAYS, ())
    row = (
        "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,"
        " authority_id, answer, reason_code, text, question_to, carried_out_from)"
        " values ($1, $2, $3, 1, 1, 2, 2, $4, 1000000, 'mel.member', array['executive-member'], (select id from authority where policy_id ="
        " policy_in_force('write-off') and role = 'executive-member' and stage = 2), 'sent-back', 'x', 'x', 'ola.officer', $5)"
    )
    values = (opened.task, about.schedule, hash_of(about))
    for day in (TODAY, last):
        with pytest.raises(asyncpg.PostgresError) as error:
            await desk.office.sql(row, uuid4(), *values, day)
        assert error.value.constraint_name == "a_decision_of_members_waits_out_its_call_in"
    await desk.office.sql(row, uuid4(), *values, last + timedelta(days=1))


async def test_a_proclaimed_holiday_is_no_day_of_a_call_in(desk: WriteOffOffice) -> None:
    runtime, closed = desk.office.runtime, bank_holidays()
    proclaimed = working_days_after(TODAY, 2, closed)
    runtime.settings = runtime.settings.model_copy(update={"one_off_holidays": (proclaimed,)})
    about = told((line(30_00, 10_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    made = await desk.decided("mel.member", about, await desk.opened(about, 2))
    row = await run(runtime, lambda tx: read_decision(tx, ReadDecision(decision=made.decision)), caller=SYSTEM)
    assert row.carried_out_from == working_days_after(TODAY, CALL_IN_WORKING_DAYS + 2, closed)


async def test_what_nobody_may_call_in_waits_for_no_morning(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 4_999_99),))
    made = await desk.decided("ines.manager", about, await desk.opened(about))
    row = await run(desk.office.runtime, lambda tx: read_decision(tx, ReadDecision(decision=made.decision)), caller=SYSTEM)
    assert row.completes
    assert row.carried_out_from is None
    assert (await desk.facts())[-1]["carried_out_from"] == TODAY.isoformat()


async def test_cabinet_decides_by_its_minute_with_reference_day_and_copy(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 50_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    second = await desk.opened(about, 2)
    [waiting] = await desk.office.look("dee.democratic", queries.schedule_tasks, still_open=True)
    assert waiting.body == "Cabinet"
    right = minuted()
    wrong = [
        None,
        replace(right, reference=" "),
        replace(right, met_on=right.met_on + timedelta(days=1)),
        replace(right, copy=b"no pdf"),
        replace(right, copy=right.copy.removesuffix(b"%%EOF")),
        replace(right, copy=right.copy + b" " * 1_024),
    ]
    for minute in wrong:
        with pytest.raises(scheduling.MinuteMissing):
            await desk.decided("dee.democratic", about, second, minute=minute)
    made = await desk.decided("dee.democratic", about, second, minute=right)
    kept = await desk.office.look("aud.auditor", queries.minute_of, made.decision)
    assert kept is not None
    assert (kept.body, kept.reference, kept.met_on) == ("Cabinet", right.reference, right.met_on)
    assert await desk.office.look("aud.auditor", queries.copy_of_minute, made.decision) == right.copy


async def before_now(desk: WriteOffOffice, *statements: str) -> None:
    """What happened is moved into the past, past the triggers."""
    of = ("task", "decision")
    for statement in (
        *(f"ALTER TABLE {one} DISABLE TRIGGER USER" for one in of),
        *statements,
        *(f"ALTER TABLE {one} ENABLE TRIGGER USER" for one in of),
    ):
        await desk.office.owner_sql(statement)


async def test_a_body_decides_on_nothing_that_was_put_to_it_after_it_met(desk: WriteOffOffice) -> None:
    """By the day on which the round began, and by that on which the stage before was decided."""
    about = told((line(30_00, 50_000_00),))
    first = await desk.opened(about)
    await before_now(desk, f"UPDATE task SET opened_at = opened_at - interval '3 days' WHERE id = '{first.task}'")
    advised = await desk.decided("kim.s151", about, first)
    second = await desk.opened(about, 2)
    for days, decided in ((1, 0), (2, 1)):
        await before_now(desk, f"UPDATE decision SET decided_at = now() - interval '{decided} days' WHERE id = '{advised.decision}'")
        too_early = replace(minuted(), met_on=TODAY - timedelta(days=days))
        with pytest.raises(scheduling.MinuteOlderThanItsRound, match=in_words(TODAY - timedelta(days=decided))) as refused:
            await desk.decided("dee.democratic", about, second, minute=too_early)
        assert refused.value.field == "met_on"
    made = await desk.decided("dee.democratic", about, second, minute=replace(too_early, met_on=TODAY - timedelta(days=1)))
    written = (
        "INSERT INTO minute (decision_id, body, reference, met_on, copy, copy_sha256)"
        f" SELECT decision_id, body, reference, met_on - 1, copy, copy_sha256 FROM minute WHERE decision_id = '{made.decision}'"
    )
    with pytest.raises(asyncpg.PostgresError) as error:
        await desk.office.sql(written)
    assert error.value.constraint_name == "a_body_decides_what_was_put_to_it"


async def test_a_body_that_met_before_the_decision_of_the_other_was_written_down_had_met_after_it(desk: WriteOffOffice) -> None:
    """Democratic services may write down both on the same day."""
    for statement in COUNCIL:
        await desk.office.owner_sql(statement)
    about = told((line(30_00, 2_500_000_00),))
    first = await desk.opened(about)
    advised = await desk.decided("kim.s151", about, first)
    await before_now(
        desk,
        f"UPDATE task SET opened_at = opened_at - interval '9 days' WHERE id = '{first.task}'",
        f"UPDATE decision SET decided_at = decided_at - interval '9 days' WHERE id = '{advised.decision}'",
    )
    cabinet, council = (replace(minuted(), met_on=TODAY - timedelta(days=days)) for days in (5, 3))
    await desk.decided("dee.democratic", about, await desk.opened(about, 2), minute=cabinet)
    third = await desk.opened(about, 3)
    with pytest.raises(scheduling.MinuteOlderThanItsRound, match=in_words(cabinet.met_on)):
        await desk.decided("don.democratic", about, third, minute=replace(council, met_on=TODAY - timedelta(days=6)))
    assert (await desk.decided("don.democratic", about, third, minute=council)).completes


HIGHER = (
    COUNCIL[0].replace("with-council", "higher"),
    "INSERT INTO authority (policy_id, act, stage, role, from_pence, to_pence, body, call_in_working_days)"
    " SELECT 'higher', act, stage, role, CASE from_pence WHEN 1000000 THEN 2000000 ELSE from_pence END,"
    " CASE to_pence WHEN 999999 THEN 1999999 ELSE to_pence END, body, call_in_working_days FROM authority"
    " WHERE policy_id = 'write-off-2021-07-01'",
)


@pytest.mark.parametrize(("comes", "covers"), [("before", 19_999_99), ("between", 9_999_99), ("never", 9_999_99)])
async def test_what_a_round_covers_ends_with_the_lowest_table_that_it_was_decided_by(desk: WriteOffOffice, comes: str, covers: int) -> None:
    about = told((line(30_00, 5_000_00),))
    first = await desk.opened(about)
    for moment in ("before", "between"):
        if moment == comes:
            for statement in HIGHER:
                await desk.office.owner_sql(statement)
        if moment == "before":
            await desk.decided("mel.member", about, first)
    made = await desk.decided("kim.s151", about, await desk.opened(about, 2))
    assert made.completes
    assert (await desk.facts())[-1]["covers_to_pence"] == covers


# --- what comes with an office ----------------------------------------------------------------------------------------------------------

OFFICES = [(5_000_00, 1, "mel.member", "executive-member"), (50_000_00, 2, "dee.democratic", "democratic-services")]


@pytest.mark.parametrize(("pence", "stage", "holder", "role"), OFFICES)
async def test_what_comes_with_an_office_is_lent_to_nobody_else(
    desk: WriteOffOffice, pence: int, stage: int, holder: str, role: str
) -> None:
    """At the form, by a delegation of an earlier day, and by a row."""
    await desk.office.everyone_signs_in()
    with pytest.raises(StaysWithItsOffice) as refused:
        await desk.office.do(holder, lend_authority, LendAuthority("hana.head", pence, TODAY, TODAY))
    assert refused.value.field == "taker"
    lent = uuid4()
    given = "insert into delegation values ($1, $2, $3, 'hana.head', $4, $5, $5, now())"
    await desk.office.sql(given, lent, holder, [role], pence, TODAY)
    about = told((line(30_00, pence),))
    opened = await desk.opened(about)
    if stage == 2:
        await desk.decided("kim.s151", about, opened)
        opened = await desk.opened(about, 2)
    with pytest.raises(eligibility.NotYourStage):
        await desk.decided("hana.head", about, opened, minute=minuted() if stage == 2 else None)
    row = (
        "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,"
        " authority_id, answer, reason_code, text, question_to, delegations, carried_out_from)"
        " values ($1, $2, $3, 1, 1, $4, 2, $5, $6, 'hana.head', $7,"
        " (select id from authority where policy_id = policy_in_force('write-off') and role = $8 and stage = $4), 'sent-back', 'x', 'x',"
        " 'ola.officer', $9, today() + 60)"
    )
    values = (opened.task, about.schedule, stage, hash_of(about), pence)
    with pytest.raises(asyncpg.PostgresError) as error:
        await desk.office.sql(row, uuid4(), *values, ["head-of-service"], role, [lent])
    assert error.value.constraint_name == "what_comes_with_an_office_stays_with_it"
    await desk.office.signs_in("hana.head", "head-of-service", role)
    await desk.office.sql(row, uuid4(), *values, ["head-of-service", role], role, [lent])


async def test_an_office_changes_hands_between_those_who_hold_it(desk: WriteOffOffice) -> None:
    await desk.office.everyone_signs_in()
    await desk.office.do("dee.democratic", lend_authority, LendAuthority("don.democratic", 60_000_00, TODAY, TODAY))
    await desk.office.do("kim.s151", lend_authority, LendAuthority("mel.member", 60_000_00, TODAY, TODAY))
    await desk.office.do("mel.member", lend_authority, LendAuthority("hana.head", 20_000_00, TODAY, TODAY))
    about = told((line(30_00, 20_000_00),))
    await desk.decided("hana.head", about, await desk.opened(about))
    [row] = await desk.office.sql("select on_behalf_of from decision")
    assert row["on_behalf_of"] == ["kim.s151", "mel.member"], "an officer's authority goes through a member's hands as through others'"


async def test_what_would_cause_a_deficit_goes_on_from_cabinet_to_council_each_by_a_minute_of_its_own(desk: WriteOffOffice) -> None:
    for statement in COUNCIL:
        await desk.office.owner_sql(statement)
    about = told((line(30_00, 2_500_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    cabinet = await desk.decided("dee.democratic", about, await desk.opened(about, 2), minute=minuted())
    assert not cabinet.completes
    third = await desk.opened(about, 3)
    with pytest.raises(ApprovalRule):
        await desk.decided("dee.democratic", about, third, minute=minuted())
    with pytest.raises(scheduling.MinuteMissing, match="minute of Council"):
        await desk.decided("don.democratic", about, third)
    council = await desk.decided("don.democratic", about, third, minute=minuted())
    assert council.completes
    for made, body in ((cabinet, "Cabinet"), (council, "Council")):
        kept = await desk.office.look("aud.auditor", queries.minute_of, made.decision)
        assert kept is not None
        assert kept.body == body
    assert (await desk.facts())[-1]["covers_to_pence"] is None


async def test_the_same_form_with_another_minute_is_not_the_same_decision(desk: WriteOffOffice) -> None:
    for statement in COUNCIL:
        await desk.office.owner_sql(statement)
    about, form, by = told((line(30_00, 60_000_00),)), uuid4(), minuted()
    await desk.decided("kim.s151", about, await desk.opened(about))
    opened = await desk.opened(about, 2)
    made = await desk.decided("dee.democratic", about, opened, form=form, minute=by)
    assert await desk.decided("dee.democratic", about, opened, form=form, minute=by) == made
    for other in ({"reference": "CAB/2026/119"}, {"met_on": by.met_on - timedelta(days=1)}, {"copy": b"%PDF-1.7 other minutes %%EOF"}):
        with pytest.raises(SameFormOtherContent):
            await desk.decided("dee.democratic", about, opened, form=form, minute=replace(by, **other))


async def test_what_cabinet_decided_covers_no_debtor_who_owes_so_much_that_council_decides(desk: WriteOffOffice) -> None:
    for statement in COUNCIL:
        await desk.office.owner_sql(statement)
    about = told((line(30_00, 60_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    made = await desk.decided("dee.democratic", about, await desk.opened(about, 2), minute=minuted())
    assert made.completes
    assert (await desk.facts())[-1]["covers_to_pence"] == 2_499_999_99


async def test_a_decision_of_members_is_carried_out_by_nobody_who_only_says_so_while_it_can_be_called_in(desk: WriteOffOffice) -> None:
    """Whoever reaches Temporal could say it: then nobody could take it back."""
    about = told((line(30_00, 10_000_00),))
    first = await desk.opened(about)
    with pytest.raises(NothingToCarryOut):
        await closed(desk, first.task, carried_out=True)
    await desk.decided("kim.s151", about, first)
    with pytest.raises(NothingToCarryOut):
        await closed(desk, first.task, carried_out=True)
    second = await desk.opened(about, 2)
    made = await desk.decided("mel.member", about, second)
    for task in (first.task, second.task):
        with pytest.raises(NothingToCarryOut):
            await closed(desk, task, carried_out=True)
    await desk.office.do("mel.member", recall_decision, TakeBack(made.decision, "It is called in"))
    with pytest.raises(NothingToCarryOut):
        await closed(desk, second.task, carried_out=True)
    await closed(desk, second.task, carried_out=False)


@pytest.mark.parametrize("answer", [Answer.DECLINED, Answer.SENT_BACK])
async def test_a_no_or_a_question_after_a_decision_that_can_be_called_in_is_carried_out_at_once(
    desk: WriteOffOffice, answer: Answer
) -> None:
    about = told((line(30_00, 10_000_00),))
    await desk.decided("kim.s151", about, await desk.opened(about))
    await desk.decided("mel.member", about, second := await desk.opened(about, 2), answer)
    await closed(desk, second.task, carried_out=True)
    [done] = [one for one in await desk.office.look("tess.leader", queries.schedule_tasks, still_open=False) if one.row.task == second.task]
    assert done.row.status == "CARRIED_OUT"


async def test_who_decides_by_their_own_authority_records_no_minute(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    with pytest.raises(scheduling.NoMinuteWanted):
        await desk.decided("tess.leader", about, await desk.opened(about), minute=minuted())


async def test_a_carried_out_schedule_closes_its_tasks(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    await desk.decided("tess.leader", about, opened)
    await run(desk.office.runtime, lambda tx: close_task(tx, CloseTask(task=opened.task, carried_out=True)), caller=SYSTEM)
    [done] = await desk.office.look("tess.leader", queries.schedule_tasks, still_open=False)
    assert done.row.status == "CARRIED_OUT"


# --- what writeoffs asks ----------------------------------------------------------------------------------------------------------------


async def ends(desk: WriteOffOffice, schedule: UUID, round_: int = 1) -> UUID | None:
    """The decision that ends the round, as writeoffs is told."""
    made = (await as_told(desk, schedule, round_)).decision
    return made.decision if made is not None else None


async def as_told(desk: WriteOffOffice, schedule: UUID, round_: int = 1) -> RoundDecided:
    asked = RoundAsked(case=schedule, round=round_)
    return await run(desk.office.runtime, lambda tx: round_decided(tx, asked), caller=SYSTEM, read_only=True)


async def test_the_approval_that_completes_ends_a_round_until_it_falls(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 5_000_00),))
    opened = await desk.opened(about)
    await desk.decided("mel.member", about, opened)
    assert await ends(desk, about.schedule) is None, "a second one decides"
    second = await desk.opened(about, 2)
    made = await desk.decided("kim.s151", about, second)
    assert await ends(desk, about.schedule) == made.decision
    assert await ends(desk, about.schedule, 2) is None
    await desk.office.do("kim.s151", recall_decision, TakeBack(made.decision, "It was a slip"))
    assert await ends(desk, about.schedule) is None


async def test_the_ledger_is_told_each_who_approved_a_round_and_when_the_last_of_them_did(desk: WriteOffOffice) -> None:
    about = told((line(30_00, 5_000_00),))
    first = await desk.decided("mel.member", about, await desk.opened(about))
    last = await desk.decided("kim.s151", about, await desk.opened(about, 2))
    seen = [await by_whom(desk, decision) for decision in (first.decision, last.decision, uuid4())]
    assert [one.people for one in seen] == [("mel.member",), ("kim.s151", "mel.member"), ()]
    [kept] = await desk.office.sql("select decided_at from decision where id = $1", last.decision)
    assert (seen[1].decided_at, seen[2].decided_at) == (kept["decided_at"], None)


async def test_by_sql_too_whoever_the_row_names_is_told_to_the_ledger(desk: WriteOffOffice) -> None:
    """Of a hold that was set since its task was opened approvals knows once it asks: nobody asks about a row that is written."""
    about, made = told((line(30_00),)), uuid4()
    opened = await desk.opened(about)
    desk.actors = ("tess.leader",)
    with pytest.raises(eligibility.ParticipantMayNotDecide):
        await desk.decided("tess.leader", about, opened)
    [role] = PEOPLE["tess.leader"]
    await desk.office.sql(
        "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,"
        " authority_id, answer, reason_code, text, carried_out_from) values ($1, $2, $3, 1, 1, 1, 1, $4, $5, 'tess.leader', array[$6],"
        " (select id from authority where policy_id = policy_in_force('write-off') and role = $6 and stage = 1), 'approved',"
        " 'evidence-complete', '', today())",
        made, opened.task, about.schedule, hash_of(about), about.band_pence, role,
    )  # fmt: skip
    assert (await by_whom(desk, made)).people == ("tess.leader",)


async def by_whom(desk: WriteOffOffice, decision: UUID) -> Deciders:
    return await run(desk.office.runtime, lambda tx: who_decided(tx, ReadDecision(decision=decision)), caller=SYSTEM, read_only=True)


@pytest.mark.parametrize(("carried_out", "stands"), [(True, True), (False, False)])
async def test_an_approval_that_was_carried_out_ends_its_round_and_one_that_was_not_does_not(
    desk: WriteOffOffice, carried_out: bool, stands: bool
) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    made = await desk.decided("tess.leader", about, opened)
    closed = CloseTask(task=opened.task, carried_out=carried_out)
    await run(desk.office.runtime, lambda tx: close_task(tx, closed), caller=SYSTEM)
    assert await ends(desk, about.schedule) == (made.decision if stands else None)


@pytest.mark.parametrize(("answer", "stands"), [(Answer.DECLINED, True), (Answer.SENT_BACK, False)])
async def test_a_no_ends_a_round_and_a_question_does_not(desk: WriteOffOffice, answer: Answer, stands: bool) -> None:
    about = told((line(30_00),))
    made = await desk.decided("tess.leader", about, await desk.opened(about), answer)
    assert await ends(desk, about.schedule) == (made.decision if stands else None)


@pytest.mark.parametrize("answer", Answer)
async def test_a_round_is_sent_back_by_a_question_alone_until_that_is_not_carried_out(desk: WriteOffOffice, answer: Answer) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    seen = [await as_told(desk, about.schedule)]
    await desk.decided("tess.leader", about, opened, answer)
    seen.append(await as_told(desk, about.schedule))
    await closed(desk, opened.task, carried_out=True)
    seen.append(await as_told(desk, about.schedule))
    asks = answer is Answer.SENT_BACK
    assert [(one.asked_back, one.fell) for one in seen] == [(False, False), (asks, False), (asks, False)]
    assert not (await as_told(desk, about.schedule, 2)).asked_back


@pytest.mark.parametrize("how", ["recalled", "not carried out"])
async def test_a_round_falls_with_an_approval_of_any_of_its_stages(desk: WriteOffOffice, how: str) -> None:
    about = told((line(30_00, 5_000_00),))
    opened = await desk.opened(about)
    made = await desk.decided("mel.member", about, opened)
    await desk.opened(about, 2)
    assert not (await as_told(desk, about.schedule)).fell
    if how == "recalled":
        await desk.office.do("mel.member", recall_decision, TakeBack(made.decision, "It was a slip"))
    else:
        await closed(desk, opened.task, carried_out=False)
    assert (await as_told(desk, about.schedule)).fell
    assert not (await as_told(desk, about.schedule, 2)).fell


async def test_nothing_is_decided_on_a_schedule_that_was_withdrawn(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    desk.schedules[about.schedule] = about.model_copy(update={"withdrawn": True})
    for answer in Answer:
        with pytest.raises(scheduling.TakenBack, match="took this schedule back"):
            await desk.decided("tess.leader", about, opened, answer)
    assert await desk.facts() == []


# --- what the ledger is told of what came to nothing ------------------------------------------------------------------------------------


async def came_to_nothing(desk: WriteOffOffice) -> list[UUID]:
    """The decisions of which it was told, oldest first, and that facts of a case are told without a gap."""
    told_of = "select body, key, aggregate_version as version, headers ->> 'ce_type' as type from outbox_event order by seq"
    rows = await desk.office.sql(told_of)
    for case in {row["key"] for row in rows}:
        versions = [row["version"] for row in rows if row["key"] == case]
        assert versions == list(range(1, len(versions) + 1))
    return [UUID(json.loads(row["body"])["decision"]) for row in rows if row["type"] == DecisionNotCarriedOut.type]


async def closed(desk: WriteOffOffice, task: UUID, *, carried_out: bool) -> None:
    asked = CloseTask(task=task, carried_out=carried_out, because=None if carried_out else "the schedule was withdrawn")
    await run(desk.office.runtime, lambda tx: close_task(tx, asked), caller=SYSTEM)


async def test_an_approval_that_is_not_carried_out_is_told_as_such(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    made = await desk.decided("tess.leader", about, opened)
    for _ in range(2):
        await closed(desk, opened.task, carried_out=False)
    assert await came_to_nothing(desk) == [made.decision]


@pytest.mark.parametrize("answer", [Answer.DECLINED, Answer.SENT_BACK])
async def test_of_what_was_carried_out_recalled_or_no_approval_nothing_of_the_kind_is_told(desk: WriteOffOffice, answer: Answer) -> None:
    posted, recalled, no = (told((line(30_00),)) for _ in range(3))
    tasks = [await desk.opened(about) for about in (posted, recalled, no)]
    await desk.decided("tess.leader", posted, tasks[0])
    await closed(desk, tasks[0].task, carried_out=True)
    made = await desk.decided("tess.leader", recalled, tasks[1])
    await desk.office.do("tess.leader", recall_decision, TakeBack(made.decision, "It was a slip"))
    await closed(desk, tasks[1].task, carried_out=False)
    await desk.decided("tess.leader", no, tasks[2], answer)
    await closed(desk, tasks[2].task, carried_out=False)
    assert await came_to_nothing(desk) == []


async def test_an_approval_that_a_further_round_overtakes_is_told_as_not_carried_out(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    made = await desk.decided("tess.leader", about, await desk.opened(about))
    await desk.opened(told(about.lines, about.schedule, 2))
    assert await came_to_nothing(desk) == [made.decision]


async def test_an_approval_that_its_story_does_not_take_is_told_as_not_carried_out(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    opened = await desk.opened(about)
    made = await desk.decided("tess.leader", about, opened)
    taken = TakenByTheStory(decision=made.decision, task=opened.task, round=1, content_hash=hash_of(about))
    settled = Settled[TakenByTheStory](
        workflow_id="w", update_id=str(made.decision), argument=taken, settlement=Settlement.CLOSED, rule=None, reason=None
    )
    await run(desk.office.runtime, lambda tx: note_decision_outcome(tx, settled), caller=SYSTEM)
    assert await came_to_nothing(desk) == [made.decision]


async def test_a_line_that_has_left_the_schedule_is_not_let_through(desk: WriteOffOffice) -> None:
    about = told((line(30_00), line(20_00), line(10_00)))
    opened = await desk.opened(about)
    dropped, excepted, left = about.lines
    desk.schedules[about.schedule] = about.model_copy(update={"gone": (dropped.line,)})
    with pytest.raises(scheduling.NothingLeft):
        await desk.decided("tess.leader", about, opened, excepted={one.line: "may-be-recovered" for one in (excepted, left)})
    await desk.decided("tess.leader", about, opened, excepted={excepted.line: "may-be-recovered"})
    [fact] = await desk.facts()
    assert [UUID(one["line"]) for one in fact["lines"]] == [left.line]
    assert [UUID(one) for one in fact["excepted"]] == [excepted.line]


async def test_a_decision_on_a_schedule_is_told_as_it_was_made(desk: WriteOffOffice) -> None:
    """By a row as the role that runs the service, whatever a use case would say."""
    about = told((line(30_00), line(20_00)))
    left_out, kept = about.lines
    await desk.decided("tess.leader", about, await desk.opened(about), excepted={left_out.line: "may-be-recovered"})
    fact = WriteOffDecided.model_validate((await desk.facts())[0])
    strange = {"line": str(uuid4()), "content_hash": kept.content_hash}
    changed = {"line": str(kept.line), "content_hash": left_out.content_hash}
    excepted = {"line": str(left_out.line), "content_hash": left_out.content_hash}
    for lines in ([strange], [changed], [excepted]):
        await _untold(desk, fact, lines=lines)
    changes: dict[str, object] = {
        "excepted": [], "covers_to_pence": None, "carried_out_from": "2026-01-01", "stage": 2, "decision": str(uuid4()),
    }  # fmt: skip
    for name, value in changes.items():
        await _untold(desk, fact, **{name: value})
    await desk.office.tell(fact)
    await desk.office.tell(fact, lines=[])


async def test_lines_of_a_schedule_that_was_declined_are_not_told_as_let_through(desk: WriteOffOffice) -> None:
    about = told((line(30_00),))
    await desk.decided("tess.leader", about, await desk.opened(about), Answer.DECLINED)
    fact = WriteOffDecided.model_validate((await desk.facts())[0])
    [one] = about.lines
    await _untold(desk, fact, lines=[{"line": str(one.line), "content_hash": one.content_hash}])


async def _untold(desk: WriteOffOffice, fact: WriteOffDecided, **other: Any) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await desk.office.tell(fact, **other)
    assert error.value.constraint_name == "a_fact_says_what_its_row_says"
