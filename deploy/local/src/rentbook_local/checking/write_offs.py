"""The promises of write-offs: every line that was posted was approved, by hash and by others; the register is what was posted."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import holidays

from rentbook_local.checking.approval import LONDON, decisions, ended_otherwise, heard_not_carried_out, people_of
from rentbook_local.checking.behind import Decided, behind
from rentbook_local.checking.beside import beside as requests_beside
from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

_KINDS = {"WOF": "write-off", "WON": "reinstatement", "CWO": "credit-write-on"}
_DEBITS = frozenset({"WON", "CWO"})
"""Codes that debit the tenant's account: a reinstated debt, and a credit that is no longer there."""
_SATURDAY = 5
_BANK_HOLIDAYS = holidays.country_holidays("GB", subdiv="ENG")
"""As far as the installed `holidays` knows them; those of which a council is told by its settings are not among them."""

_POSTED = """
SELECT journal.id, journal.code, journal.posted_at, journal.effective_date, journal.case_id AS line, journal.decision_id, accepted.key,
       EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = journal.id) AS undone,
       (SELECT min(undoing.posted_at) FROM journal AS undoing WHERE undoing.reverses = journal.id) AS undone_at,
       array_agg(entry.account ORDER BY entry.line) FILTER (WHERE account.tenancy IS NOT NULL) AS accounts,
       array_agg(entry.element ORDER BY entry.line) FILTER (WHERE account.tenancy IS NOT NULL) AS elements,
       array_agg(entry.amount_pence ORDER BY entry.line) FILTER (WHERE account.tenancy IS NOT NULL) AS amounts,
       array_agg(DISTINCT account.kind) FILTER (WHERE account.tenancy IS NOT NULL) AS account_kinds,
       array_agg(DISTINCT account.reference) FILTER (WHERE account.tenancy IS NULL) AS against
FROM journal JOIN entry ON entry.journal = journal.id JOIN account ON account.id = entry.account
LEFT JOIN accepted_posting AS accepted ON accepted.journal = journal.id
WHERE journal.reverses IS NULL AND (journal.code IN ('WOF', 'WON', 'CWO') OR accepted.key LIKE 'write-off/%')
GROUP BY journal.id, accepted.key ORDER BY journal.seq
"""
_LINES = """
SELECT line.schedule, line.line, line.content, line.content_hash, line.standing, line.journal, line.amount_pence,
       proposal.raised_by, proposal.account, proposal.undoes
FROM schedule_line AS line JOIN proposal ON proposal.id = line.line
"""
_PARTS = """
SELECT proposal AS line, person, since FROM participant UNION SELECT id, raised_by, raised_at FROM proposal
UNION SELECT proposal, by, at FROM proof UNION SELECT proof.proposal, struck.by, struck.at FROM struck JOIN proof ON proof.id = struck.proof
UNION SELECT line.line, hand.person, hand.since FROM schedule_line AS line JOIN schedule_participant AS hand USING (schedule)
UNION SELECT line.line, schedule.made_by, schedule.made_at FROM schedule_line AS line JOIN schedule ON schedule.id = line.schedule
UNION SELECT line.line, told.by, told.at
FROM schedule_line AS line JOIN schedule ON schedule.id = line.schedule JOIN proof ON proof.kind = ANY ($1::text[])
JOIN proposal AS other ON other.id = proof.proposal AND (other.account = line.account OR line.content -> 'answered_by' ? proof.person::text)
LEFT JOIN struck ON struck.proof = proof.id CROSS JOIN LATERAL (VALUES (proof.by, proof.at), (struck.by, struck.at)) AS told (by, at)
WHERE told.at <= schedule.made_at AND (
  line.content ->> 'kind' = 'reinstatement' OR line.reason = ANY ($2::text[]) OR (line.content ->> 'kind' = 'write-off'
  AND (line.content ->> 'discharged' = 'true' OR line.content ->> 'released_until' IS NOT NULL)))
"""
"""With whoever had a hand in a schedule of it, this one or an earlier one. The last part: of what rests on orders of insolvency, who
brought or struck one of the same people before it was listed, on whichever account.
"""
_OF_INSOLVENCY = [
    "insolvency-order", "discharge", "bankruptcy-annulled", "debt-relief-order-revoked", "voluntary-arrangement-failed",
]  # fmt: skip
_FOR_AN_ORDER = ["bankruptcy", "debt-relief-order", "voluntary-arrangement"]
_BESIDE = """
WITH told AS (
  SELECT proposal, person, since FROM participant WHERE part <> 'brought evidence earlier'
  UNION SELECT id, raised_by, raised_at FROM proposal UNION SELECT proposal, by, at FROM proof
  UNION SELECT proof.proposal, struck.by, struck.at FROM struck JOIN proof ON proof.id = struck.proof
  UNION SELECT line.line, hand.person, hand.since FROM schedule_line AS line JOIN schedule_participant AS hand USING (schedule)
  UNION SELECT line.line, schedule.made_by, schedule.made_at FROM schedule_line AS line JOIN schedule ON schedule.id = line.schedule
)
SELECT line.schedule, line.line, told.person, told.since, CASE WHEN other.status = 'posted' THEN other.closed_at END AS until
FROM schedule_line AS line JOIN proposal AS other ON other.id <> line.line AND other.account = ANY (line.beside || line.account)
JOIN told ON told.proposal = other.id
UNION SELECT line.schedule, line.line, heard.by, heard.at, NULL
FROM schedule_line AS line JOIN proposal AS other ON other.account = ANY (line.beside) JOIN proof ON proof.proposal = other.id
LEFT JOIN struck ON struck.proof = proof.id CROSS JOIN LATERAL (VALUES (proof.by, proof.at), (struck.by, struck.at)) AS heard (by, at)
WHERE heard.by IS NOT NULL AND line.reason = 'untraceable' AND proof.kind = ANY ($1::text[])
  AND (proof.person IS NULL OR line.content -> 'answered_by' ? proof.person::text)
"""
"""Who took part in another proposal about the same people, on whichever of their accounts, until that was posted; and, without an end, who
brought or struck what is heard of them there, which goes on speaking against that they are untraceable.
"""
_HEARD_OF = ["letter-answered", "contact", "executor-reply", "found"]
_SHOWN = "SELECT task_id, line, content_hash FROM schedule_task_line"
_EXCEPTED = "SELECT decision_id, line FROM decision_exception"
_HEARD = """
SELECT heard.*, EXISTS (SELECT FROM heard_recall AS recall WHERE recall.decision = heard.decision) AS recalled FROM heard_write_off AS heard
"""
_HEARD_LINES = "SELECT decision, line, content_hash FROM heard_write_off_line"


