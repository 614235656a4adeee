"""Whether what a client was told to be accepted is there: each exactly once, with all that follows from it.

A client's list has one JSON object a line: `kind` is one of `_LOOKS`; `form` is the id of the form that was sent, or `id` what the answer
named (a bank file, a case, a decision, a run, a proposal, a schedule); `at` is when it was acknowledged, in UTC, for the reader.
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
    case, broken = await _made(books, told, "refunds", "request-refund", "case")
    if broken:
        return broken
    there = await books.refunds.fetchval("SELECT count(*) FROM refund_case WHERE id = $1 AND asked_at IS NOT NULL", case)
    asked = await _told(books, "refunds", "refunds.requested.v1", "case", case)
    return [] if (there, asked) == (1, 1) else [f"case {case} is there {there} times and was told {asked} times"]


async def _proposal(books: Books, told: Acknowledged) -> list[str]:
    proposal, broken = await _made(books, told, "writeoffs", "propose", "proposal")
    if broken:
        return broken
    there = await books.of("writeoffs").fetchval("SELECT count(*) FROM proposal WHERE id = $1", proposal)
    said = await _told(books, "writeoffs", "writeoffs.proposed.v1", "proposal", proposal)
    return [] if (there, said) == (1, 1) else [f"proposal {proposal} is there {there} times and was told {said} times"]


async def _evidence(books: Books, told: Acknowledged) -> list[str]:
    sql = "SELECT count(*) FROM accepted_command WHERE key = $1 AND name = 'add-proof' AND answer IS NOT NULL"
    there = await books.of("writeoffs").fetchval(sql, f"form:{told.form or told.id}")
    return [] if there == 1 else [f"its form was accepted {there} times"]


async def _schedule(books: Books, told: Acknowledged) -> list[str]:
    schedule, broken = await _made(books, told, "writeoffs", "make-schedule", "schedule")
    if broken:
        return broken
    writeoffs = books.of("writeoffs")
    there = await writeoffs.fetchval("SELECT count(*) FROM schedule WHERE id = $1", schedule)
    started = await writeoffs.fetchval(
        "SELECT count(*) FROM outbox_workflow WHERE kind = 'start' AND workflow_id = $1", f"write-off-schedule/{schedule}"
    )
    return [] if (there, started) == (1, 1) else [f"schedule {schedule} is there {there} times and its story was asked for {started} times"]


async def _made(books: Books, told: Acknowledged, service: str, command: str, field: str) -> tuple[UUID | None, list[str]]:
    """What was made: as it was told or, where its form is known, as the form's one answer has it; else what is wrong with the form."""
    if told.form is None:
        return told.id, []
    sql = "SELECT answer::json ->> $3 AS made FROM accepted_command WHERE key = $1 AND name = $2"
    rows = await books.of(service).fetch(sql, f"form:{told.form}", command, field)
    if len(rows) != 1:
        return None, [f"its form was accepted {len(rows)} times"]
    made = UUID(rows[0]["made"])
    return made, [f"its form made {field} {made}"] if told.id not in (None, made) else []


async def _decision(books: Books, told: Acknowledged) -> list[str]:
    id_ = told.id or told.form
    there = await books.approvals.fetchval("SELECT count(*) FROM decision WHERE id = $1", id_)
    facts = ("approvals.decision-made.v1", "approvals.write-off-decided.v1")
    said = sum([await _told(books, "approvals", fact, "decision", id_) for fact in facts])
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
    "write-off-proposal": _proposal,
    "evidence": _evidence,
    "write-off-schedule": _schedule,
}
