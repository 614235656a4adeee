"""The stories that cases and payment runs need, and what becomes of both while one is gone from Temporal."""

from datetime import timedelta
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.workflows import RUN_LINE_SETTLED, RunLineSettled, payment_run_workflow_id, refund_workflow_id

from refunds.store import cases, runs
from refunds.use_cases.case_work import say_changed
from refunds.use_cases.line_posted import drop_line

STORY_IS_GONE = "The story of this refund had ended in Temporal. It is decided and paid anew, once an operator has taken it up again."

UNLISTED_LIMIT = timedelta(minutes=5)
"""Where an approval falls, by a recall or because the case was changed, its story takes it off the list and goes another round at once."""


async def needed(tx: Transaction) -> list[str]:
    """Every open case that somebody asked for has a story of its attempt, and every run one until its lines are settled."""
    followed = [refund_workflow_id(case, attempt) for case, attempt in await cases.followed(tx)]
    return followed + [payment_run_workflow_id(run) for run in await runs.under_way(tx)]


async def in_vain(tx: Transaction) -> list[str]:
    """An approved refund that no list and no run holds is never released: its story waits for that, unless it is told to look again. And
    one that was released goes on at once, unless its story does not know.

    No step on its way leaves a case so. Whoever reaches Temporal could take a line out of its run, or a payment off the list, or have a
    story told anew without what it was told.
    """
    before = tx.now - UNLISTED_LIMIT
    waits = await cases.unlisted(tx, before=before) + await runs.unheard(tx, before=before)
    return [refund_workflow_id(case, attempt) for case, attempt in waits]


async def take_up(tx: Transaction, story: str) -> None:
    """A case is checked and decided anew, unless its payment is under way: what it was told meanwhile is lost, and the rows stand."""
    if (run := _run_of(story)) is not None:
        for line in await runs.lines_of(tx, run):
            if line.status != runs.RELEASED:
                await tx.signal(story, RUN_LINE_SETTLED, RunLineSettled(case=line.case_id))
        return
    case, attempt = _attempt_of(story)
    row = await cases.locked(tx, case)
    if row.is_open and row.attempt == attempt:
        await cases.note(tx, case, "taken up again")
        await say_changed(tx, row)


async def without(tx: Transaction, story: str) -> None:
    """The run that waits for this story's word on its line waits no longer: the ledger says whether it is posted, and never posts it after.

    Errors: Unanswered (ledger): done at the next look.
    """
    if _run_of(story) is not None:
        return
    case, attempt = _attempt_of(story)
    row = await cases.locked(tx, case)
    line = await runs.live_line(tx, case, attempt)
    if row.attempt == attempt and line is not None and line.status == runs.RELEASED:
        await drop_line(tx, row, line, STORY_IS_GONE)


def _run_of(story: str) -> UUID | None:
    """The run that a story is of, by the workflow ids of the contracts; None where it is a case's."""
    kind, _, id_ = story.partition("/")
    return UUID(id_) if kind == "payment-run" else None


def _attempt_of(story: str) -> tuple[UUID, int]:
    _, case, attempt = story.split("/")
    return UUID(case), int(attempt)
