"""Any people raise, change, claim, answer, recall and release in any order: four eyes holds, and nobody who may decide is kept from it.

The model is small and of its own: it knows who took part, who answered and what the bands are, and nothing of the code.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from approvals import queries
from approvals.domain.eligibility import Part
from approvals.domain.forms import DecisionTaken, OfTask, TakePart
from approvals.domain.rules import ApprovalRule
from approvals.use_cases.add_participant import add_participant
from approvals.use_cases.claim import claim
from approvals.use_cases.release_claim import release_claim
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from rentbook_contracts.approvals import Answer, TaskOpened
from support.courses import WHOLE, play_until
from support.office import PEOPLE, Office

T = TypeVar("T")

LIMITS: dict[tuple[str, int], int] = {
    ("senior-officer", 1): 100_00,
    ("team-leader", 1): 500_00,
    ("income-manager", 1): 2_500_00,
    ("head-of-service", 1): 10**9,
    ("finance", 2): 10**9,
}
AMOUNTS = (1, 100_00, 100_01, 500_00, 500_01, 2_500_00, 2_500_01, 9_000_00)
EXAMPLES = 100 if WHOLE else 25
STEPS = 20
ROUNDS = 3
CROWD = 5
"""Where everybody took part nobody decides, and nothing more is to be seen."""

ANYBODY = st.sampled_from(["hana.head", "finn.finance", "fay.finance", "ines.manager", *sorted(PEOPLE)])
"""Those with the most authority come more often, or few cases would get as far as a payment."""


PROMISES = {
    "no participant decides": """
        select 1 from decision d join participant p on p.case_id = d.case_id and p.person = d.decided_by and p.at <= d.decided_at
        where d.case_id = $1""",
    "each stage of a round has its own decider": """
        select 1 from decision d join decision e on d.id < e.id and d.case_id = e.case_id and d.attempt = e.attempt and d.round = e.round
        where d.case_id = $1 and d.decided_by = e.decided_by""",
    "a case is released at most once": "select 1 from release_line where case_id = $1 group by case_id having count(*) > 1",
    "whoever pays took no part and decided nothing": """
        select 1 from release_line l join release r on r.run = l.run where l.case_id = $1 and (
            exists (select from decision d where d.case_id = l.case_id and d.decided_by = r.released_by)
            or exists (select from participant p where p.case_id = l.case_id and p.person = r.released_by and p.at <= r.released_at))""",
    "nothing is paid without every stage approved by people who took no part until then": """
        select 1 from release_line l join release r on r.run = l.run join decision last on last.id = l.decision_id
        where l.case_id = $1 and (not last.completes or last.stages <> (
                select count(distinct d.decided_by) from decision d
                where (d.case_id, d.attempt, d.round, d.answer) = (last.case_id, last.attempt, last.round, 'approved')
                and not exists (select from recall c where c.decision_id = d.id)
                and not exists (
                    select from participant p where p.case_id = d.case_id and p.person = d.decided_by and p.at <= r.released_at)))""",
    "every decision and recall is told once, and every approval that came to nothing, without a gap": """
        select 1 where (
            select coalesce(array_agg(aggregate_version order by aggregate_version), '{}') from outbox_event where key = ($1::uuid)::text)
        <> (select coalesce(array_agg(n order by n), '{}') from generate_series(1, (
            select count(*) from decision where case_id = $1) + (
            select count(*) from recall join decision d on d.id = decision_id where d.case_id = $1) + (
            select count(*) from decision d join task t on t.id = d.task_id where d.case_id = $1 and d.answer = 'approved'
            and t.status in ('NOT_CARRIED_OUT', 'VOID') and not exists (select from recall where decision_id = d.id))) n)""",
}
"""What must find no row, asked by SQL of the test's own."""


