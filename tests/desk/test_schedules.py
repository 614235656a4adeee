"""The task about a schedule at the desk: lines left out each with its reason, the three answers, and the minute of a body."""

import asyncio
import io
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from approvals import queries
from approvals.domain.forms import AnswerSchedule, BeAway, Minute
from approvals.domain.reasons import of_kind
from approvals.domain.scheduling import EXCEPTION_REASONS
from approvals.use_cases.be_away import be_away
from approvals.use_cases.close_task import close_task
from approvals.use_cases.decide_schedule import decide_schedule
from approvals.web import wording
from approvals.web.made_of import made_of
from approvals.web.pages.schedule_task import each_once
from approvals.web.sessions import Person
from chassis.transaction import run
from playwright.async_api import Browser
from pydantic import BaseModel
from python_calamine import CalamineWorkbook
from rentbook_contracts.approvals import Answer, CloseTask
from rentbook_contracts.ledger import ACTORS_BEHIND, DEBTS_FOR_WRITE_OFF, ActorsAsked, ActorsFound, DebtsRead, LineKind
from rentbook_contracts.writeoffs import (
    PROPOSAL_PAGE,
    PROPOSALS,
    SCHEDULE_TO_DECIDE,
    SCHEDULES,
    ProposalAsked,
    ProposalEvent,
    Proposals,
    ProposalsAsked,
    ProposalStatus,
    ScheduleAsked,
    Schedules,
    SchedulesAsked,
    ScheduleStatus,
)
from support.write_off_office import COUNCIL

from desk import debts, estate
from desk.conftest import PEOPLE, Place, at_the_desk
from desk.visitor import Visitor, visiting

FIRST, SECOND, THIRD = (estate.an_id(f"line {at}") for at in range(3))
FIRST_DEBT = estate.IVANOVA.account
APPROVE = {"answer": "approved", "reason_code": "approved:evidence-complete"}


async def excepted(place: Place, schedule: UUID = debts.SCHEDULE) -> dict[UUID, str]:
    return dict(await run(place.runtime, lambda tx: queries.excepted(tx, schedule, 1, 2)))


async def test_a_schedule_is_approved_with_an_exception(place: Place) -> None:
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager:
        said = await manager.read("/write-offs/schedules")
        assert "Waits for a decision" in said
        assert "You may decide it" in said
        said = await manager.read(f"/tasks/{task}")
        assert "your limit for one debtor is £4,999.99" in said
        said = await manager.send(f"/tasks/{task}/decision", **{**APPROVE, f"except-{SECOND}": "may-be-recovered"})
        assert "Your decision is recorded." in said
        assert "Approved by you" in said
    assert await excepted(place) == {SECOND: "may-be-recovered"}


async def test_a_schedule_that_waits_is_listed_with_what_is_still_on_it(place: Place) -> None:
    await place.schedule_task()
    [row] = debts.schedules(SchedulesAsked(schedules=(debts.SCHEDULE,))).schedules
    fewer = row.model_copy(update={"left_lines": 2, "left_pence": 804_20, "dropped": 1})
    async with visiting(place, "ella") as manager:
        for page, words in (("/work?view=everyone", "Write off £1,206.30, 3 lines"), ("/write-offs/schedules", "3 lines, £1,206.30")):
            place.peers.answers["/queries/schedules"] = lambda _: Schedules(schedules=(row,))
            said = await manager.read(page)
            assert words in said
            assert "dropped" not in said
            place.peers.answers["/queries/schedules"] = lambda _: Schedules(schedules=(fewer,))
            said = await manager.read(page)
            assert words.replace("3 lines", "2 lines").replace("£1,206.30", "£804.20") in said
            assert "1 line dropped" in said
        assert "2of 3, 1 dropped" in said
        assert "£804.20of £1,206.30" in said
        place.peers.silent.add("writeoffs")
        assert "Write off £1,206.30, 3 lines" in await manager.read("/work?view=everyone")


async def test_the_totals_follow_what_is_left_out_and_nothing_is_decided(place: Place) -> None:
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager:
        assert "£1,206.30" in await manager.read(f"/tasks/{task}")
        said = await manager.send(f"/tasks/{task}/decision", then="totals", **{f"except-{FIRST}": "other"})
        assert "without the 1 line that you leave out" in said
        assert "£804.20" in said
        assert manager.typed(f"except-{FIRST}") == "other"
    assert await excepted(place) == {}


async def test_whoever_decides_sees_what_each_total_is_made_of_and_whether_it_has_grown(place: Place) -> None:
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        for words in ("This account£402.10 behind£402.10", "Oldfield£55.50 behind£55.50", "Debtor’s total£487.60"):
            assert words in said
        grown = debts.facts(FIRST_DEBT).model_copy(update={"balance_pence": 412_10})
        place.peers.answers[f"/queries/{DEBTS_FOR_WRITE_OFF.name}"] = lambda _: DebtsRead(debts=(grown,))
        said = await manager.read(f"/tasks/{task}")
        assert "Debtor’s total today£497.60" in said
        assert "It was £487.60 when the line was listed. If it is then above what this decision covers" in said