async def _posted(books: Books) -> list[Any]:
    if "write_offs" not in books.kept:
        books.kept["write_offs"] = await books.ledger.fetch(_POSTED)
    found: list[Any] = books.kept["write_offs"]
    return found


async def _lines(books: Books) -> dict[tuple[UUID, UUID], Any]:
    """By schedule and line."""
    return {(row["schedule"], row["line"]): row for row in await books.of("writeoffs").fetch(_LINES)}


# --- what was posted was approved, by hash, by somebody else ----------------------------------------------------------------------------


async def _approved(books: Books) -> Finding:
    posted, made, lines = await _posted(books), await decisions(books), await _lines(books)
    shown: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    for row in await books.approvals.fetch(_SHOWN):
        shown[row["task_id"]][row["line"]] = row["content_hash"]
    excepted: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await books.approvals.fetch(_EXCEPTED):
        excepted[row["decision_id"]].add(row["line"])
    part: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.of("writeoffs").fetch(_PARTS, _OF_INSOLVENCY, _FOR_AN_ORDER):
        part[row["line"]].append(row)
    beside: dict[tuple[UUID, UUID], list[Any]] = defaultdict(list)
    for row in await books.of("writeoffs").fetch(_BESIDE, _HEARD_OF):
        beside[row["schedule"], row["line"]].append(row)
    refunds = await requests_beside(books)
    ended = await heard_not_carried_out(books)
    broken = await _by_whoever_stands_behind(books, posted, made)
    for journal in posted:
        last = made.get(journal["decision_id"])
        if last is None or last["kind"] != "write-off":
            broken.append(f"journal {journal['id']}: no decision on a schedule stands behind it")
            continue
        line = lines.get((last["case_id"], journal["line"]))
        if line is None:
            broken.append(f"journal {journal['id']}: its line is on no schedule")
            continue
        why = [*_not_decided(journal, last, made, shown, excepted), *_not_as_approved(journal, line, shown[last["task_id"]])]
        if journal["decision_id"] in ended and journal["posted_at"] > ended[journal["decision_id"]]:
            why.append("the ledger had heard before the posting that its approval came to nothing")
        why += _by_their_own(journal, last, made, part[journal["line"]])
        why += _by_theirs_of_another(last, made, beside[last["case_id"], journal["line"]])
        asked = refunds.people_on(journal["accounts"] or (), last["decided_at"]) if journal["code"] == "CWO" else set[str]()
        deciders = {person for row in _round_of(last, made) for person in people_of(row)}
        why += [f"{person} took part in a refund request for it and decided it" for person in sorted(asked & deciders)]
        broken += [f"journal {journal['id']}: {one}" for one in why]
    return finding(len(posted), broken)


