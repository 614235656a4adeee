"""Plays a course through a service's own consumer on its own database, with the broker's part played here."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

import sqlalchemy as sa
from chassis.consumer import NotYet, TopicConsumer
from chassis.inbox import heard_up_to
from chassis.serving import App, Subscription
from chassis.transaction import Runtime, Transaction
from rentbook_contracts.message import Fact
from rentbook_contracts.operation import BrokenRule

from chassis import parked
from order.schedule import COURSES, DISCARDED, PARTITIONS, Course, Fate, Flaw, Step, Told

MOST_COPIES = 30
MOST_TRIES = 200
"""How often the rest of a partition is asked for before the test gives up on it."""

_playing: ContextVar["Player"] = ContextVar("playing")
_commanding: ContextVar["Ending | None"] = ContextVar("commanding", default=None)
"""Set in what an operator does: where their command ends, which is a process of its own."""


class Ended(BaseException):
    """The process is gone: nobody in it catches this."""


class NotMended(BrokenRule):
    """What the event speaks of is not as it has to be."""


@dataclass
class Ending:
    """Where a process ends, and how often it comes there until it does."""

    place: str
    hits: int

    def end_here(self, place: str) -> None:
        """Errors: Ended, once."""
        if place == self.place:
            self.hits -= 1
            if self.hits == 0:
                raise Ended


@dataclass(frozen=True)
class Raw:
    """A record as aiokafka hands it over."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int
    """Milliseconds since 1970, when the broker took it."""


@dataclass
class Hearer:
    """A service that hears one topic. `facts` are a key's, in order; `own` finds what is wrong with the service's own rows of a key.

    Its database has the table `witness`, into which each effect is written in its own transaction.
    """

    runtime: Runtime
    app: App
    topic: str
    flaws: Sequence[Flaw]
    facts: Callable[[UUID, int], Sequence[Fact]]
    own: Callable[[UUID, Sequence[Fact]], Awaitable[list[str]]]
    before: Callable[[UUID], Awaitable[None]] | None = None

    def hears(self, fact: Fact) -> bool:
        return type(fact) in {each.fact for each in self.app.listens}