def test_what_the_total_of_a_debtor_with_two_lines_is_made_of_is_told_once() -> None:
    first, second, third = (estate.an_id(f"line {at}") for at in range(3))
    own, other = (made_of(LineKind.WRITE_OFF, debts.facts(account))[:1] for account in (estate.IVANOVA.account, estate.NGUYEN.account))
    assert each_once({first: [*own, *other], second: [*other, *own], third: own}) == {first: [*own, *other], third: own}


async def test_whoever_decides_sees_the_evidence_of_each_line_where_it_stands(place: Place) -> None:
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        assert f"Evidence, complete on {wording.short_day(estate.NOW - timedelta(days=3))}" in said
        assert said.count("Tracing attempts at different sources: shown on 23 June 2026") == 3


async def test_whoever_stands_behind_a_debt_since_the_task_was_opened_reads_that_they_cannot_decide(place: Place) -> None:
    task = await place.schedule_task()
    place.peers.answers[f"/queries/{ACTORS_BEHIND.name}"] = lambda _: ActorsFound(actors=("ella.manager",))
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        assert "Why can’t I decide this?" in said
        assert "You had a hand in an entry behind the credit or the debt, or in a hold" in said
        assert "Record my decision" not in said


async def test_whoever_touched_another_proposal_of_the_same_people_since_reads_that_they_cannot_decide(place: Place) -> None:
    task = await place.schedule_task()
    told = debts.to_decide(debts.SCHEDULE, 487_60)
    since = told.model_copy(update={"participants": (*told.participants, "ella.manager")})
    place.peers.answers[f"/queries/{SCHEDULE_TO_DECIDE.name}"] = lambda _: since
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        assert "Why can’t I decide this?" in said
        assert "You took part in this case, or in another about the same people, as was seen" in said
        assert "Record my decision" not in said


async def test_whoever_may_not_decide_for_one_debt_reads_whose_it_is_and_that_leaving_it_out_does_not_help(place: Place) -> None:
    task = await place.schedule_task()

    def behind(asked: BaseModel) -> ActorsFound:
        assert isinstance(asked, ActorsAsked)
        return ActorsFound(actors=("ella.manager",) if estate.NGUYEN.account in asked.accounts else ())

    place.peers.answers[f"/queries/{ACTORS_BEHIND.name}"] = behind
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        names = ", ".join(estate.NGUYEN.names[:1])
        assert f"You stand behind {names}" in said
        assert f"You stand behind {estate.IVANOVA.names[0]}" not in said
        assert "Leaving it out would not help" in said
    async with visiting(place, "kirsi") as other:
        said = await other.read(f"/tasks/{task}")
        assert "You stand behind" not in said
        assert "Ella Kim had a hand in an entry behind the credit or the debt" in said


def stand(place: Place, *standings: str) -> None:
    """The lines of the schedule as writeoffs tells them now; what is not said goes on being listed."""
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    moved = [
        line.model_copy(
            update={
                "standing": standing,
                "because": MOVED if standing == "dropped" else None,
                "journal": debts.WRITTEN_OFF if standing == "posted" else None,
            }
        )
        for line, standing in zip(page.lines, (*standings, "listed", "listed")[: len(page.lines)], strict=True)
    ]
    place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update={"lines": tuple(moved)})


MOVED = "What is owed on the account has changed."


async def test_a_line_that_dropped_is_shown_so_and_counted_nowhere(place: Place) -> None:
    task = await place.schedule_task()
    stand(place, "dropped")
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        assert "2 lines, £804.20, of 3 lines that were put forward" in said
        assert f"Dropped{MOVED}" in said
        assert "Dropped£402.10 1 line" in said
        assert f"except-{FIRST}" not in manager.fields(f"/tasks/{task}/decision")
        assert f"except-{SECOND}" in manager.fields(f"/tasks/{task}/decision")
        assert "Together2£804.20" in said
        said = await manager.send(f"/tasks/{task}/decision", then="totals", **{f"except-{SECOND}": "wrong-amount"})
        assert "Together1£402.10" in said


async def test_after_the_decision_the_task_says_what_was_posted_and_what_was_not(place: Place) -> None:
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager:
        await manager.read(f"/tasks/{task}")
        said = await manager.send(f"/tasks/{task}/decision", **{**APPROVE, f"except-{THIRD}": "may-be-recovered"})
        assert "2 lines, £804.20, of 3 lines that were put forward" in said
        stand(place, "dropped", "posted", "excepted")
        said = await manager.read(f"/tasks/{task}")
        assert "1 line, £402.10, of 3 lines that were put forward" in said
        assert "What was let through" not in said
        assert "What became of the lines" in said
        for words in ("Put forward£1,206.30 3 lines", "Posted£402.10 1 line", "Dropped£402.10 1 line", "Left out£402.10 1 line"):
            assert words in said


