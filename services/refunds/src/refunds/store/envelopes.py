"""Every envelope that refunds keeps, wrapped anew under the ring's current key. The triggers let the owner of the tables do it alone."""

import os
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from refunds.domain.envelope import KeyRing, rewrap
from refunds.tables import evidence_document, payee, payee_confirmation, payment_file_content

ROWS_A_TRANSACTION = 200


@dataclass(frozen=True)
class Kept:
    """A table with envelopes: its key, and the column that names the record to which an envelope is bound."""

    words: str
    table: sa.Table
    key: sa.Column[Any]
    record: sa.Column[UUID]


ENVELOPES = (
    Kept("payees", payee, payee.c.id, payee.c.id),
    Kept("names that the bank gave", payee_confirmation, payee_confirmation.c.seq, payee_confirmation.c.payee),
    Kept("documents", evidence_document, evidence_document.c.id, evidence_document.c.id),
    Kept("payment files", payment_file_content, payment_file_content.c.run, payment_file_content.c.run),
)


async def rewrap_all(engine: AsyncEngine, keys: KeyRing) -> dict[str, int]:
    """Wrap whatever another key wraps, some rows a transaction; gives how many of each were. Begun again, it goes on where it was.

    Errors: Unopenable for a record whose key is not on the ring; what came before it is done.
    """
    return {kept.words: await _rewrap(engine, keys, kept) for kept in ENVELOPES}


async def left_under_other_keys(engine: AsyncEngine, keys: KeyRing) -> int:
    """How many envelopes another key than the current one wraps."""
    async with engine.connect() as connection:
        counts = [await connection.scalar(_others(keys, kept, sa.func.count())) for kept in ENVELOPES]
    return sum(count or 0 for count in counts)


async def _rewrap(engine: AsyncEngine, keys: KeyRing, kept: Kept) -> int:
    done = 0
    while True:
        async with engine.begin() as connection:
            columns = (kept.key.label("key"), kept.record.label("record"), kept.table.c.key_id, kept.table.c.wrapped_key)
            wanted = _others(keys, kept, *columns).order_by(kept.key).limit(ROWS_A_TRANSACTION).with_for_update()
            rows = (await connection.execute(wanted)).all()
            for row in rows:
                key_id, wrapped = rewrap(keys, row.record, row.key_id, row.wrapped_key, os.urandom)
                await connection.execute(kept.table.update().where(kept.key == row.key).values(key_id=key_id, wrapped_key=wrapped))
        done += len(rows)
        if not rows:
            return done


def _others(keys: KeyRing, kept: Kept, *columns: Any) -> sa.Select[Any]:
    return sa.select(*columns).select_from(kept.table).where(kept.table.c.key_id != keys.current)
