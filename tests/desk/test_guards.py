"""What stands before every page and every form."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import sqlalchemy as sa
from approvals import store
from approvals.web import sessions
from approvals.web.security import DOCUMENT_OCTETS, FORM_OCTETS, UPLOAD_OCTETS, BodyTooLarge, Guard, from_our_own_page
from chassis.transaction import run
from rentbook_contracts.refunds import CHANGE_PAYEE
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send
from support.web import client

from desk import estate
from desk.conftest import PEOPLE, Place
from desk.visitor import visiting


@pytest.mark.parametrize("path", ["/work", "/nowhere", "/sign-out", "/static/x/desk.css", f"/letters/{estate.LETTER}.pdf", "/signed-out"])
async def test_every_answer_carries_the_security_headers(place: Place, path: str) -> None:
    async with visiting(place, "dev") as visitor:
        answer = await visitor.http.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"


async def test_a_nonce_is_used_once(place: Place) -> None:
    async with visiting(place, "dev") as visitor:
        policies = {(await visitor.http.get("/work")).headers["content-security-policy"] for _ in range(3)}
    assert len(policies) == 3


async def test_a_fault_of_ours_shows_a_page_with_the_same_headers(place: Place) -> None:
    place.peers.answers["/queries/cases"] = lambda _: 1 / 0  # type: ignore[return-value, assignment]
    async with visiting(place, "dev") as visitor:
        answer = await visitor.http.get("/cases")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "ZeroDivisionError" not in answer.text


async def test_pages_are_not_kept_by_browsers_and_styles_are(place: Place) -> None:
    async with visiting(place, "dev") as visitor:
        page = await visitor.http.get("/work")
        style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
        assert page.headers["cache-control"] == "no-store"
        assert "immutable" in (await visitor.http.get(style)).headers["cache-control"]


async def test_nobody_reads_a_page_without_signing_in(place: Place) -> None:
    async with client(base_url=place.url) as http:
        answer = await http.get(f"/accounts/{estate.OKAFOR.account}?as_at=2026-01-01")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/sign-in?to=%2Faccounts%2F{estate.OKAFOR.account}%3Fas_at%3D2026-01-01"
    assert place.peers.calls == []


@pytest.mark.parametrize(
    "headers", [{}, {"origin": "https://elsewhere.example"}, {"origin": "null"}, {"referer": "https://elsewhere.example/a"}]
)
async def test_a_form_of_another_site_does_nothing(place: Place, headers: dict[str, str]) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        action = f"/cases/{estate.CASE_BEGUM}/withdraw"
        answer = await visitor.http.post(action, data={**visitor.fields(action), "withdraw_note": "x"}, headers=headers)
    assert answer.status_code == 403
    assert [call for call in place.peers.calls if call.path.startswith("/commands/")] == []


async def test_a_form_with_another_sessions_token_does_nothing(place: Place) -> None:
    async with visiting(place, "ben") as other, visiting(place, "asha") as visitor:
        action = f"/cases/{estate.CASE_BEGUM}/withdraw"
        await other.read(f"/cases/{estate.CASE_BEGUM}")
        await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        await visitor.send(action, 403, withdraw_note="x", csrf=other.fields(action)["csrf"])
    assert [call for call in place.peers.calls if call.path.startswith("/commands/")] == []


async def test_a_form_without_an_id_does_nothing(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        said = await visitor.send(f"/cases/{estate.CASE_BEGUM}/withdraw", 400, withdraw_note="x", form_id="")
    assert "incomplete" in said


async def test_the_auditor_changes_nothing(place: Place) -> None:
    async with visiting(place, "hugo") as visitor:
        _, session = await place.signed_in("hugo")
        assert "Help the case on" not in await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        for action in (f"/cases/{estate.CASE_BEGUM}/evidence", "/files", "/runs", f"/accounts/{estate.OKAFOR.account}/refund"):
            said = await visitor.post(action, {"csrf": session.csrf_token, "form_id": str(uuid4())}, 403)
            assert "An auditor reads everything on the desk and changes nothing" in said


async def test_a_session_ends_when_nobody_uses_it(place: Place) -> None:
    async with visiting(place, "dev") as visitor:
        await visitor.read("/policy")
        ago = sa.text("UPDATE desk_session SET last_seen_at = last_seen_at - make_interval(secs => :idle)")
        await run(place.runtime, lambda tx: tx.connection.execute(ago, {"idle": sessions.IDLE / timedelta(seconds=1)}))
        assert (await visitor.http.get("/policy")).status_code == 303


async def test_a_session_ends_with_the_working_day(place: Place) -> None:
    key, session = sessions.begin(PEOPLE["dev"], datetime.now(UTC))
    ended = replace(session, ends_at=datetime.now(UTC))
    await run(place.runtime, lambda tx: store.open_session(tx, ended))
    async with client(base_url=place.url, cookies={"rentbook": key}) as http:
        assert (await http.get("/policy")).status_code == 303


async def test_a_form_sent_after_the_session_ended_says_what_to_do(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        await run(place.runtime, lambda tx: tx.connection.execute(sa.text("DELETE FROM desk_session")))
        said = await visitor.send(f"/cases/{estate.CASE_BEGUM}/withdraw", 401, withdraw_note="x")
    assert "Sign in in another tab" in said


async def test_the_database_does_not_hold_the_browsers_key(place: Place) -> None:
    key, _ = await place.signed_in("dev")
    rows = await run(place.runtime, lambda tx: tx.connection.execute(sa.text("SELECT desk_session::text FROM desk_session")))
    assert key not in str(rows.all())


async def _raw(place: Place, key: str, path: str, length: str, body: bytes) -> str:
    """Send a request by hand, and read the first line of the answer."""
    url = urlsplit(place.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = f"POST {path} HTTP/1.1\r\nhost: {url.netloc}\r\norigin: {place.url}\r\ncookie: rentbook={key}\r\n{length}\r\n"
    writer.write(head.encode() + b"content-type: application/x-www-form-urlencoded\r\n\r\n" + body)
    line = (await reader.readline()).decode().strip()
    writer.close()
    return line


@pytest.mark.parametrize(
    ("path", "octets"),
    [
        ("/files", UPLOAD_OCTETS),
        (f"/cases/{estate.CASE_BEGUM}/evidence", DOCUMENT_OCTETS),
        (f"/cases/{estate.CASE_BEGUM}/payee", FORM_OCTETS),
    ],
)
async def test_a_body_beyond_the_limit_is_refused_before_it_is_read(place: Place, path: str, octets: int) -> None:
    key, _ = await place.signed_in("asha")
    assert "413" in await _raw(place, key, path, f"content-length: {octets + 1}", b"")


async def test_a_body_that_hides_its_length_is_cut_off(place: Place) -> None:
    key, _ = await place.signed_in("asha")
    chunk = b"%x\r\n%s\r\n" % (65_536, b"a=" + b"x" * 65_534)
    body = chunk * (FORM_OCTETS // 65_536 + 1)
    assert "413" in await _raw(place, key, f"/cases/{estate.CASE_BEGUM}/payee", "transfer-encoding: chunked", body)
    assert place.peers.given(CHANGE_PAYEE) == []


async def test_what_is_refused_is_read_to_its_end_before_the_answer_ends_and_no_further() -> None:
    parts = [(FORM_OCTETS, True), (1, True), (1, True), (1, False)]
    left, sent = list(parts), list[Message]()

    async def receive() -> Message:
        octets, more = left.pop(0)
        return {"type": "http.request", "body": b"x" * octets, "more_body": more}

    async def send(message: Message) -> None:
        sent.append({**message, "still to read": len(left)})

    async def app(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        with pytest.raises(BodyTooLarge):
            await receive()
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await send({"type": "http.response.body", "body": b"too large"})

    await Guard(app, https=False)({"type": "http", "path": "/", "headers": []}, receive, send)
    assert [(one.get("body"), one.get("more_body", False), one["still to read"]) for one in sent[1:]] == [
        (b"too large", True, 2),
        (None, False, 0),
    ]


def test_the_referer_speaks_where_a_browser_sends_no_origin() -> None:
    assert from_our_own_page(Headers({"referer": "https://desk.example/work?view=mine"}), "https://desk.example")
    assert not from_our_own_page(Headers({"referer": "https://desk.example.evil.example/"}), "https://desk.example")
    assert not from_our_own_page(Headers({"origin": "http://desk.example"}), "https://desk.example")
