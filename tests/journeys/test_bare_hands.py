"""Whoever reaches Temporal with its own command, and nothing else of the house, moves no money and spoils no case."""

import asyncio
import json
import subprocess
import sysconfig
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from rentbook_contracts import refunds
from rentbook_contracts.approvals import (
    DECIDE,
    OPEN_TASK,
    RECALL,
    Answer,
    DecisionTaken,
    DecisionTakenBack,
    OpenTask,
    TaskKind,
)
from rentbook_contracts.ledger import (
    POST_REFUND,
    POST_WRITE_OFF,
    REVERSE_REFUND,
    LineOutcome,
    PostRefund,
    PostWriteOff,
    RefundPlan,
    ReverseRefund,
    WriteOffLine,
)
from rentbook_contracts.operation import Message, Operation, Signal, Update
from rentbook_contracts.refunds import CaseOutcome, FileFate, PaymentRunCase, RefundCase
from rentbook_contracts.workflows import (
    CASE_WITHDRAWN,
    PAYMENT_RELEASED,
    PAYMENT_RUN,
    PAYMENT_SETTLED,
    QUEUE,
    REFUND_APPROVAL,
    WRITE_OFF_APPROVAL,
    CaseWithdrawn,
    PaymentReleased,
    PaymentSettled,
    refund_workflow_id,
    schedule_workflow_id,
)
from rentbook_contracts.writeoffs import (
    CLOSE_SCHEDULE,
    SETTLE_LINES,
    TAKE_LINES,
    CloseSchedule,
    ScheduleCase,
    ScheduleStatus,
    SettleLines,
    TakeLines,
)
from rentbook_local.check import places_of
from rentbook_local.demo.writing import london_today
from rentbook_local.journey.desk import WAIT_SECONDS, Desk, Page
from rentbook_local.journey.steps import Member, case_says, decide, open_task, ready_payments, release, request_refund
from rentbook_local.journey.write_off_steps import (
    READY,
    Proof,
    bring,
    decide_schedule,
    list_on_schedule,
    proposal_says,
    propose,
    schedule_says,
    schedule_task,
)
from support.stack import Stack

DEBT = "debt-story-gone-5"
"""One of several alike: the journey of a write-off takes the first of them, the faults on the way the last."""

MONEY = {
    "ledger": ("SELECT count(*) FROM journal", "SELECT count(*) FROM credit_hold WHERE state <> 'PENDING'"),
    "refunds": ("SELECT count(*) FROM payment_line", "SELECT count(*) FROM payment_file", "SELECT count(*) FROM submission"),
    "writeoffs": ("SELECT count(*) FROM register",),
    "approvals": ("SELECT count(*) FROM decision",),
}
"""What grows by one where money moves, or where somebody seems to have said that it may."""


class Temporal:
    """Temporal's own command on the stack's server."""

    def __init__(self, stack: Stack) -> None:
        self._to = ("--address", f"127.0.0.1:{stack.layout.port('temporal')}", "--namespace", "rentbook", "--output", "json")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sysconfig.get_path("scripts")) / "temporal"), *words, *self._to]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def done(self, *words: str) -> str:
        said = self.run(*words)
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    def refuses_by_hand(self, operation: Operation[Any, Any], message: Message) -> None:
        words = ("--type", operation.name, "--task-queue", operation.queue, "--activity-id", str(uuid4()))
        said = self.run("activity", "execute", *words, "--start-to-close-timeout", "20s", *told(message))
        assert said.returncode != 0, f"{operation.name} was done for somebody without a story: {said.stdout}"
        assert "NoStory" in said.stdout + said.stderr, said.stdout + said.stderr

    def tells(self, story: str, update: Update[Any], message: Message) -> None:
        words = ("--workflow-id", story, "--name", update.name, "--update-id", str(uuid4()))
        assert '"updateId"' in self.done("workflow", "update", "execute", *words, *told(message)), "the story was not told"

    def has_taken_it_in(self, story: str) -> None:
        """Waits until the story has done all that it does about what it was told."""
        end = time.monotonic() + WAIT_SECONDS
        while any(self._stands(story).get(at_work) for at_work in ("pendingActivities", "pendingWorkflowTask")):
            assert time.monotonic() < end, "the story is at work for ever"
            time.sleep(0.1)

    def _stands(self, story: str) -> dict[str, Any]:
        stands: dict[str, Any] = json.loads(self.done("workflow", "describe", "--workflow-id", story))
        return stands


