"""Sign-in: by a browser at the stack's own issuer, and piece by piece against an issuer that checks what the other does not."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from approvals.web.sessions import Person
from approvals.web.sign_in import Arrival, Issuer, IssuerUnanswered, Journey, SignInFailed, person_of, safe_return
from chassis.transaction import run
from chassis.web import listen, web_server
from joserfc import jwt
from joserfc.jwk import RSAKey
from playwright.async_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from desk.conftest import Place

NOW = datetime.now(UTC)


async def test_a_persona_signs_in_and_lands_on_the_page_that_was_asked_for(place: Place, browser: Browser) -> None:
    context = await browser.new_context(base_url=place.url)
    page = await context.new_page()
    await page.goto("/policy")
    await page.get_by_text("dev.leader").click()
    await page.wait_for_url("**/policy")
    await expect(page.get_by_role("banner").get_by_text("Dev Patel")).to_be_visible()
    [cookie] = [one for one in await context.cookies() if one["name"] == "rentbook"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
    left = await run(place.runtime, lambda tx: tx.connection.execute(sa.text("SELECT count(*) FROM desk_session")))
    assert left.scalar_one() == 0
    await context.close()


async def test_a_key_planted_before_the_sign_in_opens_nothing_after_it(place: Place, browser: Browser) -> None:
    planted, _ = await place.signed_in("asha")
    context = await browser.new_context(base_url=place.url)
    await context.add_cookies([{"name": "rentbook", "value": planted, "url": place.url}])
    page = await context.new_page()
    await page.goto("/sign-in?to=/policy")
    await page.get_by_text("dev.leader").click()
    await page.wait_for_url("**/policy")
    [cookie] = [one for one in await context.cookies() if one["name"] == "rentbook"]
    assert cookie["value"] != planted
    rows = await run(place.runtime, lambda tx: tx.connection.execute(sa.text("SELECT subject FROM desk_session")))
    assert rows.scalars().all() == ["dev.leader"]
    await context.close()


async def test_a_subject_without_a_role_is_told_so_and_gets_no_session(place: Place, browser: Browser) -> None:
    context = await browser.new_context(base_url=place.url)
    page = await context.new_page()
    await page.goto("/work")
    await page.get_by_text("nobody").click()
    await expect(page.get_by_text("no part in Rentbook is set for you")).to_be_visible()
    assert [one["name"] for one in await context.cookies() if one["name"] == "rentbook"] == []
    await context.close()


async def test_an_answer_that_no_sign_in_asked_for_is_refused(place: Place, browser: Browser) -> None:
    context = await browser.new_context(base_url=place.url)
    page = await context.new_page()
    answer = await page.goto("/sign-in/return?code=stolen&state=any")
    assert answer is not None
    assert answer.status == 403
    await expect(page.get_by_text("The desk does not remember this sign-in.")).to_be_visible()
    await context.close()


@pytest.mark.parametrize(
    ("asked", "goes_to"),
    [
        ("/tasks/1?x=y", "/tasks/1?x=y"),
        (None, "/"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example", "/"),
        ("/a\r\nset-cookie: x", "/"),
    ],
)
def test_sign_in_leads_to_pages_of_the_desk_alone(asked: str | None, goes_to: str) -> None:
    assert safe_return(asked) == goes_to


@pytest.mark.parametrize("roles", [None, [], ["landlord"], "officer", {"officer": True}])
def test_claims_without_a_known_role_name_nobody(roles: object) -> None:
    with pytest.raises(SignInFailed, match="no part in Rentbook"):
        person_of({"sub": "x", "roles": roles})


@pytest.mark.parametrize("subject", ["system", " system", "", " "])
def test_nobody_signs_in_as_rentbook_itself(subject: str) -> None:
    """What the system does makes nobody a participant: whoever came under that name could decide their own case."""
    with pytest.raises(SignInFailed, match="names nobody"):
        person_of({"sub": subject, "roles": ["team-leader"]})


def test_unknown_roles_beside_a_known_one_fall_away() -> None:
    assert person_of({"sub": "x", "name": "X", "roles": ["officer", "landlord"]}).roles == {"officer"}


@dataclass
class StrictIssuer:
    """An issuer that keeps RFC 7636: a code is redeemed once, with the verifier behind its challenge. `claims` replace its own."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signs_with: RSAKey | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, way_out: str) -> dict[str, str]:
        """What the browser brings back from the address that the desk sent it to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(way_out).query).items()}
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.codes.pop(str(form["code"]), None)
        verifier = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        if asked is None or base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        said = {
            "iss": self.url, "aud": "desk", "sub": "dev.leader", "name": "Dev", "roles": ["team-leader"], "nonce": asked["nonce"],
            "exp": int((datetime.now(UTC) + timedelta(minutes=5)).timestamp()),
        }  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "one"}, {**said, **self.claims}, self.signs_with or self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token})

    async def places(self, _: Request) -> Response:
        named = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return JSONResponse({"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in named.items()}})

    async def keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@pytest.fixture
async def strict() -> AsyncIterator[StrictIssuer]:
    issuer = StrictIssuer()
    bound = listen("127.0.0.1", 0)
    bound.listen()
    issuer.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    paths = [
        Route("/.well-known/openid-configuration", issuer.places),
        Route("/token", issuer.token, methods=["POST"]),
        Route("/keys", issuer.keys),
    ]
    server = web_server(Starlette(routes=paths), stop_limit_seconds=1)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    yield issuer
    server.should_exit = True
    await serving


def desk_at(issuer: StrictIssuer) -> Issuer:
    return Issuer(issuer.url, "desk", "secret", "http://desk.example/sign-in/return", "a key")


async def test_the_verifier_behind_the_challenge_signs_in(strict: StrictIssuer) -> None:
    desk, journey = desk_at(strict), Journey.begin("/work", NOW)
    came = await desk.way_back(journey, strict.answer(await desk.way_out(journey)), NOW)
    assert came == Arrival(Person("dev.leader", "Dev", frozenset({"team-leader"})), None)


async def test_whoever_decides_many_is_asked_anew_who_they_are(strict: StrictIssuer) -> None:
    desk, journey = desk_at(strict), Journey.begin("/together/1", NOW, again=True)
    out = await desk.way_out(journey)
    asked = parse_qs(urlsplit(out).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    strict.claims = {"auth_time": int(NOW.timestamp()) + 5}
    came = await desk.way_back(journey, strict.answer(out), NOW)
    assert came.authenticated_at == datetime.fromtimestamp(int(NOW.timestamp()) + 5, UTC)


@pytest.mark.parametrize("claims", [{}, {"auth_time": int((NOW - timedelta(minutes=2)).timestamp())}, {"auth_time": "now"}])
async def test_an_issuer_that_asked_nobody_signs_nobody_in_anew(strict: StrictIssuer, claims: dict[str, Any]) -> None:
    desk, journey = desk_at(strict), Journey.begin("/together/1", NOW, again=True)
    strict.claims = claims
    with pytest.raises(SignInFailed, match="did not ask you again"):
        await desk.way_back(journey, strict.answer(await desk.way_out(journey)), NOW)


async def test_a_stolen_code_is_worth_nothing_without_its_verifier(strict: StrictIssuer) -> None:
    desk, journey = desk_at(strict), Journey.begin("/work", NOW)
    answer = strict.answer(await desk.way_out(journey))
    with pytest.raises(SignInFailed, match="did not accept"):
        await desk.way_back(replace(journey, verifier="x" * 64), answer, NOW)


async def test_the_answer_to_another_sign_in_is_refused(strict: StrictIssuer) -> None:
    desk, journey = desk_at(strict), Journey.begin("/work", NOW)
    answer = strict.answer(await desk.way_out(Journey.begin("/work", NOW)))
    with pytest.raises(SignInFailed, match="another sign-in"):
        await desk.way_back(journey, answer, NOW)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another-client"},
        {"nonce": "of another sign-in"},
        {"exp": int((NOW - timedelta(minutes=5)).timestamp())},
        {"sub": None},
    ],
    ids=lambda claims: next(iter(claims)),
)
async def test_a_token_that_says_something_else_is_refused(strict: StrictIssuer, claims: dict[str, Any]) -> None:
    strict.claims = claims
    desk, journey = desk_at(strict), Journey.begin("/work", NOW)
    with pytest.raises(SignInFailed, match="could not be verified"):
        await desk.way_back(journey, strict.answer(await desk.way_out(journey)), NOW)


async def test_a_token_that_another_key_signed_is_refused(strict: StrictIssuer) -> None:
    strict.signs_with = RSAKey.generate_key(2048, {"kid": "one"})
    desk, journey = desk_at(strict), Journey.begin("/work", NOW)
    with pytest.raises(SignInFailed, match="could not be verified"):
        await desk.way_back(journey, strict.answer(await desk.way_out(journey)), NOW)


async def test_a_sign_in_that_took_too_long_begins_anew(strict: StrictIssuer) -> None:
    desk, journey = desk_at(strict), Journey.begin("/work", NOW)
    answer = strict.answer(await desk.way_out(journey))
    with pytest.raises(SignInFailed, match="longer than ten minutes"):
        await desk.way_back(journey, answer, NOW + timedelta(minutes=11))


async def test_an_issuer_that_names_itself_otherwise_is_not_ours(strict: StrictIssuer) -> None:
    told = replace(desk_at(strict), url=strict.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(SignInFailed, match="another than the desk was told of"):
        await told.way_out(Journey.begin("/work", NOW))


async def test_a_silent_issuer_is_named() -> None:
    with pytest.raises(IssuerUnanswered, match="sign-in service does not answer"):
        await Issuer("http://127.0.0.1:9", "desk", "s", "r", "k").way_out(Journey.begin("/work", NOW))


def test_a_journeys_cookie_is_read_by_its_own_desk_alone() -> None:
    desk, journey = Issuer("i", "c", "s", "r", "a key"), Journey.begin("/work", NOW)
    sealed = desk.seal(journey)
    assert desk.open(sealed) == journey
    assert journey.verifier not in sealed
    for strange in ("", "a.b.c", sealed[:-4] + "AAAA", replace(desk, session_key="another").seal(journey)):
        with pytest.raises(SignInFailed, match="does not remember"):
            desk.open(strange)
