"""A whole service on the three servers: what it hears, offers, answers and asks of workflows."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from chassis.process import Service, serving
from chassis.relay import kafka_access
from chassis.serving import Accept, Answer, App, Every, Offer, Settled, Subscription, Tick, UpdateOutcome
from chassis.settings import Settings
from chassis.transaction import SYSTEM, Caller, Refused, Runtime, Transaction, Unanswered, run, transaction
from chassis.waiting import NotReady
from faststream import AckPolicy
from rentbook_contracts.operation import BrokenRule, Command, Message, Nothing, Operation, Query, Signal, Update, Workflow
from support.counting import COUNTS, TOKEN, Counted, CountedTo, CountUp, Place, count_up, effects, note, running, scalar, until
from temporalio import workflow
from temporalio.client import ActivityFailureError, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


class Told(Message):
    words: str


COUNT_UP: Command[CountUp, CountedTo] = Command("count-up", "counter", CountUp, CountedTo)
OFFICERS = frozenset({"officer"})
HOW_MANY: Query[CountUp, CountedTo] = Query("how-many", "counter", CountUp, CountedTo)
COUNT_STEP: Operation[CountUp, CountedTo] = Operation("counter.count-up", "counter", CountUp, CountedTo)
REFUSE_STEP: Operation[CountUp, Nothing] = Operation("counter.refuse", "counter", CountUp, Nothing)
STORY: Workflow[CountUp, Nothing] = Workflow("Story", "stories", CountUp, Nothing)
WORD: Signal[Told] = Signal("word", Told)
ASK: Update[Told] = Update("ask", Told)


class TooFar(BrokenRule):
    """Only so far is counted."""


@workflow.defn(name="Story")
class Story:
    """Counts by activity, then listens until it is told to end."""

    def __init__(self) -> None:
        self.words: list[str] = []

    @workflow.run
    async def run(self, argument: CountUp) -> list[str]:
        for _ in range(2):
            await workflow.execute_activity(
                COUNT_STEP.name,
                argument,
                result_type=CountedTo,
                task_queue="counter",
                activity_id="count/1",
                start_to_close_timeout=timedelta(seconds=10),
            )
        if argument.key == "refused":
            await workflow.execute_activity(REFUSE_STEP.name, argument, task_queue="counter", start_to_close_timeout=timedelta(seconds=10))
        await workflow.wait_condition(lambda: "end" in self.words)
        return self.words

    @workflow.signal(name="word")
    def word(self, told: Told) -> None:
        self.words.append(told.words)

    @workflow.update(name="ask")
    async def ask(self, told: Told) -> None:
        self.words.append(told.words)
        await workflow.wait_condition(lambda: "end" in self.words)

    @ask.validator
    def may_ask(self, told: Told) -> None:
        if told.words == "wrong":
            raise ApplicationError("not these words", type="WrongWords")


async def how_many(tx: Transaction, ask: CountUp) -> CountedTo:
    return CountedTo(number=int(await scalar(tx.runtime, "SELECT coalesce(max(version), 0) FROM count WHERE key = :key", key=ask.key)))


async def refuse(tx: Transaction, ask: CountUp) -> Nothing:
    raise TooFar("Only so far.", field="key")


def counter(**more: Any) -> App:
    offers = (Offer(COUNT_STEP, count_up), Offer(REFUSE_STEP, refuse))
    heard = (Subscription(Counted, note),)
    return App("counter", **{"listens": heard, "offers": offers, "answers": (Answer(HOW_MANY, how_many, OFFICERS),), **more})


@asynccontextmanager
async def stories(service: Service) -> AsyncIterator[None]:
    """The worker of the workflows, as its own process has it."""
    async with Worker(service._client, task_queue="stories", workflows=[Story], workflow_runner=UnsandboxedWorkflowRunner()):
        yield


def headers(**more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", "X-Rentbook-Person": "asha.officer", "X-Rentbook-Roles": "officer", **more}


async def outcome(runtime: Runtime, workflow_id: str, kind: str) -> str | None:
    found: str | None = await scalar(
        runtime,
        "SELECT outcome FROM outbox_workflow WHERE workflow_id = :id AND kind = :kind ORDER BY seq DESC LIMIT 1",
        id=workflow_id,
        kind=kind,
    )
    return found


async def send_raw(settings: Settings, key: bytes | None, value: bytes | None, told: list[tuple[str, bytes | None]]) -> None:
    producer = AIOKafkaProducer(**kafka_access(settings))
    await producer.start()
    try:
        await producer.send_and_wait(settings.topic_prefix + COUNTS.name, value, key=key, headers=told)
    finally:
        await producer.stop()


async def test_a_fact_goes_out_and_comes_back_once_and_poison_between_holds_up_only_its_key(place: Place) -> None:
    async with serving(counter(), place.settings) as service:
        runtime = service.runtime
        for _ in range(3):
            await run(runtime, lambda tx: count_up(tx, CountUp(key="a")))
        await send_raw(place.settings, b"poison", None, [("ce_id", None), ("ce_type", b"\xff")])
        await send_raw(place.settings, None, b"\xff", [])
        await run(runtime, lambda tx: count_up(tx, CountUp(key="b")))

        async def heard() -> bool:
            return await effects(runtime, "a") == [1, 2, 3] and await effects(runtime, "b") == [1]

        async def two_are_parked() -> bool:
            return bool(await scalar(runtime, "SELECT count(*) = 2 FROM parked"))

        await until(heard, "the facts are heard")
        await until(two_are_parked, "the poison is parked")
        async with httpx.AsyncClient() as http:

            async def is_well_and_somebody_is_told() -> bool:
                health = await http.get(f"{service.address}/health")
                return health.status_code == 200 and bool(health.json()["attention"])

            await until(is_well_and_somebody_is_told, "Temporal knows the poller, and an operator is told of what is parked")
            told = await http.get(f"{service.address}/health")
            assert (told.status_code, told.json()["healthy"], told.json()["reasons"]) == (200, True, [])
            assert told.json()["attention"] == ["2 events of counter.counts are parked: `parked list` of counter says which and why"]
            metrics = (await http.get(f"{service.address}/metrics")).text
        assert 'rentbook_events_heard_total{outcome="done",topic="counter.counts"} 4.0' in metrics


async def test_an_event_that_fails_for_a_while_rewinds_and_is_never_skipped(place: Place) -> None:
    failures = 0

    async def fail_at_first(tx: Transaction, fact: Counted) -> None:
        nonlocal failures
        if fact.number == 2 and failures < 3:
            failures += 1
            raise ConnectionResetError
        await note(tx, fact)

    app = counter(listens=(Subscription(Counted, fail_at_first),))
    async with serving(app, place.with_settings(retry_budget_seconds=0.5)) as service:
        for _ in range(4):
            await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))

        async def heard() -> bool:
            return len(await effects(service.runtime, "a")) == 4

        await until(heard, "all four are heard")
        assert await effects(service.runtime, "a") == [1, 2, 3, 4]
        assert failures == 3
        assert await scalar(service.runtime, "SELECT count(*) FROM parked") == 0


async def test_bite_with_an_acknowledgement_on_error_the_event_is_lost_and_its_gap_is_seen(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    async def fail_on_the_second(tx: Transaction, fact: Counted) -> None:
        if fact.number == 2:
            failed.set()
            raise ConnectionResetError
        await note(tx, fact)

    monkeypatch.setattr("chassis.consumer.AckPolicy", SimpleNamespace(NACK_ON_ERROR=AckPolicy.ACK))
    app = counter(listens=(Subscription(Counted, fail_on_the_second),))
    async with serving(app, place.with_settings(retry_budget_seconds=0.1)) as service:
        for _ in range(2):
            await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))
        await asyncio.wait_for(failed.wait(), 20)
        await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))

        async def gap_is_seen() -> bool:
            return bool(
                await scalar(service.runtime, "SELECT count(*) = 1 FROM parked WHERE reason LIKE 'version 2 of the key is missing%'")
            )

        await until(gap_is_seen, "the skipped event is missed")
        assert await effects(service.runtime, "a") == [1]


async def test_a_restarted_service_goes_on_where_it_was(place: Place) -> None:
    async with serving(counter(), place.settings) as service:
        await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))

        async def first() -> bool:
            return await effects(service.runtime, "a") == [1]

        await until(first, "the first is heard")
    async with serving(counter(), place.settings) as service:
        await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))

        async def second() -> bool:
            return await effects(service.runtime, "a") == [1, 2]

        await until(second, "the second is heard")
        assert await scalar(service.runtime, "SELECT count(*) FROM inbox") == 2


async def test_commands_and_queries_over_http(place: Place) -> None:
    refusal = Command("refuse", "counter", CountUp, Nothing)
    app = counter(accepts=(Accept(COUNT_UP, count_up), Accept(refusal, refuse)))
    async with serving(app, place.settings) as service, httpx.AsyncClient(base_url=service.address) as http:
        ask = CountUp(key="a").model_dump_json()
        form = headers(**{"X-Rentbook-Form": "f1"})
        first = await http.post("/commands/count-up", content=ask, headers=form)
        again = await http.post("/commands/count-up", content=ask, headers=form)
        assert (first.status_code, first.json(), again.json()) == (200, {"number": 1}, {"number": 1})
        other = await http.post("/commands/count-up", content=CountUp(key="b").model_dump_json(), headers=form)
        assert (other.status_code, other.json()["rule"]) == (422, "SameFormOtherContent")
        somebody = await http.post("/commands/count-up", content=ask, headers={**form, "X-Rentbook-Person": "bryn.officer"})
        assert (somebody.status_code, somebody.json()["rule"]) == (422, "SameFormOtherContent")
        held = bytes(await scalar(service.runtime, "SELECT request_hash FROM accepted_command WHERE key = 'form:f1'"))
        guess = f"count-up\n{ask}".encode()
        assert held == hmac.digest(service.runtime.request_key, guess, "sha256"), "whoever has the key can tell"
        assert held not in (hashlib.sha256(guess).digest(), hmac.digest(b"", guess, "sha256")), "whoever has the row alone cannot"
        assert (await http.post("/queries/how-many", content=ask, headers=headers())).json() == {"number": 1}
        no = await http.post("/commands/refuse", content=ask, headers=headers(**{"X-Rentbook-Form": "f2"}))
        assert (no.status_code, no.json()) == (422, {"rule": "TooFar", "message": "Only so far.", "field": "key"})
        assert (await http.post("/commands/count-up", content=ask, headers=headers())).status_code == 400
        stranger = {**form, "Authorization": "Bearer guess"}
        assert (await http.post("/commands/count-up", content=ask, headers=stranger)).status_code == 401
        bad = await http.post("/queries/how-many", content=b'{"key": 5, "canary": 1}', headers=headers())
        assert bad.status_code == 400
        assert "canary" not in bad.text
        long = await http.post("/queries/how-many", content=b" " * (5 * 1024 * 1024), headers=headers())
        assert long.status_code == 413


async def test_twenty_equal_forms_at_once_count_once(place: Place) -> None:
    async with serving(counter(accepts=(Accept(COUNT_UP, count_up),)), place.settings) as service:
        async with httpx.AsyncClient(base_url=service.address) as http:
            form = headers(**{"X-Rentbook-Form": "f1"})
            ask = CountUp(key="a").model_dump_json()
            answers = await asyncio.gather(*(http.post("/commands/count-up", content=ask, headers=form) for _ in range(20)))
        assert [answer.json() for answer in answers] == [{"number": 1}] * 20


async def test_a_peer_is_asked_in_the_callers_name_and_its_rule_comes_back(place: Place) -> None:
    seen: list[Caller] = []

    async def look(tx: Transaction, ask: CountUp) -> CountedTo:
        seen.append(tx.caller)
        if ask.key == "refused":
            raise TooFar("Only so far.")
        return CountedTo(number=7)

    asha = Caller("asha.officer", OFFICERS)
    async with serving(counter(answers=(Answer(HOW_MANY, look, OFFICERS),)), place.settings) as service:
        peers = {"counter": service.address}
        async with place.runtime(peers=peers) as other, transaction(other, caller=asha) as tx:
            assert (await tx.ask(HOW_MANY, CountUp(key="a"))).number == 7
            with pytest.raises(Refused) as refused:
                await tx.ask(HOW_MANY, CountUp(key="refused"))
            assert refused.value.rule == "TooFar"
    assert seen[0] == asha
    async with place.runtime(peers=peers) as other, transaction(other) as tx:
        with pytest.raises(Unanswered):
            await tx.ask(HOW_MANY, CountUp(key="a"))


async def test_a_query_is_answered_to_its_readers_and_to_services_that_ask_for_themselves(place: Place) -> None:
    async with serving(counter(answers=(Answer(HOW_MANY, how_many, OFFICERS),)), place.settings) as service:
        peers = {"counter": service.address}
        for caller in (Caller("mel.member", frozenset({"member"})), Caller("no.body")):
            async with place.runtime(peers=peers) as other, transaction(other, caller=caller) as tx:
                with pytest.raises(Refused) as refused:
                    await tx.ask(HOW_MANY, CountUp(key="a"))
                assert refused.value.rule == "NotYourPart"
        for caller in (SYSTEM, Caller("mia.both", frozenset({"member", "officer"}))):
            async with place.runtime(peers=peers) as other, transaction(other, caller=caller) as tx:
                assert (await tx.ask(HOW_MANY, CountUp(key="a"))).number == 0


async def test_a_query_cannot_write(place: Place) -> None:
    async def write(tx: Transaction, ask: CountUp) -> CountedTo:
        return await count_up(tx, ask)

    async with (
        serving(counter(answers=(Answer(HOW_MANY, write, OFFICERS),)), place.settings) as service,
        httpx.AsyncClient() as http,
    ):
        told = await http.post(f"{service.address}/queries/how-many", content=CountUp(key="a").model_dump_json(), headers=headers())
        assert told.status_code >= 500
        assert await scalar(service.runtime, "SELECT count(*) FROM outbox_event") == 0


async def test_a_workflow_is_started_told_and_asked_in_order_and_each_outcome_is_handed_over(place: Place) -> None:
    settled: list[Settled[Told]] = []

    async def note_outcome(tx: Transaction, told: Settled[Told]) -> None:
        settled.append(told)

    async def tell_all(tx: Transaction) -> None:
        await tx.start(STORY, CountUp(key="a"), workflow_id="story/a")
        await tx.start(STORY, CountUp(key="a"), workflow_id="story/a")
        await tx.signal("story/a", WORD, Told(words="one"))
        await tx.update("story/a", ASK, Told(words="two"), update_id="u1")
        await tx.update("story/a", ASK, Told(words="wrong"), update_id="u2")
        await tx.signal("story/a", WORD, Told(words="end"))

    async with serving(counter(outcomes=(UpdateOutcome(ASK, note_outcome),)), place.settings) as service, stories(service):
        await run(service.runtime, tell_all)

        async def started() -> bool:
            return await outcome(service.runtime, "story/a", "start") == "accepted"

        await until(started, "the story begins")
        words = await service._client.get_workflow_handle("story/a").result()
        assert words == ["one", "two", "end"]
        await run(service.runtime, lambda tx: tx.update("story/a", ASK, Told(words="late"), update_id="u3"))
        await run(service.runtime, lambda tx: tx.update("story/never", ASK, Told(words="lost"), update_id="u4"))

        async def all_settled() -> bool:
            return len(settled) == 4

        await until(all_settled, "four updates are settled")
        found = {each.update_id: (each.settlement.value, each.argument.words, each.rule, each.reason) for each in settled}
        assert found == {
            "u1": ("accepted", "two", None, None),
            "u2": ("rejected", "wrong", "WrongWords", "not these words"),
            "u3": ("closed", "late", None, None),
            "u4": ("closed", "lost", None, None),
        }
        # The story counts twice under one activity id: the second is a repetition and gets the first answer.
        assert await scalar(service.runtime, "SELECT version FROM count WHERE key = 'a'") == 1


@pytest.mark.parametrize("goes_on", [True, False], ids=["and goes on", "and has ended"])
@pytest.mark.parametrize(
    "forged",
    [{"args": [CountUp(key="forged")]}, {"task_queue": "elsewhere"}, {"args": [b"{"]}, {"args": []}, {"task_queue": "stories"}],
    ids=["other words", "another queue", "no words of ours", "no words", "the same, too early"],
)
async def test_a_story_that_somebody_began_under_its_id_gives_way_to_the_true_one(
    place: Place, forged: dict[str, Any], goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.starter.CLOCKS_DIFFER", timedelta())
    async with serving(counter(), place.settings) as service, stories(service):
        client = service._client
        words: dict[str, Any] = {"args": [CountUp(key="true")], "task_queue": "elsewhere", **forged}
        taken = await client.start_workflow(STORY.name, id="story/taken", **words)
        if not goes_on:
            await taken.terminate("a test")
        await run(service.runtime, lambda tx: tx.start(STORY, CountUp(key="true"), workflow_id="story/taken"))

        async def is_told() -> bool:
            counted = await scalar(service.runtime, "SELECT count(*) = 1 FROM count WHERE key = 'true'")
            return bool(counted) and await outcome(service.runtime, "story/taken", "start") == "accepted"

        await until(is_told, "the true story takes its first step")
        of_somebody = client.get_workflow_handle("story/taken", run_id=taken.first_execution_run_id)
        assert (await of_somebody.describe()).status is WorkflowExecutionStatus.TERMINATED
        assert (await client.get_workflow_handle("story/taken").describe()).status is WorkflowExecutionStatus.RUNNING
        assert await scalar(service.runtime, "SELECT count(*) FROM count WHERE key <> 'true'") == 0


async def test_a_broken_rule_ends_a_step_under_its_own_name(place: Place) -> None:
    async with serving(counter(), place.settings) as service, stories(service):
        await run(service.runtime, lambda tx: tx.start(STORY, CountUp(key="refused"), workflow_id="story/refused"))

        async def started() -> bool:
            return await outcome(service.runtime, "story/refused", "start") == "accepted"

        await until(started, "the story begins")
        with pytest.raises(WorkflowFailureError) as failure:
            await service._client.get_workflow_handle("story/refused").result()
        step = failure.value.cause
        assert isinstance(step, ActivityError)
        assert isinstance(step.cause, ApplicationError)
        assert (step.cause.type, step.cause.non_retryable) == ("TooFar", True)


async def test_a_step_that_is_started_by_hand_does_nothing(place: Place) -> None:
    async with serving(counter(), place.settings) as service:
        with pytest.raises(ActivityFailureError) as failure:
            await service._client.execute_activity(
                COUNT_STEP.name, CountUp(key="by-hand"), id="by-hand", task_queue="counter", start_to_close_timeout=timedelta(seconds=10)
            )
        assert isinstance(failure.value.cause, ApplicationError)
        assert (failure.value.cause.type, failure.value.cause.non_retryable) == ("NoStory", True)
        assert await scalar(service.runtime, "SELECT count(*) FROM count WHERE key = 'by-hand'") == 0


async def test_requests_to_a_namespace_that_is_not_there_wait(place: Place) -> None:
    from chassis.starter import WorkflowRelay
    from chassis.temporal import connect

    lost = place.with_settings(temporal_namespace="nowhere")
    async with place.runtime() as runtime:
        client = await connect(lost, runtime.telemetry)
        await run(runtime, lambda tx: tx.signal("story/a", WORD, Told(words="one")))
        async with running(WorkflowRelay(runtime, counter(), client).run()):

            async def tried_twice() -> bool:
                return bool(await scalar(runtime, "SELECT attempts >= 2 FROM outbox_workflow"))

            await until(tried_twice, "it is tried again")
            assert await scalar(runtime, "SELECT outcome FROM outbox_workflow") is None


async def test_one_trace_runs_from_the_form_through_kafka_and_temporal(place: Place, secrets_dir: Path) -> None:
    async def tell_a_story(tx: Transaction, ask: CountUp) -> CountedTo:
        await tx.start(STORY, ask, workflow_id="story/traced")
        await tx.signal("story/traced", WORD, Told(words="end"))
        return await count_up(tx, CountUp(key="direct"))

    app = counter(accepts=(Accept(COUNT_UP, tell_a_story),))
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with serving(app, place.settings) as service, stories(service), httpx.AsyncClient() as http:
        form = headers(**{"X-Rentbook-Form": "f1", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        told = await http.post(f"{service.address}/commands/count-up", content=CountUp(key="by-story").model_dump_json(), headers=form)
        assert told.status_code == 200

        async def heard() -> bool:
            return bool(await effects(service.runtime, "direct")) and bool(await effects(service.runtime, "by-story"))

        await until(heard, "what the form and the workflow's step told is heard")
    spans = [json.loads(line) for line in (secrets_dir / "spans").read_text().splitlines()]
    mine = {span["name"] for span in spans if span["trace_id"] == trace}
    hops = {
        "POST /commands/count-up",
        "StartWorkflow:Story",
        "RunWorkflow:Story",
        "RunActivity:counter.count-up",
        "hear counter.counted.v1",
    }
    assert hops <= mine
    assert len([span for span in spans if span["trace_id"] == trace and span["name"] == "hear counter.counted.v1"]) == 2


async def test_periodic_work_runs_in_one_process_at_a_time_and_again_at_once_when_there_is_more(place: Place) -> None:
    at_work, most, left = 0, 0, 5

    async def work(tx: Transaction, tick: Tick) -> bool:
        nonlocal at_work, most, left
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0.01)
        at_work -= 1
        left -= 1
        return left > 0

    app = counter(every=(Every(timedelta(hours=1), work),))
    async with serving(app, place.settings), serving(app, place.with_settings(instance="2")):

        async def all_done() -> bool:
            return left <= 0

        await until(all_done, "nothing is left")
        assert most == 1


async def test_health_names_what_does_not_move(place: Place) -> None:
    async def never(tx: Transaction, fact: Counted) -> None:
        raise ConnectionResetError

    app = counter(listens=(Subscription(Counted, never),))
    async with serving(app, place.settings) as service:

        async def is_well() -> bool:
            return await service.ailments() == []

        await until(is_well, "Temporal has noted its poller")
        [consumer] = service._consumers
        consumer._lag, consumer._moved_at = 3, consumer._moved_at - 1000
        service._events._age.seconds = 999.0
        assert await service.ailments() == [
            "counter.counts: 3 records waiting, and none was finished for 120 s",
            "facts: the oldest has waited for 999 s",
        ]


async def test_a_process_that_stops_by_itself_says_which_server_was_lost(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async def fall() -> None:
        raise KafkaConnectionError

    async with serving(counter(), place.settings) as service:
        service._spawn("relay of facts", fall())
        with pytest.raises(NotReady, match="its relay of facts ended: Kafka was lost"):
            await service.broken_or(asyncio.Event())
    [stopping] = [record for record in caplog.records if record.message == "stopping"]
    assert vars(stopping)["reason"] == "relay of facts ended: Kafka was lost"


async def test_no_value_of_an_event_reaches_the_log(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async def stumble(tx: Transaction, fact: Counted) -> None:
        raise RuntimeError(f"canary {fact.counted}")

    from chassis.telemetry import AllowedKeys

    app = counter(listens=(Subscription(Counted, stumble),))
    with caplog.at_level(logging.INFO):
        async with serving(app, place.settings) as service:
            await run(service.runtime, lambda tx: count_up(tx, CountUp(key="a")))

            async def is_parked() -> bool:
                return bool(await scalar(service.runtime, "SELECT count(*) = 1 FROM parked"))

            await until(is_parked, "its own fault parks it")
    shown = "\n".join(AllowedKeys("counter", "json").format(record) for record in caplog.records)
    assert "an event can't be taken" in shown
    assert "canary" not in shown
