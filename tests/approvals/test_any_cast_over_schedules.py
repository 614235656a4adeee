"""Four eyes and authority over schedules of each kind: any people propose, prove, list, decide, lend and answer in any order.

A schedule is of debts, of debts to put back, or of unclaimed credits. Of the reasons for a write-off those are drawn that a document and a
manager's note show: what another asks for is shown in time, and this is of people.

Writeoffs and approvals are themselves, each over its database; what the story does between them the test does. The model is small: it notes
who had a hand in it, what was shown, and who holds which role. The promises are asked by SQL of the test's own after every step that
decided something.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from approvals import queries
from approvals.domain.delegation import StaysWithItsOffice
from approvals.domain.eligibility import Part
from approvals.domain.forms import AnswerSchedule, BeAway, LendAuthority, TakeBack
from approvals.domain.words import business_date
from approvals.use_cases.be_away import be_away
from approvals.use_cases.decide_schedule import decide_schedule
from approvals.use_cases.lend_authority import end_delegation, lend_authority
from approvals.use_cases.open_schedule_task import open_schedule_task
from approvals.use_cases.read_decision import round_decided
from approvals.use_cases.recall_decision import recall_decision
from chassis.peers import SYSTEM, Caller
from chassis.transaction import run
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rentbook_contracts.approvals import Answer, OpenScheduleTask
from rentbook_contracts.ledger import LineKind, PastWriteOff
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.people import MANAGERS
from rentbook_contracts.workflows import schedule_workflow_id
from rentbook_contracts.writeoffs import (
    AddProof,
    AssessProposal,
    BeginRound,
    EvidenceKind,
    MakeSchedule,
    NoteSchedule,
    Propose,
    Reason,
    ScheduleOfHash,
    ScheduleStatus,
    TakeOffSchedule,
)
from rentbook_contracts.writeoffs import (
    AnswerSchedule as AnswerQuestion,
)
from support.courses import WHOLE, play_until
from support.debts import in_credit, owed
from support.office import PEOPLE, Office
from support.servers import Postgres
from support.write_off_office import minuted
from support.write_off_service import WriteOffs, running
from writeoffs import queries as of_writeoffs
from writeoffs.use_cases.assess import assess_proposal
from writeoffs.use_cases.change_proposal import add_proof
from writeoffs.use_cases.propose import propose
from writeoffs.use_cases.rounds import begin_round, note_schedule
from writeoffs.use_cases.schedules import answer_schedule, make_schedule, take_off_schedule

T = TypeVar("T")

CAST = PEOPLE
RECORDERS = {person for person, roles in CAST.items() if "democratic-services" in roles}
WORKERS = sorted(person for person, roles in CAST.items() if not {"auditor", "executive-member", "democratic-services"} & set(roles))
MIGHTY = ("ines.manager", "kim.s151", "kit.s151", "mel.member", "dee.democratic")
ANYBODY = st.sampled_from([*sorted(CAST), *MIGHTY, *MIGHTY])
"""Those with the most authority come more often, or few schedules would get far."""
WORKER = st.sampled_from([*("ola.officer", "ben.officer", "sen.senior") * 4, *WORKERS])
"""Mostly those who decide little: where everybody took part nobody decides, and nothing more is to be seen."""
MANAGER = st.sampled_from([*("hana.head",) * 4, *sorted(person for person, roles in CAST.items() if MANAGERS & set(roles))])
"""Who writes the manager's note: mostly one who decides no write-off."""
K = EvidenceKind
TO_WRITE_OFF = (Reason.EMIGRATED, Reason.PRISON, Reason.DISPUTED_END, Reason.JUDGMENT_UNENFORCEABLE)
REASONS = st.sampled_from([*TO_WRITE_OFF, *(Reason.TRACED, Reason.UNCLAIMED) * 2])
"""Half of the schedules write debts off, the others put them back or take credits to income."""
KIND_OF = {Reason.TRACED: LineKind.REINSTATEMENT, Reason.UNCLAIMED: LineKind.CREDIT_WRITE_ON}
SHOWN_BY = {Reason.TRACED: ((K.FOUND, 0),), Reason.UNCLAIMED: tuple((K.RETURN_ATTEMPT, 370 * times) for times in range(1, 7))}
"""What is shown beside a manager's note, and how many days ago it was; of every other reason a document of today."""
TOTALS = (30_00, 49_99, 50_00, 4_999_99, 5_000_00, 20_000_00, 60_000_00, 60_000_00, 60_000_00)
CEILINGS = (40_00, 1_000_00, 9_000_00, 49_999_00)
SMALL = 12_00
OFFICES = {"executive-member", "democratic-services"}
ROLES = sorted({role for roles in CAST.values() for role in roles})
ANSWERS = st.sampled_from([Answer.APPROVED] * 4 + [Answer.DECLINED] * 2 + [Answer.SENT_BACK] * 3)
EXAMPLES = 56 if WHOLE else 14
STEPS = 24
HAPPEN = frozenset({
    "approved", "declined", "sent-back", "resubmitted", "complete", "lines left out", "lines taken off", "by lent authority",
    "by a chain", "by a minute", "recalled", "limits changed", "rows tried", "rows taken", "kept with its office",
    "behind it meanwhile", *(f"a {kind.value} complete" for kind in LineKind),
})  # fmt: skip
ROUNDS = 4
CROWD = 7
"""People with a hand in it, after which nobody else comes to stand behind a debt: somebody is to be left who may decide."""
MOST_LINKS = 3

