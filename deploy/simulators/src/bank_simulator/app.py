"""The bank over HTTP. It listens on this machine only and asks for no password: it is for the local stack and for tests.

POST /bacs/submissions            a Standard 18 file as the body: 201 accepted, 200 the same file again, 422 refused, with faults
GET  /bacs/submissions?sha256=H   what became of that file: 200, or 404 where the bank has not seen it
GET  /bacs/reports[?after=N]      the reports that were made, oldest first; GET /bacs/reports/N is the XML of one
GET  /bacs/paid                   how often each reference was paid
POST /cop/check                   {name, sort_code, account_number, business}: {answer, name}
POST /control/next                {fault, reference, code, seconds}: what shall go wrong next; GET lists what is still to come
PUT  /control/register            the register of Confirmation of Payee, a list of {sort_code, account_number, name, business, answer}
GET  /health, /metrics, /
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bank_simulator import bacs, payee_names
from bank_simulator.book import Book, NextFault
from bank_simulator.reports import REJECT_WORDS, RETURN_WORDS
from bank_simulator.writing import write_whole

LARGEST_FILE_BYTES = 20 * 1024 * 1024
LARGEST_QUESTION_BYTES = 1024 * 1024
FAULTS = {
    "accept-then-drop-reply": "the next file is taken, and the connection breaks before the answer",
    "lose": "the next file is not taken, and the connection breaks",
    "refuse": "the next file is refused",
    "delay": "the next file is taken, and the answer comes after `seconds`",
    "unavailable": "the next call for a submission is answered with 503",
    "return": "the payment with this `reference` comes back with `code`, now or once it was made",
    "reject-item": "the item with this `reference` is not taken at input, with `code` Y or O; E is taken and amended",
}
CODES = {"return": set(RETURN_WORDS), "reject-item": set(REJECT_WORDS)}
LONGEST_DELAY_SECONDS = 300.0

Clock = Callable[[], datetime]


class BrokenConnection(Response):
    """Promises a body and hangs up: the caller cannot know what happened."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


class TooLarge(Exception):
    """A body is longer than the bank reads."""


def make_app(folder: Path, clock: Clock) -> Starlette:
    """The bank with its state in a folder. `clock` gives the instant, UTC."""
    book = Book(folder)
    bank = _Bank(book, folder, clock)

    @asynccontextmanager
    async def open_until_the_end(app: Starlette) -> AsyncIterator[None]:
        yield
        book.close()

    routes = [
        Route("/bacs/submissions", bank.submit, methods=["POST"]),
        Route("/bacs/submissions", bank.fate, methods=["GET"]),
        Route("/bacs/reports", bank.list_reports, methods=["GET"]),
        Route("/bacs/reports/{number:int}", bank.report, methods=["GET"]),
        Route("/bacs/paid", bank.paid, methods=["GET"]),
        Route("/cop/check", bank.confirm_payee, methods=["POST"]),
        Route("/control/next", bank.order, methods=["POST"]),
        Route("/control/next", bank.orders, methods=["GET"]),
        Route("/control/register", bank.write_register, methods=["PUT"]),
        Route("/health", bank.health, methods=["GET"]),
        Route("/metrics", bank.metrics, methods=["GET"]),
        Route("/", bank.page, methods=["GET"]),
    ]
    return Starlette(routes=routes, lifespan=open_until_the_end, exception_handlers={TooLarge: _too_large})


