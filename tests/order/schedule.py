"""A seeded course of events: what lies on a topic's partitions, what of it is flawed, and how it is handed to whoever hears it.

Everything is drawn from the seed before anything is played, so that a course can be played again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from uuid import UUID, uuid5

from faults.plan import BY_OPERATORS, BY_PARKING

COURSES = UUID("2b1f1d2e-7f0f-5a41-9c35-0b8f5b1f6c21")
PARTITIONS = 2
MOST_KEYS = 5
MOST_EVENTS = 6
MOST_STEPS = 12
MOST_RECORDS_AT_ONCE = 9
FLAWED_SHARE = 0.35
TOLD_AGAIN_SHARE = 0.2
PLACES = (
    "inbox.before-commit",
    "inbox.after-commit",
    "events.before-offset-commit",
    "events.after-offset-commit",
    *BY_PARKING,
)
"""Where a member may end in the middle of a batch (docs/failpoints.md)."""


class Flaw(StrEnum):
    """Why one event of a key can't be taken when it comes."""

    SPOILT = "its body can't be read"
    MAJOR = "its type is of a major version that nobody understands"
    BARE = "its headers are lost"
    MANGLED = "its body was mangled on the way, and a whole copy follows"
    SAME_ID = "before it comes another record under the id of an earlier event"
    RULE = "a rule refuses it until somebody has mended what it speaks of"
    FAULT = "the use case fails on it until it is mended"


DISCARDED = frozenset({Flaw.SPOILT, Flaw.MAJOR})
"""What no mending makes readable: two people discard the event, and the key goes on without it."""


@dataclass(frozen=True)
class Told:
    """A record on a partition: version `version` of the key. `flaw` where this is the copy that can't be taken."""

    key: UUID
    version: int
    flaw: Flaw | None = None


class Fate(StrEnum):
    FINE = "the offset is committed"
    AGAIN = "the offset's commit is lost, and the batch comes again"
    ENDS = "the process ends at a place on the way"
    BREAKS = "the connection is reset for a while"
    TWICE = "a member that lost its partition takes the same batch as the one that has it now"
    REPLAYED = "an operator replays what is parked in the middle of it"


@dataclass(frozen=True)
class Step:
    """One batch: from which partitions, how many records, and what goes wrong. `times`: the hit of the place, or how often it breaks."""

    partitions: tuple[int, ...]
    records: int
    fate: Fate
    place: str = PLACES[0]
    times: int = 1


@dataclass(frozen=True)
class Course:
    """All of it. `logs` are the partitions; of each, what lies before `cuts` comes before anybody mends anything, the rest during it.

    `operators_end`: for a flawed key, the place at which its operator's command ends, and at which hit.
    """

    seed: int
    keys: dict[UUID, int]
    flawed: dict[UUID, tuple[int, Flaw]]
    logs: tuple[tuple[Told, ...], ...]
    cuts: tuple[int, ...]
    steps: tuple[Step, ...]
    operators_end: dict[UUID, tuple[str, int]]


def drawn(seed: int, flaws: Sequence[Flaw]) -> Course:
    """The course of this seed; `flaws` are those that its hearer's events can have."""
    dice = Random(seed)
    keys = {uuid5(COURSES, f"{seed}/{number}"): dice.randint(1, MOST_EVENTS) for number in range(dice.randint(2, MOST_KEYS))}
    flawed = {key: _flaw(dice, events, flaws) for key, events in keys.items() if dice.random() < FLAWED_SHARE}
    logs, cuts = [], []
    for partition in range(PARTITIONS):
        here = [key for place, key in enumerate(keys) if place % PARTITIONS == partition]
        log, cut = _log(dice, {key: keys[key] for key in here}, flawed)
        logs.append(log)
        cuts.append(cut)
    steps = tuple(_step(dice) for _ in range(dice.randint(3, MOST_STEPS)))
    operators_end = {key: (dice.choice(BY_OPERATORS), dice.randint(1, 2)) for key in flawed}
    return Course(seed, keys, flawed, tuple(logs), tuple(cuts), steps, operators_end)


def _flaw(dice: Random, events: int, flaws: Sequence[Flaw]) -> tuple[int, Flaw]:
    """Which version of a key is flawed, and how. Only a later one can share the id of an earlier event."""
    flaw = dice.choice([each for each in flaws if each is not Flaw.SAME_ID or events > 1])
    return dice.randint(2 if flaw is Flaw.SAME_ID else 1, events), flaw


def _log(dice: Random, keys: dict[UUID, int], flawed: dict[UUID, tuple[int, Flaw]]) -> tuple[tuple[Told, ...], int]:
    """The keys' events in one order, each key's own in theirs, with runs that were published again; and where the first part ends."""
    told = {key: _told(key, events, flawed.get(key)) for key, events in keys.items()}
    live: dict[UUID, list[Told]] = {}
    for key in [key for key in told if key in flawed]:
        last = max(place for place, each in enumerate(told[key], start=1) if each.version <= flawed[key][0])
        begin = dice.randint(last, len(told[key]))
        told[key], live[key] = told[key][:begin], [*told[key][begin:], *_told_again(key, flawed[key])]
    early, late = _shuffled(dice, told), _shuffled(dice, live)
    return (*early, *late), len(early)


def _told(key: UUID, events: int, flawed: tuple[int, Flaw] | None) -> list[Told]:
    if flawed is None:
        return [Told(key, version) for version in range(1, events + 1)]
    bad, flaw = flawed
    told = [Told(key, version, flaw if version == bad and flaw is not Flaw.SAME_ID else None) for version in range(1, events + 1)]
    if flaw is Flaw.SAME_ID:
        told.insert(bad - 1, Told(key, bad, flaw))
    elif flaw is Flaw.MANGLED:
        told.insert(bad, Told(key, bad))
    return told


def _told_again(key: UUID, flawed: tuple[int, Flaw]) -> list[Told]:
    """Without its headers nobody knows which version was there: its publisher has to tell it again."""
    version, flaw = flawed
    return [Told(key, version)] if flaw is Flaw.BARE else []


def _shuffled(dice: Random, streams: dict[UUID, list[Told]]) -> list[Told]:
    queues = {key: list(events) for key, events in streams.items() if events}
    log: list[Told] = []
    while queues:
        key = dice.choice(list(queues))
        log.append(queues[key].pop(0))
        if not queues[key]:
            del queues[key]
        if dice.random() < TOLD_AGAIN_SHARE:
            begin = dice.randrange(len(log))
            log += log[begin : begin + dice.randint(1, 4)]
    return log


def _step(dice: Random) -> Step:
    partitions = tuple(sorted(dice.sample(range(PARTITIONS), dice.randint(1, PARTITIONS))))
    fate = dice.choice(list(Fate))
    return Step(partitions, dice.randint(1, MOST_RECORDS_AT_ONCE), fate, dice.choice(PLACES), dice.randint(1, 5))
