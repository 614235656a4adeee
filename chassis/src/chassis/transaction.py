"""The transaction: the only way out of a service. Rows, facts to tell and workflows to start commit together or not at all."""

import asyncio
import hmac
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from pydantic import BaseModel
from rentbook_contracts.message import Fact
from rentbook_contracts.operation import BrokenRule, Command, In, Out, Query, Signal, Update, Workflow
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import peers
from chassis.peers import SYSTEM, Caller, Refused, Unanswered
from chassis.settings import Settings
from chassis.tables import BUCKETS, accepted_command, outbox_event, outbox_workflow
from chassis.telemetry import Telemetry, carry

__all__ = ["SYSTEM", "Caller", "Refused", "Runtime", "SameFormOtherContent", "Transaction", "Unanswered", "once", "run", "transaction"]

T = TypeVar("T")
S = TypeVar("S", bound=Settings)

FACT_LIMIT_BYTES = 512 * 1024
"""A fact is small. A broker that refused one for its size would let the next of its key overtake it."""

NUDGES_WAITING = 2
"""How many words to look again wait for one workflow: the one that may be leaving, and the one that leaves after it."""

TRANSACTION_ATTEMPTS = 4
"""How often work is begun anew when PostgreSQL chose it as the victim of a conflict (40001) or a deadlock (40P01)."""


class SameFormOtherContent(BrokenRule):
    """A form's id came a second time with other words in it, or from another person."""


@dataclass
class Runtime:
    """What a running service's use cases stand on. Built once by the process; tests build their own."""

    name: str
    settings: Settings
    engine: AsyncEngine
    http: httpx.AsyncClient
    telemetry: Telemetry
    service_token: str
    request_key: bytes
    events_wake: asyncio.Event = field(default_factory=asyncio.Event)
    workflows_wake: asyncio.Event = field(default_factory=asyncio.Event)
    led: set[str] = field(default_factory=set)
    """The outboxes that this process relays whole: nobody else need be told of their rows."""
    stories_gone: frozenset[str] = frozenset()
    """The workflow ids that rows need and Temporal did not tell when this process looked last (chassis.stories)."""


