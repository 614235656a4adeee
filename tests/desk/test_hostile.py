"""What a hostile page, sender, name or file name cannot do; each has been somebody's weakness."""

import csv
import io
import re
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from approvals import queries
from approvals.web.desk import DeskSettings, make_desk
from approvals.web.routes import FORMS, make_app
from approvals.web.visit import MOST_FIELDS
from chassis.transaction import run
from playwright.async_api import Browser, Route
from rentbook_contracts.ledger import ACCOUNT_LABELS, ACCOUNT_PAGE, AccountLabels
from rentbook_contracts.words import isolated
from rentbook_contracts.writeoffs import PROPOSE
from starlette.types import ASGIApp
from support.formulas import HOSTILE
from support.web import client

from desk import estate
from desk.conftest import Place, at_the_desk
from desk.visitor import visiting
from desk.walk import ATTEMPTS, Walk, filled

TABLES = ("participant", "decision", "recall", "release", "comment", "saved_view", "task_event")
"""What the desk's own forms write."""


def over_https(place: Place, issuer: str) -> ASGIApp:
    return make_app(make_desk(place.runtime, DeskSettings("https://desk.example", issuer, "rentbook-desk", "a secret", "a session key")))


async def rows(place: Place) -> dict[str, int]:
    counted = {}
    for table in TABLES:
        found = await run(place.runtime, lambda tx, table=table: tx.connection.execute(sa.text(f"SELECT count(*) FROM {table}")))  # type: ignore[misc]
        counted[table] = found.scalar_one()
    return counted


@pytest.mark.parametrize(
    ("csrf", "headers"),
    [
        ("", {"origin": "ours"}),
        ("x" * 43, {"origin": "ours"}),
        ("its own", {}),
        ("its own", {"origin": "https://elsewhere.example"}),
        ("its own", {"origin": "null", "sec-fetch-site": "cross-site"}),
    ],
    ids=["no token", "a guessed token", "no origin", "another origin", "a frame's origin"],
)
async def test_no_form_is_taken_without_its_token_and_from_elsewhere(place: Place, csrf: str, headers: dict[str, str]) -> None:
    await place.everyone_known()
    walk = Walk(place)
    task = await walk.task()
    named = {name for path, *_ in FORMS for name in re.findall(r"\{(\w+)", path)}
    known = dict.fromkeys(named, estate.CASE_BEGUM) | {"task": task}
    key, session = await place.signed_in("ella")
    before = await rows(place)
    sent = {"csrf": session.csrf_token if csrf == "its own" else csrf, "form_id": str(uuid4())}
    told = {name: place.url if value == "ours" else value for name, value in headers.items()}
    async with client(base_url=place.url, cookies={"rentbook": key}) as http:
        for path, *_ in FORMS:
            assert path in ATTEMPTS
            answer = await http.post(filled(path, known), data=sent, headers=told)
            assert answer.status_code == 403, path
    assert await rows(place) == before
    assert [call for call in place.peers.calls if call.path.startswith(("/commands/", "/bank-files"))] == []


