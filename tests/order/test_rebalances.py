"""Members of a group come, go and are killed in the middle of a batch, and two relays publish: each event has one effect, in order.

In each course one event can't be taken. It holds back its key alone, until an operator replays the key while the group changes again.

`RENTBOOK_SEED=SEED ./rentbook test -- tests/order/test_rebalances.py` plays the course of a seed again.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from chassis.relay import EventRelay
from chassis.serving import App, Subscription
from chassis.settings import Settings
from chassis.transaction import Runtime, Transaction, run
from faststream import AckPolicy
from support.counting import COUNTS, Counted, CountUp, Place, count_up, note, prepare, running, scalar, settings_for, until
from support.courses import WHOLE
from support.servers import Kafka, Postgres

from chassis import parked
from order.conftest import courses
from order.member import IN_THE_MIDDLE, counter, member, named, stumbling_over

KEYS = [f"account-{number}" for number in range(7)]
POISONED = [KEYS[number] for number in (0, 1, 2, 4, 5, 6)]
"""Keys that share a partition with others, which go on while one of them is held back; the one that is left has a partition of its own."""
ACTIONS = 4
EVENTS_BETWEEN = 30
MOST_BEFORE_POISON = 4
HELD_BACK = 2
"""How many events at least wait behind the poison when it is replayed."""
WAITS = "FROM parked WHERE key = :key AND resolved_at IS NULL"
REBALANCED_WITHIN_SECONDS = 90.0


@pytest.fixture
async def place(postgres: Postgres, kafka: Kafka, secrets_dir: Path) -> Place:
    database = await postgres.new_database("counter", migrate=prepare)
    prefix = await kafka.new_topics([COUNTS])
    (secrets_dir / "kafka_password").write_text(kafka.password("counter"), encoding="utf-8")
    reach = {"kafka_bootstrap": kafka.bootstrap, "kafka_username": "counter", "topic_prefix": prefix}
    return Place(settings_for(database, secrets_dir, **reach), database)


@dataclass
class Group:
    """The group as the course has made it so far. Names are of static members: one that comes again has its partitions at once."""

    place: Place
    writer: Runtime
    dice: Random
    members: dict[str, AsyncExitStack] = field(default_factory=dict)
    poison: tuple[str, int] | None = None
    """The key and the number of the event that no member can take."""
    drained: bool = False
    written: Counter[str] = field(default_factory=Counter)
    played: Counter[str] = field(default_factory=Counter)

    def settings(self, name: str) -> Settings:
        return self.place.with_settings(instance=name)

    def app(self) -> App:
        return stumbling_over(self._named_poison())

    def _named_poison(self) -> str:
        return named(*self.poison) if self.poison else ""

    async def join(self) -> None:
        name = next(name for name in "abcdefghij" if name not in self.members)
        self.members[name] = AsyncExitStack()
        await self.members[name].enter_async_context(member(self.settings(name), self.app()))

    async def leave(self) -> None:
        await self.members.pop(self.dice.choice(sorted(self.members))).aclose()

    async def leave_and_come_again(self) -> None:
        name = self.dice.choice(sorted(self.members))
        await self.members[name].aclose()
        self.members[name] = AsyncExitStack()
        await self.members[name].enter_async_context(member(self.settings(name), self.app()))

    async def killed(self) -> None:
        """Killed in the middle of a batch; the others wait until Kafka gives it up."""
        await self._kill("x")

    async def killed_and_started_again(self) -> None:
        """Killed in the middle of a batch and started again under its name, as a supervisor does."""
        if "y" in self.members:
            # Two of one name would throw each other out of the group for ever.
            await self.members.pop("y").aclose()
        await self._kill("y")
        self.members["y"] = AsyncExitStack()
        await self.members["y"].enter_async_context(member(self.settings("y"), self.app()))

    async def _kill(self, name: str) -> None:
        while len(self.members) >= COUNTS.partitions:
            # One more would be given no partition, and would never be in the middle of anything.
            await self.leave()
        told = (self.settings(name).model_dump_json(), str(self.dice.randint(1, 12)), AckPolicy.NACK_ON_ERROR.name, self._named_poison())
        words = (sys.executable, "-m", "order.member", *told)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        process = await asyncio.create_subprocess_exec(*words, env=environment, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        said = asyncio.ensure_future(process.stdout.readline())
        try:
            async with asyncio.timeout(REBALANCED_WITHIN_SECONDS):
                while not said.done():
                    await self.write(len(KEYS))
                    await asyncio.wait({said}, timeout=0.2)
            assert said.result() == IN_THE_MIDDLE
        finally:
            process.kill()
            await process.wait()

    async def write(self, events: int) -> None:
        for _ in range(events):
            key = self.dice.choice(KEYS)
            await run(self.writer, lambda tx, key=key: count_up(tx, CountUp(key=key)))  # type: ignore[misc]
            self.written[key] += 1

    async def all_is_heard(self) -> None:
        """All that is not held back."""
        wanted = sum(len(numbers) for numbers in self.to_be_heard().values())

        async def heard() -> bool:
            return int(await scalar(self.writer, "SELECT count(*) FROM effect")) >= wanted

        await until(heard, f"all {wanted} events are heard after {dict(self.played)}", seconds=REBALANCED_WITHIN_SECONDS)

    def to_be_heard(self) -> dict[str, list[int]]:
        """By key, what has an effect by now: of the one that is held back only what came before the poison."""
        ends = {key: last + 1 for key, last in self.written.items()}
        if self.poison and not self.drained:
            ends[self.poison[0]] = min(self.poison[1], ends.get(self.poison[0], 1))
        return {key: list(range(1, end)) for key, end in ends.items() if end > 1}

    async def the_poison_holds_its_key_back_alone(self) -> None:
        """Until it waits, with others behind it, while all other keys are heard to their end."""
        assert self.poison is not None
        key, number = self.poison
        while self.written[key] < number + HELD_BACK:
            await self.write(1)
        behind = self.written[key] - number + 1

        async def they_wait() -> bool:
            return int(await scalar(self.writer, f"SELECT count(DISTINCT aggregate_version) {WAITS}", key=key)) == behind

        await until(they_wait, f"the {behind} events from {self.poison} on wait", seconds=REBALANCED_WITHIN_SECONDS)
        await self.all_is_heard()
        assert await effects(self.writer) == self.to_be_heard()
        self.played["events held back"] += behind

    async def replayed(self) -> None:
        """An operator replays the key by a version of the service that can take the event; what runs still can't."""
        assert self.poison is not None
        key, number = self.poison
        first = await scalar(self.writer, f"SELECT id {WAITS} ORDER BY aggregate_version LIMIT 1", key=key)
        said = await parked.replay(self.writer, counter(), first, by="ada")
        assert said.endswith("Nothing of the key waits any more."), said
        of_the_poison = "SELECT resolved_by FROM parked WHERE key = :key AND aggregate_version = :number ORDER BY id LIMIT 1"
        assert await scalar(self.writer, of_the_poison, key=key, number=number) == "ada"
        self.drained = True
        self.played["replays by an operator"] += 1


