"""What error pages and refusals show, and what is logged beside them: nothing of what was sent, and nothing of what is kept."""

import asyncio
import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from approvals.web.security import DOCUMENT_OCTETS, FORM_OCTETS, UPLOAD_OCTETS
from chassis.process import make_runtime
from chassis.serving import Answer
from chassis.telemetry import start_logging
from chassis.transaction import Transaction
from chassis.web import web
from playwright.async_api import Browser
from pydantic import BaseModel
from rentbook_contracts.people import EVERY_ROLE
from support.servers import Postgres
from support.web import client

from desk import estate
from desk.conftest import Place, at_the_desk
from desk.doors import TOKEN, configured, example, keep_secrets, no_ailment, opened_doors
from desk.visitor import visiting

NINO, NAME, NUMBER = "QQ123456C", "Quackenbush", "66374958"
CANARIES = (NINO, NAME, NUMBER)
WORDS = " ".join(CANARIES)
OFFICER = {"authorization": f"Bearer {TOKEN}", "x-rentbook-person": "asha.officer", "x-rentbook-roles": "officer"}
SERVICES = ("ledger", "refunds", "writeoffs", "notices")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What a process would write to its log, at its loudest."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    start_logging("test", "json", stream)
    root.setLevel(logging.DEBUG)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def broken_answer(_: object) -> BaseModel:
    raise KeyError(WORDS)


def seen(*texts: str) -> list[str]:
    return [canary for canary in CANARIES for text in texts if canary in text]


