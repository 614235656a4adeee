"""Keep a view of the worklist with its filters under a name, for the caller alone."""

from dataclasses import dataclass
from uuid import UUID

from chassis.transaction import Transaction
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
    """The same name again replaces the view. Errors: ViewWithoutName."""
    name = form.name.strip()
    if not 0 < len(name) <= LONGEST_NAME_CHARACTERS:
        raise ViewWithoutName(f"Give the view a name of up to {LONGEST_NAME_CHARACTERS} characters.", field="name")
    await store.save_view(tx, store.form_of(tx), name, form.view, queries.filters_as_words(form.filters))
    return Nothing()


async def forget_view(tx: Transaction, view: UUID) -> Nothing:
    """Forget one of the caller's own views; another person's stays."""
    await store.forget_view(tx, view)
    return Nothing()
