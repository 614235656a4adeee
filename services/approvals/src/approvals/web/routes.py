"""The addresses of the desk, and what stands before every page: a session, a role, the origin and the token of a form."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from chassis.faults import may_pass
from chassis.peers import Refused, Unanswered
from chassis.telemetry import named
from chassis.transaction import Runtime, run
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, ExceptionHandler

from approvals import store
from approvals.web import sessions, sign_in
from approvals.web.desk import Desk, DeskSettings, make_desk
from approvals.web.forms import printable
from approvals.web.pages import (
    accounts,
    bulk,
    cases,
    changes,
    cover,
    evidence,
    exact,
    files,
    letters,
    people,
    policy,
    provision,
    rates,
    register,
    returned,
    runs,
    schedule_report,
    schedules,
    suspense,
    tasks,
    together,
    worklist,
    write_offs,
)
from approvals.web.security import BodyTooLarge, Guard, from_our_own_page, same_token
from approvals.web.sessions import Session
from approvals.web.sign_in import IssuerUnanswered, SignInFailed
from approvals.web.visit import MayNot, NoSuchPage, Visit

log = logging.getLogger(__name__)

Page = Callable[[Visit], Awaitable[Response]]

PAGES: tuple[tuple[str, Page], ...] = (
    ("/", worklist.home),
    ("/work", worklist.show),
    ("/together", together.choose),
    ("/together/{selection:uuid}", together.show),
    ("/tasks/{task:uuid}", tasks.show),
    ("/decisions/{decision:uuid}", tasks.show_decision),
    ("/decisions/{decision:uuid}/minute.pdf", tasks.minute),
    ("/accounts", accounts.search),
    ("/accounts/{account:uuid}", accounts.show),
    ("/accounts/{account:uuid}/entries.csv", accounts.export),
    ("/accounts/{account:uuid}/explain", accounts.explain),
    ("/accounts/{account:uuid}/refund", cases.ask_refund),
    ("/accounts/{account:uuid}/entries/{journal:uuid}", changes.show_entry),
    ("/cases", cases.list_cases),
    ("/cases/{case:uuid}", cases.show),
    ("/documents/{document:uuid}.{ending}", cases.document),
    ("/files", files.listed),
    ("/files/{bank_file:uuid}", files.show),
    ("/suspense", suspense.listed),
    ("/suspense/exact", exact.listed),
    ("/suspense/{item:uuid}/split", suspense.ask_split),
    ("/suspense/{item:uuid}/return", returned.show),
    ("/letters/{letter:uuid}.pdf", letters.download),
    ("/runs", runs.listed),
    ("/runs/preview", runs.preview),
    ("/runs/{run:uuid}", runs.show),
    ("/runs/{run:uuid}/file", runs.download),
    ("/accounts/{account:uuid}/write-off", write_offs.ask),
    ("/write-offs", write_offs.listed),
    ("/write-offs/find", bulk.find),
    ("/write-offs/{proposal:uuid}", write_offs.show),
    ("/write-offs/register", register.show),
    ("/write-offs/register.{ending}", register.download),
    ("/write-offs/totals", register.totals),
    ("/write-offs/totals.{ending}", register.download_totals),
    ("/write-offs/provision", provision.show),
    ("/write-offs/provision.{ending}", provision.download),
    ("/write-offs/schedules", schedules.listed),
    ("/write-offs/schedules/preview", schedules.preview),
    ("/write-offs/schedules/{schedule:uuid}", schedules.show),
    ("/write-offs/schedules/{schedule:uuid}.{ending}", schedule_report.download),
    ("/cover", cover.show),
    ("/policy", policy.show),
    ("/policy/proposals/new", policy.draft),
    ("/policy/proposals/{proposal:uuid}", policy.show_proposal),
    ("/policy/evidence/new", evidence.draft),
    ("/policy/evidence/{proposal:uuid}", evidence.show),
    ("/policy/provision/new", rates.draft),
    ("/policy/provision/{proposal:uuid}", rates.show),
    ("/people", people.show),
    ("/people.csv", people.export),
)

FORMS: tuple[tuple[str, Page], ...] = (
    ("/work/views", worklist.save),
    ("/work/views/{view:uuid}/forget", worklist.forget),
    ("/together", together.put),
    ("/together/{selection:uuid}", together.decide),
    ("/tasks/{task:uuid}/claim", tasks.claim),
    ("/tasks/{task:uuid}/release", tasks.release),
    ("/tasks/{task:uuid}/assign", tasks.assign),
    ("/tasks/{task:uuid}/comments", tasks.comment),
    ("/tasks/{task:uuid}/decision", tasks.decide),
    ("/decisions/{decision:uuid}/recall", tasks.recall),
    ("/accounts/{account:uuid}/refund", cases.take_refund),
    ("/accounts/{account:uuid}/holds", changes.set_hold),
    ("/accounts/{account:uuid}/benefit-claim", changes.set_benefit_claim),
    ("/accounts/{account:uuid}/notes", changes.write_note),
    ("/accounts/{account:uuid}/letter-address", changes.note_letter_address),
    ("/accounts/{account:uuid}/death", changes.note_death),
    ("/accounts/{account:uuid}/plan", changes.agree_plan),
    ("/accounts/{account:uuid}/plan/{plan:uuid}/end", changes.end_plan),
    ("/accounts/{account:uuid}/tenancy-end", changes.end_tenancy),
    ("/accounts/{account:uuid}/entries/{journal:uuid}/undo", changes.undo),
    ("/cases/{case:uuid}/evidence", cases.add_evidence),
    ("/cases/{case:uuid}/payee", cases.change_payee),
    ("/cases/{case:uuid}/resubmit", cases.resubmit),
    ("/cases/{case:uuid}/withdraw", cases.withdraw),
    ("/cases/{case:uuid}/letters/{letter:uuid}/again", cases.send_letter_again),
    ("/files", files.upload),
    ("/suspense/exact", exact.preview),
    ("/suspense/exact/move", exact.move),
    ("/suspense/{item:uuid}", suspense.move),
    ("/suspense/{item:uuid}/split", suspense.split),
    ("/suspense/{item:uuid}/return", returned.match),
    ("/suspense/{item:uuid}/return/undo", returned.unmatch),
    ("/suspense/moved/{journal:uuid}/back", suspense.put_back),
    ("/runs", runs.release),
    ("/accounts/{account:uuid}/write-off", write_offs.propose),
    ("/write-offs/many", bulk.propose),
    ("/write-offs/{proposal:uuid}/proofs", write_offs.add_proof),
    ("/write-offs/{proposal:uuid}/reconsider", write_offs.reconsider),
    ("/write-offs/{proposal:uuid}/withdraw", write_offs.withdraw),
    ("/write-offs/schedules", schedules.make),
    ("/write-offs/schedules/{schedule:uuid}/lines/{proposal:uuid}/take-off", schedules.take_off),
    ("/write-offs/schedules/{schedule:uuid}/answer", schedules.answer),
    ("/write-offs/schedules/{schedule:uuid}/withdraw", schedules.withdraw),
    ("/write-offs/provision/post", provision.post),
    ("/policy/proposals/new", policy.propose),
    ("/policy/proposals/{proposal:uuid}", policy.check),
    ("/policy/evidence/new", evidence.propose),
    ("/policy/evidence/{proposal:uuid}", evidence.check),
    ("/policy/provision/new", rates.propose),
    ("/policy/provision/{proposal:uuid}", rates.check),
    ("/cover/delegations", cover.lend),
    ("/cover/delegations/{delegation:uuid}/end", cover.end_delegation),
    ("/cover/absences", cover.be_away),
    ("/cover/absences/{absence:uuid}/end", cover.come_back),
)


def routes(runtime: Runtime, settings: DeskSettings) -> list[BaseRoute]:
    """The desk as one mount below every other address of the service. Raises AssetsMissing."""
    return [Mount("/", app=make_app(make_desk(runtime, settings)))]


def make_app(desk: Desk) -> ASGIApp:
    """The desk as an application."""
    gates = Gates(desk)
    addresses: list[BaseRoute] = [
        Route("/static/{digest}/{name}", gates.static),
        Route("/sign-in", gates.sign_in),
        Route("/sign-in/return", gates.come_back),
        Route("/sign-out", gates.sign_out, methods=["POST"]),
        Route("/signed-out", gates.signed_out),
        *(Route(path, gates.page(page), name=f"GET {path}") for path, page in PAGES),
        *(Route(path, gates.form(page), methods=["POST"], name=f"POST {path}") for path, page in FORMS),
    ]
    faults: dict[Any, ExceptionHandler] = {
        404: gates.not_found,
        405: gates.not_found,
        500: gates.broken,
        HTTPException: gates.unreadable,
        BodyTooLarge: gates.too_large,
    }
    return Guard(Starlette(routes=addresses, exception_handlers=faults), https=desk.settings.https)


_NOT_THERE = ("NoSuch", "NothingThere", "Unknown")
_UNREADABLE = "What your browser sent could not be read, and nothing was done. Go back, load the form again and send it anew."
_SIGN_IN_AGAIN = "Nothing was done. Sign in in another tab, then come back to this one, go back to the form and send it again."
_SILENT = "This page can’t be shown without it. Nothing is lost. If you sent a form, sending it again is safe: it takes effect once."
_SERVER_AWAY = (
    "The database, or another server that the desk stands on, does not answer. Nothing is lost. Load the page again in a minute. "
    "If you sent a form, sending it again is safe: it takes effect once."
)
_BROKEN = "It is in the log with its time. If you sent a form, going back and sending it again is safe: it takes effect once."
_FILE_TOO_LARGE = "A bank file has at most 20 MB. Nothing was kept. Ask the bank for shorter periods, and send each part by itself."
_FORM_TOO_LARGE = "A form has at most 1 MB, and one document 10 MB where it takes one. Nothing was kept. Go back and send less."
_NO_ROOM = "There is no room for it on the disk, and nothing was done. Tell whoever looks after Rentbook, and send it again later."
_STRANGE_FORM = "This form did not come from a page of the desk"


class Gates:
    """What a request passes before it reaches a page."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.cookie = sessions.cookie_name(https=desk.settings.https)
        self.journey_cookie = f"{self.cookie}-sign-in"

    def page(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A page for anyone with a role."""

        async def answer(request: Request) -> Response:
            session = await self.session(request)
            if session is None:
                asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/sign-in?to={quote(asked, safe='')}", status_code=303)
            if any(word != printable(word) for pair in request.query_params.multi_items() for word in pair):
                raise HTTPException(404)
            return await self._answered(Visit(self.desk, request, session), page)

        return answer

    def form(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A form: sent by a page of the desk, with the session's token and the form's id, by someone who may change anything."""

        async def answer(request: Request) -> Response:
            if not from_our_own_page(request.headers, self.desk.settings.public_url):
                return self._problem(request, 403, _STRANGE_FORM, "Nothing was done. Open the page again.")
            session = await self.session(request)
            if session is None:
                return self._problem(
                    request,
                    401,
                    "Your session has ended",
                    _SIGN_IN_AGAIN,
                    sign_in=True,
                )
            visit = Visit(self.desk, request, session)
            if not session.person.may_change_anything:
                return self._said(visit, 403, "You may not do this", "An auditor reads everything on the desk and changes nothing.")
            try:
                sent = await visit.sent()
            except OSError as full:
                log.error("a form could not be taken in", extra={"path": request.url.path, "fault": named(full)})
                return self._said(visit, 503, "This can’t be taken in now", _NO_ROOM)
            if not same_token(sent.values.get("csrf"), session.csrf_token):
                return self._said(
                    visit, 403, "This form belongs to another session", "Nothing was done. Open the page again and send it anew."
                )
            if not _is_uuid(sent.id):
                return self._said(visit, 400, "This form is incomplete", "It could take effect twice. Open the page again.")
            return await self._answered(visit, page)

        return answer

    async def _answered(self, visit: Visit, page: Page) -> Response:
        try:
            return await page(visit)
        except NoSuchPage as missing:
            return self._said(visit, 404, "Not found", str(missing))
        except MayNot as why:
            return self._said(visit, 403, "You may not do this", str(why))
        except Refused as refused:
            return self._said(visit, 404 if refused.rule.startswith(_NOT_THERE) else 409, "This can’t be done", refused.message)
        except Unanswered as silent:
            return self._said(
                visit,
                503,
                f"{silent.service[:1].upper()}{silent.service[1:]} does not answer",
                _SILENT,
            )

    async def session(self, request: Request) -> Session | None:
        """The session that the browser's key opens, while it lives; its use is noted."""
        key = request.cookies.get(self.cookie)
        if not key:
            return None
        now = datetime.now(UTC)
        id_hash = sessions.hash_of(key)
        row = await run(self.desk.runtime, lambda tx: store.desk_session(tx, id_hash), read_only=True)
        if row is None:
            return None
        person = sessions.Person(row.subject, row.name, frozenset(row.roles))
        session = Session(id_hash, person, row.csrf_token, row.created_at, row.last_seen_at, row.ends_at, row.authenticated_at)
        if not session.alive(now):
            return None
        if session.wants_a_note_of_use(now):
            await run(self.desk.runtime, lambda tx: store.touch_session(tx, id_hash, now))
        return session

    async def static(self, request: Request) -> Response:
        return self.desk.assets.serve(request.path_params["digest"], request.path_params["name"])

    async def sign_in(self, request: Request) -> Response:
        """Leave for the issuer, from the desk's public address alone: another name for this host would lose the cookie."""
        back_to = sign_in.safe_return(request.query_params.get("to"))
        public = self.desk.settings.public_url
        if f"{request.url.scheme}://{request.url.netloc}" != public and request.url.hostname in ("127.0.0.1", "localhost"):
            return RedirectResponse(f"{public}/sign-in?{request.url.query}", status_code=303)
        again = request.query_params.get("again") == "yes"
        journey = sign_in.Journey.begin(back_to, datetime.now(UTC), again=again)
        try:
            way_out = await self.desk.issuer.way_out(journey)
        except SignInFailed as failed:
            return self._failed(request, failed)
        answer = RedirectResponse(way_out, status_code=303)
        self._set_cookie(answer, self.journey_cookie, self.desk.issuer.seal(journey), int(sign_in.JOURNEY.total_seconds()))
        return answer

    async def come_back(self, request: Request) -> Response:
        """Back from the issuer: a session under a fresh key, and whatever session was there before is ended."""
        now = datetime.now(UTC)
        try:
            journey = self.desk.issuer.open(request.cookies.get(self.journey_cookie, ""))
            came = await self.desk.issuer.way_back(journey, request.query_params, now)
        except SignInFailed as failed:
            return self._failed(request, failed)
        key, session = sessions.begin(came.person, now, came.authenticated_at)
        await self._end_session(request)
        await run(self.desk.runtime, lambda tx: store.open_session(tx, session))
        answer = RedirectResponse(sign_in.safe_return(journey.back_to), status_code=303)
        self._set_cookie(answer, self.cookie, key, int(sessions.LONGEST.total_seconds()))
        answer.delete_cookie(self.journey_cookie, path="/", secure=self.desk.settings.https, httponly=True, samesite="lax")
        return answer

    async def sign_out(self, request: Request) -> Response:
        session = await self.session(request)
        if session is not None:
            sent = await request.form()
            ours = from_our_own_page(request.headers, self.desk.settings.public_url)
            if not ours or not same_token(sent.get("csrf"), session.csrf_token):
                return self._problem(request, 403, _STRANGE_FORM, "You are still signed in.")
            await self._end_session(request)
        answer = RedirectResponse("/signed-out", status_code=303)
        answer.delete_cookie(self.cookie, path="/", secure=self.desk.settings.https, httponly=True, samesite="lax")
        return answer

    async def signed_out(self, request: Request) -> Response:
        return self._problem(request, 200, "You are signed out", "Close the browser too if others use this computer.", sign_in=True)

    async def not_found(self, request: Request, _: Exception) -> Response:
        said = "Nothing stands at this address. It may have been typed wrongly, or a link cut short."
        session = await self.session(request)
        if session is None:
            return self._problem(request, 404, "Page not found", said, home=True)
        return self._said(Visit(self.desk, request, session), 404, "Page not found", said)

    async def unreadable(self, request: Request, _: Exception) -> Response:
        return self._problem(request, 400, "This form can’t be read", _UNREADABLE, home=True)

    async def too_large(self, request: Request, _: Exception) -> Response:
        words = _FILE_TOO_LARGE if request.url.path == "/files" else _FORM_TOO_LARGE
        answer = self._problem(request, 413, "This is too large", words, home=True)
        answer.headers["connection"] = "close"
        return answer

    async def broken(self, request: Request, fault: Exception) -> Response:
        """A server that is away, or a fault of ours. Starlette raises it again after this page is sent, so that it reaches the log."""
        if may_pass(fault):
            return self._problem(request, 503, "Rentbook can’t answer just now", _SERVER_AWAY, home=True)
        return self._problem(request, 500, "Something broke on our side", _BROKEN, home=True)

    async def _end_session(self, request: Request) -> None:
        key = request.cookies.get(self.cookie)
        if key:
            await run(self.desk.runtime, lambda tx: store.end_session(tx, sessions.hash_of(key)))

    def _set_cookie(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(name, value, max_age=seconds, path="/", secure=self.desk.settings.https, httponly=True, samesite="lax")

    def _failed(self, request: Request, failed: SignInFailed) -> Response:
        status = 503 if isinstance(failed, IssuerUnanswered) else 403
        return self._problem(request, status, "You could not be signed in", str(failed), sign_in=True)

    def _said(self, visit: Visit, status: int, title: str, words: str) -> Response:
        return visit.show("problem.html", title, status=status, words=words, sign_in=False, home=True)

    def _problem(self, request: Request, status: int, title: str, words: str, *, sign_in: bool = False, home: bool = False) -> Response:
        html = self.desk.render(
            "problem.html",
            title=title,
            heading=title,
            words=words,
            sign_in=sign_in,
            home=home,
            person=None,
            csrf="",
            navigation=[],
            nonce=request.state.nonce,
            errors=[],
            done=None,
            silent=[],
        )
        return HTMLResponse(html, status_code=status)


def _is_uuid(words: str) -> bool:
    try:
        UUID(words)
    except ValueError:
        return False
    return True