def _round_of(last: Any, made: Mapping[UUID, Any]) -> list[Any]:
    """The approvals of the round that the last decision completes."""
    here = (last["case_id"], last["attempt"], last["round"])
    return [row for row in made.values() if (row["case_id"], row["attempt"], row["round"]) == here and row["answer"] == "approved"]


def _not_decided(
    journal: Any, last: Any, made: Mapping[UUID, Any], shown: Mapping[UUID, Mapping[UUID, str]], excepted: Mapping[UUID, set[UUID]]
) -> list[str]:
    round_ = [row for row in _round_of(last, made) if row["decided_at"] <= journal["posted_at"]]
    day = journal["posted_at"].astimezone(LONDON).date()
    deciders = [person for row in round_ for person in people_of(row)]
    rules = (
        (last["answer"] == "approved" and last["completes"], f"decision {last['id']} does not complete an approval"),
        ({row["stage"] for row in round_} == set(range(1, last["stages"] + 1)), "not every stage was approved before the posting"),
        (len(set(deciders)) == len(deciders), "one person, or one person's authority, decided two stages"),
        (journal["line"] in shown[last["task_id"]], f"decision {last['id']} was not shown this line"),
        (not any(journal["line"] in excepted[row["id"]] for row in round_), "a decision had left this line out"),
        (
            all(row["recalled_at"] is None or row["recalled_at"] > journal["posted_at"] for row in round_),
            "a decision was taken back before the posting",
        ),
        (all(row["carried_out_from"] <= day for row in round_), "it was posted while the decision could still be called in"),
        (all(map(_waits_out_its_call_in, round_)), "a decision names a day on which it could still be called in"),
    )
    return [why for kept, why in rules if not kept]


def _waits_out_its_call_in(row: Any) -> bool:
    """The day that a decision names comes after its call-in, in working days of England from the day after it was made."""
    last = row["decided_at"].astimezone(LONDON).date()
    for _ in range(row["call_in_working_days"] or 0):
        last += timedelta(days=1)
        while last.weekday() >= _SATURDAY or last in _BANK_HOLIDAYS:
            last += timedelta(days=1)
    return not row["call_in_working_days"] or bool(row["carried_out_from"] > last)