LINKS = """
WITH link AS (
  SELECT d.id AS decision, d.decided_by, d.decided_at, s.amount_pence, one.at, l.*, e.ended_at, cardinality(d.delegations) AS links
  FROM decision d JOIN shown s ON s.task = d.task_id
  CROSS JOIN LATERAL unnest(d.delegations) WITH ORDINALITY AS one (delegation, at)
  LEFT JOIN delegation l ON l.id = one.delegation LEFT JOIN delegation_end e ON e.delegation_id = one.delegation
)
"""
PROMISES = {
    "nobody decides who had a hand in it, and nobody by such a person's authority": """
        SELECT 1 FROM decision d JOIN took_part t ON t.schedule = d.case_id AND t.at <= d.decided_at
        WHERE t.person = d.decided_by OR t.person IN (SELECT giver FROM delegation WHERE id = ANY (d.delegations))""",
    "no decision is above the limit in force at that moment, of a role that was really held": """
        SELECT 1 FROM decision d JOIN shown s ON s.task = d.task_id WHERE NOT EXISTS (
          SELECT FROM authority a JOIN really ON really.role = a.role AND really.person = coalesce(
            (SELECT giver FROM delegation WHERE id = d.delegations[1]), d.decided_by)
          WHERE a.act = 'decide' AND a.stage = d.stage AND (a.to_pence IS NULL OR s.amount_pence <= a.to_pence)
          AND (a.from_pence <= s.amount_pence
            OR (d.stages = 1 AND a.body IS NULL AND a.role NOT IN ('executive-member', 'democratic-services')))
          AND a.policy_id = (SELECT policy_id FROM came_into_force f WHERE f.at <= d.decided_at ORDER BY f.at DESC LIMIT 1))""",
    "no decision is above the smallest ceiling of its delegations": f"""{LINKS}
        SELECT 1 FROM link WHERE (amount_pence <= ceiling_pence) IS NOT TRUE""",
    "every delegation of a chain was in force": f"""{LINKS} SELECT 1 FROM link
        WHERE giver IS NULL OR given_at > decided_at OR ended_at < decided_at
        OR (decided_at AT TIME ZONE 'Europe/London')::date NOT BETWEEN from_on AND until_on""",
    "a chain leads to the decider": f"""{LINKS}
        SELECT 1 FROM link LEFT JOIN link AS next ON next.decision = link.decision AND next.at = link.at + 1
        WHERE link.taker <> coalesce(next.giver, link.decided_by)""",
    "a chain has at most three links": f"{LINKS} SELECT 1 FROM link WHERE links > {MOST_LINKS}",
    "a chain has no circle": f"""{LINKS} SELECT 1 FROM link GROUP BY decision, decided_by, links
        HAVING count(DISTINCT giver) <> links OR decided_by = ANY (array_agg(giver))""",
    "a decision is on the lines and the band that its task showed": """
        SELECT 1 FROM decision d LEFT JOIN shown s ON s.task = d.task_id
        AND (s.content_hash, s.amount_pence) = (d.content_hash, d.amount_pence) WHERE s.task IS NULL""",
    "only lines that were shown are left out, and never all of them": """
        SELECT 1 FROM decision_exception e JOIN decision d ON d.id = e.decision_id JOIN shown s ON s.task = d.task_id
        WHERE e.line <> ALL (s.lines)
        UNION ALL SELECT 1 FROM shown s WHERE EXISTS (SELECT FROM decision d WHERE d.task_id = s.task AND d.answer = 'approved')
        AND s.lines <@ (SELECT array_agg(e.line) FROM decision_exception e JOIN decision d ON d.id = e.decision_id
          JOIN decision mine ON mine.task_id = s.task AND (mine.case_id, mine.round) = (d.case_id, d.round) AND d.stage <= mine.stage
          WHERE NOT EXISTS (SELECT FROM recall WHERE decision_id = d.id))""",
    "what comes with an office was decided by people of that office alone": """
        SELECT 1 FROM decision d JOIN authority a ON a.id = d.authority_id
        WHERE (a.body IS NOT NULL OR a.role IN ('executive-member', 'democratic-services')) AND EXISTS (
          SELECT FROM unnest(d.decided_by || ARRAY(SELECT giver FROM delegation WHERE id = ANY (d.delegations))) AS who
          WHERE NOT EXISTS (SELECT FROM really WHERE person = who AND role = a.role))""",
    "each stage has people of its own, and comes after the stage before": """
        SELECT 1 FROM decision d JOIN decision e ON (d.case_id, d.round) = (e.case_id, e.round) AND d.stage < e.stage
        WHERE NOT EXISTS (SELECT FROM recall WHERE decision_id IN (d.id, e.id))
        AND (d.decided_by || ARRAY(SELECT giver FROM delegation WHERE id = ANY (d.delegations)))
         && (e.decided_by || ARRAY(SELECT giver FROM delegation WHERE id = ANY (e.delegations)))
        UNION ALL SELECT 1 FROM decision d WHERE d.stage > 1 AND NOT EXISTS (
          SELECT FROM decision e WHERE (e.case_id, e.round, e.stage, e.answer) = (d.case_id, d.round, d.stage - 1, 'approved')
          AND e.decided_at <= d.decided_at)""",
    "what a body decided has its minute, and nothing else has one": """
        SELECT 1 FROM decision d JOIN authority a ON a.id = d.authority_id LEFT JOIN minute m ON m.decision_id = d.id
        WHERE (a.body IS NOT NULL AND d.answer <> 'sent-back') <> (m.decision_id IS NOT NULL) OR m.body <> a.body""",
    "a body met no earlier than the round began that it decides, and not in the future": """
        SELECT 1 FROM decision d JOIN minute m ON m.decision_id = d.id
        WHERE m.met_on NOT BETWEEN (
          SELECT min(opened_at AT TIME ZONE 'Europe/London')::date FROM task t WHERE (t.case_id, t.round) = (d.case_id, d.round)
        ) AND (d.decided_at AT TIME ZONE 'Europe/London')::date""",
    "a decision of members waits out its call-in": """
        SELECT 1 FROM decision d JOIN authority a ON a.id = d.authority_id
        WHERE d.carried_out_from < (d.decided_at AT TIME ZONE 'Europe/London')::date + a.call_in_working_days""",
    "no auditor decides": "SELECT 1 FROM decision JOIN really ON person = decided_by WHERE role = 'auditor'",
    "a task is decided once": "SELECT 1 FROM decision GROUP BY task_id HAVING count(*) > 1",
    "no decision came from elsewhere": "SELECT 1 FROM decision WHERE id NOT IN (SELECT decision FROM answered)",
}
"""What must find no row. `really`, `took_part`, `shown`, `answered` and `came_into_force` are the test's own notes beside the tables."""

