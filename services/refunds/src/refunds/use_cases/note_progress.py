"""Note where a case stands, for its page."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing
from rentbook_contracts.refunds import NoteProgress

from refunds.store import cases


async def note_progress(tx: Transaction, told: NoteProgress) -> Nothing:
    """A status that is told again without words keeps the words that it had. Errors: UnknownCase.

    The last words of an attempt may come when the next has begun: they say nothing of it.
    """
    row = await cases.locked(tx, told.case)
    if row.attempt != told.attempt or (told.status == row.status and told.note is None):
        return Nothing()
    await cases.change(tx, row.id, status=told.status, status_note=told.note or "")
    await cases.note(tx, row.id, told.status.replace("-", " "), told.note or "")
    return Nothing()
