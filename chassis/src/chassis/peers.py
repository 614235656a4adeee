"""Asking another service over HTTP: typed, in the name of the person at the desk, with the trace going along."""

from dataclasses import dataclass
from datetime import timedelta

import httpx
from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ValidationError
from rentbook_contracts.operation import BrokenRule, Command, In, Out, Query

from chassis.settings import Settings
from chassis.telemetry import Telemetry, carry

PERSON = "X-Rentbook-Person"
ROLES = "X-Rentbook-Roles"
FORM = "X-Rentbook-Form"


@dataclass(frozen=True)
class Caller:
    """On whose behalf work is done: the staff subject of the sign-in and its roles, or `system` for events, activities and timers.

    `form` is the id of the form that a command came with.
    """

    person: str
    roles: frozenset[str] = frozenset()
    form: str | None = None

    def reads(self, readers: frozenset[str]) -> bool:
        """Whether the caller has one of these roles. A service that asks for itself reads everything."""
        return self.person == SYSTEM.person or not self.roles.isdisjoint(readers)


SYSTEM = Caller("system")


class Unanswered(Exception):
    """A peer gave no answer that can be used. A command may or may not have happened: only its repetition under the same form is safe."""

    def __init__(self, service: str, why: str) -> None:
        super().__init__(f"{service}: {why}")
        self.service = service


class Refused(BrokenRule):
    """The owner's rule says no; `rule` is the name that the owner gave it."""

    def __init__(self, rule: str, message: str, *, field: str | None = None) -> None:
        super().__init__(message, field=field)
        self._rule = rule

    @property
    def rule(self) -> str:
        return self._rule


@dataclass(frozen=True)
class Peers:
    """The way to the other services."""

    http: httpx.AsyncClient
    settings: Settings
    token: str
    telemetry: Telemetry


async def ask(peers: Peers, caller: Caller, query: Query[In, Out], argument: In) -> Out:
    """POST /queries/NAME at the owner. Errors: Unanswered, Refused."""
    return await _call(peers, caller, query.service, f"queries/{query.name}", argument, query.gives, form=caller.form, within=query.within)


async def command(peers: Peers, caller: Caller, command: Command[In, Out], argument: In, *, form: str) -> Out:
    """POST /commands/NAME at the owner, which does it once per form. Errors: Unanswered, Refused."""
    return await _call(peers, caller, command.service, f"commands/{command.name}", argument, command.gives, form=form)


def headers_of(caller: Caller, token: str, *, form: str | None) -> dict[str, str]:
    """What a call between services carries beside its body."""
    headers = {"Authorization": f"Bearer {token}", PERSON: caller.person, ROLES: ",".join(sorted(caller.roles))}
    if form is not None:
        headers[FORM] = form
    return {**headers, **carry()}


async def _call(
    peers: Peers,
    caller: Caller,
    service: str,
    path: str,
    argument: BaseModel,
    gives: type[Out],
    *,
    form: str | None,
    within: timedelta | None = None,
) -> Out:
    base = peers.settings.peers.get(service)
    if base is None:
        raise Unanswered(service, "has no address in RENTBOOK_PEERS")
    with peers.telemetry.span(f"{service} {path}", kind=SpanKind.CLIENT, peer=service):
        headers = {**headers_of(caller, peers.token, form=form), "Content-Type": "application/json"}
        limit = within.total_seconds() if within is not None else peers.settings.peer_limit_seconds
        try:
            answer = await peers.http.post(f"{base.rstrip('/')}/{path}", content=argument.model_dump_json(), headers=headers, timeout=limit)
        except httpx.HTTPError as error:
            raise Unanswered(service, type(error).__name__) from error
    return _read(service, answer, gives)


def _read(service: str, answer: httpx.Response, gives: type[Out]) -> Out:
    if answer.status_code == 422:
        raise _refusal(service, answer)
    if answer.status_code != 200:
        raise Unanswered(service, f"answered {answer.status_code}")
    try:
        return gives.model_validate_json(answer.content)
    except ValidationError as error:
        raise Unanswered(service, f"answered no {gives.__name__}") from error


class _Refusal(BaseModel):
    rule: str
    message: str
    field: str | None = None


def _refusal(service: str, answer: httpx.Response) -> Exception:
    try:
        told = _Refusal.model_validate_json(answer.content)
    except ValidationError:
        return Unanswered(service, "refused without naming a rule")
    return Refused(told.rule, told.message, field=told.field)
