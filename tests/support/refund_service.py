"""Refunds with a scripted ledger and bank: use cases are called as their hosts call them, in transactions of their own."""

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.transaction import SYSTEM, Runtime, run
from pydantic import BaseModel
from refunds.domain.means import Means
from refunds.use_cases.build_file import build_file
from refunds.use_cases.line_posted import line_posted
from refunds.use_cases.note_release import note_release
from refunds.use_cases.open_case import open_case
from refunds.use_cases.plan import plan
from refunds.use_cases.queue_payment import queue_payment
from refunds.use_cases.run_check import run_check
from rentbook_contracts.approvals import Answer, Decision, PaymentRunReleased, ReleasedLine, RoundAsked, RoundDecided
from rentbook_contracts.ledger import (
    AccountForRefund,
    AccountLabel,
    AccountPage,
    AccountPageAsked,
    CreditFacts,
    CreditsAsked,
    CreditsRead,
    DecidedJournal,
    DecidedJournals,
    HoldOfCaseLifted,
    JournalsAsked,
    LiftHoldOfCase,
    RefundFacts,
    RefundPlan,
    Tenant,
)
from rentbook_contracts.refunds import (
    BuildFile,
    FileBuilt,
    LinePosted,
    NewPayee,
    PlanMade,
    PlanRefund,
    QueuePayment,
    RequestRefund,
    RunCheck,
)
from rentbook_local.postgres import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Out = TypeVar("Out")

ASHA = Caller("asha.officer", frozenset({"officer"}), form="form-1")
FINN = Caller("finn.finance", frozenset({"finance"}), form="form-2")
AUDREY = Caller("audrey.auditor", frozenset({"auditor"}), form="form-3")
VALID_SORT_CODE, VALID_ACCOUNT = "089999", "66374958"


