"""Where processes are made to fail along the way of a refund and of a write-off: each place at least once, a handful a case."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Try:
    """The place, the process that fails there, and the step (`client.STEPS`, `client.WRITE_OFF_STEPS`) before which it is armed."""

    place: str
    process: str
    before: str


def _tries(process: str, before: str, *places: str) -> tuple[Try, ...]:
    return tuple(Try(place, process, before) for place in places)


ROUNDS: tuple[tuple[Try, ...], ...] = (
    (
        *_tries("ledger", "bank-file", "upload.write", "bank-file.read", "bank-file.before-commit", "bank-file.after-commit"),
        *_tries("refunds", "request", "command.before-commit", "command.after-commit"),
        *_tries("approvals", "decision", "form.before-commit"),
        *_tries("notices", "release", "letter.written"),
    ),
    (
        *_tries("approvals", "bank-file", "form.write"),
        *_tries("ledger", "bank-file", "seal.before-commit", "anchor.write", "anchor.written"),
        *_tries("refunds", "request", "workflow.before-start", "workflow.after-start"),
        *_tries("approvals", "decision", "form.after-commit"),
        *_tries("refunds", "release", "payment-file.kept"),
        *_tries("notices", "release", "letter.renamed"),
    ),
    (
        *_tries("ledger", "bank-file", "relay.before-publish", "relay.after-publish"),
        *_tries("refunds", "request", "activity.before-commit"),
        *_tries("approvals", "decision", "workflow.before-update", "workflow.after-update"),
        *_tries("approvals", "release", "form.before-commit", "form.after-commit"),
        *_tries("refunds", "release", "payment-file.write"),
        *_tries("notices", "release", "letter.write"),
    ),
    (
        *_tries("ledger", "bank-file", "relay.before-mark-commit", "relay.after-mark-commit"),
        *_tries("refunds", "request", "activity.after-commit"),
        *_tries("ledger", "decision", "inbox.before-commit"),
        *_tries("approvals", "decision", "workflow.before-settle-commit", "workflow.after-settle-commit"),
        *_tries("refunds", "release", "payment-file.written"),
        *_tries("notices", "release", "periodic.after-commit"),
    ),
    (
        *_tries("refunds", "bank-file", "events.before-offset-commit", "events.after-offset-commit"),
        *_tries("ledger", "request", "activity.after-commit"),
        *_tries("refunds", "request", "activity.after-return"),
        *_tries("ledger", "decision", "inbox.after-commit"),
        *_tries("approvals", "decision", "relay.after-publish"),
        *_tries("refunds", "release", "payment-file.renamed"),
        *_tries("notices", "release", "inbox.before-commit"),
    ),
    (
        *_tries("approvals", "request", "activity.after-commit"),
        *_tries("refunds", "release", "workflow.before-signal", "workflow.after-signal"),
        *_tries("refunds", "release", "submission.noted"),
        *_tries("notices", "release", "inbox.after-commit", "periodic.before-commit"),
    ),
    (
        *_tries("ledger", "decision", "events.before-offset-commit"),
        *_tries("refunds", "release", "submission.answered", "fate.answered"),
        *_tries("notices", "release", "relay.before-mark-commit"),
    ),
)

WRITE_OFF_ROUNDS: tuple[tuple[Try, ...], ...] = (
    (
        *_tries("approvals", "proposal", "form.write"),
        *_tries("writeoffs", "proposal", "command.before-commit"),
        *_tries("notices", "evidence", "activity.before-commit"),
        *_tries("writeoffs", "evidence", "workflow.before-signal"),
        *_tries("approvals", "schedule", "activity.before-commit"),
        *_tries("approvals", "decision", "form.before-commit"),
        *_tries("ledger", "decision", "inbox.before-commit"),
        *_tries("workflows", "decision", "story.before-answer"),
        *_tries("writeoffs", "payment", "inbox.before-commit"),
        *_tries("ledger", "second-decision", "activity.before-commit"),
        *_tries("writeoffs", "second-decision", "relay.before-publish"),
    ),
    (
        *_tries("writeoffs", "proposal", "workflow.before-start", "workflow.after-start"),
        *_tries("notices", "evidence", "activity.after-commit"),
        *_tries("writeoffs", "evidence", "command.after-commit", "workflow.after-signal"),
        *_tries("approvals", "schedule", "activity.after-commit"),
        *_tries("approvals", "decision", "form.after-commit"),
        *_tries("ledger", "decision", "activity.after-commit"),
        *_tries("ledger", "payment", "bank-file.before-commit"),
        *_tries("writeoffs", "payment", "inbox.after-commit"),
        *_tries("workflows", "second-decision", "story.before-end"),
    ),
    (
        *_tries("workflows", "proposal", "story.before-step"),
        *_tries("notices", "evidence", "relay.before-publish", "letter.written"),
        *_tries("writeoffs", "evidence", "activity.before-commit"),
        *_tries("writeoffs", "schedule", "command.before-commit", "activity.after-return"),
        *_tries("approvals", "decision", "workflow.before-update", "relay.after-publish"),
        *_tries("ledger", "decision", "inbox.after-commit", "relay.before-mark-commit"),
        *_tries("writeoffs", "payment", "events.before-offset-commit"),
        *_tries("ledger", "second-decision", "activity.after-return"),
    ),
    (
        *_tries("writeoffs", "proposal", "relay.after-publish"),
        *_tries("notices", "evidence", "letter.renamed"),
        *_tries("writeoffs", "schedule", "activity.after-commit", "command.after-commit"),
        *_tries("approvals", "decision", "workflow.after-update", "workflow.before-settle-commit"),
        *_tries("ledger", "decision", "seal.before-commit"),
        *_tries("ledger", "payment", "bank-file.after-commit"),
        *_tries("writeoffs", "payment", "workflow.before-settle-commit"),
        *_tries("ledger", "second-decision", "events.before-offset-commit"),
        *_tries("writeoffs", "second-decision", "events.after-offset-commit"),
    ),
)
"""The payment's own fact has writeoffs propose to put the debt back; what was decided on it comes last."""

BY_MAIL = ("letter.before-mail", "letter.mailed")
"""Places that are passed only where letters go by e-mail; they have a test of their own."""

BY_PARKING = ("parking.before-commit", "parking.after-commit")
"""Places that are passed only where an event can't be taken."""

BY_OPERATORS = (
    "drain.before-commit",
    "drain.after-commit",
    "drain.before-reason-commit",
    "drain.after-reason-commit",
    "discard.before-commit",
    "discard.after-commit",
)
"""Places that are passed only by what is done about such an event. These and the parking have tests of their own."""

NO_SPACE = ("form.write", "upload.write", "anchor.write", "payment-file.write", "letter.write")
"""Before each write of a file: here the disk can also be full."""


def sample(seed: int, of_refund: int, of_write_off: int) -> tuple[tuple[Try, ...], tuple[Try, ...]]:
    """Some tries of each way, by chance: none that needs another before it, and no place of a process on both, for they go on at once."""
    taken: set[tuple[str, str]] = set()
    chance, drawn = Random(seed), []
    for rounds, size in ((ROUNDS, of_refund), (WRITE_OFF_ROUNDS, of_write_off)):
        free = [one for tries in rounds for one in tries if one.place != "fate.answered"]
        found: list[Try] = []
        for one in chance.sample(free, len(free)):
            if len(found) < size and (one.process, one.place) not in taken:
                taken.add((one.process, one.place))
                found.append(one)
        drawn.append(tuple(found))
    return drawn[0], drawn[1]
