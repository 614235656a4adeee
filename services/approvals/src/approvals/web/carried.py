"""Bytes that pass through the desk as they are: a bank file to the ledger, a payment file, a letter or a document back to the person."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
from chassis.peers import Refused, Unanswered, headers_of
from pydantic import BaseModel, ValidationError
from rentbook_contracts.ledger import BankFilePage
from starlette.datastructures import UploadFile
from starlette.responses import Response

from approvals.web.visit import MayNot, NoSuchPage, Visit

UPLOAD_SECONDS = 300.0
"""How long the ledger may take to read and post a file."""

_CHUNK_OCTETS = 64 * 1024

_READ_ONLY_PAGE = "default-src 'none'; frame-ancestors 'none'"


async def send_bank_file(visit: Visit, upload: UploadFile, form_id: str, *, as_new: bool) -> BankFilePage:
    """Hand a bank file to the ledger in the person's name; its answer says taken, refused with every fault, or already taken.

    `as_new`: the person says that its payments are new, although an earlier file has most of them.
    Errors: Unanswered, Refused. Sending the same bytes again is safe: they are taken once.
    """
    peers = visit.desk.peers
    name = quote(upload.filename or "file", safe="") + ("&as_new=yes" if as_new else "")
    headers = {**headers_of(visit.caller(form_id), peers.token, form=form_id), "Content-Type": "application/octet-stream"}
    try:
        answer = await peers.http.post(
            f"{_base(visit, 'ledger')}/bank-files?name={name}", content=_chunks(upload), headers=headers, timeout=UPLOAD_SECONDS
        )
    except httpx.HTTPError as error:
        raise Unanswered("ledger", type(error).__name__) from error
    try:
        return BankFilePage.model_validate_json(answer.content)
    except ValidationError:
        raise _turned_away(answer) from None


async def fetch(visit: Visit, service: str, path: str, *, missing: str, name: str, media_type: str, inline: bool) -> Response:
    """A file of another service, asked for in the person's name; `missing` names it. Errors: Unanswered, NoSuchPage, MayNot."""
    peers = visit.desk.peers
    try:
        answer = await peers.http.get(
            f"{_base(visit, service)}{path}",
            headers=headers_of(visit.caller(), peers.token, form=None),
            timeout=peers.settings.peer_limit_seconds,
        )
    except httpx.HTTPError as error:
        raise Unanswered(service, type(error).__name__) from error
    if answer.status_code == 404:
        raise NoSuchPage(f"{missing[:1].upper()}{missing[1:]} is not here.")
    if answer.status_code == 403:
        raise MayNot(f"{missing[:1].upper()}{missing[1:]} is not for your role.")
    if answer.status_code != 200:
        raise Unanswered(service, f"answered {answer.status_code}")
    how, policy = ("inline", _READ_ONLY_PAGE) if inline else ("attachment", f"{_READ_ONLY_PAGE}; sandbox")
    headers = {"content-security-policy": policy, "content-disposition": f'{how}; filename="{name}"'}
    return Response(answer.content, media_type=media_type, headers=headers)


class _Refusal(BaseModel):
    rule: str
    message: str


def _turned_away(answer: httpx.Response) -> Exception:
    """What the ledger said instead of the file's page."""
    try:
        told = _Refusal.model_validate_json(answer.content)
    except ValidationError:
        return Unanswered("ledger", f"answered {answer.status_code} to a bank file")
    return Refused(told.rule, told.message) if 400 <= answer.status_code < 500 else Unanswered("ledger", told.rule)


def _base(visit: Visit, service: str) -> str:
    base = visit.desk.peers.settings.peers.get(service)
    if base is None:
        raise Unanswered(service, "has no address in RENTBOOK_PEERS")
    return base.rstrip("/")


async def _chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    await upload.seek(0)
    while chunk := await upload.read(_CHUNK_OCTETS):
        yield chunk
