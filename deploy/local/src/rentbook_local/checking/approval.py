"""The promises of approval: what moved was decided by people with authority, who took no part, on the very content that moved."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rentbook_local.checking.behind import Decided, behind
from rentbook_local.checking.beside import beside
from rentbook_local.checking.books import Books
from rentbook_local.checking.plans import PostedPlan, plan_hash, posted_plans
from rentbook_local.checking.promise import Finding, Promise, finding

LONDON = ZoneInfo("Europe/London")

_DECISIONS = """
SELECT decision.*, task.kind, task.status, task.closed_at, recall.recalled_at,
       authority.policy_id, authority.act, authority.stage AS authority_stage, authority.role,
       authority.from_pence, authority.to_pence, authority.body, authority.call_in_working_days,
       in_force.id AS policy_in_force, in_force.stages AS stages_in_force
FROM decision JOIN task ON task.id = decision.task_id LEFT JOIN recall ON recall.decision_id = decision.id
LEFT JOIN authority ON authority.id = decision.authority_id
LEFT JOIN LATERAL (
  SELECT policy.id, (
    SELECT max(stage) FROM authority AS band WHERE band.policy_id = policy.id AND band.act = 'decide'
      AND band.from_pence <= decision.amount_pence AND (band.to_pence IS NULL OR decision.amount_pence <= band.to_pence)
  ) AS stages
  FROM policy WHERE policy.kind = task.kind AND policy.made_at <= decision.decided_at
    AND policy.in_force_from <= (decision.decided_at AT TIME ZONE 'Europe/London')::date
  ORDER BY policy.in_force_from DESC LIMIT 1
) AS in_force ON true
"""
_DELEGATIONS = """
SELECT delegation.*, ending.ended_at FROM delegation LEFT JOIN delegation_end AS ending ON ending.delegation_id = delegation.id
"""
_STORED_PLANS = "SELECT case_id, attempt, content_hash, plan FROM refund_plan WHERE plan IS NOT NULL ORDER BY made_at"


async def decisions(books: Books) -> dict[UUID, Any]:
    """Every decision with the authority that it names and the policy that was in force when it was made, by its id."""
    if "decisions" not in books.kept:
        books.kept["decisions"] = {row["id"]: row for row in await books.approvals.fetch(_DECISIONS)}
    found: dict[UUID, Any] = books.kept["decisions"]
    return found


def people_of(row: Any) -> set[str]:
    """Who decided, and whoever lent the authority for it."""
    return {row["decided_by"], *row["on_behalf_of"]}


async def stored_plans(books: Books) -> dict[tuple[UUID, int, str], Any]:
    """The plans that refunds made, by case, attempt and hash."""
    if "stored_plans" not in books.kept:
        rows = await books.refunds.fetch(_STORED_PLANS)
        books.kept["stored_plans"] = {(row["case_id"], row["attempt"], row["content_hash"]): json.loads(row["plan"]) for row in rows}
    found: dict[tuple[UUID, int, str], Any] = books.kept["stored_plans"]
    return found


# --- what moved was approved ----------------------------------------------------------------------------------------------------------


async def _approved(books: Books) -> Finding:
    posted, made, stored = await posted_plans(books), await decisions(books), await stored_plans(books)
    ended = await heard_not_carried_out(books)
    broken = list(posted.strays)
    for plan in posted.plans:
        broken += [f"{plan}: {why}" for why in _not_approved(plan, made, stored)]
        if any(decision in ended and plan.posted_at > ended[decision] for decision in plan.decisions):
            broken.append(f"{plan}: the ledger had heard before the posting that its approval came to nothing")
    return finding(posted.journals, broken)


def _not_approved(plan: PostedPlan, made: dict[UUID, Any], stored: dict[tuple[UUID, int, str], Any]) -> list[str]:
    if len(plan.decisions) != 1 or None in plan.decisions:
        return ["its journals do not name one decision"]
    last = made.get(next(iter(plan.decisions)) or UUID(int=0))
    if last is None:
        return ["its decision is not in approvals"]
    why = []
    if not (last["answer"] == "approved" and last["completes"]):
        why.append(f"decision {last['id']} does not complete an approval")
    if (last["kind"], last["case_id"], last["attempt"], last["amount_pence"]) != ("refund", plan.case, plan.attempt, plan.total_pence):
        why.append(f"decision {last['id']} is about something else")
    kept = stored.get((plan.case, plan.attempt, last["content_hash"]))
    if kept is None:
        why.append(f"refunds made no plan with the hash of decision {last['id']}")
    elif plan_hash(plan, kept["payee"], kept["checks_hash"]) != last["content_hash"]:
        why.append(f"what was posted is not what decision {last['id']} approved")
    return why + _stages(plan, last, made.values())


def _stages(plan: PostedPlan, last: Any, made: Iterable[Any]) -> list[str]:
    """Every stage of the round was approved, by different people, and none was taken back before the posting."""
    round_ = [row for row in made if (row["case_id"], row["attempt"], row["round"]) == (plan.case, plan.attempt, last["round"])]
    before = [row for row in round_ if row["answer"] == "approved" and row["decided_at"] <= plan.posted_at]
    why = [
        f"decision {row['id']} was taken back before the posting"
        for row in before
        if row["recalled_at"] is not None and row["recalled_at"] <= plan.posted_at
    ]
    if {row["stage"] for row in before} != set(range(1, last["stages"] + 1)):
        why.append("not every stage was approved before the posting")
    if len({person for row in before for person in people_of(row)}) != sum(len(people_of(row)) for row in before):
        why.append("one person, or one person's authority, decided two stages")
    if any(row["content_hash"] != last["content_hash"] for row in before):
        why.append("its stages approved different plans")
    return why


# --- by people with authority ---------------------------------------------------------------------------------------------------------


MOST_LINKS = 3
OF_AN_OFFICE = ("executive-member", "democratic-services")


async def _authority(books: Books) -> Finding:
    made = await decisions(books)
    lent = {row["id"]: row for row in await books.approvals.fetch(_DELEGATIONS)}
    return finding(len(made), [f"decision {row['id']}: {why}" for row in made.values() for why in _no_authority(row, lent)])


def _no_authority(row: Any, lent: dict[UUID, Any]) -> list[str]:
    chain = [lent.get(id_) for id_ in row["delegations"]]
    held = row["roles"] if not chain else chain[0]["giver_roles"] if chain[0] is not None else []
    rules = (
        (row["policy_id"] is not None and row["policy_id"] == row["policy_in_force"], "its authority was not in force"),
        (row["act"] == "decide" and row["authority_stage"] == row["stage"], "its authority is for another act or stage"),
        (row["role"] in held, "nobody held the role that it rests on"),
        (row["to_pence"] is None or row["amount_pence"] <= row["to_pence"], "the amount is above the limit"),
        (not _too_early(row), "the table asks for this role from a higher amount on"),
        (row["answer"] != "approved" or row["stages"] == row["stages_in_force"], "the table of authority asks for other stages"),
    )
    return [why for kept, why in rules if not kept] + _bad_chain(row, chain)


def _too_early(row: Any) -> bool:
    """Of write-offs a member or a body decides no less than what it is asked for; in a sequence nobody does."""
    if row["kind"] != "write-off" or row["from_pence"] is None or row["from_pence"] <= row["amount_pence"]:
        return False
    return bool(row["stages"] > 1 or row["body"] is not None or row["role"] in OF_AN_OFFICE)


def _bad_chain(row: Any, chain: list[Any]) -> list[str]:
    """Each delegation was in force on that day, each taker gave the next, the last is the decider, and no ceiling is below the amount."""
    if not chain:
        return ["it names people who lent no authority"] if row["on_behalf_of"] else []
    if None in chain:
        return ["it rests on a delegation that is not there"]
    on, people = row["decided_at"].astimezone(LONDON).date(), [link["giver"] for link in chain]
    rules = (
        (len(chain) <= MOST_LINKS, "its chain of delegations is too long"),
        ([link["taker"] for link in chain] == [*people[1:], row["decided_by"]], "its delegations do not lead to the decider"),
        (len({*people, row["decided_by"]}) == len(people) + 1, "its delegations go in a circle"),
        (row["on_behalf_of"] == people, "it names other people than those who lent the authority"),
        (all(link["from_on"] <= on <= link["until_on"] for link in chain), "a delegation was not in force on that day"),
        (all(link["given_at"] <= row["decided_at"] for link in chain), "a delegation was given later"),
        (all(link["ended_at"] is None or row["decided_at"] <= link["ended_at"] for link in chain), "a delegation had ended"),
        (all(row["amount_pence"] <= link["ceiling_pence"] for link in chain), "the amount is above a ceiling of its delegations"),
        (set(row["roles"]) != {"auditor"}, "an auditor decided"),
    )
    return [why for kept, why in rules if not kept]


# --- who took no part -----------------------------------------------------------------------------------------------------------------

_PARTICIPANTS = "SELECT case_id, person, min(at) AS since FROM participant GROUP BY case_id, person"
_OWN_RECORDS = """
SELECT id AS case_id, taken_by AS person, coalesce(asked_at, opened_at) AS since FROM refund_case
UNION ALL SELECT case_id, entered_by, entered_at FROM payee
UNION ALL SELECT case_id, by, at FROM evidence
UNION ALL SELECT case_id, person, since FROM participant
"""
"""Who did something to a case by refunds' own records, which the list in approvals must not lack."""