async def test_whoever_answers_in_two_tabs_at_once_is_shown_the_decision_in_the_other_and_no_form(place: Place) -> None:
    task = await place.schedule_task()
    action = f"/tasks/{task}/decision"
    declined = {"answer": "declined", "reason_code": "declined:may-be-recovered", "text": "Paid lately"}
    async with visiting(place, "ella") as one, visiting(place, "ella") as other:
        forms = []
        for tab, answer in ((one, APPROVE), (other, declined)):
            await tab.read(f"/tasks/{task}")
            forms.append(tab.http.post(action, data={**tab.fields(action), **answer}, headers={"origin": tab.origin}))
        [lost] = [answer for answer in await asyncio.gather(*forms) if answer.status_code == 422]
    said = lost.text
    assert "You approved this" in said or "You declined this" in said
    assert "3 lines, £1,206.30" in said
    assert "Decision: " in said
    for words in ("Decide: ", "working days left", "No line is left", "Why can’t I decide this?"):
        assert words not in said


async def test_where_every_line_dropped_there_is_nothing_to_decide(place: Place) -> None:
    task = await place.schedule_task()
    stand(place, "dropped", "dropped", "dropped")
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        assert "No line is left to decide." in said
        assert "Record my decision" not in said


async def test_a_schedule_that_ends_without_a_line_says_so_and_not_that_its_approval_was_carried_out(place: Place) -> None:
    await place.everyone_known()
    task, schedule = await place.schedule_task(), f"/write-offs/schedules/{debts.SCHEDULE}"
    async with visiting(place, "ella") as manager:
        await manager.read(f"/tasks/{task}")
        await manager.send(f"/tasks/{task}/decision", **APPROVE)
        await run(place.runtime, lambda tx: close_task(tx, CloseTask(task=task, carried_out=True)))
        assert ", carried out" in await manager.read(schedule)
        stand(place, "dropped", "dropped", "dropped")
        page = place.peers.answers["/queries/schedule-page"](ScheduleAsked(schedule=debts.SCHEDULE))
        place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update={"status": ScheduleStatus.EMPTY})
        for path in (schedule, f"/tasks/{task}"):
            said = await manager.read(path)
            assert ", carried out" not in said, path
            assert "decision was carried out" not in said.lower(), path
            assert "no line was left to post" in said, path
        made = (await manager.http.get(f"{schedule}.xlsx")).content
    [_, row] = CalamineWorkbook.from_filelike(io.BytesIO(made)).get_sheet_by_name("Decisions").to_python()
    assert row[2] == "Approved; no line was left to post"


async def test_where_only_what_the_stage_before_left_out_still_stands_it_is_answered_all_the_same(place: Place) -> None:
    await place.everyone_known()
    first = await place.schedule_task(band_pence=50_000_00)
    async with visiting(place, "kirsi") as officer:
        await officer.read(f"/tasks/{first}")
        await officer.send(f"/tasks/{first}/decision", **{**APPROVE, f"except-{FIRST}": "wrong-amount"})
    second = await place.schedule_task(band_pence=50_000_00, stage=2)
    stand(place, "listed", "dropped", "dropped")
    async with visiting(place, "mabel") as recorder:
        said = await recorder.read(f"/tasks/{second}")
        assert "No line is left to approve." in said
        assert "A line goes through" not in said
        back = {"answer": "sent-back", "reason_code": "sent-back:line-unclear", "text": "Which amount?", "question_to": "ben.officer"}
        assert "Your decision is recorded." in await recorder.send(f"/tasks/{second}/decision", **back)


async def test_what_is_wrong_with_an_answer_is_said_and_what_was_chosen_stays(place: Place) -> None:
    task = await place.schedule_task()
    action = f"/tasks/{task}/decision"
    async with visiting(place, "ella") as manager:
        await manager.read(f"/tasks/{task}")
        await manager.send(action, 422)
        assert manager.summary() == {"#answer": "Choose your answer", "#reason_code": "Choose a reason"}
        every = {f"except-{line}": "other" for line in (FIRST, SECOND, THIRD)}
        assert "decline the schedule instead" in await manager.send(action, 422, **{**APPROVE, **every})
        declined = {"answer": "declined", "reason_code": "declined:may-be-recovered", "text": "Paid lately"}
        assert "Lines are left out of an approval" in await manager.send(action, 422, **declined)
        assert manager.typed(f"except-{THIRD}") == "other"
    assert await excepted(place) == {}


async def test_whoever_may_not_decide_is_told_why(place: Place) -> None:
    task = await place.schedule_task()
    async with visiting(place, "dev") as leader:
        said = await leader.read(f"/tasks/{task}")
        assert "Why can’t I decide this?" in said
        assert "Record my decision" not in said
        await _sent_anyway(leader, task)
    assert await run(place.runtime, lambda tx: queries.task_page(tx, task)) is not None
    assert await excepted(place) == {}