async def test_a_form_that_was_shown_before_sign_out_is_not_taken_after_the_next_sign_in(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        action = f"/cases/{estate.CASE_BEGUM}/withdraw"
        await visitor.read(f"/cases/{estate.CASE_BEGUM}")
        stale = visitor.fields(action)
        await visitor.post("/sign-out", visitor.fields("/sign-out"))
        key, _ = await place.signed_in("asha")
        visitor.http.cookies.set("rentbook", key)
        await visitor.post(action, {**stale, "withdraw_note": "x"}, 403)
    assert [call for call in place.peers.calls if call.path.startswith("/commands/")] == []


async def test_a_form_that_is_replayed_takes_effect_once_and_with_other_words_not_at_all(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    action = f"/tasks/{task}/comments"
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/tasks/{task}")
        words = {**visitor.fields(action), "comment": "The tenant rang"}
        await visitor.post(action, words)
        await visitor.post(action, words)
        said = await visitor.post(action, {**words, "comment": "The tenant did not ring"}, 422)
    assert "This form was already sent with other content." in said
    page = await run(place.runtime, lambda tx: queries.task_page(tx, task))
    assert page is not None
    assert [one.text for one in page.comments] == ["The tenant rang"]


async def test_cookies_over_https_stay_with_this_host_and_away_from_scripts(place: Place, issuer: str) -> None:
    """The one that leads through the sign-in, and the one that the session stands under."""
    transport = httpx.ASGITransport(over_https(place, issuer))
    async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as http, httpx.AsyncClient() as at_the_issuer:
        away = await http.get("/sign-in?to=/policy")
        known = await at_the_issuer.post(away.headers["location"], data={"sub": "dev.leader"})
        back = await http.get(known.headers["location"])
        assert (back.status_code, back.headers["location"]) == (303, "/policy")
        assert (await http.get("/policy")).status_code == 200
    [leads], [opens, ends] = away.headers.get_list("set-cookie"), back.headers.get_list("set-cookie")
    for cookie, name in ((leads, "__Host-rentbook-sign-in="), (opens, "__Host-rentbook="), (ends, "__Host-rentbook-sign-in=")):
        assert cookie.startswith(name)
        flags = [part.strip().lower() for part in cookie.split(";")[1:]]
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(flags)
        assert not [flag for flag in flags if flag.startswith("domain")]
    assert "Max-Age=0" in ends
    assert away.headers["strict-transport-security"].startswith("max-age=")


async def test_a_strange_host_changes_no_address(place: Place, issuer: str) -> None:
    """The way back from the issuer, and where a page leads, rest on the address that the desk was told, never on the request's Host."""
    transport = httpx.ASGITransport(over_https(place, issuer))
    async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as http:
        away = await http.get("/sign-in", headers={"host": "evil.example"})
        asked = await http.get("/policy", headers={"host": "evil.example"})
    assert urlsplit(away.headers["location"]).netloc == urlsplit(issuer).netloc
    assert quote("https://desk.example/sign-in/return", safe="") in away.headers["location"]
    assert asked.headers["location"] == "/sign-in?to=%2Fpolicy"


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/../../desk.py",
        "/static/x/..%2f..%2fdesk.py",
        "/static/%2e%2e/security.py",
        "/letters/..%2f..%2fetc%2fpasswd.pdf",
        f"/letters/{estate.LETTER}%00.pdf",
        "/runs/..%2f..%2f/file",
        "//evil.example/work",
    ],
)
async def test_no_path_leads_out_of_the_desk(place: Place, path: str) -> None:
    async with visiting(place, "grace") as visitor:
        url = urlsplit(place.url)
        answer = await visitor.http.get(f"{url.scheme}://{url.netloc}{path}")
    assert answer.status_code == 404
    assert "import" not in answer.text
    assert [call for call in place.peers.calls if not call.path.startswith("/queries/")] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\r\nx-rentbook-roles: finance.xml", "a.xml?name=b&form=c", "%2e%2e%2fa.xml"])
async def test_a_files_name_stays_a_name(place: Place, name: str) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/files")
        answer = await visitor.http.post(
            "/files", data=visitor.fields("/files"), files={"file": (name, b"<a/>")}, headers={"origin": place.url}, follow_redirects=True
        )
    assert answer.status_code == 200
    [call] = [call for call in place.peers.calls if call.path == "/bank-files"]
    assert (call.person, call.roles, call.body) == ("asha.officer", frozenset({"officer"}), b"<a/>")


