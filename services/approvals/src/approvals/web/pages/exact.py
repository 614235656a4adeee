"""Exact suggestions of suspense accepted together, page by page: ticked, shown once more with their total, moved, each by itself."""

import asyncio
from dataclasses import dataclass
from uuid import uuid5

from chassis.peers import Refused, Unanswered
from rentbook_contracts.ledger import (
    CLEAR_SUSPENSE,
    EXACT_SUGGESTIONS,
    ClearSuspense,
    ExactAsked,
    ExactSuggestions,
    SuspenseItem,
    SuspenseMatch,
)
from starlette.responses import Response

from approvals.web.forms import Form, read_offset, read_uuid
from approvals.web.pages.suspense import BECAUSE
from approvals.web.visit import Visit

LINES_A_PAGE = 100
"""How many exact suggestions are ticked and moved at a time."""

MOVED_AT_ONCE = 4
"""How many moves are asked of the ledger at a time."""


@dataclass(frozen=True)
class Line:
    """A payment with the one account that is suggested for it."""

    item: SuspenseItem
    match: SuspenseMatch


@dataclass(frozen=True)
class Moved:
    """What became of a line: `why_not` is None where it was moved."""

    amount_pence: int
    reference: str
    why_not: str | None


async def listed(visit: Visit) -> Response:
    """The payments with an exact suggestion, to be ticked."""
    return await _list(visit, Form())


async def preview(visit: Visit) -> Response:
    """What was ticked, once more, with the total and where it goes. What has changed since it was listed is counted and left out."""
    form = await visit.sent()
    ticked = tuple(dict.fromkeys(item for item in map(read_uuid, form.chosen("item")) if item is not None))[:LINES_A_PAGE]
    if not ticked:
        form.wrong("Tick at least one payment", "item")
        return await _list(visit, form)
    found = await _exact(visit, ExactAsked(items=ticked))
    return visit.show(
        "exact_chosen.html",
        "Move these payments",
        form=form,
        lines=_lines(found) if found is not None else None,
        gone=len(ticked) - found.in_all if found is not None else 0,
        total_pence=found.total_pence if found is not None else 0,
        because=BECAUSE,
        names=await visit.names(),
    )


async def move(visit: Visit) -> Response:
    """Move each payment that was shown, by itself, if it still lies with that amount and suggestion. Sent again, none moves twice."""
    form = await visit.sent()
    gate = asyncio.Semaphore(MOVED_AT_ONCE)
    shown = [asked for item in form.chosen("item")[:LINES_A_PAGE] if (asked := _shown(form, item)) is not None]
    results = await asyncio.gather(*(_move(visit, form, asked, gate) for asked in shown))
    moved = [result for result in results if result.why_not is None]
    remain = await _exact(visit, ExactAsked(limit=1))
    return visit.show(
        "exact_moved.html",
        "What was moved",
        moved=moved,
        left=[result for result in results if result.why_not is not None],
        total_pence=sum(result.amount_pence for result in moved),
        remain=remain.in_all if remain is not None else None,
    )


def _shown(form: Form, typed: str) -> ClearSuspense | None:
    """A line as the preview showed it; None where the form was tampered with."""
    item, reference, amount = read_uuid(typed), form.value(f"reference-{typed}"), form.value(f"amount-{typed}")
    if item is None or not 0 < len(reference) <= 40 or not amount.isdecimal() or not 0 < len(amount) < 12 or int(amount) == 0:
        return None
    return ClearSuspense(item=item, reference=reference, amount_pence=int(amount), as_suggested=True)


async def _move(visit: Visit, form: Form, asked: ClearSuspense, gate: asyncio.Semaphore) -> Moved:
    whole, pence = read_uuid(form.id), asked.amount_pence or 0
    if whole is None:
        return Moved(pence, asked.reference, "The form did not come whole. Choose again.")
    async with gate:
        try:
            await visit.command(CLEAR_SUSPENSE, asked, Form(str(uuid5(whole, str(asked.item)))))
        except Refused as refused:
            return Moved(pence, asked.reference, refused.message)
        except Unanswered:
            return Moved(
                pence, asked.reference, "The ledger does not answer. Choose it again later: if it was moved after all, nothing moves twice."
            )
    return Moved(pence, asked.reference, None)


async def _list(visit: Visit, form: Form) -> Response:
    offset = read_offset(visit.request.query_params.get("offset", "") or form.value("offset"))
    found = await _exact(visit, ExactAsked(offset=offset, limit=LINES_A_PAGE))
    return visit.show(
        "exact.html",
        "Exact suggestions",
        form=form,
        found=found,
        lines=_lines(found) if found is not None else [],
        offset=offset,
        limit=LINES_A_PAGE,
        because=BECAUSE,
        names=await visit.names(),
    )


async def _exact(visit: Visit, asked: ExactAsked) -> ExactSuggestions | None:
    """None where the ledger does not answer."""
    return await visit.ask_or_name(EXACT_SUGGESTIONS, asked, "what lies in suspense")


def _lines(found: ExactSuggestions) -> list[Line]:
    return [Line(item, match) for item in found.items for match in item.matches]
