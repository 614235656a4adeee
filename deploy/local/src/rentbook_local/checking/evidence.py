"""The promise that what a write-off was shown by came in its order: nothing that counted was of before what it follows (domain.md 5.3)."""

import json
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from rentbook_local.checking.approval import LONDON
from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

_POSTED = """
SELECT line.line, line.account, line.journal, line.debtor_total_pence, proposal.reason, proposal.raised_at,
       schedule.made_at
FROM schedule_line AS line JOIN schedule ON schedule.id = line.schedule JOIN proposal ON proposal.id = line.line
WHERE line.standing = 'posted' AND schedule.kind = 'write-off' ORDER BY line.schedule, line.place
"""
_PROOFS = """
SELECT proof.proposal, proof.kind, proof.on, proof.at, proof.person, proof.order_kind, proof.listed, struck.at AS struck_at,
       proposal.account, proposal.raised_at
FROM proof JOIN proposal ON proposal.id = proof.proposal LEFT JOIN struck ON struck.proof = proof.id ORDER BY proof.on
"""
_POLICIES = "SELECT in_force_from, figures FROM policy ORDER BY in_force_from"
_KINDS = "SELECT id, kind FROM account WHERE id = ANY ($1::uuid[])"
_PEOPLE = """
SELECT account.id AS account, tenant.person, person.died_on, (
  SELECT min(said.died_on) FROM (SELECT died_on FROM death_note WHERE death_note.person = person.id UNION ALL SELECT person.died_on) AS said
) AS first_said
FROM account JOIN tenancy ON tenancy.id = account.tenancy JOIN tenant ON tenant.tenancy = tenancy.id
JOIN person ON person.id = tenant.person
WHERE account.id = ANY ($1::uuid[]) AND (tenant.until IS NULL OR tenant.until >= tenancy.ended_on)
"""
"""`first_said`: of all days that were ever noted as that of a death the first, so that none counts against evidence before it was known."""
_DUE = """
SELECT part.write_off, max(charge.effective_date) AS last_due
FROM written_off_charge AS part JOIN journal AS charge ON charge.id = part.charge
WHERE part.write_off = ANY ($1::uuid[]) GROUP BY part.write_off
"""

_THEIRS = """
WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS asked (line, account, at)), answers AS (
  SELECT tenant.tenancy, tenant.person, CASE WHEN tenant.until IS NOT NULL THEN (
    SELECT max(changed.at) FROM tenancy_ending AS changed WHERE changed.tenancy = tenant.tenancy) END AS known_at
  FROM tenant JOIN tenancy ON tenancy.id = tenant.tenancy WHERE tenant.until IS NULL OR tenant.until >= tenancy.ended_on
)
SELECT line, account FROM asked
UNION SELECT asked.line, other.id FROM asked JOIN account AS mine ON mine.id = asked.account
  JOIN answers AS me ON me.tenancy = mine.tenancy JOIN answers AS same ON same.person = me.person
  JOIN account AS other ON other.tenancy = same.tenancy
WHERE coalesce(greatest(me.known_at, same.known_at) <= asked.at, true)
"""
"""All accounts of the same people, as far as it was known at a moment who answers for each."""
_SIGNS = """
SELECT asked.line, sign.day FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS asked (line, account, at) JOIN LATERAL (
  SELECT agreed_on AS day FROM payment_plan WHERE account = asked.account AND noted_at <= asked.at
  UNION ALL SELECT (heard_at AT TIME ZONE 'Europe/London')::date FROM heard_request WHERE account = asked.account AND heard_at <= asked.at
  UNION ALL SELECT journal.effective_date FROM entry JOIN journal ON journal.id = entry.journal
    LEFT JOIN suspense_clearing AS moved ON moved.journal = journal.id LEFT JOIN journal AS receipt ON receipt.id = moved.item
    JOIN posting_code ON posting_code.code = coalesce(receipt.code, journal.code)
    WHERE entry.account = asked.account AND entry.amount_pence < 0 AND journal.reverses IS NULL AND journal.posted_at <= asked.at
      AND posting_code.part = 'receipts' AND posting_code.source = 'TENANT'
      AND NOT EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = journal.id AND undoing.posted_at <= asked.at)
) AS sign ON true
"""
"""When a plan was agreed, whatever became of it, a refund was asked for, or the tenant paid, as it was known at a moment."""
_CONTACTS = "SELECT account, at FROM contact_note WHERE identified <> 'not-identified' AND account = ANY ($1::uuid[])"

_ANSWERS = frozenset({"letter-answered", "contact", "executor-reply", "found"})
_CANNOT_BE_FOUND = "untraceable"
_SEARCHES = frozenset({"trace", "agency-instructed", "agency-return"})
_OF_THE_ESTATE = frozenset({"letter-sent", "insufficient-funds"})
_OF_ONE_PERSON = frozenset(
    {
        "bankruptcy", "debt-relief-order", "voluntary-arrangement", "care-home", "prison", "emigrated", "untraceable",
        "judgment-unenforceable",
    }
)  # fmt: skip
"""Reasons that are shown for each joint tenant who lives."""


