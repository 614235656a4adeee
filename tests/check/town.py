"""A small town's books made by the services' own use cases: a bank file, and refunds paid, offset, declined and returned.

What Kafka and Temporal do on the real stack is done here by hand: events are carried from outbox to inbox, and the steps of the story are
called in its order. So the four databases are those of a stack at rest, without its servers.
"""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from approvals.app import ANSWERS
from approvals.domain.eligibility import ParticipantMayNotDecide
from approvals.domain.forms import AnswerTask, LendAuthority, OfTask, SignRun, TakeBack
from approvals.domain.policy import Band, ProposedPolicy
from approvals.domain.tasks import Kind
from approvals.queries import policies
from approvals.settings import ApprovalsSettings
from approvals.use_cases.check_policy import CheckPolicy, check_policy
from approvals.use_cases.decide import decide
from approvals.use_cases.decide_line import LineOf, decide_line, decision_of
from approvals.use_cases.lend_authority import lend_authority
from approvals.use_cases.note_seen import note_seen
from approvals.use_cases.open_task import open_task
from approvals.use_cases.propose_policy import ProposePolicy, propose_policy
from approvals.use_cases.put_together import PutTogether, put_together
from approvals.use_cases.recall_decision import recall_decision
from approvals.use_cases.release_run import release_run
from approvals.use_cases.sign_together import SignTogether, sign_together
from bank_simulator.app import make_app as make_bank
from chassis.answering import accept, doors
from chassis.inbox import Inbox
from chassis.peers import SYSTEM, Caller
from chassis.process import make_runtime
from chassis.records import Record
from chassis.serving import App, Offer, Tick
from chassis.settings import Settings
from chassis.transaction import Runtime, once, run
from ledger.app import make_app as make_ledger
from ledger.queries.provision import provision, provision_policies
from ledger.settings import LedgerSettings
from notices.app import make_app as make_notices
from notices.settings import NoticesSettings
from refunds.app import make_app as make_refunds
from refunds.settings import RefundsSettings
from rentbook_contracts import policy as contract
from rentbook_contracts.approvals import Answer, OpenTask, ReleasedLine, TaskKind, TaskOpened
from rentbook_contracts.ledger import (
    CHECK_PROVISION_POLICY,
    CLEAR_SUSPENSE,
    DEBIT_WEEK,
    MATCH_RETURN,
    PLACE_HOLD,
    POST_PROVISION,
    POST_REFUND,
    PROPOSE_PROVISION_POLICY,
    RELEASE_HOLD,
    REVERSE_JOURNAL,
    REVERSE_REFUND,
    SPLIT_SUSPENSE,
    UNMATCH_RETURN,
    ClearSuspense,
    DebitWeek,
    HoldPlaced,
    MatchReturn,
    PlaceHold,
    PostProvision,
    PostRefund,
    ProposeProvisionPolicy,
    ProvisionAsked,
    RefundIsPosted,
    RefundPlan,
    ReleaseHold,
    ReverseJournal,
    ReverseRefund,
    SplitSuspense,
    SuspensePart,
    UnmatchReturn,
)
from rentbook_contracts.operation import Command, Nothing, Operation
from rentbook_contracts.refunds import (
    ASK_FATE,
    BUILD_FILE,
    CLOSE_CASE,
    LINE_POSTED,
    PLAN_REFUND,
    QUEUE_PAYMENT,
    RECHECK,
    REQUEST_REFUND,
    RUN_CHECK,
    SETTLE_RUN,
    SUBMIT_FILE,
    BuildFile,
    CaseOutcome,
    CloseCase,
    FileFate,
    LinePosted,
    NewPayee,
    PlanRefund,
    QueuePayment,
    Recheck,
    RequestRefund,
    RunCheck,
    SettleRun,
    SubmitFile,
)
from rentbook_contracts.topics import TOPICS
from rentbook_contracts.workflows import refund_workflow_id
from rentbook_contracts.writeoffs import CHECK_EVIDENCE_POLICY, PROPOSE_EVIDENCE_POLICY, ProposeEvidencePolicy
from rentbook_local.checking.books import Places
from rentbook_local.postgres import Database
from starlette.applications import Starlette
from support import web
from support.ledger_books import HOUSEHOLD, LAST_MONTH, LONG_AGO, PAYER_KEY, opened
from support.servers import Postgres
from writeoffs.app import make_app as make_writeoffs
from writeoffs.queries import evidence_policies
from writeoffs.settings import WriteOffsSettings