@dataclass
class Transaction:
    """One database transaction. `now` is UTC and stays the same throughout; business dates are for the caller to derive."""

    runtime: Runtime
    connection: AsyncConnection
    now: datetime
    caller: Caller
    heard: dict[str, dict[str, int]] = field(default_factory=dict)
    """By topic and key, the versions that this transaction has heard and not yet written down."""

    known: dict[Hashable, Any] = field(default_factory=dict)
    """What the service has found out in this transaction and need not ask again, by keys of its own."""

    _told: bool = False
    _asked_workflows: bool = False

    def settings(self, kind: type[S]) -> S:
        """The service's own settings. Errors: AssertionError if the process was given another kind."""
        assert isinstance(self.runtime.settings, kind), kind.__name__
        return self.runtime.settings

    def gone(self, workflow_id: str) -> str | None:
        """The story's workflow id, where a row needed it and Temporal did not tell it, some seconds ago; None where it is well."""
        return workflow_id if workflow_id in self.runtime.stories_gone else None

    async def take_as_long_as_it_takes(self) -> None:
        """Lift the limit on this transaction's length (process.TRANSACTION_LIMIT_SECONDS), where nobody waits for what it holds."""
        await self.connection.execute(sa.text("SET LOCAL transaction_timeout = 0"))

    @property
    def http(self) -> httpx.AsyncClient:
        """For a service's outside partners, such as a bank. Peers are asked with `ask` and `command`."""
        return self.runtime.http

    async def publish(self, fact: Fact, *, version: int) -> UUID:
        """Tell a fact, once this transaction commits; the id is the event's.

        `version` is the aggregate's gapless version from 1, taken by the caller under the lock of the aggregate's row: that lock is also
        what orders the facts of one aggregate. Errors: IntegrityError where the version was told already; ValueError above 512 KiB.
        """
        [event] = await self.publish_all([(fact, version)])
        return event

    async def publish_all(self, facts: Sequence[tuple[Fact, int]]) -> list[UUID]:
        """Tell many facts, each with its version, in this order and in one round trip. Errors: as `publish`."""
        rows = [self._event(fact, version) for fact, version in facts]
        if rows:
            await self.connection.execute(outbox_event.insert(), rows)
            self._told = True
        return [row["id"] for row in rows]

    def _event(self, fact: Fact, version: int) -> dict[str, Any]:
        body = fact.model_dump_json()
        if len(body.encode()) > FACT_LIMIT_BYTES:
            raise ValueError(f"{fact.type} is longer than {FACT_LIMIT_BYTES} bytes")
        event = uuid4()
        headers = {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_id": str(event),
            "ce_type": fact.type,
            "ce_source": f"/rentbook/{self.runtime.name}",
            "ce_subject": fact.key,
            "ce_time": self.now.isoformat(),
            "ce_aggregateversion": str(version),
            **carry(),
        }
        about = {"topic": fact.topic, "key": fact.key, "bucket": bucket_of(fact.key), "aggregate_version": version}
        return {"id": event, "headers": headers, "body": body, "written_at": self.now, **about}

    async def start(self, workflow: Workflow[In, Out], argument: In, *, workflow_id: str) -> None:
        """Start a workflow after the commit. One that was already started under this id, running or closed, counts as started."""
        await self._request(kind="start", workflow_id=workflow_id, name=workflow.name, queue=workflow.queue, argument=argument)

    async def signal(self, workflow_id: str, signal: Signal[In], argument: In) -> None:
        """Tell a running workflow, after the commit and after what was asked of it before. It may arrive twice."""
        await self._request(kind="signal", workflow_id=workflow_id, name=signal.name, argument=argument)

    async def nudge(self, workflow_id: str, signal: Signal[In], argument: In) -> None:
        """As `signal`, where the word says no more than that the workflow should look again, whatever its argument.

        While two such words wait, one more says nothing: the relay sends a workflow's requests one by one, and the first of them can't be
        settled before this transaction ends, so that the second leaves after its commit. Thousands of moves of one account are some words
        and not thousands.
        """
        table = outbox_workflow.c
        same = sa.select(table.seq).where(table.done_at.is_(None), table.workflow_id == workflow_id, table.name == signal.name)
        waiting = same.order_by(table.seq).limit(NUDGES_WAITING).with_for_update(read=True)
        if len((await self.connection.execute(waiting)).all()) < NUDGES_WAITING:
            await self.signal(workflow_id, signal, argument)

    async def update(self, workflow_id: str, update: Update[In], argument: In, *, update_id: str) -> None:
        """Ask a running workflow, after the commit and after what was asked of it before; once per `update_id`.

        What became of it (accepted, rejected, workflow closed) goes to the service's `UpdateOutcome` use case.
        """
        await self._request(kind="update", workflow_id=workflow_id, name=update.name, update_id=update_id, argument=argument)

    async def _request(self, *, argument: BaseModel, workflow_id: str, **columns: str) -> None:
        row = {"workflow_id": workflow_id, "bucket": bucket_of(workflow_id), "argument": argument.model_dump_json(), "headers": carry()}
        await self.connection.execute(outbox_workflow.insert().values(written_at=self.now, **row, **columns))
        self._asked_workflows = True

    async def ask(self, query: Query[In, Out], argument: In) -> Out:
        """Ask the service that owns the rows, on behalf of this transaction's caller.

        Errors: Unanswered (try again later), Refused (the owner's broken rule).
        """
        return await peers.ask(self._peers, self.caller, query, argument)

    async def command(self, command: Command[In, Out], argument: In, *, form: str) -> Out:
        """Have the service that owns the rows change them, once per `form`. It does not wait for this transaction's commit.

        Errors: Unanswered (not known whether it happened: try again with the same form), Refused (the owner's broken rule).
        """
        return await peers.command(self._peers, self.caller, command, argument, form=form)

    @property
    def _peers(self) -> peers.Peers:
        return peers.Peers(self.runtime.http, self.runtime.settings, self.runtime.service_token, self.runtime.telemetry)