async def _in_its_order(books: Books) -> Finding:
    """Of each posted write-off, by the policy of the day on which it was listed and by what was known then, every rung of its ladder."""
    posted = await books.of("writeoffs").fetch(_POSTED)
    policies = [(row["in_force_from"], json.loads(row["figures"])) for row in await books.of("writeoffs").fetch(_POLICIES)]
    proofs: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.of("writeoffs").fetch(_PROOFS):
        proofs[row["account"]].append(row)
    accounts = [row["account"] for row in posted]
    kinds = {row["id"]: row["kind"] for row in await books.ledger.fetch(_KINDS, accounts)}
    people: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.ledger.fetch(_PEOPLE, accounts):
        people[row["account"]].append(row)
    signs = await _signs_of_life(books, [row for row in posted if row["reason"] == _CANNOT_BE_FOUND], proofs, people)
    last_due = {row["write_off"]: row["last_due"] for row in await books.ledger.fetch(_DUE, [row["journal"] for row in posted])}
    broken = []
    for row in posted:
        listed_on = row["made_at"].astimezone(LONDON).date()
        policy = [figures for from_, figures in policies if from_ <= listed_on][-1]
        ladder = _ladder(policy, row, kinds.get(row["account"]))
        if ladder is None:
            broken.append(f"write-off {row['journal']}: the policy of {listed_on} has no ladder for {row['reason']}")
            continue
        own = [one for one in proofs[row["account"]] if _speaks_of(one, row) and one["at"] <= row["made_at"] and not _struck_by(one, row)]
        starts = _starts(row["reason"], people[row["account"]], last_due.get(row["journal"]), policy["limitation_years"])
        missing = {
            rung["wanted"]
            for theirs in _of_each(own, signs[row["line"]], row["reason"], people[row["account"]])
            for rung in _not_reached(ladder, _of_the_reason(theirs, row["reason"]), starts, listed_on)
        }
        broken += [f"write-off {row['journal']}: its evidence was not in its order for “{wanted}”" for wanted in sorted(missing)]
    return finding(len(posted), broken)


async def _signs_of_life(
    books: Books, posted: Sequence[Any], proofs: Mapping[UUID, Sequence[Any]], people: Mapping[UUID, Sequence[Any]]
) -> Mapping[UUID, list[Any]]:
    """By line that says that somebody cannot be found, what had been heard of them when it was listed, on whichever of their accounts, and
    though nobody brought it: a contact that was noted, a payment, a plan, a request for a refund, and what answers other proposals.
    """
    told = [(row["line"], row["account"], row["made_at"]) for row in posted]
    rows = await books.ledger.fetch(_THEIRS, *_columns(told))
    listed_at = {row["line"]: row["made_at"] for row in posted}
    asked = [(row["line"], row["account"], listed_at[row["line"]]) for row in rows]
    contacts: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.approvals.fetch(_CONTACTS, [account for _, account, _ in asked]):
        contacts[row["account"]].append(row["at"])
    own = {row["line"]: row["account"] for row in posted}
    found: dict[UUID, list[Any]] = defaultdict(list)
    for line, account, made_at in asked:
        found[line] += [_contact(at.astimezone(LONDON).date(), at) for at in contacts[account] if at <= made_at]
        if account != own[line]:
            theirs = {None, *(one["person"] for one in people[own[line]])}
            of_them = [one for one in proofs.get(account, ()) if one["kind"] in _ANSWERS and one["person"] in theirs]
            found[line] += [one for one in of_them if one["at"] <= made_at and not _struck_by(one, {"made_at": made_at})]
    for row in await books.ledger.fetch(_SIGNS, *_columns(asked)):
        found[row["line"]].append(_contact(row["day"], None))
    return found


def _columns(asked: Sequence[tuple[UUID, UUID, datetime]]) -> tuple[list[Any], ...]:
    return [line for line, _, _ in asked], [account for _, account, _ in asked], [at for _, _, at in asked]


def _contact(on: date, at: datetime | None) -> Mapping[str, Any]:
    """As if somebody had brought it as evidence. `at`: None where it is known by its day alone."""
    return {"kind": "contact", "on": on, "at": at, "person": None, "order_kind": None, "listed": None}


def _speaks_of(proof: Any, row: Any) -> bool:
    """Brought to this proposal; or an answer to one before it about the same account: whoever was heard of once was heard of."""
    return proof["proposal"] == row["line"] or (proof["kind"] in _ANSWERS and proof["raised_at"] < row["raised_at"])


def _struck_by(proof: Any, row: Any) -> bool:
    return proof["struck_at"] is not None and proof["struck_at"] <= row["made_at"]


def _ladder(policy: Mapping[str, Any], row: Any, kind: str | None) -> Mapping[str, Any] | None:
    for ladder in policy["ladders"]:
        upper = ladder.get("to_pence")
        within = ladder.get("from_pence", 1) <= row["debtor_total_pence"] and (upper is None or row["debtor_total_pence"] <= upper)
        if ladder["reason"] == row["reason"] and within and (not ladder.get("kinds") or kind in ladder["kinds"]):
            found: Mapping[str, Any] = ladder
            return found
    return None


