"""Four eyes and authority as a property: any people do anything in any order, at the desk and by SQL.

What is done goes through the desk's own forms over HTTP, or as rows by the role that runs the service, true to who somebody is and to
nothing else. The model is small and of its own; the promises are asked by SQL of their own after every step.

Real are the desk, approvals' use cases and PostgreSQL with its rules. Played are refunds and the ledger, who say what their tests let them
say, and the story: it asks for decisions as the real one does, and of what an update tells it believes what the real `read_decision`
answers and the real `Asked` takes for an answer. The story itself hears untrue updates on a Temporal server in
tests/workflows/test_any_word_to_a_refund.py, and on the whole stack in tests/journeys/test_bare_hands.py.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from approvals import store
from approvals.domain.forms import OfTask
from approvals.settings import ApprovalsSettings
from approvals.use_cases.decide_line import decision_of
from approvals.use_cases.note_seen import note_seen
from approvals.use_cases.open_task import open_task
from approvals.use_cases.read_decision import NoSuchDecision, read_decision
from approvals.use_cases.sign_together import SignTogether, sign_together
from approvals.web import sessions
from approvals.web.desk import DeskSettings, make_desk
from approvals.web.routes import make_app
from approvals.web.sessions import Person, Session
from chassis.peers import Caller
from chassis.process import make_runtime
from chassis.transaction import Runtime, run
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rentbook_contracts.approvals import Lane, OpenTask, ReadDecision, TaskKind
from rentbook_contracts.ledger import ACCOUNT_FOR_REFUND
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.refunds import CASE_PAGE, PLAN_TO_DECIDE, READY_PAYMENTS, CaseStatus, PlanToDecide, ReadyPayments
from rentbook_local.postgres import Database
from support.courses import WHOLE, play_until
from support.servers import Postgres
from workflows.decision import Asked

from desk import estate
from desk.peers import Peers
from desk.walk import PAYEE, SAME_TABLE

T = TypeVar("T")

CAST: dict[str, tuple[str, ...]] = {
    "asha.officer": ("officer",),
    "carol.senior": ("senior-officer",),
    "dev.leader": ("team-leader",),
    "dora.leader": ("team-leader",),
    "ella.manager": ("income-manager",),
    "farid.head": ("head-of-service",),
    "grace.finance": ("finance",),
    "gwen.finance": ("finance",),
    "hugo.auditor": ("auditor",),
}
HANDLES_CASES = frozenset(CAST) - {"hugo.auditor", "grace.finance", "gwen.finance"}
ASKED = "quinn.officer"
"""Who answers questions here, and has no other part in any case."""
ANYBODY = st.sampled_from([*sorted(CAST), "dev.leader", "ella.manager", "ella.manager", "farid.head", "farid.head", "grace.finance"])
"""Those with the most authority come more often, or few cases would get far."""
EDITORS = st.sampled_from(sorted(CAST))
"""Whoever edits never decides the case: were it mostly those with the most authority, few cases would get far."""
RELEASERS = st.sampled_from(["grace.finance", "gwen.finance", "grace.finance", "gwen.finance", "ella.manager", "hugo.auditor"])
MAKERS = st.sampled_from(["ella.manager", "farid.head", "grace.finance", "gwen.finance"])
WITHOUT_LIMIT = 10**9
TABLES: dict[str, dict[tuple[str, int], tuple[int, int]]] = {
    name: {
        ("senior-officer", 1): (1, 100_00),
        ("team-leader", 1): (100_01, leader),
        ("income-manager", 1): (leader + 1, manager),
        ("head-of-service", 1): (manager + 1, WITHOUT_LIMIT),
        ("finance", 2): (second, WITHOUT_LIMIT),
    }
    for name, leader, manager, second in (
        ("first", 500_00, 2_500_00, 2_500_01),
        ("higher", 800_00, 2_500_00, 2_500_01),
        ("lower", 300_00, 2_500_00, 2_500_01),
        ("two", 500_00, 2_500_00, 900_01),
        ("less for managers", 500_00, 1_000_00, 2_500_01),
    )
}
"""What policies are proposed: the role and the stage with the amounts that they are asked for."""

AMOUNTS = (60_00, 60_00, 300_01, 500_01, 900_00, 2_500_00, 4_000_00)
CEILINGS = (50_00, 400_00, 900_00, 9_000_00)
ROLES = sorted({role for role, _ in TABLES["first"]})
ANSWERS = st.sampled_from(["approved"] * 3 + ["declined", "sent-back", "sent-back"])
BY_ROW = st.sampled_from(["approved", "approved", "declined"])
UNTRUE = st.sampled_from(["", "", "", "hash", "amount", "old policy"])
COURSES = 36 if WHOLE else 9
STEPS = 40
LEAST_ANSWERS = 30
HAPPEN = frozenset({
    "approved", "by own authority", "by lent authority", "by a chain", "recalled", "resubmitted", "limits changed", "rows tried",
    "rows taken", "together", "released", "limits to come", "edited", "barred by an edit", "told the true one",
    "told a recalled one", "told an earlier round's", "told another case's",
})  # fmt: skip
MOST_LINKS = 3
ROUNDS = 4

LINKS = """
WITH link AS (
  SELECT d.id AS decision, d.decided_by, d.decided_at, d.amount_pence, one.at, l.*, e.ended_at, cardinality(d.delegations) AS links
  FROM decision d CROSS JOIN LATERAL unnest(d.delegations) WITH ORDINALITY AS one (delegation, at)
  LEFT JOIN delegation l ON l.id = one.delegation LEFT JOIN delegation_end e ON e.delegation_id = one.delegation
)
"""
PROMISES = {
    "no participant decides, and nobody by a participant's authority": """
        SELECT 1 FROM decision d JOIN participant p ON p.case_id = d.case_id AND p.at <= d.decided_at
        WHERE p.person = d.decided_by OR p.person IN (SELECT giver FROM delegation WHERE id = ANY (d.delegations))""",
    "no decision is above the limit in force at that moment, of a role that was really held": """
        SELECT 1 FROM decision d WHERE NOT EXISTS (
          SELECT FROM authority a JOIN really ON really.role = a.role AND really.person = coalesce(
            (SELECT giver FROM delegation WHERE id = d.delegations[1]), d.decided_by)
          WHERE a.act = 'decide' AND a.stage = d.stage AND (a.to_pence IS NULL OR d.amount_pence <= a.to_pence)
          AND a.policy_id = (SELECT policy_id FROM came_into_force f WHERE f.at <= d.decided_at ORDER BY f.at DESC LIMIT 1))""",
    "no decision is above the smallest ceiling of its chain": f"""{LINKS}
        SELECT 1 FROM link WHERE (amount_pence <= ceiling_pence) IS NOT TRUE""",
    "every delegation of a chain was in force": f"""{LINKS} SELECT 1 FROM link WHERE giver IS NULL OR given_at > decided_at
        OR (decided_at AT TIME ZONE 'Europe/London')::date NOT BETWEEN from_on AND until_on OR ended_at < decided_at""",
    "a chain leads to the decider": f"""{LINKS}
        SELECT 1 FROM link LEFT JOIN link AS next ON next.decision = link.decision AND next.at = link.at + 1
        WHERE link.taker <> coalesce(next.giver, link.decided_by)""",
    "a chain has at most three links": f"""{LINKS} SELECT 1 FROM link WHERE links > {MOST_LINKS}""",
    "a chain has no circle": f"""{LINKS} SELECT 1 FROM link GROUP BY decision, decided_by, links
        HAVING count(DISTINCT giver) <> links OR decided_by = ANY (array_agg(giver))""",
    "no auditor decides": "SELECT 1 FROM decision JOIN really ON person = decided_by WHERE role = 'auditor'",
    "a decision is on the content that its task showed": """
        SELECT 1 FROM decision d LEFT JOIN shown s ON s.task = d.task_id
        AND (s.content_hash, s.amount_pence) = (d.content_hash, d.amount_pence) WHERE s.task IS NULL""",
    "each stage has people of its own": """
        SELECT 1 FROM decision d JOIN decision e ON (d.case_id, d.attempt, d.round) = (e.case_id, e.attempt, e.round) AND d.stage < e.stage
        WHERE NOT EXISTS (SELECT FROM recall WHERE decision_id IN (d.id, e.id))
        AND (d.decided_by || ARRAY(SELECT giver FROM delegation WHERE id = ANY (d.delegations)))
         && (e.decided_by || ARRAY(SELECT giver FROM delegation WHERE id = ANY (e.delegations)))""",
    "a task is decided once": "SELECT 1 FROM decision GROUP BY task_id HAVING count(*) > 1",
    "every answer keeps its words": """
        SELECT 1 FROM answered a LEFT JOIN decision d ON d.id = a.decision AND d.answer = a.answer
        WHERE d.id IS NULL OR (d.answer <> 'approved' AND d.text <> a.words)""",
    "no decision came from elsewhere": "SELECT 1 FROM decision WHERE id NOT IN (SELECT decision FROM answered)",
    "nobody releases who took part, decided it or lent authority for it": """
        SELECT 1 FROM release r JOIN release_line l USING (run)
        WHERE r.released_by IN (SELECT person FROM participant p WHERE p.case_id = l.case_id AND p.at <= r.released_at)
        OR EXISTS (SELECT FROM decision d WHERE (d.case_id, d.attempt) = (l.case_id, l.attempt)
          AND NOT EXISTS (SELECT FROM recall WHERE decision_id = d.id)
          AND (d.decided_by = r.released_by OR r.released_by IN (SELECT giver FROM delegation WHERE id = ANY (d.delegations))))""",
    "only finance releases": """
        SELECT 1 FROM release r WHERE NOT EXISTS (SELECT FROM really WHERE person = r.released_by AND role = 'finance')""",
    "what is released was approved at every stage, as it stands, and was not taken back": """
        SELECT 1 FROM release_line l LEFT JOIN decision d ON d.id = l.decision_id AND d.completes
        AND (d.case_id, d.content_hash, d.amount_pence) = (l.case_id, l.content_hash, l.amount_pence)
        WHERE d.id IS NULL OR EXISTS (SELECT FROM recall WHERE decision_id = d.id) OR d.stages <> (
          SELECT count(*) FROM decision e WHERE (e.case_id, e.attempt, e.round) = (d.case_id, d.attempt, d.round)
          AND e.answer = 'approved' AND NOT EXISTS (SELECT FROM recall WHERE decision_id = e.id))""",
    "every answer at the desk is told once": """
        SELECT 1 FROM answered a WHERE at_the_desk AND 1 <> (SELECT count(*) FROM outbox_event
        WHERE headers ->> 'ce_type' = 'approvals.decision-made.v1' AND body::jsonb ->> 'decision' = a.decision::text)""",
    "whoever made a policy did not check it": "SELECT 1 FROM policy_check c JOIN policy_proposal p ON p.id = c.proposal_id"
    " WHERE c.checked_by = p.proposed_by AND c.answer = 'accepted'",
    "whoever made or checked a policy did not gain by it": """
        SELECT 1 FROM policy n JOIN laid_after l ON l.policy = n.id JOIN authority a ON a.policy_id = n.id
        JOIN really r ON r.role = a.role AND r.person IN (n.made_by, n.checked_by)
        LEFT JOIN authority b ON b.policy_id = l.before AND (b.act, b.stage, b.role) = (a.act, a.stage, a.role)
        WHERE b.id IS NULL OR (b.to_pence IS NOT NULL AND (a.to_pence IS NULL OR b.to_pence < a.to_pence))""",
}
"""What must find no row. `really`, `shown`, `answered`, `came_into_force` and `laid_after` are the test's own notes beside the tables."""