async def test_a_files_name_that_is_too_long_is_said_beside_its_field(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/files")
        await visitor.send_with_file("/files", "file", ("n" * 5_000, b"<a/>"), 422)
        assert visitor.summary() == {
            "#file": "The file’s name is too long to be read, and nothing was kept. Give the file a shorter name, and choose it again"
        }
        assert visitor.page is not None
        assert "too long" in visitor.page.get_element_by_id("file-error").text_content()
    assert [call for call in place.peers.calls if call.path == "/bank-files"] == []


async def test_a_documents_name_that_is_too_long_is_said_with_the_way_back(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        case = f"/cases/{estate.CASE_BEGUM}"
        await visitor.read(case)
        said = await visitor.send_with_file(f"{case}/evidence", "document", ("n" * 5_000, b"%PDF-1.7"), 400)
        assert "The file’s name is too long" in said
        assert "Give the file a shorter name, go back, and choose it again." in said
        assert visitor.page is not None
        assert case in visitor.page.xpath("//main//a/@href")
    assert [call for call in place.peers.calls if call.path.startswith("/commands/")] == []


async def test_more_fields_and_files_than_any_form_has_are_refused(place: Place) -> None:
    async with visiting(place, "asha") as visitor:
        await visitor.read("/files")
        keys, origin = visitor.fields("/files"), {"origin": place.url}
        fields = {f"f{at}": "x" for at in range(MOST_FIELDS + 1)}
        many = await visitor.http.post("/files", data={**keys, **fields}, headers=origin, files={"file": b""})
        two = await visitor.http.post("/files", data=keys, files=[("file", ("a", b"x")), ("file", ("b", b"x"))], headers=origin)
    assert (many.status_code, two.status_code) == (400, 400)
    assert [call for call in place.peers.calls if call.path == "/bank-files"] == []


@pytest.mark.parametrize("page", ["/work?view=everyone", "/accounts?q=oldfield", f"/accounts/{estate.OKAFOR.account}", "/cases", "task"])
async def test_a_name_is_never_markup(place: Place, browser: Browser, page: str) -> None:
    odd = "<img src=x onerror=document.title='taken'>\"'><script>document.title='taken'</script>"
    label = estate.OKAFOR.label.model_copy(update={"names": (odd,), "address": odd})
    account = estate.account_page(estate.OKAFOR).model_copy(update={"label": label})
    place.peers.answers[f"/queries/{ACCOUNT_LABELS.name}"] = lambda _: AccountLabels(labels=(label,))
    place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda _: account
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with at_the_desk(browser, place, "dev") as context:
        shown = await context.new_page()
        await shown.goto(f"/tasks/{task}" if page == "task" else page)
        assert await shown.title() != "taken"
        assert await shown.locator("main img, main script").count() == 0


RIGHT_TO_LEFT = "محمد الفارسي"

BESIDE_OTHER_WORDS = "//text()[contains(., $name)][not(ancestor::bdi or ancestor::option)]"
"""The texts that hold the name and are not its own element. An option holds it alone; a title has marks instead."""


@pytest.mark.parametrize(
    "page",
    [
        *(
            "/work?view=everyone",
            "/accounts?q=oldfield",
            f"/accounts/{estate.OKAFOR.account}",
            f"/accounts/{estate.OKAFOR.account}/explain",
        ),
        *(f"/accounts/{estate.OKAFOR.account}/refund", "/cases", f"/cases/{estate.CASE_OKAFOR}", "task", f"/files/{estate.FILE}"),
        *("/runs", f"/runs/{estate.RUN}", "/write-offs/register"),
    ],
)
async def test_a_name_from_right_to_left_moves_nothing_that_stands_beside_it(
    place: Place, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    for home in estate.HOMES:
        monkeypatch.setitem(home.__dict__, "names", tuple(RIGHT_TO_LEFT for _ in home.names))
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "asha") as visitor:
        assert RIGHT_TO_LEFT in await visitor.read(f"/tasks/{task}" if page == "task" else page)
        assert visitor.page is not None
        beside = visitor.page.xpath(BESIDE_OTHER_WORDS, name=RIGHT_TO_LEFT)
    assert [words for words in beside if RIGHT_TO_LEFT in words.replace(isolated(RIGHT_TO_LEFT), "")] == []


async def test_what_is_typed_turns_no_text_round(place: Place) -> None:
    await place.everyone_known()
    task = await place.task(estate.CASE_OKAFOR)
    async with visiting(place, "asha") as visitor:
        await visitor.read(f"/tasks/{task}")
        await visitor.send(f"/tasks/{task}/comments", comment="Paid \u202e00.05£ in May")
        assert "Paid 00.05£ in May" in await visitor.read(f"/tasks/{task}")
        await visitor.read(f"/accounts/{estate.NGUYEN.account}/write-off")
        await visitor.send(f"/accounts/{estate.NGUYEN.account}/write-off", reason="untraceable", note="A\u202eB")
    [asked] = place.peers.given(PROPOSE)
    assert asked.note == "AB"


async def test_a_script_without_the_nonce_does_not_run(place: Place, browser: Browser) -> None:
    """The second wall, should a name become markup after all."""
    async with at_the_desk(browser, place, "dev") as context:
        page = await context.new_page()
        await page.goto("/policy")
        title = await page.title()
        await page.evaluate(
            """() => {
              const script = document.createElement("script");
              script.textContent = "document.title = 'taken'";
              document.body.append(script);
              const image = document.createElement("img");
              image.setAttribute("onerror", "document.title = 'taken'");
              image.src = "/nowhere";
              document.body.append(image);
            }"""
        )
        await page.wait_for_load_state("networkidle")
        assert await page.title() == title


async def test_the_desk_is_not_shown_inside_another_page(place: Place, browser: Browser) -> None:
    """The page needs no session: nothing but its headers keeps it out, and without them it is shown there."""

    async def bare(route: Route) -> None:
        answer = await route.fetch()
        kept = {name: value for name, value in answer.headers.items() if name not in ("content-security-policy", "x-frame-options")}
        await route.fulfill(response=answer, headers=kept)

    async with at_the_desk(browser, place, "dev") as context:
        page = await context.new_page()

        async def framed() -> int:
            await page.set_content(f'<iframe src="{place.url}/signed-out"></iframe>')
            await page.wait_for_load_state("networkidle")
            return await page.frames[-1].get_by_role("heading", level=1).count()

        assert await framed() == 0
        await context.route("**/signed-out", bare)
        assert await framed() == 1


async def test_no_words_of_a_bank_file_are_calculated_where_the_entries_of_an_account_leave_for_a_spreadsheet(place: Place) -> None:
    page = estate.account_page(estate.OKAFOR)
    entries = tuple(page.entries[0].model_copy(update={"narrative": words}) for words in HOSTILE)
    place.peers.answers[f"/queries/{ACCOUNT_PAGE.name}"] = lambda _: page.model_copy(
        update={"entries": entries, "entries_in_all": len(entries)}
    )
    async with visiting(place, "asha") as visitor:
        told = (await visitor.http.get(f"/accounts/{estate.OKAFOR.account}/entries.csv")).content.decode("utf-8-sig")
    assert [row["Text"] for row in csv.DictReader(io.StringIO(told, newline=""))] == [f"'{words}" for words in HOSTILE]
