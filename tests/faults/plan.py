"""Where processes are made to fail along the way of a refund: each place at least once, a handful a refund."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Try:
    """The place, the process that fails there, and the step of the refund (`client.STEPS`) before which it is armed."""

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
        *_tries("notices", "release", "inbox.after-commit"),
    ),
    (
        *_tries("ledger", "decision", "events.before-offset-commit"),
        *_tries("refunds", "release", "submission.answered", "fate.answered"),
        *_tries("notices", "release", "relay.before-mark-commit"),
    ),
)
BY_MAIL = ("letter.before-mail", "letter.mailed")
"""Places that are passed only where letters go by e-mail; they have a test of their own."""

NO_SPACE = ("form.write", "upload.write", "anchor.write", "payment-file.write", "letter.write")
"""Before each write of a file: here the disk can also be full."""


def sample(seed: int, size: int) -> tuple[Try, ...]:
    """Some of the tries, by chance; none that needs another before it."""
    free = [one for tries in ROUNDS for one in tries if one.place != "fate.answered"]
    return tuple(Random(seed).sample(free, size))
