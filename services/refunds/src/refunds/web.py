"""The payment file itself, for finance: it carries bank details, so nobody else is given it."""

from collections.abc import Sequence
from uuid import UUID

from chassis.answering import TurnedAway, caller_of, turned_away
from chassis.transaction import Runtime, run
from rentbook_contracts.people import Role
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from refunds import queries


def routes(runtime: Runtime) -> Sequence[BaseRoute]:
    async def payment_file(request: Request) -> Response:
        try:
            caller = caller_of(runtime, request)
            if Role.FINANCE not in caller.roles or Role.AUDITOR in caller.roles:
                raise TurnedAway(403, "NotYourPart", "Payment files are for finance.")
            wanted: UUID = request.path_params["run"]
            found = await run(runtime, lambda tx: queries.payment_file_of(tx, wanted), caller=caller, read_only=True)
            if found is None:
                raise TurnedAway(404, "NothingThere", "This payment run has no file.")
        except TurnedAway as error:
            return turned_away(error)
        name, content = found
        kept_out = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(content, media_type="text/plain; charset=us-ascii", headers=kept_out)

    return [Route("/payment-files/{run:uuid}", payment_file)]
