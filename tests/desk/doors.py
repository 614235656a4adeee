"""Every address of the services behind the desk, tried as nobody, without the services' token, and as each role."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID, uuid4

import httpx
from approvals.app import make_app as approvals_app
from approvals.settings import ApprovalsSettings
from chassis.process import make_runtime
from chassis.serving import App
from chassis.settings import Settings
from chassis.web import web
from ledger.app import make_app as ledger_app
from ledger.domain.payer import KEY_FILE
from ledger.settings import LedgerSettings
from notices.app import make_app as notices_app
from notices.settings import NoticesSettings
from pydantic import BaseModel
from refunds.app import make_app as refunds_app
from refunds.settings import RefundsSettings
from rentbook_contracts.people import Role
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from support.servers import Postgres
from writeoffs.app import make_app as writeoffs_app
from writeoffs.settings import WriteOffsSettings

NOBODY = "nobody"
ROLES = tuple(role.value for role in Role)
YES, NO, SIGNS_IN = "yes", "no", "signs in first"
TOKEN = "the-services-token"

NOT_FOR_THE_ROLE = frozenset({"NotAllowed", "NotYourPart"})
"""The rules by which owners turn a role away; any other answer below 500 means that the role was let in."""

EXAMPLES: Mapping[str, object] = {
    "sort_code": "089999",
    "account_number": "66374958",
    "week_commencing": "2026-11-23",
    "reason_code": "overpaid",
}


def key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


async def no_ailment() -> list[str]:
    return []


def configured(service: str, common: dict[str, Any], folder: Path) -> tuple[Settings, App]:
    """The settings and the wiring of a service, as its own process makes them."""
    if service == "approvals":
        approvals = ApprovalsSettings(**common, public_url="http://desk", oidc_issuer="http://issuer", oidc_client_id="desk")
        return approvals, approvals_app(approvals)
    if service == "ledger":
        ledger = LedgerSettings(**common)
        return ledger, ledger_app(ledger)
    if service == "refunds":
        refunds = RefundsSettings(**common, bank_url="http://bank", payments_dir=folder / "payments")
        return refunds, refunds_app(refunds)
    if service == "writeoffs":
        writeoffs = WriteOffsSettings(**common)
        return writeoffs, writeoffs_app(writeoffs)
    notices = NoticesSettings(**common, letters_dir=folder / "letters")
    return notices, notices_app(notices)


def keep_secrets(folder: Path) -> None:
    """The files that services read their secrets from."""
    folder.mkdir(parents=True, exist_ok=True)
    ring = {"current": "k1", "keys": {"k1": key("a")}, "index_key": key("b")}
    sign_in = {"oidc_client_secret": "a secret", "session_key": "a session key"}
    kept = {"service_token": TOKEN, "payee_keys.json": json.dumps(ring), KEY_FILE: key("c"), **sign_in}
    for name, content in kept.items():
        (folder / name).write_text(content)


@dataclass
class Doors:
    """A service's web, whole, on a database of its own."""

    app: App
    routes: tuple[Route, ...]
    http: httpx.AsyncClient


@asynccontextmanager
async def opened_doors(service: str, postgres: Postgres, folder: Path) -> AsyncIterator[Doors]:
    keep_secrets(folder)
    database = await postgres.new_database(service)
    common = {
        "database_url": database.app_url, "kafka_bootstrap": "127.0.0.1:1", "temporal_address": "127.0.0.1:1", "secrets_dir": folder,
        "peers": {name: f"http://{name}" for name in ("ledger", "refunds")}, "peer_limit_seconds": 1.0,
    }  # fmt: skip
    settings, app = configured(service, common, folder)
    async with make_runtime(service, settings) as runtime:
        runtime.http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(404)))
        whole = web(runtime, app, no_ailment)
        made = Starlette(routes=[*whole._app.routes])  # type: ignore[attr-defined]
        routes = tuple(route for route in made.routes if isinstance(route, Route))
        mounts = [route.path for route in made.routes if isinstance(route, Mount)]
        assert mounts == ([""] if service == "approvals" else []), "a mount hides its addresses from this table; the desk has its own"
        transport = httpx.ASGITransport(whole, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{service}") as http, runtime.http:
            yield Doors(app, routes, http)


async def doors_of(service: str, postgres: Postgres, folder: Path) -> dict[str, dict[str, str]]:
    """What each caller finds at each address of a service: yes or no."""
    async with opened_doors(service, postgres, folder) as doors:
        takes = {f"/queries/{one.query.name}": one.query.takes for one in doors.app.answers}
        takes |= {f"/commands/{one.command.name}": one.command.takes for one in doors.app.accepts}
        found = {}
        for route in doors.routes:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                path = route.path
                for name in route.param_convertors:
                    path = path.replace(f"{{{name}:uuid}}", str(uuid4()))
                body = json.dumps(example(takes[path])) if path in takes else "x"
                answers = await asyncio.gather(*(_tried(doors.http, method, path, body, who) for who in (NOBODY, *ROLES)))
                found[f"{method} {service} {route.path}"] = dict(zip((NOBODY, *ROLES), answers, strict=True))
        return found


async def _tried(http: httpx.AsyncClient, method: str, path: str, body: str, who: str) -> str:
    given = {} if who == NOBODY else {"authorization": f"Bearer {TOKEN}", "x-rentbook-roles": who}
    headers = {"x-rentbook-person": f"{who}.person", "x-rentbook-form": str(uuid4()), "content-type": "application/json", **given}
    answer = await http.request(method, path, content=body, headers=headers)
    assert answer.status_code < 500 or answer.status_code == 503, f"{path} as {who}: {answer.status_code}"
    assert "NotTheMessage" not in answer.text, f"{path}: the example is no message of its kind"
    if answer.status_code in (401, 403):
        return NO
    refused = answer.status_code == 422 and answer.json().get("rule") in NOT_FOR_THE_ROLE
    return NO if refused else YES


def example(kind: type[BaseModel]) -> dict[str, object]:
    """A message of a kind that can be read, about nothing that exists."""
    return {
        name: EXAMPLES.get(name, _example(field.annotation, field.metadata))
        for name, field in kind.model_fields.items()
        if field.is_required()
    }


def _example(kind: Any, metadata: list[Any]) -> object:
    if get_origin(kind) in (Union, UnionType):
        return None if type(None) in get_args(kind) else _example(get_args(kind)[0], metadata)
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    if get_origin(kind) is tuple:
        return [_example(get_args(kind)[0], [])]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return example(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind)).value
    simple: dict[Any, object] = {UUID: str(uuid4()), str: "x" * 8, bool: False, int: 1, date: "2026-11-23"}
    return simple[kind]
