"""Servers that are killed and processes that stand still, while all kinds of work go on."""

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import asyncpg
import httpx
import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from rentbook_contracts.topics import TOPICS, Topic
from rentbook_local import child, passwords, postgres, services
from rentbook_local.check import places_of
from rentbook_local.journey.steps import Member
from rentbook_local.layout import DATABASES
from rentbook_local.ports import free_ports
from support.doubler import access
from support.stack import Stack

from faults.client import CALLER, Accepted, Counter, DebtOffice, FrontDesk, Numbers, Office, ThoroughOffice, debtors, players
from faults.injector import WELL_SECONDS, books_are_right, until_well
from faults.plan import WRITE_OFF_ROUNDS
from faults.proxy import Misdeed, Proxy, beside_us
from faults.table import Outcome, trying

EVERYTHING = (*DATABASES, "workflows")
OFFICES = 2
PAUSE_SECONDS = 4.0
"""Between two kills: long enough that requests are under way again."""

STANDSTILL_SECONDS = 20.0
POLL_SECONDS = 0.1


KINDS_OF_WORK = {
    *("bank-file", "refund-request", "comment", "claim", "decision", "release", "send-letter-again"),
    *("write-off-proposal", "evidence", "write-off-schedule"),
    *(
        "contact-note",
        "set-account-hold",
        "agree-payment-plan",
        "end-payment-plan",
        "note-letter-address",
        "clear-suspense",
        "reverse-journal",
    ),
}
"""What the desk acknowledges in every round of a load, as a client's list calls it."""


class Load:
    """Offices that go on until they are told to finish the work in hand: refunds, write-offs, letters, and callers at the counter."""

    def __init__(self, stack: Stack, members: Mapping[str, Member], accepted: Accepted, numbers: Numbers) -> None:
        self._over = threading.Event()
        self._accepted = accepted
        at = (stack.layout, accepted, numbers)
        cast = players(members)
        refunds = [ThoroughOffice(*at) for _ in range(OFFICES)]
        debts, counter = DebtOffice(*at), Counter(*at)
        self._offices: list[FrontDesk] = [*refunds, debts, counter]
        self._work: list[tuple[Callable[[Member], object], list[Member]]] = [
            *((office.refund, cast[start::OFFICES]) for start, office in enumerate(refunds)),
            (debts.there_and_back, debtors(members)[len(WRITE_OFF_ROUNDS) :]),
            (counter.serve, [members[CALLER]]),
        ]

    def _play(self, work: Callable[[Member], object], cast: list[Member]) -> None:
        while True:
            for member in cast:
                work(member)
                if self._over.is_set():
                    return

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Until the block ends and the work in hand is done. Errors: what an office met."""
        self._accepted.kinds.clear()
        with ExitStack() as offices, ThreadPoolExecutor(len(self._work)) as pool:
            # Everybody is signed in before anything fails.
            for office in self._offices:
                offices.enter_context(office)
            playing = [pool.submit(self._play, *each) for each in self._work]
            try:
                yield
            finally:
                self._over.set()
            for played in playing:
                played.result()
        assert self._accepted.kinds >= KINDS_OF_WORK


@pytest.fixture
def load(stack: Stack, members: Mapping[str, Member], accepted: Accepted, numbers: Numbers) -> Load:
    return Load(stack, members, accepted, numbers)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("server", ["postgres", "kafka", "temporal", "workflows"])
def test_a_killed_server_loses_nothing_that_was_acknowledged(
    stack: Stack, accepted: Accepted, outcomes: list[Outcome], load: Load, server: str
) -> None:
    outcome = Outcome(f"{server} is killed under load")
    with trying(outcomes, accepted, outcome):
        with load.going_on():
            for _ in range(2):
                time.sleep(PAUSE_SECONDS)
                outcome.tried += 1
                outcome.recovered.append(_killed(stack, server))
        books_are_right(stack.layout, accepted, [outcome])


def _killed(stack: Stack, server: str) -> float:
    """Kill the server; the seconds until it is there again and every service says that it is well."""
    former = stack.pid(server)
    assert former is not None
    began = time.monotonic()
    os.kill(former, signal.SIGKILL)
    while stack.pid(server) in (None, former) or not _all_ready(stack):
        assert time.monotonic() - began < WELL_SECONDS, f"{server} does not come back"
        time.sleep(0.1)
    until_well(stack, EVERYTHING)
    return time.monotonic() - began


def _all_ready(stack: Stack) -> bool:
    return all(process["health"]["healthy"] for process in stack.status()["processes"])


@contextmanager
def second(stack: Stack, service: str, **other: str) -> Iterator[str]:
    """Another process of the service, as a second machine would run it, until the block ends; its address."""
    [port] = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    more = {"RENTBOOK_INSTANCE": "2", "RENTBOOK_HTTP_PORT": str(port), "RENTBOOK_PUBLIC_URL": address, **other}
    command = services.command(stack.layout, service, **more)
    with command.log.open("ab") as log:
        process = subprocess.Popen(command.argv, env=command.environment, cwd=command.directory, stdout=log, stderr=log)
    try:
        end = time.monotonic() + WELL_SECONDS
        while not _answers(address):
            assert process.poll() is None, f"the second {service} ended"
            assert time.monotonic() < end, f"the second {service} does not start"
            time.sleep(0.2)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _takings(stack: Stack, service: str) -> int:
    """How often a bucket of the service's outboxes was taken by anybody so far."""

    async def count() -> int:
        connection = await asyncpg.connect(places_of(stack.layout).dsns[service])
        try:
            return int(await connection.fetchval("SELECT coalesce(sum(epoch), 0) FROM relay_epoch"))
        finally:
            await connection.close()

    return asyncio.run(count())


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("service", ["ledger", "refunds", "approvals"])
def test_what_a_standing_process_led_goes_to_another_and_the_sleeper_harms_nothing(
    stack: Stack, accepted: Accepted, outcomes: list[Outcome], load: Load, service: str
) -> None:
    """Its consumer and both its relays stand still with what they hold; when it wakes, it may tell a fact again and must mark none."""
    outcome = Outcome(f"{service} stands still for {STANDSTILL_SECONDS:.0f} s, another takes over", 1)
    with trying(outcomes, accepted, outcome):
        with second(stack, service), load.going_on():
            time.sleep(PAUSE_SECONDS)
            pid = stack.pid(service)
            assert pid is not None
            taken, began = _takings(stack, service), time.monotonic()
            os.kill(pid, signal.SIGSTOP)
            try:
                while _takings(stack, service) <= taken:
                    assert time.monotonic() - began < STANDSTILL_SECONDS, "nobody took over what the sleeper led"
                    time.sleep(POLL_SECONDS)
                outcome.recovered.append(time.monotonic() - began)
                time.sleep(max(0.0, began + STANDSTILL_SECONDS - time.monotonic()))
            finally:
                os.kill(pid, signal.SIGCONT)
            until_well(stack, [service])
        books_are_right(stack.layout, accepted, [outcome])