NOTES = (
    "CREATE TABLE really (person text, role text)",
    "CREATE TABLE took_part (schedule uuid, person text, at timestamptz DEFAULT clock_timestamp())",
    "CREATE TABLE shown (task uuid, content_hash text, amount_pence bigint, lines uuid[])",
    "CREATE TABLE answered (decision uuid)",
    "CREATE TABLE came_into_force (policy_id text, at timestamptz DEFAULT clock_timestamp())",
)

WRITTEN = """
INSERT INTO decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,
  authority_id, answer, reason_code, text, delegations, carried_out_from)
VALUES ($1, $2, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'row', 'by a row', $13, today() + 60)
"""

LAST_LENT = "SELECT id, giver FROM delegation WHERE taker = $1 ORDER BY given_at DESC LIMIT 1"

LATER = """
INSERT INTO policy SELECT $1::text, council, kind, (SELECT max(in_force_from) + 1 FROM policy WHERE kind = 'write-off'),
  decide_within_working_days, remind_after_working_days, escalate_after_working_days, claim_minutes, source, made_by, checked_by, made_at,
  bulk_most_lines, bulk_most_pence, bulk_opened_first
FROM policy WHERE id = 'write-off-2021-07-01'
"""
ITS_BANDS = """
INSERT INTO authority (policy_id, act, stage, role, from_pence, to_pence, body, call_in_working_days)
SELECT $1::text, act, stage, role, CASE WHEN from_pence = 5000 THEN $2 + 1 ELSE from_pence END,
  CASE WHEN to_pence = 4999 THEN $2 ELSE to_pence END, body, call_in_working_days
FROM authority WHERE policy_id = 'write-off-2021-07-01'
"""


ATTACKS = (
    "DELETE FROM decision_exception",
    "UPDATE schedule_task_line SET debtor_total_pence = 1",
    "DELETE FROM minute",
    "DELETE FROM participant",
    "TRUNCATE schedule_task_line",
    "UPDATE decision SET carried_out_from = '2001-01-01'",
    "UPDATE authority SET to_pence = NULL",
    "ALTER TABLE decision DISABLE TRIGGER guard_schedule",
    "UPDATE authority SET policy_id = 'write-off-2021-07-01'",
)
"""What the role that runs the service may not do."""


@dataclass
class Place:
    """Approvals and writeoffs, each over its own database. `actors`: who the ledger says stands behind the debts.

    `elsewhere`: who refunds says took part in a request for a credit that was not paid.
    """

    office: Office
    writeoffs: WriteOffs
    app: asyncpg.Connection
    owner: asyncpg.Connection
    actors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/queries/schedule-to-decide":
            asked = ScheduleOfHash.model_validate_json(request.content)
            told = await self.writeoffs.ask(of_writeoffs.schedule_to_decide, asked)
            return httpx.Response(200, text=told.model_dump_json())
        if request.url.path == "/queries/actors-behind":
            return httpx.Response(200, json={"actors": self.actors})
        if request.url.path == "/queries/asked-in-vain":
            return httpx.Response(200, json={"people": self.elsewhere})
        return httpx.Response(404)

    async def broken(self) -> list[str]:
        return [promise for promise, wanted in PROMISES.items() if await self.owner.fetch(wanted)]


