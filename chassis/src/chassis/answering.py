"""The doors for other services: POST /queries/NAME and POST /commands/NAME, behind the services' own token."""

import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, TypeVar

from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ValidationError
from rentbook_contracts.operation import BrokenRule, Command, In, Out
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.failpoint import reached
from chassis.faults import may_pass
from chassis.peers import FORM, PERSON, ROLES, Caller
from chassis.serving import Accept, Answer, App
from chassis.telemetry import named
from chassis.transaction import Runtime, Transaction, once, run

log = logging.getLogger(__name__)

FORM_LIMIT_CHARACTERS = 200
M = TypeVar("M", bound=BaseModel)


class TurnedAway(Exception):
    """The request is no call of one of our services. `status` is the HTTP status to answer with."""

    def __init__(self, status: int, rule: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.rule = rule
        self.message = message


class NotYourPart(BrokenRule):
    """The caller has none of the roles that read this."""


def caller_of(runtime: Runtime, request: Request) -> Caller:
    """On whose behalf another service calls. Errors: TurnedAway (401) without the services' token, (400) without a person."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
    if not secrets.compare_digest(given, runtime.service_token.encode()):
        raise TurnedAway(401, "NotAService", "This address is for Rentbook's own services.")
    person = request.headers.get(PERSON)
    if not person:
        raise TurnedAway(400, "NobodyCalls", f"The header {PERSON} names the person on whose behalf the call is made.")
    roles = frozenset(role for role in request.headers.get(ROLES, "").split(",") if role)
    return Caller(person, roles, request.headers.get(FORM))


def refusal(error: BrokenRule) -> JSONResponse:
    """A broken rule as HTTP says it: 422 with the rule's name, its words and the field at fault."""
    return JSONResponse({"rule": error.rule, "message": error.message, "field": error.field}, status_code=422)


def turned_away(error: TurnedAway) -> JSONResponse:
    return JSONResponse({"rule": error.rule, "message": error.message, "field": None}, status_code=error.status)


async def accept(runtime: Runtime, accepting: Accept[In, Out], argument: In, caller: Caller) -> Out:
    """Do a command in a transaction of its own, once per form of the caller's; for a service's own pages too.

    Errors: the command's broken rules, SameFormOtherContent.
    """
    command: Command[In, Out] = accepting.command
    assert caller.form, "a command comes with a form"
    key = f"form:{caller.form}"
    name, gives, use_case = command.name, command.gives, accepting.use_case

    async def work(tx: Transaction) -> Out:
        answer = await once(tx, key=key, name=name, argument=argument, gives=gives, use_case=use_case)
        reached("command.before-commit")
        return answer

    answer = await run(runtime, work, caller=caller)
    reached("command.after-commit")
    return answer


def doors(runtime: Runtime, app: App) -> Sequence[BaseRoute]:
    """The routes of the service's answers and accepts."""
    answers = [_door(runtime, f"/queries/{each.query.name}", _answering(runtime, each), "query") for each in app.answers]
    accepts = [_door(runtime, f"/commands/{each.command.name}", _accepting(runtime, each), "command") for each in app.accepts]
    return [*answers, *accepts]


Work = Callable[[Caller, bytes], Awaitable[BaseModel]]


def _answering(runtime: Runtime, answer: Answer[Any, Any]) -> Work:
    async def work(caller: Caller, body: bytes) -> BaseModel:
        if not caller.reads(answer.readers):
            raise NotYourPart("This is not for your role to read.")
        argument = _read(answer.query.takes, body)
        given: BaseModel = await run(runtime, lambda tx: answer.use_case(tx, argument), caller=caller, read_only=True)
        return given

    return work


def _accepting(runtime: Runtime, accepting: Accept[Any, Any]) -> Work:
    async def work(caller: Caller, body: bytes) -> BaseModel:
        if not caller.form or len(caller.form) > FORM_LIMIT_CHARACTERS:
            raise TurnedAway(400, "NoForm", f"A command names its form in the header {FORM}.")
        given: BaseModel = await accept(runtime, accepting, _read(accepting.command.takes, body), caller)
        return given

    return work


def _read(kind: type[M], body: bytes) -> M:
    try:
        return kind.model_validate_json(body)
    except (ValidationError, RecursionError):
        raise TurnedAway(400, "NotTheMessage", f"The body is no {kind.__name__}.") from None


def _door(runtime: Runtime, path: str, work: Work, kind: str) -> BaseRoute:
    async def endpoint(request: Request) -> Response:
        started = perf_counter()
        with runtime.telemetry.span(f"{kind} {path}", kind=SpanKind.SERVER, carried=request.headers):
            answer = await _respond(runtime, request, work, path)
        runtime.telemetry.steps.labels(kind, path, str(answer.status_code)).observe(perf_counter() - started)
        return answer

    return Route(path, endpoint, methods=["POST"])


async def _respond(runtime: Runtime, request: Request, work: Work, path: str) -> Response:
    try:
        caller = caller_of(runtime, request)
        given = await work(caller, await read_body(request, runtime.settings.body_limit_bytes))
        return Response(given.model_dump_json(), media_type="application/json")
    except TurnedAway as error:
        return turned_away(error)
    except BrokenRule as error:
        return refusal(error)
    except Exception as error:
        log.error("a call failed", extra={"path": path, "fault": named(error)}, exc_info=None if may_pass(error) else error)
        status = 503 if may_pass(error) else 500
        return JSONResponse({"rule": "NoAnswer", "message": "This could not be answered now.", "field": None}, status_code=status)


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Errors: TurnedAway (413) as soon as it is longer than the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise TurnedAway(413, "TooLong", f"The body is longer than {limit_bytes} bytes.")
    return bytes(body)