def _starts(reason: str, people: Sequence[Any], last_due: date | None, limitation_years: int) -> dict[str, date]:
    """The days before which evidence counts for nothing: the death, for what an estate is told; the barring, for who confirms it.

    Of joint tenants the estate is that of whoever died last. What legal services confirmed last covers every charge that went.
    """
    starts: dict[str, date] = {}
    deaths = [one["first_said"] for one in people if one["first_said"] is not None]
    if reason == "deceased" and deaths:
        starts["death"] = min(deaths)
        if len(deaths) == len(people):
            starts |= dict.fromkeys(_OF_THE_ESTATE, max(deaths))
    if reason == "statute-barred" and last_due is not None:
        starts["legal-confirmation"] = _years_later(last_due, limitation_years) + timedelta(days=1)
    return starts


def _of_each(own: Sequence[Any], beside: Sequence[Any], reason: str, people: Sequence[Any]) -> list[list[Any]]:
    """What is true of one person was shown for each joint tenant who lives, as far as its own evidence names them; a death for each who
    died, where all evidence of one says whose it is.
    """
    known = [*own, *beside]
    shown_of = {one["person"] for one in known if one["kind"] == "death"}
    if reason == "deceased" and len(people) > 1 and None not in shown_of:
        return [[one for one in known if one["kind"] != "death" or one["person"] == each["person"]] for each in people if each["died_on"]]
    named = {one["person"] for one in own}
    living = [one["person"] for one in people if one["died_on"] is None and one["person"] in named]
    if reason not in _OF_ONE_PERSON or not living:
        return [known]
    return [[one for one in known if one["person"] in (None, person)] for person in living]


def _of_the_reason(known: Iterable[Any], reason: str) -> list[Any]:
    """Without orders of insolvency of another kind, and those that do not list the debt."""
    return [
        one for one in known if one["kind"] != "insolvency-order" or (one["order_kind"] in (None, reason) and one["listed"] is not False)
    ]


def _not_reached(ladder: Mapping[str, Any], known: Sequence[Any], starts: Mapping[str, date], today: date) -> list[Mapping[str, Any]]:
    ways = {way["proof"]: way for rung in ladder["rungs"] for way in rung["any_of"]}
    begun = dict(starts)
    for kind, before in (("discharge", "insolvency-order"), ("agency-return", "agency-instructed")):
        first = next(iter(_counting(ways[before], known, starts)), None) if before in ways else None
        if first is not None:
            begun[kind] = first
    return [rung for rung in ladder["rungs"] if not any(_reached(way, known, begun, today) for way in rung["any_of"])]


def _reached(way: Mapping[str, Any], known: Sequence[Any], starts: Mapping[str, date], today: date) -> bool:
    """Enough of what counts, and the time that runs from it. That letters were apart and sources different is not looked at, nor that no
    time to answer runs in a Breathing Space, nor that of a letter beyond those that were needed.
    """
    days, needed = _counting(way, known, starts), max(1, way.get("at_least", 1))
    if len(days) < needed:
        return False
    first, last = days[0], days[needed - 1]
    ends = (
        first + timedelta(days=way.get("quiet_days", 0)),
        _months_later(first, way.get("quiet_months", 0)),
        last + timedelta(days=way.get("last_quiet_days", 0)),
        _months_later(last, way.get("after_months", 0)),
    )
    return all(day <= today for day in ends)


def _counting(way: Mapping[str, Any], known: Sequence[Any], starts: Mapping[str, date]) -> list[date]:
    """The days of what counts for a way, the first first. What ended a silence is followed by what is done after it: of the same day, what
    was noted after it, where both were noted that day.
    """
    since = starts.get(way["proof"], date.min)
    done = [_moment(one, time.min) for one in known if one["kind"] == way["proof"] and one["on"] >= since]
    silent = any(way.get(name) for name in ("quiet_days", "quiet_months", "last_quiet_days"))
    ends = _ANSWERS if silent else {"found"} if way["proof"] in _SEARCHES else frozenset()
    answered = max((_moment(one, time.max) for one in known if one["kind"] in ends), default=None)
    return sorted(one[0] for one in done if answered is None or one > answered)


def _moment(proof: Any, otherwise: time) -> tuple[date, time]:
    """When it was done, in London: by when it was noted, where that was the same day."""
    noted = proof["at"].astimezone(LONDON) if proof["at"] is not None else None
    return proof["on"], noted.time() if noted is not None and noted.date() == proof["on"] else otherwise


def _months_later(day: date, months: int) -> date:
    """The first day after months that begin with that day, as those of an order do (Insolvency Act 1986, sections 251H(1) and 279(1))."""
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    return first + timedelta(days=min(day.day - 1, monthrange(first.year, first.month)[1]))


def _years_later(day: date, years: int) -> date:
    """The last day of so many years from a day, which is none of them; from 29 February, 28 February of a common year."""
    year = day.year + years
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


PROMISES = (
    Promise("evidence-order", "what a write-off was shown by came in its order: nothing was of before what it follows", _in_its_order),
)