@dataclass
class Player:
    """One course on one hearer."""

    hearer: Hearer
    course: Course
    played: Counter[str] = field(default_factory=Counter)
    _committed: list[int] = field(default_factory=lambda: [0] * PARTITIONS)
    _ends_at: Ending | None = None
    _breaks: int = 0
    _unmended: set[tuple[str, int]] = field(default_factory=set)
    _logs: list[list[Raw]] = field(default_factory=list)

    def __post_init__(self) -> None:
        keys, hearer = self.course.keys, self.hearer
        self.facts = {key: hearer.facts(key, events) for key, events in keys.items()}
        self._unmended = {(str(key), version) for key, (version, flaw) in self.course.flawed.items() if flaw in (Flaw.RULE, Flaw.FAULT)}
        heard = tuple(Subscription(each.fact, _witnessed(each.use_case)) for each in hearer.app.listens)
        self._app = replace(hearer.app, listens=heard)
        self._logs = [
            [self._raw(told, partition, offset) for offset, told in enumerate(log)] for partition, log in enumerate(self.course.logs)
        ]

    # --- the broker's part ---------------------------------------------------------------------------------------------------------

    def _raw(self, told: Told, partition: int, offset: int) -> Raw:
        fact = self.facts[told.key][told.version - 1]
        body, kind, version, name = fact.model_dump_json(), fact.type, told.version, f"{told.key}/{told.version}"
        if told.flaw in (Flaw.SPOILT, Flaw.MANGLED):
            body = f'{{"spoilt": "{told.key}"'
        elif told.flaw is Flaw.MAJOR:
            kind = f"{kind.removesuffix('.v1')}.v9"
        elif told.flaw is Flaw.SAME_ID:
            body, version, name = f'{{"other": "{told.key}"}}', told.version - 1, f"{told.key}/{told.version - 1}"
        headers = {
            "ce_specversion": "1.0",
            "ce_id": str(uuid5(COURSES, name)),
            "ce_type": kind,
            "ce_subject": str(told.key),
            "ce_aggregateversion": str(version),
        }
        shown = () if told.flaw is Flaw.BARE else tuple((name, value.encode()) for name, value in headers.items())
        # Partitions of its own for each course, since their parked records share a table.
        place = self.course.seed * PARTITIONS + partition
        return Raw(self.hearer.topic, place, offset, str(told.key).encode(), body.encode(), shown, time.time_ns() // 1_000_000)

    def _member(self) -> TopicConsumer:
        member = TopicConsumer(self.hearer.runtime, self._app, self.hearer.topic)

        async def beginning_offsets(partitions: Sequence[Any]) -> dict[Any, int]:
            return dict.fromkeys(partitions, 0)

        member._subscriber = SimpleNamespace(consumer=SimpleNamespace(beginning_offsets=beginning_offsets))
        return member

    def _next(self, partitions: Sequence[int], records: int, ends: Sequence[int]) -> list[tuple[int, Raw]]:
        found: list[tuple[int, Raw]] = []
        for partition in partitions:
            begin = self._committed[partition]
            found += [(partition, raw) for raw in self._logs[partition][begin : min(begin + records - len(found), ends[partition])]]
        return found

    async def _take(self, batch: Sequence[tuple[int, Raw]]) -> bool:
        """Whether the whole batch was taken for good, by a member that begins with it."""
        self.played["records handed over"] += len(batch)
        try:
            await self._member().handle(tuple(raw for _, raw in batch))
        except (NotYet, Ended) as why:
            self.played[f"batches that were {'rewound' if isinstance(why, NotYet) else 'cut off'}"] += 1
            return False
        return True

    def _commit(self, batch: Sequence[tuple[int, Raw]]) -> None:
        for partition, raw in batch:
            self._committed[partition] = max(self._committed[partition], raw.offset + 1)

    # --- the course ----------------------------------------------------------------------------------------------------------------

    async def play(self) -> None:
        """Errors: AssertionError, with the seed, where an event was lost, doubled, disordered or held back without need."""
        _playing.set(self)
        if self.hearer.before is not None:
            for key in self.course.keys:
                await self.hearer.before(key)
        for step in self.course.steps:
            await self._step(step)
        await self._rest(self.course.cuts, at_once=100)
        await self._check("before anything is mended", self._until_the_flaw())
        self._unmended.clear()
        everything = [len(log) for log in self.course.logs]
        # A few at a time, so that they come before, amidst and after what the operators do.
        await asyncio.gather(self._rest(everything, at_once=1), *(self._operator(key) for key in self.course.flawed))
        await self._check("in the end", self._whole(), nothing_waits=True)
        self.played["courses"] += 1

    async def _step(self, step: Step) -> None:
        batch = self._next(step.partitions, step.records, self.course.cuts)
        if not batch:
            return
        self.played[step.fate] += 1
        if step.fate is Fate.ENDS:
            self._ends_at = Ending(step.place, step.times)
        elif step.fate is Fate.BREAKS:
            self._breaks = step.times
        beside: list[Awaitable[object]] = []
        if step.fate is Fate.TWICE:
            beside = [self._take(batch)]
        elif step.fate is Fate.REPLAYED:
            beside = [self._replay(key) for key in self.course.flawed]
        taking = asyncio.ensure_future(self._take(batch))
        await asyncio.gather(taking, *beside)
        taken = taking.result()
        self._ends_at, self._breaks = None, 0
        if taken and step.fate is not Fate.AGAIN:
            self._commit(batch)

    async def _rest(self, ends: Sequence[int], *, at_once: int) -> None:
        for _ in range(MOST_TRIES):
            batch = self._next(range(PARTITIONS), at_once, ends)
            if not batch:
                return
            if await self._take(batch):
                self._commit(batch)
        raise AssertionError(self._words("the rest of the partitions is never taken"))

    async def _operator(self, key: UUID) -> None:
        """What people do about a key that waits: replay it, and where its first event is a copy that nobody can take, discard that.

        A command whose process ends in the middle is given again.
        """
        _commanding.set(Ending(*self.course.operators_end[key]))
        for _ in range(MOST_COPIES):
            try:
                await self._replay(key)
                waiting = await self._waiting(key)
                if not waiting or self._flaw_at(waiting[0]) in (None, Flaw.RULE, Flaw.FAULT):
                    return
                await parked.discard(self.hearer.runtime, waiting[0].id, by="ada", second="ben", reason="spoilt on the way")
                self.played["events discarded by two people"] += 1
            except Ended:
                self.played["operators' commands that were cut off"] += 1

    def _flaw_at(self, row: Any) -> Flaw | None:
        told: Told = self.course.logs[row.partition - self.course.seed * PARTITIONS][row.record_offset]
        return told.flaw

    async def _replay(self, key: UUID) -> None:
        for row in (await self._waiting(key))[:1]:
            self.played["replays"] += 1
            try:
                await parked.replay(self.hearer.runtime, self._app, row.id, by="ada")
            except parked.StillWaits:
                self.played["replays that met the flaw"] += 1
            except parked.NotPossible:
                # Whoever takes the event before it drains what waited for it, and may have been quicker.
                self.played["replays that came too late"] += 1

    # --- what is looked at ---------------------------------------------------------------------------------------------------------

    def _until_the_flaw(self) -> dict[UUID, list[int]]:
        """What must have been heard of each key by now: all that came, of one that is held back only what came before its flaw."""
        came = {key: set[int]() for key in self.course.keys}
        for log, cut in zip(self.course.logs, self.course.cuts, strict=True):
            for told in log[:cut]:
                came[told.key].add(told.version)
        end = {key: self.course.flawed[key][0] if self._is_held_back(key) else events + 1 for key, events in self.course.keys.items()}
        return {key: [version for version in self._heard(key) if version in came[key] and version < end[key]] for key in came}

    def _is_held_back(self, key: UUID) -> bool:
        """Nobody reads the body of an event that is not listened to, and its id is not kept."""
        if key not in self.course.flawed:
            return False
        version, flaw = self.course.flawed[key]
        return flaw is Flaw.BARE or (version - 1 if flaw is Flaw.SAME_ID else version) in self._heard(key)

    def _whole(self) -> dict[UUID, list[int]]:
        gone = {(key, version) for key, (version, flaw) in self.course.flawed.items() if flaw in DISCARDED}
        return {key: [version for version in self._heard(key) if (key, version) not in gone] for key in self.course.keys}

    def _heard(self, key: UUID) -> list[int]:
        return [version for version, fact in enumerate(self.facts[key], start=1) if self.hearer.hears(fact)]

    async def _check(self, when: str, wanted: dict[UUID, list[int]], *, nothing_waits: bool = False) -> None:
        found: list[str] = []
        seen = await self._witnessed_versions()
        for key, versions in wanted.items():
            if seen.get(key, []) != versions:
                found.append(f"{key}: {versions} should have been heard, and {seen.get(key, [])} were")
            found += await self.hearer.own(key, [self.facts[key][version - 1] for version in seen.get(key, [])])
            if nothing_waits and await self._waiting(key):
                found.append(f"{key}: still waits")
            self.played["effects looked at"] += len(versions)
        assert not found, self._words(f"{when}: " + "; ".join(found))

    def _words(self, why: str) -> str:
        flawed = {str(key): each for key, each in self.course.flawed.items()}
        return f"seed {self.course.seed} of {self.hearer.app.name}: {why}; flawed: {flawed}"

    async def _witnessed_versions(self) -> dict[UUID, list[int]]:
        keys = [str(key) for key in self.course.keys]
        wanted = sa.text("SELECT key, array_agg(version ORDER BY id) AS versions FROM witness WHERE key = ANY(:keys) GROUP BY key")
        async with self.hearer.runtime.engine.connect() as connection:
            return {UUID(row.key): list(row.versions) for row in await connection.execute(wanted, {"keys": keys})}

    async def _waiting(self, key: UUID) -> list[Any]:
        wanted = sa.text(
            "SELECT id, partition, record_offset FROM parked WHERE topic = :topic AND key = :key AND resolved_at IS NULL "
            "ORDER BY aggregate_version NULLS FIRST, id"
        )
        async with self.hearer.runtime.engine.connect() as connection:
            return list(await connection.execute(wanted, {"topic": self.hearer.topic, "key": str(key)}))

    # --- what goes wrong -----------------------------------------------------------------------------------------------------------

    def end_here(self, place: str) -> None:
        """Errors: Ended, where the process is to end at this place."""
        for ending in (self._ends_at, _commanding.get()):
            if ending is not None:
                ending.end_here(place)

    def stand_in_the_way(self, key: str, version: int) -> None:
        """Errors: whatever the use case is to fail with."""
        if self._breaks:
            self._breaks -= 1
            raise ConnectionResetError
        if (key, version) in self._unmended:
            flaw = self.course.flawed[UUID(key)][1]
            raise NotMended("Not before it is mended.") if flaw is Flaw.RULE else RuntimeError("a fault of its own")


def reached(place: str) -> None:
    """In place of `chassis.failpoint.reached`: where the course ends the process at this place, it ends."""
    _playing.get().end_here(place)


def _witnessed(use_case: Callable[[Transaction, Any], Awaitable[object]]) -> Callable[[Transaction, Any], Any]:
    async def witness_and_do(tx: Transaction, fact: Fact) -> None:
        version = await heard_up_to(tx, fact.topic, fact.key)
        _playing.get().stand_in_the_way(fact.key, version)
        row = sa.text("INSERT INTO witness (key, version) VALUES (:key, :version)")
        await tx.connection.execute(row, {"key": fact.key, "version": version})
        await use_case(tx, fact)

    return witness_and_do