ALL_KEPT = f"SELECT {', '.join(f'NOT EXISTS ({wanted})' for wanted in PROMISES.values())}"
"""All promises in one question, since they are asked after every step."""

MOVED = """
INSERT INTO policy SELECT $1::text, council, kind, $2::date, decide_within_working_days, remind_after_working_days,
  escalate_after_working_days, claim_minutes, source, made_by, checked_by, made_at, bulk_most_lines, bulk_most_pence, bulk_opened_first
FROM policy WHERE id = $3
"""

WRITTEN = """
INSERT INTO decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,
  authority_id, answer, reason_code, text, delegations) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'row', $13, $14)
"""

OF_WHOM_IT_COMES_FROM = """
SELECT id FROM authority WHERE act = 'decide' AND role = ANY ($1) AND stage = $2 AND policy_id = policy_in_force('refund')
AND (to_pence IS NULL OR to_pence >= $3) ORDER BY id
"""

NEWEST_BEFORE = "SELECT id FROM policy WHERE kind = 'refund' AND in_force_from < $1 ORDER BY in_force_from DESC LIMIT 1"

AWAY = """SELECT person, deputy FROM absence AS a WHERE $1 BETWEEN from_on AND until_on
  AND NOT EXISTS (SELECT FROM absence_end AS e WHERE e.absence_id = a.id) ORDER BY noted_at, id"""
"""Who is out of office on a day: of several of one person the newest comes last, and counts."""

AS_ITS_ROW_SAYS = """
SELECT id AS decision, task_id AS task, case_id AS case, attempt, round, stage, content_hash, answer, reason_code, completes,
  EXISTS (SELECT FROM recall WHERE decision_id = decision.id) AS recalled FROM decision WHERE id = $1
"""