def _not_as_approved(journal: Any, line: Any, shown: Mapping[UUID, str]) -> list[str]:
    """The journal moves what the line says, and the line is the one whose hash was decided on."""
    content = json.loads(line["content"])
    sign = 1 if journal["code"] in _DEBITS else -1
    wanted = sorted((part["element"], sign * part["amount_pence"]) for part in content["parts"])
    against = {"WOF": "BAD_DEBT_PROVISION", "WON": "BAD_DEBT_PROVISION", "CWO": "CREDITS_WRITTEN_ON"}.get(journal["code"])
    rules = (
        (_hash(content) == line["content_hash"] == shown.get(journal["line"]), "its line is not the one that was decided on"),
        (_KINDS.get(journal["code"]) == content["kind"], "it is of another kind than its line"),
        ({str(account) for account in journal["accounts"] or ()} == {content["account"]}, "it moves another account than its line"),
        (sorted(zip(journal["elements"] or (), journal["amounts"] or (), strict=True)) == wanted, "it moves other amounts than its line"),
        (list(journal["against"] or ()) == [against], "it is posted against another account than its kind is"),
        (journal["code"] != "WOF" or "HBO" not in (journal["account_kinds"] or ()), "it took overpaid Housing Benefit from the provision"),
        (journal["key"] == f"write-off/{journal['line']}/{content['attempt']}", "it was posted under another key than its line's"),
    )
    return [why for kept, why in rules if not kept]


def _hash(content: Any) -> str:
    """The content hash as contracts/approvals.py says: SHA-256 of the message's JSON with sorted keys and no spaces."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def _by_their_own(journal: Any, last: Any, made: Mapping[UUID, Any], parts: Sequence[Any]) -> list[str]:
    """What somebody strikes afterwards was there when it was posted: whoever decided it may find later that it was wrong."""
    deciders = {person for row in _round_of(last, made) for person in people_of(row)}
    took_part = {part["person"] for part in parts if part["since"] <= journal["posted_at"]}
    return [f"{person} took part in it and decided it" for person in sorted(deciders & took_part)]


def _by_theirs_of_another(last: Any, made: Mapping[UUID, Any], parts: Sequence[Any]) -> list[str]:
    """As it was when the last of them decided: what was posted by then was decided, and gone."""
    deciders = {person for row in _round_of(last, made) for person in people_of(row)}
    then = last["decided_at"]
    took_part = {part["person"] for part in parts if part["since"] <= then and (part["until"] is None or part["until"] > then)}
    return [f"{person} took part in another proposal of the same people and decided it" for person in sorted(deciders & took_part)]


async def _by_whoever_stands_behind(books: Books, posted: list[Any], made: Mapping[UUID, Any]) -> list[str]:
    """Nobody decided who had changed what it rests on, on the account or on another of the same people, when the last of them decided."""
    with_decision = [journal for journal in posted if journal["decision_id"] in made and journal["accounts"]]
    decided = [Decided(journal["accounts"][0], made[journal["decision_id"]]["decided_at"]) for journal in with_decision]
    broken = []
    for journal, who in zip(with_decision, await behind(books, decided), strict=True):
        deciders = {person for row in _round_of(made[journal["decision_id"]], made) for person in people_of(row)}
        for person in sorted(deciders & who.keys()):
            broken.append(f"journal {journal['id']}: {person} decided it and had {' and '.join(sorted(who[person]))}")
    return broken


# --- the register is the books ----------------------------------------------------------------------------------------------------------

_REGISTER = "SELECT * FROM register"


async def _register(books: Books) -> Finding:
    """What was posted is registered with its amount and day. The ledger's snapshot is the later one, and a chunk may be on its way back."""
    posted = {row["id"]: row for row in await _posted(books)}
    rows = {row["journal"]: row for row in await books.of("writeoffs").fetch(_REGISTER)}
    lines = await _lines(books)
    being_posted = {line["line"] for line in lines.values() if line["standing"] in ("listed", "posting")}
    broken = []
    for id_, row in rows.items():
        journal = posted.get(id_)
        if journal is None:
            broken.append(f"journal {id_} is in the register and not in the ledger")
            continue
        amount = abs(sum(journal["amounts"] or ()))
        told = (row["proposal"], row["kind"], row["amount_pence"], row["decision"], row["posted_on"])
        same = told == (journal["line"], _KINDS.get(journal["code"]), amount, journal["decision_id"], journal["effective_date"])
        if not same or not _stands_as_registered(row, journal):
            broken.append(f"journal {id_} stands otherwise in the register than in the ledger")
    broken += [
        f"journal {id_} is in the ledger and not in the register"
        for id_, row in posted.items()
        if id_ not in rows and row["line"] not in being_posted
    ]
    return finding(len(posted) + len(rows), broken)


