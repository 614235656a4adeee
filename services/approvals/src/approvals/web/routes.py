"""The addresses of the desk, and what stands before every page: a session, a role, the origin and the token of a form."""

import logging
import re
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
from approvals.web import sessions, sign_in, whom
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
from approvals.web.security import DOCUMENT_FORMS, BodyTooLarge, Guard, from_our_own_page, same_token
from approvals.web.sessions import Session
from approvals.web.sign_in import IssuerUnanswered, SignInFailed
from approvals.web.visit import FileNameTooLong, MayNot, NoSuchPage, Visit
from approvals.web.whom import Addresses, Whom

log = logging.getLogger(__name__)

Page = Callable[[Visit], Awaitable[Response]]

PAGES: tuple[tuple[str, Page, Whom], ...] = (
    ("/", worklist.home, whom.EVERYBODY),
    ("/work", worklist.show, whom.EVERYBODY),
    ("/together", together.choose, whom.READERS),
    ("/together/{selection:uuid}", together.show, whom.READERS),
    ("/tasks/{task:uuid}", tasks.show, whom.OF_TASK),
    ("/decisions/{decision:uuid}", tasks.show_decision, whom.OF_DECISION),
    ("/decisions/{decision:uuid}/minute.pdf", tasks.minute, whom.OF_DECISION),
    ("/accounts", accounts.search, whom.READERS),
    ("/accounts/{account:uuid}", accounts.show, whom.READERS),
    ("/accounts/{account:uuid}/entries.csv", accounts.export, whom.READERS),
    ("/accounts/{account:uuid}/explain", accounts.explain, whom.READERS),
    ("/accounts/{account:uuid}/refund", cases.ask_refund, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/entries/{journal:uuid}", changes.show_entry, whom.READERS),
    ("/cases", cases.list_cases, whom.READERS),
    ("/cases/{case:uuid}", cases.show, whom.READERS),
    ("/documents/{document:uuid}.{ending}", cases.document, whom.READERS),
    ("/files", files.listed, whom.READERS),
    ("/files/{bank_file:uuid}", files.show, whom.READERS),
    ("/suspense", suspense.listed, whom.READERS),
    ("/suspense/exact", exact.listed, whom.READERS),
    ("/suspense/{item:uuid}/split", suspense.ask_split, whom.READERS),
    ("/suspense/{item:uuid}/return", returned.show, whom.READERS),
    ("/letters/{letter:uuid}.pdf", letters.download, whom.READERS),
    ("/runs", runs.listed, whom.READERS),
    ("/runs/preview", runs.preview, whom.RELEASERS),
    ("/runs/{run:uuid}", runs.show, whom.READERS),
    ("/runs/{run:uuid}/file", runs.download, whom.PAYERS),
    ("/accounts/{account:uuid}/write-off", write_offs.ask, whom.WRITE_OFF_WORKERS),
    ("/write-offs", write_offs.listed, whom.READERS),
    ("/write-offs/find", bulk.find, whom.WRITE_OFF_WORKERS),
    ("/write-offs/{proposal:uuid}", write_offs.show, whom.OF_PROPOSAL),
    ("/write-offs/register", register.show, whom.READERS),
    ("/write-offs/register.{ending}", register.download, whom.READERS),
    ("/write-offs/totals", register.totals, whom.EVERYBODY),
    ("/write-offs/totals.{ending}", register.download_totals, whom.EVERYBODY),
    ("/write-offs/provision", provision.show, whom.EVERYBODY),
    ("/write-offs/provision.{ending}", provision.download, whom.EVERYBODY),
    ("/write-offs/schedules", schedules.listed, whom.EVERYBODY),
    ("/write-offs/schedules/preview", schedules.preview, whom.WRITE_OFF_WORKERS),
    ("/write-offs/schedules/{schedule:uuid}", schedules.show, whom.OF_SCHEDULE),
    ("/write-offs/schedules/{schedule:uuid}.{ending}", schedule_report.download, whom.OF_SCHEDULE),
    ("/cover", cover.show, whom.EVERYBODY),
    ("/policy", policy.show, whom.EVERYBODY),
    ("/policy/proposals/new", policy.draft, whom.POLICY_MAKERS),
    ("/policy/proposals/{proposal:uuid}", policy.show_proposal, whom.EVERYBODY),
    ("/policy/evidence/new", evidence.draft, whom.POLICY_MAKERS),
    ("/policy/evidence/{proposal:uuid}", evidence.show, whom.EVERYBODY),
    ("/policy/provision/new", rates.draft, whom.POLICY_MAKERS),
    ("/policy/provision/{proposal:uuid}", rates.show, whom.EVERYBODY),
    ("/people", people.show, whom.REVIEWERS),
    ("/people.csv", people.export, whom.REVIEWERS),
)

FORMS: tuple[tuple[str, Page, Whom], ...] = (
    ("/work/views", worklist.save, whom.EVERYBODY),
    ("/work/views/{view:uuid}/forget", worklist.forget, whom.EVERYBODY),
    ("/together", together.put, whom.READERS),
    ("/together/{selection:uuid}", together.decide, whom.READERS),
    ("/tasks/{task:uuid}/claim", tasks.claim, whom.OF_TASK),
    ("/tasks/{task:uuid}/release", tasks.release, whom.OF_TASK),
    ("/tasks/{task:uuid}/assign", tasks.assign, whom.OF_TASK),
    ("/tasks/{task:uuid}/comments", tasks.comment, whom.OF_TASK),
    ("/tasks/{task:uuid}/decision", tasks.decide, whom.OF_TASK),
    ("/decisions/{decision:uuid}/recall", tasks.recall, whom.OF_DECISION),
    ("/accounts/{account:uuid}/refund", cases.take_refund, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/holds", changes.set_hold, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/benefit-claim", changes.set_benefit_claim, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/notes", changes.write_note, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/letter-address", changes.note_letter_address, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/death", changes.note_death, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/plan", changes.agree_plan, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/plan/{plan:uuid}/end", changes.end_plan, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/tenancy-end", changes.end_tenancy, whom.CASE_WORKERS),
    ("/accounts/{account:uuid}/entries/{journal:uuid}/undo", changes.undo, whom.CASE_WORKERS),
    ("/cases/{case:uuid}/evidence", cases.add_evidence, whom.CASE_WORKERS),
    ("/cases/{case:uuid}/payee", cases.change_payee, whom.CASE_WORKERS),
    ("/cases/{case:uuid}/resubmit", cases.resubmit, whom.CASE_WORKERS),
    ("/cases/{case:uuid}/withdraw", cases.withdraw, whom.CASE_WORKERS),
    ("/cases/{case:uuid}/letters/{letter:uuid}/again", cases.send_letter_again, whom.CASE_WORKERS),
    ("/files", files.upload, whom.CASE_WORKERS),
    ("/suspense/exact", exact.preview, whom.CASE_WORKERS),
    ("/suspense/exact/move", exact.move, whom.CASE_WORKERS),
    ("/suspense/{item:uuid}", suspense.move, whom.CASE_WORKERS),
    ("/suspense/{item:uuid}/split", suspense.split, whom.CASE_WORKERS),
    ("/suspense/{item:uuid}/return", returned.match, whom.CASE_WORKERS),
    ("/suspense/{item:uuid}/return/undo", returned.unmatch, whom.CASE_WORKERS),
    ("/suspense/moved/{journal:uuid}/back", suspense.put_back, whom.CASE_WORKERS),
    ("/runs", runs.release, whom.RELEASERS),
    ("/accounts/{account:uuid}/write-off", write_offs.propose, whom.WRITE_OFF_WORKERS),
    ("/write-offs/many", bulk.propose, whom.WRITE_OFF_WORKERS),
    ("/write-offs/{proposal:uuid}/proofs", write_offs.add_proof, whom.WRITE_OFF_WORKERS),
    ("/write-offs/{proposal:uuid}/proofs/{proof:uuid}/strike", write_offs.strike, whom.WRITE_OFF_WORKERS),
    ("/write-offs/{proposal:uuid}/reconsider", write_offs.reconsider, whom.WRITE_OFF_WORKERS),
    ("/write-offs/{proposal:uuid}/withdraw", write_offs.withdraw, whom.WRITE_OFF_WORKERS),
    ("/write-offs/schedules", schedules.make, whom.WRITE_OFF_WORKERS),
    ("/write-offs/schedules/{schedule:uuid}/lines/{proposal:uuid}/take-off", schedules.take_off, whom.WRITE_OFF_WORKERS),
    ("/write-offs/schedules/{schedule:uuid}/answer", schedules.answer, whom.WRITE_OFF_WORKERS),
    ("/write-offs/schedules/{schedule:uuid}/withdraw", schedules.withdraw, whom.WRITE_OFF_WORKERS),
    ("/write-offs/provision/post", provision.post, whom.PROVISION_POSTERS),
    ("/policy/proposals/new", policy.propose, whom.POLICY_MAKERS),
    ("/policy/proposals/{proposal:uuid}", policy.check, whom.POLICY_MAKERS),
    ("/policy/evidence/new", evidence.propose, whom.POLICY_MAKERS),
    ("/policy/evidence/{proposal:uuid}", evidence.check, whom.POLICY_MAKERS),
    ("/policy/provision/new", rates.propose, whom.POLICY_MAKERS),
    ("/policy/provision/{proposal:uuid}", rates.check, whom.POLICY_MAKERS),
    ("/cover/delegations", cover.lend, whom.EVERYBODY),
    ("/cover/delegations/{delegation:uuid}/end", cover.end_delegation, whom.EVERYBODY),
    ("/cover/absences", cover.be_away, whom.EVERYBODY),
    ("/cover/absences/{absence:uuid}/end", cover.come_back, whom.EVERYBODY),
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
        *(Route(path, gates.page(page, for_), name=f"GET {path}") for path, page, for_ in PAGES),
        *(Route(path, gates.form(page, for_), methods=["POST"], name=f"POST {path}") for path, page, for_ in FORMS),
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
_DOCUMENT_TOO_LARGE = (
    "A document has at most 10 MB. Nothing was kept, and nothing was decided or added. Go back, and choose a smaller file: scanned in "
    "black and white, for example."
)
_NAME_TOO_LONG = "It can’t be read, and nothing was decided or added. Give the file a shorter name, go back, and choose it again."
_PAGE_OF_A_FORM = re.compile(r"/files|/(tasks|cases)/[0-9a-f-]{36}(?=/)")
"""The page on which a form with a file stands, at the beginning of where it is sent to."""
_NO_ROOM = "There is no room for it on the disk, and nothing was done. Tell whoever looks after Rentbook, and send it again later."
_STRANGE_FORM = "This form did not come from a page of the desk"


class Gates:
    """What a request passes before it reaches a page."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.cookie = sessions.cookie_name(https=desk.settings.https)
        self.journey_cookie = f"{self.cookie}-sign-in"
        self.addresses = Addresses((path, for_) for path, _, for_ in PAGES)

    def page(self, page: Page, for_: Whom) -> Callable[[Request], Awaitable[Response]]:
        """A page for whom it is declared."""

        async def answer(request: Request) -> Response:
            session = await self.session(request)
            if session is None:
                asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                return RedirectResponse(f"/sign-in?to={quote(asked, safe='')}", status_code=303)
            if any(word != printable(word) for pair in request.query_params.multi_items() for word in pair):
                raise HTTPException(404)
            return await self._answered(self._visit(request, session), page, for_)

        return answer

    def form(self, page: Page, for_: Whom) -> Callable[[Request], Awaitable[Response]]:
        """A form: sent by a page of the desk, with the session's token and the form's id, by somebody for whom it is declared and who may
        change anything.
        """

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
            visit = self._visit(request, session)
            if not session.person.may_change_anything:
                return self._said(visit, 403, "You may not do this", "An auditor reads everything on the desk and changes nothing.")
            try:
                sent = await visit.sent()
            except OSError as full:
                log.error("a form could not be taken in", extra={"path": request.url.path, "fault": named(full)})
                return self._said(visit, 503, "This can’t be taken in now", _NO_ROOM)
            except FileNameTooLong:
                return await self._named_too_long(visit, for_)
            if not same_token(sent.values.get("csrf"), session.csrf_token):
                return self._said(
                    visit, 403, "This form belongs to another session", "Nothing was done. Open the page again and send it anew."
                )
            if not _is_uuid(sent.id):
                return self._said(visit, 400, "This form is incomplete", "It could take effect twice. Open the page again.")
            return await self._answered(visit, page, for_)

        return answer

    async def _named_too_long(self, visit: Visit, for_: Whom) -> Response:
        """Beside the field where the file is all that the form is about; else on a page that leads back to what was typed."""
        path = visit.request.url.path
        if path == "/files":
            return await self._answered(visit, files.name_too_long, for_)
        back = _PAGE_OF_A_FORM.match(path)
        return self._said(visit, 400, "The file’s name is too long", _NAME_TOO_LONG, back=back[0] if back else None)

    def _visit(self, request: Request, session: Session) -> Visit:
        return Visit(self.desk, request, session, self.addresses.shut_to(session.person.roles))

    async def _answered(self, visit: Visit, page: Page, for_: Whom) -> Response:
        try:
            await visit.must_be_for(for_)
            return await self._without_dead_ends(visit, await page(visit))
        except NoSuchPage as missing:
            return self._said(visit, 404, "Not found", str(missing))
        except MayNot as why:
            return self._said(visit, 403, f"You may not {'open this page' if visit.request.method == 'GET' else 'do this'}", str(why))
        except Refused as refused:
            return self._said(visit, 404 if refused.rule.startswith(_NOT_THERE) else 409, "This can’t be done", refused.message)
        except Unanswered as silent:
            return self._said(
                visit,
                503,
                f"{silent.service[:1].upper()}{silent.service[1:]} does not answer",
                _SILENT,
            )

    async def _without_dead_ends(self, visit: Visit, answer: Response) -> Response:
        """The answer, in which no link leads where this person would be turned away."""
        if isinstance(answer, HTMLResponse):
            answer.body = (await visit.shut.without_dead_ends(bytes(answer.body).decode(), visit.put)).encode()
            answer.headers["content-length"] = str(len(answer.body))
        return answer

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
        return self._said(self._visit(request, session), 404, "Page not found", said)

    async def unreadable(self, request: Request, _: Exception) -> Response:
        return self._problem(request, 400, "This form can’t be read", _UNREADABLE, home=True)

    async def too_large(self, request: Request, _: Exception) -> Response:
        path = request.url.path
        words = _FILE_TOO_LARGE if path == "/files" else _DOCUMENT_TOO_LARGE if DOCUMENT_FORMS.fullmatch(path) else _FORM_TOO_LARGE
        session, back = await self.session(request), _PAGE_OF_A_FORM.match(path)
        if session is None:
            answer = self._problem(request, 413, "This is too large", words, home=True)
        else:
            answer = self._said(self._visit(request, session), 413, "This is too large", words, back=back[0] if back else None)
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

    def _said(self, visit: Visit, status: int, title: str, words: str, *, back: str | None = None) -> Response:
        return visit.show("problem.html", title, status=status, words=words, sign_in=False, home=True, back=back)

    def _problem(self, request: Request, status: int, title: str, words: str, *, sign_in: bool = False, home: bool = False) -> Response:
        html = self.desk.render(
            "problem.html",
            title=title,
            heading=title,
            words=words,
            sign_in=sign_in,
            home=home,
            back=None,
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