@pytest.fixture
def temporal(stack: Stack) -> Temporal:
    return Temporal(stack)


def told(message: Message) -> tuple[str, str]:
    return "--input", message.model_dump_json()


def money(stack: Stack) -> dict[str, int]:
    async def count() -> dict[str, int]:
        found: dict[str, int] = {}
        for service, questions in MONEY.items():
            connection = await asyncpg.connect(places_of(stack.layout).dsns[service])
            try:
                found |= {question: int(await connection.fetchval(question)) for question in questions}
            finally:
                await connection.close()
        return found

    return asyncio.run(count())


def plan_of(stack: Stack, case: str) -> RefundPlan:
    """The plan that waits for a decision."""

    async def read() -> str:
        connection = await asyncpg.connect(places_of(stack.layout).dsns["refunds"])
        try:
            return str(await connection.fetchval("SELECT plan FROM refund_plan WHERE case_id = $1 ORDER BY round DESC LIMIT 1", case))
        finally:
            await connection.close()

    return RefundPlan.model_validate_json(asyncio.run(read()))


def decisions_of(stack: Stack, case: UUID) -> list[UUID]:
    """The decisions on a case, the first one first."""

    async def read() -> list[UUID]:
        connection = await asyncpg.connect(places_of(stack.layout).dsns["approvals"])
        try:
            return [row["id"] for row in await connection.fetch("SELECT id FROM decision WHERE case_id = $1 ORDER BY decided_at", case)]
        finally:
            await connection.close()

    return asyncio.run(read())


def steps_that_could_pay(plan: RefundPlan) -> list[tuple[Operation[Any, Any], Message]]:
    """Each step with which money moves, or by which a case would seem to be decided or paid, as the true story would call it."""
    decision, run, sha256 = uuid4(), uuid4(), "0" * 64
    post = PostRefund(plan=plan, hold=uuid4(), decision=decision, versions={plan.account: 1})
    lower = OpenTask(
        kind=TaskKind.REFUND, case=plan.case, attempt=plan.attempt, round=9, stage=1, account=plan.account, amount_pence=1,
        content_hash=plan.content_hash, workflow_id="refund/any/1", lane="green", lane_reasons=(), participants=(), raised_by="someone",
    )  # fmt: skip
    return [
        (POST_REFUND, post),
        (REVERSE_REFUND, ReverseRefund(case=plan.case, attempt=plan.attempt, journal=uuid4(), reason="returned")),
        (OPEN_TASK, lower),
        (refunds.QUEUE_PAYMENT, refunds.QueuePayment(plan=plan, decision=decision)),
        (refunds.LINE_POSTED, refunds.LinePosted(run=run, plan=plan, refund_journal=uuid4())),
        (refunds.BUILD_FILE, refunds.BuildFile(run=run)),
        (refunds.SUBMIT_FILE, refunds.SubmitFile(run=run, sha256=sha256)),
        (refunds.SETTLE_RUN, refunds.SettleRun(run=run, fate=FileFate.ACCEPTED)),
        (refunds.CLOSE_CASE, refunds.CloseCase(case=plan.case, attempt=plan.attempt, outcome=CaseOutcome.PAID, plan=plan)),
    ]