def _stands_as_registered(row: Any, journal: Any) -> bool:
    """A debt comes back by a reinstatement alone, a credit by the reversal of its journal, of which the register may not have heard yet.

    It does so on the London day on which that was posted. Of the first that came back nobody kept the day.
    """
    if row["kind"] != "credit-write-on":
        return not journal["undone"]
    if row["reinstated_pence"] == 0:
        return row["came_back_on"] is None
    came_back = journal["undone"] and row["reinstated_pence"] == row["amount_pence"]
    return bool(came_back) and row["came_back_on"] in (None, journal["undone_at"].astimezone(LONDON).date())


_TAKEN_BACK = """
SELECT proposal.account, proof.person FROM proof JOIN proposal ON proposal.id = proof.proposal
WHERE proof.kind IN ('bankruptcy-annulled', 'debt-relief-order-revoked', 'voluntary-arrangement-failed')
   OR (proof.kind IN ('insolvency-order', 'discharge') AND EXISTS (SELECT FROM struck WHERE struck.proof = proof.id))
"""
"""Also what was struck since: it spoke when it was decided."""
_OF_UNDONE_CHARGES = """
SELECT part.write_off, sum(part.amount_pence)::bigint AS pence FROM written_off_charge AS part
JOIN journal AS undoing ON undoing.reverses = part.charge GROUP BY part.write_off
"""
_THEIRS = "SELECT account.id FROM account JOIN tenant USING (tenancy) WHERE tenant.person = any($1::uuid[])"


async def _taken_back(books: Books) -> set[UUID]:
    """The accounts of whose people somebody has noted that an order was taken back, there or on another account."""
    rows = await books.of("writeoffs").fetch(_TAKEN_BACK)
    people = [row["person"] for row in rows if row["person"] is not None]
    return {row["account"] for row in rows} | {row["id"] for row in await books.ledger.fetch(_THEIRS, people)}


async def _put_back(books: Books) -> Finding:
    """Of each written-off debt no more was put back than was written off, and of a discharged one nothing.

    Unless what was decided says that the release stands no longer, or it is of charges that were undone.
    """
    rows = await books.of("writeoffs").fetch(_REGISTER)
    named, undone = await _named(books), await _taken_back(books)
    nobodys = {row["write_off"]: row["pence"] for row in await books.ledger.fetch(_OF_UNDONE_CHARGES)}
    back: dict[UUID, int] = defaultdict(int)
    released: dict[UUID, int] = defaultdict(int)
    broken = []
    for row in rows:
        if row["undoes"] is None:
            continue
        back[row["undoes"]] += row["amount_pence"]
        decided = bool((named.get(row["journal"]) or {}).get("release_undone"))
        if not decided:
            released[row["undoes"]] += row["amount_pence"]
        if decided and row["account"] not in undone:
            broken.append(f"journal {row['journal']}: nobody noted that an order was taken back")
        if row["release_undone"] != decided:
            broken.append(f"journal {row['journal']}: whether a release stands no longer is not as it was decided")
    written = {row["journal"]: row for row in rows if row["kind"] == "write-off"}
    broken += [f"what journal {id_} put back is no registered write-off" for id_ in back if id_ not in written]
    for id_, row in written.items():
        rules = (
            (back[id_] <= row["amount_pence"], "more was put back than was written off"),
            (back[id_] == row["reinstated_pence"], "what was put back is not what the register says"),
            (not row["discharged"] or released[id_] <= nobodys.get(id_, 0), "a discharged debt was put back"),
        )
        broken += [f"write-off {id_}: {why}" for kept, why in rules if not kept]
    return finding(len(written), broken)


# --- of each charge ---------------------------------------------------------------------------------------------------------------------

