"""What would pay a credit out, or set it against a debt, without a decision, tried in SQL as the role that runs the service."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from chassis.transaction import Runtime
from ledger.domain.posting import CONTROL_ACCOUNTS, Control
from rentbook_local.postgres import Database
from support.ledger_books import MAIN, NEIGHBOUR

PAYABLE = CONTROL_ACCOUNTS[Control.REFUNDS_PAYABLE]


@pytest_asyncio.fixture(loop_scope="session")
async def app(ledger: Runtime, database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.app_dsn)
    yield connection
    await connection.close()


async def heard(app: asyncpg.Connection, case: UUID, **other: Any) -> UUID:
    """A decision as it came over the bus."""
    row = {"kind": "refund", "answer": "approved", "completes": True, **other}
    decision = uuid4()
    await app.execute(
        "INSERT INTO heard_decision (decision, kind, case_id, attempt, content_hash, answer, completes, heard_at)"
        " VALUES ($1, $2, $3, 1, 'c', $4, $5, now())",
        decision, row["kind"], case, row["answer"], row["completes"],
    )  # fmt: skip
    return decision


async def written(app: asyncpg.Connection, code: str, against: UUID, case: UUID | None, decision: UUID | None) -> UUID:
    id_ = uuid4()
    await app.execute(
        "WITH written AS (INSERT INTO journal (id, code, effective_date, posted_at, case_id, decision_id, actor, narrative) "
        "  VALUES ($1, $2, current_date, now(), $3, $4, 'system', '')), "
        "accepted AS (INSERT INTO accepted_posting VALUES ($1::text, '', $1)) "
        "INSERT INTO entry VALUES ($1, 1, $5, '', 5), ($1, 2, $6, '', -5)",
        id_, code, case, decision, MAIN, against,
    )  # fmt: skip
    return id_


@pytest.mark.parametrize(("code", "against"), [("RDR", PAYABLE), ("RIT", NEIGHBOUR)], ids=["a refund", "an offset"])
async def test_none_without_a_decision_on_its_case_that_was_heard_and_stands(app: asyncpg.Connection, code: str, against: UUID) -> None:
    case = uuid4()
    good, recalled, ended = [await heard(app, case) for _ in range(3)]
    await app.execute("INSERT INTO heard_recall VALUES ($1, now())", recalled)
    await app.execute("INSERT INTO heard_not_carried_out VALUES ($1, now())", ended)
    declined, open_still = await heard(app, case, answer="declined"), await heard(app, case, completes=False)
    of_a_schedule = await heard(app, case, kind="write-off")
    refused: list[tuple[UUID | None, UUID | None]] = [
        (case, None), (None, good), (uuid4(), good),
        *((case, decision) for decision in (uuid4(), recalled, ended, declined, open_still, of_a_schedule)),
    ]  # fmt: skip
    for of, decision in refused:
        with pytest.raises(asyncpg.CheckViolationError, match="rests on a decision"):
            await written(app, code, against, of, decision)
    await written(app, code, against, case, good)


async def test_no_refund_is_of_no_case(app: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="rests on a decision"):
        await written(app, "RDR", PAYABLE, None, None)
