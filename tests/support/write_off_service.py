"""Writeoffs with a scripted ledger and scripted approvals: use cases are called as their hosts call them, in transactions of their own."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.process import make_runtime
from chassis.transaction import SYSTEM, Runtime, run
from pydantic import BaseModel
from rentbook_contracts.approvals import Answer, Decision, RoundAsked, RoundDecided
from rentbook_contracts.ledger import (
    AccountKind,
    AccountLabel,
    AccountLabels,
    Accounts,
    AccountStatus,
    DebtFacts,
    DebtsAsked,
    DebtsRead,
    DecidedJournal,
    DecidedJournals,
    DroppedLines,
    JournalsAsked,
    LineDropped,
    LineOutcome,
    LinesTried,
    LinkedAccount,
    PersonFacts,
    StandingCredit,
    WriteOffLine,
)
from rentbook_contracts.writeoffs import (
    AddProof,
    AssessProposal,
    BeginRound,
    EvidenceKind,
    MakeSchedule,
    NoteSchedule,
    OrderKind,
    Propose,
    Reason,
    RoundBegun,
    ScheduleOfHash,
    ScheduleStatus,
    SettleLines,
    TakeLines,
    WithdrawProposal,
)
from rentbook_local.postgres import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from writeoffs.domain.days import business_date
from writeoffs.queries import schedule_to_decide
from writeoffs.settings import WriteOffsSettings
from writeoffs.use_cases.assess import assess_proposal
from writeoffs.use_cases.change_proposal import add_proof, withdraw_proposal
from writeoffs.use_cases.propose import propose
from writeoffs.use_cases.rounds import begin_round, note_schedule, settle_lines, take_lines
from writeoffs.use_cases.schedules import make_schedule

from support import web
from support.counting import SOMEBODY_WAITS, scalar, until
from support.debts import debt, owed

Out = TypeVar("Out")

ASHA = Caller("asha.officer", frozenset({"officer"}), form="form-1")
BRYN = Caller("bryn.officer", frozenset({"officer"}), form="form-2")
HANA = Caller("hana.head", frozenset({"head-of-service"}), form="form-4")
AUDREY = Caller("audrey.auditor", frozenset({"auditor"}), form="form-3")


@dataclass
class FakeLedger:
    """Answers debts-for-write-off from `debts`, by account; while `silent` it does not answer.

    In its books are the lines that it was told to post; `dropped` are those that it left out. `references`: of accounts that have one.
    """

    debts: dict[UUID, DebtFacts] = field(default_factory=dict)
    books: dict[UUID, DecidedJournal] = field(default_factory=dict)
    dropped: list[LineDropped] = field(default_factory=list)
    references: dict[UUID, str] = field(default_factory=dict)
    silent: bool = False

    def transport(self) -> httpx.ASGITransport:
        routes = [
            Route("/queries/debts-for-write-off", self._answer, methods=["POST"]),
            Route("/queries/decided-journals", self._decided, methods=["POST"]),
            Route("/queries/dropped-lines", self._dropped, methods=["POST"]),
            Route("/queries/account-labels", self._labels, methods=["POST"]),
        ]
        return httpx.ASGITransport(Starlette(routes=routes))

    def posts(self, line: WriteOffLine, decision: UUID, on: date | None = None) -> LineOutcome:
        """The line is in the books, since today unless another day is said."""
        on = on or business_date(datetime.now(UTC))
        posted = DecidedJournal(
            journal=uuid4(), code="WOF", case=line.line, decision=decision, amount_pence=line.amount_pence, effective_date=on, undone=False
        )
        self.books[posted.journal] = posted
        return LineOutcome(line=line.line, journal=posted.journal)

    def drops(self, line: WriteOffLine, because: str) -> LineOutcome:
        """The line was left out, and the ledger keeps why."""
        self.dropped.append(LineDropped(line=line.line, attempt=line.attempt, because=because))
        return LineOutcome(line=line.line, dropped_because=because)

    async def _dropped(self, request: Request) -> Response:
        asked = {(one.line, one.attempt) for one in LinesTried.model_validate_json(await request.body()).lines}
        found = DroppedLines(lines=tuple(one for one in self.dropped if (one.line, one.attempt) in asked))
        return Response(found.model_dump_json(), media_type="application/json")

    async def _decided(self, request: Request) -> Response:
        asked = JournalsAsked.model_validate_json(await request.body())
        found = DecidedJournals(journals=tuple(self.books[journal] for journal in asked.journals if journal in self.books))
        return Response(found.model_dump_json(), media_type="application/json")

    async def _labels(self, request: Request) -> Response:
        asked = Accounts.model_validate_json(await request.body())
        known = ((account, self.references[account]) for account in asked.accounts if account in self.references)
        found = AccountLabels(
            labels=tuple(
                AccountLabel(
                    account=account, reference=reference, kind=AccountKind.RENT, status=AccountStatus.FORMER, names=(), address="",
                    balance_pence=0,
                )
                for account, reference in known
            )
        )  # fmt: skip
        return Response(found.model_dump_json(), media_type="application/json")

    async def _answer(self, request: Request) -> Response:
        if self.silent:
            return JSONResponse({"rule": "NoAnswer", "message": "not now", "field": None}, status_code=503)
        asked = DebtsAsked.model_validate_json(await request.body())
        found = tuple(self.debts[account] for account in asked.accounts if account in self.debts)
        return Response(DebtsRead(debts=found).model_dump_json(), media_type="application/json")


@dataclass
class FakeApprovals:
    """Says of each schedule's round which decision ends it and stands: `ends`; which was sent back, and of which an approval fell.

    While `silent` it does not answer. `itself`: approvals, where a test has it.
    """

    itself: Callable[[RoundAsked], Coroutine[Any, Any, RoundDecided]] | None = None
    ends: dict[tuple[UUID, int], Decision] = field(default_factory=dict)
    ended_at: datetime | None = None
    asked_back: set[tuple[UUID, int]] = field(default_factory=set)
    fell: set[tuple[UUID, int]] = field(default_factory=set)
    silent: bool = False

    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(Starlette(routes=[Route("/queries/round-decided", self._answer, methods=["POST"])]))

    def decides(self, schedule: UUID, answer: Answer = Answer.APPROVED, round_: int = 1, **more: Any) -> UUID:
        """A decision that ends the round."""
        decided = Decision(
            **{
                "decision": uuid4(), "task": uuid4(), "case": schedule, "attempt": 1, "round": round_, "stage": 1, "content_hash": "0" * 64,
                "answer": answer, "reason_code": "in-order", "completes": answer is Answer.APPROVED, "recalled": False, **more,
            }
        )  # fmt: skip
        self.ends[schedule, round_] = decided
        return decided.decision

    def comes_to_nothing(self, schedule: UUID, round_: int = 1) -> None:
        """It was recalled, or is not carried out."""
        del self.ends[schedule, round_]
        self.fell.add((schedule, round_))

    def sends_back(self, schedule: UUID, round_: int = 1) -> None:
        """Somebody asks a question about the round."""
        self.asked_back.add((schedule, round_))

    async def _answer(self, request: Request) -> Response:
        if self.silent:
            return JSONResponse({"rule": "NoAnswer", "message": "not now", "field": None}, status_code=503)
        asked = RoundAsked.model_validate_json(await request.body())
        told = await self.itself(asked) if self.itself is not None else self._told(asked.case, asked.round)
        return Response(told.model_dump_json(), media_type="application/json")

    def _told(self, *here: Any) -> RoundDecided:
        return RoundDecided(
            decision=self.ends.get(here), ended_at=self.ended_at, asked_back=here in self.asked_back, fell=here in self.fell
        )


@asynccontextmanager
async def running(database: Database, folder: Path, **more: Any) -> AsyncIterator["WriteOffs"]:
    """Writeoffs over a migrated database; `folder` takes the service's token."""
    (folder / "service_token").write_text("token", encoding="utf-8")
    settings = WriteOffsSettings(
        database_url=database.app_url,
        kafka_bootstrap="127.0.0.1:1",
        temporal_address="127.0.0.1:1",
        peers={"ledger": "http://ledger", "approvals": "http://approvals"},
        secrets_dir=folder,
        **more,
    )
    ledger, approvals = FakeLedger(), FakeApprovals()
    mounts = {"http://ledger": ledger.transport(), "http://approvals": approvals.transport()}
    async with make_runtime("writeoffs", settings) as runtime, web.client(mounts=mounts) as http:
        runtime.http = http
        yield WriteOffs(runtime, ledger, approvals, database)