async def declared_too_large(place: Place, path: str, octets: int = FORM_OCTETS) -> str:
    """The whole answer to a body that says that it is too large; it begins with canaries and does not go on."""
    key, _ = await place.signed_in("asha")
    url = urlsplit(place.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = (
        f"POST {path} HTTP/1.1", f"host: {url.netloc}", f"origin: {place.url}", f"cookie: rentbook={key}",
        f"content-length: {octets + 1}", "content-type: application/x-www-form-urlencoded", "", f"withdraw_note={WORDS}",
    )  # fmt: skip
    writer.write("\r\n".join(head).encode())
    answer = (await reader.readuntil(b"</html>")).decode()
    writer.close()
    return answer


async def test_the_desks_error_pages_repeat_nothing(place: Place, logged: io.StringIO) -> None:
    case = f"/cases/{estate.CASE_BEGUM}"
    said: dict[str, httpx.Response] = {}
    async with visiting(place, "asha") as visitor, client(base_url=place.url) as stranger:
        await visitor.read(case)
        keys = {**visitor.fields(f"{case}/withdraw"), "withdraw_note": WORDS}
        ours = {"origin": place.url}
        plain = {**ours, "content-type": "multipart/form-data; boundary=x"}
        said["400"] = await visitor.http.post(f"{case}/withdraw", content=WORDS, headers=plain)
        said["400 without an id"] = await visitor.http.post(f"{case}/withdraw", data={**keys, "form_id": WORDS}, headers=ours)
        said["401"] = await stranger.post(f"{case}/withdraw", data=keys, headers=ours)
        said["403"] = await visitor.http.post(f"{case}/withdraw", data={**keys, "csrf": WORDS}, headers=ours)
        said["404"] = await visitor.http.get(f"/accounts/{NINO}/{NAME}")
        said["404 of an id"] = await visitor.http.get(f"/tasks/{uuid4()}?q={NINO}")
        said["405"] = await visitor.http.request("DELETE", f"/cases?q={NINO}")
        place.peers.answers["/queries/cases"] = broken_answer
        said["500"] = await visitor.http.get("/cases")
        place.peers.silent.add("refunds")
        said["503"] = await visitor.http.post(f"{case}/withdraw", data=keys, headers=ours)
    assert [f"{name}: {answer.status_code}" for name, answer in said.items() if not name.startswith(str(answer.status_code))] == [
        "405: 404"
    ]
    too_large = await declared_too_large(place, f"{case}/withdraw?q={NINO}")
    assert too_large.startswith("HTTP/1.1 413")
    assert "A form has at most 1 MB" in too_large
    assert "A bank file has" not in too_large
    assert seen(too_large, *(answer.text for answer in said.values())) == []
    assert seen(logged.getvalue()) == []
    assert "KeyError" in logged.getvalue(), "the fault is in the log by its name, so the search looks where it could be"


async def test_a_server_that_is_away_is_said_as_such_and_is_no_fault_of_ours(place: Place) -> None:
    def refused(_: object) -> BaseModel:
        raise ConnectionRefusedError(111, WORDS)

    async with visiting(place, "asha") as visitor:
        place.peers.answers["/queries/cases"] = refused
        said = await visitor.read("/cases", 503)
    assert "does not answer. Nothing is lost." in said
    assert seen(said) == []


async def test_a_bank_file_that_is_too_large_is_asked_for_in_shorter_periods(place: Place) -> None:
    assert "Ask the bank for shorter periods" in await declared_too_large(place, "/files", UPLOAD_OCTETS)


async def test_a_document_that_is_too_large_is_answered_with_its_limit_and_the_way_back(place: Place) -> None:
    case = f"/cases/{estate.CASE_BEGUM}"
    for action in (f"{case}/evidence", f"{case}/withdraw"):
        said = await declared_too_large(place, action, DOCUMENT_OCTETS)
        assert f'href="{case}">Back to the page' in said
        assert "Sign out" in said
        assert ("A document has at most 10 MB." in said) == action.endswith("evidence")


async def test_a_document_that_is_too_large_is_refused_before_it_is_sent_and_what_was_typed_stays(
    place: Place, browser: Browser, tmp_path: Path
) -> None:
    large, small = tmp_path / "large.pdf", tmp_path / "small.pdf"
    large.write_bytes(b"%PDF-" + b" " * 12_000_000)
    small.write_bytes(b"%PDF-")
    task = await place.put_to("mabel")
    async with at_the_desk(browser, place, "mabel") as context:
        page = await context.new_page()
        await page.goto(f"/tasks/{task}")
        await page.get_by_label("In words").fill("As Cabinet had it")
        await page.get_by_label("Copy of the minute").set_input_files(large)
        await page.get_by_text("This file has 12.0 MB; a document has at most 10.0 MB.").wait_for()
        await page.get_by_role("button", name="Record the decision").click()
        assert await page.get_by_label("In words").input_value() == "As Cabinet had it"
        await page.get_by_label("Copy of the minute").set_input_files(small)
        assert await page.get_by_text("This file has").count() == 0
        async with page.expect_response(f"**/tasks/{task}/decision"):
            await page.get_by_role("button", name="Show the totals").click()


async def test_a_letter_or_a_document_that_is_not_there_is_said_in_a_sentence(place: Place) -> None:
    letter, document = uuid4(), uuid4()
    place.peers.gone |= {f"/letters/{letter}.pdf", f"/documents/{document}"}
    async with visiting(place, "asha") as visitor:
        assert "This letter is not here." in await visitor.read(f"/letters/{letter}.pdf", 404)
        assert "This document is not here." in await visitor.read(f"/documents/{document}.pdf", 404)
        assert "This document is not here." in await visitor.read(f"/documents/{document}.exe", 404)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_services_refusals_repeat_nothing(service: str, postgres: Postgres, tmp_path: Path, logged: io.StringIO) -> None:
    ours = {
        "authorization": f"Bearer {TOKEN}",
        "x-rentbook-person": "asha.officer",
        "x-rentbook-roles": "officer",
        "x-rentbook-form": "f-1",
    }
    answers: list[httpx.Response] = []
    async with opened_doors(service, postgres, tmp_path) as doors:
        for route in doors.routes:
            if route.path in ("/health", "/metrics"):
                continue
            path = route.path
            for name in route.param_convertors:
                path = path.replace(f"{{{name}:uuid}}", str(uuid4()))
            [method] = (route.methods or set()) - {"HEAD"}
            for headers in ({}, {**ours, "x-rentbook-person": ""}, ours):
                body = f'{{"note": "{WORDS}", "account": "{NINO}"}}'
                answers.append(await doors.http.request(method, f"{path}?name={NAME}", content=body, headers=headers))
        answers.append(await doors.http.post(f"/queries/{NINO}", content=WORDS, headers=ours))
        [first] = [route.path for route in doors.routes if route.path.startswith("/queries/")][:1]
        answers.append(await doors.http.post(first, content=WORDS * 700_000, headers=ours))
    assert {400, 401, 404, 413} <= {answer.status_code for answer in answers}
    # a bank file's own page names the file, to those who may read it
    repeated = [answer.text for answer in answers if answer.request.url.path != "/bank-files"]
    assert seen(*repeated) == []
    assert seen(logged.getvalue()) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_a_fault_of_a_services_own_shows_and_logs_nothing_of_its_words(
    service: str, postgres: Postgres, tmp_path: Path, logged: io.StringIO
) -> None:
    async def broken(tx: Transaction, asked: BaseModel) -> BaseModel:
        raise RuntimeError(WORDS)

    keep_secrets(tmp_path)
    database = await postgres.new_database(service)
    told = {"database_url": database.app_url, "kafka_bootstrap": "127.0.0.1:1", "temporal_address": "127.0.0.1:1", "secrets_dir": tmp_path}
    settings, app = configured(service, told, tmp_path)
    query = app.answers[0].query
    async with make_runtime(service, settings) as runtime:
        whole = web(runtime, replace(app, answers=(Answer(query, broken, EVERY_ROLE),)), no_ailment)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(whole), base_url=f"http://{service}") as http:
            answer = await http.post(f"/queries/{query.name}", json=example(query.takes), headers=OFFICER)
            metrics = await http.get("/metrics")
    assert answer.status_code == 500
    assert seen(answer.text, metrics.text, logged.getvalue()) == []
    assert "RuntimeError" in logged.getvalue()
