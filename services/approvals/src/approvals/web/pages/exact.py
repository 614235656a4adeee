"""Exact suggestions of suspense accepted together: ticked with their total in sight, shown once more, moved, each with its own result."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid5

from chassis.peers import Refused, Unanswered
from rentbook_contracts.ledger import CLEAR_SUSPENSE, SUSPENSE, ClearSuspense, SuspenseAsked, SuspenseItem, SuspenseMatch
from starlette.responses import Response

from approvals.web.forms import Form, read_uuid
from approvals.web.pages.suspense import BECAUSE
from approvals.web.visit import MayNot, Visit

LOOKED_AT = 100
"""How many payments in suspense, the oldest first, the page looks through for exact suggestions."""

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
    _for_officers(visit)
    form = await visit.sent()
    ticked = {item for item in map(read_uuid, form.chosen("item")) if item is not None}
    if not ticked:
        form.wrong("Tick at least one payment", "item")
        return await _list(visit, form)
    lines = await _exact(visit)
    chosen = [line for line in lines or () if line.item.item in ticked]
    return visit.show(
        "exact_chosen.html",
        "Move these payments",
        form=form,
        lines=chosen if lines is not None else None,
        gone=len(ticked) - len(chosen),
        total_pence=_total(chosen),
        because=BECAUSE,
        names=await visit.names(),
    )


async def move(visit: Visit) -> Response:
    """Move each payment that was shown, by itself, if it still lies with that amount and suggestion. Sent again, none moves twice."""
    _for_officers(visit)
    form = await visit.sent()
    gate = asyncio.Semaphore(MOVED_AT_ONCE)
    shown = [asked for item in form.chosen("item")[:LOOKED_AT] if (asked := _shown(form, item)) is not None]
    results = await asyncio.gather(*(_move(visit, form, asked, gate) for asked in shown))
    moved = [result for result in results if result.why_not is None]
    return visit.show(
        "exact_moved.html",
        "What was moved",
        moved=moved,
        left=[result for result in results if result.why_not is not None],
        total_pence=sum(result.amount_pence for result in moved),
    )


def _for_officers(visit: Visit) -> None:
    if not visit.person.may_handle_cases:
        raise MayNot("Officers and those who lead them place what lies in suspense.")


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
    lines = await _exact(visit)
    return visit.show(
        "exact.html",
        "Exact suggestions",
        form=form,
        lines=lines,
        total_pence=_total(lines or ()),
        looked_at=LOOKED_AT,
        because=BECAUSE,
        names=await visit.names(),
    )


async def _exact(visit: Visit) -> list[Line] | None:
    """The exact suggestions among the oldest payments; None where the ledger does not answer."""
    found = await visit.ask_or_name(SUSPENSE, SuspenseAsked(limit=LOOKED_AT), "what lies in suspense")
    if found is None:
        return None
    return [Line(item, match) for item in found.items for match in item.matches if match.exact]


def _total(lines: Sequence[Line]) -> int:
    return sum(line.item.amount_pence for line in lines)
