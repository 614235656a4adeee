"""The letters themselves, for Rentbook's own services."""

from collections.abc import Sequence
from functools import partial

from chassis.answering import TurnedAway, caller_of, turned_away
from chassis.transaction import Runtime, transaction
from rentbook_contracts.people import READS_ACCOUNTS
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from notices.queries import pdf_of


def routes(runtime: Runtime) -> Sequence[BaseRoute]:
    """GET /letters/LETTER.pdf."""
    return (Route("/letters/{letter:uuid}.pdf", partial(_letter, runtime), methods=["GET"]),)


async def _letter(runtime: Runtime, request: Request) -> Response:
    try:
        caller = caller_of(runtime, request)
        if not caller.reads(READS_ACCOUNTS):
            raise TurnedAway(403, "NotYourPart", "Letters are for those who read tenants’ accounts.")
    except TurnedAway as error:
        return turned_away(error)
    async with transaction(runtime, caller=caller, read_only=True) as tx:
        pdf = await pdf_of(tx, request.path_params["letter"])
    if pdf is None:
        return turned_away(TurnedAway(404, "NoSuchLetter", "There is no such letter, or it could not be made."))
    return Response(pdf, media_type="application/pdf")