TOKEN = "the-services-token"
TODAY = datetime.now(ZoneInfo("Europe/London")).date()
OFFICER = "asha.officer"
PEOPLE = {
    OFFICER: "officer", "bryn.officer": "officer",
    "carys.senior": "senior-officer", "dilip.leader": "team-leader", "efua.manager": "income-manager",
    "greta.finance": "finance",
}  # fmt: skip


@dataclass(frozen=True)
class Tenant:
    """A former tenant whose home was left in order, with a credit, and perhaps a recharge to be paid from it. Pence."""

    number: int
    credit_pence: int
    reference: str
    payer_account: str
    recharge_pence: int = 0

    @property
    def person(self) -> UUID:
        return UUID(int=self.number * 100)

    @property
    def account(self) -> UUID:
        return UUID(int=self.number * 100 + 1)

    @property
    def recharge(self) -> UUID:
        return UUID(int=self.number * 100 + 2)

    @property
    def tenancy(self) -> UUID:
        return UUID(int=self.number * 100 + 3)

    def lines(self) -> list[dict[str, Any]]:
        """The tenant's lines of an estate."""
        about = {"tenancy": str(self.tenancy), "rent_group": "ALL52", "status": "FORMER"}
        home = {"record": "property", "id": str(UUID(int=self.number * 100 + 4)), "reference": f"T{self.number}"}
        tenancy = {
            "record": "tenancy", "id": str(self.tenancy), "property": home["id"], "started_on": str(LONG_AGO), "ended_on": str(LAST_MONTH),
            "keys_returned_on": str(LAST_MONTH), "final_charges_posted": True, "recharge_inspected": True, "forwarding_address_known": True,
            "tenants": [{"person": str(self.person)}],
        }  # fmt: skip
        receipt = {
            "record": "receipt", "account": str(self.account), "code": "RBP", "amount_pence": self.credit_pence,
            "effective_date": str(LAST_MONTH), "payer_account": self.payer_account,
        }  # fmt: skip
        lines: list[dict[str, Any]] = [
            {**home, "address": f"{self.number} Ash Lane, Welwyn", "postcode": "AL8 6AA"},
            {"record": "person", "id": str(self.person), "name": f"Tenant {self.number}"},
            tenancy,
            {"record": "account", "id": str(self.account), "reference": self.reference, "kind": "RENT", **about},
            receipt,
        ]
        if self.recharge_pence:
            opening = {"opening": {"on": str(LAST_MONTH), "balance_pence": self.recharge_pence}}
            account = {"id": str(self.recharge), "reference": f"{self.reference}-RC", "kind": "RECHARGE"}
            lines.insert(4, {"record": "account", **account, **about, **opening})
        return lines


PAID = Tenant(1, 300_00, "90017993G", "20295963748472", recharge_pence=85_50)
OFFSET = Tenant(2, 40_00, "90015311C", "87142746238510", recharge_pence=60_00)
DECLINED = Tenant(3, 90_00, "90014096H", "07445612345112")
RETURNED = Tenant(4, 75_00, "95003101A", "13402063849203")
PLACED = Tenant(5, 60_00, "90014097F", "07011634012583")
TENANTS = (PAID, OFFSET, DECLINED, RETURNED, PLACED)
_ORDER = ("estate", "property", "person", "tenancy", "account", "receipt", "adjustment")


def estate(*more: dict[str, Any]) -> list[dict[str, Any]]:
    lines = [*HOUSEHOLD, *(line for tenant in TENANTS for line in tenant.lines()), *more]
    return sorted(lines, key=lambda line: _ORDER.index(line["record"]))


