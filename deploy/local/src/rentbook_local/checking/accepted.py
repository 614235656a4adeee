"""Whether what a client was told to be accepted is there: each exactly once, with all that follows from it.

A client's list has one JSON object a line: `kind` is one of `_LOOKS`; `form` is the id of the form that was sent, or `id` what the answer
or the form's address named (a bank file, a case, a decision, a run, a proposal, a schedule, a delegation, a task); `at` is when it was
acknowledged, in UTC, for the reader.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
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
        return f"{self.kind} with {f'id {self.id}' if self.id else f'form {self.form}'}"


def read_list(file: Path) -> list[Acknowledged]:
    """A client's list. Errors: Problem, which names the line; an empty list proves nothing, and is one too."""
    try:
        texts = file.read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        raise Problem(f"The list {file} cannot be read ({fault.strerror}).") from fault
    if not any(text.strip() for text in texts):
        raise Problem(f"The list {file} is empty: there is nothing to look for.")
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


WHAT_TO_DO = (
    "What to do: look first whether the list is of this stack, and not of another --state. If it is, something that was acknowledged is "
    "lost or was done twice: leave the databases and the logs as they are for whoever looks into it. What is missing may be sent again "
    "with the same form's id: no form is carried out twice."
)


def promise(acknowledged: list[Acknowledged]) -> Promise:
    """That everything on the list is there, once."""

    async def all_there(books: Books) -> Finding:
        broken = [f"{each}: {why}" for each in acknowledged for why in await _LOOKS[each.kind](books, each)]
        return finding(len(acknowledged), broken)

    return Promise("accepted", "everything that a client was told to be accepted is there, once", all_there, WHAT_TO_DO)


async def _bank_file(books: Books, told: Acknowledged) -> list[str]:
    row = await books.ledger.fetchrow(
        "SELECT count(*) AS files, min(status) AS status, coalesce(sum(receipts), 0) AS receipts FROM bank_file WHERE id = $1",
        told.id or told.form,
    )
    if row["files"] != 1:
        return _there("ledger", "bank file with this id", row["files"])
    if row["status"] == "REFUSED":
        return ["the ledger has refused it"]
    posted = await books.ledger.fetchval("SELECT count(DISTINCT journal) FROM bank_file_line WHERE bank_file = $1", told.id or told.form)
    return [] if posted == row["receipts"] else [f"{posted} of its {row['receipts']} receipts are posted"]


async def _refund_request(books: Books, told: Acknowledged) -> list[str]:
    case, broken = await _made(books, told, "refunds", "request-refund", "case")
    if broken:
        return broken
    there = await books.refunds.fetchval("SELECT count(*) FROM refund_case WHERE id = $1 AND asked_at IS NOT NULL", case)
    asked = await _told(books, "refunds", "refunds.requested.v1", "case", case)
    return _there("refunds", f"case {case} that was asked for", there, asked)


async def _proposal(books: Books, told: Acknowledged) -> list[str]:
    proposal, broken = await _made(books, told, "writeoffs", "propose", "proposal")
    if broken:
        return broken
    there = await books.of("writeoffs").fetchval("SELECT count(*) FROM proposal WHERE id = $1", proposal)
    said = await _told(books, "writeoffs", "writeoffs.proposed.v1", "proposal", proposal)
    return _there("writeoffs", f"proposal {proposal}", there, said)


async def _schedule(books: Books, told: Acknowledged) -> list[str]:
    schedule, broken = await _made(books, told, "writeoffs", "make-schedule", "schedule")
    if broken:
        return broken
    writeoffs = books.of("writeoffs")
    there = await writeoffs.fetchval("SELECT count(*) FROM schedule WHERE id = $1", schedule)
    started = await writeoffs.fetchval(
        "SELECT count(*) FROM outbox_workflow WHERE kind = 'start' AND workflow_id = $1", f"write-off-schedule/{schedule}"
    )
    told_of = "" if started == 1 else "nobody was asked to tell its story" if not started else f"its story was asked for {started} times"
    return _together_said(_there("writeoffs", f"schedule {schedule}", there), [told_of] if told_of else [])


def _there(service: str, what: str, there: int, told: int = 1) -> list[str]:
    """What is wrong with how often a service has a thing, and has told of it: both have to be once."""
    has = "" if there == 1 else f"{service} has no {what}" if there == 0 else f"{service} has {what} {there} times"
    said = "" if told == 1 else "told nobody of it" if told == 0 else f"told of it {told} times"
    if has and said:
        return [f"{has}, and has {said}"]
    return [has or f"{service} has {said}"] if has or said else []