OF_THIS_CASE = "SELECT id FROM decision WHERE case_id = $1"
OF_ANOTHER = "SELECT id FROM decision WHERE case_id <> $1 ORDER BY decided_at DESC LIMIT 2"

LENT = "INSERT INTO delegation VALUES ($1, $2, $3, $4, 1000000, $5, $5, '2001-01-01')"

NOTES = (
    "CREATE TABLE really (person text, role text)",
    "CREATE TABLE shown (task uuid, content_hash text, amount_pence bigint)",
    "CREATE TABLE answered (decision uuid, answer text, words text, at_the_desk boolean)",
    "CREATE TABLE came_into_force (policy_id text, at timestamptz DEFAULT clock_timestamp())",
    "CREATE TABLE laid_after (policy text, before text)",
)


@dataclass
class Place:
    """The desk in this process over a real database, and the world around it as the test sets it."""

    runtime: Runtime
    app: asyncpg.Connection
    owner: asyncpg.Connection
    http: httpx.AsyncClient
    peers: Peers
    keys: dict[str, tuple[str, Session]] = field(default_factory=dict)

    async def post(self, person: str, path: str, **words: str) -> bool:
        """A form of the desk; whether it was taken. Nothing may break on the way."""
        key, session = self.keys[person]
        sent = {"csrf": session.csrf_token, "form_id": str(uuid4()), **words}
        answer = await self.http.post(path, data=sent, headers={"origin": "http://desk", "cookie": f"rentbook={key}"})
        assert answer.status_code in (303, 403, 409, 422), (answer.status_code, answer.text[:300])
        return answer.status_code == 303

    async def sql(self, statement: str, *values: Any, owner: bool = False) -> list[asyncpg.Record]:
        return list(await (self.owner if owner else self.app).fetch(statement, *values))

    async def broken(self) -> list[str]:
        kept: asyncpg.Record = await self.owner.fetchrow(ALL_KEPT)
        return [promise for promise, is_kept in zip(PROMISES, kept, strict=True) if not is_kept]


@pytest.fixture
async def place(postgres: Postgres, tmp_path: Path) -> AsyncIterator[Place]:
    async with opened(await postgres.new_database("approvals"), tmp_path) as made:
        yield made


@asynccontextmanager
async def opened(database: Database, folder: Path) -> AsyncIterator[Place]:
    (folder / "service_token").write_text("token")
    told = ApprovalsSettings(
        database_url=database.app_url, kafka_bootstrap="127.0.0.1:1", temporal_address="127.0.0.1:1", secrets_dir=folder,
        public_url="http://desk", oidc_issuer="http://127.0.0.1:1", oidc_client_id="desk",
        peers={name: f"http://{name}" for name in ("ledger", "refunds", "notices")},
    )  # fmt: skip
    peers = Peers()
    async with make_runtime("approvals", told) as bare, httpx.AsyncClient(transport=peers.transport()) as beside:
        runtime = replace(bare, http=beside)
        desk = make_app(make_desk(runtime, DeskSettings("http://desk", "http://127.0.0.1:1", "desk", "secret", "key")))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(desk), base_url="http://desk") as http:
            app, owner = await asyncpg.connect(database.app_dsn), await asyncpg.connect(database.owner_dsn)
            made = Place(runtime, app, owner, http, peers)
            for statement in NOTES:
                await made.sql(statement, owner=True)
            for subject, roles in {**CAST, ASKED: ("officer",)}.items():
                key, session = sessions.begin(Person(subject, subject.title(), frozenset(roles)), datetime.now(UTC))
                made.keys[subject] = (key, session)
                await run(runtime, lambda tx, session=session: store.open_session(tx, session))  # type: ignore[misc]
                for role in roles:
                    await made.sql("INSERT INTO really VALUES ($1, $2)", subject, role, owner=True)
            await made.sql("INSERT INTO came_into_force SELECT policy_in_force('refund')", owner=True)
            yield made
            await app.close()
            await owner.close()


def pounds(pence: int) -> str:
    """As it is typed."""
    return f"{pence // 100}.{pence % 100:02d}"