@dataclass
class FakeLedger:
    """Answers account-for-refund and credits from `facts`, by account; without facts it refuses, or knows of no credit; while `silent` it
    does not answer.

    In its books are the refunds that it was told to post, one for each attempt at a case. `decisions` are approvals' rows, by id: it
    answers for them too.
    """

    facts: dict[UUID, RefundFacts] = field(default_factory=dict)
    clears: dict[UUID, date | None] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    books: dict[UUID, DecidedJournal] = field(default_factory=dict)
    decisions: dict[UUID, Decision] = field(default_factory=dict)
    silent: bool = False
    asked: list[AccountForRefund] = field(default_factory=list)
    credits_asked: list[CreditsAsked] = field(default_factory=list)
    lifted: list[LiftHoldOfCase] = field(default_factory=list)
    refunded: dict[tuple[UUID, int], UUID] = field(default_factory=dict)

    def app(self) -> Starlette:
        routes = [
            Route("/queries/account-for-refund", self._answer, methods=["POST"]),
            Route("/queries/credits", self._credits, methods=["POST"]),
            Route("/queries/account-page", self._page, methods=["POST"]),
            Route("/queries/decided-journals", self._decided, methods=["POST"]),
            Route("/queries/round-decided", self._round, methods=["POST"]),
            Route("/commands/lift-hold-of-case", self._lift, methods=["POST"]),
        ]
        return Starlette(routes=routes)

    def knows(self, facts: RefundFacts, clears: date | None = None) -> None:
        """`clears`: the next day on which more of the credit counts."""
        self.facts[facts.account], self.clears[facts.account] = facts, clears

    def posts(self, plan: RefundPlan) -> UUID:
        """The plan's refund is in the books; its journal."""
        decided = {"case": plan.case, "decision": uuid4(), "amount_pence": plan.refund_pence, "undone": False}
        posted = DecidedJournal.model_validate({"journal": uuid4(), "code": "RDR", "effective_date": "2026-11-23", **decided})
        self.books[posted.journal] = posted
        self.refunded[plan.case, plan.attempt] = posted.journal
        return posted.journal

    async def _credits(self, request: Request) -> Response:
        asked = CreditsAsked.model_validate_json(await request.body())
        self.credits_asked.append(asked)
        if self.silent:
            return JSONResponse({"rule": "NoAnswer", "message": "not now", "field": None}, status_code=503)
        told = [self.facts[account] for account in asked.accounts if account in self.facts]
        same = set(CreditFacts.model_fields) - {"next_clears_on"}
        credits_ = (CreditFacts(**one.model_dump(include=same), next_clears_on=self.clears.get(one.account)) for one in told)
        read = CreditsRead(credits=tuple(credits_))
        return Response(read.model_dump_json(), media_type="application/json")

    async def _decided(self, request: Request) -> Response:
        asked = JournalsAsked.model_validate_json(await request.body())
        found = DecidedJournals(journals=tuple(self.books[journal] for journal in asked.journals if journal in self.books))
        return Response(found.model_dump_json(), media_type="application/json")

    async def _round(self, request: Request) -> Response:
        asked = RoundAsked.model_validate_json(await request.body())
        here = [
            one
            for one in self.decisions.values()
            if (one.case, one.attempt, one.round) == (asked.case, asked.attempt, asked.round)
            and (one.completes or one.answer is Answer.DECLINED)
            and not one.recalled
        ]
        return Response(RoundDecided(decision=here[-1] if here else None).model_dump_json(), media_type="application/json")

    async def _lift(self, request: Request) -> Response:
        asked = LiftHoldOfCase.model_validate_json(await request.body())
        if self.silent:
            return JSONResponse({"rule": "NoAnswer", "message": "not now", "field": None}, status_code=503)
        posted = self.refunded.get((asked.case, asked.attempt))
        if posted is None:
            self.lifted.append(asked)
        told = HoldOfCaseLifted(refund_journal=posted)
        return Response(told.model_dump_json(), media_type="application/json")

    async def _page(self, request: Request) -> Response:
        """The tenants of an account, by `names`; who has none there is written in a script that cannot be compared."""
        facts = self.facts[AccountPageAsked.model_validate_json(await request.body()).account]
        label = AccountLabel(
            account=facts.account, reference="90000001E", kind=facts.kind, status=facts.status, names=(), address="", balance_pence=0
        )
        tenants = tuple(Tenant(person=one.person, name=self.names.get(one.person, "陳 美玲")) for one in facts.people)
        page = AccountPage(
            label=label, version=facts.version, tenancy=facts.tenancy, tenants=tenants, as_at=facts.as_of,
            balance_pence=facts.balance_pence,
            cleared_credit_pence=0, uncleared_pence=0, held_pence=0, in_arrears_since=None, weekly_charges=(), entries=(), entries_in_all=0,
            sub_accounts=(), other_accounts=(), credit_holds=(), account_holds=(), months=(),
        )  # fmt: skip
        return Response(page.model_dump_json(), media_type="application/json")

    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(self.app())

    async def _answer(self, request: Request) -> Response:
        asked = AccountForRefund.model_validate_json(await request.body())
        self.asked.append(asked)
        if self.silent:
            return JSONResponse({"rule": "NoAnswer", "message": "not now", "field": None}, status_code=503)
        if asked.account not in self.facts:
            return JSONResponse({"rule": "NoTenantsAccount", "message": "no tenant's account", "field": None}, status_code=422)
        return Response(self.facts[asked.account].model_dump_json(), media_type="application/json")


@dataclass
class FakeBank:
    """Answers Confirmation of Payee with `confirmation`; None breaks off. The real stand-in is used where files are sent."""

    confirmation: dict[str, str | None] | None = field(default_factory=lambda: {"answer": "match", "name": None})
    asked: list[Any] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content))
        if self.confirmation is None:
            raise httpx.ReadTimeout("no answer", request=request)
        return httpx.Response(200, json=self.confirmation)