@pytest.fixture
async def place(office: Office, postgres: Postgres, tmp_path: Path) -> AsyncIterator[Place]:
    (tmp_path / "writeoffs").mkdir()
    database = office.database
    app, owner = await asyncpg.connect(database.app_dsn), await asyncpg.connect(database.owner_dsn)
    async with running(await postgres.new_database("writeoffs"), tmp_path / "writeoffs") as made:
        found = Place(office, made, app, owner)
        made.approvals.itself = lambda asked: run(office.runtime, lambda tx: round_decided(tx, asked), read_only=True)
        office.runtime.settings.peers["writeoffs"] = "http://writeoffs"
        async with httpx.AsyncClient(transport=httpx.MockTransport(found.answer)) as peers:
            office.runtime.http = peers
            for statement in NOTES:
                await owner.execute(statement)
            for person, roles in CAST.items():
                await office.signs_in(person, *roles)
                await owner.executemany("INSERT INTO really VALUES ($1, $2)", [(person, role) for role in roles])
            await owner.execute("INSERT INTO came_into_force SELECT policy_in_force('write-off')")
            yield found
    await app.close()
    await owner.close()


class Cast(RuleBasedStateMachine):
    """One schedule from its proposals on. `place`, `loop` and `counted` are given by the test."""

    place: Place
    loop: asyncio.AbstractEventLoop
    counted: dict[str, int]
    unchecked = False
    """Whether a decision was written, or taken back, since the promises were last asked."""

    # --- raised -------------------------------------------------------------------------------------------------------------------------

    @initialize(
        raiser=WORKER, helper=WORKER, manager=MANAGER, maker=WORKER, actor=WORKER | ANYBODY, total=st.sampled_from(TOTALS), reason=REASONS
    )
    def schedule_is_made(self, raiser: str, helper: str, manager: str, maker: str, actor: str, total: int, reason: Reason) -> None:
        self.lent = dict[UUID, tuple[str, str]]()
        self.raise_schedule(raiser, helper, manager, maker, actor, total, reason)

    @precondition(lambda self: not self.waits and not self.sent_back)
    @rule(
        raiser=WORKER, helper=WORKER, manager=MANAGER, maker=WORKER, actor=WORKER | ANYBODY, total=st.sampled_from(TOTALS), reason=REASONS
    )
    def the_next_schedule_is_made(self, raiser: str, helper: str, manager: str, maker: str, actor: str, total: int, reason: Reason) -> None:
        """The one before was decided."""
        self.raise_schedule(raiser, helper, manager, maker, actor, total, reason)

    def raise_schedule(self, raiser: str, helper: str, manager: str, maker: str, actor: str, total: int, reason: Reason) -> None:
        """`actor` stands behind the debts; behind credits by a request for their refund that was not paid."""
        self.kind = KIND_OF.get(reason, LineKind.WRITE_OFF)
        of_credits = self.kind is LineKind.CREDIT_WRITE_ON
        self.place.actors, self.place.elsewhere = ([], [actor]) if of_credits else ([actor], [])
        self.round, self.hands = 0, {actor}
        self.lines = dict[UUID, int]()
        for pence in (total, SMALL):
            told = self.to_propose(reason, pence)
            proposal = self.now(self.as_worker(raiser, propose, told)).proposal
            self.lines[proposal] = pence
            for shown, days_ago in SHOWN_BY.get(reason, ((K.DOCUMENT, 0),)):
                self.prove(helper, proposal, shown, days_ago)
            self.prove(manager, proposal, K.MANAGER_NOTE)
            self.now(self.place.writeoffs.do(assess_proposal, AssessProposal(proposal=proposal, attempt=1)))
        made = self.now(self.as_worker(maker, make_schedule, MakeSchedule(title="November", proposals=tuple(self.lines))))
        self.schedule = made.schedule
        for person in (raiser, helper, manager, maker, actor):
            self.takes_part(person)
        self.begin_round()

    def to_propose(self, reason: Reason, pence: int) -> Propose:
        """Of an account that owes so much, has it in credit since long ago, or of which it was written off: a small part comes back."""
        at, today = self.place.writeoffs, business_date(datetime.now(UTC))
        account, undoes, part = at.owing(pence), None, None
        match self.kind:
            case LineKind.CREDIT_WRITE_ON:
                at.moved(account, **in_credit(pence, today - timedelta(days=2300)))
            case LineKind.REINSTATEMENT:
                past = PastWriteOff(
                    journal=uuid4(), line=uuid4(), on=today, amount_pence=pence, reinstated_pence=0, discharged=False,
                    debtor_total_pence=pence, charges=(owed(pence),),
                )  # fmt: skip
                at.moved(account, balance_pence=0, charges=(), debtor_total_pence=0, write_offs=(past,))
                undoes, part = past.journal, SMALL
        return Propose(kind=self.kind, account=account, reason=reason, undoes=undoes, amount_pence=part)

    def prove(self, person: str, proposal: UUID, kind: EvidenceKind, days_ago: int = 0) -> None:
        on = business_date(datetime.now(UTC)) - timedelta(days=days_ago)
        self.now(self.as_worker(person, add_proof, AddProof(proposal=proposal, kind=kind, on=on, reference="R 1")))

    def begin_round(self) -> None:
        self.round += 1
        self.sent_back = self.refused = False
        self.approvals = list[tuple[UUID, str]]()
        begun = self.now(self.place.writeoffs.do(begin_round, BeginRound(schedule=self.schedule, round=self.round)))
        assert begun.content_hash is not None, "a line is always left"
        self.hash, self.stage = begun.content_hash, 0
        self.open_stage()

    def open_stage(self) -> None:
        """The story asks for the next decision."""
        self.stage += 1
        asked = OpenScheduleTask(
            schedule=self.schedule, round=self.round, stage=self.stage, content_hash=self.hash,
            workflow_id=schedule_workflow_id(self.schedule),
        )  # fmt: skip
        opened = self.now(run(self.place.office.runtime, lambda tx: open_schedule_task(tx, asked), caller=SYSTEM))
        self.task, self.stages = opened.task, opened.stages
        self.waits, self.band = True, max(self.lines.values())
        self.note("INSERT INTO shown VALUES ($1, $2, $3, $4)", self.task, self.hash, self.band, list(self.lines))

    # --- decided ------------------------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.waits)
    @rule(
        person=ANYBODY, answer=ANSWERS, leaves_out=st.booleans(), minute=st.booleans(), met_ago=st.sampled_from([0, 0, 1]),
        seen=st.sampled_from(["it", "it", "it", "else"]),
    )  # fmt: skip
    def schedule_is_answered(self, person: str, answer: Answer, leaves_out: bool, minute: bool, met_ago: int, seen: str) -> None:
        shown = self.hash if seen == "it" else "0" * 64
        self.answer(person, answer, leaves_out=leaves_out, minute=minute, seen=shown, met_ago=met_ago)

    @precondition(lambda self: self.waits)
    @rule(which=st.integers(0, 6), answer=ANSWERS)
    def somebody_who_may_answers(self, which: int, answer: Answer) -> None:
        self.somebody_who_may(which, answer, leaves_out=True)

    def somebody_who_may(self, which: int, answer: Answer, *, leaves_out: bool) -> None:
        person = self.able(which)
        if person is not None:
            assert person not in self.hands
            taken = self.answer(person, answer, leaves_out=leaves_out, minute=person in RECORDERS, seen=self.hash)
            assert taken or answer is Answer.APPROVED, (person, answer)

    @precondition(lambda self: self.waits and len(self.hands) < CROWD)
    @rule(person=ANYBODY)
    def somebody_comes_to_stand_behind_a_debt(self, person: str) -> None:
        """A hold is lifted or a bank file brought while the task waits: the ledger says so when it is asked again."""
        self.place.actors.append(person)
        self.takes_part(person)
        self.count("behind it meanwhile")

    def able(self, which: int) -> str | None:
        """Somebody of the role that is asked for, whom the page lets answer."""
        role = self.now(self.place.app.fetchval("SELECT required_role FROM task WHERE id = $1", self.task))
        people = sorted(person for person, roles in CAST.items() if role in roles)
        for at in range(len(people)):
            person = people[(which + at) % len(people)]
            page = self.now(self.place.office.look(person, queries.task_page, self.task, dict.fromkeys(self.place.actors, Part.LEDGER)))
            if page is not None and page.row.why_not is None:
                return person
        return None

    @precondition(lambda self: self.waits)
    @rule(which=st.integers(0, 6))
    def all_who_are_asked_approve(self, which: int) -> None:
        """As far as there is anybody."""
        for _ in range(self.stages):
            if self.waits:
                self.somebody_who_may(which, Answer.APPROVED, leaves_out=False)

    def answer(self, person: str, answer: Answer, *, leaves_out: bool, minute: bool, seen: str, met_ago: int = 0) -> bool:
        """By a minute, where there is one, of a meeting so many days ago."""
        left_out = dict.fromkeys(list(self.lines)[-1:], "wrong-amount") if leaves_out and answer is Answer.APPROVED else {}
        reason = {Answer.APPROVED: "evidence-complete", Answer.DECLINED: "evidence-not-enough", Answer.SENT_BACK: "line-unclear"}[answer]
        words = "" if answer is Answer.APPROVED else "Please see the note."
        asks = "ola.officer" if answer is Answer.SENT_BACK else None
        kept = replace(minuted(), met_on=business_date(datetime.now(UTC)) - timedelta(days=met_ago))
        given = kept if minute and answer is not Answer.SENT_BACK else None
        form = AnswerSchedule(self.task, seen, answer, reason, words, asks, left_out, given)
        decision = uuid4()
        if not self.tried(self.as_decider(person, decide_schedule, form, decision)):
            return False
        assert seen == self.hash
        assert person not in self.hands
        self.decided(decision, person, answer)
        if left_out:
            self.count("lines left out")
        if given is not None:
            self.count("by a minute")
        return True

    def decided(self, decision: UUID, person: str, answer: Answer, *, told: bool = True) -> None:
        self.unchecked = True
        self.note("INSERT INTO answered VALUES ($1)", decision)
        [row] = self.now(self.place.app.fetch("SELECT delegations FROM decision WHERE id = $1", decision))
        self.count("by lent authority" if row["delegations"] else "by own authority")
        if len(row["delegations"]) > 1:
            self.count("by a chain")
        self.count(answer.value)
        self.waits, self.refused = False, answer is not Answer.APPROVED
        if answer is Answer.APPROVED:
            self.approvals.append((decision, person))
            if self.stage < self.stages:
                self.open_stage()
            elif told:
                self.let_through(decision)
        elif answer is Answer.SENT_BACK:
            self.sent_back = True
            self.now(self.place.writeoffs.do(note_schedule, NoteSchedule(schedule=self.schedule, status=ScheduleStatus.SENT_BACK)))

    def let_through(self, decision: UUID) -> None:
        """The ledger hears of every line that was shown and that no stage left out, by its hash, and of no other."""
        [fact] = self.now(self.place.app.fetch(
            "SELECT body FROM outbox_event WHERE headers ->> 'ce_type' = 'approvals.write-off-decided.v1'"
            " AND body::jsonb ->> 'decision' = $1", str(decision)))  # fmt: skip
        out = self.now(self.place.app.fetch(
            "SELECT line FROM decision_exception WHERE decision_id = ANY ($1)", [made for made, _ in self.approvals]))  # fmt: skip
        told = json.loads(fact["body"])
        assert {UUID(line["line"]) for line in told["lines"]} == set(self.lines) - {row["line"] for row in out}
        self.count("complete")
        self.count(f"a {self.kind.value} complete")

    @precondition(lambda self: bool(self.approvals) and not self.refused and self.round < ROUNDS)
    @rule(anybody=ANYBODY, themselves=st.booleans())
    def approval_is_recalled(self, anybody: str, themselves: bool) -> None:
        decision, approver = self.approvals[-1]
        person = approver if themselves else anybody
        taken = self.tried(self.as_decider(person, recall_decision, TakeBack(decision, "A slip"), uuid4()))
        assert taken or person != approver
        if taken:
            self.count("recalled")
            self.unchecked = True
            self.begin_round()

    # --- changed while it is asked ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.sent_back and len(self.lines) > 1)
    @rule(person=WORKER | ANYBODY, first=st.booleans())
    def line_is_taken_off(self, person: str, first: bool) -> None:
        proposal = list(self.lines)[0 if first else -1]
        asked = TakeOffSchedule(schedule=self.schedule, proposal=proposal, note="Not this one")
        taken = self.tried(self.as_worker(person, take_off_schedule, asked))
        assert taken == (person in WORKERS)
        if taken:
            self.count("lines taken off")
            self.takes_part(person)
            del self.lines[proposal]

    @precondition(lambda self: self.sent_back and self.round < ROUNDS)
    @rule(person=WORKER | ANYBODY)
    def question_is_answered(self, person: str) -> None:
        taken = self.tried(self.as_worker(person, answer_schedule, AnswerQuestion(schedule=self.schedule, note="This is why")))
        assert taken == (person in WORKERS)
        if taken:
            self.count("resubmitted")
            self.takes_part(person)
            self.begin_round()

    # --- lent, away, another table ------------------------------------------------------------------------------------------------------

    @rule(giver=ANYBODY, through=st.lists(ANYBODY, min_size=1, max_size=4, unique=True), pence=st.sampled_from(CEILINGS))
    def authority_is_lent(self, giver: str, through: list[str], pence: int) -> None:
        """From hand to hand."""
        for one, other in zip([giver, *through], through, strict=False):
            self.lend(one, other, pence)

    def lend(self, giver: str, taker: str, pence: int) -> None:
        today, form = business_date(datetime.now(UTC)), uuid4()
        try:
            if self.tried(self.as_decider(giver, lend_authority, LendAuthority(taker, pence, today, today), form), StaysWithItsOffice):
                self.lent[form] = (giver, taker)
        except StaysWithItsOffice:
            assert OFFICES & set(CAST[giver]) - set(CAST[taker])
            self.count("kept with its office")

    @precondition(lambda self: self.waits)
    @rule(which=st.integers(0, 6), taker=ANYBODY, missing=st.sampled_from([0, 0, 0, 1]), answer=ANSWERS)
    def authority_is_lent_and_used(self, which: int, taker: str, missing: int, answer: Answer) -> None:
        """As much as is asked for, or a penny less."""
        giver = self.able(which)
        if giver is not None:
            self.lend(giver, taker, self.band - missing)
            self.answer(taker, answer, leaves_out=False, minute=giver in RECORDERS, seen=self.hash)

    @precondition(lambda self: self.waits)
    @rule(which=st.integers(0, 6), through=st.lists(ANYBODY, min_size=2, max_size=4, unique=True), missing=st.sampled_from([0, 0, 0, 1]))
    def authority_is_lent_on_and_used(self, which: int, through: list[str], missing: int) -> None:
        """From hand to hand, the last a penny short at times, and whoever holds it last approves: as far as the chain carries."""
        giver = self.able(which)
        if giver is not None:
            for one, other in zip([giver, *through], through, strict=False):
                self.lend(one, other, self.band - (missing if other == through[-1] else 0))
            self.answer(through[-1], Answer.APPROVED, leaves_out=False, minute=giver in RECORDERS, seen=self.hash)

    @precondition(lambda self: bool(self.lent))
    @rule(person=ANYBODY, which=st.integers(0, 9))
    def delegation_is_ended(self, person: str, which: int) -> None:
        id_ = list(self.lent)[which % len(self.lent)]
        if self.tried(self.as_decider(person, end_delegation, id_, uuid4())):
            assert person in self.lent.pop(id_)

    @precondition(lambda self: self.waits and self.counted.get("limits changed", 0) < 3)
    @rule(most=st.sampled_from([20_00, 49_99, 45_00]))
    def another_table_comes_into_force(self, most: int) -> None:
        """The owner of the tables lays down another limit for the line manager, from the day after the latest."""
        name = f"write-off-{uuid4()}"
        self.now(self.lay_down(name, most))
        self.count("limits changed")

    async def lay_down(self, name: str, most: int) -> None:
        async with self.place.owner.transaction():
            await self.place.owner.execute(LATER, name)
            await self.place.owner.execute(ITS_BANDS, name, most)
        await self.place.owner.execute("INSERT INTO came_into_force VALUES ($1)", name)

    # --- by SQL, as the role that runs the service --------------------------------------------------------------------------------------

    @precondition(lambda self: self.waits)
    @rule(
        person=ANYBODY,
        role=st.sampled_from(ROLES),
        links=st.integers(0, MOST_LINKS + 1),
        answer=ANSWERS,
        other=st.sampled_from(["", "", "hash", "amount", "old table"]),
    )
    def row_is_written(self, person: str, role: str, links: int, answer: Answer, other: str) -> None:
        """A decision as a row, by any row of authority. The person and their roles are true, as the sign-in has them."""
        table = "'write-off-2021-07-01'" if other == "old table" else "policy_in_force('write-off')"
        shown = "0" * 64 if other == "hash" else self.hash, 1 if other == "amount" else self.band
        self.write_row(person, role, table, links, answer, *shown)

    @precondition(lambda self: self.waits)
    @rule(which=st.integers(0, 6), links=st.integers(0, 2), answer=ANSWERS)
    def whoever_may_writes_the_row(self, which: int, links: int, answer: Answer) -> None:
        """By their own authority, or lent from hand to hand by rows."""
        giver = self.able(which)
        if giver is not None:
            role = self.now(self.place.app.fetchval("SELECT required_role FROM task WHERE id = $1", self.task))
            others = sorted(person for person in CAST if person not in {giver, *self.hands} and "auditor" not in CAST[person])[:links]
            for one, other in zip([giver, *others], others, strict=False):
                self.lend(one, other, self.band)
            self.write_row([giver, *others][-1], role, "policy_in_force('write-off')", len(others), answer, self.hash, self.band)

    def write_row(self, person: str, role: str, table: str, links: int, answer: Answer, hash_: str, pence: int) -> None:
        wanted = f"SELECT id FROM authority WHERE act = 'decide' AND role = $1 AND policy_id = {table} ORDER BY (stage = $2) DESC"
        rows = self.now(self.place.app.fetch(wanted, role, self.stage))
        chain, taker = list[UUID](), person
        for _ in range(links):
            lent = self.now(self.place.app.fetchrow(LAST_LENT, taker))
            if lent is not None:
                chain, taker = [lent["id"], *chain], lent["giver"]
        decision = uuid4()
        values = (
            decision, self.task, self.schedule, self.round, self.stage, self.stages, hash_, pence, person, list(CAST[person]),
            rows[0]["id"] if rows else 0, answer.value, chain,
        )  # fmt: skip
        self.count("rows tried")
        if self.row_taken(WRITTEN, *values):
            self.count("rows taken")
            self.decided(decision, person, answer, told=False)

    @rule(person=WORKER, deputy=ANYBODY, statement=st.sampled_from(ATTACKS))
    def what_changes_nothing_is_tried(self, person: str, deputy: str, statement: str) -> None:
        """What is listed takes no evidence, being away gives nobody authority, and what is recorded stays."""
        today = business_date(datetime.now(UTC))
        told = AddProof(proposal=next(iter(self.lines)), kind=K.DOCUMENT, on=today, reference="R 1")
        assert not self.tried(self.as_worker(person, add_proof, told))
        self.tried(self.as_decider(person, be_away, BeAway(deputy, today, today + timedelta(days=3)), uuid4()))
        assert not self.row_taken(statement)

    def row_taken(self, statement: str, *values: Any) -> bool:
        try:
            self.now(self.in_one(statement, *values))
        except asyncpg.PostgresSyntaxError:
            raise
        except asyncpg.PostgresError:
            return False
        return True

    async def in_one(self, statement: str, *values: Any) -> None:
        async with self.place.app.transaction():
            await self.place.app.execute(statement, *values)

    # --- what the model knows -----------------------------------------------------------------------------------------------------------

    def takes_part(self, person: str) -> None:
        self.hands.add(person)
        self.note("INSERT INTO took_part VALUES ($1, $2)", self.schedule, person)

    @invariant()
    def every_promise_holds(self) -> None:
        if self.unchecked:
            assert self.now(self.place.broken()) == []
            self.unchecked = False

    def teardown(self) -> None:
        """What one course lent does not reach into the next."""
        for id_, (giver, _) in getattr(self, "lent", {}).items():
            self.now(self.place.app.execute("INSERT INTO delegation_end VALUES ($1, $2) ON CONFLICT DO NOTHING", id_, giver))

    def as_worker(self, person: str, use_case: Any, told: Any) -> Coroutine[Any, Any, Any]:
        return self.place.writeoffs.do(use_case, told, caller=Caller(person, frozenset(CAST[person]), str(uuid4())))

    def as_decider(self, person: str, use_case: Any, form: Any, id_: UUID) -> Coroutine[Any, Any, Any]:
        caller = Caller(person, frozenset(CAST[person]), str(id_))
        return run(self.place.office.runtime, lambda tx: use_case(tx, form), caller=caller)

    def tried(self, work: Coroutine[Any, Any, object], looked_for: type[BrokenRule] | None = None) -> bool:
        """Whether it was done. The rule that is looked for is raised, where it was broken."""
        try:
            self.now(work)
        except BrokenRule as broken:
            if looked_for is not None and isinstance(broken, looked_for):
                raise
            return False
        return True

    def note(self, statement: str, *values: Any) -> None:
        self.now(self.place.owner.execute(statement, *values))

    def count(self, what: str) -> None:
        self.counted[what] = self.counted.get(what, 0) + 1

    def now(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)


