"""Remember when a person last looked at a case, so that its page can say what changed since."""

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.forms import OfTask
from approvals.domain.tasks import found


async def note_seen(tx: Transaction, form: OfTask) -> Nothing:
    """Call it after the page was read, or it would say that nothing changed. Errors: NoSuchTask."""
    head = found(await queries.task_head(tx, form.task))
    await store.note_seen(tx, head.case)
    return Nothing()
