"""Sign-in by OpenID Connect: authorization code with PKCE (RFC 7636), the identity token verified by its issuer's keys.

What must be remembered between leaving for the issuer and coming back (state, nonce, code verifier, the page asked for) travels in an
encrypted cookie of ten minutes.
"""

import hashlib
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]
from chassis.peers import SYSTEM
from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from rentbook_contracts.people import Role

from approvals.web.sessions import Person

JOURNEY = timedelta(minutes=10)
"""How long a person may take at the issuer."""

_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
_TIMEOUT_SECONDS = 10.0
_LEEWAY_SECONDS = 30
_SCOPE = "openid profile"


class SignInFailed(Exception):
    """The sign-in came to nothing. The message says why, for the person."""


class IssuerUnanswered(SignInFailed):
    """The sign-in service does not answer."""


@dataclass(frozen=True)
class Journey:
    """A sign-in under way. `again`: the person shall be asked who they are, even if the issuer knows them still."""

    state: str
    nonce: str
    verifier: str
    back_to: str
    ends_at: float
    again: bool = False

    @classmethod
    def begin(cls, back_to: str, now: datetime, *, again: bool = False) -> "Journey":
        ends = (now + JOURNEY).timestamp()
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), back_to, ends, again)

    @property
    def begun_at(self) -> datetime:
        return datetime.fromtimestamp(self.ends_at, UTC) - JOURNEY


@dataclass(frozen=True)
class Arrival:
    """Who came back, and when the issuer asked them who they are, where the desk had wanted that."""

    person: Person
    authenticated_at: datetime | None


@dataclass(frozen=True)
class Issuer:
    """Where and as whom the desk signs people in."""

    url: str
    client_id: str
    client_secret: str
    return_url: str
    session_key: str

    async def way_out(self, journey: Journey) -> str:
        """The address at the issuer that a person is sent to."""
        places = await self._discover()
        async with self._client() as client:
            asked = {"prompt": "login", "max_age": "0"} if journey.again else {}
            url, _ = client.create_authorization_url(
                places["authorization_endpoint"], state=journey.state, nonce=journey.nonce, code_verifier=journey.verifier, **asked
            )
        return str(url)

    async def way_back(self, journey: Journey, answer: Mapping[str, str], now: datetime) -> Arrival:
        """Who came back from the issuer. Raises SignInFailed where the answer is not the one that this journey asked for."""
        if now.timestamp() > journey.ends_at:
            raise SignInFailed("The sign-in took longer than ten minutes. Sign in again.")
        if not secrets.compare_digest(answer.get("state", "").encode(), journey.state.encode()):
            raise SignInFailed("This answer belongs to another sign-in, perhaps from another tab. Sign in again.")
        if "code" not in answer:
            raise SignInFailed("The sign-in was given up or refused.")
        places = await self._discover()
        try:
            async with self._client() as client:
                tokens = await client.fetch_token(
                    places["token_endpoint"], grant_type="authorization_code", code=answer["code"], code_verifier=journey.verifier
                )
        except OAuthError as refused:
            raise SignInFailed("The sign-in service did not accept the desk's request. Sign in again.") from refused
        except httpx2.HTTPError as silent:
            raise IssuerUnanswered("The sign-in service does not answer.") from silent
        keys = await _read(places["jwks_uri"])
        claims = self._verified(tokens.get("id_token", ""), keys, journey.nonce)
        return Arrival(person_of(claims), asked_again_at(claims, journey) if journey.again else None)

    def seal(self, journey: Journey) -> str:
        """The journey as a cookie that only the desk can read."""
        return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, json.dumps(asdict(journey)).encode(), self._key())

    def open(self, cookie: str) -> Journey:
        """The journey that a cookie holds. Raises SignInFailed where the desk did not write it."""
        try:
            plain = jwe.decrypt_compact(cookie, self._key()).plaintext
            return Journey(**json.loads(plain or b""))
        except (JoseError, ValueError, TypeError) as strange:
            raise SignInFailed("The desk does not remember this sign-in. Sign in again.") from strange

    def _verified(self, token: str, keys: Any, nonce: str) -> Mapping[str, Any]:
        wanted = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self.url},
            aud={"essential": True, "value": self.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS).claims
            wanted.validate(claims)
        except (JoseError, ValueError) as untrue:
            raise SignInFailed("The sign-in service's answer could not be verified. Sign in again.") from untrue
        return claims

    async def _discover(self) -> Mapping[str, str]:
        found: Mapping[str, str] = await _read(f"{self.url}/.well-known/openid-configuration")
        if found.get("issuer") != self.url:
            raise SignInFailed("The sign-in service says that it is another than the desk was told of.")
        return found

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self.client_id,
            client_secret=self.client_secret,
            scope=_SCOPE,
            redirect_uri=self.return_url,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
            verify=_trusted(),
        )

    def _key(self) -> OctKey:
        return OctKey.import_key(hashlib.sha256(b"rentbook desk sign-in" + self.session_key.encode()).digest())


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities by which the issuer is known. Reading them takes as long as a page: once for a process."""
    return httpx2.create_ssl_context()


async def _read(url: str) -> Any:
    """What the issuer publishes at an address; read anew at each sign-in, because its keys change."""
    try:
        async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS, verify=_trusted()) as client:
            return (await client.get(url)).raise_for_status().json()
    except (httpx2.HTTPError, ValueError) as silent:
        raise IssuerUnanswered("The sign-in service does not answer.") from silent


def asked_again_at(claims: Mapping[str, Any], journey: Journey) -> datetime:
    """When the issuer asked who it is, by its claim `auth_time`. Raises SignInFailed where that was before this journey began."""
    said = claims.get("auth_time")
    at = datetime.fromtimestamp(said, UTC) if isinstance(said, int) else None
    if at is None or at < journey.begun_at - timedelta(seconds=_LEEWAY_SECONDS):
        raise SignInFailed("The sign-in service did not ask you again who you are, so nothing was decided. Tell whoever runs it.")
    return at


def person_of(claims: Mapping[str, Any]) -> Person:
    """The member of staff that verified claims name. Raises SignInFailed for a subject without a role that the desk knows, and for one that
    is nobody: what is done as `system` is counted as no person's, and makes nobody a participant.
    """
    if str(claims["sub"]).strip() in ("", SYSTEM.person):
        raise SignInFailed("The sign-in service names nobody, or Rentbook itself. Tell whoever runs it.")
    given = claims.get("roles", [])
    roles = frozenset(given if isinstance(given, list) else []) & {role.value for role in Role}
    if not roles:
        raise SignInFailed("You are signed in, but no part in Rentbook is set for you. Ask your team leader to have a role set.")
    return Person(str(claims["sub"]), str(claims.get("name") or claims["sub"]), frozenset(str(role) for role in roles))


def safe_return(path: str | None) -> str:
    """Where to go after sign-in: a page of the desk, never another site."""
    if path and path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path and "\r" not in path:
        return path
    return "/"
