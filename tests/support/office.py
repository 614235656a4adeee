"""An office to try approvals in: its people, a ledger and a refunds service that say what a test wants, and the use cases at hand."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import httpx
from approvals.domain.forms import AnswerTask, DecisionTaken, RunSigned, SignRun, TakeBack
from approvals.use_cases.decide import decide
from approvals.use_cases.open_task import open_task
from approvals.use_cases.recall_decision import recall_decision
from approvals.use_cases.release_run import release_run
from chassis.peers import Caller
from chassis.transaction import SYSTEM, Runtime, Transaction, run
from rentbook_contracts.approvals import Answer, Lane, OpenTask, ReleasedLine, TaskKind, TaskOpened
from rentbook_contracts.ledger import AccountKind, AccountStatus, RefundFacts, RefundPlan, TenancyFacts
from rentbook_contracts.message import Fact
from rentbook_contracts.refunds import PlanToDecide
from rentbook_contracts.workflows import refund_workflow_id
from rentbook_local.postgres import Database

from support.counting import SOMEBODY_WAITS, until

Form = TypeVar("Form")
Given = TypeVar("Given")

PEOPLE: dict[str, tuple[str, ...]] = {
    "ola.officer": ("officer",),
    "ben.officer": ("officer",),
    "sen.senior": ("senior-officer",),
    "tess.leader": ("team-leader",),
    "tim.leader": ("team-leader",),
    "ines.manager": ("income-manager",),
    "hana.head": ("head-of-service",),
    "finn.finance": ("finance",),
    "fay.finance": ("finance",),
    "aud.auditor": ("auditor",),
    "kim.s151": ("s151-officer",),
    "kit.s151": ("s151-officer",),
    "mel.member": ("executive-member",),
    "dee.democratic": ("democratic-services",),
    "don.democratic": ("democratic-services",),
}
"""By subject, with the roles of their sign-in."""

HASH = "ab" * 32
OTHER_HASH = "cd" * 32


def caller(person: str, form: UUID | None = None) -> Caller:
    return Caller(person, frozenset(PEOPLE[person]), str(form or uuid4()))


@dataclass
class Office:
    """Approvals on a database of its own.

    `actors`: who the ledger says stands behind a credit; `elsewhere`: who refunds says took part in another request of the same people;
    `ready`: what refunds holds ready.
    """

    runtime: Runtime
    database: Database
    actors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    ready: list[dict[str, Any]] = field(default_factory=list)
    plans: dict[tuple[str, str], OpenTask] = field(default_factory=dict)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The other services, as far as approvals asks them."""
        asked = json.loads(request.content)
        if request.url.path == "/queries/account-for-refund":
            return httpx.Response(200, json=_facts(asked["account"], self.actors))
        if request.url.path == "/queries/asked-in-vain":
            return httpx.Response(200, json={"people": self.elsewhere})
        if request.url.path == "/queries/plan-to-decide":
            return self._plan(asked)
        if request.url.path == "/queries/ready-payments":
            total = sum(payment["amount_pence"] for payment in self.ready)
            day = {"next_processing_day": "2026-11-25", "next_entry_day": "2026-11-26", "cut_off": "2026-11-24T17:00:00Z"}
            return httpx.Response(200, json={"payments": self.ready, "total_pence": total, **day})
        return httpx.Response(404)

    def _plan(self, asked: dict[str, Any]) -> httpx.Response:
        """The plan of a task that a test opens; refunds knows no other."""
        task = self.plans.get((asked["case"], asked["content_hash"]))
        if task is None:
            return httpx.Response(422, json={"rule": "NoSuchPlan", "message": "no such plan", "field": None})
        plan = RefundPlan(
            case=task.case, attempt=task.attempt, account=task.account, refund_pence=task.amount_pence, checks_hash=task.content_hash
        )
        told = PlanToDecide(
            plan=plan, raised_by=task.raised_by, participants=(*task.participants, *self.elsewhere), lane=task.lane,
            lane_reasons=task.lane_reasons,
        )  # fmt: skip
        return httpx.Response(200, text=told.model_dump_json())

    async def signs_in(self, person: str, *roles: str) -> None:
        """The desk knows the person, with these roles, and as being there today."""
        await self.sql(
            "insert into staff (subject, name, roles, last_seen_at) values ($1, $2, $3, now())"
            " on conflict (subject) do update set roles = excluded.roles, last_seen_at = now()",
            person, person.replace(".", " ").title(), list(roles),
        )  # fmt: skip

    async def everyone_signs_in(self) -> None:
        for person, roles in PEOPLE.items():
            await self.signs_in(person, *roles)

    async def do(
        self, person: str, use_case: Callable[[Transaction, Form], Awaitable[Given]], form: Form, form_id: UUID | None = None
    ) -> Given:
        """A use case by a person at the desk, in a transaction of its own."""
        return await run(self.runtime, lambda tx: use_case(tx, form), caller=caller(person, form_id))

    async def look(self, person: str, query: Callable[..., Awaitable[Given]], *words: Any, **more: Any) -> Given:
        """A query by a person at the desk."""
        return await run(self.runtime, lambda tx: query(tx, *words, **more), caller=caller(person), read_only=True)

    async def open(self, pence: int, case: UUID | None = None, **other: Any) -> tuple[OpenTask, TaskOpened]:
        """A task as a workflow opens it: raised by ola.officer unless said otherwise."""
        asked = asking(pence, case, **other)
        self.plans[str(asked.case), asked.content_hash] = asked
        return asked, await run(self.runtime, lambda tx: open_task(tx, asked), caller=SYSTEM)

    async def answer_task(
        self, person: str, opened: TaskOpened, answer: Answer = Answer.APPROVED, *, content_hash: str = HASH, form_id: UUID | None = None
    ) -> DecisionTaken:
        reason = {Answer.APPROVED: "checks-pass", Answer.DECLINED: "duplicate", Answer.SENT_BACK: "evidence-missing"}[answer]
        asked = "ola.officer" if answer is Answer.SENT_BACK else None
        if asked:
            await self.signs_in(asked, *PEOPLE[asked])
        said = "" if answer is Answer.APPROVED else "Please see the note."
        form = AnswerTask(opened.task, content_hash, answer, reason, said, asked)
        return await self.do(person, decide, form, form_id)

    async def recall(self, person: str, made: DecisionTaken) -> None:
        await self.do(person, recall_decision, TakeBack(made.decision, "It was a slip"))

    def make_ready(self, asked: OpenTask, made: DecisionTaken) -> ReleasedLine:
        """Refunds now holds this payment ready; gives the line with which finance signs it."""
        line = ReleasedLine(case=asked.case, attempt=asked.attempt, content_hash=asked.content_hash, amount_pence=asked.amount_pence)
        more = {
            "account": str(asked.account),
            "approved_at": "2026-11-23T10:00:00Z",
            "decision": str(made.decision),
            "pay_by": "2026-12-04",
        }
        self.ready.append({**line.model_dump(mode="json"), **more})
        return line

    async def release(self, person: str, *lines: ReleasedLine, form_id: UUID | None = None) -> RunSigned:
        return await self.do(person, release_run, SignRun(lines, sum(line.amount_pence for line in lines)), form_id)

    async def tell(self, fact: Fact, **other: Any) -> None:
        """A fact as a row of the outbox, whatever a use case would say; `other` words stand in its body."""
        said = json.dumps(fact.model_dump(mode="json") | other)
        statement = (
            "insert into outbox_event (id, bucket, topic, key, aggregate_version, headers, body, written_at)"
            " select $1, 0, $2, $3, coalesce(max(aggregate_version), 0) + 1, jsonb_build_object('ce_type', $4::text), $5, now()"
            " from outbox_event where topic = $2 and key = $3"
        )
        await self.sql(statement, uuid4(), fact.topic, fact.key, fact.type, said)

    async def sql(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Raw SQL as the role that runs the service, committed: what somebody could do who has taken the service over."""
        return await self._sql(self.database.app_dsn, statement, *values)

    async def owner_sql(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Raw SQL as the owner of the tables."""
        return await self._sql(self.database.owner_dsn, statement, *values)

    async def somebody_waits(self) -> None:
        """Until a transaction of this database waits for another one's lock."""

        async def waits() -> bool:
            return bool((await self.owner_sql(SOMEBODY_WAITS))[0]["count"])

        await until(waits, "a transaction waits for another one's lock", 10)

    async def _sql(self, dsn: str, statement: str, *values: Any) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(dsn)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def authority(self, role: str, act: str = "decide") -> int:
        """The row of the policy in force that is this role's."""
        wanted = "select id from authority where role = $1 and act = $2 and policy_id = policy_in_force('refund')"
        return int((await self.sql(wanted, role, act))[0]["id"])


def asking(pence: int, case: UUID | None = None, **other: Any) -> OpenTask:
    case = case or uuid4()
    words: dict[str, Any] = {
        "kind": TaskKind.REFUND,
        "case": case,
        "attempt": 1,
        "round": 1,
        "stage": 1,
        "account": uuid4(),
        "amount_pence": pence,
        "content_hash": HASH,
        "workflow_id": refund_workflow_id(case, other.get("attempt", 1)),
        "lane": Lane.GREEN,
        "participants": ("ola.officer",),
        "raised_by": "ola.officer",
        **other,
    }
    return OpenTask(**words)


def _facts(account: str, actors: list[str]) -> dict[str, Any]:
    tenancy = TenancyFacts(
        tenancy=UUID(int=1), garage=False, started_on=date(2020, 4, 6), ended_on=None, keys_returned_on=None,
        final_charges_posted=False, recharge_inspected=False, forwarding_address_known=True,
    )  # fmt: skip
    return RefundFacts(
        account=UUID(account), version=1, kind=AccountKind.RENT, status=AccountStatus.CURRENT, as_of=date(2026, 11, 23), balance_pence=-1,
        cleared_credit_pence=1, uncleared_pence=0, held_by_others_pence=0, weekly_charge_pence=0, pays_by_direct_debit=False, credits=(),
        tenancy=tenancy, people=(), account_holds=(), debts=(), actors=tuple(actors),
    ).model_dump(mode="json")  # fmt: skip