def test_updates_signals_starts_and_steps_by_hand_move_no_money(
    stack: Stack, members: Mapping[str, Member], temporal: Temporal, officer: Desk, leader: Desk, finance: Desk
) -> None:
    member = members["bare-hands"]
    asked = request_refund(officer, member)
    assert asked.errors() == []
    case, task = asked.identity, open_task(leader, member.account)
    plan, before = plan_of(stack, case), money(stack)
    story = refund_workflow_id(plan.case, plan.attempt)

    claimed = DecisionTaken(decision=uuid4(), task=UUID(task.path.rpartition("/")[2]), round=1, content_hash=plan.content_hash)
    temporal.tells(story, DECIDE, claimed)
    signals: tuple[tuple[Signal[Any], Message], ...] = (
        (PAYMENT_RELEASED, PaymentReleased(run=uuid4(), content_hash=plan.content_hash)),
        (PAYMENT_SETTLED, PaymentSettled(run=uuid4(), paid=True)),
        (CASE_WITHDRAWN, CaseWithdrawn(case=plan.case)),
    )
    for signal, message in signals:
        temporal.done("workflow", "signal", "--workflow-id", story, "--name", signal.name, *told(message))

    second, no_run = f"refund/{uuid4()}/1", f"payment-run/{uuid4()}"
    start = ("workflow", "start", "--task-queue", QUEUE)
    temporal.done(*start, "--type", REFUND_APPROVAL.name, "--workflow-id", second, *told(RefundCase(case=plan.case, attempt=plan.attempt)))
    temporal.done(*start, "--type", PAYMENT_RUN.name, "--workflow-id", no_run, *told(PaymentRunCase(run=uuid4(), lines=1)))

    for operation, message in steps_that_could_pay(plan):
        temporal.refuses_by_hand(operation, message)

    assert money(stack) == before
    assert leader.get(task.path).tree.xpath("//form[@data-answers]"), "the task is not as it was"
    for started in (second, no_run):
        temporal.run("workflow", "terminate", "--workflow-id", started, "--reason", "a test is over")

    # The case itself is none the worse: the people whose case it is decide it and it is paid.
    assert decide(leader, leader.get(task.path), "approved").errors() == []
    assert release(finance, [case]).errors() == []
    officer.wait(f"/cases/{case}", "the payment", lambda page: "With the bank, arrives on" in page.text)
    settled = {question: count for question, count in money(stack).items() if count != before[question]}
    assert settled["SELECT count(*) FROM payment_line"] == before["SELECT count(*) FROM payment_line"] + 1, json.dumps(settled)

    # Nor does a story that somebody begins under the id of the next attempt stand in the way of the true one.
    early = RefundCase(case=plan.case, attempt=2)
    temporal.done(*start, "--type", REFUND_APPROVAL.name, "--workflow-id", refund_workflow_id(early.case, early.attempt), *told(early))
    bank = stack.layout.http("bank-simulator")
    [reference] = [item["reference"] for item in httpx.get(f"{bank}/bacs/paid").json()["paid"] if item["pence"] == plan.refund_pence]
    httpx.post(f"{bank}/control/next", json={"fault": "return", "reference": reference, "code": "B"}).raise_for_status()
    case_says(officer, case, "Waiting for evidence")
    officer.wait(f"/accounts/{member.account}", "the credit", lambda page: "£164.00 in credit" in page.text)


def test_the_story_is_told_of_decisions_that_are_none_on_what_it_asks_and_no_money_moves(
    stack: Stack, members: Mapping[str, Member], temporal: Temporal, officer: Desk, leader: Desk, finance: Desk
) -> None:
    """True rows in the words of the question: one that declined, one that approved another case, one that was recalled."""

    def asked_for(key: str, pounds: str) -> tuple[str, Page]:
        asked = request_refund(officer, members[key], amount_is="some", amount=pounds)
        assert asked.errors() == []
        return asked.identity, open_task(leader, members[key].account)

    def decided(case: str, task: Page, answer: str) -> UUID:
        assert decide(leader, task, answer).errors() == []
        return decisions_of(stack, UUID(case))[-1]

    declined = decided(*asked_for("band-team-leader", "31"), "declined")
    other, its_task = asked_for("band-senior-officer", "11")
    approved = decided(other, its_task, "approved")
    case, first = asked_for("band-head-of-service", "41")
    recalled = decided(case, first, "approved")
    taken_back = leader.send(leader.get(first.path), f"/decisions/{recalled}/recall", {"recall_text": "A slip"})
    assert taken_back.errors() == []
    task = open_task(leader, members["band-head-of-service"].account, after=first.path)
    plan, before = plan_of(stack, case), money(stack)
    story = refund_workflow_id(plan.case, plan.attempt)

    for decision in (declined, approved, recalled):
        told_of = DecisionTaken(decision=decision, task=UUID(task.identity), round=2, content_hash=plan.content_hash)
        temporal.tells(story, DECIDE, told_of)
        temporal.has_taken_it_in(story)

    assert money(stack) == before
    assert leader.get(task.path).tree.xpath("//form[@data-answers]"), "the task is not as it was"
    assert case not in ready_payments(finance)
    case_says(officer, case, "With approver")

    # It still hears the true one.
    assert decide(leader, leader.get(task.path), "approved").errors() == []
    assert release(finance, [case, other]).errors() == []
    for one in (case, other):
        case_says(officer, one, "With the bank, arrives on")