@pytest.mark.timeout(1200)
def test_while_the_database_can_only_be_read_each_service_says_so_and_is_well_again_by_itself(
    stack: Stack, accepted: Accepted, outcomes: list[Outcome], load: Load
) -> None:
    """As its server does that has become another's standby."""
    outcome = Outcome("postgres can only be read for a while", 1)
    with trying(outcomes, accepted, outcome):
        with load.going_on():
            time.sleep(PAUSE_SECONDS)
            _read_only(stack, "on")
            try:
                waiting, end = list(DATABASES), time.monotonic() + ILL_SECONDS
                while waiting := [service for service in waiting if not _cannot_write(stack, service)]:
                    assert time.monotonic() < end, f"nothing said of {waiting}"
                    time.sleep(0.2)
            finally:
                _read_only(stack, "off")
            outcome.recovered.append(until_well(stack, EVERYTHING))
        books_are_right(stack.layout, accepted, [outcome])


ILL_SECONDS = 30.0


def _cannot_write(stack: Stack, service: str) -> bool:
    answer = httpx.get(f"{stack.layout.http(service)}/health", timeout=10)
    return answer.status_code == 503 and "database: can't be written" in answer.text


def _read_only(stack: Stack, value: str) -> None:
    async def alter() -> None:
        at, password = stack.layout, passwords.make_or_read(stack.layout).postgres
        connection = await asyncpg.connect(postgres.Server(at.of("postgres"), at.port("postgres"), password, {}).dsn())
        try:
            await connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()

    asyncio.run(alter())


