"""Which form of the desk is of which kind in a client's own list, as `./rentbook check --accepted` reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from rentbook_local.journey.desk import Page

FORM, ANSWER = "form", "answer"


@dataclass(frozen=True)
class Kind:
    """`named`: by what the list knows it, which is the form's id, also what the answer's address names, or a part of the form's address."""

    kind: str
    named: str = FORM


OF_FORMS: Mapping[str, Kind | None] = {
    # A convenience of whoever saves it, replaced and forgotten at will.
    "/work/views": None,
    "/work/views/{view:uuid}/forget": None,
    "/together": Kind("selection"),
    "/together/{selection:uuid}": Kind("together", "selection"),
    "/tasks/{task:uuid}/claim": Kind("claim", "task"),
    # It may have run out before, and then nothing is to do.
    "/tasks/{task:uuid}/release": None,
    "/tasks/{task:uuid}/assign": Kind("assignment", "task"),
    "/tasks/{task:uuid}/comments": Kind("comment"),
    "/tasks/{task:uuid}/decision": Kind("decision"),
    "/decisions/{decision:uuid}/recall": Kind("recall"),
    "/accounts/{account:uuid}/refund": Kind("refund-request", ANSWER),
    "/accounts/{account:uuid}/holds": Kind("set-account-hold"),
    "/accounts/{account:uuid}/benefit-claim": Kind("set-housing-benefit-claim"),
    "/accounts/{account:uuid}/notes": Kind("contact-note"),
    "/accounts/{account:uuid}/letter-address": Kind("note-letter-address"),
    "/accounts/{account:uuid}/death": Kind("note-death"),
    "/accounts/{account:uuid}/plan": Kind("agree-payment-plan"),
    "/accounts/{account:uuid}/plan/{plan:uuid}/end": Kind("end-payment-plan"),
    "/accounts/{account:uuid}/tenancy-end": Kind("end-tenancy"),
    "/accounts/{account:uuid}/entries/{journal:uuid}/undo": Kind("reverse-journal"),
    "/cases/{case:uuid}/evidence": Kind("add-evidence"),
    "/cases/{case:uuid}/payee": Kind("change-payee"),
    "/cases/{case:uuid}/resubmit": Kind("resubmit"),
    "/cases/{case:uuid}/withdraw": Kind("withdraw-case"),
    "/cases/{case:uuid}/letters/{letter:uuid}/again": Kind("send-letter-again"),
    # Its answer may be the page of a file that was refused, or taken before: whoever drops one looks (`client.FrontDesk.drop_statement`).
    "/files": None,
    # It changes nothing.
    "/suspense/exact": None,
    # Many commands, whose results stand on the answer.
    "/suspense/exact/move": None,
    "/suspense/{item:uuid}": Kind("clear-suspense"),
    "/suspense/{item:uuid}/split": Kind("split-suspense"),
    "/suspense/{item:uuid}/return": Kind("match-return"),
    "/suspense/{item:uuid}/return/undo": Kind("unmatch-return"),
    "/suspense/moved/{journal:uuid}/back": Kind("reverse-journal"),
    "/runs": Kind("release"),
    "/accounts/{account:uuid}/write-off": Kind("write-off-proposal", ANSWER),
    # A preview or the command, whose results stand on the answer.
    "/write-offs/many": None,
    "/write-offs/{proposal:uuid}/proofs": Kind("evidence"),
    "/write-offs/{proposal:uuid}/proofs/{proof:uuid}/strike": Kind("strike-proof"),
    "/write-offs/{proposal:uuid}/reconsider": Kind("reconsider-proposal"),
    "/write-offs/{proposal:uuid}/withdraw": Kind("withdraw-proposal"),
    "/write-offs/schedules": Kind("write-off-schedule", ANSWER),
    "/write-offs/schedules/{schedule:uuid}/lines/{proposal:uuid}/take-off": Kind("take-off-schedule"),
    "/write-offs/schedules/{schedule:uuid}/answer": Kind("answer-schedule"),
    "/write-offs/schedules/{schedule:uuid}/withdraw": Kind("withdraw-schedule"),
    "/write-offs/provision/post": Kind("post-provision"),
    "/policy/proposals/new": Kind("policy-proposal"),
    "/policy/proposals/{proposal:uuid}": Kind("policy-check", "proposal"),
    "/policy/evidence/new": Kind("propose-evidence-policy"),
    "/policy/evidence/{proposal:uuid}": Kind("check-evidence-policy"),
    "/policy/provision/new": Kind("propose-provision-policy"),
    "/policy/provision/{proposal:uuid}": Kind("check-provision-policy"),
    "/cover/delegations": Kind("delegation"),
    "/cover/delegations/{delegation:uuid}/end": Kind("delegation-end", "delegation"),
    "/cover/absences": Kind("absence"),
    "/cover/absences/{absence:uuid}/end": Kind("absence-end", "absence"),
}
"""By the addresses of the desk, as its routes have them. Whatever is sent there is acknowledged by leading to another page."""


@dataclass(frozen=True)
class Told:
    """One line of the list."""

    kind: str
    form: str | None
    id: str | None


_PARAMETER = re.compile(r"\{(\w+):uuid\}")
_ADDRESSES = [(re.compile(_PARAMETER.sub(r"(?P<\1>[0-9a-f-]{36})", address)), kind) for address, kind in OF_FORMS.items()]


def told_of(path: str, form: str, answer: Page) -> Told | None:
    """What a form that was sent to this address has made, now that its answer leads elsewhere; None where no list tells of such.

    Errors: LookupError, where the desk has no such form.
    """
    found = [(match, kind) for address, kind in _ADDRESSES if (match := address.fullmatch(path))]
    if not found:
        raise LookupError(f"the desk has no form at {path}")
    [(match, kind)] = found
    if kind is None:
        return None
    if kind.named in (FORM, ANSWER):
        return Told(kind.kind, str(UUID(form)), answer.identity if kind.named == ANSWER else None)
    return Told(kind.kind, None, match[kind.named])