async def test_a_fault_that_passes_is_outlasted_through_a_rebalance(place: Place) -> None:
    """A member rewinds partitions that are not its own any more: it goes on with those that are."""
    heals = asyncio.Event()
    tries = 0

    async def note_when_healed(tx: Transaction, fact: Counted) -> None:
        nonlocal tries
        tries += 1
        if not heals.is_set():
            raise ConnectionResetError
        await note(tx, fact)

    app = App("counter", listens=(Subscription(Counted, note_when_healed),))
    async with place.runtime(instance="writer", poll_seconds=0.05) as writer, running(EventRelay(writer).run()):
        group = Group(place, writer, Random(1))
        await group.write(EVENTS_BETWEEN)
        async with AsyncExitStack() as members:
            for name in ("a", "b"):
                before = tries
                settings = place.with_settings(instance=name, retry_budget_seconds=0.3)
                await members.enter_async_context(member(settings, app))

                async def tried_again(before: int = before) -> bool:
                    return tries > before + 10

                await until(tried_again, "the events are tried again and again", seconds=REBALANCED_WITHIN_SECONDS)
            heals.set()
            await group.all_is_heard()
            await group.write(EVENTS_BETWEEN)
            await group.all_is_heard()
        assert await effects(writer) == {key: list(range(1, last + 1)) for key, last in group.written.items()}
        assert await scalar(writer, "SELECT count(*) FROM parked") == 0


async def effects(runtime: Runtime) -> dict[str, list[int]]:
    wanted = sa.text("SELECT key, array_agg(number ORDER BY id) AS numbers FROM effect GROUP BY key")
    async with runtime.engine.connect() as connection:
        return {row.key: list(row.numbers) for row in await connection.execute(wanted)}


def drawn(group: Group) -> list[Callable[[], Awaitable[None]]]:
    """What happens to the group. In every run once each of what is over soon; the rest by `./rentbook test --faults`."""
    soon = [group.join, group.killed_and_started_again, group.leave_and_come_again]
    if not WHOLE:
        return group.dice.sample(soon, len(soon))
    return [group.dice.choice([*soon, group.leave, group.killed]) for _ in range(ACTIONS)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", courses(1, 25))
async def test_each_event_has_one_effect_in_order_through_rebalances(place: Place, seed: int, played: "Counter[str]") -> None:
    async with AsyncExitStack() as relays:
        writer = await relays.enter_async_context(place.runtime(instance="one", poll_seconds=0.05))
        other = await relays.enter_async_context(place.runtime(instance="two", poll_seconds=0.05))
        for relay in (writer, other):
            await relays.enter_async_context(running(EventRelay(relay).run()))
        group = Group(place, writer, Random(seed))
        group.poison = (group.dice.choice(POISONED), group.dice.randint(1, MOST_BEFORE_POISON))
        try:
            await group.join()
            acts = drawn(group)
            replayed_at = group.dice.randrange(1, len(acts))
            for number, act in enumerate(acts):
                if act == group.leave and len(group.members) < 2:
                    act = group.join
                if number == replayed_at:
                    await group.the_poison_holds_its_key_back_alone()
                beside = [group.replayed()] if number == replayed_at else []
                await asyncio.gather(act(), group.write(EVENTS_BETWEEN), *beside)
                group.played[act.__name__.replace("_", " ")] += 1
                await group.all_is_heard()
        finally:
            await asyncio.gather(*(each.aclose() for each in group.members.values()))
        assert group.drained, f"seed {seed}"
        assert await effects(writer) == {key: list(range(1, last + 1)) for key, last in group.written.items()}, f"seed {seed}"
        held_up = "SELECT count(*) FROM parked WHERE key <> :key OR resolution IS DISTINCT FROM 'replayed'"
        assert await scalar(writer, held_up, key=group.poison[0]) == 0, f"seed {seed}"
        assert await scalar(writer, "SELECT count(*) FROM inbox") == group.written.total()
        played.update({f"groups: {what}": times for what, times in group.played.items()})
        played.update({"groups: courses with two relays": 1, "groups: events": group.written.total()})