async def took_part(books: Books) -> dict[UUID, dict[str, Any]]:
    """For each case, who took part in it and since when: approvals' list and refunds' own records together."""
    if "took_part" not in books.kept:
        found: dict[UUID, dict[str, Any]] = defaultdict(dict)
        for row in [*await books.approvals.fetch(_PARTICIPANTS), *await books.refunds.fetch(_OWN_RECORDS)]:
            since = found[row["case_id"]].get(row["person"], row["since"])
            found[row["case_id"]][row["person"]] = min(since, row["since"])
        for people in found.values():
            for nobody in ("", "system"):
                people.pop(nobody, None)
        books.kept["took_part"] = found
    kept: dict[UUID, dict[str, Any]] = books.kept["took_part"]
    return kept


async def _four_eyes(books: Books) -> Finding:
    """Neither a decider nor whoever lent them their authority took part before the decision, nor, where it was carried out, before that."""
    posted, made, parts = await posted_plans(books), await decisions(books), await took_part(books)
    others = await beside(books)
    carried_out = {
        (plan.case, plan.attempt, made[last]["round"]): plan.posted_at for plan in posted.plans for last in plan.decisions if last in made
    }
    broken = []
    for row in made.values():
        stands = row["answer"] == "approved" and row["recalled_at"] is None
        posted_at = carried_out.get((row["case_id"], row["attempt"], row["round"])) if stands else None
        for how, people in (("by", [row["decided_by"]]), ("by authority of", row["on_behalf_of"])):
            since = [at for person in people if (at := parts.get(row["case_id"], {}).get(person)) is not None]
            if any(at <= (posted_at or row["decided_at"]) for at in since):
                broken.append(f"decision {row['id']} on case {row['case_id']} is {how} somebody who took part in the case")
        for person in sorted(people_of(row) & others.people(row["case_id"], row["decided_at"])):
            broken.append(f"decision {row['id']}: {person} took part in another request of the same people that was not paid")
    return finding(len(made), [*broken, *await _behind(books, posted.plans, made)])