async def _sent_anyway(visitor: Visitor, task: UUID) -> None:
    keys = {name: visitor.fields("/sign-out")[name] for name in ("csrf",)} | {"form_id": str(estate.an_id("sent anyway"))}
    hash_ = debts.hash_of(debts.to_decide(debts.SCHEDULE))
    await visitor.post(f"/tasks/{task}/decision", {**keys, **APPROVE, "content_hash": hash_, f"except-{FIRST}": "other"}, 422)


async def test_lines_that_changed_cannot_be_decided(place: Place) -> None:
    task = await place.schedule_task()
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    moved = page.model_copy(update={"lines": (page.lines[0].model_copy(update={"content_hash": "f" * 64}), *page.lines[1:])})
    place.peers.answers["/queries/schedule-page"] = lambda _: moved
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        assert "The lines have changed since this task was opened" in said
        assert "Record my decision" not in said


async def test_what_cabinet_decided_is_recorded_with_its_minute(place: Place) -> None:
    first = await place.schedule_task(band_pence=50_000_00)
    async with visiting(place, "kirsi") as officer:
        await officer.read(f"/tasks/{first}")
        await officer.send(f"/tasks/{first}/decision", **APPROVE)
    second = await place.schedule_task(band_pence=50_000_00, stage=2)
    action = f"/tasks/{second}/decision"
    async with visiting(place, "mabel") as recorder:
        assert "You record what Cabinet decided" in await recorder.read(f"/tasks/{second}")
        await recorder.send(action, 422, **APPROVE)
        assert list(recorder.summary()) == ["#minute_reference"]
        minute = {"minute_reference": "CAB/2026/118", "met_on": f"{estate.TODAY:%d/%m/%Y}"}
        await recorder.send(action, 422, **APPROVE, **minute)
        assert list(recorder.summary()) == ["#minute_copy"]
        copy = b"%PDF-1.7 the minute %%EOF"
        said = await recorder.send_with_file(action, "minute_copy", ("minute.pdf", copy), **APPROVE, **minute)
        assert "minute CAB/2026/118" in said
        [path] = [link for link in recorder.page.xpath("//a/@href") if link.endswith("/minute.pdf")]  # type: ignore[union-attr]
        answer = await recorder.http.get(path)
        assert (answer.content, answer.headers["content-type"]) == (copy, "application/pdf")


