"""Write down what was said with a tenant, on the account that it was about. It makes nobody a participant and is never changed.

That there was contact is told, and nothing of what was said: who speaks with us is not untraceable (domain.md 5.2).
"""

from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.approvals import TenantContacted
from rentbook_contracts.operation import Nothing

from approvals import store
from approvals.domain.eligibility import READS_ONLY, ReadsOnly
from approvals.domain.forms import NOT_IDENTIFIED, WriteContactNote
from approvals.domain.rules import ApprovalRule

LONGEST_CHARACTERS = 2000


class NoteSaysNothing(ApprovalRule):
    """A contact note has words, and not too many."""


async def write_contact_note(tx: Transaction, form: WriteContactNote) -> Nothing:
    """Keep the note under the form's id, and tell that the tenant was spoken with; the same form again does nothing.

    Errors: NoteSaysNothing, ReadsOnly, SameFormOtherContent.
    """
    if tx.caller.roles <= READS_ONLY:
        raise ReadsOnly("An auditor reads everything and changes nothing.")
    words = form.text.strip()
    if not 0 < len(words) <= LONGEST_CHARACTERS:
        raise NoteSaysNothing(f"Write a note of up to {LONGEST_CHARACTERS:,} characters.", field="text")
    note = store.form_of(tx)
    said: dict[str, str | UUID] = {"account": form.account, "how": form.how, "identified": form.identified, "text": words}
    written_at = await store.add_contact_note(tx, note, **said)
    if written_at is None:
        if not await store.is_contact_note(tx, note, **said):
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    elif form.identified != NOT_IDENTIFIED:
        await tx.publish(TenantContacted(note=note, account=form.account, noted_at=written_at), version=1)
    return Nothing()
