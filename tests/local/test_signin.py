"""Signing in as each persona."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import KeySet
from lxml import html
from rentbook_contracts.people import Role
from rentbook_local import child, ports, signin

_LIMIT_SECONDS = 20.0
_BACK = "http://127.0.0.1:9/back"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def issuer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    [port] = ports.free_ports(1)
    command = signin.command(port, tmp_path_factory.mktemp("signin") / "signin.log")
    process = await child.spawn(command)
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + _LIMIT_SECONDS
    async with httpx.AsyncClient() as client:
        while True:
            try:
                await client.get(address)
                break
            except httpx.ConnectError:
                assert process.returncode is None, command.log
                assert time.monotonic() < end, "sign-in is not up within 20 s"
                await asyncio.sleep(0.05)
    yield address
    await child.stop(process, command, grace_seconds=5)


def test_there_is_a_persona_for_every_part_and_two_officers() -> None:
    roles = [role for persona in signin.PERSONAS for role in persona.roles]
    assert set(roles) == set(Role)
    assert roles.count(Role.OFFICER) == 2
    assert len({persona.subject for persona in signin.PERSONAS}) == len(signin.PERSONAS)


@pytest.mark.parametrize("persona", signin.PERSONAS, ids=lambda persona: persona.subject)
async def test_the_token_of_a_persona_carries_its_name_and_roles(issuer: str, persona: signin.Persona) -> None:
    async with httpx.AsyncClient() as client:
        known = (await client.get(f"{issuer}/.well-known/openid-configuration")).json()
        asked = {
            "client_id": signin.CLIENT_ID,
            "redirect_uri": _BACK,
            "response_type": "code",
            "scope": "openid profile",
            "state": "s",
            "nonce": "n",
        }
        sent_back = await client.post(known["authorization_endpoint"], params=asked, data={"sub": persona.subject})
        code = parse_qs(urlsplit(sent_back.headers["location"]).query)["code"][0]
        redeemed = {"grant_type": "authorization_code", "code": code, "redirect_uri": _BACK}
        token = (await client.post(known["token_endpoint"], data=redeemed, auth=(signin.CLIENT_ID, "any"))).json()["id_token"]
        keys = KeySet.import_key_set((await client.get(known["jwks_uri"])).json())
    claims = jwt.decode(token, keys).claims
    assert (claims["sub"], claims["name"], claims["roles"]) == (persona.subject, persona.name, [*persona.roles])
    assert claims["iss"] == known["issuer"] == issuer


async def test_the_page_lists_everyone_by_name_and_part_and_fetches_nothing(issuer: str) -> None:
    asked = {"client_id": signin.CLIENT_ID, "redirect_uri": _BACK, "response_type": "code", "scope": "openid profile", "state": "s"}
    async with httpx.AsyncClient() as client:
        page = await client.get(f"{issuer}/oauth2/authorize", params=asked)
        others = [await client.get(f"{issuer}{path}") for path in ("/", "/oauth2/authorize?client_id=x", "/oauth2/end_session")]
    tree = html.document_fromstring(page.text)
    named = [button for button in tree.iter("button") if button.get("name") == "sub"]
    shown = {button.get("value"): " ".join("".join(map(str, button.itertext())).split()) for button in named}
    assert shown == {one.subject: f"{one.name}, {one.part} {one.subject}" for one in signin.PERSONAS}
    assert "Asha Lindqvist, officer asha.officer" in shown.values()
    assert tree.findtext(".//title") == "Sign in – Rentbook"
    assert tree.get("lang") == "en-GB"
    for answer in (page, *others):
        fetched = [one.get("href") or one.get("src") for one in html.document_fromstring(answer.text).iter("link", "script", "img")]
        assert fetched == ["data:,"]
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_part_is_said_as_people_say_it() -> None:
    parts = {one.subject: one.part for one in signin.PERSONAS}
    assert (parts["carys.senior"], parts["farid.head"]) == ("senior officer", "head of service")
