"""The promise of the provision: what was posted is what the rates in force make of the debts of its month's end (domain.md 2.5)."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

NEWEST = 12
"""Months' ends that are worked out again: each reads all entries."""

_POSTED = """
SELECT posted.month_end, posted.report, posted.posted_at, posted.journal, journal.seq, journal.code, journal.effective_date,
  (SELECT version FROM provision_policy WHERE in_force_from <= posted.month_end ORDER BY in_force_from DESC LIMIT 1) AS version
FROM posted_provision AS posted LEFT JOIN journal ON journal.id = posted.journal ORDER BY posted.month_end DESC
"""
_RATES = """
SELECT policy.version, rate.status, rate.from_days, rate.basis_points
FROM provision_policy AS policy JOIN provision_rate AS rate USING (in_force_from) ORDER BY rate.status, rate.from_days
"""
_LEGS = """
SELECT account.reference, sum(entry.amount_pence)::bigint AS pence FROM entry JOIN account ON account.id = entry.account
WHERE entry.journal = $1 GROUP BY account.reference
"""
_HELD = """
SELECT coalesce(-sum(entry.amount_pence), 0)::bigint FROM entry JOIN journal ON journal.id = entry.journal
JOIN account ON account.id = entry.account
WHERE account.reference = 'BAD_DEBT_PROVISION' AND journal.effective_date <= $1 AND journal.seq < $2
"""
_OWED = """
WITH seen AS (SELECT * FROM journal WHERE effective_date <= $1 AND seq < $2), balance AS (
  SELECT entry.account, sum(entry.amount_pence) AS pence FROM seen JOIN entry ON entry.journal = seen.id
  JOIN account ON account.id = entry.account AND account.tenancy IS NOT NULL AND account.kind <> 'HBO'
  GROUP BY entry.account HAVING sum(entry.amount_pence) > 0
), gone AS (
  SELECT charge, element, sum(pence) AS pence FROM (
    SELECT part.charge, part.element, part.amount_pence AS pence
    FROM written_off_charge AS part JOIN seen ON seen.id = part.write_off
    UNION ALL SELECT part.charge, part.element, -part.amount_pence
    FROM reinstated_charge AS part JOIN seen ON seen.id = part.reinstatement
  ) AS moved GROUP BY charge, element
), charge AS (
  SELECT entry.account, seen.effective_date, seen.seq, max(entry.line) AS line,
    sum(entry.amount_pence) - coalesce(max(gone.pence), 0) AS pence
  FROM seen JOIN entry ON entry.journal = seen.id AND entry.amount_pence > 0 JOIN balance ON balance.account = entry.account
  LEFT JOIN gone ON gone.charge = seen.id AND gone.element = entry.element
  WHERE seen.reverses IS NULL AND seen.code <> 'CWO' AND NOT EXISTS (SELECT FROM seen AS undoing WHERE undoing.reverses = seen.id)
    AND NOT EXISTS (SELECT FROM reinstatement WHERE reinstatement.journal = seen.id)
  GROUP BY entry.account, seen.id, seen.effective_date, seen.seq, entry.element
), later AS (
  SELECT *, coalesce(sum(pence) OVER (
    PARTITION BY account ORDER BY effective_date DESC, seq DESC, line DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
  ), 0) AS pence_after
  FROM charge WHERE pence > 0
)
SELECT CASE WHEN account.kind = 'USEOCC' THEN coalesce(tenancy.keys_returned_on <= $1, account.status IN ('FORMER', 'CLOSED'))
            ELSE coalesce(tenancy.ended_on <= $1, false) END AS former,
  EXISTS (SELECT FROM tenancy_ending AS changed WHERE changed.tenancy = tenancy.id AND changed.at > $3) AS unsure,
  greatest($1 - later.effective_date, 0) AS age, sum(least(later.pence, balance.pence - later.pence_after))::bigint AS pence
FROM later JOIN balance ON balance.account = later.account JOIN account ON account.id = later.account
JOIN tenancy ON tenancy.id = account.tenancy
WHERE later.pence_after < balance.pence GROUP BY 1, 2, 3
"""
"""What was owed on that day by what had been posted before, of each charge that credits had not reached, the oldest paid first; by tenant
status and days since it fell due. `unsure`: the tenancy's end was changed since, and nobody kept what it was before."""


