"""The chain of seals, computed again from what services/ledger/README.md says ("The seal"), and its anchor outside of the database."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding

LONGEST_TAIL = 1000
"""How many journals may still be without a seal, and seals without an anchor: what the sealer takes at once."""
FIRST_HASH = bytes(32)
_ROWS_AT_ONCE = 2000
_SEPARATOR = "\x1f"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UNSEALED = "SELECT count(*) FROM journal WHERE NOT EXISTS (SELECT FROM seal WHERE seal.journal = journal.id)"
_CHAIN = """
SELECT seal.audit_no, seal.journal AS sealed, seal.prev_hash, seal.hash,
       journal.seq, journal.id, journal.code, journal.effective_date, journal.posted_at, journal.rent_week, journal.cleared_on,
       journal.reverses, journal.case_id, journal.decision_id, journal.actor, journal.narrative,
       lines.of_entry, lines.accounts, lines.elements, lines.amounts
FROM seal LEFT JOIN journal ON journal.id = seal.journal
LEFT JOIN LATERAL (
  SELECT array_agg(line ORDER BY line) AS of_entry, array_agg(account ORDER BY line) AS accounts,
         array_agg(element ORDER BY line) AS elements, array_agg(amount_pence ORDER BY line) AS amounts
  FROM entry WHERE entry.journal = seal.journal
) AS lines ON true
ORDER BY seal.audit_no
"""
_HEAD = ("seq", "id", "code", "effective_date", "posted_at", "rent_week", "cleared_on", "reverses", "case_id", "decision_id", "actor",
         "narrative")  # fmt: skip


async def unsealed(books: Books) -> int:
    """How many journals have no seal."""
    return int(await books.ledger.fetchval(_UNSEALED))


async def sealed(books: Books) -> int:
    """The number of the last seal."""
    return int(await books.ledger.fetchval("SELECT coalesce(max(audit_no), 0) FROM seal"))


async def _chain(books: Books) -> Finding:
    """Every seal follows the one before it and covers its journal as it stands now."""
    broken, looked_at, previous = [], 0, FIRST_HASH
    async for row in books.ledger.cursor(_CHAIN, prefetch=_ROWS_AT_ONCE):
        looked_at += 1
        if row["audit_no"] != looked_at:
            broken.append(f"seal {row['audit_no']} stands where seal {looked_at} should")
            break
        if bytes(row["prev_hash"]) != previous:
            broken.append(f"seal {looked_at} does not follow the one before it")
        if row["id"] is None:
            broken.append(f"seal {looked_at}: its journal {row['sealed']} is gone")
        elif bytes(row["hash"]) != hashlib.sha256(bytes(row["prev_hash"]) + _content(row)).digest():
            broken.append(f"seal {looked_at}: its journal {row['id']} is not what was sealed")
        previous = bytes(row["hash"])
    tail = await unsealed(books)
    if tail > LONGEST_TAIL:
        broken.append(f"{tail} journals have no seal")
    return finding(looked_at, broken)


def _content(row: Any) -> bytes:
    lines = zip(row["of_entry"] or (), row["accounts"] or (), row["elements"] or (), row["amounts"] or (), strict=True)
    values = [*(row[name] for name in _HEAD), *(value for line in lines for value in line)]
    return hashlib.sha256(_SEPARATOR.join(map(_text, values)).encode()).digest()


def _text(value: object) -> str:
    if value is None:
        return ""
    return str((value - _EPOCH) // timedelta(microseconds=1)) if isinstance(value, datetime) else str(value)


async def _anchor(books: Books) -> Finding:
    """Each head that was noted outside of the database is a seal inside it, and the last one is not far behind."""
    if books.anchor_lines is None:
        return Finding(0)
    head = int(await books.ledger.fetchval("SELECT coalesce(max(audit_no), 0) FROM seal"))
    anchored, broken = _read_anchor(books.anchor_lines)
    found = await books.ledger.fetch("SELECT audit_no, hash FROM seal WHERE audit_no = ANY ($1)", [number for number, _ in anchored])
    seals = {row["audit_no"]: bytes(row["hash"]).hex() for row in found}
    broken += [f"the anchor notes seal {number}, which is not there" for number, _ in anchored if number not in seals]
    broken += [f"seal {number} is not the one that the anchor notes" for number, hash_ in anchored if seals.get(number, hash_) != hash_]
    last = max((number for number, _ in anchored), default=0)
    if head - last > LONGEST_TAIL:
        broken.append(f"the anchor ends with seal {last} and the chain with seal {head}")
    return finding(len(anchored), broken)


def _read_anchor(lines: tuple[str, ...]) -> tuple[list[tuple[int, str]], list[str]]:
    anchored: list[tuple[int, str]] = []
    broken = []
    for place, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            anchored.append((int(told["audit_no"]), str(told["hash"])))
        except (ValueError, KeyError, TypeError):
            broken.append(f"line {place} of the anchor cannot be read")
    return anchored, broken


PROMISES = (
    Promise("seal-chain", "the chain of seals is unbroken, up to a short tail", _chain),
    Promise("seal-anchor", "the chain of seals is the one that was noted outside of the database", _anchor),
)
