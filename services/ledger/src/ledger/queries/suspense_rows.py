"""Rows of what came into suspense: what lies there, which line of a file tells of it, and where it stood."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from chassis.transaction import Transaction
from sqlalchemy.dialects.postgresql import distinct_on

from ledger.domain.references import ReferenceScheme, scheme_of
from ledger.tables import (
    bank_file,
    bank_file_line,
    journal,
    posted_again,
    posting_code,
    reference_scheme,
    suspense_clearing,
    suspense_item,
)

_reversal = journal.alias("reversal")
_back = journal.alias("put_back")
STANDS_MOVED = ~sa.exists().where(_back.c.reverses == suspense_clearing.c.journal)
"""Of a move from suspense: it was not undone."""

LEFT = suspense_item.c.amount_pence - sa.func.coalesce(
    sa.select(sa.cast(sa.func.sum(suspense_clearing.c.amount_pence), sa.BigInteger))
    .where(suspense_clearing.c.item == suspense_item.c.journal, STANDS_MOVED)
    .scalar_subquery(),
    0,
)
"""What of an item was moved nowhere (pence)."""

STANDING = sa.and_(~sa.exists().where(_reversal.c.reverses == suspense_item.c.journal), LEFT != 0)
"""Of what came into suspense: it was not undone, and some of it lies there."""


def items() -> sa.Select[Any]:
    """What came into suspense, each with the line of the file that tells of it, also where it was posted again."""
    return (
        sa.select(
            suspense_item,
            LEFT.label("left_pence"),
            journal.c.code,
            journal.c.narrative,
            journal.c.payer,
            posting_code.c.words,
            bank_file.c.id.label("bank_file"),
            bank_file.c.name.label("file_name"),
            bank_file_line.c.line,
        )
        .select_from(suspense_item)
        .join(journal, journal.c.id == suspense_item.c.journal)
        .join(posting_code, posting_code.c.code == journal.c.code)
        .outerjoin(posted_again, posted_again.c.journal == suspense_item.c.journal)
        .join(bank_file_line, bank_file_line.c.journal == sa.func.coalesce(posted_again.c.first, suspense_item.c.journal))
        .join(bank_file, bank_file.c.id == bank_file_line.c.bank_file)
    )


async def stood_until(tx: Transaction, items: Mapping[UUID, datetime]) -> dict[UUID, list[UUID]]:
    """The accounts from which each item went at its moment, in the order in which it had come onto them."""
    wanted = (
        sa.select(suspense_clearing.c.item, suspense_clearing.c.account, _back.c.posted_at)
        .join(_back, _back.c.reverses == suspense_clearing.c.journal)
        .where(suspense_clearing.c.item.in_(list(items)))
        .order_by(suspense_clearing.c.attempt)
    )
    stood: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await tx.connection.execute(wanted):
        if row.posted_at == items[row.item]:
            stood[row.item].append(row.account)
    return stood


async def schemes_in_force(tx: Transaction, today: date) -> list[ReferenceScheme]:
    """How payment references are written on a day."""
    scheme = reference_scheme.c
    newest = sa.select(reference_scheme).where(scheme.in_force_from <= today).order_by(scheme.name, scheme.in_force_from.desc())
    return [scheme_of(row.scheme) for row in await tx.connection.execute(newest.ext(distinct_on(scheme.name)))]