class _Bank:
    """One event loop, one connection: requests change the book one after the other."""

    def __init__(self, book: Book, folder: Path, clock: Clock) -> None:
        self.book, self.folder, self.clock = book, folder, clock

    async def submit(self, request: Request) -> Response:
        if self.book.take("unavailable"):
            return JSONResponse({"status": "unavailable"}, 503)
        content = await _body(request, LARGEST_FILE_BYTES)
        if self.book.take("lose"):
            return BrokenConnection()
        sha256, first = bacs.submit(self.book, content, self.clock())
        if self.book.take("accept-then-drop-reply"):
            return BrokenConnection()
        if late := self.book.take("delay"):
            await asyncio.sleep(late.seconds)
        told = self._told(sha256)
        return JSONResponse(told, 422 if told["status"] == "refused" else 201 if first else 200)

    async def fate(self, request: Request) -> Response:
        sha256 = request.query_params.get("sha256", "")
        if self.book.submission(sha256) is None:
            return JSONResponse({"status": "not-seen", "sha256": sha256[:64]}, 404)
        return JSONResponse(self._told(sha256))

    def _told(self, sha256: str) -> dict[str, Any]:
        row = self.book.submission(sha256)
        assert row is not None
        shown = (
            "sha256",
            "status",
            "reason",
            "service_user_number",
            "serial",
            "processing_day",
            "count",
            "total_pence",
            "received_at",
            "posts",
        )
        return {name: row[name] for name in shown} | {"faults": json.loads(row["faults"])}

    async def list_reports(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdecimal() and len(after) < 10):
            return _refused("after is a report's number")
        rows = self.book.rows("SELECT number, type, made_on, service_user_number FROM report WHERE number > ? ORDER BY number", int(after))
        return JSONResponse({"reports": [{**row, "address": f"/bacs/reports/{row['number']}"} for row in rows]})

    async def report(self, request: Request) -> Response:
        rows = self.book.rows("SELECT xml FROM report WHERE number = ?", request.path_params["number"])
        return Response(rows[0]["xml"], media_type="application/xml") if rows else JSONResponse({"reason": "no such report"}, 404)

    async def paid(self, request: Request) -> Response:
        return JSONResponse({"paid": bacs.paid(self.book)})

    async def confirm_payee(self, request: Request) -> Response:
        asked = await _json(request)
        texts = [asked.get(name) for name in ("name", "sort_code", "account_number")] if isinstance(asked, dict) else []
        if not texts or not all(isinstance(text, str) for text in texts):
            return _refused("name, sort_code and account_number are texts")
        name, sort_code, account_number = (str(text) for text in texts)
        if not (
            sort_code.isdecimal() and len(sort_code) == 6 and account_number.isdecimal() and 6 <= len(account_number) <= 8 and name.strip()
        ):
            return _refused("a sort code has six digits, an account number six to eight, and a name is not blank")
        register = payee_names.read_register(self.folder)
        answer = payee_names.confirm(register, name, sort_code, account_number.zfill(8), business=bool(asked.get("business")))
        return JSONResponse({"answer": answer.answer, "name": answer.name})

    async def order(self, request: Request) -> Response:
        asked = await _json(request)
        if not isinstance(asked, dict) or asked.get("fault") not in FAULTS:
            return _refused(f"fault is one of {', '.join(FAULTS)}")
        fault = asked["fault"]
        reference, code, seconds = asked.get("reference", ""), asked.get("code", ""), asked.get("seconds", 0)
        if fault in ("return", "reject-item") and not (isinstance(reference, str) and reference):
            return _refused("reference names the payment")
        if code not in CODES.get(fault, {code}):
            return _refused("code is not one that goes with this fault")
        if not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_DELAY_SECONDS:
            return _refused(f"seconds are between 0 and {LONGEST_DELAY_SECONDS:.0f}")
        bacs.order(self.book, NextFault(fault, reference, code, float(seconds)), self.clock())
        return JSONResponse({"ordered": fault}, 202)

    async def orders(self, request: Request) -> Response:
        return JSONResponse({"next": self.book.faults(), "faults": FAULTS})

    async def write_register(self, request: Request) -> Response:
        entries = await _json(request)
        needed = {"sort_code", "account_number", "name"}
        if not isinstance(entries, list) or not all(isinstance(entry, dict) and needed <= entry.keys() for entry in entries):
            return _refused("the register is a list of entries with sort_code, account_number and name")
        try:
            write_whole(self.folder / payee_names.REGISTER, json.dumps(entries, ensure_ascii=False, indent=1))
        except OSError as fault:
            return JSONResponse({"reason": f"the register stays as it was, because its file cannot be written ({fault.strerror})"}, 507)
        return JSONResponse({"entries": len(entries)})

    async def health(self, request: Request) -> Response:
        self.book.rows("SELECT 1 FROM submission LIMIT 1")
        return JSONResponse({"healthy": True, "reasons": []})

    async def metrics(self, request: Request) -> Response:
        counts = self.book.rows("SELECT status, count(*) AS n FROM submission GROUP BY status")
        items = self.book.rows("SELECT status, count(*) AS n FROM item GROUP BY status")
        made = self.book.rows("SELECT type, count(*) AS n FROM report GROUP BY type")
        lines = [
            "# TYPE bank_submissions gauge",
            *(f'bank_submissions{{status="{row["status"]}"}} {row["n"]}' for row in counts),
            "# TYPE bank_items gauge",
            *(f'bank_items{{status="{row["status"]}"}} {row["n"]}' for row in items),
            "# TYPE bank_reports gauge",
            *(f'bank_reports{{type="{row["type"]}"}} {row["n"]}' for row in made),
        ]
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    async def page(self, request: Request) -> Response:
        files = self.book.rows(
            "SELECT received_at, serial, processing_day, count, total_pence, status, reason FROM submission ORDER BY received_at DESC"
        )
        items = self.book.rows("SELECT reference, name, account_end, pence, status FROM item ORDER BY rowid DESC LIMIT 200")
        made = self.book.rows("SELECT number, type, made_on FROM report ORDER BY number DESC LIMIT 200")
        body = _table("Files", files) + _table("Payments (the last three digits of the account)", items) + _table("Reports", made)
        return HTMLResponse(PAGE.format(body=body))


PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>The bank's stand-in</title>
<style>
body {{ font: 1rem/1.5 Arial, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }}
div {{ overflow-x: auto }}
table {{ border-collapse: collapse }}
caption {{ text-align: left; font-weight: bold; padding: .5rem 0 }}
th, td {{ text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #b1b4b6 }}
</style>
</head>
<body><main><h1>The bank's stand-in</h1><p>What it was sent, what it paid, what it reported. No money moves.</p>{body}</main></body>
</html>
"""


def _table(caption: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return f"<p>{escape(caption)}: none yet.</p>"
    head = "".join(f'<th scope="col">{escape(_title(name))}</th>' for name in rows[0])
    cells = "".join("<tr>" + "".join(f"<td>{escape(_shown(name, value))}</td>" for name, value in row.items()) + "</tr>" for row in rows)
    return f"<div><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>"


def _title(name: str) -> str:
    return {"pence": "amount", "total_pence": "total", "received_at": "received (UTC)"}.get(name, name.replace("_", " "))


def _shown(name: str, value: object) -> str:
    if value is None:
        return ""
    if name.endswith("pence"):
        return f"£{int(str(value)) // 100:,}.{int(str(value)) % 100:02d}"
    return f"{datetime.fromisoformat(str(value)).astimezone(UTC):%Y-%m-%d %H:%M:%S}" if name == "received_at" else str(value)


async def _body(request: Request, limit: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise TooLarge
    return bytes(content)


async def _json(request: Request) -> Any:
    """The body as JSON; None where it is none, which every caller refuses."""
    try:
        return json.loads(await _body(request, LARGEST_QUESTION_BYTES))
    except ValueError:
        return None


def _refused(reason: str) -> Response:
    return JSONResponse({"reason": reason}, 400)


async def _too_large(request: Request, error: Exception) -> Response:
    return JSONResponse({"status": "refused", "reason": "the file is larger than the bank takes", "faults": []}, 413)
