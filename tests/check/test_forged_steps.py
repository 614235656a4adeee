"""Whoever reaches Temporal calls steps without the story that they belong to, on the rows of all services together: no money moves."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa
from approvals.domain.eligibility import ParticipantMayNotDecide
from approvals.use_cases.close_task import close_task
from chassis.transaction import SYSTEM, run
from ledger.domain.rules import DecisionRecalled, HoldGone, NotApproved, NotHandedOut
from ledger.use_cases.post_refund import NotHeardYet
from refunds.use_cases.close_case import NotEndedSo
from rentbook_contracts.approvals import CloseTask
from rentbook_contracts.ledger import (
    PLACE_HOLD,
    POST_REFUND,
    POST_WRITE_OFF,
    SET_ACCOUNT_HOLD,
    AccountHold,
    PlaceHold,
    PostRefund,
    PostWriteOff,
    SetAccountHold,
    WriteOffLine,
)
from rentbook_contracts.refunds import (
    BUILD_FILE,
    LINE_POSTED,
    PLAN_REFUND,
    QUEUE_PAYMENT,
    RECHECK,
    RUN_CHECK,
    BuildFile,
    CaseOutcome,
    LinePosted,
    PlanRefund,
    QueuePayment,
    Recheck,
    RunCheck,
)
from rentbook_contracts.workflows import refund_workflow_id
from rentbook_contracts.writeoffs import (
    ADD_PROOF,
    CLOSE_SCHEDULE,
    SETTLE_LINES,
    TAKE_LINES,
    WITHDRAW_SCHEDULE,
    AddProof,
    CloseSchedule,
    EvidenceKind,
    Propose,
    Reason,
    ScheduleStatus,
    SettleLines,
    TakeLines,
    WithdrawSchedule,
)
from support.ledger_books import opened
from support.servers import Postgres

from .debts import APPROVER, DEBTORS, DOCUMENTS, PROPOSER, approved, asked_about, ready
from .town import PAID, PEOPLE, TODAY, Town, estate, founded

A_STORY_OF_THEIR_OWN = "not-a-story-of-ours"


@pytest.fixture
async def place(postgres: Postgres, tmp_path: Path) -> AsyncIterator[Town]:
    """Nothing has happened here but old debts."""
    async with founded(postgres, tmp_path) as town:
        await opened(town.runtimes["ledger"], estate(*(line for debtor in DEBTORS for line in debtor.lines())))
        await town.deliver()
        yield town


async def lines_of(town: Town, schedule: UUID) -> tuple[WriteOffLine, ...]:
    """As writeoffs has frozen them, in its order."""
    async with town.runtimes["writeoffs"].engine.connect() as connection:
        wanted = sa.text("SELECT content FROM schedule_line WHERE schedule = :schedule ORDER BY place")
        return tuple(WriteOffLine.model_validate(content) for content in await connection.scalars(wanted, {"schedule": schedule}))


async def proposed(town: Town) -> list[UUID]:
    return [await ready(town, Propose(account=one.account, reason=Reason.EMIGRATED), DOCUMENTS) for one in DEBTORS[:2]]


async def test_a_line_of_a_withdrawn_schedule_is_not_posted_on_the_decision_that_came_to_nothing(place: Town) -> None:
    asked = await asked_about(place, await proposed(place))
    decision = await approved(place, asked)
    ended = CloseTask(task=asked.task, carried_out=False, because="the schedule was withdrawn")
    await run(place.runtimes["approvals"], lambda tx: close_task(tx, ended), caller=SYSTEM)
    await place.command(PROPOSER, WITHDRAW_SCHEDULE, WithdrawSchedule(schedule=asked.schedule, note="wrong month"), uuid4())
    over = CloseSchedule(schedule=asked.schedule, round=1, status=ScheduleStatus.WITHDRAWN)
    await place.step(CLOSE_SCHEDULE, over, A_STORY_OF_THEIR_OWN)
    await place.deliver()
    for line in await lines_of(place, asked.schedule):
        with pytest.raises(DecisionRecalled):
            await place.step(POST_WRITE_OFF, PostWriteOff(schedule=asked.schedule, decision=decision, lines=(line,)), A_STORY_OF_THEIR_OWN)


async def test_a_line_that_had_left_its_schedule_is_not_let_through_by_a_later_decision(place: Town) -> None:
    asked = await asked_about(place, await proposed(place))
    dropped, listed = await lines_of(place, asked.schedule)
    for in_force in (True, False):
        hold = SetAccountHold(account=dropped.account, account_hold=AccountHold.DISPUTE, in_force=in_force, reason="a letter")
        await place.command(PROPOSER, SET_ACCOUNT_HOLD, hold, uuid4())
        await place.deliver()
    decision = await approved(place, asked)
    with pytest.raises(NotApproved):
        await place.step(POST_WRITE_OFF, PostWriteOff(schedule=asked.schedule, decision=decision, lines=(dropped,)), A_STORY_OF_THEIR_OWN)
    await place.step(TAKE_LINES, TakeLines(schedule=asked.schedule, round=1, decision=decision), "its own story")
    posted = await place.step(POST_WRITE_OFF, PostWriteOff(schedule=asked.schedule, decision=decision, lines=(listed,)), "its own story")
    assert [one.dropped_because for one in posted.outcomes] == [None]


async def test_a_line_that_drops_after_its_approval_is_not_posted_nor_one_that_nobody_has_handed_out(place: Town) -> None:
    """The ledger has heard that the decision lets both through; what an officer heard of the debt it never hears."""
    asked = await asked_about(place, await proposed(place))
    decision = await approved(place, asked)
    spoke, listed = await lines_of(place, asked.schedule)
    contact = AddProof(proposal=spoke.line, kind=EvidenceKind.CONTACT, on=TODAY)
    await place.command(PROPOSER, ADD_PROOF, contact, uuid4())
    await place.deliver()
    forged = [PostWriteOff(schedule=asked.schedule, decision=decision, lines=lines) for lines in ((spoke,), (listed,), (spoke, listed))]
    for one in forged:
        with pytest.raises(NotHandedOut):
            await place.step(POST_WRITE_OFF, one, A_STORY_OF_THEIR_OWN)
    taken = await place.step(TAKE_LINES, TakeLines(schedule=asked.schedule, round=1, decision=decision), A_STORY_OF_THEIR_OWN)
    assert taken.lines == (listed,)
    for one in (forged[0], forged[2]):
        with pytest.raises(NotHandedOut):
            await place.step(POST_WRITE_OFF, one, A_STORY_OF_THEIR_OWN)
    [outcome] = (await place.step(POST_WRITE_OFF, forged[1], "its own story")).outcomes
    assert (outcome.line, outcome.dropped_because) == (listed.line, None)


async def ready_to_post(town: Town) -> tuple[UUID, PostRefund]:
    """A refund that finance has released, and its posting as its own story asks for it."""
    plan, hold, task = await town.planned(await town.requested(PAID))
    decision = await town.decided("dilip.leader", plan, task)
    story = refund_workflow_id(plan.case, 1)
    await town.step(QUEUE_PAYMENT, QueuePayment(plan=plan, decision=decision), story)
    payment_run = await town.released(plan)
    versions = (await town.step(RECHECK, Recheck(plan=plan), story)).versions
    return payment_run, PostRefund(plan=plan, hold=hold.hold, decision=decision, versions=versions)


async def test_a_posted_refund_is_paid_though_somebody_says_that_its_line_was_dropped(place: Town) -> None:
    payment_run, asked = await ready_to_post(place)
    plan, story = asked.plan, refund_workflow_id(asked.plan.case, 1)
    journal = (await place.step(POST_REFUND, asked, story)).refund_journal
    drop = LinePosted(run=payment_run, plan=plan, dropped_because="the account moved")
    assert (await place.step(LINE_POSTED, drop, A_STORY_OF_THEIR_OWN)).refund_journal == journal
    await place.step(LINE_POSTED, LinePosted(run=payment_run, plan=plan, refund_journal=journal), story)
    for number in range(1, 11):
        await place.step(RUN_CHECK, RunCheck(case=plan.case, attempt=1, round=2, check=number), A_STORY_OF_THEIR_OWN)
    made = await place.step(PLAN_REFUND, PlanRefund(case=plan.case, attempt=1, round=2), A_STORY_OF_THEIR_OWN)
    assert made.plan is None
    with pytest.raises(NotEndedSo):
        await place.closed(plan, CaseOutcome.NOTHING_DUE)
    await place.paid(payment_run)
    await place.closed(plan, CaseOutcome.PAID)


async def test_a_line_that_somebody_drops_before_it_is_posted_is_never_posted_by_that_release(place: Town) -> None:
    payment_run, asked = await ready_to_post(place)
    drop = LinePosted(run=payment_run, plan=asked.plan, dropped_because="the account moved")
    await place.step(LINE_POSTED, drop, A_STORY_OF_THEIR_OWN)
    with pytest.raises(HoldGone):
        await place.step(POST_REFUND, asked, refund_workflow_id(asked.plan.case, 1))
    anew = await place.step(PLACE_HOLD, PlaceHold(plan=asked.plan), A_STORY_OF_THEIR_OWN)
    versions = (await place.step(RECHECK, Recheck(plan=asked.plan), A_STORY_OF_THEIR_OWN)).versions
    with pytest.raises(NotHeardYet):
        await place.step(POST_REFUND, asked.model_copy(update={"hold": anew.hold, "versions": versions}), A_STORY_OF_THEIR_OWN)
    assert (await place.step(BUILD_FILE, BuildFile(run=payment_run), f"payment-run/{payment_run}")).count == 0


_DECIDED_BY_SQL = """
INSERT INTO decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles, authority_id,
  answer, reason_code, text, carried_out_from)
