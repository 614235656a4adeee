"""The promises of payment: what was posted and released is in one file, whole, and the bank has paid it once."""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from rentbook_local.checking.approval import decisions, released_lines, stored_plans
from rentbook_local.checking.books import Books
from rentbook_local.checking.plans import posted_plans
from rentbook_local.checking.promise import Finding, Promise, finding

IN_A_FILE = ("posted", "paid", "refused", "returned")
CAME_BACK = ("refused", "returned")
MONEY_OUT = ("posted", "paid", "returned")
_FIRST_ITEM, _LAST_LABELS = 4, 3
"""Labels before the items and after them in a file of one processing day (domain.md 3.5)."""


async def lines(books: Books) -> list[Any]:
    """Every line of every payment run."""
    if "payment_lines" not in books.kept:
        books.kept["payment_lines"] = list(await books.refunds.fetch("SELECT * FROM payment_line ORDER BY number"))
    found: list[Any] = books.kept["payment_lines"]
    return found


async def _lines(books: Books) -> Finding:
    """Each line is one that finance released, and where it was posted, posted with that amount from that account."""
    signed = {(row["run"], row["case_id"], row["attempt"], row["content_hash"], row["amount_pence"]) for row in await released_lines(books)}
    plans = {plan.refund_journal: plan for plan in (await posted_plans(books)).plans}
    rows, made, gone_on = await lines(books), await decisions(books), await _gone_on(books)
    broken = []
    for row in rows:
        name = f"payment {row['reference']} of run {row['run']}"
        if (row["run"], row["case_id"], row["attempt"], row["content_hash"], row["amount_pence"]) not in signed:
            broken.append(f"{name}: finance did not release it so")
        if row["status"] in IN_A_FILE:
            plan = plans.get(row["refund_journal"])
            asked = (row["case_id"], row["attempt"], row["account"], row["amount_pence"])
            if plan is None or (plan.case, plan.attempt, plan.account, plan.refund_pence) != asked:
                broken.append(f"{name}: the ledger has not posted it so")
            elif {made[id_]["content_hash"] for id_ in plan.decisions if id_ in made} != {row["content_hash"]}:
                broken.append(f"{name}: what the ledger posted was approved as another plan")
            elif plan.refund_undone and row["status"] in ("posted", "paid"):
                broken.append(f"{name}: its posting was undone, and it did not come back")
            elif not plan.refund_undone and row["status"] in CAME_BACK and row["attempt"] < gone_on.get(row["case_id"], 0):
                broken.append(f"{name}: it came back, and its case went on while its posting stood")
    live = Counter((row["case_id"], row["attempt"]) for row in rows if row["status"] in MONEY_OUT)
    journals = Counter(row["refund_journal"] for row in rows if row["status"] in IN_A_FILE)
    broken += [f"journal {journal} stands behind {times} payments" for journal, times in journals.items() if times > 1]
    broken += [f"case {case} attempt {attempt} is in {times} payments" for (case, attempt), times in live.items() if times > 1]
    return finding(len(rows), broken)


async def _gone_on(books: Books) -> dict[Any, int]:
    """By case, the last attempt that has begun a round or ended: a story puts the credit back before either."""
    rows = await books.refunds.fetch("SELECT id, attempt, round > 0 OR NOT is_open AS begun FROM refund_case")
    return {row["id"]: row["attempt"] if row["begun"] else row["attempt"] - 1 for row in rows}


async def _of_posted(books: Books) -> Finding:
    """Each refund that stands in the ledger is in a payment. Its line was there before it was posted, and is looked at afterwards.

    One that waits is not marked as posted yet.
    """
    standing = [plan for plan in (await posted_plans(books)).plans if plan.refund_journal is not None and not plan.refund_undone]
    kept = "SELECT case_id, attempt, status, refund_journal FROM payment_line WHERE status <> 'dropped'"
    async with books.now("refunds") as refunds:
        rows = await refunds.fetch(kept)
    waiting = {(row["case_id"], row["attempt"]) for row in rows if row["status"] == "released"}
    carried = {(row["case_id"], row["attempt"], row["refund_journal"]) for row in rows if row["status"] in IN_A_FILE}
    broken = [
        f"{plan}: {plan.refund_pence} were posted by journal {plan.refund_journal}, and no payment carries them"
        for plan in standing
        if (plan.case, plan.attempt, plan.refund_journal) not in carried and (plan.case, plan.attempt) not in waiting
    ]
    return finding(len(standing), broken)