def _together_said(*each: list[str]) -> list[str]:
    """What is wrong with one thing in several places, as one line."""
    found = [said for one in each for said in one]
    return ["; ".join(found)] if found else []


def _accepted(service: str, command: str, times: int) -> list[str]:
    """What is wrong with how often a form was accepted for a command."""
    if times == 1:
        return []
    return [
        f"{service} has {'never accepted such a form' if times == 0 else f'accepted this form {times} times'} for the command {command}"
    ]


async def _made(books: Books, told: Acknowledged, service: str, command: str, field: str) -> tuple[UUID | None, list[str]]:
    """What was made: as it was told or, where its form is known, as the form's one answer has it; else what is wrong with the form."""
    if told.form is None:
        return told.id, []
    sql = "SELECT answer::json ->> $3 AS made FROM accepted_command WHERE key = $1 AND name = $2"
    rows = await books.of(service).fetch(sql, f"form:{told.form}", command, field)
    if len(rows) != 1:
        return None, _accepted(service, command, len(rows))
    made = UUID(rows[0]["made"])
    return made, [f"its form made {field} {made}"] if told.id not in (None, made) else []


async def _decision(books: Books, told: Acknowledged) -> list[str]:
    id_ = told.id or told.form
    there = await books.approvals.fetchval("SELECT count(*) FROM decision WHERE id = $1", id_)
    facts = ("approvals.decision-made.v1", "approvals.write-off-decided.v1")
    said = sum([await _told(books, "approvals", fact, "decision", id_) for fact in facts])
    return _there("approvals", "decision with this id", there, said)


async def _release(books: Books, told: Acknowledged) -> list[str]:
    id_ = told.id or told.form
    there = await books.approvals.fetchval("SELECT count(*) FROM release WHERE run = $1", id_)
    said = await _told(books, "approvals", "approvals.payment-run-released.v1", "run", id_)
    runs = await books.refunds.fetchval("SELECT count(*) FROM payment_run WHERE id = $1", id_)
    return _together_said(
        _there("approvals", "release of this payment run", there, said), _there("refunds", "payment run with this id", runs)
    )


async def _recall(books: Books, told: Acknowledged) -> list[str]:
    rows = await books.approvals.fetch("SELECT decision_id FROM recall WHERE id = $1", told.id or told.form)
    said = sum([await _told(books, "approvals", "approvals.decision-recalled.v1", "decision", row["decision_id"]) for row in rows])
    return _there("approvals", "recall with this id", len(rows), said)


_TOGETHER = """
SELECT (SELECT count(*) FROM selection_signed WHERE selection_id = $1) AS signed,
       count(line.task_id) AS lines, count(result.task_id) AS done
FROM selection_line AS line LEFT JOIN selection_result AS result USING (selection_id, task_id) WHERE selection_id = $1
"""


async def _together(books: Books, told: Acknowledged) -> list[str]:
    row = await books.approvals.fetchrow(_TOGETHER, told.id or told.form)
    undone = [f"{row['done']} of its {row['lines']} lines have a result"] if row["lines"] != row["done"] else []
    return _together_said(_there("approvals", "selection with this id that was signed for", row["signed"]), undone)


async def _row(table: str, column: str, books: Books, told: Acknowledged) -> list[str]:
    sql = f"SELECT count(*) FROM {table} WHERE {column} = $1"  # noqa: S608 - names of ours
    there = await books.approvals.fetchval(sql, told.id or told.form)
    return _there("approvals", f"{table.replace('_', ' ')} with this id", there)


async def _happened(what: str, books: Books, told: Acknowledged) -> list[str]:
    """That this happened to the task, by whomever and how often soever."""
    sql = "SELECT EXISTS (SELECT FROM task_event WHERE task_id = $1 AND what = $2)"
    return (
        []
        if await books.approvals.fetchval(sql, told.id or told.form, what)
        else [f"approvals does not know that this task was ever {what}"]
    )


@dataclass(frozen=True)
class Command:
    """A command as a form brings it to the service that owns the rows.

    `left`: a table in which it leaves a row whenever it is accepted, with the columns that hold whose and of which instant it is. None
    where it leaves no row if all was as asked already, or where the database says of which instant it is.
    """

    service: str
    name: str
    left: tuple[str, str, str] | None = None