@dataclass
class Town:
    """The services on databases of their own, and what was done in them."""

    runtimes: dict[str, Runtime]
    apps: dict[str, App]
    databases: dict[str, Database]
    folder: Path
    http: httpx.AsyncClient
    unguarded: dict[str, Database] = field(default_factory=dict)
    """The databases once more with every trigger off, to be copied and broken."""
    steps: int = 0
    named: dict[str, Any] = field(default_factory=dict)
    """Ids that tests want to find again: cases, forms, runs and journals by what they are."""
    acknowledged: list[tuple[str, UUID]] = field(default_factory=list)
    """What people did: each command, or use case of the desk, with the id by which it is known there."""

    async def deliver(self) -> None:
        """Carry what was told from every outbox to every hearer, in order, until nothing is left; and what was asked of workflows away."""
        while any([await self._carry(service) for service in self.runtimes]):
            pass
        for runtime in self.runtimes.values():
            await self._change(runtime, "UPDATE outbox_workflow SET done_at = now(), outcome = 'accepted' WHERE done_at IS NULL")

    async def _carry(self, service: str) -> bool:
        runtime = self.runtimes[service]
        async with runtime.engine.connect() as connection:
            wanted = sa.text("SELECT * FROM outbox_event WHERE published_at IS NULL ORDER BY seq")
            rows = (await connection.execute(wanted)).mappings().all()
        hearers = {topic.name: topic.hearers for topic in TOPICS}
        for row in rows:
            record = Record(row["topic"], row["key"], 0, row["seq"], dict(row["headers"]), row["body"].encode())
            for hearer in hearers[row["topic"]]:
                await Inbox(self.runtimes[hearer], self.apps[hearer]).take(record)
        await self._change(runtime, "UPDATE outbox_event SET published_at = now() WHERE published_at IS NULL")
        return bool(rows)

    async def _change(self, runtime: Runtime, sql: str) -> None:
        async with runtime.engine.begin() as connection:
            await connection.execute(sa.text(sql))

    async def step(self, operation: Operation[Any, Any], argument: Any, workflow: str) -> Any:
        """A step of a story, as the service's activity worker takes it."""
        service = operation.queue
        offers = [offer for offer in self.apps[service].offers if offer.operation.name == operation.name]
        offer: Offer[Any, Any] = offers[0]
        self.steps += 1
        key, gives = f"activity:{workflow}:{self.steps}", operation.gives

        async def work(tx: Any) -> Any:
            if not offer.remember:
                return await offer.use_case(tx, argument)
            return await once(tx, key=key, name=operation.name, argument=argument, gives=gives, use_case=offer.use_case)

        return await run(self.runtimes[service], work)

    async def command(self, person: str, command: Command[Any, Any], argument: Any, form: UUID) -> Any:
        accepts = {each.command.name: each for each in self.apps[command.service].accepts}
        caller = Caller(person, frozenset({PEOPLE[person]}), str(form))
        answer = await accept(self.runtimes[command.service], accepts[command.name], argument, caller)
        self.acknowledged.append((command.name, form))
        return answer

    async def at_the_desk(self, person: str, use_case: Callable[..., Awaitable[Any]], form: Any, form_id: UUID) -> Any:
        caller = Caller(person, frozenset({PEOPLE[person]}), str(form_id))
        answer = await run(self.runtimes["approvals"], lambda tx: use_case(tx, form), caller=caller)
        addressed = {sign_together: "selection", check_policy: "proposal"}.get(use_case)
        self.acknowledged.append((use_case.__name__, getattr(form, addressed) if addressed else form_id))
        return answer

    # --- the story of a refund --------------------------------------------------------------------------------------------------------

    async def requested(self, tenant: Tenant, by: str = OFFICER) -> UUID:
        """The tenant's request for everything, as an officer takes it."""
        payee = NewPayee(
            name=f"Tenant {tenant.number}",
            sort_code=tenant.payer_account[:6],
            account_number=tenant.payer_account[6:],
            person=tenant.person,
        )
        consents = (tenant.recharge,) if tenant.recharge_pence else ()
        asked = RequestRefund(
            account=tenant.account,
            asked_by=tenant.person,
            identified_how="by phone",
            reason_code="in-credit",
            consents=consents,
            payee=payee,
        )
        form = uuid4()
        self.named[f"request {tenant.number}"] = form
        case: UUID = (await self.command(by, REQUEST_REFUND, asked, form)).case
        await self.deliver()
        return case

    async def planned(self, case: UUID, round_: int = 1) -> tuple[RefundPlan, HoldPlaced, TaskOpened]:
        """The ten checks, the plan, its earmark and the approver's task."""
        workflow = refund_workflow_id(case, 1)
        for number in range(1, 11):
            await self.step(RUN_CHECK, RunCheck(case=case, attempt=1, round=round_, check=number), workflow)
        made = await self.step(PLAN_REFUND, PlanRefund(case=case, attempt=1, round=round_), workflow)
        assert made.plan is not None, made
        hold = await self.step(PLACE_HOLD, PlaceHold(plan=made.plan), workflow)
        asked = OpenTask(
            kind=TaskKind.REFUND, case=case, attempt=1, round=round_, stage=1, account=made.plan.account,
            amount_pence=made.plan.total_pence, content_hash=made.plan.content_hash, workflow_id=workflow, lane=made.lane,
            participants=made.participants,
            raised_by=made.raised_by,
        )  # fmt: skip
        task = await run(self.runtimes["approvals"], lambda tx: open_task(tx, asked), caller=SYSTEM)
        await self.deliver()
        return made.plan, hold, task

    async def decided(self, person: str, plan: RefundPlan, task: TaskOpened, answer: Answer = Answer.APPROVED) -> UUID:
        reason, text = ("checks-pass", "") if answer is Answer.APPROVED else ("duplicate", "Asked for twice.")
        form = uuid4()
        await self.at_the_desk(person, decide, AnswerTask(task.task, plan.content_hash, answer, reason, text), form)
        await self.deliver()
        return form

    async def decided_together(self, person: str, plan: RefundPlan, task: TaskOpened) -> UUID:
        """Approved as a selection of one, which was opened first."""
        selection, now = uuid4(), datetime.now(UTC)
        await self.at_the_desk(person, put_together, PutTogether((task.task,)), selection)
        await self.at_the_desk(person, note_seen, OfTask(task.task), uuid4())
        await self.at_the_desk(person, sign_together, SignTogether(selection, now), uuid4())
        decision = decision_of(selection, task.task)
        await self.at_the_desk(person, decide_line, LineOf(selection, task.task, plan.content_hash), decision)
        await self.deliver()
        return decision

    async def lent(self, giver: str, taker: str, ceiling_pence: int) -> None:
        """Authority for a week. Both have signed in at the desk."""
        connection = await asyncpg.connect(self.databases["approvals"].app_dsn)
        try:
            for person in (giver, taker):
                known = "INSERT INTO staff VALUES ($1, $1, $2, now()) ON CONFLICT DO NOTHING"
                await connection.execute(known, person, [PEOPLE[person]])
        finally:
            await connection.close()
        form = LendAuthority(taker, ceiling_pence, TODAY, TODAY + timedelta(days=7))
        await self.at_the_desk(giver, lend_authority, form, uuid4())

    async def recalled(self, person: str, decision: UUID) -> None:
        await self.at_the_desk(person, recall_decision, TakeBack(decision, "It was a slip"), uuid4())
        await self.deliver()

    async def released(self, *plans: RefundPlan) -> UUID:
        """Finance signs a run of these plans."""
        lines = tuple(ReleasedLine(case=p.case, attempt=p.attempt, content_hash=p.content_hash, amount_pence=p.refund_pence) for p in plans)
        form = uuid4()
        await self.at_the_desk("greta.finance", release_run, SignRun(lines, sum(line.amount_pence for line in lines)), form)
        await self.deliver()
        return form

    async def posted(self, plan: RefundPlan, hold: HoldPlaced, decision: UUID, released_in: UUID | None = None) -> RefundIsPosted:
        """The checks again, and the plan posted whole."""
        workflow = refund_workflow_id(plan.case, plan.attempt)
        versions = (await self.step(RECHECK, Recheck(plan=plan), workflow)).versions
        post = PostRefund(plan=plan, hold=hold.hold, decision=decision, versions=versions)
        posted: RefundIsPosted = await self.step(POST_REFUND, post, workflow)
        if released_in is not None:
            told = LinePosted(run=released_in, plan=plan, refund_journal=posted.refund_journal)
            await self.step(LINE_POSTED, told, workflow)
        await self.deliver()
        return posted

    async def paid(self, payment_run: UUID) -> str:
        """The run's file, made, handed over and accepted; gives its hash."""
        workflow = f"payment-run/{payment_run}"
        built = await self.step(BUILD_FILE, BuildFile(run=payment_run), workflow)
        answer = await self.step(SUBMIT_FILE, SubmitFile(run=payment_run, sha256=built.sha256), workflow)
        if answer.fate is FileFate.UNKNOWN:
            answer = await self.step(ASK_FATE, SubmitFile(run=payment_run, sha256=built.sha256), workflow)
        assert answer.fate is FileFate.ACCEPTED, answer
        await self.step(SETTLE_RUN, SettleRun(run=payment_run, fate=answer.fate), workflow)
        await self.deliver()
        return str(built.sha256)

    async def closed(self, plan: RefundPlan, outcome: CaseOutcome, **more: Any) -> None:
        told = CloseCase(case=plan.case, attempt=plan.attempt, outcome=outcome, plan=plan, **more)
        await self.step(CLOSE_CASE, told, refund_workflow_id(plan.case, plan.attempt))
        await self.deliver()

    async def sealed(self) -> None:
        """Everything sealed and the head anchored."""
        sealer, *_ = self.apps["ledger"].every
        for _ in range(3):
            await run(self.runtimes["ledger"], lambda tx: sealer.use_case(tx, Tick(at=datetime.now(UTC))))

    def places(self, **other: Database) -> Places:
        """Where the checker finds this town; `other` databases stand in for its own. The bank is asked apart."""
        databases = {**self.databases, **other}
        return Places(
            dsns={service: database.owner_dsn for service, database in databases.items()},
            anchor=self.folder / "anchor" / "seal-anchors.jsonl",
            payments=self.folder / "payments",
        )