class Cast(RuleBasedStateMachine):
    """One case from its request on, with delegations, absences and policies around it. `place` and `loop` are given by the test."""

    place: Place
    loop: asyncio.AbstractEventLoop
    counted: dict[str, int]
    numbers: Iterator[int]

    # --- the world ------------------------------------------------------------------------------------------------------------------------

    @initialize(raiser=ANYBODY, actor=ANYBODY, pence=st.sampled_from(AMOUNTS))
    def case_is_raised(self, raiser: str, actor: str, pence: int) -> None:
        self.case, self.pence, self.round = uuid4(), pence, 0
        self.participants = set[str]()
        self.released = False
        self.lent: dict[UUID, tuple[str, str, int]] = {}
        self.true_answer: UUID | None = None
        self.begin_round(raiser, actor)
        self.limits = self.table_in_force()

    def table_in_force(self) -> dict[tuple[str, int], tuple[int, int]]:
        rows = self.now(self.place.sql("SELECT * FROM authority WHERE act = 'decide' AND policy_id = policy_in_force('refund')"))
        return {(row["role"], row["stage"]): (row["from_pence"], row["to_pence"] or WITHOUT_LIMIT) for row in rows}

    def begin_round(self, raiser: str, actor: str) -> None:
        self.round += 1
        self.approved: dict[int, tuple[UUID, frozenset[str]]] = {}
        self.waits_for: int | None = None
        self.claimed_by: str | None = None
        self.said_no = False
        self.raiser, self.actor = raiser, actor
        self.tasks: dict[int, UUID] = {}
        self.open_stage(1)

    def open_stage(self, stage: int) -> None:
        """The story asks for a decision: what it is about comes from refunds, who stands behind the credit from the ledger."""
        plan = estate.plan_of(self.case, estate.OKAFOR, self.pence, checks=f"round {self.round}")
        estate.PLANS[self.case], estate.HOME_OF[self.case] = plan, estate.OKAFOR
        answers = self.place.peers.answers
        told = PlanToDecide(plan=plan, raised_by=self.raiser, participants=(self.raiser,), lane=Lane.GREEN)
        answers[f"/queries/{PLAN_TO_DECIDE.name}"] = lambda _: told
        answers[f"/queries/{CASE_PAGE.name}"] = lambda asked: estate.case_page(asked.case, status=CaseStatus.WITH_APPROVER)
        facts = estate.refund_facts(plan.account).model_copy(update={"actors": (self.actor,)})
        answers[f"/queries/{ACCOUNT_FOR_REFUND.name}"] = lambda _: facts
        asked = OpenTask(
            kind=TaskKind.REFUND, case=self.case, attempt=1, round=self.round, stage=stage, account=plan.account, amount_pence=self.pence,
            content_hash=plan.content_hash, workflow_id=f"refund/{self.case}/1", lane=Lane.GREEN, participants=(self.raiser,),
            raised_by=self.raiser,
        )  # fmt: skip
        opened = self.now(run(self.place.runtime, lambda tx: open_task(tx, asked)))
        self.asked, self.true_answer = Asked(opened.task, self.round, plan.content_hash), None
        self.participants |= {self.raiser, self.actor}
        self.tasks[stage], self.stages, self.hash, self.waits_for = opened.task, opened.stages, plan.content_hash, stage
        self.note("INSERT INTO shown VALUES ($1, $2, $3)", opened.task, plan.content_hash, self.pence)

    # --- at the desk ----------------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.waits_for is not None)
    @rule(person=ANYBODY, answer=ANSWERS, shown=st.sampled_from(["as it is"] * 3 + ["else"]))
    def task_is_answered(self, person: str, answer: str, shown: str) -> None:
        self.answer(person, answer, self.hash if shown == "as it is" else "0" * 64)

    @precondition(lambda self: self.waits_for is not None)
    @rule(which=st.integers(0, 9), answer=ANSWERS)
    def somebody_who_may_answers(self, which: int, answer: str) -> None:
        self.answer(self.one_of_those_who_may(which), answer, self.hash)

    @precondition(lambda self: self.waits_for is not None)
    @rule(which=st.integers(0, 9), answer=ANSWERS)
    def somebody_who_may_answers_twice(self, which: int, answer: str) -> None:
        """The same form sent again is the same answer."""
        self.answer(self.one_of_those_who_may(which), answer, self.hash, times=2)

    def one_of_those_who_may(self, which: int) -> str:
        stage = self.waits_for
        assert stage is not None
        able = [person for person in CAST if self.mandate(person, stage) is not None]
        by_lending = [person for person in able if self.mandate(person, stage)]
        found = by_lending or able or sorted(CAST)
        return found[which % len(found)]

    def answer(self, person: str, answer: str, seen: str, times: int = 1) -> None:
        stage = self.waits_for
        assert stage is not None
        words = {"approved": "", "declined": "No, because of this", "sent-back": "What is this?"}[answer]
        reason = {"approved": "checks-pass", "declined": "other", "sent-back": "evidence-missing"}[answer]
        sent = {"answer": answer, "reason_code": f"{answer}:{reason}", "text": words, "question_to": ASKED, "content_hash": seen}
        form, mandate = uuid4(), self.mandate(person, stage)
        for _ in range(times):
            taken = self.now(self.place.post(person, f"/tasks/{self.tasks[stage]}/decision", form_id=str(form), plan_hash=seen, **sent))
            right = mandate is not None and seen == self.hash and (answer != "approved" or not self.tainted())
            assert taken == right, (person, answer, self.pence, self.lent, self.participants)
        if mandate is not None and right:
            self.decided(form, answer, words, stage, frozenset({person, *mandate}), at_the_desk=True)

    def decided(self, form: UUID, answer: str, words: str, stage: int, people: frozenset[str], *, at_the_desk: bool) -> None:
        self.count(answer)
        self.count("by lent authority" if len(people) > 1 else "by own authority")
        if len(people) > 2:
            self.count("by a chain")
        self.note("INSERT INTO answered VALUES ($1, $2, $3, $4)", form, answer, words, at_the_desk)
        self.waits_for = self.claimed_by = None
        self.true_answer = form
        self.said_no = answer != "approved"
        if answer == "approved":
            self.approved[stage] = (form, people)
        self.story_is_told_of_any_decision()
        if answer == "approved" and stage < self.stages and at_the_desk:
            self.open_stage(stage + 1)
            self.story_is_told_of_any_decision()

    @precondition(lambda self: self.waits_for is not None)
    @rule(person=ANYBODY, which=st.integers(0, 9), able=st.booleans(), opened=st.sampled_from([True, True, True, False]))
    def task_is_decided_together(self, person: str, which: int, able: bool, opened: bool) -> None:
        """As a selection of one: chosen, opened or not, signed for, and decided line by line, twice."""
        stage = self.waits_for
        assert stage is not None
        who = self.one_of_those_who_may(which) if able else person
        selection, task, mandate = uuid4(), self.tasks[stage], self.mandate(who, stage)
        put = self.now(self.place.post(who, "/together", form_id=str(selection), task=str(task)))
        assert put == (who != "hugo.auditor")
        if opened:
            self.now(self.use_case(who, note_seen, OfTask(task), uuid4()))
        signed = put and self.tried(self.use_case(who, sign_together, SignTogether(selection, datetime.now(UTC)), uuid4()))
        assert not signed or opened, "what was to be opened first was not"
        right = signed and mandate is not None and not self.tainted()
        for _ in range(2):
            self.now(self.place.post(who, f"/together/{selection}"))
            made = bool(self.now(self.place.sql("SELECT 1 FROM decision WHERE id = $1", decision_of(selection, task))))
            assert made == right, (who, self.pence, self.lent, self.participants)
        if right and mandate is not None:
            self.count("together")
            self.decided(decision_of(selection, task), "approved", "", stage, frozenset({who, *mandate}), at_the_desk=True)

    @precondition(lambda self: self.waits_for is not None)
    @rule(which=st.integers(0, 9), person=RELEASERS)
    def case_goes_the_whole_way(self, which: int, person: str) -> None:
        """Every stage is approved by those who may, as far as there are such people, and the payment released."""
        while (stage := self.waits_for) is not None:
            able = self.one_of_those_who_may(which)
            self.answer(able, "approved", self.hash)
            if self.waits_for == stage:
                return
        if len(self.approved) == self.stages:
            self.release(person)

    @precondition(lambda self: self.waits_for is None and len(self.approved) == self.stages and not self.released)
    @rule(person=RELEASERS)
    def run_is_released(self, person: str) -> None:
        self.release(person)

    def release(self, person: str) -> None:
        """Sent twice: the same form is the same run, and no payment is released in two."""
        line, form, (decision, _) = f"{self.case}/1/{self.hash}/{self.pence}", str(uuid4()), self.approved[max(self.approved)]
        it = {"case": self.case, "content_hash": self.hash, "amount_pence": self.pence}
        told = ReadyPayments(
            payments=(estate.ready_payment(decision).model_copy(update=it),), total_pence=self.pence,
            next_processing_day=estate.TODAY, next_entry_day=estate.TODAY, cut_off=estate.NOW,
        )  # fmt: skip
        self.place.peers.answers[f"/queries/{READY_PAYMENTS.name}"] = lambda _: told
        taken = [self.now(self.place.post(person, "/runs", form_id=form, line=line)) for _ in range(2)]
        assert taken[0] == taken[1]
        behind = frozenset[str]().union(self.participants, *(people for _, people in self.approved.values()))
        assert not taken[0] or ("finance" in CAST[person] and person not in behind)
        assert not taken[0] or not self.now(self.place.post("gwen.finance", "/runs", line=line)), "it was released twice"
        if taken[0]:
            self.count("released")
            self.released = True

    @rule(person=ANYBODY)
    def evidence_is_added(self, person: str) -> None:
        words = {"check": "7", "kind": "other", "settles": "no", "received_on": f"{estate.TODAY}"}
        taken = self.now(self.place.post(person, f"/cases/{self.case}/evidence", **words))
        under_way = any(person in people for _, people in self.approved.values())
        assert not (taken and (under_way or person == "hugo.auditor"))
        if taken:
            self.participants.add(person)

    @precondition(lambda self: self.waits_for is None and self.round < ROUNDS and not self.released)
    @rule(person=st.sampled_from(sorted(HANDLES_CASES)), actor=ANYBODY)
    def case_is_resubmitted(self, person: str, actor: str) -> None:
        """The question is answered, or what was approved is changed: the story asks anew, about another content."""
        taken = self.now(self.place.post(person, f"/cases/{self.case}/resubmit", answer_note="This is the answer"))
        if taken:
            self.participants.add(person)
            self.count("resubmitted")
            self.begin_round(person, actor)

    @precondition(lambda self: self.round < ROUNDS and not self.released)
    @rule(person=EDITORS, actor=ANYBODY, which=st.integers(0, 9))
    def case_is_edited(self, person: str, actor: str, which: int) -> None:
        """Another bank account is entered, and the story asks anew, about another content.

        Who could have answered before and read the old content comes too late, and whoever entered the new one may not decide it.
        """
        late = self.one_of_those_who_may(which) if self.waits_for is not None else "farid.head"
        taken = self.now(self.place.post(person, f"/cases/{self.case}/payee", **PAYEE))
        under_way = any(person in people for _, people in self.approved.values())
        assert not (taken and (under_way or person == "hugo.auditor"))
        if not taken:
            return
        self.count("edited")
        read, task = self.hash, self.tasks[max(self.tasks)]
        self.begin_round(self.raiser, actor)
        assert self.hash != read
        sent = {"answer": "approved", "reason_code": "approved:checks-pass", "text": "", "content_hash": read, "plan_hash": read}
        assert not self.now(self.place.post(late, f"/tasks/{task}/decision", **sent))
        self.answer(late, "approved", read)
        if self.mandate(person, 1) is not None:
            self.count("barred by an edit")
        self.participants.add(person)
        self.answer(person, "approved", self.hash)
        self.story_is_told_of_any_decision()

    @precondition(lambda self: self.waits_for is not None)
    @rule(person=ANYBODY)
    def task_is_claimed(self, person: str) -> None:
        assert self.waits_for is not None
        taken = self.now(self.place.post(person, f"/tasks/{self.tasks[self.waits_for]}/claim"))
        assert taken == (self.mandate(person, self.waits_for) is not None)
        if taken:
            self.claimed_by = person

    @precondition(lambda self: self.claimed_by is not None and self.waits_for is not None)
    @rule()
    def claim_is_given_back(self) -> None:
        assert self.claimed_by is not None
        assert self.waits_for is not None
        assert self.now(self.place.post(self.claimed_by, f"/tasks/{self.tasks[self.waits_for]}/release"))
        self.claimed_by = None

    @precondition(lambda self: bool(self.approved))
    @rule(person=ANYBODY)
    def approval_is_recalled(self, person: str) -> None:
        self.recall(person)

    @precondition(lambda self: bool(self.approved))
    @rule(which=st.integers(0, 9))
    def whoever_approved_recalls(self, which: int) -> None:
        people = sorted(self.approved[max(self.approved)][1])
        self.recall(people[which % len(people)])

    def recall(self, person: str) -> None:
        stage = max(self.approved)
        form, people = self.approved[stage]
        could = any(role in CAST[person] and self.pence <= most for (role, at), (_, most) in self.limits.items() if at == stage)
        taken = self.now(self.place.post(person, f"/decisions/{form}/recall", recall_text="A slip"))
        assert taken == (person != "hugo.auditor" and (person in people or could) and not self.released and not self.said_no)
        if taken:
            self.count("recalled")
            self.true_answer = None
            del self.approved[stage]
            self.waits_for = self.claimed_by = None
            self.story_is_told_of_any_decision()

    @rule(giver=ANYBODY, taker=ANYBODY, pence=st.sampled_from(CEILINGS))
    def authority_is_lent(self, giver: str, taker: str, pence: int) -> None:
        self.lend(giver, taker, pence)

    def lend(self, giver: str, taker: str, pence: int) -> None:
        form = self.next_delegation()
        words = {"taker": taker, "ceiling": f"{pence // 100}", "lent_from": f"{estate.TODAY}", "lent_until": f"{estate.TODAY}"}
        taken = self.now(self.place.post(giver, "/cover/delegations", form_id=str(form), **words))
        held = [one for stage in (1, 2) for one in self.mandates(giver, stage)]
        reach = max((limit for limit, through in held if len(through) < MOST_LINKS and taker not in through), default=0)
        assert taken == (pence <= reach and giver != taker and "hugo.auditor" not in (giver, taker))
        if taken:
            self.lent[form] = (giver, taker, pence)

    @precondition(lambda self: bool(self.lent))
    @rule(person=ANYBODY, which=st.integers(0, 9))
    def delegation_is_ended(self, person: str, which: int) -> None:
        id_ = sorted(self.lent)[which % len(self.lent)]
        taken = self.now(self.place.post(person, f"/cover/delegations/{id_}/end"))
        assert taken == (person in self.lent[id_][:2])
        if taken:
            del self.lent[id_]

    @rule(giver=st.sampled_from(["farid.head", "ella.manager", "grace.finance", "dev.leader"]), taker=ANYBODY)
    def authority_is_lent_by_those_who_have_it(self, giver: str, taker: str) -> None:
        self.lend(giver, taker, CEILINGS[1])

    @precondition(lambda self: self.waits_for is not None)
    @rule(
        giver=st.sampled_from(["farid.head", "ella.manager"]),
        through=st.lists(ANYBODY, min_size=1, max_size=4, unique=True),
        pence=st.sampled_from(CEILINGS),
        answer=ANSWERS,
    )
    def authority_is_lent_on_and_used(self, giver: str, through: list[str], pence: int, answer: str) -> None:
        """From hand to hand, and whoever holds it last answers: as far as the chain carries."""
        for one, other in zip([giver, *through], through, strict=False):
            self.lend(one, other, pence)
        self.answer(through[-1], answer, self.hash)

    @precondition(lambda self: self.waits_for is not None)
    @rule(which=st.integers(0, 9), first=st.integers(0, 9), links=st.integers(1, MOST_LINKS), answer=ANSWERS)
    def whoever_may_lends_for_this_case(self, which: int, first: int, links: int, answer: str) -> None:
        """Just enough to somebody who could not answer before, who answers or lends it on to others like them."""
        stage = self.waits_for
        assert stage is not None
        givers = [person for person in CAST if self.mandate(person, stage) == () and person != self.claimed_by]
        takers = [person for person in CAST if self.mandate(person, stage) is None and person not in self.participants]
        if givers and takers:
            start = first % len(takers)
            hands = [givers[which % len(givers)], *(takers[start:] + takers[:start])[:links]]
            for giver, taker in pairwise(hands):
                self.lend(giver, taker, next(ceiling for ceiling in CEILINGS if ceiling >= self.pence))
            self.answer(hands[-1], answer, self.hash)

    @rule(person=ANYBODY, deputy=ANYBODY)
    def somebody_is_away(self, person: str, deputy: str) -> None:
        """It moves work and gives nobody authority; somebody has to be left whom it is moved to."""
        words = {"deputy": deputy, "away_from": f"{estate.TODAY}", "away_until": f"{estate.TODAY}"}
        # Absences outlive a course: they stand in the same database.
        rows = self.now(self.place.sql(AWAY, estate.TODAY))
        away = {row["person"]: row["deputy"] for row in rows if row["person"] != person}
        passed, left = {person}, deputy
        while left not in passed and left in away:
            passed.add(left)
            left = away[left]
        taken = self.now(self.place.post(person, "/cover/absences", **words))
        assert taken == (left not in passed and "hugo.auditor" not in (person, deputy))

    @rule(maker=ANYBODY, checker=ANYBODY, name=st.sampled_from(sorted(TABLES)))
    def limits_change(self, maker: str, checker: str, name: str) -> None:
        """A table is proposed and checked, and its day comes at once: the owner of the tables turns the calendar."""
        day = estate.TODAY + timedelta(days=1)
        if self.laid_down(maker, checker, name, day):
            self.they_change(day, name)

    @rule(
        two=st.tuples(MAKERS, MAKERS),
        name=st.sampled_from(sorted(TABLES)),
        others=st.tuples(MAKERS, MAKERS),
        other=st.sampled_from(["first", "less for managers"]),
    )
    def limits_are_to_change_twice(self, two: tuple[str, str], name: str, others: tuple[str, str], other: str) -> None:
        """A table is laid down for the day after tomorrow, and others try to put one of tomorrow before it; then both days come."""
        tomorrow, later = (estate.TODAY + timedelta(days=days) for days in (1, 2))
        laid = {later: name} if self.laid_down(*two, name, later) else {}
        if laid:
            self.count("limits to come")
        if self.laid_down(*others, other, tomorrow):
            laid[tomorrow] = other
        for day in sorted(laid):
            self.they_change(day, laid[day])

    def laid_down(self, maker: str, checker: str, name: str, day: date) -> bool:
        """Whether a table is proposed by one and accepted by the other; what is not accepted is withdrawn."""
        [before] = self.now(self.place.sql(NEWEST_BEFORE, day))
        proposal, words = uuid4(), {"in_force_from": f"{day}", "base": before["id"]}
        for row, ((role, stage), (low, most)) in enumerate(TABLES[name].items(), start=1):
            words |= {f"part-{row}": f"decide-{stage}", f"role-{row}": role, f"from-{row}": pounds(low)}
            words[f"to-{row}"] = "" if most == WITHOUT_LIMIT else pounds(most)
        made = self.now(self.place.post(maker, "/policy/proposals/new", **{**SAME_TABLE, **words, "form_id": f"{proposal}"}))
        if not made:
            return False
        accepted = {"check_answer": "accepted", "base": before["id"]}
        if self.now(self.place.post(checker, f"/policy/proposals/{proposal}", **accepted)):
            return True
        withdrawn = {"check_answer": "withdrawn", "check_text": "Nobody checked it"}
        assert self.now(self.place.post(maker, f"/policy/proposals/{proposal}", **withdrawn))
        return False

    def they_change(self, day: date, name: str) -> None:
        self.now(self.its_day_comes(day))
        self.limits = self.table_in_force()
        assert {key: tuple(value) for key, value in self.limits.items()} == TABLES[name]
        self.count("limits changed")

    async def its_day_comes(self, day: date) -> None:
        """The next policy becomes the newest that is in force today, as if its day had come."""
        [laid] = await self.place.sql("SELECT id FROM policy WHERE kind = 'refund' AND in_force_from = $1", day)
        [before] = await self.place.sql("SELECT policy_in_force('refund') AS id")
        [latest] = await self.place.sql("SELECT max(in_force_from) AS day FROM policy WHERE kind = 'refund' AND in_force_from <= today()")
        named, came = laid["id"], latest["day"] + timedelta(days=1)
        async with self.place.owner.transaction():
            for table in ("policy", "authority"):
                await self.place.owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
            await self.place.owner.execute(MOVED, f"came-{came}", came, named)
            await self.place.owner.execute("UPDATE authority SET policy_id = $1 WHERE policy_id = $2", f"came-{came}", named)
            await self.place.owner.execute("DELETE FROM policy WHERE id = $1", named)
            for table in ("policy", "authority"):
                await self.place.owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
            await self.place.owner.execute("INSERT INTO laid_after VALUES ($1, $2)", f"came-{came}", before["id"])
            await self.place.owner.execute("INSERT INTO came_into_force VALUES ($1)", f"came-{came}")

    # --- by the workflow's update ---------------------------------------------------------------------------------------------------------

    def story_is_told_of_any_decision(self) -> None:
        """Of every one on the case, of other cases' and of one that nobody made: it believes the answer to what it asks, and no other.

        After each answer, recall and edit, and no step of its own, which would leave fewer for the answers.
        """
        of_case = [row["id"] for row in self.now(self.place.sql(OF_THIS_CASE, self.case))]
        others = [row["id"] for row in self.now(self.place.sql(OF_ANOTHER, self.case))]
        believed = {decision for decision in (uuid4(), *of_case, *others) if self.is_believed(decision)}
        assert believed == ({self.true_answer} if self.true_answer else set()), (self.asked, of_case, others)
        if believed:
            self.count("told the true one")
        if others:
            self.count("told another case's")

    def is_believed(self, decision: UUID) -> bool:
        """Whether the story goes by this decision: as its row stands, and if it answers the question."""
        rows = self.now(self.place.sql(AS_ITS_ROW_SAYS, decision))
        try:
            told = self.now(run(self.place.runtime, lambda tx: read_decision(tx, ReadDecision(decision=decision))))
        except NoSuchDecision:
            assert rows == []
            return False
        assert [dict(row) for row in rows] == [told.model_dump(exclude={"excepted", "carried_out_from"})]
        if told.case == self.case and told.recalled:
            self.count("told a recalled one")
        if told.case == self.case and told.round < self.round:
            self.count("told an earlier round's")
        return self.asked.answered_by(told) and not told.recalled

    # --- by SQL, as the role that runs the service ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.waits_for is not None)
    @rule(person=ANYBODY, role=st.sampled_from(ROLES), links=st.lists(st.integers(0, 9), max_size=4), answer=BY_ROW, other=UNTRUE)
    def row_is_written(self, person: str, role: str, links: list[int], answer: str, other: str) -> None:
        """A decision as a row: any row of authority, any chain. The person and their roles are true, as the sign-in has them."""
        stage = self.waits_for
        assert stage is not None
        known = [row["id"] for row in self.now(self.place.sql("SELECT id FROM delegation ORDER BY id"))]
        chain = [known[at % len(known)] for at in links] if known else []
        policy = "(SELECT min(id) FROM policy WHERE kind = 'refund')" if other == "old policy" else "policy_in_force('refund')"
        rows = self.now(self.place.sql(f"SELECT id FROM authority WHERE act = 'decide' AND role = $1 AND policy_id = {policy}", role))
        shown = "0" * 64 if other == "hash" else self.hash, 1 if other == "amount" else self.pence
        self.write_row(person, rows[0]["id"] if rows else 0, chain, answer, *shown)

    @precondition(lambda self: self.waits_for is not None)
    @rule(which=st.integers(0, 9), answer=BY_ROW)
    def whoever_may_writes_the_row(self, which: int, answer: str) -> None:
        """What the rules allow is taken: by their own authority, or by the delegations through which it came to them."""
        stage = self.waits_for
        assert stage is not None
        person = self.one_of_those_who_may(which)
        mandate = self.mandate(person, stage)
        if mandate is None:
            return
        hands = [*reversed(mandate), person]
        links = pairwise(hands)
        enough = {(giver, taker): id_ for id_, (giver, taker, pence) in self.lent.items() if pence >= self.pence}
        [authority, *_] = self.now(self.place.sql(OF_WHOM_IT_COMES_FROM, list(CAST[hands[0]]), stage, self.pence))
        allowed = answer != "approved" or not self.tainted()
        taken = self.write_row(person, authority["id"], [enough[link] for link in links], answer, self.hash, self.pence)
        assert taken == allowed, (person, answer, self.pence, self.lent, self.participants)

    def write_row(self, person: str, authority: int, chain: list[UUID], answer: str, hash_: str, pence: int) -> bool:
        stage = self.waits_for
        assert stage is not None
        decision, words = uuid4(), "" if answer == "approved" else "No, by a row"
        values = (
            decision, self.tasks[stage], self.case, self.round, stage, self.stages, hash_, pence, person, list(CAST[person]), authority,
            answer, words, chain,
        )  # fmt: skip
        written = self.row_taken(WRITTEN, *values)
        self.count("rows tried")
        if written:
            self.count("rows taken")
            givers = self.now(self.place.sql("SELECT giver FROM delegation WHERE id = ANY ($1)", chain))
            self.decided(decision, answer, words, stage, frozenset({person, *(one["giver"] for one in givers)}), at_the_desk=False)
        return written

    @rule(person=ANYBODY, giver=ANYBODY, taker=ANYBODY, days=st.sampled_from([-1, 0, 1]))
    def delegation_is_written(self, person: str, giver: str, taker: str, days: int) -> None:
        """Lent, dated back or forward, or ended by somebody else: as rows."""
        id_, day = self.next_delegation(), estate.TODAY + timedelta(days=days)
        roles = list(CAST[giver])
        taken = self.row_taken(
            "INSERT INTO delegation VALUES ($1, $2, $3, $4, 1000000, $5, $5, '2001-01-01')", id_, giver, roles, taker, day
        )
        assert taken == (giver != taker and "hugo.auditor" not in (giver, taker) and days >= 0)
        if taken and days == 0:
            self.lent[id_] = (giver, taker, 10_000_00)
        for other in list(self.lent):
            if self.lent[other][:2] == (giver, taker) and person not in (giver, taker):
                assert not self.row_taken("INSERT INTO delegation_end VALUES ($1, $2, '2001-01-01')", other, person)

    @rule(statement=st.sampled_from([
        "DELETE FROM decision", "UPDATE decision SET answer = 'approved'", "DELETE FROM participant", "TRUNCATE decision CASCADE",
        "UPDATE delegation SET ceiling_pence = 1000000000", "DELETE FROM delegation_end", "UPDATE policy_check SET answer = 'accepted'",
        "UPDATE authority SET to_pence = NULL", "ALTER TABLE decision DISABLE TRIGGER guard", "SET session_replication_role = replica",
        "INSERT INTO authority (policy_id, act, stage, role, from_pence) SELECT id, 'decide', 1, 'officer', 1 FROM policy LIMIT 1",
    ]))  # fmt: skip
    def record_is_attacked(self, statement: str) -> None:
        assert not self.row_taken(statement)

    def row_taken(self, statement: str, *values: Any) -> bool:
        try:
            self.now(self.place.sql(statement, *values))
        except asyncpg.PostgresSyntaxError:
            raise
        except asyncpg.PostgresError:
            return False
        return True

    # --- what the model knows -------------------------------------------------------------------------------------------------------------

    def mandates(self, person: str, stage: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        """What a person may decide at a stage, and through whom: their own, and each chain of at most three links without a circle."""

        def own(who: str) -> int:
            return max((most for (role, at), (_, most) in self.limits.items() if at == stage and role in CAST[who]), default=0)

        def up(who: str, ceiling: int, through: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
            if own(who):
                yield min(own(who), ceiling), through
            if len(through) < MOST_LINKS:
                for giver, taker, pence in self.lent.values():
                    if taker == who and giver not in (person, *through):
                        yield from up(giver, min(ceiling, pence), (*through, giver))

        yield from up(person, WITHOUT_LIMIT, ())

    def mandate(self, person: str, stage: int) -> tuple[str, ...] | None:
        """Through whom the person may decide the task that waits; None where they may not. Their own authority and shorter chains first."""
        earlier = frozenset[str]().union(*(people for at, (_, people) in self.approved.items() if at < stage))
        if person == "hugo.auditor" or person in self.participants | earlier or self.claimed_by not in (None, person):
            return None
        others, found = self.participants | earlier, self.mandates(person, stage)
        free = [through for most, through in found if most >= self.pence and others.isdisjoint(through)]
        return min(free, key=len, default=None)

    def tainted(self) -> bool:
        """An approval counts only if the table still asks for as many stages, and no earlier approver took part since."""
        stages = max((stage for (_, stage), (low, most) in self.limits.items() if low <= self.pence <= most), default=0)
        return stages != self.stages or any(people & self.participants for _, people in self.approved.values())

    # --- after every step -----------------------------------------------------------------------------------------------------------------

    @invariant()
    def every_promise_holds(self) -> None:
        if hasattr(self, "limits"):
            assert self.now(self.place.broken()) == []

    def teardown(self) -> None:
        """What one course lent does not reach into the next."""
        for id_, (giver, _, _) in getattr(self, "lent", {}).items():
            self.now(self.place.sql("INSERT INTO delegation_end VALUES ($1, $2) ON CONFLICT DO NOTHING", id_, giver))

    def use_case(self, person: str, use_case: Any, form: Any, id_: UUID) -> Coroutine[Any, Any, Any]:
        caller = Caller(person, frozenset(CAST[person]), str(id_))
        return run(self.place.runtime, lambda tx: use_case(tx, form), caller=caller)

    def tried(self, work: Coroutine[Any, Any, object]) -> bool:
        try:
            self.now(work)
        except BrokenRule:
            return False
        return True

    def note(self, statement: str, *values: Any) -> None:
        self.now(self.place.sql(statement, *values, owner=True))

    def next_delegation(self) -> UUID:
        """An id that sorts in the order of making: what is drawn by place is then the same whenever the same course is played."""
        return UUID(int=next(self.numbers))

    def count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1

    def now(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)


@pytest.mark.timeout(3600 if WHOLE else 900)
async def test_four_eyes_and_authority_hold_for_any_cast_in_any_order(place: Place, played: "Counter[str]") -> None:
    counted: dict[str, int] = {}
    given = {"place": place, "loop": asyncio.get_running_loop(), "counted": counted, "numbers": count(1)}

    async def missing() -> frozenset[str]:
        answered = sum(counted.get(answer, 0) for answer in ("approved", "declined", "sent-back"))
        return (HAPPEN - counted.keys()) | ({"answers enough"} if answered < LEAST_ANSWERS else set())

    await play_until(Cast, given, missing, played, courses=COURSES, steps=STEPS)


BROKEN = (
    "INSERT INTO approval_case (id) VALUES ('00000000-0000-0000-0000-000000000001')",
    """INSERT INTO task (id, kind, case_id, attempt, round, stage, stages, account, amount_pence, content_hash, lane, lane_reasons,
         raised_by, workflow_id, policy_id, required_role, opened_at, priority_at, due_on, remind_on, escalate_on)
       SELECT ('00000000-0000-0000-0000-00000000000' || stage)::uuid, 'refund', '00000000-0000-0000-0000-000000000001', 1, 1, stage, 2,
         gen_random_uuid(), 900000, repeat('a', 64), 'green', '{}', 'asha.officer', 'w', policy_in_force('refund'), 'finance', now(), now(),
         now(), now(), now() FROM generate_series(1, 2) AS stage""",
    """INSERT INTO delegation VALUES
       ('00000000-0000-0000-0000-00000000000a', 'carol.senior', '{senior-officer}', 'dev.leader', 1, now() - interval '9 days',
         now() - interval '8 days', now())""",
    """INSERT INTO decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,
         authority_id, answer, reason_code, text, decided_at, delegations)
       SELECT gen_random_uuid(), ('00000000-0000-0000-0000-00000000000' || stage)::uuid, '00000000-0000-0000-0000-000000000001', 1, 1,
         stage, 2, repeat('a', 64), 900000, 'hugo.auditor', '{auditor}', (SELECT min(id) FROM authority), 'approved', 'x', '', now(),
         array_fill('00000000-0000-0000-0000-00000000000a'::uuid, ARRAY[4]) FROM generate_series(1, 2) AS stage""",
    "INSERT INTO participant VALUES ('00000000-0000-0000-0000-000000000001', 'carol.senior', 'evidence', now() - interval '1 minute')",
    """INSERT INTO release VALUES
       ('00000000-0000-0000-0000-00000000000c', 'carol.senior', '{finance}', (SELECT min(id) FROM authority), 1, 900000)""",
    "INSERT INTO release_line SELECT '00000000-0000-0000-0000-00000000000c', case_id, 1, repeat('b', 64), 900000, id FROM decision LIMIT 1",
    "INSERT INTO answered VALUES (gen_random_uuid(), 'declined', 'no', true)",
    """INSERT INTO policy_proposal (id, council, kind, in_force_from, decide_within_working_days, remind_after_working_days,
         escalate_after_working_days, claim_minutes, bulk_most_lines, bulk_most_pence, bulk_opened_first, source, authorities, proposed_by,
         roles, proposed_at) VALUES ('00000000-0000-0000-0000-00000000000b', 'x', 'refund', now(), 5, 3, 6, 30, 1, 1, 1, 'x', '[]',
         'farid.head', '{head-of-service}', now())""",
    "INSERT INTO policy_check VALUES ('00000000-0000-0000-0000-00000000000b', 'farid.head', '{head-of-service}', 'accepted', '', now())",
    """INSERT INTO policy SELECT 'gained', council, kind, '2026-05-01', 5, 3, 6, 30, 'x', 'ella.manager', 'farid.head', now(), 0, 0, 1
       FROM policy WHERE id = 'refund-2026-04-01'""",
    "INSERT INTO authority (policy_id, act, stage, role, from_pence) VALUES ('gained', 'decide', 1, 'income-manager', 1)",
    "INSERT INTO laid_after VALUES ('gained', 'refund-2026-04-01')",
)
"""What somebody could do who owns the tables and has switched the rules off."""

UNBREAKABLE = {"a task is decided once"}
"""Kept by a unique constraint, which stands without triggers."""


async def test_each_promise_bites_when_the_rules_are_off(place: Place) -> None:
    assert await place.broken() == []
    for table in ("task", "delegation", "decision", "participant", "policy_proposal", "policy_check", "release", "release_line"):
        await place.owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for statement in BROKEN:
        await place.owner.execute(statement)
    assert set(PROMISES) - set(await place.broken()) == UNBREAKABLE
