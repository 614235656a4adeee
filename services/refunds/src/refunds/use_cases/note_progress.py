"""Note where a case stands, for its page."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import CaseStatus, NoteProgress

from refunds.domain.rules import RefundRule
from refunds.store import cases

ON_THE_WAY = frozenset({
    CaseStatus.CHECKING, CaseStatus.WAITING_FOR_EVIDENCE, CaseStatus.WITH_APPROVER, CaseStatus.SENT_BACK, CaseStatus.APPROVED,
    CaseStatus.RELEASED, CaseStatus.WITH_BANK,
})  # fmt: skip
"""Where a story may say that its case stands. How it ended is for `close_case`."""


class NotOnTheWay(RefundRule):
    """A case is opened and ended by other steps."""


async def note_progress(tx: Transaction, told: NoteProgress) -> Nothing:
    """A status that is told again without words keeps the words that it had. Errors: UnknownCase, NotOnTheWay.

    The last words of an attempt may come when the next has begun, or the case has ended: they say nothing of it.
    """
    if told.status not in ON_THE_WAY:
        raise NotOnTheWay("A case does not come to stand there by a step on its way.")
    row = await cases.locked(tx, told.case)
    if row.attempt != told.attempt or not row.is_open or (told.status == row.status and told.note is None):
        return Nothing()
    await cases.change(tx, row.id, status=told.status, status_note=told.note or "")
    await cases.note(tx, row.id, told.status.replace("-", " "), told.note or "")
    return Nothing()