async def lived(town: Town) -> None:
    """A month of the town's life: every kind of thing that the checker looks at has happened in it at least once."""
    # What is imported here builds on what stands above.
    from .debts import BANKRUPT, CREDITORS, DEBTORS, OVERCHARGED, credits_to_income, undone_charges, write_offs

    households = (*DEBTORS, BANKRUPT, *CREDITORS, OVERCHARGED)
    await opened(town.runtimes["ledger"], estate(*(line for one in households for line in one.lines())))
    await town.deliver()
    await _a_bank_file(town)
    monday = TODAY - timedelta(days=TODAY.weekday())
    await town.command(OFFICER, DEBIT_WEEK, DebitWeek(week_commencing=monday), uuid4())
    await _paid_and_returned(town)
    await _offset_only(town)
    await _recalled_and_declined(town)
    await _a_slip(town)
    await _laid_down(town)
    await _provided(town)
    await _placed_from_suspense(town)
    await _taken_back_by_the_bank(town)
    await _split_among_accounts(town)
    await _matched_by_hand(town)
    await write_offs(town)
    await credits_to_income(town)
    await undone_charges(town)
    await town.deliver()
    await town.sealed()


async def _a_bank_file(town: Town) -> None:
    rows = [("97000023E", "12.50", "T"), ("97000023E", "12.50", "T"), ("00000000", "3.00", "T")]
    town.named["bank file"] = await _cash(town, "cash.txt", "28.00", *rows)


