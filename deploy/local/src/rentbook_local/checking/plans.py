"""What the ledger has posted of refunds, put together again into the plans that somebody must have approved."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rentbook_local.checking.books import Books

LONDON = ZoneInfo("Europe/London")
_KEY = re.compile(r"(?P<plan>refund/(?P<case>[0-9a-f-]{36})/(?P<attempt>\d+)(?:/[^/]+)?)/(?:refund|offset/(?P<target>[0-9a-f-]{36}))")
"""An attempt that is posted again, because the bank refused the first file, may carry one more part that tells the two apart."""

_MOVES = """
SELECT journal.id, journal.seq, journal.code, journal.posted_at, journal.case_id, journal.decision_id, accepted.key,
       EXISTS (SELECT FROM journal AS undoing WHERE undoing.reverses = journal.id) AS undone,
       array_agg(entry.account ORDER BY entry.line) AS accounts, array_agg(entry.amount_pence ORDER BY entry.line) AS amounts
FROM journal JOIN entry ON entry.journal = journal.id LEFT JOIN accepted_posting AS accepted ON accepted.journal = journal.id
WHERE journal.reverses IS NULL AND (
  journal.code IN ('REF', 'RDR') OR accepted.key LIKE 'refund/%'
  OR ((journal.case_id IS NOT NULL OR journal.decision_id IS NOT NULL) AND journal.code NOT IN ('WOF', 'WON', 'CWO'))
  OR journal.id IN (SELECT e.journal FROM entry AS e JOIN account ON account.id = e.account AND account.reference = 'REFUNDS_PAYABLE')
)
GROUP BY journal.id, accepted.key ORDER BY journal.seq
"""
"""Every journal that can be part of a refund by any of its marks: a forged one lacks some of them, and is found by the others."""


@dataclass(frozen=True)
class PostedPlan:
    """One attempt at a case as it was posted. Amounts in pence, without sign. `first_seq` and `posted_at` are of its first journal."""

    case: UUID
    attempt: int
    account: UUID
    refund_pence: int
    offsets: tuple[tuple[UUID, int], ...]
    journals: tuple[UUID, ...]
    refund_journal: UUID | None
    refund_undone: bool
    decisions: frozenset[UUID | None]
    first_seq: int
    posted_at: datetime

    @property
    def total_pence(self) -> int:
        return self.refund_pence + sum(pence for _, pence in self.offsets)

    @property
    def day(self) -> date:
        """The Europe/London day of posting."""
        return self.posted_at.astimezone(LONDON).date()

    def __str__(self) -> str:
        return f"case {self.case} attempt {self.attempt}"


@dataclass(frozen=True)
class Posted:
    """All plans, and the journals that look like a refund and belong to none."""

    plans: tuple[PostedPlan, ...]
    strays: tuple[str, ...]
    journals: int


async def posted_plans(books: Books) -> Posted:
    """Read once for all promises."""
    if "plans" not in books.kept:
        books.kept["plans"] = _put_together(await books.ledger.fetch(_MOVES))
    found: Posted = books.kept["plans"]
    return found


def _put_together(moves: Iterable[Any]) -> Posted:
    together: dict[tuple[str, UUID, int], list[Any]] = defaultdict(list)
    strays, journals = [], 0
    for move in moves:
        journals += 1
        key = _KEY.fullmatch(move["key"] or "")
        why = _why_stray(move, key)
        if why or key is None:
            strays.append(f"journal {move['id']} {why}")
        else:
            together[key["plan"], UUID(key["case"]), int(key["attempt"])].append(move)
    plans = []
    for (_, case, attempt), parts in together.items():
        plan = _plan(case, attempt, parts)
        if plan is None:
            strays.append(f"case {case} attempt {attempt}: its journals do not make one plan")
        else:
            plans.append(plan)
    return Posted(tuple(plans), tuple(strays), journals)


def _why_stray(move: Any, key: re.Match[str] | None) -> str | None:
    if key is None:
        return "moves a refund and was posted under no case's key"
    if move["case_id"] != UUID(key["case"]):
        return f"was posted for case {key['case']} and names another"
    if len(move["accounts"]) != 2 or move["amounts"][0] <= 0 or move["amounts"][0] != -move["amounts"][1]:
        return "is a refund or an offset and does not move one amount from one account to another"
    if key["target"] and move["accounts"][1] != UUID(key["target"]):
        return "pays another account than its key says"
    return None


def _plan(case: UUID, attempt: int, parts: list[Any]) -> PostedPlan | None:
    offsets = tuple((move["accounts"][1], int(move["amounts"][0])) for move in parts if not move["key"].endswith("/refund"))
    refunds = [move for move in parts if move["key"].endswith("/refund")]
    sources = {move["accounts"][0] for move in parts}
    if len(refunds) > 1 or len(sources) != 1:
        return None
    return PostedPlan(
        case, attempt, sources.pop(), int(refunds[0]["amounts"][0]) if refunds else 0, offsets,
        tuple(move["id"] for move in parts), refunds[0]["id"] if refunds else None, bool(refunds and refunds[0]["undone"]),
        frozenset(move["decision_id"] for move in parts), parts[0]["seq"], parts[0]["posted_at"],
    )  # fmt: skip


def plan_hash(plan: PostedPlan, payee: str | None, checks_hash: str) -> str:
    """The content hash of the plan that was posted, as contracts/ledger.py (RefundPlan) and contracts/approvals.py say.

    `payee` and `checks_hash` are in the plan and in no journal: they come from refunds.
    """
    content: Mapping[str, Any] = {
        "case": str(plan.case),
        "attempt": plan.attempt,
        "account": str(plan.account),
        "refund_pence": plan.refund_pence,
        "offsets": [{"account": str(account), "amount_pence": pence} for account, pence in plan.offsets],
        "payee": payee,
        "checks_hash": checks_hash,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
