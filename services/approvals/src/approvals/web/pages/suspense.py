"""Suspense: money whose account is not known, placed by an officer or put back, row by row."""

from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import CLEAR_SUSPENSE, REVERSE_JOURNAL, SUSPENSE, ClearSuspense, ReverseJournal, SuspenseAsked
from starlette.responses import Response

from approvals.web.forms import Form
from approvals.web.visit import Visit, note_refusal

ITEMS_A_PAGE = 25

BECAUSE = {
    "reference": "its reference, as quoted or with one slip",
    "name": "the payer’s name",
    "charge": "the amount is its charge for whole weeks",
    "debt": "the amount is all that is owed",
}
"""What speaks for an account, in words."""

PUT_BACK = "Put back into suspense: it was moved to this account by mistake"


async def listed(visit: Visit) -> Response:
    """What lies in suspense, oldest first, and what was moved lately."""
    return await _list(visit, Form(), visit.request.query_params.get("offset", ""))


async def move(visit: Visit) -> Response:
    """Move one payment onto the account whose reference was accepted or typed."""
    item: UUID = visit.request.path_params["item"]
    form = await visit.sent()
    field = f"reference-{item}"
    reference = form.text(field, needed="Enter the payment reference of the account", longest=40)
    if not form.errors:
        try:
            await visit.command(CLEAR_SUSPENSE, ClearSuspense(item=item, reference=reference), form)
        except Refused as refused:
            form.wrong(refused.message, field if refused.field == "reference" else None)
    return await _list(visit, form, form.value("offset")) if form.errors else visit.go("/suspense", done="placed")


async def put_back(visit: Visit) -> Response:
    """Undo a move: the payment lies in suspense again, and the account shows both."""
    form = await visit.sent()
    journal: UUID = visit.request.path_params["journal"]
    try:
        await visit.command(REVERSE_JOURNAL, ReverseJournal(journal=journal, reason=PUT_BACK), form)
    except Refused as refused:
        note_refusal(form, refused)
        return await _list(visit, form, "")
    return visit.go("/suspense", done="put-back")


async def _list(visit: Visit, form: Form, typed: str) -> Response:
    offset = int(typed) if typed.isdecimal() and len(typed) < 8 else 0
    found = await visit.ask_or_name(SUSPENSE, SuspenseAsked(offset=offset, limit=ITEMS_A_PAGE), "what lies in suspense")
    return visit.show(
        "suspense.html",
        "Suspense",
        form=form,
        found=found,
        offset=offset,
        limit=ITEMS_A_PAGE,
        names=await visit.names(),
        because=BECAUSE,
    )