async def test_what_council_decided_after_cabinet_is_recorded_with_a_minute_of_its_own_and_by_somebody_else(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would cause a deficit goes on to Council (domain.md 5.1); who recorded for Cabinet is told why they may not go on."""
    monkeypatch.setitem(PEOPLE, "dai", Person("dai.democratic", "Dai Rees", frozenset({"democratic-services"})))
    owner = await asyncpg.connect(place.owner_dsn)
    for statement in COUNCIL:
        await owner.execute(statement)
    await owner.close()
    bodies = {
        "Cabinet": ("mabel", "CAB/2026/118", b"%PDF-1.7 the minute of Cabinet %%EOF"),
        "Council": ("dai", "CL/2026/41", b"%PDF-1.7 the minute of Council %%EOF"),
    }
    first = await place.schedule_task(band_pence=2_500_000_00)
    async with visiting(place, "kirsi") as officer:
        await officer.read(f"/tasks/{first}")
        assert "decision 2 of 3 is awaited" in await officer.send(f"/tasks/{first}/decision", **APPROVE)
    for stage, (body, (who, reference, copy)) in enumerate(bodies.items(), start=2):
        task = await place.schedule_task(band_pence=2_500_000_00, stage=stage)
        action, minute = f"/tasks/{task}/decision", {"minute_reference": reference, "met_on": f"{estate.TODAY:%d/%m/%Y}"}
        if body == "Council":
            async with visiting(place, "mabel") as clerk:
                said = await clerk.read(f"/tasks/{task}")
                assert "Why can’t I decide this?" in said
                assert "Record my decision" not in said
        async with visiting(place, who) as recorder:
            assert f"You record what {body} decided" in await recorder.read(f"/tasks/{task}")
            await recorder.send(action, 422, **APPROVE)
            assert list(recorder.summary()) == ["#minute_reference"]
            await recorder.send(action, 422, **APPROVE, **minute)
            assert list(recorder.summary()) == ["#minute_copy"]
            said = await recorder.send_with_file(action, "minute_copy", ("minute.pdf", copy), **APPROVE, **minute)
            assert f"Decided by {body} on {wording.day(estate.TODAY)}, minute {reference}." in said
            assert ("being carried out" in said) == (body == "Council")
    async with visiting(place, "hugo") as auditor:
        said = await auditor.read(f"/write-offs/schedules/{debts.SCHEDULE}")
        assert said.index("minute CL/2026/41") < said.index("minute CAB/2026/118")
        paths = [path for path in auditor.page.xpath("//a/@href") if path.endswith("/minute.pdf")]  # type: ignore[union-attr]
        kept = [(await auditor.http.get(path)).content for path in paths]
    assert kept == [copy for _, _, copy in reversed(bodies.values())]


async def test_a_schedule_waits_on_work_and_is_claimed_assigned_and_spoken_about_there(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager, visiting(place, "asha") as officer:
        said = await manager.read("/work")
        assert "Write off £1,206.30, 3 lines: Former tenants, quarter 3" in said
        assert "highest debtor’s total £487.60" in said
        said = await manager.send(f"/tasks/{task}/claim")
        assert "You have claimed this task" in said
        assert "claimed by Ella Kim" in await officer.read("/work?view=everyone&kind=write-off")
        await officer.read(f"/tasks/{task}")
        said = await officer.send(f"/tasks/{task}/comments", comment="The third line is under query")
        assert "The third line is under query" in said
        assert "Who has touched the case" in said
        await manager.read(f"/tasks/{task}")
        assert "You have released this task" in await manager.send(f"/tasks/{task}/release")
        await officer.read(f"/tasks/{task}")
        assert "The task is assigned" in await officer.send(f"/tasks/{task}/assign", to="ella.manager")
        said = await manager.read(f"/tasks/{task}")
        assert "Assigned to you." in said
        assert "Changed since you last looked" in said
        assert "Former tenants, quarter 3" not in await manager.read("/work?view=everyone&kind=refund")


async def test_an_approved_schedule_is_recalled_from_its_task(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager:
        await manager.read(f"/tasks/{task}")
        await manager.send(f"/tasks/{task}/decision", **APPROVE)
        assert "approval" not in await manager.read("/work")
        assert "Write off £1,206.30" in await manager.read("/work?view=decided")
        await manager.read(f"/tasks/{task}")
        [action] = [one.get("action") for one in manager.page.forms if one.get("action").endswith("/recall")]  # type: ignore[union-attr]
        await manager.send(action, 422)
        assert manager.summary() == {"#recall_text": "Write down why you recall it"}
        assert "Nothing more is posted on it" in await manager.send(action, recall_text="She was traced")


async def test_a_schedule_and_its_report_say_who_called_it_in_and_why(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    schedule = f"/write-offs/schedules/{debts.SCHEDULE}"
    async with visiting(place, "ella") as manager:
        await manager.read(f"/tasks/{task}")
        await manager.send(f"/tasks/{task}/decision", **APPROVE)
        [action] = [one.get("action") for one in manager.page.forms if one.get("action").endswith("/recall")]  # type: ignore[union-attr]
        await manager.send(action, recall_text="Called in by Overview and Scrutiny")
        assert "“Called in by Overview and Scrutiny”" in await manager.read(schedule)
        made = (await manager.http.get(f"{schedule}.xlsx")).content
    [_, row] = CalamineWorkbook.from_filelike(io.BytesIO(made)).get_sheet_by_name("Decisions").to_python()
    decided, _, answer, *_ = map(str, row)
    assert decided.endswith("round 1")
    assert answer.startswith("Approved, recalled by Ella Kim on")
    assert answer.endswith("Called in by Overview and Scrutiny")


async def test_the_account_and_the_proposal_say_whose_decision_waits_out_its_call_in_and_until_when(place: Place) -> None:
    await place.everyone_known()
    task = await place.put_to("mabel")
    minute = Minute("CAB/2026/118", estate.TODAY, b"%PDF-1.7 the minute of Cabinet %%EOF")
    about = debts.to_decide(debts.SCHEDULE, 50_000_00)
    await place.does(
        "mabel", decide_schedule, AnswerSchedule(task, debts.hash_of(about), Answer.APPROVED, "evidence-complete", "", None, {}, minute)
    )
    account = f"/accounts/{estate.IVANOVA.account}"
    async with visiting(place, "asha") as officer:
        assert "is proposed" not in await officer.read(account)
        listed = {"status": ProposalStatus.ON_SCHEDULE, "schedule": debts.SCHEDULE}
        row = debts.proposals(ProposalsAsked()).proposals[0].model_copy(update=listed)
        place.peers.answers[f"/queries/{PROPOSALS.name}"] = lambda _: Proposals(proposals=(row,), in_all=1, total_pence=row.amount_pence)
        said = await officer.read(account)
        assert "It is on a schedule: with whoever decides." in said
        assert "may call in" not in said
        [one] = debts.schedules(SchedulesAsked(schedules=(debts.SCHEDULE,))).schedules
        waits = Schedules(schedules=(one.model_copy(update={"status": ScheduleStatus.CALL_IN}),))
        place.peers.answers[f"/queries/{SCHEDULES.name}"] = lambda _: waits
        said = await officer.read(account)
        day = await run(place.runtime, lambda tx: queries.latest_carried_out_from(tx, debts.SCHEDULE, 1))
        assert "It is on a schedule: decided, in its call-in time." in said
        assert "This is the decision of Cabinet, minute CAB/2026/118, which members may call in." in said
        assert f"It is posted on {wording.day(day)}, unless it is called in before" in said
        assert "Propose to write this debt off" not in said
        page = debts.proposal_page(ProposalAsked(proposal=debts.READY)).model_copy(update=listed)
        place.peers.answers[f"/queries/{PROPOSAL_PAGE.name}"] = lambda _: page
        assert f"posted on {wording.day(day)}, unless it is called in before" in await officer.read("/write-offs/schedules")
        said = await officer.read(f"/write-offs/{debts.READY}")
        assert "put on a schedule: decided, in its call-in time." in said
        assert f"It is posted on {wording.day(day)}, unless it is called in before." in said


async def test_a_question_about_a_schedule_leads_to_its_answer(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    back = {"answer": "sent-back", "reason_code": "sent-back:line-unclear", "text": "Which flat?", "question_to": "ben.officer"}
    async with visiting(place, "ella") as manager, visiting(place, "ben") as officer:
        await manager.read(f"/tasks/{task}")
        await manager.send(f"/tasks/{task}/decision", **back)
        assert "A question for you" in await officer.read("/work")
        assert f"/write-offs/schedules/{debts.SCHEDULE}" in officer.page.xpath("//a/@href")  # type: ignore[union-attr]


async def test_the_schedule_shows_the_question_and_why_it_was_declined_in_words(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager, visiting(place, "asha") as officer:
        assert f'href="/tasks/{task}"' in (await manager.http.get(f"/write-offs/schedules/{debts.SCHEDULE}")).text
        await manager.read(f"/tasks/{task}")
        asked = {"answer": "sent-back", "reason_code": "sent-back:line-unclear", "text": "Which prison?", "question_to": "asha.officer"}
        await manager.send(f"/tasks/{task}/decision", **asked)
        page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
        at = page.events[0].at
        events = tuple(ProposalEvent(at=at, by="system", what=what, note=note) for what, note in STORY)
        changed = {"status": ScheduleStatus.DECLINED, "status_note": "may-be-recovered", "events": events}
        place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update=changed)
        said = await officer.read(f"/write-offs/schedules/{debts.SCHEDULE}")
        assert "Sent back by Ella Kim" in said
        assert "“Which prison?”" in said
        assert "Declined The debts may still be recovered" in said
        for words in ("Sent back with a question", "Decided, in its call-in time", "A line was dropped", "The debt is disputed."):
            assert words in said
        assert "may-be-recovered" not in said
        assert "sent-back" not in said


async def test_whoever_asked_finds_the_answer_on_the_task_of_the_next_round(place: Place) -> None:
    task = await place.schedule_task()
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    answered = ProposalEvent(at=datetime.now(UTC) + timedelta(minutes=1), by="asha.officer", what="the question was answered", note="Both")
    place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update={"events": (*page.events, answered)})
    async with visiting(place, "ella") as manager:
        said = await manager.read(f"/tasks/{task}")
        assert "The question was answered" in said
        assert "Changed since you last looked" not in said
        assert "The question was answered: “Both”" in await manager.read(f"/tasks/{task}")


STORY = (
    ("now sent-back", ""), ("now call-in", ""), ("a line was dropped", "The debt is disputed."), ("now declined", "may-be-recovered"),
)  # fmt: skip


async def test_a_line_that_was_left_out_says_why_on_its_schedule_and_on_its_proposal(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager, visiting(place, "asha") as officer:
        await manager.read(f"/tasks/{task}")
        await manager.send(f"/tasks/{task}/decision", **{**APPROVE, f"except-{SECOND}": "wrong-amount"})
        page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
        out = page.lines[1].model_copy(update={"standing": "excepted", "because": "Left out: look at it again."})
        place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update={"lines": (page.lines[0], out)})
        assert "Left outThe amount is not right" in await officer.read(f"/write-offs/schedules/{debts.SCHEDULE}")
        blocked = debts.proposal_page(ProposalAsked(proposal=debts.BLOCKED)).model_copy(update={"proposal": SECOND})
        left_out = blocked.model_copy(update={"left_out": True})
        place.peers.answers["/queries/proposal-page"] = lambda _: left_out
        assert "Left out of its last schedule by Ella Kim" in await officer.read(f"/write-offs/{SECOND}")
        # Somebody confirmed it, and something else stands in its way by now.
        place.peers.answers["/queries/proposal-page"] = lambda _: blocked
        said = await officer.read(f"/write-offs/{SECOND}")
        assert "Left out of its last schedule" not in said
        assert "Go on with the balance as it is now" in said


async def test_the_words_in_which_a_line_was_left_out_reach_whoever_proposed_it(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    async with visiting(place, "ella") as manager, visiting(place, "asha") as officer:
        await manager.read(f"/tasks/{task}")
        await manager.send(f"/tasks/{task}/decision", **{**APPROVE, f"except-{SECOND}": "other", "text": "Ask her sister first"})
        blocked = debts.proposal_page(ProposalAsked(proposal=debts.BLOCKED)).model_copy(update={"proposal": SECOND, "left_out": True})
        place.peers.answers["/queries/proposal-page"] = lambda _: blocked
        said = await officer.read(f"/write-offs/{SECOND}")
        assert f"Left out of its last schedule by Ella Kim on {wording.day(estate.TODAY)}: another reason." in said
        assert "Ask her sister first" in said
        assert "Confirm it, and go on without further evidence" in said
        assert "Go on with the balance as it is now" not in said


async def test_a_line_is_left_out_and_a_schedule_declined_for_reasons_that_fit_what_it_is_of(place: Place) -> None:
    async with visiting(place, "ella") as manager:
        debt = await manager.read(f"/tasks/{await place.schedule_task()}")
        credit = await manager.read(f"/tasks/{await place.schedule_task(debts.SENT_BACK, kind=LineKind.CREDIT_WRITE_ON)}")
    of_a_debt = ("It may still be recovered", "The debts may still be recovered")
    of_a_credit = ("Its owner may still be found", "Whoever the credits belong to may still be found")
    assert [words for words in (*of_a_debt, *of_a_credit) if words in debt] == [*of_a_debt]
    assert [words for words in (*of_a_debt, *of_a_credit) if words in credit] == [*of_a_credit]
    assert set(EXCEPTION_REASONS) - set(of_kind(EXCEPTION_REASONS, LineKind.REINSTATEMENT)) == {"may-be-recovered", "owner-may-be-found"}


@pytest.mark.parametrize(("made", "says"), [(100, False), (101, True)])
async def test_of_many_schedules_the_newest_are_shown_and_the_page_says_so(place: Place, made: int, says: bool) -> None:
    [one, *_] = debts.schedules(SchedulesAsked()).schedules
    place.peers.answers[f"/queries/{SCHEDULES.name}"] = lambda asked: Schedules(schedules=((one,) * made)[: asked.limit])
    async with visiting(place, "asha") as visitor:
        said = await visitor.read("/write-offs/schedules")
        assert visitor.page is not None
        assert len(visitor.page.xpath("//tbody/tr")) == 100
    assert ("The newest 100 are shown." in said) is says


CUT_OFF = """
() => [...document.querySelectorAll("[name^=except-]")].flatMap((one) => {
  const whole = one.cloneNode(true);
  whole.style.cssText = "position: absolute; width: auto; min-width: 0";
  one.after(whole);
  const cut = whole.offsetWidth > one.offsetWidth ? [`${one.name}: ${one.offsetWidth} of ${whole.offsetWidth}`] : [];
  whole.remove();
  return cut;
})
"""
"""The choices with a word that is wider than they are."""


@pytest.mark.parametrize("width", [1280, 390])
async def test_no_reason_to_leave_a_line_out_is_cut_off(place: Place, browser: Browser, width: int) -> None:
    task = await place.schedule_task()
    async with at_the_desk(browser, place, "ella", viewport={"width": width, "height": 900}) as context:
        page = await context.new_page()
        await page.goto(f"/tasks/{task}")
        assert await page.locator("[name^=except-]").count() == 3
        assert await page.evaluate(CUT_OFF) == []
        assert await page.locator(".desk-scroll").first.evaluate("(one) => one.scrollWidth <= one.clientWidth")


async def test_each_column_of_a_schedules_task_goes_on_right_under_what_stands_in_it(place: Place, browser: Browser) -> None:
    """However long the lines are beside the answer."""
    task = await place.schedule_task()
    async with at_the_desk(browser, place, "ella", viewport={"width": 1280, "height": 900}) as context:
        page = await context.new_page()
        await page.goto(f"/tasks/{task}")
        await page.locator("#lines").evaluate("(one) => { one.style.paddingBottom = '900px' }")
        boxes = [await page.locator(part).bounding_box() for part in ("#decision-state", "[aria-labelledby=whose]", "#comments")]
        answer, whose, comments = (box for box in boxes if box is not None)
        assert 0 <= whose["y"] - answer["y"] - answer["height"] < 40
        assert whose["y"] < comments["y"]


async def test_a_schedule_of_credits_speaks_of_no_debtor(place: Place) -> None:
    task = await place.schedule_task(kind=LineKind.CREDIT_WRITE_ON)
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE)).model_copy(update={"kind": LineKind.CREDIT_WRITE_ON})
    place.peers.answers["/queries/schedule-page"] = lambda _: page
    async with visiting(place, "ella") as manager:
        for address in (f"/tasks/{task}", f"/write-offs/schedules/{debts.SCHEDULE}", "/write-offs/schedules"):
            assert "highest credit in all" in (said := await manager.read(address)).lower()
            assert "debtor" not in said.lower()


async def test_a_line_that_names_its_charges_counts_none_of_them(place: Place) -> None:
    """A charge of one week has an element of each kind: the proposal lists more of them than the line names."""
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    named = page.lines[0].model_copy(update={"named": 7})
    place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update={"lines": (named,)})
    async with visiting(place, "asha") as officer:
        said = await officer.read(f"/write-offs/schedules/{debts.SCHEDULE}")
    assert "Of the charges that it names, and no others." in said
    assert "7 charges" not in said


async def test_a_schedule_that_was_just_taken_back_waits_for_nobody(place: Place) -> None:
    await place.schedule_task()
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    async with visiting(place, "asha") as officer:
        said = await officer.read(f"/write-offs/schedules/{debts.SCHEDULE}")
        assert "With whoever decides" in said
        assert "It waits for" in said
        events = (*page.events, ProposalEvent(at=datetime.now(UTC), what="withdrawn", by="asha.officer", note="Too soon"))
        place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update={"events": events})
        said = await officer.read(f"/write-offs/schedules/{debts.SCHEDULE}")
        assert "Being taken back Nobody decides it any more." in said
        assert "With whoever decides" not in said
        assert "It waits for" not in said
        assert "Take the whole schedule back" not in said


async def test_a_schedule_of_which_no_line_was_left_gives_no_reason_of_an_approval(place: Place) -> None:
    [row] = debts.schedules(SchedulesAsked(schedules=(debts.SCHEDULE,))).schedules
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    empty = {"status": ScheduleStatus.EMPTY, "status_note": "evidence-complete"}
    place.peers.answers["/queries/schedules"] = lambda _: Schedules(schedules=(row.model_copy(update=empty),))
    place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update=empty)
    async with visiting(place, "asha") as officer:
        for address in ("/write-offs/schedules", f"/write-offs/schedules/{debts.SCHEDULE}"):
            said = await officer.read(address)
            assert "No line was left" in said
            assert "The evidence is complete" not in said


async def test_whoever_is_away_is_not_named_as_who_may_decide(place: Place) -> None:
    await place.everyone_known()
    task = await place.schedule_task()
    async with visiting(place, "asha") as officer:
        assert "Ella Kim" in await officer.read(f"/tasks/{task}")
        await place.does("ella", be_away, BeAway("farid.head", estate.TODAY, estate.TODAY))
        said = await officer.read(f"/tasks/{task}")
        assert officer.page is not None
        [why] = officer.page.xpath("//*[@id='why-not']")
        assert " may." in " ".join(why.text_content().split())
        assert "Ella Kim" not in why.text_content()
        assert "Ella Kim, away" in said


async def test_whoever_decides_goes_on_to_the_next_task_and_at_the_end_to_work(place: Place) -> None:
    first, second = await place.schedule_task(), await place.schedule_task(debts.SENT_BACK)
    async with visiting(place, "ella") as manager:
        await manager.read(f"/tasks/{first}")
        said = await manager.send(f"/tasks/{first}/decision", **APPROVE, then="next")
        assert "Your decision is recorded. This is the next task." in said
        assert "Record it and open the next task" not in said
        assert "Nothing else waits for you" in await manager.send(f"/tasks/{second}/decision", **APPROVE, then="next")


async def test_a_schedule_in_its_call_in_time_says_when_it_is_posted(place: Place) -> None:
    for stage, who in ((1, "kirsi"), (2, "mabel")):
        task = await place.schedule_task(band_pence=50_000_00, stage=stage)
        async with visiting(place, who) as visitor:
            await visitor.read(f"/tasks/{task}")
            if stage == 2:
                minute = {"minute_reference": "CAB/2026/118", "met_on": f"{estate.TODAY:%d/%m/%Y}"}
                copy = ("minute.pdf", b"%PDF-1.7 the minute %%EOF")
                await visitor.send_with_file(f"/tasks/{task}/decision", "minute_copy", copy, **APPROVE, **minute)
            else:
                await visitor.send(f"/tasks/{task}/decision", **APPROVE)
    page = debts.schedule_page(ScheduleAsked(schedule=debts.SCHEDULE))
    place.peers.answers["/queries/schedule-page"] = lambda _: page.model_copy(update={"status": ScheduleStatus.CALL_IN})
    day = await run(place.runtime, lambda tx: queries.latest_carried_out_from(tx, debts.SCHEDULE, 1))
    async with visiting(place, "asha") as officer:
        said = await officer.read(f"/write-offs/schedules/{debts.SCHEDULE}")
        assert f"It is posted on {wording.day(day)}, unless it is called in before." in said
        assert f"posted on {wording.day(day)} unless it is called in before" in said
        assert "This is the decision of Cabinet, minute CAB/2026/118, which members may call in." in said
        assert f"If nobody has by {wording.day(day)}, every line that still stands is posted by itself that morning." in said
        assert said.index("Decision 2 of 2: approved by Cabinet, recorded here") < said.index("Decision 1 of 2: approved")
        assert "decision 2 of 2 followed" in said
        assert "being carried out" not in said
    async with visiting(place, "mabel") as recorder:
        said = await recorder.read(f"/tasks/{task}")
        assert "Recall this approval, or record that it was called in" in said
        assert said.index("Decision 2 of 2: approved") < said.index("Decision 1 of 2: approved")