async def _command(command: Command, books: Books, told: Acknowledged) -> list[str]:
    """That its form was accepted once, with an answer, and what it leaves is there: the row of that person and of that very instant."""
    connection = books.of(command.service)
    sql = "SELECT person, accepted_at FROM accepted_command WHERE key = $1 AND name = $2 AND answer IS NOT NULL"
    rows = await connection.fetch(sql, f"form:{told.form or told.id}", command.name)
    if len(rows) != 1:
        return _accepted(command.service, command.name, len(rows))
    if command.left is None:
        return []
    table, person, at = command.left
    of_then = f"SELECT count(*) FROM {table} WHERE {person} = $1 AND {at} = $2"  # noqa: S608 - names of ours
    left = await connection.fetchval(of_then, *rows[0])
    return [] if left else [f"{command.service} has accepted its form for the command {command.name}, which has left nothing in {table}"]


async def _told(books: Books, service: str, fact: str, field: str, value: Any) -> int:
    sql = "SELECT count(*) FROM outbox_event WHERE headers ->> 'ce_type' = $1 AND body::jsonb ->> $2 = $3"
    return int(await books.of(service).fetchval(sql, fact, field, str(value)))


_JOURNAL = ("journal", "actor", "posted_at")
_EVENT = ("event", "by", "at")
_CASE_EVENT = ("case_event", "by", "at")

COMMANDS = {
    "evidence": Command("writeoffs", "add-proof", ("proof", "by", "at")),
    **{
        command.name: command
        for command in (
            Command("ledger", "debit-week"),
            Command("ledger", "reverse-journal", _JOURNAL),
            Command("ledger", "clear-suspense", _JOURNAL),
            Command("ledger", "split-suspense", _JOURNAL),
            Command("ledger", "match-return", ("matched_return", "matched_by", "matched_at")),
            Command("ledger", "unmatch-return", ("unmatched_return", "unmatched_by", "unmatched_at")),
            Command("ledger", "set-account-hold"),
            Command("ledger", "set-housing-benefit-claim"),
            Command("ledger", "agree-payment-plan", ("payment_plan", "noted_by", "noted_at")),
            Command("ledger", "end-payment-plan"),
            Command("ledger", "end-tenancy", ("tenancy_ending", "by", "at")),
            Command("ledger", "note-letter-address", ("letter_address", "by", "at")),
            Command("ledger", "note-death"),
            Command("ledger", "post-provision"),
            Command("ledger", "propose-provision-policy"),
            Command("ledger", "check-provision-policy"),
            Command("refunds", "add-evidence", ("evidence", "by", "at")),
            Command("refunds", "change-payee", ("payee", "entered_by", "entered_at")),
            Command("refunds", "resubmit", _CASE_EVENT),
            Command("refunds", "withdraw-case", _CASE_EVENT),
            Command("notices", "send-letter-again", ("sending", "by", "at")),
            Command("writeoffs", "propose-in-bulk"),
            Command("writeoffs", "strike-proof", ("struck", "by", "at")),
            Command("writeoffs", "reconsider-proposal", _EVENT),
            Command("writeoffs", "withdraw-proposal", _EVENT),
            Command("writeoffs", "take-off-schedule", _EVENT),
            Command("writeoffs", "answer-schedule", _EVENT),
            Command("writeoffs", "withdraw-schedule", _EVENT),
            Command("writeoffs", "propose-evidence-policy"),
            Command("writeoffs", "check-evidence-policy"),
        )
    },
}
"""Those whose answer names what was made have looks of their own: a request, a proposal, a schedule."""

_ROWS = {
    "comment": ("comment", "id"),
    "contact-note": ("contact_note", "id"),
    "selection": ("selection", "id"),
    "delegation": ("delegation", "id"),
    "delegation-end": ("delegation_end", "delegation_id"),
    "absence": ("absence", "id"),
    "absence-end": ("absence_end", "absence_id"),
    "policy-proposal": ("policy_proposal", "id"),
    "policy-check": ("policy_check", "proposal_id"),
}
"""Of approvals' own rows the table and the column by which each is known: the form's id, or what the form's address named."""

_LOOKS: dict[str, Callable[[Books, Acknowledged], Awaitable[list[str]]]] = {
    "bank-file": _bank_file,
    "refund-request": _refund_request,
    "decision": _decision,
    "release": _release,
    "write-off-proposal": _proposal,
    "write-off-schedule": _schedule,
    "recall": _recall,
    "together": _together,
    "claim": partial(_happened, "claimed"),
    "assignment": partial(_happened, "assigned"),
    **{kind: partial(_row, *where) for kind, where in _ROWS.items()},
    **{kind: partial(_command, command) for kind, command in COMMANDS.items()},
}

KINDS = tuple(_LOOKS)
"""What a client's list may speak of."""
