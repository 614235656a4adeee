"""Green tasks decided together: caps, a few opened first, a fresh sign-in, a result per line, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from approvals import queries
from approvals.domain import together
from approvals.domain.eligibility import Part, ParticipantMayNotDecide, ReadsOnly
from approvals.domain.forms import AnswerTask, DecisionTaken, OfTask, TakePart
from approvals.domain.rules import ApprovalRule
from approvals.domain.together import Selection
from approvals.use_cases import decide_line as deciding_a_line
from approvals.use_cases.add_participant import add_participant
from approvals.use_cases.decide import decide
from approvals.use_cases.decide_line import LineOf, decide_line, decision_of, refuse_line
from approvals.use_cases.note_seen import note_seen
from approvals.use_cases.open_task import open_task
from approvals.use_cases.put_together import PutTogether, put_together
from approvals.use_cases.sign_together import SignTogether, sign_together
from chassis.transaction import SYSTEM, SameFormOtherContent, Transaction, run
from rentbook_contracts.approvals import Lane, OpenTask, TaskOpened
from support.office import HASH, OTHER_HASH, Office, asking, caller

NOW = datetime.now(UTC)
Opened = list[tuple[OpenTask, TaskOpened]]


async def several(office: Office, how_many: int, pence: int = 20_00, **other: Any) -> Opened:
    return [await office.open(pence, **other) for _ in range(how_many)]


async def chosen(office: Office, opened: Opened, person: str = "tess.leader") -> UUID:
    form = uuid4()
    await office.do(person, put_together, PutTogether(tuple(task.task for _, task in opened)), form)
    return form


async def look(office: Office, selection: UUID) -> Selection:
    found = await office.look("aud.auditor", queries.selection, selection)
    assert found is not None
    return found


async def opened_first(office: Office, selection: UUID, person: str = "tess.leader") -> None:
    for line in (await look(office, selection)).lines:
        if line.opened_first:
            await office.do(person, note_seen, OfTask(line.task))


async def signed(office: Office, selection: UUID, person: str = "tess.leader") -> None:
    await office.do(person, sign_together, SignTogether(selection, datetime.now(UTC)))


async def decided(office: Office, selection: UUID, person: str = "tess.leader", plan_hash: str = HASH) -> list[str]:
    """Each line as the desk decides it; gives what stands beside each."""
    for line in (await look(office, selection)).lines:
        form, asked = decision_of(selection, line.task), LineOf(selection, line.task, plan_hash)
        try:
            await office.do(person, decide_line, asked, form)
        except ApprovalRule as refused:
            why = refused.message
            await run(office.runtime, lambda tx, line=line, why=why: refuse_line(tx, selection, line.task, why), caller=caller(person))  # type: ignore[misc]
    return [line.refused or "approved" for line in (await look(office, selection)).lines]


async def test_each_line_is_a_decision_of_its_own_bound_to_its_content(office: Office) -> None:
    opened = await several(office, 5)
    selection = await chosen(office, opened)
    await opened_first(office, selection)
    await signed(office, selection)
    for _ in range(2):
        assert await decided(office, selection) == ["approved"] * 5
    rows = await office.sql("select * from decision order by decided_at")
    assert len(rows) == 5
    assert {(row["selection_id"], row["decided_by"], row["content_hash"], row["limit_pence"]) for row in rows} == {
        (selection, "tess.leader", HASH, 500_00)
    }
    told = await office.sql("select count(*) from outbox_event where topic = 'approvals.cases'")
    assert told[0]["count"] == 5


async def test_a_line_that_may_not_be_decided_says_why_and_leaves_the_others_alone(office: Office) -> None:
    opened = await several(office, 4)
    selection = await chosen(office, opened)
    await opened_first(office, selection)
    await signed(office, selection)
    first, second = opened[0], opened[1]
    await office.do("tess.leader", add_participant, TakePart(first[0].case, Part.EVIDENCE))
    await office.answer_task("tim.leader", second[1])
    said = await decided(office, selection)
    assert sorted(said)[2:] == ["approved", "approved"]
    assert {words.split(" at ")[0] for words in said} == {"approved", "You added evidence", "A colleague approved this"}
    assert await decided(office, selection) == said


async def test_a_line_whose_content_changed_is_not_decided(office: Office) -> None:
    opened = await several(office, 1)
    selection = await chosen(office, opened)
    await opened_first(office, selection)
    await signed(office, selection)
    [said] = await decided(office, selection, plan_hash=OTHER_HASH)
    assert said.startswith("What was shown has changed")
    assert await office.sql("select 1 from decision") == []


async def test_count_and_value_are_capped_by_policy(office: Office) -> None:
    with pytest.raises(together.NothingTogether):
        await chosen(office, [])
    with pytest.raises(together.AboveTheCaps, match=r"At most £5,000.00"):
        await chosen(office, await several(office, 11, 480_00))
    with pytest.raises(together.AboveTheCaps, match="At most 40 tasks"):
        await chosen(office, await several(office, 41, 1))


async def test_only_open_tasks_of_the_green_lane_are_put_together(office: Office) -> None:
    with pytest.raises(together.NotGreen):
        await chosen(office, [*await several(office, 1), *await several(office, 1, lane=Lane.LOOK, lane_reasons=("x",))])
    done = await several(office, 1)
    await office.answer_task("tess.leader", done[0][1])
    with pytest.raises(together.NotGreen):
        await chosen(office, done)
    with pytest.raises(ReadsOnly):
        await chosen(office, await several(office, 1), "aud.auditor")


async def test_the_lane_is_as_the_owner_of_the_plan_has_it(office: Office) -> None:
    """Whoever opens the task by Temporal's own command could say green."""
    asked = asking(20_00)
    office.plans[str(asked.case), asked.content_hash] = asked.model_copy(update={"lane": Lane.LOOK, "lane_reasons": ("check 2: benefit",)})
    opened = await run(office.runtime, lambda tx: open_task(tx, asked), caller=SYSTEM)
    [row] = await office.sql("select lane, lane_reasons from task where id = $1", opened.task)
    assert (row["lane"], row["lane_reasons"]) == ("look", ["check 2: benefit"])
    with pytest.raises(together.NotGreen):
        await chosen(office, [(asked, opened)])