_CREDITS = """
SELECT journal.id, journal.actor, journal.seq, sum(entry.amount_pence) AS pence, (
    SELECT max(file.uploaded_by) FROM bank_file AS file JOIN bank_file_line AS line ON line.bank_file = file.id
    WHERE line.journal IN (
      SELECT coalesce(again.first, came.id) FROM (
        SELECT journal.id UNION SELECT item FROM suspense_clearing AS moved WHERE moved.journal = journal.id) AS came
      LEFT JOIN posted_again AS again ON again.journal = came.id)
  ) AS brought_by
FROM journal JOIN entry ON entry.journal = journal.id AND entry.account = $1
WHERE journal.seq < $2 AND journal.reverses IS NULL
  AND NOT EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = journal.id AND undoing.seq < $2)
GROUP BY journal.id HAVING sum(entry.amount_pence) < 0 ORDER BY journal.posted_at DESC, journal.seq DESC
"""


_UNDONE = """
SELECT DISTINCT journal.id, journal.actor FROM journal JOIN entry ON entry.journal = journal.id AND entry.account = $1
WHERE journal.seq < $3 AND journal.reverses IS NOT NULL AND (journal.seq >= $2 OR journal.code = 'CWO')
"""


async def _rests_on(books: Books, plan: PostedPlan) -> tuple[set[UUID], set[str]]:
    """The newest credits that add up to the credit, the entries undone since and credits written on that were put back; and their people:
    who posted one, or brought the file that it came in (domain.md 4, check 9)."""
    balance = await books.ledger.fetchval(
        "SELECT sum(entry.amount_pence) FROM entry JOIN journal ON journal.id = entry.journal"
        " WHERE entry.account = $1 AND journal.seq < $2",
        plan.account, plan.first_seq,
    )  # fmt: skip
    missing, actors, since = -int(balance or 0), set[str](), plan.first_seq
    journals = set[UUID]()
    async for row in books.ledger.cursor(_CREDITS, plan.account, plan.first_seq):
        if missing <= 0:
            break
        journals.add(row["id"])
        actors |= {row["actor"], row["brought_by"]}
        missing += int(row["pence"])
        since = int(row["seq"])
    undone = await books.ledger.fetch(_UNDONE, plan.account, since if missing <= 0 else 0, plan.first_seq)
    return journals | {row["id"] for row in undone}, actors | {row["actor"] for row in undone}