EVERY_SO_MANY_COMMITS = 5


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("service", ["ledger", "refunds", "approvals"])
def test_commits_whose_replies_are_lost_or_late_do_nothing_twice(
    stack: Stack, members: Mapping[str, Member], accepted: Accepted, numbers: Numbers, outcomes: list[Outcome], service: str
) -> None:
    """A process behind a proxy takes over from the first one, and goes on beside it: its events, facts, steps and pages."""
    outcome = Outcome(f"{service}: replies to COMMIT are cut, closed by half or late")
    pg = stack.layout.port("postgres")
    with trying(outcomes, accepted, outcome):
        with beside_us("127.0.0.1", pg) as (proxy, port):
            through = services.settings(stack.layout, service)["RENTBOOK_DATABASE_URL"].replace(f":{pg}/", f":{port}/")
            with second(stack, service, RENTBOOK_DATABASE_URL=through) as address:
                first = stack.pid(service)
                assert first is not None
                os.kill(first, signal.SIGKILL)
                desk = address if service == "approvals" else None
                with Office(stack.layout, accepted, numbers, desk) as office, recovery_noted(outcome, proxy, address):
                    proxy.every = EVERY_SO_MANY_COMMITS
                    for member in players(members)[:2]:
                        office.refund(member)
                    proxy.every = None
                    # Nobody knows what a reply that was lost last is followed by, unless there is more to commit.
                    office.refund(players(members)[2])
        assert {done.misdeed for done in proxy.done} == set(Misdeed)
        books_are_right(stack.layout, accepted, [outcome])


@contextmanager
def recovery_noted(outcome: Outcome, proxy: Proxy, address: str) -> Iterator[None]:
    """Count the misdeeds, and how long each took to be over; ends when all are so, and the process behind the proxy is well.

    It is not asked before: its health commits too, and would be counted among the COMMITs. Errors: AssertionError.
    """
    try:
        yield
        end = time.monotonic() + WELL_SECONDS
        while any(done.over is None for done in proxy.done) or not _answers(address):
            assert time.monotonic() < end, "the process behind the proxy commits nothing more, or is not well"
            time.sleep(POLL_SECONDS)
    finally:
        outcome.tried = len(proxy.done)
        outcome.recovered.extend(done.over - done.began for done in proxy.done if done.over is not None)


LOST = ("ledger.accounts", "approvals.cases")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("topic", LOST)
def test_a_lost_topic_is_told_again_from_the_outbox(
    stack: Stack, accepted: Accepted, outcomes: list[Outcome], load: Load, topic: str
) -> None:
    """The operator's command, as docs/runbooks/lost-topic.md tells it, while work goes on: nobody hears anything twice or too little."""
    [lost] = [each for each in TOPICS if each.name == topic]
    outcome = Outcome(f"{topic} is lost under load and told again", 1)
    with trying(outcomes, accepted, outcome):
        with load.going_on():
            time.sleep(PAUSE_SECONDS)
            began = time.monotonic()
            _lose(stack, lost)
            said = child.finish(services.command(stack.layout, lost.publisher, "outbox", "replay", topic, "--by", "ops"), "The replay")
            assert f"facts of {topic} are published again" in said
            until_well(stack, EVERYTHING)
            outcome.recovered.append(time.monotonic() - began)
        books_are_right(stack.layout, accepted, [outcome])
        assert _gaps(stack, lost) == []


def _lose(stack: Stack, topic: Topic) -> None:
    """Delete it at the broker, and make it again as `./rentbook run` makes what is missing at its start."""
    client = AdminClient({**access(stack)})
    client.delete_topics([topic.name])[topic.name].result(30)
    end = time.monotonic() + WELL_SECONDS
    while topic.name in client.list_topics(timeout=15).topics:
        assert time.monotonic() < end, "the topic is not gone"
        time.sleep(0.1)
    client.create_topics([NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1)])[topic.name].result(30)


def _gaps(stack: Stack, topic: Topic) -> list[str]:
    """The keys whose versions on the topic have a gap."""
    consumer = Consumer({**access(stack), "group.id": "test-reader", "enable.auto.commit": False})
    partitions = [TopicPartition(topic.name, number, 0) for number in range(topic.partitions)]
    ends = {number: consumer.get_watermark_offsets(TopicPartition(topic.name, number), timeout=15)[1] for number in range(topic.partitions)}
    consumer.assign(partitions)
    versions: dict[bytes, list[int]] = defaultdict(list)
    end = time.monotonic() + WELL_SECONDS
    while any(ends[at.partition] > max(at.offset, 0) for at in consumer.position(partitions)):
        assert time.monotonic() < end, "the topic can't be read to its end"
        record = consumer.poll(0.5)
        if record is not None and record.error() is None:
            told = dict(record.headers() or [])
            versions[bytes(record.key() or b"")].append(int(told["ce_aggregateversion"] or b"0"))
    consumer.close()
    return [str(key) for key, found in versions.items() if not _has_them_in_order(found)]


def _has_them_in_order(found: list[int]) -> bool:
    """Whether 1, 2, 3 and so on follow from the last 1: what was told between loss and replay comes before, and again in its place."""
    told_again = found[len(found) - 1 - found[::-1].index(1) :] if 1 in found else []
    return list(dict.fromkeys(told_again)) == list(range(1, max(found) + 1))
