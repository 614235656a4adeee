"""Refunds whole, on PostgreSQL, Kafka and Temporal, with the real stories and the bank's stand-in; ledger and approvals by script."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
import uvicorn
from aiokafka import AIOKafkaProducer
from chassis.parked import NotPossible
from chassis.process import Service, serving
from chassis.relay import kafka_access
from chassis.transaction import run
from pydantic import BaseModel
from refunds.app import make_app
from refunds.domain.days import business_date
from refunds.settings import RefundsSettings
from refunds.tables import refund_case
from refunds.use_cases import stories as refunds_stories
from refunds.use_cases.dequeue_payment import dequeue_payment
from rentbook_contracts import approvals, ledger
from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import POST_REFUND, ChargePosted, PersonFacts, ReceiptPosted, RefundFacts, RefundPlan
from rentbook_contracts.message import Fact
from rentbook_contracts.operation import Nothing, Operation, Query
from rentbook_contracts.refunds import (
    CASE_PAGE,
    CASES,
    NOTE_PROGRESS,
    READY_PAYMENTS,
    REQUEST_REFUND,
    RUN_PAGE,
    CaseAsked,
    CaseOpened,
    CasePage,
    CasesAsked,
    CaseStatus,
    DequeuePayment,
    NoteProgress,
    RunAsked,
    RunPage,
    RunStatus,
)
from rentbook_contracts.workflows import QUEUE, payment_run_workflow_id, refund_workflow_id
from rentbook_local import ports
from rentbook_local.postgres import Database
from support.bank import Bank, running_bank
from support.counting import until
from support.fake_services import FakeServices
from support.refund_cases import A
from support.refund_cases import ledger as ledger_facts
from support.refund_service import VALID_ACCOUNT, VALID_SORT_CODE, FakeLedger, released, request
from support.servers import Kafka, Postgres, Temporal
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker
from workflows.app import WORKFLOWS

from chassis import stories

TODAY = business_date(datetime.now(UTC))
LIMIT_SECONDS = 120.0
"""How long a story may take to its next rest: beside other tests all that it needs waits for its turn."""

pytestmark = pytest.mark.timeout(900)


@dataclass
class Stack:
    """A running refunds and what stands around it."""

    service: Service
    settings: RefundsSettings
    ledger: FakeLedger
    others: FakeServices
    bank: Bank
    kafka: Kafka
    temporal: Client

    async def ask(self, query: Query[Any, Any], argument: Any) -> Any:
        answer = await self._post(f"queries/{query.name}", argument)
        return query.gives.model_validate_json(answer.raise_for_status().content)

    async def request(self, account: RefundFacts, form: str) -> httpx.Response:
        return await self._post(f"commands/{REQUEST_REFUND.name}", request(account), **{"X-Rentbook-Form": form})

    async def _post(self, path: str, argument: Any, **more: str) -> httpx.Response:
        headers = {"Authorization": "Bearer the-services-token", "X-Rentbook-Person": "asha.officer", "X-Rentbook-Roles": "officer", **more}
        async with httpx.AsyncClient(timeout=LIMIT_SECONDS) as client:
            return await client.post(f"{self.service.address}/{path}", content=argument.model_dump_json(), headers=headers)

    async def page(self, case: UUID) -> CasePage:
        page: CasePage = await self.ask(CASE_PAGE, CaseAsked(case=case))
        return page

    async def case_is(self, case: UUID, status: CaseStatus) -> None:
        async def there() -> bool:
            return (await self.page(case)).status is status

        await until(there, f"the case is {status}", LIMIT_SECONDS)

    async def tell(self, fact: Fact, publisher: str, version: int) -> None:
        """The fact as its publisher's relay sends it."""
        access = {**kafka_access(self.settings), "sasl_plain_username": publisher, "sasl_plain_password": self.kafka.password(publisher)}
        told = {"ce_specversion": "1.0", "ce_id": str(uuid4()), "ce_type": fact.type, "ce_source": f"/rentbook/{publisher}"}
        told |= {"ce_subject": fact.key, "ce_time": datetime.now(UTC).isoformat(), "ce_aggregateversion": str(version)}
        async with AIOKafkaProducer(**access) as producer:
            headers = [(name, value.encode()) for name, value in told.items()]
            body = fact.model_dump_json().encode()
            await producer.send_and_wait(self.settings.topic_prefix + fact.topic, body, key=fact.key.encode(), headers=headers)