async def _behind(books: Books, plans: Iterable[PostedPlan], made: Mapping[UUID, Any]) -> list[str]:
    """Nobody decided a plan, and nobody released it, who stood behind its credit by then."""
    broken: list[str] = []
    asked: list[tuple[Decided, str, set[str]]] = []
    lines = {(line["case_id"], line["attempt"], line["decision_id"]): line for line in await released_lines(books)}
    for plan in plans:
        journals, actors = await _rests_on(books, plan)
        for end in [made[id_] for id_ in plan.decisions if id_ is not None and id_ in made]:
            here = (end["case_id"], end["attempt"], end["round"])
            round_ = [row for row in made.values() if (row["case_id"], row["attempt"], row["round"]) == here and row["recalled_at"] is None]
            decided = Decided(plan.account, end["decided_at"], tuple(journals))
            for row in round_:
                words = f"decision {row['id']} on {plan} is by somebody who had"
                broken += [f"{words} posted a credit behind it"] if actors & people_of(row) else []
                asked.append((decided, words, people_of(row)))
            line = lines.get((plan.case, plan.attempt, end["id"]))
            if line is not None:
                signed = Decided(plan.account, line["released_at"], tuple(journals))
                asked.append((signed, f"run {line['run']} with {plan} was released by somebody who had", {line["released_by"]}))
    for (_, words, people), who in zip(asked, await behind(books, [one for one, _, _ in asked]), strict=True):
        broken += [f"{words} {' and '.join(sorted(who[person]))}" for person in sorted(people & who.keys())]
    return broken


# --- released by finance --------------------------------------------------------------------------------------------------------------

_RELEASES = """
SELECT release.*, authority.act, authority.role, authority.to_pence, authority.policy_id,
       (SELECT count(*) FROM release_line AS line WHERE line.run = release.run) AS lines_there,
       (SELECT sum(amount_pence) FROM release_line AS line WHERE line.run = release.run) AS pence_there,
       (SELECT policy.id FROM policy WHERE policy.kind = 'refund' AND policy.made_at <= release.released_at
          AND policy.in_force_from <= (release.released_at AT TIME ZONE 'Europe/London')::date
        ORDER BY policy.in_force_from DESC LIMIT 1) AS policy_in_force
FROM release LEFT JOIN authority ON authority.id = release.authority_id
"""
_RELEASED_LINES = "SELECT line.*, release.released_by, release.released_at FROM release_line AS line JOIN release USING (run)"


async def released_lines(books: Books) -> list[Any]:
    """Every line of every release, with who signed it and when."""
    if "released_lines" not in books.kept:
        books.kept["released_lines"] = list(await books.approvals.fetch(_RELEASED_LINES))
    found: list[Any] = books.kept["released_lines"]
    return found


async def _released(books: Books) -> Finding:
    releases, lines = await books.approvals.fetch(_RELEASES), await released_lines(books)
    made, parts, posted, others = await decisions(books), await took_part(books), await posted_plans(books), await beside(books)
    broken = [f"run {row['run']}: {why}" for row in releases for why in _no_release(row)]
    for line in lines:
        broken += [f"run {line['run']}, case {line['case_id']}: {why}" for why in _bad_line(line, made, parts)]
        if line["released_by"] in others.people(line["case_id"], line["released_at"]):
            broken.append(f"run {line['run']}, case {line['case_id']}: whoever released it took part in another request of the same people")
    signed = {(line["case_id"], line["attempt"], line["decision_id"], line["amount_pence"]): line["released_at"] for line in lines}
    for plan in posted.plans:
        at = [signed.get((plan.case, plan.attempt, decision, plan.refund_pence)) for decision in plan.decisions]
        if plan.refund_pence and not any(when is not None and when <= plan.posted_at for when in at):
            broken.append(f"{plan}: its refund was posted and finance had not released it")
    return finding(len(lines), broken)