def bucket_of(key: str) -> int:
    return zlib.crc32(key.encode()) % BUCKETS


@asynccontextmanager
async def transaction(runtime: Runtime, *, caller: Caller = SYSTEM, read_only: bool = False) -> AsyncIterator[Transaction]:
    """Begin; commit when the block ends, roll back when it raises. Relays are woken after the commit."""
    async with runtime.engine.begin() as connection:
        if read_only:
            await connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        tx = Transaction(runtime, connection, datetime.now(UTC), caller)
        yield tx
        if tx._told and "outbox_event" not in runtime.led:
            await connection.execute(sa.text("NOTIFY outbox_event"))
        if tx._asked_workflows and "outbox_workflow" not in runtime.led:
            await connection.execute(sa.text("NOTIFY outbox_workflow"))
    if tx._told:
        runtime.events_wake.set()
    if tx._asked_workflows:
        runtime.workflows_wake.set()


async def run(runtime: Runtime, work: Callable[[Transaction], Awaitable[T]], *, caller: Caller = SYSTEM, read_only: bool = False) -> T:
    """Do the work in a transaction of its own, and anew where PostgreSQL made it give way to another."""
    for attempt in range(1, TRANSACTION_ATTEMPTS + 1):
        try:
            async with transaction(runtime, caller=caller, read_only=read_only) as tx:
                return await work(tx)
        except DBAPIError as error:
            if attempt == TRANSACTION_ATTEMPTS or sqlstate(error) not in {"40001", "40P01"}:
                raise
            await asyncio.sleep(0.02 * 2**attempt)
    raise AssertionError("unreachable")


def sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


async def once(
    tx: Transaction,
    *,
    key: str,
    name: str,
    argument: In,
    gives: type[Out],
    use_case: Callable[[Transaction, In], Coroutine[Any, Any, Out]],
    sent: bytes | None = None,
    apart: bool = False,
) -> Out:
    """Do a use case once for a key that never expires; the person who repeats it is given the first answer, and nobody else.

    A second caller with the same key waits for the first one's commit. `sent`: the argument as it came, of a caller whose repetition comes
    byte for byte, though the message may have lost or gained a field since; without it the words are compared as they are read now.
    `apart`: other words under the same key are done too, once for these words.
    Errors: SameFormOtherContent where the same key brings other words, or comes from another person.
    """
    as_read = argument.model_dump_json().encode()
    same = [_digest(tx, name, words) for words in (sent or as_read, as_read)]
    row = {"key": key, "name": name, "request_hash": same[0], "person": tx.caller.person, "accepted_at": tx.now}
    claim = insert(accepted_command).values(row).on_conflict_do_nothing().returning(accepted_command.c.key)
    if (await tx.connection.execute(claim)).first() is None:
        held = await _held(tx, key)
        if bytes(held.request_hash) in same and held.person == tx.caller.person:
            return gives.model_validate_json(held.answer)
        # The answer was given on the first one's roles: another person's were never looked at.
        if not apart or held.person != tx.caller.person:
            raise SameFormOtherContent("This form was already sent with other content. Open the page again and start anew.")
        of_these_words = f"{key}:{same[0].hex()}"
        return await once(tx, key=of_these_words, name=name, argument=argument, gives=gives, use_case=use_case, sent=sent)
    answer = await use_case(tx, argument)
    keep = accepted_command.update().where(accepted_command.c.key == key).values(answer=answer.model_dump_json())
    await tx.connection.execute(keep)
    return answer


def _digest(tx: Transaction, name: str, words: bytes) -> bytes:
    # Keyed, because the content may be bank details, of which there are few enough to try them all against a plain hash.
    return hmac.digest(tx.runtime.request_key, name.encode() + b"\n" + words, "sha256")


async def _held(tx: Transaction, key: str) -> Any:
    columns = (accepted_command.c.request_hash, accepted_command.c.answer, accepted_command.c.person)
    return (await tx.connection.execute(sa.select(*columns).where(accepted_command.c.key == key))).one()
