"""The promise that a decision covered all that the same people owed when its line was posted, whatever total was recorded for them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rentbook_local.checking.approval import decisions
from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

_POSTED = """
SELECT journal.id, journal.seq, journal.posted_at, journal.code, journal.decision_id, entry.account,
  abs(sum(entry.amount_pence))::bigint AS pence,
  back.write_off, off.debtor_total_pence AS kept_pence, undone.debtor_total_pence AS undone_kept_pence, (
    (journal.posted_at AT TIME ZONE 'Europe/London')::date - make_interval(months => (
      SELECT policy.debtor_total_months FROM ledger_policy AS policy
      WHERE policy.in_force_from <= (journal.posted_at AT TIME ZONE 'Europe/London')::date ORDER BY policy.in_force_from DESC LIMIT 1))
  )::date AS counts_after
FROM journal JOIN entry ON entry.journal = journal.id JOIN account ON account.id = entry.account AND account.tenancy IS NOT NULL
LEFT JOIN written_off AS off ON off.journal = journal.id LEFT JOIN reinstatement AS back ON back.journal = journal.id
LEFT JOIN written_off AS undone ON undone.journal = back.write_off
WHERE journal.reverses IS NULL AND journal.code IN ('WOF', 'WON', 'CWO')
GROUP BY journal.id, entry.account, back.write_off, off.debtor_total_pence, undone.debtor_total_pence
"""
_BALANCES = """
WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS asked (journal, account)), answers AS (
  SELECT tenant.tenancy, tenant.person, CASE WHEN tenant.until IS NOT NULL THEN (
    SELECT max(changed.at) FROM tenancy_ending AS changed WHERE changed.tenancy = tenant.tenancy) END AS known_at
  FROM tenant JOIN tenancy ON tenancy.id = tenant.tenancy WHERE tenant.until IS NULL OR tenant.until >= tenancy.ended_on
), theirs AS (
  SELECT asked.journal, asked.account FROM asked
  UNION SELECT asked.journal, other.id FROM asked JOIN journal ON journal.id = asked.journal JOIN account AS mine ON mine.id = asked.account
    JOIN answers AS me ON me.tenancy = mine.tenancy JOIN answers AS same ON same.person = me.person
    JOIN account AS other ON other.tenancy = same.tenancy
  WHERE coalesce(greatest(me.known_at, same.known_at) <= journal.posted_at, true)
)
SELECT theirs.journal, theirs.account, coalesce(sum(entry.amount_pence), 0)::bigint AS pence
FROM theirs JOIN journal AS posted ON posted.id = theirs.journal
LEFT JOIN (entry JOIN journal ON journal.id = entry.journal)
  ON entry.account = theirs.account AND journal.seq < posted.seq AND journal.posted_at <> posted.posted_at
GROUP BY theirs.journal, theirs.account
"""
"""What stood on each account of the same people before a journal and all that was posted together with it. Somebody who had left a tenancy
counts where its end was not changed since: until then they may have answered for none of it."""
_CAME_BACK = """
SELECT back.write_off AS of, journal.seq, journal.posted_at, back.amount_pence AS pence
FROM reinstatement AS back JOIN journal ON journal.id = back.journal
UNION ALL SELECT undoing.reverses, undoing.seq, undoing.posted_at, (sum(entry.amount_pence) FILTER (WHERE entry.amount_pence > 0))::bigint
FROM journal AS undoing JOIN journal AS undone ON undone.id = undoing.reverses AND undone.code = 'CWO'
JOIN entry ON entry.journal = undoing.id GROUP BY undoing.id
"""
_GONE = """
SELECT journal.id, journal.seq, journal.posted_at, journal.code, journal.effective_date, entry.account,
  abs(sum(entry.amount_pence))::bigint AS pence
FROM journal JOIN entry ON entry.journal = journal.id JOIN account ON account.id = entry.account AND account.tenancy IS NOT NULL
WHERE journal.reverses IS NULL AND journal.code IN ('WOF', 'CWO') GROUP BY journal.id, entry.account
"""
_BANDS = "SELECT policy_id, from_pence, to_pence FROM authority WHERE act = 'decide'"


async def _covered(books: Books) -> Finding:
    """The ledger's rows at the posting say what they owed; approvals' table of that day, up to where the decision's band goes."""
    posted, made = await books.ledger.fetch(_POSTED), await decisions(books)
    bands: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.approvals.fetch(_BANDS):
        bands[row["policy_id"]].append(row)
    totals = await _totals(books, posted)
    broken = []
    for row in posted:
        total, last = totals[row["id"]], made.get(row["decision_id"])
        if row["kept_pence"] is not None and row["kept_pence"] < total:
            broken.append(f"journal {row['id']}: the ledger kept a debtor's total of {row['kept_pence']}, which was {total}")
        # A journal without its decision breaks another promise.
        covers = _covers(bands[last["policy_in_force"]], last["amount_pence"]) if last is not None else None
        if covers is not None and covers < total:
            broken.append(f"decision {row['decision_id']} covers up to {covers}: the total behind journal {row['id']} was {total}")
    return finding(len(posted), broken)


def _covers(bands: Sequence[Any], pence: int) -> int | None:
    """Up to where the table asks for the same sequence of decisions as for this amount; None where it does so without end."""
    ends = [band["to_pence"] for band in bands if band["to_pence"] is not None and band["from_pence"] <= pence <= band["to_pence"]]
    return min([*ends, *(band["from_pence"] - 1 for band in bands if band["from_pence"] > pence)], default=None)


async def _totals(books: Books, posted: Sequence[Any]) -> Mapping[UUID, int]:
    """By journal: debts on all accounts of the same people, and what of theirs was written off within the window and not put back.

    Of credits the same. What is put back counts by all that is left of its write-off, however old, and by what that was decided with.
    """
    balances: dict[UUID, dict[UUID, int]] = defaultdict(dict)
    for row in await books.ledger.fetch(_BALANCES, [row["id"] for row in posted], [row["account"] for row in posted]):
        balances[row["journal"]][row["account"]] = row["pence"]
    gone: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.ledger.fetch(_GONE):
        gone[row["account"]].append(row)
    back: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.ledger.fetch(_CAME_BACK):
        back[row["of"]].append(row)
    totals: dict[UUID, int] = {}
    for row in posted:
        sign, code = (-1, "CWO") if row["code"] == "CWO" else (1, "WOF")
        standing = sum(max(sign * pence, 0) for pence in balances[row["id"]].values())
        lately = sum(
            each["pence"] - sum(one["pence"] for one in back[each["id"]] if _before(one, row))
            for account in balances[row["id"]]
            for each in gone[account]
            if each["code"] == code and _before(each, row) and _counts(each, row)
        )
        totals[row["id"]] = max(standing + lately, row["pence"], row["undone_kept_pence"] or 0)
    return totals


def _before(one: Any, row: Any) -> bool:
    """What was posted together with it, at the same instant, was not there yet when its lines were looked at."""
    return bool(one["seq"] < row["seq"] and one["posted_at"] != row["posted_at"])


def _counts(gone: Any, row: Any) -> bool:
    """What was written off counts for a time; what is put back of it, always. Of the first write-offs nobody kept the total."""
    put_back = gone["id"] == row["write_off"] and row["undone_kept_pence"] is not None
    return bool(gone["effective_date"] > row["counts_after"] or put_back)


PROMISES = (
    Promise(
        "debtors-total",
        "whoever let a write-off through had authority for all that the same people owed, with what of theirs went lately",
        _covered,
    ),
)