async def _cash(town: Town, name: str, total: str, *rows: tuple[str, str, str]) -> UUID:
    """A cash file of yesterday: reference, pounds and type of each payment."""
    headers = {"Authorization": f"Bearer {TOKEN}", "X-Rentbook-Person": OFFICER, "X-Rentbook-Roles": "officer"}
    yesterday = f"{TODAY - timedelta(days=1):%d/%m/%Y}"
    records = [f" 335610{reference:<16}{pounds:>9}{kind}{yesterday}" for reference, pounds, kind in rows]
    ends = [f"{'Total Amount':<34}{total:>17}", f"{'Total Transactions':<40}{len(rows):>17}"]
    content = "\r\n".join([*records, "", *ends, ""])
    answer = await town.http.post("http://ledger/bank-files", params={"name": name}, content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["bank_file"])


async def _paid_and_returned(town: Town) -> None:
    """Two refunds in one run, each by its own band; one of them comes back."""
    first, first_hold, first_task = await town.planned(await town.requested(PAID))
    second, second_hold, second_task = await town.planned(await town.requested(RETURNED))
    decisions = await town.decided("dilip.leader", first, first_task), await town.decided_together("carys.senior", second, second_task)
    for plan, decision in ((first, decisions[0]), (second, decisions[1])):
        await town.step(QUEUE_PAYMENT, QueuePayment(plan=plan, decision=decision), refund_workflow_id(plan.case, 1))
    payment_run = await town.released(first, second)
    one = await town.posted(first, first_hold, decisions[0], payment_run)
    two = await town.posted(second, second_hold, decisions[1], payment_run)
    await town.paid(payment_run)
    for plan in (first, second):
        await town.closed(plan, CaseOutcome.PAID)
    async with town.runtimes["refunds"].engine.connect() as connection:
        wanted = sa.text("SELECT reference FROM payment_line WHERE case_id = :case")
        reference = await connection.scalar(wanted, {"case": second.case})
    await town.http.post("http://bank/control/next", json={"fault": "return", "reference": reference, "code": "B"})
    for periodic in town.apps["refunds"].every:
        while await run(town.runtimes["refunds"], lambda tx, work=periodic.use_case: work(tx, Tick(at=datetime.now(UTC)))):  # type: ignore[misc]
            pass
    await town.deliver()
    back = ReverseRefund(case=second.case, attempt=1, journal=two.refund_journal or UUID(int=0), reason="B")
    await town.step(REVERSE_REFUND, back, refund_workflow_id(second.case, 2))
    await town.step(RUN_CHECK, RunCheck(case=second.case, attempt=2, round=1, check=1), refund_workflow_id(second.case, 2))
    town.named |= {"run": payment_run, "decision": decisions[0], "paid": first, "posted": one, "returned": two}


