"""How far up the evidence ladder a proposal has come, and from when time alone takes it further."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from rentbook_contracts.notices import LadderLetter
from rentbook_contracts.writeoffs import EvidenceKind, OrderKind, RungShown

from writeoffs.domain.days import business_date, in_words, months_after
from writeoffs.domain.policy import Ladder, Proven, Rung

ANSWERS = frozenset({EvidenceKind.LETTER_ANSWERED, EvidenceKind.CONTACT, EvidenceKind.EXECUTOR_REPLY, EvidenceKind.FOUND})
"""What ends a silence: what is done after the last of them begins another."""

SEARCHES = frozenset({EvidenceKind.TRACE, EvidenceKind.AGENCY_INSTRUCTED, EvidenceKind.AGENCY_RETURN})
"""What says that somebody cannot be found. Once they were, only a later search says so again."""

OF_THE_HOUSEHOLD = ANSWERS | {EvidenceKind.LETTER_SENT, EvidenceKind.MANAGER_NOTE}
"""What counts for each joint tenant although it names none of them: letters go to all who can be reached."""

OF_THE_ESTATE = frozenset(EvidenceKind) - {EvidenceKind.DEATH}
"""The same once they all have died: only a death is of one of them, for what is owed is asked of one estate."""

FOLLOWS: Mapping[EvidenceKind, tuple[EvidenceKind, str]] = {
    EvidenceKind.DISCHARGE: (EvidenceKind.INSOLVENCY_ORDER, "the order of"),
    EvidenceKind.AGENCY_RETURN: (EvidenceKind.AGENCY_INSTRUCTED, "an agency was instructed on"),
}
"""What comes only after other evidence of the ladder, and that in words: a discharge is of its order, a return of an instruction."""


@dataclass(frozen=True)
class Start:
    """The first day of which evidence can be for what is proposed. `what`: what was on that day, in words that follow *before*."""

    on: date
    what: str


@dataclass(frozen=True)
class Proof:
    """A piece of evidence, as far as a ladder needs it. `on` is the day of what it shows; `person` is of whom alone it is true.

    `counts_on`: the day by which it counts, where that is not its own (`noted_late`). `order_kind` and `listed` are of an order of
    insolvency: what it is, and whether the debt of its account is listed in it; None where nobody was asked. `account`: to which it was
    brought. `noted_at`: by which what is of one London day comes in its order; None where nobody kept it.
    """

    kind: EvidenceKind
    on: date
    source: str = ""
    person: UUID | None = None
    counts_on: date | None = None
    order_kind: OrderKind | None = None
    listed: bool | None = None
    account: UUID | None = None
    noted_at: datetime | None = None


def noted_late(kind: EvidenceKind, on: date, noted_on: date, reference: str) -> date | None:
    """The day on which it was noted, where it counts by that; None where it counts by its own.

    What shows that a credit was not claimed is years of recorded attempts to return it (domain.md 4). One that is noted afterwards counts
    by its own day only with the reference of the record that was made of it.
    """
    return noted_on if kind is EvidenceKind.RETURN_ATTEMPT and noted_on > on and not reference.strip() else None


Rests = Sequence[tuple[date, date]]
"""The first and the last day of each Breathing Space, the first one first."""


@dataclass(frozen=True)
class Reached:
    """Whether a way up is shown; if only time is missing, from which day it is."""

    met: bool
    says: str
    from_on: date | None = None


@dataclass(frozen=True)
class NextLetter:
    """The `number`-th letter ever of a ladder, from 1, and the day from which it is written. `reply_within_days`: 0 names no day.

    `anew`: there were letters before it, and none of them counts any more: it is written as the first.
    """

    kind: LadderLetter
    number: int
    from_on: date
    reply_within_days: int
    anew: bool = False


def climbed(
    ladder: Ladder,
    proofs: Sequence[Proof],
    today: date,
    starts: Mapping[EvidenceKind, Start],
    each_of: Collection[UUID] = (),
    of_all: Collection[EvidenceKind] = OF_THE_HOUSEHOLD,
    rests: Rests = (),
) -> tuple[RungShown, ...]:
    """Every rung, in order. With `each_of` it is reached only where each of these people's own evidence reaches it, with that `of_all`.

    `starts`: what evidence is not of before, by its kind. What follows other evidence of the ladder (FOLLOWS) is not of before that either.
    In `rests` no time to answer runs.
    """
    if not each_of:
        return _rungs(ladder, proofs, today, starts, rests)
    theirs = [[proof for proof in proofs if _counts_for(proof, person, of_all)] for person in each_of]
    rungs = [_rungs(ladder, own, today, starts, rests) for own in theirs]
    return tuple(_reached_by_all(each, they_live=of_all is not OF_THE_ESTATE) for each in zip(*rungs, strict=True))


def _rungs(
    ladder: Ladder, proofs: Sequence[Proof], today: date, starts: Mapping[EvidenceKind, Start], rests: Rests
) -> tuple[RungShown, ...]:
    begun = {**starts, **_followed(ladder, counting(proofs, starts))}
    there, early = counting(proofs, begun), {proof.kind: proof for proof in sorted(proofs, key=_day) if _is_early(proof, begun)}
    why_not = {kind: f"that of {in_words(proof.on)} is from before {begun[kind].what}" for kind, proof in early.items()}
    return tuple(_rung(rung, there, today, why_not, rests) for rung in ladder.rungs)


def counting(proofs: Iterable[Proof], starts: Mapping[EvidenceKind, Start]) -> tuple[Proof, ...]:
    """Those of the day of their start or later, each by the day by which it counts."""
    return tuple(replace(proof, on=proof.counts_on or proof.on) for proof in proofs if not _is_early(proof, starts))


def _is_early(proof: Proof, starts: Mapping[EvidenceKind, Start]) -> bool:
    start = starts.get(proof.kind)
    return start is not None and proof.on < start.on


def _followed(ladder: Ladder, proofs: Sequence[Proof]) -> dict[EvidenceKind, Start]:
    """From when what follows counts: from the first of what it follows that a rung goes by."""
    ways = {way.proof: way for rung in ladder.rungs for way in rung.any_of}
    found: dict[EvidenceKind, Start] = {}
    for kind, (before, says) in FOLLOWS.items():
        way = ways.get(before)
        first = next(iter(_since(_of_kind(way, proofs), _begun_anew(way, proofs))), None) if way is not None else None
        if first is not None:
            found[kind] = Start(first.on, f"{says} {in_words(first.on)}")
    return found


def _day(proof: Proof) -> date:
    return proof.on


def _counts_for(proof: Proof, person: UUID, of_all: Collection[EvidenceKind] = OF_THE_HOUSEHOLD) -> bool:
    return proof.person == person or (proof.person is None and proof.kind in of_all)


def _reached_by_all(each: Sequence[RungShown], *, they_live: bool) -> RungShown:
    missing = [one for one in each if not one.met]
    if not missing:
        return each[0].model_copy(update={"says": f"shown for each joint tenant who {'lives' if they_live else 'died'}"})
    # Time alone takes it further only where nobody's evidence is missing.
    last, who = max(missing, key=lambda one: one.from_on or date.max), "who live" if they_live else "who died"
    return last.model_copy(update={"says": f"shown for {len(each) - len(missing)} of {len(each)} joint tenants {who}; {last.says}"})


def first_of_each(proofs: Sequence[Proof], kind: EvidenceKind, each_of: Collection[UUID]) -> tuple[Proof, ...]:
    """The earliest evidence of a kind, which is the one that a rung looks at: of each of these people, or of all where nobody is named."""
    theirs = [[proof for proof in proofs if _counts_for(proof, person)] for person in each_of] or [list(proofs)]
    own = [[proof for proof in one if proof.kind is kind] for one in theirs]
    return tuple(min(one, key=lambda proof: proof.on) for one in own if one)


def wait_until(rungs: Iterable[RungShown]) -> date | None:
    """The next day on which time alone reaches a rung that is not reached yet."""
    return min((rung.from_on for rung in rungs if not rung.met and rung.from_on is not None), default=None)


def next_letter(
    ladder: Ladder,
    proofs: Sequence[Proof],
    today: date,
    shown: Sequence[RungShown],
    ever: Mapping[EvidenceKind, int],
    written_on: Mapping[EvidenceKind, date],
    rests: Rests = (),
) -> NextLetter | None:
    """What the first rung that is not reached writes next; None where it writes nothing, or nothing more. `shown`: the rungs as climbed.

    `ever`: how many letters of each kind there were, also those that were struck: a number that was used once writes nothing again.
    `written_on`: when Rentbook last sent one about the account, for whichever proposal: nobody is sent a second of its kind on that day.

    A rung writes only when those before it are reached: the estate of a person hears nothing before the death is shown. Who has answered
    gets no further letter by itself: somebody has to read the answer. Where whoever read it writes again, the ladder goes on from there.
    """
    missing = next((rung for rung, reached in zip(ladder.rungs, shown, strict=True) if not reached.met), None)
    ways = missing.any_of if missing is not None else ()
    return next((letter for way in ways if (letter := _letter_of(way, proofs, today, ever, written_on, rests)) is not None), None)


def _letter_of(
    way: Proven,
    proofs: Sequence[Proof],
    today: date,
    ever: Mapping[EvidenceKind, int],
    written_on: Mapping[EvidenceKind, date],
    rests: Rests,
) -> NextLetter | None:
    if way.letter is None:
        return None
    counting = _of_kind(way, proofs)
    sent = _apart(way, _since(counting, _last(proofs, ANSWERS)))
    if len(sent) >= way.at_least or (counting and not sent):
        return None
    from_on = _put_off(sent[-1].on, sent[-1].on + timedelta(days=way.apart_days), rests) if sent else today
    if way.proof in written_on:
        from_on = max(from_on, written_on[way.proof] + timedelta(days=1))
    before = max(ever.get(way.proof, 0), len(counting))
    return NextLetter(way.letter, before + 1, from_on, way.reply_within_days, anew=before > 0 and not counting)


def _apart(way: Proven, oldest_first: Sequence[Proof]) -> list[Proof]:
    """Those that count: each so many days after the one before. A second of one day is no second attempt, whatever the policy says."""
    found: list[Proof] = []
    for proof in oldest_first:
        if not found or (proof.on - found[-1].on).days >= max(1, way.apart_days):
            found.append(proof)
    return found


def _rung(rung: Rung, proofs: Sequence[Proof], today: date, why_not: Mapping[EvidenceKind, str], rests: Rests) -> RungShown:
    """`why_not`: in words, by its kind, why evidence that was brought does not count."""
    ways = [_reached(way, proofs, today, rests) for way in rung.any_of]
    best = next((way for way in ways if way.met), None) or min(ways, key=lambda way: way.from_on or date.max)
    by = tuple(dict.fromkeys(way.proof for way in rung.any_of))
    says = best.says if best.met else "; ".join((best.says, *(why_not[kind] for kind in by if kind in why_not)))
    return RungShown(wanted=rung.wanted, met=best.met, says=says, from_on=None if best.met else best.from_on, shown_by=by)


def _reached(way: Proven, proofs: Sequence[Proof], today: date, rests: Rests) -> Reached:
    answer = _begun_anew(way, proofs)
    ever = _of_kind(way, proofs)
    found = _since(ever, answer)
    if answer is not None and ever and not found:
        what = "last heard of on" if way.proof in SEARCHES else "answered on"
        return Reached(met=False, says=f"{what} {in_words(answer.on)}: what is done after that counts")
    sources = {_spelt_alike(proof.source) for proof in found} - {""}
    far_enough = found if way.sources else _apart(way, found)
    needed = far_enough[: way.at_least]
    if len(needed) < way.at_least or not needed:
        apart = f" that are {way.apart_days} days apart" if way.apart_days and way.at_least > 1 else ""
        return Reached(met=False, says=f"{len(far_enough)} of {max(way.at_least, 1)} so far{apart}")
    if len(sources) < way.sources:
        return Reached(met=False, says=f"{len(sources)} of {way.sources} different sources so far")
    day = _day_of(way, needed[0].on, needed[-1].on, found[-1].on, rests)
    if day > today:
        return Reached(met=False, says=f"from {in_words(day)}", from_on=day)
    return Reached(met=True, says=f"shown on {in_words(day)}")


def _spelt_alike(source: str) -> str:
    """A source however it was typed: capitals and spaces make no second one."""
    return " ".join(unicodedata.normalize("NFKC", source).casefold().split())


def _day_of(way: Proven, first: date, last: date, newest: date, rests: Rests) -> date:
    """`first` and `last` of those that are needed. The newest of all has time to be answered: who is written to once more is waited for."""
    return max(
        last,
        _put_off(first, first + timedelta(days=way.quiet_days), rests),
        _put_off(first, months_after(first, way.quiet_months), rests),
        _put_off(newest, newest + timedelta(days=way.last_quiet_days), rests) if way.last_quiet_days else last,
        months_after(last, way.after_months),
    )


def _put_off(since: date, day: date, rests: Rests) -> date:
    """A day to which somebody has time to answer, later by what of that time was a Breathing Space: nobody asks then (domain.md 5.3)."""
    for first, last in rests:
        begins = max(first, since)
        if begins < day and last >= begins:
            day += timedelta(days=(last - begins).days + 1)
            since = last + timedelta(days=1)
    return day


def _of_kind(way: Proven, proofs: Iterable[Proof]) -> list[Proof]:
    return sorted((proof for proof in proofs if proof.kind is way.proof), key=_day)


def _begun_anew(way: Proven, proofs: Iterable[Proof]) -> Proof | None:
    """What last ended what had been done for this way; None where nothing did."""
    if way.quiet_days or way.quiet_months or way.last_quiet_days:
        return _last(proofs, ANSWERS)
    return _last(proofs, {EvidenceKind.FOUND}) if way.proof in SEARCHES else None


def _last(proofs: Iterable[Proof], kinds: Collection[EvidenceKind]) -> Proof | None:
    return max((proof for proof in proofs if proof.kind in kinds), key=_moment_of_an_answer, default=None)


def _since(oldest_first: Iterable[Proof], answer: Proof | None) -> list[Proof]:
    """Those of a later London day than the answer, and of its own day those that were noted after it: what was noted before it may be what
    it answers.

    That is said only of what was noted on its own day, both of the two. Where one was noted afterwards, or nobody kept its moment, as of a
    payment, the answer is taken for one to all that was done that day.
    """
    return [proof for proof in oldest_first if answer is None or _moment(proof) > _moment_of_an_answer(answer)]


_BEGINS, _ENDS = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def _moment(proof: Proof, otherwise: datetime = _BEGINS) -> tuple[date, datetime]:
    noted_that_day = proof.noted_at is not None and business_date(proof.noted_at) == proof.on
    return proof.on, proof.noted_at if proof.noted_at is not None and noted_that_day else otherwise


def _moment_of_an_answer(proof: Proof) -> tuple[date, datetime]:
    return _moment(proof, _ENDS)
