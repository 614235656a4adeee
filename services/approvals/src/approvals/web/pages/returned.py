"""A return in suspense that does not say which payment the bank took back: a person says it, or takes that back."""

from uuid import UUID

from chassis.peers import Refused
from rentbook_contracts.ledger import MATCH_RETURN, RETURN_PAGE, UNMATCH_RETURN, MatchReturn, ReturnAsked, UnmatchReturn
from starlette.responses import Response

from approvals.web.forms import Form, read_uuid
from approvals.web.visit import Visit, note_refusal

SPEAKS = {
    "bank-account": "paid from the same bank account",
    "reference": "both quote the same reference",
    "words": "the same words",
    "name": "the same name",
}
AGAINST = {
    "other-bank-account": "paid from another bank account",
    "later": "it came after the return",
    "cleared": "it had cleared before the return",
    "closed": "it stands on a closed account, onto which nothing is posted",
}
"""What speaks for and against a payment, in words."""


async def show(visit: Visit) -> Response:
    """The return with the payments that it may take back, or with what was said of it."""
    return await _show(visit, Form())


async def match(visit: Visit) -> Response:
    """Say which payment the bank took back."""
    form = await visit.sent()
    item: UUID = visit.request.path_params["item"]
    payment = read_uuid(form.value("payment"))
    if payment is None:
        form.wrong("Choose the payment that the bank took back", "payment")
    reason = form.text("match_reason", needed="Say how you know that it was this payment", longest=200)
    if payment is not None and not form.errors:
        try:
            await visit.command(MATCH_RETURN, MatchReturn(item=item, payment=payment, reason=reason), form)
        except Refused as refused:
            note_refusal(form, refused, {"payment"})
    return await _show(visit, form) if form.errors else visit.go(f"/suspense/{item}/return", done="matched")


async def unmatch(visit: Visit) -> Response:
    """Take back what was said: the payment stands where it stood, and the return lies in suspense again."""
    form = await visit.sent()
    item: UUID = visit.request.path_params["item"]
    reason = form.text("unmatch_reason", needed="Say why it was another payment", longest=200)
    if form.errors:
        return await _show(visit, form)
    try:
        await visit.command(UNMATCH_RETURN, UnmatchReturn(item=item, reason=reason), form)
    except Refused as refused:
        note_refusal(form, refused)
        return await _show(visit, form)
    return visit.go("/suspense", done="unmatched")


async def _show(visit: Visit, form: Form) -> Response:
    typed = visit.request.query_params.get("reference", "").strip()[:40] or form.value("reference").strip()[:40]
    page = await visit.ask(RETURN_PAGE, ReturnAsked(item=visit.request.path_params["item"], reference=typed or None))
    return visit.show(
        "returned.html",
        "A payment that the bank took back",
        form=form,
        page=page,
        open=[one for one in page.payments if "closed" not in one.against],
        closed=[one for one in page.payments if "closed" in one.against],
        reference=typed,
        speaks=SPEAKS,
        against=AGAINST,
        names=await visit.names(),
    )
