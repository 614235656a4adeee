"""Which faults lie outside the work at hand, so that the same work may succeed later."""

import asyncpg
import httpx
import sqlalchemy as sa
from aiokafka.errors import KafkaError
from temporalio.service import RPCError

from chassis.peers import Unanswered
from chassis.telemetry import named
from chassis.transaction import sqlstate

PASSING_SQLSTATES = ("08", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "F0", "XX")
"""Classes of SQLSTATE that speak of the server, of a conflict or of a deployment at fault, and not of the row."""


OF_A_PEER = (Unanswered, httpx.HTTPError)
"""Errors that speak of another service, or of the bank: whoever met them is well, and to begin it anew would mend nothing."""

OUTSIDE = (OSError, *OF_A_PEER, KafkaError, asyncpg.InterfaceError, asyncpg.InternalClientError, sa.exc.TimeoutError)
"""Errors that speak of a machine. InternalClientError is how asyncpg meets a session that the server ended while it was idle."""


_OF_POSTGRESQL = (sa.exc.DBAPIError, sa.exc.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def may_pass(error: BaseException) -> bool:
    """Whether time, another try or an operator's mending of the machine can heal it."""
    if isinstance(error, sa.exc.DBAPIError):
        state = sqlstate(error)
        return error.connection_invalidated or state is None or state.startswith(PASSING_SQLSTATES)
    return isinstance(error, OUTSIDE)


def server_behind(error: BaseException) -> str | None:
    """Which server an error speaks of, by its kind; None where it says nothing of any."""
    if isinstance(error, KafkaError):
        return "Kafka"
    if isinstance(error, _OF_POSTGRESQL):
        return "PostgreSQL"
    return "Temporal" if isinstance(error, RPCError) else None


def failed(error: BaseException) -> str:
    """Why an event is parked whose use case raised what no one foresaw."""
    return f"the use case failed: {named(error)}"