@pytest.mark.timeout(3600 if WHOLE else 600)
async def test_four_eyes_hold_over_schedules_for_any_cast_in_any_order(place: Place, played: "Counter[str]") -> None:
    counted: dict[str, int] = {}
    given = {"place": place, "loop": asyncio.get_running_loop(), "counted": counted}

    async def missing() -> frozenset[str]:
        return HAPPEN - counted.keys()

    await play_until(Cast, given, missing, played, courses=EXAMPLES, steps=STEPS)


BROKEN = (
    "INSERT INTO approval_case (id) VALUES ('00000000-0000-0000-0000-000000000001')",
    """INSERT INTO task (id, kind, case_id, attempt, round, stage, stages, account, amount_pence, content_hash, lane, lane_reasons,
         raised_by, workflow_id, policy_id, required_role, opened_at, priority_at, due_on, remind_on, escalate_on)
       SELECT ('00000000-0000-0000-0000-00000000000' || stage)::uuid, 'write-off', '00000000-0000-0000-0000-000000000001', 1, 1, stage, 2,
         NULL, 900000, repeat('a', 64), 'look', '{}', 'ola.officer', 'w', policy_in_force('write-off'), 's151-officer', now(), now(),
         now(), now(), now() FROM generate_series(1, 2) AS stage""",
    "INSERT INTO schedule_task VALUES ('00000000-0000-0000-0000-000000000001', 'write-off', 'x', 2, 2)",
    """INSERT INTO schedule_task_line
       SELECT '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-0000000000b' || n)::uuid, repeat('a', 64), 1, 900000
       FROM generate_series(1, 2) AS n""",
    """INSERT INTO shown SELECT ('00000000-0000-0000-0000-00000000000' || stage)::uuid, repeat('b', 64), 6000000,
         ARRAY['00000000-0000-0000-0000-0000000000b1'::uuid] FROM generate_series(1, 2) AS stage""",
    """INSERT INTO delegation VALUES
       ('00000000-0000-0000-0000-00000000000a', 'kim.s151', '{s151-officer}', 'tess.leader', 1, now() - interval '9 days',
         now() - interval '8 days', now())""",
    "INSERT INTO took_part VALUES ('00000000-0000-0000-0000-000000000001', 'kim.s151', now() - interval '1 minute')",
    """INSERT INTO decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles,
         authority_id, answer, reason_code, text, decided_at, delegations, carried_out_from)
       SELECT ('00000000-0000-0000-0000-0000000000d' || stage)::uuid, ('00000000-0000-0000-0000-00000000000' || stage)::uuid,
         '00000000-0000-0000-0000-000000000001', 1, 1, stage, 2, repeat('a', 64), 900000, 'aud.auditor', '{auditor}',
         (SELECT id FROM authority WHERE body IS NOT NULL LIMIT 1), 'approved', 'x', '', now(),
         array_fill('00000000-0000-0000-0000-00000000000a'::uuid, ARRAY[4]), now() FROM generate_series(1, 2) AS stage""",
    """INSERT INTO minute (decision_id, body, reference, met_on, copy, copy_sha256)
       VALUES ('00000000-0000-0000-0000-0000000000d1', 'Cabinet', 'x', '1950-01-01', 'x', encode(sha256('x'), 'hex'))""",
    """INSERT INTO decision_exception (decision_id, line, task_id, reason_code) VALUES ('00000000-0000-0000-0000-0000000000d1',
         '00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-000000000001', 'other')""",
)
"""What somebody could do who owns the tables and has switched the rules off."""

UNBREAKABLE = {"a task is decided once"}
"""Kept by a unique constraint, which stands without triggers."""


async def test_each_promise_over_schedules_bites_when_the_rules_are_off(place: Place) -> None:
    assert await place.broken() == []
    for table in ("task", "schedule_task", "schedule_task_line", "delegation", "decision", "decision_exception", "minute"):
        await place.owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for statement in BROKEN:
        await place.owner.execute(statement)
    assert set(PROMISES) - set(await place.broken()) == UNBREAKABLE