async def _offset_only(town: Town) -> None:
    """The whole credit pays a debt: nothing is released, and it is posted at once. It is decided by authority that was lent on."""
    await town.lent("dilip.leader", "greta.finance", 400_00)
    await town.lent("greta.finance", "bryn.officer", 350_00)
    plan, hold, task = await town.planned(await town.requested(OFFSET))
    decision = await town.decided("bryn.officer", plan, task)
    posted = town.named["offset"] = await town.posted(plan, hold, decision)
    await town.closed(plan, CaseOutcome.OFFSET, offset_journals=posted.offset_journals)


async def _recalled_and_declined(town: Town) -> None:
    """An approval that was taken back, and then the answer no."""
    case = await town.requested(DECLINED)
    plan, hold, task = await town.planned(case)
    await town.recalled("carys.senior", await town.decided("carys.senior", plan, task))
    await town.step(RELEASE_HOLD, ReleaseHold(hold=hold.hold, case=case), refund_workflow_id(case, 1))
    plan, hold, task = await town.planned(case, 2)
    await town.decided("carys.senior", plan, task, Answer.DECLINED)
    await town.step(RELEASE_HOLD, ReleaseHold(hold=hold.hold, case=case), refund_workflow_id(case, 1))
    await town.closed(plan, CaseOutcome.DECLINED, reason_code="duplicate")
    town.named["declined"] = case


async def _laid_down(town: Town) -> None:
    """Another policy a month from now, with the limits of this one."""
    in_force = (await run(town.runtimes["approvals"], lambda tx: policies(tx, Kind.REFUND)))[-1]
    bands = tuple(Band(one.act, one.stage, one.role, one.from_pence, one.to_pence) for one in in_force.authorities)
    asked = ProposedPolicy("refund", TODAY + timedelta(days=30), 5, 3, 6, 30, 40, 5_000_00, 3, 90, "Cabinet, minute 41", bands)
    proposal = uuid4()
    await town.at_the_desk("efua.manager", propose_policy, ProposePolicy(asked, in_force.id), proposal)
    await town.at_the_desk("greta.finance", check_policy, CheckPolicy(proposal, "accepted", base=in_force.id), uuid4())
    await _laid_down_elsewhere(town)


async def _laid_down_elsewhere(town: Town) -> None:
    """Other evidence and other rates, for the same day."""
    known = await run(town.runtimes["writeoffs"], lambda tx: evidence_policies(tx, Nothing()))
    changed = {"in_force_from": TODAY + timedelta(days=30), "source": "Cabinet, minute 42"}
    evidence = ProposeEvidencePolicy(policy=known.versions[0].policy.model_copy(update={**changed, "remind_after_days": 21}))
    made = await town.command("efua.manager", PROPOSE_EVIDENCE_POLICY, evidence, uuid4())
    answer = contract.CheckPolicy(proposal=made.proposal, answer=contract.PolicyAnswer.ACCEPTED, base=known.versions[0].version)
    await town.command("greta.finance", CHECK_EVIDENCE_POLICY, answer, uuid4())
    in_force = (await run(town.runtimes["ledger"], lambda tx: provision_policies(tx, Nothing()))).versions[0]
    rates = ProposeProvisionPolicy(policy=in_force.policy.model_copy(update=changed))
    made = await town.command("greta.finance", PROPOSE_PROVISION_POLICY, rates, uuid4())
    answer = contract.CheckPolicy(proposal=made.proposal, answer=contract.PolicyAnswer.ACCEPTED, base=in_force.version)
    await town.command("efua.manager", CHECK_PROVISION_POLICY, answer, uuid4())


