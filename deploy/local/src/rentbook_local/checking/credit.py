"""The promises of credit: nothing leaves an account but cleared credit that nobody else had earmarked, and each earmark ends once."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from rentbook_local.checking.books import Books
from rentbook_local.checking.plans import PostedPlan, posted_plans
from rentbook_local.checking.promise import Finding, Promise, finding

_BALANCE = """
SELECT coalesce(sum(entry.amount_pence), 0) FROM entry JOIN journal ON journal.id = entry.journal
WHERE entry.account = $1 AND journal.seq < $2
"""
_UNCLEARED = """
SELECT coalesce(sum(-moved.pence), 0) FROM (
  SELECT sum(entry.amount_pence) AS pence FROM entry JOIN journal ON journal.id = entry.journal
  WHERE entry.account = $1 AND journal.seq < $2 AND journal.cleared_on > $3 AND journal.reverses IS NULL
    AND NOT EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = journal.id AND undoing.seq < $2)
  GROUP BY journal.id
) AS moved WHERE moved.pence < 0
"""
_EARMARK_FACTS = """
SELECT headers ->> 'ce_type' AS type, key, aggregate_version AS version, body::jsonb ->> 'hold' AS hold,
       body::jsonb ->> 'journal' AS journal
FROM outbox_event WHERE topic = 'ledger.accounts'
  AND headers ->> 'ce_type' IN ('ledger.credit-held.v1', 'ledger.credit-freed.v1', 'ledger.refund-posted.v1', 'ledger.transfer-posted.v1')
"""


async def _cleared_credit(books: Books) -> Finding:
    posted, facts = await posted_plans(books), await _earmark_facts(books)
    holds = await _holds(books)
    broken = []
    for plan in posted.plans:
        balance = int(await books.ledger.fetchval(_BALANCE, plan.account, plan.first_seq))
        uncleared = int(await books.ledger.fetchval(_UNCLEARED, plan.account, plan.first_seq, plan.day))
        held = _held_by_others(plan, holds, facts, posted.plans)
        if held is None:
            broken.append(f"{plan}: the ledger told no posting of it")
            continue
        free = max(0, -balance - uncleared - held)
        if plan.total_pence > free:
            broken.append(f"{plan}: {plan.total_pence} left account {plan.account}, whose cleared and free credit was {free}")
        for place, (account, pence) in enumerate(plan.offsets):
            owed = int(await books.ledger.fetchval(_BALANCE, account, plan.first_seq))
            owed -= sum(other for target, other in plan.offsets[:place] if target == account)
            if pence > owed:
                broken.append(f"{plan}: {pence} was offset on account {account}, which owed {owed}")
    return finding(len(posted.plans), broken)


class _Facts:
    """At which version of its account an earmark was placed and freed, and a journal told."""

    def __init__(self) -> None:
        self.placed: dict[str, int] = {}
        self.freed: dict[str, int] = {}
        self.told: dict[tuple[str, str], int] = {}
        self.times: Counter[tuple[str, str]] = Counter()


async def _earmark_facts(books: Books) -> _Facts:
    facts = _Facts()
    for row in await books.ledger.fetch(_EARMARK_FACTS):
        if row["hold"] is None:
            facts.told[row["key"], row["journal"]] = row["version"]
        else:
            kept = facts.placed if row["type"] == "ledger.credit-held.v1" else facts.freed
            kept[row["hold"]] = row["version"]
            facts.times[row["type"], row["hold"]] += 1
    return facts


async def _holds(books: Books) -> list[Any]:
    if "holds" not in books.kept:
        books.kept["holds"] = list(await books.ledger.fetch("SELECT * FROM credit_hold ORDER BY placed_at, id"))
    found: list[Any] = books.kept["holds"]
    return found


def _version_of(plan: PostedPlan, facts: _Facts) -> int | None:
    """The version of the plan's account with which its posting was first told."""
    versions = [facts.told.get((str(plan.account), str(journal))) for journal in plan.journals]
    return min((version for version in versions if version is not None), default=None)


def _held_by_others(plan: PostedPlan, holds: list[Any], facts: _Facts, plans: tuple[PostedPlan, ...]) -> int | None:
    """What other cases had earmarked when the plan was posted. By the versions of the account, which are in the order of its lock."""
    now = _version_of(plan, facts)
    if now is None:
        return None
    # An earmark is used up in the transaction of its posting, so the two bear one time.
    used = {(other.case, other.attempt, other.posted_at): _version_of(other, facts) for other in plans}
    total = 0
    for hold in holds:
        if hold["account"] != plan.account or hold["case_id"] == plan.case:
            continue
        name = str(hold["id"])
        ended = facts.freed.get(name)
        if hold["state"] == "POSTED":
            ended = used.get((hold["case_id"], hold["attempt"], hold["settled_at"]))
        if facts.placed.get(name, 0) < now and (ended is None or ended > now):
            total += int(hold["amount_pence"])
    return total


async def _once(books: Books) -> Finding:
    """Each posted plan used up one earmark of its amount in its own transaction; each earmark was placed once, and freed at most once."""
    holds, posted, facts = await _holds(books), await posted_plans(books), await _earmark_facts(books)
    used: dict[tuple[UUID, int, datetime], list[Any]] = defaultdict(list)
    broken = []
    for hold in holds:
        name = str(hold["id"])
        placed = facts.times["ledger.credit-held.v1", name]
        freed = facts.times["ledger.credit-freed.v1", name]
        if hold["state"] == "POSTED":
            used[hold["case_id"], hold["attempt"], hold["settled_at"]].append(hold)
        if placed != 1 or freed != (hold["state"] == "RELEASED"):
            broken.append(f"earmark {name} is {hold['state'].lower()}: placed {placed} times, freed {freed} times")
    plans = {(plan.case, plan.attempt, plan.posted_at): plan for plan in posted.plans}
    for at in {*used, *plans}:
        plan, mine = plans.get(at), used.get(at, [])
        words = f"case {at[0]} attempt {at[1]}"
        if plan is None or len(mine) != 1:
            broken.append(f"{words} is posted {int(plan is not None)} times and has used up {len(mine)} earmarks")
        elif (mine[0]["account"], mine[0]["amount_pence"]) != (plan.account, plan.total_pence):
            broken.append(f"{words} moved {plan.total_pence} and used up an earmark of {mine[0]['amount_pence']}")
    pending = Counter(hold["case_id"] for hold in holds if hold["state"] == "PENDING")
    broken += [f"case {case} has {times} earmarks at once" for case, times in pending.items() if times > 1]
    return finding(len(holds), broken)


PROMISES = (
    Promise("cleared-credit", "no refund or offset above the credit that was cleared and free at its posting", _cleared_credit),
    Promise("earmarks-once", "every earmark was used up or lifted once", _once),
)
