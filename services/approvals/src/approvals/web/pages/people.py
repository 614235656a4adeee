"""Who may do what, and when they last did: the review of access, for those who answer for it."""

from datetime import date, datetime

from rentbook_contracts.people import Role
from rentbook_contracts.words import safe_cell
from starlette.responses import Response

from approvals import queries
from approvals.queries import PersonAccess
from approvals.web.entries_csv import written
from approvals.web.visit import MayNot, Visit
from approvals.web.wording import london, pounds, said

REVIEWERS = frozenset({Role.AUDITOR, Role.INCOME_MANAGER, Role.HEAD_OF_SERVICE, Role.S151_OFFICER})
"""Who answers for what others may do."""

COLUMNS = (
    "Name", "Signs in as", "Roles", "May decide up to", "May release runs up to", "Lent by", "Last signed in", "Last decided",
    "Last recalled", "Last released a run", "Last took part in a case", "Not seen for too long",
)  # fmt: skip


async def show(visit: Visit) -> Response:
    """Everyone who ever signed in, who was not seen for longest last."""
    _may_review(visit)
    review = await visit.own(queries.access_review)
    return visit.show("people.html", "Who may do what, last used when", review=review, limit_words=limit_words)


async def export(visit: Visit) -> Response:
    """The same as a file for a spreadsheet."""
    _may_review(visit)
    review = await visit.own(queries.access_review)
    rows = [_row(one) for one in review.people]
    headers = {"content-disposition": f'attachment; filename="access-{visit.today.isoformat()}.csv"', "cache-control": "no-store"}
    return Response(written(COLUMNS, rows), media_type="text/csv; charset=utf-8", headers=headers)


def limit_words(limits: tuple[tuple[int, int | None], ...]) -> str:
    """Limits by stage in words: *£500.00*, *no limit as the second decision*, or nothing."""
    order = {2: " as the second decision", 3: " as the third decision"}
    return "; ".join(f"{pounds(pence) if pence is not None else 'no limit'}{order.get(stage, '')}" for stage, pence in limits)


def _may_review(visit: Visit) -> None:
    if not visit.person.has(*REVIEWERS):
        raise MayNot("Who may do what is reviewed by auditors, the income manager and those above.")


def _row(one: PersonAccess) -> tuple[str, ...]:
    return (
        safe_cell(one.name),
        safe_cell(one.subject),
        ", ".join(said(role) for role in one.roles),
        limit_words(one.decides),
        limit_words(one.releases),
        safe_cell(", ".join(f"{name}, {pounds(pence)}" for name, pence in one.lent)),
        _day(one.last_seen_at),
        _day(one.last_decided_at),
        _day(one.last_recalled_at),
        _day(one.last_released_at),
        _day(one.last_took_part_at),
        "yes" if one.unused else "",
    )


def _day(moment: datetime | None) -> str:
    on: date | None = london(moment).date() if moment else None
    return on.isoformat() if on else ""