_OPEN_CASES = """
SELECT id, attempt, queued_hash, unlisted_since, now() - interval '5 minutes' AS long_ago FROM refund_case WHERE is_open
"""
STANDS = ("DECIDED", "CARRIED_OUT")


async def _unpaid(books: Books) -> Finding:
    """What was approved is released, or can be. Where an approval falls, its case goes another round within moments."""
    cases = {(row["id"], row["attempt"]): row for row in await books.refunds.fetch(_OPEN_CASES)}
    carried = {(row["case_id"], row["attempt"]) for row in await lines(books) if row["status"] in ("released", *MONEY_OUT)}
    plans = await stored_plans(books)
    approvals = [row for row in (await decisions(books)).values() if _is_approved_refund(row)]
    lost = {key for key, row in cases.items() if row["unlisted_since"] is not None and row["unlisted_since"] < row["long_ago"]}
    shut = set()
    for made in approvals:
        key = (made["case_id"], made["attempt"])
        row, plan = cases.get(key), plans.get((*key, made["content_hash"]))
        if row is None or plan is None or not plan["refund_pence"] or key in carried:
            continue
        if row["queued_hash"] == made["content_hash"]:
            if made["closed_at"] is not None and made["closed_at"] < row["long_ago"]:
                shut.add(key)
        elif made["status"] in STANDS and (row["unlisted_since"] or made["decided_at"]) < row["long_ago"]:
            lost.add(key)
    broken = [f"case {case} attempt {attempt} was approved, and neither the list of payments nor a run has it" for case, attempt in lost]
    broken += [
        f"case {case} attempt {attempt} is on the list of payments, and its task is closed: nobody can release it" for case, attempt in shut
    ]
    return finding(len(approvals), sorted(broken))


def _is_approved_refund(row: Any) -> bool:
    return (row["kind"], row["answer"], row["completes"], row["recalled_at"]) == ("refund", "approved", True, None)


async def _runs(books: Books) -> Finding:
    """What finance released has arrived, line by line. A release is told after it was made, so only those that were heard are looked at."""
    runs = {row["id"]: row for row in await books.refunds.fetch("SELECT id, released_total_pence, released_at FROM payment_run")}
    here, there = defaultdict(set), defaultdict(set)
    for row in await lines(books):
        here[row["run"]].add((row["case_id"], row["attempt"]))
    for row in await released_lines(books):
        there[row["run"]].add((row["case_id"], row["attempt"]))
    totals = {row["run"]: row["total_pence"] for row in await books.approvals.fetch("SELECT run, total_pence FROM release")}
    broken = [f"run {run} was never released" for run in runs if run not in totals]
    for run, row in runs.items():
        if run in totals and (here[run], row["released_total_pence"]) != (there[run], totals[run]):
            broken.append(f"run {run} does not carry what finance released")
    return finding(len(runs), broken)


@dataclass(frozen=True)
class Item:
    """One payment of a file: its amount in pence and its reference."""

    pence: int
    reference: str


def items_of(content: bytes) -> tuple[list[Item], int]:
    """The items of a Standard 18 file without the contra, and the credit total of its last label. Errors: ValueError, IndexError."""
    records = content.decode("ascii").splitlines()
    items, contra = records[_FIRST_ITEM : -_LAST_LABELS - 1], records[-_LAST_LABELS - 1]
    total = int(records[-1][17:30])
    if contra[64:82].rstrip() != "CONTRA" or int(contra[35:46]) != total:
        raise ValueError("no contra")
    return [Item(int(record[35:46]), record[64:82].rstrip()) for record in items], total


