"""Sign for a selection: from here on each line is decided by itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis.transaction import Transaction
from rentbook_contracts.operation import Nothing

from approvals import queries, store
from approvals.domain.tasks import Kind
from approvals.domain.together import NoSuchSelection, NotYourSelection, caps_objection, signing_objection


@dataclass(frozen=True)
class SignTogether:
    """`authenticated_at`: when the sign-in last asked the caller who they are, UTC."""

    selection: UUID
    authenticated_at: datetime | None


async def sign_together(tx: Transaction, form: SignTogether) -> Nothing:
    """Sign as the caller; signed once, it stays so. Errors: NoSuchSelection, what `signing_objection` and `caps_objection` name."""
    chosen = await queries.selection(tx, form.selection)
    if chosen is None:
        raise NoSuchSelection("There is no such selection.")
    if chosen.signed_at is not None:
        if chosen.person != tx.caller.person:
            raise NotYourSelection("A colleague made this selection. Make your own.")
        return Nothing()
    in_force = await queries.policy_in_force(tx, Kind.REFUND)
    refused = signing_objection(chosen, tx.caller.person, form.authenticated_at, tx.now)
    refused = refused or caps_objection(in_force, [line.amount_pence for line in chosen.lines])
    if refused is not None:
        raise refused
    assert form.authenticated_at is not None, "signing_objection asks for it"
    await store.sign_selection(tx, chosen.id, form.authenticated_at)
    return Nothing()
