"""Who stands behind what is to be decided: everyone who changed what a refund or a write-off rests on (domain.md 4, check 9; 5.3).

One list for both. It knows no time limit where somebody said something of an account: a hold that was lifted years ago is as much the
reason why nothing stands in the way now as one that was lifted today. Entries count as far as the balance rests on them.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction

from ledger.queries.owed import UNTIL_NOW, newest_entries

_BEHIND = sa.text("""
WITH asked AS (
  SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS date[]), CAST(:own AS boolean[]), CAST(:in_credit AS boolean[]))
    AS asked (account, since, own, in_credit)
), moment AS (
  SELECT CAST(:until AS timestamptz) AS until
), homes AS (
  SELECT DISTINCT tenancy FROM account WHERE id IN (SELECT account FROM asked)
), resting AS (
  SELECT asked.own, entry.journal FROM asked JOIN entry ON entry.account = asked.account JOIN journal ON journal.id = entry.journal
  WHERE journal.posted_at <= (SELECT until FROM moment)
    AND greatest(journal.effective_date, (journal.posted_at AT TIME ZONE 'Europe/London')::date) >= asked.since
  UNION SELECT true, unnest(CAST(:journals AS uuid[]))
), came AS (
  SELECT journal FROM resting UNION SELECT item FROM suspense_clearing WHERE journal IN (SELECT journal FROM resting)
), told AS (
  SELECT coalesce(again.first, came.journal) AS journal FROM came LEFT JOIN posted_again AS again ON again.journal = came.journal
), earlier AS (
  SELECT repeats AS journal FROM posted_again WHERE first IN (SELECT journal FROM told)
), stayed AS (
  SELECT entry.journal, entry.amount_pence FROM resting JOIN entry ON entry.journal = resting.journal
  JOIN journal ON journal.id = entry.journal AND journal.reverses IS NULL
  JOIN asked ON asked.account = entry.account AND asked.own AND asked.in_credit
  WHERE resting.own AND entry.amount_pence < 0
), amounts AS (
  SELECT amount_pence FROM stayed UNION SELECT -item.amount_pence FROM stayed
  LEFT JOIN suspense_clearing AS moved ON moved.journal = stayed.journal
  JOIN suspense_item AS item ON item.journal = coalesce(moved.item, stayed.journal)
)
SELECT DISTINCT by FROM (
  SELECT journal.actor, journal.posted_at FROM resting JOIN journal ON journal.id = resting.journal WHERE resting.own
  UNION ALL SELECT bank_file.uploaded_by, bank_file.uploaded_at FROM bank_file JOIN bank_file_line AS line ON line.bank_file = bank_file.id
    WHERE line.journal IN (SELECT journal FROM told)
  UNION ALL SELECT cleared_by, cleared_at FROM suspense_clearing WHERE item IN (SELECT journal FROM earlier)
  UNION ALL SELECT matched_by, matched_at FROM matched_return WHERE payment IN (SELECT journal FROM earlier)
  UNION ALL SELECT said.matched_by, said.matched_at FROM matched_return AS said JOIN suspense_item AS back ON back.journal = said.item
    WHERE back.amount_pence IN (SELECT amount_pence FROM amounts)
      AND NOT EXISTS (SELECT FROM unmatched_return AS unsaid WHERE unsaid.item = said.item
        AND unsaid.unmatched_at <= (SELECT until FROM moment))
  UNION ALL SELECT journal.actor, journal.posted_at FROM asked JOIN entry ON entry.account = asked.account
    JOIN journal ON journal.id = entry.journal AND journal.reverses IS NOT NULL WHERE NOT asked.own
  UNION ALL SELECT cleared_by, cleared_at FROM suspense_clearing JOIN asked ON asked.account = suspense_clearing.account
    WHERE NOT asked.own
  UNION ALL SELECT unnest(ARRAY[set_by, lifted_by]), unnest(ARRAY[set_at, lifted_at]) FROM account_hold
    WHERE account IN (SELECT account FROM asked)
  UNION ALL SELECT unnest(ARRAY[noted_by, decided_by]), unnest(ARRAY[noted_at, decided_at]) FROM housing_benefit_claim
    WHERE account IN (SELECT account FROM asked)
  UNION ALL SELECT unnest(ARRAY[noted_by, ended_by]), unnest(ARRAY[noted_at, ended_at]) FROM payment_plan
    WHERE account IN (SELECT account FROM asked)
  UNION ALL SELECT by, at FROM tenancy_ending WHERE tenancy IN (SELECT tenancy FROM homes)
  UNION ALL SELECT by, at FROM letter_address WHERE tenancy IN (SELECT tenancy FROM homes)
  UNION ALL SELECT note.by, note.at FROM death_note AS note JOIN tenant ON tenant.person = note.person
    WHERE tenant.tenancy IN (SELECT tenancy FROM homes)
) AS changes (by, at) WHERE by <> 'system' AND at <= (SELECT until FROM moment)
""")
_WRITTEN_OFF_SINCE = sa.text("""
SELECT written_off.account, min(journal.effective_date) AS since FROM written_off JOIN journal ON journal.id = written_off.journal
WHERE written_off.account = ANY (CAST(:ids AS uuid[])) AND journal.posted_at <= CAST(:until AS timestamptz)
  AND written_off.amount_pence > (
    SELECT coalesce(sum(put.amount_pence), 0) FROM reinstatement AS put JOIN journal AS back ON back.id = put.journal
    WHERE put.write_off = written_off.journal AND back.posted_at <= CAST(:until AS timestamptz)
  )