@asynccontextmanager
async def _served(fake: FakeLedger) -> AsyncIterator[str]:
    [port] = ports.free_ports(1)
    server = uvicorn.Server(uvicorn.Config(fake.app(), port=port, log_config=None, lifespan="off"))
    task = asyncio.ensure_future(server.serve())
    try:

        async def started() -> bool:
            return server.started

        await until(started, "the ledger's stand-in")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def stack(
    database: Database, settings: RefundsSettings, secrets_dir: Path, tmp_path: Path, kafka: Kafka, temporal: Temporal, postgres: Postgres
) -> AsyncIterator[Stack]:
    prefix = await kafka.new_topics()
    (secrets_dir / "kafka_password").write_text(kafka.password("refunds"), encoding="utf-8")
    fake, others = FakeLedger(), FakeServices()
    others.posts, fake.decisions = fake.posts, others.decisions
    async with AsyncExitStack() as around:
        bank = await around.enter_async_context(running_bank(tmp_path))
        await bank.register({"sort_code": VALID_SORT_CODE, "account_number": VALID_ACCOUNT, "name": "Ada Match"})
        address = await around.enter_async_context(_served(fake))
        reach = {"kafka_bootstrap": kafka.bootstrap, "kafka_username": "refunds", "topic_prefix": prefix, "poll_seconds": 0.1}
        times = {
            "temporal_address": temporal.address,
            "temporal_namespace": await temporal.new_namespace(),
            "report_seconds": 0.3,
            "stories_look_seconds": 0.5,
        }
        told = settings.model_copy(update={**reach, **times, "peers": {"ledger": address, "approvals": address}, "bank_url": bank.url})
        service = await around.enter_async_context(serving(make_app(told), told))
        client: Client = service._client
        await around.enter_async_context(Worker(client, task_queue=QUEUE, workflows=WORKFLOWS))
        for module in (approvals, ledger):
            steps = [others._step(thing) for thing in vars(module).values() if isinstance(thing, Operation)]
            queue = module.__name__.rpartition(".")[2]
            await around.enter_async_context(Worker(client, task_queue=queue, activities=steps))
        yield Stack(service, told, fake, others, bank, kafka, client)


def tenant() -> RefundFacts:
    facts = ledger_facts(1_000_00, people=(PersonFacts(person=A),), debts=(), as_of=TODAY, pays_by_direct_debit=False)
    return facts.model_copy(update={"account": uuid4()})


async def asked(stack: Stack, facts: RefundFacts) -> UUID:
    stack.ledger.facts[facts.account] = facts
    answer = await stack.request(facts, form=str(uuid4()))
    assert answer.status_code == 200, answer.text
    return CaseOpened.model_validate_json(answer.content).case


async def story_of(stack: Stack, case: UUID) -> WorkflowHandle[Any, Any]:
    return stack.temporal.get_workflow_handle(refund_workflow_id(case, (await stack.page(case)).attempt))


async def ready_after_approval(stack: Stack, case: UUID) -> RefundPlan:
    await stack.case_is(case, CaseStatus.WITH_APPROVER)
    await stack.others.decide(await story_of(stack, case), Answer.APPROVED)

    async def queued() -> bool:
        return case in [payment.case for payment in (await stack.ask(READY_PAYMENTS, Nothing())).payments]

    await until(queued, "the payment is ready", LIMIT_SECONDS)
    plan = (await stack.page(case)).plan
    assert plan is not None
    return plan


async def released_after_approval(stack: Stack, *these: UUID) -> UUID:
    fact = released(*[await ready_after_approval(stack, case) for case in these], at=datetime.now(UTC))
    await stack.tell(fact, "approvals", 1)
    return fact.run


