"""Keep a view of the worklist with its filters under a name, for the caller alone."""

from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import SameFormOtherContent, Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.rules import ApprovalRule

LONGEST_NAME_CHARACTERS = 60


class ViewWithoutName(ApprovalRule):
    """A saved view has a name."""


@dataclass(frozen=True)
class SaveView:
    name: str
    view: queries.View
    filters: queries.Filters


async def save_view(tx: Transaction, form: SaveView) -> Nothing:
    """The same name again replaces the view. Errors: ViewWithoutName, SameFormOtherContent."""
    name = form.name.strip()
    if not 0 < len(name) <= LONGEST_NAME_CHARACTERS:
        raise ViewWithoutName(f"Give the view a name of up to {LONGEST_NAME_CHARACTERS} characters.", field="name")
    id_, filters = store.form_of(tx), queries.filters_as_words(form.filters)
    saved = await store.view_of_form(tx, id_)
    if saved is None:
        await store.save_view(tx, id_, name, form.view, filters)
    elif saved != (name, form.view, filters):
        raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
    return Nothing()


async def forget_view(tx: Transaction, view: UUID) -> Nothing:
    """Forget one of the caller's own views; another person's stays."""
    await store.forget_view(tx, view)
    return Nothing()