_CHARGES = """
SELECT part.write_off, part.charge, part.element, part.amount_pence, off.account, (
  SELECT coalesce(sum(entry.amount_pence), 0)::bigint FROM entry
  WHERE entry.journal = part.charge AND entry.account = off.account AND entry.element = part.element AND entry.amount_pence > 0
) AS charged_pence
FROM written_off_charge AS part JOIN written_off AS off ON off.journal = part.write_off
"""
_GIVEN_BACK = """
SELECT part.reinstatement, part.charge, part.element, part.amount_pence, back.write_off, back.release_undone, off.released_until,
  charge.effective_date AS due_on, EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = charge.id) AS undone
FROM reinstated_charge AS part JOIN reinstatement AS back ON back.journal = part.reinstatement
JOIN written_off AS off ON off.journal = back.write_off JOIN journal AS charge ON charge.id = part.charge
"""
_UNDOES = "SELECT journal, write_off FROM reinstatement"


async def _of_charges(books: Books) -> Finding:
    """What was written off is of the charges that are named, and what was put back is given back to these."""
    taken, given = await books.ledger.fetch(_CHARGES), await books.ledger.fetch(_GIVEN_BACK)
    return finding(
        len(taken) + len(given),
        [*_within_each(taken, given), *await _as_posted(books, taken, given), *await _never_released(books, given)],
    )


def _within_each(taken: Sequence[Any], given: Sequence[Any]) -> Iterable[str]:
    """No more of a charge is gone than it was, and no more came back to it than was gone."""
    came: dict[tuple[UUID, UUID, str], int] = defaultdict(int)
    for row in given:
        came[row["write_off"], row["charge"], row["element"]] += row["amount_pence"]
    gone: dict[tuple[UUID, UUID, str], int] = defaultdict(int)
    charged = {}
    for row in taken:
        back = came.pop((row["write_off"], row["charge"], row["element"]), 0)
        if back > row["amount_pence"]:
            yield f"charge {row['charge']}: more was put back of it than write-off {row['write_off']} took"
        of = (row["account"], row["charge"], row["element"])
        gone[of] += row["amount_pence"] - back
        charged[of] = row["charged_pence"]
    yield from (f"charge {of[1]}: more was written off of it than it was" for of, pence in gone.items() if pence > charged[of])
    yield from (f"charge {charge}: it was given back what write-off {off} never took" for off, charge, _ in came)