def listed_schedule(stack: Stack, schedule: str) -> dict[str, list[dict[str, Any]]]:
    """The schedule, its rounds and its lines, as writeoffs has them."""

    async def read() -> dict[str, list[dict[str, Any]]]:
        connection = await asyncpg.connect(places_of(stack.layout).dsns["writeoffs"])
        try:
            of = {"schedule": "id", "schedule_line": "schedule", "schedule_round": "schedule"}
            found = {table: await connection.fetch(f"SELECT * FROM {table} WHERE {key} = $1", UUID(schedule)) for table, key in of.items()}
            return {table: [dict(row) for row in rows] for table, rows in found.items()}
        finally:
            await connection.close()

    return asyncio.run(read())


def steps_that_could_write_off(line: WriteOffLine, schedule: UUID, decision: UUID) -> list[tuple[Operation[Any, Any], Message]]:
    """Each step by which a debt would fall, or a schedule seem to be decided or posted, as the true story would call it."""
    posted = LineOutcome(line=line.line, journal=uuid4())
    end = CloseSchedule(schedule=schedule, round=1, status=ScheduleStatus.POSTED, decision=decision, answer=Answer.APPROVED)
    return [
        (TAKE_LINES, TakeLines(schedule=schedule, round=1, decision=decision)),
        (POST_WRITE_OFF, PostWriteOff(schedule=schedule, decision=decision, lines=(line,))),
        (SETTLE_LINES, SettleLines(schedule=schedule, round=1, decision=decision, outcomes=(posted,))),
        (CLOSE_SCHEDULE, end),
    ]


def test_updates_starts_and_steps_by_hand_write_nothing_off(
    stack: Stack, members: Mapping[str, Member], temporal: Temporal, officer: Desk
) -> None:
    proposal, title = propose(officer, members[DEBT].account, "emigrated").identity, "By hand"
    with Desk(stack.layout.desk, "bryn.officer") as colleague, Desk(stack.layout.desk, "farid.head") as head:
        assert bring(colleague, proposal, Proof("document", london_today() - timedelta(days=40), "border agency")).errors() == []
        assert bring(head, proposal, Proof("manager-note", london_today() - timedelta(days=5), reference="file note 12")).errors() == []
    proposal_says(officer, proposal, READY)
    schedule = list_on_schedule(officer, [proposal], title).identity
    with Desk(stack.layout.desk, "efua.manager") as manager:
        task = schedule_task(manager, title)
        before, stood = money(stack), listed_schedule(stack, schedule)
        [row], [asked] = stood["schedule_line"], stood["schedule_round"]
        story, claimed = schedule_workflow_id(UUID(schedule)), uuid4()

        # A decision that nobody made, in the words of the question; then its recall.
        temporal.tells(
            story, DECIDE, DecisionTaken(decision=claimed, task=UUID(task.identity), round=1, content_hash=asked["content_hash"])
        )
        temporal.tells(story, RECALL, DecisionTakenBack(decision=claimed, task=UUID(task.identity)))

        second, none_such = f"write-off-schedule/{uuid4()}", uuid4()
        start = ("workflow", "start", "--task-queue", QUEUE, "--type", WRITE_OFF_APPROVAL.name, "--workflow-id")
        temporal.done(*start, second, *told(ScheduleCase(schedule=UUID(schedule))))
        temporal.done(*start, schedule_workflow_id(none_such), *told(ScheduleCase(schedule=none_such)))

        line = WriteOffLine.model_validate_json(row["content"])
        for operation, message in steps_that_could_write_off(line, UUID(schedule), claimed):
            temporal.refuses_by_hand(operation, message)

        assert (money(stack), listed_schedule(stack, schedule)) == (before, stood)
        for started in (second, schedule_workflow_id(none_such)):
            temporal.run("workflow", "terminate", "--workflow-id", started, "--reason", "a test is over")

        # The schedule is none the worse: who may decide it does, and it is posted.
        assert manager.get(task.path).tree.xpath("//form[@data-answers]"), "the task is not as it was"
        assert decide_schedule(manager, manager.get(task.path)).errors() == []
    schedule_says(officer, schedule, "✓ Posted")
    assert {question: count - before[question] for question, count in money(stack).items() if count != before[question]} == {
        "SELECT count(*) FROM journal": 1,
        "SELECT count(*) FROM register": 1,
        "SELECT count(*) FROM decision": 1,
    }