async def test_a_random_few_are_opened_first(office: Office) -> None:
    opened = await several(office, 6)
    selections = [await look(office, await chosen(office, opened)) for _ in range(6)]
    drawn = [frozenset(line.task for line in one.lines if line.opened_first) for one in selections]
    assert {len(few) for few in drawn} == {3}
    assert len(set(drawn)) > 1
    for _, task in opened:
        await office.do("tess.leader", note_seen, OfTask(task.task))
    selection = await chosen(office, opened)
    with pytest.raises(together.OpenSomeFirst, match="3"):
        await signed(office, selection)
    await opened_first(office, selection, "tim.leader")
    with pytest.raises(together.OpenSomeFirst):
        await signed(office, selection)
    await opened_first(office, selection)
    await signed(office, selection)


@pytest.mark.parametrize("ago", [None, timedelta(minutes=6)])
async def test_who_decides_many_has_just_signed_in(office: Office, ago: timedelta | None) -> None:
    selection = await chosen(office, await several(office, 2))
    await opened_first(office, selection)
    with pytest.raises(together.SignInAgain):
        await office.do("tess.leader", sign_together, SignTogether(selection, datetime.now(UTC) - ago if ago else None))


async def test_a_selection_is_its_makers(office: Office) -> None:
    opened = await several(office, 2)
    selection = await chosen(office, opened)
    await opened_first(office, selection)
    with pytest.raises(together.NotYourSelection):
        await signed(office, selection, "tim.leader")
    form, wanted = uuid4(), PutTogether(tuple(task.task for _, task in opened))
    for _ in range(2):
        await office.do("tess.leader", put_together, wanted, form)
    with pytest.raises(SameFormOtherContent):
        await office.do("tess.leader", put_together, PutTogether(wanted.tasks[:1]), form)