async def _provided(books: Books) -> Finding:
    posted = await books.ledger.fetch(_POSTED)
    rates: dict[str, list[Any]] = defaultdict(list)
    for row in await books.ledger.fetch(_RATES):
        rates[row["version"]].append(row)
    broken = []
    for at, row in enumerate(posted):
        report = json.loads(row["report"])
        faults = list(_as_reckoned(row, report, rates[row["version"]]))
        if row["journal"] is not None:
            faults += _as_posted(report, row, {leg["reference"]: leg["pence"] for leg in await books.ledger.fetch(_LEGS, row["journal"])})
        if row["seq"] is not None and at < NEWEST:
            held = await books.ledger.fetchval(_HELD, row["month_end"], row["seq"])
            owed = await books.ledger.fetch(_OWED, row["month_end"], row["seq"], row["posted_at"])
            faults += _as_owed(report, held, owed)
        broken += [f"provision of {row['month_end']}: {why}" for why in faults]
    return finding(len(posted), broken)


def _as_reckoned(row: Any, report: Mapping[str, Any], rates: Sequence[Any]) -> Iterable[str]:
    """By its own figures: the rates of the policy in force on its day, each cell rounded half up, and what is missing."""
    cells = {(cell["status"], cell["from_days"]): cell for cell in report["rows"]}
    wanted = sum(_half_up(cell["owed_pence"] * cell["rate_basis_points"]) for cell in cells.values())
    rules = (
        (report["month_end"] == row["month_end"].isoformat(), "its report is of another day"),
        (report["policy_version"] == row["version"], "it is by other rates than were in force"),
        (
            {key: cell["rate_basis_points"] for key, cell in cells.items()}
            == {(rate["status"], rate["from_days"]): rate["basis_points"] for rate in rates},
            "its rates are not those of the policy",
        ),
        (
            all(cell["expected_loss_pence"] == _half_up(cell["owed_pence"] * cell["rate_basis_points"]) for cell in cells.values()),
            "a cell is not what its rate makes of what is owed",
        ),
        (report["wanted_pence"] == wanted, f"{report['wanted_pence']} was wanted, and its cells make {wanted}"),
        (report["to_post_pence"] == report["wanted_pence"] - report["held_pence"], "what it posts is not what was missing"),
        ((row["journal"] is None) == (report["to_post_pence"] == 0), "it has no journal, or one of nothing"),
    )
    return [why for kept, why in rules if not kept]


def _half_up(hundredths_of_pence: int) -> int:
    return (2 * hundredths_of_pence + 10_000) // 20_000


def _as_posted(report: Mapping[str, Any], row: Any, legs: Mapping[str, int]) -> Iterable[str]:
    pence: int = report["to_post_pence"]
    if (row["code"], row["effective_date"]) != ("PRV", row["month_end"]) or legs != {
        "BAD_DEBT_EXPENSE": pence,
        "BAD_DEBT_PROVISION": -pence,
    }:
        yield "its journal posts something else"


def _as_owed(report: Mapping[str, Any], held: int, owed: Sequence[Any]) -> Iterable[str]:
    """Where it is not known of a tenancy whether it had ended, what was owed on it may be in a cell of either status."""
    if report["held_pence"] != held:
        yield f"{report['held_pence']} was said to be held, and the books held {held}"
    said = {(cell["status"], cell["from_days"]): cell["owed_pence"] for cell in report["rows"]}
    found = dict.fromkeys(said, 0)
    for row in owed:
        status = "former" if row["former"] else "current"
        found[max(band for band in said if band[0] == status and band[1] <= row["age"])] += row["pence"]
    if sum(said.values()) != sum(found.values()):
        yield f"{sum(said.values())} was said to be owed, and the books say {sum(found.values())}"
    unsure = sum(row["pence"] for row in owed if row["unsure"])
    for (status, days), pence in said.items():
        if abs(pence - found[status, days]) > unsure:
            yield f"{pence} was said to be owed by {status} tenants from {days} days on, and the books say {found[status, days]}"


PROMISES = (Promise("provision", "every posted provision is what the rates in force make of what was owed at its month's end", _provided),)
