"""What every answer of the desk carries and every request must respect: headers, a nonce, the origin, a bounded body."""

import asyncio
import contextlib
import re
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORM_OCTETS = 1_000_000
"""The most that an ordinary form may weigh, in octets."""

UPLOAD_OCTETS = 105_000_000
"""The most that the desk takes in with a file, in octets: five times a bank file’s limit, so that a larger one is refused by its name."""

DOCUMENT_OCTETS = 11_000_000
"""The most that a form may weigh with a document, be it evidence or a minute: 10 MB and more, so that a larger one is refused by reason."""

DRAINED_OCTETS = 256 * 1024 * 1024
"""How much of a body that is too large is still read, and thrown away: whoever is still sending may lose an answer with the connection."""

DRAIN_SECONDS = 300.0
"""How long at most: a slow line takes so long for what the desk takes in."""

DOCUMENT_FORMS = re.compile(r"/cases/[^/]+/evidence|/tasks/[^/]+/decision")
"""Where forms with a document are sent."""

_LIMITS = (
    (re.compile(r"/files"), UPLOAD_OCTETS),
    (DOCUMENT_FORMS, DOCUMENT_OCTETS),
)

CSP = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)

HEADERS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # same-origin, not no-referrer: under no-referrer a browser sends "Origin: null" with the desk's own forms
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


class BodyTooLarge(Exception):
    """A request weighs more than the desk takes in."""


class Guard:
    """The outermost layer: security headers with a fresh nonce on every answer, faults included, and a limit on every body."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self.https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce
        limit = next((octets for path, octets in _LIMITS if path.fullmatch(scope["path"])), FORM_OCTETS)
        body = _Body(receive, send, limit, _declared_length(scope))
        await self.app(scope, body.receive, self._with_headers(body.send, nonce))

    def _with_headers(self, send: Send, nonce: str) -> Send:
        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("content-security-policy", CSP.format(nonce=nonce))
                headers.setdefault("cache-control", "no-store")
                if self.https:
                    headers.setdefault("strict-transport-security", "max-age=31536000; includeSubDomains")
            await send(message)

        return guarded


def from_our_own_page(headers: Headers, public_url: str) -> bool:
    """Whether a form was sent by a page of the desk: its Origin, or failing that its Referer, is the desk's public address."""
    claimed = headers.get("origin") or headers.get("referer")
    return claimed is not None and _origin(claimed) == _origin(public_url)


def same_token(given: object, expected: str) -> bool:
    """Whether the form carries the session's own token, compared in constant time."""
    return isinstance(given, str) and secrets.compare_digest(given.encode(), expected.encode())


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "0")
    return int(declared) if declared.isdigit() else 0


class _Body:
    """What a request brings, up to a limit in octets. A request beyond it is answered at once, and then read away."""

    def __init__(self, receive: Receive, send: Send, limit: int, declared: int) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._declared = declared
        self._taken = 0
        self._goes_on = True
        self._refused = False

    async def receive(self) -> Message:
        """Errors: BodyTooLarge."""
        if self._declared <= self._limit:
            message = await self._next()
            if self._taken <= self._limit:
                return message
        self._refused = True
        raise BodyTooLarge

    async def send(self, message: Message) -> None:
        """An answer's end closes the connection under a body that is still on its way: it waits for that."""
        ends = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not (self._refused and ends):
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._drain()
        await self._send({"type": "http.response.body"})

    async def _drain(self) -> None:
        while self._goes_on and max(self._declared, self._taken) <= DRAINED_OCTETS:
            await self._next()

    async def _next(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self._goes_on = message.get("more_body", False)
        return message