GROUP BY written_off.account
""")
_NEWEST_DAY = sa.text("""
SELECT entry.account, max(greatest(journal.effective_date, (journal.posted_at AT TIME ZONE 'Europe/London')::date)) AS since
FROM entry JOIN journal ON journal.id = entry.journal
WHERE entry.account = ANY (CAST(:ids AS uuid[])) AND journal.posted_at <= CAST(:until AS timestamptz) GROUP BY entry.account
""")
_BALANCES = sa.text("""
SELECT entry.account, CAST(sum(entry.amount_pence) AS bigint) AS pence FROM entry JOIN journal ON journal.id = entry.journal
WHERE entry.account = ANY (CAST(:ids AS uuid[])) AND journal.posted_at <= CAST(:until AS timestamptz) GROUP BY entry.account
""")


async def behind_debts(
    tx: Transaction, own: Mapping[UUID, int], linked: Mapping[UUID, int], *, until: datetime = UNTIL_NOW
) -> frozenset[str]:
    """Staff behind what write-offs, reinstatements and credits written on of these accounts rest on; balances in pence.

    `own`: whoever posted on one of them since the oldest entry that makes up its balance (a reversal of a receipt moves a debt as much as
    a charge does), or since the debt was written off that may be put back, and whoever brought the bank file that such an entry came in.
    `linked`: the other accounts of the same people, whose credit and debt are read too: whoever undid an entry there, moved money there
    from suspense, or brought the bank file of an entry behind their balance.
    On all of them: whoever set or lifted a hold, noted or decided a benefit claim, agreed or ended a payment plan, changed the end of the
    tenancy, noted where letters go, which are evidence once they are sent, or noted a death.
    `until`: by what had happened at that moment, when the balances were these.
    """
    in_credit = [id_ for id_, pence in own.items() if pence < 0]
    return await _behind(tx, await _resting_since(tx, own, until), await _resting_since(tx, linked, until), (), in_credit, until)


async def behind_credit(
    tx: Transaction, account: UUID, journals: Collection[UUID], linked: Mapping[UUID, int], *, until: datetime = UNTIL_NOW
) -> frozenset[str]:
    """Staff behind a credit, or behind what may be refunded of it; balances in pence.

    `journals`: the entries on which the credit rests. Whoever posted one of them or brought the bank file that it came in, also by way of
    suspense; whoever said of a return that another payment of a credit's amount came back, and so that this one did not; and whoever moved
    or matched a credit that was posted again. Of what was changed on the account and on its people's others, with whose debts the refund
    is offset, the same as in `behind_debts` (domain.md 4, checks 1, 5, 6, 8 and 9).
    """
    return await _behind(tx, {account: None}, await _resting_since(tx, linked, until), journals, [account], until)


async def balances_at(tx: Transaction, ids: Collection[UUID], until: datetime) -> dict[UUID, int]:
    """What these accounts owed, or had in credit (pence, below nothing), by what was posted at a moment."""
    told = {"ids": list(ids), "until": until}
    return dict.fromkeys(ids, 0) | {row.account: row.pence for row in await tx.connection.execute(_BALANCES, told)}


async def _behind(
    tx: Transaction,
    own: Mapping[UUID, date | None],
    linked: Mapping[UUID, date | None],
    journals: Collection[UUID],
    in_credit: Collection[UUID],
    until: datetime,
) -> frozenset[str]:
    """Each account with the day since which its entries count; none where they are named as `journals`. One may be own and linked."""
    since = [*own.items(), *linked.items()]
    asked = {
        "ids": [id_ for id_, _ in since],
        "since": [day for _, day in since],
        "own": [place < len(own) for place in range(len(since))],
        "in_credit": [id_ in in_credit for id_, _ in since],
        "journals": list(journals),
        "until": until,
    }
    return frozenset(await tx.connection.scalars(_BEHIND, asked))


async def _resting_since(tx: Transaction, balances: Mapping[UUID, int], until: datetime) -> dict[UUID, date | None]:
    """The day of the oldest entry that makes up each balance, of the last one where it is nil, or of a write-off that stands.

    A balance of nothing rests on what brought it there: a debt that was paid, a credit that was taken back.
    """
    owed = {id_: pence for id_, pence in balances.items() if pence > 0}
    behind = await newest_entries(tx, owed, sign=1, posted_by=until)
    behind |= await newest_entries(tx, {id_: -pence for id_, pence in balances.items() if pence < 0}, sign=-1, posted_by=until)
    since: dict[UUID, date | None] = dict.fromkeys(balances)
    since |= {id_: min(each.due_on for each in entries) for id_, entries in behind.items()}
    nil = [id_ for id_, pence in balances.items() if not pence]
    since |= {row.account: row.since for row in await tx.connection.execute(_NEWEST_DAY, {"ids": nil, "until": until})}
    for row in await tx.connection.execute(_WRITTEN_OFF_SINCE, {"ids": list(balances), "until": until}):
        since[row.account] = min(row.since, since[row.account] or row.since)
    return since
