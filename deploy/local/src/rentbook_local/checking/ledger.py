"""The promises of double entry: what the ledger's rows alone must show."""

from typing import Any

from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, both, finding


async def _looked(books: Books, table: str) -> int:
    return int(await books.ledger.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - names of ours


async def _rows(books: Books, sql: str) -> list[Any]:
    return list(await books.ledger.fetch(sql))


async def _sum_zero(books: Books) -> Finding:
    unbalanced = await _rows(
        books,
        "SELECT journal.id, count(entry.journal) AS entries, coalesce(sum(entry.amount_pence), 0) AS pence FROM journal"
        " LEFT JOIN entry ON entry.journal = journal.id GROUP BY journal.id"
        " HAVING count(entry.journal) < 2 OR sum(entry.amount_pence) <> 0 ORDER BY journal.seq",
    )
    orphans = await _rows(
        books, "SELECT DISTINCT journal FROM entry WHERE NOT EXISTS (SELECT FROM journal WHERE journal.id = entry.journal)"
    )
    broken = [f"journal {row['id']}: {row['entries']} entries with the sum {row['pence']}" for row in unbalanced]
    broken += [f"entries stand under journal {row['journal']}, which is not there" for row in orphans]
    return finding(await _looked(books, "entry"), broken)


async def _balances(books: Books) -> Finding:
    wrong = await _rows(
        books,
        "SELECT account.id, account.balance_pence, coalesce(sums.pence, 0) AS pence FROM account"
        " LEFT JOIN (SELECT account, sum(amount_pence) AS pence FROM entry GROUP BY account) AS sums ON sums.account = account.id"
        " WHERE account.kind NOT IN ('CONTROL', 'SUSPENSE') AND account.balance_pence IS DISTINCT FROM coalesce(sums.pence, 0)"
        " ORDER BY account.id",
    )
    broken = [f"account {row['id']}: the balance is {row['balance_pence']} and its entries add up to {row['pence']}" for row in wrong]
    return finding(await _looked(books, "account"), broken)


async def _one_key(books: Books) -> Finding:
    wrong = await _rows(
        books,
        "SELECT journal.id, count(accepted.key) AS keys FROM journal "
        " LEFT JOIN accepted_posting AS accepted ON accepted.journal = journal.id"
        " GROUP BY journal.id HAVING count(accepted.key) <> 1",
    )
    lost = await _rows(
        books, "SELECT key FROM accepted_posting WHERE NOT EXISTS (SELECT FROM journal WHERE journal.id = accepted_posting.journal)"
    )
    twice = await _rows(books, "SELECT key FROM accepted_posting GROUP BY key HAVING count(*) > 1")
    broken = [f"journal {row['id']} was accepted under {row['keys']} keys" for row in wrong]
    broken += [f"the key {row['key']} has no journal" for row in lost]
    broken += [f"the key {row['key']} was accepted more than once" for row in twice]
    return finding(await _looked(books, "accepted_posting"), broken)


_ANSWERED = """
WITH answered AS (
  SELECT key, name, answer::jsonb AS answer FROM accepted_command
  WHERE name IN ('reverse-journal', 'ledger.post-refund', 'ledger.reverse-refund') AND answer IS NOT NULL
), named AS (
  SELECT key, name, answer ->> 'journal' AS journal FROM answered WHERE name <> 'ledger.post-refund'
  UNION ALL SELECT key, name, answer ->> 'refund_journal' FROM answered WHERE answer ->> 'refund_journal' IS NOT NULL
  UNION ALL SELECT key, name, jsonb_array_elements_text(answer -> 'offset_journals') FROM answered WHERE name = 'ledger.post-refund'
)
SELECT key, name, named.journal, (SELECT count(*) FROM journal WHERE journal.id::text = named.journal) AS journals FROM named
"""


async def _answered_commands(books: Books) -> Finding:
    """What a command was answered with is there, once; and no command was accepted without its answer."""
    named = await _rows(books, _ANSWERED)
    broken = [
        f"{row['name']} accepted as {row['key']} names journal {row['journal']}, which is there {row['journals']} times"
        for row in named
        if row["journals"] != 1
    ]
    looked_at = len(named)
    for service, connection in books.snapshots.items():
        looked_at += await connection.fetchval("SELECT count(*) FROM accepted_command")
        silent = await connection.fetch("SELECT key, name FROM accepted_command WHERE answer IS NULL")
        broken += [f"{service}: {row['name']} was accepted as {row['key']} and has no answer" for row in silent]
    return finding(looked_at, broken)


async def _commands(books: Books) -> Finding:
    return both(await _one_key(books), await _answered_commands(books))


_DEBITED = """
SELECT debited.week_commencing, debited.accounts, debited.total_pence, count(posted.journal) AS journals,
       coalesce(sum(posted.pence), 0) AS pence
FROM debited_week AS debited LEFT JOIN (
  SELECT journal.rent_week, entry.journal, sum(entry.amount_pence) AS pence FROM journal
  JOIN entry ON entry.journal = journal.id JOIN account ON account.id = entry.account AND account.kind NOT IN ('CONTROL', 'SUSPENSE')
  WHERE journal.code = 'DEB' AND journal.reverses IS NULL GROUP BY journal.rent_week, entry.journal
) AS posted ON posted.rent_week = debited.week_commencing
GROUP BY debited.week_commencing
"""


async def _weeks(books: Books) -> Finding:
    rows = await _rows(books, _DEBITED)
    broken = [
        f"week {row['week_commencing']}: {row['accounts']} accounts and {row['total_pence']} were debited, "
        f"and there are {row['journals']} journals with {row['pence']}"
        for row in rows
        if (row["accounts"], row["total_pence"]) != (row["journals"], row["pence"])
    ]
    return finding(len(rows), broken)


_FILES = """
SELECT bank_file.id, bank_file.receipts, bank_file.total_pence, count(line.journal) AS lines,
       coalesce(sum(line.amount_pence) FILTER (WHERE line.journal IS NOT NULL), 0) AS pence,
       count(*) FILTER (WHERE line.journal IS NOT NULL AND banked.pence IS DISTINCT FROM line.amount_pence) AS differ
FROM bank_file LEFT JOIN bank_file_line AS line ON line.bank_file = bank_file.id
LEFT JOIN LATERAL (
  SELECT sum(entry.amount_pence) AS pence FROM entry JOIN account ON account.id = entry.account AND account.reference = 'BANK'
  WHERE entry.journal = line.journal
) AS banked ON true
GROUP BY bank_file.id, bank_file.status
"""


async def _files(books: Books) -> Finding:
    rows = await _rows(books, _FILES)
    broken = [
        f"bank file {row['id']}: it was taken with {row['receipts']} receipts and {row['total_pence']}, and {row['lines']} lines with "
        f"{row['pence']} are posted, {row['differ']} of them with another amount"
        for row in rows
        if (row["receipts"], row["total_pence"]) != (row["lines"], row["pence"]) or row["differ"]
    ]
    stray = await _rows(
        books,
        "SELECT accepted_posting.journal FROM accepted_posting WHERE key LIKE 'file/%'"
        " AND NOT EXISTS (SELECT FROM bank_file_line AS line WHERE line.journal = accepted_posting.journal)",
    )
    broken += [f"journal {row['journal']} was posted from a file and stands on no line of one" for row in stray]
    return finding(await _looked(books, "bank_file_line"), broken)


async def _reversals(books: Books) -> Finding:
    reversed_ = await _rows(
        books,
        "SELECT reverses, count(*) AS times FROM journal WHERE reverses IS NOT NULL GROUP BY reverses HAVING count(*) > 1",
    )
    chained = await _rows(
        books,
        "SELECT one.id FROM journal AS one JOIN journal AS other ON other.id = one.reverses WHERE other.reverses IS NOT NULL",
    )
    crooked = await _rows(
        books,
        "SELECT DISTINCT one.id FROM journal AS one JOIN entry ON entry.journal IN (one.id, one.reverses)"
        " WHERE one.reverses IS NOT NULL GROUP BY one.id, entry.account, entry.element HAVING sum(entry.amount_pence) <> 0",
    )
    broken = [f"journal {row['reverses']} is reversed {row['times']} times" for row in reversed_]
    broken += [f"journal {row['id']} reverses a reversal" for row in chained]
    broken += [f"journal {row['id']} is not the mirror image of what it reverses" for row in crooked]
    looked_at = int(await books.ledger.fetchval("SELECT count(*) FROM journal WHERE reverses IS NOT NULL"))
    return finding(looked_at, broken)


_SUSPENSE = """
WITH moved AS (
  SELECT clearing.item, clearing.journal, clearing.attempt, clearing.account, clearing.cleared_by, clearing.amount_pence,
         NOT EXISTS (SELECT FROM journal AS back WHERE back.reverses = clearing.journal) AS stands,
         journal.actor, journal.effective_date,
         (SELECT sum(entry.amount_pence) FROM entry WHERE entry.journal = clearing.journal AND entry.account = clearing.account) AS onto
  FROM suspense_clearing AS clearing LEFT JOIN journal ON journal.id = clearing.journal
)
SELECT item.journal AS item, item.amount_pence, journal.effective_date,
       EXISTS (SELECT FROM journal AS back WHERE back.reverses = item.journal) AS undone,
       coalesce(sum(moved.amount_pence) FILTER (WHERE moved.stands), 0) AS standing,
       count(moved.journal) AS moves, coalesce(max(moved.attempt), 0) AS last,
       count(moved.journal) FILTER (WHERE moved.onto IS DISTINCT FROM -moved.amount_pence
         OR moved.effective_date IS DISTINCT FROM journal.effective_date OR moved.actor IS DISTINCT FROM moved.cleared_by) AS crooked
FROM suspense_item AS item LEFT JOIN journal ON journal.id = item.journal LEFT JOIN moved ON moved.item = item.journal
GROUP BY item.journal, item.amount_pence, journal.effective_date
"""
_ON_SUSPENSE = """
SELECT entry.journal, sum(entry.amount_pence) AS pence, coalesce(journal.reverses, entry.journal) AS of
FROM entry JOIN account ON account.id = entry.account AND account.kind = 'SUSPENSE' LEFT JOIN journal ON journal.id = entry.journal
GROUP BY entry.journal, journal.reverses
"""
_MATCHED = """
SELECT said.item, said.payment, said.matched_by, said.matched_at, unsaid.unmatched_by, unsaid.unmatched_at,
       item.amount_pence AS out, unsaid.item IS NOT NULL AS taken_back,
       (SELECT sum(entry.amount_pence) FROM entry JOIN account ON account.id = entry.account AND account.reference = 'BANK'
        WHERE entry.journal = said.payment) AS came,
       (SELECT count(*) FROM journal AS back WHERE back.reverses IN (said.item, said.payment) AND back.actor = said.matched_by
          AND back.posted_at = said.matched_at AND back.effective_date = journal.effective_date) AS undone,
       (SELECT count(*) FROM posted_again AS again JOIN journal AS anew ON anew.id = again.journal
        WHERE again.repeats IN (said.item, said.payment) AND anew.actor = unsaid.unmatched_by AND anew.posted_at = unsaid.unmatched_at
          AND anew.effective_date = journal.effective_date) AS again
FROM matched_return AS said LEFT JOIN suspense_item AS item ON item.journal = said.item LEFT JOIN journal ON journal.id = said.item
LEFT JOIN unmatched_return AS unsaid ON unsaid.item = said.item
"""
_POSTED_AGAIN = """
SELECT again.journal, again.repeats, said.item IS NOT NULL AS taken_back,
       EXISTS (SELECT FROM suspense_item WHERE journal = again.journal) = EXISTS (SELECT FROM suspense_item WHERE journal = again.repeats)
         AND NOT EXISTS (
           SELECT FROM entry WHERE entry.journal IN (again.journal, again.repeats) GROUP BY entry.account, entry.element
           HAVING sum(entry.amount_pence) FILTER (WHERE entry.journal = again.journal)
             IS DISTINCT FROM sum(entry.amount_pence) FILTER (WHERE entry.journal = again.repeats)) AS same
FROM posted_again AS again LEFT JOIN (matched_return AS said JOIN unmatched_return USING (item))
  ON again.repeats IN (said.item, said.payment)
"""


async def _said_of_returns(books: Books) -> tuple[int, list[str]]:
    """What a person said that the bank took back has the return's amount, and both are undone; taken back, both are posted again."""
    matched, again = await _rows(books, _MATCHED), await _rows(books, _POSTED_AGAIN)
    broken = [
        f"return {row['item']} is {row['out']}, and was matched with payment {row['payment']} of {row['came']}"
        for row in matched
        if row["came"] is None or row["out"] != -row["came"]
    ]
    broken += [
        f"return {row['item']} was matched, and it and its payment are not both undone by it" for row in matched if row["undone"] != 2
    ]
    broken += [
        f"what was said of return {row['item']} was taken back, and it and its payment were not both posted again by it"
        for row in matched
        if row["again"] != (2 if row["taken_back"] else 0)
    ]
    broken += [
        f"journal {row['journal']} was posted again, and no match that undid it was taken back" for row in again if not row["taken_back"]
    ]
    broken += [f"journal {row['journal']} is not what it repeats" for row in again if not row["same"]]
    return len(matched) + len(again), broken


async def _suspense(books: Books) -> Finding:
    """What the suspense account holds is what lies there, item by item, and of each no more left it than came."""
    items, posted = await _rows(books, _SUSPENSE), await _rows(books, _ON_SUSPENSE)
    broken = [
        f"item {row['item']} is {row['amount_pence']}, and {row['standing']} of it stand on accounts"
        for row in items
        if row["standing"] > max(row["amount_pence"], 0)
    ]
    broken += [f"item {row['item']} was moved and taken back besides" for row in items if row["standing"] and row["undone"]]
    broken += [
        f"item {row['item']} was moved {row['moves']} times, the last as number {row['last']}"
        for row in items
        if row["moves"] != row["last"]
    ]
    broken += [
        f"item {row['item']} was moved with another amount or day, or by another person than it says" for row in items if row["crooked"]
    ]
    lying = sum(row["amount_pence"] - row["standing"] for row in items if not row["undone"])
    held = -sum(row["pence"] for row in posted)
    if held != lying:
        broken.append(f"the account SUSPENSE holds {held}, and the items that lie there add up to {lying}")
    known = {row["item"] for row in items} | {row["journal"] for row in await _rows(books, "SELECT journal FROM suspense_clearing")}
    broken += [f"journal {row['journal']} moves suspense and belongs to no item" for row in posted if row["of"] not in known]
    said, crooked = await _said_of_returns(books)
    return finding(len(items) + len(posted) + said, broken + crooked)


_STANDARD_BREATHING_SPACES = """
SELECT id, account, until - first_day + 1 AS days, (
  SELECT breathing_space_most_days FROM ledger_policy
  WHERE in_force_from <= CAST(set_at AT TIME ZONE 'Europe/London' AS date) ORDER BY in_force_from DESC LIMIT 1
) AS most_days FROM account_hold WHERE kind = 'standard'
"""


async def _breathing_spaces(books: Books) -> Finding:
    """No standard one was ever recorded to run longer than the policy of that day lets it."""
    rows = await _rows(books, _STANDARD_BREATHING_SPACES)
    broken = [
        f"hold {row['id']} on account {row['account']} runs {row['days']} days, of {row['most_days']}"
        for row in rows
        if row["days"] > row["most_days"]
    ]
    return finding(len(rows), broken)


PROMISES = (
    Promise("sum-zero", "the entries of every journal add up to zero", _sum_zero),
    Promise("balances", "every account's balance is the sum of its entries", _balances),
    Promise("one-journal-per-key", "every accepted command has exactly one journal, and every journal one key", _commands),
    Promise("debited-weeks", "every week was debited as it says", _weeks),
    Promise("bank-files", "every line of a bank file that was taken is posted once, with its amount", _files),
    Promise("suspense", "what the suspense account holds is what lies there, and no more of a payment leaves it than came", _suspense),
    Promise("reversed-once", "no journal is reversed twice", _reversals),
    Promise("breathing-space", "no standard Breathing Space runs longer than the law lets it", _breathing_spaces),
)
