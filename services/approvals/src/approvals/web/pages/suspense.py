"""Suspense: money whose account is not known, placed by an officer or put back, row by row."""

from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import (
    CLEAR_SUSPENSE,
    REVERSE_JOURNAL,
    SPLIT_AMONG,
    SPLIT_SUSPENSE,
    SUSPENSE,
    ClearSuspense,
    ReverseJournal,
    SplitSuspense,
    SuspenseAsked,
    SuspensePart,
)
from starlette.responses import Response

from approvals.web.forms import Form, read_offset
from approvals.web.visit import NoSuchPage, Visit, note_refusal

ITEMS_A_PAGE = 25
LINES_OF_A_SPLIT = 4
"""How many accounts the form has room for at first."""

BECAUSE = {
    "payer": "this payer’s earlier payment was moved there",
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
            shown = form.value("amount")
            asked = ClearSuspense(item=item, reference=reference, amount_pence=int(shown) if shown.isdecimal() else None)
            await visit.command(CLEAR_SUSPENSE, asked, form)
        except Refused as refused:
            form.wrong(refused.message, field if refused.field == "reference" else None)
    return await _list(visit, form, form.value("offset")) if form.errors else visit.go("/suspense", done="placed")


async def ask_split(visit: Visit) -> Response:
    """One payment, to be split among several accounts."""
    return await _split(visit, Form())


async def split(visit: Visit) -> Response:
    """Move the parts that were typed, line by line; what they leave over goes on lying there."""
    form = await visit.sent()
    item: UUID = visit.request.path_params["item"]
    typed = [line for line in range(1, SPLIT_AMONG + 1) if form.value(f"reference-{line}").strip() or form.value(f"amount-{line}").strip()]
    parts = [_part(form, line) for line in typed]
    if not typed:
        form.wrong("Enter at least one account and its amount", "reference-1")
    if form.errors:
        return await _split(visit, form)
    try:
        await visit.command(SPLIT_SUSPENSE, SplitSuspense(item=item, parts=tuple(part for part in parts if part is not None)), form)
    except Refused as refused:
        fields = {f"reference-{number}": f"reference-{line}" for number, line in enumerate(typed, start=1)}
        form.wrong(refused.message, fields.get(refused.field or ""))
        return await _split(visit, form)
    return visit.go("/suspense", done="split")


def _part(form: Form, line: int) -> SuspensePart | None:
    reference = form.text(f"reference-{line}", needed=f"Enter the payment reference of line {line}", longest=40)
    if not form.value(f"amount-{line}").strip():
        form.wrong(f"Enter the amount of line {line}", f"amount-{line}")
    pence = form.pence(f"amount-{line}", f"The amount of line {line}")
    return SuspensePart(reference=reference, amount_pence=pence) if reference and pence and not form.errors else None


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


async def _split(visit: Visit, form: Form) -> Response:
    asked = SuspenseAsked(item=visit.request.path_params["item"], limit=1)
    found = (await visit.ask(SUSPENSE, asked)).items
    if not found or not found[0].may_be_moved:
        raise NoSuchPage("This payment does not lie in suspense any more, or is money out.")
    typed = [line for line in range(1, SPLIT_AMONG + 1) if form.value(f"reference-{line}") or form.value(f"amount-{line}")]
    more = visit.request.query_params.get("lines") == "all" or max(typed, default=0) > LINES_OF_A_SPLIT
    return visit.show(
        "split.html",
        "Split a payment",
        form=form,
        item=found[0],
        lines=range(1, (SPLIT_AMONG if more else LINES_OF_A_SPLIT) + 1),
        most=SPLIT_AMONG,
        because=BECAUSE,
    )


async def _list(visit: Visit, form: Form, typed: str) -> Response:
    offset = read_offset(typed)
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
