"""Whether what a client was told to be accepted is there: each exactly once, with all that follows from it.

A client's list has one JSON object a line: `kind` is bank-file, refund-request, decision or release; `form` is the id of the form that was
sent, or `id` what the answer named (a bank file, a case, a decision, a run); `at` is when it was acknowledged, in UTC, for the reader.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from rentbook_local.checking.books import Books
from rentbook_local.checking.promise import Finding, Promise, finding
from rentbook_local.problem import Problem


@dataclass(frozen=True)
class Acknowledged:
    """One line of a client's list."""

    kind: str
    id: UUID | None
    form: UUID | None

    def __str__(self) -> str:
        return f"{self.kind} {self.id or self.form}"


def read_list(file: Path) -> list[Acknowledged]:
    """A client's list. Errors: Problem, which names the line."""
    try:
        texts = file.read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        raise Problem(f"The list {file} cannot be read ({fault.strerror}).") from fault
    found = []
    for place, text in enumerate(texts, start=1):
        try:
            line = json.loads(text)
            told = Acknowledged(line["kind"], *(UUID(line[name]) if line.get(name) else None for name in ("id", "form")))
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise Problem(f"Line {place} of {file.name} is no acknowledgement: it needs kind, and id or form.") from fault
        if told.kind not in _LOOKS or (told.id is None and told.form is None):
            raise Problem(f"Line {place} of {file.name}: kind is one of {', '.join(_LOOKS)}, and id or form is a UUID.")
        found.append(told)
    return found


def promise(acknowledged: list[Acknowledged]) -> Promise:
    """That everything on the list is there, once."""

    async def all_there(books: Books) -> Finding:
        broken = [f"{each}: {why}" for each in acknowledged for why in await _LOOKS[each.kind](books, each)]
        return finding(len(acknowledged), broken)

    return Promise("accepted", "everything that a client was told to be accepted is there, once", all_there)


async def _bank_file(books: Books, told: Acknowledged) -> list[str]:
    row = await books.ledger.fetchrow(
        "SELECT count(*) AS files, min(status) AS status, coalesce(sum(receipts), 0) AS receipts FROM bank_file WHERE id = $1",
        told.id or told.form,
    )
    if row["files"] != 1:
        return [f"it is there {row['files']} times"]
    if row["status"] == "REFUSED":
        return ["it was refused"]
    posted = await books.ledger.fetchval("SELECT count(DISTINCT journal) FROM bank_file_line WHERE bank_file = $1", told.id or told.form)
    return [] if posted == row["receipts"] else [f"{posted} of its {row['receipts']} receipts are posted"]


async def _refund_request(books: Books, told: Acknowledged) -> list[str]:
    case = told.id
    if told.form is not None:
        rows = await books.refunds.fetch(
            "SELECT answer::json ->> 'case' AS case FROM accepted_command WHERE key = $1 AND name = 'request-refund'", f"form:{told.form}"
        )
        if len(rows) != 1:
            return [f"its form was accepted {len(rows)} times"]
        if case is not None and str(case) != rows[0]["case"]:
            return [f"its form opened case {rows[0]['case']}"]
        case = UUID(rows[0]["case"])
    there = await books.refunds.fetchval("SELECT count(*) FROM refund_case WHERE id = $1 AND asked_at IS NOT NULL", case)
    asked = await _told(books, "refunds", "refunds.requested.v1", "case", case)
    return [] if (there, asked) == (1, 1) else [f"case {case} is there {there} times and was told {asked} times"]


async def _decision(books: Books, told: Acknowledged) -> list[str]:
    id_ = told.id or told.form
    there = await books.approvals.fetchval("SELECT count(*) FROM decision WHERE id = $1", id_)
    said = await _told(books, "approvals", "approvals.decision-made.v1", "decision", id_)
    return [] if (there, said) == (1, 1) else [f"it is there {there} times and was told {said} times"]


async def _release(books: Books, told: Acknowledged) -> list[str]:
    id_ = told.id or told.form
    there = await books.approvals.fetchval("SELECT count(*) FROM release WHERE run = $1", id_)
    said = await _told(books, "approvals", "approvals.payment-run-released.v1", "run", id_)
    runs = await books.refunds.fetchval("SELECT count(*) FROM payment_run WHERE id = $1", id_)
    return [] if (there, said, runs) == (1, 1, 1) else [f"it is there {there} times, was told {said} times and makes {runs} payment runs"]


async def _told(books: Books, service: str, fact: str, field: str, value: Any) -> int:
    sql = "SELECT count(*) FROM outbox_event WHERE headers ->> 'ce_type' = $1 AND body::jsonb ->> $2 = $3"
    return int(await books.of(service).fetchval(sql, fact, field, str(value)))


_LOOKS: dict[str, Callable[[Books, Acknowledged], Awaitable[list[str]]]] = {
    "bank-file": _bank_file,
    "refund-request": _refund_request,
    "decision": _decision,
    "release": _release,
}