async def needs_attention(stack: Stack) -> list[str]:
    """As the service says while it is well, which it is all the same: to begin the process anew mends nothing."""
    attention: list[str] = (await told_when_well(stack))["attention"]
    return attention


async def told_when_well(stack: Stack) -> dict[str, Any]:
    """It is ill until Temporal knows its poller, which is soon after the start."""
    told: dict[str, Any] = {}
    async with httpx.AsyncClient(timeout=LIMIT_SECONDS) as client:

        async def is_well() -> bool:
            nonlocal told
            answer = await client.get(f"{stack.service.address}/health")
            told = answer.json()
            return answer.status_code == 200

        await until(is_well, "the service is well", LIMIT_SECONDS)
    return told


async def gone_by_the_metric(stack: Stack) -> int:
    async with httpx.AsyncClient(timeout=LIMIT_SECONDS) as client:
        metrics = (await client.get(f"{stack.service.address}/metrics")).text
    [line] = [line for line in metrics.splitlines() if line.startswith("rentbook_stories_gone ")]
    return int(float(line.partition(" ")[2]))


async def restarted(stack: Stack, *, every: bool = True, story: str = "") -> str:
    words = ["restart", "--by", "ops", *(["--all"] if every else [story])]
    asked = stories.read_words("refunds", words)
    return await stories.obey(stack.service.runtime, make_app(stack.settings), stack.temporal, asked)