async def _as_posted(books: Books, taken: Sequence[Any], given: Sequence[Any]) -> list[str]:
    """A journal is of its charges whole, and of those that its line names. Of the first write-offs nobody kept the charges."""
    posted, undoes = await _posted(books), {row["journal"]: row["write_off"] for row in await books.ledger.fetch(_UNDOES)}
    named = await _named(books)
    of: dict[UUID, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    charges: dict[UUID, set[str]] = defaultdict(set)
    for row in (*((row["write_off"], row) for row in taken), *((row["reinstatement"], row) for row in given)):
        of[row[0]][row[1]["element"]] += row[1]["amount_pence"]
        charges[row[0]].add(str(row[1]["charge"]))
    kept, broken = False, []
    for journal in posted:
        id_ = journal["id"]
        if journal["code"] not in ("WOF", "WON"):
            continue
        kept = kept or (journal["code"] == "WOF" and id_ in of)
        if id_ not in of and not (kept if journal["code"] == "WOF" else undoes.get(id_) in of):
            continue
        moved: dict[str, int] = defaultdict(int)
        for element, pence in zip(journal["elements"] or (), journal["amounts"] or (), strict=True):
            moved[element] += abs(pence)
        if dict(of[id_]) != dict(moved):
            broken.append(f"journal {id_} is not of the charges that it moves")
        if (content := named.get(id_)) and content.get("charges") and set(content["charges"]) != charges[id_]:
            broken.append(f"journal {id_} is of other charges than its line names")
    return broken


async def _never_released(books: Books, given: Sequence[Any]) -> list[str]:
    """What fell due by the day of an order that was known is never owed again, unless what was decided says that it was taken back.

    Nobody owes a charge that was undone, whenever it fell due.
    """
    named, broken = await _named(books), []
    for row in given:
        line = named.get(row["reinstatement"]) or {}
        told, undone = line.get("released_until"), bool(line.get("release_undone"))
        if row["release_undone"] != undone:
            broken.append(f"journal {row['reinstatement']}: whether a release stands no longer is not as it was decided")
        then = None if undone else row["released_until"]
        days = [day for day in (then, date.fromisoformat(told) if told else None) if day is not None]
        if not row["undone"] and any(row["due_on"] <= day for day in days):
            broken.append(f"charge {row['charge']}: journal {row['reinstatement']} put back what an order had released")
    return broken


_LEFT_OF_UNDONE = """
SELECT part.charge, off.account, (sum(part.amount_pence) - coalesce((
  SELECT sum(given.amount_pence) FROM reinstated_charge AS given JOIN reinstatement AS back ON back.journal = given.reinstatement
  WHERE back.write_off = part.write_off AND given.charge = part.charge
), 0))::bigint AS left_pence
FROM written_off_charge AS part JOIN written_off AS off ON off.journal = part.write_off
JOIN journal AS undoing ON undoing.reverses = part.charge
GROUP BY part.write_off, part.charge, off.account
"""
_PROPOSED = "SELECT account FROM proposal WHERE closed_at IS NULL OR again_on IS NOT NULL"


async def _undone(books: Books) -> Finding:
    """What is left written off of an undone charge is a credit that nobody paid. An account has one open proposal: where that is about
    something else, what is left is proposed once it is closed. What a person has set aside is proposed again on its day.
    """
    rows = await books.ledger.fetch(_LEFT_OF_UNDONE)
    proposed = {row["account"] for row in await books.of("writeoffs").fetch(_PROPOSED)}
    return finding(
        len(rows),
        [
            f"charge {row['charge']} was undone, and {row['left_pence']} of it stay written off without an open proposal on its account"
            for row in rows
            if row["left_pence"] and row["account"] not in proposed
        ],
    )


async def _named(books: Books) -> dict[UUID, Any]:
    """The content of each posted journal's line."""
    made, lines = await decisions(books), await _lines(books)
    found = {}
    for journal in await _posted(books):
        last = made.get(journal["decision_id"])
        line = lines.get((last["case_id"], journal["line"])) if last is not None else None
        if line is not None:
            found[journal["id"]] = json.loads(line["content"])
    return found


# --- and the ledger believes nothing else -----------------------------------------------------------------------------------------------


async def _heard(books: Books) -> Finding:
    """The decisions on schedules that the ledger believes are approvals' own, with the lines that they let through."""
    made = await decisions(books)
    shown: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    for row in await books.approvals.fetch(_SHOWN):
        shown[row["task_id"]][row["line"]] = row["content_hash"]
    lines: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    for row in await books.ledger.fetch(_HEARD_LINES):
        lines[row["decision"]][row["line"]] = row["content_hash"]
    heard = await books.ledger.fetch(_HEARD)
    broken = []
    for row in heard:
        last = made.get(row["decision"])
        if last is None or last["kind"] != "write-off":
            broken.append(f"the ledger heard decision {row['decision']} on a schedule, which is not in approvals")
            continue
        same = ("content_hash", "answer", "completes")
        if any(row[name] != last[name] for name in same) or row["schedule"] != last["case_id"]:
            broken.append(f"the ledger heard decision {row['decision']} otherwise than it was made")
        if not lines[row["decision"]].items() <= shown[last["task_id"]].items():
            broken.append(f"the ledger heard of lines that decision {row['decision']} was not shown")
        if row["recalled"] and last["recalled_at"] is None:
            broken.append(f"the ledger heard that decision {row['decision']} was taken back, and it was not")
    return finding(len(heard), [*broken, *await ended_otherwise(books, "write-off")])


PROMISES = (
    Promise("write-offs-heard", "the ledger believes approvals' own decisions on schedules and no others", _heard),
    Promise(
        "written-off",
        "no write-off without an approval of that very line by others than those who proposed it or stand behind it",
        _approved,
    ),
    Promise("register", "the register of write-offs is what the ledger posted", _register),
    Promise("charges-written-off", "a write-off is of its charges; no more of one is gone, or comes back, than there was", _of_charges),
    Promise("undone-charges", "of a charge that was undone nothing stays written off that nobody is asked to put back", _undone),
    Promise("put-back", "no more is put back than was written off, and of a debt that stays discharged nothing", _put_back),
)