async def _provided(town: Town) -> None:
    """The provision of the last month that has ended. Whatever is posted later with an earlier day is not in it."""
    month_end = TODAY.replace(day=1) - timedelta(days=1)
    seen = (await run(town.runtimes["ledger"], lambda tx: provision(tx, ProvisionAsked(month_end=month_end)))).to_post_pence
    await town.command("greta.finance", POST_PROVISION, PostProvision(month_end=month_end, to_post_pence=seen), uuid4())


async def _a_slip(town: Town) -> None:
    """A charge that was posted in error and undone."""
    async with town.runtimes["ledger"].engine.connect() as connection:
        charge = await connection.scalar(sa.text("SELECT id FROM journal WHERE code = 'DEB' ORDER BY seq LIMIT 1"))
    await town.command(OFFICER, REVERSE_JOURNAL, ReverseJournal(journal=charge, reason="charged in error"), uuid4())


async def _placed_from_suspense(town: Town) -> None:
    """Money was put onto a wrong account and put back, and then placed by a senior officer: who may not decide a refund of it."""
    async with town.runtimes["ledger"].engine.connect() as connection:
        item = await connection.scalar(sa.text("SELECT journal FROM suspense_item"))
    wrong = await town.command(OFFICER, CLEAR_SUSPENSE, ClearSuspense(item=item, reference="97000023E"), uuid4())
    await town.command(OFFICER, REVERSE_JOURNAL, ReverseJournal(journal=wrong.journal, reason="another account"), uuid4())
    await town.command("carys.senior", CLEAR_SUSPENSE, ClearSuspense(item=item, reference=PLACED.reference), uuid4())
    await town.deliver()
    case = await town.requested(PLACED)
    plan, hold, task = await town.planned(case)
    with pytest.raises(ParticipantMayNotDecide):
        await town.decided("carys.senior", plan, task)
    await town.decided("dilip.leader", plan, task, Answer.DECLINED)
    await town.step(RELEASE_HOLD, ReleaseHold(hold=hold.hold, case=case), refund_workflow_id(case, 1))
    await town.closed(plan, CaseOutcome.DECLINED, reason_code="duplicate")


async def _taken_back_by_the_bank(town: Town) -> None:
    """Money was moved from suspense, and then a cash file says that it was a cheque that came back."""
    await _cash(town, "a-cheque.txt", "4.00", ("11111111", "4.00", "P"))
    async with town.runtimes["ledger"].engine.connect() as connection:
        item = await connection.scalar(sa.text("SELECT journal FROM suspense_item WHERE amount_pence = 400"))
    await town.command(OFFICER, CLEAR_SUSPENSE, ClearSuspense(item=item, reference="97000023E"), uuid4())
    await _cash(town, "returned.txt", "-4.00", ("11111111", "-4.00", "Q"))


async def _split_among_accounts(town: Town) -> None:
    """One payment for two accounts, of which something is left over."""
    await _cash(town, "for-two.txt", "5.00", ("22222222", "5.00", "T"))
    async with town.runtimes["ledger"].engine.connect() as connection:
        item = await connection.scalar(sa.text("SELECT journal FROM suspense_item WHERE amount_pence = 500"))
    parts = (SuspensePart(reference="97000023E", amount_pence=1_50), SuspensePart(reference="90000001E", amount_pence=2_00))
    await town.command(OFFICER, SPLIT_SUSPENSE, SplitSuspense(item=item, parts=parts), uuid4())