class Cast(RuleBasedStateMachine):
    """One case from its request on; `office` and `loop` are given by the test."""

    office: Office
    loop: asyncio.AbstractEventLoop

    @initialize(actor=ANYBODY, pence=st.sampled_from(AMOUNTS))
    def case_is_raised(self, actor: str, pence: int) -> None:
        self.case, self.account, self.pence = uuid4(), uuid4(), pence
        self.round, self.released = 0, False
        self.participants = set[str]()
        self.round_begins("ola.officer", actor)

    @precondition(lambda self: not self.released and self.round < ROUNDS)
    @rule(changer=ANYBODY, actor=ANYBODY)
    def case_is_changed(self, changer: str, actor: str) -> None:
        self.round_begins(changer, actor)

    def round_begins(self, raiser: str, actor: str) -> None:
        """Whoever made the change and whoever stands behind the credit took part from now on."""
        self.round += 1
        self.opened, self.approvers = dict[int, TaskOpened](), dict[int, tuple[str, DecisionTaken]]()
        self.claimed_by: str | None = None
        self.participants |= {raiser, actor}
        self.office.actors = [actor]
        self.open_stage(1, raiser)

    def open_stage(self, stage: int, raiser: str) -> None:
        words = {"round": self.round, "stage": stage, "account": self.account, "raised_by": raiser, "participants": ()}
        _, self.opened[stage] = self.now(self.office.open(self.pence, self.case, **words))
        self.waits_for: int | None = stage

    @precondition(lambda self: len(self.participants) < CROWD)
    @rule(person=ANYBODY)
    def evidence_is_added(self, person: str) -> None:
        under_way = any(person == approver for approver, _ in self.approvers.values())
        joined = self.tried(self.office.do(person, add_participant, TakePart(self.case, Part.EVIDENCE)))
        assert joined == (PEOPLE[person] != ("auditor",) and not under_way)
        if joined:
            self.participants.add(person)

    @precondition(lambda self: self.waits_for is not None)
    @rule(person=ANYBODY)
    def task_is_claimed(self, person: str) -> None:
        assert self.waits_for is not None
        claimed = self.tried(self.office.do(person, claim, OfTask(self.opened[self.waits_for].task)))
        assert claimed == self.may_decide(person)
        if claimed:
            self.claimed_by = person

    @precondition(lambda self: self.waits_for is not None and self.claimed_by is not None)
    @rule()
    def claim_is_given_back(self) -> None:
        assert self.waits_for is not None
        assert self.claimed_by is not None
        assert self.tried(self.office.do(self.claimed_by, release_claim, OfTask(self.opened[self.waits_for].task)))
        self.claimed_by = None

    @precondition(lambda self: self.waits_for is not None)
    @rule(person=ANYBODY, answer=st.sampled_from([Answer.APPROVED] * 4 + [Answer.DECLINED, Answer.SENT_BACK]))
    def task_is_answered(self, person: str, answer: Answer) -> None:
        stage = self.waits_for
        assert stage is not None
        tainted = answer is Answer.APPROVED and any(approver in self.participants for approver, _ in self.approvers.values())
        made = self.result(self.office.answer_task(person, self.opened[stage], answer))
        assert (made is not None) == (self.may_decide(person) and not tainted)
        if made is None:
            return
        self.waits_for, self.claimed_by = None, None
        if answer is Answer.APPROVED:
            self.approvers[stage] = (person, made)
            if stage < self.opened[stage].stages:
                self.open_stage(stage + 1, "ola.officer")
                self.participants.add("ola.officer")

    @rule(person=ANYBODY)
    def page_is_opened(self, person: str) -> None:
        """The page promises what the use case then keeps."""
        stage = max(self.opened)
        page = self.now(self.office.look(person, queries.task_page, self.opened[stage].task))
        assert page is not None
        assert (page.row.why_not is None) == (self.waits_for == stage and self.may_decide(person))

    @precondition(lambda self: bool(self.approvers))
    @rule(person=ANYBODY)
    def approval_is_recalled(self, person: str) -> None:
        stage = max(self.approvers)
        approver, made = self.approvers[stage]
        could_have_given_it = any(self.pence <= LIMITS.get((role, stage), 0) for role in PEOPLE[person])
        recalled = self.tried(self.office.recall(person, made))
        assert recalled == (not self.released and (person == approver or could_have_given_it))
        if recalled:
            del self.approvers[stage]
            self.waits_for = self.claimed_by = None

    @precondition(lambda self: bool(self.approvers) and not self.released)
    @rule(person=st.sampled_from(["finn.finance", "fay.finance"]) | ANYBODY)
    def payment_is_released(self, person: str) -> None:
        last = self.opened[1].stages
        complete = last in self.approvers
        approvers = {approver for approver, _ in self.approvers.values()}
        _, made = self.approvers[max(self.approvers)]
        asked, _ = self.now(self.office.open(self.pence, self.case, round=self.round, account=self.account, participants=()))
        self.participants |= {"ola.officer", *self.office.actors}
        self.office.ready.clear()
        line = self.office.make_ready(asked, made)
        released = self.tried(self.office.release(person, line))
        decided = {row["decided_by"] for row in self.now(self.office.sql("select decided_by from decision where case_id = $1", self.case))}
        free = person not in self.participants | decided and not approvers & self.participants
        assert released == (complete and "finance" in PEOPLE[person] and free)
        self.released = released

    def may_decide(self, person: str) -> bool:
        stage = self.waits_for
        assert stage is not None
        within = any(self.pence <= LIMITS.get((role, stage), 0) for role in PEOPLE[person])
        earlier = {approver for approver, _ in self.approvers.values()}
        return within and person not in self.participants | earlier and self.claimed_by in (None, person)

    def teardown(self) -> None:
        if hasattr(self, "case"):
            broken = [promise for promise, wanted in PROMISES.items() if self.now(self.office.owner_sql(wanted, self.case))]
            assert broken == []

    def tried(self, work: Coroutine[Any, Any, object]) -> bool:
        try:
            self.now(work)
        except ApprovalRule:
            return False
        return True

    def result(self, work: Coroutine[Any, Any, T]) -> T | None:
        try:
            return self.now(work)
        except ApprovalRule:
            return None

    def now(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)


