"""The ledger as a whole process: on Kafka, on Temporal, and at its HTTP door."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest_asyncio
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from chassis.peers import headers_of
from chassis.process import Service, serving
from chassis.relay import kafka_access
from chassis.transaction import Caller, Runtime, run
from ledger.app import make_app
from ledger.settings import LedgerSettings
from ledger.use_cases.place_hold import place_hold
from ledger.use_cases.post_refund import post_refund
from rentbook_contracts.approvals import Answer, DecisionMade, PaymentRunReleased, ReleasedLine, TaskKind
from rentbook_contracts.ledger import (
    ACCOUNT_FOR_REFUND,
    ACCOUNT_PAGE,
    BANK_FILES,
    DEBIT_WEEK,
    SEARCH_ACCOUNTS,
    AccountForRefund,
    AccountPageAsked,
    BankFilesAsked,
    DebitWeek,
    PlaceHold,
    PostRefund,
    RefundPlan,
    SearchAccounts,
)
from rentbook_contracts.operation import In, Out, Query
from rentbook_contracts.people import LastCommands
from support.counting import until
from support.ledger_books import HOUSEHOLD, LAST_WEEK, MAIN, opened
from support.servers import Kafka, Temporal


@pytest_asyncio.fixture(loop_scope="session")
async def service(settings: LedgerSettings, kafka: Kafka, temporal: Temporal) -> AsyncIterator[Service]:
    prefix = await kafka.new_topics()
    (settings.secrets_dir / "kafka_password").write_text(kafka.password("ledger"))
    whole = settings.model_copy(
        update={
            "kafka_bootstrap": kafka.bootstrap,
            "kafka_username": "ledger",
            "topic_prefix": prefix,
            "temporal_address": temporal.address,
            "temporal_namespace": await temporal.new_namespace(),
            "poll_seconds": 0.1,
            "seal_seconds": 0.1,
        }
    )
    async with serving(make_app(whole), whole) as running:
        await opened(running.runtime, HOUSEHOLD)
        yield running


async def ask(service: Service, query: Query[In, Out], argument: In) -> Out:
    async with httpx.AsyncClient(base_url=service.address) as http:
        headers = headers_of(Caller("vera.auditor", frozenset({"auditor"})), service.runtime.service_token, form=None)
        answer = await http.post(f"/queries/{query.name}", content=argument.model_dump_json(), headers=headers)
    assert answer.status_code == 200, answer.text
    return query.gives.model_validate_json(answer.content)


async def heard(runtime: Runtime, decision: UUID) -> bool:
    async with runtime.engine.connect() as connection:
        wanted = sa.text("SELECT true FROM heard_decision WHERE decision = :decision")
        return bool(await connection.scalar(wanted, {"decision": decision}))


async def released(runtime: Runtime, case: UUID) -> bool:
    async with runtime.engine.connect() as connection:
        return bool(await connection.scalar(sa.text("SELECT true FROM heard_release WHERE case_id = :case"), {"case": case}))


async def publish(service: Service, kafka: Kafka, made: DecisionMade | PaymentRunReleased) -> None:
    """Publish as approvals does: with its own user, on its own topic."""
    (service.runtime.settings.secrets_dir / "kafka_password").write_text(kafka.password("approvals"))
    approvals = service.runtime.settings.model_copy(update={"kafka_username": "approvals"})
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_type": made.type,
        "ce_source": "/rentbook/approvals",
        "ce_subject": made.key,
        "ce_time": "2026-11-23T10:42:00+00:00",
        "ce_aggregateversion": "1",
        "content-type": "application/json",
    }
    async with AIOKafkaProducer(**kafka_access(approvals)) as producer:
        raw = [(name, value.encode()) for name, value in headers.items()]
        topic = f"{approvals.topic_prefix}{made.topic}"
        await producer.send_and_wait(topic, made.model_dump_json().encode(), key=made.key.encode(), headers=raw)
    (service.runtime.settings.secrets_dir / "kafka_password").write_text(kafka.password("ledger"))


async def test_a_decision_from_the_bus_lets_a_refund_be_posted(service: Service, kafka: Kafka) -> None:
    plan = RefundPlan(case=uuid4(), attempt=1, account=MAIN, refund_pence=20_00, payee=uuid4(), checks_hash="x")
    hold = (await run(service.runtime, lambda tx: place_hold(tx, PlaceHold(plan=plan)))).hold
    made = DecisionMade(
        case=plan.case, kind=TaskKind.REFUND, decision=uuid4(), task=uuid4(), attempt=1, round=1, stage=1, content_hash=plan.content_hash,
        answer=Answer.APPROVED, completes=True,
    )  # fmt: skip
    await publish(service, kafka, made)
    line = ReleasedLine(case=plan.case, attempt=1, content_hash=plan.content_hash, amount_pence=20_00)
    await publish(service, kafka, PaymentRunReleased(run=uuid4(), lines=(line,), total_pence=20_00, released_at=datetime.now(UTC)))
    await until(lambda: heard(service.runtime, made.decision), "the decision")
    facts = await ask(service, ACCOUNT_FOR_REFUND, AccountForRefund(account=MAIN, case=plan.case))
    asked = PostRefund(plan=plan, hold=hold, decision=made.decision, versions={MAIN: facts.version})
    await until(lambda: released(service.runtime, plan.case), "the release")
    await run(service.runtime, lambda tx: post_refund(tx, asked))
    page = await ask(service, ACCOUNT_PAGE, AccountPageAsked(account=MAIN))
    assert page.balance_pence == -120_00


async def test_what_happens_to_an_account_is_on_the_bus_in_order(service: Service, kafka: Kafka) -> None:
    week = DebitWeek(week_commencing=LAST_WEEK)
    async with httpx.AsyncClient(base_url=service.address) as http:
        officer = Caller("lind.officer", frozenset({"officer"}))
        headers = headers_of(officer, service.runtime.service_token, form=str(uuid4()))
        answers = [await http.post(f"/commands/{DEBIT_WEEK.name}", content=week.model_dump_json(), headers=headers) for _ in range(2)]
    assert [answer.json()["accounts"] for answer in answers] == [2, 2]
    settings = service.runtime.settings
    (settings.secrets_dir / "kafka_password").write_text(kafka.password("refunds"))
    reader = settings.model_copy(update={"kafka_username": "refunds"})
    topic = f"{settings.topic_prefix}ledger.accounts"
    seen: list[str] = []
    consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", enable_auto_commit=False, **kafka_access(reader))
    async with consumer:
        while len(seen) < 2:
            record = await consumer.getone()
            if record.key == str(MAIN).encode():
                seen.append(dict(record.headers)["ce_type"].decode())
    assert seen == ["ledger.account-opened.v1", "ledger.charge-posted.v1"]


async def test_the_door_answers_and_the_sealer_seals(service: Service) -> None:
    found = await ask(service, SEARCH_ACCOUNTS, SearchAccounts(text="okafor"))
    assert len(found.labels) == 3
    assert (await ask(service, BANK_FILES, BankFilesAsked())).files == ()

    async def sealed() -> bool:
        async with service.runtime.engine.connect() as connection:
            return bool(await connection.scalar(sa.text("SELECT (SELECT count(*) FROM seal) = (SELECT count(*) FROM journal)")))

    await until(sealed, "every journal has a seal")
    async with httpx.AsyncClient(base_url=service.address) as http:
        assert (await http.get("/export/journal")).status_code == 401
        assert (await http.post("/bank-files", params={"name": "x"}, content=b"x")).status_code == 401


async def test_who_reviews_access_is_told_what_each_person_last_did_and_nobody_else_is(service: Service) -> None:
    week = DebitWeek(week_commencing=LAST_WEEK)
    async with httpx.AsyncClient(base_url=service.address) as http:
        officer = Caller("lind.officer", frozenset({"officer"}))
        headers = headers_of(officer, service.runtime.service_token, form=str(uuid4()))
        (await http.post(f"/commands/{DEBIT_WEEK.name}", content=week.model_dump_json(), headers=headers)).raise_for_status()
        file = headers_of(officer, service.runtime.service_token, form=None)
        assert (await http.post("/bank-files", params={"name": "cash.txt"}, content=b"no bank's", headers=file)).status_code == 422
        asked = [
            await http.post(
                "/queries/ledger-last-commands", content="{}", headers=headers_of(who, service.runtime.service_token, form=None)
            )
            for who in (Caller("hugo.auditor", frozenset({"auditor"})), officer)
        ]
    told = LastCommands.model_validate_json(asked[0].content).commands
    assert {(one.person, one.command) for one in told} == {("lind.officer", "debit-week"), ("lind.officer", "take-bank-file")}
    assert asked[1].json()["rule"] == "NotYourPart"