async def test_nobody_decides_their_own_case_together_with_others(office: Office) -> None:
    opened = await several(office, 1, raised_by="tess.leader")
    selection = await chosen(office, opened)
    await opened_first(office, selection)
    await signed(office, selection)
    with pytest.raises(ParticipantMayNotDecide):
        await office.do("tess.leader", decide_line, LineOf(selection, opened[0][1].task, HASH), decision_of(selection, opened[0][1].task))


async def test_a_form_that_was_sent_twice_refuses_nothing_that_it_is_just_deciding(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    [(_, task)] = opened = await several(office, 1)
    selection = await chosen(office, opened)
    await opened_first(office, selection)
    await signed(office, selection)
    is_deciding, go_on = asyncio.Event(), asyncio.Event()

    async def decide_slowly(tx: Transaction, form: AnswerTask) -> DecisionTaken:
        made = await decide(tx, form)
        is_deciding.set()
        await go_on.wait()
        return made

    monkeypatch.setattr(deciding_a_line, "decide", decide_slowly)
    line = LineOf(selection, task.task, HASH)
    first = asyncio.create_task(office.do("tess.leader", decide_line, line, decision_of(selection, task.task)))
    await is_deciding.wait()
    # For the second, refunds did not say what the case is about.
    refusing = run(office.runtime, lambda tx: refuse_line(tx, selection, task.task, "can’t be read"), caller=caller("tess.leader"))
    second = asyncio.create_task(refusing)
    await office.somebody_waits()
    go_on.set()
    await asyncio.gather(first, second)
    [shown] = (await look(office, selection)).lines
    assert (shown.decision, shown.refused) == (decision_of(selection, task.task), None)


async def signed_long_ago(office: Office, selection: UUID) -> None:
    await signed(office, selection)
    for statement in (
        "alter table selection_signed disable trigger append_only",
        "update selection_signed set signed_at = signed_at - interval '31 minutes'",
        "alter table selection_signed enable always trigger append_only",
    ):
        await office.owner_sql(statement)


async def test_a_signature_holds_for_half_an_hour(office: Office) -> None:
    selection = await chosen(office, await several(office, 1))
    await opened_first(office, selection)
    await signed_long_ago(office, selection)
    assert await decided(office, selection) == ["This was signed for too long ago. Choose it again, or look at it by itself."]
    assert await office.sql("select 1 from decision") == []


# --- the database has the last word -----------------------------------------------------------------------------------------------------


async def refused(rule: str, work: Any) -> None:
    with pytest.raises(asyncpg.PostgresError) as error:
        await work
    assert error.value.constraint_name == rule


SIGN = "insert into selection_signed (selection_id, signed_by, authenticated_at) values ($1, $2, now() - $3::interval)"
SEEN = "insert into case_seen (case_id, person, seen_at) select case_id, $2, now() from selection_line where selection_id = $1"


async def test_by_sql_too_caps_lots_and_sign_in_are_kept(office: Office) -> None:
    opened = await several(office, 3, 200_00)
    selection = await chosen(office, opened)
    await refused("some_are_opened_first", office.sql(SIGN, selection, "tess.leader", timedelta()))
    await office.sql(SEEN, selection, "tess.leader")
    await refused("only_ones_own_selection_is_signed", office.sql(SIGN, selection, "tim.leader", timedelta()))
    await refused("who_decides_many_has_just_signed_in", office.sql(SIGN, selection, "tess.leader", timedelta(minutes=6)))
    await refused("who_decides_many_has_just_signed_in", office.sql(SIGN, selection, "tess.leader", timedelta(minutes=-6)))
    more = await several(office, 25, 200_00)
    line = "insert into selection_line values ($1, $2, $3, $4, $5, false)"
    for asked, task in more:
        await office.sql(line, selection, task.task, asked.case, HASH, asked.amount_pence)
    await refused("a_selection_keeps_its_caps", office.sql(SIGN, selection, "tess.leader", timedelta()))
    look_at, looked = await office.open(1, lane=Lane.LOOK, lane_reasons=("x",))
    await refused("only_the_green_lane_is_decided_together", office.sql(line, selection, looked.task, look_at.case, HASH, 1))


async def test_by_sql_too_nobody_signs_while_a_line_joins(office: Office) -> None:
    """The signature waits for the line and counts it; a line that comes second finds the signature."""
    selection = await chosen(office, await several(office, 20, 200_00))
    await office.sql(SEEN, selection, "tess.leader")
    more = await several(office, 6, 200_00)
    line = "insert into selection_line values ($1, $2, $3, $4, $5, false)"
    for asked, task in more[:5]:
        await office.sql(line, selection, task.task, asked.case, HASH, asked.amount_pence)
    async with waits_for_the_other(office, line, selection, more[5][1].task, more[5][0].case, HASH, 200_00):
        signing = asyncio.create_task(office.sql(SIGN, selection, "tess.leader", timedelta()))
    await refused("a_selection_keeps_its_caps", signing)

    other = await chosen(office, await several(office, 2, 200_00))
    await office.sql(SEEN, other, "tess.leader")
    [(asked, task)] = await several(office, 1)
    async with waits_for_the_other(office, SIGN, other, "tess.leader", timedelta()):
        joining = asyncio.create_task(office.sql(line, other, task.task, asked.case, HASH, asked.amount_pence))
    await refused("a_selection_keeps_its_caps", joining)


@asynccontextmanager
async def waits_for_the_other(office: Office, statement: str, *values: Any) -> AsyncIterator[None]:
    """The statement's transaction ends once what the block began waits for it."""
    connection = await asyncpg.connect(office.database.app_dsn)
    try:
        slow = connection.transaction()
        await slow.start()
        await connection.execute(statement, *values)
        yield
        await office.somebody_waits()
        await slow.commit()
    finally:
        await connection.close()


async def test_by_sql_too_a_decision_is_of_a_line_that_was_signed_for(office: Office) -> None:
    opened = await several(office, 2)
    selection = await chosen(office, opened[:1])
    statement = (
        "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,"
        " authority_id, answer, reason_code, text, selection_id) values"
        " ($1, $2, $3, 1, 1, 1, 1, $4, 2000, $5, '{team-leader}', $6, 'approved', 'x', '', $7)"
    )

    async def written(at: int, person: str = "tess.leader") -> None:
        asked, task = opened[at]
        await office.sql(statement, uuid4(), task.task, asked.case, HASH, person, await office.authority("team-leader"), selection)

    await refused("a_line_is_decided_as_it_was_shown", written(0))
    await office.sql(SEEN, selection, "tess.leader")
    await office.sql(SIGN, selection, "tess.leader", timedelta())
    await refused("a_line_is_decided_as_it_was_shown", written(0, "tim.leader"))
    await refused("a_line_is_decided_as_it_was_shown", written(1))
    await written(0)


async def test_by_sql_too_a_signature_holds_for_half_an_hour(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "SIGNATURE_HOLDS", timedelta(days=1))
    selection = await chosen(office, await several(office, 1))
    await opened_first(office, selection)
    await signed_long_ago(office, selection)
    assert await decided(office, selection) == ["This was signed for too long ago. Choose it again, or look at it by itself."]
    assert await office.sql("select 1 from decision") == []


@pytest.mark.parametrize("table", ["selection", "selection_line", "selection_signed", "selection_result"])
async def test_what_was_written_stays(office: Office, table: str) -> None:
    selection = await chosen(office, await several(office, 1))
    await opened_first(office, selection)
    await signed(office, selection)
    await decided(office, selection)
    column = {"selection": "person", "selection_signed": "signed_by"}.get(table, "task_id")
    for statement in (f"update {table} set {column} = {column}", f"delete from {table}", f"truncate {table} cascade"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.sql(statement)
        await refused(f"{table}_is_append_only", office.owner_sql(statement))