def _no_release(row: Any) -> list[str]:
    rules = (
        (row["act"] == "release" and row["role"] in row["roles"], "whoever released it held no authority to release"),
        (row["policy_id"] is not None and row["policy_id"] == row["policy_in_force"], "the authority was not in force"),
        (row["to_pence"] is None or row["total_pence"] <= row["to_pence"], "the total is above the limit"),
        ((row["lines"], row["total_pence"]) == (row["lines_there"], row["pence_there"]), "the total is not the sum of its lines"),
    )
    return [why for kept, why in rules if not kept]


def _bad_line(line: Any, made: dict[UUID, Any], parts: dict[UUID, dict[str, Any]]) -> list[str]:
    last = made.get(line["decision_id"])
    if last is None or not (last["answer"] == "approved" and last["completes"]):
        return ["it rests on no approval"]
    by, at = line["released_by"], line["released_at"]
    since = parts.get(line["case_id"], {}).get(by)
    same = (last["case_id"], last["attempt"], last["content_hash"]) == (line["case_id"], line["attempt"], line["content_hash"])
    round_ = [row for row in made.values() if (row["case_id"], row["attempt"]) == (line["case_id"], line["attempt"])]
    deciders = {person for row in round_ for person in people_of(row)}
    rules = (
        (same and line["amount_pence"] <= last["amount_pence"], f"decision {last['id']} approved something else"),
        (last["recalled_at"] is None, f"decision {last['id']} was taken back"),
        (since is None or since > at, "whoever released it took part in the case"),
        (by not in deciders, "whoever released it had decided on it"),
    )
    return [why for kept, why in rules if not kept]


# --- and the ledger believes nothing else ---------------------------------------------------------------------------------------------

_HEARD = """
SELECT heard.*, recall.decision IS NOT NULL AS recalled FROM heard_decision AS heard LEFT JOIN heard_recall AS recall USING (decision)
"""


_NOT_CARRIED_OUT = "SELECT decision, heard_at FROM heard_not_carried_out"


async def heard_not_carried_out(books: Books) -> dict[UUID, Any]:
    """When the ledger heard of each approval that it came to nothing."""
    if "heard_not_carried_out" not in books.kept:
        books.kept["heard_not_carried_out"] = {row["decision"]: row["heard_at"] for row in await books.ledger.fetch(_NOT_CARRIED_OUT)}
    found: dict[UUID, Any] = books.kept["heard_not_carried_out"]
    return found


async def ended_otherwise(books: Books, kind: str) -> list[str]:
    """Of what the ledger heard to have come to nothing: approvals on tasks of this kind that did not. One that nobody gave is of either."""
    made, broken = await decisions(books), []
    for id_ in await heard_not_carried_out(books):
        row = made.get(id_)
        if row is None:
            broken.append(f"the ledger heard that decision {id_} came to nothing, which is not in approvals")
        elif row["kind"] == kind and (row["answer"] != "approved" or row["status"] not in ("NOT_CARRIED_OUT", "VOID")):
            broken.append(f"the ledger heard that decision {id_} came to nothing, and it did not")
    return broken


async def _heard(books: Books) -> Finding:
    """The decisions that the ledger believes are approvals' own, all of them."""
    made, heard = await decisions(books), {row["decision"]: row for row in await books.ledger.fetch(_HEARD)}
    broken = [f"the ledger heard decision {id_}, which is not in approvals" for id_ in heard if id_ not in made]
    for id_, row in made.items():
        told = heard.get(id_)
        same = ("kind", "case_id", "attempt", "content_hash", "answer", "completes")
        if told is None:
            # The snapshot of approvals is the later one: what was decided in between was not heard yet.
            continue
        if any(told[name] != row[name] for name in same):
            broken.append(f"the ledger heard decision {id_} otherwise than it was made")
        if told["recalled"] and row["recalled_at"] is None:
            broken.append(f"the ledger heard that decision {id_} was taken back, and it was not")
    return finding(len(heard), [*broken, *await ended_otherwise(books, "refund")])


PROMISES = (
    Promise("decisions-heard", "the ledger believes approvals' own decisions and no others", _heard),
    Promise("approved", "no refund or offset without a standing approval of that very plan", _approved),
    Promise("authority", "every decision is by somebody with authority at that time", _authority),
    Promise("four-eyes", "nobody decided or released who took part or stands behind the credit", _four_eyes),
    Promise("released", "every refund was released by finance, who took no part and decided nothing", _released),
)
