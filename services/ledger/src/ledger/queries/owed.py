"""What accounts still owe, charge by charge, for many accounts at once."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction

from ledger.domain.debt import Debit, still_owed

_NEWEST = sa.text("""
WITH asked AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:pence AS bigint[])) AS asked (account, wanted_pence)),
gone AS (
  SELECT account, charge, element, sum(pence) AS pence FROM (
    SELECT off.account, part.charge, part.element, part.amount_pence AS pence
    FROM asked JOIN written_off AS off ON off.account = asked.account JOIN journal ON journal.id = off.journal
    JOIN written_off_charge AS part ON part.write_off = off.journal
    WHERE journal.effective_date <= :as_at AND journal.posted_at <= CAST(:posted_by AS timestamptz)
    UNION ALL
    SELECT off.account, part.charge, part.element, -part.amount_pence
    FROM asked JOIN written_off AS off ON off.account = asked.account JOIN reinstatement AS back ON back.write_off = off.journal
    JOIN journal ON journal.id = back.journal
    JOIN reinstated_charge AS part ON part.reinstatement = back.journal
    WHERE journal.effective_date <= :as_at AND journal.posted_at <= CAST(:posted_by AS timestamptz)
  ) AS moved WHERE CAST(:sign AS integer) = 1 GROUP BY account, charge, element
),
posted AS (
  SELECT entry.account, entry.journal, entry.element, max(entry.line) AS line, journal.effective_date, journal.seq, asked.wanted_pence,
    sum(CAST(:sign AS integer) * entry.amount_pence) AS pence
  FROM asked JOIN entry ON entry.account = asked.account JOIN journal ON journal.id = entry.journal
  WHERE CAST(:sign AS integer) * entry.amount_pence > 0 AND journal.effective_date <= :as_at AND journal.reverses IS NULL
    AND journal.posted_at <= CAST(:posted_by AS timestamptz)
    AND NOT EXISTS (SELECT FROM journal AS reversal WHERE reversal.reverses = journal.id AND reversal.effective_date <= :as_at
      AND reversal.posted_at <= CAST(:posted_by AS timestamptz))
    AND NOT EXISTS (SELECT FROM reinstatement WHERE reinstatement.journal = journal.id) AND journal.code <> 'CWO'
  GROUP BY entry.account, entry.journal, entry.element, journal.effective_date, journal.seq, asked.wanted_pence
),
stands AS (
  SELECT posted.account, journal, posted.element, line, effective_date, seq, wanted_pence, posted.pence - coalesce(gone.pence, 0) AS pence
  FROM posted LEFT JOIN gone ON gone.account = posted.account AND gone.charge = posted.journal AND gone.element = posted.element
  WHERE posted.pence > coalesce(gone.pence, 0)
),
moved AS (
  SELECT *, sum(pence) OVER (PARTITION BY account ORDER BY effective_date DESC, seq DESC, line DESC) AS reached_pence FROM stands
)
SELECT account, journal, element, effective_date, CAST(pence AS bigint) AS pence FROM moved WHERE reached_pence - pence < wanted_pence
ORDER BY account, effective_date DESC, seq DESC, line DESC
""")
# Of each account only the newest entries that make up its balance, so that a long history costs no more than it has to. What was written
# off of a charge is gone from that very charge, whatever was paid since. A credit that went to income is no charge: `give_back` sees to it
# that nobody owes for it.

EVER = date.max
UNTIL_NOW = datetime.max.replace(tzinfo=UTC)
"""A moment by which all that is in the books was posted."""


async def owed_by_account(tx: Transaction, balances: Mapping[UUID, int], *, as_at: date = EVER) -> dict[UUID, tuple[Debit, ...]]:
    """What is owed of each debit, oldest first, for accounts with these balances (pence) on a day; nothing where a balance is no debt."""
    newest = await newest_entries(tx, {account: balance for account, balance in balances.items() if balance > 0}, sign=1, as_at=as_at)
    return {account: still_owed(newest[account], balances[account]) for account in balances}


async def newest_entries(
    tx: Transaction, wanted: Mapping[UUID, int], *, sign: Literal[1, -1], as_at: date = EVER, posted_by: datetime = UNTIL_NOW
) -> dict[UUID, list[Debit]]:
    """The newest debits, or with sign -1 credits, that make up these amounts (pence, without a sign), newest first.

    `posted_by`: as the books were at that moment, before whatever was posted since.
    """
    newest: dict[UUID, list[Debit]] = defaultdict(list)
    told = {"ids": list(wanted), "pence": list(wanted.values()), "as_at": as_at, "posted_by": posted_by, "sign": sign}
    for row in await tx.connection.execute(_NEWEST, told):
        newest[row.account].append(Debit(row.journal, row.element, row.effective_date, row.pence))
    return newest