@dataclass
class Refunds:
    """What a test drives refunds by."""

    runtime: Runtime
    means: Means
    ledger: FakeLedger
    bank: FakeBank
    database: Database

    async def do(self, use_case: Callable[..., Coroutine[Any, Any, Out]], message: Any, *, caller: Caller = SYSTEM) -> Out:
        """Call a use case in a transaction of its own, with its means if it takes them."""
        needs = use_case.__code__.co_argcount == 3
        more = (self.means,) if needs else ()
        return await run(self.runtime, lambda tx: use_case(tx, message, *more), caller=caller)

    async def ask(self, query: Callable[..., Coroutine[Any, Any, Out]], message: Any) -> Out:
        """Ask a query as the desk does: it can't write."""
        needs = query.__code__.co_argcount == 3
        more = (self.means,) if needs else ()
        return await run(self.runtime, lambda tx: query(tx, message, *more), caller=FINN, read_only=True)

    async def rows(self, sql: str, **values: Any) -> list[Mapping[str, Any]]:
        async with self.runtime.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(sa.text(sql), values)).mappings()]

    async def everything(self) -> str:
        """All that the database holds. Bytes are read as text: in a row's JSON they would be hexadecimal, in which nothing is found."""
        tables = await self.rows("SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'")
        assert len(tables) > 20
        values = [value for table in tables for row in await self.rows(f'SELECT * FROM "{table["name"]}"') for value in row.values()]
        return "\n".join(value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values)

    async def told(self, kind: type[BaseModel]) -> list[Any]:
        """The facts of a type that wait in, or went through, the outbox."""
        rows = await self.rows("SELECT headers ->> 'ce_type' AS type, body FROM outbox_event ORDER BY seq")
        return [kind.model_validate_json(row["body"]) for row in rows if row["type"] == kind.type]  # type: ignore[attr-defined]

    async def signals(self, name: str) -> list[tuple[str, str]]:
        """Workflow ids and arguments of what was asked of workflows under a name."""
        rows = await self.rows("SELECT workflow_id, argument FROM outbox_workflow WHERE name = :name ORDER BY seq", name=name)
        return [(row["workflow_id"], row["argument"]) for row in rows]

    async def delivered(self, at_most: int = 1000) -> None:
        """Temporal has taken the oldest of what waits for it."""
        oldest = "SELECT seq FROM outbox_workflow WHERE done_at IS NULL ORDER BY seq LIMIT :most"
        taken = f"UPDATE outbox_workflow SET done_at = now(), outcome = 'accepted' WHERE seq IN ({oldest})"
        async with self.runtime.engine.begin() as connection:
            await connection.execute(sa.text(taken), {"most": at_most})

    async def opened(self, facts: RefundFacts, **wishes: Any) -> UUID:
        """A case that Asha took for a tenant of the account."""
        self.ledger.facts[facts.account] = facts
        return (await self.do(open_case, request(facts, **wishes), caller=ASHA)).case

    async def is_open(self, case: UUID) -> bool:
        return bool(await self.rows("SELECT id FROM refund_case WHERE id = :case AND is_open", case=case))

    async def checked(self, case: UUID, *, attempt: int = 1, round_: int = 1) -> PlanMade:
        """The ten checks and the plan of a round, as the workflow has them made."""
        for number in range(1, 11):
            await self.do(run_check, RunCheck(case=case, attempt=attempt, round=round_, check=number))
        return await self.do(plan, PlanRefund(case=case, attempt=attempt, round=round_))

    async def queued(self, facts: RefundFacts, **wishes: Any) -> RefundPlan:
        """A plan that was approved and may be taken into a payment run."""
        made = (await self.checked(await self.opened(facts, **wishes))).plan
        assert made is not None
        await self.do(queue_payment, QueuePayment(plan=made, decision=self.decides(made)))
        return made

    async def in_a_file(self, plan: RefundPlan) -> FileBuilt:
        """The file of a run that pays a plan."""
        fact = released(plan, at=datetime.now(UTC))
        await self.do(note_release, fact)
        await self.do(line_posted, LinePosted(run=fact.run, plan=plan, refund_journal=self.ledger.posts(plan)))
        return await self.do(build_file, BuildFile(run=fact.run))

    def decides(self, plan: RefundPlan, answer: Answer = Answer.APPROVED, *, round_: int = 1) -> UUID:
        """Approvals has this answer to a plan, as the end of its round."""
        made = Decision(
            decision=uuid4(), task=uuid4(), case=plan.case, attempt=plan.attempt, round=round_, stage=1, content_hash=plan.content_hash,
            answer=answer, reason_code="in-order", completes=answer is Answer.APPROVED, recalled=False,
        )  # fmt: skip
        self.ledger.decisions[made.decision] = made
        return made.decision


def request(facts: RefundFacts, **other: Any) -> RequestRefund:
    """A tenant's request for all that may be refunded, to the tenant's own account."""
    person = facts.people[0].person
    asked: dict[str, Any] = {"account": facts.account, "asked_by": person, "identified_how": "by phone", "reason_code": "in-credit"}
    return RequestRefund(**{**asked, "payee": payee(person), **other})


def payee(person: UUID | None, **other: Any) -> NewPayee:
    details = {"name": "Ada Match", "sort_code": VALID_SORT_CODE, "account_number": VALID_ACCOUNT, "person": person}
    return NewPayee(**{**details, **other})


def released(*plans: RefundPlan, run_id: UUID | None = None, at: Any) -> PaymentRunReleased:
    lines = tuple(
        ReleasedLine(case=plan.case, attempt=plan.attempt, content_hash=plan.content_hash, amount_pence=plan.refund_pence) for plan in plans
    )
    return PaymentRunReleased(run=run_id or uuid4(), lines=lines, total_pence=sum(line.amount_pence for line in lines), released_at=at)
