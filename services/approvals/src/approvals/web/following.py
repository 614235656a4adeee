"""The task that a person goes on to after the one that they answered."""

from uuid import UUID

from starlette.responses import Response

from approvals import queries
from approvals.web.visit import Visit


async def next_task(visit: Visit, task: UUID) -> UUID | None:
    """The task that waits longest for this person, beside this one; questions to them stand on Work."""
    return await visit.own(lambda tx: queries.next_waiting(tx, task))


async def go_on(visit: Visit, task: UUID, then: str) -> Response:
    """After an answer: to the task itself, or to the next one where that was asked for."""
    if then != "next":
        return visit.go(f"/tasks/{task}", done="sent")
    following = await next_task(visit, task)
    return visit.go(f"/tasks/{following}", done="next") if following else visit.go("/work", done="last")