@dataclass
class WriteOffs:
    """What a test drives writeoffs by."""

    runtime: Runtime
    ledger: FakeLedger
    approvals: FakeApprovals
    database: Database

    async def do(self, use_case: Callable[..., Coroutine[Any, Any, Out]], message: Any, *, caller: Caller = SYSTEM) -> Out:
        return await run(self.runtime, lambda tx: use_case(tx, message), caller=caller)

    async def ask(self, query: Callable[..., Coroutine[Any, Any, Out]], message: Any) -> Out:
        """Ask a query as the desk does: it can't write."""
        return await run(self.runtime, lambda tx: query(tx, message), caller=AUDREY, read_only=True)

    async def rows(self, sql: str, **values: Any) -> list[Mapping[str, Any]]:
        async with self.runtime.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(sa.text(sql), values)).mappings()]

    async def somebody_waits(self) -> None:
        """Until a transaction of this database waits for another one's lock."""

        async def waits() -> bool:
            return bool(await scalar(self.runtime, SOMEBODY_WAITS))

        await until(waits, "a transaction waits for another one's lock", 10)

    async def told(self, kind: type[BaseModel]) -> list[Any]:
        """The facts of a type that went into the outbox."""
        rows = await self.rows("SELECT headers ->> 'ce_type' AS type, body FROM outbox_event ORDER BY seq")
        return [kind.model_validate_json(row["body"]) for row in rows if row["type"] == kind.type]  # type: ignore[attr-defined]

    async def asked_of_workflows(self, name: str) -> list[str]:
        """Workflow ids that were started or signalled under a name."""
        rows = await self.rows("SELECT workflow_id FROM outbox_workflow WHERE name = :name ORDER BY seq", name=name)
        return [row["workflow_id"] for row in rows]

    def owing(self, pence: int = 312_40, **changed: Any) -> UUID:
        """An account of the ledger that owes so much."""
        account = uuid4()
        self.ledger.debts[account] = debt(owed(pence), account=account, **changed)
        return account

    def of_one_person(self, due_on: date | None = None, *others: PersonFacts) -> tuple[UUID, UUID]:
        """Two accounts of the same person, which owe £80 and £40: of charges of that day, where one is named. The first others owe too."""
        tenant = PersonFacts(person=uuid4())
        account, other = self.owing(80_00, people=(tenant, *others)), self.owing(40_00, people=(tenant,))
        for one, beside, pence in ((account, other, 80_00), (other, account, 40_00)):
            self.moved(one, linked=(LinkedAccount(account=beside, kind=AccountKind.RENT, former=True, balance_pence=0),))
            if due_on is not None:
                self.moved(one, charges=(owed(pence, due_on),))
        return account, other

    def moved(self, account: UUID, **changed: Any) -> None:
        """A credit has stood since today, unless something else is said."""
        if "balance_pence" in changed and "credit_stood" not in changed:
            credit = max(0, -changed["balance_pence"])
            changed["credit_stood"] = (StandingCredit(since=business_date(datetime.now(UTC)), pence=credit),) if credit else ()
        self.ledger.debts[account] = self.ledger.debts[account].model_copy(update=changed)

    async def proposed(self, account: UUID, reason: Reason = Reason.EMIGRATED) -> UUID:
        return (await self.do(propose, Propose(account=account, reason=reason), caller=ASHA)).proposal

    async def proves(self, proposal: UUID, *kinds: EvidenceKind, days_ago: int = 0, source: str = "") -> None:
        """By an officer; a manager's note by a manager."""
        for kind in kinds:
            on = business_date(datetime.now(UTC)) - timedelta(days=days_ago)
            by = HANA if kind is EvidenceKind.MANAGER_NOTE else ASHA
            told = AddProof(proposal=proposal, kind=kind, on=on, source=source, reference="R 1")
            of_order = {"order_kind": OrderKind.BANKRUPTCY, "listed": True} if kind is EvidenceKind.INSOLVENCY_ORDER else {}
            await self.do(add_proof, told.model_copy(update=of_order), caller=by)

    async def status(self, proposal: UUID) -> tuple[str, str, int]:
        """Where a proposal stands, why, and its attempt."""
        [row] = await self.rows("SELECT status, status_note, attempt FROM proposal WHERE id = :id", id=proposal)
        return row["status"], row["status_note"], row["attempt"]

    async def ready(self, account: UUID) -> UUID:
        """A proposal whose evidence is complete, as its story finds it."""
        proposal = await self.proposed(account)
        await self.proves(proposal, EvidenceKind.DOCUMENT, EvidenceKind.MANAGER_NOTE)
        await self.assessed(proposal)
        return proposal

    async def untraceable(self, account: UUID) -> UUID:
        """The same of a debtor whom nobody found, by traces of long ago."""
        proposal = await self.proposed(account, Reason.UNTRACEABLE)
        for source in ("electoral roll", "credit bureau"):
            await self.proves(proposal, EvidenceKind.TRACE, days_ago=200, source=source)
        await self.proves(proposal, EvidenceKind.AGENCY_INSTRUCTED, days_ago=100)
        await self.proves(proposal, EvidenceKind.AGENCY_RETURN, days_ago=2)
        await self.assessed(proposal)
        return proposal

    async def withdrawn(self, proposal: UUID) -> None:
        """By whoever proposed it."""
        await self.do(withdraw_proposal, WithdrawProposal(proposal=proposal, note="Made in error."), caller=ASHA)

    async def assessed(self, proposal: UUID) -> None:
        _, _, attempt = await self.status(proposal)
        await self.do(assess_proposal, AssessProposal(proposal=proposal, attempt=attempt))

    async def scheduled(self, *proposals: UUID) -> UUID:
        return (await self.do(make_schedule, MakeSchedule(title="November", proposals=proposals), caller=BRYN)).schedule

    async def round(self, schedule: UUID, number: int = 1) -> RoundBegun:
        return await self.do(begin_round, BeginRound(schedule=schedule, round=number))

    async def may_not_decide(self, schedule: UUID, content_hash: str | None = None) -> set[str]:
        """Whom approvals is told to let decide nothing of a schedule: of the round of this content, else of its first, which begins."""
        asked = content_hash or (await self.round(schedule)).content_hash
        assert asked is not None
        return set((await self.ask(schedule_to_decide, ScheduleOfHash(schedule=schedule, content_hash=asked))).participants)

    async def comes_to(self, schedule: UUID, status: ScheduleStatus) -> None:
        """As approvals has it of round 1, and the story notes it."""
        if status is ScheduleStatus.SENT_BACK:
            self.approvals.sends_back(schedule)
        if status is ScheduleStatus.CALL_IN:
            self.approvals.decides(schedule, carried_out_from=business_date(datetime.now(UTC)) + timedelta(days=1))
        await self.do(note_schedule, NoteSchedule(schedule=schedule, status=status))

    async def taken(self, schedule: UUID, decision: UUID, excepted: tuple[UUID, ...] = ()) -> tuple[WriteOffLine, ...]:
        """The next lines of round 1, as the story takes them by a decision that approvals has."""
        self.approvals.decides(schedule, decision=decision, excepted=excepted)
        return (await self.do(take_lines, TakeLines(schedule=schedule, round=1, decision=decision, excepted=excepted))).lines

    async def settled(self, schedule: UUID, decision: UUID, *outcomes: LineOutcome) -> None:
        await self.do(settle_lines, SettleLines(schedule=schedule, round=1, decision=decision, outcomes=outcomes))

    async def standings(self, schedule: UUID) -> dict[UUID, tuple[str, str | None]]:
        rows = await self.rows("SELECT line, standing, because FROM schedule_line WHERE schedule = :id", id=schedule)
        return {row["line"]: (row["standing"], row["because"]) for row in rows}
