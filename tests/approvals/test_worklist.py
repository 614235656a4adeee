"""The worklist: four views, the same filters, and a count that is the count of what is shown."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from approvals import queries, store
from approvals.domain.eligibility import ClaimedByColleague, Part, ReadsOnly
from approvals.domain.forms import AssignTask, OfTask, TakePart, WriteComment
from approvals.domain.tasks import NoSuchTask
from approvals.domain.words import business_date
from approvals.queries import Due, Filters, View
from approvals.use_cases.add_participant import add_participant
from approvals.use_cases.assign import MayNotBeAssigned, assign
from approvals.use_cases.claim import claim
from approvals.use_cases.note_seen import note_seen
from approvals.use_cases.nudge_task import nudge_task
from approvals.use_cases.release_claim import release_claim
from approvals.use_cases.save_view import SaveView, ViewWithoutName, forget_view, save_view
from approvals.use_cases.sweep_sessions import sweep_sessions
from approvals.use_cases.write_comment import CommentSaysNothing, write_comment
from chassis.serving import Tick
from chassis.transaction import run
from rentbook_contracts.approvals import Answer, Lane, NudgeTask
from support.office import PEOPLE, Office


@pytest.fixture
async def staffed(office: Office) -> Office:
    """Everyone has signed in once; the later in the list, the later."""
    begun = datetime.now(UTC) - timedelta(hours=1)
    for number, person in enumerate(PEOPLE):
        await sign_in(office, person, begun + timedelta(minutes=number))
    return office


async def sign_in(office: Office, person: str, at: datetime) -> str:
    who = SimpleNamespace(subject=person, name=f"The {person}", roles=frozenset(PEOPLE[person]))
    key = uuid4().hex
    ends_at = at + timedelta(hours=10)
    session = SimpleNamespace(id_hash=key, person=who, csrf_token="t", created_at=at, last_seen_at=at, ends_at=ends_at, authenticated_at=at)
    await run(office.runtime, lambda tx: store.open_session(tx, session))
    return key


async def shown(office: Office, person: str, view: View, filters: Filters | None = None) -> list[UUID]:
    work = await office.look(person, queries.worklist, view, filters)
    assert work.total == work.counts[view] == len(work.rows)
    return [row.task for row in work.rows]


async def test_mine_is_what_waits_for_me_and_my_teams_is_what_i_could_decide(office: Office) -> None:
    _, small = await office.open(50_00)
    _, large = await office.open(400_00)
    _, too_large = await office.open(600_00)
    _, own = await office.open(300_00, raised_by="tess.leader")
    assert await shown(office, "tess.leader", View.MINE) == [large.task]
    assert await shown(office, "sen.senior", View.MINE) == [small.task]
    assert await shown(office, "tess.leader", View.TEAM) == [small.task, large.task, own.task]
    everything = [small.task, large.task, too_large.task, own.task]
    for person in ("tess.leader", "ola.officer", "aud.auditor"):
        assert await shown(office, person, View.EVERYONE) == everything
    assert await shown(office, "aud.auditor", View.TEAM) == everything
    assert await shown(office, "ola.officer", View.MINE) == []


async def test_a_row_says_why_one_may_not(office: Office) -> None:
    asked, _ = await office.open(50_00)
    await office.do("tess.leader", add_participant, TakePart(asked.case, Part.PAYEE))
    [row] = (await office.look("tess.leader", queries.worklist, View.EVERYONE)).rows
    assert row.why_not is not None
    assert row.why_not.startswith("You entered the payee’s bank details at ")
    assert row.required_role == "senior-officer"


async def test_what_a_colleague_claimed_leaves_mine_and_comes_back_when_it_is_given_back(office: Office) -> None:
    _, opened = await office.open(400_00)
    await office.do("tess.leader", claim, OfTask(opened.task))
    assert await shown(office, "tess.leader", View.MINE) == [opened.task]
    assert await shown(office, "tim.leader", View.MINE) == []
    with pytest.raises(ClaimedByColleague):
        await office.do("tim.leader", release_claim, OfTask(opened.task))
    await office.do("tess.leader", release_claim, OfTask(opened.task))
    assert await shown(office, "tim.leader", View.MINE) == [opened.task]


async def test_a_decided_task_stays_findable_newest_first(office: Office) -> None:
    _, first = await office.open(50_00)
    _, second = await office.open(60_00)
    await office.answer_task("tess.leader", second)
    await office.answer_task("tess.leader", first, Answer.DECLINED)
    assert await shown(office, "aud.auditor", View.DECIDED) == [first.task, second.task]
    assert await shown(office, "aud.auditor", View.DECIDED, Filters(answer=Answer.DECLINED)) == [first.task]
    assert await shown(office, "aud.auditor", View.DECIDED, Filters(decided_by="tim.leader")) == []
    assert await shown(office, "aud.auditor", View.EVERYONE) == []
    [row] = (await office.look("aud.auditor", queries.worklist, View.DECIDED, Filters(answer=Answer.APPROVED))).rows
    assert row.decision is not None
    assert (row.decision.decided_by, row.decision.limit_pence) == ("tess.leader", 500_00)


async def test_filters_narrow_every_view_alike(office: Office) -> None:
    today = business_date(datetime.now(UTC))
    asked, green = await office.open(50_00)
    _, look = await office.open(80_00, lane=Lane.LOOK, lane_reasons=("the payee is not the payer",), raised_by="ben.officer")
    both = [green.task, look.task]
    cases: list[tuple[Filters, list[UUID]]] = [
        (Filters(lane=Lane.LOOK), [look.task]),
        (Filters(from_pence=80_00), [look.task]),
        (Filters(to_pence=50_00), [green.task]),
        (Filters(raised_by="ben.officer"), [look.task]),
        (Filters(account=asked.account), [green.task]),
        (Filters(case=asked.case), [green.task]),
        (Filters(since=today - timedelta(days=1), until=today + timedelta(days=1)), both),
        (Filters(until=today - timedelta(days=2)), []),
        (Filters(due=Due.LATE), []),
        (Filters(due=Due.SOON), []),
        (Filters(unclaimed=True), both),
    ]
    for filters, expected in cases:
        assert await shown(office, "aud.auditor", View.EVERYONE, filters) == expected, filters
        assert queries.filters_from(queries.filters_as_words(filters)) == filters
    await office.owner_sql("update task set due_on = due_on - 30")
    assert await shown(office, "aud.auditor", View.EVERYONE, Filters(due=Due.LATE)) == both
    assert (await office.look("aud.auditor", queries.worklist, View.EVERYONE)).rows[0].working_days_left < 0


async def test_pages_of_a_view_follow_each_other(office: Office) -> None:
    opened = [(await office.open(50_00))[1].task for _ in range(5)]
    pages = [await office.look("sen.senior", queries.worklist, View.EVERYONE, offset=at, limit=2) for at in (0, 2, 4)]
    assert [row.task for page in pages for row in page.rows] == opened
    assert {page.total for page in pages} == {5}


async def test_only_somebody_who_may_decide_it_is_given_a_task(staffed: Office) -> None:
    _, opened = await staffed.open(400_00)
    for person in ("ola.officer", "sen.senior", "nobody.known"):
        with pytest.raises(MayNotBeAssigned):
            await staffed.do("ola.officer", assign, AssignTask(opened.task, person))
    await staffed.do("ola.officer", assign, AssignTask(opened.task, "tim.leader"))
    assert await shown(staffed, "tim.leader", View.MINE) == [opened.task]
    assert await shown(staffed, "tess.leader", View.MINE) == []
    with pytest.raises(ReadsOnly):
        await staffed.do("aud.auditor", assign, AssignTask(opened.task, None))
    await staffed.do("ola.officer", assign, AssignTask(opened.task, None))
    assert await shown(staffed, "tess.leader", View.MINE) == [opened.task]


async def test_the_page_names_who_may_decide_and_what_happened(staffed: Office) -> None:
    _, opened = await staffed.open(400_00)
    await staffed.do("tess.leader", claim, OfTask(opened.task))
    form = uuid4()
    for _ in range(2):
        await staffed.do("ben.officer", write_comment, WriteComment(opened.task, "The tenant rang."), form)
    page = await staffed.look("tim.leader", queries.task_page, opened.task)
    assert page is not None
    assert {one.subject for one in page.may_decide} == {"tess.leader", "tim.leader", "ines.manager", "hana.head"}
    assert [event.what for event in page.history.events] == ["opened", "claimed"]
    assert [(one.name, one.text) for one in page.comments] == [("The ben.officer", "The tenant rang.")]
    assert (page.limit_pence, page.stage_roles) == (500_00, ("team-leader",))
    assert page.last_seen_at is None
    await staffed.do("tim.leader", note_seen, OfTask(opened.task))
    again = await staffed.look("tim.leader", queries.task_page, opened.task)
    assert again is not None
    assert again.last_seen_at is not None


async def test_a_comment_says_something_about_a_task_that_is_there(office: Office) -> None:
    _, opened = await office.open(50_00)
    for words in (" ", "x" * 2001):
        with pytest.raises(CommentSaysNothing):
            await office.do("ben.officer", write_comment, WriteComment(opened.task, words))
    with pytest.raises(NoSuchTask):
        await office.do("ben.officer", write_comment, WriteComment(uuid4(), "Hello"))


async def test_a_comment_and_a_claim_make_nobody_a_participant(office: Office) -> None:
    _, opened = await office.open(50_00)
    await office.do("tess.leader", write_comment, WriteComment(opened.task, "I look at this today."))
    await office.do("tess.leader", claim, OfTask(opened.task))
    await office.answer_task("tess.leader", opened)


async def test_time_reminds_then_gives_it_to_somebody_above_and_decides_nothing(staffed: Office) -> None:
    _, opened = await staffed.open(400_00)
    await run(staffed.runtime, lambda tx: nudge_task(tx, NudgeTask(task=opened.task, escalate=False)))
    [row] = (await staffed.look("tess.leader", queries.worklist, View.EVERYONE)).rows
    assert (row.reminded_at is not None, row.escalated, row.assigned_to) == (True, False, None)
    await run(staffed.runtime, lambda tx: nudge_task(tx, NudgeTask(task=opened.task, escalate=True)))
    [row] = (await staffed.look("tess.leader", queries.worklist, View.EVERYONE)).rows
    assert (row.escalated, row.assigned_to, row.assigned_to_name) == (True, "ines.manager", "The ines.manager")
    assert (row.status, await staffed.sql("select 1 from decision")) == ("OPEN", [])


async def test_an_escalation_never_goes_to_a_participant(staffed: Office) -> None:
    asked, opened = await staffed.open(400_00)
    await staffed.do("ines.manager", add_participant, TakePart(asked.case, Part.EVIDENCE))
    await run(staffed.runtime, lambda tx: nudge_task(tx, NudgeTask(task=opened.task, escalate=True)))
    [row] = (await staffed.look("tess.leader", queries.worklist, View.EVERYONE)).rows
    assert (row.escalated, row.assigned_to) == (True, None)


async def test_a_view_is_saved_for_oneself_under_a_name(office: Office) -> None:
    filters = Filters(lane=Lane.LOOK, from_pence=100_00)
    await office.do("tess.leader", save_view, SaveView("Large ones", View.TEAM, Filters()))
    await office.do("tess.leader", save_view, SaveView("Large ones", View.EVERYONE, filters))
    [kept] = await office.look("tess.leader", queries.saved_views)
    assert (kept.name, kept.view, kept.filters) == ("Large ones", View.EVERYONE, filters)
    assert await office.look("tim.leader", queries.saved_views) == ()
    await office.do("tim.leader", forget_view, kept.id)
    assert len(await office.look("tess.leader", queries.saved_views)) == 1
    await office.do("tess.leader", forget_view, kept.id)
    assert await office.look("tess.leader", queries.saved_views) == ()
    with pytest.raises(ViewWithoutName):
        await office.do("tess.leader", save_view, SaveView(" ", View.TEAM, Filters()))


async def test_a_session_is_kept_by_its_keys_hash_and_swept_after_its_end(office: Office) -> None:
    now = datetime.now(UTC)
    live, over = await sign_in(office, "tess.leader", now), await sign_in(office, "tim.leader", now - timedelta(hours=11))
    await run(office.runtime, lambda tx: sweep_sessions(tx, Tick(at=now)))
    assert await run(office.runtime, lambda tx: store.desk_session(tx, over)) is None
    kept = await run(office.runtime, lambda tx: store.desk_session(tx, live))
    assert kept is not None
    assert (kept.subject, kept.roles) == ("tess.leader", ["team-leader"])
    await run(office.runtime, lambda tx: store.end_session(tx, live))
    assert await run(office.runtime, lambda tx: store.desk_session(tx, live)) is None
    assert [one.subject for one in await office.look("aud.auditor", queries.staff_known)] == ["tess.leader", "tim.leader"]


async def test_a_task_that_nobody_present_may_decide_is_said_to_be_so_until_somebody_comes(office: Office) -> None:
    _, small = await office.open(50_00)
    _, large = await office.open(400_00)
    now = datetime.now(UTC)

    async def stuck() -> set[UUID]:
        return {row.task for row in (await office.look("ola.officer", queries.worklist, View.EVERYONE)).rows if row.nobody_here}

    await sign_in(office, "ola.officer", now)
    assert await stuck() == {small.task, large.task}
    await sign_in(office, "sen.senior", now)
    assert await stuck() == {large.task}
    await sign_in(office, "tess.leader", now - timedelta(days=2))
    assert await stuck() == {large.task}, "who was at the desk two days ago is not present"
    await sign_in(office, "tess.leader", now)
    assert await stuck() == set()


async def test_who_took_part_is_no_help_to_a_task_that_waits(office: Office) -> None:
    asked, opened = await office.open(400_00)
    now = datetime.now(UTC)
    await sign_in(office, "tess.leader", now)
    await office.do("tess.leader", add_participant, TakePart(asked.case, Part.PAYEE))
    [row] = (await office.look("ola.officer", queries.worklist, View.EVERYONE)).rows
    assert (row.task, row.nobody_here) == (opened.task, True)
    await sign_in(office, "tim.leader", now)
    [row] = (await office.look("ola.officer", queries.worklist, View.EVERYONE)).rows
    assert not row.nobody_here
