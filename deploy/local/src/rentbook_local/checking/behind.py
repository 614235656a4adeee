"""Who stands behind what was decided, by the ledger's rows at that moment: everyone who changed what it rests on (decision 7).

Told here once more and not asked of the ledger, whose answer is what is examined.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rentbook_local.checking.books import Books

_BEHIND = """
WITH asked AS (
  SELECT * FROM unnest($1::integer[], $2::uuid[], $3::timestamptz[], $4::boolean[]) AS asked (n, account, at, by_balance)
), theirs AS (
  SELECT n, account, at, true AS own FROM asked
  UNION SELECT asked.n, other.id, asked.at, false FROM asked JOIN account AS mine ON mine.id = asked.account
    JOIN tenant AS me ON me.tenancy = mine.tenancy JOIN tenancy AS here ON here.id = me.tenancy
    JOIN tenant AS same ON same.person = me.person JOIN tenancy AS there ON there.id = same.tenancy
    JOIN account AS other ON other.tenancy = same.tenancy AND other.id <> asked.account
    WHERE (me.until IS NULL OR me.until >= here.ended_on) AND (same.until IS NULL OR same.until >= there.ended_on)
), changes AS (
  SELECT account, set_by AS by, set_at AS at, 'set a hold' AS what FROM account_hold
  UNION ALL SELECT account, lifted_by, lifted_at, 'lifted a hold' FROM account_hold
  UNION ALL SELECT account, noted_by, noted_at, 'noted a benefit claim' FROM housing_benefit_claim
  UNION ALL SELECT account, decided_by, decided_at, 'decided a benefit claim' FROM housing_benefit_claim
  UNION ALL SELECT account, noted_by, noted_at, 'agreed a payment plan' FROM payment_plan
  UNION ALL SELECT account, ended_by, ended_at, 'ended a payment plan' FROM payment_plan
  UNION ALL SELECT account.id, one.by, one.at, 'changed the end of the tenancy'
    FROM tenancy_ending AS one JOIN account ON account.tenancy = one.tenancy
  UNION ALL SELECT account.id, one.by, one.at, 'noted where letters go'
    FROM letter_address AS one JOIN account ON account.tenancy = one.tenancy
  UNION ALL SELECT account.id, one.by, one.at, 'noted a death'
    FROM death_note AS one JOIN tenant ON tenant.person = one.person JOIN account ON account.tenancy = tenant.tenancy
), balances AS MATERIALIZED (
  SELECT theirs.*, was.balance, was.newest FROM theirs CROSS JOIN LATERAL (
    SELECT sum(entry.amount_pence) AS balance,
      max(greatest(journal.effective_date, (journal.posted_at AT TIME ZONE 'Europe/London')::date)) AS newest
    FROM entry JOIN journal ON journal.id = entry.journal WHERE entry.account = theirs.account AND journal.posted_at <= theirs.at
  ) AS was
), since AS MATERIALIZED (
  SELECT balances.*, least(
    CASE WHEN balance = 0 THEN newest ELSE (
      SELECT min(moved.effective_date) FROM (
        SELECT journal.effective_date, entry.amount_pence AS pence,
          sum(entry.amount_pence) OVER (ORDER BY journal.effective_date DESC, journal.seq DESC, entry.line DESC) AS reached
        FROM entry JOIN journal ON journal.id = entry.journal
        WHERE entry.account = balances.account AND journal.posted_at <= balances.at AND journal.reverses IS NULL
          AND sign(entry.amount_pence) = sign(balances.balance)
          AND NOT EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = journal.id AND undoing.posted_at <= balances.at)
          AND NOT EXISTS (SELECT FROM reinstatement WHERE reinstatement.journal = journal.id) AND journal.code <> 'CWO'
      ) AS moved WHERE abs(moved.reached - moved.pence) < abs(balances.balance)) END,
    (SELECT min(off.effective_date) FROM written_off JOIN journal AS off ON off.id = written_off.journal
      WHERE written_off.account = balances.account AND off.posted_at <= balances.at AND written_off.amount_pence > coalesce((
        SELECT sum(back.amount_pence) FROM reinstatement AS back JOIN journal ON journal.id = back.journal
        WHERE back.write_off = written_off.journal AND journal.posted_at <= balances.at), 0))
  ) AS day FROM balances
), resting AS MATERIALIZED (
  SELECT since.n, since.at, since.own, entry.journal FROM since JOIN asked USING (n)
  JOIN entry ON entry.account = since.account JOIN journal ON journal.id = entry.journal
  WHERE (asked.by_balance OR NOT since.own) AND journal.posted_at <= since.at
    AND greatest(journal.effective_date, (journal.posted_at AT TIME ZONE 'Europe/London')::date) >= since.day
  UNION SELECT named.n, asked.at, true, named.journal FROM unnest($5::integer[], $6::uuid[]) AS named (n, journal) JOIN asked USING (n)
), came AS (
  SELECT n, at, journal FROM resting
  UNION SELECT n, at, item FROM resting JOIN suspense_clearing USING (journal)
), told AS (
  SELECT came.n, came.at, coalesce(again.first, came.journal) AS journal FROM came LEFT JOIN posted_again AS again USING (journal)
), earlier AS (
  SELECT told.n, told.at, again.repeats AS journal FROM told JOIN posted_again AS again ON again.first = told.journal
), stayed AS (
  SELECT resting.n, resting.at, entry.amount_pence, moved.item, resting.journal FROM resting
  JOIN asked USING (n) JOIN balances ON balances.n = asked.n AND balances.own AND balances.balance < 0
  JOIN entry ON (entry.journal, entry.account) = (resting.journal, asked.account) AND entry.amount_pence < 0
  JOIN journal ON journal.id = resting.journal AND journal.reverses IS NULL
  LEFT JOIN suspense_clearing AS moved ON moved.journal = resting.journal WHERE resting.own
), amounts AS (
  SELECT n, at, amount_pence FROM stayed
  UNION SELECT n, at, -item.amount_pence FROM stayed JOIN suspense_item AS item ON item.journal = coalesce(stayed.item, stayed.journal)
)
SELECT theirs.n, changes.by, changes.what FROM theirs JOIN changes ON changes.account = theirs.account AND changes.at <= theirs.at
UNION SELECT theirs.n, journal.actor, 'undid an entry of another account'
  FROM theirs JOIN entry ON entry.account = theirs.account JOIN journal ON journal.id = entry.journal
  WHERE NOT theirs.own AND journal.reverses IS NOT NULL AND journal.posted_at <= theirs.at