_FILES = """
SELECT number, run, name, sha256, items, total_pence,
       EXISTS (SELECT FROM payment_file_content AS sealed WHERE sealed.run = file.run) OR content IS NOT NULL AS is_kept,
       ARRAY(SELECT sha256 FROM submission WHERE submission.run = file.run) AS sent
FROM payment_file AS file ORDER BY number
"""


async def _files(books: Books) -> Finding:
    """Each file holds the posted lines of its run and nothing else, under its own hash, which is that of what was sent.

    What is kept of it is sealed, and there is no key here: its bytes are read in the folder.
    """
    files = await books.refunds.fetch(_FILES)
    of_run = defaultdict(list)
    for row in await lines(books):
        if row["status"] in IN_A_FILE:
            of_run[row["run"]].append(row)
    broken = []
    for file in files:
        broken += [f"file {file['name']} of run {file['run']}: {why}" for why in _bad_file(books, file, of_run[file["run"]])]
    return finding(len(files), broken)


def _bad_file(books: Books, file: Any, posted: list[Any]) -> list[str]:
    rules = [
        (file["is_kept"], "its bytes are not kept"),
        (set(file["sent"]) <= {file["sha256"]}, "what was sent has another hash"),
        (file["items"] == len(posted), "its number of items is not that of the posted lines of its run"),
        (file["total_pence"] == sum(row["amount_pence"] for row in posted), "its total is not the sum of the posted lines of its run"),
    ]
    content = _on_disk(books, file)
    if content is not None:
        rules.append((hashlib.sha256(content).hexdigest() == file["sha256"], "its hash is not that of its bytes in the folder"))
        wanted = [Item(row["amount_pence"], row["reference"]) for row in posted]
        rules.append((_read(content) == (wanted, file["total_pence"]), "its items in the folder are not the posted lines of its run"))
    return [why for kept, why in rules if not kept]


def _read(content: bytes) -> tuple[list[Item], int] | None:
    """The items and the total of a file; None where it cannot be read."""
    try:
        return items_of(content)
    except (ValueError, IndexError):
        return None


def _on_disk(books: Books, file: Any) -> bytes | None:
    """The bytes in the folder; None where the folder is not looked at or does not have it (the bank may have fetched it)."""
    if books.places.payments is None:
        return None
    path = books.places.payments / str(file["name"])
    return path.read_bytes() if path.is_file() else None


async def _paid(books: Books) -> Finding:
    """What the bank says that it paid is what the books say, once each."""
    if books.paid_before is None or books.paid_after is None:
        return Finding(0)
    rows = {row["reference"]: row for row in await lines(books)}
    broken = []
    for reference, paid in books.paid_before.items():
        row = rows.get(reference)
        if row is None or row["status"] not in MONEY_OUT:
            broken.append(f"the bank paid {reference}, which is no payment of ours")
        elif (paid.times, paid.pence) != (1, row["amount_pence"]):
            broken.append(f"the bank paid {reference} {paid.times} times, {paid.pence} in all instead of {row['amount_pence']}")
    for reference, row in rows.items():
        later = books.paid_after.get(reference)
        if row["status"] == "paid" and (later is None or later.times != 1):
            broken.append(f"payment {reference} counts as paid, and the bank paid it {later.times if later else 0} times")
    return finding(len(books.paid_before), broken)


PROMISES = (
    Promise("payment-lines", "every payment is one that finance released and the ledger posted, once for each attempt", _lines),
    Promise(
        "posted-refunds", "every refund that was posted and not undone is in a payment, which waits, was made or came back", _of_posted
    ),
    Promise("unpaid-refunds", "every approved refund that is not paid yet is on the list of payments or in a run", _unpaid),
    Promise("payment-runs", "every payment run carries what finance released", _runs),
    Promise("payment-files", "every payment file holds the posted payments of its run, with its total and hash", _files),
    Promise("paid-once", "the bank has paid every payment once, and nothing else", _paid),
)