@pytest.mark.timeout(3600 if WHOLE else 900)
async def test_four_eyes_holds_for_any_cast_in_any_order(office: Office, played: "Counter[str]") -> None:
    async def missing() -> set[str]:
        [tried] = await office.sql(
            "select (select count(*) from decision) as decided, (select count(*) from recall) as recalled,"
            " (select count(*) from release) as paid"
        )
        enough = {"decided": EXAMPLES // 4, "recalled": 0, "paid": 0}
        return {what for what, least in enough.items() if tried[what] <= least}

    given = {"office": office, "loop": asyncio.get_running_loop()}
    await play_until(Cast, given, missing, played, courses=EXAMPLES, steps=STEPS)


async def test_each_promise_bites_when_the_rules_are_off(office: Office) -> None:
    for table in ("participant", "decision", "release", "release_line"):
        await office.owner_sql(f"alter table {table} disable trigger guard")
    asked, first = await office.open(9_000_00, raised_by="hana.head")
    _, second = await office.open(9_000_00, asked.case, stage=2, account=asked.account)
    decision = (
        "insert into decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,"
        " authority_id, answer, reason_code, text, decided_at) values"
        " ($1, $2, $3, 1, 1, $4, 2, $5, 900000, 'hana.head', '{head-of-service}', $6, 'approved', 'checks-pass', '', now())"
    )
    authority = await office.authority("head-of-service")
    made = [uuid4(), uuid4()]
    for stage, (decided, opened) in enumerate(zip(made, (first, second), strict=True), start=1):
        await office.sql(decision, decided, opened.task, asked.case, stage, asked.content_hash, authority)
    for decided in made:
        await office.sql(
            "with head as (insert into release (run, released_by, roles, authority_id, lines, total_pence)"
            " values ($1, 'hana.head', '{finance}', $2, 1, 900000)) insert into release_line"
            " (run, case_id, attempt, content_hash, amount_pence, decision_id) values ($1, $3, 1, $4, 900000, $5)",
            uuid4(), authority, asked.case, asked.content_hash, decided,
        )  # fmt: skip
    assert [promise for promise, wanted in PROMISES.items() if not await office.owner_sql(wanted, asked.case)] == []
