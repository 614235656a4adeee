"""The task that a person goes on to after the one that they answered."""

from uuid import UUID

from starlette.responses import Response

from approvals import queries
from approvals.queries import View
from approvals.web.visit import Visit

MINE_LOOKED_AT = 20
"""How many of a person's tasks are looked at for the next one: questions to them and the task itself are passed over."""


async def next_task(visit: Visit, task: UUID) -> UUID | None:
    """The task that waits longest for this person, beside this one."""
    waiting = await visit.own(lambda tx: queries.worklist(tx, View.MINE, limit=MINE_LOOKED_AT))
    return next((row.task for row in waiting.rows if row.task != task and not row.asked_you), None)


async def go_on(visit: Visit, task: UUID, then: str) -> Response:
    """After an answer: to the task itself, or to the next one where that was asked for."""
    if then != "next":
        return visit.go(f"/tasks/{task}", done="sent")
    following = await next_task(visit, task)
    return visit.go(f"/tasks/{following}", done="next") if following else visit.go("/work", done="last")