SELECT $1, id, case_id, attempt, round, stage, stages, content_hash, amount_pence, $3, ARRAY[$4], (
  SELECT id FROM authority WHERE policy_id = task.policy_id AND act = 'decide' AND role = $4 AND stage = task.stage
), 'approved', 'evidence-complete', '', $5 FROM task WHERE id = $2
"""
_TOLD_BY_SQL = """
INSERT INTO outbox_event (id, bucket, topic, key, aggregate_version, headers, body, written_at)
SELECT $2::uuid, 0, 'approvals.cases', said.key, 1, jsonb_build_object('ce_specversion', '1.0', 'ce_id', $2::uuid, 'ce_subject', said.key,
  'ce_type', 'approvals.write-off-decided.v1', 'ce_source', '/rentbook/approvals', 'ce_aggregateversion', '1'), said.body, now()
FROM (
  SELECT case_id::text AS key, (as_decided(id) || jsonb_build_object('lines', (
    SELECT jsonb_agg(jsonb_build_object('line', line, 'content_hash', content_hash))
    FROM schedule_task_line WHERE schedule_task_line.task_id = decision.task_id
  )))::text AS body FROM decision WHERE id = $1
) AS said
"""


async def test_a_decision_that_was_written_in_the_name_of_whoever_set_a_hold_meanwhile_posts_nothing_of_that_debt(place: Town) -> None:
    """As the role that runs approvals: the row and its fact agree, and nobody asked the ledger who stands behind the debts by now."""
    asked, decision = await asked_about(place, await proposed(place)), uuid4()
    hold = SetAccountHold(account=DEBTORS[0].garage, account_hold=AccountHold.LEGAL, in_force=True, reason="a letter")
    await place.command(APPROVER, SET_ACCOUNT_HOLD, hold, uuid4())
    await place.deliver()
    with pytest.raises(ParticipantMayNotDecide):
        await approved(place, asked)
    connection = await asyncpg.connect(place.databases["approvals"].app_dsn)
    try:
        await connection.execute(_DECIDED_BY_SQL, decision, asked.task, APPROVER, PEOPLE[APPROVER], TODAY)
        await connection.execute(_TOLD_BY_SQL, decision, uuid4())
    finally:
        await connection.close()
    await place.deliver()
    taken = await place.step(TAKE_LINES, TakeLines(schedule=asked.schedule, round=1, decision=decision), "its own story")
    posted = await place.step(POST_WRITE_OFF, PostWriteOff(schedule=asked.schedule, decision=decision, lines=taken.lines), "its own story")
    assert [one.dropped_because for one in posted.outcomes] == ["decider-behind", None]
    settled = SettleLines(schedule=asked.schedule, round=1, decision=decision, outcomes=posted.outcomes)
    await place.step(SETTLE_LINES, settled, "its own story")
    async with place.runtimes["writeoffs"].engine.connect() as connection:
        [[why]] = await connection.execute(sa.text("SELECT because FROM schedule_line WHERE account = :its"), {"its": DEBTORS[0].account})
    assert why.startswith("Somebody who decided it had a hand in what it rests on")