async def test_a_request_becomes_a_payment_and_a_returned_one_is_asked_about_again(stack: Stack) -> None:
    case = await asked(stack, tenant())
    run = await released_after_approval(stack, case)
    await stack.case_is(case, CaseStatus.PAID)
    page = await stack.ask(RUN_PAGE, RunAsked(run=run))
    assert (page.status, page.count, page.total_pence) == (RunStatus.ACCEPTED, 1, 520_00)
    content = (stack.settings.payments_dir / page.file_name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == page.sha256
    [paid] = await stack.bank.paid()
    assert (paid["times"], paid["pence"]) == (1, 520_00)
    await stack.bank.next(fault="return", reference=paid["reference"], code="B")
    await stack.case_is(case, CaseStatus.WAITING_FOR_EVIDENCE)
    returned = await stack.page(case)
    assert (returned.attempt, returned.checks[6].reason_code) == (2, "payment-came-back")
    assert "ledger.reverse-refund" in stack.others.names()


async def test_a_terminated_story_is_noticed_holds_up_no_payment_run_and_is_taken_up_again(stack: Stack) -> None:
    stranded = await asked(stack, tenant())
    plans = [await ready_after_approval(stack, stranded)]
    other = await asked(stack, tenant())
    plans.append(await ready_after_approval(stack, other))
    await (await story_of(stack, stranded)).terminate("by hand")
    fact = released(*plans, at=datetime.now(UTC))
    await stack.tell(fact, "approvals", 1)

    await until(lambda: truth(needs_attention(stack)), "somebody is told", LIMIT_SECONDS)
    [words] = await needs_attention(stack)
    assert "1 story is gone" in words
    assert await gone_by_the_metric(stack) == 1
    assert "`stories list` of refunds" in words
    await stack.case_is(other, CaseStatus.PAID)
    page = await stack.ask(RUN_PAGE, RunAsked(run=fact.run))
    assert sorted((line.case, line.status) for line in page.lines) == sorted([(stranded, "dropped"), (other, "paid")])
    [why] = [line.because for line in page.lines if line.case == stranded]
    assert why
    assert why.startswith("The story of this refund had ended")
    assert [(lifted.case, lifted.attempt) for lifted in stack.ledger.lifted] == [(stranded, 1)]

    assert (await restarted(stack)).endswith("is taken up again.")
    await released_after_approval(stack, stranded)
    await stack.case_is(stranded, CaseStatus.PAID)
    await until(lambda: falsehood(needs_attention(stack)), "nobody is told any more", LIMIT_SECONDS)
    assert await gone_by_the_metric(stack) == 0
    assert [(paid["times"], paid["pence"]) for paid in await stack.bank.paid()] == [(1, 520_00)] * 2


async def test_a_story_that_is_terminated_before_its_decision_asks_anew_and_pays_once(stack: Stack) -> None:
    case = await asked(stack, tenant())
    await stack.case_is(case, CaseStatus.WITH_APPROVER)
    story = await story_of(stack, case)
    await story.terminate("by hand")
    await until(lambda: truth(needs_attention(stack)), "somebody is told", LIMIT_SECONDS)
    assert (await stack.page(case)).gone_story == story.id, "whoever opens the case reads it too"
    with pytest.raises(NotPossible):
        await restarted(stack, every=False, story=refund_workflow_id(uuid4(), 1))
    first = stack.others.task
    await restarted(stack, every=False, story=story.id)
    await until(lambda: truth(another_task(stack, first)), "the decision is asked for anew", LIMIT_SECONDS)
    await until(lambda: falsehood(needs_attention(stack)), "nobody is told any more", LIMIT_SECONDS)
    assert (await stack.page(case)).gone_story is None
    await released_after_approval(stack, case)
    await stack.case_is(case, CaseStatus.PAID)
    [paid] = await stack.bank.paid()
    assert (paid["times"], paid["pence"]) == (1, 520_00)


@workflow.defn(name="WordsAhead", sandboxed=False)
class WordsAhead:
    """A story of somebody's own, which takes the next steps of a case's story in its name."""

    @workflow.run
    async def run(self, told: NoteProgress) -> None:
        for number in (3, 4, 5):
            step, within = f"{NOTE_PROGRESS.name}/{number}", timedelta(seconds=30)
            await workflow.execute_activity(NOTE_PROGRESS.name, told, task_queue="refunds", activity_id=step, start_to_close_timeout=within)


async def test_a_case_whose_next_steps_somebody_took_in_the_name_of_its_story_is_taken_up_again_and_pays_once(stack: Stack) -> None:
    case = await asked(stack, tenant())
    await stack.case_is(case, CaseStatus.WITH_APPROVER)
    story = await story_of(stack, case)
    await story.terminate("by hand")
    poison = NoteProgress(case=case, attempt=1, status=CaseStatus.WITH_APPROVER, note="poison")
    async with Worker(stack.temporal, task_queue="elsewhere", workflows=[WordsAhead]):
        await stack.temporal.execute_workflow("WordsAhead", poison, id=story.id, task_queue="elsewhere")
    await until(lambda: truth(needs_attention(stack)), "somebody is told", LIMIT_SECONDS)
    assert await restarted(stack) == f"{story.id} is taken up again."

    async def goes_round_again() -> bool:
        async with stack.service.runtime.engine.connect() as connection:
            row = (await connection.execute(sa.select(refund_case).where(refund_case.c.id == case))).one()
        return bool(row.round == 2)

    await until(goes_round_again, "it is checked anew", LIMIT_SECONDS)
    await released_after_approval(stack, case)
    await stack.case_is(case, CaseStatus.PAID)
    assert [(paid["times"], paid["pence"]) for paid in await stack.bank.paid()] == [(1, 520_00)]
    await until(lambda: falsehood(needs_attention(stack)), "nobody is told any more", LIMIT_SECONDS)


async def test_an_approved_refund_that_somebody_took_off_the_list_is_told_of_and_sent_round_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await asked(stack, tenant())
    plan = await ready_after_approval(stack, case)
    forged = DequeuePayment(case=case, attempt=1, content_hash=plan.content_hash)
    await run(stack.service.runtime, lambda tx: dequeue_payment(tx, forged))
    monkeypatch.setattr(refunds_stories, "UNLISTED_LIMIT", timedelta(0))
    await until(lambda: truth(needs_attention(stack)), "somebody is told", LIMIT_SECONDS)
    [words] = await needs_attention(stack)
    assert words.startswith("1 story waits for what will not come: `stories list` of refunds")
    story, first = refund_workflow_id(case, 1), stack.others.task
    listed = stories.read_words("refunds", ["list"])
    told = await stories.obey(stack.service.runtime, make_app(stack.settings), stack.temporal, listed)
    assert told == f"{story}  waits for what will not come"

    assert await restarted(stack) == f"{story} runs, and was told to ask the rows."
    await until(lambda: truth(another_task(stack, first)), "the decision is asked for anew", LIMIT_SECONDS)
    await until(lambda: falsehood(needs_attention(stack)), "nobody is told any more", LIMIT_SECONDS)
    await released_after_approval(stack, case)
    await stack.case_is(case, CaseStatus.PAID)
    assert [(paid["times"], paid["pence"]) for paid in await stack.bank.paid()] == [(1, 520_00)]


async def test_a_payment_run_whose_story_is_terminated_goes_on_and_sends_its_file_once(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await asked(stack, tenant())
    plan = await ready_after_approval(stack, case)
    may_post, answer = asyncio.Event(), stack.others.answer

    async def answer_once_it_may(operation: Operation[Any, Any], argument: BaseModel) -> BaseModel:
        if operation is POST_REFUND:
            await may_post.wait()
        return await answer(operation, argument)

    # The run waits for its line until somebody was told, however long that takes.
    monkeypatch.setattr(stack.others, "answer", answer_once_it_may)
    fact = released(plan, at=datetime.now(UTC))
    await stack.tell(fact, "approvals", 1)
    run = stack.temporal.get_workflow_handle(payment_run_workflow_id(fact.run))
    await until(lambda: begun(run), "the run has begun", LIMIT_SECONDS)
    await run.terminate("by hand")
    await until(lambda: truth(needs_attention(stack)), "somebody is told", LIMIT_SECONDS)
    page: RunPage = await stack.ask(RUN_PAGE, RunAsked(run=fact.run))
    assert (page.gone_story, (await stack.page(case)).gone_story) == (run.id, run.id), "whoever opens the run or the case reads it too"
    may_post.set()
    await restarted(stack)
    await stack.case_is(case, CaseStatus.PAID)
    [paid] = await stack.bank.paid()
    assert (paid["times"], paid["pence"]) == (1, 520_00)


async def truth(what: Awaitable[object]) -> bool:
    return bool(await what)


async def falsehood(what: Awaitable[object]) -> bool:
    return not await what


async def another_task(stack: Stack, first: UUID | None) -> bool:
    return stack.others.task != first


async def begun(run: WorkflowHandle[Any, Any]) -> bool:
    try:
        return (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError:
        return False


async def test_a_receipt_that_is_heard_opens_a_review_and_charges_that_use_its_credit_close_it(stack: Stack) -> None:
    facts = tenant()
    stack.ledger.facts[facts.account] = facts
    receipt = ReceiptPosted(
        account=facts.account,
        balance_pence=facts.balance_pence,
        journal=uuid4(),
        amount_pence=100_00,
        method="RSO",
        effective_date=TODAY,
        cleared_on=TODAY,
    )
    await stack.tell(receipt, "ledger", 1)

    async def stands(status: CaseStatus) -> bool:
        found = (await stack.ask(CASES, CasesAsked(account=facts.account))).cases
        return [row.status for row in found] == [status]

    await until(lambda: stands(CaseStatus.REVIEW), "a review is open", LIMIT_SECONDS)
    stack.ledger.facts[facts.account] = facts.model_copy(update={"cleared_credit_pence": 0})
    charge = ChargePosted(account=facts.account, balance_pence=0, journal=uuid4(), amount_pence=120_00, week_commencing=TODAY)
    await stack.tell(charge, "ledger", 2)
    await until(lambda: stands(CaseStatus.WITHDRAWN), "the review is closed", LIMIT_SECONDS)


async def test_the_same_form_opens_one_case_and_a_refusal_names_its_field(stack: Stack) -> None:
    facts = tenant()
    stack.ledger.facts[facts.account] = facts
    first, second = await stack.request(facts, form="one"), await stack.request(facts, form="one")
    assert first.status_code == 200
    assert first.content == second.content
    refused = await stack.request(facts, form="two")
    assert (refused.status_code, refused.json()["rule"], refused.json()["field"]) == (422, "CaseAlreadyOpen", "account")


async def test_the_service_is_healthy(stack: Stack) -> None:
    told = await told_when_well(stack)
    assert (told["healthy"], told["reasons"]) == (True, [])
