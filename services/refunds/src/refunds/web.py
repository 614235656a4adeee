"""What refunds hands out as bytes: a payment file, for finance alone, and the document of an evidence, for those who judge a case by it."""

from collections.abc import Callable, Sequence
from uuid import UUID

from chassis.answering import TurnedAway, caller_of, turned_away
from chassis.peers import Caller
from chassis.transaction import Runtime, Transaction, run
from rentbook_contracts.people import READS_ACCOUNTS, Role
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from refunds import queries
from refunds.domain.means import Means
from refunds.store import runs

# Kept by no one on the way, and never run: whatever a document holds, it is a file to be saved.
KEPT_OUT = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


def routes(means: Means) -> Callable[[Runtime], Sequence[BaseRoute]]:
    def given(runtime: Runtime) -> Sequence[BaseRoute]:
        async def payment_file(request: Request) -> Response:
            try:
                return await _payment_file(runtime, caller_of(runtime, request), request.path_params["run"], means)
            except TurnedAway as error:
                return turned_away(error)

        async def document(request: Request) -> Response:
            try:
                return await _document(runtime, caller_of(runtime, request), request.path_params["document"], means)
            except TurnedAway as error:
                return turned_away(error)

        return [Route("/payment-files/{run:uuid}", payment_file), Route("/documents/{document:uuid}", document)]

    return given


async def _payment_file(runtime: Runtime, caller: Caller, wanted: UUID, means: Means) -> Response:
    if Role.FINANCE not in caller.roles or Role.AUDITOR in caller.roles:
        raise TurnedAway(403, "NotYourPart", "Payment files are for finance.")
    found = await run(runtime, lambda tx: _file_of(tx, wanted, means), caller=caller, read_only=True)
    if found is None:
        raise TurnedAway(404, "NothingThere", "This payment run has no file.")
    name, content = found
    headers = {**KEPT_OUT, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type="text/plain; charset=us-ascii", headers=headers)


async def _file_of(tx: Transaction, wanted: UUID, means: Means) -> tuple[str, bytes] | None:
    """The name and the bytes of a run's file. Errors: Unopenable."""
    file = await runs.file_of(tx, wanted)
    return None if file is None else (str(file.name), await runs.content_of(tx, means.keys, file))


async def _document(runtime: Runtime, caller: Caller, wanted: UUID, means: Means) -> Response:
    if not caller.reads(READS_ACCOUNTS):
        raise TurnedAway(403, "NotYourPart", "Documents are for those who work on a case, decide or audit it.")
    found = await run(runtime, lambda tx: queries.document_of(tx, wanted, means), caller=caller, read_only=True)
    if found is None:
        raise TurnedAway(404, "NothingThere", "There is no such document.")
    media_type, content = found
    # Its own name is nobody's: it was never kept.
    headers = {**KEPT_OUT, "Content-Disposition": f'attachment; filename="document-{wanted}.{media_type.rpartition("/")[2]}"'}
    return Response(content, media_type=media_type, headers=headers)
