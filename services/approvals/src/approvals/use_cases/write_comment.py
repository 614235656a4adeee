"""Say something about a task, for colleagues to read. It makes nobody a participant."""

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.eligibility import READS_ONLY, ReadsOnly
from approvals.domain.forms import WriteComment
from approvals.domain.rules import ApprovalRule
from approvals.domain.tasks import found

LONGEST_CHARACTERS = 2000


class CommentSaysNothing(ApprovalRule):
    """A comment has words, and not too many."""


async def write_comment(tx: Transaction, form: WriteComment) -> Nothing:
    """Keep the comment under the form's id; the same form again does nothing.

    Errors: NoSuchTask, CommentSaysNothing, ReadsOnly, SameFormOtherContent.
    """
    if tx.caller.roles <= READS_ONLY:
        raise ReadsOnly("An auditor reads everything and changes nothing.")
    head = found(await queries.task_head(tx, form.task))
    words = form.text.strip()
    if not 0 < len(words) <= LONGEST_CHARACTERS:
        raise CommentSaysNothing(f"Write a comment of up to {LONGEST_CHARACTERS:,} characters.", field="text")
    if not await store.add_comment(tx, store.form_of(tx), head.id, head.case, words):
        raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    return Nothing()
