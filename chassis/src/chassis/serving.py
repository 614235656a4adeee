"""What a service hears, offers and answers, said in its `app.py`. A wrong pairing of a contract and a use case is a type error."""

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from rentbook_contracts.message import Fact
from rentbook_contracts.operation import Command, In, Message, Operation, Out, Query, Update
from starlette.routing import BaseRoute

from chassis.transaction import Runtime, Transaction

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True)
class Subscription(Generic[F]):
    """A fact that the service listens to. The use case runs once per event, in order per key; what it returns is dropped.

    A BrokenRule parks the event. Anything else is tried again and stops the key meanwhile.
    `ahead` is shown all facts of a batch before the use case is given the first, to ask others once for what all of them need; it keeps
    what it finds in `tx.known`. A fact that is taken by itself comes without it.
    """

    fact: type[F]
    use_case: Callable[[Transaction, F], Coroutine[Any, Any, object]]
    ahead: Callable[[Transaction, Sequence[F]], Coroutine[Any, Any, object]] | None = None


@dataclass(frozen=True)
class Offer(Generic[In, Out]):
    """An operation that workflows call, served as an activity. A BrokenRule is its last word; anything else is tried again.

    `remember`: the answer is kept under `{workflow id}:{activity id}` with the rows that it speaks of, and a repetition is given it again.
    A step of that name that asks for something else is done too, so that what may happen once in all needs a key of its own.
    Without it the use case only reads, or is idempotent of itself.
    """

    operation: Operation[In, Out]
    use_case: Callable[[Transaction, In], Coroutine[Any, Any, Out]]
    remember: bool = True


@dataclass(frozen=True)
class Answer(Generic[In, Out]):
    """A query that other services ask. Its transaction is read-only.

    `readers`: the roles that read the answer; a caller without any of them is refused, unless it is a service that asks for itself.
    """

    query: Query[In, Out]
    use_case: Callable[[Transaction, In], Coroutine[Any, Any, Out]]
    readers: frozenset[str]


@dataclass(frozen=True)
class Accept(Generic[In, Out]):
    """A command that other services give; done once per form."""

    command: Command[In, Out]
    use_case: Callable[[Transaction, In], Coroutine[Any, Any, Out]]


class Tick(Message):
    """The moment, UTC, at which periodic work was due."""

    at: datetime


@dataclass(frozen=True)
class Every:
    """Work that repeats while the service runs, in a transaction of its own, in one process at a time.

    A use case that returns True has more to do and runs again at once.
    """

    period: timedelta
    use_case: Callable[[Transaction, Tick], Coroutine[Any, Any, bool | None]]


class Settlement(StrEnum):
    """What became of an update. CLOSED: no such workflow runs any more."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CLOSED = "closed"


class Settled(BaseModel, Generic[In]):
    """An update that the service asked for with `tx.update` has its answer.

    Where it was rejected: `rule` is the type of the validator's ApplicationError, `reason` its message.
    """

    workflow_id: str
    update_id: str
    argument: In
    settlement: Settlement
    rule: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class UpdateOutcome(Generic[In]):
    """What to do when an update is settled; in the transaction that records the settlement."""

    update: Update[In]
    use_case: Callable[[Transaction, Settled[In]], Coroutine[Any, Any, object]]


async def nothing_without(_: Transaction, __: str) -> None:
    """Rows whose story is gone wait as they are."""


async def none_in_vain(_: Transaction) -> Collection[str]:
    """Whatever a story waits for, its rows can still tell it."""
    return ()


@dataclass(frozen=True)
class Stories:
    """The stories that a service's rows need, so that one which is gone from Temporal is found and taken up again (chassis.stories).

    `needed`: the workflow ids that have to run, as the rows have it; a story that ends has closed its row before, or made it name another.
    `take_up`: have a story that is taken up again ask the rows for what it missed, by signals that may arrive twice.
    `without`: what becomes of others that wait for a story which is gone; it is called again and again until the story is taken up.
    `in_vain`: those of the needed that wait, as the rows have it, for what will not come by itself.
    """

    needed: Callable[[Transaction], Coroutine[Any, Any, Collection[str]]]
    take_up: Callable[[Transaction, str], Coroutine[Any, Any, object]]
    without: Callable[[Transaction, str], Coroutine[Any, Any, object]] = nothing_without
    in_vain: Callable[[Transaction], Coroutine[Any, Any, Collection[str]]] = none_in_vain


def no_routes(_: Runtime) -> Sequence[BaseRoute]:
    return ()


@dataclass(frozen=True)
class App:
    """A service, whole. Its name is its task queue and stands before its consumer groups.

    `routes` are pages and other addresses beside /queries, /commands, /health and /metrics; they guard themselves
    (`answering.caller_of` for calls between services) and open `transaction(runtime, caller=...)`.
    Its alembic revisions lie in `migrations` beside `src`.
    Errors: ValueError where two use cases are wired to one name, or an offer to another service's queue.
    """

    name: str
    listens: Sequence[Subscription[Any]] = ()
    offers: Sequence[Offer[Any, Any]] = ()
    answers: Sequence[Answer[Any, Any]] = ()
    accepts: Sequence[Accept[Any, Any]] = ()
    every: Sequence[Every] = ()
    outcomes: Sequence[UpdateOutcome[Any]] = ()
    routes: Callable[[Runtime], Sequence[BaseRoute]] = no_routes
    stories: Stories | None = None

    def __post_init__(self) -> None:
        _once_each(subscription.fact.type for subscription in self.listens)
        _once_each(offer.operation.name for offer in self.offers)
        _once_each(answer.query.name for answer in self.answers)
        _once_each(accept.command.name for accept in self.accepts)
        _once_each(outcome.update.name for outcome in self.outcomes)
        _once_each(every.use_case.__qualname__ for every in self.every)
        homes = {offer.operation.queue for offer in self.offers} | {answer.query.service for answer in self.answers}
        strangers = (homes | {accept.command.service for accept in self.accepts}) - {self.name}
        if strangers:
            raise ValueError(f"{self.name} offers what belongs to {', '.join(sorted(strangers))}")


def _once_each(names: Iterable[str]) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"wired more than once: {', '.join(twice)}")
