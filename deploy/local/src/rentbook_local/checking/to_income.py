"""The promises of credit that goes to income: only what nobody claimed in all those years goes there, and nobody comes to owe it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from datetime import date
from itertools import accumulate
from typing import Any
from uuid import UUID

from rentbook_local.checking.approval import LONDON
from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

_MOVED = """
SELECT journal.id, journal.seq, journal.code, journal.effective_date, journal.posted_at, journal.reverses, entry.account,
       sum(entry.amount_pence) AS pence
FROM entry JOIN journal ON journal.id = entry.journal
WHERE entry.account IN (
  SELECT entry.account FROM entry JOIN journal ON journal.id = entry.journal JOIN account ON account.id = entry.account
  WHERE journal.code = 'CWO' AND account.tenancy IS NOT NULL)
GROUP BY journal.id, entry.account ORDER BY journal.seq
"""
_OWED_ELSEWHERE = """
WITH answers AS (
  SELECT tenant.tenancy, tenant.person FROM tenant JOIN tenancy ON tenancy.id = tenant.tenancy
  WHERE tenant.until IS NULL OR tenant.until >= tenancy.ended_on)
SELECT other.id FROM account JOIN answers AS mine ON mine.tenancy = account.tenancy
JOIN answers AS theirs ON theirs.person = mine.person JOIN account AS other ON other.tenancy = theirs.tenancy AND other.id <> account.id
JOIN entry ON entry.account = other.id JOIN journal ON journal.id = entry.journal AND journal.seq < $2
WHERE account.id = $1 GROUP BY other.id, mine.person HAVING sum(entry.amount_pence) > 0
"""
_TOLD = """
SELECT headers ->> 'ce_type' AS type, key, body FROM outbox_event WHERE topic = 'ledger.accounts'
  AND headers ->> 'ce_type' IN ('ledger.credit-asked-for.v1', 'ledger.credit-written-on.v1', 'ledger.journal-reversed.v1')
ORDER BY key, aggregate_version
"""
_PUT_BACK = """
SELECT id FROM journal
WHERE code = 'CWO' AND reverses IS NOT NULL AND actor = 'system' AND narrative = 'put back: its refund was asked for'
"""
_POLICIES = "SELECT in_force_from, (figures ->> 'unclaimed_after_years')::int AS years FROM policy ORDER BY in_force_from"


async def _by_account(books: Books) -> dict[UUID, list[Any]]:
    """What moved each account of which credit ever went to income, in the order of posting."""
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in await books.ledger.fetch(_MOVED):
        found[row["account"]].append(row)
    return found


def _goes_to_income(row: Any) -> bool:
    return bool(row["code"] == "CWO" and row["reverses"] is None)


# --- what goes there --------------------------------------------------------------------------------------------------------------------


async def _unclaimed(books: Books) -> Finding:
    moved = await _by_account(books)
    put_back = {row["id"] for row in await books.ledger.fetch(_PUT_BACK)}
    asked, unasked = await _asked_for(books, put_back)
    policies = [(row["in_force_from"], row["years"]) for row in await books.of("writeoffs").fetch(_POLICIES)]
    gone = [row for rows in moved.values() for row in rows if _goes_to_income(row)]
    broken = []
    for row in gone:
        day = row["posted_at"].astimezone(LONDON).date()
        since = _years_before(day, [years for from_, years in policies if from_ <= day][-1])
        stood = _stood(moved[row["account"]], row["seq"], since)
        if row["pence"] > stood:
            broken.append(f"journal {row['id']}: {row['pence']} went to income, of which {stood} had stood since {since}")
        if await books.ledger.fetch(_OWED_ELSEWHERE, row["account"], row["seq"]):
            broken.append(f"journal {row['id']}: the same people owed on another account, which the credit could have paid")
        if row["id"] in asked:
            broken.append(f"journal {row['id']}: the credit went to income while its refund was asked for")
    broken += [f"journal {journal}: the credit was put back for a refund that nobody asked for any more" for journal in sorted(unasked)]
    return finding(len(gone) + len(put_back), broken)


def _years_before(day: date, years: int) -> date:
    """The last day on which a credit began that is so many years old on a day."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _stood(rows: Iterable[Any], seq: int, since: date) -> int:
    """The lowest credit from a day on, by effective date, less all that went to income before this journal: that was the oldest of it."""
    before = [row for row in rows if row["seq"] < seq]
    gone: int = sum(row["pence"] for row in before if _goes_to_income(row))
    by_day: dict[date, int] = defaultdict(int)
    for row in before:
        if not _goes_to_income(row):
            by_day[max(row["effective_date"], since)] -= row["pence"]
    by_day[since] += 0
    return min(accumulate(by_day[day] for day in sorted(by_day))) - gone


async def _asked_for(books: Books, put_back: Set[UUID]) -> tuple[set[UUID], set[UUID]]:
    """The journals that took credit to income while an open case asked for it, and those of `put_back` for which none did any more.

    As the ledger itself told of each account in turn. Of one of which no case was told yet it can't say that none asked.
    """
    asking: dict[str, set[str]] = {}
    while_asked, unasked = set(), set()
    for row in await books.ledger.fetch(_TOLD):
        told = json.loads(row["body"])
        if row["type"] == "ledger.credit-written-on.v1":
            while_asked |= {UUID(told["journal"])} if asking.get(row["key"]) else set()
        elif row["type"] == "ledger.journal-reversed.v1":
            unasked |= {UUID(told["journal"])} & put_back if asking.get(row["key"]) == set() else set()
        elif told["asked"]:
            asking.setdefault(row["key"], set()).add(told["case"])
        else:
            asking.setdefault(row["key"], set()).discard(told["case"])
    return while_asked, unasked


# --- and how it comes back --------------------------------------------------------------------------------------------------------------


async def _given_back(books: Books) -> Finding:
    """Of what one transaction undid or put back on an account, with what it gave back there."""
    broken, looked_at = [], 0
    for account, rows in (await _by_account(books)).items():
        balance = standing = 0
        for together in _by_transaction(rows):
            given = -sum(row["pence"] for row in together if row["code"] == "CWO" and row["reverses"] is not None)
            undone = sum(row["pence"] for row in together if row["pence"] > 0 and (row["reverses"] is not None or row["code"] == "WON"))
            balance += sum(row["pence"] for row in together)
            short = min(undone, balance + given, standing)
            if undone:
                looked_at += 1
            if short > given:
                broken.append(
                    f"account {account} came to owe {short} of what is at income, by journal {together[0]['id']}; {given} came back"
                )
            standing += sum(row["pence"] for row in together if _goes_to_income(row)) - given
    return finding(looked_at, broken)


def _by_transaction(rows: Sequence[Any]) -> Iterable[list[Any]]:
    """Journals that were posted at the same instant were posted together."""
    found: dict[Any, list[Any]] = {}
    for row in rows:
        found.setdefault(row["posted_at"], []).append(row)
    return found.values()


PROMISES = (
    Promise(
        "unclaimed",
        "credit goes to income as far as nobody claimed it in all those years, and while the same people owe nothing",
        _unclaimed,
    ),
    Promise("given-back", "nobody comes to owe what went to income because a payment was undone or a debt put back", _given_back),
)
