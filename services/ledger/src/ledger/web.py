"""The ledger's addresses beside its queries and commands: bank files come in as they are, the journal goes out whole."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import IO

from chassis.answering import TurnedAway, caller_of, refusal, turned_away
from chassis.failpoint import reached, write_at
from chassis.peers import Caller
from chassis.telemetry import named
from chassis.transaction import Runtime, Transaction, run, transaction
from opentelemetry.trace import SpanKind
from rentbook_contracts.ledger import BANK_FILE_LIMIT_BYTES, BankFilePage, FileStatus
from rentbook_contracts.operation import BrokenRule
from rentbook_contracts.people import READS_ACCOUNTS
from sqlalchemy.exc import DBAPIError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ledger import store
from ledger.domain.bank_file import BankFile, ReadingTerms, read_bank_file
from ledger.domain.dates import business_date
from ledger.domain.payer import KEY_FILE, fingerprint, read_key
from ledger.queries.export import FORMATS, exported_journal
from ledger.use_cases.import_receipts import Upload, import_receipts
from ledger.use_cases.permission import may_change

log = logging.getLogger(__name__)

MEMORY_BYTES = 1024 * 1024
"""How much of an upload is held in memory; the rest goes to a temporary file."""

DRAINED_BYTES = 256 * 1024 * 1024
"""How much of a file that is too large is still read, and thrown away, so that its sender hears the answer."""

FILES_AT_ONCE = 1
"""How many uploads are read at once: the next waits on the disk, not in memory."""

NAME_CHARACTERS = 200
NAMELESS = "(a file without a name)"
"""What a file is called whose name has nothing that can be shown."""

_STATUS_CODES = {FileStatus.TAKEN: 201, FileStatus.ALREADY_TAKEN: 200, FileStatus.REFUSED: 422}


def routes(runtime: Runtime) -> Sequence[BaseRoute]:
    """POST /bank-files and GET /export/journal, both for Rentbook's own services only."""
    return (
        Route("/bank-files", partial(_bank_files, runtime, asyncio.Semaphore(FILES_AT_ONCE)), methods=["POST"]),
        Route("/export/journal", partial(_export, runtime), methods=["GET"]),
    )


async def _bank_files(runtime: Runtime, turn: asyncio.Semaphore, request: Request) -> Response:
    try:
        caller = caller_of(runtime, request)
        may_change(caller)
        with runtime.telemetry.span("POST /bank-files", kind=SpanKind.SERVER, carried=request.headers):
            page = await _take(runtime, turn, caller, request)
    except TurnedAway as error:
        return turned_away(error)
    except BrokenRule as error:
        return refusal(error)
    except (OSError, DBAPIError) as error:
        log.error("a bank file could not be taken", extra={"path": "/bank-files", "fault": named(error)})
        words = "The file could not be taken now, and nothing of it was posted. Send it again: what was taken is not taken twice."
        return turned_away(TurnedAway(503, "NoAnswer", words))
    return Response(page.model_dump_json(), status_code=_STATUS_CODES[page.status], media_type="application/json")


async def _take(runtime: Runtime, turn: asyncio.Semaphore, caller: Caller, request: Request) -> BankFilePage:
    given = request.query_params.get("name", "")
    if not given:
        raise TurnedAway(400, "NoName", "The query parameter `name` names the file.")
    name = "".join(character for character in given if character.isprintable()).strip()[:NAME_CHARACTERS] or NAMELESS
    settings = runtime.settings
    key = read_key(settings.secret(KEY_FILE))
    terms = await run(runtime, _terms, caller=caller, read_only=True)
    with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES, dir=str(settings.state_dir) if settings.state_dir else None) as file:
        await _receive(request, file)
        async with turn:
            content = await asyncio.to_thread(_read, file, terms)
    upload = Upload(name, content, lambda account: fingerprint(key, account), as_new=request.query_params.get("as_new") == "yes")
    reached("bank-file.read")
    page = await run(runtime, lambda tx: import_receipts(tx, upload), caller=caller)
    reached("bank-file.after-commit")
    return page


async def _terms(tx: Transaction) -> ReadingTerms:
    return await store.reading_terms(tx, business_date(tx.now), BANK_FILE_LIMIT_BYTES)


async def _receive(request: Request, file: IO[bytes]) -> None:
    """Keep what arrives up to one byte above the limit: enough to know that it is too large."""
    kept = arrived = 0
    try:
        async for chunk in request.stream():
            arrived += len(chunk)
            part = chunk[: BANK_FILE_LIMIT_BYTES + 1 - kept]
            kept += len(part)
            write_at("upload.write", file, part)
            if arrived > DRAINED_BYTES:
                return
    except ClientDisconnect:
        raise TurnedAway(400, "CutOff", "The file did not arrive whole. Nothing was taken.") from None


def _read(file: IO[bytes], terms: ReadingTerms) -> BankFile:
    file.seek(0)
    return read_bank_file(file, terms)


async def _export(runtime: Runtime, request: Request) -> Response:
    try:
        caller = caller_of(runtime, request)
        if not caller.reads(READS_ACCOUNTS):
            raise TurnedAway(403, "NotYourPart", "The journal is for those who read tenants’ accounts.")
        form = FORMATS.get(request.query_params.get("format", "hledger"))
        if form is None:
            raise TurnedAway(400, "UnknownFormat", f"The format is one of {', '.join(sorted(FORMATS))}.")
    except TurnedAway as error:
        return turned_away(error)

    async def lines() -> AsyncIterator[bytes]:
        async with transaction(runtime, caller=caller, read_only=True) as tx:
            # It holds nothing that anybody waits for, and a whole estate's journal takes as long as it takes.
            await tx.take_as_long_as_it_takes()
            async for part in exported_journal(tx, form):
                yield part

    headers = {"Content-Disposition": f'attachment; filename="journal.{form.extension}"'}
    return StreamingResponse(lines(), media_type=form.media_type, headers=headers)