UNION SELECT theirs.n, moved.cleared_by, 'moved money onto another account'
  FROM theirs JOIN suspense_clearing AS moved ON moved.account = theirs.account WHERE NOT theirs.own AND moved.cleared_at <= theirs.at
UNION SELECT resting.n, journal.actor AS by, 'posted an entry behind it' AS what
  FROM resting JOIN journal ON journal.id = resting.journal WHERE resting.own
UNION SELECT told.n, file.uploaded_by, 'brought a bank file behind it'
  FROM told JOIN bank_file_line AS line ON line.journal = told.journal JOIN bank_file AS file ON file.id = line.bank_file
UNION SELECT earlier.n, moved.cleared_by, 'moved what is posted again'
  FROM earlier JOIN suspense_clearing AS moved ON moved.item = earlier.journal AND moved.cleared_at <= earlier.at
UNION SELECT earlier.n, said.matched_by, 'matched what is posted again'
  FROM earlier JOIN matched_return AS said ON said.payment = earlier.journal AND said.matched_at <= earlier.at
UNION SELECT amounts.n, said.matched_by, 'said that another payment came back'
  FROM amounts JOIN suspense_item AS back USING (amount_pence) JOIN matched_return AS said ON said.item = back.journal
  WHERE said.matched_at <= amounts.at
    AND NOT EXISTS (SELECT FROM unmatched_return AS unsaid WHERE unsaid.item = said.item AND unsaid.unmatched_at <= amounts.at)
"""
"""`theirs`: the accounts that were asked for, and the others for which one of the same people answers. `balances`: as they were at that
moment. `since`: the day from which a balance rests on the entries."""


@dataclass(frozen=True)
class Decided:
    """What was decided about an account, when. `rests_on`: the entries behind it; where None, those that made up the balance then."""

    account: UUID
    at: datetime
    rests_on: tuple[UUID, ...] | None = None


async def behind(books: Books, decided: Sequence[Decided]) -> Sequence[Mapping[str, frozenset[str]]]:
    """For each, what everybody did who stood behind it then, by person and in words."""
    asked = (
        [*range(len(decided))],
        [one.account for one in decided],
        [one.at for one in decided],
        [one.rests_on is None for one in decided],
    )
    named = [(n, journal) for n, one in enumerate(decided) for journal in one.rests_on or ()]
    found: list[dict[str, set[str]]] = [defaultdict(set) for _ in decided]
    for row in await books.ledger.fetch(_BEHIND, *asked, [n for n, _ in named], [journal for _, journal in named]):
        if row["by"] not in (None, "system"):
            found[row["n"]][row["by"]].add(row["what"])
    return [{person: frozenset(what) for person, what in one.items()} for one in found]