async def _matched_by_hand(town: Town) -> None:
    """Two returns that say nothing of what they take back: one is matched by hand, and of the other that was taken back."""
    await _cash(town, "two-cheques.txt", "15.00", ("33333333", "7.00", "P"), ("97000023E", "8.00", "P"))
    await _cash(town, "mute-returns.txt", "-15.00", ("44444444", "-7.00", "Q"), ("55555555", "-8.00", "Q"))
    async with town.runtimes["ledger"].engine.connect() as connection:
        found = sa.text("SELECT amount_pence, journal FROM bank_file_line WHERE amount_pence IN (700, -700, 800, -800)")
        lines = {row.amount_pence: row.journal for row in await connection.execute(found)}
    await town.command(OFFICER, CLEAR_SUSPENSE, ClearSuspense(item=lines[700], reference="97000023E"), uuid4())
    for pence in (700, 800):
        match = MatchReturn(item=lines[-pence], payment=lines[pence], reason="the bank said so")
        await town.command(OFFICER, MATCH_RETURN, match, uuid4())
    await town.command("carys.senior", UNMATCH_RETURN, UnmatchReturn(item=lines[-800], reason="the bank corrected itself"), uuid4())


@asynccontextmanager
async def founded(postgres: Postgres, folder: Path) -> AsyncIterator[Town]:
    """The services of a town on empty databases, with the bank's stand-in beside them."""
    secrets = _secrets(folder / "secrets")
    bank = folder / "bank"
    bank.mkdir()
    databases = {service: await postgres.new_database(service) for service in ("ledger", "refunds", "writeoffs", "approvals", "notices")}
    settings = {service: _settings(service, database, secrets, folder) for service, database in databases.items()}
    async with AsyncExitStack() as stack:
        runtimes = {name: await stack.enter_async_context(make_runtime(name, told)) for name, told in settings.items()}
        apps = {
            "ledger": make_ledger(settings["ledger"]),  # type: ignore[arg-type]
            "refunds": make_refunds(settings["refunds"]),  # type: ignore[arg-type]
            "writeoffs": make_writeoffs(settings["writeoffs"]),  # type: ignore[arg-type]
            "notices": make_notices(settings["notices"]),  # type: ignore[arg-type]
        }
        mounts: dict[str, httpx.AsyncBaseTransport | None] = {
            f"http://{name}": httpx.ASGITransport(Starlette(routes=[*doors(runtimes[name], app), *app.routes(runtimes[name])]))
            for name, app in apps.items()
        }
        # What the others ask of it; people's forms reach its use cases without the desk's pages.
        questions = doors(runtimes["approvals"], App("approvals", answers=ANSWERS))
        mounts["http://approvals"] = httpx.ASGITransport(Starlette(routes=questions))
        mounts["http://bank"] = httpx.ASGITransport(make_bank(bank, lambda: datetime.now(UTC)))
        http = await stack.enter_async_context(web.client(mounts=mounts))
        for runtime in runtimes.values():
            runtime.http = http
        yield Town(runtimes, apps, databases, folder, http)


def _secrets(folder: Path) -> Path:
    folder.mkdir()
    (folder / "service_token").write_text(TOKEN, encoding="utf-8")
    index_key = base64.b64encode(PAYER_KEY).decode()
    (folder / "payer_index_key").write_text(index_key, encoding="utf-8")
    ring = {"current": "k1", "keys": {"k1": base64.b64encode(b"a" * 32).decode()}, "index_key": index_key}
    (folder / "payee_keys.json").write_text(json.dumps(ring), encoding="utf-8")
    return folder


def _settings(service: str, database: Database, secrets: Path, folder: Path) -> Settings:
    words: dict[str, Any] = {
        "database_url": database.app_url, "kafka_bootstrap": "127.0.0.1:1", "temporal_address": "127.0.0.1:1", "secrets_dir": secrets,
        "state_dir": folder, "peers": {name: f"http://{name}" for name in ("ledger", "refunds", "writeoffs", "approvals", "notices")},
    }  # fmt: skip
    match service:
        case "ledger":
            return LedgerSettings(**words, anchor_dir=folder / "anchor")
        case "refunds":
            return RefundsSettings(**words, bank_url="http://bank", payments_dir=folder / "payments")
        case "writeoffs":
            return WriteOffsSettings(**words)
        case "notices":
            return NoticesSettings(**words, letters_dir=folder / "letters")
        case _:
            desk: dict[str, Any] = {"public_url": "http://127.0.0.1:1", "oidc_issuer": "http://127.0.0.1:1", "oidc_client_id": "desk"}
            return ApprovalsSettings(**words, **desk)
